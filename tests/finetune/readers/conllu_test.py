"""Tests for finetune.readers.conllu."""

import unittest

from finetune.readers import conllu

WORD = "1\ta\ta\tX\t_\t_\t0\troot\t_\t_"


class ConlluTest(unittest.TestCase):

  def test_ten_columns_and_a_number_are_conllu(self):
    for text_lines in ([WORD], ["", "# newdoc", WORD], ["1-2" + WORD[1:]]):
      self.assertTrue(conllu.is_conllu(text_lines))
    for line in (WORD[:-2], WORD.replace("\t", " "), "a" + WORD[1:], "# x", ""):
      self.assertFalse(conllu.is_conllu([line]))

  def test_comments_tokens_and_empty_nodes_are_not_words(self):
    self.assertTrue(conllu.is_word(WORD))
    for line in ("# text = a", "1-2" + WORD[1:], "8.1" + WORD[1:]):
      self.assertFalse(conllu.is_word(line))

  def test_sentence_id(self):
    self.assertEqual(conllu.sentence_id("# sent_id = a 1 "), "a 1")
    for line in ("# text = sent_id = 2", WORD):
      self.assertIsNone(conllu.sentence_id(line))


if __name__ == "__main__":
  unittest.main()
