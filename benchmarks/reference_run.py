"""Compares training and evaluation with a run of the reference implementation.

The folder of the reference run has vocab.txt, hparams.json,
pretrain_tfrecords/, with_slots/ and without_slots/ (its checkpoint after 400
steps, with and without optimizer slots) and reference_eval.json (the results of
its own evaluation). This script

  1. trains with the same hyperparameters and `--num-runs` seeds, with masks
     drawn as in the reference and with the default masking (which masks more
     tokens, so the losses are higher), and prints the loss at 100, 200 and 400
     steps, averaged over the last 20 steps;
  2. evaluates the reference checkpoint, in both forms, and the new ones, with
     masks drawn without and with replacement (`reference_masking`), each with
     `--num-eval-seeds` seeds of masks and samples.

  python benchmarks/reference_run.py --reference-dir DIR --work-dir DIR

Numbers are means; "±" is one standard deviation over seeds.
"""

import argparse
import json
import os
import subprocess
import sys

import numpy as np

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
STEPS = (100, 200, 400)
WINDOW = 20  # steps whose losses are averaged
METRICS = ("loss", "masked_lm_loss", "masked_lm_accuracy",
           "sampled_masked_lm_accuracy", "disc_loss", "disc_auc",
           "disc_accuracy", "disc_precision", "disc_recall")


def main():
  parser = argparse.ArgumentParser(
      description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
  parser.add_argument("--reference-dir", required=True)
  parser.add_argument("--work-dir", required=True,
                      help="folder of the models; a later run resumes them")
  parser.add_argument("--num-runs", type=int, default=3,
                      help="models to train; 0 only evaluates the reference")
  parser.add_argument("--num-eval-seeds", type=int, default=4)
  args = parser.parse_args()
  with open(os.path.join(args.reference_dir, "hparams.json")) as f:
    hparams = json.load(f)
  hparams.update(
      vocab_file=os.path.join(args.reference_dir, "vocab.txt"),
      pretrain_tfrecords=os.path.join(
          args.reference_dir, "pretrain_tfrecords", "pretrain_data.tfrecord*"))

  trained = {}  # {reference_masking: names of models}
  for reference_masking, prefix in ((True, "reference_masks_"),
                                    (False, "default_masks_")):
    names = [prefix + str(seed) for seed in range(args.num_runs)]
    for seed, name in enumerate(names):
      run(args.work_dir, name, dict(
          hparams, seed=seed, log_steps=1, reference_masking=reference_masking))
    if names:
      trained[reference_masking] = names
      print_curves("reference_masking %s" % reference_masking,
                   [read_losses(args.work_dir, name) for name in names])

  with open(os.path.join(args.reference_dir, "reference_eval.json")) as f:
    columns = {"reference, its own evaluation": [json.load(f)]}
  for form in ("with_slots", "without_slots"):
    for reference_masking in (True, False):
      columns["%s, reference_masking %s" % (form, reference_masking)] = [
          evaluate(args.work_dir, "reference_" + form, dict(
              hparams, seed=seed, reference_masking=reference_masking,
              model_dir=os.path.join(args.reference_dir, form)))
          for seed in range(args.num_eval_seeds)]
  for reference_masking, names in trained.items():
    title = "trained here, reference_masking %s" % reference_masking
    columns[title] = [
        evaluate(args.work_dir, name, dict(
            hparams, seed=0, reference_masking=reference_masking))
        for name in names]
  print_evaluations(columns)


def run(work_dir, name, hparams):
  """Runs run_pretraining.py; appends its output to NAME.log."""
  os.makedirs(work_dir, exist_ok=True)
  with open(os.path.join(work_dir, name + ".log"), "a") as log:
    subprocess.run(
        [sys.executable, os.path.join(ROOT, "run_pretraining.py"),
         "--data-dir", work_dir, "--model-name", name,
         "--hparams", json.dumps(hparams)],
        stdout=log, stderr=subprocess.STDOUT, check=True)


def read_losses(work_dir, name):
  """Returns {step: loss} of a training; for a repeated step, the last."""
  path = os.path.join(work_dir, "models", name, "training_log.jsonl")
  with open(path) as f:
    entries = [json.loads(line) for line in f]
  return {entry["step"]: entry["loss"] for entry in entries}


def evaluate(work_dir, name, hparams):
  """Returns the metrics of one evaluation."""
  results = os.path.join(work_dir, "results", "%s_masking_%s_%d.txt" % (
      name, "reference" if hparams["reference_masking"] else "default",
      hparams["seed"]))
  run(work_dir, name, dict(
      hparams, do_train=False, do_eval=True, results_txt=results,
      results_pkl=os.path.splitext(results)[0] + ".pkl"))
  with open(os.path.splitext(results)[0] + ".json") as f:
    return json.load(f)


def print_curves(title, curves):
  """Prints the mean loss over the WINDOW before each of STEPS."""
  print("Training loss, mean of the %d steps up to (%s):" % (WINDOW, title))
  for step in STEPS:
    losses = [np.mean([curve[i] for i in range(step - WINDOW + 1, step + 1)])
              for curve in curves]
    print("  %4d steps: %s" % (step, spread(losses)))


def print_evaluations(columns):
  """Prints the metrics, one line per evaluation."""
  for metric in METRICS:
    print(metric)
    for title, results in columns.items():
      print("  %-42s %s" % (
          title, spread([result[metric] for result in results])))


def spread(values):
  """Formats mean, standard deviation and number of values."""
  if len(values) == 1:
    return "%.4f" % values[0]
  return "%.4f ± %.4f (%d)" % (np.mean(values), np.std(values, ddof=1),
                               len(values))


if __name__ == "__main__":
  main()
