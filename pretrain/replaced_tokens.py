"""Shows what a step did to a text: tokens masked, sampled, called replaced.

Glossary of shapes:
- L: sequence length, in WordPiece tokens.
- N: `max_predictions_per_seq`.
"""

import collections
import re

import numpy as np
import tensorflow.compat.v1 as tf

TAG = "sampled_text"  # in TensorBoard
REPLACED = 0.5  # probability above which a token is called replaced

# A token of an example. original, masked, sampled: str, as in the text, as the
# generator reads it, as the discriminator reads it (for masked LM, where
# nothing is sampled, the likeliest prediction). is_masked: bool, whether the
# generator predicts it. probability: float, that it was replaced, by the
# discriminator; None for masked LM.
Token = collections.namedtuple("Token", [
    "original", "masked", "sampled", "is_masked", "probability"])


def tensors_of(model, row=0):
  """Returns {name: Tensor} of one example of a batch, for `tokens_of`.

  Args:
    model: pretraining_model.PretrainingModel.
    row: int, which example.
  """
  inputs = model.masked_inputs
  tensors = {
      "masked": inputs.input_ids,  # int32 [L], as input_mask
      "input_mask": inputs.input_mask,
      "positions": inputs.masked_lm_positions,  # int32 [N], as originals
      "originals": inputs.masked_lm_ids,
      "weights": inputs.masked_lm_weights}  # float32 [N]
  if model.fake_data is None:
    tensors["predictions"] = model.mlm_output.preds  # int32 [N]
  else:
    tensors["sampled"] = model.fake_data.inputs.input_ids  # int32 [L]
    tensors["probabilities"] = model.disc_output.probs  # float32 [L]
  return {name: tensor[row] for name, tensor in tensors.items()}


def tokens_of(values, vocabulary):
  """Returns the Tokens of an example, without padding.

  Args:
    values: {name: array} of `tensors_of`.
    vocabulary: {id: token}; the model may have more ids.
  """
  def name(index):
    return vocabulary.get(int(index), "[%d]" % index)

  is_used = values["weights"] > 0
  positions = values["positions"][is_used]
  original = np.array(values["masked"])
  original[positions] = values["originals"][is_used]
  sampled = values.get("sampled")
  if sampled is None:
    sampled = np.array(original)
    sampled[positions] = values["predictions"][is_used]
  masked = set(positions.tolist())
  probabilities = values.get("probabilities")
  return [Token(
      name(original[i]), name(values["masked"][i]), name(sampled[i]),
      i in masked, None if probabilities is None else float(probabilities[i]))
          for i in range(int(values["input_mask"].sum()))]


def as_markdown(tokens):
  """Returns Tokens as text for TensorBoard: replaced tokens are bold."""
  sampled = ["**%s**" % _escape(token.sampled)
             if token.sampled != token.original else _escape(token.sampled)
             for token in tokens]
  lines = ["masked: " + " ".join(_escape(token.masked) for token in tokens), "",
           "sampled: " + " ".join(sampled), "",
           "| original | sampled | probability of replaced |", "|:--|:--|--:|"]
  lines += ["| %s | %s | %s |" % (
      _escape(token.original),
      _escape(token.sampled) if token.is_masked else "(not masked)",
      "" if token.probability is None else "%.2f" % token.probability)
            for token in tokens if token.is_masked or (
                token.probability or 0) > REPLACED]
  return "\n".join(lines)


def _escape(token):
  """Returns a token that Markdown shows as it is."""
  return re.sub(r"([\\`*_{}\[\]()#+!|<>~-])", r"\\\1", token)


class SampledTextHook(tf.train.SessionRunHook):
  """Writes an example of some training batches to TensorBoard."""

  def __init__(self, tensors, vocabulary, summary_dir, every_steps):
    """Writes nothing yet.

    Args:
      tensors: what `tensors_of` returns.
      vocabulary: {id: token}.
      summary_dir: str, folder of the event files.
      every_steps: int; the first step of a run is written, too.
    """
    self._tensors, self._vocabulary = tensors, vocabulary
    self._summary_dir, self._every_steps = summary_dir, every_steps

  def begin(self):
    self._global_step = tf.train.get_or_create_global_step()

  def after_create_session(self, session, coord):
    del coord  # starts no threads
    self._step = int(session.run(self._global_step))
    self._is_first = True

  def before_run(self, run_context):
    del run_context  # always the same fetches, see session_hooks.ProgressHook
    return tf.train.SessionRunArgs(self._tensors)

  def after_run(self, run_context, run_values):
    del run_context  # the results are all we need
    self._step += 1
    if self._is_first or self._step % self._every_steps == 0:
      text = as_markdown(tokens_of(run_values.results, self._vocabulary))
      tf.summary.FileWriterCache.get(self._summary_dir).add_summary(
          _text_summary(text), self._step)
    self._is_first = False


def _text_summary(text):
  """Returns the Summary that TensorBoard's text tab shows."""
  plugin = tf.SummaryMetadata.PluginData(plugin_name="text")
  return tf.Summary(value=[tf.Summary.Value(
      tag=TAG, metadata=tf.SummaryMetadata(plugin_data=plugin),
      tensor=tf.make_tensor_proto([text.encode("utf-8")]))])
