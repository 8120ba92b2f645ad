"""The TFRecord files of a run and the number of examples in each.

No TensorFlow is imported here, so that missing, truncated or unsuitable data is
reported immediately. The number of examples must be known before training: the
epoch and the position in it follow from it and the global step.
"""

import collections
import os
import struct

from model import tokenization
from pretrain import dataset_info
from util import json_fields
from util import progress
from util import utils

COUNTS_NAME = "tfrecord_counts.json"  # in the model folder: counted examples
# TFRecord framing: uint64 length, uint32 CRC of it, data, uint32 CRC of them.
_HEADER_BYTES, _FOOTER_BYTES = 12, 4

# Listed counts are verified against the files, smallest files first, up to this
# many bytes, which takes a second: more would delay the start.
_COMPARED_BYTES = 1 << 28

_COMPARED_START = 1 << 20  # bytes of two files of the same size

# patterns: str, as given; paths: sorted list; listed: {path: number of
# examples} of the files that a dataset_info.json lists.
Dataset = collections.namedtuple("Dataset", ["patterns", "paths", "listed"])
# paths: sorted list; num_examples: {path: int}, without skipped ones; skipped:
# {path: sorted indices, from 0, of skipped examples} among the first
# `num_examples[path] + len(skipped[path])`, which are read.
TFRecordIndex = collections.namedtuple(
    "TFRecordIndex", ["paths", "num_examples", "skipped"])


def total_examples(index):
  """Returns the number of examples in all files, one epoch."""
  return sum(index.num_examples[path] for path in index.paths)


def check(config, patterns):
  """Checks that the files of a run exist and fit it; parses no examples.

  Args:
    config: PretrainingConfig.
    patterns: comma-separated paths or shell patterns.

  Returns:
    Dataset.

  Raises:
    UserError: no file, an unfinished build, a missing or truncated file, a file
      that the folder's dataset_info.json does not list or that has another
      number of examples, or data built with another vocabulary or sequence
      length. With `config.skip_corrupted_records` missing and truncated files
      are logged instead.
  """
  paths = _matching(patterns)
  listed = {}
  for folder in sorted({os.path.dirname(path) for path in paths}):
    if dataset_info.is_unfinished(folder):
      raise utils.UserError(
          "%s: the dataset is unfinished (found %s): its build was interrupted "
          "or is still running. Run build_pretraining_dataset.py again." % (
              folder, dataset_info.UNFINISHED_NAME))
    info = dataset_info.load(
        folder, needs_all_files=not config.skip_corrupted_records)
    if info:
      listed.update(_check_info(config, folder, info))
      _check_listed(folder, paths, listed)
      if config.skip_corrupted_records:
        for problem in dataset_info.problems_of_files(info, folder):
          utils.log("Skipped: %s" % problem)
  if not config.skip_corrupted_records:
    _check_counts({path: listed[path] for path in paths if path in listed})
  return Dataset(patterns, paths, listed)


def folders_of(patterns):
  """Returns the sorted folders of the files that match some patterns.

  Raises:
    UserError: a pattern matches no file.
  """
  return sorted({os.path.dirname(path) for path in _matching(patterns)})


def training_files(config, paths):
  """Returns those of some TFRecord files that are training data, or copies.

  Args:
    config: PretrainingConfig; files of pretrain_tfrecords may be missing.
    paths: list of str, files of evaluation data. Remote ones are compared by
      path alone.
  """
  trained = {path for pattern in config.pretrain_tfrecords.split(",")
             for path in utils.glob(pattern.strip())} if paths else set()
  sizes = {}
  for path in sorted(trained):
    if not utils.is_remote(path) and not utils.isdir(path):
      sizes.setdefault(utils.file_size(path), []).append(path)
  return [path for path in paths if path in trained or (
      not utils.is_remote(path) and any(
          _starts_like(path, other)
          for other in sizes.get(utils.file_size(path), ())))]


def _starts_like(path, other):
  """Returns whether two files start with the same bytes."""
  contents = []
  for name in (path, other):
    with utils.open_file(name, "rb") as f:
      contents.append(f.read(_COMPARED_START))
  return contents[0] == contents[1]


def count(dataset, model_dir, defer=lambda write: write()):
  """Returns the TFRecordIndex of a dataset.

  Files that no dataset_info.json lists are counted, once per model folder.

  Args:
    dataset: Dataset.
    model_dir: folder that keeps the counts.
    defer: function that calls another, which writes the counts, when all
      checks of the run are done: a run that is refused writes nothing.

  Raises:
    UserError: a file is not a TFRecord file, or all are empty.
  """
  paths, listed = dataset.paths, dataset.listed
  num_examples = {path: listed[path] for path in paths if path in listed}
  cache_path = os.path.join(model_dir, COUNTS_NAME)
  cache = json_fields.load_object(cache_path, {})

  def write():
    utils.write_json(dict(json_fields.load_object(cache_path, {}), **cache),
                     cache_path)

  counted = _counted(cache, [path for path in paths if path not in listed])
  num_examples.update(counted)
  index = TFRecordIndex(paths, num_examples, {})
  if not total_examples(index):
    raise utils.UserError("%s: %d empty files. Build the examples again." % (
        dataset.patterns, len(paths)))
  if counted:
    defer(write)
    utils.log("Counted %s examples in %s files without %s" % (
        "{:,}".format(sum(counted.values())), "{:,}".format(len(counted)),
        dataset_info.FILE_NAME))
  return index


