"""Tasks that say one thing about a text or a pair of texts.

To add one, subclass `ClassificationTask` or `RegressionTask`: give it a
constructor `(config, tokenizer)`, and `layouts`, or `read_examples` where its
files are no tables. examples/new_task.py does it.
"""

import abc
import collections
import os

import tensorflow.compat.v1 as tf

from finetune.classification import classification_metrics
from finetune import feature_spec
from finetune import packing
from finetune.readers import tables
from finetune import task
from finetune import task_declaration
from finetune import text_cleaning
from model import layers
from util import utils

DROPOUT = 0.1  # of the vector of [CLS], in training
DEBUG_EXAMPLES = 200  # of each split, in debug mode

# Where the parts of an example stand in a .tsv file: names of columns in its
# header line, or positions from 0; None where there is no such part.
Layout = collections.namedtuple(
    "Layout", ["text_a", "text_b", "label", "example_id", "has_header",
               "num_columns"])
Layout.__new__.__defaults__ = (None, None, None, True, None)


class InputExample(task.Example):
  """A text or a pair of texts.

  Attributes:
    eid: int, the number of the example in its split, from 0.
    text_a, text_b: str, text_b is None where there is one text.
    label: str (classification) or float (regression), None if unknown.
    example_id: str, what the task's files call the example.
  """

  def __init__(self, task_name, eid, text_a, text_b=None, label=None,
               example_id=None):
    super().__init__(task_name)
    self.eid = eid
    self.text_a = text_a
    self.text_b = text_b
    self.label = label
    self.example_id = str(eid) if example_id is None else example_id


