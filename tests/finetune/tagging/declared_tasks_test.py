"""Tests for finetune.tagging.declared_tasks, by way of task_builder."""

import json
import os
import tempfile
import unittest

from finetune import task_builder
from tests.finetune import words_task
from util import utils


class DeclaredTaggingTest(unittest.TestCase):

  def setUp(self):
    folder = tempfile.TemporaryDirectory()
    self.addCleanup(folder.cleanup)
    self.data_dir = folder.name
    words_task.write_data(self.data_dir)

  def write(self, name, lines):
    words_task.write_lines(os.path.join(
        self.data_dir, "finetuning_data", "mine", name), lines)

  def task(self, **declaration):
    self.write("task.json", [json.dumps(dict(declaration, kind="tagging"))])
    config = words_task.tiny_config(self.data_dir, task_names=["mine"])
    task, = task_builder.get_tasks(config)
    return task

  def test_spans_in_files_by_their_own_names(self):
    self.write("names.txt", ["a B-PER", "b I-PER", "c O"])
    task = self.task(files={"train": "names.txt"})
    self.assertEqual(task.label_list, ["B-PER", "E-PER", "I-PER", "O", "S-PER"])
    example, = task.get_examples("train")
    self.assertEqual((example.task_name, example.words),
                     ("mine", ["a", "b", "c"]))

  def test_tags_that_stand_for_themselves(self):
    self.write("train.txt", ["a NN", "b VB"])
    self.assertEqual(self.task(metric="accuracy").label_list, ["NN", "VB"])

  def test_unknown_metric(self):
    with self.assertRaisesRegex(utils.UserError,
                                "unknown 'mcc'.* Known are: accuracy, f1"):
      self.task(metric="mcc")
    with self.assertRaisesRegex(utils.UserError, "expected one name"):
      self.task(metric=["f1", "accuracy"])


if __name__ == "__main__":
  unittest.main()
