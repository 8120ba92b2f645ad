"""Tests for finetune.tagging.tag_checks."""

import re
import unittest

from tests.finetune.tagging import tiny_tags
from util import utils

TRAIN = "a B-PER\nb O\n\nc O\nd B-LOC\ne I-LOC\n"


class TagChecksTest(tiny_tags.TaggingTestCase):

  def labels(self, text, task="ner"):
    """Returns the labels learned from a training file."""
    self.path = self.write(task + "/train.txt", text)
    return self.quietly(lambda: self.task(task).label_list)

  def assert_error(self, message, text, task="ner"):
    with self.assertRaises(utils.UserError) as raised:
      self.labels(text, task)
    self.assertIn(message, str(raised.exception))

  def test_spans_written_in_another_way_are_refused(self):
    for pattern, replacement in [
        ("-", "_"), ("-", ":"), ("-", "\u2011"), ("-", "–"), ("-", ""),
        ("B-(...)", r"\1-B"), ("B-(...)", r"\1_B"), ("-", "\u200f-"),
        ("B-", "b-")]:
      text = re.sub(pattern, replacement, TRAIN)
      if replacement.endswith("B"):
        text = re.sub("I-(...)", replacement.replace("B", "I"), text)
      if replacement == "b-":
        text = text.replace("I-", "i-")
      with self.subTest(text=text):
        self.assert_error("expected tags of spans such as B-", text)

  def test_single_letters_and_types_alone_are_not_refused(self):
    self.assertEqual(self.labels("a PER\nb O\n\nc B_cell\n")[-1], "S-PER")
    self.assertEqual(self.labels("a B\nb I\n\nc O\n"), list("BEIOS"))

  def test_numbers_need_names(self):
    for text in ("a 0\nb 1\n\nc 0\n", "a 0.0\nb 1.0\n"):
      self.assert_error("the tags are numbers (0", text)
    self.assertEqual(self.labels("a 0\nb 1\n\nc 0\n", "pos"), ["0", "1"])

  def test_outside_is_the_capital_letter(self):
    for outside in ("o", "0", "\u041e"):
      self.assert_error(":2: expected the tag O, the capital letter",
                        "a PER\nb %s\n" % outside)

  def test_only_outside_is_refused(self):
    self.assert_error("expected tags of spans such as B-PER, got only O",
                      "a O\nb O\n")

  def test_only_one_tag_is_reported(self):
    self.assertEqual(self.labels("a N\nb N\n", "pos"), ["N"])
    self.assertIn("has the tag N, so that", self.printed.getvalue())

  def test_tags_of_words_as_spans_are_reported(self):
    self.labels("a NN\nb VB\n")
    self.assertIn("set \"metric\": \"accuracy\"", self.printed.getvalue())

  def test_swapped_columns(self):
    self.assert_error("got a tag in the column of words: 'B-X'. Swap",
                      "B-X a\nO b\n")

  def test_header_line(self):
    for task, text in [("ner", "Word Tag\n" + TRAIN),
                       ("pos", "token POS\na N")]:
      self.assert_error("train.txt:1: the first line names the columns", text,
                        task)
    self.assertEqual(self.labels("word N\ntag V\n", "pos"), ["N", "V"])

  def test_tags_that_look_the_same_are_refused(self):
    for task, one, other in [
        ("ner", "B-PER", "B-PER\u200f"), ("ner", "B-PER", "I-PER\u200b"),
        ("ner", "B-caf\u00e9", "B-cafe\u0301"), ("pos", "N", "\ufeffN")]:
      self.assert_error("train.txt:2: the tag ",
                        "a %s\nb %s\nc O\n" % (one, other), task)

  def test_unknown_tag_of_the_dev_set_that_looks_like_a_known_one(self):
    self.labels("a N\nb V\n", "pos")
    self.write("pos/dev.txt", "a N\u200f\n")
    with self.assertRaisesRegex(utils.UserError, r"'N\\u200f' looks like 'N'"):
      self.quietly(self.task("pos").get_examples, "dev")

  def test_column_of_numbers(self):
    for text in ("1 a N\n2 b V\n\n1 c N\n2 d V\n", "0 a N\n1 b V\n2 c V\n"):
      self.assert_error("train.txt:1: expected a word, got its number", text,
                        "pos")
    without = re.sub(r"(?m)^\d ", "", text)  # what `cut -f 2-` does
    self.assertEqual(self.labels(without, "pos"), ["N", "V"])
    self.assertEqual(self.labels("7 N\n1 N\n\n3 N\nb V\n", "pos"), ["N", "V"])

  def test_missing_sentence_breaks_are_reported(self):
    self.labels("a B-X\nb O\n" * 30)
    self.assertIn("train.txt has no sentence breaks: it is read as one "
                  "sentence of 60 words", self.printed.getvalue())
    self.labels("a B-X\n\nb O\n\n" * 30)
    self.assertIn("every sentence of %s has one word" % self.path,
                  self.printed.getvalue())

  def test_usual_files_are_read_silently(self):
    self.labels(TRAIN)
    self.assertNotIn("Warning", self.printed.getvalue())


if __name__ == "__main__":
  unittest.main()
