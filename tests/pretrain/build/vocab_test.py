"""Tests for pretrain.build.vocab; see also tests/train_vocab_test.py."""

import collections
import contextlib
import io
import unittest
from unittest import mock

from pretrain.build import vocab


class ScaleDownTest(unittest.TestCase):

  def test_counts_are_divided_to_fit_the_trainer(self):
    counts = collections.Counter({"ab": 40, "cd": 5, "e": 1})  # 91 characters
    with mock.patch.object(vocab, "MAX_TRAINED_CHARACTERS", 30), \
        contextlib.redirect_stdout(io.StringIO()) as printed:
      scaled = vocab.scale_down(counts)
    self.assertEqual(scaled, {"ab": 10, "cd": 1})  # divided by 4
    self.assertIn("Divided all counts by 4", printed.getvalue())
    self.assertEqual(vocab.scale_down(counts), counts)


class RepeatWordsTest(unittest.TestCase):

  def test_words_occur_as_often_as_they_were_counted(self):
    counts = collections.Counter({"a": 5, "b": 1})
    with mock.patch.object(vocab, "_WORDS_PER_TEXT", 2):
      self.assertEqual(list(vocab.repeat_words(counts)),
                       ["a a", "a a", "a", "b"])


if __name__ == "__main__":
  unittest.main()
