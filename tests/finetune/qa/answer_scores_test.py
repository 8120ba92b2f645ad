"""Tests for finetune.qa.answer_scores; expected values are worked by hand."""

import unittest

from finetune.qa import answer_scores


class AnswerScoresTest(unittest.TestCase):

  def test_normalize(self):
    for raw, wanted in [("The  Cat!", "cat"),
                        ("a.b, an", "ab"),
                        ("في بيروت.", "في بيروت"),
                        ("بيروت،", "بيروت،")]:
      with self.subTest(raw=raw):
        self.assertEqual(answer_scores.normalize(raw), wanted)

  def test_normalize_arabic(self):
    for raw, wanted in [("بيروت،", "بيروت"),  # Arabic comma
                        ("«القاهرة»؟", "قاهره"),  # quotes, article, teh marbuta
                        ("أحمد إلى آخر", "احمد الي اخر"),  # alefs, alef maksura
                        ("ٱلْكِتَاب", "كتاب"),  # alef wasla
                        ("الْكِتَابُ", "كتاب"),  # diacritics first
                        ("آلاف سالم", "الاف سالم"),  # no article in either
                        ("الى الله اله", "الي له اله"),  # two letters must stay
                        ("هٰذا", "هذا"),  # superscript alef
                        ("مُحَمَّدٌ", "محمد"),  # harakat
                        ("محـــمد", "محمد"),  # tatweel
                        ("The  Cat!", "cat")]:
      with self.subTest(raw=raw):
        self.assertEqual(answer_scores.normalize_arabic(raw), wanted)

  def test_normalize_as_mlqa(self):
    for raw, wanted in [("«القاهرة»، الآن!", "قاهرة آن"),
                        ("سالم وَالِي $5", "س م وَ ِي 5"),  # also inside words
                        ("The Cat", "the cat")]:
      with self.subTest(raw=raw):
        self.assertEqual(answer_scores.normalize_mlqa_arabic(raw), wanted)

  def test_f1_is_the_harmonic_mean_of_precision_and_recall(self):
    # gold 2 tokens, predicted 3, common 2: P = 2/3, R = 1, F1 = 4/5
    self.assertAlmostEqual(answer_scores.f1("جبل لبنان", "في جبل لبنان"), 0.8)

  def test_f1_counts_repeated_tokens_as_often_as_in_both(self):
    # common: one "x" of two; P = 1/2, R = 1/1, F1 = 2/3
    self.assertAlmostEqual(answer_scores.f1("x", "x x"), 2 / 3)

  def test_f1_of_empty_answers_differs_between_squad_versions(self):
    self.assertEqual(answer_scores.f1("the", "a"), 0.0)
    self.assertEqual(answer_scores.f1("", "", both_empty=1.0), 1.0)
    self.assertEqual(answer_scores.f1("", "بيروت", both_empty=1.0), 0.0)

  def test_best_over_takes_the_closest_gold(self):
    self.assertEqual(answer_scores.best_over(
        ["عمان", "بيروت"], "بيروت", answer_scores.exact_match), 1.0)

  def test_no_gold_answer_is_an_error(self):
    with self.assertRaisesRegex(ValueError, "No gold answer"):
      answer_scores.best_over([], "بيروت", answer_scores.f1)

  def test_has_arabic(self):
    self.assertTrue(answer_scores.has_arabic("in بيروت"))
    self.assertFalse(answer_scores.has_arabic("2018، §"))


if __name__ == "__main__":
  unittest.main()
