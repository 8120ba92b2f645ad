"""Prints which operators the time of a training step goes to.

  python benchmarks/operators.py --model-size small --batch-size 16

traces some steps on synthetic examples and prints a Markdown table: the share
of each operator in the time of all of them, summed over threads.
"""

import argparse
import collections
import os
import re
import sys
import tempfile
from unittest import mock

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
sys.path.insert(0, ROOT)
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import numpy as np
import tensorflow.compat.v1 as tf

import configure_pretraining
from pretrain import pretrain_data
from pretrain import training_step
from util import estimators

NUM_FIRST_STEPS = 3  # slow: memory is allocated, primitives are compiled
NUM_TRACED_STEPS = 3
MIN_SHARE = 0.01
SPECIAL_IDS = {"[PAD]": 0, "[UNK]": 1, "[CLS]": 2, "[SEP]": 3, "[MASK]": 4}


def main():
  parser = argparse.ArgumentParser(
      description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
  parser.add_argument("--model-size", default="small",
                      choices=("small", "base", "large"))
  parser.add_argument("--batch-size", type=int, default=16)
  parser.add_argument("--length", type=int, default=128)
  parser.add_argument("--vocab-size", type=int, default=64000)
  args = parser.parse_args()
  estimators.setup_tensorflow()
  seconds, counts = trace(args)
  total = sum(seconds.values())
  print("TensorFlow %s, %s, %d x %d: %.2f s in operators a step" % (
      tf.__version__, args.model_size, args.batch_size, args.length,
      total / NUM_TRACED_STEPS))
  print("| operator | calls a step | share |\n|:--|--:|--:|")
  others = 0.0
  for operator, value in seconds.most_common():
    if value < MIN_SHARE * total:
      others += value
      continue
    print("| `%s` | %d | %.1f %% |" % (
        operator, counts[operator] / NUM_TRACED_STEPS, 100 * value / total))
  print("| others | | %.1f %% |" % (100 * others / total))


def trace(args):
  """Returns ({operator: seconds}, {operator: calls}) of the traced steps."""
  with tempfile.TemporaryDirectory() as folder, tf.Graph().as_default():
    config = configure_pretraining.PretrainingConfig(
        "operators", folder, model_size=args.model_size,
        vocab_size=args.vocab_size, max_seq_length=args.length,
        train_batch_size=args.batch_size,
        generator_hidden_size=0.25 if args.model_size == "small" else 1 / 3.0)
    ids = np.random.RandomState(0).randint(
        5, args.vocab_size, [args.batch_size, args.length])
    ids[:, 0], ids[:, -1] = SPECIAL_IDS["[CLS]"], SPECIAL_IDS["[SEP]"]
    features = {
        "input_ids": tf.placeholder_with_default(
            ids.astype(np.int32), ids.shape),
        "input_mask": tf.ones(ids.shape, tf.int32),
        "segment_ids": tf.zeros(ids.shape, tf.int32)}
    with mock.patch.object(
        pretrain_data, "special_ids", lambda _: SPECIAL_IDS):
      step = training_step.build(config, features)
    seconds, counts = collections.Counter(), collections.Counter()
    with tf.Session() as session:
      session.run(tf.global_variables_initializer())
      for _ in range(NUM_FIRST_STEPS):
        session.run(step.op)
      for _ in range(NUM_TRACED_STEPS):
        metadata = tf.RunMetadata()
        session.run(step.op, options=tf.RunOptions(
            trace_level=tf.RunOptions.FULL_TRACE), run_metadata=metadata)
        for device in metadata.step_stats.dev_stats:
          for node in device.node_stats:
            operator = re.search(r" = (\w+)\(", node.timeline_label)
            if operator:
              seconds[operator.group(1)] += 1e-6 * (
                  node.op_end_rel_micros - node.op_start_rel_micros)
              counts[operator.group(1)] += 1
  return seconds, counts


if __name__ == "__main__":
  main()
