"""Reads tagged words in columns, one word per line, as in CoNLL files.

    He        PRP  B-NP
    reckons   VBZ  B-VP

The first column is the word, the last its tag. Columns are separated by any
number of spaces and tabs only: a NO-BREAK SPACE belongs to a word. "-DOCSTART-"
lines, which separate the documents of CoNLL-2003, end a sentence and are not
words. "#" is a word (CoNLL-2000 has it); a line before a sentence that starts
with "#" and has other columns than words have is a comment. CoNLL-U is
recognized; its words (FORM) and parts of speech (UPOS) are read.
"""

import collections
import itertools
import re

from finetune.readers import conllu
from finetune.readers import lines
from util import invisible
from util import utils

DOCUMENT_START = "-DOCSTART-"
_SEPARATORS = " \t"
MIN_COMMENTS = 2  # lines that look like comments but have the columns of words


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


def read_conll(path, encoding=None, comment=None):
  """Returns the ConllFile at `path`.

  Args:
    path: path of a file. The empty line after the last sentence is optional.
    encoding: as in `lines.read_text`.
    comment: str, what comment lines before a sentence start with; "": there are
      none; None: "#", if the line has other columns than a word has.

  Raises:
    utils.UserError: the file is missing, cannot be decoded, has no words, or a
      line has another number of columns than the first.
  """
  numbered = list(lines.read_lines(path, encoding))
  if conllu.is_conllu(line for _, line in numbered):
    return _read_conllu(path, numbered)
  blocks = _blocks(numbered)
  words, num_comments = _without_comments(path, blocks, comment)
  if not words:
    raise no_words_error(path)
  _, first_line, first_cells = words[0][0]
  for number, line, cells in itertools.chain.from_iterable(words):
    if len(cells) != len(first_cells):
      raise utils.UserError(
          "%s:%d: expected %d columns separated by spaces or tabs, as in the "
          "previous lines, got %d: '%s'." % (
              path, number, len(first_cells), len(cells), lines.shorten(line)))
  if num_comments:
    utils.log("Skipped {:,} comment lines of {}".format(num_comments, path))
  return ConllFile(path, len(first_cells), [
      _sentence(path, [number for number, _, _ in rows],
                [cells[0] for _, _, cells in rows],
                [cells[-1] for _, _, cells in rows]
                if len(first_cells) > 1 else None) for rows in words],
                   lines.shorten(first_line))


def _blocks(numbered):
  """Returns the sentences as lists of (number, line, cells)."""
  blocks = [[]]
  for number, line in numbered:
    line = line.strip(_SEPARATORS)
    cells = re.split("[%s]+" % _SEPARATORS, line)
    if invisible.is_blank(line) or cells[0] == DOCUMENT_START:
      blocks.append([])
    else:
      blocks[-1].append((number, line, cells))
  return blocks


def _without_comments(path, blocks, comment):
  """Returns (blocks without comment lines, number of these)."""
  start = conllu.COMMENT if comment is None else comment
  heads = [list(itertools.takewhile(
      lambda row: start and row[1].startswith(start), block))
           for block in blocks]
  comments = list(itertools.chain.from_iterable(heads))
  if comment is None:
    comments = _find_comments(path, comments, [
        row for head, block in zip(heads, blocks) for row in block[len(head):]])
  numbers = {number for number, _, _ in comments}
  blocks = [[row for row in block if row[0] not in numbers]
            for block in blocks]
  return [block for block in blocks if block], len(comments)


def _find_comments(path, candidates, others):
  """Returns the comments among rows before a sentence that start with "#".

  A hashtag or "#" as a word has the columns and, mostly, a tag of other words.

  Raises:
    utils.UserError: some have the columns, but not the tags of other words.
  """
  if not others:
    return []
  width = len(others[0][2])
  tags = {cells[-1] for _, _, cells in others} | {"#"}
  certain = [row for row in candidates if len(row[2]) > width or
             len(row[2]) < width and row[1].startswith("# ")]
  doubtful = [row for row in candidates
              if len(row[2]) == width > 1 and row[2][-1] not in tags]
  if certain:
    return certain + doubtful
  # Comments have an id or text each, words one of a few tags; and a word has
  # the same tag wherever it starts a sentence.
  num_different = len({cells[-1] for _, _, cells in doubtful})
  is_common = len({cells[0] for _, _, cells in doubtful}) == 1
  if num_different >= MIN_COMMENTS and (
      is_common or 2 * num_different > len(doubtful)):
    number, line, cells = doubtful[0]
    raise utils.UserError(
        "%s:%d: '%s' starts like a comment, and its last column is not a tag "
        "of other words; %d sentences start like this. Remove these lines, or "
        "set in a task.json \"comment\": \"%s\" if they are comments, "
        "\"comment\": \"\" if they are words." % (
            path, number, lines.shorten(line), len(doubtful),
            cells[0] if is_common else conllu.COMMENT))
  return []


def _read_conllu(path, numbered):
  """Returns the ConllFile of the (number, line) pairs of a CoNLL-U file."""
  sentences, words, name, num_skipped = [], [], None, 0
  for number, line in itertools.chain(numbered, [(0, "")]):
    if invisible.is_blank(line):
      if words:
        sentences.append(_sentence(path, *zip(*words), sentence_id=name))
      words, name = [], None
      continue
    name = conllu.sentence_id(line) or name
    if not conllu.is_word(line):
      num_skipped += 1
      continue
    cells = line.split("\t")
    if len(cells) != conllu.NUM_COLUMNS or not cells[conllu.FORM].strip():
      raise utils.UserError(
          "%s:%d: expected the 10 columns of CoNLL-U separated by tabs, got "
          "%d: '%s'." % (path, number, len(cells), lines.shorten(line)))
    # A word with a space, such as a number, is one word of a prediction.
    words.append((number, cells[conllu.FORM].strip().replace(" ", "\u00a0"),
                  cells[conllu.UPOS]))
  is_tagged = any(tag != conllu.NO_VALUE for sentence in sentences
                  for tag in sentence.tags)
  if not sentences:
    raise no_words_error(path)
  if not is_tagged:
    for sentence in sentences:
      sentence.tags = None
  utils.log("Read the columns {} of {}, which is CoNLL-U: {:,} sentences; "
            "skipped {:,} lines (comments, 1-2 and 1.1)".format(
                "FORM and UPOS" if is_tagged else "FORM", path, len(sentences),
                num_skipped))
  return ConllFile(path, 1 + is_tagged, sentences, sentences[0].words[0])


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


def _sentence(path, numbers, words, tags, sentence_id=None):
  return Sentence(lambda index: "%s:%d" % (path, numbers[index]), list(words),
                  tags and list(tags), sentence_id=sentence_id)
