"""Classification of texts that may have several labels, or none.

    {"text": "good and cheap", "labels": ["price", "quality"]}

Each label is predicted on its own, from a sigmoid of its logit; the loss is the
mean cross-entropy of the labels.
"""

import tensorflow.compat.v1 as tf

from finetune import feature_spec
from finetune.classification import classification_metrics
from finetune.classification import classification_tasks
from finetune.classification import declared_values
from finetune.readers import table_layouts


def build_classification(config, tokenizer, declaration):
  """Returns the task of a Declaration of kind "classification".

  Raises:
    utils.UserError: a metric is unknown, or labels cannot be learned.
  """
  is_multi_label = declared_values.is_multi_label(config, declaration)
  task_class = (MultiLabelTask if is_multi_label else
                classification_tasks.ClassificationTask)
  return task_class.from_declaration(config, tokenizer, declaration)


class MultiLabelTask(classification_tasks.ClassificationTask):
  """Predicts which labels a text has; a label is predicted from 0.5 on.

  The `label` of an InputExample is the list of its labels.
  """

  is_multi_label = True
  metrics = declared_metrics = ("micro_f1", "macro_f1", "subset_accuracy")
  known_metrics = classification_metrics.MULTI_LABEL_METRICS

  def __init__(self, config, name, tokenizer, label_list, declaration):
    super().__init__(config, name, tokenizer, label_list, declaration)
    self._declaration = declaration

  def parse_label(self, text, place):
    for label in text:
      super().parse_label(label, place)
    return text

  def learned_from_data(self):
    return dict(super().learned_from_data(), multi_label=True)

  def predicted_labels(self, output):
    """Returns the list of the labels whose logits are at least 0."""
    return [label for label, logit in zip(self.label_list, output)
            if logit >= 0.0]

  def prediction_text(self, output):
    return classification_metrics.LABEL_SEPARATOR.join(
        self.predicted_labels(output))

  def _add_features(self, features, example, log):
    # A test split has no labels: the zeros are ignored.
    labels = set(example.label or ())
    features[self._key("label_ids")] = [
        int(label in labels) for label in self.label_list]

  def get_feature_specs(self):
    return [feature_spec.FeatureSpec(self._key("eid"), []),
            feature_spec.FeatureSpec(self._key("label_ids"),
                                     [len(self.label_list)])]

  def get_prediction_module(self, bert_model, features, is_training,
                            percent_done):
    """Builds a linear layer on the [CLS] vector; see finetune.task.

    Returns:
      (losses [B], {"loss" [B], "logits" float32 [B, number of labels],
      "predictions" and "label_ids" int32 [B, number of labels], "eid" int32
      [B]}).
    """
    del percent_done
    logits = classification_tasks.on_cls(bert_model, is_training,
                                         len(self.label_list))
    label_ids = features[self._key("label_ids")]
    losses = tf.reduce_mean(tf.nn.sigmoid_cross_entropy_with_logits(
        labels=tf.cast(label_ids, tf.float32), logits=logits), -1)
    return losses, {"loss": losses, "logits": logits,
                    "predictions": tf.cast(logits >= 0.0, tf.int32),
                    "label_ids": label_ids,
                    "eid": features[self._key("eid")]}

  def get_scorer(self, split="dev"):
    return classification_metrics.MultiLabelScorer(self, split, self.metrics)

  def _read_rows(self, path, layout):
    if layout.label is None:
      return table_layouts.read(path, self.file_format, layout)
    return declared_values.read_label_lists(path, self._declaration, layout)
