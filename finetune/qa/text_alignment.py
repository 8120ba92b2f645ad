"""Which characters of a text a cleaned copy of it stands for.

Nothing is known of the cleaning but its result: it drops characters (Arabic
diacritics, letters of other alphabets), adds spaces, and puts something short
for something long ("[رابط]" for a web address), all in the order of the text.
"""

import bisect
import difflib
import re
import unicodedata

# What is aligned as a whole before single characters are: words and numbers.
_TOKEN = re.compile(r"[^\W\d_]+|\d+|\S")
_TATWEEL = "\u0640"
# Marks over a letter, such as diacritics, and invisible characters.
_CLINGING = frozenset(["Mn", "Me", "Cf"])


class Alignment:
  """The places of a cleaned text's characters in the original.

  White space is aligned with nothing. A character of the original that is not
  in the cleaned text belongs to no place, or to what stands for it.
  """

  def __init__(self, original, cleaned):
    """Aligns two texts."""
    self._original, self._cleaned = original, cleaned
    # Of the characters that are no white space, in order: the place in the
    # cleaned text, and where in the original what it stands for begins, ends.
    self._places = [i for i, char in enumerate(cleaned) if not char.isspace()]
    pairs = _pairs(original, cleaned)
    self._starts = [place for _, place in pairs]
    self._ends = [place + 1 for _, place in pairs]
    if len(pairs) < len(self._places):
      self._place(dict(pairs))

  def to_original(self, start, end):
    """Returns (first, end) in the original of cleaned characters [start, end).

    What the cleaning dropped in between belongs to it, and what it dropped of
    the words at both ends, as by `widened`; (0, 0) if there is nothing but
    white space.
    """
    first = bisect.bisect_left(self._places, start)
    last = bisect.bisect_left(self._places, end) - 1
    if first > last:
      return 0, 0
    return self.widened(self._starts[first], self._ends[last])

  def to_cleaned(self, start, end):
    """Returns (first, end) in the cleaned text of [start, end); None if gone.

    Where something else stands for a part of it, it is all of that.
    """
    first = bisect.bisect_right(self._ends, start)
    last = bisect.bisect_left(self._starts, end) - 1
    if first > last:
      return None
    return self._places[first], self._places[last] + 1

  def widened(self, start, end):
    """Returns [start, end) of the original with all of its first and last word.

    These are diacritics after it, and letters and digits next to it that the
    cleaning dropped: "Beyonc" becomes "Beyoncé" where "é" was dropped.
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
    while end < len(self._original) and _clings(self._original[end]):
      end += 1
    return end

  def _is_dropped_letter(self, place, next_to):
    char, neighbor = self._original[place], self._original[next_to]
    if _clings(char) or not char.isalnum() or not (
        neighbor.isalnum() or _clings(neighbor)):
      return False
    i = bisect.bisect_right(self._ends, place)
    return i == len(self._ends) or self._starts[i] > place

  def _place(self, place_of):
    """Fills `_starts` and `_ends` where not every character has a pair.

    Args:
      place_of: {place in the cleaned text: place in the original}.
    """
    self._starts, self._ends = [], []
    run = []  # of characters that have no pair
    after = 0  # the place after the last that has one
    for place in self._places:
      if place not in place_of:
        run.append(place)
        continue
      self._place_run(run, after, place_of[place])
      run = []
      after = place_of[place] + 1
      self._starts.append(after - 1)
      self._ends.append(after)
    self._place_run(run, after, len(self._original))

  def _place_run(self, run, start, end):
    """Places characters without a pair: they stand for [start, end).

    Digit for digit if there are as many (of another script), each for all of
    it otherwise.
    """
    if not run:
      return
    others = [i for i in range(start, end) if not (
        self._original[i].isspace() or _clings(self._original[i]))]
    if len(others) == len(run) and all(map(str.isdigit, [
        self._cleaned[i] for i in run] + [self._original[i] for i in others])):
      self._starts += others
      self._ends += [i + 1 for i in others]
    else:
      first, last = (others[0], others[-1] + 1) if others else (start, start)
      self._starts += [first] * len(run)
      self._ends += [last] * len(run)


def _clings(char):
  """Returns whether a character only adds to the letter before it."""
  return char == _TATWEEL or unicodedata.category(char) in _CLINGING


def _pairs(original, cleaned):
  """Returns [(place in the cleaned text, place in the original)], in order."""
  common = {char for char in set(original) & set(cleaned)
            if not char.isspace()}
  places = [[i for i, char in enumerate(text) if char in common]
            for text in (original, cleaned)]
  if ([original[i] for i in places[0]] == [cleaned[i] for i in places[1]]):
    return list(zip(places[1], places[0]))
  pairs = []
  tokens = [_tokens(text, common) for text in (original, cleaned)]
  for original_run, cleaned_run in _unequal_runs(*tokens, pairs=pairs):
    _pair_characters(original_run, cleaned_run, pairs)
  return sorted(pairs)


def _tokens(text, common):
  """Returns the tokens, each a list of (place, character); only of `common`."""
  kept = [(i, char) for i, char in enumerate(text)
          if char in common or char.isspace()]
  return [kept[match.start():match.end()] for match in _TOKEN.finditer(
      "".join(char for _, char in kept))]


def _unequal_runs(original, cleaned, pairs):
  """Yields the characters that lie between tokens which both texts have.

  Args:
    original, cleaned: list of tokens, each a list of (place, character).
    pairs: list; the pairs of the tokens that both have are added.

  Yields:
    (list of (place, character) of the original, of the cleaned text).
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
  """Adds the pairs of two unlike runs, each a list of (place, character).

  What they begin and end with in common is the same; a full stop after a web
  address is not one in it. Of the rest, the longest runs that are alike.
  """
  size = min(len(original), len(cleaned))
  before = next((i for i in range(size) if original[i][1] != cleaned[i][1]),
                size)
  after = next((i for i in range(size - before)
                if original[-1 - i][1] != cleaned[-1 - i][1]), size - before)
  _pair(original[:before], cleaned[:before], pairs)
  _pair(original[len(original) - after:], cleaned[len(cleaned) - after:], pairs)
  original = original[before:len(original) - after]
  cleaned = cleaned[before:len(cleaned) - after]
  matcher = difflib.SequenceMatcher(
      _is_punctuation, [char for _, char in original],
      [char for _, char in cleaned], autojunk=False)
  for first, second, length in matcher.get_matching_blocks():
    _pair(original[first:first + length], cleaned[second:second + length],
          pairs)


def _pair(original, cleaned, pairs):
  """Adds the pairs of two runs that are alike."""
  pairs += [(place, original_place) for (original_place, _), (place, _) in
            zip(original, cleaned)]


def _spelled(tokens):
  """Returns each token, a list of (place, character), as a str."""
  return ["".join(char for _, char in token) for token in tokens]


def _is_punctuation(text):
  return not text[0].isalnum()
