"""Reads sentences to be tagged from .jsonl, and finds words in their text."""

import collections

from util import utils

# A sentence without tags.
#   sentence_id: str, or None where the file names none.
#   text: str. words: list of str, in the order in which they stand in the text.
TextSentence = collections.namedtuple(
    "TextSentence", ["sentence_id", "text", "words"])


def read_jsonl(path):
  """Returns the TextSentences of a file with one JSON object a line.

  Args:
    path: of a UTF-8 file of {"words": [...]} or {"text": "..."} on each line,
      with or without "id". A text is cut at white space.

  Raises:
    utils.UserError: a line is something else, or has no words.
  """
  sentences = []
  with utils.open_file(path, "rb") as f:
    for number, line in enumerate(f, 1):
      sentences.append(_sentence(line, "%s:%d" % (path, number)))
  if not sentences:
    raise utils.UserError("%s: expected a sentence a line, found an empty "
                          "file." % path)
  return sentences


def places_of(words, text):
  """Returns the (first character, one after the last) of each word in a text.

  Args:
    words: list of str that stand in `text` in this order.
    text: str.
  """
  places, end = [], 0
  for word in words:
    start = text.index(word, end)
    end = start + len(word)
    places.append((start, end))
  return places


def _sentence(line, place):
  record = utils.parse_json(line, place, is_line=True)
  if not isinstance(record, dict) or not ("words" in record or
                                          "text" in record):
    raise utils.UserError("%s: expected an object with \"words\" or \"text\"." %
                          place)
  if "words" in record:
    words = record["words"]
    if not isinstance(words, list) or not all(
        isinstance(word, str) and word.split() == [word] for word in words):
      raise utils.UserError("%s: \"words\": expected a list of words without "
                            "white space." % place)
    text = " ".join(words)
  else:
    text = record["text"]
    if not isinstance(text, str):
      raise utils.UserError("%s: \"text\": expected a text." % place)
    words = text.split()
  if not words:
    raise utils.UserError("%s: expected words, found none." % place)
  sentence_id = record.get("id")
  return TextSentence(None if sentence_id is None else str(sentence_id), text,
                      words)
