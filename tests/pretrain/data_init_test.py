"""Tests for pretrain.data_init."""

import unittest

import numpy as np
import scipy.sparse

from pretrain import data_init
from util import utils

PAD, CLS, SEP = 0, 2, 3


def count(rows, vocab_size=8, **settings):
  return data_init.count(
      [np.array([row], np.int32) for row in rows], vocab_size,
      [PAD, CLS, SEP], **settings)


def text_of_two_topics(num_rows=300):
  """Returns rows of the tokens 4 to 7 or 8 to 11, and tokens 12 to 19."""
  rng = np.random.RandomState(0)
  rows = []
  for i in range(num_rows):
    topic = rng.randint(4, 8, size=10) + 4 * (i % 2)
    rows.append([CLS] + list(topic) + [SEP, PAD])
  return rows


def cosine(vectors, i, j):
  return np.dot(vectors[i], vectors[j]) / (
      np.linalg.norm(vectors[i]) * np.linalg.norm(vectors[j]))


class CountTest(unittest.TestCase):

  def test_counts_tokens_but_not_special_ones(self):
    counts = count([[CLS, 4, 5, 5, SEP, PAD], [CLS, 5, SEP, 7, SEP, PAD]])
    self.assertEqual(list(counts.frequencies), [0, 0, 0, 0, 1, 3, 0, 1])
    self.assertEqual(counts.num_tokens, 5)

  def test_pairs_are_those_within_the_window_of_one_example(self):
    row = [CLS] + [4, 1, 1, 1, 1, 5, 6] + [SEP]  # 4 and 5: WINDOW apart
    pairs = count([row, [CLS, 7, SEP, PAD, PAD, PAD, PAD, PAD, PAD]]).pairs
    pairs = pairs.toarray()
    self.assertEqual(data_init.WINDOW, 5)
    self.assertEqual(pairs[4, 5], 1)
    self.assertEqual(pairs[4, 6], 0)
    self.assertEqual(pairs[5, 6], 1)
    self.assertFalse(pairs[7].any())
    np.testing.assert_array_equal(pairs, pairs.T)

  def test_the_order_of_adding_up_does_not_matter(self):
    rows = text_of_two_topics(8)
    at_once = data_init.count([np.array(rows)], 12, [PAD, CLS, SEP])
    in_turn = count(rows, 12)
    self.assertEqual((at_once.pairs != in_turn.pairs).nnz, 0)
    np.testing.assert_array_equal(at_once.frequencies, in_turn.frequencies)

  def test_stops_after_enough_tokens(self):
    counts = count(text_of_two_topics(50), 12, max_tokens=35)
    self.assertGreaterEqual(counts.num_tokens, 35)
    self.assertLess(counts.num_tokens, 100)

  def test_an_example_may_be_shorter_than_the_window(self):
    self.assertEqual(count([[CLS, 4, 5]]).pairs[4, 5], 1)


class PositivePmiTest(unittest.TestCase):

  def test_is_the_formula(self):
    pairs = np.array([[0, 6, 1], [6, 2, 0], [1, 0, 4]], np.float32)
    words = pairs.sum(1) / pairs.sum()
    contexts = pairs.sum(0) ** 0.75
    contexts /= contexts.sum()
    with np.errstate(divide="ignore"):
      expected = np.log(pairs / pairs.sum() / np.outer(words, contexts))
    got = data_init.positive_pmi(scipy.sparse.csr_matrix(pairs))
    np.testing.assert_allclose(got.toarray(), np.maximum(expected, 0),
                               rtol=1e-5)


class WordVectorsTest(unittest.TestCase):

  def setUp(self):
    super().setUp()
    self.pairs = count(text_of_two_topics(), 20).pairs
    self.vectors = data_init.word_vectors(self.pairs, 6, seed=1)

  def test_tokens_of_like_contexts_are_alike(self):
    for i, same, other in ((4, 5, 8), (6, 7, 10), (9, 11, 5)):
      self.assertGreater(cosine(self.vectors, i, same), 0.8)
      self.assertLess(cosine(self.vectors, i, other), 0.0)

  def test_all_have_the_same_length_also_tokens_never_seen(self):
    self.assertEqual(self.vectors.dtype, np.float32)
    np.testing.assert_allclose(
        np.linalg.norm(self.vectors, axis=1), 0.125 * np.sqrt(6), rtol=1e-5)
    unseen = self.vectors[12:]
    self.assertEqual(len(np.unique(unseen, axis=0)), len(unseen))

  def test_the_seed_decides(self):
    again = data_init.word_vectors(self.pairs, 6, seed=1)
    np.testing.assert_array_equal(again, self.vectors)
    other = data_init.word_vectors(self.pairs, 6, seed=2)
    self.assertTrue((other[12:] != self.vectors[12:]).all())

  def test_may_be_longer_than_the_vocabulary(self):
    vectors = data_init.word_vectors(self.pairs, 30, seed=1)
    self.assertEqual(vectors.shape, (20, 30))
    self.assertTrue(np.isfinite(vectors).all())


class SinusoidsTest(unittest.TestCase):

  def test_likeness_depends_on_the_distance_alone(self):
    table = data_init.sinusoids(50, 32)
    products = table @ table.T
    for distance in (1, 3, 10):
      np.testing.assert_allclose(
          np.diagonal(products, distance), products[0, distance], rtol=1e-4)
    self.assertGreater(products[0, 1], products[0, 4])

  def test_has_the_deviation_of_new_positions(self):
    np.testing.assert_allclose(
        np.sqrt((data_init.sinusoids(512, 128) ** 2).mean()), 0.06,
        rtol=1e-3)

  def test_takes_an_odd_size(self):
    self.assertEqual(data_init.sinusoids(4, 7).shape, (4, 7))


class LogFrequenciesTest(unittest.TestCase):

  def test_are_shares_and_finite_where_nothing_was_seen(self):
    got = np.exp(data_init.log_frequencies([7, 0, 2]))
    np.testing.assert_allclose(got, np.array([7.5, 0.5, 2.5]) / 10.5, rtol=1e-5)


class InitialValuesTest(unittest.TestCase):

  def test_are_those_of_words_positions_and_the_bias_over_the_vocabulary(self):
    counts = count(text_of_two_topics(), 20)
    values = data_init.initial_values({
        "electra/embeddings/word_embeddings": [20, 6],
        "electra/embeddings/word_embeddings/adam_m": [20, 6],
        "electra/embeddings/position_embeddings": [9, 6],
        "electra/embeddings/token_type_embeddings": [2, 6],
        "generator/embeddings/word_embeddings": [20, 4],
        "generator_predictions/output_bias": [20]}, counts, seed=1)
    self.assertEqual(
        {name: value.shape for name, value in values.items()},
        {"electra/embeddings/word_embeddings": (20, 6),
         "electra/embeddings/position_embeddings": (9, 6),
         "generator/embeddings/word_embeddings": (20, 4),
         "generator_predictions/output_bias": (20,)})

  def test_refuses_examples_without_adjacent_tokens(self):
    with self.assertRaisesRegex(
        utils.UserError, "init_from_data: the examples have no two adjacent"):
      data_init.initial_values({}, count([[CLS, 4, SEP]]), seed=1)


if __name__ == "__main__":
  unittest.main()