class SentenceTask(task.Task):
  """What classification and regression share: files, texts, [CLS].

  Attributes:
    tokenizer: the FullTokenizer that features are made with.
  """

  # The name of the file of each split there can be.
  file_names = {"train": "train.tsv", "dev": "dev.tsv", "test": "test.tsv"}
  # The splits whose files have no labels.
  unlabeled_splits = ("test",)
  # The Layout of each split's file.
  layouts = {}
  # The format of a predict_file whose extension names none.
  predict_format = "tsv"
  # The scores to report, the best known first.
  metrics = ()
  # Whether a pair says the same in either order, so that training can use both.
  is_unordered = False
  feature_hparams = task.Task.feature_hparams + (
      "double_unordered", text_cleaning.HPARAM)

  def __init__(self, config, name, tokenizer):
    """Makes the task.

    Args:
      config: a FinetuningConfig.
      name: str, the task's name and that of its folder in finetuning_data.
      tokenizer: a FullTokenizer.
    """
    super().__init__(config, name)
    self.tokenizer = tokenizer
    self._cleaner = text_cleaning.TextCleaner(config, name, "texts")
    self._has_said_cut = False

  @abc.abstractmethod
  def parse_label(self, text, place):
    """Returns the label that `text` of a file stands for.

    Args:
      text: str, as it stands in the file.
      place: str, "file:line", for the message.

    Raises:
      utils.UserError: it is no label of this task.
    """

  @abc.abstractmethod
  def prediction_text(self, output):
    """Returns a prediction as text, from what `get_test_predictions` holds."""

  def submission_name(self, split):
    """Returns the name of the file that test predictions are handed in as."""
    return "%s_%s.tsv" % (self.name, split)

  def is_unlabeled(self, split):
    """Returns whether the examples of `split` have no labels."""
    return split in self.unlabeled_splits or split == task.PREDICT

  def get_data_files(self, split):
    """Returns [the file of `split`].

    Raises:
      utils.UserError: there is none.
    """
    path = self._path(split)
    if path is None:
      raise utils.UserError(
          "Task '%s': expected split %s, got '%s'." % (
              self.name, " or ".join(sorted(self.file_names)), split))
    if not utils.exists(path):
      raise utils.UserError(
          "Task '%s': expected its %s data in %s, found no such file%s; put it "
          "there." % (self.name, split, path,
                      task_declaration.advice(self, split)))
    return [path]

  def get_test_splits(self):
    """Returns the unlabeled splits whose file is there."""
    return [split for split in self.unlabeled_splits
            if self._path(split) and utils.exists(self._path(split))]

  def get_examples(self, split):
    """Returns the InputExamples of `split`, in the order of its file.

    Training on pairs without order has each pair twice, the second time turned
    round (`double_unordered`).

    Raises:
      utils.UserError: the file is missing or a row is not as expected; the
        message names the line.
    """
    examples = self.read_examples(self.get_data_files(split)[0], split)
    if self.config.debug:
      examples = examples[:DEBUG_EXAMPLES]
    if split == "train" and self.is_unordered and self.config.double_unordered:
      examples += [
          InputExample(self.name, len(examples) + example.eid, example.text_b,
                       example.text_a, example.label, example.example_id)
          for example in examples]
    return examples

  def get_examples_to_predict(self):
    """Returns the InputExamples of `config.predict_file`, in its order.

    The extension says the format, else `predict_format`: .tsv, .csv, .json,
    .jsonl with the columns of one of `layouts` (label and id may be missing;
    labels are not read), or .txt with a text a line. Where columns are found
    by their position, the number of columns says whether labels are there.

    Raises:
      utils.UserError: a line is not as expected; the message names it.
    """
    path = self.config.predict_file
    file_format = os.path.splitext(path)[1][1:]
    if file_format == "txt" or not self.layouts:
      self._check_plain(path, file_format)
      rows = tables.read_lines(path)
      return self.examples_from_rows(rows, Layout(text_a=0))
    if file_format not in task_declaration.TABLE_FORMATS:
      file_format = self.predict_format
    layout = layout_without_label(self.layouts, path, file_format)
    rows = tables.read_table(
        path, file_format, wanted_columns(layout),
        has_header=layout.has_header, num_columns=layout.num_columns,
        text_columns=(layout.text_a, layout.text_b))
    return self.examples_from_rows(rows, layout)

  def _check_plain(self, path, file_format):
    """Raises a UserError where a text a line is not what is wanted."""
    if any(layout.text_b is not None for layout in self.layouts.values()):
      raise utils.UserError(
          "%s: task '%s' is about pairs of texts, which do not stand in a .txt "
          "file; expected .tsv, .csv, .json or .jsonl with the columns of its "
          "data." % (path, self.name))
    if file_format != "txt":
      raise utils.UserError(
          "%s: task '%s' names no columns; expected a .txt file with a text a "
          "line." % (path, self.name))

  def read_examples(self, path, split):
    """Returns the InputExamples of a file, here a .tsv laid out as `layouts`.

    Raises:
      utils.UserError: a row is not as expected.
    """
    layout = self.layouts[split]
    rows = tables.read_tsv(
        path, wanted_columns(layout), has_header=layout.has_header,
        num_columns=layout.num_columns)
    return self.examples_from_rows(rows, layout)

  def examples_from_rows(self, rows, layout):
    """Returns the InputExamples of Rows with `wanted_columns(layout)`."""
    parts = [part for part in _PARTS if getattr(layout, part) is not None]
    examples = []
    for eid, row in enumerate(rows):
      values = dict(zip(parts, row.values))
      if "label" in values:
        values["label"] = self.parse_label(values["label"], row.place)
      examples.append(InputExample(self.name, eid, **values))
    return examples

  def featurize(self, example, is_training, log=False):
    """Returns the features of "[CLS] a [SEP]" or "[CLS] a [SEP] b [SEP]".

    What does not fit max_seq_length is cut off at the end of the longer text,
    token by token.
    """
    del is_training  # an example of the dev set has a label too
    texts = [example.text_a]
    if example.text_b is not None:
      texts.append(example.text_b)
    all_ids = self.tokenizer.encode_untrusted_batch(self._cleaner.clean(texts))
    num_fitting = self.config.max_seq_length - 1 - len(texts)
    self._say_if_cut(example, sum(map(len, all_ids)), num_fitting)
    cls_id, sep_id = self.tokenizer.convert_tokens_to_ids(["[CLS]", "[SEP]"])
    input_ids, segment_ids = [cls_id], [0]
    for segment, ids in enumerate(cut(all_ids, num_fitting)):
      input_ids += ids + [sep_id]
      segment_ids += [segment] * (len(ids) + 1)
    features = packing.padded_inputs(input_ids, segment_ids,
                                     self.config.max_seq_length)
    features[self._key("eid")] = example.eid
    if log:
      utils.log("Example %s, label %s: %s" % (
          example.example_id, example.label, " ".join(
              self.tokenizer.convert_ids_to_tokens(input_ids))))
    return features

  def _say_if_cut(self, example, num_tokens, num_fitting):
    """Says once, for the first example, that texts are cut."""
    if num_tokens > num_fitting and not self._has_said_cut:
      self._has_said_cut = True
      utils.log(
          "Task %s: example %s has %d tokens, of which %d are kept, as of all "
          "longer ones; a larger max_seq_length (now %d) keeps more." % (
              self.name, example.example_id, num_tokens, num_fitting,
              self.config.max_seq_length))

  def _path(self, split):
    """Returns the path that the file of `split` has, None if there is none."""
    if split not in self.file_names:
      return None
    return os.path.join(self.config.raw_data_dir(self.name),
                        self.file_names[split])

  def _key(self, feature):
    return "%s_%s" % (self.name, feature)


