"""Reads tagged words in columns, one word per line, as in CoNLL files.

    He        PRP  B-NP
    reckons   VBZ  B-VP

The first column is the word, the last its tag. Columns are separated by any
number of spaces and tabs only: a NO-BREAK SPACE belongs to a word. "-DOCSTART-"
lines, which separate the documents of CoNLL-2003, end a sentence and are not
words. "#" is a word (CoNLL-2000 has it), not a comment.
"""

import collections
import re

from finetune.readers import lines
from util import utils

DOCUMENT_START = "-DOCSTART-"
_SEPARATORS = " \t"


class Sentence:
  """The words of a sentence and their tags.

  Attributes:
    words: list of str, without spaces and tabs.
    tags: list of str, as in the file; None if it has no tags.
    text: str, the text that was split into words; None if the file has words.
    sentence_id: str, the id of the sentence in the file, or None.
  """

  def __init__(self, place_fn, words, tags=None, text=None, sentence_id=None):
    """Initializes the sentence.

    Args:
      place_fn: function of the index of a word that returns "file:line", for
        messages.
      words, tags, text, sentence_id: as the attributes.
    """
    self.words = words
    self.tags = tags
    self.text = text
    self.sentence_id = sentence_id
    self.place = place_fn


# The content of a file.
#   path: str.
#   num_columns: int, the same on every line.
#   sentences: list of Sentence, none of them empty.
#   first_line: str, of the first word, for messages.
ConllFile = collections.namedtuple(
    "ConllFile", ["path", "num_columns", "sentences", "first_line"])


def read_conll(path):
  """Returns the ConllFile at `path`.

  Args:
    path: path of a UTF-8 file, with or without a byte order mark. The empty
      line after the last sentence is optional.

  Raises:
    utils.UserError: the file is missing, is not UTF-8, has no words, or a line
      has another number of columns than the first.
  """
  sentences, rows, first_line, num_columns, first_text = [], [], None, None, None
  for number, line in lines.read_lines(path):
    line = line.strip(_SEPARATORS)
    cells = re.split("[%s]+" % _SEPARATORS, line) if line else []
    if not cells or cells[0] == DOCUMENT_START:
      if rows:
        sentences.append(_sentence(path, first_line, rows))
      rows = []
      continue
    num_columns = num_columns or len(cells)
    first_text = first_text or lines.shorten(line)
    if len(cells) != num_columns:
      raise utils.UserError(
          "%s:%d: expected %d columns separated by spaces or tabs, as in the "
          "previous lines, got %d: '%s'." % (
              path, number, num_columns, len(cells), lines.shorten(line)))
    if not rows:
      first_line = number
    rows.append(cells)
  if rows:
    sentences.append(_sentence(path, first_line, rows))
  if not sentences:
    raise no_words_error(path)
  return ConllFile(path, num_columns, sentences, first_text)


def no_words_error(path):
  """Returns the UserError for a file without words."""
  return utils.UserError("%s: expected a word and its tag on each line, got no "
                         "words." % path)


def format_sentences(sentences):
  """Returns sentences as the text of a file in columns.

  Args:
    sentences: list of sentences; each is a list of columns of equal length:
      words, tags, more tags.
  """
  return "".join(
      "".join(" ".join(row) + "\n" for row in zip(*columns)) + "\n"
      for columns in sentences)


def _sentence(path, first_line, rows):
  words = [cells[0] for cells in rows]
  tags = [cells[-1] for cells in rows] if len(rows[0]) > 1 else None
  return Sentence(
      lambda index: "%s:%d" % (path, first_line + index), words, tags)
