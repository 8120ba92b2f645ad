"""Metrics, labels, ranges and columns of tasks declared in a task.json.

A declaration may leave labels, the range of values and the number of columns to
be learned from the training file. A fine-tuned model keeps what was learned
(finetune/task_metadata.py).
"""

import itertools
import json

from finetune import task_declaration
from finetune import task_metadata
from finetune.readers import table_layouts
from finetune.readers import tables
from util import invisible
from util import utils

_ARABIC_DECIMAL_SEPARATOR = "\u066b"


def get_metrics(declaration, default, known):
  """Returns the list of the metrics of a Declaration.

  Args:
    declaration: a task_declaration.Declaration.
    default: list of str, the metrics if it names none.
    known: container of the names of metrics that it may name.

  Raises:
    utils.UserError: a name is unknown.
  """
  metrics = declaration.values.get("metric", default)
  metrics = [metrics] if isinstance(metrics, str) else metrics
  task_declaration.check_names(declaration, "metric", metrics, known)
  return metrics


def with_header(config, declaration):
  """Returns the Declaration with "header", which the data determine if missing.

  Columns identified by name are in a header line. If all are identified by
  position, the first line of the training file is a header line unless its
  label is a number or that of another row.
  """
  layout = _layout(declaration)
  if declaration.format not in tables.ROW_FORMATS or any(
      isinstance(column, str) for column in table_layouts.columns_of(layout)):
    return declaration
  paths = [task_declaration.file_path(config, declaration, split)
           for split in ("train", "dev")]
  path = next(filter(utils.exists, paths), None)
  declared = declaration.values.get("header")
  recorded = (task_metadata.recorded(
      config, declaration.name, "declaration") or {}).get("header")
  has_header = recorded if declared is None else declared
  if path and has_header in (None, False):
    looks_like_header = _has_header(path, declaration, layout)
    if has_header is None and not looks_like_header:
      utils.log("Task %s: the first line of %s has a label and is read as "
                "data; \"header\": true in %s skips it" % (
                    declaration.name, path, declaration.path))
    elif has_header is False and looks_like_header:
      utils.log("Warning: task %s: the first line of %s is read as data, but "
                "no other line has its label. If it names the columns, set "
                "\"header\": true in %s" % (
                    declaration.name, path, declaration.path))
    has_header = looks_like_header if has_header is None else False
  return declaration._replace(
      values=dict(declaration.values, header=has_header is not False))


def get_labels(config, declaration):
  """Returns the list of labels of a declared classification.

  Raises:
    utils.UserError: they differ from the labels of the model, or cannot be
      learned.
  """
  labels = declaration.values.get("labels", task_declaration.LEARN)
  recorded = task_metadata.recorded(config, declaration.name, "labels")
  if labels == task_declaration.LEARN:
    labels = recorded or _learn_labels(config, declaration)
  labels = [tables.as_text(label) for label in labels]
  _check_visible_difference(labels, declaration.path)
  if recorded and labels != recorded:
    raise utils.UserError(
        "%s: \"labels\": expected those that the model was trained with, %s, "
        "in this order; got %s." % (declaration.path, ", ".join(recorded),
                                    ", ".join(labels)))
  if len(labels) < 2:
    raise utils.UserError("%s: expected at least two labels, got %s." % (
        task_metadata.path_of(config.model_folder()), ", ".join(labels)))
  return labels


def get_range(config, declaration):
  """Returns [lowest, highest] value of a declared regression.

  Raises:
    utils.UserError: it differs from the range of the model, or cannot be
      learned.
  """
  recorded = task_metadata.recorded(config, declaration.name, "range")
  if is_range_learned(declaration):
    bounds = recorded or _learn_range(config, declaration)
  else:
    bounds = declaration.values["range"]
  bounds = list(map(float, bounds))
  if recorded and bounds != recorded:
    raise utils.UserError(
        "%s: \"range\": expected the range that the model was trained with, "
        "%s, got %s." % (declaration.path, recorded, bounds))
  return bounds


def is_range_learned(declaration):
  """Returns whether a declared regression learns its range."""
  return declaration.values.get(
      "range", task_declaration.LEARN) == task_declaration.LEARN


