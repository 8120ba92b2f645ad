"""Reproducible random choices, and templates with gender agreement.

A template may contain
  {field}   the value of a field; {field!} also marks it as an answer
  <m|f>     the form for a masculine or a feminine subject
  [a/b/c]   one of several wordings, drawn at random
"""

import random
import re

ANSWER_START, ANSWER_END = "\x02", "\x03"

_AGREEMENT = re.compile(r"<([^<>|]*)\|([^<>|]*)>")
_WORDINGS = re.compile(r"\[([^\[\]]*)\]")
_FIELD = re.compile(r"\{(\w+)(!?)\}")


class Dice:
  """Random draws that are the same for a seed on every version of Python.

  It uses only `random.random()`, whose sequence Python guarantees to be the
  same in all releases.
  """

  def __init__(self, seed, share=1.0):
    """Seeds the dice.

    Args:
      seed: string or int.
      share: float, the fraction of every list, from its start, that `pick`
        draws from.
    """
    self._random = random.Random(seed).random
    self._share = share

  def number(self, low, high, step=1):
    """Returns one of low, low + step, ... up to and including high."""
    return low + step * int(self._random() * ((high - low) // step + 1))

  def happens(self, probability):
    return self._random() < probability

  def pick(self, items):
    """Returns one item of the first `share` of a list."""
    num_open = max(min(len(items), 4), int(len(items) * self._share))
    return items[int(self._random() * num_open)]

  def wording(self, items):
    """Returns one item of the list, whatever `share` is."""
    return items[int(self._random() * len(items))]

  def shuffled(self, items):
    """Returns the items in random order."""
    return [item for _, item in sorted(
        ((self._random(), i), item) for i, item in enumerate(items))]

  def sample(self, items, size):
    """Returns `size` different items in random order."""
    return self.shuffled(items)[:size]


def counted(number, noun_forms):
  """Returns a number and its noun in the form that agrees with the number.

  | last two digits | form |
  |---|---|
  | 3 to 10 | plural: 7 أيام |
  | 11 to 99 | accusative singular: 15 يوما |
  | 00, 01, 02 | singular: 200 يوم |

  Args:
    number: int, at least 3.
    noun_forms: (singular, accusative singular, plural).
  """
  singular, accusative, plural = noun_forms
  last_two = number % 100
  if 3 <= last_two <= 10:
    return "%d %s" % (number, plural)
  if last_two >= 11:
    return "%d %s" % (number, accusative)
  return "%d %s" % (number, singular)


def expand(template, fields, dice, gender="m"):
  """Expands a template.

  Args:
    template: see the module's docstring.
    fields: dict of strings.
    dice: Dice to draw the wordings.
    gender: "m" or "f", of the subject.

  Returns:
    The text; a {field!} is enclosed in ANSWER_START and ANSWER_END.
  """
  text = _WORDINGS.sub(
      lambda match: dice.wording(match.group(1).split("/")), template)
  text = _AGREEMENT.sub(
      lambda match: match.group(2 if gender == "f" else 1), text)

  def fill(match):
    value = fields[match.group(1)]
    if match.group(2):
      return ANSWER_START + value + ANSWER_END
    return value

  return _FIELD.sub(fill, text)


def without_answer_marks(text):
  return text.replace(ANSWER_START, "").replace(ANSWER_END, "")
