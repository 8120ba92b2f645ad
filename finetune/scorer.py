"""The contract of a task's scorer: predictions one by one, then the scores."""

import abc
import collections

import numpy as np

from util import utils

# Scores for which lower is better; for all others higher is.
_ERRORS = ("loss", "mse", "mae")


# How many of the worst errors are written, for people to read.
NUM_WORST = 50


def is_lower_better(name):
  """Returns whether lower is better for a score: "mse", "mismatched_loss"."""
  return name.split("_")[-1] in _ERRORS


def check_eid(eid, outputs, task, split):
  """Raises a UserError if there is already an output for that eid."""
  if int(eid) in outputs:
    raise utils.UserError(
        "Task '%s': two examples of split '%s' have the eid %d. Number them: "
        "predictions are stored by eid." % (task.name, split, eid))


class Scorer(abc.ABC):
  """Collects the predictions of one split and scores them.

  A subclass extends `update` (calling this one) and implements `_get_results`.
  It only computes: finetune/outputs.py writes what `get_files` returns.
  """

  # Two underscores: a subclass may have its own `_total_loss`.
  def __init__(self):
    self.__total_loss = 0.0
    self.__num_examples = 0
    self.__results = None

  def attach(self, task, split):
    """Receives the task and the split, before the first update.

    Does nothing by default: a scorer may know them from its constructor.
    """

  def has(self, method):
    """Returns whether it can be asked for "get_predictions" or another method.

    Args:
      method: str, a method that raises an error in this class.
    """
    return getattr(type(self), method) is not getattr(Scorer, method)

  def update(self, results):
    """Adds the outputs of the model for one example.

    Args:
      results: {output name: NumPy value without batch axis}, the second result
        of the task's `get_prediction_module`; "loss" is always among them.
    """
    self.__total_loss += float(results["loss"])
    self.__num_examples += 1
    self.__results = None

  def get_loss(self):
    """Returns the mean loss of an example, NaN before the first one."""
    if not self.__num_examples:
      return float("nan")
    return self.__total_loss / self.__num_examples

  def score_names(self):
    """Returns the names of the scores of `get_results`, before any update.

    None if they are not known before: then an unknown `best_metric` is found
    after the first evaluation, not before the training.
    """
    return None

  @abc.abstractmethod
  def _get_results(self):
    """Returns [(name of the score, float)], best known score first."""

  def get_results(self, prefix=""):
    """Returns [(`prefix` + name of the score, float)] of all updates so far."""
    if self.__results is None:
      self.__results = list(self._get_results())
    return [(prefix + name, value) for name, value in self.__results]

  def get_files(self):
    """Returns {path: content} of the files that belong to the scored split.

    Called after each scoring. Content is an object for JSON where the path ends
    in .json, an object to pickle for .pkl, and text for all other names.
    """
    return {}

  def results_str(self):
    """Returns the scores as one line, such as "mcc: 63.21 - loss: 0.41"."""
    return " - ".join("%s: %.2f" % result for result in self.get_results())

  def get_test_predictions(self):
    """Returns {id: prediction} for an unlabeled test split, for JSON.

    Only asked for where the task's `get_test_splits` names a split.
    """
    raise AssertionError("%s names test splits but its scorer gives no test "
                         "predictions" % type(self).__name__)

  def get_predictions(self):
    """Returns a list of dicts, ready for JSON: one for each example, in order.

    Only called for a task that `reads_predict_file`.
    """
    raise AssertionError("%s gives no predictions, though its task reads a "
                         "predict_file" % type(self).__name__)

  def get_predictions_as_text(self):
    """Returns (extension, text) of the predictions in another form, or None."""
    return None

  def get_submission(self):
    """Returns (file name, text) in a leaderboard's own format, None for none.

    Asked for where `get_test_predictions` is.
    """
    return None


class OutputScorer(Scorer):
  """Collects the outputs for an unlabeled split; for tasks without their own.

  The output of an example is its "logits", or its "predictions" without them.
  """

  def __init__(self, task, split):
    super().__init__()
    self._task = task
    self._split = split
    self._outputs = {}  # by eid

  def update(self, results):
    names = [name for name in ("logits", "predictions") if name in results]
    if not names or "eid" not in results:
      raise utils.UserError(
          "Task '%s': to predict, its get_prediction_module must return the "
          "outputs \"eid\" and \"logits\" or \"predictions\", got %s." % (
              self._task.name, ", ".join(sorted(results))))
    check_eid(results["eid"], self._outputs, self._task, self._split)
    self._outputs[int(results["eid"])] = np.asarray(results[names[0]]).tolist()

  def _get_results(self):
    return []

  def get_test_predictions(self):
    return self._outputs

  def get_predictions(self):
    return [collections.OrderedDict([("id", eid), ("output", output)])
            for eid, output in self._outputs.items()]
