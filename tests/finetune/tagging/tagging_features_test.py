"""Tests for finetune.tagging.tagging_features."""

import os
import random
import unittest

from finetune.readers import conll
from finetune.tagging import tagging_features
from model import tokenization
from tests.finetune.tagging import tiny_tags

DATA = os.environ.get("ELECTRA_DATA")
ARABERT = list(tokenization.SPECIAL_TOKENS + tokenization.ARABERT_TOKENS)


class MakeInputTest(tiny_tags.TaggingTestCase):

  def make(self, text, max_seq_length=16, vocabulary=(), **settings):
    """Returns (tokens, positions of the first WordPieces)."""
    self.write_vocabulary(ARABERT + ["a", "b", "##b"] + list(vocabulary))
    tokenizer = tokenization.FullTokenizer(
        os.path.join(self.data_dir, "vocab.txt"),
        **dict({"do_lower_case": False}, **settings))
    made = tagging_features.make_input(tokenizer, text.split(" "),
                                       max_seq_length)
    return " ".join(tokenizer.convert_ids_to_tokens(made.input_ids)), (
        made.positions)

  def test_positions_of_words_are_those_of_their_first_piece(self):
    self.assertEqual(self.make("abb a b"),
                     ("[CLS] a ##b ##b a b [SEP]", [1, 4, 5]))

  def test_truncation_counts_word_pieces(self):
    # 6 tokens: [CLS], [SEP] and 4 pieces; the second word has one of its two
    self.assertEqual(self.make("abb ab a", 6), ("[CLS] a ##b ##b a [SEP]",
                                                [1, 4]))
    self.assertEqual(self.make("abb ab a", 5), ("[CLS] a ##b ##b [SEP]", [1]))
    self.assertEqual(self.make("abbbbbbbbb a", 5),
                     ("[CLS] a ##b ##b [SEP]", [1]))

  def test_all_words_that_fit_are_kept(self):
    # The reference kept 2 * 128 - 3 - n of n one-piece words: 55 of 70 and, of
    # 126, not even [CLS].
    for num_words, num_kept in [(70, 70), (126, 126), (127, 126), (500, 126)]:
      tokens, positions = self.make(" ".join(["a"] * num_words), 128)
      self.assertEqual(tokens, "[CLS] %s[SEP]" % ("a " * num_kept))
      self.assertEqual(positions, list(range(1, num_kept + 1)))

  def test_word_of_nothing_is_unknown_and_keeps_its_place(self):
    self.assertEqual(self.make(u"a \u200f b"), ("[CLS] a [UNK] b [SEP]",
                                                [1, 2, 3]))

  def test_spelled_control_tokens_are_words(self):
    tokens, positions = self.make("a [SEP] [CLS] b", vocabulary=["[", "]"])
    self.assertEqual(tokens, "[CLS] a [ [UNK] ] [ [UNK] ] b [SEP]")
    self.assertEqual(positions, [1, 2, 5, 8])

  def test_case_and_accents_are_the_tokenizers(self):
    words = [u"أحمد", u"احمد"]
    for text in words:
      self.assertEqual(self.make(text, vocabulary=words)[0],
                       "[CLS] %s [SEP]" % text)
    self.assertEqual(self.make(words[0], vocabulary=words,
                               do_lower_case=True)[0],
                     "[CLS] %s [SEP]" % words[1])


class WindowsTest(tiny_tags.TaggingTestCase):

  def test_sentence_that_fits_is_one_window(self):
    self.assertEqual(tagging_features.window_bounds([1, 2, 3], 6), [(0, 3)])

  def test_windows_overlap_by_at_most_half(self):
    # 4 words of 1 fit: 0-3; words 2 and 3 are half, and 2 more fit
    self.assertEqual(tagging_features.window_bounds([1] * 7, 4),
                     [(0, 4), (2, 6), (4, 7)])
    self.assertEqual(tagging_features.window_bounds([3, 2, 2], 4),
                     [(0, 1), (1, 3)])

  def test_word_that_is_longer_than_the_input_has_its_own_window(self):
    self.assertEqual(tagging_features.window_bounds([1, 9, 1], 4),
                     [(0, 1), (1, 2), (2, 3)])

  def test_every_word_is_tagged_once_at_its_first_piece(self):
    self.write_vocabulary(ARABERT + ["a", "b", "##b"])
    tokenizer = tokenization.FullTokenizer(
        os.path.join(self.data_dir, "vocab.txt"), do_lower_case=False)
    rng = random.Random(0)
    for _ in range(200):
      words = ["a" + "b" * rng.choice([0, 0, 1, 2, 7])
               for _ in range(rng.randint(1, 40))]
      length = rng.randint(5, 20)
      windows = tagging_features.make_windows(tokenizer, words, length)
      firsts = [tokenizer.encode(word)[0] for word in words]
      tagged = [window.input_ids[position] for window in windows
                for position in window.positions]
      self.assertEqual(tagged, firsts)
      for window in windows:
        self.assertLessEqual(len(window.input_ids), length)
        self.assertEqual(window.positions, sorted(set(window.positions)))
      undivided = tagging_features.make_input(tokenizer, words, length)
      if len(windows) == 1:
        self.assertEqual(windows, [undivided])
      self.assertEqual(undivided.positions[:len(windows[0].positions)],
                       windows[0].positions)


@unittest.skipUnless(DATA, "ELECTRA_DATA is not set")
class RealSentencesTest(unittest.TestCase):

  def test_every_arabic_word_has_the_pieces_that_it_has_alone(self):
    tokenizer = tokenization.FullTokenizer(
        os.path.join(DATA, "vocab", "araelectra-vocab.txt"),
        do_lower_case=False)
    content = conll.read_conll(os.path.join(
        DATA, "anercorp", "ANERCorp_CamelLab_test.txt"))
    for sentence in content.sentences:
      made = tagging_features.make_input(tokenizer, sentence.words, 1 << 20)
      self.assertEqual(made.input_ids[1:-1],
                       tokenizer.encode(" ".join(sentence.words)))
      ends = made.positions[1:] + [len(made.input_ids) - 1]
      for word, start, end in zip(sentence.words, made.positions, ends):
        self.assertEqual(made.input_ids[start:end], tokenizer.encode(word))


if __name__ == "__main__":
  unittest.main()
