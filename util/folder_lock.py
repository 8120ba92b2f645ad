"""One process at a time may write to a folder.

The lock is the operating system's, on a file in the folder: it is gone with the
process that holds it, however that ended. Importing this module does not import
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
  """Holds a folder between entering and leaving; makes it where it is missing.

  The file says who holds it: {"pid", "host", "since"}. It is removed at the
  end; one that a killed process left is taken over.
  """

  def __init__(self, folder, what, is_beside=False):
    """Makes the lock, which is not taken yet.

    Args:
      folder: path; nothing is locked in a remote one, and that is said.
      what: string, what the holder does there: "train", for the message.
      is_beside: bool, whether the file is not in the folder but beside it, so
        that its holder may remove the folder and make it anew.
    """
    self._folder = folder
    parent, name = os.path.split(folder)
    self._path = (os.path.join(parent, LOCK_NAME + "_" + name) if is_beside
                  else os.path.join(folder, LOCK_NAME))
    self._what = what
    self._file = None

  def __enter__(self):
    """Takes the lock.

    Raises:
      utils.UserError: another process has it, or the folder cannot be written.
    """
    if fcntl is None or utils.is_remote(self._folder):
      self._say_unlocked("its kind of file system has no locks")
      return self
    utils.makedirs(os.path.dirname(self._path))
    try:
      while not self._take():
        pass
      if self._file is not None:
        self._sign()
    except OSError as error:
      self.__exit__()
      raise utils.UserError("Cannot write to %s: %s." % (
          self._folder, error.strerror))
    return self

  def __exit__(self, *unused_error):
    if self._file is not None:
      if _is_at(self._file, self._path):
        os.remove(self._path)
      self._file.close()  # and with it goes the lock
      self._file = None

  def _take(self):
    """Returns whether the file is ours, or has no locks; else: try again."""
    lock_file = open(self._path, "ab+", buffering=0)
    try:
      fcntl.flock(lock_file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
      lock_file.seek(0)
      holder = _described(lock_file.read())
      lock_file.close()
      raise utils.UserError(
          "Expected to be alone in %s, but another process%s is at work there; "
          "wait for it, stop it, or choose another folder to %s in." % (
              self._folder, holder, self._what))
    except OSError as error:
      lock_file.close()
      if error.errno not in _NO_LOCKS:
        raise
      os.remove(self._path)
      self._say_unlocked(error.strerror)
      return True
    if not _is_at(lock_file, self._path):  # its holder removed it meanwhile
      lock_file.close()
      return False
    self._file = lock_file
    return True

  def _sign(self):
    self._file.truncate(0)
    self._file.write(json.dumps({
        "pid": os.getpid(), "host": socket.gethostname(),
        "since": time.strftime("%Y-%m-%d %H:%M:%S")}).encode("utf-8"))

  def _say_unlocked(self, why):
    utils.log("No lock on %s (%s): see to it that no other process writes "
              "there" % (self._folder, why))


def _is_at(lock_file, path):
  """Returns whether an open file is the one at `path`."""
  return os.path.exists(path) and os.path.samestat(
      os.fstat(lock_file.fileno()), os.stat(path))


def _described(content):
  """Returns who holds a lock, "" where the file does not tell (yet)."""
  try:
    holder = json.loads(content.decode("utf-8"))
    return " (process %d on %s, since %s)" % (
        holder["pid"], holder["host"], holder["since"])
  except (ValueError, KeyError, TypeError):
    return ""
