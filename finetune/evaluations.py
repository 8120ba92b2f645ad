"""History of the evaluations during training, and the best checkpoint.

In a trial's folder:

- evaluations.json: the scores of every evaluation so far and the best step.
  Written after each evaluation, so a resumed training has the full history.
- best/: the checkpoint of the best step and the other files of a model (the
  vocabulary, labels.json ...), usable as a model folder.

The weights of a new best evaluation are copied before evaluations.json is
written, and the previous best weights are deleted after that: if the process is
killed at any time, the checkpoint named in evaluations.json is intact.
"""

import collections
import math
import os

from finetune import scorer
from model import checkpoint
from util import json_fields
from util import model_files
from util import utils

FILE_NAME = "evaluations.json"

# One evaluation.
#   step: int, the global step of the weights.
#   results: {task: {score: float}}, the scores in the task's own order.
Evaluation = collections.namedtuple("Evaluation", ["step", "results"])


def best_folder(model_dir):
  """Returns the folder of a trial's best checkpoint; None if there is none."""
  folder = os.path.join(model_dir, model_files.BEST_FOLDER)
  if utils.isdir(folder) and checkpoint.find(folder):
    return folder
  return None


def select_scores(best_metric, scores):
  """Returns {task: name of its score} that selects the best checkpoint.

  Args:
    best_metric: as in `Evaluations`.
    scores: {task: container of the names of its scores, the first one first}.

  Raises:
    utils.UserError: there is no score `best_metric`, or it is an error for one
      task and not for another.
  """
  only_task, _, name = (best_metric or "").rpartition("/")
  selected = {task_name: name or next(iter(names))
              for task_name, names in scores.items()
              if only_task in ("", task_name)}
  if not selected or any(score not in scores[task_name]
                         for task_name, score in selected.items()):
    _raise_unknown_metric(best_metric, scores)
  directions = {scorer.is_lower_better(score) for score in selected.values()}
  if len(directions) > 1:
    names = ["%s/%s" % item for item in selected.items()]
    raise utils.UserError(
        "best_metric: %s cannot be averaged: higher is better for some, "
        "lower for others. Set it to one score, such as \"%s\"." % (
            " and ".join(names), names[0]))
  return selected


def _raise_unknown_metric(best_metric, scores):
  known = ["%s/%s" % (task_name, name)
           for task_name, names in scores.items() for name in names]
  similar = known + [name.split("/")[1] for name in known]
  raise utils.UserError("best_metric: expected one of %s, got '%s'.%s" % (
      ", ".join(known), best_metric,
      json_fields.did_you_mean(best_metric, similar)))


