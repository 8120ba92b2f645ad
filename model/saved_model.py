"""Writes SavedModels: named signatures that load without this project.

Files in the folder:

  saved_model.pb, variables/: loaded by TensorFlow
  assets.extra/vocab.txt, tokenizer_config.json: for encoding text as input_ids
  assets.extra/config.json: sizes of the encoder
  assets.extra/signatures.json: inputs, outputs and names of the labels

Glossary of shapes:
- B: batch size, any.
- L: sequence length, in WordPiece tokens, any up to the model's positions.
- D: hidden size.
"""

import collections
import os

import tensorflow.compat.v1 as tf

from model import checkpoint as checkpoint_lib
from model import model_sizes
from util import estimators
from util import json_fields
from util import model_files
from util import utils

EXTRA_FOLDER = "assets.extra"
DESCRIPTION_NAME = "signatures.json"
DEFAULT_SIGNATURE = "serving_default"  # the one servers run by default
INPUT_NAMES = ("input_ids", "input_mask", "segment_ids")

# placeholders: {name: int32 Tensor of shape [B, L]}, fed by a caller; tensors:
# the same after a check, the inputs of a model.
Inputs = collections.namedtuple("Inputs", ["placeholders", "tensors"])
# outputs: {name: Tensor}; about: {name: JSON value}, documentation for callers
# such as the names of the labels.
Signature = collections.namedtuple("Signature", ["outputs", "about"])
Signature.__new__.__defaults__ = ({},)
# names: list of signatures to export, None: all that the checkpoint supports;
# all_layers: bool, whether `encode` outputs every layer; top_k: int, number of
# tokens that `fill_mask` predicts; everywhere: bool, whether it predicts them
# for every position, not only for [MASK].
Options = collections.namedtuple("Options", [
    "names", "all_layers", "top_k", "everywhere"])
Options.__new__.__defaults__ = (None, False, 10, False)


def export(config, checkpoint, output_dir, build, options):
  """Writes the SavedModel of a checkpoint.

  Args:
    config: PretrainingConfig or FinetuningConfig of the checkpoint.
    checkpoint: str, a model folder or a checkpoint's prefix.
    output_dir: str; an existing SavedModel is replaced.
    build: pretrain.signatures.build or finetune.signatures.build.
    options: Options.

  Raises:
    utils.UserError: the checkpoint does not fit the config, or does not support
      a signature in `options.names`.
  """
  estimators.setup_tensorflow()
  prefix = checkpoint_lib.latest(checkpoint)
  bert_config = model_sizes.get_bert_config(config)
  with tf.Graph().as_default(), tf.Session(
      config=tf.ConfigProto(allow_soft_placement=True)) as session:
    inputs = make_inputs(bert_config.max_position_embeddings)
    signatures = build(
        config, prefix, checkpoint_lib.shapes_of(prefix), inputs, options)
    variables = tf.global_variables()
    checkpoint_lib.plan(prefix, variables, required=["."])
    checkpoint_lib.CastingSaver(variables).restore(session, prefix)
    write(
        output_dir, session, inputs, signatures, default=next(iter(signatures)),
        about={"checkpoint": os.path.basename(prefix),
               "global_step": checkpoint_lib.global_step_of(prefix)},
        extra_files={
            model_files.VOCAB: config.vocab_file,
            model_files.TOKENIZER_CONFIG: _tokenizer_settings(
                checkpoint, config),
            model_files.MODEL_CONFIG: dict(
                bert_config.to_dict(),
                embedding_size=model_sizes.get_embedding_size(
                    config, bert_config))})
    num_weights = sum(variable.shape.num_elements() for variable in variables)
  utils.log(
      "Wrote the signatures {} to {} ({} variables, {:,} weights, from {})"
      .format(", ".join(signatures), output_dir, len(variables), num_weights,
              prefix))


def _tokenizer_settings(checkpoint, config):
  """Returns the content of the SavedModel's tokenizer_config.json."""
  folder = checkpoint if utils.isdir(checkpoint) else os.path.dirname(
      checkpoint)
  path = os.path.join(folder, model_files.TOKENIZER_CONFIG)
  recorded = json_fields.load_object(path, missing={})
  if "do_lower_case" not in recorded and not config.was_passed("do_lower_case"):
    utils.log("No do_lower_case in %s: using %s. If that is wrong, set it in "
              "--hparams" % (path, str(config.do_lower_case).lower()))
  settings = {"do_lower_case": config.do_lower_case,
              "strip_accents": getattr(config, "strip_accents",
                                       config.do_lower_case),
              "preprocessing": None}
  return dict(settings, **recorded)


