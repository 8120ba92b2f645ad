"""Tasks that predict a label or a number for a text or a pair of texts.

To add one, subclass `ClassificationTask` or `RegressionTask` with a constructor
`(config, tokenizer)`. Override `_create_examples`, which gets the rows of
`<split>.tsv`, or set `layouts` to describe the columns, or override
`get_examples` if its files are not tables; see examples/new_task.py.
"""

import tensorflow.compat.v1 as tf

from finetune import feature_spec
from finetune.classification import classification_metrics
from finetune.classification import declared_values
from finetune.classification import sentence_tasks
from finetune.readers import lines as lines_reader
from finetune.readers import table_layouts
from finetune.readers import tsv_rows
from model import layers
from util import invisible
from util import utils

DROPOUT = 0.1  # of the [CLS] vector, in training

# Names for tasks that users define.
InputExample = sentence_tasks.InputExample
Layout = table_layouts.Layout
SentenceTask = SingleOutputTask = sentence_tasks.SentenceTask
read_tsv = tsv_rows.read_tsv


class ClassificationTask(SentenceTask):
  """Predicts one of several labels.

  Attributes:
    label_list: list of str, the labels as written in the files, in the order of
      their ids.
  """

  metrics = ("accuracy",)
  declared_metrics = ("accuracy", "macro_f1")  # the default of a declaration
  known_metrics = classification_metrics.CLASSIFICATION_METRICS
  takes_short_inputs = True

  def __init__(self, config, name, tokenizer, label_list, declaration=None):
    super().__init__(config, name, tokenizer, declaration)
    self.label_list = self._label_list = list(label_list)
    self._label_ids = {label: i for i, label in enumerate(self.label_list)}
    assert len(self._label_ids) == len(self.label_list) > 1, self.label_list
    if declaration:
      self.metrics = declared_values.get_metrics(
          declaration, list(self.declared_metrics), self.known_metrics)

  def get_features_version(self):
    version = super().get_features_version()
    return version + [self.label_list] + self._declared_num_columns if (
        self.declaration) else version

  @classmethod
  def from_declaration(cls, config, tokenizer, declaration):
    """Returns the task of a Declaration of kind "classification".

    Raises:
      utils.UserError: a metric is unknown, or labels cannot be learned.
    """
    declaration = declared_values.with_header(config, declaration)
    labels = declared_values.get_labels(config, declaration)
    declared = cls(config, declaration.name, tokenizer, labels, declaration)
    if "f1" in declared.metrics and len(labels) != 2:
      raise utils.UserError(
          "%s: \"metric\": \"f1\" is for two labels, got %d (%s). Use "
          "\"macro_f1\"." % (declaration.path, len(labels), ", ".join(labels)))
    return declared

  def parse_label(self, text, place):
    if text not in self._label_ids:
      raise utils.UserError("%s: expected one of the labels %s, got '%s'.%s" % (
          place, ", ".join(self.label_list), text,
          invisible.hint(text, self.label_list)))
    return text

  def is_label(self, text):
    return text in self._label_ids

  def learned_from_data(self):
    return dict(super().learned_from_data(),
                labels=list(map(str, self.label_list)))

  def prediction_text(self, output):
    return self.label_list[max(range(len(output)), key=output.__getitem__)]

  def _get_dummy_label(self):
    return self.label_list[0]

  def _add_features(self, features, example, log):
    label = example.label
    if label is not None and label not in self._label_ids:
      raise utils.UserError(
          "Task '%s', example %s (%s): expected one of the labels %s, got "
          "%r." % (self.name, example.eid,
                   lines_reader.shorten(example.text_a),
                   ", ".join(map(repr, self.label_list)), label))
    # A test split has no labels: the 0 is ignored.
    features[self._key("label_ids")] = (
        0 if label is None else self._label_ids[label])

  def get_feature_specs(self):
    return [feature_spec.FeatureSpec(self._key("eid"), []),
            feature_spec.FeatureSpec(self._key("label_ids"), [])]

  def get_prediction_module(self, bert_model, features, is_training,
                            percent_done):
    """Builds a linear layer on the [CLS] vector; see finetune.task.

    Returns:
      (losses [B], {"loss" [B], "logits" float32 [B, number of labels],
      "predictions" int64 [B], "label_ids" int32 [B], "eid" int32 [B]}).
    """
    del percent_done
    logits = on_cls(bert_model, is_training, len(self.label_list))
    label_ids = features[self._key("label_ids")]
    losses = tf.nn.sparse_softmax_cross_entropy_with_logits(
        labels=label_ids, logits=logits)
    return losses, {"loss": losses, "logits": logits,
                    "predictions": tf.argmax(logits, axis=-1),
                    "label_ids": label_ids,
                    "eid": features[self._key("eid")]}

  def get_scorer(self, split="dev"):
    return classification_metrics.ClassificationScorer(self, split,
                                                       self.metrics)

  def get_output_scorer(self, split):
    return ClassificationTask.get_scorer(self, split)