class ClassificationTask(SentenceTask):
  """Chooses one of several labels.

  Attributes:
    label_list: list of str, the labels as they stand in the files, in the order
      of their ids.
  """

  metrics = ("accuracy",)

  def __init__(self, config, name, tokenizer, label_list):
    super().__init__(config, name, tokenizer)
    self.label_list = list(label_list)
    self._label_ids = {label: i for i, label in enumerate(self.label_list)}
    assert len(self._label_ids) == len(self.label_list) > 1, self.label_list

  def parse_label(self, text, place):
    if text not in self._label_ids:
      raise utils.UserError("%s: expected one of the labels %s, got '%s'." % (
          place, ", ".join(self.label_list), text))
    return text

  def learned_from_data(self):
    return {"labels": self.label_list}

  def prediction_text(self, output):
    return self.label_list[max(range(len(output)), key=output.__getitem__)]

  def featurize(self, example, is_training, log=False):
    features = super().featurize(example, is_training, log)
    label = example.label
    # A test split has no labels: 0 stands there and is not looked at.
    features[self._key("label_ids")] = (
        0 if label is None else self._label_ids[label])
    return features

  def get_feature_specs(self):
    return [feature_spec.FeatureSpec(self._key("eid"), []),
            feature_spec.FeatureSpec(self._key("label_ids"), [])]

  def get_prediction_module(self, bert_model, features, is_training,
                            percent_done):
    """Builds a linear layer on the vector of [CLS]; see finetune.task.

    Returns:
      (losses [B], {"loss" [B], "logits" float32 [B, number of labels],
      "predictions" int64 [B], "label_ids" int32 [B], "eid" int32 [B]}).
    """
    del percent_done
    logits = _on_cls(bert_model, is_training, len(self.label_list))
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


class RegressionTask(SentenceTask):
  """Predicts a number between two bounds.

  The model learns (value - min_value) / (max_value - min_value).
  """

  metrics = ("pearson", "spearman")

  def __init__(self, config, name, tokenizer, min_value, max_value):
    super().__init__(config, name, tokenizer)
    assert min_value < max_value, (min_value, max_value)
    self.min_value = min_value
    self.max_value = max_value

  def normalize(self, value):
    """Returns what the model learns for `value`, in [0, 1]."""
    return (value - self.min_value) / (self.max_value - self.min_value)

  def denormalize(self, target):
    """Returns the value that `target` stands for; the reverse of normalize."""
    return self.min_value + target * (self.max_value - self.min_value)

  def parse_label(self, text, place):
    value = parse_number(text)
    if value is None or not self.min_value <= value <= self.max_value:
      raise utils.UserError("%s: expected a number from %g to %g, got '%s'." % (
          place, self.min_value, self.max_value, text))
    return value

  def learned_from_data(self):
    return {"range": [self.min_value, self.max_value]}

  def predicted_value(self, output):
    """Returns the value that an output stands for, kept between the bounds."""
    return min(max(self.denormalize(output), self.min_value), self.max_value)

  def prediction_text(self, output):
    return "%.3f" % self.predicted_value(output)

  def featurize(self, example, is_training, log=False):
    features = super().featurize(example, is_training, log)
    label = example.label
    features[self._key("targets")] = (
        0.0 if label is None else self.normalize(label))
    return features

  def get_feature_specs(self):
    return [feature_spec.FeatureSpec(self._key("eid"), []),
            feature_spec.FeatureSpec(self._key("targets"), [],
                                     is_int_feature=False)]

  def get_prediction_module(self, bert_model, features, is_training,
                            percent_done):
    """Builds a linear layer on the vector of [CLS]; see finetune.task.

    Returns:
      (losses [B], {"loss" [B], "predictions" and "targets" float32 [B],
      normalized, "eid" int32 [B]}).
    """
    del percent_done
    predictions = tf.squeeze(_on_cls(bert_model, is_training, 1), -1)
    targets = features[self._key("targets")]
    losses = tf.square(predictions - targets)
    return losses, {"loss": losses, "predictions": predictions,
                    "targets": targets, "eid": features[self._key("eid")]}

  def get_scorer(self, split="dev"):
    return classification_metrics.RegressionScorer(self, split, self.metrics)


