"""Reads tables of text strictly: .tsv, .csv, .json and .jsonl.

A row that is not as expected ends the reading with a message that names the
file and the line; no row is left out, and none is guessed at.
"""

import collections
import csv
import itertools

from util import utils

ROW_FORMATS = ("tsv", "csv")
OBJECT_FORMATS = ("json", "jsonl")
FORMATS = ROW_FORMATS + OBJECT_FORMATS

_MAX_SHOWN_CHARACTERS = 80  # of a line, in messages
# In a field; csv's own limit, of 131,072, is meant for files from strangers.
_MAX_FIELD_CHARACTERS = 2 ** 31 - 1

# A row of a table.
#   place: str, "file:line" where it stands, for messages.
#   values: list, the values of the wanted columns, in the order asked for.
Row = collections.namedtuple("Row", ["place", "values"])


def read_tsv(path, columns, *, has_header, num_columns=None, broken_lines=None):
  """Returns the Rows of a file with a tab between columns.

  Quotation marks are characters like any other, as in GLUE's files, and a
  field may be of any length. Empty lines may stand at the end only.

  Args:
    path: of a UTF-8 file, with or without a byte order mark.
    columns: list of the wanted columns: names in the header line, or positions
      from 0.
    has_header: bool, whether the first line names the columns.
    num_columns: int, the columns that the file must have; None: as many as its
      first line has.
    broken_lines: list that the numbers of lines with too few columns are added
      to, for a caller that leaves them out; None: such a line is an error.

  Raises:
    utils.UserError: the file is missing, is not UTF-8, lacks a wanted column,
      or a row has another number of columns than the rest.
  """
  cells = ((number, line.split("\t")) for number, line in _lines(path))
  return _rows(path, cells, columns, has_header, num_columns, broken_lines)


def read_csv(path, columns, *, has_header, num_columns=None):
  """Returns the Rows of a file with commas between columns.

  A field with a comma, line break or quotation mark in it stands in quotation
  marks, which are doubled inside. Otherwise as `read_tsv`; the line of a row is
  its first.

  Raises:
    utils.UserError: as `read_tsv`; also where quotation marks do not match.
  """
  return _rows(path, _csv_cells(path), columns, has_header, num_columns, None)


def read_json(path, keys):
  """Returns the Rows of a file with one JSON list of objects.

  Args:
    path: of a UTF-8 file: [{key: value, ...}, ...].
    keys: list of the wanted keys; their values are returned as they are.

  Raises:
    utils.UserError: the file is missing, not such JSON, or a key is missing.
  """
  records = utils.load_json(path)
  if not isinstance(records, list):
    raise utils.UserError(
        "%s: expected a list of objects, one for each example, got %s." % (
            path, _kind_of(records)))
  return [_json_row("%s: object %d" % (path, number), record, keys)
          for number, record in enumerate(records, 1)]


def read_jsonl(path, keys):
  """Returns the Rows of a file with one JSON object a line; as `read_json`.

  Blank lines are passed over.
  """
  return [_json_row(place, record, keys)
          for place, record in _records_of_lines(path)]


def read_table(path, file_format, columns, *, has_header=True,
               num_columns=None, text_columns=()):
  """Returns the Rows of a file in any of the formats, all values as text.

  Args:
    path: of the file.
    file_format: "tsv", "csv", "json" or "jsonl".
    columns: list of the wanted columns or keys.
    has_header: bool, of .tsv and .csv, as in `read_tsv`.
    num_columns: int or None, of .tsv and .csv, as in `read_tsv`.
    text_columns: the keys that must hold texts; others may hold numbers too.

  Raises:
    utils.UserError: as in `read_tsv`; or a value is neither text nor number.
  """
  if file_format in ("tsv", "csv"):
    read = read_tsv if file_format == "tsv" else read_csv
    return read(path, columns, has_header=has_header, num_columns=num_columns)
  read = read_json if file_format == "json" else read_jsonl
  return [Row(row.place, [
      _json_text(value, row.place, key, key in text_columns)
      for key, value in zip(columns, row.values)])
          for row in read(path, columns)]


