"""Tests for pretrain.pretrain_helpers."""

import tempfile

import numpy as np
import tensorflow.compat.v1 as tf

from model import randomness
from pretrain import pretrain_data
from pretrain import pretrain_helpers
from tests.pretrain import tiny_pretraining


def step_randomness(step=0):
  return randomness.StepRandomness(1, step)


class MaskTest(tf.test.TestCase):

  def setUp(self):
    super().setUp()
    folder = tempfile.mkdtemp(dir=self.get_temp_dir())
    tiny_pretraining.write_vocab(folder)
    self.config = tiny_pretraining.make_config(
        folder, mask_prob=0.3, max_predictions_per_seq=5)

  def _mask(self, rows, config=None, num_steps=1):
    """Masks rows of ids, padded with -1; returns a list of Inputs of arrays."""
    ids = np.array(rows)
    inputs = pretrain_data.features_to_inputs({
        "input_ids": tf.constant(np.maximum(ids, 0), tf.int32),
        "input_mask": tf.constant(ids >= 0, tf.int32),
        "segment_ids": tf.zeros(ids.shape, tf.int32)})
    config = config or self.config
    step = tf.placeholder(tf.int32, [])
    masked = pretrain_helpers.mask(
        config, inputs, config.mask_prob, step_randomness(step))
    fetches = (masked, pretrain_helpers.unmask(masked).input_ids)
    with self.session() as session:
      return [session.run(fetches, {step: i}) for i in range(num_steps)]

  def test_masks_the_right_number_of_real_words(self):
    row = [2, 10, 11, 12, 3, 13, 4, 14, 3, -1, -1, -1]
    # 9 tokens * 0.3 = 2.7: 3 positions, of 1 2 3 5 7
    for masked, original in self._mask([row, row], num_steps=10):
      self.assertAllEqual(masked.masked_lm_weights, [[1, 1, 1, 0, 0]] * 2)
      for positions, ids in zip(masked.masked_lm_positions,
                                masked.masked_lm_ids):
        self.assertLen(set(positions[:3]), 3)
        self.assertTrue(set(positions[:3]) <= {1, 2, 3, 5, 7})
        self.assertAllEqual(ids[:3], [row[i] for i in positions[:3]])
        self.assertAllEqual(positions[3:], [0, 0])
      self.assertAllEqual(original, np.maximum([row, row], 0))
      is_changed = masked.input_ids != original
      self.assertTrue(np.all(masked.input_ids[is_changed] == 4))

  def test_randomness_of_the_config_by_default(self):
    with tf.Graph().as_default(), self.session() as session:
      inputs = pretrain_data.features_to_inputs({
          "input_ids": tf.constant([[2] + list(range(5, 25)) + [3]]),
          "input_mask": tf.ones([1, 22], tf.int32)})
      masked = [pretrain_helpers.mask(self.config, inputs, 0.2, random)
                for random in (None, None, randomness.StepRandomness(
                    self.config.seed, 0).child("mask"))]
      session.run(tf.global_variables_initializer())
      first, second, expected = session.run(
          [one.masked_lm_positions for one in masked])
    self.assertAllEqual(first, second)
    self.assertAllEqual(first, expected)

  def test_shows_the_mask_85_percent_of_the_time(self):
    row = [2] + list(range(5, 37)) + [3] * 14  # 47 * 0.3 = 14 positions
    config = self.config.replace(
        max_seq_length=47, max_predictions_per_seq=14,
        model_hparam_overrides={"max_position_embeddings": 47})
    counts = [np.sum(masked.input_ids == 4)
              for masked, _ in self._mask([row] * 8, config, num_steps=40)]
    # 14 * 8 * 40 = 4480 positions: standard deviation 0.5 %
    self.assertNear(np.sum(counts) / 4480.0, 0.85, 0.02)

  def test_all_candidates_are_equally_likely(self):
    row = [2, 10, 11, 12, 3, 13, 4, 14, 3, -1, -1, -1]
    counts = np.zeros(12)
    for masked, _ in self._mask([row] * 20, num_steps=40):
      np.add.at(counts, masked.masked_lm_positions[:, :3].ravel(), 1)
    # 800 rows * 3 of 5 positions = 480 each; standard deviation 14
    self.assertAllClose(counts[[1, 2, 3, 5, 7]], [480] * 5, atol=60)

  def test_never_more_positions_than_words(self):
    # 12 tokens * 0.3 = 3.6: 4 positions, but there are 2 words
    row = [2, 10, 11] + [3] * 9
    (masked, _), = self._mask([row])
    self.assertAllEqual(masked.masked_lm_weights, [[1, 1, 0, 0, 0]])
    self.assertAllEqual(sorted(masked.masked_lm_positions[0]), [0, 0, 0, 1, 2])

  def test_only_special_tokens(self):
    # The reference divides 0 by 0 here and masks a token of the next row.
    rows = [[2, 3, -1, -1], [2, 10, 3, -1]]
    for changes in ({}, {"reference_masking": True}):
      (masked, original), = self._mask(
          rows, self.config.replace(max_seq_length=5,
                                    max_predictions_per_seq=3, **changes))
      self.assertAllEqual(masked.masked_lm_weights, [[0, 0, 0], [1, 0, 0]])
      self.assertAllEqual(masked.masked_lm_positions, [[0, 0, 0], [1, 0, 0]])
      self.assertAllEqual(masked.input_ids[0], [2, 3, 0, 0])
      self.assertAllEqual(original, np.maximum(rows, 0))

  def test_reference_masking_draws_some_positions_twice(self):
    row = [2, 10, 11, 12, 3, 13, 4, 14, 3, -1, -1, -1]
    config = self.config.replace(reference_masking=True)
    num_distinct = [
        len(set(positions[:3])) for masked, _ in self._mask(
            [row] * 20, config, num_steps=20)
        for positions in masked.masked_lm_positions]
    # 3 draws of 5: distinct 5 * (1 - 0.8^3) = 2.44 on average, sd 0.03
    self.assertNear(np.mean(num_distinct), 2.44, 0.1)


