"""Tests for finetune.evaluations."""

import collections
import contextlib
import io
import math
import os
import tempfile
import unittest

from finetune import evaluations
from tests.finetune import words_task
from util import utils


class EvaluationsTest(unittest.TestCase):

  def setUp(self):
    super().setUp()
    folder = tempfile.TemporaryDirectory()
    self.addCleanup(folder.cleanup)
    self.folder = folder.name
    for name in ("vocab.txt", "labels.json", "finetuning_run.json", "other"):
      words_task.write_lines(os.path.join(self.folder, name), [name])

  def record(self, best_metric=None):
    return evaluations.Evaluations(self.folder, best_metric)

  def prefix(self, step):
    """Returns the checkpoint of a step, the only one in the folder."""
    for name in os.listdir(self.folder):
      if name.startswith("model.ckpt"):
        os.remove(os.path.join(self.folder, name))
    prefix = os.path.join(self.folder, "model.ckpt-%d" % step)
    for end in (".index", ".data-00000-of-00001"):
      words_task.write_lines(prefix + end, [str(step)])
    return prefix

  def add(self, step, record=None, dev_data=None, **tasks):
    """Adds an evaluation, {task: [(score, value)]}; returns if it is best."""
    return (record or self.record()).add(step, {
        name: collections.OrderedDict(scores)
        for name, scores in tasks.items()}, self.prefix(step), dev_data)

  def best_files(self):
    return sorted(os.listdir(os.path.join(self.folder, "best")))

  def test_best_checkpoint_is_kept_with_the_files_of_the_model(self):
    for step, value, is_best in [(4, 1.0, True), (8, 3.0, True),
                                 (12, 2.0, False), (16, 3.0, False)]:
      self.assertEqual(self.add(step, rte=[("f", value)]), is_best)
    self.assertEqual(self.best_files(), [
        "checkpoint", "finetuning_run.json", "labels.json",
        "model.ckpt-8.data-00000-of-00001", "model.ckpt-8.index", "vocab.txt"])
    record = self.record()
    self.assertEqual(record.steps, [4, 8, 12, 16])
    self.assertEqual((record.best.step, record.last.step), (8, 16))
    self.assertEqual(record.best.results, {"rte": {"f": 3.0}})
    self.assertEqual(record.num_since_best(), 2)

  def test_first_score_counts_even_if_it_comes_last_in_the_alphabet(self):
    self.add(4, rte=[("z", 1.0), ("a", 9.0)])
    self.assertTrue(self.add(8, rte=[("z", 2.0), ("a", 1.0)]))

  def test_less_is_better_of_losses_and_errors(self):
    for name in ("loss", "mse", "mae", "mismatched_loss"):
      record = self.record(name)
      values = [record.value_of(evaluations.Evaluation(1, {"t": {name: value}}))
                for value in (1.0, 2.0, math.nan)]
      self.assertEqual(values, [-1.0, -2.0, -math.inf])

  def test_score_of_several_tasks_is_the_mean_or_that_of_one(self):
    evaluation = evaluations.Evaluation(1, {
        "rte": {"accuracy": 50.0}, "sts": {"pearson": 30.0, "accuracy": 1.0}})
    for metric, wanted in [(None, 40.0), ("accuracy", 25.5),
                           ("sts/pearson", 30.0)]:
      self.assertEqual(self.record(metric).value_of(evaluation), wanted)

  def test_no_mean_of_a_score_and_an_error(self):
    # An error of thousands would decide alone.
    evaluation = evaluations.Evaluation(1, {
        "rte": {"accuracy": 50.0}, "price": {"mse": 9000.0}})
    with self.assertRaisesRegex(utils.UserError, "rte/accuracy and price/mse "
                                "cannot be averaged"):
      self.record().value_of(evaluation)
    self.assertEqual(self.record("price/mse").value_of(evaluation), -9000.0)

  def test_changed_best_metric_contradicts_the_kept_checkpoint(self):
    self.add(4, rte=[("f", 1.0), ("loss", 3.0)])
    self.add(8, rte=[("f", 2.0), ("loss", 5.0)])
    self.record().check_metric()
    self.record("rte/f").check_metric()
    with self.assertRaisesRegex(
        utils.UserError, r"best, step 8\) was selected by another score; by "
        "loss step 4 would be best"):
      self.record("loss").check_metric()

  def test_changed_dev_data_log_a_warning(self):
    self.record().check_dev_data(["old"])
    self.add(4, rte=[("f", 1.0)], dev_data=["old"])
    for dev_data, is_logged in ((["old"], False), (["new"], True)):
      printed = io.StringIO()
      with contextlib.redirect_stdout(printed):
        self.record().check_dev_data(dev_data)
      self.assertEqual("Warning: the dev data changed" in
                       printed.getvalue(), is_logged)

  def test_unknown_metric_names_the_known(self):
    for metric in ("f2", "rte/pearson", "rted/f"):
      with self.assertRaisesRegex(
          utils.UserError, "one of rte/f, rte/loss, got '%s'" % metric):
        self.add(4, self.record(metric), rte=[("f", 1.0), ("loss", 2.0)])

  def test_metric_is_selected_from_names_alone(self):
    scores = {"rte": ["accuracy", "loss"], "ner": ["f1", "accuracy"]}
    for metric, wanted in [
        (None, {"rte": "accuracy", "ner": "f1"}),
        ("accuracy", {"rte": "accuracy", "ner": "accuracy"}),
        ("ner/f1", {"ner": "f1"})]:
      self.assertEqual(evaluations.select_scores(metric, scores), wanted)
    for metric, similar in [("acc", "accuracy"), ("ner/acc", "ner/accuracy"),
                            ("Loss", "loss")]:
      with self.assertRaisesRegex(
          utils.UserError, "one of rte/accuracy, rte/loss, ner/f1, "
          "ner/accuracy, got '%s'. Did you mean '%s'" % (metric, similar)):
        evaluations.select_scores(metric, scores)

  def test_repeated_steps_replace_their_evaluations(self):
    for step in (4, 8, 12):
      self.add(step, rte=[("f", step)])
    self.assertTrue(self.add(8, rte=[("f", 8)]))  # 12 was the best
    self.assertEqual(self.record().steps, [4, 8])

  def test_killed_before_evaluations_json_was_written(self):
    self.add(4, rte=[("f", 1.0)])
    record = self.record()
    record._write = lambda: 1 / 0  # pylint: disable=protected-access
    with self.assertRaises(ZeroDivisionError):
      self.add(8, record, rte=[("f", 2.0)])
    # The checkpoint named in evaluations.json still exists.
    self.assertIn("model.ckpt-4.index", self.best_files())
    self.assertEqual(self.record().best.step, 4)
    self.assertTrue(self.add(8, rte=[("f", 2.0)]))
    self.assertNotIn("model.ckpt-4.index", self.best_files())

  def test_without_evaluations_json(self):
    record = self.record()
    self.assertEqual((record.steps, record.best, record.last), ([], None, None))
    self.assertIsNone(evaluations.best_folder(self.folder))

  def test_invalid_evaluations_json(self):
    for content in ("[]", '{"evaluations": [{}]}', "{}"):
      words_task.write_lines(os.path.join(self.folder, "evaluations.json"),
                             [content])
      with self.assertRaisesRegex(utils.UserError, "json: .*Remove it and"):
        self.record()


if __name__ == "__main__":
  unittest.main()
