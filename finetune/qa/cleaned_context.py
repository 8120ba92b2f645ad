"""Contexts that are cleaned for the model, whose answers stay as written.

What the model reads is the cleaned text; the answers to learn are sought in it,
and those it gives are taken from the original.
"""

import re

from finetune.qa import qa_examples
from finetune.qa import text_alignment
from finetune import text_cleaning


class Cleaning:
  """The cleaning of one model's texts, as a task's reader needs it."""

  def __init__(self, model_name):
    """Prepares it.

    Args:
      model_name: str, as in `text_cleaning.make_cleaner`.

    Raises:
      utils.UserError: there is no such model, or the cleaning cannot be done.
    """
    self._clean = text_cleaning.make_cleaner(model_name)

  def clean(self, text):
    """Returns a question, or any other text, cleaned."""
    return self._clean(text)

  def words(self, context):
    """Returns the CleanedWords of a context."""
    return CleanedWords(context, self._clean)


class CleanedWords(qa_examples.Words):
  """The words of a cleaned context."""

  def __init__(self, original, clean):
    """Cleans a context.

    Args:
      original: str, the context.
      clean: function of a text that returns it cleaned.
    """
    self._clean = clean
    self._cleaned = clean(original)
    super().__init__(self._cleaned)
    self.context = original
    self._alignment = text_alignment.Alignment(original, self._cleaned)

  def locate(self, answer, start):
    """Returns the Located answer in the cleaned context, None if it is gone.

    An answer that does not stand at its place is sought elsewhere, the nearest
    first; one that the original does not have, cleaned in the cleaned context.
    It is gone if no letter or digit of it is left, or something stands for it
    that stands for more, such as "[رابط]" for a web address.

    Args:
      answer: str, the text of the answer in the original.
      start: int, where it starts there, in characters.
    """
    answer = answer.strip()
    if not answer:
      return None
    span = self._original_span(answer, start)
    if span is not None:
      return self._located(span, is_moved=span[0] != start)
    before = self._alignment.to_cleaned(0, max(0, start))
    span = _nearest(self._clean(answer), self._cleaned,
                    before[1] if before else 0)
    return span and self._located(self._alignment.to_original(*span), True)

  def text(self, first, last, start=0, end=None):
    """Returns a part of the words as the original has it; see `Words.text`."""
    if end is None:
      end = sum(map(len, self.words[first:last + 1])) + last - first
    first_char = self._place(first, start)
    end_char = self._place(first, end - 1) + 1
    start, end = self._alignment.to_original(first_char, end_char)
    return self.context[start:end]

  def _place(self, first, offset):
    """Returns the place in the cleaned text of a character of the words.

    Args:
      first: int, the first of them.
      offset: int, of the character among them with single spaces between.
    """
    for word in range(first, len(self.words)):
      if offset < len(self.words[word]):
        return self._starts_of_words[word] + offset
      offset -= len(self.words[word]) + 1
    raise AssertionError("no character %d in the words" % offset)

  def _located(self, span, is_moved):
    """Returns the Located answer that is at `span` of the original, or None."""
    cleaned_span = self._alignment.to_cleaned(*span)
    if cleaned_span is None:
      return None
    start, end = cleaned_span
    text = self._cleaned[start:end]
    first, last = self._alignment.to_original(start, end)
    first_allowed, last_allowed = self._alignment.widened(*span)
    if first < first_allowed or last > last_allowed or (
        not any(map(str.isalnum, text))):
      return None
    return qa_examples.Located(
        text, (self._word_of_character[start],
               self._word_of_character[end - 1]), is_moved)

  def _original_span(self, answer, start):
    """Returns (start, end) of the answer in the original, None if not there."""
    if start >= 0 and self.context.startswith(answer, start):
      return start, start + len(answer)
    return _nearest(answer, self.context, start)


def _nearest(text, where, start):
  """Returns (start, end) of the nearest place of a text, None if there is none.

  Case and the length of white space may differ; the first wins a tie.
  """
  words = text.split()
  if not words:
    return None
  places = [match.span() for match in re.finditer(
      r"\s+".join(map(re.escape, words)), where, re.IGNORECASE)]
  return min(places, key=lambda place: abs(place[0] - start), default=None)
