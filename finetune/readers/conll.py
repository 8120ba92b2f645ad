"""Reads tagged words in columns: a word a line, an empty line after a sentence.

    He        PRP  B-NP
    reckons   VBZ  B-VP

The first column is the word, the last its tag. Columns are separated by any
number of spaces and tabs, and by nothing else: a NO-BREAK SPACE is part of a
word. "-DOCSTART-" lines, which stand between the documents of CoNLL-2003, end a
sentence and are no words. "#" is a word (CoNLL-2000 has it), not a comment.
"""

import collections
import re

from util import utils

DOCUMENT_START = "-DOCSTART-"
_SEPARATORS = " \t"
_MAX_SHOWN_CHARACTERS = 80  # of a line, in messages


class Sentence:
  """The words of a sentence and their tags.

  Attributes:
    words: list of str, without spaces and tabs.
    tags: list of str, as they stand in the file; None in a file without.
    text: str, what the words were cut from; None where there are only words.
    sentence_id: str, what the file calls the sentence; None if nothing.
  """

  def __init__(self, place_fn, words, tags=None, text=None, sentence_id=None):
    """Keeps what was read.

    Args:
      place_fn: function of the index of a word: "file:line", for messages.
      words, tags, text, sentence_id: as the attributes.
    """
    self.words = words
    self.tags = tags
    self.text = text
    self.sentence_id = sentence_id
    self.place = place_fn


# A file.
#   path: str.
#   num_columns: int, the same on every line.
#   sentences: list of Sentence, none of them empty.
#   first_line: str, of the first word, for messages.
ConllFile = collections.namedtuple(
    "ConllFile", ["path", "num_columns", "sentences", "first_line"])


def read_conll(path):
  """Returns the ConllFile at `path`.

  Args:
    path: of a UTF-8 file, with or without a byte order mark. The empty line
      after the last sentence may be missing.

  Raises:
    utils.UserError: the file is missing, is not UTF-8, holds no words, or a
      line has another number of columns than the first.
  """
  sentences, rows, first_line, num_columns, shown = [], [], None, None, None
  for number, line in _lines(path):
    line = line.strip(_SEPARATORS)
    cells = re.split("[%s]+" % _SEPARATORS, line) if line else []
    if not cells or cells[0] == DOCUMENT_START:
      if rows:
        sentences.append(_sentence(path, first_line, rows))
      rows = []
      continue
    num_columns = num_columns or len(cells)
    shown = shown or _shorten(line)
    if len(cells) != num_columns:
      raise utils.UserError(
          "%s:%d: expected %d columns separated by spaces or tabs, as in the "
          "lines before, got %d: '%s'." % (
              path, number, num_columns, len(cells), _shorten(line)))
    if not rows:
      first_line = number
    rows.append(cells)
  if rows:
    sentences.append(_sentence(path, first_line, rows))
  if not sentences:
    raise no_words(path)
  return ConllFile(path, num_columns, sentences, shown)


def no_words(path):
  """Returns the UserError that says that a file holds none."""
  return utils.UserError("%s: expected a word and its tag on each line, found "
                         "no words." % path)


def format_sentences(sentences):
  """Returns sentences as the text of a file in columns.

  Args:
    sentences: list of sentences; each is a list of columns, as long as one
      another: words, tags, more tags.
  """
  return "".join(
      "".join(" ".join(row) + "\n" for row in zip(*columns)) + "\n"
      for columns in sentences)


def _sentence(path, first_line, rows):
  words = [cells[0] for cells in rows]
  tags = [cells[-1] for cells in rows] if len(rows[0]) > 1 else None
  return Sentence(
      lambda index: "%s:%d" % (path, first_line + index), words, tags)


def _lines(path):
  """Yields (number, text) of the lines, without their ends."""
  # Split at line feeds alone: str.splitlines breaks at U+2028 and others too.
  with utils.open_file(path, "rb") as f:
    for number, line in enumerate(f, 1):
      try:
        text = line.decode("utf-8-sig" if number == 1 else "utf-8")
      except UnicodeDecodeError as error:
        raise utils.UserError("%s:%d: expected UTF-8, byte %d of the line is "
                              "not." % (path, number, error.start + 1))
      yield number, text.rstrip("\r\n")


def _shorten(line):
  if len(line) <= _MAX_SHOWN_CHARACTERS:
    return line
  return line[:_MAX_SHOWN_CHARACTERS] + "..."
