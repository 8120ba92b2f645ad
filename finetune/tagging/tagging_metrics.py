"""Scores of predicted tags, and the scorers that collect and write them.

Scores are in percent, as papers give them. Both metrics take two lists of
sentences, gold and predicted; a sentence is a list of tags.
"""

import collections
import itertools

import numpy as np
from scipy import special
from seqeval import metrics as seqeval_metrics
from sklearn import metrics as sklearn_metrics

from finetune.readers import conll
from finetune.readers import tagged_sentences
from finetune import scorer
from finetune.tagging import tagging_utils
from finetune import task as task_module
from util import utils

_ALL_SPANS = "micro avg"  # seqeval's name for the scores over all types


def accuracy(gold, predicted):
  """Returns the share of words with the right tag, in percent."""
  return 100.0 * sklearn_metrics.accuracy_score(
      list(itertools.chain.from_iterable(gold)),
      list(itertools.chain.from_iterable(predicted)))


def span_scores(gold, predicted):
  """Returns how well spans are found: those of conlleval, over all sentences.

  A predicted span is right if both ends and the type are.

  Returns:
    (scores, by_type): {"f1", "precision", "recall"}, and {type: the same and
    "support", the number of gold spans}. A score that would be 0 / 0 is 0.
  """
  # seqeval reads IOB2 without question; tags of other kinds it may not.
  gold = [tagging_utils.recode(tags, "BIO") for tags in gold]
  predicted = [tagging_utils.recode(tags, "BIO") for tags in predicted]
  outside = {tagging_utils.OUTSIDE}
  if outside.issuperset(itertools.chain(*gold, *predicted)):
    # seqeval cannot make a report on no spans.
    return _as_scores(collections.defaultdict(float)), {}
  report = seqeval_metrics.classification_report(
      gold, predicted, output_dict=True, zero_division=0)
  by_type = {name: dict(_as_scores(scores), support=int(scores["support"]))
             for name, scores in report.items() if not name.endswith(" avg")}
  return _as_scores(report[_ALL_SPANS]), by_type