class Evaluations:
  """The evaluation history of one trial, stored in evaluations.json."""

  def __init__(self, model_dir, best_metric=None):
    """Reads evaluations.json, if it exists.

    Args:
      model_dir: str, the folder of the trial.
      best_metric: str, the score that selects the best checkpoint: "accuracy",
        or "rte/accuracy" for one task of several; None for the first score of
        each task. With several tasks, the mean over the tasks.

    Raises:
      utils.UserError: evaluations.json is invalid.
    """
    self._model_dir = model_dir
    self._best_metric = best_metric
    self._path = os.path.join(model_dir, FILE_NAME)
    self._evaluations, self._best_step, self._dev_data = _read(self._path)

  @property
  def steps(self):
    """The evaluated steps, in increasing order."""
    return [evaluation.step for evaluation in self._evaluations]

  @property
  def last(self):
    """The last Evaluation; None if there is none."""
    return self._evaluations[-1] if self._evaluations else None

  @property
  def best(self):
    """The best Evaluation, the first one of a tie; None if there is none."""
    return next((evaluation for evaluation in self._evaluations
                 if evaluation.step == self._best_step), None)

  def num_since_best(self):
    """Returns the number of evaluations after the best one."""
    return sum(step > self._best_step for step in self.steps)

  def check_metric(self):
    """Checks that the kept checkpoint is the best one by `best_metric`.

    Raises:
      utils.UserError: it was selected by another score.
    """
    if not self.best:
      return
    best = max(self._evaluations, key=self.value_of)  # first of a tie
    if best.step != self._best_step:
      raise utils.UserError(
          "best_metric: the kept checkpoint (%s, step %d) was selected by "
          "another score; by %s step %d would be best, but its weights were "
          "deleted. Keep best_metric, or set \"overwrite\": true to train "
          "again." % (
              os.path.join(self._model_dir, model_files.BEST_FOLDER),
              self._best_step,
              self._best_metric or "the first score of each task", best.step))

  def check_dev_data(self, dev_data):
    """Logs a warning if the history was computed on other dev data."""
    if self._dev_data not in (None, dev_data):
      utils.log("Warning: the dev data changed since the evaluations in %s, "
                "which select the best checkpoint. To train again, set "
                "\"overwrite\": true." % self._path)

  def add(self, step, results, prefix, dev_data=None):
    """Adds an evaluation; keeps its checkpoint if it is the best so far.

    Args:
      step: int, the global step.
      results: {task: {score: float}}.
      prefix: str, the evaluated checkpoint.
      dev_data: description of the dev data (file hashes), for JSON.

    Returns:
      bool, whether it is the best.

    Raises:
      utils.UserError: there is no score `best_metric`.
    """
    # Later steps are in the history if the user deleted checkpoints.
    self._evaluations = [e for e in self._evaluations if e.step < step]
    evaluation = Evaluation(step, results)
    value = self.value_of(evaluation)
    is_best = not self.best or value > self.value_of(self.best)
    if is_best:
      self._copy_weights(prefix)
      self._best_step = step
    self._evaluations.append(evaluation)
    self._dev_data = dev_data
    self._write()
    if is_best:
      self._remove_other_weights(os.path.basename(prefix))
    return is_best

  def value_of(self, evaluation):
    """Returns the value of `best_metric`, negated if lower is better.

    Raises:
      utils.UserError: there is no score `best_metric`.
    """
    selected = select_scores(self._best_metric, evaluation.results)
    values = [(-1 if scorer.is_lower_better(score) else 1) *
              evaluation.results[task_name][score]
              for task_name, score in selected.items()]
    return sum(-math.inf if math.isnan(value) else value
               for value in values) / len(values)

  def _copy_weights(self, prefix):
    folder = os.path.join(self._model_dir, model_files.BEST_FOLDER)
    source, name = os.path.split(prefix)
    for other in utils.listdir(source):
      is_companion = other == model_files.VOCAB or (
          other.endswith(".json") and other != FILE_NAME)
      if other.startswith(name + ".") or is_companion:
        utils.copy(os.path.join(source, other), os.path.join(folder, other))
    with utils.write_atomically(os.path.join(folder, "checkpoint")) as f:
      f.write("model_checkpoint_path: \"%s\"\n"
              "all_model_checkpoint_paths: \"%s\"\n" % (name, name))

  def _remove_other_weights(self, name):
    folder = os.path.join(self._model_dir, model_files.BEST_FOLDER)
    for other in utils.listdir(folder):
      if other.startswith("model.ckpt-") and not other.startswith(name + "."):
        utils.remove(os.path.join(folder, other))

  def _write(self):
    # Scores as pairs: JSON objects have no order, and the first one counts.
    utils.write_json({
        "best_step": self._best_step,
        "dev_data": self._dev_data,
        "evaluations": [
            {"step": step, "results": {
                task_name: [[name, value] for name, value in scores.items()]
                for task_name, scores in results.items()},
             "tasks": list(results)}
            for step, results in self._evaluations]}, self._path)


def _read(path):
  """Returns (list of Evaluation, best step, dev data) of evaluations.json.

  If the file does not exist they are [], None and None.

  Raises:
    utils.UserError: the file is invalid.
  """
  if not utils.exists(path):
    return [], None, None
  history = utils.load_json(path)
  try:
    evaluations = [
        Evaluation(int(entry["step"]), collections.OrderedDict(
            (task_name, collections.OrderedDict(
                (name, float(value))
                for name, value in entry["results"][task_name]))
            for task_name in entry["tasks"]))
        for entry in history["evaluations"]]
    return evaluations, history["best_step"], history.get("dev_data")
  except (KeyError, TypeError, ValueError):
    raise utils.UserError(
        "%s: expected the evaluation history of a trial. Remove it and the "
        "folder '%s' next to it to evaluate again." % (
            path, model_files.BEST_FOLDER))
