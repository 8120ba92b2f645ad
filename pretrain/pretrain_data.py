"""Reads TFRecords in batches, in an order that a resumed run reproduces.

The order of the examples is a function of the seed and the epoch alone: files
are permuted, interleaved, and their records shuffled, all with seeds of that
epoch. Epochs follow each other without a gap, so a batch may contain the end of
one and the start of the next. A run that resumes skips the examples that were
read: complete epochs cost nothing, and of the current one the files that were
read are not opened again. They are `s * batch size` at global step s, or as
data_position.json in the model folder tells if the batch size changed:
[{"step", "num_read", "batch_size", "num_examples"}], one entry per change.

Glossary of shapes:
- B: batch size.
- L: `max_seq_length`, in WordPiece tokens.
- N: `max_predictions_per_seq`.
"""

import collections
import os

import tensorflow.compat.v1 as tf

from model import checkpoint
from model import tokenization
from pretrain import example_check
from pretrain import tfrecord_index
from util import data_parallel
from util import json_fields
from util import utils

# input_ids, input_mask, segment_ids: int32 [B, L]; masked_lm_positions,
# masked_lm_ids: int32 [B, N]; masked_lm_weights: float32 [B, N], 0 for padding.
Inputs = collections.namedtuple("Inputs", [
    "input_ids", "input_mask", "segment_ids",
    "masked_lm_positions", "masked_lm_ids", "masked_lm_weights"])

POSITION_NAME = "data_position.json"  # in the model folder
BATCH_NUMBER = "batch_number"  # int32 [B], all the same; only in evaluation

_FILES_AT_A_TIME = 8
_MAX_SHUFFLE_BUFFER = 20000  # records; some 30 MB at 128 tokens
# A record stays in a shuffle buffer of b records for at most this many times b
# draws: the probability that one of 20 million stays longer is 20e6 * exp(-50),
# 4e-15.
_LONGEST_STAY = 50
_PREFETCHED_RECORDS = 64  # of each open file
_PARALLEL_PARSERS = 2
_PREFETCHED_BATCHES = 4
# Keys of the two stateless draws of an epoch.
_FILE_ORDER, _RECORD_ORDER = 0, 1


def features_to_inputs(features):
  """Returns the Inputs of a dict of features; missing ones are None."""
  return Inputs(*(features.get(name) for name in Inputs._fields))


def get_updated_inputs(inputs, **kwargs):
  """Returns `inputs` with the named fields replaced.

  Raises:
    ValueError: a name is not a field of Inputs.
  """
  return inputs._replace(**kwargs)


def is_masked(inputs):
  """Returns whether `inputs` has masked positions already."""
  return inputs.masked_lm_positions is not None


def get_input_fn(config, is_training, num_cpu_threads=None, *,
                 start_step=None, index=None):
  """Returns the `input_fn(params)` of an Estimator.

  Args:
    config: PretrainingConfig.
    is_training: bool. True: endless batches of `train_batch_size`. False: each
      example once and in order, in batches of `eval_batch_size`, the last one
      smaller; from `eval_tfrecords` if set.
    num_cpu_threads: int, ignored; the number of threads is constant.
    start_step: int, the global step to resume at; None: that of the latest
      checkpoint in `config.model_dir` when the input_fn is called.
    index: tfrecord_index.TFRecordIndex of the examples; None: they are found
      and checked when the input_fn is called.

  Raises:
    UserError: from the returned function without an index: no file, or files
      that do not fit the run.
  """

  del num_cpu_threads

  def input_fn(params):
    examples = index or find_examples(config, is_training)
    if not is_training:
      batches = _eval_dataset(config, examples, params["batch_size"])
      if data_parallel.num_ranks() == 1:
        return batches
      # The Estimator of a rank counts its own batches, num_eval_steps all.
      return batches.take(config.num_eval_steps).shard(
          data_parallel.num_ranks(), data_parallel.rank())
    step = (checkpoint_step(config.model_dir) if start_step is None
            else start_step)
    return _train_dataset(config, examples, params["batch_size"], step)

  return input_fn


def find_examples(config, is_training):
  """Finds and checks the examples of a run; returns their TFRecordIndex."""
  patterns = config.pretrain_tfrecords
  if not is_training and config.eval_tfrecords:
    patterns = config.eval_tfrecords
  return example_check.build_index(
      config, tfrecord_index.check(config, patterns))


