"""Tests for builds on a full or read-only disk, or in a locked folder."""

import os
import tempfile
import unittest
import unittest.mock

from pretrain import dataset_info
from pretrain.build import builder
from tests.faults import small_disk
from tests.pretrain import tiny_corpus
from util import folder_lock
from util import utils


class BuildFaultsTest(unittest.TestCase):

  def setUp(self):
    super().setUp()
    disk = small_disk.mounted(1 << 22)
    self.disk = disk.__enter__()
    self.addCleanup(disk.__exit__, None, None, None)
    self.output_dir = os.path.join(self.disk.path, "examples")
    folder = tempfile.TemporaryDirectory()
    self.addCleanup(folder.cleanup)
    corpus_dir = os.path.join(folder.name, "corpus")
    tiny_corpus.write_corpus(corpus_dir)
    self.settings = builder.BuildSettings(
        corpus_dir=corpus_dir, vocab_file=tiny_corpus.write_vocab(folder.name),
        output_dir=self.output_dir, max_seq_length=16, num_out_files=2)

  def _contents(self):
    """Returns {name: bytes} of the output folder."""
    contents = {}
    for name in os.listdir(self.output_dir):
      with open(os.path.join(self.output_dir, name), "rb") as f:
        contents[name] = f.read()
    return contents

  def _assert_fails(self, message):
    with self.assertRaisesRegex(utils.UserError, message):
      builder.build(self.settings._replace(overwrite=True, seed=1))

  def test_full_disk_keeps_the_earlier_examples(self):
    builder.build(self.settings)
    before = self._contents()
    for num_free in (0, 8192, 16384):  # the marker, the buckets, the shards
      self.disk.fill(num_free)
      self._assert_fails("No space left|Cannot write")
      self.assertEqual(self._contents(), before)
      self.disk.empty()

  def test_full_disk_removes_the_new_folder(self):
    self.disk.fill()
    self._assert_fails("No space left")
    self.assertFalse(os.path.exists(self.output_dir) and
                     os.listdir(self.output_dir))

  def test_disk_that_is_full_at_the_end(self):
    builder.build(self.settings)
    before = self._contents()
    with unittest.mock.patch.object(
        dataset_info, "write", side_effect=utils.UserError("Cannot write x")):
      self._assert_fails("Cannot write x")
    self.assertEqual(self._contents(), before)

  def test_read_only_disk(self):
    builder.build(self.settings)
    before = self._contents()
    self.disk.make_read_only()
    self._assert_fails("Cannot write .*Read-only file system")
    self.disk.make_read_only(False)
    self.assertEqual(self._contents(), before)

  def test_two_builds_in_one_folder(self):
    # Without the lock, the second build would take the marker of the first for
    # that of a killed build and delete its temporary files.
    with folder_lock.FolderLock(self.output_dir, "build"):
      with self.assertRaisesRegex(
          utils.UserError, "is locked by"):
        builder.build(self.settings)
    builder.build(self.settings)
    self.assertNotIn(folder_lock.LOCK_NAME, os.listdir(self.output_dir))


if __name__ == "__main__":
  unittest.main()
