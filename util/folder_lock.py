"""Locks a folder so that only one process at a time writes to it.

The operating system locks a file in the folder and releases it when the process
ends, even if it is killed. Importing this module does not import
TensorFlow.
"""

import errno
import json
import os
import socket
import time

from util import utils

try:
  import fcntl
except ImportError:  # not on Windows
  fcntl = None

LOCK_NAME = ".lock"
_NO_LOCKS = (errno.ENOLCK, errno.ENOSYS, errno.ENOTSUP, errno.EOPNOTSUPP)


class FolderLock:
  """Context manager that locks a folder; creates the folder if it is missing.

  The lock file names the holder: {"pid", "host", "since"}. It is removed on
  exit; one left by a killed process is taken over.
  """

  def __init__(self, folder, what, is_sibling=False):
    """Prepares the lock without taking it.

    Args:
      folder: path; a remote folder is not locked, which is logged.
      what: string, what the holder does there: "train", for the message.
      is_sibling: bool, whether the lock file is next to the folder instead of
        in it, so that its holder may remove and recreate the folder.
    """
    self._folder = folder
    parent, name = os.path.split(folder)
    self._path = (os.path.join(parent, LOCK_NAME + "_" + name) if is_sibling
                  else os.path.join(folder, LOCK_NAME))
    self._what = what
    self._file = None

  def __enter__(self):
    """Takes the lock.

    Raises:
      utils.UserError: another process holds it, or the folder is not writable.
    """
    if fcntl is None or utils.is_remote(self._folder):
      self._log_unlocked("its file system does not support locks")
      return self
    utils.makedirs(os.path.dirname(self._path))
    try:
      while not self._take():
        pass
      if self._file is not None:
        self._write_holder()
    except OSError as error:
      self.__exit__()
      raise utils.UserError("Cannot write to %s: %s." % (
          self._folder, error.strerror))
    return self

  def __exit__(self, *unused_error):
    if self._file is not None:
      if _is_at(self._file, self._path):
        os.remove(self._path)
      self._file.close()  # releases the lock
      self._file = None

  def _take(self):
    """Returns False if the lock file was removed meanwhile: try again."""
    lock_file = open(self._path, "ab+", buffering=0)
    try:
      fcntl.flock(lock_file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
      lock_file.seek(0)
      holder = _format_holder(lock_file.read())
      lock_file.close()
      raise utils.UserError(
          "%s is locked by another process%s. Wait for it, stop it, or choose "
          "another folder to %s in." % (
              self._folder, holder, self._what))
    except OSError as error:
      lock_file.close()
      if error.errno not in _NO_LOCKS:
        raise
      os.remove(self._path)
      self._log_unlocked(error.strerror)
      return True
    if not _is_at(lock_file, self._path):  # removed by its holder
      lock_file.close()
      return False
    self._file = lock_file
    return True

  def _write_holder(self):
    self._file.truncate(0)
    self._file.write(json.dumps({
        "pid": os.getpid(), "host": socket.gethostname(),
        "since": time.strftime("%Y-%m-%d %H:%M:%S")}).encode("utf-8"))

  def _log_unlocked(self, why):
    utils.log("No lock on %s (%s): make sure that no other process writes to "
              "it" % (self._folder, why))


def _is_at(lock_file, path):
  """Returns whether an open file is the one at `path`."""
  return os.path.exists(path) and os.path.samestat(
      os.fstat(lock_file.fileno()), os.stat(path))


def _format_holder(content):
  """Returns the holder that a lock file names, "" if it names none yet."""
  try:
    holder = json.loads(content.decode("utf-8"))
    return " (process %d on %s, since %s)" % (
        holder["pid"], holder["host"], holder["since"])
  except (ValueError, KeyError, TypeError):
    return ""
