"""The trials of a fine-tuning run: each is trained, scored and used to predict.

Trials have the same data and hyperparameters and different seeds.
"""

import os

from finetune import model_runner
from finetune import outputs
from finetune import rank_jobs
from finetune import task_builder
from finetune import text_cleaning
from util import data_parallel
from util import estimators
from util import finetuning_paths
from util import model_files
from util import model_record
from util import session_hooks
from util import stop_signals
from util import utils


def run(config):
  """Runs every trial and writes its scores and predictions.

  Args:
    config: a FinetuningConfig.

  Returns:
    The list that outputs.write_results writes, one entry per trial.

  Raises:
    utils.UserError: see the message.
    SystemExit: SIGTERM or SIGINT stopped the run; see util.stop_signals.
  """
  check_initial_model(config)
  estimators.setup_tensorflow()
  estimators.check_tpu(config)
  with stop_signals.StopSignals() as signals, (
      data_parallel.reporting_failures()), estimators.writing_to(
          config.model_dir):
    tasks = task_builder.get_tasks(config)
    jobs = rank_jobs.make(config, tasks, signals)
    if not data_parallel.is_chief():
      return jobs.follow()
    try:
      with jobs:
        return _run_trials(config, tasks, jobs)
    except session_hooks.Stopped:
      stop_signals.stop(
          signals.received, "before its end; trained weights are in %s" %
          os.path.join(config.model_dir, model_files.FINETUNING_FOLDER))


def check_initial_model(config):
  """Checks that a run uses the initial or fine-tuned model as it is recorded.

  Args:
    config: a FinetuningConfig.

  Raises:
    utils.UserError: sizes, vocabulary or cleaning differ; names both values.
  """
  folder = finetuning_paths.folder_of(config.init_checkpoint)
  if not folder:
    return
  model_record.check(folder, config)
  recorded = model_files.TokenizerSettings.read(folder).preprocessing
  cleaning = text_cleaning.cleaning_model(config)
  if recorded and recorded != cleaning:
    utils.log("Warning: %s is %s, but the model in %s was trained on text "
              "cleaned as for %s" % (
                  text_cleaning.HPARAM, config.arabert_preprocessing, folder,
                  recorded))


def _run_trials(config, tasks, jobs):
  if config.write_test_outputs:
    _check_test_splits(tasks)
  if config.do_eval and not config.do_train:
    config = outputs.keep_trial_results(config)
  if config.debug and config.do_train:
    estimators.start_debug_folder(config.model_dir)

  # A run without training uses one model, whatever num_trials is.
  num_trials = config.num_trials if config.do_train else 1
  results = []
  for trial in range(1, num_trials + 1):
    utils.heading("Trial %d of %d: %s" % (
        trial, num_trials, ", ".join(config.task_names)))
    runner = model_runner.ModelRunner(config, tasks, trial, jobs=jobs)
    if config.do_train:
      runner.check_folder()
      if trial == 1:
        runner.check_data()
      runner.train()
    model = None if config.do_train else config.init_checkpoint
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


def _check_test_splits(tasks):
  """Raises a UserError if no task has a split to write test outputs for."""
  without = ["'%s'" % task.name for task in tasks if not task.get_test_splits()]
  if len(without) == len(tasks):
    raise utils.UserError(
        "write_test_outputs: task %s has no unlabeled test split. Set "
        "\"write_test_outputs\": false." % " or ".join(without))
  if without:
    utils.log("No test outputs for task %s: no unlabeled test split" %
              " or ".join(without))
