"""Files in object stores, gs:// and s3://, through TensorFlow's file systems.

`util.utils` calls these functions for paths with a scheme. An object store has
no folders (one exists while an object's name starts with it), no locks, no
appending and no renaming, which is a copy and a removal. A PUT of an object is
atomic: readers find the old content or the new one.

A request that fails is repeated by TensorFlow for a minute or two. After that
the s3 file system of TensorFlow 1.15 reports a file as missing, a folder as no
folder, and what it cannot read as the end of the file. A run would start again
from step 0, or lose data. Therefore a negative answer counts only if the store
lists the path's content, which fails with an error, and a file that ends before
its size is an error.
"""

import contextlib
import fnmatch
import io
import os
import re
import shutil
import tempfile

import tensorflow.compat.v1 as tf

from util import utils

_BLOCK_BYTES = 1 << 20  # of one read; each is a request, or several
_MAX_MEMORY_BYTES = 16 << 20  # of a file to write; larger ones are on disk
_ADVICE = ("Check the name, the connection and the permissions, and run the "
           "same command again.")


def exists(path):
  """Returns whether an object or a folder is at `path`."""
  return _is_true(tf.io.gfile.exists, path)


def isdir(path):
  """Returns whether there are objects in the folder `path`."""
  return _is_true(tf.io.gfile.isdir, path)


def listdir(path):
  """Returns the names in a folder; none if it does not exist."""
  if not isdir(path):
    return []
  with _errors("list", path):
    return [name.rstrip("/") for name in tf.io.gfile.listdir(path)]


def glob(pattern):
  """Returns the paths that match a shell pattern.

  `tf.io.gfile.glob` asks for each match whether it is a folder: with a thousand
  files it takes a minute.
  """
  folder, name = os.path.split(pattern)
  if re.search(r"[*?[\\]", folder):
    with _errors("list", pattern):
      return tf.io.gfile.glob(pattern)
  if not re.search(r"[*?[\\]", name):
    return [pattern] if exists(pattern) else []
  return [os.path.join(folder, other) for other in listdir(folder)
          if fnmatch.fnmatchcase(other, name) and (
              name.startswith(".") or not other.startswith("."))]


def makedirs(path):
  """Creates the empty object that marks a folder, if the store has such."""
  with _errors("create", path):
    tf.io.gfile.makedirs(path)


def remove(path):
  """Removes one object."""
  with _errors("remove", path):
    tf.io.gfile.remove(path)


def rmtree(path):
  """Removes a folder and its content."""
  with _errors("remove", path):
    tf.io.gfile.rmtree(path)


def rename(source, target):
  """Copies an object within the store and removes the original.

  TensorFlow 1.15 also moves the objects whose names start with `source`.

  Raises:
    UserError: there is no `source`, or a request failed. The target then has
      its old content or the new one, and the source may still exist.
  """
  stat(source)  # s3 ignores a missing source
  with _errors("move", source):
    tf.io.gfile.rename(source, target, overwrite=True)


def stat(path):
  """Returns the tf.io.gfile.stat of an object: `length`, `mtime_nsec`."""
  with _errors("read", path):
    return tf.io.gfile.stat(path)


def open_to_read(path, mode):
  """Returns a file object; text is UTF-8 and its line ends are kept.

  Raises:
    UserError: it cannot be read; reading raises it, too.
  """
  content = io.BufferedReader(_Reader(path), _BLOCK_BYTES)
  return content if "b" in mode else io.TextIOWrapper(
      content, encoding="utf-8", newline="")


@contextlib.contextmanager
def open_to_write(path, mode):
  """Yields a file object whose content becomes the object when the block ends.

  If the block raises, nothing is written.

  Args:
    path: str.
    mode: "w" or "wb", or "a" or "ab": the object is replaced by one with its
      content and what the block writes.

  Raises:
    UserError: the store refuses the object; an existing one is unchanged.
  """
  with tempfile.SpooledTemporaryFile(_MAX_MEMORY_BYTES) as content:
    if "a" in mode and exists(path):
      with open_to_read(path, "rb") as reader:
        shutil.copyfileobj(reader, content)
    if "b" in mode:
      yield content
    else:
      text = _Encoder(content)
      yield text
    content.seek(0)
    with _errors("write", path):
      with tf.io.gfile.GFile(path, "wb") as f:
        shutil.copyfileobj(content, f, _BLOCK_BYTES)


class _Encoder:
  """The part of a text file that writers use, on a file of bytes."""

  def __init__(self, content):
    self._content = content

  def write(self, text):
    """Writes UTF-8; lone surrogates become JSON escapes."""
    self._content.write(text.encode("utf-8", "backslashreplace"))


class _Reader(io.RawIOBase):
  """The bytes of an object; a failed request is an error, not its end."""

  def __init__(self, path):
    super().__init__()
    self._path = path
    self._size = stat(path).length
    self._position = 0
    self._file = tf.io.gfile.GFile(path, "rb")

  def readable(self):
    return True

  def seekable(self):
    return True

  def tell(self):
    return self._position

  def seek(self, offset, whence=io.SEEK_SET):
    start = {io.SEEK_SET: 0, io.SEEK_CUR: self._position,
             io.SEEK_END: self._size}[whence]
    self._position = max(0, start + offset)
    return self._position

  def readinto(self, buffer):
    num_bytes = max(0, min(len(buffer), self._size - self._position))
    if not num_bytes:
      return 0
    with _errors("read", self._path):
      self._file.seek(self._position)
      content = self._file.read(num_bytes)
    if len(content) < num_bytes:
      raise utils.UserError("Cannot read %s: got %d of %d bytes. %s" % (
          self._path, self._position + len(content), self._size, _ADVICE))
    buffer[:num_bytes] = content
    self._position += num_bytes
    return num_bytes

  def close(self):
    if not self.closed:
      self._file.close()
    super().close()


def _is_true(question, path):
  """Returns question(path); "no" is asked again after the store answered."""
  with _errors("find", path):
    if question(path):
      return True
    tf.io.gfile.exists(path)  # unlike isdir it raises for unknown schemes
    return path.startswith("s3://") and _answers(path) and question(path)


def _answers(path):
  """Returns True; raises a tf.errors.OpError if a store does not list a path.

  The backslashes keep the path from being a pattern.
  """
  tf.io.gfile.glob(re.sub(r"([*?[\\])", r"\\\1", path) + "/*")
  return True


@contextlib.contextmanager
def _errors(action, path):
  """Converts TensorFlow's errors to UserErrors: "Cannot <action> <path>"."""
  try:
    yield
  except tf.errors.UnimplementedError as error:
    raise utils.UserError(unsupported(path)) from error
  except tf.errors.OpError as error:
    message = " ".join(error.message.split()).rstrip(".")
    raise utils.UserError("Cannot %s %s: %s. %s" % (
        action, path, message.strip(": "), _ADVICE)) from error


def unsupported(path):
  """Returns the message for a path whose scheme TensorFlow does not support."""
  scheme = path.split("://")[0]
  advice = "Copy the files to a local folder"
  if scheme == "s3":
    advice += (", or use TensorFlow 1.15, which reads s3:// (Python 3.7: pip "
               "install -r requirements.txt)")
  return "%s: TensorFlow %s does not support %s:// paths. %s." % (
      path, tf.__version__, scheme, advice)
