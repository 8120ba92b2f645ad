"""A vocabulary, tfrecords and a config small enough for a test of seconds."""

import os

import numpy as np
import tensorflow.compat.v1 as tf

import configure_pretraining

VOCAB = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"] + [
    "w%d" % i for i in range(35)]
LENGTH = 12
HPARAMS = {
    "model_size": "small", "max_seq_length": LENGTH, "embedding_size": 8,
    "generator_hidden_size": 0.5, "train_batch_size": 4, "eval_batch_size": 4,
    "num_train_steps": 6, "num_warmup_steps": 2, "learning_rate": 1e-2,
    "save_checkpoints_steps": 100, "num_eval_steps": 3,
    "model_hparam_overrides": {
        "hidden_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2,
        "intermediate_size": 16, "max_position_embeddings": 16}}


def write_vocab(data_dir):
  """Writes vocab.txt."""
  with open(os.path.join(data_dir, "vocab.txt"), "w") as f:
    f.write("".join(token + "\n" for token in VOCAB))


def write_records(data_dir, examples_of_files, length=LENGTH):
  """Writes tfrecords; an example is told by its first token, 5 + its number.

  Args:
    data_dir: folder of the data.
    examples_of_files: list of numbers of examples.
    length: tokens an example.

  Returns:
    The paths.
  """
  folder = os.path.join(data_dir, "pretrain_tfrecords")
  os.makedirs(folder, exist_ok=True)
  paths, number = [], 0
  for i, num_examples in enumerate(examples_of_files):
    paths.append(os.path.join(folder, "pretrain_data.tfrecord-%d-of-%d" % (
        i, len(examples_of_files))))
    with tf.io.TFRecordWriter(paths[-1]) as writer:
      for _ in range(num_examples):
        writer.write(example(number, length))
        number += 1
  return paths


def example(number, length=LENGTH):
  """Returns a serialized example: [CLS] 8 words [SEP], the rest padding."""
  words = [5 + (number * (i + 1)) % 35 for i in range(8)]
  words[0] = 5 + number % 35
  num_padding = length - 10
  features = {
      "input_ids": [2] + words + [3] + [0] * num_padding,
      "input_mask": [1] * 10 + [0] * num_padding,
      "segment_ids": [0] * 6 + [1] * 4 + [0] * num_padding}
  return tf.train.Example(features=tf.train.Features(feature={
      name: tf.train.Feature(int64_list=tf.train.Int64List(value=values))
      for name, values in features.items()})).SerializeToString()


def make_config(data_dir, model_name="tiny", **changes):
  """Returns the PretrainingConfig of HPARAMS with changes."""
  return configure_pretraining.PretrainingConfig(
      model_name, data_dir, **dict(HPARAMS, **changes))


def make_data(data_dir, examples_of_files=(5, 5), **changes):
  """Writes vocabulary and tfrecords; returns their config."""
  os.makedirs(data_dir, exist_ok=True)
  write_vocab(data_dir)
  write_records(data_dir, list(examples_of_files))
  return make_config(data_dir, **changes)


def load_weights(session):
  """Sets the trainable variables to values that depend on their names."""
  for variable in tf.trainable_variables():
    size = variable.shape.num_elements()
    variable.load(np.reshape(
        0.3 * np.sin(np.arange(size) + len(variable.op.name)),
        variable.shape.as_list()), session)
