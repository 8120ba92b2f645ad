"""Tests for train_vocab."""

import collections
import contextlib
import gzip
import io
import os
import subprocess
import sys
import tempfile
import unittest
from unittest import mock

import train_vocab
from model import tokenization
from util import utils

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
SPECIAL = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
ARABERT = ["[رابط]", "[بريد]", "[مستخدم]"]


class TrainVocabTest(unittest.TestCase):

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
    """Returns (tokens of the vocabulary, what was printed)."""
    command = ["train_vocab.py", "--corpus-dir", self.corpus_dir,
               "--output-file", self.output_file] + list(flags)
    printed = io.StringIO()
    with mock.patch.object(sys, "argv", command), \
        contextlib.redirect_stdout(printed):
      train_vocab.main()
    with open(self.output_file, encoding="utf-8", newline="") as f:
      return f.read().split("\n")[:-1], printed.getvalue()

  def check_refused(self, message, *flags):
    with self.assertRaisesRegex(utils.UserError, message):
      self.run_main(*flags)


class VocabularyTest(TrainVocabTest):

  def test_special_tokens_characters_then_joined_pieces(self):
    self.write("a.txt", "AB ab! ab")
    vocab, printed = self.run_main()
    # "ab" stands three times when lower-cased. "!" is always a word.
    self.assertEqual(vocab, SPECIAL + ["!", "a", "b", "##a", "##b", "ab"])
    self.assertIn("Read 4 words, 2 different, from", printed)
    self.assertIn("(1 files, 0.0 MB)", printed)
    self.assertIn("Wrote 11 tokens to " + self.output_file, printed)
    self.assertIn("seen at least 2 times; more need more text", printed)
    self.assertIn("with build_pretraining_dataset.py --do-lower-case "
                  "--do-strip-accents\n", printed)

  def test_reads_subfolders_and_compressed_files(self):
    self.write("a.txt", "a")
    self.write(os.path.join("more", "b.gz"), "b\n", gzip.open)
    self.write(".hidden", "c")
    self.assertEqual(self.run_main()[0][5:], ["a", "b", "##a", "##b"])

  def test_case_and_accents_by_the_flags(self):
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
    # Not lower-cased: "أ" stays. "+ات" is one word. No pieces of "[رابط]".
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
    # Instead of the address stands [رابط], which is no text to train on; the
    # line's elongation mark is gone.
    self.assertEqual([t for t in vocab[8:] if not t.startswith("##")],
                     sorted(set("زوروا" "الآن" "ب")))
    self.assertIn("--no-strip-accents --model-name araelectra-base\n", printed)

  def test_stops_at_the_vocabulary_size(self):
    self.write("a.txt", "abcd abcd abcd")
    vocab, printed = self.run_main("--vocab-size", "14")  # 5 + 8 + 1
    self.assertEqual(len(vocab), 14)
    self.assertNotIn("more need more text", printed)

  def test_joins_what_stands_together_often_enough(self):
    self.write("a.txt", "ab ab ab cd cd")
    self.assertIn("cd", self.run_main()[0])
    vocab, _ = self.run_main("--overwrite", "--min-frequency", "3")
    self.assertEqual(vocab[-1], "ab")
    self.assertNotIn("cd", vocab)

  def test_rare_characters_and_their_words_are_left_out(self):
    self.write("a.txt", "aaa bbb xay " + 201 * "a")
    vocab, printed = self.run_main("--limit-alphabet", "2")
    self.assertEqual(vocab[5:9], ["a", "b", "##a", "##b"])
    self.assertFalse([t for t in vocab if "x" in t or "y" in t])
    self.assertIn("Left out 2 words (50.000 %) that are longer than 200 "
                  "characters or have a character rarer than the 2", printed)

  def test_every_piece_can_occur_and_all_text_can_be_spelled(self):
    text = "Playing, played; plays! (Ünï) 漢字 1+1=2 playing-cards\n" * 3
    self.write("a.txt", text)
    vocab, _ = self.run_main()
    tokenizer = tokenization.FullTokenizer(self.output_file)
    self.assertNotIn(1, tokenizer.encode(text))
    for token in vocab[5:]:
      word = "a" + token[2:] if token.startswith("##") else token
      self.assertEqual(tokenizer.basic_tokenizer.tokenize(word), [word])

  def test_same_bytes_every_time(self):
    # Many pairs of equal frequency, whose order a hash table could change.
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

  def test_counts_are_scaled_down_to_what_the_trainer_can_hold(self):
    counts = collections.Counter({"ab": 40, "cd": 5, "e": 1})  # 91 characters
    with mock.patch.object(train_vocab, "MAX_TRAINED_CHARACTERS", 30), \
        contextlib.redirect_stdout(io.StringIO()) as printed:
      scaled = train_vocab.scale_down(counts)
    self.assertEqual(scaled, {"ab": 10, "cd": 1})  # divided by 4
    self.assertIn("Divided all counts by 4", printed.getvalue())
    self.assertEqual(train_vocab.scale_down(counts), counts)

  def test_words_stand_as_often_as_they_were_counted(self):
    counts = collections.Counter({"a": 5, "b": 1})
    with mock.patch.object(train_vocab, "_WORDS_AT_A_TIME", 2):
      self.assertEqual(list(train_vocab.texts_of_words(counts)),
                       ["a a", "a a", "a", "b"])