class TaggingScorer(scorer.Scorer):
  """Scores the tags of each word as they stand, by accuracy.

  Where a split has tags, every word counts, also those beyond max_seq_length,
  which the model does not see: they count as predicted "O". When scored, the
  predictions are written to `config.tagging_preds_file`.
  """

  def __init__(self, config, task, split):
    """Makes a scorer without predictions.

    Args:
      config: a FinetuningConfig.
      task: a tagging_tasks.TaggingTask.
      split: str.
    """
    super().__init__()
    self._config = config
    self._task = task
    self._split = split
    self._label_ids = {}  # by eid, of the words that the model saw
    self._probabilities = {}  # by eid, those of these labels

  def update(self, results):
    super().update(results)
    num_words = int(sum(results["labels_mask"]))
    eid = int(results["eid"])
    self._label_ids[eid] = [
        int(label_id) for label_id in results["predictions"][:num_words]]
    if self._split == task_module.PREDICT:
      logits = np.array(results["logits"][:num_words], np.float64)
      self._probabilities[eid] = special.softmax(
          logits, axis=-1).max(axis=-1, initial=0.0).tolist()

  def get_predictions(self):
    """Returns what the tags of each sentence are, and of spans the texts.

    Each is {"id", "text", "words", "tags", "probabilities"} with, for tags of
    spans, "entities": [{"type", "text", "start", "end" (in characters of the
    text), "first_word", "last_word", "probability"}]. The probability of a span
    is the lowest of its words. A word beyond max_seq_length, which the model
    does not see, has probability null.
    """
    return [self._prediction(example, tags)
            for example, tags in self._tagged_examples()]

  def get_predictions_as_text(self):
    """Returns the columns word and predicted tag, as a .txt file."""
    return ".txt", self.get_submission()[1]

  def get_test_predictions(self):
    """Returns {eid: list of the tags of the sentence's words}."""
    return {example.eid: tags for example, tags in self._tagged_examples()}

  def get_submission(self):
    """Returns (file name, text) with the columns word and predicted tag."""
    return "%s_%s.txt" % (self._task.name, self._split), (
        conll.format_sentences(
            [example.words, tags] for example, tags in self._tagged_examples()))

  def _get_results(self):
    tagged = list(self._tagged_examples())
    if not self._task.is_labeled(self._split):
      return []
    gold = [self._task.scheme.written_tags(example.tags) for example, _ in tagged]
    results = self._score(gold, [tags for _, tags in tagged])
    path = self._config.tagging_preds_file(self._task.name, self._split)
    with utils.write_atomically(path) as f:
      f.write(conll.format_sentences(
          [example.words, gold_tags, tags]
          for gold_tags, (example, tags) in zip(gold, tagged)))
    utils.log("Wrote {:,} tagged sentences to {} (columns: word, gold tag, "
              "predicted tag)".format(len(tagged), path))
    return results + [("loss", self.get_loss())]

  def _score(self, gold, predicted):
    """Returns [(name, score)] of two lists of sentences."""
    return [("accuracy", accuracy(gold, predicted))]

  def _prediction(self, example, tags):
    """Returns the prediction for a TaggingExample, ready for JSON."""
    probabilities = self._probabilities[example.eid]
    num_unseen = len(tags) - len(probabilities)
    return collections.OrderedDict([
        ("id", example.example_id), ("text", example.text),
        ("words", example.words), ("tags", tags),
        ("probabilities", probabilities + [None] * num_unseen)])

  def _tagged_examples(self):
    """Yields (TaggingExample, its predicted tags) for the whole split.

    Raises:
      utils.UserError: the model's outputs are not of these sentences.
    """
    examples = self._task.get_examples(self._split)
    num_words = {example.eid: len(example.words) for example in examples}
    if set(num_words) != set(self._label_ids) or any(
        len(self._label_ids[eid]) > num_words[eid] for eid in num_words):
      raise utils.UserError(
          "Task '%s': expected predictions for the %d sentences of split '%s', "
          "got %d of others: its stored features were made from other data; "
          "set \"use_tfrecords_if_existing\": false." % (
              self._task.name, len(examples), self._split,
              len(self._label_ids)))
    for example in examples:
      tags = [self._task.label_list[label_id]
              for label_id in self._label_ids[example.eid]]
      tags += [tagging_utils.OUTSIDE] * (len(example.words) - len(tags))
      yield example, self._task.scheme.written_tags(tags)


class SpanScorer(TaggingScorer):
  """Scores spans by F1, as conlleval does; also the accuracy of the tags.

  The scores of each type are written to `config.tagging_scores_file`.
  """

  def _score(self, gold, predicted):
    scores, by_type = span_scores(gold, predicted)
    scores["accuracy"] = accuracy(gold, predicted)
    utils.write_json(
        dict(scores, by_type=by_type),
        self._config.tagging_scores_file(self._task.name, self._split))
    return list(scores.items())

  def _prediction(self, example, tags):
    prediction = super()._prediction(example, tags)
    places = tagged_sentences.places_of(example.words, example.text)
    prediction["entities"] = entities = []
    for first, last, span_type in tagging_utils.get_span_labels(tags):
      start, end = places[first][0], places[last][1]
      entities.append(collections.OrderedDict([
          ("type", span_type), ("text", example.text[start:end]),
          ("start", start), ("end", end), ("first_word", first),
          ("last_word", last),
          ("probability", min(prediction["probabilities"][first:last + 1]))]))
    return prediction


def _as_scores(report):
  """Returns the scores of a line of seqeval's report, in percent."""
  return collections.OrderedDict(
      (name, 100.0 * float(report[key])) for name, key in [
          ("f1", "f1-score"), ("precision", "precision"),
          ("recall", "recall")])