def read_lines(path):
  """Returns the Rows of a file with one text a line.

  Raises:
    utils.UserError: the file is missing, empty or not UTF-8, or an empty line
      stands before its end.
  """
  rows = [Row("%s:%d" % (path, number), [line])
          for number, line in _lines(path)]
  if not rows:
    raise utils.UserError("%s: expected a text a line, found an empty file." %
                          path)
  return rows


def read_cells(path, file_format):
  """Yields (line number, list of cells) of a .tsv or .csv file.

  An empty line, or one of blank cells alone, has no cells. Otherwise as
  `read_tsv` and `read_csv`; rows may have different numbers of cells.

  Raises:
    utils.UserError: as there.
  """
  rows = _csv_cells(path, may_be_empty=True) if file_format == "csv" else (
      (number, line.split("\t"))
      for number, line in _lines(path, may_be_empty=True))
  for number, cells in rows:
    yield number, cells if any(map(str.strip, cells)) else []


def first_cells(path, file_format):
  """Returns the cells of the first line, or the keys of the first object.

  Raises:
    utils.UserError: as in `read_tsv` and `read_json`.
  """
  if file_format in ("tsv", "csv"):
    cells = _csv_cells(path) if file_format == "csv" else (
        (number, line.split("\t")) for number, line in _lines(path))
    return next(cells, (1, []))[1]
  if file_format == "jsonl":
    place, records = "%s:1" % path, [
        record for _, record in itertools.islice(_records_of_lines(path), 1)]
  else:
    place, records = path, utils.load_json(path)
  if not isinstance(records, list) or not records or (
      not isinstance(records[0], dict)):
    raise utils.UserError("%s: expected an object for each example, found "
                          "none." % place)
  return list(records[0])


def quoted(names, separator):
  """Returns names in quotation marks, so that white space in them shows."""
  return separator.join("'%s'" % name for name in names)


def shorten(cells):
  """Returns the cells of a row as they are shown in messages."""
  text = " | ".join(cells)
  if len(text) <= _MAX_SHOWN_CHARACTERS:
    return text
  return text[:_MAX_SHOWN_CHARACTERS] + "..."


def position_of(place, column, header):
  """Returns the position of the column of that name in a header line.

  Args:
    place: str, "file:line" of the header line.
    column: str.
    header: list of str.

  Raises:
    utils.UserError: it is not there, or more than once.
  """
  if header.count(column) != 1:
    raise utils.UserError(
        "%s: expected a header line with one column '%s', found: %s%s." % (
            place, column, shorten([quoted(header, " | ")]),
            _white_space_hint(column, header)))
  return header.index(column)


def as_text(value):
  """Returns a value of JSON as the text that a .tsv file would have."""
  if isinstance(value, bool):
    return "true" if value else "false"
  return str(value)


def _json_text(value, place, key, must_be_text):
  """Returns `as_text` of a value that may stand where it does."""
  if must_be_text and not isinstance(value, str) or (
      isinstance(value, (list, dict)) or value is None):
    raise utils.UserError("%s: \"%s\": expected a text%s, got %s." % (
        place, key, "" if must_be_text else " or a number", value))
  return as_text(value)


def _lines(path, may_be_empty=False):
  """Yields (number, text) of the lines, without their ends.

  Args:
    path: of the file.
    may_be_empty: bool, whether to yield empty lines too.

  Raises:
    utils.UserError: a line is not UTF-8, or is empty but not at the end.
  """
  empty_line = None
  with utils.open_file(path, "rb") as f:
    for number, line in enumerate(f, 1):
      try:
        text = line.decode("utf-8-sig" if number == 1 else "utf-8")
      except UnicodeDecodeError as error:
        raise utils.UserError("%s:%d: expected UTF-8, byte %d of the line is "
                              "not." % (path, number, error.start + 1))
      text = text.rstrip("\r\n")
      if not text and not may_be_empty:
        empty_line = empty_line or number
        continue
      if empty_line:
        raise utils.UserError(
            "%s:%d: expected a row, found an empty line; remove it." % (
                path, empty_line))
      yield number, text


def _records_of_lines(path):
  """Yields (place, parsed JSON) of the lines that are not blank."""
  for number, line in _lines(path, may_be_empty=True):
    if line.strip():
      place = "%s:%d" % (path, number)
      yield place, utils.parse_json(line, place, is_line=True)


