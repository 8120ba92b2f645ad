"""Splits paragraphs into sentences: the rule of --split-sentences.

A sentence ends after a run of these marks, with the quotes and brackets that
close after it, if white space follows:

  . ! ? and the ellipsis; of Arabic script the question mark and the full stop

A run of full stops or an ellipsis does not end a sentence

  * before a lower-case letter ("approx. five");
  * after a single letter, an initial or an Arabic title ("J. Smith");
  * after an abbreviation in ABBREVIATIONS, or in BEFORE_NUMBERS ("no. 5");
  * after a number at the start of a sentence, as in a list ("1. First").

White space must follow, so decimal numbers, times, domain names and "U.S.A" are
never split. The marks stay with the sentence that they end; nothing but white
space between sentences is removed.
"""

import re

_STOPS = ".\u2026\u06d4"  # full stop, ellipsis, Arabic full stop
_ENDS = _STOPS + "!?\u061f"  # and the Arabic question mark
_CLOSING = "\"'\u2019\u201d\u00bb)\\]}\u203a"
_END = re.compile(r"(?P<marks>[%s]+)[%s]*\s+" % (_ENDS, _CLOSING))
_OPENING = "\"'\u2018\u201c\u00ab([{\u2039"

# Lower-case, without the last full stop.
ABBREVIATIONS = frozenset("""
    approx ca cf co corp dept dr ed eds e.g eg est gen gov i.e ie inc jr lt ltd
    messrs mr mrs ms mt a.m p.m prof rep rev sen sgt sr st u.k u.n u.s vs
    jan feb mar apr jun jul aug sep sept oct nov dec
    """.split()) | frozenset((
        "\u0642.\u0645", "\u0628.\u0645",  # before and after Christ
        "\u0623.\u062f", "\u0627.\u062f",  # Prof. Dr.
        "\u0635.\u0628"))  # post-office box
# Abbreviations only before a number: "no. 5", but "She answered no."
BEFORE_NUMBERS = frozenset(
    "art ch fig figs no nos op p pp sec vol vols".split())
_STOPS_ONLY = re.compile("[%s]+$" % _STOPS)
_LAST_WORD = re.compile(r"\S*$")
_MAX_WORD = 20  # characters; no abbreviation is as long


def split(text):
  """Returns the sentences of a paragraph, in order and without outer spaces.

  Args:
    text: str, of one line.

  Returns:
    list of str, none of them blank.
  """
  sentences, start = [], 0
  for match in _END.finditer(text):
    if _is_end(text, start, match):
      sentences.append(text[start:match.end()].strip())
      start = match.end()
  sentences.append(text[start:].strip())
  return [sentence for sentence in sentences if sentence]


def _is_end(text, start, match):
  """Returns whether a sentence that starts at `start` ends at a match."""
  if not _STOPS_ONLY.match(match.group("marks")):
    return True
  following = text[match.end():match.end() + 2].lstrip(_OPENING)
  if following[:1].islower():
    return False
  word = _LAST_WORD.search(text, max(start, match.start() - _MAX_WORD),
                           match.start()).group().lstrip(_OPENING)
  if word.isdigit():
    return text[start:match.start()].strip() != word
  is_initial = len(word) == 1 and word.isalpha()
  word = word.lower()
  return not (is_initial or word in ABBREVIATIONS or (
      word in BEFORE_NUMBERS and following[:1].isdigit()))
