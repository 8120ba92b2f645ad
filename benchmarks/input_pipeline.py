"""Measures the input pipeline of pre-training alone, and resuming in it.

  python benchmarks/input_pipeline.py [--num-examples 20000000]

writes one file of synthetic examples of 128 tokens and as many hard links to it
as the number of examples needs, then prints (1) examples/s of reading,
shuffling, parsing and checking, without a model, and (2) seconds and CPU
seconds to the first batch of a run that resumes in the middle of the epoch.
"""

import argparse
import os
import resource
import sys
import tempfile
import time

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
sys.path.insert(0, ROOT)

import numpy as np
import tensorflow.compat.v1 as tf

import configure_pretraining
from pretrain import pretrain_data
from pretrain import tfrecord_index

LENGTH, BATCH_SIZE, VOCAB_SIZE = 128, 128, 30000
EXAMPLES_OF_FILE = 20000
SPECIAL_TOKENS = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]


def write_examples(folder, num_examples):
  """Writes the examples; returns their TFRecordIndex."""
  random = np.random.RandomState(0)
  paths = [os.path.join(folder, "pretrain_data.tfrecord-%05d" % number)
           for number in range(-(-num_examples // EXAMPLES_OF_FILE))]
  with tf.io.TFRecordWriter(paths[0]) as writer:
    for _ in range(EXAMPLES_OF_FILE):
      tokens = random.randint(5, VOCAB_SIZE, LENGTH - 2)
      values = {"input_ids": [2] + tokens.tolist() + [3],
                "input_mask": [1] * LENGTH,
                "segment_ids": [0] * 60 + [1] * (LENGTH - 60)}
      writer.write(tf.train.Example(features=tf.train.Features(feature={
          name: tf.train.Feature(int64_list=tf.train.Int64List(value=value))
          for name, value in values.items()})).SerializeToString())
  for path in paths[1:]:
    os.link(paths[0], path)
  return tfrecord_index.TFRecordIndex(
      paths, dict.fromkeys(paths, EXAMPLES_OF_FILE), {})


def cpu_seconds():
  usage = resource.getrusage(resource.RUSAGE_SELF)
  return usage.ru_utime + usage.ru_stime


def time_batches(config, index, start_step, num_batches):
  """Returns (s to the first batch, its CPU s, s of the next num_batches)."""
  with tf.Graph().as_default(), tf.Session() as session:
    start, start_cpu = time.time(), cpu_seconds()
    dataset = pretrain_data.get_input_fn(
        config, True, start_step=start_step, index=index)(
            {"batch_size": BATCH_SIZE})
    batch = tf.data.make_one_shot_iterator(dataset).get_next()
    session.run(batch)
    first, first_cpu = time.time() - start, cpu_seconds() - start_cpu
    start = time.time()
    for _ in range(num_batches):
      session.run(batch)
    return first, first_cpu, time.time() - start


def main():
  parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
  parser.add_argument("--num-examples", type=int, default=20000000)
  parser.add_argument("--num-batches", type=int, default=2000)
  args = parser.parse_args()
  with tempfile.TemporaryDirectory() as folder:
    with open(os.path.join(folder, "vocab.txt"), "w") as f:
      f.write("\n".join(SPECIAL_TOKENS + [
          "w%d" % i for i in range(VOCAB_SIZE - len(SPECIAL_TOKENS))]) + "\n")
    config = configure_pretraining.PretrainingConfig(
        "benchmark", folder, vocab_size=VOCAB_SIZE, max_seq_length=LENGTH,
        train_batch_size=BATCH_SIZE)
    index = write_examples(folder, args.num_examples)
    num_examples = tfrecord_index.total_examples(index)
    _, _, seconds = time_batches(config, index, 0, args.num_batches)
    print("TensorFlow %s: input pipeline: %s examples/s" % (
        tf.__version__,
        "{:,.0f}".format(args.num_batches * BATCH_SIZE / seconds)))
    step = num_examples // BATCH_SIZE // 2
    first, first_cpu, _ = time_batches(config, index, step, 0)
    print("TensorFlow %s: first batch after %s of %s examples: %.1f s, %.1f "
          "CPU s" % (tf.__version__, "{:,}".format(step * BATCH_SIZE),
                     "{:,}".format(num_examples), first, first_cpu))


if __name__ == "__main__":
  main()
