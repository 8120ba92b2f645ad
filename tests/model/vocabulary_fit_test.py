"""Tests for model.vocabulary_fit."""

import collections
import contextlib
import io
import tempfile
import unittest
from unittest import mock

from model import tokenization
from model import vocabulary_fit
from tests.pretrain import tiny_corpus

SPECIAL = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]


class VocabularyFitTest(unittest.TestCase):

  def tokenizer(self, tokens, **settings):
    with tempfile.TemporaryDirectory() as folder:
      return tokenization.FullTokenizer(
          tiny_corpus.write_vocab(folder, SPECIAL + tokens), **settings)

  def count(self, tokenizer, *texts):
    """Returns (number of [UNK], {unknown word: count})."""
    unknown = tokenizer.count_unknown_words()
    tokenizer.encode_untrusted_batch(texts)
    return unknown.num_tokens, dict(unknown.words(tokenizer))

  def problem(self, vocab, text, **settings):
    tokenizer = self.tokenizer(vocab, **dict(dict(do_lower_case=False),
                                             **settings))
    num_unknown, words = self.count(tokenizer, text)
    return vocabulary_fit.find_problem(
        tokenizer, len(text.split()), num_unknown, collections.Counter(words),
        vocabulary_fit.FLAGS)

  def test_counts_unknown_words_without_punctuation(self):
    tokenizer = self.tokenizer(["a", "##b", "."])
    self.assertEqual(self.count(tokenizer, "a ab", "a."), (0, {}))
    self.assertEqual(self.count(tokenizer, "c a cc. c", "cab"),
                     (4, {"c": 2, "cc": 1, "cab": 1}))

  def test_each_count_starts_at_zero(self):
    tokenizer = self.tokenizer(["a"])
    for _ in range(2):
      self.assertEqual(self.count(tokenizer, "x a"), (1, {"x": 1}))

  def test_words_of_the_first_unknown_tokens_only(self):
    with mock.patch.object(vocabulary_fit, "MAX_EXAMINED", 2):
      self.assertEqual(
          self.count(self.tokenizer(["a"]), "x", "x", "y", "z"), (4, {"x": 2}))

  def test_few_unknown_tokens_are_no_problem(self):
    text = "a " * 98 + "x "
    self.assertIsNone(self.problem(["a", "##b"], text))
    self.assertIsNotNone(self.problem(["a", "##b"], text + "x"))

  def test_problems_are_named_with_what_to_do(self):
    for vocab, text, message in (
        (["\u2581a"], "a b", r"no token starts with ##.*\(SentencePiece"),
        (["a"], "b", r"^no token starts with ##, as WordPieces inside words do."
         " Train a WordPiece vocabulary with train_vocab.py"),
        (["\u00e9", "##x"], "e\u0301", "Normalize it to NFC"),
        (["\u0627\u0644", "##x"], "\ufe8d\ufedf", "presentation .* to NFKC"),
        (["\u0627\u0644", "##x"], "\u0627\u0640\u064e\u0644", "diacritics"),
        (["a", "\u00e9", "##x"], "A \u00c9", "Set --do-lower-case --no-strip"),
        (["a", "e", "##x"], "A \u00c9", "Set --do-lower-case --do-strip-acc"),
        (["\u0627", "##x"], "\u0623", "Set --do-lower-case --do-strip-accents"),
        (["a", "##x"], "\u4e00 b", "lacks the characters \u4e00 b. Train one"),
        (["a", "##b"], "ba", "lacks pieces of such words")):
      with self.subTest(vocab=vocab, text=text):
        self.assertRegex(self.problem(vocab, text), message)

  def test_advice_makes_the_words_known(self):
    vocab, text = ["\u0627\u062d", "##x"], "\u0623\u062d"
    self.assertIn("--do-lower-case --do-strip-accents",
                  self.problem(vocab, text))
    self.assertIsNone(self.problem(vocab, text, do_lower_case=True))

  def test_log(self):
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
      vocabulary_fit.log(2000, 1000, [("x", 900), ("y", 100)], "a cause.")
      vocabulary_fit.log(2000, 0, [], None)
    self.assertEqual(printed.getvalue(), (
        "[UNK] is 1,000 of 2,000 tokens (50.00 %), most often for x (900), y "
        "(100)\nWarning: vocabulary and text do not fit: a cause.\n"
        "[UNK] is 0 of 2,000 tokens (0.00 %)\n"))


if __name__ == "__main__":
  unittest.main()