class SampleTest(tf.test.TestCase):

  def _frequencies(self, probs, num_rows=4000, **settings):
    logits = tf.tile(tf.log(tf.constant(probs))[tf.newaxis, tf.newaxis] + 3.0,
                     [1, num_rows, 1])
    with self.session() as session:
      drawn = session.run(pretrain_helpers.sample_from_softmax(
          logits, step_randomness(), **settings))
    self.assertEqual(drawn.shape, (1, num_rows))
    return np.bincount(drawn[0], minlength=len(probs)) / float(num_rows)

  def test_frequencies_are_the_probabilities(self):
    for size in (5, 12, 13, 47):  # with and without divisors near the root
      probs = np.random.RandomState(size).dirichlet(
          np.full(size, 0.5)).astype(np.float32)
      # standard deviation of a frequency: at most 0.5 / sqrt(4000) = 0.008
      with self.subTest(size=size):
        self.assertAllClose(self._frequencies(probs), probs, atol=0.03)

  def test_given_likelihoods_serve_only_the_plain_distribution(self):
    likelihoods = tf.tile(tf.constant([[[0.0, 0.0, 7.0]]]), [1, 50, 1])
    probs = np.float32([1.0, 1e-9, 1e-9])
    self.assertAllEqual(
        self._frequencies(probs, 50, likelihoods=likelihoods), [0, 0, 1])
    self.assertAllEqual(self._frequencies(
        probs, 50, likelihoods=likelihoods, temperature=0.5), [1, 0, 0])

  def test_temperature(self):
    # p^(1/2) of (0.8, 0.2): 0.894 and 0.447, normalized 2/3 and 1/3
    self.assertAllClose(
        self._frequencies(np.float32([0.8, 0.2]), temperature=2.0),
        [2 / 3.0, 1 / 3.0], atol=0.03)

  def test_no_temperature_is_the_argmax(self):
    probs = np.float32([0.1, 0.2, 0.3, 0.25, 0.15])
    for temperature in (1e-5, 1e-37):
      self.assertAllEqual(
          self._frequencies(probs, 50, temperature=temperature),
          [0, 0, 1, 0, 0])

  def test_disallowed_tokens_are_never_drawn(self):
    probs = np.float32([0.9, 0.05, 0.05])
    frequencies = self._frequencies(
        probs, disallow=tf.zeros([1, 4000], tf.int32))
    self.assertAllClose(frequencies, [0, 0.5, 0.5], atol=0.03)
    self.assertEqual(frequencies[0], 0)

  def test_likely_token_in_a_large_vocabulary(self):
    logits = np.full([1, 200, 64000], -30.0, np.float32)
    logits[:, :, 63999] = logits[:, :, 17] = 0.0
    with self.session() as session:
      drawn = session.run(pretrain_helpers.sample_from_softmax(
          tf.constant(logits), step_randomness()))
    self.assertEqual(set(drawn.ravel()), {17, 63999})

  def test_uniform(self):
    with self.session() as session:
      drawn = session.run(pretrain_helpers.sample_uniformly(
          [4000], 5, step_randomness()))
      others = session.run(pretrain_helpers.sample_uniformly(
          [4000], 5, step_randomness(), disallow=tf.fill([4000], 2)))
    self.assertAllClose(np.bincount(drawn) / 4000.0, [0.2] * 5, atol=0.03)
    self.assertAllClose(np.bincount(others) / 4000.0,
                        [0.25, 0.25, 0, 0.25, 0.25], atol=0.03)


class ScatterAverageTest(tf.test.TestCase):

  def test_averages_where_two_meet(self):
    with self.session() as session:
      updated, written = session.run(pretrain_helpers.scatter_average(
          tf.constant([[2, 10, 11, 12, 3]]), tf.constant([[20, 31, 7, 99]]),
          tf.constant([[1, 1, 3, 0]])))
    self.assertAllEqual(updated, [[2, 25, 11, 7, 3]])  # (20 + 31) // 2 = 25
    self.assertAllEqual(written, [[0, 1, 0, 1, 0]])


if __name__ == "__main__":
  tf.test.main()