def count_examples(path):
  """Returns the number of examples of a TFRecord file, from its framing.

  Raises:
    UserError: the file is truncated, or is not a TFRecord file.
  """
  size = utils.file_size(path)
  num_examples, position = 0, 0
  with utils.open_file(path, "rb") as f:
    while position < size:
      f.seek(position)
      header = f.read(_HEADER_BYTES)
      if len(header) == _HEADER_BYTES:
        position += (_HEADER_BYTES + struct.unpack("<Q", header[:8])[0] +
                     _FOOTER_BYTES)
      if len(header) < _HEADER_BYTES or position > size:
        raise utils.UserError(
            "%s: truncated within example %d, or not a TFRecord file. Copy or "
            "build it again." % (path, num_examples + 1))
      num_examples += 1
  return num_examples


def _matching(patterns):
  paths = set()
  for pattern in patterns.split(","):
    found = [path for path in utils.glob(pattern.strip())
             if not utils.isdir(path) and not _is_metadata(path)]
    if not found and utils.isdir(pattern.strip()):
      _raise_is_folder(pattern.strip())
    if not found:
      raise utils.UserError(
          "pretrain_tfrecords: no file matches %s. Build examples with "
          "build_pretraining_dataset.py, or set \"pretrain_tfrecords\" to the "
          "path of yours.%s" % (pattern, _special_character_hint(patterns)))
    paths.update(found)
  return sorted(paths)


def _raise_is_folder(folder):
  """Raises a UserError for the path of a folder instead of a pattern."""
  for name in ("pretrain_data.tfrecord*", "*"):
    pattern = os.path.join(folder, name)
    if any(not utils.isdir(path) and not _is_metadata(path)
           for path in utils.glob(pattern)):
      raise utils.UserError(
          "pretrain_tfrecords: %s is a folder. Set it to the files in it: "
          "\"%s\"." % (folder, pattern))
  raise utils.UserError(
      "pretrain_tfrecords: %s is a folder without TFRecord files. Build "
      "examples with build_pretraining_dataset.py --output-dir %s." % (
          folder, folder))


def _special_character_hint(patterns):
  """Returns a hint if a folder's name is read as a pattern, else ""."""
  in_folders = {character for pattern in patterns.split(",")
                for character in os.path.dirname(pattern)} & set("*?[")
  if "," in patterns:
    in_folders.add(",")
  if not in_folders:
    return ""
  return (" (A comma separates two patterns, and * ? [ are wildcards: rename a "
          "folder with %s in its name, or make a link to it.)" %
          " ".join(sorted(in_folders)))


def _is_metadata(path):
  name = os.path.basename(path)
  return name.startswith(".") or name == dataset_info.UNFINISHED_NAME or (
      name.endswith((".json", ".txt", ".tmp")))


def _check_listed(folder, paths, listed):
  """Raises a UserError for a file of another build in a folder."""
  for path in paths:
    if os.path.dirname(path) == folder and path not in listed:
      raise utils.UserError(
          "%s: not one of the %d files that %s lists in that folder. Move it, "
          "or set pretrain_tfrecords to the files to use." % (
              path, len(listed), dataset_info.FILE_NAME))


def _check_counts(listed):
  """Raises a UserError if a file has more or fewer examples than listed.

  The sizes of the files are verified already, so this detects lists that were
  edited or copied to other files. Files beyond _COMPARED_BYTES are not read.
  """
  num_bytes = 0
  for size, path in sorted((utils.file_size(path), path) for path in listed):
    num_bytes += size
    if num_bytes > _COMPARED_BYTES or utils.is_remote(path):
      return
    num_examples = count_examples(path)
    if num_examples != listed[path]:
      raise utils.UserError(
          "%s: has %d examples, but %s lists %d. Build the examples again." % (
              path, num_examples, dataset_info.FILE_NAME, listed[path]))


def _check_info(config, folder, info):
  """Returns {path: number of examples} of the files that `info` lists."""
  if info["max_seq_length"] != config.max_seq_length:
    raise utils.UserError(
        "max_seq_length: %s was built with %d, got %d. Set it to that, or "
        "build the dataset again." % (
            folder, info["max_seq_length"], config.max_seq_length))
  if info["vocab_sha256"] != tokenization.vocab_sha256(config.vocab_file):
    raise utils.UserError(
        "%s: differs from the vocabulary of %d tokens that %s was built with. "
        "Use that vocabulary, or build the dataset again." % (
            config.vocab_file, info["vocab_size"], folder))
  return {os.path.join(folder, entry["name"]): entry["num_examples"]
          for entry in info["files"]}


def _counted(cache, paths):
  """Returns {path: number of examples}; adds what it counts to `cache`."""
  num_examples = {}
  for path in progress.track(paths, "file", label="Counting examples"):
    size = utils.file_size(path)
    known = cache.get(path)
    if not known or known["num_bytes"] != size:
      cache[path] = {"num_bytes": size, "num_examples": count_examples(path)}
    num_examples[path] = cache[path]["num_examples"]
  return num_examples
