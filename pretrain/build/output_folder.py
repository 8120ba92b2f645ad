"""Replaces the output folder of a build without losing the previous build.

  1. `prepare` refuses a folder with files that it must not replace, or that
     another build has locked.
  2. It writes BUILD_UNFINISHED and creates a folder for temporary files.
  3. The build writes the new shards there; those of an earlier build are kept.
  4. `publish` deletes the old dataset_info.json and shards, moves the new
     shards in and writes dataset_info.json; then BUILD_UNFINISHED is deleted.

A build that fails in step 2 or 3 removes the files it added. A killed build
leaves BUILD_UNFINISHED; the next build deletes its temporary files.
"""

import contextlib
import os
import re
import tempfile

from pretrain import dataset_info
from util import folder_lock
from util import utils

_TEMPORARY_NAME = ".unfinished_build"
_SHARD_NAME = re.compile(r"pretrain_data\.tfrecord-\d+-of-\d+$")


class OutputFolder:
  """The folders a build writes to while it runs; created by `prepare`.

  Attributes:
    shards_folder: str, folder for the new shards; may be remote.
    local_folder: str, folder for temporary files on a local disk.
    has_touched_shards: bool, whether shards of an earlier build may have been
      deleted.
  """

  def __init__(self, path, local_folder):
    self.shards_folder = os.path.join(path, _TEMPORARY_NAME)
    self.local_folder = local_folder
    self.has_touched_shards = False
    self._path = path

  def publish(self, content):
    """Replaces the shards of an earlier build with the new ones.

    Args:
      content: dict to write to dataset_info.json; "files" lists the new shards.
    """
    # Written before anything is deleted: moving files needs no disk space.
    dataset_info.write(content, self.shards_folder)
    self.has_touched_shards = True
    info_path = os.path.join(self._path, dataset_info.FILE_NAME)
    if utils.exists(info_path):
      utils.remove(info_path)
    for name in _shards_in(self._path):
      utils.remove(os.path.join(self._path, name))
    for entry in content["files"]:
      utils.rename(os.path.join(self.shards_folder, entry["name"]),
                   os.path.join(self._path, entry["name"]))
    utils.rename(os.path.join(self.shards_folder, dataset_info.FILE_NAME),
                 info_path)


@contextlib.contextmanager
def prepare(path, overwrite):
  """Yields an OutputFolder; deletes all temporary files at the end.

  Args:
    path: str, the output folder; created if it does not exist.
    overwrite: bool, whether existing shards may be replaced.

  Raises:
    UserError: the folder has files that only `overwrite` allows to replace, or
      is locked by another build.
  """
  check_may_write(path, overwrite)
  is_new = not utils.exists(path)
  try:
    with folder_lock.FolderLock(path, "build"):
      with _mark_unfinished(path) as output:
        yield output
  finally:
    if is_new and utils.isdir(path) and not utils.listdir(path):
      utils.rmtree(path)


@contextlib.contextmanager
def _mark_unfinished(path):
  """Yields an OutputFolder; BUILD_UNFINISHED exists while the block runs."""
  marker = os.path.join(path, dataset_info.UNFINISHED_NAME)
  output = None
  try:
    utils.makedirs(path)
    with utils.write_atomically(marker) as f:
      f.write("A build of examples started here and has not finished.\n")
    utils.rmtree(os.path.join(path, _TEMPORARY_NAME))  # a killed build's
    utils.makedirs(os.path.join(path, _TEMPORARY_NAME))
    with _local_folder(path) as local_folder:
      output = OutputFolder(path, local_folder)
      yield output
  finally:
    utils.rmtree(os.path.join(path, _TEMPORARY_NAME))
    is_half_replaced = output is not None and output.has_touched_shards and (
        not utils.exists(os.path.join(path, dataset_info.FILE_NAME)))
    if utils.exists(marker) and not is_half_replaced:
      utils.remove(marker)


def check_may_write(path, overwrite):
  """Raises a UserError if a build must not write to the folder `path`."""
  if not utils.exists(path):
    return
  if not utils.isdir(path):
    raise utils.UserError("--output-dir: %s is a file. Pass a folder." % path)
  if overwrite or dataset_info.is_unfinished(path):
    return
  names = utils.visible_names(path)
  if dataset_info.FILE_NAME in names:
    raise utils.UserError(
        "--output-dir: %s has a finished build. Pass another folder, or "
        "--overwrite to replace it." % path)
  if names:
    raise utils.UserError(
        "--output-dir: %s has files that are not from a build (%s ...). Pass "
        "another folder, or --overwrite, which replaces only files named "
        "pretrain_data.tfrecord-<i>-of-<n>." % (path, names[0]))


def _shards_in(path):
  return [name for name in utils.listdir(path) if _SHARD_NAME.match(name)]


@contextlib.contextmanager
def _local_folder(path):
  """Yields a local folder for temporary files, in `path` if that is local."""
  if not utils.is_remote(path):
    yield os.path.join(path, _TEMPORARY_NAME)
    return
  with tempfile.TemporaryDirectory() as folder:
    yield folder
