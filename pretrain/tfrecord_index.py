"""Which tfrecord files a run reads, and how many examples each one holds.

No TensorFlow is imported here, so that missing, cut or unfitting data is
reported at once. The number of examples must be known before training: from it
and the global step follow the epoch and the place in it where a run goes on.
"""

import collections
import os
import struct

from model import tokenization
from pretrain import dataset_info
from util import utils

COUNTS_NAME = "tfrecord_counts.json"  # in the model folder: what was counted
# TFRecord framing: uint64 length, uint32 CRC of it, data, uint32 CRC of them.
_HEADER_BYTES, _FOOTER_BYTES = 12, 4

# Listed counts are compared with the files' own, from the smallest file on, up
# to that many bytes of files, which takes a second: more would delay the start.
_COMPARED_BYTES = 1 << 28

# paths: sorted list; num_examples: {path: int}, without skipped ones; skipped:
# {path: sorted numbers, from 0, of examples that are left out}, of the first
# `num_examples[path] + len(skipped[path])` that are read.
RecordFiles = collections.namedtuple(
    "RecordFiles", ["paths", "num_examples", "skipped"])


def total_examples(record_files):
  """Returns the number of examples in all files, one epoch."""
  return sum(record_files.num_examples[path] for path in record_files.paths)


def check(config, patterns):
  """Checks that the files of a run are there and fit it; reads no records.

  Args:
    config: PretrainingConfig.
    patterns: comma-separated paths or shell patterns.

  Returns:
    (paths, listed): the sorted paths, and {path: number of examples} of the
    files that a dataset_info.json lists.

  Raises:
    UserError: no file, an unfinished build, a missing or cut file, a file that
      the folder's dataset_info.json does not list or that holds another number
      of examples, or data that was made with another vocabulary or sequence
      length. With `config.skip_corrupted_records` files may be missing or cut:
      they are logged.
  """
  paths = _matching(patterns)
  listed = {}
  for folder in sorted({os.path.dirname(path) for path in paths}):
    if dataset_info.is_unfinished(folder):
      raise utils.UserError(
          "%s: expected a finished dataset, found %s: its build was stopped or "
          "is still running; run build_pretraining_dataset.py again." % (
              folder, dataset_info.UNFINISHED_NAME))
    info = dataset_info.load(
        folder, needs_all_files=not config.skip_corrupted_records)
    if info:
      listed.update(_check_info(config, folder, info))
      _check_listed(folder, paths, listed)
      if config.skip_corrupted_records:
        for fault in dataset_info.faults_of_files(info, folder):
          utils.log("Skipped: %s" % fault)
  if not config.skip_corrupted_records:
    _check_counts({path: listed[path] for path in paths if path in listed})
  return paths, listed


def find(config, patterns):
  """Checks the files of a run and learns how many examples they hold.

  Where no dataset_info.json tells they are counted, once a model folder. With
  `config.skip_corrupted_records` all are read instead, once a model folder, and
  what is damaged is left out.

  Args:
    config: PretrainingConfig.
    patterns: comma-separated paths or shell patterns.

  Returns:
    RecordFiles.

  Raises:
    UserError: as `check`; or a file is no tfrecord file, or all are empty.
  """
  paths, listed = check(config, patterns)
  if config.skip_corrupted_records:
    from pretrain import example_check  # imports TensorFlow
    return example_check.without_faults(config, paths, listed)
  num_examples = {path: listed[path] for path in paths if path in listed}
  num_examples.update(_counted(
      config.model_dir, [path for path in paths if path not in listed]))
  files = RecordFiles(paths, num_examples, {})
  if not total_examples(files):
    raise utils.UserError("%s: expected at least one example, found %d empty "
                          "files." % (patterns, len(paths)))
  return files