def _csv_cells(path, may_be_empty=False):
  """Yields (first line, list of cells) of each row; as `_lines`."""
  # csv must see the line breaks inside quotation marks, which _lines drops.
  with utils.open_file(path, "rb") as f:
    content = f.read()
  try:
    text = content.decode("utf-8-sig")
  except UnicodeDecodeError as error:
    raise utils.UserError("%s:%d: expected UTF-8, found a byte that is not." % (
        path, content[:error.start].count(b"\n") + 1))
  # Split at line feeds alone: str.splitlines breaks at U+2028 and others too.
  lines = [line + "\n" for line in text.rstrip("\r\n").split("\n")]
  reader = csv.reader(lines, strict=True)
  first_line = 1
  while True:
    try:
      cells = _next_row(reader)
    except StopIteration:
      return
    except csv.Error as error:
      is_open = reader.line_num == len(lines)
      raise utils.UserError(
          "%s:%d: expected a row of comma-separated values: %s%s." % (
              path, first_line, error, "; maybe a quotation mark in it is not "
              "closed or not doubled" * is_open))
    if not cells and text and not may_be_empty:
      raise utils.UserError("%s:%d: expected a row, found an empty line; "
                            "remove it." % (path, first_line))
    if cells or may_be_empty:
      yield first_line, cells
    first_line = reader.line_num + 1


def _rows(path, numbered_cells, columns, has_header, num_columns, broken_lines):
  """Returns the Rows of (line number, list of cells) pairs."""
  numbered_cells = iter(numbered_cells)
  first = next(numbered_cells, None)
  if first is None:
    raise utils.UserError("%s: expected a table, found an empty file." % path)
  number, cells = first
  if num_columns is None:
    num_columns = len(cells)
  check_number(path, number, cells, num_columns)
  positions = _positions("%s:%d" % (path, number), columns,
                         cells if has_header else None, num_columns)
  if not has_header:
    numbered_cells = itertools.chain([first], numbered_cells)
  rows = []
  for number, cells in numbered_cells:
    if len(cells) < num_columns and broken_lines is not None:
      broken_lines.append(number)
      continue
    check_number(path, number, cells, num_columns)
    rows.append(Row("%s:%d" % (path, number),
                    [cells[position] for position in positions]))
  return rows


def _next_row(reader):
  """Returns the next row of a csv.reader, with fields of any length."""
  limit = csv.field_size_limit(_MAX_FIELD_CHARACTERS)  # one for all readers
  try:
    return next(reader)
  finally:
    csv.field_size_limit(limit)


def check_number(path, number, cells, num_columns):
  """Raises a UserError if line `number` has not `num_columns` cells."""
  if len(cells) != num_columns:
    raise utils.UserError("%s:%d: expected %d columns, got %d: %s" % (
        path, number, num_columns, len(cells), shorten(cells)))


def _positions(place, columns, header, num_columns):
  """Returns the positions of the wanted columns."""
  positions = []
  for column in columns:
    if isinstance(column, int):
      if not 0 <= column < num_columns:
        raise utils.UserError(
            "%s: expected a column at position %d (from 0), found %d "
            "columns." % (place, column, num_columns))
      positions.append(column)
      continue
    if header is None:
      raise utils.UserError(
          "%s: expected the position of column '%s', as the file has no header "
          "line that names it." % (place, column))
    positions.append(position_of(place, column, header))
  return positions


def _json_row(place, record, keys):
  if not isinstance(record, dict):
    raise utils.UserError("%s: expected an object, got %s." % (
        place, _kind_of(record)))
  missing = [key for key in keys if key not in record]
  if missing:
    raise utils.UserError("%s: expected the key '%s', found: %s%s." % (
        place, missing[0], quoted(record, ", ") or "none",
        _white_space_hint(missing[0], record)))
  return Row(place, [record[key] for key in keys])


def _white_space_hint(name, found):
  """Returns what to add to a message where a name has white space around it."""
  near = [other for other in found if other != name and other.strip() == name]
  return "; '%s' has white space around it, remove it" % near[0] if near else ""


def _kind_of(value):
  return {dict: "an object", list: "a list", str: "text", bool: "true or false",
          type(None): "null"}.get(type(value), "a number")
