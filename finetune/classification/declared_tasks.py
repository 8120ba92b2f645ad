"""Classification and regression tasks that a task.json declares."""

from finetune import declared_task
from finetune import learned_labels
from finetune.classification import classification_metrics
from finetune.classification import classification_tasks
from finetune.classification import tsv_reader
from util import utils


class DeclaredClassification(classification_tasks.ClassificationTask):
  """A classification as declared; "learn" takes those of the train file."""

  metrics = ("accuracy", "macro_f1")

  def __init__(self, config, tokenizer, declaration):
    """Makes the task.

    Args:
      config: a FinetuningConfig.
      tokenizer: a FullTokenizer.
      declaration: a declared_task.Declaration of kind "classification".

    Raises:
      utils.UserError: a metric is unknown, or labels cannot be learned.
    """
    labels = declaration.values.get("labels", declared_task.LEARN)
    recorded = learned_labels.recorded(config, declaration.name, "labels")
    if labels == declared_task.LEARN:
      labels = recorded or _learned_labels(config, declaration)
    labels = [tsv_reader.as_text(label) for label in labels]
    if recorded and labels != recorded:
      raise utils.UserError(
          "%s: \"labels\": expected those that the model was trained with, %s, "
          "in this order; got %s." % (declaration.path, ", ".join(recorded),
                                      ", ".join(labels)))
    if len(labels) < 2:
      raise utils.UserError("%s: expected at least two labels, found %s." % (
          learned_labels.path_of(config.model_folder()), ", ".join(labels)))
    self._declaration = declaration
    super().__init__(config, declaration.name, tokenizer, labels)
    _declare(self, declaration, classification_metrics.CLASSIFICATION_METRICS,
             [self.label_list])
    if "f1" in self.metrics and len(self.label_list) != 2:
      raise utils.UserError(
          "%s: \"metric\": \"f1\" is for two labels, found %d (%s); use "
          "\"macro_f1\"." % (declaration.path, len(self.label_list),
                             ", ".join(self.label_list)))

  def read_examples(self, path, split):
    rows, layout = _read(self._declaration, path, split)
    return self.examples_from_rows(rows, layout)


class DeclaredRegression(classification_tasks.RegressionTask):
  """A regression as declared; "learn" reads the range of the train file."""

  def __init__(self, config, tokenizer, declaration):
    """Makes the task; as DeclaredClassification."""
    bounds = declaration.values.get("range", declared_task.LEARN)
    self._is_range_learned = bounds == declared_task.LEARN
    recorded = learned_labels.recorded(config, declaration.name, "range")
    if self._is_range_learned:
      bounds = recorded or _learned_range(config, declaration)
    bounds = list(map(float, bounds))
    if recorded and bounds != recorded:
      raise utils.UserError(
          "%s: \"range\": expected that which the model was trained with, %s, "
          "got %s." % (declaration.path, recorded, bounds))
    self._declaration = declaration
    super().__init__(config, declaration.name, tokenizer, *bounds)
    _declare(self, declaration, classification_metrics.REGRESSION_METRICS,
             [self.min_value, self.max_value])

  def read_examples(self, path, split):
    rows, layout = _read(self._declaration, path, split)
    return self.examples_from_rows(rows, layout)

  def parse_label(self, text, place):
    if self._is_range_learned:  # values of the dev set may lie outside of it
      return _number(text, place)
    return super().parse_label(text, place)


def _declare(task, declaration, known_metrics, learned):
  """Sets what a declaration says of any task.

  Args:
    task: the SentenceTask.
    declaration: its Declaration.
    known_metrics: {name: function}.
    learned: list of what was learned from the training file.
  """
  metrics = declaration.values.get("metric", list(task.metrics))
  task.metrics = [metrics] if isinstance(metrics, str) else metrics
  declared_task.check_names(declaration, "metric", task.metrics, known_metrics)
  task.file_names = declaration.files
  task.is_unordered = declaration.values.get("unordered", False)
  task.layouts = {split: _layout(declaration, split)
                  for split in declared_task.SPLITS}
  task.predict_format = declaration.format
  task.declaration = declared_task.as_json(declaration)
  # Stored features are made anew when the declaration changes.
  task.version = [task.version, task.declaration, learned]


def _layout(declaration, split):
  values = declaration.values
  return classification_tasks.Layout(
      values["text_a"], values.get("text_b"),
      None if split == "test" else values["label"], values.get("id"),
      values.get("header", True))


def _read(declaration, path, split):
  """Returns (Rows with all values as text, their Layout) of a file."""
  layout = _layout(declaration, split)
  rows = tsv_reader.read_table(
      path, declaration.format, classification_tasks.wanted_columns(layout),
      has_header=layout.has_header,
      text_columns=(layout.text_a, layout.text_b))
  return rows, layout


def _learned_labels(config, declaration):
  """Returns the sorted labels of the training file."""
  labels = set()
  for place, label in _train_labels(config, declaration):
    if not label.strip():
      raise utils.UserError("%s: expected a label, found an empty text." %
                            place)
    labels.add(label)
  if len(labels) < 2:
    raise utils.UserError(
        "%s: expected at least two labels in the training file, found %s." % (
            declaration.path, ", ".join(labels) or "no example"))
  utils.log("Task %s: %d labels in the training file: %s" % (
      declaration.name, len(labels), ", ".join(sorted(labels))))
  return sorted(labels)


def _learned_range(config, declaration):
  """Returns (lowest, highest) value of the training file."""
  values = [_number(label, place)
            for place, label in _train_labels(config, declaration)]
  if len(set(values)) < 2:
    raise utils.UserError(
        "%s: expected at least two different values in the training file, "
        "found %s." % (declaration.path, values[:1] or "no example"))
  utils.log("Task %s: values of the training file go from %g to %g" % (
      declaration.name, min(values), max(values)))
  return min(values), max(values)


def _train_labels(config, declaration):
  """Yields (place, label) of the training file."""
  path = declared_task.file_path(config, declaration, "train")
  if not utils.exists(path):
    raise utils.UserError(
        "%s: expected the training file %s to learn from, found none; put it "
        "there, or give \"%s\" in place of \"learn\"." % (
            declaration.path, path, "labels" if
            declaration.kind == "classification" else "range"))
  rows, layout = _read(declaration, path, "train")
  position = classification_tasks.wanted_columns(layout).index(layout.label)
  for row in rows:
    yield row.place, row.values[position]


def _number(text, place):
  value = classification_tasks.parse_number(text)
  if value is None:
    raise utils.UserError("%s: expected a number, got '%s'." % (place, text))
  return value
