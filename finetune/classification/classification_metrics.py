"""Scores of classifications and regressions, and their scorers.

Every metric takes two arrays of shape [N], gold and predicted, and returns a
dict of scores. All but errors are in percent, as in papers.
"""

import abc
import collections

import numpy as np
from scipy import special
from scipy import stats
from sklearn import metrics as sklearn_metrics

from finetune import scorer
from util import utils


def accuracy(label_ids, predictions):
  """Returns the percentage of correct predictions."""
  return {"accuracy": 100.0 * sklearn_metrics.accuracy_score(
      label_ids, predictions)}


def f1(label_ids, predictions):
  """Returns F1, precision and recall of label 1, in percent.

  For two labels with 1 as the positive one, as in MRPC and QQP. A score of
  0 / 0 is 0.
  """
  precision, recall, score, _ = sklearn_metrics.precision_recall_fscore_support(
      label_ids, predictions, labels=[1], average="micro", zero_division=0)
  return collections.OrderedDict([
      ("f1", 100.0 * score), ("precision", 100.0 * precision),
      ("recall", 100.0 * recall)])


def macro_f1(label_ids, predictions):
  """Returns the mean F1 of the labels, in percent.

  Labels that neither occur nor are predicted do not count.
  """
  return {"macro_f1": 100.0 * sklearn_metrics.f1_score(
      label_ids, predictions, average="macro", zero_division=0)}


def weighted_f1(label_ids, predictions):
  """Returns the mean F1 of the labels weighted by frequency, in percent."""
  return {"weighted_f1": 100.0 * sklearn_metrics.f1_score(
      label_ids, predictions, average="weighted", zero_division=0)}


def mcc(label_ids, predictions):
  """Returns Matthews correlation coefficient times 100.

  It is 0 if all predictions or all labels are equal.
  """
  return {"mcc": 100.0 * sklearn_metrics.matthews_corrcoef(
      label_ids, predictions)}


def pearson(targets, predictions):
  """Returns the Pearson correlation coefficient times 100."""
  return {"pearson": _correlation(stats.pearsonr, targets, predictions)}


def spearman(targets, predictions):
  """Returns the Spearman rank correlation coefficient times 100."""
  return {"spearman": _correlation(stats.spearmanr, targets, predictions)}


def mse(targets, predictions):
  """Returns the mean squared error, in squared units of the targets."""
  return {"mse": sklearn_metrics.mean_squared_error(targets, predictions)}


def mae(targets, predictions):
  """Returns the mean absolute error, in units of the targets."""
  return {"mae": sklearn_metrics.mean_absolute_error(targets, predictions)}


def micro_f1(labels, predictions):
  """Returns the F1 of all pairs of a text and one of its labels, in percent.

  Args:
    labels, predictions: int arrays of shape [N, number of labels], 1 for the
      labels of a text. Also of the two functions below.
  """
  return {"micro_f1": 100.0 * sklearn_metrics.f1_score(
      labels, predictions, average="micro", zero_division=0)}


def macro_f1_of_label_sets(labels, predictions):
  """Returns the mean F1 of the labels, in percent; as `macro_f1`."""
  counts = np.any(labels, axis=0) | np.any(predictions, axis=0)
  if not counts.any():
    return {"macro_f1": 0.0}
  return {"macro_f1": 100.0 * sklearn_metrics.f1_score(
      labels, predictions, average="macro", zero_division=0,
      labels=np.flatnonzero(counts))}


def subset_accuracy(labels, predictions):
  """Returns the percentage of texts with exactly the right labels."""
  return {"subset_accuracy": 100.0 * float(
      np.mean(np.all(labels == predictions, axis=1)))}


CLASSIFICATION_METRICS = {
    "accuracy": accuracy, "f1": f1, "macro_f1": macro_f1,
    "weighted_f1": weighted_f1, "mcc": mcc,
}
MULTI_LABEL_METRICS = {
    "micro_f1": micro_f1, "macro_f1": macro_f1_of_label_sets,
    "subset_accuracy": subset_accuracy,
}
REGRESSION_METRICS = {
    "pearson": pearson, "spearman": spearman, "mse": mse, "mae": mae,
}


