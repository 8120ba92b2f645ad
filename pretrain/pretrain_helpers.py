"""Masking and sampling: which positions are masked, and the sampled tokens.

All of it is computed in float32 and without gradients.

Glossary of shapes:
- B: batch size.
- L: sequence length, in WordPiece tokens.
- N: `max_predictions_per_seq`.
- V: vocabulary size.
- K: categories of a distribution.
"""

import tensorflow.compat.v1 as tf

from model import randomness as randomness_lib
from model import tensor_ops
from model import tokenization
from pretrain import pretrain_data

# A masked position shows [MASK] this often and else its own token; ELECTRA has
# no random replacements (arXiv:2003.10555, appendix A; BERT has 80/10/10).
REPLACE_WITH_MASK_PROB = 0.85
_NEVER_DRAWN = -1e30  # added to a logit
# Two draws of this many values make one integer; a float32 holds 24 bits.
_DRAW_RANGE = 2 ** 15


# Names of google-research/electra.
gather_positions = tensor_ops.gather_positions
scatter_update = tensor_ops.scatter_positions


def mask(config, inputs, mask_prob, randomness=None, special_ids=None):
  """Masks a fraction of the tokens of every sequence.

  round(num_tokens * mask_prob) positions, at least one and at most
  `max_predictions_per_seq`, are drawn without replacement among the tokens
  other than [CLS], [SEP] and [MASK] ([UNK] and text that spells [PAD] may be
  drawn, as in the reference). With `config.reference_masking` they are drawn
  with replacement, so that some occur twice and fewer tokens are masked.

  Args:
    config: PretrainingConfig.
    inputs: pretrain_data.Inputs.
    mask_prob: float, fraction of the tokens.
    randomness: randomness.StepRandomness; None: that of `config.seed` and the
      global step.
    special_ids: {token: id}; None: read from `config.vocab_file`.

  Returns:
    Inputs with new `input_ids` and with `masked_lm_positions` (0 for padding),
    `masked_lm_ids` and `masked_lm_weights` (0.0 for padding). A sequence
    without a maskable token has weights of 0 only.
  """
  if randomness is None:
    randomness = randomness_lib.StepRandomness(
        config.seed, tf.train.get_or_create_global_step()).child("mask")
  ids = special_ids or pretrain_data.special_ids(config.vocab_file)
  candidates = candidates_for_masking(inputs, ids)
  num_wanted = num_to_predict(
      inputs, candidates, mask_prob, config.max_predictions_per_seq,
      with_replacement=config.reference_masking)
  draw = (_draw_with_replacement if config.reference_masking
          else _draw_without_replacement)
  positions = draw(candidates, config.max_predictions_per_seq, randomness)
  weights = tf.sequence_mask(
      num_wanted, config.max_predictions_per_seq, dtype=tf.float32)
  positions *= tf.cast(weights, tf.int32)
  becomes_mask = tf.cast(
      randomness.uniform(tf.shape(positions)) < REPLACE_WITH_MASK_PROB,
      tf.int32)
  masked_ids, _ = tensor_ops.scatter_positions(
      inputs.input_ids,
      tf.fill(tf.shape(positions), ids[tokenization.MASK]),
      positions * becomes_mask)
  return pretrain_data.get_updated_inputs(
      inputs,
      input_ids=tf.stop_gradient(masked_ids),
      masked_lm_positions=positions,
      masked_lm_ids=tensor_ops.gather_positions(inputs.input_ids, positions),
      masked_lm_weights=weights)


def unmask(inputs):
  """Returns `inputs` with the original tokens at the masked positions."""
  input_ids, _ = tensor_ops.scatter_positions(
      inputs.input_ids, inputs.masked_lm_ids, inputs.masked_lm_positions)
  return pretrain_data.get_updated_inputs(inputs, input_ids=input_ids)


