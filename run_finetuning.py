"""Fine-tunes an ELECTRA model on one or more tasks and evaluates it."""

import argparse
import os

import configure_finetuning
from util import stop_signals
from util import utils


def main():
  config = configure_finetuning.parse(
      argparse.ArgumentParser(description=__doc__))
  utils.heading("Config")
  utils.log_config(config)
  run(config)


def run(config):
  """Runs every trial: trains it, scores it, writes what it found and predicts.

  Args:
    config: a FinetuningConfig.

  Returns:
    The list that finetune.outputs.write_results writes, an entry a trial.

  Raises:
    utils.UserError: see the message.
    SystemExit: SIGTERM or SIGINT ended the run; see util.stop_signals.
  """
  # Imports TensorFlow, after the configuration was found good: a typo in a
  # hyperparameter should cost no start-up time.
  from util import estimators
  from util import session_hooks

  estimators.setup_tensorflow()
  with stop_signals.StopSignals() as signals, estimators.writing_to(
      config.model_dir):
    try:
      return run_trials(config, signals)
    except session_hooks.Stopped:
      stop_signals.stop(
          signals.received, "before its end; what was trained is in %s" %
          os.path.join(config.model_dir, "finetuning_models"))


def run_trials(config, signals):
  """Does the work of `run`.

  Args:
    config: a FinetuningConfig.
    signals: stop_signals.StopSignals.

  Raises:
    session_hooks.Stopped: a signal asked to.
  """
  from finetune import model_runner
  from finetune import outputs
  from finetune import task_builder
  from util import estimators

  tasks = task_builder.get_tasks(config)
  if config.write_test_outputs:
    _check_test_splits(tasks)
  if config.do_eval and not config.do_train:
    config = outputs.beside_several_trials(config)
  if config.debug and config.do_train:
    estimators.start_debug_folder(config.model_dir)

  # Without training there is one model to look at, whatever num_trials is.
  num_trials = config.num_trials if config.do_train else 1
  model = None if config.do_train else config.init_checkpoint
  results = []
  for trial in range(1, num_trials + 1):
    utils.heading("Trial %d of %d: %s" % (
        trial, num_trials, ", ".join(config.task_names)))
    runner = model_runner.ModelRunner(config, tasks, trial, signals)
    if config.do_train:
      if trial == 1:
        _check_data(config, runner)
      runner.train()
    if config.do_eval:
      results.append(runner.results(model))
      outputs.write_results(config, results)
      if num_trials > 1:
        outputs.keep_dev_outputs(config, trial)
    if config.write_test_outputs and trial <= config.n_writes_test:
      for task in tasks:
        for split in task.get_test_splits():
          outputs.write_test_outputs(config, task.name, split, trial,
                                     runner.score(task, split, model))
    if config.do_predict:
      outputs.write_predictions(config, trial, runner.predict(model))
    if config.do_train and trial < num_trials and not config.keep_all_models:
      utils.rmtree(runner.model_dir)
      utils.log("Removed %s (keep_all_models is false)" % runner.model_dir)
  return results


def _check_data(config, runner):
  """Raises a UserError, before training, where data cannot be used after it."""
  if config.do_eval or config.eval_steps:
    runner.check_dev_data()
  if config.write_test_outputs:
    runner.check_test_data()
  if config.do_predict:
    runner.check_predict_file()


def _check_test_splits(tasks):
  """Raises a UserError where there is nothing to write test outputs for."""
  without = ["'%s'" % task.name for task in tasks if not task.get_test_splits()]
  if len(without) == len(tasks):
    raise utils.UserError(
        "write_test_outputs: expected an unlabeled test split of task %s, found "
        "none to write outputs for; set \"write_test_outputs\": false." %
        " or ".join(without))
  if without:
    utils.log("No test outputs of task %s, for want of an unlabeled test split" %
              " and ".join(without))


if __name__ == "__main__":
  utils.exit_cleanly(main)