def batches_of_ids(config, index, batch_size=1024, num_batches=-1):
  """Yields the `input_ids` of each example once, in order.

  Args:
    config: PretrainingConfig.
    index: tfrecord_index.TFRecordIndex.
    batch_size: int, examples per batch.
    num_batches: int, how many to read; -1: all.

  Yields:
    int32 array of shape [batch_size, L]; the last one may be smaller.

  Raises:
    UserError: a file is damaged or does not fit the run.
  """
  with example_check.locating_errors(config, index.paths):
    with tf.Graph().as_default(), tf.Session() as session:
      batches = tf.data.make_one_shot_iterator(
          _eval_dataset(config, index, batch_size).take(num_batches)
      ).get_next()
      while True:
        try:
          yield session.run(batches["input_ids"])
        except tf.errors.OutOfRangeError:
          return


def checkpoint_step(model_dir):
  """Returns the global step of the latest checkpoint, 0 if there is none."""
  latest = checkpoint.find(model_dir)
  return checkpoint.global_step_of(latest) if latest else 0


def num_examples_read(config, step):
  """Returns the number of examples that a model's first `step` steps read."""
  before = _position_changes(config, step)
  if not before:
    return step * config.train_batch_size
  last = before[-1]
  return last["num_read"] + (step - last["step"]) * last["batch_size"]


def record_position(config, step, num_examples):
  """Records the batch size that training resumes with, if it changed.

  Args:
    config: PretrainingConfig.
    step: int, the global step that training resumes at.
    num_examples: int, in one epoch.
  """
  before = _position_changes(config, step)
  now = {"step": step, "num_read": num_examples_read(config, step),
         "batch_size": config.train_batch_size, "num_examples": num_examples,
         "num_micro_batches": (config.gradient_accumulation_steps *
                               data_parallel.num_ranks())}
  last = dict(now, **before[-1]) if before else {}
  changed = [name for name in ("batch_size", "num_examples",
                               "num_micro_batches")
             if last.get(name) != now[name]]
  if not changed:
    return
  if before and "batch_size" in changed:
    utils.log("train_batch_size changed from {:,} to {:,}: resuming after the "
              "{:,} examples that were read".format(
                  last["batch_size"], now["batch_size"], now["num_read"]))
  if before and "num_examples" in changed:
    utils.log("The training examples changed from {:,} to {:,}: those of the "
              "current epoch are in a new order, so some repeat".format(
                  last["num_examples"], num_examples))
  if before and "num_micro_batches" in changed:
    utils.log("The micro-batches of a step (processes x "
              "gradient_accumulation_steps) changed from {:,} to {:,}: dropout "
              "differs from that of an uninterrupted run".format(
                  last["num_micro_batches"], now["num_micro_batches"]))
  utils.write_json([entry for entry in before if entry["step"] < step] + [now],
                   os.path.join(config.model_dir, POSITION_NAME))


def position_in_epoch(num_read, num_examples):
  """Returns (epoch, number of its examples already read)."""
  return divmod(num_read, num_examples)


def records_in_order(index, seed, num_read):
  """Returns the endless dataset of serialized examples after `num_read`.

  Args:
    index: tfrecord_index.TFRecordIndex.
    seed: int.
    num_read: int, how many examples to skip, over all epochs.
  """
  epoch, position = position_in_epoch(
      num_read, tfrecord_index.total_examples(index))
  paths = [path for path in index.paths if index.num_examples[path]]
  read = _reader(index, paths)
  first = None
  if position:
    first = _rest_of_epoch(index, paths, read, seed, epoch, position)
    epoch += 1
  endless = tf.data.Dataset.range(epoch, tf.int64.max).flat_map(
      lambda epoch: _records_of_epoch(index, paths, read, seed, epoch))
  if first is None:
    # Drops nothing, but random initial weights depend on the number of ops.
    return endless.skip(0)
  return first.concatenate(endless)


def print_tokens(inputs, inv_vocab, updates_mask=None, num_rows=1):
  """Returns `inputs` after an op that prints their tokens, for debugging.

  Args:
    inputs: Inputs.
    inv_vocab: {id: token}.
    updates_mask: int32 Tensor of shape [B, L], 1 at tokens to print in **.
    num_rows: int, how many sequences to print.
  """
  def text_of(ids, mask, updates):
    for row_ids, row_mask, row_updates in zip(ids, mask, updates):
      utils.log(" ".join(
          ("**%s**" if is_updated else "%s") % inv_vocab[index]
          for index, is_real, is_updated in zip(row_ids, row_mask, row_updates)
          if is_real))
    return len(ids)

  if updates_mask is None:
    updates_mask = tf.zeros_like(inputs.input_ids)
  printed = tf.py_func(
      text_of, [tensor[:num_rows] for tensor in (
          inputs.input_ids, inputs.input_mask, updates_mask)],
      tf.int64)
  with tf.control_dependencies([printed]):
    return get_updated_inputs(inputs, input_ids=tf.identity(inputs.input_ids))


