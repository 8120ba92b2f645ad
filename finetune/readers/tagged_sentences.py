"""Reads tagged sentences from .jsonl and .json, and locates words in texts.

    {"words": ["He", "lives"], "tags": ["O", "O"]}
"""

from finetune.readers import conll
from finetune.readers import lines
from util import utils

_WORDS, _TEXT, _TAGS, _ID = "words", "text", ("tags", "labels"), "id"


def read_json(path, layout, *, is_lines, has_tags=True):
  """Returns the conll.Sentences of a file with JSON objects.

  Args:
    path: path of a UTF-8 file of {"words": [...]} or {"text": "..."}, which is
      split at white space, with or without "tags" (or "labels") and "id".
    layout: a sentence_tables.Layout that may name other keys.
    is_lines: bool, whether there is an object on each line (blank ones are
      skipped) or one list of them.
    has_tags: bool, False to ignore tags.

  Raises:
    utils.UserError: an object is invalid, there are no words, or only some
      sentences have tags.
  """
  sentences = []
  for place, value in lines.read_objects(path, layout.dialect.encoding,
                                         is_lines=is_lines):
    sentence = _sentence(value, place, layout, has_tags)
    if sentences and (sentence.tags is None) != (sentences[0].tags is None):
      raise utils.UserError(
          "%s: expected %s tags, as in the previous sentences." % (
              place, "no" if sentence.tags else "a sentence with"))
    sentences.append(sentence)
  if not sentences:
    raise utils.UserError("%s: expected one sentence per line, got an empty "
                          "file." % path)
  return sentences


def locate_words(words, text):
  """Returns the (first character, one after the last) of each word in a text.

  Args:
    words: list of str that occur in `text` in this order.
    text: str.
  """
  offsets, end = [], 0
  for word in words:
    start = text.index(word, end)
    end = start + len(word)
    offsets.append((start, end))
  return offsets


def _sentence(value, place, layout, has_tags):
  words_key = layout.words or _WORDS
  if not isinstance(value, dict) or not (words_key in value or
                                          _TEXT in value):
    raise utils.UserError("%s: expected an object with \"%s\" or \"text\"." % (
        place, words_key))
  if words_key in value:
    words = value[words_key]
    if not _are_words(words):
      raise utils.UserError("%s: \"%s\": expected a list of words without "
                            "white space." % (place, words_key))
    text = None
  else:
    text = value[_TEXT]
    if not isinstance(text, str):
      raise utils.UserError("%s: \"text\": expected a text." % place)
    words = text.split()
  if not words:
    raise utils.UserError("%s: expected words, got none." % place)
  sentence_id = value.get(layout.sentence_id or _ID)
  return conll.Sentence(
      lambda index: "%s: word %d" % (place, index + 1), words,
      _tags(value, place, layout, len(words)) if has_tags else None, text,
      None if sentence_id is None else str(sentence_id))


def _tags(value, place, layout, num_words):
  """Returns the tags of a sentence, or None."""
  keys = [layout.tags] if layout.tags else _TAGS
  key = next((key for key in keys if key in value), None)
  if key is None:
    return None
  tags = value[key]
  if isinstance(tags, list):  # possibly of numbers
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
