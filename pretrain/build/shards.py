"""Examples -> shuffled TFRecord files of equal size, however many there are.

Shuffling outside memory takes two passes. First every example goes to one of
NUM_BUCKETS files at random; then one bucket after the other is read, shuffled
and written on, from shard to shard. Together that is a uniform shuffle of the
whole corpus, with one bucket in memory and few files open (1,000 shards at once
would meet the limit of 256 open files that some systems have). A bucket too big
for memory is first dealt out to smaller ones in the same way.
"""

import contextlib
import os
import random
import struct

from util import utils

NUM_BUCKETS = 64
MAX_BYTES_IN_MEMORY = 64 * 2 ** 20  # of one bucket

_LENGTH = struct.Struct("<I")


def shard_name(number, num_shards):
  """Returns the file name of shard `number`, from 0."""
  return "pretrain_data.tfrecord-%d-of-%d" % (number, num_shards)


def frame(record):
  """Returns the bytes that stand for `record` (bytes) in a bucket."""
  return _LENGTH.pack(len(record)) + record


class Buckets:
  """The files of the first pass, in a folder of their own on a local disk."""

  def __init__(self, folder):
    self._paths = [os.path.join(folder, "bucket-%d" % number)
                   for number in range(NUM_BUCKETS)]
    self._files = [open(path, "wb") for path in self._paths]

  def add(self, framed_records):
    """Appends to the buckets.

    Args:
      framed_records: {bucket number: bytes}, records as `frame` makes them.
    """
    for bucket, content in framed_records.items():
      self._files[bucket].write(content)

  def __enter__(self):
    return self

  def __exit__(self, *unused_error):
    """Ends the first pass."""
    for f in self._files:
      f.close()

  def shuffled_records(self, seed):
    """Yields all records in the order that `seed` says; empties the buckets."""
    for number, path in enumerate(self._paths):
      yield from _shuffled(
          path, random.Random("shuffle %d %d" % (seed, number)))


def _shuffled(path, rng):
  """Yields the records of a bucket in the order that `rng` says; removes it."""
  num_parts = os.path.getsize(path) // MAX_BYTES_IN_MEMORY + 1
  if num_parts > 1:
    parts = ["%s-%d" % (path, number) for number in range(num_parts)]
    _deal_out(path, parts, rng)
    for part in parts:
      yield from _shuffled(part, rng)
    return
  with open(path, "rb") as f:
    records = list(_records_of(f))
  os.remove(path)
  rng.shuffle(records)
  yield from records


def _deal_out(path, parts, rng):
  """Moves every record of a bucket to one of the files `parts` at random."""
  with contextlib.ExitStack() as stack:
    files = [stack.enter_context(open(part, "wb")) for part in parts]
    with open(path, "rb") as f:
      for record in _records_of(f):
        rng.choice(files).write(frame(record))
  os.remove(path)


def write_shards(records, num_records, num_shards, folder):
  """Writes TFRecord files whose sizes differ by one example at most.

  Args:
    records: iterable of `num_records` bytes.
    num_records: int, at least num_shards.
    num_shards: how many files to write.
    folder: where to, local or remote.

  Returns:
    list of {"name", "num_examples", "num_bytes"}, in order.

  Raises:
    UserError: the disk is full or the like.
  """
  os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")  # notes on the machine
  import tensorflow.compat.v1 as tf  # worker processes import this module too
  assert num_records >= num_shards, (num_records, num_shards)
  records = iter(records)
  files = []
  try:
    for shard in range(num_shards):
      num_examples = ((shard + 1) * num_records // num_shards -
                      shard * num_records // num_shards)
      path = os.path.join(folder, shard_name(shard, num_shards))
      with tf.io.TFRecordWriter(path) as writer:
        for _ in range(num_examples):
          writer.write(next(records))
      files.append({"name": os.path.basename(path),
                    "num_examples": num_examples,
                    "num_bytes": tf.io.gfile.stat(path).length})
  except tf.errors.OpError as error:
    raise utils.UserError("Cannot write examples to %s: %s" %
                          (folder, error.message)) from None
  assert next(records, None) is None, "more records than announced"
  return files


def _records_of(f):
  """Yields the records of a bucket, a file open for reading."""
  while True:
    length = f.read(_LENGTH.size)
    if not length:
      return
    yield f.read(_LENGTH.unpack(length)[0])
