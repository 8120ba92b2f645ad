"""Tests for pretrain.build.output_folder."""

import os
import tempfile
import unittest

from pretrain import dataset_info
from pretrain.build import output_folder
from tests.pretrain import dataset_info_test
from util import utils

SHARD = "pretrain_data.tfrecord-0-of-1"


class OutputFolderTest(unittest.TestCase):

  def setUp(self):
    super().setUp()
    folder = tempfile.TemporaryDirectory()
    self.addCleanup(folder.cleanup)
    self.path = os.path.join(folder.name, "output")

  def write(self, name, text=""):
    utils.makedirs(self.path)
    with open(os.path.join(self.path, name), "w") as f:
      f.write(text)

  def publish(self, text, overwrite=False):
    """Publishes a build whose only shard has the four bytes `text`."""
    with output_folder.prepare(self.path, overwrite) as output:
      with open(os.path.join(output.shards_folder, SHARD), "w") as f:
        f.write(text)
      output.publish(dataset_info_test.make_content())

  def assert_contains(self, names, text=None):
    self.assertEqual(utils.listdir(self.path), sorted(names))
    if text:
      with open(os.path.join(self.path, SHARD)) as f:
        self.assertEqual(f.read(), text)

  def test_output_is_shards_and_dataset_info(self):
    self.publish("1234")
    self.assert_contains([SHARD, "dataset_info.json"], "1234")

  def test_build_is_marked_unfinished_while_it_runs(self):
    with output_folder.prepare(self.path, overwrite=False):
      self.assertTrue(dataset_info.is_unfinished(self.path))

  def test_failed_build_removes_the_new_folder(self):
    with self.assertRaises(KeyError):
      with output_folder.prepare(self.path, overwrite=False):
        raise KeyError
    self.assertFalse(os.path.exists(self.path))

  def test_failed_build_keeps_other_files(self):
    self.write("notes.txt")
    with self.assertRaises(KeyError):
      with output_folder.prepare(self.path, overwrite=True):
        raise KeyError
    self.assert_contains(["notes.txt"])

  def test_failed_rebuild_leaves_no_marker_with_reference_examples(self):
    self.write(SHARD)
    with self.assertRaises(KeyError):
      with output_folder.prepare(self.path, overwrite=True):
        raise KeyError
    self.assertFalse(dataset_info.is_unfinished(self.path))

  def test_earlier_build_stays_usable_until_the_new_one_is_complete(self):
    self.publish("1234")
    with output_folder.prepare(self.path, overwrite=True):
      self.assertFalse(dataset_info.is_unfinished(self.path))
      self.assertIsNotNone(dataset_info.load(self.path))

  def test_build_that_fails_while_publishing_stays_marked(self):
    self.publish("1234")
    with self.assertRaises(FileNotFoundError):
      with output_folder.prepare(self.path, overwrite=True) as output:
        output.publish(dataset_info_test.make_content())  # no shard to move
    self.assertTrue(dataset_info.is_unfinished(self.path))
    self.publish("5678")  # without --overwrite
    self.assert_contains([SHARD, "dataset_info.json"], "5678")

  def test_files_of_a_killed_build_are_deleted(self):
    self.write("BUILD_UNFINISHED")
    os.mkdir(os.path.join(self.path, ".unfinished_build"))
    self.write(os.path.join(".unfinished_build", "bucket-0"))
    self.publish("1234")
    self.assert_contains([SHARD, "dataset_info.json"])

  def test_finished_build_needs_overwrite(self):
    self.publish("1234")
    with self.assertRaisesRegex(utils.UserError, "has a finished build. Pass "
                                "another folder, or --overwrite"):
      self.publish("5678")
    self.publish("5678", overwrite=True)
    self.assert_contains([SHARD, "dataset_info.json"], "5678")

  def test_folder_with_other_files_needs_overwrite_and_keeps_them(self):
    self.write("notes.txt")
    self.write("pretrain_data.tfrecord-eval")
    self.write("pretrain_data.tfrecord-7-of-9")
    with self.assertRaisesRegex(utils.UserError, "files that are not from a"):
      self.publish("1234")
    self.publish("1234", overwrite=True)
    self.assert_contains([SHARD, "dataset_info.json", "notes.txt",
                       "pretrain_data.tfrecord-eval"])

  def test_hidden_files_are_ignored(self):
    self.write(".DS_Store")
    self.publish("1234")
    self.assert_contains([SHARD, "dataset_info.json", ".DS_Store"])

  def test_rejects_a_file_as_output_dir(self):
    with open(self.path, "w") as f:
      f.write("x")
    with self.assertRaisesRegex(utils.UserError, "is a file"):
      self.publish("1234")


if __name__ == "__main__":
  unittest.main()
