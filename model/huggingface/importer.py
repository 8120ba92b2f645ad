"""Imports Hugging Face folders as one TF1 checkpoint.

Pre-training and fine-tuning can start from the checkpoint: it has global step
0, no optimizer slots (they start at 0), and the vocabulary and settings files
of a model folder.
"""

import os

import numpy as np
import tensorflow.compat.v1 as tf

from model import checkpoint as checkpoint_lib
from model import layers
from model import model_sizes
from model import modeling
from model import variable_shapes
from model.huggingface import conversion_report
from model.huggingface import heads
from model.huggingface import model_folder
from model.huggingface import tokenizer_files
from model.huggingface import variable_names
from util import model_files
from util import model_hparams
from util import utils

CHECKPOINT_NAME = "model.ckpt-0"
_LM_TABLE = "generator_lm_head.weight"  # a copy of the word embeddings
_WORD_TABLE = "electra.embeddings.word_embeddings.weight"


def to_tf(output_dir, *, discriminator=None, generator=None, masked_lm=None,
          task=None, untied_embeddings=False):
  """Writes Hugging Face folders as one TF1 checkpoint with its settings.

  Args:
    output_dir: str, the model folder to write.
    discriminator: str, folder of an ElectraForPreTraining or ElectraModel,
      which becomes `electra/`.
    generator: str, folder of an ElectraForMaskedLM, which becomes `generator/`
      on the embeddings of the discriminator. If both have the same layers, they
      are written once (untied_generator false).
    masked_lm: str, folder of an ElectraForMaskedLM which becomes `electra/`
      itself (electra_objective false).
    task: (name, folder) of a fine-tuned model, which becomes `electra/` and
      `task_specific/<name>/`.
    untied_embeddings: bool, whether the generator keeps separate embeddings
      (untied_generator_embeddings).

  Only `discriminator` and `generator` can be combined.

  Returns:
    conversion_report.Report.

  Raises:
    utils.UserError: weights are missing, are inconsistent or have no
      equivalent here.
  """
  variables, notes = {}, []
  models = []
  if discriminator:
    models.append(_Model(discriminator, notes))
    variables.update(_discriminator(models[0], notes))
  elif masked_lm:
    models.append(_Model(masked_lm, notes))
    variables.update(_main_encoder(models[0]))
    variables.update(_generator_head(models[0]))
  elif task:
    models.append(_Model(task[1], notes))
    variables.update(_task(models[0], task[0], notes))
  has_main = bool(models)
  if generator:
    models.append(_Model(generator, notes))
    variables.update(_generator(models, untied_embeddings, notes))
  _write_settings(output_dir, models, has_main, notes)
  variables[checkpoint_lib.GLOBAL_STEP] = np.array(0, np.int64)
  write_checkpoint(os.path.join(output_dir, CHECKPOINT_NAME), variables)
  return conversion_report.Report(
      source=", ".join(model.folder for model in models),
      converted=sorted(variables),
      slots=[],
      unused=sorted(name for model in models for name in model.unused()),
      notes=notes)


def write_checkpoint(prefix, variables):
  """Writes arrays as a TF1 checkpoint, recorded as its folder's newest.

  Args:
    prefix: str, the path up to ".index".
    variables: {name: array}.
  """
  folder, name = os.path.split(prefix)
  utils.makedirs(folder)
  names = sorted(variables)
  with tf.Graph().as_default(), tf.Session(
      config=tf.ConfigProto(device_count={"GPU": 0})) as session:
    placeholders = [tf.placeholder(variables[n].dtype, variables[n].shape)
                    for n in names]
    save = tf.raw_ops.SaveV2(
        prefix=prefix, tensor_names=names, shape_and_slices=[""] * len(names),
        tensors=placeholders)
    session.run(save, {placeholder: variables[n]
                       for placeholder, n in zip(placeholders, names)})
  with utils.write_atomically(os.path.join(folder, "checkpoint")) as f:
    f.write('model_checkpoint_path: "%s"\n'
            'all_model_checkpoint_paths: "%s"\n' % (name, name))


