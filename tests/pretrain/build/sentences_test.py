"""Tests for pretrain.build.sentences."""

import random
import unittest

from pretrain.build import sentences


class SplitTest(unittest.TestCase):

  def assert_split(self, *expected):
    """The expected sentences, with a space between, are split like this."""
    self.assertEqual(sentences.split(" ".join(expected)), list(expected))

  def test_marks_of_latin_and_arabic_script_end_sentences(self):
    self.assert_split("One.", "Two!", "Three?", "Four\u2026", "Five")
    self.assert_split("ذهب الولد إلى المدرسة.", "هل عاد؟", "نعم!", "عاد۔",
                      "ثم نام")

  def test_a_run_of_marks_is_one_end(self):
    self.assert_split("What?!", "No...", "Yes!!!")

  def test_closing_quotes_and_brackets_stay_with_their_sentence(self):
    self.assert_split("He wrote \"No.\"", "She left (at once.)",
                      "\u00abنعم.\u00bb", "(New.)")

  def test_numbers_times_and_domains_are_not_split(self):
    self.assert_split("It is 3.14 or ٣.١٤, see example.com at 10.30.", "Yes.")

  def test_abbreviations_and_initials_do_not_end_sentences(self):
    self.assert_split("Dr. Smith met J. R. Jones, e.g. Mr. X, in Dec. 1999.",
                      "He answered no.", "See no. 5 and vol. 2.")
    self.assert_split("قال د. أحمد والأستاذ م. علي في سنة 30 ق.م. بمصر.",
                      "ثم سافر.")

  def test_a_lower_case_letter_does_not_start_a_sentence_after_a_stop(self):
    self.assert_split("It costs five... or six etc. per item.", "Who?", "he.")

  def test_the_number_of_a_list_does_not_end_a_sentence(self):
    self.assert_split("1. First.", "2. Second in 1999.", "Third.")

  def test_other_text_is_one_sentence(self):
    for text in ("no mark", "...", "a.b", "؟"):
      self.assertEqual(sentences.split(text), [text])
    self.assertEqual(sentences.split("  "), [])

  def test_only_white_space_is_removed(self):
    rng = random.Random(0)
    for _ in range(300):
      text = "".join(rng.choice("aB1د .!?؟…\") \t") for _ in range(40))
      found = sentences.split(text)
      self.assertEqual("".join("".join(found).split()),
                       "".join(text.split()))
      self.assertEqual([s for s in found if s != s.strip() or not s], [])

  def test_time_is_linear_in_the_length(self):
    # A quadratic rule would take minutes.
    self.assertEqual(len(sentences.split("Word. " * 200000)), 200000)


if __name__ == "__main__":
  unittest.main()
