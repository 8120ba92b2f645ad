"""Segments of token ids -> shuffled TFRecord files of equal size.

`ExampleSerializer` writes tf.train.Example protocol buffers by hand. The
processes that tokenize would otherwise import TensorFlow, which costs each of
them seconds and hundreds of megabytes, for what is one table lookup per token.
A test compares the bytes with those of tf.train.Example. The message, in the
protocol buffer wire format (a field is a tag byte, the length as a varint, the
content):

  Example.features (0x0a) > Features.feature, one per map entry (0x0a) >
    key (0x0a), value (0x12) > Feature.int64_list (0x1a) >
      Int64List.value, packed varints (0x0a)

`Buckets` and `write_shards` shuffle more examples than fit in memory, in two
passes. The first writes each record to one of NUM_BUCKETS files at random; the
second reads one bucket at a time, shuffles it and appends it to the shards.
Together that is a uniform shuffle of the corpus, with one bucket in memory and
few open files (1,000 open shards would exceed the limit of 256 open files of
some systems). A bucket too big for memory is first split in the same way.
"""

import contextlib
import io
import itertools
import os
import random
import struct

from util import utils

NUM_BUCKETS = 64
MAX_BYTES_IN_MEMORY = 64 * 2 ** 20  # of one bucket

_FIRST_FIELD = b"\x0a"
_MAP_VALUE = b"\x12"
_INT64_LIST = b"\x1a"
_LENGTH = struct.Struct("<I")


class ExampleSerializer:
  """Serializes [CLS] a [SEP] b [SEP] as ids, mask and segment ids, padded."""

  def __init__(self, *, vocab_size, cls_id, sep_id, max_seq_length):
    self._varints = [_varint(token_id) for token_id in range(vocab_size)]
    self._cls = self._varints[cls_id]
    self._sep = self._varints[sep_id]
    self._max_seq_length = max_seq_length

  def serialize(self, first, second):
    """Returns a serialized tf.train.Example with `max_seq_length` positions.

    Args:
      first: list of int, the ids of segment a, without special tokens.
      second: list of int, the ids of segment b; if empty, there is no second
        [SEP].
    """
    varints = self._varints
    tokens = [varints[token_id] for token_id in first]
    num_first = 2 + len(first)
    num_second = 0
    if second:
      tokens.append(self._sep)
      tokens.extend([varints[token_id] for token_id in second])
      num_second = 1 + len(second)
    num_tokens = num_first + num_second
    num_padding = self._max_seq_length - num_tokens
    assert num_padding >= 0, (num_tokens, self._max_seq_length)
    padding = b"\x00" * num_padding
    return _field(_FIRST_FIELD, b"".join((
        _feature(b"input_ids",
                 self._cls + b"".join(tokens) + self._sep + padding),
        _feature(b"input_mask", b"\x01" * num_tokens + padding),
        _feature(b"segment_ids", (b"\x00" * num_first + b"\x01" * num_second +
                                  padding)))))


class Buckets:
  """The files of the first shuffling pass, in a folder on a local disk."""

  def __init__(self, folder):
    self._paths = [os.path.join(folder, "bucket-%d" % number)
                   for number in range(NUM_BUCKETS)]
    self._files = [open(path, "wb") for path in self._paths]

  def __enter__(self):
    return self

  def __exit__(self, *unused_error):
    """Ends the first pass."""
    for f in self._files:
      f.close()

  def add(self, framed_records):
    """Appends records to the buckets.

    Args:
      framed_records: {bucket number: bytes}, records in the form of `frame`.
    """
    for bucket, content in framed_records.items():
      self._files[bucket].write(content)

  def shuffled_records(self, seed):
    """Yields all records in an order drawn from `seed`; deletes the files."""
    for number, path in enumerate(self._paths):
      yield from _shuffled(
          path, random.Random("shuffle %d %d" % (seed, number)))


