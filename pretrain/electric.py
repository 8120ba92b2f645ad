"""The two-tower generator of Electric (arXiv:2012.08561, section 2.2).

One transformer reads left to right, another right to left. Their states before
and after a token give the probability of that token, for all tokens of a
sequence at once.

Glossary of shapes:
- B: batch size.
- L: sequence length, in WordPiece tokens.
- N: `max_predictions_per_seq`.
- D: hidden size of one tower.
- V: vocabulary size.
"""

import math

import tensorflow.compat.v1 as tf

from model import modeling
from model import tensor_ops
from model import transformer
from pretrain import heads

SCOPE = "cloze_predictions"


class TwoTowerGenerator:
  """A generator that sees all tokens but the one it predicts.

  Attributes:
    distribution: heads.TokenDistribution of all B * L positions.
  """

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
    # Position t gets the states of t - 1 and t + 1. The ends wrap
    # around as in the reference; they are [CLS] and [SEP] or padding, which are
    # never predicted.
    context = tf.concat([
        tf.roll(left_to_right.get_sequence_output(), 1, axis=1),
        tf.roll(right_to_left.get_sequence_output(), -1, axis=1)],
                        axis=-1)  # [B, L, 2D]
    self.distribution = heads.TokenDistribution(  # B * L rows
        bert_config, tensor_ops.reshape_to_matrix(context),
        left_to_right.get_embedding_table(), SCOPE)
    self._own_losses = self._losses_of(inputs.input_ids)  # [B, L]

  def masked_lm_output(self, inputs, denominator=None):
    """Returns the heads.MaskedLMOutput of the masked positions of `inputs`."""
    batch_size, length = tensor_ops.get_shape_list(self._inputs.input_ids)
    rows = tf.reshape(  # of the B * L
        inputs.masked_lm_positions +
        tf.range(batch_size)[:, tf.newaxis] * length, [-1])
    return heads.masked_lm_output_of(
        inputs, tf.gather(tf.reshape(self._own_losses, [-1]), rows),
        tf.gather(self.distribution.logits, rows),
        tf.gather(self.distribution.likelihoods, rows), denominator)

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
    return tf.stop_gradient(-self._losses_of(input_ids))

  def _losses_of(self, input_ids):
    """Returns -log q(x_t | all other tokens), float32 [B, L]."""
    return tf.reshape(
        self.distribution.losses_of(tf.reshape(input_ids, [-1])),
        tensor_ops.get_shape_list(input_ids))


def noise_log_odds(two_towers, input_ids, mask_prob):
  """Returns the log odds of noise against data, float32 [B, L].

  log(k q(x_t) / (n - k)) of noise-contrastive estimation, equation 3 of
  Electric, with k of n tokens replaced.

  Args:
    two_towers: TwoTowerGenerator.
    input_ids: int32 Tensor of shape [B, L], the tokens x_t.
    mask_prob: float, the fraction k / n.
  """
  return (two_towers.log_probs_of(input_ids) +
          math.log(mask_prob / (1 - mask_prob)))
