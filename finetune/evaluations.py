"""The evaluations of a trial while it trains, and the weights of the best one.

In a trial's folder:

- evaluations.json: the scores of every evaluation so far, and at which step was
  the best. Written after each, so a training that is started again knows them.
- best/: the checkpoint of that step, with all that goes with a model (the
  vocabulary, labels.json ...), so that the folder can be used by itself.

The weights of a new best evaluation are copied before evaluations.json names
them, and those of the one before are removed after that: whenever the process
ends, what evaluations.json names is there and whole.
"""

import collections
import math
import os

from finetune import scorer
from model import checkpoint
from util import utils

FILE_NAME = "evaluations.json"
BEST_FOLDER = "best"

# One evaluation.
#   step: int, the global step of the weights.
#   results: {task: {score: float}}, the scores in the task's own order.
Evaluation = collections.namedtuple("Evaluation", ["step", "results"])


def best_folder(model_dir):
  """Returns the folder of the best weights of a trial; None if it has none."""
  folder = os.path.join(model_dir, BEST_FOLDER)
  if utils.isdir(folder) and checkpoint.find(folder):
    return folder
  return None


class Evaluations:
  """What a trial's evaluations.json says; see the module."""

  def __init__(self, model_dir, best_metric=None):
    """Reads the record, if there is one.

    Args:
      model_dir: str, the folder of the trial.
      best_metric: str, the score that says which weights are best: "accuracy",
        or "rte/accuracy" for one task of several; None for the first score of
        each task. Where there are several tasks their mean decides.

    Raises:
      utils.UserError: the record is not what this class writes.
    """
    self._model_dir = model_dir
    self._best_metric = best_metric
    self._path = os.path.join(model_dir, FILE_NAME)
    self._evaluations, self._best_step, self._dev_data = _read(self._path)

  @property
  def steps(self):
    """The steps that were evaluated, in their order."""
    return [evaluation.step for evaluation in self._evaluations]

  @property
  def last(self):
    """The last Evaluation; None if there was none."""
    return self._evaluations[-1] if self._evaluations else None

  @property
  def best(self):
    """The best Evaluation, the first of equals; None if there was none."""
    return next((evaluation for evaluation in self._evaluations
                 if evaluation.step == self._best_step), None)

  def num_since_best(self):
    """Returns how many evaluations came after the best one."""
    return sum(step > self._best_step for step in self.steps)

  def check_metric(self):
    """Checks that the weights that are kept are the best by `best_metric`.

    Raises:
      utils.UserError: they were chosen by another score.
    """
    if not self.best:
      return
    best = max(self._evaluations, key=self.value_of)  # the first of equals
    if best.step != self._best_step:
      raise utils.UserError(
          "best_metric: expected the score that the weights of step %d were "
          "kept by (%s); by %s those of step %d, which are gone, would be the "
          "best. Leave best_metric as it was, or set \"overwrite\": true to "
          "train again." % (
              self._best_step, os.path.join(self._model_dir, BEST_FOLDER),
              self._best_metric or "the first score of each task", best.step))

  def check_dev_data(self, dev_data):
    """Warns where evaluations were done on other data than `dev_data`."""
    if self._dev_data not in (None, dev_data):
      utils.log("Warning: the dev data have changed since the evaluations in "
                "%s, which say what the best weights are; \"overwrite\": true "
                "trains again" % self._path)

  def add(self, step, results, prefix, dev_data=None):
    """Takes in an evaluation; keeps the weights if they are the best so far.

    Args:
      step: int, the global step.
      results: {task: {score: float}}.
      prefix: str, the checkpoint that was evaluated.
      dev_data: what it was evaluated on, ready for JSON.

    Returns:
      bool, whether it is the best.

    Raises:
      utils.UserError: there is no score `best_metric`.
    """
    # Where checkpoints were removed by hand, what came after is done again.
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
    """Returns the number that the best evaluation has the highest of.

    Raises:
      utils.UserError: there is no score `best_metric`.
    """
    only_task, _, name = (self._best_metric or "").rpartition("/")
    wanted = {task_name: name or next(iter(scores))
              for task_name, scores in evaluation.results.items()
              if only_task in ("", task_name)}
    if not wanted or any(score not in evaluation.results[task_name]
                         for task_name, score in wanted.items()):
      self._refuse(evaluation)
    directions = {scorer.is_lower_better(score) for score in wanted.values()}
    if len(directions) > 1:
      names = ["%s/%s" % item for item in wanted.items()]
      raise utils.UserError(
          "best_metric: expected one score, such as \"%s\", as there is no "
          "mean of %s: more is better of some, less of the others." % (
              names[0], " and ".join(names)))
    sign = -1 if directions.pop() else 1
    values = [sign * evaluation.results[task_name][score]
              for task_name, score in wanted.items()]
    return sum(-math.inf if math.isnan(value) else value
               for value in values) / len(values)

  def _refuse(self, evaluation):
    known = ["%s/%s" % (task_name, name)
             for task_name, scores in evaluation.results.items()
             for name in scores]
    raise utils.UserError("best_metric: expected one of %s, got '%s'." % (
        ", ".join(known), self._best_metric))

  def _copy_weights(self, prefix):
    folder = os.path.join(self._model_dir, BEST_FOLDER)
    source, name = os.path.split(prefix)
    for other in utils.listdir(source):
      is_companion = other == "vocab.txt" or (
          other.endswith(".json") and other != FILE_NAME)
      if other.startswith(name + ".") or is_companion:
        utils.copy(os.path.join(source, other), os.path.join(folder, other))
    with utils.write_atomically(os.path.join(folder, "checkpoint")) as f:
      f.write("model_checkpoint_path: \"%s\"\n"
              "all_model_checkpoint_paths: \"%s\"\n" % (name, name))

  def _remove_other_weights(self, name):
    folder = os.path.join(self._model_dir, BEST_FOLDER)
    for other in utils.listdir(folder):
      if other.startswith("model.ckpt-") and not other.startswith(name + "."):
        utils.remove(os.path.join(folder, other))

  def _write(self):
    # Scores as pairs: their order says which is the first.
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
  """Returns (list of Evaluation, best step, dev data) of a record.

  Without a record they are [], None and None.

  Raises:
    utils.UserError: the record is not what `Evaluations` writes.
  """
  if not utils.exists(path):
    return [], None, None
  record = utils.load_json(path)
  try:
    evaluations = [
        Evaluation(int(entry["step"]), collections.OrderedDict(
            (task_name, collections.OrderedDict(
                (name, float(value))
                for name, value in entry["results"][task_name]))
            for task_name in entry["tasks"]))
        for entry in record["evaluations"]]
    return evaluations, record["best_step"], record.get("dev_data")
  except (KeyError, TypeError, ValueError):
    raise utils.UserError(
        "%s: expected the record of a trial's evaluations; remove it and the "
        "folder '%s' beside it to evaluate anew." % (path, BEST_FOLDER))
