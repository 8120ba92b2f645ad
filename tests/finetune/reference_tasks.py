"""Tasks as users write them for google-research/electra, for tests.

Written from its README ("implement a new finetune.task.Task, add it to
finetune.task_builder") and from tasks that users posted, in their style.
"""

from __future__ import absolute_import
from __future__ import division
from __future__ import print_function

import json
import os

import tensorflow.compat.v1 as tf

from finetune import feature_spec
from finetune import scorer
from finetune import task
from finetune.classification import classification_metrics
from finetune.classification import classification_tasks
from finetune.qa import qa_tasks
from finetune.tagging import tagging_metrics
from finetune.tagging import tagging_tasks
from model import modeling
from model import tokenization
from util import utils


class Sentiment(classification_tasks.ClassificationTask):
  """A classification whose rows are split by hand; no `split` in scorers."""

  def __init__(self, config, tokenizer):
    super(Sentiment, self).__init__(config, "sentiment", tokenizer,
                                    ["bad", "good"])

  def _create_examples(self, lines, split):
    examples = []
    for (i, line) in enumerate(lines):
      if i == 0:
        continue  # the header
      text_a = tokenization.convert_to_unicode(line[0])
      label = self._get_dummy_label() if split == "test" else (
          tokenization.convert_to_unicode(line[1]))
      examples.append(classification_tasks.InputExample(
          eid=i, task_name=self.name, text_a=text_a, text_b=None, label=label))
    return examples

  def get_scorer(self):
    return classification_metrics.F1Scorer()


class Paraphrase(classification_tasks.ClassificationTask):
  """Pairs of texts, read by the helper of the tasks of GLUE."""

  def __init__(self, config, tokenizer):
    super(Paraphrase, self).__init__(config, "paraphrase", tokenizer,
                                     ["0", "1"])

  def get_examples(self, split):
    return self._create_examples(classification_tasks.read_tsv(
        os.path.join(self.config.raw_data_dir(self.name), split + ".tsv"),
        max_lines=100 if self.config.debug else None), split)

  def _create_examples(self, lines, split):
    examples = self._load_glue(lines, split, 1, 2, 0, skip_first_line=True)
    if self.config.double_unordered and split == "train":
      examples += self._load_glue(
          lines, split, 1, 2, 0, skip_first_line=True,
          eid_offset=len(examples), swap=True)
    return examples

  def get_scorer(self):
    return classification_metrics.MCCScorer()


class Similarity(classification_tasks.RegressionTask):
  """A regression."""

  def __init__(self, config, tokenizer):
    super(Similarity, self).__init__(config, "similarity", tokenizer, 0.0, 5.0)

  def _create_examples(self, lines, split):
    return self._load_glue(lines, split, -3, -2, -1, True)

  def get_scorer(self, split="dev"):
    return classification_metrics.RegressionScorer()


class Entities(tagging_tasks.TaggingTask):
  """Spans in a file in columns; this is all that users need to write."""

  def __init__(self, config, tokenizer):
    super(Entities, self).__init__(config, "entities", tokenizer, False)


class JsonTags(tagging_tasks.TaggingTask):
  """Tags in a layout that only this task reads."""

  def __init__(self, config, tokenizer):
    super(JsonTags, self).__init__(config, "json_tags", tokenizer, True)

  def get_examples(self, split):
    sentences = self._get_labeled_sentences(split)
    label_mapping = self._get_label_mapping(split, sentences)
    return [tagging_tasks.TaggingExample(
        i, self.name, words, tags, self._is_token_level, label_mapping)
            for i, (words, tags) in enumerate(sentences)]

  def _get_labeled_sentences(self, split):
    path = os.path.join(self.config.raw_data_dir(self.name), split + ".json")
    with tf.io.gfile.GFile(path, "r") as f:
      return [(words, tags) for words, tags in json.load(f)]

  def get_scorer(self):
    return tagging_metrics.AccuracyScorer()


class Quiz(qa_tasks.SQuADTask):
  """Question answering in SQuAD's layout."""

  def __init__(self, config, tokenizer):
    super(Quiz, self).__init__(config, "quiz_qa", tokenizer, v2=True)


class Flat(qa_tasks.QATask):
  """Question answering from lines of paragraphs."""

  def __init__(self, config, tokenizer):
    super(Flat, self).__init__(config, "flat_qa", tokenizer)

  def get_examples(self, split):
    if split in self._examples:
      return self._examples[split]
    examples, failures = [], [0]
    with open(os.path.join(self.config.raw_data_dir(self.name),
                           split + ".jsonl")) as f:
      for line in f:
        self._add_examples(examples, failures, json.loads(line), split)
    self._examples[split] = examples
    utils.log("{:} examples created, {:} failures".format(
        len(examples), failures[0]))
    return examples