class RegressionTask(SentenceTask):
  """Predicts a number in a range.

  The model learns (value - min_value) / (max_value - min_value).
  """

  metrics = ("pearson", "spearman")
  takes_short_inputs = True

  def __init__(self, config, name, tokenizer, min_value, max_value,
               declaration=None):
    super().__init__(config, name, tokenizer, declaration)
    assert min_value < max_value, (min_value, max_value)
    self.min_value = self._min_value = min_value
    self.max_value = self._max_value = max_value
    self._is_range_learned = False
    if declaration:
      self.metrics = declared_values.get_metrics(
          declaration, list(self.metrics),
          classification_metrics.REGRESSION_METRICS)
      self._is_range_learned = declared_values.is_range_learned(declaration)

  def get_features_version(self):
    version = super().get_features_version()
    return version + [[self.min_value, self.max_value]] + (
        self._declared_num_columns) if self.declaration else version

  @classmethod
  def from_declaration(cls, config, tokenizer, declaration):
    """Returns the task of a Declaration of kind "regression".

    Raises:
      utils.UserError: a metric is unknown, or the range cannot be learned.
    """
    declaration = declared_values.with_header(config, declaration)
    low, high = declared_values.get_range(config, declaration)
    return cls(config, declaration.name, tokenizer, low, high, declaration)

  def normalize(self, value):
    """Returns the target of the model for `value`, in [0, 1]."""
    return (value - self.min_value) / (self.max_value - self.min_value)

  def denormalize(self, target):
    """Returns the value of a target; the inverse of `normalize`."""
    return self.min_value + target * (self.max_value - self.min_value)

  def parse_label(self, text, place):
    value = declared_values.parse_number(text)
    if self._is_range_learned:  # values of the dev set may be outside it
      return declared_values.check_number(text, place)
    if value is None or not self.min_value <= value <= self.max_value:
      raise utils.UserError("%s: expected a number from %g to %g, got '%s'." % (
          place, self.min_value, self.max_value, text))
    return value

  def is_label(self, text):
    return declared_values.parse_number(text) is not None

  def learned_from_data(self):
    return dict(super().learned_from_data(),
                range=[self.min_value, self.max_value])

  def prediction_text(self, output):
    """Returns the value of an output, clipped to the range: GLUE requires it.

    Scores and predictions are of values that are not clipped, as in the
    reference.
    """
    return "%.3f" % min(max(self.denormalize(output), self.min_value),
                        self.max_value)

  def _get_dummy_label(self):
    return self.min_value

  def _add_features(self, features, example, log):
    value = self.min_value if example.label is None else self.parse_label(
        str(example.label), "Task '%s', example %s" % (self.name, example.eid))
    features[self._key("targets")] = self.normalize(value)

  def get_feature_specs(self):
    return [feature_spec.FeatureSpec(self._key("eid"), []),
            feature_spec.FeatureSpec(self._key("targets"), [],
                                     is_int_feature=False)]

  def get_prediction_module(self, bert_model, features, is_training,
                            percent_done):
    """Builds a linear layer on the [CLS] vector; see finetune.task.

    Returns:
      (losses [B], {"loss" [B], "predictions" and "targets" float32 [B],
      normalized, "eid" int32 [B]}).
    """
    del percent_done
    predictions = tf.squeeze(on_cls(bert_model, is_training, 1), -1)
    targets = features[self._key("targets")]
    losses = tf.square(predictions - targets)
    return losses, {"loss": losses, "predictions": predictions,
                    "targets": targets, "eid": features[self._key("eid")]}

  def get_scorer(self, split="dev"):
    return classification_metrics.RegressionScorer(self, split, self.metrics)

  def get_output_scorer(self, split):
    return RegressionTask.get_scorer(self, split)


def __getattr__(name):
  """Returns a task of GLUE, which are in this module in the reference."""
  from finetune.classification import glue_tasks  # imports this module
  if hasattr(glue_tasks, name):
    return getattr(glue_tasks, name)
  raise AttributeError("module '%s' has no attribute '%s'" % (__name__, name))


def on_cls(bert_model, is_training, size):
  """Returns float32 [B, size], a linear layer on the [CLS] vector."""
  vector = bert_model.get_pooled_output()  # [B, hidden size]
  if is_training:
    vector = bert_model.randomness.dropout(vector, DROPOUT)
  return layers.dense(vector, size, name="dense",
                      initializer=layers.create_unscaled_initializer())
