"""Reads tables of text strictly: .tsv, .csv, .json and .jsonl.

An invalid row is an error that names the file and the line; no row is skipped
or repaired.
"""

import collections
import csv
import itertools

from finetune.readers import lines
from util import invisible
from util import utils

ROW_FORMATS = ("tsv", "csv")
OBJECT_FORMATS = ("json", "jsonl")
FORMATS = ROW_FORMATS + OBJECT_FORMATS

# In a field; csv's default limit of 131,072 is for untrusted files.
_MAX_FIELD_CHARACTERS = 2 ** 31 - 1

# How a file is written.
#   delimiter: str, between the columns of .csv; None: a comma.
#   encoding: str, of a file that is not UTF-8; None: see `lines.read_text`.
Dialect = collections.namedtuple("Dialect", ["delimiter", "encoding"])
Dialect.__new__.__defaults__ = (None, None)
UTF8_COMMA = Dialect()
# Between columns of tables, other than of .tsv and .csv, for messages too.
_DELIMITERS = (";", "\t", ",", "|")
_EXCEL_DELIMITER = "sep="  # in a first line, which is not data

# A row of a table.
#   place: str, "file:line", for messages.
#   values: list, the values of the requested columns, in their order.
Row = collections.namedtuple("Row", ["place", "values"])


def read_tsv(path, columns, *, has_header, num_columns=None, broken_lines=None,
             dialect=UTF8_COMMA):
  """Returns the Rows of a file with a tab between columns.

  Quotation marks are ordinary characters, as in GLUE's files, and fields may
  have any length. Empty lines are allowed only at the end.

  Args:
    path: path of a UTF-8 file, with or without a byte order mark.
    columns: list of the requested columns: names in the header line, or
      positions from 0.
    has_header: bool, whether the first line names the columns.
    num_columns: int, the required number of columns; None: that of the first
      line.
    broken_lines: list that receives the numbers of lines with too few columns,
      which are skipped; None: such a line is an error.
    dialect: a Dialect.

  Raises:
    utils.UserError: the file is missing, is not UTF-8, lacks a requested
      column, or a row has another number of columns.
  """
  cells = ((number, line.split("\t"))
           for number, line in _non_empty_lines(path, dialect))
  return _rows(path, cells, columns, has_header, num_columns, broken_lines)


def read_csv(path, columns, *, has_header, num_columns=None,
             dialect=UTF8_COMMA):
  """Returns the Rows of a file with commas, by default, between columns.

  Fields with commas, line breaks or quotation marks are in quotation marks,
  which are doubled inside. Otherwise as `read_tsv`; the line of a row is its
  first one.

  Raises:
    utils.UserError: as `read_tsv`, or quotation marks do not match.
  """
  cells = _csv_cells(path, dialect)
  return _rows(path, cells, columns, has_header, num_columns, None)


def read_json(path, keys, *, is_lines=False, dialect=UTF8_COMMA):
  """Returns the Rows of a file with JSON objects.

  Args:
    path: path of a file: [{key: value, ...}, ...], or an object on each line.
    keys: list of the requested keys; their values are returned unchanged.
    is_lines, dialect: as in `lines.read_objects`, and a Dialect.

  Raises:
    utils.UserError: the file or a key is missing, or it is not such JSON.
  """
  return [_json_row(place, value, keys)
          for place, value in lines.read_objects(path, dialect.encoding,
                                                 is_lines=is_lines)]


def read_jsonl(path, keys, dialect=UTF8_COMMA):
  """Returns the Rows of a file with one JSON object per line; as `read_json`.

  Blank lines are skipped.
  """
  return read_json(path, keys, is_lines=True, dialect=dialect)


def read_table(path, file_format, columns, *, has_header=True,
               num_columns=None, text_columns=(), dialect=UTF8_COMMA):
  """Returns the Rows of a file in any of the formats, all values as text.

  Args:
    path: path of the file.
    file_format: "tsv", "csv", "json" or "jsonl".
    columns: list of the requested columns or keys.
    has_header: bool, of .tsv and .csv, as in `read_tsv`.
    num_columns: int or None, of .tsv and .csv, as in `read_tsv`.
    text_columns: the keys with texts; others may also hold numbers.
    dialect: a Dialect.

  Raises:
    utils.UserError: as in `read_tsv`; or a value is neither text nor number.
  """
  if file_format in ("tsv", "csv"):
    read = read_tsv if file_format == "tsv" else read_csv
    return read(path, columns, has_header=has_header, num_columns=num_columns,
                dialect=dialect)
  read = read_json if file_format == "json" else read_jsonl
  return [Row(row.place, [
      _json_text(value, row.place, key, key in text_columns)
      for key, value in zip(columns, row.values)])
          for row in read(path, columns, dialect=dialect)]


