"""Installs the files of a data set in the folders that tasks read.

Downloads and unpacked files are kept in DIR/downloads/<data set> until all are
verified; then they are copied. Existing files are never replaced.
"""

import contextlib
import json
import os
import re
import tarfile
import zipfile
import zlib

from public_data import checks
from public_data import download
from public_data import recipes
from util import folder_lock
from util import utils

DOWNLOADS = "downloads"
_UNPACKED = "unpacked"


def get(data_dir, data_set, tasks, client):
  """Downloads, verifies and installs the files of tasks of a data set.

  Args:
    data_dir: str.
    data_set: str, a key of sources.DATA_SETS.
    tasks: {task: sources.Part}.
    client: download.Client.

  Raises:
    utils.UserError: a download failed, a file is not what it should be, or
      another file is at its path.
  """
  folder = os.path.join(data_dir, DOWNLOADS, data_set)
  with folder_lock.FolderLock(folder, "download", is_sibling=True):
    for task, part in tasks.items():
      utils.log("%s:" % task)
      _Installer(data_dir, folder, client).install(task, part)
    utils.rmtree(folder)


class _Installer:
  """Installs the files of one task."""

  def __init__(self, data_dir, folder, client):
    self._data_dir = data_dir
    self._folder = folder
    self._client = client
    self._verified = []  # [(sources.Item, checks.Content)]

  def install(self, task, part):
    """Downloads what is missing, and installs and describes all files."""
    unpacked = os.path.join(self._folder, _UNPACKED, task)
    utils.rmtree(unpacked)
    if part.recipe:
      self._make(part, unpacked)
    for one in part.downloads:
      if not _is_ingredient(one):
        self._install_download(one, unpacked)
    if part.declaration:
      self._declare(*part.declaration)
    for line in checks.leakage_lines(self._verified):
      utils.log("  " + line)
    if part.hint:
      utils.log("  " + part.hint.format(data_dir=self._data_dir))

  def _make(self, part, unpacked):
    """Installs the files that a recipe makes of downloads."""
    if self._keep_all(part.made):
      return
    downloads = {}
    for one in filter(_is_ingredient, part.downloads):
      path = self._fetch(one)
      with _removed_if_wrong(path):
        for _, item in one.items:
          checks.verify(path, item, path)
      downloads[os.path.basename(path)] = path
    made = recipes.RECIPES[part.recipe](downloads)
    found = []
    for item in part.made:
      name = os.path.basename(item.path)
      found.append((item, os.path.join(unpacked, name)))
      with utils.write_atomically(found[-1][1], "wb") as f:
        f.write(made[name])
    self._move(found)

  def _install_download(self, one, unpacked):
    """Installs the files of a sources.Download, unless all are there."""
    if self._keep_all([item for _, item in one.items]):
      return
    try:
      path = self._fetch(one)
    except download.Missing as error:
      if not one.is_optional:
        raise
      utils.log("  Skipped: %s" % error)
      return
    with _removed_if_wrong(path):
      found = []
      for member, item in one.items:
        found += [(item, path)] if member is None else [
            (item, file) for file in _extract(path, member, unpacked)]
      self._move([(item._replace(path=item.path.replace(
          "{name}", os.path.basename(file))), file) for item, file in found])

  def _fetch(self, one):
    """Returns the path of a download, fetched unless it is there."""
    hashes = [item.sha256 for member, item in one.items if member is None]
    return self._client.fetch(one.urls, self._folder,
                              one.sha256 or next(iter(hashes), None))

  def _move(self, found):
    """Verifies all (Item, path) pairs, then copies them to their paths.

    Raises:
      utils.UserError: a file is wrong, or another one is at its path.
    """
    contents = [checks.verify(path, item, path) for item, path in found]
    targets = [os.path.join(self._data_dir, item.path) for item, _ in found]
    for target, content in zip(targets, contents):
      if utils.exists(target) and (
          utils.sha256_of_file(target) != content.sha256):
        raise _Differs(
            "%s: exists and differs from the file that was downloaded. It was "
            "not replaced: move it away, or pass another --data-dir." % target)
    for (item, path), target, content in zip(found, targets, contents):
      verb = "Kept" if utils.exists(target) else "Wrote"
      if verb == "Wrote":
        utils.copy(path, target)
      self._report(verb, item, content)

  def _keep_all(self, items):
    """Reports existing files, verified; returns whether all are there.

    Raises:
      utils.UserError: all are there, but one is another file.
    """
    paths = [os.path.join(self._data_dir, item.path) for item in items]
    if not all(map(utils.exists, paths)):
      return False
    for path, item in zip(paths, items):
      try:
        self._report("Kept", item, checks.verify(path, item, path))
      except utils.UserError as error:
        raise utils.UserError("%s It was not replaced: move it away, or pass "
                              "another --data-dir." % error)
    return True

  def _report(self, verb, item, content):
    utils.log("  %s %s (%s)" % (
        verb, os.path.join(self._data_dir, item.path),
        checks.describe(item, content)))
    self._verified.append((item, content))

  def _declare(self, relative_path, declaration):
    """Writes a task.json, unless it is there.

    Raises:
      utils.UserError: another one is there.
    """
    path = os.path.join(self._data_dir, relative_path)
    text = json.dumps(declaration, indent=1, sort_keys=True) + "\n"
    if not utils.exists(path):
      with utils.write_atomically(path) as f:
        f.write(text)
      utils.log("  Wrote %s" % path)
    elif utils.load_json(path) != declaration:
      raise utils.UserError(
          "%s: exists and is another declaration. It was not replaced: move it "
          "away, or pass another --data-dir." % path)


class _Differs(utils.UserError):
  """Another file is at the path of a download, which is fine."""


@contextlib.contextmanager
def _removed_if_wrong(path):
  """Removes a download that a check refuses; else the next command finds it."""
  try:
    yield
  except _Differs:
    raise
  except utils.UserError:
    utils.remove(path)
    raise


def _is_ingredient(one):
  """Returns whether a recipe makes files of a sources.Download."""
  return all(item.path is None for _, item in one.items)


def _extract(archive, pattern, folder):
  """Extracts the files whose path in an archive matches `pattern`.

  No other path is written: names such as "../x" stay in the archive.

  Returns:
    list of the paths of the extracted files.

  Raises:
    utils.UserError: the archive is damaged, or has no such file.
  """
  opened = _open_zip if archive.endswith(".zip") else _open_tar
  try:
    with opened(archive) as (names, read_fn):
      matching = [name for name in names if re.fullmatch(pattern, name)]
      paths = [os.path.join(folder, os.path.basename(name))
               for name in matching]
      for name, path in zip(matching, paths):
        with utils.write_atomically(path, "wb") as target:
          with read_fn(name) as source:
            for block in iter(lambda: source.read(1 << 20), b""):
              target.write(block)
  except (zipfile.BadZipFile, tarfile.TarError, EOFError, OSError,
          zlib.error) as error:
    raise utils.UserError(
        "%s: the archive is damaged (%s). It was removed: run the command "
        "again." % (archive, error))
  if not matching:
    raise utils.UserError("%s: has no file %s. The source has changed: pass "
                          "--base-url of a mirror." % (archive, pattern))
  return paths


@contextlib.contextmanager
def _open_zip(path):
  """Yields (names of the files in an archive, function to open one)."""
  with zipfile.ZipFile(path) as archive:
    yield archive.namelist(), archive.open


@contextlib.contextmanager
def _open_tar(path):
  """As `_open_zip`; links and devices are not among the names."""
  with tarfile.open(path) as archive:
    yield ([member.name for member in archive.getmembers() if member.isfile()],
           archive.extractfile)
