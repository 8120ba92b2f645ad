"""Exact match and token F1 between a predicted answer and the gold answers.

The one implementation behind the SQuAD 1.1, SQuAD 2.0 and MRQA evaluations.
Scores are in [0, 1] and agree with the official scripts of
https://rajpurkar.github.io/SQuAD-explorer/ and
https://github.com/mrqa/MRQA-Shared-Task-2019 to the last digit: F1 is computed
from precision and recall as there, since 2 * common / total rounds otherwise.
"""

import collections
import re
import string
import unicodedata

_ASCII_PUNCTUATION = str.maketrans("", "", string.punctuation)
_ENGLISH_ARTICLES = re.compile(r"\b(a|an|the)\b")

# Letters that are often written for each other. The rule is that of Lucene's
# ArabicNormalizer (after Larkey, Ballesteros and Connell, "Improving stemming
# for Arabic information retrieval", SIGIR 2002): alef with hamza or madda ->
# bare alef, alef maksura -> yeh, teh marbuta -> heh.
_ARABIC_LETTERS = str.maketrans("أإآىة", "ااايه")
_ALEF_WASLA, _ALEF = "\u0671", "\u0627"  # the article of vocalized text
_ARABIC = re.compile("[\u0621-\u064A]")
_ARTICLE = "ال"
# Letters that must follow the article, so that "الى" is not stripped; the rule
# is that of Lucene's ArabicStemmer.
_MIN_LETTERS_AFTER_ARTICLE = 2


def normalize(answer):
  """Lower-cases, removes ASCII punctuation, English articles, extra spaces.

  Arabic punctuation (U+060C, U+061F, ...) is kept, as in the official scripts;
  published ARCD and TyDiQA numbers depend on that.
  """
  answer = answer.lower().translate(_ASCII_PUNCTUATION)
  return " ".join(_ENGLISH_ARTICLES.sub(" ", answer).split())


def normalize_arabic(answer):
  """Applies `normalize` and removes spelling variation of Arabic.

  In this order: removes diacritics, tatweel and all Unicode punctuation
  (general category P, as in MLQA); removes the article "ال" at the beginning of
  words if at least two letters remain; replaces alef with hamza or madda by
  alef, alef maksura by yeh, teh marbuta by heh.

  Not part of any official score. The numbers published for ARCD and TyDi QA,
  including AraELECTRA's, are official ones: SOQAL, the source of ARCD, scores
  with SQuAD 1.1's normalization. MLQA's evaluation also removes articles, but
  within words too (see `normalize_mlqa_arabic`); the letters are those that
  Arabic search engines unify.
  """
  letters = "".join(char for char in answer.replace(_ALEF_WASLA, _ALEF)
                    if not _is_ignored_in_arabic(char))
  words = [word[len(_ARTICLE):] if word.startswith(_ARTICLE) and
           len(word) >= len(_ARTICLE) + _MIN_LETTERS_AFTER_ARTICLE else word
           for word in normalize(letters).split()]
  return " ".join(words).translate(_ARABIC_LETTERS)


def normalize_mlqa_arabic(answer):
  """Normalizes like the official evaluation of MLQA for Arabic.

  Lower-cases, removes all punctuation (Unicode's and ASCII's) and replaces
  every "ال" by a space, also within words; keeps diacritics and letters.
  """
  answer = "".join(char for char in answer.lower()
                   if not unicodedata.category(char).startswith("P"))
  return " ".join(
      answer.translate(_ASCII_PUNCTUATION).replace(_ARTICLE, " ").split())


def _is_ignored_in_arabic(char):
  """Returns whether a character is punctuation, a diacritic or tatweel."""
  return char == "\u0640" or (
      unicodedata.category(char).startswith("P") or
      "\u0600" <= char <= "\u06ff" and unicodedata.category(char) == "Mn")


def has_arabic(text):
  """Returns whether `text` contains a letter of the Arabic alphabet."""
  return bool(_ARABIC.search(text))


def exact_match(gold, predicted, normalize_fn=normalize):
  """Returns 1.0 if the two answers are the same once normalized, else 0.0."""
  return float(normalize_fn(gold) == normalize_fn(predicted))


def f1(gold, predicted, both_empty=0.0, normalize_fn=normalize):
  """Returns the F1 of the bags of tokens of the two answers.

  Args:
    gold: str, a gold answer.
    predicted: str, the predicted answer.
    both_empty: float, the score if both answers normalize to nothing. The
      official scripts differ here: 0.0 in SQuAD 1.1 and MRQA, 1.0 in SQuAD 2.0.
    normalize_fn: function of an answer that returns it normalized.
  """
  gold_tokens = normalize_fn(gold).split()
  predicted_tokens = normalize_fn(predicted).split()
  if not gold_tokens and not predicted_tokens:
    return both_empty
  num_common = sum((collections.Counter(gold_tokens) &
                    collections.Counter(predicted_tokens)).values())
  if not num_common:
    return 0.0
  precision = num_common / len(predicted_tokens)
  recall = num_common / len(gold_tokens)
  return 2 * precision * recall / (precision + recall)


def best_over(gold_answers, predicted, score):
  """Returns the highest `score(gold, predicted)` over `gold_answers`.

  Raises:
    ValueError: there is no gold answer to score against.
  """
  if not gold_answers:
    raise ValueError("No gold answer to score the prediction %r against. Pass "
                     "[''] for an unanswerable question." % predicted)
  return max(score(gold, predicted) for gold in gold_answers)
