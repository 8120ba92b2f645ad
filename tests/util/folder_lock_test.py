"""Tests for util.folder_lock."""

import contextlib
import io
import os
import signal
import subprocess
import sys
import tempfile
import unittest
import unittest.mock

from util import folder_lock
from util import utils

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(
    os.path.abspath(__file__))))


class FolderLockTest(unittest.TestCase):

  def setUp(self):
    super().setUp()
    folder = tempfile.TemporaryDirectory()
    self.addCleanup(folder.cleanup)
    self.folder = os.path.join(folder.name, "model")

  @contextlib.contextmanager
  def _holder(self):
    """Runs another process that holds the lock; yields it."""
    process = subprocess.Popen(
        [sys.executable, "-c", "import sys\nfrom util import folder_lock\n"
         "with folder_lock.FolderLock(sys.argv[1], 'train'):\n"
         "  print('ready', flush=True)\n"
         "  sys.stdin.read()", self.folder],
        cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    self.assertEqual(process.stdout.readline(), b"ready\n")
    try:
      yield process
    finally:
      process.stdin.close()
      process.wait()
      process.stdout.close()

  def _assert_free(self):
    with folder_lock.FolderLock(self.folder, "train"):
      pass

  def test_a_lock_next_to_the_folder_outlives_it(self):
    def make_lock():
      return folder_lock.FolderLock(self.folder, "train", is_sibling=True)
    with make_lock():
      os.makedirs(self.folder)
      os.rmdir(self.folder)
      with self.assertRaisesRegex(utils.UserError, "model is locked by"):
        make_lock().__enter__()
    with make_lock():
      pass
    self.assertEqual(os.listdir(os.path.dirname(self.folder)), [])

  def test_second_process_is_refused_and_changes_nothing(self):
    with self._holder() as process:
      path = os.path.join(self.folder, folder_lock.LOCK_NAME)
      with open(path) as f:
        content = f.read()
      with self.assertRaisesRegex(
          utils.UserError, r"model is locked by another process \(process %d "
          r"on .+, since 20\d\d-.+\). Wait for it" % process.pid):
        self._assert_free()
      with open(path) as f:
        self.assertEqual(f.read(), content)
      self.assertEqual(os.listdir(self.folder), [folder_lock.LOCK_NAME])
    self._assert_free()

  def test_a_killed_process_holds_nothing(self):
    with self._holder() as process:
      process.send_signal(signal.SIGKILL)
      process.wait()
      self.assertEqual(os.listdir(self.folder), [folder_lock.LOCK_NAME])
      self._assert_free()

  def test_nothing_stays_behind(self):
    os.makedirs(self.folder)
    self._assert_free()
    self.assertEqual(os.listdir(self.folder), [])

  def test_folders_that_it_created_go_if_nothing_was_written(self):
    nested = os.path.join(self.folder, "models", "m")
    with folder_lock.FolderLock(nested, "train"):
      pass
    self.assertFalse(os.path.exists(self.folder))
    with folder_lock.FolderLock(nested, "train"):
      with open(os.path.join(nested, "vocab.txt"), "w"):
        pass
    self.assertEqual(os.listdir(nested), ["vocab.txt"])

  def test_leaves_the_lock_of_whoever_came_after_a_removed_file(self):
    # As in a debug run, which empties its folder while it has the lock.
    with folder_lock.FolderLock(self.folder, "train"):
      os.remove(os.path.join(self.folder, folder_lock.LOCK_NAME))
      with folder_lock.FolderLock(self.folder, "train"):
        pass

  def test_empty_lock_file(self):
    with folder_lock.FolderLock(self.folder, "train"):
      with open(os.path.join(self.folder, folder_lock.LOCK_NAME), "w"):
        pass
      with self.assertRaisesRegex(utils.UserError, "another process. Wait"):
        self._assert_free()

  def _assert_logged_once(self, folder):
    output = io.StringIO()
    with contextlib.redirect_stdout(output):
      with folder_lock.FolderLock(folder, "train"):
        pass
    self.assertEqual(output.getvalue().count("\n"), 1)
    self.assertRegex(output.getvalue(), r"is not locked \(.*\): make sure that")

  def test_logs_that_a_remote_folder_is_not_locked(self):
    self._assert_logged_once("gs://bucket/model")

  def test_logs_that_a_file_system_has_no_locks(self):
    with unittest.mock.patch.object(
        folder_lock.fcntl, "flock",
        side_effect=OSError(folder_lock.errno.ENOLCK, "No locks available")):
      self._assert_logged_once(self.folder)

  def test_folder_that_cannot_be_created(self):
    with open(self.folder, "w"):
      pass
    with self.assertRaisesRegex(utils.UserError, "Cannot create the folder"):
      self._assert_free()


if __name__ == "__main__":
  unittest.main()