def special_ids(vocab_file):
  """Returns {token: id} of the special tokens of a vocabulary."""
  vocab = tokenization.load_vocab(vocab_file)
  return {token: vocab[token] for token in tokenization.SPECIAL_TOKENS}


def _position_changes(config, step):
  """Returns the entries of data_position.json up to a global step.

  Later ones are of steps that were lost with a damaged checkpoint.
  """
  path = os.path.join(config.model_dir, POSITION_NAME)
  entries = utils.load_json(path) if utils.exists(path) else []
  fields = dict.fromkeys(
      ("step", "num_read", "batch_size", "num_examples"), json_fields.INTEGER)
  advice = "Remove the file: some examples then repeat."
  json_fields.check({"entries": json_fields.LIST}, {"entries": entries}, path,
                    advice=advice)
  for entry in entries:
    json_fields.check(fields, entry, path, required=fields, advice=advice)
  return [entry for entry in entries if entry["step"] <= step]


def _records_of_epoch(index, paths, read, seed, epoch):
  """Returns the dataset of one epoch's serialized examples."""
  order, record_seed = _draws_of_epoch(paths, seed, epoch)
  files = tf.data.Dataset.from_tensor_slices(_file_tensors(index, paths, order))
  return _shuffled(index, _interleaved(files, read), record_seed)


