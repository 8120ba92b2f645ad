"""Checks examples: values that fit the model, files that can be read.

An id outside the vocabulary is an error on a CPU and zeros on a GPU; an example
without a maskable token teaches nothing. So every batch is checked as it is
read, at negligible cost, and only on failure the files are searched for the one
to name. With `skip_corrupted_records` all files are scanned before training and
damaged examples are skipped, so that the number of examples, and with it the
resume position, is known.
"""

import collections
import contextlib
import os

from google.protobuf import message
import numpy as np
import tensorflow.compat.v1 as tf

from model import model_sizes
from model import tokenization
from pretrain import tfrecord_index
from util import json_fields
from util import progress
from util import utils

SCANS_NAME = "tfrecord_faults.json"  # in the model folder: cached FileScans
_NAMES = ("input_ids", "input_mask", "segment_ids")
_READING_OPS = ("IteratorGetNext", "IteratorGetNextSync", "OneShotIterator")
_MAX_LISTED = 20  # log lines about problems of one file

# num_examples: int, usable examples; skipped: sorted indices, from 0, of
# unusable ones; faults: list of (index, problem), whose last one may be the end
# of a truncated file.
FileScan = collections.namedtuple(
    "FileScan", ["num_examples", "skipped", "faults"])


class ExampleCheck:
  """Checks that the features of examples fit a run."""

  def __init__(self, config):
    """Reads the limits from a PretrainingConfig and its vocabulary."""
    vocab = tokenization.load_vocab(config.vocab_file)
    self._not_masked = [vocab[token] for token in (
        tokenization.CLS, tokenization.SEP, tokenization.MASK)]
    self._length = config.max_seq_length
    self._vocab_file = config.vocab_file
    self._limits = {  # exclusive
        "input_ids": config.vocab_size, "input_mask": 2,
        "segment_ids": model_sizes.get_bert_config(config).type_vocab_size}

  def assertion(self, features):
    """Returns the op that fails on a batch with an unsuitable example.

    Args:
      features: {name: int64 Tensor of shape [B, L]}.
    """
    fits = [tf.reduce_all(tf.greater_equal(features[name], 0) &
                          tf.less(features[name], self._limits[name]))
            for name in _NAMES]
    maskable = tf.equal(features["input_mask"], 1)
    for token_id in self._not_masked:
      maskable &= tf.not_equal(features["input_ids"], token_id)
    fits.append(tf.reduce_all(tf.reduce_any(maskable, axis=-1)))
    return tf.debugging.Assert(
        tf.reduce_all(fits), ["An example does not fit the run."])

  def find_problem(self, record, name_of_example):
    """Returns what is wrong with a serialized example, None if nothing.

    Args:
      record: bytes.
      name_of_example: str for the message: "example 7".
    """
    try:
      features = tf.train.Example.FromString(record).features.feature
    except message.DecodeError:
      return "%s is not a tf.train.Example" % name_of_example
    values = {}
    for name in _NAMES:
      values[name] = np.array(features[name].int64_list.value, np.int64)
      if len(values[name]) != self._length:
        return ("%s has %d values of %s, but max_seq_length is %d; set it to "
                "the length that the examples were built with" % (
                    name_of_example, len(values[name]), name, self._length))
      limit = self._limits[name]
      outside = values[name][(values[name] < 0) | (values[name] >= limit)]
      if outside.size:
        return self._range_problem(name, limit, outside[0], name_of_example)
    is_real = values["input_mask"] == 1
    if np.isin(values["input_ids"][is_real], self._not_masked).all():
      return "%s has no token that can be masked" % name_of_example
    return None

  def _range_problem(self, name, limit, value, name_of_example):
    if name == "input_ids" and value >= limit:
      return ("%s has token id %d, but vocab_size is %d: it was built with "
              "another vocabulary than %s" % (
                  name_of_example, value, limit, self._vocab_file))
    return "%s has value %d of %s, expected 0 to %d" % (
        name_of_example, value, name, limit - 1)


def build_index(config, dataset, defer=None):
  """Counts, or scans, the examples of a dataset and checks the first ones.

  Args:
    config: PretrainingConfig.
    dataset: tfrecord_index.Dataset.
    defer: function that gets a function that writes the counts to the model
      folder, to call it when all checks of the run are done; None: it is
      called here.

  Returns:
    tfrecord_index.TFRecordIndex.

  Raises:
    UserError: a file cannot be read, its examples do not fit the run, or no
      example remains; nothing is written.
  """
  writers = []
  if config.skip_corrupted_records:
    index = _scan(config, dataset, writers.append)
  else:
    index = tfrecord_index.count(dataset, config.model_dir, writers.append)
  _check_first_examples(config, index)
  for write in writers:
    if defer:
      defer(write)
    else:
      write()
  return index