def candidates_for_masking(inputs, special_ids):
  """Returns the bool [B, L] mask of the tokens that may be masked.

  Args:
    inputs: pretrain_data.Inputs.
    special_ids: {token: id}, see `pretrain_data.special_ids`.
  """
  candidates = tf.cast(inputs.input_mask, tf.bool)
  for token in (tokenization.CLS, tokenization.SEP, tokenization.MASK):
    candidates &= tf.not_equal(inputs.input_ids, special_ids[token])
  return candidates


def num_to_predict(inputs, candidates, mask_prob, max_predictions_per_seq, *,
                   with_replacement=False):
  """Returns how many positions of each sequence are masked, int32 [B].

  Args:
    inputs: pretrain_data.Inputs.
    candidates: bool Tensor of shape [B, L].
    mask_prob: float, fraction of all tokens, special ones included.
    max_predictions_per_seq: int.
    with_replacement: bool, whether one candidate can be drawn several times.
  """
  num_tokens = tf.cast(tf.reduce_sum(inputs.input_mask, axis=-1), tf.float32)
  num_candidates = tf.reduce_sum(tf.cast(candidates, tf.int32), axis=-1)
  num_wanted = tf.maximum(
      1, tf.cast(tf.round(num_tokens * mask_prob), tf.int32))
  num_wanted = tf.minimum(num_wanted, max_predictions_per_seq)
  if with_replacement:  # any number of draws, but not from nothing
    return num_wanted * tf.minimum(1, num_candidates)
  return tf.minimum(num_wanted, num_candidates)


def sample_from_softmax(logits, randomness, temperature=1.0, disallow=None,
                        likelihoods=None):
  """Draws one token per position from softmax(logits / temperature).

  Inverse transform sampling in two levels: first a block of about sqrt(V)
  tokens, then a token of that block, each with a separate uniform number. It is
  exact, needs two random numbers per position instead of V, and keeps the
  float32 precision that a cumulative sum over V would lose. As the temperature
  approaches 0 it becomes the argmax.

  Args:
    logits: float32 Tensor of shape [B, N, V].
    randomness: randomness.StepRandomness.
    temperature: float above 0.
    disallow: int32 Tensor of shape [B, N], one id per position that is never
      drawn; None: all may be.
    likelihoods: float32 Tensor of shape [B, N, V], exp(logits) times a factor
      per row, if computed already; used if temperature is 1 and all tokens may
      be drawn.

  Returns:
    int32 Tensor of shape [B, N].
  """
  leading = tensor_ops.get_shape_list(logits, 3, "logits")[:2]
  vocab_size = logits.shape.as_list()[-1]
  if likelihoods is None or temperature != 1.0 or disallow is not None:
    likelihoods = _likelihoods(logits, temperature, disallow)
  weights, block_size = _in_blocks(
      tf.reshape(tf.stop_gradient(likelihoods), [-1, vocab_size]))
  block = _draw_index(tf.reduce_sum(weights, axis=-1), randomness)  # [B*N]
  num_rows, num_blocks = tensor_ops.get_shape_list(weights)[:2]
  chosen = tf.gather(  # [B*N, block_size]
      tf.reshape(weights, [-1, block_size]),
      tf.range(num_rows) * num_blocks + block)
  within = _draw_index(chosen, randomness)
  return tf.reshape(block * block_size + within, leading)


def sample_uniformly(shape, vocab_size, randomness, disallow=None):
  """Draws tokens uniformly from the vocabulary.

  Args:
    shape: shape of the result.
    vocab_size: int, V.
    randomness: randomness.StepRandomness.
    disallow: int32 Tensor of that shape, one id each that is never drawn.

  Returns:
    int32 Tensor of shape `shape`.
  """
  high, low = [
      tf.cast(randomness.uniform(shape) * _DRAW_RANGE, tf.int32)
      for _ in range(2)]
  drawn = high * _DRAW_RANGE + low  # in [0, 2^30): % is even to 1 in 10,000
  if disallow is None:
    return drawn % vocab_size
  drawn %= vocab_size - 1
  return drawn + tf.cast(drawn >= disallow, tf.int32)


