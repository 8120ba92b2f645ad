"""Tests that examples/new_task.py trains and evaluates from raw files."""

import os
import subprocess
import sys
import tempfile
import unittest

from tests import conftest
from tests.finetune import words_task
from util import utils

HPARAMS = {
    "init_checkpoint": None, "model_hparam_overrides": words_task.TINY_MODEL,
    "max_seq_length": 8, "max_query_length": 1, "num_train_epochs": 20.0,
    "train_batch_size": 8, "learning_rate": 1e-2, "do_lower_case": False,
}


class NewTaskTest(unittest.TestCase):

  def test_learns_to_classify_reviews(self):
    with tempfile.TemporaryDirectory() as data_dir:
      words_task.write_data(data_dir)  # for its vocabulary
      for split in ("train", "dev"):
        for label in ("good", "bad"):
          words_task.write_lines(
              os.path.join(data_dir, "finetuning_data", "reviews",
                           "%s_%s.txt" % (split, label)),
              ["%s %s %s" % (a, label, b) for a in "abc" for b in "def"])
      hparams_path = os.path.join(data_dir, "hparams.json")
      utils.write_json(HPARAMS, hparams_path)
      # From another folder: the script adds the project to sys.path.
      done = subprocess.run(
          [sys.executable, "-W", "ignore",
           os.path.join(conftest.ROOT, "examples", "new_task.py"),
           "--data-dir", data_dir, "--model-name", "tiny",
           "--hparams", hparams_path], cwd=data_dir,
          stdout=subprocess.PIPE, stderr=subprocess.PIPE)
      self.assertEqual(done.returncode, 0, done.stderr.decode("utf-8"))
      results = utils.load_json(os.path.join(
          data_dir, "models", "tiny", "results", "reviews_results.json"))
      scores = results["trials"][0]["results"]["reviews"]
      self.assertEqual(sorted(scores),
                       ["accuracy", "f1", "loss", "precision", "recall"])
      self.assertEqual(scores["accuracy"], 100.0)


if __name__ == "__main__":
  unittest.main()
