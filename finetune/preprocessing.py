"""Featurizes the examples of tasks, caches them and reads batches.

A run's features are stored as `<tasks>_<split>.tfrecord` in the run's
`preprocessed_data_dir`. Next to each file `<tasks>_<split>.json`, written last,
holds what the features depend on (hashes of the raw files and the vocabulary,
tokenizer and other settings, versions). Stored features are reused if it is
unchanged and rebuilt otherwise.

Every stored example holds the features of all tasks of the run, those of other
tasks at their default value, and `task_id`: the index of its task in
`task_names`.

Examples are stored with padding up to `max_seq_length`. With `trim_batches` a
batch is cut to its longest example, and evaluation reads the longest examples
first, so that a batch has examples of similar length. Padding is masked in the
model, so the outputs for the tokens do not change.
"""

import collections
import os
import random

import numpy as np
import tensorflow.compat.v1 as tf

from finetune import feature_spec
from finetune import task as task_module
from model import tokenization
from model import vocabulary_fit
from util import data_parallel
from util import progress
from util import utils

# Increment when the storage format of features changes.
FORMAT_VERSION = 1
# Examples are stored in an order that does not depend on the seed (a cache
# serves all trials); the seed determines the order of each epoch.
STORED_ORDER_SEED = 0
# Size of the shuffle buffer in memory; a stored example takes 1-3 KB.
SHUFFLE_BUFFER_EXAMPLES = 16384
MAX_EVALUATED = 2**31 - 1  # examples: their indices are int32
MAX_STEPS = 2**31 - 1  # the global step is int32, too
# Limit so that two trials never share the shuffle seed of an epoch.
MAX_EPOCHS = 1000003
# Batches are as long as their longest example, rounded up to a multiple of
# this: fewer shapes to compile, and sizes that are fast on GPUs.
LENGTH_MULTIPLE = 8  # tokens
# Examples sorted by length together; their outputs are kept in memory until
# the original order is restored.
SORTED_EXAMPLES = 2048
INPUT_NUMBER = "input_number"  # of an evaluated example, from 0, as stored
DEBUG_TRAIN_EXAMPLES = 200
LOGGED_EXAMPLES = 5

StoredExamples = collections.namedtuple(
    "StoredExamples", ["path", "num_examples", "made_from"])


