"""Tests for finetune.outputs."""

import os
import pickle
import tempfile
import unittest
from unittest import mock

from finetune import outputs
from tests.finetune import words_task
from util import utils


def _trial(number, accuracy):
  return {"trial": number, "seed": number - 1, "global_step": 12,
          "checkpoint": "model.ckpt-12",
          # A task of this name broke the reference, which cut it at the "_".
          "results": {"my_sentiment": {"accuracy": accuracy, "loss": 0.5}}}


class WriteResultsTest(unittest.TestCase):

  def setUp(self):
    folder = tempfile.TemporaryDirectory()
    self.addCleanup(folder.cleanup)
    words_task.write_data(folder.name)
    self.config = words_task.tiny_config(folder.name)

  def test_one_trial_is_one_line_without_summary(self):
    outputs.write_results(self.config, [_trial(1, 84.125)])
    self.assertEqual(words_task.read_lines(self.config.results_txt),
                     ["my_sentiment: accuracy: 84.12 - loss: 0.50"])
    content = utils.load_json(self.config.results_json())
    self.assertEqual(content, {"trials": [_trial(1, 84.125)], "summary": {}})

  def test_several_trials_end_in_their_summary(self):
    # 80, 90, 82: mean 252 / 3 = 84; squared distances 16 + 36 + 4 = 56, over
    # n - 1 = 2: 28, std 5.29; median 82.
    trials = [_trial(1, 80.0), _trial(2, 90.0), _trial(3, 82.0)]
    outputs.write_results(self.config, trials)
    lines = words_task.read_lines(self.config.results_txt)
    self.assertEqual(lines[1], "my_sentiment: accuracy: 90.00 - loss: 0.50")
    self.assertEqual(lines[3], "my_sentiment accuracy over trials: "
                     "mean 84.00 - std 5.29 - median 82.00 - best 90.00")
    summary = utils.load_json(self.config.results_json())["summary"]
    self.assertAlmostEqual(summary["my_sentiment"]["accuracy"]["std"], 28 ** .5)
    self.assertEqual(summary["my_sentiment"]["accuracy"]["best"], 90.0)

  def test_least_loss_is_the_best(self):
    trials = [_trial(number, 80.0) for number in (1, 2)]
    trials[1]["results"]["my_sentiment"]["loss"] = 0.25
    summary = outputs.summarize([trial["results"] for trial in trials])
    self.assertEqual(summary["my_sentiment"]["loss"]["best"], 0.25)

  def test_best_and_last_weights_have_a_line_after_the_references(self):
    trial = dict(_trial(1, 90.0), last={
        "global_step": 20, "results": {"my_sentiment": {"accuracy": 85.0}}})
    outputs.write_results(self.config, [trial])
    self.assertEqual(words_task.read_lines(self.config.results_txt), [
        "my_sentiment: accuracy: 90.00 - loss: 0.50",
        "my_sentiment trial 1: best at step 12, last at step 20: "
        "accuracy: 85.00"])

  def test_results_file_without_a_folder(self):
    # The reference cut its path at the last "/".
    before = os.getcwd()
    self.addCleanup(os.chdir, before)
    os.chdir(os.path.dirname(self.config.vocab_file))
    outputs.write_results(self.config.replace(
        results_txt="r.txt", results_pkl="r.pkl"), [_trial(1, 80.0)])
    self.assertTrue(os.path.exists("r.json") and os.path.exists("r.pkl"))

  def test_pickle_is_as_the_reference_wrote_it(self):
    outputs.write_results(self.config, [_trial(1, 80.0), _trial(2, 90.0)])
    with open(self.config.results_pkl, "rb") as f:
      content = pickle.load(f)  # written by this test
    self.assertEqual(content, [_trial(1, 80.0)["results"],
                               _trial(2, 90.0)["results"]])

  def test_scorer_files_by_extension(self):
    folder = os.path.join(self.config.model_dir, "new")
    paths = [os.path.join(folder, name) for name in (
        "a.json", "a.pkl", "a.txt")]
    outputs.write_scorer_files(mock.Mock(get_files=lambda: dict(zip(
        paths, [{"q": "مصر"}, [1], "word\tB-LOC\n"]))))
    self.assertEqual(utils.load_json(paths[0]), {"q": "مصر"})
    with open(paths[1], "rb") as f:
      self.assertEqual(pickle.load(f), [1])  # written by this test
    self.assertEqual(words_task.read_lines(paths[2]), ["word\tB-LOC"])

  def test_test_predictions_as_json_and_pickle(self):
    outputs.write_test_predictions(self.config, "words", "test", 2, {"7": 1})
    path = self.config.test_predictions("words", "test", 2)
    with open(path, "rb") as f:
      self.assertEqual(pickle.load(f), {"7": 1})
    self.assertEqual(utils.load_json(os.path.splitext(path)[0] + ".json"),
                     {"7": 1})

  def test_submission_has_a_folder_for_each_trial(self):
    outputs.write_submission(self.config, 2, "CoLA.tsv", "index\tprediction\n")
    self.assertEqual(
        words_task.read_lines(os.path.join(
            self.config.model_dir, "test_predictions", "submission_2",
            "CoLA.tsv")), ["index\tprediction"])


if __name__ == "__main__":
  unittest.main()
