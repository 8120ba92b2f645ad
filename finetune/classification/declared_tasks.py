"""Classification and regression tasks that a task.json declares."""

from finetune.classification import classification_metrics
from finetune.classification import classification_tasks
from finetune.readers import tables
from finetune import task_declaration
from finetune import task_metadata
from util import utils


class DeclaredClassification(classification_tasks.ClassificationTask):
  """A classification as declared; "learn" takes those of the train file."""

  metrics = ("accuracy", "macro_f1")

  def __init__(self, config, tokenizer, declaration):
    """Makes the task.

    Args:
      config: a FinetuningConfig.
      tokenizer: a FullTokenizer.
      declaration: a task_declaration.Declaration of kind "classification".

    Raises:
      utils.UserError: a metric is unknown, or labels cannot be learned.
    """
    labels = declaration.values.get("labels", task_declaration.LEARN)
    recorded = task_metadata.recorded(config, declaration.name, "labels")
    if labels == task_declaration.LEARN:
      labels = recorded or _learned_labels(config, declaration)
    labels = [tables.as_text(label) for label in labels]
    if recorded and labels != recorded:
      raise utils.UserError(
          "%s: \"labels\": expected those that the model was trained with, %s, "
          "in this order; got %s." % (declaration.path, ", ".join(recorded),
                                      ", ".join(labels)))
    if len(labels) < 2:
      raise utils.UserError("%s: expected at least two labels, found %s." % (
          task_metadata.path_of(config.model_folder()), ", ".join(labels)))
    super().__init__(config, declaration.name, tokenizer, labels)
    self._columns = _Columns(config, declaration)
    _declare(self, declaration, self._columns,
             classification_metrics.CLASSIFICATION_METRICS, [self.label_list])
    if "f1" in self.metrics and len(self.label_list) != 2:
      raise utils.UserError(
          "%s: \"metric\": \"f1\" is for two labels, found %d (%s); use "
          "\"macro_f1\"." % (declaration.path, len(self.label_list),
                             ", ".join(self.label_list)))

  def read_examples(self, path, split):
    return self.examples_from_rows(*self._columns.read(path, split))

  def learned_from_data(self):
    return dict(super().learned_from_data(), **self._columns.learned)


class DeclaredRegression(classification_tasks.RegressionTask):
  """A regression as declared; "learn" reads the range of the train file."""

  def __init__(self, config, tokenizer, declaration):
    """Makes the task; as DeclaredClassification."""
    bounds = declaration.values.get("range", task_declaration.LEARN)
    self._is_range_learned = bounds == task_declaration.LEARN
    recorded = task_metadata.recorded(config, declaration.name, "range")
    if self._is_range_learned:
      bounds = recorded or _learned_range(config, declaration)
    bounds = list(map(float, bounds))
    if recorded and bounds != recorded:
      raise utils.UserError(
          "%s: \"range\": expected that which the model was trained with, %s, "
          "got %s." % (declaration.path, recorded, bounds))
    super().__init__(config, declaration.name, tokenizer, *bounds)
    self._columns = _Columns(config, declaration)
    _declare(self, declaration, self._columns,
             classification_metrics.REGRESSION_METRICS,
             [self.min_value, self.max_value])

  def read_examples(self, path, split):
    return self.examples_from_rows(*self._columns.read(path, split))

  def learned_from_data(self):
    return dict(super().learned_from_data(), **self._columns.learned)

  def parse_label(self, text, place):
    if self._is_range_learned:  # values of the dev set may lie outside of it
      return _number(text, place)
    return super().parse_label(text, place)


class _Columns:
  """Where the parts of an example stand in the files of a declared task.

  Attributes:
    layouts: {split: classification_tasks.Layout}.
    learned: what is to be kept with the model, {} or {"num_columns": int}, of
      the training file: positions are those of a file with as many columns.
  """

  def __init__(self, config, declaration):
    self._declaration = declaration
    num_columns = _num_columns(config, declaration)
    self.learned = {"num_columns": num_columns} if num_columns else {}
    labeled = _layout(declaration)._replace(num_columns=num_columns)
    unlabeled = labeled._replace(label=None)
    if num_columns and isinstance(labeled.label, int):
      unlabeled = classification_tasks.without_label_column(labeled)
    self.layouts = {"train": labeled, "dev": labeled, "test": unlabeled}

  def read(self, path, split):
    """Returns (Rows with all values as text, their Layout) of a file."""
    layout = self.layouts[split]
    if split == "test" and self.learned:
      layout = classification_tasks.layout_without_label(
          self.layouts, path, self._declaration.format)
    return _read(self._declaration, path, layout), layout


