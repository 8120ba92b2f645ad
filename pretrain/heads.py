"""Heads on the encoders: token predictions, and original or replaced.

Glossary of shapes:
- B: batch size.
- L: sequence length, in WordPiece tokens.
- N: `max_predictions_per_seq`.
- D: hidden size of the encoder below.
- E: embedding size.
- V: vocabulary size.
"""

import collections

import tensorflow.compat.v1 as tf

from model import layers
from model import tensor_ops

EPSILON = 1e-6  # keeps a mean over no tokens finite

# loss: float32 []; per_token_loss: float32 [B, N]; preds: int32 [B, N]; logits
# and likelihoods, which are in proportion to the probabilities: float32
# [B, N, V] without gradient, or None where all tokens are equally likely.
MaskedLMOutput = collections.namedtuple("MaskedLMOutput", [
    "loss", "per_token_loss", "preds", "logits", "likelihoods"])
# loss: float32 []; per_example_loss: float32 [B]; logits, probs: float32
# [B, L], towards "replaced"; preds, labels: int32 [B, L], 1 for replaced.
DiscriminatorOutput = collections.namedtuple("DiscriminatorOutput", [
    "loss", "per_example_loss", "logits", "probs", "preds", "labels"])


class TokenDistribution:
  """The probabilities of all tokens of the vocabulary, row by row.

  Attributes:
    logits: float32 Tensor of shape [rows, V], without gradient.
    likelihoods: float32 Tensor of shape [rows, V], exp(logits - their largest);
      without gradient.
  """

  def __init__(self, bert_config, vectors, embedding_table, scope):
    """Makes `dense`, `LayerNorm` and `output_bias` under `scope`.

    Args:
      bert_config: modeling.BertConfig of the encoder below.
      vectors: float32 Tensor of shape [rows, D].
      embedding_table: float32 variable of shape [V, E].
      scope: "generator_predictions" or "cloze_predictions".
    """
    vocab_size, embedding_size = embedding_table.shape.as_list()
    with tf.variable_scope(scope, reuse=tf.AUTO_REUSE):
      hidden = layers.dense(
          vectors, embedding_size, bert_config.hidden_act, name="dense",
          initializer=layers.create_initializer(bert_config.initializer_range))
      self._hidden = layers.layer_norm(hidden)
      bias = tf.get_variable(
          "output_bias", [vocab_size], initializer=tf.zeros_initializer())
    self._table = tf.convert_to_tensor(embedding_table)
    self._bias = tf.convert_to_tensor(bias)
    self._log_normalizers, logits, likelihoods = _normalize(
        self._hidden, self._table, self._bias)
    self.logits = tf.stop_gradient(logits)
    self.likelihoods = tf.stop_gradient(likelihoods)

  def losses_of(self, token_ids):
    """Returns -log p(token), float32 [rows], of one token a row, int32 [rows].

    The tokens' logits are recomputed: gathering them from all logits would have
    a gradient of rows * V zeros.
    """
    own_logits = (
        tf.reduce_sum(self._hidden * tf.gather(self._table, token_ids), -1) +
        tf.gather(self._bias, token_ids))
    return self._log_normalizers - own_logits


def generator_distribution(encoder, vectors):
  """Returns the TokenDistribution of a generator's output vectors.

  Args:
    encoder: modeling.BertModel of the generator.
    vectors: float32 Tensor of shape [rows, D], rows of its output.
  """
  return TokenDistribution(
      encoder.bert_config, vectors, encoder.get_embedding_table(),
      "generator_predictions")


@tf.custom_gradient
def _normalize(hidden, table, bias):
  """Returns (log sum of exp(logits) [rows], logits, likelihoods [rows, V]).

  The one place where rows * V numbers are computed with, most of the time of a
  small model with a large vocabulary: so the exponentials are computed once,
  for the loss, for its gradient and for sampling. Only the first result has a
  gradient.

  Args:
    hidden: float32 Tensor of shape [rows, E].
    table: float32 Tensor of shape [V, E].
    bias: float32 Tensor of shape [V].
  """
  logits = tf.nn.bias_add(tf.matmul(hidden, table, transpose_b=True), bias)
  largest = tf.reduce_max(logits, axis=-1, keepdims=True)
  likelihoods = tf.exp(logits - largest)
  sums = tf.reduce_sum(likelihoods, axis=-1, keepdims=True)

  def gradients(grad_log_normalizers, *unused_grads):
    # The derivative of log sum exp is the softmax.
    grad_logits = likelihoods * (grad_log_normalizers[:, tf.newaxis] / sums)
    return (tf.matmul(grad_logits, table),
            tf.matmul(grad_logits, hidden, transpose_a=True),
            tf.reduce_sum(grad_logits, axis=0))

  log_normalizers = tf.squeeze(tf.log(sums) + largest, axis=-1)
  return (log_normalizers, logits, likelihoods), gradients


