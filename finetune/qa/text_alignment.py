"""Aligns the characters of a text with those of its cleaned copy.

Only the two texts are compared, whatever the cleaning. It may drop characters
(Arabic diacritics, letters of other alphabets), insert spaces and replace
strings ("[رابط]" for a web address), but keeps the order. Words and answers are
the business of qa/cleaned_context.py.
"""

import bisect
import difflib
import re
import unicodedata

# Words and numbers are aligned as units before single characters are.
_TOKEN = re.compile(r"[^\W\d_]+|\d+|\S")
_TATWEEL = "\u0640"
# Unicode categories of combining marks, such as diacritics, and of invisible
# characters.
_MARKS = frozenset(["Mn", "Me", "Cf"])


class Alignment:
  """Maps between character spans of a text and of its cleaned copy.

  White space is not aligned. A character of the original that the cleaning
  replaced is aligned with its replacement; one that it dropped is not aligned.
  """

  def __init__(self, original, cleaned):
    """Aligns two texts."""
    self._original, self._cleaned = original, cleaned
    # For each non-space character of the cleaned text, in order: its index, and
    # start and end of the aligned characters of the original.
    self._indices = [i for i, char in enumerate(cleaned) if not char.isspace()]
    pairs = _pairs(original, cleaned)
    self._starts = [index for _, index in pairs]
    self._ends = [index + 1 for _, index in pairs]
    if len(pairs) < len(self._indices):
      self._align_all(dict(pairs))

  def to_original(self, start, end):
    """Returns the span in the original of the cleaned span [start, end).

    It includes dropped characters in between, and those of the words at both
    ends (see `widened`); (0, 0) if the cleaned span is only white space.
    """
    first = bisect.bisect_left(self._indices, start)
    last = bisect.bisect_left(self._indices, end) - 1
    if first > last:
      return 0, 0
    return self.widened(self._starts[first], self._ends[last])

  def to_cleaned(self, start, end):
    """Returns the span in the cleaned text of [start, end); None if dropped.

    It includes all of a replacement of any character in the span.
    """
    first = bisect.bisect_right(self._ends, start)
    last = bisect.bisect_left(self._starts, end) - 1
    if first > last:
      return None
    return self._indices[first], self._indices[last] + 1

  def widened(self, start, end):
    """Returns a span of the original extended by adjacent dropped characters.

    These are diacritics after it, and dropped letters and digits next to it:
    "Beyonc" becomes "Beyoncé" if the cleaning dropped "é".
    """
    if start == end:
      return start, end
    end = self._after_marks(end)
    while end < len(self._original) and self._is_dropped_letter(
        end, next_to=end - 1):
      end = self._after_marks(end + 1)
    while start and self._is_dropped_letter(start - 1, next_to=start):
      start -= 1
    return start, end

  def _after_marks(self, end):
    """Returns `end` after the diacritics that follow it in the original."""
    while end < len(self._original) and _is_mark(self._original[end]):
      end += 1
    return end

  def _is_dropped_letter(self, index, next_to):
    """Returns whether a letter or digit was dropped from a word."""
    char, neighbor = self._original[index], self._original[next_to]
    if _is_mark(char) or not char.isalnum() or not (
        neighbor.isalnum() or _is_mark(neighbor)):
      return False
    i = bisect.bisect_right(self._ends, index)
    return i == len(self._ends) or self._starts[i] > index

  def _align_all(self, original_of):
    """Sets `_starts` and `_ends` if some characters have no pair.

    Args:
      original_of: {index in the cleaned text: index in the original}.
    """
    self._starts, self._ends = [], []
    run = []  # consecutive characters without a pair
    end = 0  # the index after the last paired character of the original
    for index in self._indices:
      if index not in original_of:
        run.append(index)
        continue
      self._align_run(run, end, original_of[index])
      run = []
      end = original_of[index] + 1
      self._starts.append(end - 1)
      self._ends.append(end)
    self._align_run(run, end, len(self._original))

  def _align_run(self, run, start, end):
    """Aligns unpaired cleaned characters with [start, end) of the original.

    Digits one to one if there are as many (of another script); otherwise each
    character with all of the span.
    """
    if not run:
      return
    indices = [i for i in range(start, end) if not (
        self._original[i].isspace() or _is_mark(self._original[i]))]
    if len(indices) == len(run) and all(map(str.isdigit, [
        self._cleaned[i] for i in run] + [self._original[i] for i in indices])):
      self._starts += indices
      self._ends += [i + 1 for i in indices]
    else:
      first, last = (
          indices[0], indices[-1] + 1) if indices else (start, start)
      self._starts += [first] * len(run)
      self._ends += [last] * len(run)


