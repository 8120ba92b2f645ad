"""Reads tagged words from tables, .tsv and .csv, with one word per row.

    word,tag
    He,O
    lives,O

A sentence ends at an empty line, or where the value of the sentence column
changes; an empty value continues the sentence.
"""

import collections
import itertools

from finetune.readers import conll
from finetune.readers import conllu
from finetune.readers import tables
from util import utils

# Separates words in files of predictions.
_WHITE_SPACE = frozenset(" \t\r\n")

# The columns or keys of a sentence in tables and JSON.
#   words, tags: names of columns in a table's header line, or positions from 0,
#     all of the same type; None: the first and the last column. Keys in JSON;
#     None: "words", and "tags" or "labels".
#   sentence: the column that distinguishes sentences; None: empty lines do.
#   sentence_id: the key of a sentence's id in JSON; None: "id".
#   has_header: bool, whether the first line names the columns.
#   dialect: a tables.Dialect.
#   comment: as in `conll.read_conll`, also of conll files.
Layout = collections.namedtuple(
    "Layout", ["words", "tags", "sentence", "sentence_id", "has_header",
               "dialect", "comment"])
Layout.__new__.__defaults__ = (None, None, None, None, False, tables.UTF8_COMMA,
                               None)

# The content of a file.
#   path: str.
#   num_columns: int; None if columns are identified by names or keys.
#   is_tagged: bool, whether its words have tags.
#   sentences: list of conll.Sentence, none of them empty.
TaggedFile = collections.namedtuple(
    "TaggedFile", ["path", "num_columns", "is_tagged", "sentences"])

# The positions of the columns of a file (None if absent) and their number.
_Columns = collections.namedtuple(
    "_Columns", ["words", "tags", "sentence", "width"])


def read_table(path, file_format, layout, num_columns=None, has_tags=True):
  """Returns the TaggedFile at `path`.

  Args:
    path: path of a UTF-8 file, with or without a byte order mark.
    file_format: "tsv" or "csv".
    layout: a Layout. A file without tags lacks their column or, if columns are
      identified by position, all columns except the words.
    num_columns: int, that of the training data; None if this is the training
      data.
    has_tags: bool, False to ignore tags.

  Raises:
    utils.UserError: the file is missing or not UTF-8, has no words, or a row is
      invalid; the message names the line.
  """
  rows = iter(_without_comments(path, list(tables.read_cells(
      path, file_format, layout.dialect)), layout.comment))
  first = next((row for row in rows if row[1]), None)
  if first is None:
    raise conll.no_words_error(path)
  columns = _find_columns("%s:%d" % (path, first[0]), first[1], layout,
                          num_columns)
  if not layout.has_header:
    rows = itertools.chain([first], rows)
  if not has_tags:
    columns = columns._replace(tags=None)
  sentences = list(_sentences(path, rows, columns))
  if not sentences:
    raise conll.no_words_error(path)
  is_by_name = isinstance(layout.words, str)
  return TaggedFile(path, None if is_by_name else columns.width,
                    columns.tags is not None, sentences)


def _without_comments(path, rows, comment):
  """Returns (number, cells) pairs without comments and lines of no word.

  Comments start with `comment`. By default these are rows that start with "# "
  and have another number of columns than the first row that does not. Of
  CoNLL-U, lines that are not words are skipped, too.
  """
  if conllu.is_conllu("\t".join(cells) for _, cells in rows):
    is_word = lambda cells: not cells or conllu.is_word("\t".join(cells))
  elif comment is not None:
    is_word = lambda cells: not cells or not comment or (
        not cells[0].startswith(comment))
  else:
    width = next((len(cells) for _, cells in rows if cells and
                  not cells[0].startswith(conllu.COMMENT)), None)
    is_word = lambda cells: width in (None, len(cells)) or not cells or (
        not cells[0].startswith(conllu.COMMENT + " "))
  words = [row for row in rows if is_word(row[1])]
  if len(words) < len(rows):
    utils.log("Skipped {:,} lines of {} that are comments or, in CoNLL-U, 1-2 "
              "or 1.1".format(len(rows) - len(words), path))
  return words


def check_width(place, width, num_columns, text):
  """Raises a UserError unless the width fits a file with or without tags.

  Args:
    place: str, "file:line".
    width: int, the number of columns of the file.
    num_columns: int, that of the training data; None if unknown.
    text: str, the line.
  """
  allowed = sorted({1, num_columns - 1, num_columns}) if num_columns else []
  if allowed and width not in allowed:
    raise utils.UserError(
        "%s: expected one word per line, in %s columns (those of the training "
        "data with or without the tag, or only words), got %d: '%s'. For plain "
        "text, put {\"text\": \"...\"} on each line of a .jsonl file." % (
            place, _or(allowed), width, text))


def _or(numbers):
  return " or ".join(filter(None, [
      ", ".join(map(str, numbers[:-1])), str(numbers[-1])]))


def _find_columns(place, cells, layout, num_columns):
  """Returns the _Columns of a file from its first line."""
  width = len(cells)
  if isinstance(layout.words, str):
    positions = [
        None if name is None or is_optional and name not in cells else
        tables.position_of(place, name, cells)
        for name, is_optional in [(layout.words, False), (layout.tags, True),
                                  (layout.sentence, False)]]
    return _Columns(*positions, width=width)
  check_width(place, width, num_columns, tables.shorten(cells))
  if width == 1:
    return _Columns(0, None, None, width)
  last = (num_columns or width) - 1
  columns = _Columns(layout.words or 0,
                     last if layout.tags is None else layout.tags,
                     layout.sentence, width)
  for name, column in columns._asdict().items():
    if name != "width" and column is not None and column > last:
      raise utils.UserError(
          "%s: expected a column at position %d (from 0) for \"%s\", got %d "
          "columns." % (place, column, name, last + 1))
  if width > last:
    return columns
  return _Columns(*[
      column - 1 if column is not None and column > columns.tags else column
      for column in (columns.words, None, columns.sentence)], width=width)


def _sentences(path, rows, columns):
  """Yields the conll.Sentences of (line number, cells)."""
  words, current = [], None  # words: (line number, word, tag)
  for number, cells in rows:
    place = "%s:%d" % (path, number)
    if cells:
      tables.check_number(path, number, cells, columns.width)
    is_break = not cells or cells[columns.words] == conll.DOCUMENT_START
    name = "" if is_break or columns.sentence is None else (
        cells[columns.sentence].strip())
    if words and (is_break or name and name != current):
      yield _sentence(path, words, current)
      words = []
    if is_break or not words:
      current = None
    current = name or current
    if not is_break:
      words.append((
          number, _checked(cells[columns.words], place, "word"),
          None if columns.tags is None else
          _checked(cells[columns.tags], place, "tag")))
  if words:
    yield _sentence(path, words, current)


def _sentence(path, words, name):
  numbers, texts, tags = map(list, zip(*words))
  return conll.Sentence(
      lambda index: "%s:%d" % (path, numbers[index]), texts,
      None if tags[0] is None else tags, sentence_id=name)


def _checked(text, place, what):
  """Returns a word or tag; raises a UserError if it has white space."""
  if not text or not _WHITE_SPACE.isdisjoint(text):
    raise utils.UserError("%s: expected a %s without white space, got '%s'." % (
        place, what, text))
  return text