class Trivia(qa_tasks.MRQATask):
  """Question answering in MRQA's layout."""

  def __init__(self, config, tokenizer):
    super(Trivia, self).__init__(config, "trivia_qa", tokenizer)


class LengthExample(task.Example):

  def __init__(self, eid, task_name, words):
    super(LengthExample, self).__init__(task_name)
    self.eid = eid
    self.words = words


class LengthScorer(scorer.Scorer):
  """Counts in its own attributes, as scorers of the reference do."""

  def __init__(self):
    super(LengthScorer, self).__init__()
    self._total_loss = 0
    self._true_labels = []
    self._preds = []

  def update(self, results):
    super(LengthScorer, self).update(results)
    self._total_loss += results["loss"]
    self._true_labels.append(results["label_ids"])
    self._preds.append(results["predictions"])

  def get_loss(self):
    return self._total_loss / len(self._true_labels)

  def _get_results(self):
    right = sum(gold == pred for gold, pred in zip(self._true_labels,
                                                   self._preds))
    return [("accuracy", 100.0 * right / len(self._preds)),
            ("loss", self.get_loss())]


class Length(task.Task):
  """A task with its own features, head and scorer, and without files."""

  def __init__(self, config, tokenizer):
    super(Length, self).__init__(config, "length")
    self._tokenizer = tokenizer

  def get_examples(self, split):
    return [LengthExample(i, self.name, "good a b c".split()[:1 + i % 4])
            for i in range(12)]

  def featurize(self, example, is_training):
    tokens = ["[CLS]"]
    for word in example.words:
      tokens += self._tokenizer.tokenize(word)
    tokens.append("[SEP]")
    input_ids = self._tokenizer.convert_tokens_to_ids(tokens)
    num_padding = self.config.max_seq_length - len(input_ids)
    return {
        "input_ids": input_ids + [0] * num_padding,
        "input_mask": [1] * len(input_ids) + [0] * num_padding,
        "segment_ids": [0] * self.config.max_seq_length,
        "task_id": self.config.task_names.index(self.name),
        self.name + "_eid": example.eid,
        self.name + "_is_word": [0] + [1] * (len(input_ids) - 2) + [0] * (
            num_padding + 1),
        self.name + "_label_ids": len(example.words) - 1,
    }

  def get_feature_specs(self):
    return [feature_spec.FeatureSpec(self.name + "_eid", []),
            feature_spec.FeatureSpec(self.name + "_is_word",
                                     [self.config.max_seq_length]),
            feature_spec.FeatureSpec(self.name + "_label_ids", [])]

  def get_prediction_module(self, bert_model, features, is_training,
                            percent_done):
    reprs = bert_model.get_sequence_output()
    batch_size, _, depth = modeling.get_shape_list(reprs, expected_rank=3)
    weights = tf.cast(features[self.name + "_is_word"], tf.float32)
    reprs = tf.reshape(reprs, [batch_size, self.config.max_seq_length, depth])
    reprs = tf.reduce_sum(reprs * tf.expand_dims(weights, -1), axis=1)
    if is_training:
      reprs = modeling.dropout(reprs, 0.1)
    hidden = tf.layers.dense(
        reprs, 8, activation=modeling.get_activation("gelu"),
        kernel_initializer=modeling.create_initializer(0.02))
    hidden = modeling.layer_norm(tf.nn.dropout(hidden, keep_prob=1.0))
    logits = tf.layers.dense(hidden, 4)
    label_ids = features[self.name + "_label_ids"]
    losses = -tf.reduce_sum(tf.nn.log_softmax(logits) * tf.one_hot(
        label_ids, depth=4, dtype=tf.float32), axis=-1)
    return losses, dict(loss=losses, logits=logits, label_ids=label_ids,
                        predictions=tf.argmax(logits, axis=-1),
                        eid=features[self.name + "_eid"])

  def get_scorer(self):
    return LengthScorer()


TASKS = {"sentiment": Sentiment, "paraphrase": Paraphrase,
         "similarity": Similarity, "entities": Entities, "json_tags": JsonTags,
         "quiz_qa": Quiz, "flat_qa": Flat, "trivia_qa": Trivia,
         "length": Length}