class RefusalTest(TrainVocabTest):

  def test_existing_file_is_kept_without_overwrite(self):
    self.write("a.txt", "a")
    with open(self.output_file, "w") as f:
      f.write("mine")
    self.check_refused("vocab.txt exists; give another --output-file, or "
                       "--overwrite")
    with open(self.output_file) as f:
      self.assertEqual(f.read(), "mine")
    self.assertEqual(self.run_main("--overwrite")[0], SPECIAL + ["a", "##a"])

  def test_output_that_is_a_folder(self):
    os.makedirs(self.output_file)
    self.check_refused("Expected a file name as --output-file", "--overwrite")

  def test_output_inside_the_corpus(self):
    self.write("a.txt", "a")
    self.check_refused(
        "an --output-file outside of --corpus-dir", "--output-file",
        os.path.join(self.corpus_dir, "more", "vocab.txt"))

  def test_corpus_without_files(self):
    self.check_refused("Expected text files")

  def test_corpus_without_words(self):
    self.write("a.txt", " \n\u200b\n")
    self.check_refused("Expected text in .*corpus, found no word in 1 files")
    self.assertFalse(os.path.exists(self.output_file))

  def test_line_that_is_not_utf8_is_named(self):
    self.write("a.txt", b"a\nb\n\xc7\xe1\n")
    self.check_refused("a.txt:3: expected UTF-8 text, found byte 0xc7")

  def test_size_below_the_characters(self):
    self.write("a.txt", "abc")
    self.check_refused(
        "--vocab-size of at least 11, for 5 special tokens and the pieces of "
        "one character, got 10; a lower --limit-alphabet than 3",
        "--vocab-size", "10")

  def test_cleaning_needs_an_arabert_vocabulary(self):
    self.write("a.txt", "a")
    self.check_refused("--model-name araelectra-base cleans text for a "
                       "vocabulary with AraBERT's tokens; give --arabert too",
                       "--model-name", "araelectra-base")
    self.check_refused("Unknown --model-name 'arabrt'", "--arabert",
                       "--model-name", "arabrt")

  def test_command_ends_with_one_line_and_code_2(self):
    for flags, message in (
        (["--corpus-dir", self.corpus_dir], "error: Expected text files"),
        (["--corpus-dir", self.corpus_dir, "--vocab-size", "many"],
         "expected a whole number of at least 1, got 'many'")):
      done = subprocess.run(
          [sys.executable, "train_vocab.py", "--output-file",
           self.output_file] + flags, cwd=ROOT, stdout=subprocess.PIPE,
          stderr=subprocess.PIPE)
      self.assertEqual(done.returncode, 2)
      self.assertIn(message, done.stderr.decode("utf-8"))
      self.assertNotIn("Traceback", done.stderr.decode("utf-8"))


if __name__ == "__main__":
  unittest.main()