def is_multi_label(config, declaration):
  """Returns whether the texts of a declared classification have label lists.

  That is recorded with the model, declared by "label_separator" or found in the
  training file or, if it is missing, the dev file.
  """
  if task_metadata.recorded(config, declaration.name, "labels"):
    return bool(task_metadata.recorded(config, declaration.name, "multi_label"))
  if "label_separator" in declaration.values:
    return True
  path = next(filter(utils.exists, [
      task_declaration.file_path(config, declaration, split)
      for split in ("train", "dev")]), None)
  return bool(path and declaration.format in tables.OBJECT_FORMATS and any(
      isinstance(row.values[0], list) for row in _read_objects(
          path, declaration.format, declaration.values["label"])))


def read_label_lists(path, declaration, layout):
  """Returns the tables.Rows of a file, with a list of str as label.

  Raises:
    utils.UserError: as `table_layouts.read`, or a value is not a list of
      labels; the message names the line.
  """
  position = table_layouts.fields_of(layout).index("label")
  if declaration.format in tables.ROW_FORMATS:
    rows = table_layouts.read(path, declaration.format, layout)
    labels = [row.values.pop(position) for row in rows]
  else:
    rows = table_layouts.read(path, declaration.format,
                              layout._replace(label=None))
    labels = [row.values[0] for row in _read_objects(
        path, declaration.format, layout.label)]
  separator = declaration.values.get("label_separator")
  for row, value in zip(rows, labels):
    row.values.insert(position, _label_list(value, separator, row.place))
  return rows


def get_layouts(config, declaration):
  """Returns {split: table_layouts.Layout} of a declared task."""
  num_columns = _num_columns(config, declaration)
  labeled = _layout(declaration)._replace(num_columns=num_columns)
  unlabeled = labeled._replace(label=None)
  if num_columns and isinstance(labeled.label, int):
    unlabeled = table_layouts.drop_label_column(labeled)
  return {"train": labeled, "dev": labeled, "test": unlabeled}


def parse_number(text):
  """Returns the number in `text`, None if it is not in the float32 range.

  Digits and the decimal separator may be Arabic.
  """
  if "_" in text:  # Python reads 1_0 as 10
    return None
  try:
    value = float(text.replace(_ARABIC_DECIMAL_SEPARATOR, "."))
  except ValueError:
    return None
  return value if abs(value) < 2.0 ** 128 else None  # also rejects NaN


def check_number(text, place):
  """Returns the number in `text`; raises a UserError as in `parse_number`."""
  value = parse_number(text)
  if value is None:
    raise utils.UserError("%s: expected a number, got '%s'.%s" % (
        place, text, " Write it with a decimal point." * (
            parse_number(text.replace(",", ".")) is not None)))
  return value


def _read_objects(path, file_format, key):
  """Returns the tables.Rows of a .json or .jsonl file, with values of a key."""
  read = tables.read_json if file_format == "json" else tables.read_jsonl
  return read(path, [key])


def _label_list(value, separator, place):
  """Returns the labels of a text as a list of str.

  Args:
    value: the value in the file, a text or parsed JSON.
    separator: str between labels, or None.
    place: str, "file:line", for the message.

  Raises:
    utils.UserError: it is not a list of labels.
  """
  if isinstance(value, str) and separator:
    value = [part.strip() for part in value.split(separator)] if (
        value.strip()) else []
  if not isinstance(value, list) or not all(
      type(label) in (str, int) and str(label).strip() for label in value):
    raise utils.UserError("%s: expected a list of labels, got %s." % (
        place, json.dumps(value, ensure_ascii=False)))
  return [tables.as_text(label) for label in value]


def _layout(declaration):
  """Returns the Layout of a labeled file, without its number of columns."""
  values = declaration.values
  return table_layouts.Layout(
      values["text_a"], values.get("text_b"), values["label"],
      values.get("id"), values.get("header", True),
      dialect=task_declaration.dialect(declaration))