def _declare(task, declaration, columns, known_metrics, learned):
  """Sets what a declaration says of any task.

  Args:
    task: the SentenceTask.
    declaration: its Declaration.
    columns: its _Columns.
    known_metrics: {name: function}.
    learned: list of what was learned from the training file.
  """
  metrics = declaration.values.get("metric", list(task.metrics))
  task.metrics = [metrics] if isinstance(metrics, str) else metrics
  task_declaration.check_names(declaration, "metric", task.metrics, known_metrics)
  task.file_names = declaration.files
  task.is_unordered = declaration.values.get("unordered", False)
  task.layouts = columns.layouts
  task.predict_format = declaration.format
  task.declaration = task_declaration.as_json(declaration)
  # Stored features are made anew when the declaration changes.
  task.version = [task.version, task.declaration, learned] + list(
      columns.learned.values())


def _layout(declaration):
  """Returns the Layout of a file with labels, of whatever width."""
  values = declaration.values
  return classification_tasks.Layout(
      values["text_a"], values.get("text_b"), values["label"],
      values.get("id"), values.get("header", True))


def _num_columns(config, declaration):
  """Returns the number of columns of the labeled files, None if all are named.

  It is what is kept with the model, else that of the training file or, where
  there is none, the dev file; None where nothing says it.
  """
  layout = _layout(declaration)
  if declaration.format not in task_declaration.ROW_FORMATS or not any(
      isinstance(column, int)
      for column in classification_tasks.wanted_columns(layout)):
    return None
  recorded = task_metadata.recorded(config, declaration.name, "num_columns")
  if recorded:
    return recorded
  for split in ("train", "dev"):
    path = task_declaration.file_path(config, declaration, split)
    if utils.exists(path):
      return len(tables.first_cells(path, declaration.format)) or None
  return None


def _read(declaration, path, layout):
  """Returns the Rows of a file, all values as text."""
  return tables.read_table(
      path, declaration.format, classification_tasks.wanted_columns(layout),
      has_header=layout.has_header, num_columns=layout.num_columns,
      text_columns=(layout.text_a, layout.text_b))


def _learned_labels(config, declaration):
  """Returns the sorted labels of the training file.

  Raises:
    utils.UserError: one is blank, or like another but for white space.
  """
  places = {}  # by label, where it stands first
  stripped = {}  # the label by what it is without white space around it
  for place, label in _train_labels(config, declaration):
    if not label.strip():
      raise utils.UserError("%s: expected a label, found an empty text." %
                            place)
    places.setdefault(label, place)
    known = stripped.setdefault(label.strip(), label)
    if label != known:
      raise utils.UserError(
          "%s: expected the label '%s', as at %s, found '%s', which differs in "
          "white space alone; correct the file, or list both in \"labels\"." % (
              place, known, places[known], label))
  labels = places.keys()
  if len(labels) < 2:
    raise utils.UserError(
        "%s: expected at least two labels in the training file, found %s." % (
            declaration.path, ", ".join(labels) or "no example"))
  utils.log("Task %s: %d labels in the training file: %s" % (
      declaration.name, len(labels), tables.quoted(sorted(labels), ", ")))
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
  path = task_declaration.file_path(config, declaration, "train")
  if not utils.exists(path):
    raise utils.UserError(
        "%s: expected the training file %s to learn from, found none; put it "
        "there, or give \"%s\" in place of \"learn\"." % (
            declaration.path, path, "labels" if
            declaration.kind == "classification" else "range"))
  layout = _layout(declaration)
  position = classification_tasks.wanted_columns(layout).index(layout.label)
  for row in _read(declaration, path, layout):
    yield row.place, row.values[position]


def _number(text, place):
  value = classification_tasks.parse_number(text)
  if value is None:
    raise utils.UserError("%s: expected a number, got '%s'." % (place, text))
  return value
