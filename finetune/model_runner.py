"""One trial of a fine-tuning run: trains it, scores it, predicts with it."""

import os

from finetune import evaluations
from finetune import finetuning_model
from finetune import outputs
from finetune import preprocessing
from finetune import rank_jobs
from finetune import run_record
from finetune import task as task_module
from finetune import trainer
from model import checkpoint
from model import checkpoint_recovery
from util import model_files
from util import progress
from util import utils


class ModelRunner:
  """Trains one trial and evaluates it.

  The same configuration and trial give bitwise the same weights again (on the
  same machine and versions), also after an interruption. Trials differ in their
  seed, which determines new weights, dropout and the order of the examples.
  """

  def __init__(self, config, tasks, trial=1, signals=None, jobs=None):
    """Stores the arguments; nothing is read or built yet.

    Args:
      config: a FinetuningConfig.
      tasks: list of all Task of the run.
      trial: int, from 1; its seed is `config.seed + trial - 1`.
      signals: stop_signals.StopSignals that stop it, or None.
      jobs: data_parallel.Jobs of `rank_jobs.make`, shared by the trials; None:
        new ones.
    """
    self._jobs = jobs or rank_jobs.make(config, tasks, signals)
    self._config = config.replace(seed=config.seed + trial - 1)
    self._tasks = tasks
    self._trial = trial
    self._preprocessor = preprocessing.Preprocessor(self._config, tasks)
    self._stored = {}  # (task name, split): StoredExamples
    self._has_logged_best = False
    self._is_checked = False
    self.model_dir = self._config.trial_model_dir(trial)
    self.seed = self._config.seed

  def check_data(self):
    """Featurizes all data that are used after training.

    Called before training: a missing file or a bad line of the dev set should
    not be found hours later.

    Raises:
      utils.UserError: data are missing or cannot be read, or `best_metric` is
        not a score of them.
    """
    if self._config.do_eval or self._config.eval_steps:
      self.check_dev_data()
      self._log_shared_files()
    if self._config.eval_steps:
      names = {task.name: self._score_names(task) for task in self._tasks}
      if None not in names.values():
        evaluations.select_scores(self._config.best_metric, names)
    if self._config.write_test_outputs:
      for task in self._tasks:
        for split in task.get_test_splits():
          self._store(task, split)
    if self._config.do_predict:
      self._store(self._task_to_predict(), task_module.PREDICT)

  def check_dev_data(self):
    """Featurizes the dev splits; returns what they are made from, for JSON.

    Raises:
      utils.UserError: data are missing or cannot be read.
    """
    return [self._store(task, split).made_from for task in self._tasks
            for split in ["dev"] + list(task.get_more_dev_splits())]

  def check_folder(self):
    """Checks, before anything is written, that this trial can be trained.

    Raises:
      utils.UserError: see `trainer.Trainer.check_folder`.
    """
    self._make_trainer().check_folder(self._initial_checkpoint())
    self._is_checked = True

  def train(self, hooks=()):
    """Trains the trial to its end, from the step where an earlier run stopped.

    Args:
      hooks: list of additional tf.train.SessionRunHook.

    Raises:
      utils.UserError, session_hooks.Stopped: see `trainer.Trainer.train`.
    """
    if not self._is_checked:
      self.check_folder()
    self._make_trainer().train(
        self._initial_checkpoint(), list(hooks), self._trial)

  def _initial_checkpoint(self):
    """Returns the checkpoint to start from; None for random weights."""
    path = self._config.init_checkpoint
    return self.checkpoint_path(path) if path else None

  def _make_trainer(self):
    return trainer.Trainer(
        self._config, self._tasks, self._preprocessor, jobs=self._jobs,
        model_dir=self.model_dir, evaluate_fn=self.evaluate,
        dev_data_fn=self.check_dev_data)

  def evaluate(self, model=None, split="dev"):
    """Scores every task on `split`.

    Args:
      model: str, the fine-tuned checkpoint or its folder; None for the one that
        this trial trained.
      split: str, a split with labels.

    Returns:
      {task name: {score: float}}, with "loss" among the scores.

    Raises:
      utils.UserError: there is no such checkpoint, or it has no weights of a
        task's head.
    """
    results = {}
    for task in self._tasks:
      scorer = self._score_and_write(task, split, model)
      scores = {name: float(value) for name, value in scorer.get_results()}
      scores.setdefault("loss", scorer.get_loss())
      for other in task.get_more_dev_splits() if split == "dev" else ():
        scorer = self._score_and_write(task, other, model)
        scores.update((name, float(value)) for name, value in
                      scorer.get_results(prefix=_prefix_of(other)))
      results[task.name] = scores
    return results

  def results(self, model=None, split="dev"):
    """Evaluates, and returns the entry of the trial in the results files.

    If the best weights of the training were saved, they are evaluated, and
    "last" is {"global_step", "results"} of the last weights.

    Returns:
      dict, see `outputs.write_results`.
    """
    path = self.checkpoint_path(model)
    checkpoint_recovery.check_intact(path)
    trial, seed = self._trial, self.seed
    if model:
      trial, seed = run_record.trial_and_seed_of(os.path.dirname(path))
    entry = {"trial": trial, "seed": seed, "checkpoint": path,
             "global_step": checkpoint.global_step_of(path),
             "results": self.evaluate(path, split)}
    folder, name = os.path.split(os.path.dirname(path))
    if name == model_files.BEST_FOLDER:
      last = evaluations.Evaluations(folder).last
      if last:
        entry["last"] = {"global_step": last.step, "results": last.results}
    return entry

  def predict(self, model=None):
    """Returns the Scorer of `predict_task` with the outputs for `predict_file`.

    Args:
      model: as in `evaluate`.
    """
    path = self.checkpoint_path(model)
    checkpoint_recovery.check_intact(path)
    return self.score(self._task_to_predict(), task_module.PREDICT, path)

  def score(self, task, split, model=None):
    """Returns the Scorer of `task` with the outputs for all of `split`."""
    path = self.checkpoint_path(model)
    self._check_head(path, task)
    stored = self._store(task, split)
    predictions = self._jobs.run(
        "predict", seed=self.seed, model_dir=self.model_dir, weights=path,
        path=stored.path, num_examples=stored.num_examples)
    scorer = task.make_scorer(split)
    num_scored = 0
    for prediction in _in_input_order(progress.track(
        predictions, "input", label="Predicting %s %s" % (task.name, split),
        total=stored.num_examples)):
      if prediction["task_id"] < len(self._tasks):  # else padding of a batch
        scorer.update(finetuning_model.outputs_of(task.name, prediction))
        num_scored += 1
    assert num_scored == stored.num_examples, "%d of %d inputs scored" % (
        num_scored, stored.num_examples)
    return scorer

  def checkpoint_path(self, model=None):
    """Returns the path of the checkpoint to use of `model` or of this trial.

    In a folder with the best weights of a training it is those, else the newest
    checkpoint.

    Raises:
      utils.UserError: there is none.
    """
    folder = model or self.model_dir
    best = evaluations.best_folder(folder)
    path = checkpoint.latest(best or folder)
    if best and not self._has_logged_best:
      self._has_logged_best = True
      utils.log("Using the best weights of the training, from step {:,} "
                "({})".format(checkpoint.global_step_of(path), path))
    return path

  def _log_shared_files(self):
    """Logs a warning for dev files with the content of training files."""
    for task in self._tasks:
      train, dev = (dict(
          reversed(entry) for entry in self._preprocessor.made_from(
              [task], split)["tasks"][task.name]["files"] or ())
                    for split in ("train", "dev"))
      for sha256 in sorted(set(train) & set(dev)):
        utils.log("Warning: task '%s': %s of the dev data is training data "
                  "(%s), so the scores are too good" % (
                      task.name, dev[sha256], train[sha256]))

  def _score_names(self, task):
    """Returns the names of the scores of `evaluate`, None if unknown."""
    splits = ["dev"] + list(task.get_more_dev_splits())
    names = [task.make_scorer(split).score_names() for split in splits]
    if None in names:
      return None
    return list(dict.fromkeys(names[0] + ["loss"])) + [
        _prefix_of(split) + name
        for split, of_split in zip(splits[1:], names[1:]) for name in of_split]

  def _store(self, task, split):
    """Returns the StoredExamples of a split; featurizes it only once."""
    key = (task.name, split)
    if key not in self._stored:
      self._stored[key] = self._preprocessor.store([task], split)
    return self._stored[key]

  def _score_and_write(self, task, split, model):
    """Returns the Scorer of a split after its scores and files are written."""
    scorer = self.score(task, split, model)
    utils.log("%s%s: %s" % (task.name, "" if split == "dev" else ", " + split,
                            scorer.results_str()))
    outputs.write_scorer_files(scorer)
    return scorer

  def _task_to_predict(self):
    return next(task for task in self._tasks
                if task.name == self._config.predict_task)

  def _check_head(self, path, task):
    """Raises a UserError if a checkpoint was never trained on `task`."""
    scope = "%s/%s/" % (model_files.TASKS_SCOPE, task.name)
    if any(name.startswith(scope) for name in checkpoint.shapes_of(path)):
      return
    example = ", such as %s" % self.model_dir if checkpoint.find(
        self.model_dir) else ""
    raise utils.UserError(
        "%s: the checkpoint was never trained on task '%s' (it has no "
        "variables %s...). Set init_checkpoint to a folder fine-tuned on that "
        "task%s, or set \"do_train\": true." % (
            path, task.name, scope, example))


def _prefix_of(split):
  """Returns the prefix of the scores of a further dev split."""
  return (split[len("dev_"):] if split.startswith("dev_") else split) + "_"


def _in_input_order(predictions):
  """Yields predictions in the order of their inputs."""
  waiting, num_yielded = {}, 0
  for prediction in predictions:
    waiting[int(prediction[preprocessing.INPUT_NUMBER])] = prediction
    while num_yielded in waiting:
      yield waiting.pop(num_yielded)
      num_yielded += 1
  assert not waiting, "no prediction for input %d" % num_yielded
