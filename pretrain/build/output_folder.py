"""The folder a build writes to: nothing is lost, nothing half made.

  1. `prepare` refuses a folder whose content is not ours to replace, or that
     another build is at work in.
  2. BUILD_UNFINISHED is written, and a folder for everything temporary.
  3. The new shards are made in there; an earlier build's stay as they are.
  4. `publish`: the old dataset_info.json and shards go, the new shards move in,
     dataset_info.json is written, BUILD_UNFINISHED goes.

A build that fails in steps 2 or 3 removes what it added. One that is killed
leaves BUILD_UNFINISHED; the next build cleans up after it.
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
  """Where a build puts its files while it runs; made by `prepare`.

  Attributes:
    shards_folder: where to write the new shards; may be remote.
    local_folder: for temporary files on a local disk.
    has_touched_shards: whether shards of an earlier build may be gone.
  """

  def __init__(self, path, local_folder):
    self.shards_folder = os.path.join(path, _TEMPORARY_NAME)
    self.local_folder = local_folder
    self.has_touched_shards = False
    self._path = path

  def publish(self, content):
    """Puts the new shards in the place of earlier ones.

    Args:
      content: what to write to dataset_info.json, "files" being the new shards.
    """
    # Before anything goes: moving files takes no room on the disk.
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
  """Yields an OutputFolder; afterwards, nothing temporary is left.

  Args:
    path: str, the output folder; made if it does not exist.
    overwrite: whether shards that are in it already may be replaced.

  Raises:
    UserError: the folder holds something that `overwrite` would have to allow,
      or another build is at work there.
  """
  check_may_write(path, overwrite)
  is_new = not utils.exists(path)
  try:
    with folder_lock.FolderLock(path, "build"):
      with _marked(path) as output:
        yield output
  finally:
    if is_new and utils.isdir(path) and not utils.listdir(path):
      utils.rmtree(path)


@contextlib.contextmanager
def _marked(path):
  """Yields an OutputFolder in a folder that no other build writes to."""
  marker = os.path.join(path, dataset_info.UNFINISHED_NAME)
  output = None
  try:
    utils.makedirs(path)
    with utils.write_atomically(marker) as f:
      f.write("A build of examples began here and has not ended.\n")
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
  """Raises a UserError if a build may not write to the folder `path`."""
  if not utils.exists(path):
    return
  if not utils.isdir(path):
    raise utils.UserError("Expected a folder to write to, found a file at %s." %
                          path)
  if overwrite or dataset_info.is_unfinished(path):
    return
  names = [name for name in utils.listdir(path) if not name.startswith(".")]
  if dataset_info.FILE_NAME in names:
    raise utils.UserError(
        "%s holds a finished build; add --overwrite to replace it, or choose "
        "another --output-dir." % path)
  if names:
    raise utils.UserError(
        "%s is not empty and this tool did not write it (%s ...); choose "
        "another --output-dir, or add --overwrite to write there: files named "
        "pretrain_data.tfrecord-<i>-of-<n> are replaced, others stay." %
        (path, names[0]))


def _shards_in(path):
  return [name for name in utils.listdir(path) if _SHARD_NAME.match(name)]


@contextlib.contextmanager
def _local_folder(path):
  """Yields a folder for temporary files: inside `path` where that is local."""
  if not utils.is_remote(path):
    yield os.path.join(path, _TEMPORARY_NAME)
    return
  with tempfile.TemporaryDirectory() as folder:
    yield folder