_PARTS = ("text_a", "text_b", "label", "example_id")


def wanted_columns(layout):
  """Returns the columns that `layout` names, in the order of its fields."""
  return [getattr(layout, part) for part in _PARTS
          if getattr(layout, part) is not None]


def without_label_column(layout):
  """Returns the Layout of a file that lacks the column of the label.

  Args:
    layout: a Layout of a file with labels, of which `label` is a position and
      `num_columns` is known. Positions after the label's are one less.
  """

  def shifted(column):
    is_after = isinstance(column, int) and column > layout.label
    return column - 1 if is_after else column

  return layout._replace(
      text_a=shifted(layout.text_a), text_b=shifted(layout.text_b), label=None,
      example_id=shifted(layout.example_id),
      num_columns=layout.num_columns - 1)


def layout_without_label(layouts, path, file_format):
  """Returns the Layout that a file has whose labels are not read.

  Args:
    layouts: {split: Layout}, at least one.
    path: of the file.
    file_format: "tsv", "csv", "json" or "jsonl".

  Returns:
    The first Layout that the first line fits, or the keys of the first object,
    those without a label before others; if none does, the first of all, which
    reading will complain about.

  Raises:
    utils.UserError: the file has another number of columns than all Layouts, or
      cannot be read.
  """
  is_json = file_format in task_declaration.OBJECT_FORMATS
  cells = tables.first_cells(path, file_format)

  def is_there(layout, column):
    if isinstance(column, int):
      return not is_json and column < len(cells)
    return column in cells

  def fits(layout):
    return all(is_there(layout, column)
               for column in (layout.text_a, layout.text_b)
               if column is not None)

  # Of two layouts alike but for the label the one without it comes first.
  candidates = sorted(layouts.values(),
                      key=lambda layout: layout.label is not None)
  if cells and not is_json:
    candidates = _as_wide(candidates, cells, path)
  layout = next(filter(fits, candidates), candidates[0])
  has_id = layout.example_id is not None and is_there(layout,
                                                      layout.example_id)
  return layout._replace(
      label=None, example_id=layout.example_id if has_id else None)


def _as_wide(layouts, cells, path):
  """Returns those of some Layouts that may have as many columns as `cells`.

  Raises:
    utils.UserError: none may.
  """
  found = [layout for layout in layouts
           if layout.num_columns in (None, len(cells))]
  if not found:
    numbers = sorted({layout.num_columns for layout in layouts})
    raise utils.UserError(
        "%s:1: expected %s columns, those of the training data%s, got %d: "
        "%s%s" % (
            path, " or ".join(map(str, numbers)),
            " without or with the label" if len(numbers) > 1 else "",
            len(cells), tables.shorten(cells),
            "" if layouts[0].text_b is not None else
            "; for a text a line, name the file .txt."))
  return found


def cut(all_ids, num_fitting):
  """Returns one or two lists of ids that together have at most `num_fitting`.

  The longer list is cut at its end; of two that are as long the second, as the
  reference does.
  """
  lengths = [len(ids) for ids in all_ids]
  while sum(lengths) > num_fitting:
    longest = max(range(len(lengths)), key=lambda i: (lengths[i], i))
    lengths[longest] -= 1
  return [ids[:length] for ids, length in zip(all_ids, lengths)]


def parse_number(text):
  """Returns the number that `text` is, None if it is none a float32 can be."""
  try:
    value = float(text)
  except ValueError:
    return None
  return value if abs(value) < 2.0 ** 128 else None  # nor is nan


def _on_cls(bert_model, is_training, size):
  """Returns float32 [B, size], a linear layer on the vector of [CLS]."""
  vector = bert_model.get_pooled_output()  # [B, hidden size]
  if is_training:
    vector = bert_model.randomness.dropout(vector, DROPOUT)
  return layers.dense(vector, size, name="dense",
                      initializer=layers.create_unscaled_initializer())
