"""Reads sentences from .jsonl and .json, and finds words in their text.

    {"words": ["He", "lives"], "tags": ["O", "O"]}
"""

from finetune.readers import conll
from util import utils

_WORDS, _TEXT, _TAGS, _ID = "words", "text", ("tags", "labels"), "id"


def read_json(path, layout, *, is_lines, has_tags=True):
  """Returns the conll.Sentences of a file with JSON objects.

  Args:
    path: of a UTF-8 file of {"words": [...]} or {"text": "..."}, which is cut
      at white space, with or without "tags" (or "labels") and "id".
    layout: a table_reader.Layout with other keys than these.
    is_lines: bool, whether there is an object on each line (blank ones are
      passed over) or one list of them.
    has_tags: bool, False where tags are not looked at.

  Raises:
    utils.UserError: something else stands there, there are no words, or some
      sentences have tags and others have none.
  """
  sentences = []
  for place, record in _records(path, is_lines):
    sentence = _sentence(record, place, layout, has_tags)
    if sentences and (sentence.tags is None) != (sentences[0].tags is None):
      raise utils.UserError("%s: expected %s tags, as the sentences before." % (
          place, "no" if sentence.tags else "a sentence with"))
    sentences.append(sentence)
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


def _records(path, is_lines):
  """Yields (place, parsed JSON) of each sentence."""
  if is_lines:
    with utils.open_file(path, "rb") as f:
      for number, line in enumerate(f, 1):
        if line.strip():
          place = "%s:%d" % (path, number)
          yield place, utils.parse_json(line, place, is_line=True)
    return
  records = utils.load_json(path)
  if not isinstance(records, list):
    raise utils.UserError("%s: expected a list of objects, one for each "
                          "sentence." % path)
  for number, record in enumerate(records, 1):
    yield "%s: object %d" % (path, number), record


def _sentence(record, place, layout, has_tags):
  words_key = layout.words or _WORDS
  if not isinstance(record, dict) or not (words_key in record or
                                          _TEXT in record):
    raise utils.UserError("%s: expected an object with \"%s\" or \"text\"." % (
        place, words_key))
  if words_key in record:
    words = record[words_key]
    if not _are_words(words):
      raise utils.UserError("%s: \"%s\": expected a list of words without "
                            "white space." % (place, words_key))
    text = None
  else:
    text = record[_TEXT]
    if not isinstance(text, str):
      raise utils.UserError("%s: \"text\": expected a text." % place)
    words = text.split()
  if not words:
    raise utils.UserError("%s: expected words, found none." % place)
  sentence_id = record.get(layout.sentence_id or _ID)
  return conll.Sentence(
      lambda index: "%s: word %d" % (place, index + 1), words,
      _tags(record, place, layout, len(words)) if has_tags else None, text,
      None if sentence_id is None else str(sentence_id))


def _tags(record, place, layout, num_words):
  """Returns the tags of a sentence, None if it has none."""
  keys = [layout.tags] if layout.tags else _TAGS
  key = next((key for key in keys if key in record), None)
  if key is None:
    return None
  tags = record[key]
  if isinstance(tags, list):  # of numbers, maybe
    tags = [str(tag) if type(tag) is int else tag for tag in tags]
  if not _are_words(tags) or len(tags) != num_words:
    raise utils.UserError(
        "%s: \"%s\": expected a list of %d tags, one for each word, without "
        "white space%s." % (place, key, num_words, ", got %d" % len(
            tags) if isinstance(tags, list) else ""))
  return tags


def _are_words(value):
  return isinstance(value, list) and all(
      isinstance(word, str) and word.split() == [word] for word in value)
