"""Measures how well a vocabulary fits texts: which words become [UNK].

A vocabulary that was trained with other settings, or on other text, gives
thousands of [UNK] without an error, and a model that has not seen the words.
"""

import collections
import unicodedata

from util import json_fields
from util import utils

# From this fraction of tokens on the vocabulary does not fit. Text that fits
# has less than 0.1 % of [UNK].
PROBLEM_SHARE = 0.02
NUM_RECORDED_WORDS = 20
_NUM_LOGGED_WORDS = 8
# Words are collected among so many [UNK], which bounds time and memory.
MAX_EXAMINED = 3000
_MAX_WORDS = 100  # different ones
_MAX_WORDS_IN_MEMORY = 20000  # different ones of a corpus

# Settings of the tokenizer by the names of flags and of hyperparameters.
FLAGS = ("--do-lower-case --no-strip-accents",
         "--do-lower-case --do-strip-accents")
HPARAMS = ("\"do_lower_case\": true, \"strip_accents\": false",
           "\"do_lower_case\": true, \"strip_accents\": true")


class UnknownWords:
  """Counts [UNK], and the words of the first MAX_EXAMINED of them.

  Attributes:
    num_tokens: int, [UNK] that were counted.
  """

  def __init__(self, unk_id):
    self.num_tokens = 0
    self._unk_id = unk_id
    self._texts = collections.Counter()

  def add(self, num_tokens, texts, ids_of_text):
    """Counts `num_tokens` [UNK] among the ids of texts without spaces.

    Args:
      num_tokens: int.
      texts: list of str.
      ids_of_text: {text: its ids}.
    """
    if self.num_tokens < MAX_EXAMINED:
      self._texts.update(text for text in texts
                         if self._unk_id in ids_of_text[text])
    self.num_tokens += num_tokens

  def words(self, tokenizer):
    """Returns a Counter of the most frequent unknown words.

    Args:
      tokenizer: the FullTokenizer that made the ids.
    """
    words = collections.Counter()
    for text, count in self._texts.most_common(2 * _MAX_WORDS):
      for word in tokenizer.basic_tokenizer.split(text):
        if not _is_known(tokenizer, word):
          words[word] += count
    return most_common(words, _MAX_WORDS)


def limited(words):
  """Returns a Counter of unknown words, reduced if it has far too many."""
  if len(words) <= 2 * _MAX_WORDS_IN_MEMORY:
    return words
  return most_common(words, _MAX_WORDS_IN_MEMORY)


def most_common(counter, number):
  """Returns a Counter of the `number` most frequent elements."""
  if len(counter) <= number:
    return counter
  return collections.Counter(dict(counter.most_common(number)))


def log(num_tokens, num_unknown_tokens, unknown_words, problem):
  """Logs how many tokens are [UNK], for which words, and a problem.

  Args:
    num_tokens: int. num_unknown_tokens: int.
    unknown_words: list of (word, count), the most frequent ones.
    problem: str, from `find_problem`, or None.
  """
  words = ", ".join("%s (%s)" % (
      json_fields.shorten(word, quote=False, limit=40),
      "{:,}".format(count)) for word, count in unknown_words[
          :_NUM_LOGGED_WORDS])
  utils.log("[UNK] is {:,} of {:,} tokens ({:.2f} %){}".format(
      num_unknown_tokens, num_tokens,
      100 * num_unknown_tokens / max(1, num_tokens),
      ", most often for " + words if words else ""))
  if problem:
    utils.log("Warning: vocabulary and text do not fit: " + problem)


def find_problem(tokenizer, num_tokens, num_unknown_tokens, words, switches):
  """Returns the likely cause of many [UNK] and what to do; None for few.

  Args:
    tokenizer: FullTokenizer.
    num_tokens: int. num_unknown_tokens: int.
    words: Counter of unknown words.
    switches: FLAGS or HPARAMS, to name the settings to change.
  """
  if num_unknown_tokens < PROBLEM_SHARE * num_tokens or not num_tokens:
    return None
  if not any(token.startswith("##") for token in tokenizer.vocab):
    return ("no token starts with ##, as WordPieces inside words do%s. Train a "
            "WordPiece vocabulary with train_vocab.py." % (
                " (SentencePiece marks the start of words with \u2581)" if any(
                    token.startswith("\u2581") for token in tokenizer.vocab)
                else ""))
  nums_known = [sum(count for word, count in words.items()
                    if _is_known(tokenizer, change(word)))
                for change, _ in _CAUSES]
  if 2 * max(nums_known) >= max(1, sum(words.values())):
    _, problem = _CAUSES[nums_known.index(max(nums_known))]
    return problem.format(lower=switches[0], strip=switches[1])
  lacking = collections.Counter()
  known = set("".join(tokenizer.vocab))
  for word, count in words.items():
    lacking.update({char: count for char in set(word) - known})
  if lacking:
    return ("the vocabulary lacks the characters %s. Train one on such text "
            "with train_vocab.py." % " ".join(
                char for char, _ in lacking.most_common(_NUM_LOGGED_WORDS)))
  return ("the vocabulary lacks pieces of such words. Train one on such text "
          "with train_vocab.py.")


def _is_known(tokenizer, text):
  unk_id = tokenizer.vocab[tokenizer.wordpiece_tokenizer.unk_token]
  return not any(unk_id in tokenizer.wordpiece_tokenizer.encode_word(word)
                 for word in tokenizer.basic_tokenizer.split(text))


def _without_marks(word):
  """Returns a word without diacritics and tatweel; letters keep theirs."""
  return "".join(char for char in word if char != "\u0640" and
                 unicodedata.category(char) != "Mn")


def _stripped(word):
  return _without_marks(unicodedata.normalize("NFD", word.lower()))


# What makes the unknown words known: (change, problem and what to do).
_CAUSES = (
    (lambda word: unicodedata.normalize("NFC", word),
     "the text has letters and their accents as separate characters. Normalize "
     "it to NFC."),
    (lambda word: unicodedata.normalize("NFKC", word),
     "the text has presentation forms of letters, as text from PDF files does. "
     "Normalize it to NFKC."),
    (_without_marks,
     "the text has diacritics or tatweel, and the vocabulary has none. Remove "
     "them, as the cleaning of AraBERT does."),
    (str.lower,
     "the vocabulary is one of lower-cased text. Set {lower}, or use a "
     "vocabulary that was trained with the case (train_vocab.py "
     "--no-lower-case)."),
    (_stripped,
     "the vocabulary is one of lower-cased text without accents. Set {strip}, "
     "or use a vocabulary that was trained with them (train_vocab.py "
     "--no-lower-case)."))
