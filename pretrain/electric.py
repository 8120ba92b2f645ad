"""The two-tower generator of Electric (arXiv:2012.08561, section 2.2).

One Transformer reads left to right, another right to left. What the first has
seen before a token and the second after it give the probability of that token,
for all tokens of a sequence at once.

Glossary of shapes:
- B: batch size.
- L: sequence length, in WordPiece tokens.
- N: `max_predictions_per_seq`.
- D: hidden size of one tower.
- V: vocabulary size.
"""

import tensorflow.compat.v1 as tf

from model import modeling
from model import tensor_ops
from model import transformer
from pretrain import heads

SCOPE = "cloze_predictions"


class TwoTowerGenerator:
  """A generator that sees all tokens but the one it predicts."""

  def __init__(self, config, bert_config, inputs, is_training, *,
               embedding_size, randomness):
    """Builds both towers.

    Args:
      config: PretrainingConfig.
      bert_config: modeling.BertConfig of one tower.
      inputs: pretrain_data.Inputs, not masked.
      is_training: bool, whether there is dropout.
      embedding_size: int, of the embeddings both towers share.
      randomness: randomness.StepRandomness.
    """
    self._inputs = inputs

    def tower(name, input_mask):
      return modeling.BertModel(
          bert_config, is_training, inputs.input_ids, input_mask,
          inputs.segment_ids, scope="generator_" + name,
          embedding_size=embedding_size,
          untied_embeddings=config.untied_generator_embeddings,
          randomness=randomness.child(name))

    left_to_right = tower(
        "ltr", transformer.left_to_right_mask(inputs.input_mask))
    right_to_left = tower(
        "rtl", transformer.right_to_left_mask(inputs.input_mask))
    # Position t gets what was read up to t - 1 and down to t + 1. The ends wrap
    # around as in the reference; they are [CLS] and [SEP] or padding, which are
    # never predicted.
    context = tf.concat([
        tf.roll(left_to_right.get_sequence_output(), 1, axis=1),
        tf.roll(right_to_left.get_sequence_output(), -1, axis=1)],
                        axis=-1)  # [B, L, 2D]
    self._hidden, self._table, self._bias = heads.token_logit_parts(
        bert_config, tensor_ops.reshape_to_matrix(context),
        left_to_right.get_embedding_table(), SCOPE)
    self._logits = heads.logits_of(  # [B*L, V]
        self._hidden, self._table, self._bias)
    self._own_losses = tf.reshape(  # -log q(x_t | all other tokens)
        tf.nn.sparse_softmax_cross_entropy_with_logits(
            labels=tf.reshape(inputs.input_ids, [-1]), logits=self._logits),
        tensor_ops.get_shape_list(inputs.input_ids))  # [B, L]

  def logits_at(self, positions):
    """Returns the scores of all tokens at `positions` [B, N]: [B * N, V]."""
    length = tensor_ops.get_shape_list(self._inputs.input_ids)[1]
    logits = tf.reshape(self._logits, [-1, length, self._logits.shape[-1]])
    return tensor_ops.reshape_to_matrix(
        tensor_ops.gather_positions(logits, positions))

  def loss(self, candidates, denominator=None):
    """Returns the mean of -log q(x_t | all other tokens), float32 [].

    Args:
      candidates: bool Tensor of shape [B, L], the tokens that count.
      denominator: float32 Tensor of shape [], what the sum is divided by; None:
        the number of candidates.
    """
    return heads.weighted_mean(
        self._own_losses, tf.cast(candidates, tf.float32), denominator)

  def log_probs_of(self, input_ids):
    """Returns log q(x_t | all other tokens), float32 [B, L], no gradient.

    Args:
      input_ids: int32 Tensor of shape [B, L], the tokens x_t to score; the
        other tokens are those that the towers have read.
    """
    shape = tensor_ops.get_shape_list(input_ids)
    log_normalizers = (tf.reshape(self._own_losses, [-1]) +
                       self._scores_of(self._inputs.input_ids))
    return tf.stop_gradient(tf.reshape(
        self._scores_of(input_ids) - log_normalizers, shape))

  def _scores_of(self, input_ids):
    """Returns the score of one token a position, float32 [B*L]."""
    flat_ids = tf.reshape(input_ids, [-1])
    return (tf.reduce_sum(self._hidden * tf.gather(self._table, flat_ids), -1) +
            tf.gather(self._bias, flat_ids))