def _check_first_examples(config, index):
  """Checks the first example of every file; of remote files, of the first only.

  Opening a thousand remote files would take a minute. The check comes before
  TensorFlow reads the files because version 1.15 crashes when it reports bytes
  that are not a tf.train.Example.
  """
  check = ExampleCheck(config)
  paths = [path for path in index.paths
           if index.num_examples[path] and not index.skipped.get(path)]
  for path in paths:
    if utils.is_remote(path) and path != paths[0]:
      continue
    with utils.open_file(path, "rb") as f:
      num_bytes = int.from_bytes(f.read(8), "little")
      f.read(4)  # the checksum of the length
      record = f.read(num_bytes)
    problem = check.find_problem(record, "the first example")
    if problem:
      raise utils.UserError("%s: %s." % (path, problem))


@contextlib.contextmanager
def locating_errors(config, paths):
  """Converts an error of reading a batch to a UserError that names the file.

  Args:
    config: PretrainingConfig.
    paths: list of the files that are read.
  """
  try:
    yield
  except (tf.errors.DataLossError, tf.errors.InvalidArgumentError,
          tf.errors.NotFoundError, UnicodeDecodeError) as error:
    # UnicodeDecodeError: TensorFlow puts the record in its message.
    op = getattr(error, "op", None)
    if op is not None and op.type not in _READING_OPS:
      raise
    utils.log("Searching %s files for the damaged one" %
              "{:,}".format(len(paths)))
    check = ExampleCheck(config)
    for path in progress.track(paths, "file", label="Searching files"):
      for _, problem in scan_file(path, check).faults:
        raise utils.UserError(
            "%s: %s. Copy the file or build the examples again, or set "
            "\"skip_corrupted_records\": true to skip damaged examples." % (
                path, problem)) from error
    raise


def scan_file(path, check):
  """Reads and checks a complete TFRecord file, checksums included.

  Args:
    path: str.
    check: ExampleCheck.

  Returns:
    FileScan.
  """
  faults, number = [], 0
  try:
    for record in tf.io.tf_record_iterator(path):
      problem = check.find_problem(record, "example %d" % (number + 1))
      if problem:
        faults.append((number, problem))
      number += 1
  except (tf.errors.OpError, RuntimeError) as error:
    skipped = [index for index, _ in faults]
    faults.append((number, "damaged, or not a TFRecord file (%s after example "
                   "%d)" % (str(getattr(
                       error, "message", error)).split("\n")[0], number)))
  else:
    skipped = [index for index, _ in faults]
  return FileScan(number - len(skipped), skipped, faults)


def _scan(config, dataset, defer):
  """Returns the TFRecordIndex of the usable examples of a dataset.

  All files are read once per model folder; skipped examples are counted and
  logged in every run.
  """
  paths, listed = dataset.paths, dataset.listed
  cache_path = os.path.join(config.model_dir, SCANS_NAME)
  cache = utils.load_json(cache_path) if utils.exists(cache_path) else {}
  check = ExampleCheck(config)
  num_examples, skipped, num_lost, is_exact = {}, {}, 0, True
  for path in progress.track(paths, "file", label="Checking examples"):
    state = [utils.file_size(path), utils.modified(path), config.vocab_size,
             config.max_seq_length]
    if cache.get(path, {}).get("state") != state:
      cache[path] = dict(scan_file(path, check)._asdict(), state=state)
    found = cache[path]
    num_examples[path] = found["num_examples"]
    skipped[path] = list(found["skipped"])
    is_truncated = len(found["faults"]) > len(found["skipped"])
    if path in listed:
      num_lost += listed[path] - found["num_examples"]
    else:
      num_lost += len(found["faults"])
      is_exact = is_exact and not is_truncated
    for _, problem in found["faults"][:_MAX_LISTED]:
      utils.log("Skipped: %s: %s" % (path, problem))
  index = tfrecord_index.TFRecordIndex(paths, num_examples, skipped)
  total = tfrecord_index.total_examples(index)
  utils.log("Skipped %s%s damaged examples of %s files, %s remain" % (
      "" if is_exact else "at least ", "{:,}".format(num_lost),
      "{:,}".format(len(paths)), "{:,}".format(total)))
  if not total:
    raise utils.UserError("%s: all examples of %d files are damaged. Build "
                          "them again." % (dataset.patterns, len(paths)))
  defer(lambda: utils.write_json(
      dict(json_fields.load_object(cache_path, {}), **cache), cache_path))
  return index
