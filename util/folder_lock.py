"""A lock for a folder that one process at a time may write to.

It is an operating system lock (flock) on a file in the folder, which is
released when the process ends, even if it is killed. Importing this module does
not import TensorFlow.
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
  """Context manager that locks a folder, which is created if missing.

  The lock file names its holder: {"pid", "host", "since"}. It is removed on
  exit, and so are folders that were created and are still empty; the file of a
  killed process is taken over.
  """

  def __init__(self, folder, action, is_sibling=False):
    """Does not lock yet.

    Args:
      folder: path; a remote folder is not locked, which is logged.
      action: str, the verb in the message: "train".
      is_sibling: bool, whether the lock file is next to the folder, not in it,
        so that the holder may remove and recreate the folder.
    """
    self._folder = folder
    parent, name = os.path.split(folder)
    self._path = (os.path.join(parent, LOCK_NAME + "_" + name) if is_sibling
                  else os.path.join(folder, LOCK_NAME))
    self._action = action
    self._file = None
    self._created = []  # folders, the deepest first

  def __enter__(self):
    """Takes the lock.

    Raises:
      utils.UserError: another process has it, or the folder cannot be written.
    """
    if fcntl is None or utils.is_remote(self._folder):
      self._log_unlocked("its file system has no locks")
      return self
    folder = os.path.dirname(os.path.abspath(self._path))
    while not os.path.exists(folder):
      self._created.append(folder)
      folder = os.path.dirname(folder)
    utils.makedirs(os.path.dirname(os.path.abspath(self._path)))
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
    for folder in self._created:
      if os.path.isdir(folder) and not os.listdir(folder):
        os.rmdir(folder)  # the run was refused

  def _take(self):
    """Returns whether the file is locked or has no locks; False: try again."""
    lock_file = open(self._path, "ab+", buffering=0)
    try:
      fcntl.flock(lock_file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
      lock_file.seek(0)
      holder = _format_holder(lock_file.read())
      lock_file.close()
      raise utils.UserError(
          "%s is locked by another process%s. Wait for it, stop it, or choose "
          "another folder to %s in." % (self._folder, holder, self._action))
    except OSError as error:
      lock_file.close()
      if error.errno not in _NO_LOCKS:
        raise
      os.remove(self._path)
      self._log_unlocked(error.strerror)
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

  def _log_unlocked(self, reason):
    utils.log("%s is not locked (%s): make sure that no other process writes "
              "to it" % (self._folder, reason))


def _is_at(lock_file, path):
  """Returns whether `path` still refers to an open file."""
  return os.path.exists(path) and os.path.samestat(
      os.fstat(lock_file.fileno()), os.stat(path))


def _format_holder(content):
  """Returns the holder of a lock for the message; "" if not written yet."""
  try:
    holder = json.loads(content.decode("utf-8"))
    return " (process %d on %s, since %s)" % (
        holder["pid"], holder["host"], holder["since"])
  except (ValueError, KeyError, TypeError):
    return ""