# Between the labels of a text in files of predictions for people.
LABEL_SEPARATOR = "|"


class SentenceScorer(scorer.Scorer):
  """Scores one prediction per text or pair of texts."""

  _functions = {}  # by name, of metrics
  # Any labels that all metrics are defined for: only their names are used.
  _any_labels = (0, 1)
  # What a task must have for `get_predictions`.
  required_attribute = "prediction_text"

  def __init__(self, task=None, split="dev", metrics=()):
    """Initializes a scorer without predictions.

    Args:
      task: a classification_tasks.SentenceTask; None: that of `attach`.
      split: str.
      metrics: list of names from `CLASSIFICATION_METRICS` or
        `REGRESSION_METRICS`; the first one is the most common for the task.
    """
    super().__init__()
    self._task = task
    self._split = split
    self._metrics = list(metrics)
    self._gold = []
    self._predictions = []
    self._outputs = {}  # of the model, by eid

  def attach(self, task, split):
    # Some use these scorers in tasks of other kinds.
    if self._task is None and hasattr(task, self.required_attribute):
      self._task, self._split = task, split

  def has(self, method):
    return self._task is not None and super().has(method)

  def _keep_output(self, results, name):
    """Keeps an output of the model for `get_predictions`, if there is one."""
    if "eid" in results and name in results:
      if self._task and not self._task.is_labeled(self._split):
        scorer.check_eid(results["eid"], self._outputs, self._task, self._split)
      self._outputs[int(results["eid"])] = np.asarray(results[name]).tolist()

  def get_submission(self):
    """Returns the predictions as (file name, text), for a leaderboard."""
    name = self._task.submission_name(self._split)
    ids = {example.eid: example.example_id
           for example in self._task.get_examples(self._split)}
    if set(ids) != set(self._outputs):
      raise utils.UserError(
          "Task '%s': expected outputs for the %d examples of split '%s', got "
          "%d: the cached features are stale. Set "
          "\"use_tfrecords_if_existing\": false." % (
              self._task.name, len(ids), self._split, len(self._outputs)))
    lines = ["index\tprediction"] + [
        "%s\t%s" % (ids[eid], self._task.prediction_text(self._outputs[eid]))
        for eid in sorted(ids)]
    return name, "".join(line + "\n" for line in lines)

  def get_predictions(self):
    """Returns [{"id", "text" or "text_a" and "text_b", prediction}]."""
    predictions = []
    for example in self._task.get_examples(self._split):
      prediction = collections.OrderedDict(id=example.example_id)
      if example.text_b is None:
        prediction["text"] = example.text_a
      else:
        prediction.update(text_a=example.text_a, text_b=example.text_b)
      prediction.update(self._readable(self._outputs[example.eid]))
      predictions.append(prediction)
    return predictions

  def get_predictions_as_text(self):
    """Returns the predictions as a .tsv file; white space in texts is " "."""
    predictions = self.get_predictions()
    names = [name for name in predictions[0] if name != "probabilities"]
    lines = ["\t".join(names)] + [
        "\t".join(" ".join(_cell(prediction[name]).split())
                  for name in names) for prediction in predictions]
    return ".tsv", "".join(line + "\n" for line in lines)

  def get_test_predictions(self):
    """Returns {eid: logits or value}, as the reference's .pkl files hold."""
    return self._outputs

  @abc.abstractmethod
  def _readable(self, output):
    """Returns {name: value} of an output of the model, for people to read."""

  def score_names(self):
    gold = np.array(self._any_labels)
    return [name for name, _ in self._score(gold, gold)]

  def _get_results(self):
    return self._score(np.array(self._gold), np.array(self._predictions))

  def _score(self, gold, predictions):
    """Returns [(name, score)] of all metrics and the loss."""
    if self._task and not self._task.is_labeled(self._split):
      return []
    results = []
    for name in self._metrics:
      results += self._functions[name](gold, predictions).items()
    return results + [("loss", self.get_loss())]


