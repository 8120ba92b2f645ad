"""Measures the speed-up of pre-training by `use_amp` on this CPU.

Alternately trains a few steps with and without it, and prints the median steps
per second of `--num-runs` runs and the largest difference of the losses.

  python benchmarks/mixed_precision.py --data-dir DIR --hparams HPARAMS

DIR is a --data-dir of run_pretraining.py with vocab.txt and
pretrain_tfrecords/, HPARAMS its --hparams. Models are trained in a temporary
folder.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
sys.path.insert(0, ROOT)

from util import hparams as hparams_lib

NUM_FIRST_STEPS = 10  # slow: memory is allocated, primitives are compiled


def main():
  parser = argparse.ArgumentParser(
      description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
  parser.add_argument("--data-dir", required=True)
  parser.add_argument("--hparams", required=True)
  parser.add_argument("--num-steps", type=int, default=50)
  parser.add_argument("--num-runs", type=int, default=3)
  args = parser.parse_args()
  hparams = hparams_lib.parse_hparams(args.hparams)
  rates, losses = {False: [], True: []}, {}
  with tempfile.TemporaryDirectory() as folder:
    for i in range(args.num_runs):
      for use_amp in (False, True):
        model_dir = os.path.join(folder, "%d_%s" % (i, use_amp))
        log = train(args.data_dir, dict(
            hparams, model_dir=model_dir, use_amp=use_amp, log_steps=1,
            num_train_steps=args.num_steps, num_warmup_steps=args.num_steps))
        seconds = log[-1]["seconds"] - log[NUM_FIRST_STEPS]["seconds"]
        rates[use_amp].append(
            (args.num_steps - NUM_FIRST_STEPS - 1) / seconds)
        losses[use_amp] = [entry["loss"] for entry in log]
  for use_amp in (False, True):
    print("use_amp %-5s: %.3f steps/s" % (
        str(use_amp).lower(), statistics.median(rates[use_amp])))
  print("Largest difference between losses: %.2g of %.4g" % max(
      (abs(a - b), a) for a, b in zip(losses[False], losses[True])))


def train(data_dir, hparams):
  """Runs run_pretraining.py; returns the entries of its training log."""
  subprocess.run(
      [sys.executable, os.path.join(ROOT, "run_pretraining.py"), "--data-dir",
       data_dir, "--model-name", "benchmark", "--hparams",
       json.dumps(hparams)], check=True, stdout=subprocess.DEVNULL,
      stderr=subprocess.DEVNULL)
  with open(os.path.join(hparams["model_dir"], "training_log.jsonl")) as f:
    return [json.loads(line) for line in f]


if __name__ == "__main__":
  main()