def _rest_of_epoch(index, paths, read, seed, epoch, position):
  """Returns the dataset of an epoch without its first `position` examples.

  Which records a shuffle draws depends on how many it was given, not on what
  they are. So records that were drawn already are replaced by empty ones, which
  cost no reading, and only the files with later records are opened.
  """
  with tf.Graph().as_default(), tf.Session() as session:
    order, record_seed = session.run(
        _draws_of_epoch(paths, seed, tf.constant(epoch, tf.int64)))
  buffer_size = _buffer_size(index)
  # Empty records in slices of the buffer's size, which are quick to repeat.
  num_slices = max(0, position // buffer_size - _LONGEST_STAY)
  empty = tf.data.Dataset.from_tensor_slices(
      tf.fill([buffer_size], "")).repeat(num_slices)
  numbers, num_done = _files_after(
      num_slices * buffer_size,
      [index.num_examples[paths[number]] for number in order])
  files = tf.data.Dataset.from_tensor_slices(
      _file_tensors(index, paths, order[numbers]) +
      (tf.constant(num_done, tf.int64),))
  records = _interleaved(
      files, lambda *row: read(*row[:-1]).skip(row[-1]))
  return _shuffled(
      index, empty.concatenate(records), record_seed).skip(position)


def _draws_of_epoch(paths, seed, epoch):
  """Returns an epoch's order of `paths`, int32 [len(paths)], and its seed."""
  key = _epoch_key(seed, epoch)
  order = tf.argsort(tf.random.stateless_uniform(
      [len(paths)], seed=key + [0, _FILE_ORDER]))
  # Seeds of `shuffle` are any int64; 2**31 of them are enough.
  record_seed = tf.cast(tf.random.stateless_uniform(
      [], seed=key + [0, _RECORD_ORDER], minval=1, maxval=tf.int32.max,
      dtype=tf.int32), tf.int64)
  return order, record_seed


def _interleaved(files, read):
  """Returns the records of a dataset of files, one of each open file in turn.

  Each file is read ahead in a separate thread. (The parallel interleave of
  TensorFlow 1.15 crashes when a session is closed while it reads.)
  """
  return files.interleave(
      lambda *row: read(*row).prefetch(_PREFETCHED_RECORDS),
      cycle_length=_FILES_AT_A_TIME, block_length=1)


def _shuffled(index, records, record_seed):
  return records.shuffle(_buffer_size(index), seed=record_seed,
                         reshuffle_each_iteration=False)


def _buffer_size(index):
  return min(tfrecord_index.total_examples(index), _MAX_SHUFFLE_BUFFER)


def _files_after(num_read, num_records):
  """Returns where `_interleaved` is after its first records.

  Args:
    num_read: int, records that were read.
    num_records: list of int, above 0, the length of each file in order.

  Returns:
    (numbers, num_done): two lists of int, the files that are left, in the
    order in which they are visited, and how many records of each are read.
  """
  waiting = collections.deque(range(len(num_records)))
  slots = collections.deque([None] * _FILES_AT_A_TIME)  # next visited first
  done = [0] * len(num_records)
  left = num_read
  while left:
    # Complete rounds in which no file ends, then one visit.
    rounds = min([left // len(slots)] + [
        0 if file is None else num_records[file] - done[file]
        for file in slots])
    for file in slots if rounds else ():
      done[file] += rounds
    left -= rounds * len(slots)
    if not left:
      break
    file = slots.popleft()
    if file is None:
      if not waiting:
        continue  # the slot stays empty
      file = waiting.popleft()
    if done[file] < num_records[file]:
      done[file] += 1
      left -= 1
      slots.append(file)
    else:
      slots.append(None)  # it takes the next file when it is visited again
  numbers = []
  for file in slots:
    if file is None and waiting:
      file = waiting.popleft()
    if file is not None:
      numbers.append(file)
  numbers.extend(waiting)
  return numbers, [done[file] for file in numbers]


def _file_tensors(index, paths, order=None):
  """Returns (paths, number of records to read of each, file numbers).

  Args:
    index: tfrecord_index.TFRecordIndex.
    paths: list of str.
    order: int32 [number of files to read], indices of paths; None: all.
  """
  num_read = [index.num_examples[path] + len(index.skipped.get(path, ()))
              for path in paths]
  tensors = (tf.constant(paths), tf.constant(num_read, tf.int64),
             tf.range(len(paths), dtype=tf.int64))
  if order is None:
    return tensors
  return tuple(tf.gather(tensor, order) for tensor in tensors)


def _reader(index, paths):
  """Returns the function of a row of `_file_tensors` to the file's records."""
  skipped = [(number << 32) + position for number, path in enumerate(paths)
             for position in index.skipped.get(path, ())]

  def read(path, num_read, number):
    records = tf.data.TFRecordDataset(path).take(num_read)
    if not skipped:
      return records

    def is_kept(position, record):
      del record  # the position decides
      return tf.reduce_all(tf.not_equal(
          tf.constant(skipped, tf.int64), number * (1 << 32) + position))

    positions = tf.data.Dataset.range(tf.int64.max)
    return tf.data.Dataset.zip((positions, records)).filter(is_kept).map(
        lambda position, record: record)

  return read


def _epoch_key(seed, epoch):
  """Returns an int64 [2] key: the seed, and the epoch with room for a draw."""
  return tf.stack([tf.constant(seed, tf.int64), 2 * epoch])


def _train_dataset(config, index, batch_size, step):
  num_examples = tfrecord_index.total_examples(index)
  num_read = num_examples_read(config, step)
  epoch, position = position_in_epoch(num_read, num_examples)
  if step:
    utils.log("Resuming at step %s: epoch %s, example %s of %s" % tuple(
        "{:,}".format(number)
        for number in (step, epoch + 1, position + 1, num_examples)))
  dataset = records_in_order(index, config.seed, num_read)
  return _parsed(config, dataset.batch(batch_size, drop_remainder=True))


def _eval_dataset(config, index, batch_size):
  """Returns each example once and in order, with the number of its batch.

  The masks are seeded with that number, so that all evaluations have the same.
  """
  records = tf.data.Dataset.from_tensor_slices(
      _file_tensors(index, index.paths)).flat_map(_reader(index, index.paths))
  batches = _parsed(config, records.batch(
      batch_size, drop_remainder=config.use_tpu))

  def add_number(number, features):
    return dict(features, **{BATCH_NUMBER: tf.fill(
        tf.shape(features["input_ids"])[:1], tf.cast(number, tf.int32))})

  return tf.data.Dataset.zip((
      tf.data.Dataset.range(tf.int32.max), batches)).map(add_number)


def _parsed(config, batches):
  """Returns the dataset of int32 features of batches of serialized examples.

  A batch with an unsuitable example raises InvalidArgumentError, from which
  `example_check.locating_errors` finds the file.
  """
  names = ("input_ids", "input_mask", "segment_ids")
  spec = {name: tf.FixedLenFeature([config.max_seq_length], tf.int64)
          for name in names}
  check = example_check.ExampleCheck(config)

  def parse(serialized):
    features = tf.io.parse_example(serialized, spec)
    with tf.control_dependencies([check.assertion(features)]):
      return {name: tf.cast(features[name], tf.int32) for name in names}

  return batches.map(parse, num_parallel_calls=_PARALLEL_PARSERS).prefetch(
      _PREFETCHED_BATCHES)
