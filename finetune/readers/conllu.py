"""Recognizes CoNLL-U, the format of Universal Dependencies, and its lines.

    # sent_id = s1
    1-2  wasalim  _      _  ...
    1    wa       wa     CCONJ ...
    2    salim    salim  PROPN ...

Ten columns separated by tabs: the number of the word, the word (FORM), its
lemma, its part of speech (UPOS) and others. The lines 1-2 of a token of several
words, and 1.1 of an empty node, are not words.
"""

import re

NUM_COLUMNS = 10
FORM, UPOS = 1, 3  # positions of columns
NO_VALUE = "_"
COMMENT = "#"

_WORD = re.compile(r"\d+$")
_OTHER = re.compile(r"\d+[-.]\d+$")
_SENTENCE_ID = re.compile(r"#\s*sent_id\s*=\s*(\S.*)")


def is_conllu(text_lines):
  """Returns whether lines are CoNLL-U, judged by the first that is no comment.

  Args:
    text_lines: iterable of str, without line ends.
  """
  first = next((line for line in text_lines
                if line.strip() and not line.startswith(COMMENT)), "")
  cells = first.split("\t")
  return len(cells) == NUM_COLUMNS and bool(
      _WORD.match(cells[0]) or _OTHER.match(cells[0]))


def is_word(line):
  """Returns whether a line is a word, not a comment, token or empty node."""
  return not line.startswith(COMMENT) and not _OTHER.match(
      line.partition("\t")[0])


def sentence_id(line):
  """Returns the id in a comment "# sent_id = x", None for other lines."""
  match = _SENTENCE_ID.match(line)
  return match and match.group(1).strip()
