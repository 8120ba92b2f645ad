"""Tests for model.arabert_cleaning."""

import logging
import unittest
from unittest import mock

from model import arabert_cleaning
from util import utils


class ArabertCleaningTest(unittest.TestCase):

  def test_cleans_as_the_package_does(self):
    clean_line = arabert_cleaning.make_cleaner("araelectra-base")
    # Diacritics and tatweel are removed, the URL becomes a token.
    self.assertEqual(clean_line("مُحَمَّد قـــال http://example.com/x"),
                     "محمد قال [رابط]")

  def test_canonical_name_drops_the_publisher(self):
    self.assertEqual(
        arabert_cleaning.canonical_name("aubmindlab/araelectra-base"),
        "araelectra-base")

  def test_error_for_an_unknown_name_lists_the_known_ones(self):
    for name in ("araelectra", "someone/araelectra-base", ""):
      with self.assertRaisesRegex(
          utils.UserError, "Unknown --model-name '%s'. Use one of .*"
          "araelectra-base, .*bert-base-arabertv2" % name):
        arabert_cleaning.make_cleaner(name)

  def test_farasa_requires_java(self):
    with mock.patch("shutil.which", lambda name: None):
      with self.assertRaisesRegex(utils.UserError, "which requires Java"):
        arabert_cleaning.make_cleaner("bert-base-arabertv2")

  def test_farasa_that_fails_is_an_error(self):
    # Without its Java program, Farasa returns nothing or raises.
    def broken(unused_text):
      raise BrokenPipeError
    for preprocess in (lambda text: "", broken):
      with mock.patch("shutil.which", lambda name: "/usr/bin/java"):
        with mock.patch("arabert.preprocess.ArabertPreprocessor") as made:
          made.return_value.preprocess = preprocess
          with self.assertRaisesRegex(utils.UserError, "failed to run"):
            arabert_cleaning.make_cleaner("bert-base-arabertv2")

  def test_missing_package_is_an_error(self):
    with mock.patch.dict("sys.modules", {"arabert": None}):
      with self.assertRaisesRegex(utils.UserError, "pip install arabert"):
        arabert_cleaning.make_cleaner("araelectra-base")

  def test_logging_is_restored(self):
    arabert_cleaning.make_cleaner("araelectra-base")
    self.assertEqual(logging.root.manager.disable, logging.NOTSET)


if __name__ == "__main__":
  unittest.main()
