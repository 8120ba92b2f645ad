"""Examples that no model can be trained on, and files that cannot be read.

An id outside the vocabulary ends in an error on a CPU and in zeros on a GPU; an
example without a token to hide teaches nothing. So every batch is checked as it
is read, which costs nothing to speak of, and only when that fails the files are
searched for the one to name. With the hyperparameter `skip_corrupted_records`
all files are searched before training, and what is damaged is left out: then
the number of examples is known, and with it the place where a run goes on.
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
from util import utils

MEMORY_NAME = "tfrecord_faults.json"  # in the model folder: what was found
_NAMES = ("input_ids", "input_mask", "segment_ids")
_READING_OPS = ("IteratorGetNext", "IteratorGetNextSync", "OneShotIterator")
_MAX_LISTED = 20  # log lines about faults

# num_examples: int, that can be used; skipped: sorted list of the numbers, from
# 0, of those before the end that cannot; faults: list of (number, what is
# wrong); the last may be where the file cannot be read on.
FileScan = collections.namedtuple(
    "FileScan", ["num_examples", "skipped", "faults"])


class ExampleCheck:
  """What the features of an example must be like in a run."""

  def __init__(self, config):
    """Makes the check of a PretrainingConfig."""
    vocab = tokenization.load_vocab(config.vocab_file)
    self._not_masked = [vocab[token] for token in (
        tokenization.CLS, tokenization.SEP, tokenization.MASK)]
    self._length = config.max_seq_length
    self._vocab_file = config.vocab_file
    self._limits = {  # exclusive
        "input_ids": config.vocab_size, "input_mask": 2,
        "segment_ids": model_sizes.get_bert_config(config).type_vocab_size}

  def assertion(self, features):
    """Returns the op that fails on a batch with an example that does not fit.

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

  def fault_of(self, record, who):
    """Returns what is wrong with a serialized example, None if nothing is.

    Args:
      record: bytes.
      who: string, what to call it: "example 7".
    """
    try:
      features = tf.train.Example.FromString(record).features.feature
    except message.DecodeError:
      return "expected a tf.train.Example, %s is something else" % who
    values = {}
    for name in _NAMES:
      values[name] = np.array(features[name].int64_list.value, np.int64)
      if len(values[name]) != self._length:
        return ("expected examples of max_seq_length = %d, %s has %d values of "
                "%s; set max_seq_length to the length they were built with" % (
                    self._length, who, len(values[name]), name))
      limit = self._limits[name]
      outside = values[name][(values[name] < 0) | (values[name] >= limit)]
      if outside.size:
        return self._outside(name, limit, outside[0], who)
    is_real = values["input_mask"] == 1
    if np.isin(values["input_ids"][is_real], self._not_masked).all():
      return "expected tokens that can be masked, %s has only special ones" % (
          who)
    return None

  def _outside(self, name, limit, value, who):
    if name == "input_ids" and value >= limit:
      return ("expected token ids below vocab_size = %d, found %d in %s: it "
              "was built with another vocabulary than %s" % (
                  limit, value, who, self._vocab_file))
    return "expected values of %s from 0 to %d, found %d in %s" % (
        name, limit - 1, value, who)


@contextlib.contextmanager
def naming_faults(config, patterns):
  """Makes a UserError that names the file of what reading a batch raises.

  Args:
    config: PretrainingConfig.
    patterns: comma-separated paths or shell patterns, what is read.
  """
  try:
    yield
  except (tf.errors.DataLossError, tf.errors.InvalidArgumentError,
          tf.errors.NotFoundError, UnicodeDecodeError) as error:
    # TensorFlow fails to put the bytes of what is no example in its message.
    op = getattr(error, "op", None)
    if op is not None and op.type not in _READING_OPS:
      raise
    paths, _ = tfrecord_index.check(config, patterns)
    utils.log("Looking in %s files for what cannot be read" %
              "{:,}".format(len(paths)))
    check = ExampleCheck(config)
    for path in paths:
      for _, fault in scan_file(path, check).faults:
        raise utils.UserError(
            "%s: %s. Copy the file again or build the examples again, or set "
            "\"skip_corrupted_records\": true to train without what is "
            "damaged." % (path, fault)) from error
    raise


def scan_file(path, check):
  """Reads a whole tfrecord file, checksums included.

  Args:
    path: of the file.
    check: ExampleCheck.

  Returns:
    FileScan.
  """
  faults, number = [], 0
  try:
    for record in tf.io.tf_record_iterator(path):
      fault = check.fault_of(record, "example %d" % (number + 1))
      if fault:
        faults.append((number, fault))
      number += 1
  except (tf.errors.OpError, RuntimeError) as error:
    skipped = [index for index, _ in faults]
    faults.append((number, "expected a tfrecord file, found a damaged one (%s "
                   "after example %d)" % (str(getattr(
                       error, "message", error)).split("\n")[0], number)))
  else:
    skipped = [index for index, _ in faults]
  return FileScan(number - len(skipped), skipped, faults)


def without_faults(config, paths, listed):
  """Returns the RecordFiles of what can be read and fits the run.

  All is read for that, once a model folder; what is left out is counted and
  logged in every run.

  Args:
    config: PretrainingConfig.
    paths: of the files.
    listed: {path: number of examples} where a dataset_info.json says it.

  Raises:
    UserError: nothing is left.
  """
  memory_path = os.path.join(config.model_dir, MEMORY_NAME)
  memory = utils.load_json(memory_path) if utils.exists(memory_path) else {}
  check = ExampleCheck(config)
  num_examples, skipped, num_lost, is_exact = {}, {}, 0, True
  for path in paths:
    state = [utils.file_size(path), utils.modified(path), config.vocab_size,
             config.max_seq_length]
    if memory.get(path, {}).get("state") != state:
      memory[path] = dict(scan_file(path, check)._asdict(), state=state)
    found = memory[path]
    num_examples[path] = found["num_examples"]
    skipped[path] = list(found["skipped"])
    is_cut = len(found["faults"]) > len(found["skipped"])
    if path in listed:
      num_lost += listed[path] - found["num_examples"]
    else:
      num_lost += len(found["faults"])
      is_exact = is_exact and not is_cut
    for _, fault in found["faults"][:_MAX_LISTED]:
      utils.log("Skipped: %s: %s" % (path, fault))
  utils.write_json(memory, memory_path)
  files = tfrecord_index.RecordFiles(paths, num_examples, skipped)
  total = tfrecord_index.total_examples(files)
  utils.log("Skipped %s%s damaged examples of %s files, %s are left" % (
      "" if is_exact else "at least ", "{:,}".format(num_lost),
      "{:,}".format(len(paths)), "{:,}".format(total)))
  if not total:
    raise utils.UserError("Expected at least one example that is not damaged "
                          "in %d files, found none." % len(paths))
  return files