class Preprocessor:
  """Builds, stores and reads the features of the tasks of one run."""

  def __init__(self, config, tasks):
    """Stores the hyperparameters and tasks that determine the features.

    Args:
      config: a FinetuningConfig.
      tasks: list of all finetune.task.Task of the run, in the order of their
        task ids.
    """
    self._config = config
    self._tasks = list(tasks)
    self._specs = _feature_specs(config, tasks)
    self._is_trimming = is_trimming(config, tasks)
    self._hashes = {}  # {(path, size, time of change): SHA-256}
    if self._is_trimming != is_trimming(config, []):
      utils.log("Padding every batch to max_seq_length, because the head of "
                "task %s may require it (takes_short_inputs is not set)" % (
                    ", ".join("'%s'" % task.name for task in tasks
                              if not task.can_be_trimmed())))

  def store(self, tasks, split):
    """Builds and stores the features of `split`, or reuses stored ones.

    Args:
      tasks: list of Task, some of the tasks of the run.
      split: str, "train", "dev" or a test split.

    Returns:
      StoredExamples.

    Raises:
      utils.UserError: raw data are missing, empty or cannot be read.
    """
    name = "%s_%s" % ("_".join(task.name for task in tasks), split)
    path = os.path.join(self._config.preprocessed_data_dir, name + ".tfrecord")
    metadata_path = os.path.splitext(path)[0] + ".json"
    made_from = self.made_from(tasks, split)
    are_files_known = all(
        values["files"] is not None for values in made_from["tasks"].values())
    if self._config.use_tfrecords_if_existing and are_files_known:
      num_examples = _num_stored_examples(path, metadata_path, made_from)
      if num_examples:
        utils.log("Reused {:,} inputs of {} from {}".format(
            num_examples, name, path))
        _log_vocabulary_fit(utils.load_json(metadata_path))
        return StoredExamples(path, num_examples, made_from)
    pairs = self._get_examples(tasks, split)
    num_examples, fit = self._write(pairs, path, split)
    # A question with an empty context has no input, but an answer: "".
    if not num_examples and not (pairs and split == task_module.PREDICT):
      raise utils.UserError(
          "Task '%s': expected examples in split '%s', found none (%s)." % (
              ", ".join(task.name for task in tasks), split, ", ".join(
                  file for task in tasks
                  for file in _files_of(task, split) or [])
              or "the task reads no files"))
    utils.write_json(dict(fit, made_from=made_from,
                          num_examples=num_examples,
                          num_bytes=utils.file_size(path)), metadata_path)
    _log_vocabulary_fit(fit)
    return StoredExamples(path, num_examples, made_from)

  def train_input_fn(self, stored, seed, start_step=0):
    """Returns the input_fn for training, an endless stream of batches.

    The examples of a step depend on the seed and the step alone: the stream is
    one shuffled epoch after the other, and step s reads examples
    [s * batch size, (s + 1) * batch size) of it.

    Args:
      stored: StoredExamples of the training split.
      seed: int, of this trial.
      start_step: int, the number of training steps already done.
    """
    epoch, offset = divmod(start_step * self._config.train_batch_size,
                           stored.num_examples)

    def shuffled_epoch(epoch):
      return tf.data.TFRecordDataset(stored.path).shuffle(
          min(SHUFFLE_BUFFER_EXAMPLES, stored.num_examples),
          seed=seed * MAX_EPOCHS + epoch, reshuffle_each_iteration=False)

    def input_fn(params):
      epochs = tf.data.Dataset.range(epoch, MAX_EPOCHS)
      records = epochs.flat_map(shuffled_epoch).skip(offset)
      batches = records.map(self._parse).batch(
          params["batch_size"], drop_remainder=True)
      batches = self._trim(batches)
      # Without ranks no op: random initial weights depend on their number.
      if data_parallel.num_ranks() > 1:
        batches = batches.map(_rows_of_rank)
      return batches.prefetch(2)

    return input_fn

  def eval_input_fn(self, stored):
    """Returns the input_fn that reads every stored example once.

    Each has the feature `INPUT_NUMBER`, its index in the file. With
    `trim_batches` long examples come first, among each `SORTED_EXAMPLES`.

    The last batch is as small as what remains. TPUs need full batches: there it
    is filled up with inputs whose `task_id` is that of no task.
    """

    def input_fn(params):
      batch_size = params["batch_size"]
      examples = tf.data.TFRecordDataset(stored.path).map(self._parse)
      if self._config.use_tpu:
        num_missing = -stored.num_examples % batch_size
        padding = tf.data.Dataset.from_tensors(self._padding_example())
        examples = examples.concatenate(padding.repeat(num_missing))
      numbers = tf.data.Dataset.range(MAX_EVALUATED).map(
          lambda number: tf.cast(number, tf.int32))
      examples = tf.data.Dataset.zip((examples, numbers)).map(
          lambda example, number: dict(example, **{INPUT_NUMBER: number}))
      if self._is_trimming:
        num_sorted = max(1, SORTED_EXAMPLES // batch_size) * batch_size
        examples = examples.batch(num_sorted).map(_longest_first).flat_map(
            tf.data.Dataset.from_tensor_slices)
      batches = examples.batch(batch_size, drop_remainder=self._config.use_tpu)
      if data_parallel.num_ranks() > 1:
        batches = batches.shard(data_parallel.num_ranks(), data_parallel.rank())
      return self._trim(batches).prefetch(2)

    return input_fn

  def _trim(self, batches):
    """Removes the padding that is common to all examples of a batch.

    Args:
      batches: tf.data.Dataset of {feature: Tensor of shape [B, ...]}.
    """
    if not self._is_trimming:
      return batches
    per_token = {spec.name for spec in self._specs if spec.is_per_token}

    def trim(batch):
      length = _longest(batch["input_mask"])
      return {name: tensor[:, :length] if name in per_token else tensor
              for name, tensor in batch.items()}

    return batches.map(trim)

  def _get_examples(self, tasks, split):
    """Returns [(Task, Example)] of `split`, those for training shuffled."""
    for task in tasks:
      if split == task_module.PREDICT and not task.reads_predict_file:
        raise utils.UserError("do_predict: task '%s' reads no predict_file." %
                              task.name)
    pairs = [(task, example) for task in tasks
             for example in _examples_of(task, split)]
    if split == "train":
      random.Random(STORED_ORDER_SEED).shuffle(pairs)
      if self._config.debug:
        pairs = pairs[:DEBUG_TRAIN_EXAMPLES]
    return pairs

  def _write(self, pairs, path, split):
    """Writes the features of (Task, Example) pairs.

    Returns:
      (number of inputs, metadata of the fit of vocabulary and text).
    """
    utils.makedirs(os.path.dirname(path))
    temporary = path + ".%d.tmp" % os.getpid()
    num_inputs = 0
    fit = _FitCounter(self._config, self._tasks)
    try:
      with tf.io.TFRecordWriter(temporary) as writer:
        for i, (task, example) in enumerate(progress.track(
            pairs, "example", label="Featurizing " + split)):
          features = task.make_features(
              example, split == "train",
              log=self._config.log_examples and i < LOGGED_EXAMPLES)
          for one_input in features:
            writer.write(self._serialize(task, one_input))
            fit.add(one_input)
          num_inputs += len(features)
      utils.rename(temporary, path)
    finally:
      if utils.exists(temporary):
        utils.remove(temporary)
    utils.log("Wrote {:,} inputs made from {:,} {} examples to {}".format(
        num_inputs, len(pairs), split, path))
    return num_inputs, fit.metadata()

  def _serialize(self, task, features):
    """Returns one stored example, with the defaults of the other tasks."""
    unknown = set(features) - {spec.name for spec in self._specs}
    assert not unknown, "task %s featurizes %s, which get_feature_specs does " \
        "not name" % (task.name, sorted(unknown))
    values = dict(features, task_id=self._tasks.index(task))
    return tf.train.Example(features=tf.train.Features(feature={
        spec.name: spec.to_proto(values[spec.name] if spec.name in values else
                                 spec.get_default_values())
        for spec in self._specs})).SerializeToString()

  def _parse(self, record):
    """Returns {feature: Tensor} of a stored example; TPUs know no int64."""
    features = tf.io.parse_single_example(
        record, {spec.name: spec.get_parsing_spec() for spec in self._specs})
    return {name: tf.cast(tensor, tf.int32) if tensor.dtype == tf.int64 else
                  tensor for name, tensor in features.items()}

  def _padding_example(self):
    """Returns the {feature: array} of an input that belongs to no task."""
    arrays = {spec.name: spec.get_default_values() for spec in self._specs}
    arrays["task_id"] = np.array(len(self._tasks))
    return {name: array.astype(
        np.float32 if array.dtype.kind == "f" else np.int32)
            for name, array in arrays.items()}

  def made_from(self, tasks, split):
    """Returns everything the stored features depend on, for JSON.

    Raises:
      utils.UserError: a file of raw data is missing.
    """
    config = self._config
    versions = {task.name: task.get_split_version(split) for task in tasks}
    of_split = {name: version for name, version in versions.items() if version}
    made_from = {
        "format_version": FORMAT_VERSION,
        "split": split,
        "vocab_sha256": tokenization.vocab_sha256(config.vocab_file),
        "tokenizer": {"do_lower_case": config.do_lower_case,
                      "strip_accents": config.strip_accents},
        "all_tasks": [task.name for task in self._tasks],
        "features": [repr(spec) for spec in self._specs],
        "tasks": {task.name: {
            "class": "%s.%s" % (type(task).__module__, type(task).__name__),
            "version": task.get_features_version(),
            "hparams": {name: getattr(config, name)
                        for name in task.get_feature_hparams()},
            "files": self._contents(task, split),
        } for task in tasks},
    }
    if of_split:
      made_from["of_split"] = of_split
    return made_from

  def _contents(self, task, split):
    """Returns [[file name, SHA-256]] of the files of a split, in their order.

    None if the files are unknown.
    """
    paths = _files_of(task, split)
    if paths is None:
      return None
    for path in paths:
      if not utils.exists(path):
        raise utils.UserError(
            "Task '%s': expected its %s data in %s, but there is no such file. "
            "Add it." % (task.name, split, path))
    return [[os.path.basename(path), self._sha256(path)] for path in paths]

  def _sha256(self, path):
    """Returns the SHA-256 of a file; hashes it again only if it changed."""
    key = (path, utils.file_size(path), utils.modified(path))
    if key not in self._hashes:
      self._hashes[key] = utils.sha256_of_file(path)
    return self._hashes[key]


def empty_features(config, tasks):
  """Returns {feature: Tensor of shape [2, ...]} of two empty examples."""
  return {spec.name: tf.zeros([2] + spec.shape, (
      tf.int32 if spec.is_int_feature else tf.float32))
          for spec in _feature_specs(config, tasks)}


class _FitCounter:
  """Counts the [UNK] of stored inputs, and the words that become [UNK]."""

  def __init__(self, config, tasks):
    vocab = tokenization.load_vocab(config.vocab_file)
    self._special_ids = [vocab.get(token)
                         for token in tokenization.CONTROL_TOKENS]
    self._unk_id = vocab.get(tokenization.UNK)
    self._num_tokens = self._num_unknown_tokens = 0
    # The tasks of a run share a tokenizer; some have none.
    self._tokenizer = next((task.tokenizer for task in tasks if isinstance(
        getattr(task, "tokenizer", None), tokenization.FullTokenizer)), None)
    if self._tokenizer is not None:
      self._unknown_words = self._tokenizer.count_unknown_words()

  def add(self, features):
    """Counts the tokens of an input."""
    ids = np.asarray(features.get("input_ids", ()), np.int64)
    mask = np.asarray(features.get("input_mask", np.ones_like(ids))) > 0
    self._num_tokens += int((mask & ~np.isin(ids, self._special_ids)).sum())
    self._num_unknown_tokens += int((mask & (ids == self._unk_id)).sum())

  def metadata(self):
    """Returns the counts, words and likely problem as {name: value}."""
    words, problem = collections.Counter(), None
    if self._tokenizer is not None:
      words = self._unknown_words.words(self._tokenizer)
      problem = vocabulary_fit.find_problem(
          self._tokenizer, self._num_tokens, self._num_unknown_tokens, words,
          vocabulary_fit.HPARAMS)
    return {"num_tokens": self._num_tokens,
            "num_unknown_tokens": self._num_unknown_tokens,
            "unknown_words": words.most_common(
                vocabulary_fit.NUM_RECORDED_WORDS),
            "vocabulary_problem": problem}


def _log_vocabulary_fit(metadata):
  if "num_unknown_tokens" in metadata:  # not in that of an earlier version
    vocabulary_fit.log(
        metadata["num_tokens"], metadata["num_unknown_tokens"],
        metadata["unknown_words"], metadata["vocabulary_problem"])


def num_train_steps(num_examples, batch_size, num_epochs):
  """Returns the steps of a training, rounded down, at least 1.

  Raises:
    utils.UserError: they exceed the int32 range.
  """
  num_steps = max(1, int(num_examples / batch_size * num_epochs))
  if num_steps > MAX_STEPS:
    raise utils.UserError(
        "num_train_epochs: expected at most %d steps, got %g epochs of %d "
        "examples, %d a step." % (MAX_STEPS, num_epochs, num_examples,
                                  batch_size))
  return num_steps


def is_trimming(config, tasks):
  """Returns whether batches are cut to their longest example."""
  # A TPU compiles its program for one shape.
  return config.trim_batches and not config.use_tpu and all(
      task.can_be_trimmed() for task in tasks)


def _rows_of_rank(features):
  """Returns the rows of a batch {feature: Tensor} that this rank trains on."""
  rows = data_parallel.parts_of_rank(features["task_id"].shape[0].value)
  return {name: tensor[rows.start:rows.stop]
          for name, tensor in features.items()}


def _longest(input_mask):
  """Returns the length that a batch is cut to, an int32 scalar Tensor.

  Args:
    input_mask: int32 Tensor of shape [B, L], 1 for real tokens.
  """
  max_length = tf.shape(input_mask)[1]
  ends = tf.where(tf.reduce_any(input_mask > 0, axis=0),
                  tf.range(1, max_length + 1), tf.zeros([max_length], tf.int32))
  rounded_up = -(-tf.reduce_max(ends) // LENGTH_MULTIPLE) * LENGTH_MULTIPLE
  return tf.clip_by_value(rounded_up, 1, max_length)


def _longest_first(examples):
  """Returns examples of a batch by descending length; the sort is stable."""
  lengths = tf.reduce_sum(examples["input_mask"], axis=1)
  order = tf.argsort(lengths, direction="DESCENDING", stable=True)
  return {name: tf.gather(tensor, order) for name, tensor in examples.items()}


def _feature_specs(config, tasks):
  """Returns the FeatureSpecs of a stored example: shared ones, each task's."""
  length = config.max_seq_length
  specs = [feature_spec.FeatureSpec(name, [length], is_per_token=True)
           for name in ("input_ids", "input_mask", "segment_ids")]
  specs.append(feature_spec.FeatureSpec("task_id", []))
  for task in tasks:
    specs += task.get_feature_specs()
  names = [spec.name for spec in specs]
  assert len(set(names)) == len(names), "a feature is declared twice: %s" % (
      sorted(name for name in names if names.count(name) > 1))
  return specs


def _examples_of(task, split):
  """Returns the list of Examples of a task.

  Raises:
    utils.UserError: a file is missing or invalid.
  """
  try:
    return list(task.get_examples(split))
  except (OSError, tf.errors.NotFoundError, utils.UserError) as error:
    # The first two are raised by a task's own code.
    advice = ("For split 'predict' its get_examples must return the examples "
              "of config.predict_file" if split == task_module.PREDICT else
              "Put its files in %s" % task.config.raw_data_dir(task.name))
    if isinstance(error, utils.UserError) and (
        split != task_module.PREDICT or not task.finds_files_itself()):
      raise
    raise utils.UserError("Task '%s': cannot read its %s data: %s. %s." % (
        task.name, split, " ".join(str(error).split()).rstrip("."), advice))


def _files_of(task, split):
  """Returns the paths that the examples of a split are read from, or None."""
  if split == task_module.PREDICT:
    return [task.config.predict_file]
  return task.get_data_files(split)


def _num_stored_examples(path, metadata_path, made_from):
  """Returns the number of stored examples, 0 if missing or out of date."""
  if not utils.exists(path) or not utils.exists(metadata_path):
    return 0
  metadata = utils.load_json(metadata_path)
  changed = [name for name in made_from
             if metadata.get("made_from", {}).get(name) != made_from[name]]
  if utils.file_size(path) != metadata.get("num_bytes"):
    changed.append("size of the file")
  if changed:
    utils.log("Stored features %s are out of date (changed: %s)" % (
        path, ", ".join(changed)))
    return 0
  return metadata["num_examples"]
