"""An independent implementation of BERT's tokenization rules for tests.

Character by character and without any table, so that it shares neither code nor
method with `model.tokenization`; about a tenth as fast.
"""

import unicodedata


def encode(text, vocab, *, do_lower_case, strip_accents, arabert):
  """Returns the ids of `text`: its words, then their longest pieces."""
  return [vocab[piece]
          for word in words(text, do_lower_case=do_lower_case,
                            strip_accents=strip_accents, arabert=arabert)
          for piece in wordpieces(word, vocab)]


def words(text, *, do_lower_case, strip_accents, arabert):
  """Returns the words of `text`, punctuation marks and ideographs apart."""
  found = []
  for word in space_ideographs(clean(text)).split():
    if do_lower_case:
      word = word.lower()
      if strip_accents:
        word = without_marks(word)
    found.extend(split_at_punctuation(word, arabert))
  return found


def wordpieces(word, vocab, max_characters=200):
  """Returns the pieces of one word: from the left, the longest match."""
  if len(word) > max_characters:
    return ["[UNK]"]
  pieces, start = [], 0
  while start < len(word):
    prefix = "##" if start else ""
    ends = (end for end in range(len(word), start, -1)
            if prefix + word[start:end] in vocab)
    end = next(ends, None)
    if end is None:
      return ["[UNK]"]
    pieces.append(prefix + word[start:end])
    start = end
  return pieces


def clean(text):
  """Drops control characters and replaces every space character by " "."""
  kept = []
  for char in text:
    if char in "\t\n\r" or unicodedata.category(char) == "Zs":
      kept.append(" ")
    elif unicodedata.category(char)[0] != "C" and ord(char) != 0xFFFD:
      kept.append(char)
  return "".join(kept)


def space_ideographs(text):
  """Puts spaces around every Chinese ideograph."""
  return "".join(" %s " % char if is_ideograph(ord(char)) else char
                 for char in text)


def is_ideograph(code):
  """Returns whether BERT counts a code point as a Chinese ideograph."""
  return (0x3400 <= code <= 0x4DBF or 0x4E00 <= code <= 0x9FFF or
          0xF900 <= code <= 0xFAFF or 0x20000 <= code <= 0x2A6DF or
          0x2A700 <= code <= 0x2B73F or 0x2B740 <= code <= 0x2B81F or
          0x2B820 <= code <= 0x2CEAF or 0x2F800 <= code <= 0x2FA1F)


def without_marks(word):
  """Removes accents: decomposes, then drops non-spacing marks."""
  return "".join(char for char in unicodedata.normalize("NFD", word)
                 if unicodedata.category(char) != "Mn")


def split_at_punctuation(word, arabert):
  """Splits a word at punctuation; every mark is a separate word."""
  parts, is_new = [], True
  for char in word:
    if is_punctuation(char, arabert):
      parts.append(char)
      is_new = True
    elif is_new:
      parts.append(char)
      is_new = False
    else:
      parts[-1] += char
  return parts


def is_punctuation(char, arabert):
  """Returns whether a word is split at `char`."""
  if arabert and char in ("[", "]", "+"):
    return False
  code = ord(char)
  return (33 <= code <= 47 or 58 <= code <= 64 or 91 <= code <= 96 or
          123 <= code <= 126 or unicodedata.category(char)[0] == "P")
