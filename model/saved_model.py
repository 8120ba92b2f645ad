"""Writes SavedModels: named signatures that load without this project.

What stands in the folder:

  saved_model.pb, variables/  what TensorFlow loads
  assets.extra/vocab.txt, tokenizer_config.json  to make input_ids from text
  assets.extra/config.json  sizes of the encoder
  assets.extra/signatures.json  inputs, outputs and names of the labels

Glossary of shapes:
- B: batch size, any.
- L: sequence length, in WordPiece tokens, any up to the model's positions.
- D: hidden size.
"""

import collections
import os

import tensorflow.compat.v1 as tf

from util import utils

GRAPH_NAME = "saved_model.pb"
EXTRA_FOLDER = "assets.extra"
DESCRIPTION_NAME = "signatures.json"
DEFAULT_SIGNATURE = "serving_default"  # what servers run if none is named
INPUT_NAMES = ("input_ids", "input_mask", "segment_ids")

# placeholders: {name: int32 Tensor of shape [B, L]}, what a caller feeds;
# tensors: the same after a check, what a model is built on.
Inputs = collections.namedtuple("Inputs", ["placeholders", "tensors"])
# outputs: {name: Tensor}; about: {name: value}, ready for JSON, what a caller
# has to know, such as the names of the labels.
Signature = collections.namedtuple("Signature", ["outputs", "about"])
Signature.__new__.__defaults__ = ({},)


def make_inputs(num_positions):
  """Returns the Inputs of every signature, in the current graph.

  Args:
    num_positions: int, the longest sequence of the model, in tokens; a longer
      one ends in an error that says so.
  """
  placeholders = {name: tf.placeholder(tf.int32, [None, None], name)
                  for name in INPUT_NAMES}
  length = tf.shape(placeholders["input_ids"])[1]
  check = tf.debugging.assert_less_equal(
      length, num_positions, name="check_length",
      message="Sequences of at most %d tokens fit the model." % num_positions)
  with tf.control_dependencies([check]):
    tensors = {name: tf.identity(placeholder, "checked_" + name)
               for name, placeholder in placeholders.items()}
  return Inputs(placeholders, tensors)


def encode_signature(bert_model, all_layers=False):
  """Returns the Signature of the encoder alone.

  Its outputs: `last_hidden_state` float32 [B, L, D], `cls` float32 [B, D] and,
  with `all_layers`, `all_hidden_states` float32 [B, layers + 1, L, D], of which
  the first is what layer 0 gets.

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
  """Writes the SavedModel of a session; it appears whole or not at all.

  Args:
    output_dir: str; what is there is replaced, so `check_output_dir` first.
    session: tf.Session that holds the variables.
    inputs: Inputs.
    signatures: {name: Signature}.
    default: str, the one of `signatures` that is `serving_default` too.
    about: {name: value} for signatures.json, ready for JSON.
    extra_files: {name: path, or object to be written as JSON} for
      assets.extra.
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
        # Newer versions of TensorFlow load it anyway; so do older ones that
        # know all that is written (1.15 does not, of 2.15).
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
  """Returns a Signature as signatures.json has it."""
  def tensors(by_name):
    return {name: "%s %s" % (tensor.dtype.name, tensor.shape.as_list())
            for name, tensor in by_name.items()}

  return dict(signature.about, inputs=tensors(inputs.placeholders),
              outputs=tensors(signature.outputs))
