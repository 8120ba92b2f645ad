"""Tests for finetune.classification.classification_metrics."""

import unittest
from unittest import mock

import numpy as np

from finetune.classification import classification_metrics as metrics
from util import utils

# 1 of 3 positives and 2 of 2 negatives are correct. The reference counts the
# predicted positives as all positives and reports a recall of 100 %.
LABELS = np.array([1, 1, 1, 0, 0])
PREDICTIONS = np.array([1, 0, 0, 0, 0])


class FakeTask:
  """The methods of a task that a scorer calls."""

  name = "fake"
  ids = ("x", "y")

  def is_labeled(self, split):
    return split != "test"

  def submission_name(self, split):
    return "Fake-%s.tsv" % split

  def prediction_text(self, output):
    return "<%s>" % output

  def denormalize(self, target):
    return 1.0 + 4.0 * target

  def get_examples(self, split):
    del split
    return [_Example(eid, name) for eid, name in enumerate(self.ids)]


class _Example:
  text_a, text_b = "a", None

  def __init__(self, eid, example_id):
    self.eid = eid
    self.example_id = example_id


class ClassificationMetricsTest(unittest.TestCase):

  def assert_scores(self, scores, **wanted):
    self.assertEqual(set(scores), set(wanted))
    for name, value in wanted.items():
      self.assertAlmostEqual(scores[name], value, 6, name)

  def test_accuracy(self):
    self.assert_scores(metrics.accuracy(LABELS, PREDICTIONS), accuracy=60.0)

  def test_f1_counts_false_negatives(self):
    # P = 1/1, R = 1/3, F1 = 2 * 1 * 1/3 / (4/3) = 1/2
    self.assert_scores(metrics.f1(LABELS, PREDICTIONS), f1=50.0,
                       precision=100.0, recall=100.0 / 3)

  def test_f1_without_predicted_positives_is_0(self):
    self.assert_scores(metrics.f1(LABELS, 0 * LABELS), f1=0.0, precision=0.0,
                       recall=0.0)

  def test_macro_and_weighted_f1(self):
    # label 0: P = 2/4, R = 2/2, F1 = 2/3; label 1: 1/2
    self.assert_scores(metrics.macro_f1(LABELS, PREDICTIONS),
                       macro_f1=100 * (2 / 3 + 1 / 2) / 2)
    self.assert_scores(metrics.weighted_f1(LABELS, PREDICTIONS),
                       weighted_f1=100 * (2 / 3 * 2 / 5 + 1 / 2 * 3 / 5))

  def test_mcc(self):
    # (TP * TN - FP * FN) / sqrt((TP+FP) (TP+FN) (TN+FP) (TN+FN))
    # = (1 * 2 - 0) / sqrt(1 * 3 * 2 * 4) = 2 / sqrt(24)
    self.assert_scores(metrics.mcc(LABELS, PREDICTIONS), mcc=200 / 24 ** 0.5)
    self.assert_scores(metrics.mcc(LABELS, 0 * LABELS), mcc=0.0)


class RegressionMetricsTest(unittest.TestCase):

  def test_correlations(self):
    # From the means: targets -1, 0, 1, predictions -3, -2, 5:
    # (3 + 0 + 5) / sqrt(2 * 38); the order is the same.
    targets, predictions = np.array([1., 2, 3]), np.array([1., 2, 9])
    self.assertAlmostEqual(metrics.pearson(targets, predictions)["pearson"],
                           800 / 76 ** 0.5)
    self.assertAlmostEqual(metrics.spearman(targets, predictions)["spearman"],
                           100.0)

  def test_correlation_with_a_constant_is_0(self):
    for function in (metrics.pearson, metrics.spearman):
      score, = function(np.array([1., 2]), np.array([3., 3])).values()
      self.assertEqual(score, 0.0)

  def test_errors(self):
    targets, predictions = np.array([1., 2]), np.array([2., 5])
    self.assertEqual(metrics.mse(targets, predictions), {"mse": 5.0})
    self.assertEqual(metrics.mae(targets, predictions), {"mae": 2.0})