def _num_columns(config, declaration):
  """Returns the number of columns of labeled files, None if all are named.

  Recorded with the model, else that of the training file or, if it is missing,
  the dev file; None if all are missing.
  """
  if declaration.format not in tables.ROW_FORMATS or not any(
      isinstance(column, int)
      for column in table_layouts.columns_of(_layout(declaration))):
    return None
  recorded = task_metadata.recorded(config, declaration.name, "num_columns")
  if recorded:
    return recorded
  for split in ("train", "dev"):
    path = task_declaration.file_path(config, declaration, split)
    if utils.exists(path):
      return len(tables.first_cells(
          path, declaration.format,
          task_declaration.dialect(declaration))) or None
  return None


def _has_header(path, declaration, layout):
  """Returns whether the first line of a file with labels names the columns."""
  position = table_layouts.fields_of(layout).index("label")
  separator = declaration.values.get("label_separator")
  first, *others = [
      row.values[position].split(separator) if separator else
      [row.values[position]] for row in table_layouts.read(
          path, declaration.format, layout._replace(has_header=False))]
  labels = declaration.values.get("labels", task_declaration.LEARN)
  if labels == task_declaration.LEARN:
    labels = set(itertools.chain.from_iterable(others))
  return not any(parse_number(label) is not None for label in first) and (
      set(map(tables.as_text, labels)).isdisjoint(first))


def _learn_labels(config, declaration):
  """Returns the sorted labels of the training file.

  Raises:
    utils.UserError: a label is blank, or two look the same.
  """
  first_lines = {}  # "file:line" by label
  visible = {}  # the first label that looks like it
  for place, label in _train_labels(config, declaration):
    if invisible.is_blank(label):
      raise utils.UserError("%s: expected a label, got an empty text." % place)
    first_lines.setdefault(label, place)
    known = visible.setdefault(invisible.visible_form(label), label)
    if label != known:
      differs = ("white space" if label.split() == known.split() else
                 "invisible characters (%s, not %s)" % invisible.contrast(
                     label, known))
      raise utils.UserError(
          "%s: expected the label '%s', as at %s, got '%s', which differs only "
          "in %s. Correct the file%s." % (
              place, known, first_lines[known], label, differs,
              ", or list both in \"labels\"" * (differs == "white space")))
  labels = sorted(first_lines)
  if len(labels) < 2:
    raise utils.UserError(
        "%s: expected at least two labels in the training file, got %s." % (
            declaration.path, ", ".join(labels) or "no example"))
  utils.log("Task %s: %d labels in the training file: %s" % (
      declaration.name, len(labels), tables.quoted(labels, ", ")))
  return labels


def _check_visible_difference(labels, path):
  """Raises a UserError for two labels that differ in invisible characters."""
  for i, label in enumerate(labels):
    other = invisible.same_looking(label, labels[:i])
    if other is not None and label.split() != other.split():
      raise utils.UserError(
          "%s: \"labels\": expected labels that look different, got %s and "
          "%s." % ((path,) + invisible.contrast(label, other)))


def _learn_range(config, declaration):
  """Returns (lowest, highest) value of the training file."""
  values = [check_number(text, place)
            for place, text in _train_labels(config, declaration)]
  if len(set(values)) < 2:
    raise utils.UserError(
        "%s: expected at least two different values in the training file, "
        "got %s." % (declaration.path, values[:1] or "no example"))
  utils.log("Task %s: values in the training file range from %g to %g" % (
      declaration.name, min(values), max(values)))
  return min(values), max(values)


def _train_labels(config, declaration):
  """Returns [(place, label)] of the training file."""
  path = task_declaration.file_path(config, declaration, "train")
  if not utils.exists(path):
    raise utils.UserError(
        "%s: \"learn\" requires the training file %s. Put it there, or give "
        "\"%s\" instead." % (
            declaration.path, path, "labels" if
            declaration.kind == "classification" else "range"))
  return _labels_of(path, config, declaration)


def _labels_of(path, config, declaration):
  """Yields (place, label) of a file, several times for several labels."""
  layout = _layout(declaration)
  position = table_layouts.fields_of(layout).index("label")
  if declaration.kind == "classification" and is_multi_label(
      config, declaration):
    for row in read_label_lists(path, declaration, layout):
      for label in row.values[position]:
        yield row.place, label
    return
  for row in table_layouts.read(path, declaration.format, layout):
    yield row.place, row.values[position]
