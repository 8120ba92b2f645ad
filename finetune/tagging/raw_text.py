"""Splits raw text into words as the training data of a tagger are split.

Words of a text are separated by white space, but in most training data
punctuation marks are words too: "(Beirut)." are four words. Which marks are, is
learned from the training data, for each mark.
"""

import collections
import itertools
import unicodedata

from finetune.readers import conll
from model import tokenization

# Characters that belong to the one before them: marks and invisible ones.
_ATTACHED = frozenset(["Mn", "Me", "Cf"])


def learn_splitting(sentences):
  """Returns at which punctuation marks the words of sentences are split.

  Args:
    sentences: list of conll.Sentence.

  Returns:
    None if marks mostly are at the edges of words rather than words, so that
    text is split at white space only. Else, for JSON, {"kept": the marks that
    stay at the edges of words, "inside": the marks that are words and never
    inside of a word, "runs": the marks that are repeated in one word: "..."}.
  """
  alone, at_edges, inside, runs = (collections.Counter() for _ in range(4))
  words = collections.Counter(
      word for sentence in sentences for word in sentence.words)
  for word, count in words.items():
    units = _units(word)
    marks = [_mark_of(unit) for unit in units]
    if len(set(marks)) == 1 and marks[0]:
      alone[marks[0]] += count
      runs[marks[0]] += count * (len(marks) > 1)
      continue
    start, end = _core(marks, lambda mark: bool(mark))
    for mark in marks[:start] + marks[end:]:
      at_edges[mark] += count
    for mark in filter(None, marks[start:end]):
      inside[mark] += count
  if sum(alone.values()) <= sum(at_edges.values()):
    return None
  kept = {mark for mark in at_edges if at_edges[mark] > alone[mark]}
  return {"kept": "".join(sorted(kept)),
          "inside": "".join(sorted(set(alone) - set(inside) - kept)),
          "runs": "".join(sorted(+runs))}


def split(sentence, splitting):
  """Returns a conll.Sentence of raw text with its words split.

  Args:
    sentence: conll.Sentence with a `text`.
    splitting: result of `learn_splitting`.
  """
  words = list(itertools.chain.from_iterable(
      _split_word(word, splitting) for word in sentence.text.split()))
  return conll.Sentence(sentence.place, words, None, sentence.text,
                        sentence.sentence_id)


def _split_word(word, splitting):
  """Returns the words of a text without white space."""
  units = _units(word)
  marks = [_mark_of(unit) for unit in units]
  start, end = _core(
      marks, lambda mark: mark and mark not in splitting["kept"])
  is_word = [mark and (not start <= i < end or
                       mark in splitting["inside"] and
                       not _is_between_digits(units, i))
             for i, mark in enumerate(marks)]
  words = []
  for i, unit in enumerate(units):
    continues = i > 0 and (
        not is_word[i] and not is_word[i - 1] or
        is_word[i] and marks[i] == marks[i - 1] and
        marks[i] in splitting["runs"])
    if continues:
      words[-1] += unit
    else:
      words.append(unit)
  return words


def _core(marks, is_edge):
  """Returns the slice (start, end) of `marks` without those at both edges."""
  start, end = 0, len(marks)
  while start < end and is_edge(marks[start]):
    start += 1
  while end > start and is_edge(marks[end - 1]):
    end -= 1
  return start, end


def _units(word):
  """Returns the characters of a word, each with the marks that follow it."""
  units = []
  for char in word:
    # Invisible characters at the beginning belong to the first visible one.
    if units and (unicodedata.category(char) in _ATTACHED or
                  all(map(_is_attached, units[-1]))):
      units[-1] += char
    else:
      units.append(char)
  return units


def _is_attached(char):
  return unicodedata.category(char) in _ATTACHED


def _mark_of(unit):
  """Returns the punctuation mark of a unit, "" if it is something else."""
  visible = "".join(char for char in unit if not _is_attached(char))
  return visible if visible and tokenization.is_punctuation(visible) else ""


def _is_between_digits(units, i):
  """Returns whether a unit is inside of a number: "3.5"."""
  return 0 < i < len(units) - 1 and (
      units[i - 1][0].isdigit() and units[i + 1][0].isdigit())
