"""Trains one trial.

With `eval_steps` it runs in segments, with an evaluation after each. A segment
resumes from the checkpoint of the previous one exactly as after an
interruption, so the weights do not depend on `eval_steps`.
"""

import os

from finetune import estimator
from finetune import evaluations
from finetune import preprocessing
from finetune import run_record
from finetune import task_metadata
from model import checkpoint
from model import checkpoint_recovery
from util import estimators
from util import folder_lock
from util import model_files
from util import model_record
from util import run_history
from util import session_hooks
from util import utils


class Trainer:
  """Trains one trial to its end, from the step where an earlier run stopped."""

  def __init__(self, config, tasks, preprocessor, *, jobs, model_dir,
               evaluate_fn, dev_data_fn):
    """Stores the arguments; nothing is read or built yet.

    Args:
      config: the FinetuningConfig of the trial.
      tasks: list of all Task of the run.
      preprocessor: a preprocessing.Preprocessor.
      jobs: data_parallel.Jobs of `rank_jobs.make`.
      model_dir: str, the trial's folder.
      evaluate_fn: function of a checkpoint path that returns {task name:
        {score: float}} on the dev data.
      dev_data_fn: function that checks the dev data and returns what its
        features are made from, ready for JSON.
    """
    self._config = config
    self._tasks = tasks
    self._preprocessor = preprocessor
    self._jobs = jobs
    self._model_dir = model_dir
    self._evaluate_fn = evaluate_fn
    self._dev_data_fn = dev_data_fn

  def train(self, init_checkpoint, hooks, trial):
    """Trains the trial.

    Args:
      init_checkpoint: str, the checkpoint to start from; None for random
        weights. Ignored if the trial resumes.
      hooks: list of tf.train.SessionRunHook.
      trial: int, from 1, for messages.

    Raises:
      utils.UserError: data or weights are missing, the folder holds a model
        trained with other settings, another process is training in it, or the
        training diverged.
      session_hooks.Stopped: a signal stopped it; the weights are saved.
    """
    config = self._config
    with folder_lock.FolderLock(self._model_dir, "train", is_sibling=True):
      examples = self._preprocessor.store(self._tasks, "train")
      num_steps = preprocessing.num_train_steps(
          examples.num_examples, config.train_batch_size,
          config.num_train_epochs)
      resume_step = self._open_folder(examples, num_steps, init_checkpoint)
      step = resume_step or 0
      self._check_evaluations()
      if step >= num_steps and not self._is_evaluation_due(step, num_steps):
        utils.log("Trial {} is already trained ({:,} steps, {}). Set "
                  "\"overwrite\": true to train it again".format(
                      trial, step, self._model_dir))
        return
      if resume_step is not None:
        utils.log("Resuming trial {} at step {:,} of {:,} ({})".format(
            trial, step, num_steps, self._model_dir))
        init_checkpoint = None  # the trial's checkpoint has all weights
      elif not init_checkpoint:
        utils.log("Training from random weights (init_checkpoint is null)")
      if config.warmup_proportion == 1.0:
        utils.log("Warning: warmup_proportion is 1: the learning rate reaches "
                  "{:g} only at the last step".format(config.learning_rate))
      utils.log("Training for {:,} steps on {:,} inputs, batch size {:,}"
                .format(num_steps, examples.num_examples,
                        config.train_batch_size))
      run_history.append(self._model_dir, config, examples.made_from,
                         estimators.device_names(config))
      self._train_in_segments(examples, step, num_steps, hooks=hooks,
                              weights=init_checkpoint)

  def check_folder(self, init_checkpoint):
    """Checks the trial's folder and its initial weights; writes nothing.

    Args:
      init_checkpoint: as in `train`.

    Raises:
      utils.UserError: the folder holds a model trained with other settings, or
        the initial weights do not fit.
    """
    config, model_dir = self._config, self._model_dir
    if config.overwrite and init_checkpoint and (
        os.path.abspath(init_checkpoint).startswith(
            os.path.join(os.path.abspath(model_dir), ""))):
      raise utils.UserError(
          "overwrite: removes %s, but init_checkpoint is %s. Set another "
          "model_dir, or copy the checkpoint to another folder." % (
              model_dir, init_checkpoint))
    if not config.overwrite and checkpoint_recovery.newest_intact(model_dir)[0]:
      model_record.check(model_dir, config)
    elif init_checkpoint:
      checkpoint_recovery.check_intact(init_checkpoint)
      estimator.check_initial_weights(config, self._tasks, init_checkpoint)
    settings = self._settings(
        self._preprocessor.made_from(self._tasks, "train"), init_checkpoint)
    run_record.check_folder(model_dir, settings, overwrite=config.overwrite)

  def _settings(self, made_from, init_checkpoint):
    """Returns the settings that decide the weights; see `run_record`."""
    return run_record.settings_of(
        self._config, made_from=made_from, init_sha256=(
            utils.sha256_of_file(init_checkpoint + ".index")
            if init_checkpoint else None))

  def _open_folder(self, examples, num_steps, init_checkpoint):
    """Prepares the trial's folder, after `check_folder`.

    Returns:
      The step to resume from; None if there is no checkpoint to resume from.
    """
    config, model_dir = self._config, self._model_dir
    settings = dict(self._settings(examples.made_from, init_checkpoint),
                    num_train_steps=num_steps)
    run_record.open_folder(model_dir, settings, overwrite=config.overwrite)
    for folder in (model_dir, evaluations.best_folder(model_dir)):
      if folder:
        checkpoint_recovery.remove_unfinished(folder)
    is_resumed = checkpoint_recovery.select_resume_checkpoint(
        model_dir) is not None
    if init_checkpoint and not is_resumed:
      task_metadata.compare(os.path.dirname(init_checkpoint), self._tasks)
    run_record.write_settings(model_dir, config, init_checkpoint)
    task_metadata.write(model_dir, self._tasks)
    return checkpoint.global_step_of(model_dir) if is_resumed else None

  def _train_in_segments(self, examples, step, num_steps, *, hooks, weights):
    """Trains from `step` to `num_steps`; evaluates after each `eval_steps`.

    Args:
      examples: preprocessing.StoredExamples of the training split.
      step: int, the step to start at.
      num_steps: int, the steps of the entire training.
      hooks: list of tf.train.SessionRunHook.
      weights: str, the checkpoint of the initial weights; None for random ones
        or those of the trial's checkpoint.
    """
    while True:
      if self._is_evaluation_due(step, num_steps):
        self._evaluate(step)
      if step >= num_steps or self._should_stop_early():
        return
      until_step = num_steps
      if self._config.eval_steps:
        until_step = min(num_steps, (step // self._config.eval_steps + 1) *
                         self._config.eval_steps)
      self._jobs.run(
          "train", hooks, seed=self._config.seed, model_dir=self._model_dir,
          weights=weights, path=examples.path,
          num_examples=examples.num_examples, num_train_steps=num_steps,
          start_step=step, until_step=until_step)
      weights = None  # the trial's checkpoint has all weights
      step = checkpoint.global_step_of(self._model_dir)
      if step < until_step:
        raise session_hooks.Stopped()

  def _evaluations(self):
    return evaluations.Evaluations(self._model_dir, self._config.best_metric)

  def _check_evaluations(self):
    """Checks that earlier evaluations can be compared with those to come."""
    history = self._evaluations()
    if self._config.eval_steps or history.best:
      history.check_metric()
      history.check_dev_data(self._dev_data_fn())

  def _is_evaluation_due(self, step, num_steps):
    """Returns whether the weights of `step` have yet to be evaluated."""
    eval_steps = self._config.eval_steps
    evaluated = self._evaluations().steps
    is_due = step and (
        eval_steps and step % eval_steps == 0 or
        # Also if only an earlier run evaluated: else the best of its first
        # steps would be used as the best of the entire training.
        step == num_steps and (eval_steps or evaluated))
    return is_due and step not in evaluated

  def _evaluate(self, step):
    """Evaluates the newest weights; keeps them if they are the best so far."""
    utils.log("Evaluating at step {:,}".format(step))
    prefix = checkpoint.latest(self._model_dir)
    results = self._evaluate_fn(prefix)
    session_hooks.write_scalars(self._model_dir, step, {
        "dev_%s/%s" % (task, name): value
        for task, scores in results.items()
        for name, value in scores.items()}).flush()
    if self._evaluations().add(step, results, prefix, self._dev_data_fn()):
      utils.log("Best so far: saved in %s" % os.path.join(
          self._model_dir, model_files.BEST_FOLDER))

  def _should_stop_early(self):
    """Returns whether no recent evaluation was better, and logs it."""
    patience = self._config.early_stopping_patience
    if not patience or not self._config.eval_steps:
      return False
    history = self._evaluations()
    if not history.best or history.num_since_best() < patience:
      return False
    utils.log("Stopped early at step {:,}: no better score in {} evaluations "
              "since step {:,} (early_stopping_patience)".format(
                  history.last.step, history.num_since_best(),
                  history.best.step))
    return True
