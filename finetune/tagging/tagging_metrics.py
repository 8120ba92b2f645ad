"""Scores of predicted tags, and the scorers that collect the predictions.

Scores are in percent, as in papers. Both metrics take two lists of sentences,
gold and predicted; a sentence is a list of tags.
"""

import collections
import itertools

import numpy as np
from scipy import special
from seqeval import metrics as seqeval_metrics
from sklearn import metrics as sklearn_metrics

from finetune import scorer
from finetune import task as task_module
from finetune.readers import conll
from finetune.readers import tagged_sentences
from finetune.tagging import tagging_utils
from util import utils

_ALL_SPANS = "micro avg"  # the scores over all types in seqeval's report


def accuracy(gold, predicted):
  """Returns the percentage of words with the correct tag."""
  return 100.0 * sklearn_metrics.accuracy_score(
      list(itertools.chain.from_iterable(gold)),
      list(itertools.chain.from_iterable(predicted)))


def span_scores(gold, predicted):
  """Returns the scores of conlleval for spans, over all sentences.

  A predicted span is correct if both its ends and its type are.

  Returns:
    (scores, by_type): {"f1", "precision", "recall"}, and {type: the same and
    "support", the number of gold spans}. A score that would be 0 / 0 is 0.
  """
  # seqeval may reject or misread encodings other than IOB2.
  gold = [tagging_utils.recode(tags, "BIO") for tags in gold]
  predicted = [tagging_utils.recode(tags, "BIO") for tags in predicted]
  outside = {tagging_utils.OUTSIDE}
  if outside.issuperset(itertools.chain(*gold, *predicted)):
    # seqeval cannot report on no spans.
    return _as_scores(collections.defaultdict(float)), {}
  report = seqeval_metrics.classification_report(
      gold, predicted, output_dict=True, zero_division=0)
  by_type = {name: dict(_as_scores(scores), support=int(scores["support"]))
             for name, scores in report.items() if not name.endswith(" avg")}
  return _as_scores(report[_ALL_SPANS]), by_type


class TaggingScorer(scorer.Scorer):
  """Scores the tag of each word by accuracy.

  Every word counts; those beyond max_seq_length are in further windows of their
  sentence. The predictions are for `config.tagging_preds_file`.
  """

  def __init__(self, config=None, task=None, split="dev"):
    """Initializes a scorer without predictions.

    Args:
      config: a FinetuningConfig.
      task: a tagging_tasks.TaggingTask; None: that of `attach`.
      split: str.
    """
    super().__init__()
    self._config = config
    self._task = task
    self._split = split
    self._label_ids = collections.defaultdict(list)  # by eid
    self._probabilities = collections.defaultdict(list)  # by eid, of the labels
    self._tagged = None  # see _tagged_examples

  def attach(self, task, split):
    # Some use these scorers in tasks of other kinds.
    if self._task is None and hasattr(task, "scheme"):
      self._config, self._task, self._split = task.config, task, split

  def has(self, method):
    return self._task is not None and super().has(method)

  def update(self, results):
    """Adds the outputs for one input: the next window of its sentence."""
    super().update(results)
    self._tagged = None
    num_words = int(sum(results["labels_mask"]))
    eid = int(results["eid"])
    self._label_ids[eid] += map(int, results["predictions"][:num_words])
    if self._split == task_module.PREDICT:
      logits = np.array(results["logits"][:num_words], np.float64)
      self._probabilities[eid] += special.softmax(
          logits, axis=-1).max(axis=-1, initial=0.0).tolist()

  def get_predictions(self):
    """Returns the predicted tags of each sentence, and the spans they encode.

    Each is {"id", "text", "words", "tags", "probabilities"} and, if tags encode
    spans, "entities": [{"type", "text", "start", "end" (in characters of the
    text), "first_word", "last_word", "probability"}]. The probability of a span
    is the lowest of its words.
    """
    return [self._prediction(example, tags)
            for example, tags in self._tagged_examples()]

  def get_predictions_as_text(self):
    """Returns the columns word and predicted tag for a .txt file."""
    return ".txt", self.get_submission()[1]

  def get_test_predictions(self):
    """Returns {eid: list of the tags of the sentence's words}."""
    return {example.eid: tags for example, tags in self._tagged_examples()}

  def get_submission(self):
    """Returns (file name, text) with the columns word and predicted tag."""
    return "%s_%s.txt" % (self._task.name, self._split), (
        conll.format_sentences(
            [example.words, tags] for example, tags in self._tagged_examples()))

  def get_files(self):
    """Returns {path: text} with the columns word, gold and predicted tag."""
    if not self._task.is_labeled(self._split):
      return {}
    path = self._config.tagging_preds_file(self._task.name, self._split)
    return {path: conll.format_sentences(
        [example.words, gold_tags, tags]
        for gold_tags, (example, tags) in zip(self._gold_tags(),
                                              self._tagged_examples()))}

  def score_names(self):
    if not self._task.is_labeled(self._split):
      return []
    sentences = [[tagging_utils.OUTSIDE]]  # any; only the names are used
    return [name for name, _ in self._score(sentences, sentences)] + ["loss"]

  def _get_results(self):
    predicted = [tags for _, tags in self._tagged_examples()]
    if not self._task.is_labeled(self._split):
      return []
    return self._score(self._gold_tags(), predicted) + [
        ("loss", self.get_loss())]

  def _gold_tags(self):
    """Returns the tags of each sentence in the file, as they are written."""
    return [self._task.scheme.written_tags(example.tags)
            for example, _ in self._tagged_examples()]

  def _score(self, gold, predicted):
    """Returns [(name, score)] of two lists of sentences."""
    return [("accuracy", accuracy(gold, predicted))]

  def _prediction(self, example, tags):
    """Returns the prediction for a TaggingExample, ready for JSON."""
    return collections.OrderedDict([
        ("id", example.example_id), ("text", example.text),
        ("words", example.words), ("tags", tags),
        ("probabilities", list(self._probabilities[example.eid]))])

  def _tagged_examples(self):
    """Returns [(TaggingExample, its predicted tags)] of the split.

    Raises:
      utils.UserError: the model's outputs are for other sentences.
    """
    if self._tagged is None:
      self._tagged = list(self._tag_examples())
    return self._tagged

  def _tag_examples(self):
    examples = self._task.get_examples(self._split)
    num_tagged = {eid: len(ids) for eid, ids in self._label_ids.items()}
    if num_tagged != {example.eid: len(example.words) for example in examples}:
      raise utils.UserError(
          "Task '%s': expected outputs for the %d sentences of split '%s', got "
          "%d for others: the cached features are stale. Set "
          "\"use_tfrecords_if_existing\": false." % (
              self._task.name, len(examples), self._split,
              len(num_tagged)))
    for example in examples:
      tags = [self._task.label_list[label_id]
              for label_id in self._label_ids[example.eid]]
      yield example, self._task.scheme.written_tags(tags)


