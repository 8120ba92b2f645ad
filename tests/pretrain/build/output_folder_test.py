"""Tests for pretrain.build.output_folder."""

import os
import tempfile
import unittest

from pretrain.build import output_folder
from pretrain import dataset_info
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
    """Makes a build whose only shard holds the four bytes `text`."""
    with output_folder.prepare(self.path, overwrite) as output:
      with open(os.path.join(output.shards_folder, SHARD), "w") as f:
        f.write(text)
      output.publish(dataset_info_test.make_content())

  def assert_holds(self, names, text=None):
    self.assertEqual(utils.listdir(self.path), sorted(names))
    if text:
      with open(os.path.join(self.path, SHARD)) as f:
        self.assertEqual(f.read(), text)

  def test_build_leaves_shards_and_info_only(self):
    self.publish("1234")
    self.assert_holds([SHARD, "dataset_info.json"], "1234")

  def test_build_is_marked_unfinished_while_it_runs(self):
    with output_folder.prepare(self.path, overwrite=False):
      self.assertTrue(dataset_info.is_unfinished(self.path))

  def test_failed_build_leaves_nothing(self):
    with self.assertRaises(KeyError):
      with output_folder.prepare(self.path, overwrite=False):
        raise KeyError
    self.assertFalse(os.path.exists(self.path))

  def test_failed_build_leaves_what_was_there(self):
    self.write("notes.txt")
    with self.assertRaises(KeyError):
      with output_folder.prepare(self.path, overwrite=True):
        raise KeyError
    self.assert_holds(["notes.txt"])

  def test_failed_rebuild_does_not_mark_the_references_examples(self):
    self.write(SHARD)
    with self.assertRaises(KeyError):
      with output_folder.prepare(self.path, overwrite=True):
        raise KeyError
    self.assertFalse(dataset_info.is_unfinished(self.path))

  def test_earlier_build_stays_usable_until_the_new_one_is_whole(self):
    self.publish("1234")
    with output_folder.prepare(self.path, overwrite=True):
      self.assertFalse(dataset_info.is_unfinished(self.path))
      self.assertIsNotNone(dataset_info.load(self.path))

  def test_build_that_fails_between_old_and_new_stays_marked(self):
    self.publish("1234")
    with self.assertRaises(FileNotFoundError):
      with output_folder.prepare(self.path, overwrite=True) as output:
        output.publish(dataset_info_test.make_content())  # no shard to move in
    self.assertTrue(dataset_info.is_unfinished(self.path))
    self.publish("5678")  # and needs no --overwrite
    self.assert_holds([SHARD, "dataset_info.json"], "5678")

  def test_what_a_killed_build_left_is_cleaned_up(self):
    self.write("BUILD_UNFINISHED")
    os.mkdir(os.path.join(self.path, ".unfinished_build"))
    self.write(os.path.join(".unfinished_build", "bucket-0"))
    self.publish("1234")
    self.assert_holds([SHARD, "dataset_info.json"])

  def test_finished_build_needs_overwrite(self):
    self.publish("1234")
    with self.assertRaisesRegex(utils.UserError, "holds a finished build; add "
                                "--overwrite"):
      self.publish("5678")
    self.publish("5678", overwrite=True)
    self.assert_holds([SHARD, "dataset_info.json"], "5678")

  def test_foreign_folder_needs_overwrite_and_keeps_its_files(self):
    self.write("notes.txt")
    self.write("pretrain_data.tfrecord-eval")
    self.write("pretrain_data.tfrecord-7-of-9")
    with self.assertRaisesRegex(utils.UserError, "this tool did not write it"):
      self.publish("1234")
    self.publish("1234", overwrite=True)
    self.assert_holds([SHARD, "dataset_info.json", "notes.txt",
                       "pretrain_data.tfrecord-eval"])

  def test_hidden_files_do_not_count(self):
    self.write(".DS_Store")
    self.publish("1234")
    self.assert_holds([SHARD, "dataset_info.json", ".DS_Store"])

  def test_refuses_a_file_in_the_way(self):
    with open(self.path, "w") as f:
      f.write("x")
    with self.assertRaisesRegex(utils.UserError, "found a file at"):
      self.publish("1234")


if __name__ == "__main__":
  unittest.main()
