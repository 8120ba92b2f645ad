"""Explains which hyperparameter fixes a mismatch of model and checkpoint.

Every check raises an error that names the variable and the value to set.
`shapes` are the checkpoint's and `model_shapes` the model's:
{variable name: list of ints}. No TensorFlow is imported here.
"""

import re

from model import variable_shapes
from util import utils

_MODEL_SIZE_OF_HIDDEN = {256: "small", 768: "base", 1024: "large"}


def check_shapes(prefix, shapes, model_shapes, different, hints=()):
  """Raises a UserError if variables have another shape than the checkpoint's.

  Args:
    prefix: str, the checkpoint, for the message.
    shapes: the checkpoint's shapes.
    model_shapes: the model's shapes.
    different: names of the variables whose shapes differ.
    hints: (regular expression, advice) pairs, before the built-in advice.
  """
  if not different:
    return
  names = sorted(different)
  advice = []
  for name in names:
    text = _advise(name, shapes, model_shapes[name], hints)
    if text and text not in advice:
      advice.append(text)
  name = names[0]
  raise utils.UserError(
      "Variable '%s' has shape %s in the checkpoint %s, but %s in the model%s; "
      "%s." % (
          name, shapes[name], prefix, model_shapes[name],
          " (%s more differ)" % (len(names) - 1) if len(names) > 1 else "",
          " and ".join(advice) or "use another checkpoint"))


def check_required(prefix, shapes, model_shapes, missing):
  """Raises a UserError if required variables are not in the checkpoint.

  Args:
    prefix: str, the checkpoint, for the message.
    shapes: the checkpoint's shapes.
    model_shapes: the model's shapes.
    missing: names of the required variables that the checkpoint lacks.
  """
  if not missing:
    return
  missing = sorted(missing)
  advice = "it has %s" % variable_shapes.listed(variable_shapes.grouped(shapes))
  scope = _encoder_scope(missing[0]) or variable_shapes.MAIN_SCOPE
  num_saved = variable_shapes.num_layers(shapes, scope)
  num_layers = variable_shapes.num_layers(model_shapes, scope)
  if 0 < num_saved < num_layers:
    advice = ("its encoder has %d layers, the model's has %d: set model_size, "
              "or model_hparam_overrides {\"num_hidden_layers\": %d}" %
              (num_saved, num_layers, num_saved))
  raise utils.UserError(
      "The checkpoint %s lacks %d variable%s that the model needs (%s); %s." % (
          prefix, len(missing), "" if len(missing) == 1 else "s",
          variable_shapes.listed(missing), advice))


def check_depth(prefix, shapes, restored):
  """Raises a UserError if the model would skip the checkpoint's last layers.

  Every variable of the model would be restored, yet the model be useless.

  Args:
    prefix: str, the checkpoint, for the message.
    shapes: the checkpoint's shapes.
    restored: names of the variables restored from the checkpoint.
  """
  for scope in sorted(set(map(_encoder_scope, restored)) - {None}):
    num_saved = variable_shapes.num_layers(shapes, scope)
    num_layers = variable_shapes.num_layers(restored, scope)
    if num_saved > num_layers > 0:
      raise utils.UserError(
          "The checkpoint %s has %d layers %s/encoder/layer_<i>, but the model "
          "has %d; %s." % (prefix, num_saved, scope, num_layers,
                           _advise_depth(scope, shapes)))


def _encoder_scope(name):
  """Returns "electra" of "electra/encoder/layer_3/..."; None outside of one."""
  match = re.match(r"(.*?)/encoder/", name)
  return match.group(1) if match else None


def _advise_depth(scope, shapes):
  """Returns which hparam makes an encoder as deep as the checkpoint's."""
  num_layers = variable_shapes.num_layers(shapes, scope)
  num_main = variable_shapes.num_layers(shapes, variable_shapes.MAIN_SCOPE)
  if scope.startswith("generator") and num_layers <= num_main:
    return "set generator_layers to %s" % _fraction(num_layers, num_main)
  return ("set model_size, or " + _override("num_hidden_layers", num_layers))


def _fraction(number, base):
  return float("%.5g" % (number / base))


def _override(name, value):
  return "model_hparam_overrides {\"%s\": %d}" % (name, value)


def _advise(name, shapes, shape, hints):
  """Returns which hparam gives a variable the checkpoint's shape, or None."""
  saved_shape = shapes[name]
  name = variable_shapes.without_slot(name)
  for pattern, text in hints:
    if re.search(pattern, name):
      return text
  for pattern, advise in _ADVICE:
    if re.search(pattern, name):
      return advise(name, saved_shape, shape, shapes)
  return None