def frame(record):
  """Returns a record (bytes) in the form that buckets store: length, bytes."""
  return _LENGTH.pack(len(record)) + record


def unframe(content):
  """Yields the records of bytes that `frame` made."""
  return _read_records(io.BytesIO(content))


def import_tensorflow():
  """Returns TensorFlow, which workers do not import, quiet."""
  os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
  import tensorflow.compat.v1 as tf
  return tf


def write_shards(records, num_records, num_shards, folder):
  """Writes TFRecord files whose sizes differ by at most one example.

  Args:
    records: iterable of `num_records` bytes.
    num_records: int, at least num_shards.
    num_shards: int, number of files to write.
    folder: str, an existing folder, local or remote.

  Returns:
    list of {"name", "num_examples", "num_bytes"}, in order.

  Raises:
    UserError: the files cannot be written, for example on a full disk.
  """
  assert num_records >= num_shards, (num_records, num_shards)
  records = iter(records)
  files = []
  for shard in range(num_shards):
    num_examples = ((shard + 1) * num_records // num_shards -
                    shard * num_records // num_shards)
    files.append(write_shard(itertools.islice(records, num_examples), shard,
                             num_shards, folder))
    assert files[-1]["num_examples"] == num_examples, "too few records"
  assert next(records, None) is None, "more than num_records records"
  return files


def write_shard(records, shard, num_shards, folder):
  """Writes one of `num_shards` TFRecord files; returns its {"name", ...}.

  Args:
    records: iterable of bytes. The rest: see `write_shards`.

  Raises:
    UserError: the file cannot be written.
  """
  tf = import_tensorflow()
  name = "pretrain_data.tfrecord-%d-of-%d" % (shard, num_shards)
  path = os.path.join(folder, name)
  num_examples = 0
  try:
    with tf.io.TFRecordWriter(path) as writer:
      for record in records:
        writer.write(record)
        num_examples += 1
    return {"name": name, "num_examples": num_examples,
            "num_bytes": tf.io.gfile.stat(path).length}
  except tf.errors.OpError as error:
    raise utils.UserError("Cannot write examples to %s: %s" %
                          (folder, error.message)) from None


def _shuffled(path, rng):
  """Yields the records of a bucket in random order; deletes the file."""
  num_splits = os.path.getsize(path) // MAX_BYTES_IN_MEMORY + 1
  if num_splits > 1:
    split_paths = ["%s-%d" % (path, number) for number in range(num_splits)]
    _split(path, split_paths, rng)
    for split_path in split_paths:
      yield from _shuffled(split_path, rng)
    return
  with open(path, "rb") as f:
    records = list(_read_records(f))
  os.remove(path)
  rng.shuffle(records)
  yield from records


def _split(path, split_paths, rng):
  """Moves each record of a bucket to one of `split_paths` at random."""
  with contextlib.ExitStack() as stack:
    files = [stack.enter_context(open(split_path, "wb"))
             for split_path in split_paths]
    with open(path, "rb") as f:
      for record in _read_records(f):
        rng.choice(files).write(frame(record))
  os.remove(path)


def _read_records(f):
  """Yields the records of a file open for reading, such as a bucket."""
  while True:
    length = f.read(_LENGTH.size)
    if not length:
      return
    yield f.read(_LENGTH.unpack(length)[0])


def _varint(value):
  """Encodes a non-negative int in groups of 7 bits, lowest first."""
  groups = bytearray()
  while value > 0x7F:
    groups.append(value & 0x7F | 0x80)
    value >>= 7
  groups.append(value)
  return bytes(groups)


def _field(tag, content):
  return tag + _varint(len(content)) + content


def _feature(name, packed):
  """Returns the serialized map entry name -> int64 list."""
  return _field(_FIRST_FIELD, _field(_FIRST_FIELD, name) + _field(
      _MAP_VALUE, _field(_INT64_LIST, _field(_FIRST_FIELD, packed))))
