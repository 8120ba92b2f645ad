"""Kills trainings at random moments; the final weights must not change.

`python -m tests.faults.kill_test --kills 500` does more than the test here;
`--help` lists the options. Each variant is trained once without interruption,
then repeatedly with SIGKILL after seeded random delays: during start-up, in a
step, while a checkpoint is written, in an evaluation.
After each kill the same command line is run again. Weights, Adam slots, step
and evaluations at the end must be bitwise those of the uninterrupted run; of a
fine-tuning also the best weights that it kept, and its scores.

A start of Python and TensorFlow costs seconds of CPU, so the runs are forks of
this process, which has imported TensorFlow and nothing more: it has no session,
hence no threads that a fork would lack. A run tells through a pipe what it
begins, which is all that differs from the command line; when the signal comes
is the parent's clock alone.
"""

import argparse
import collections
import importlib
import json
import os
import random
import resource
import select
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import unittest

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(
    os.path.abspath(__file__))))
KILLS_IN_TEST = 25

STARTING, STEP, SAVING, EVALUATING = b"b", b"s", b"c", b"e"
NAMES = {STARTING: "start-up", STEP: "step", SAVING: "checkpoint",
         EVALUATING: "evaluation"}
# 10 examples and 4 a step: 6 epochs, which end within and between steps. A look
# at every step, because each set of fetches costs half a second of preparation.
HPARAMS = {"num_train_steps": 16, "save_checkpoints_steps": 2,
           "keep_checkpoint_max": 2, "log_steps": 1}
VARIANTS = collections.OrderedDict((
    ("electra", {}),
    ("accumulation", {"gradient_accumulation_steps": 2}),
    ("electric", {"electra_objective": False, "electric_objective": True}),
    ("evaluated", {"eval_steps": 4, "num_train_steps": 8,
                   "num_eval_steps": 2}),
    ("finetuning", {"eval_steps": 6}),
))
# All but the first have larger graphs, or make one for every evaluation.
SHARES = {"electra": 9, "accumulation": 2, "electric": 2, "evaluated": 1,
          "finetuning": 3}
# 50 sentences and 8 a step, 2 epochs: 12 steps.
FINETUNING_HPARAMS = {
    "task_names": ["cola"], "init_checkpoint": None, "do_lower_case": False,
    "max_seq_length": 8, "train_batch_size": 8, "num_train_epochs": 2.0,
    "learning_rate": 1e-2, "save_checkpoints_steps": 2, "log_steps": 1}

# status: as os.waitpid has it; events: list of (name, seconds since the start).
Run = collections.namedtuple("Run", ["status", "events", "was_killed"])


class Trainer:
  """Starts run_pretraining.py on one data folder, and kills it."""

  script = "run_pretraining"

  def __init__(self, folder, variant):
    self._folder = os.path.join(folder, variant)
    self._hparams = json.dumps(self._prepare(VARIANTS[variant]))
    self.log_path = os.path.join(self._folder, "log.txt")

  def _prepare(self, changes):
    """Writes the data; returns the hyperparameters."""
    from tests.pretrain import tiny_pretraining

    config = tiny_pretraining.make_data(self._folder, [5, 5])
    hparams = dict(tiny_pretraining.HPARAMS, **HPARAMS)
    hparams.update(changes)
    if "eval_steps" in hparams:
      hparams["eval_tfrecords"] = config.pretrain_tfrecords
    return hparams

  def log(self):
    """Returns the end of what all runs printed."""
    with open(self.log_path) as f:
      return f.read()[-3000:]

  def remove(self, model_name):
    """Removes all that a training wrote."""
    shutil.rmtree(os.path.join(self._folder, "models", model_name))

  def model_dir(self, model_name):
    """Returns the folder of the checkpoints."""
    return os.path.join(self._folder, "models", model_name)

  def final_state(self, model_name):
    """Returns {name: bytes} of the last checkpoint and of the evaluations."""
    folder = self.model_dir(model_name)
    state = weights_of(folder)
    history = os.path.join(folder, "results", "unsup_results_history.jsonl")
    if os.path.exists(history):
      with open(history) as f:
        # A run killed right after writing a line may write it again.
        state["evaluations"] = "".join(sorted(set(f))).encode("utf-8")
    return state

  def run(self, model_name, kill_at=None):
    """Trains until the end or the kill.

    Args:
      model_name: of the model folder.
      kill_at: (event, how often it must have come, seconds after it), or None.

    Returns:
      Run.
    """
    reader, writer = os.pipe()
    child = os.fork()
    if not child:
      os.close(reader)
      self._train(model_name, writer)  # does not return
    os.close(writer)
    try:
      return self._watch(child, reader, kill_at)
    finally:
      os.close(reader)

  def _watch(self, child, reader, kill_at):
    start = time.time()
    events, kill_time = [], None
    while True:
      wait = None if kill_time is None else max(0, kill_time - time.time())
      if select.select([reader], [], [], wait)[0]:
        event = os.read(reader, 1)
        if not event:  # its end of the pipe is gone with it
          _, status = os.waitpid(child, 0)
          return Run(status, events, False)
        events.append((event, time.time() - start))
        if kill_at and kill_time is None and kill_at[:2] == (
            event, sum(name == event for name, _ in events)):
          kill_time = time.time() + kill_at[2]
      else:
        os.kill(child, signal.SIGKILL)
        _, status = os.waitpid(child, 0)
        return Run(status, events, os.WIFSIGNALED(status))

  def _train(self, model_name, writer):
    """Is the child: the script with this command line."""
    log = os.open(self.log_path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o666)
    os.dup2(log, 1)
    os.dup2(log, 2)
    sys.argv = [self.script + ".py", "--data-dir", self._folder,
                "--model-name", model_name, "--hparams", self._hparams]
    _tell_events(writer)
    status = 1
    try:
      from util import utils
      utils.exit_cleanly(importlib.import_module(self.script).main)
      status = 0
    except SystemExit as end:
      status = end.code
    finally:
      sys.stdout.flush()
      sys.stderr.flush()
      os._exit(status)  # pylint: disable=protected-access