def read_texts(path, dialect=UTF8_COMMA):
  """Returns the Rows of a file with one text per line.

  Raises:
    utils.UserError: the file is missing, empty or not UTF-8, or has an empty
      line before its end.
  """
  rows = [Row("%s:%d" % (path, number), [line])
          for number, line in _non_empty_lines(path, dialect)]
  if not rows:
    raise utils.UserError("%s: expected one text per line, got an empty "
                          "file." % path)
  return rows


def read_cells(path, file_format, dialect=UTF8_COMMA):
  """Yields (line number, list of cells) of a .tsv or .csv file.

  A line that is empty or has only blank cells (white space and invisible
  characters) yields no cells. Otherwise as
  `read_tsv` and `read_csv`; rows may have different numbers of cells.

  Raises:
    utils.UserError: as there.
  """
  rows = (_csv_cells(path, dialect, may_be_empty=True)
          if file_format == "csv" else
          ((number, line.split("\t"))
           for number, line in lines.read_lines(path, dialect.encoding)))
  for number, cells in rows:
    yield number, [] if all(map(invisible.is_blank, cells)) else cells


def first_cells(path, file_format, dialect=UTF8_COMMA):
  """Returns the cells of the first line, or the keys of the first object.

  Raises:
    utils.UserError: as in `read_tsv` and `read_json`.
  """
  if file_format in ("tsv", "csv"):
    cells = _csv_cells(path, dialect) if file_format == "csv" else (
        (number, line.split("\t"))
        for number, line in _non_empty_lines(path, dialect))
    return next(cells, (1, []))[1]
  place, first = next(iter(lines.read_objects(
      path, dialect.encoding, is_lines=file_format == "jsonl")), (path, None))
  if not isinstance(first, dict):
    raise utils.UserError("%s: expected an object for each example, got none." %
                          place)
  return list(first)


def quoted(names, separator):
  """Returns names in quotation marks, which make white space visible."""
  return separator.join("'%s'" % name for name in names)


def shorten(cells):
  """Returns the cells of a row shortened for messages."""
  return lines.shorten(" | ".join(cells))


def position_of(place, column, header):
  """Returns the position of the column of that name in a header line.

  Args:
    place: str, "file:line" of the header line.
    column: str.
    header: list of str.

  Raises:
    utils.UserError: it is missing or occurs more than once.
  """
  if header.count(column) != 1:
    raise utils.UserError(
        "%s: expected a header line with one column '%s', got: %s%s.%s" % (
            place, column, shorten([quoted(header, " | ")]),
            _white_space_hint(column, header), delimiter_hint(header)))
  return header.index(column)


def delimiter_hint(cells):
  """Returns a hint if a first line has other delimiters or is JSON, or ""."""
  if cells and cells[0].startswith("{"):
    return (" The file has JSON lines: name it .jsonl, or set \"format\": "
            "\"jsonl\" in a task.json.")
  delimiter = next((char for char in _DELIMITERS if char in cells[0]),
                   None) if len(cells) == 1 else None
  if not delimiter:
    return ""
  keys = {"\t": "\"format\": \"tsv\"", ",": "\"format\": \"csv\""}.get(
      delimiter, "\"format\": \"csv\" and \"delimiter\": \"%s\"" % delimiter)
  name = "tabs" if delimiter == "\t" else "'%s'" % delimiter
  return (" The columns are separated by %s: set %s in a task.json, or convert "
          "the file." % (name, keys))


def as_text(value):
  """Returns a JSON value as the text it has in a .tsv file."""
  if isinstance(value, bool):
    return "true" if value else "false"
  return str(value)


def _json_text(value, place, key, must_be_text):
  """Returns `as_text` of a value; raises a UserError if its type is wrong."""
  if must_be_text and not isinstance(value, str) or (
      isinstance(value, (list, dict)) or value is None):
    raise utils.UserError("%s: \"%s\": expected a text%s, got %s." % (
        place, key, "" if must_be_text else " or a number", value))
  return as_text(value)


def _non_empty_lines(path, dialect=UTF8_COMMA):
  """Yields (number, text) of the lines; empty ones may follow the last.

  Lines with invisible characters only are empty.

  Raises:
    utils.UserError: as in `lines.read_lines`, or a line is empty.
  """
  empty_line = None
  for number, text in lines.read_lines(path, dialect.encoding):
    if not invisible.remove(text):
      empty_line = empty_line or number
      continue
    if empty_line:
      raise utils.UserError("%s:%d: expected a row, got an empty line. Remove "
                            "it." % (path, empty_line))
    yield number, text