class ClassificationScorer(SentenceScorer):
  """Scores predicted labels."""

  _functions = CLASSIFICATION_METRICS
  required_attribute = "label_list"

  def update(self, results):
    super().update(results)
    self._gold.append(np.asarray(results["label_ids"]).tolist())
    self._predictions.append(np.asarray(results["predictions"]).tolist())
    self._keep_output(results, "logits")

  def get_files(self):
    """Returns the file of the confusion matrix and the worst errors.

    {"labels": list of str, "confusion": counts, gold labels x predicted ones,
    "worst": `get_predictions` with "gold", the most confident errors first}.
    """
    if not self._outputs or self._task is None or (
        not self._task.is_labeled(self._split)):
      return {}
    labels = self._task.label_list
    confusion = sklearn_metrics.confusion_matrix(
        self._gold, self._predictions, labels=range(len(labels)))
    gold = [example.label for example in self._task.get_examples(self._split)]
    errors = [dict(prediction, gold=label)
              for prediction, label in zip(self.get_predictions(), gold)
              if prediction["label"] != label]
    errors.sort(key=lambda error: -error["probability"])
    path = self._task.config.classification_errors_file(self._task.name,
                                                        self._split)
    return {path: {"labels": labels, "confusion": confusion.tolist(),
                   "worst": errors[:scorer.NUM_WORST]}}

  def _readable(self, output):
    probabilities = special.softmax(np.array(output, np.float64)).tolist()
    return collections.OrderedDict([
        ("label", self._task.prediction_text(output)),
        ("probability", max(probabilities)),
        ("probabilities", collections.OrderedDict(
            zip(self._task.label_list, probabilities)))])


class MultiLabelScorer(SentenceScorer):
  """Scores predicted sets of labels."""

  _functions = MULTI_LABEL_METRICS
  _any_labels = ((0, 1), (1, 0))

  def update(self, results):
    super().update(results)
    self._gold.append(np.asarray(results["label_ids"], np.int64))
    self._predictions.append(np.asarray(results["predictions"], np.int64))
    self._keep_output(results, "logits")

  def _readable(self, output):
    probabilities = special.expit(np.array(output, np.float64)).tolist()
    return collections.OrderedDict([
        ("labels", self._task.predicted_labels(output)),
        ("probabilities", collections.OrderedDict(
            zip(self._task.label_list, probabilities)))])


class SentenceLevelScorer(ClassificationScorer):
  """Base of scorers as in google-research/electra, without arguments.

  A subclass implements `_get_results` with `_true_labels` and `_preds`, the
  gold and the predicted label ids (for a regression, targets and predictions).
  """

  def update(self, results):
    super().update(dict({"label_ids": results.get("targets")}, **results))

  @property
  def _true_labels(self):
    return self._gold

  @property
  def _preds(self):
    return self._predictions


class AccuracyScorer(SentenceLevelScorer):
  """Scores labels by `accuracy`."""

  def __init__(self):
    super().__init__(metrics=["accuracy"])


class F1Scorer(SentenceLevelScorer):
  """Scores labels by `f1` of label 1, precision and recall."""

  def __init__(self):
    super().__init__(metrics=["f1"])


class MCCScorer(SentenceLevelScorer):
  """Scores labels by `mcc`."""

  def __init__(self):
    super().__init__(metrics=["mcc"])


class RegressionScorer(SentenceScorer):
  """Scores predicted numbers, in the units of the task's files."""

  _functions = REGRESSION_METRICS
  required_attribute = "denormalize"

  def __init__(self, task=None, split="dev", metrics=("pearson", "spearman")):
    super().__init__(task, split, metrics)

  def update(self, results):
    super().update(results)
    denormalize = self._task.denormalize if self._task else float
    self._gold.append(denormalize(float(results["targets"])))
    self._predictions.append(denormalize(float(results["predictions"])))
    self._keep_output(results, "predictions")

  def _readable(self, output):
    # As scored and as exported: it may be outside the task's range.
    return {"value": float(self._task.denormalize(output))}


def _cell(value):
  if isinstance(value, list):
    return LABEL_SEPARATOR.join(value)
  return "%.6g" % value if isinstance(value, float) else value


def _correlation(function, targets, predictions):
  """Returns a correlation times 100, 0 if one side is constant."""
  if np.ptp(targets) == 0 or np.ptp(predictions) == 0:
    return 0.0  # undefined: 0 / 0
  return 100.0 * float(function(targets, predictions)[0])
