"""Tests for finetune.scorer."""

import math
import unittest

from finetune import scorer


class CountingScorer(scorer.Scorer):
  """Has attributes that a base class may be tempted to use."""

  def __init__(self):
    super().__init__()
    self.num_scorings = 0
    self._num_examples = 0
    self._total_loss = self._results = None

  def update(self, results):
    super().update(results)
    self._num_examples += 1

  def _get_results(self):
    self.num_scorings += 1
    return [("count", float(self._num_examples)), ("loss", self.get_loss())]


class ScorerTest(unittest.TestCase):

  def test_loss_is_the_mean_of_the_examples(self):
    counting = CountingScorer()
    for loss in [1.0, 2.0, 6.0]:
      counting.update({"loss": loss})
    self.assertAlmostEqual(counting.get_loss(), 3.0)  # 9 / 3

  def test_loss_before_the_first_example_is_nan(self):
    self.assertTrue(math.isnan(CountingScorer().get_loss()))

  def test_results_are_scored_once_and_again_after_an_update(self):
    counting = CountingScorer()
    counting.update({"loss": 1.0})
    counting.get_results()
    self.assertEqual(counting.get_results("dev_"),
                     [("dev_count", 1.0), ("dev_loss", 1.0)])
    self.assertEqual(counting.num_scorings, 1)
    counting.update({"loss": 3.0})
    self.assertEqual(counting.get_results(), [("count", 2.0), ("loss", 2.0)])

  def test_results_str(self):
    counting = CountingScorer()
    counting.update({"loss": 0.125})
    self.assertEqual(counting.results_str(), "count: 1.00 - loss: 0.12")

  def test_get_results_must_be_given(self):
    with self.assertRaisesRegex(TypeError, "abstract"):
      scorer.Scorer()


if __name__ == "__main__":
  unittest.main()