def _csv_cells(path, dialect, may_be_empty=False):
  """Yields (number of its first line, list of cells) of each row."""
  # csv needs the line breaks inside quotation marks, which read_lines removes.
  text = lines.read_text(path, dialect.encoding).rstrip("\r\n\x1a")  # DOS ends
  delimiter, first_line = dialect.delimiter or ",", 1
  head, _, rest = text.partition("\n")
  head = head.strip("\r\"")
  if head.startswith(_EXCEL_DELIMITER) and len(head) == 1 + len(
      _EXCEL_DELIMITER):
    text, delimiter, first_line = rest, head[-1], 2
  # csv of Python 3.7 refuses NUL, a control character like others.
  substitute = next(char for char in map(chr, range(0xE000, 0xF900))
                  if char not in text) if "\0" in text else None
  if substitute:
    text = text.replace("\0", substitute)
  rows = _parse_csv(path, text, delimiter, first_line)
  for number, cells in rows:
    is_empty = not cells or (
        len(cells) == 1 and cells[0] and not invisible.remove(cells[0]))
    if is_empty and text and not may_be_empty:
      raise utils.UserError("%s:%d: expected a row, got an empty line. Remove "
                            "it." % (path, number))
    if cells or may_be_empty:
      yield number, [cell.replace(substitute, "\0") for cell in cells] if (
          substitute) else cells


def _parse_csv(path, text, delimiter, first_line):
  """Yields (number of its first line, list of cells) of each row of a text."""
  # Split at line feeds alone: str.splitlines breaks at U+2028 and others too.
  text_lines = [line + "\n" for line in text.split("\n")]
  reader = csv.reader(text_lines, strict=True, delimiter=delimiter)
  offset = first_line - 1
  while True:
    try:
      cells = _next_row(reader)
    except StopIteration:
      return
    except csv.Error as error:
      hint = ""
      if text.startswith("{"):
        hint = delimiter_hint([text])
      elif "\r" in text_lines[reader.line_num - 1].rstrip():
        hint = (". The line has carriage returns: convert the line ends "
                "(dos2unix -c mac)")
      elif reader.line_num == len(text_lines):
        hint = (". Check for a quotation mark that is not closed or not "
                "doubled")
      raise utils.UserError(
          "%s:%d: expected a row of %s-separated values: %s%s." % (
              path, first_line, {",": "comma", ";": "semicolon"}.get(
                  delimiter, repr(delimiter)), error, hint))
    yield first_line, cells
    first_line = offset + reader.line_num + 1


def _rows(path, numbered_cells, columns, has_header, num_columns, broken_lines):
  """Returns the Rows of (line number, list of cells) pairs."""
  numbered_cells = iter(numbered_cells)
  first = next(numbered_cells, None)
  if first is None:
    raise utils.UserError("%s: expected a table, got an empty file." % path)
  number, cells = first
  if num_columns is None:
    num_columns = len(cells)
  check_number(path, number, cells, num_columns)
  positions = _positions("%s:%d" % (path, number), columns, cells, has_header,
                         num_columns)
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
  """Raises a UserError unless line `number` has `num_columns` cells."""
  if len(cells) != num_columns:
    raise utils.UserError("%s:%d: expected %d columns, got %d: %s" % (
        path, number, num_columns, len(cells), shorten(cells)))


def _positions(place, columns, cells, has_header, num_columns):
  """Returns the positions of the requested columns; `cells`: first line."""
  positions = []
  for column in columns:
    if isinstance(column, int):
      if not 0 <= column < num_columns:
        raise utils.UserError(
            "%s: expected a column at position %d (from 0), got %d "
            "columns.%s" % (place, column, num_columns,
                            delimiter_hint(cells)))
      positions.append(column)
      continue
    if not has_header:
      raise utils.UserError(
          "%s: expected the position of column '%s', because the file has no "
          "header line." % (place, column))
    positions.append(position_of(place, column, cells))
  return positions


def _json_row(place, value, keys):
  if not isinstance(value, dict):
    raise utils.UserError("%s: expected an object, got %s." % (
        place, lines.type_name(value)))
  missing = [key for key in keys if key not in value]
  if missing:
    raise utils.UserError("%s: expected the key '%s', got: %s%s." % (
        place, missing[0], quoted(value, ", ") or "none",
        _white_space_hint(missing[0], value)))
  return Row(place, [value[key] for key in keys])


def _white_space_hint(name, names):
  """Returns a hint if one of `names` looks like `name`, or ""."""
  near = [other for other in names if other != name and other.strip() == name]
  if near:
    return ". Remove the white space around '%s'" % near[0]
  near = invisible.same_looking(name, names)
  return "" if near is None else ". Rename %s, which looks like %s" % (
      invisible.contrast(near, name))