def count_examples(path):
  """Returns the number of examples of a tfrecord file, from its framing.

  Raises:
    UserError: the file ends within a record, or is no tfrecord file.
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
            "%s: expected a tfrecord file, found one that ends within example "
            "%d; copy or build it again." % (path, num_examples + 1))
      num_examples += 1
  return num_examples


def _matching(patterns):
  paths = set()
  for pattern in patterns.split(","):
    found = [path for path in utils.glob(pattern.strip())
             if not utils.isdir(path) and not _is_about_data(path)]
    if not found:
      raise utils.UserError(
          "pretrain_tfrecords: expected files at %s, found none; build them "
          "with build_pretraining_dataset.py, or set \"pretrain_tfrecords\" to "
          "where they are.%s" % (pattern, _about_characters(patterns)))
    paths.update(found)
  return sorted(paths)


def _about_characters(patterns):
  """Returns what to know where a folder's name would be read as a pattern."""
  in_folders = {character for pattern in patterns.split(",")
                for character in os.path.dirname(pattern)} & set("*?[")
  if "," in patterns:
    in_folders.add(",")
  if not in_folders:
    return ""
  return (" (A comma separates two patterns, and * ? [ match other names: a "
          "folder with %s in its name has to be renamed or linked to.)" %
          " ".join(sorted(in_folders)))


def _is_about_data(path):
  name = os.path.basename(path)
  return name.startswith(".") or name == dataset_info.UNFINISHED_NAME or (
      name.endswith((".json", ".txt", ".tmp")))


def _check_listed(folder, paths, listed):
  """Raises a UserError for a file that another build left in a folder."""
  for path in paths:
    if os.path.dirname(path) == folder and path not in listed:
      raise utils.UserError(
          "%s: expected only the %d files that %s lists in that folder; move "
          "it elsewhere, or set pretrain_tfrecords to the files you want." % (
              path, len(listed), dataset_info.FILE_NAME))


def _check_counts(listed):
  """Raises a UserError where a file holds more or fewer examples than listed.

  Files whose size is listed are as they were built, so this finds lists that
  were edited or put beside other files; not all files are looked at.
  """
  num_bytes = 0
  for size, path in sorted((utils.file_size(path), path) for path in listed):
    num_bytes += size
    if num_bytes > _COMPARED_BYTES or utils.is_remote(path):
      return
    num_examples = count_examples(path)
    if num_examples != listed[path]:
      raise utils.UserError(
          "%s: expected %d examples, as %s says, found %d; build the examples "
          "again." % (path, listed[path], dataset_info.FILE_NAME,
                      num_examples))


def _check_info(config, folder, info):
  """Returns {path: number of examples} of the files that a dataset lists."""
  if info["max_seq_length"] != config.max_seq_length:
    raise utils.UserError(
        "max_seq_length: expected %d, with which %s was built, got %d; set it "
        "to that or build the dataset again." % (
            info["max_seq_length"], folder, config.max_seq_length))
  if info["vocab_sha256"] != tokenization.vocab_sha256(config.vocab_file):
    raise utils.UserError(
        "%s: expected the vocabulary of %d tokens with which %s was built; its "
        "tokens differ. Use that vocabulary or build the dataset again." % (
            config.vocab_file, info["vocab_size"], folder))
  return {os.path.join(folder, entry["name"]): entry["num_examples"]
          for entry in info["files"]}


def _counted(model_dir, paths):
  """Returns {path: number of examples}, counted once a model and remembered."""
  if not paths:
    return {}
  memory_path = os.path.join(model_dir, COUNTS_NAME)
  memory = utils.load_json(memory_path) if utils.exists(memory_path) else {}
  num_examples = {}
  for path in paths:
    size = utils.file_size(path)
    known = memory.get(path)
    if not known or known["num_bytes"] != size:
      memory[path] = {"num_bytes": size, "num_examples": count_examples(path)}
    num_examples[path] = memory[path]["num_examples"]
  utils.write_json(memory, memory_path)
  utils.log("Counted %s examples in %s files that no %s lists" % (
      "{:,}".format(sum(num_examples.values())), "{:,}".format(len(paths)),
      dataset_info.FILE_NAME))
  return num_examples
