"""Tests for finetune.qa.answer_text."""

import unittest

from finetune.qa import answer_text
from model import tokenization

CASED = tokenization.BasicTokenizer(do_lower_case=False)
LOWER = tokenization.BasicTokenizer(do_lower_case=True)
LOWER_KEEPING_ACCENTS = tokenization.BasicTokenizer(True, strip_accents=False)


def original_text(predicted, original, tokenizer):
  start, end = answer_text.place_in(original, predicted, tokenizer)
  return original[start:end]


class AnswerTextTest(unittest.TestCase):

  def test_pieces_are_joined(self):
    for pieces, wanted in [(["بير", "##وت", "،"], "بيروت ،"),
                           (["##وت"], "وت"),
                           ([], "")]:
      self.assertEqual(answer_text.text_of_pieces(pieces), wanted)

  def test_prediction_is_found_in_the_original(self):
    for predicted, original, wanted in [
        ("1895", "(1895-1943).", "1895"),
        ("1895 - 1943", "(1895-1943).", "1895-1943"),
        ("بيروت", "«بيروت»،", "بيروت"),
        ("يروت", "بيروت،", "يروت"),  # from inside a word
        ("مُحَمَّد", "(مُحَمَّد)", "مُحَمَّد")]:  # diacritics stay
      with self.subTest(predicted=predicted):
        self.assertEqual(
            original_text(predicted, original, CASED), wanted)

  def test_case_of_the_original_is_kept(self):
    self.assertEqual(
        original_text("steve smith", "Steve Smith's", LOWER),
        "Steve Smith")

  def test_all_of_the_original_where_they_cannot_be_aligned(self):
    for predicted, original, tokenizer in [
        ("[UNK]", "(ab)", CASED),
        ("احمد", "أَحمد،", LOWER),  # an accent was dropped
        ("", "(ab)", CASED)]:
      with self.subTest(predicted=predicted):
        self.assertEqual(
            original_text(predicted, original, tokenizer), original)

  def test_accents_are_stripped_only_if_the_tokenizer_did(self):
    # the reference always strips them when lower-casing, and then gives up
    self.assertEqual(original_text(
        "أَحمد", "أَحمد،", LOWER_KEEPING_ACCENTS), "أَحمد")


if __name__ == "__main__":
  unittest.main()