def _advise_table(name, saved_shape, shape, shapes):
  """For an embedding table [rows, E]."""
  if saved_shape[-1] != shape[-1]:
    if name.startswith("generator"):  # untied: as wide as the generator
      return _advise_generator(name, saved_shape, shape, shapes)
    return "set embedding_size to %d" % saved_shape[-1]
  if name.endswith("word_embeddings"):
    return "set vocab_size to %d" % saved_shape[0]
  hparam = ("max_position_embeddings" if name.endswith("position_embeddings")
            else "type_vocab_size")
  return "set " + _override(hparam, saved_shape[0])


def _advise_embedding_size(name, saved_shape, shape, shapes):
  if name.startswith("generator/"):
    return _advise_generator(name, saved_shape, shape, shapes)
  return "set embedding_size to %d" % saved_shape[0]


def _advise_vocab_size(name, saved_shape, shape, shapes):
  del name, shape, shapes  # a vector [V] is enough
  return "set vocab_size to %d" % saved_shape[0]


def _advise_projection(name, saved_shape, shape, shapes):
  """For `embeddings_project/kernel` [E, D]."""
  if len(saved_shape) == 2 and saved_shape[0] != shape[0]:
    return "set embedding_size to %d" % saved_shape[0]
  if name.startswith("generator"):
    return _advise_generator(name, saved_shape, shape, shapes)
  return _advise_encoder(name, saved_shape, shape, shapes)


def _advise_generator(name, saved_shape, shape, shapes):
  """For shapes that depend on the generator's hidden size."""
  del saved_shape, shape  # the fraction is of the two hidden sizes
  scope = name.split("/")[0]
  if scope.endswith("_predictions"):
    scope = "generator"
  hidden_size = variable_shapes.hidden_size(shapes, scope)
  main_size = variable_shapes.hidden_size(shapes, variable_shapes.MAIN_SCOPE)
  if not hidden_size or not main_size:
    return "set generator_hidden_size to the checkpoint's"
  return "set generator_hidden_size to %s" % _fraction(hidden_size, main_size)


def _advise_encoder(name, saved_shape, shape, shapes):
  """For shapes that depend on the encoder's hidden size."""
  intermediate_size = _intermediate_size(name, saved_shape, shape)
  if intermediate_size:
    return "set " + _override("intermediate_size", intermediate_size)
  if name.endswith("/intermediate/dense/bias"):
    return None  # the advice on its kernel tells which of two sizes differs
  hidden_size = (
      variable_shapes.hidden_size(shapes, name.split("/")[0]) or
      variable_shapes.hidden_size(shapes, variable_shapes.MAIN_SCOPE))
  if hidden_size in _MODEL_SIZE_OF_HIDDEN:
    return "set model_size to \"%s\"" % _MODEL_SIZE_OF_HIDDEN[hidden_size]
  if hidden_size:
    return "set " + _override("hidden_size", hidden_size)
  return "set model_size to the checkpoint's"


def _intermediate_size(name, saved_shape, shape):
  """Returns the checkpoint's intermediate size F if only that differs.

  The kernels are `intermediate/dense/kernel` [D, F] and
  `layer_<i>/output/dense/kernel` [F, D].
  """
  if (name.endswith("/intermediate/dense/kernel") and
      saved_shape[0] == shape[0]):
    return saved_shape[1]
  if (re.search(r"/layer_\d+/output/dense/kernel$", name) and
      saved_shape[1] == shape[1]):
    return saved_shape[0]
  return None


def _advise_task(name, saved_shape, shape, shapes):
  del saved_shape, shape, shapes  # the number of labels is the task's
  return ("it was fine-tuned with other labels: start from the pre-trained "
          "model, or use the same label set for task '%s'" % name.split("/")[1])


_ADVICE = (
    (r"^task_specific/[^/]+/", _advise_task),
    (r"(word|position|token_type)_embeddings$", _advise_table),
    (r"/embeddings/LayerNorm/", _advise_embedding_size),
    (r"_predictions/LayerNorm/", _advise_embedding_size),
    (r"_predictions/output_bias$", _advise_vocab_size),
    (r"/embeddings_project/", _advise_projection),
    (r"^discriminator_predictions/", _advise_encoder),
    (r"^(generator|cloze)", _advise_generator),
    (r"/encoder/", _advise_encoder),
)