class _Model:
  """A Hugging Face model that tracks which of its weights were used."""

  def __init__(self, folder, notes):
    self.folder = folder
    self.config = model_folder.read_config(folder)
    self.weights = model_folder.read_weights(folder, notes)
    self.num_layers = variable_names.num_hf_layers(self.weights)
    self._used = set()
    epsilon = self.config.get("layer_norm_eps", layers.LAYER_NORM_EPSILON)
    if epsilon != layers.LAYER_NORM_EPSILON:
      notes.append("%s was trained with layer_norm_eps %g, here it is %g: "
                   "results differ slightly" % (
                       folder, epsilon, layers.LAYER_NORM_EPSILON))

  def take(self, pairs):
    """Returns the {TF name: array} of some Pairs.

    Raises:
      utils.UserError: weights are missing.
    """
    missing = [pair.hf_name for pair in pairs
               if pair.hf_name not in self.weights]
    if missing:
      raise utils.UserError(
          "%s: the folder lacks %d weights, such as %s. Its config.json has "
          "architectures: %s." % (
              self.folder, len(missing), missing[0],
              ", ".join(self.config.get("architectures") or ["none"])))
    self._used.update(pair.hf_name for pair in pairs)
    return {pair.tf_name: np.ascontiguousarray(self.weights[pair.hf_name].T)
                          if pair.is_kernel else self.weights[pair.hf_name]
            for pair in pairs}

  def take_head(self):
    """Returns the (kind, {name inside the head: array}) of a task's head."""
    kind, head, names = heads.to_tf(self.weights, self.folder)
    self._used.update(names)
    return kind, head

  def take_embeddings(self, scope):
    return self.take(variable_names.embedding_pairs(scope))

  def take_encoder(self, scope):
    """Returns the {TF name: array} of projection and layers."""
    has_projection = "electra.embeddings_project.weight" in self.weights
    # Without layers, the error names the weights of layer 0.
    return self.take(variable_names.encoder_pairs(
        scope, max(self.num_layers, 1), has_projection))

  def check_tied_table(self):
    """Raises a UserError if the output matrix is not the word embeddings."""
    self._used.add(_LM_TABLE)
    table = self.weights.get(_LM_TABLE)
    if table is not None and not np.array_equal(
        table, self.weights.get(_WORD_TABLE)):
      raise utils.UserError(
          "%s: %s differs from the word embeddings. Only models with "
          "tie_word_embeddings can be converted." % (self.folder, _LM_TABLE))

  def unused(self):
    """Returns the names of unused weights, prefixed with their folder."""
    return ["%s/%s" % (self.folder, name)
            for name in self.weights if name not in self._used]


def _discriminator(model, notes):
  variables = _main_encoder(model)
  head = variable_names.discriminator_head_pairs()
  if any(pair.hf_name in model.weights for pair in head):
    variables.update(model.take(head))
  else:
    notes.append("%s has no %s head: it starts fresh in pre-training" % (
        model.folder, variable_names.DISCRIMINATOR_HEAD))
  return variables


def _task(model, name, notes):
  kind, head = model.take_head()
  if kind == heads.TAGGING:
    heads.share_segment(model.weights, heads.DEFAULT_SEGMENT, notes)
  variables = _main_encoder(model)
  notes.append("The head of task '%s' has kind %s" % (name, kind))
  scope = "%s/%s/" % (model_files.TASKS_SCOPE, name)
  variables.update({scope + inside: value for inside, value in head.items()})
  return variables


def _main_encoder(model):
  """Returns the variables of `electra/`, checked against the config."""
  _main_config(model)
  return dict(model.take_embeddings(variable_names.MAIN_SCOPE),
              **model.take_encoder(variable_names.MAIN_SCOPE))


def _main_config(model):
  """Returns the {field: value} of config.json for the main encoder."""
  scope = variable_names.MAIN_SCOPE
  shapes = _shapes(dict(model.take_embeddings(scope),
                        **model.take_encoder(scope)))
  sizes = variable_shapes.all_sizes(shapes, scope, scope)
  return dict(_bert_config(model, sizes).to_dict(),
              embedding_size=sizes["embedding_size"])


def _generator_head(model):
  if model.config.get("hidden_act", "gelu") != "gelu":
    raise utils.UserError(
        "%s: hidden_act is \"%s\", but the head of ElectraForMaskedLM always "
        "uses gelu. Here one setting covers both: it cannot be converted." % (
            model.folder, model.config["hidden_act"]))
  model.check_tied_table()
  return model.take(variable_names.generator_head_pairs())


def _generator(models, untied_embeddings, notes):
  """Returns the variables of the generator, the last model.

  Args:
    models: list of _Model: the discriminator, if any, and the generator.
    untied_embeddings: bool, whether the generator keeps separate embeddings.
    notes: list of str to append to.
  """
  model, scope = models[-1], variable_names.GENERATOR_SCOPE
  variables = _generator_head(model)
  encoder = model.take_encoder(scope)
  if untied_embeddings:
    embeddings = model.take_embeddings(scope)
    if scope + "/embeddings_project/kernel" in encoder:
      raise utils.UserError(
          "%s: separate generator embeddings must be as wide as its layers, "
          "but embedding_size is %s and hidden_size %s. Omit "
          "--untied-embeddings." % (
              model.folder, model.config.get("embedding_size"),
              model.config.get("hidden_size")))
  else:
    embeddings = model.take_embeddings(variable_names.MAIN_SCOPE)
    if len(models) > 1:
      _check_shared(embeddings, models[0], model.folder)
  variables.update(embeddings)
  if len(models) > 1 and not untied_embeddings and _is_same(
      model.take_encoder(variable_names.MAIN_SCOPE),
      models[0].take_encoder(variable_names.MAIN_SCOPE)):
    notes.append("Generator and discriminator are one encoder: set "
                 "untied_generator to false to continue training")
    return variables
  _check_generator_sizes(model, _bert_config(model, variable_shapes.all_sizes(
      _shapes(dict(embeddings, **encoder)),
      scope if untied_embeddings else variable_names.MAIN_SCOPE, scope)))
  variables.update(encoder)
  return variables


