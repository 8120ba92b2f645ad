"""Contexts that the model reads cleaned, with answers as originally written.

The answers to learn are located in the cleaned context, and predicted spans are
mapped back to the original. Builds on text_cleaning.py (the cleaning) and
text_alignment.py (positions in both texts).
"""

import re

from finetune import text_cleaning
from finetune.qa import qa_examples
from finetune.qa import text_alignment


class Cleaning:
  """The cleaning of questions and contexts for one model."""

  def __init__(self, model_name):
    """Loads the cleaning.

    Args:
      model_name: str, as in `text_cleaning.make_cleaner`.

    Raises:
      utils.UserError: the model is unknown, or its cleaning is not available.
    """
    self._clean = text_cleaning.make_cleaner(model_name)

  def clean(self, text):
    """Returns a question cleaned."""
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
      clean: function that returns a text cleaned.
    """
    self._clean = clean
    self._cleaned = clean(original)
    super().__init__(self._cleaned)
    self.context = original
    self._alignment = text_alignment.Alignment(original, self._cleaned)

  def locate(self, answer, start):
    """Returns the Located answer in the cleaned context, None if not possible.

    An answer that is not at `start` is located at its nearest occurrence in the
    original, or, without any, cleaned in the cleaned context. The result is
    None if the cleaning left no letter or digit of the answer, or replaced more
    than the answer, such as a web address by "[رابط]".

    Args:
      answer: str, the text of the answer in the original.
      start: int, the index of its first character in the original.
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

  def locate_in_context(self, first, last, start=0, end=None):
    """Returns (start, end) in the original; see `Words.locate_in_context`."""
    return self._alignment.to_original(
        *super().locate_in_context(first, last, start, end))

  def _located(self, span, is_moved):
    """Returns the Located answer at `span` of the original, or None."""
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
    """Returns (start, end) of the answer in the original, None if not found."""
    if start >= 0 and self.context.startswith(answer, start):
      return start, start + len(answer)
    return _nearest(answer, self.context, start)


def _nearest(text, context, start):
  """Returns the span of the occurrence of `text` nearest to `start`, or None.

  Case and the length of white space may differ. Ties go to the first.
  """
  words = text.split()
  if not words:
    return None
  spans = [match.span() for match in re.finditer(
      r"\s+".join(map(re.escape, words)), context, re.IGNORECASE)]
  return min(spans, key=lambda span: abs(span[0] - start), default=None)