def make_inputs(num_positions):
  """Returns the Inputs of every signature, in the current graph.

  Args:
    num_positions: int, the longest sequence of the model, in tokens; longer
      ones are an error.
  """
  placeholders = {name: tf.placeholder(tf.int32, [None, None], name)
                  for name in INPUT_NAMES}
  length = tf.shape(placeholders["input_ids"])[1]
  check = tf.debugging.assert_less_equal(
      length, num_positions, name="check_length",
      message="The model takes sequences of at most %d tokens." % num_positions)
  with tf.control_dependencies([check]):
    tensors = {name: tf.identity(placeholder, "checked_" + name)
               for name, placeholder in placeholders.items()}
  return Inputs(placeholders, tensors)


def encode_signature(bert_model, all_layers=False):
  """Returns the Signature of the encoder alone.

  Its outputs: `last_hidden_state` float32 [B, L, D], `cls` float32 [B, D] and,
  with `all_layers`, `all_hidden_states` float32 [B, layers + 1, L, D], starting
  with the input of layer 0.

  Args:
    bert_model: modeling.BertModel.
    all_layers: bool.
  """
  outputs = {"last_hidden_state": bert_model.get_sequence_output(),
             "cls": bert_model.get_pooled_output()}
  if all_layers:
    outputs["all_hidden_states"] = tf.stack(
        [bert_model.get_embedding_output()] +
        bert_model.get_all_encoder_layers(), axis=1)
  return Signature(outputs)


def write(output_dir, session, inputs, signatures, *, default, about,
          extra_files):
  """Writes the SavedModel of a session atomically.

  Args:
    output_dir: str; existing files in it are removed.
    session: tf.Session that holds the variables.
    inputs: Inputs.
    signatures: {name: Signature}.
    default: str, the one of `signatures` that is also `serving_default`.
    about: {name: JSON value} for signatures.json.
    extra_files: {name: path to copy, or JSON value} for assets.extra.
  """
  definitions = {name: _definition(inputs, signature)
                 for name, signature in signatures.items()}
  definitions[DEFAULT_SIGNATURE] = definitions[default]
  folder, name = os.path.split(output_dir.rstrip("/"))
  temporary = os.path.join(folder, ".%s.%d.tmp" % (name, os.getpid()))
  if folder:
    utils.makedirs(folder)
  try:
    builder = tf.saved_model.builder.SavedModelBuilder(temporary)
    builder.add_meta_graph_and_variables(
        session, [tf.saved_model.tag_constants.SERVING],
        signature_def_map=definitions, clear_devices=True,
        # Lets older versions of TensorFlow load it if they have all its ops
        # (1.15 does not have all of 2.15's).
        strip_default_attrs=True)
    builder.save()
    extra_files = dict(extra_files)
    extra_files[DESCRIPTION_NAME] = dict(
        about, default=default, signatures={
            name: _describe(inputs, signature)
            for name, signature in signatures.items()})
    for name, content in extra_files.items():
      path = os.path.join(temporary, EXTRA_FOLDER, name)
      if isinstance(content, str):
        utils.copy(content, path)
      else:
        utils.write_json(content, path)
    utils.rmtree(output_dir)
    utils.rename(temporary, output_dir)
  finally:
    utils.rmtree(temporary)


def _definition(inputs, signature):
  """Returns the SignatureDef of a Signature."""
  return tf.saved_model.build_signature_def(
      inputs={name: tf.saved_model.build_tensor_info(tensor)
              for name, tensor in inputs.placeholders.items()},
      outputs={name: tf.saved_model.build_tensor_info(tensor)
               for name, tensor in signature.outputs.items()},
      method_name=tf.saved_model.signature_constants.PREDICT_METHOD_NAME)


def _describe(inputs, signature):
  """Returns the entry of a Signature in signatures.json."""
  def tensors(by_name):
    return {name: "%s %s" % (tensor.dtype.name, tensor.shape.as_list())
            for name, tensor in by_name.items()}

  return dict(signature.about, inputs=tensors(inputs.placeholders),
              outputs=tensors(signature.outputs))