class ScorerTest(unittest.TestCase):

  def classified(self, split="dev"):
    scorer = metrics.ClassificationScorer(FakeTask(), split, ["accuracy", "f1"])
    scorer.update({"loss": 1.0, "eid": np.int32(1), "label_ids": 1,
                   "predictions": np.int64(1),
                   "logits": np.array([0.5, 2.0], np.float32)})
    scorer.update({"loss": 2.0, "eid": np.int32(0), "label_ids": 1,
                   "predictions": np.int64(0),
                   "logits": np.array([0.5, 0.25], np.float32)})
    return scorer

  def test_classification(self):
    scorer = self.classified()
    self.assertEqual([name for name, _ in scorer.get_results()],
                     ["accuracy", "f1", "precision", "recall", "loss"])
    self.assertEqual(dict(scorer.get_results())["accuracy"], 50.0)
    self.assertEqual(scorer.get_loss(), 1.5)

  def test_regression_in_the_units_of_the_files(self):
    scorer = metrics.RegressionScorer(FakeTask(), "dev", ["mae"])
    scorer.update({"loss": 1.0, "eid": 0, "predictions": 0.5, "targets": 0.25})
    # 1 + 4 * 0.5 = 3 for 1 + 4 * 0.25 = 2
    self.assertEqual(scorer.get_results(), [("mae", 1.0), ("loss", 1.0)])
    self.assertEqual(scorer.get_test_predictions(), {0: 0.5})

  def test_names_of_scores_are_known_before_the_predictions(self):
    scorer = self.classified()
    empty = metrics.ClassificationScorer(FakeTask(), "dev", ["accuracy", "f1"])
    self.assertEqual(empty.score_names(),
                     [name for name, _ in scorer.get_results()])
    self.assertEqual(metrics.RegressionScorer(
        FakeTask(), "dev", ["mae", "pearson"]).score_names(),
                     ["mae", "pearson", "loss"])
    self.assertEqual(self.classified("test").score_names(), [])

  def test_values_outside_the_range_are_written_as_they_are_scored(self):
    task = FakeTask()
    scorer = metrics.RegressionScorer(task, "dev", ["mae"])
    for eid, output in enumerate([1.25, -0.5]):
      scorer.update({"loss": 1.0, "eid": eid, "predictions": output,
                     "targets": 0.25})
    # 1 + 4 * 1.25 = 6 and 1 - 4 * 0.5 = -1, both for 2
    values = [p["value"] for p in scorer.get_predictions()]
    self.assertEqual(values, [6.0, -1.0])
    self.assertEqual(dict(scorer.get_results())["mae"],
                     np.mean(np.abs(np.array(values) - 2.0)))

  def test_unlabeled_split_has_no_scores_but_predictions(self):
    scorer = self.classified("test")
    self.assertEqual(scorer.get_results(), [])
    self.assertEqual(scorer.get_test_predictions(),
                     {1: [0.5, 2.0], 0: [0.5, 0.25]})

  def test_confusion_and_the_most_confident_errors_are_written(self):
    class LabeledTask(FakeTask):
      label_list = ["no", "yes"]
      config = mock.Mock(
          classification_errors_file="{1}/{0}.json".format)

      def prediction_text(self, output):
        return self.label_list[int(np.argmax(output))]

      def get_examples(self, split):
        examples = super().get_examples(split)
        for example in examples:
          example.label = "yes"
        return examples

    scorer = self.classified()
    scorer._task = LabeledTask()
    (path, content), = scorer.get_files().items()
    self.assertEqual(path, "dev/fake.json")
    self.assertEqual(content["labels"], ["no", "yes"])
    self.assertEqual(content["confusion"], [[0, 0], [1, 1]])
    error, = content["worst"]
    self.assertEqual((error["id"], error["label"], error["gold"]),
                     ("x", "no", "yes"))
    self.assertEqual(self.classified("test").get_files(), {})

  def test_submission_is_in_the_order_of_the_file(self):
    self.assertEqual(
        self.classified("test").get_submission(),
        ("Fake-test.tsv",
         "index\tprediction\nx\t<[0.5, 0.25]>\ny\t<[0.5, 2.0]>\n"))

  def test_submission_of_too_few_predictions(self):
    scorer = self.classified("test")
    del scorer.get_test_predictions()[0]
    with self.assertRaisesRegex(utils.UserError, "the 2 examples of split "
                                "'test', got 1"):
      scorer.get_submission()

  def test_scorers_without_a_task(self):
    for scorer, expected in [
        (metrics.AccuracyScorer(), {"accuracy": 75.0}),
        # 1 of 2 predicted, 1 of 1 found.
        (metrics.F1Scorer(), {"f1": 200 / 3, "precision": 50, "recall": 100}),
        (metrics.MCCScorer(), {"mcc": 100 / 3 ** 0.5})]:
      for gold, predicted in [(1, 1), (0, 1), (0, 0), (0, 0)]:
        scorer.update({"loss": 0.5, "label_ids": gold,
                       "predictions": np.int64(predicted)})
      results = dict(scorer.get_results())
      self.assertEqual(results.pop("loss"), 0.5)
      self.assertEqual(list(results), list(expected))
      for name, value in expected.items():
        self.assertAlmostEqual(results[name], value)
      self.assertFalse(scorer.has("get_predictions"))

  def test_regression_without_a_task(self):
    scorer = metrics.RegressionScorer()
    for target in (0.25, 0.5, 1.0):
      scorer.update({"loss": 1.0, "targets": target, "predictions": -target})
    results = dict(scorer.get_results())
    self.assertAlmostEqual(results["pearson"], -100.0)
    self.assertAlmostEqual(results["spearman"], -100.0)

  def test_a_subclass_knows_labels_and_predictions(self):

    class WrongScorer(metrics.SentenceLevelScorer):

      def _get_results(self):
        return [("wrong", sum(gold != predicted for gold, predicted in zip(
            self._true_labels, self._preds)))]

    scorer = WrongScorer()
    scorer.update({"loss": 1.0, "label_ids": [0, 1], "predictions": [0, 1]})
    scorer.update({"loss": 1.0, "label_ids": [0, 1], "predictions": [1, 1]})
    self.assertEqual(scorer.get_results(), [("wrong", 1)])
    scorer = WrongScorer()
    scorer.update({"loss": 1.0, "targets": 0.5, "predictions": 0.25})
    self.assertEqual(scorer._true_labels, [0.5])


if __name__ == "__main__":
  unittest.main()
