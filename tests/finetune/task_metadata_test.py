"""Tests for finetune.task_metadata."""

import contextlib
import io
import os
import tempfile
import unittest
from unittest import mock

from finetune import task_metadata
from util import utils


class ReadTest(unittest.TestCase):

  def read(self, key, value):
    with tempfile.TemporaryDirectory() as folder:
      path = os.path.join(folder, "labels.json")
      utils.write_json({"mine": {key: value}}, path)
      return task_metadata.read(path, "mine", key)

  def test_reads_valid_values(self):
    self.assertEqual(self.read("labels", ["b", "a"]), ["b", "a"])
    self.assertEqual(self.read("range", [0, 2.5]), [0, 2.5])
    self.assertEqual(self.read("num_columns", 3), 3)
    self.assertEqual(self.read("declaration", {"kind": "qa"}), {"kind": "qa"})

  def test_invalid_values_name_the_file(self):
    for key, value in [
        ("labels", []), ("labels", [["a"]]), ("labels", ["a", "a"]),
        ("labels", "ab"), ("labels", None), ("range", [1]),
        ("range", [0, 1, 2]), ("range", [1, 0]), ("range", ["0", "1"]),
        ("range", [False, True]), ("declaration", []),
        ("num_columns", 0), ("num_columns", 2.0), ("num_columns", True)]:
      with self.subTest(key=key, value=value):
        with self.assertRaisesRegex(
            utils.UserError, 'labels.json: expected {"mine": {"%s"' % key):
          self.read(key, value)


class CompareTest(unittest.TestCase):

  def test_other_labels_than_those_of_the_initial_model_log_a_warning(self):
    with tempfile.TemporaryDirectory() as folder:
      task = mock.Mock(declaration=None)
      task.name = "mine"
      for labels, is_logged in ((["a", "b"], False), (["b", "z"], True),
                                (["a", "b", "c"], False)):  # gets a new head
        task.learned_from_data.return_value = {"labels": ["a", "b"]}
        task_metadata.write(folder, [task])
        task.learned_from_data.return_value = {"labels": labels}
        printed = io.StringIO()
        with contextlib.redirect_stdout(printed):
          task_metadata.compare(folder, [task])
        self.assertEqual("trained for the labels a, b; here they are b, z" in
                         printed.getvalue(), is_logged)


if __name__ == "__main__":
  unittest.main()