def scatter_average(sequence, updates, positions):
  """Writes `updates` as the reference does, averaging duplicate positions.

  The average of two ids is a third, unrelated token; this is only for
  `config.reference_masking`. See tensor_ops.scatter_positions for the arguments
  and the result.
  """
  length = tensor_ops.get_shape_list(sequence, 2, "sequence")[1]
  hits = tf.one_hot(positions, length, dtype=tf.int32)  # [B, N, L]
  hits *= tf.cast(positions > 0, tf.int32)[:, :, tf.newaxis]
  num_hits = tf.reduce_sum(hits, axis=1)  # [B, L]
  values = tf.reduce_sum(hits * updates[:, :, tf.newaxis], axis=1)
  written = tf.minimum(num_hits, 1)
  values //= tf.maximum(num_hits, 1)
  return sequence * (1 - written) + values * written, written


def _draw_without_replacement(candidates, num_draws, randomness):
  """Returns [B, num_draws] distinct positions, candidates first.

  Gumbel top-k (arXiv:1903.06059, section 2.3) with equal weights: the k largest
  of independent numbers are at k positions drawn without replacement.
  """
  noise = randomness.uniform(tf.shape(candidates))
  scores = tf.where(candidates, noise, -tf.ones_like(noise))
  return tf.nn.top_k(scores, k=num_draws)[1]


def _draw_with_replacement(candidates, num_draws, randomness):
  """Returns [B, num_draws] independently drawn positions."""
  shape = tensor_ops.get_shape_list(candidates)
  weights = tf.tile(tf.cast(candidates, tf.float32)[:, tf.newaxis],
                    [1, num_draws, 1])
  flat = tf.reshape(weights, [-1, shape[1]])  # [B*num_draws, L]
  drawn = tf.reshape(_draw_index(flat, randomness), [shape[0], num_draws])
  return tf.minimum(drawn, shape[1] - 1)  # where there is no candidate


def _likelihoods(logits, temperature, disallow):
  """Returns exp(logits / temperature) up to a factor a row: [B*N, V]."""
  logits = tf.stop_gradient(tf.cast(logits, tf.float32))
  vocab_size = logits.shape.as_list()[-1]
  logits = tf.reshape(logits, [-1, vocab_size])  # [B*N, V]
  if disallow is not None:
    logits += tf.one_hot(tf.reshape(disallow, [-1]), vocab_size,
                         on_value=_NEVER_DRAWN, off_value=0.0)
  # Shifted before scaling: a tiny temperature gives -inf, never NaN.
  shifted = logits - tf.reduce_max(logits, axis=-1, keepdims=True)
  if temperature != 1.0:
    shifted /= temperature
  return tf.exp(shifted)


def _draw_index(weights, randomness):
  """Draws from K categories in proportion to their weights.

  Args:
    weights: float32 Tensor of shape [rows, K], not negative.
    randomness: randomness.StepRandomness.

  Returns:
    int32 Tensor of shape [rows]; K where all weights of a row are 0.
  """
  cumulative = tf.cumsum(weights, axis=-1)
  # Below the last sum, as the uniform number is below 1: so the first sum that
  # is above it exists, and belongs to a weight above 0.
  total = cumulative[:, -1:]
  threshold = randomness.uniform(tf.shape(total)) * total
  return tf.reduce_sum(tf.cast(cumulative <= threshold, tf.int32), axis=-1)


def _in_blocks(weights):
  """Returns `weights` [rows, K] as [rows, blocks, size] and the size.

  The size is the divisor of K nearest to its square root, if there is one
  within a factor of 4; else the last block is padded with weights of 0, which
  are never drawn.
  """
  num_categories = weights.shape.as_list()[-1]
  root = max(1, int(round(num_categories ** 0.5)))
  divisors = [size for size in range(max(1, root // 4), 4 * root + 1)
              if num_categories % size == 0]
  if divisors:
    size = min(divisors, key=lambda divisor: abs(divisor - root))
  else:
    size = root
    weights = tf.pad(weights, [[0, 0], [0, -num_categories % size]])
  return tf.reshape(weights, [-1, -(-num_categories // size), size]), size