def _is_mark(char):
  """Returns whether a character modifies the letter before it."""
  return char == _TATWEEL or unicodedata.category(char) in _MARKS


def _pairs(original, cleaned):
  """Returns [(index in the cleaned text, index in the original)], in order."""
  common = {char for char in set(original) & set(cleaned)
            if not char.isspace()}
  indices = [[i for i, char in enumerate(text) if char in common]
             for text in (original, cleaned)]
  if ([original[i] for i in indices[0]] == [cleaned[i] for i in indices[1]]):
    return list(zip(indices[1], indices[0]))
  pairs = []
  tokens = [_tokens(text, common) for text in (original, cleaned)]
  for original_run, cleaned_run in _unequal_runs(*tokens, pairs=pairs):
    _pair_characters(original_run, cleaned_run, pairs)
  return sorted(pairs)


def _tokens(text, common):
  """Returns the tokens as lists of (index, character), only of `common`."""
  kept = [(i, char) for i, char in enumerate(text)
          if char in common or char.isspace()]
  return [kept[match.start():match.end()] for match in _TOKEN.finditer(
      "".join(char for _, char in kept))]


def _unequal_runs(original, cleaned, pairs):
  """Yields the characters between the tokens that both texts have.

  Args:
    original, cleaned: list of tokens, each a list of (index, character).
    pairs: list, to which the pairs of equal tokens are added.

  Yields:
    (list of (index, character) of the original, of the cleaned text).
  """
  matcher = difflib.SequenceMatcher(
      _is_punctuation, _spelled(original), _spelled(cleaned), autojunk=False)
  for kind, first, end, first_cleaned, end_cleaned in matcher.get_opcodes():
    run = sum(original[first:end], [])
    cleaned_run = sum(cleaned[first_cleaned:end_cleaned], [])
    if kind == "equal":
      _pair(run, cleaned_run, pairs)
    elif kind == "replace":
      yield run, cleaned_run


def _pair_characters(original, cleaned, pairs):
  """Adds the pairs of two different runs, each a list of (index, character).

  First their common prefix and suffix, so that a full stop after a web address
  is not aligned with one inside; then the longest equal runs of the rest.
  """
  size = min(len(original), len(cleaned))
  prefix = next((i for i in range(size) if original[i][1] != cleaned[i][1]),
                size)
  suffix = next((i for i in range(size - prefix)
                 if original[-1 - i][1] != cleaned[-1 - i][1]), size - prefix)
  _pair(original[:prefix], cleaned[:prefix], pairs)
  _pair(original[len(original) - suffix:], cleaned[len(cleaned) - suffix:],
        pairs)
  original = original[prefix:len(original) - suffix]
  cleaned = cleaned[prefix:len(cleaned) - suffix]
  matcher = difflib.SequenceMatcher(
      _is_punctuation, [char for _, char in original],
      [char for _, char in cleaned], autojunk=False)
  for first, second, length in matcher.get_matching_blocks():
    _pair(original[first:first + length], cleaned[second:second + length],
          pairs)


def _pair(original, cleaned, pairs):
  """Adds the pairs of two equal runs."""
  pairs += [(index, original_index) for (original_index, _), (index, _) in
            zip(original, cleaned)]


def _spelled(tokens):
  """Returns each token, a list of (index, character), as a str."""
  return ["".join(char for _, char in token) for token in tokens]


def _is_punctuation(text):
  return not text[0].isalnum()