class FinetuningTrainer(Trainer):
  """Starts run_finetuning.py on one data folder, and kills it."""

  script = "run_finetuning"

  def _prepare(self, changes):
    from tests.finetune import words_task

    words_task.write_data(self._folder, "cola")  # and the vocabulary
    for split in ("train", "dev"):
      path = words_task.split_file(self._folder, split, "cola")
      rows = [line.split("\t") for line in words_task.read_lines(path)]
      words_task.write_lines(path, [
          "source\t%s\t\t%s" % tuple(row) for row in rows])
    return dict(FINETUNING_HPARAMS, **dict(
        changes, model_hparam_overrides=words_task.TINY_MODEL))

  def model_dir(self, model_name):
    return os.path.join(super().model_dir(model_name), "finetuning_models",
                        "cola_model_1")

  def final_state(self, model_name):
    folder = self.model_dir(model_name)
    state = weights_of(folder)
    state.update(("best " + name, value) for name, value in
                 weights_of(os.path.join(folder, "best")).items())
    for path in (os.path.join(folder, "evaluations.json"), os.path.join(
        super().model_dir(model_name), "results", "cola_results.txt")):
      with open(path, "rb") as f:
        state[os.path.basename(path)] = f.read()
    return state


def _tell_events(writer):
  """Writes a byte to `writer` at the start, and before each step and save."""
  import tensorflow.compat.v1 as tf

  from util import session_hooks

  def telling(function, event):
    def tell(*args, **kwargs):
      os.write(writer, event)
      return function(*args, **kwargs)
    return tell

  os.write(writer, STARTING)
  hook = session_hooks.ProgressHook
  hook.before_run = telling(hook.before_run, STEP)
  tf.train.Saver.save = telling(tf.train.Saver.save, SAVING)
  estimator = tf.estimator.Estimator
  estimator.evaluate = telling(estimator.evaluate, EVALUATING)
  estimator.predict = telling(estimator.predict, EVALUATING)


def typical_seconds(run):
  """Returns {event: seconds from it to the next} of what a run came to."""
  events = run.events
  lengths = collections.defaultdict(list)
  for (event, begin), (_, end) in zip(events, events[1:]):
    lengths[event].append(end - begin)
  return {event: max(values) for event, values in lengths.items()}


def schedule(rng, seconds):
  """Returns a random `kill_at`, in what typically takes `seconds`."""
  events = [STARTING, STEP, SAVING] + (
      [EVALUATING] if EVALUATING in seconds else [])
  event = rng.choice(events)
  number = 1 if event == STARTING else rng.randint(1, 3)
  return event, number, rng.uniform(0, seconds.get(event, 0.05))


def weights_of(folder):
  """Returns {name: bytes} of the newest checkpoint of a folder.

  Reading files starts no thread, so later forks are as good as earlier ones.
  """
  import tensorflow.compat.v1 as tf

  reader = tf.train.load_checkpoint(folder)
  return {name: reader.get_tensor(name).tobytes()
          for name in reader.get_variable_to_shape_map()}


