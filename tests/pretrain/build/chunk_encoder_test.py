"""Tests for pretrain.build.chunk_encoder."""

import tempfile
import unittest
from unittest import mock

from model import tokenization
from pretrain.build import chunk_encoder
from pretrain.build import corpus
from tests.pretrain import tiny_corpus
from util import utils


def make_chunk(text, number=0, first_line=1, starts_document=True):
  piece = corpus.Piece("a.txt", first_line, text, starts_document)
  return corpus.Chunk(number, [piece], len(text))


class ChunkEncoderTest(unittest.TestCase):

  def encode(self, chunk, seed=0, clean_line=None, do_lower_case=False):
    with tempfile.TemporaryDirectory() as folder:
      tokenizer = tokenization.FullTokenizer(
          tiny_corpus.write_vocab(folder), do_lower_case=do_lower_case)
    return chunk_encoder.ChunkEncoder(
        tokenizer, max_seq_length=16, blanks_separate_docs=True,
        carry_over=False, seed=seed, clean_line=clean_line).encode(chunk)

  def test_seed_and_chunk_number_determine_the_examples(self):
    text = b"w1 w2 w3\n" * 200
    first = self.encode(make_chunk(text, number=0))
    self.assertEqual(first, self.encode(make_chunk(text, number=0)))
    for other in (self.encode(make_chunk(text, number=1)),
                  self.encode(make_chunk(text, number=0), seed=1)):
      self.assertNotEqual(first.framed_records, other.framed_records)

  def test_document_from_the_previous_chunk_is_not_counted_again(self):
    chunk = make_chunk(b"w1\n\nw2\n", starts_document=False)
    self.assertEqual(self.encode(chunk).counts["num_documents"], 1)

  def test_invalid_utf8_error_names_the_line_in_the_file(self):
    with self.assertRaisesRegex(utils.UserError, "a.txt:9: .* byte 0xe3"):
      self.encode(make_chunk(b"w1\n\nw2 \xe3\n", first_line=7))

  def test_letters_that_stripping_accents_changes_are_counted(self):
    self.assertEqual(
        "".join(chunk_encoder.CHANGED_LETTERS),
        "\u0622\u0623\u0624\u0625\u0626\u0653\u0654\u0655\u06c0\u06c2\u06d3")
    text = "آأؤإئ اوي".encode("utf-8")
    counts = self.encode(make_chunk(text), do_lower_case=True).counts
    self.assertEqual(counts["num_changed_letters"], 5)
    counts = self.encode(make_chunk(text)).counts
    self.assertEqual(counts["num_changed_letters"], 0)

  def test_emptied_line_does_not_end_the_document(self):
    counts = self.encode(
        make_chunk(b"w1\nw2\nw3\n"),
        clean_line=lambda line: line.replace("w2", " ")).counts
    self.assertEqual(counts["num_examples"], 1)
    self.assertEqual(counts["num_emptied_lines"], 1)
    self.assertEqual(counts["num_lines"], 3)


class SplitLongLineTest(unittest.TestCase):

  def setUp(self):
    super().setUp()
    patch = mock.patch.object(chunk_encoder, "MAX_SPAN_LENGTH", 5)
    patch.start()
    self.addCleanup(patch.stop)

  def test_splits_after_spaces(self):
    self.assertEqual(chunk_encoder._split_long_line("ab cd ef g"),
                     ["ab ", "cd ", "ef g"])

  def test_splits_between_any_characters_without_spaces(self):
    self.assertEqual(chunk_encoder._split_long_line("abcdefghijkl"),
                     ["abcde", "fghij", "kl"])

  def test_does_not_split_a_short_line(self):
    self.assertEqual(chunk_encoder._split_long_line("ab cd"), ["ab cd"])


if __name__ == "__main__":
  unittest.main()
