"""Tests for train_vocab."""

import contextlib
import gzip
import io
import os
import subprocess
import sys
import tempfile
import unittest
from unittest import mock

from model import tokenization
import train_vocab
from util import utils

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
SPECIAL = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
ARABERT = ["[رابط]", "[بريد]", "[مستخدم]"]


class TrainVocabTestCase(unittest.TestCase):

  def setUp(self):
    super().setUp()
    folder = tempfile.TemporaryDirectory(prefix="عربي و ")
    self.addCleanup(folder.cleanup)
    self.folder = folder.name
    self.corpus_dir = os.path.join(self.folder, "corpus")
    self.output_file = os.path.join(self.folder, "vocab.txt")
    os.makedirs(os.path.join(self.corpus_dir, "more"))

  def write(self, name, text, opener=open):
    with opener(os.path.join(self.corpus_dir, name), "wb") as f:
      f.write(text if isinstance(text, bytes) else text.encode("utf-8"))

  def run_main(self, *flags):
    """Returns (tokens of the vocabulary, printed lines)."""
    command = ["train_vocab.py", "--corpus-dir", self.corpus_dir,
               "--output-file", self.output_file] + list(flags)
    printed = io.StringIO()
    with mock.patch.object(sys, "argv", command), \
        contextlib.redirect_stdout(printed):
      train_vocab.main()
    with open(self.output_file, encoding="utf-8", newline="") as f:
      return f.read().split("\n")[:-1], printed.getvalue()

  def check_fails(self, message, *flags):
    with self.assertRaisesRegex(utils.UserError, message):
      self.run_main(*flags)


class VocabularyTest(TrainVocabTestCase):

  def test_order_is_special_tokens_characters_merged_pieces(self):
    self.write("a.txt", "AB ab! ab")
    vocab, printed = self.run_main()
    # "ab" occurs three times when lower-cased. "!" is always a word.
    self.assertEqual(vocab, SPECIAL + ["!", "a", "b", "##a", "##b", "ab"])
    self.assertIn("Read 4 words, 2 different, from", printed)
    self.assertIn("(1 files, 0.0 MB)", printed)
    self.assertIn("Wrote 11 tokens to " + self.output_file, printed)
    self.assertIn("No more pieces occur at least 2 times", printed)
    self.assertIn("with build_pretraining_dataset.py --do-lower-case "
                  "--do-strip-accents\n", printed)

  def test_reads_subfolders_and_compressed_files(self):
    self.write("a.txt", "a")
    self.write(os.path.join("more", "b.gz"), "b\n", gzip.open)
    self.write(".hidden", "c")
    self.assertEqual(self.run_main()[0][5:], ["a", "b", "##a", "##b"])

  def test_case_and_accent_flags(self):
    self.write("a.txt", "É é")
    for flags, characters in (
        ([], ["e", "##e"]), (["--no-strip-accents"], ["é", "##é"]),
        (["--no-lower-case"], ["É", "é", "##É", "##é"])):
      vocab, _ = self.run_main("--overwrite", *flags)
      self.assertEqual(vocab[5:], characters)

  def test_arabert_tokens_and_punctuation(self):
    self.write("a.txt", "[رابط] [رابط] +ات +ات أ أ")
    vocab, printed = self.run_main("--arabert")
    self.assertEqual(vocab[:8], SPECIAL + ARABERT)
    # Not lower-cased: "أ" is kept. "+ات" is one word. No pieces of "[رابط]".
    self.assertEqual(vocab[8:16], "+ أ ا ت ##+ ##أ ##ا ##ت".split())
    self.assertEqual(vocab[17:], ["+ات"])  # vocab[16] is half of it
    self.assertIn("with build_arabert_pretraining_data.py --no-lower-case "
                  "--no-strip-accents\n", printed)
    tokenizer = tokenization.FullTokenizer(self.output_file, False)
    self.assertEqual(tokenizer.tokenize("[رابط] +ات"), ["[رابط]", "+ات"])

  def test_cleans_lines_as_the_arabert_builder_does(self):
    self.write("a.txt", "زوروا https://a.bc/d الآن\nـــ ب")
    vocab, printed = self.run_main("--arabert", "--model-name",
                                   "aubmindlab/araelectra-base")
    # The URL becomes [رابط], which is not trained on; the elongation mark is
    # deleted.
    self.assertEqual([t for t in vocab[8:] if not t.startswith("##")],
                     sorted(set("زوروا" "الآن" "ب")))
    self.assertIn("--no-strip-accents --model-name araelectra-base\n", printed)

  def test_stops_at_the_vocabulary_size(self):
    self.write("a.txt", "abcd abcd abcd")
    vocab, printed = self.run_main("--vocab-size", "14")  # 5 + 8 + 1
    self.assertEqual(len(vocab), 14)
    self.assertNotIn("needs more text", printed)

  def test_merges_pieces_that_are_adjacent_often_enough(self):
    self.write("a.txt", "ab ab ab cd cd")
    self.assertIn("cd", self.run_main()[0])
    vocab, _ = self.run_main("--overwrite", "--min-frequency", "3")
    self.assertEqual(vocab[-1], "ab")
    self.assertNotIn("cd", vocab)

  def test_words_with_rare_characters_are_dropped(self):
    self.write("a.txt", "aaa bbb xay " + 201 * "a")
    vocab, printed = self.run_main("--limit-alphabet", "2")
    self.assertEqual(vocab[5:9], ["a", "b", "##a", "##b"])
    self.assertFalse([t for t in vocab if "x" in t or "y" in t])
    self.assertIn("Dropped 2 words (50.000 %) that are longer than 200 "
                  "characters or have a character outside the 2 most", printed)

  def test_every_piece_can_occur_and_no_text_is_unknown(self):
    text = "Playing, played; plays! (Ünï) 漢字 1+1=2 playing-cards\n" * 3
    self.write("a.txt", text)
    vocab, _ = self.run_main()
    tokenizer = tokenization.FullTokenizer(self.output_file)
    self.assertNotIn(1, tokenizer.encode(text))
    for token in vocab[5:]:
      word = "a" + token[2:] if token.startswith("##") else token
      self.assertEqual(tokenizer.basic_tokenizer.tokenize(word), [word])

  def test_output_is_deterministic(self):
    # Many pairs of equal frequency, whose order depends on hashing.
    letters = "abcdefghijklmnopqrstuvwxyz"
    self.write("a.txt", " ".join(a + b + "z" for a in letters for b in letters))
    contents = set()
    for seed in "12":
      subprocess.check_output(
          [sys.executable, "train_vocab.py", "--corpus-dir", self.corpus_dir,
           "--output-file", self.output_file, "--overwrite", "--vocab-size",
           "200"], cwd=ROOT, env=dict(os.environ, PYTHONHASHSEED=seed))
      with open(self.output_file, "rb") as f:
        contents.add(f.read())
    self.assertEqual(len(contents), 1)


