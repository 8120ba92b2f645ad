"""Layouts of tables of texts and labels: which column holds what."""

import collections

from finetune.readers import tables
from util import utils

# The columns of an example's fields: names in the header line or keys of JSON
# objects, or positions from 0; None for a field that the file does not have.
# `dialect` is a tables.Dialect.
Layout = collections.namedtuple(
    "Layout", ["text_a", "text_b", "label", "example_id", "has_header",
               "num_columns", "dialect"])
Layout.__new__.__defaults__ = (None, None, None, True, None, tables.UTF8_COMMA)

_FIELDS = ("text_a", "text_b", "label", "example_id")


def fields_of(layout):
  """Returns the names of the fields that a file with `layout` has."""
  return [field for field in _FIELDS if getattr(layout, field) is not None]


def columns_of(layout):
  """Returns the columns of `fields_of(layout)`, in the same order."""
  return [getattr(layout, field) for field in fields_of(layout)]


def read(path, file_format, layout):
  """Returns the tables.Rows of a file, with the columns of `layout` as text.

  Raises:
    utils.UserError: as in `tables.read_table`.
  """
  return tables.read_table(
      path, file_format, columns_of(layout), has_header=layout.has_header,
      num_columns=layout.num_columns,
      text_columns=(layout.text_a, layout.text_b), dialect=layout.dialect)


def drop_label_column(layout):
  """Returns the Layout of a file that lacks the label column.

  Args:
    layout: a Layout of a file with labels, with a position as `label` and a
      known `num_columns`. Positions after the label decrease by one.
  """

  def shift(column):
    is_after = isinstance(column, int) and column > layout.label
    return column - 1 if is_after else column

  return layout._replace(
      text_a=shift(layout.text_a), text_b=shift(layout.text_b), label=None,
      example_id=shift(layout.example_id), num_columns=layout.num_columns - 1)


def match_without_label(layouts, path, file_format):
  """Returns the Layout of a file whose labels are not read.

  Args:
    layouts: {split: Layout}, at least one.
    path: path of the file.
    file_format: "tsv", "csv", "json" or "jsonl".

  Returns:
    The first Layout that matches the first line, or the keys of the first
    object; those without a label are tried first. If none matches, the first
    one, which reading will report.

  Raises:
    utils.UserError: no Layout has the file's number of columns, or the file
      cannot be read.
  """
  is_json = file_format in tables.OBJECT_FORMATS
  cells = tables.first_cells(path, file_format,
                             next(iter(layouts.values())).dialect)

  def has_column(column):
    if isinstance(column, int):
      return not is_json and column < len(cells)
    return column in cells

  def is_match(layout):
    return all(has_column(column) for column in (layout.text_a, layout.text_b)
               if column is not None)

  # Of two layouts that differ only in the label, prefer the one without it.
  candidates = sorted(layouts.values(),
                      key=lambda layout: layout.label is not None)
  if cells and not is_json:
    candidates = _filter_by_width(candidates, cells, path)
  layout = next(filter(is_match, candidates), candidates[0])
  has_id = layout.example_id is not None and has_column(layout.example_id)
  return layout._replace(
      label=None, example_id=layout.example_id if has_id else None)


def match_with_label(layouts, split, path, file_format):
  """Returns the Layout of a test file if it has the label column, or None.

  Args:
    layouts: {split: Layout}.
    split: str, of the test file.
    path: path of the file.
    file_format: "tsv", "csv", "json" or "jsonl".

  Raises:
    utils.UserError: the file cannot be read.
  """
  cells = tables.first_cells(path, file_format)
  for layout in (layouts[split], layouts.get("dev"), layouts.get("train")):
    if layout is None or layout.label is None:
      continue
    columns = columns_of(layout._replace(example_id=None))
    is_match = all(
        layout.num_columns == len(cells) > column if isinstance(column, int)
        else column in cells for column in columns)
    if is_match:
      example_id = layouts[split].example_id
      has_id = isinstance(example_id, str) and example_id in cells
      return layout._replace(
          example_id=example_id if has_id else layout.example_id)
  return None


def _filter_by_width(layouts, cells, path):
  """Returns the Layouts that allow as many columns as `cells`.

  Raises:
    utils.UserError: there are none.
  """
  matches = [layout for layout in layouts
             if layout.num_columns in (None, len(cells))]
  if not matches:
    numbers = sorted({layout.num_columns for layout in layouts})
    raise utils.UserError(
        "%s:1: expected %s columns, as in the training data%s, got %d: %s%s" % (
            path, " or ".join(map(str, numbers)),
            " without or with the label" if len(numbers) > 1 else "",
            len(cells), tables.shorten(cells),
            "" if layouts[0].text_b is not None else
            ". For one text per line, name the file .txt." +
            tables.delimiter_hint(cells)))
  return matches
