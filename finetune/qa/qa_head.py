"""The span head: predicts start and end of the answer and answerability.

The question-answering module of ELECTRA (arXiv:2003.10555, section 3.1), which
is XLNet's (arXiv:1906.08237): the end of the span is predicted given its start,
answerability from [CLS] and the expected start.

Glossary of shapes:
- B: batch size.
- L: sequence length, in WordPiece tokens.
- D: hidden size of the encoder.
- K: beam size, the number of start positions to predict ends for.
- H: `HIDDEN_SIZE`.
"""

import math

import tensorflow.compat.v1 as tf

from model import layers
from model import tensor_ops

HIDDEN_SIZE = 512
# Added to the logits of positions where no answer can start or end. The value
# is the reference's; the losses depend on it.
MASKED_LOGIT = -1000.0


def build(sequence, mask, labels, is_training, config, padded_length=None):
  """Builds the head; variables are named as in the reference's checkpoints.

  Args:
    sequence: float32 Tensor of shape [B, L, D], the last layer of the encoder.
    mask: float32 Tensor of shape [B, L] from `answer_mask`.
    labels: {"start_positions", "end_positions", "is_impossible"}: int32 Tensors
      of shape [B]; position 0 means "not in this window".
    is_training: bool. When predicting with `joint_prediction` the end logits
      depend on each of the K starts, so "end_logits" is 0 and the loss, which
      has no gold start to go by, counts the end as a uniform guess.
    config: has `joint_prediction`, `beam_size`, `answerable_classifier`,
      `answerable_uses_start_logits` and `answerable_weight`.
    padded_length: int, L before batches are trimmed; None: L. Only the loss of
      that guess depends on it.

  Returns:
    (losses, outputs): float32 [B], and a dict of "start_logits" and
    "end_logits" [B, L], "answerable_logit" [B] (above 0: unanswerable is more
    likely), "start_top_log_probs" and "start_top_index" [B, K],
    "end_top_log_probs" and "end_top_index" [B, K, K].
  """
  outputs = _no_beams(sequence, config.beam_size)
  start_logits = _masked(_scores(sequence, "dense"), mask)
  if config.joint_prediction:
    beam_size = _at_most_length(config.beam_size, sequence)
    outputs["start_top_log_probs"], outputs["start_top_index"] = tf.nn.top_k(
        tf.nn.log_softmax(start_logits), beam_size)
    if is_training:
      starts = labels["start_positions"][:, tf.newaxis]
    else:
      starts = outputs["start_top_index"]
    end_logits = _masked(_end_logits_given_starts(sequence, starts),
                         mask[:, tf.newaxis])  # [B, 1 or K, L]
    if is_training:
      end_logits = tf.squeeze(end_logits, 1)
    else:
      outputs["end_top_log_probs"], outputs["end_top_index"] = tf.nn.top_k(
          tf.nn.log_softmax(end_logits), beam_size)
      end_logits = tf.zeros_like(start_logits)
  else:
    end_logits = _masked(_scores(sequence, "dense_1"), mask)
  end_losses = _position_losses(end_logits, labels["end_positions"])
  if config.joint_prediction and not is_training and padded_length:
    end_losses = tf.fill(tf.shape(end_losses), math.log(padded_length))
  losses = (_position_losses(start_logits, labels["start_positions"]) +
            end_losses) / 2.0
  outputs.update(start_logits=start_logits, end_logits=end_logits,
                 answerable_logit=tf.zeros_like(losses))
  if config.answerable_classifier:
    logits = _answerable_logit(sequence, start_logits,
                               config.answerable_uses_start_logits)
    outputs["answerable_logit"] = logits
    losses += config.answerable_weight * (
        tf.nn.sigmoid_cross_entropy_with_logits(
            labels=tf.cast(labels["is_impossible"], tf.float32), logits=logits))
  return losses, outputs


def answer_mask(input_mask, segment_ids):
  """Returns float32 [B, L], 1.0 for tokens of the document and for [CLS].

  Args:
    input_mask: int32 Tensor of shape [B, L], 1 for real tokens.
    segment_ids: int32 Tensor of shape [B, L], 1 for the document.
  """
  mask = tf.cast(input_mask * segment_ids, tf.float32)
  return mask + tf.one_hot(0, tensor_ops.get_shape_list(mask)[1])


def _no_beams(sequence, beam_size):
  """Returns zeros for the beam outputs of a head or mode without beams."""
  batch_size = tf.shape(sequence)[0]
  first, second = [batch_size, beam_size], [batch_size, beam_size, beam_size]
  return {"start_top_log_probs": tf.zeros(first),
          "start_top_index": tf.zeros(first, tf.int32),
          "end_top_log_probs": tf.zeros(second),
          "end_top_index": tf.zeros(second, tf.int32)}


def _at_most_length(beam_size, sequence):
  """Returns the smaller of `beam_size` and the sequence length."""
  length = tensor_ops.get_shape_list(sequence)[1]
  if isinstance(length, int):
    return min(beam_size, length)
  return tf.minimum(beam_size, length)


def _masked(logits, mask):
  return logits + MASKED_LOGIT * (1.0 - mask)


def _scores(inputs, name):
  """Returns one score per vector: [..., D] -> [...]."""
  return tf.squeeze(_dense(inputs, 1, None, name), -1)


def _dense(inputs, size, activation, name):
  return layers.dense(inputs, size, activation, name,
                      initializer=layers.create_unscaled_initializer())


def _end_logits_given_starts(sequence, starts):
  """Returns the end logits for every start: float32 [B, K, L].

  Args:
    sequence: float32 Tensor of shape [B, L, D].
    starts: int32 Tensor of shape [B, K].
  """
  start_vectors = tensor_ops.gather_positions(sequence, starts)  # [B, K, D]
  depth = tensor_ops.get_shape_list(sequence)[-1]
  with tf.variable_scope("qa_hidden"):
    kernel = tf.get_variable(
        "kernel", [2 * depth, HIDDEN_SIZE],
        initializer=layers.create_unscaled_initializer())
    bias = tf.get_variable("bias", [HIDDEN_SIZE],
                           initializer=tf.zeros_initializer())
    # A dense layer over [start vector, end vector]. Multiplying the two halves
    # of its kernel separately takes K + L products instead of K * L, and avoids
    # a [B, K, L, 2 * D] tensor (2 GB for a base model).
    of_ends = tf.tensordot(sequence, kernel[depth:], 1)  # [B, L, H]
    of_starts = tf.tensordot(start_vectors, kernel[:depth], 1)  # [B, K, H]
    hidden = layers.gelu(of_ends[:, tf.newaxis] + of_starts[:, :, tf.newaxis] +
                         bias)  # [B, K, L, H]
  return _scores(hidden, "dense_1")


def _position_losses(logits, positions):
  """Returns the cross-entropy of the gold positions, float32 [B]."""
  return tf.nn.sparse_softmax_cross_entropy_with_logits(
      labels=positions, logits=logits)


def _answerable_logit(sequence, start_logits, uses_start_logits):
  """Returns the logit of "this window has no answer", float32 [B]."""
  reprs = sequence[:, 0]  # [B, D]
  if uses_start_logits:
    start_probs = tf.nn.softmax(start_logits)  # [B, L]
    expected_start = tf.reduce_sum(start_probs[:, :, tf.newaxis] * sequence, 1)
    reprs = _dense(tf.concat([reprs, expected_start], -1), HIDDEN_SIZE,
                   layers.gelu, "dense_2")
    return _scores(reprs, "dense_3")
  return _scores(reprs, "dense_2")