class SpanScorer(TaggingScorer):
  """Scores spans by F1, like conlleval, and tags by accuracy.

  The scores of each type are for `config.tagging_scores_file`.
  """

  def get_files(self):
    files = super().get_files()
    if files:
      self.get_results()  # computes the scores once
      path = self._config.tagging_scores_file(self._task.name, self._split)
      files[path] = dict(self._scores, by_type=self._by_type)
    return files

  def _score(self, gold, predicted):
    self._scores, self._by_type = span_scores(gold, predicted)
    self._scores["accuracy"] = accuracy(gold, predicted)
    return list(self._scores.items())

  def _prediction(self, example, tags):
    prediction = super()._prediction(example, tags)
    offsets = tagged_sentences.locate_words(example.words, example.text)
    prediction["entities"] = entities = []
    for first, last, span_type in tagging_utils.get_span_labels(tags):
      start, end = offsets[first][0], offsets[last][1]
      entities.append(collections.OrderedDict([
          ("type", span_type), ("text", example.text[start:end]),
          ("start", start), ("end", end), ("first_word", first),
          ("last_word", last),
          ("probability", min(prediction["probabilities"][first:last + 1]))]))
    return prediction


class WordLevelScorer(TaggingScorer):
  """Base of scorers as in google-research/electra, which need no task.

  Without one they score the labels of the words that the model saw.
  """

  def __init__(self, label_mapping=None):
    """Initializes a scorer without predictions.

    Args:
      label_mapping: {label: id}; None: only the task, if any, knows the labels.
    """
    super().__init__()
    self._labels = {label_id: label for label, label_id in (
        label_mapping or {}).items()}
    self._pairs = []  # (gold, predicted) labels of a sentence

  def update(self, results):
    super().update(dict({"eid": len(self._pairs)}, **results))
    num_words = int(sum(results["labels_mask"]))
    self._pairs.append([
        [self._labels.get(int(label_id), str(label_id))
         for label_id in results[name][:num_words]]
        for name in ("labels", "predictions")])

  def _get_results(self):
    if self._task:
      return super()._get_results()
    return self._score(*map(list, zip(*self._pairs))) + [
        ("loss", self.get_loss())]


class AccuracyScorer(WordLevelScorer):
  """Scores the tag of each word by accuracy."""


class F1Scorer(WordLevelScorer, SpanScorer):
  """Scores spans by F1, like conlleval, and tags by accuracy."""


class EntityLevelF1Scorer(F1Scorer):
  """Scores spans by F1, like conlleval, and tags by accuracy."""

  def __init__(self, label_mapping):
    super().__init__(label_mapping)


def _as_scores(report):
  """Returns the scores in a row of seqeval's report, in percent."""
  return collections.OrderedDict(
      (name, 100.0 * float(report[key])) for name, key in [
          ("f1", "f1-score"), ("precision", "precision"),
          ("recall", "recall")])
