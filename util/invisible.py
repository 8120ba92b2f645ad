"""Characters that a screen does not show: escapes and ignores them.

Text copied from web pages and office programs carries direction marks, zero
width spaces and byte order marks. Two labels that differ in these alone look
the same, but a model would learn both.
"""

import re
import unicodedata

# Not of the categories below, but without a glyph: joiners, fillers, variation
# selectors, the blank of Braille.
_OTHER_INVISIBLE = frozenset(map(chr, [
    0x034F, 0x115F, 0x1160, 0x17B4, 0x17B5, 0x180B, 0x180C, 0x180D, 0x2800,
    0x3164, 0xFFA0, *range(0xFE00, 0xFE10), *range(0xE0100, 0xE01F0)]))
_INVISIBLE_CATEGORIES = ("Cf", "Cc")  # format and control characters
# Ligatures and positional forms of Arabic letters, which look like the letters.
_ARABIC_FORMS = re.compile("[\ufb50-\ufdff\ufe70-\ufefc]+")


def escape(text):
  """Returns `text` with escapes for the characters that are not visible.

  "a\u200f" becomes "a\\u200f". Spaces, tabs and line feeds stay; other white
  space, such as a no-break space, is escaped.
  """
  if _is_visible(text):
    return text
  return "".join(char if char in "\t\n" or _is_visible(char) else
                 ascii(char)[1:-1] for char in text)


def remove(text):
  """Returns `text` without invisible characters; white space stays."""
  if _is_visible(text):
    return text
  return "".join(char for char in text if not is_invisible(char))


def is_invisible(char):
  """Returns whether a character other than white space is not visible."""
  return char in _OTHER_INVISIBLE or (
      unicodedata.category(char) in _INVISIBLE_CATEGORIES and
      not char.isspace())


def is_blank(text):
  """Returns whether `text` has only white space and invisible characters."""
  return not text or text.isspace() or not remove(text).strip()


def visible_form(text):
  """Returns what `text` looks like: equal for texts that look the same.

  Without invisible characters, white space as single spaces, accents combined
  with their letters.
  """
  text = _ARABIC_FORMS.sub(
      lambda match: unicodedata.normalize("NFKC", match.group()), text)
  return " ".join(remove(unicodedata.normalize("NFC", text)).split())


def same_looking(text, known):
  """Returns the first of `known` texts that looks like `text`, None if none."""
  form = visible_form(text)
  return next((other for other in known
               if other != text and visible_form(other) == form), None)


def hint(text, known):
  """Returns a hint for an unknown `text` that looks like a known one, or "".

  Args:
    text: str.
    known: iterable of str.
  """
  other = same_looking(text, known)
  return "" if other is None else " %s looks like %s." % contrast(text, other)


def contrast(*texts):
  """Returns the texts in quotation marks, with escapes for what differs."""
  escaped = tuple(map(escape, texts))
  if len(set(map(visible_form, escaped))) < len(texts):  # accents, white space
    return tuple(map(ascii, texts))
  return tuple("'%s'" % text for text in escaped)


def _is_visible(text):
  return text.isprintable() and _OTHER_INVISIBLE.isdisjoint(text)