class StrippedLettersTest(TrainVocabTestCase):

  def test_stripped_arabic_letters_are_reported(self):
    self.write("a.txt", "\u0623\u0628 \u0622\n")
    message = ("Lower-casing with accent stripping changed 2 Arabic letters, "
               "such as \u0623 to \u0627; --no-strip-accents or "
               "--no-lower-case keeps them")
    self.assertIn(message, self.run_main()[1])
    for flag in ("--no-strip-accents", "--no-lower-case"):  # the advice
      vocab, printed = self.run_main(flag, "--overwrite")
      self.assertNotIn("accent stripping changed", printed)
      self.assertIn("\u0623", vocab)

  def test_dumps_are_read_as_documents(self):
    self.write("a.jsonl", '{"content": "a\\nb", "url": "x"}\n' * 2)
    self.assertEqual(self.run_main()[0][:7], SPECIAL + ["a", "b"])


class ErrorTest(TrainVocabTestCase):

  def test_existing_file_needs_overwrite(self):
    self.write("a.txt", "a")
    with open(self.output_file, "w") as f:
      f.write("mine")
    self.check_fails("vocab.txt exists. Pass another file name, or "
                       "--overwrite")
    with open(self.output_file) as f:
      self.assertEqual(f.read(), "mine")
    self.assertEqual(self.run_main("--overwrite")[0], SPECIAL + ["a", "##a"])

  def test_output_file_that_is_a_folder(self):
    os.makedirs(self.output_file)
    self.check_fails("--output-file: .* is a folder", "--overwrite")

  def test_output_inside_the_corpus(self):
    self.write("a.txt", "a")
    self.check_fails(
        "--output-file: .* is inside --corpus-dir", "--output-file",
        os.path.join(self.corpus_dir, "more", "vocab.txt"))

  def test_corpus_without_files(self):
    self.check_fails("has no text files")

  def test_corpus_without_words(self):
    self.write("a.txt", " \n\u200b\n")
    self.check_fails("--corpus-dir: .*corpus has no words in its 1 files")
    self.assertFalse(os.path.exists(self.output_file))

  def test_invalid_utf8_error_names_the_line(self):
    self.write("a.txt", b"a\nb\n\xc7\xe1\n")
    self.check_fails("a.txt:3: expected UTF-8 text, got the byte 0xc7")

  def test_vocab_size_too_small_for_the_alphabet(self):
    self.write("a.txt", "abc")
    self.check_fails(
        "--vocab-size: expected at least 11, for 5 special tokens and the "
        "pieces of one character, got 10. Increase it, or pass a "
        "--limit-alphabet below 3",
        "--vocab-size", "10")

  def test_cleaning_needs_an_arabert_vocabulary(self):
    self.write("a.txt", "a")
    self.check_fails("--model-name requires --arabert: the cleaning of "
                       "araelectra-base",
                       "--model-name", "araelectra-base")
    self.check_fails("Unknown --model-name 'arabrt'", "--arabert",
                       "--model-name", "arabrt")

  def test_command_fails_with_one_line_and_code_2(self):
    for flags, message in (
        (["--corpus-dir", self.corpus_dir], "has no text files"),
        (["--corpus-dir", self.corpus_dir, "--vocab-size", "many"],
         "expected an integer of at least 1, got 'many'")):
      done = subprocess.run(
          [sys.executable, "train_vocab.py", "--output-file",
           self.output_file] + flags, cwd=ROOT, stdout=subprocess.PIPE,
          stderr=subprocess.PIPE)
      self.assertEqual(done.returncode, 2)
      self.assertIn(message, done.stderr.decode("utf-8"))
      self.assertNotIn("Traceback", done.stderr.decode("utf-8"))


if __name__ == "__main__":
  unittest.main()