def masked_lm_output(inputs, distribution, denominator=None):
  """Returns the loss of telling the masked tokens.

  The mean softmax cross-entropy over the masked positions; L_MLM in ELECTRA
  (arXiv:2003.10555), section 2.

  Args:
    inputs: pretrain_data.Inputs with masked positions.
    distribution: TokenDistribution of B * N rows.
    denominator: float32 Tensor of shape [], what the summed loss is divided by;
      None: the number of masked positions.

  Returns:
    MaskedLMOutput.
  """
  losses = distribution.losses_of(tf.reshape(inputs.masked_lm_ids, [-1]))
  return masked_lm_output_of(
      inputs, losses, distribution.logits, distribution.likelihoods,
      denominator)


def masked_lm_output_of(inputs, losses, logits, likelihoods, denominator=None):
  """Returns the MaskedLMOutput of what was computed for B * N positions."""
  shape = tf.shape(inputs.masked_lm_ids)
  num_positions = inputs.masked_lm_ids.shape.as_list()[1]
  vocab_size = logits.shape.as_list()[-1]
  per_token_loss = tf.reshape(losses, shape)
  return MaskedLMOutput(
      loss=weighted_mean(
          per_token_loss, inputs.masked_lm_weights, denominator),
      per_token_loss=per_token_loss,
      preds=tf.reshape(tf.argmax(logits, axis=-1, output_type=tf.int32), shape),
      logits=tf.reshape(logits, [-1, num_positions, vocab_size]),
      likelihoods=tf.reshape(likelihoods, [-1, num_positions, vocab_size]))


def uniform_masked_lm_output(inputs, vocab_size, denominator=None):
  """Returns what a generator gets that finds all tokens equally likely."""
  per_token_loss = tf.fill(
      tf.shape(inputs.masked_lm_ids), tf.log(float(vocab_size)))
  return MaskedLMOutput(
      loss=weighted_mean(
          per_token_loss, inputs.masked_lm_weights, denominator),
      per_token_loss=per_token_loss,
      preds=tf.zeros_like(inputs.masked_lm_ids),
      logits=None,
      likelihoods=None)


def discriminator_logits(bert_config, sequence):
  """Returns the score of "replaced" of every token, float32 [B, L].

  Makes `dense` and `dense_1` under `discriminator_predictions`.

  Args:
    bert_config: modeling.BertConfig of the discriminator.
    sequence: float32 Tensor of shape [B, L, D].
  """
  batch_size, length, depth = tensor_ops.get_shape_list(sequence, 3)
  with tf.variable_scope("discriminator_predictions", reuse=tf.AUTO_REUSE):
    hidden = layers.dense(
        tf.reshape(sequence, [-1, depth]), depth, bert_config.hidden_act,
        name="dense",
        initializer=layers.create_initializer(bert_config.initializer_range))
    logits = layers.dense(hidden, 1, name="dense_1",
                          initializer=layers.create_unscaled_initializer())
  return tf.reshape(logits, [batch_size, length])


def discriminator_output(inputs, logits, labels, denominator=None):
  """Returns the loss of telling real tokens from replaced ones.

  Mean sigmoid cross-entropy over real (non-padding) tokens; L_Disc in ELECTRA
  (arXiv:2003.10555), section 2.

  Args:
    inputs: pretrain_data.Inputs.
    logits: float32 Tensor of shape [B, L].
    labels: int32 Tensor of shape [B, L], 1 where the token was replaced.
    denominator: float32 Tensor of shape [], what the summed loss is divided by;
      None: the number of real tokens.

  Returns:
    DiscriminatorOutput.
  """
  weights = tf.cast(inputs.input_mask, tf.float32)
  losses = tf.nn.sigmoid_cross_entropy_with_logits(
      labels=tf.cast(labels, tf.float32), logits=logits) * weights
  return DiscriminatorOutput(
      loss=weighted_mean(losses, weights, denominator),
      per_example_loss=tf.reduce_sum(losses, axis=-1) / (
          tf.reduce_sum(weights, axis=-1) + EPSILON),
      logits=logits,
      probs=tf.sigmoid(logits),
      preds=tf.cast(logits > 0, tf.int32),
      labels=labels)


def weighted_mean(losses, weights, denominator=None):
  """Returns sum(losses * weights) / (sum(weights) + EPSILON), float32 [].

  Args:
    losses: float32 Tensor.
    weights: float32 Tensor of the same shape.
    denominator: float32 Tensor of shape [] to use instead of sum(weights).
  """
  if denominator is None:
    denominator = tf.reduce_sum(weights)
  return tf.reduce_sum(losses * weights) / (denominator + EPSILON)