def _check_shared(embeddings, discriminator, folder):
  """Raises a UserError if two models have different embeddings."""
  theirs = discriminator.take_embeddings(variable_names.MAIN_SCOPE)
  for name in sorted(embeddings):
    if embeddings[name].shape != theirs[name].shape:
      difference = "shape %s and %s" % (
          list(theirs[name].shape), list(embeddings[name].shape))
    elif not np.array_equal(embeddings[name], theirs[name]):
      difference = "values that differ by up to %.3g" % np.max(
          np.abs(embeddings[name] - theirs[name]))
    else:
      continue
    raise utils.UserError(
        "The generator shares the discriminator's embeddings, but %s and %s "
        "have %s in %s. Pass the folders of one pre-training run, or "
        "--untied-embeddings." % (
            discriminator.folder, folder, difference, name))


def _is_same(variables, others):
  return set(variables) == set(others) and all(
      np.array_equal(variables[name], others[name]) for name in variables)


def _check_generator_sizes(model, bert_config):
  """Raises a UserError for sizes that no generator has in pre-training."""
  hidden_size = bert_config.hidden_size
  for name, expected in (
      ("num_attention_heads",
       max(1, hidden_size // model_sizes.GENERATOR_HEAD_SIZE)),
      ("intermediate_size", 4 * hidden_size)):
    found = getattr(bert_config, name)
    if found != expected:
      raise utils.UserError(
          "%s: a generator of hidden size %d must have %s %d, got %d. It "
          "cannot be converted." % (
              model.folder, hidden_size, name, expected, found))


def _bert_config(model, sizes):
  """Returns the BertConfig of a model, checked against its weights' sizes."""
  for name, value in sorted(sizes.items()):
    # transformers omits values that are ElectraConfig's defaults.
    if model.config.get(name) not in (None, value):
      raise utils.UserError(
          "%s: %s is %s in config.json, but %d in the weights." % (
              model.folder, name, model.config[name], value))
  values = dict(model.config, **sizes)
  values = {name: values[name] for name in model_hparams.BERT_CONFIG_FIELDS
            if values.get(name) is not None}
  if "num_attention_heads" not in values:
    raise utils.UserError("%s/config.json: num_attention_heads is missing. Add "
                          "it." % model.folder)
  try:
    return modeling.BertConfig.from_dict(values)
  except utils.UserError as error:
    raise utils.UserError(
        "%s/config.json: %s" % (model.folder, error)) from error


def _shapes(variables):
  return {name: list(value.shape) for name, value in variables.items()}


def _write_settings(output_dir, models, has_main, notes):
  """Writes config.json, vocab.txt and tokenizer_config.json of the models."""
  vocab = _agreed(models, tokenizer_files.read_vocab, "vocabularies")
  if vocab:
    _check_vocab_size(models[0], len(vocab), notes)
  settings = _agreed(
      models, lambda folder: model_files.TokenizerSettings.read(folder).known(),
      "tokenizer settings")
  if has_main:
    utils.write_json(_main_config(models[0]),
                     os.path.join(output_dir, model_files.MODEL_CONFIG))
  if vocab:
    utils.makedirs(output_dir)
    tokenizer_files.write_vocab(output_dir, vocab)
  else:
    notes.append("The folders have no vocabulary: put vocab.txt into %s" %
                 output_dir)
  if settings and "do_lower_case" in settings:
    model_files.TokenizerSettings(**settings).with_defaults().write(
        output_dir, is_cleaning_known=False)
  else:
    notes.append("The folders do not record whether text is lower-cased: set "
                 "do_lower_case for training")


def _check_vocab_size(model, num_tokens, notes):
  """Raises a UserError if there are tokens without embeddings."""
  num_rows = len(model.weights[_WORD_TABLE])
  if num_tokens > num_rows:
    raise utils.UserError(
        "%s: the vocabulary has %d tokens, but the model has embeddings of %d. "
        "In transformers, run model.resize_token_embeddings(%d) and save the "
        "model, or use its own vocabulary." % (
            model.folder, num_tokens, num_rows, num_tokens))
  if num_tokens < num_rows:
    notes.append(
        "The vocabulary has %d tokens, the model %d rows: the last %d have no "
        "token" % (num_tokens, num_rows, num_rows - num_tokens))
  added = tokenizer_files.added_tokens(model.folder)
  if added:
    notes.append(
        "vocab.txt includes %d added token%s (%s). Here they are found as "
        "entire words, in transformers also inside of words" % (
            len(added), "" if len(added) == 1 else "s",
            variable_shapes.listed(added)))


def _agreed(models, read, what):
  """Returns what `read` returns for the folders; None if they have nothing.

  Raises:
    utils.UserError: two folders disagree.
  """
  found = [(read(model.folder), model.folder) for model in models]
  found = [(value, folder) for value, folder in found if value]
  if len(found) > 1 and found[0][0] != found[1][0]:
    raise utils.UserError(
        "%s and %s have different %s. Pass folders of one model." % (
            found[0][1], found[1][1], what))
  return found[0][0] if found else None
