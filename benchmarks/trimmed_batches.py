"""Measures the time saved by trimming batches to their longest example.

Trains and predicts with and without `trim_batches` on CoLA (max_seq_length
128), CoNLL-2000 chunking (256) and ARCD (512), and prints seconds per training
step, seconds for the dev set and the largest difference of the dev losses.

  ELECTRA_DATA=DIR python benchmarks/trimmed_batches.py

DIR has glue/CoLA/{train,dev}.tsv, conll2000/{train,test}.txt,
arcd/arcd-{train,test}.json and vocab/{bert-base-uncased-vocab,
araelectra-vocab}.txt. Weights are random, which does not affect the time.
"""

import argparse
import json
import os
import statistics
import sys
import tempfile
import time

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
sys.path.insert(0, ROOT)

import tensorflow.compat.v1 as tf

import configure_finetuning
from finetune import model_runner
from finetune import scorer
from finetune import task_builder
from util import estimators
from util import session_hooks
from util import utils

# {task: (vocabulary, lower case, {file of the task: file in ELECTRA_DATA})}
TASKS = {
    "cola": ("bert-base-uncased-vocab.txt", True, {
        "train.tsv": "glue/CoLA/train.tsv", "dev.tsv": "glue/CoLA/dev.tsv"}),
    "chunk": ("bert-base-uncased-vocab.txt", True, {
        "train.txt": "conll2000/train.txt", "dev.txt": "conll2000/test.txt"}),
    "arcd": ("araelectra-vocab.txt", False, {
        "train.json": "arcd/arcd-train.json",
        "dev.json": "arcd/arcd-test.json"}),
}


class StepSeconds(tf.train.SessionRunHook):
  """Records the duration of each step; stops after `num_steps`."""

  def __init__(self, num_steps, clock):
    self.seconds = []
    self._num_steps = num_steps
    self._clock = clock

  def before_run(self, run_context):
    self._start = self._clock()

  def after_run(self, run_context, run_values):
    self.seconds.append(self._clock() - self._start)
    if len(self.seconds) == self._num_steps:
      run_context.request_stop()


class LossScorer(scorer.Scorer):
  """Keeps the loss of each input."""

  def __init__(self):
    super().__init__()
    self.losses = []

  def update(self, results):
    self.losses.append(float(results["loss"]))

  def _get_results(self):
    return []


def main():
  parser = argparse.ArgumentParser(
      description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
  parser.add_argument("--tasks", nargs="+", default=sorted(TASKS),
                      choices=sorted(TASKS))
  parser.add_argument("--num-steps", type=int, default=10,
                      help="training steps to time (default: 10)")
  parser.add_argument("--num-dev", type=int, default=500,
                      help="dev examples to score (default: 500)")
  parser.add_argument("--batch-size", type=int, default=32)
  parser.add_argument("--processor-time", action="store_true",
                      help="measure processor time of all cores, for a shared "
                      "CPU")
  parser.add_argument("--hparams", default='{"model_size": "small"}',
                      help="JSON object (default: the small model)")
  args = parser.parse_args()
  data = os.environ.get("ELECTRA_DATA")
  if not data:
    raise utils.UserError(
        "ELECTRA_DATA is not set. Set it to the folder with the data.")
  estimators.setup_tensorflow()
  rows = []
  with tempfile.TemporaryDirectory() as folder:
    for name in args.tasks:
      copy_data(data, folder, name, args.num_dev)
      rows.append(measure(folder, data, name, args))
  print_table(rows)


def copy_data(data, folder, name, num_dev):
  """Writes the files of a task, with `num_dev` dev examples, to `folder`."""
  target = os.path.join(folder, "finetuning_data", name)
  os.makedirs(target)
  for file_name, source in TASKS[name][2].items():
    with open(os.path.join(data, source), encoding="utf-8") as f:
      text = f.read()
    if file_name.startswith("dev"):
      text = first_examples(text, file_name, num_dev)
    with open(os.path.join(target, file_name), "w", encoding="utf-8") as f:
      f.write(text)


def first_examples(text, file_name, count):
  """Returns the text of a data file with its first `count` examples."""
  if file_name.endswith(".tsv"):
    return "\n".join(text.split("\n")[:count]) + "\n"
  if file_name.endswith(".txt"):
    return "\n\n".join(text.split("\n\n")[:count]) + "\n"
  articles, num_left = json.loads(text)["data"], count
  for article in articles:
    for paragraph in article["paragraphs"]:
      paragraph["qas"] = paragraph["qas"][:num_left]
      num_left -= len(paragraph["qas"])
    article["paragraphs"] = [p for p in article["paragraphs"] if p["qas"]]
  return json.dumps({"data": [a for a in articles if a["paragraphs"]]})


def make_runner(folder, data, name, args, is_trimming):
  """Returns (ModelRunner, Task)."""
  vocabulary, is_lower_case, _ = TASKS[name]
  values = dict(
      task_names=[name], init_checkpoint=None, do_lower_case=is_lower_case,
      vocab_file=os.path.join(data, "vocab", vocabulary),
      train_batch_size=args.batch_size, predict_batch_size=args.batch_size,
      trim_batches=is_trimming, overwrite=True)
  values.update(json.loads(args.hparams))
  config = configure_finetuning.FinetuningConfig("benchmark", folder, **values)
  task, = task_builder.get_tasks(config)
  task.get_scorer = lambda split: LossScorer()
  return model_runner.ModelRunner(config, [task]), task


def seconds_per_step(runner, num_steps, clock):
  """Returns the median time of a training step, without the first."""
  steps = StepSeconds(num_steps + 1, clock)
  try:
    runner.train([steps])
  except session_hooks.Stopped:
    pass  # StepSeconds requested it
  return statistics.median(steps.seconds[1:])


def seconds_to_score(runner, task, checkpoint, clock):
  """Returns (seconds for the dev set, the losses of its inputs)."""
  runner.check_dev_data()  # builds the features, which is not timed
  start = clock()
  losses = runner.score(task, "dev", checkpoint).losses
  return clock() - start, losses


def measure(folder, data, name, args):
  """Returns a row of the table: (task, padded, trimmed, difference)."""
  runners = [make_runner(folder, data, name, args, is_trimming)
             for is_trimming in (False, True)]
  clock = time.process_time if args.processor_time else time.perf_counter
  trained = [seconds_per_step(runner, args.num_steps, clock)
             for runner, _ in runners]
  checkpoint = runners[1][0].checkpoint_path()  # for both
  scored = [seconds_to_score(runner, task, checkpoint, clock)
            for runner, task in runners]
  difference = max(abs(a - b) for a, b in zip(scored[0][1], scored[1][1]))
  return (name, (trained[0], scored[0][0]), (trained[1], scored[1][0]),
          difference)


def print_table(rows):
  print("%-6s %25s %25s %10s" % (
      "", "seconds per training step", "seconds for the dev set", "losses"))
  print("%-6s %8s %8s %6s %10s %8s %6s %10s" % (
      "task", "padded", "trimmed", "times", "padded", "trimmed", "times",
      "differ by"))
  for name, padded, trimmed, difference in rows:
    print("%-6s %8.3f %8.3f %6.2f %10.1f %8.1f %6.2f %10.1e" % (
        name, padded[0], trimmed[0], padded[0] / trimmed[0],
        padded[1], trimmed[1], padded[1] / trimmed[1], difference))


if __name__ == "__main__":
  utils.exit_cleanly(main)
