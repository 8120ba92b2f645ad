"""A tmpfs of a few megabytes that tests fill up or make read-only."""

import contextlib
import os
import subprocess
import tempfile
import unittest

_BALLAST_NAME = ".ballast"


class SmallDisk:
  """A mounted tmpfs.

  Attributes:
    path: str, its mount point.
  """

  def __init__(self, path):
    self.path = path

  def fill(self, num_free=0):
    """Writes until at most `num_free` bytes are free, rounded to pages."""
    with open(os.path.join(self.path, _BALLAST_NAME), "ab", buffering=0) as f:
      free = os.statvfs(self.path)
      f.write(b"x" * max(0, free.f_bavail * free.f_frsize - num_free))

  def empty(self):
    """Frees the space that `fill` used."""
    os.remove(os.path.join(self.path, _BALLAST_NAME))

  def make_read_only(self, is_read_only=True):
    subprocess.run(
        ["mount", "-o", "remount,%s" % ("ro" if is_read_only else "rw"),
         self.path], check=True)


@contextlib.contextmanager
def mounted(num_bytes):
  """Yields a SmallDisk; skips the test if mounting is not permitted."""
  with tempfile.TemporaryDirectory() as path:
    done = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=%d" % num_bytes, "tmpfs", path],
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False)
    if done.returncode:
      raise unittest.SkipTest("mounting a small disk is not permitted here")
    try:
      yield SmallDisk(path)
    finally:
      subprocess.run(["umount", "--lazy", path], check=True)
