"""A few steps of a run, in a temporary folder: errors, speed, memory, sizes."""

import collections
import glob
import json
import os
import re
import resource
import subprocess
import sys
import tempfile
import time

from preflight import findings
from preflight import machine
from pretrain import tfrecord_index
from util import progress

_ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
_PROGRESS = re.compile(r"^([\d,]+)/[\d,]+ steps ")
_TRAINING = re.compile(r"Training for [\d,]+ steps on ([\d,]+) inputs")
# What a run logs of its data and would be missed among other lines.
_DATA = re.compile(r"\[UNK\] is|truncated|Skipped|are beyond max_seq_length")

# returncode: int. lines: list of str, what it printed. steps_per_second: float,
# None if it logged none. peak_bytes, checkpoint_bytes: int.
Trial = collections.namedtuple("Trial", [
    "returncode", "lines", "steps_per_second", "peak_bytes",
    "checkpoint_bytes"])


def pretraining(config, values, num_steps):
  """Trains `num_steps` of a pre-training; returns the Trial.

  Args:
    config: PretrainingConfig.
    values: {name: value}, the hyperparameters that it was made of.
    num_steps: int, at least 2.
  """
  # One file: all examples of the files that a run reads are checked first.
  files = tfrecord_index.check(config, config.pretrain_tfrecords).paths
  values = dict(
      values, num_train_steps=num_steps, num_warmup_steps=1, log_steps=1,
      save_checkpoints_steps=num_steps, eval_steps=None, eval_tfrecords=None,
      pretrain_tfrecords=files[0])
  if not config.init_checkpoint and glob.glob(os.path.join(
      glob.escape(config.model_dir), "model.ckpt-*.index")):
    values.update(init_checkpoint=config.model_dir, init_from_data=False)
  if values.get("init_checkpoint"):
    values["reset_global_step"] = True
  return _run("run_pretraining.py", config, values)


def finetuning(config, values, num_steps, num_examples):
  """Trains about `num_steps` of a fine-tuning; returns the Trial.

  Args:
    config: FinetuningConfig.
    values: {name: value}, the hyperparameters that it was made of.
    num_steps: int, at least 2.
    num_examples: int, of training.
  """
  values = dict(
      values, num_train_epochs=num_steps * config.train_batch_size /
      float(num_examples), init_checkpoint=config.init_checkpoint,
      do_eval=False, num_trials=1, log_steps=1)
  for name in ("eval_steps", "predict_file", "do_predict", "results_txt",
               "results_pkl", "preprocessed_data_dir", "best_metric",
               "early_stopping_patience", "overwrite", "write_test_outputs"):
    values.pop(name, None)
  return _run("run_finetuning.py", config, values)


def _run(script, config, values):
  with tempfile.TemporaryDirectory(prefix="electra_doctor") as folder:
    values = dict(values, model_dir=os.path.join(folder, "model"))
    run = subprocess.Popen(
        [sys.executable, os.path.join(_ROOT, script),
         "--data-dir", config.data_dir, "--model-name", config.model_name,
         "--hparams", json.dumps(values)],
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    lines, steps = [], []
    for line in run.stdout:
      lines.append(line.decode("utf-8", "replace").rstrip("\n"))
      progressed = _PROGRESS.search(lines[-1])
      if progressed:
        steps.append((int(progressed.group(1).replace(",", "")), time.time()))
    run.stdout.close()
    run.wait()
    sizes = collections.Counter()
    for path in glob.glob(os.path.join(glob.escape(folder), "**",
                                       "model.ckpt-*"), recursive=True):
      sizes[os.path.splitext(path)[0]] += os.path.getsize(path)
  # In kilobytes, of the largest child: this run.
  peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss * 1000
  return Trial(run.returncode, lines, _speed(steps), peak,
               max(sizes.values()) if sizes else 0)


def _speed(steps):
  """Returns steps/s without the first, which waits for the graph; or None.

  Args:
    steps: list of (global step, time at which it was logged).
  """
  if len(steps) < 2 or steps[-1][1] <= steps[0][1]:
    return None
  return (steps[-1][0] - steps[0][0]) / (steps[-1][1] - steps[0][1])


def findings_of(trial, num_steps, config, usage=None):
  """Returns the Findings of a Trial.

  Args:
    trial: Trial.
    num_steps: int, steps of the run to come.
    config: of that run.
    usage: see machine.check_disk.
  """
  found = [findings.Finding(findings.WARN, "trial run", line[9:], "")
           for line in trial.lines if line.startswith("Warning: ")]
  found += [findings.ok("data", line) for line in trial.lines
            if _DATA.search(line) and not line.startswith("Warning: ")]
  if trial.returncode:
    errors = [line for line in trial.lines if line.startswith("error: ")]
    return found + [findings.Finding(
        findings.FAIL, "trial run",
        errors[-1][7:] if errors else "ended with exit code %d: %s" % (
            trial.returncode, " ".join(trial.lines[-3:])), "")]
  if trial.steps_per_second:
    found.append(findings.ok(
        "time", "{:,} steps at {:.2f} steps/s take {} (hours:minutes:seconds)"
        .format(num_steps, trial.steps_per_second,
                progress.readable_time(num_steps / trial.steps_per_second))))
  found += machine.check_memory(trial.peak_bytes)
  if trial.checkpoint_bytes:
    kept = getattr(config, "keep_checkpoint_max", None) or 1
    found += machine.check_disk(config.model_dir, kept, trial.checkpoint_bytes,
                                usage)
  return found


def num_inputs(trial):
  """Returns the inputs of a fine-tuning per epoch; 0 if it did not train."""
  found = [match.group(1) for match in map(_TRAINING.search, trial.lines)
           if match]
  return int(found[-1].replace(",", "")) if found else 0