def kill_until_the_end(trainer, model_name, *, rng, seconds, max_kills):
  """Trains and kills until the run has ended or was killed often enough.

  `seconds`, what events typically take, follows how busy the machine is.

  Returns:
    Counter of kills by event.
  """
  kills = collections.Counter()
  while True:
    kill_at = None
    if sum(kills.values()) < max_kills:
      kill_at = schedule(rng, seconds)
    run = trainer.run(model_name, kill_at)
    seconds.update(typical_seconds(run))
    if run.was_killed:
      kills[NAMES[kill_at[0]]] += 1
    elif run.status:
      raise AssertionError("%s ended with status %d after %s:\n%s" % (
          model_name, run.status, dict(kills), trainer.log()))
    else:
      return kills


def check_variant(folder, variant, num_kills, seed):
  """Kills a variant `num_kills` times, over as many trainings as it takes.

  Returns:
    (Counter of kills by event, number of trainings).

  Raises:
    AssertionError: a training ended with an error or in another state.
  """
  trainer = (FinetuningTrainer if variant == "finetuning" else Trainer)(
      folder, variant)
  uninterrupted = trainer.run("uninterrupted")
  assert uninterrupted.status == 0, trainer.log()
  expected = trainer.final_state("uninterrupted")
  rng = random.Random("%s %d" % (variant, seed))
  seconds = typical_seconds(uninterrupted)
  kills, num_trainings = collections.Counter(), 0
  while sum(kills.values()) < num_kills:
    num_trainings += 1
    model_name = "killed_%d" % num_trainings
    kills += kill_until_the_end(
        trainer, model_name, rng=rng, seconds=seconds,
        max_kills=num_kills - sum(kills.values()))
    state = trainer.final_state(model_name)
    assert sorted(state) == sorted(expected), sorted(state)
    different = [name for name in expected if state[name] != expected[name]]
    assert not different, "%s, training %d, seed %d: %s differ" % (
        variant, num_trainings, seed, different)
    names = os.listdir(trainer.model_dir(model_name))
    unfinished = [name for name in names if "temp" in name or "tmp" in name]
    assert not unfinished, unfinished
    trainer.remove(model_name)
  return kills, num_trainings


def main(argv=None):
  """Runs the kills that the command line asks for."""
  parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
  parser.add_argument("--kills", type=int, default=KILLS_IN_TEST,
                      help="int: how many, over all variants (default: %d)" %
                      KILLS_IN_TEST)
  parser.add_argument("--seed", type=int, default=0, help="int (default: 0)")
  parser.add_argument("--variants", default=",".join(VARIANTS),
                      help="string: comma-separated (default: all)")
  args = parser.parse_args(argv)
  variants = args.variants.split(",")
  import tensorflow.compat.v1 as tf

  from util import estimators
  estimators.setup_tensorflow()
  import_everything()
  start = time.time()
  folder = tempfile.mkdtemp(prefix="kill_test")
  total = collections.Counter()
  left, shares = args.kills, sum(SHARES[name] for name in variants)
  for name in variants:
    num_kills = int(round(left * SHARES[name] / float(shares)))
    left, shares = left - num_kills, shares - SHARES[name]
    if num_kills:
      kills, num_trainings = check_variant(folder, name, num_kills, args.seed)
      total += kills
      print("%s: %d kills in %d trainings, all ended bitwise equal (%s)" % (
          name, sum(kills.values()), num_trainings, ", ".join(
              "%s %d" % item for item in sorted(kills.items()))), flush=True)
  shutil.rmtree(folder)
  children = resource.getrusage(resource.RUSAGE_CHILDREN)
  print("TensorFlow %s: survived %d kills, %d s, %d s of CPU" % (
      tf.__version__, sum(total.values()), time.time() - start,
      children.ru_utime + children.ru_stime))


def import_everything():
  """Imports what a run imports, so that forks need not."""
  from finetune import model_runner  # noqa: F401
  from finetune import outputs  # noqa: F401
  from finetune import task_builder  # noqa: F401
  from pretrain import example_check  # noqa: F401
  from pretrain import pretrain_metrics  # noqa: F401
  from pretrain import starting_weights  # noqa: F401
  from pretrain import training_step  # noqa: F401
  import run_finetuning  # noqa: F401
  import run_pretraining  # noqa: F401


class KillTest(unittest.TestCase):

  def test_killed_trainings_end_as_uninterrupted_ones(self):
    # In a new process: this one has had sessions, whose threads forks lack.
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-m", "tests.faults.kill_test"],
        cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        env=dict(os.environ, TF_CPP_MIN_LOG_LEVEL="3"), check=False)
    output = done.stdout.decode("utf-8")
    self.assertEqual(done.returncode, 0, msg=output)
    self.assertIn("survived %d kills" % KILLS_IN_TEST, output)
    for name in VARIANTS:
      self.assertRegex(output, name + ": .* all ended bitwise equal")
    sys.stdout.write(output)


if __name__ == "__main__":
  main()
