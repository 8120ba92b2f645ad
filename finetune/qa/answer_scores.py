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

# What readers of Arabic take for the same letter. The rule is that of Lucene's
# ArabicNormalizer (after Larkey, Ballesteros and Connell, "Improving stemming
# for Arabic information retrieval", SIGIR 2002): alef with hamza or madda ->
# bare alef, alef maksura -> yeh, teh marbuta -> heh, no harakat, no tatweel.
_ARABIC_LETTERS = str.maketrans("أإآىة", "ااايه", "\u0640" + "".join(
    map(chr, range(0x064B, 0x0653))))
_ARABIC = re.compile("[\u0621-\u064A]")


def normalize(answer):
  """Lowers case and drops ASCII punctuation, English articles, extra spaces.

  Arabic punctuation (U+060C, U+061F ...) is kept: the official scripts keep it,
  and published ARCD and TyDiQA numbers depend on that.
  """
  answer = answer.lower().translate(_ASCII_PUNCTUATION)
  return " ".join(_ENGLISH_ARTICLES.sub(" ", answer).split())


def normalize_arabic(answer):
  """Normalizes as `normalize`, then drops what Arabic readers do not go by.

  Unifies Arabic letters as Lucene's ArabicNormalizer does and removes all
  Unicode punctuation (general category P), as the evaluation of MLQA does.
  Never part of an official score.
  """
  answer = "".join(char for char in answer.translate(_ARABIC_LETTERS)
                   if not unicodedata.category(char).startswith("P"))
  return normalize(answer)


def has_arabic(text):
  """Returns whether a letter of the Arabic alphabet is in `text`."""
  return bool(_ARABIC.search(text))


def exact_match(gold, predicted, normalize_fn=normalize):
  """Returns 1.0 if the two answers are the same once normalized, else 0.0."""
  return float(normalize_fn(gold) == normalize_fn(predicted))


def f1(gold, predicted, both_empty=0.0, normalize_fn=normalize):
  """Returns the F1 of the bags of tokens of the two answers.

  Args:
    gold: str, a gold answer.
    predicted: str, the predicted answer.
    both_empty: the score of two answers that both normalize to nothing. The
      official scripts differ here: 0.0 in SQuAD 1.1 and MRQA, 1.0 in SQuAD 2.0.
    normalize_fn: function of an answer, `normalize` or `normalize_arabic`.
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
    raise ValueError("No gold answer to score the prediction %r against; an "
                     "unanswerable question has the one gold answer ''." %
                     predicted)
  return max(score(gold, predicted) for gold in gold_answers)
