"""Fuzz tests of corpora, vocabularies and dataset_info.json."""

import bz2
import gzip
import lzma
import os
import sys
import tempfile
import unittest
import unittest.mock

import hypothesis
from hypothesis import strategies

import configure_pretraining
from model import arabert_cleaning
from model import tokenization
from pretrain import dataset_info
from pretrain import tfrecord_index
from pretrain.build import builder
from tests.faults import fuzzing
from tests.pretrain import tiny_corpus
import train_vocab
from util import utils

TEXT = ("أحمد في البيت .\nw1 w2 w3\n\n" * 4).encode("utf-8")
PACKERS = {"txt": bytes, "gz": gzip.compress, "xz": lzma.compress,
           "bz2": bz2.compress}
VOCABULARY = "\n".join(tiny_corpus.TOKENS).encode("utf-8")
# Unusual lines, line ends and ends of files.
AWKWARD_LINES = (
    b"", b"\n", b"\r", b"\r\n", b"\0", b"w1\r", b"w1\rw2\r\rw3",
    b"\xed\xa0\x80", b"\xff\xfew\x001\x00", b"\xef\xbb\xbf", b"w" * 300000,
    b"w1 " * 100000,
    "أ".encode("windows-1256"), "\u2028\x85\x1c\x0c".encode("utf-8"),
    "\u202e\u200f\ufdfa\u0640".encode("utf-8"), b"[SEP] [MASK] ##w")


class CorpusCase(unittest.TestCase):

  def setUp(self):
    super().setUp()
    folder = tempfile.TemporaryDirectory(prefix="نصوص و ")
    self.addCleanup(folder.cleanup)
    self.folder = os.path.join(folder.name, "..", os.path.basename(folder.name))
    self.corpus_dir = os.path.join(self.folder, "corpus")
    self.output_dir = os.path.join(self.folder, "examples")
    os.mkdir(self.corpus_dir)
    self.vocab_file = tiny_corpus.write_vocab(self.folder)

  def write(self, name, content):
    path = os.path.join(self.folder, name)
    with open(path, "wb") as f:
      f.write(content)
    return path

  def build(self):
    builder.build(builder.BuildSettings(
        corpus_dir=self.corpus_dir, vocab_file=self.vocab_file,
        output_dir=self.output_dir, max_seq_length=8, num_out_files=2,
        overwrite=True))

  def check(self, path):
    """Asserts that a build succeeds, or names `path` and changes nothing."""
    before = fuzzing.contents(self.folder)
    refusal = fuzzing.refusal(self.build)
    if refusal:
      self.assertIn(path, refusal)
      self.assertEqual(fuzzing.contents(self.folder), before)
    else:
      self.assertIsNotNone(dataset_info.load(self.output_dir))
    return refusal


class CorpusTest(CorpusCase):

  def test_files_with_any_bytes(self):
    for extension, pack in PACKERS.items():
      with self.subTest(extension=extension):
        path = self.write("corpus/a." + extension, pack(TEXT))
        self.assertIsNone(self.check(path))

        @fuzzing.settings
        @hypothesis.given(strategies.one_of(
            strategies.binary(), fuzzing.changed_bytes(pack(TEXT))))
        def check(content):
          self.write("corpus/a." + extension, content)
          self.check(self.corpus_dir)

        check()
        os.remove(path)

  @fuzzing.settings
  @hypothesis.given(strategies.lists(
      strategies.sampled_from(AWKWARD_LINES), max_size=4))
  def test_unusual_lines(self, awkward_lines):
    self.write("corpus/a.txt", b"\n".join(awkward_lines))
    self.check(self.corpus_dir)

  @fuzzing.settings
  @hypothesis.given(strategies.text(max_size=20))
  def test_cleaning_lines_with_any_characters(self, line):
    clean_line = arabert_cleaning.make_cleaner("araelectra-base")
    self.assertIsInstance(clean_line(line), str)

  @fuzzing.settings
  @hypothesis.given(strategies.one_of(
      strategies.binary(min_size=1, max_size=8),
      fuzzing.texts.map(lambda text: text.encode("utf-8", "ignore"))))
  def test_files_with_any_name(self, name):
    name = name.replace(b"\0", b"").replace(b"/", b"")[:200]
    hypothesis.assume(name not in (b"", b".", b".."))
    path = os.path.join(os.fsencode(self.corpus_dir), name)
    with open(path, "wb") as f:
      f.write(TEXT)
    self.check(self.corpus_dir)
    os.remove(path)


class ExamplesTest(CorpusCase):

  def config(self, data_dir, **hparams):
    return configure_pretraining.PretrainingConfig(
        "نموذج 1", data_dir, max_seq_length=8, **hparams)

  def find_examples(self, data_dir):
    """Finds the examples in a data folder, as training does."""
    config = self.config(data_dir)
    tfrecord_index.check(config, config.pretrain_tfrecords)
    return config

  def build_in(self, data_dir):
    builder.build(builder.BuildSettings(
        corpus_dir=self.corpus_dir, max_seq_length=8, num_out_files=2,
        vocab_file=os.path.join(data_dir, "vocab.txt"),
        output_dir=os.path.join(data_dir, "pretrain_tfrecords")))

  def test_paths_with_any_characters(self):
    for name in ("with space", "بيانات", "a/../b", "..", "%s {0}", "it's \"x\"",
                 "-x", "\u202eab", "~", "a#b&c;d"):
      with self.subTest(name=name):
        data_dir = os.path.join(self.folder, "deep", name, "data")
        self.corpus_dir = os.path.join(self.folder, "deep", name, "corpus")
        for folder in (os.path.join(self.folder, "deep", "a"), data_dir,
                       self.corpus_dir):
          os.makedirs(folder, exist_ok=True)
        tiny_corpus.write_vocab(data_dir)
        with open(os.path.join(self.corpus_dir, "نص 1.txt"), "wb") as f:
          f.write(TEXT)
        self.assertIsNone(fuzzing.refusal(lambda: self.build_in(data_dir)))
        config = self.find_examples(data_dir)
        self.assertEqual(config.vocab_size, len(tiny_corpus.TOKENS))
        self.assertIs(config.do_lower_case, True)  # from dataset_info.json

  def test_dataset_info_with_any_content(self):
    self.write("corpus/a.txt", TEXT)
    self.assertIsNone(fuzzing.refusal(lambda: self.build_in(self.folder)))
    path = os.path.join(self.folder, "pretrain_tfrecords", "dataset_info.json")
    info = utils.load_json(path)

    @fuzzing.settings
    @hypothesis.given(strategies.one_of(
        fuzzing.changed_bytes(fuzzing.as_json(info)),
        fuzzing.changed_json(info).map(fuzzing.as_json)))
    def check(content):
      self.write("pretrain_tfrecords/dataset_info.json", content)
      with fuzzing.unchanged(self.folder):
        refusal = fuzzing.refusal(lambda: self.find_examples(self.folder))
      self.assertTrue(refusal is None or self.folder in refusal or
                      "max_seq_length" in refusal, refusal)

    check()


class VocabularyTest(CorpusCase):

  @fuzzing.settings
  @hypothesis.given(strategies.one_of(
      strategies.binary(), fuzzing.changed_bytes(VOCABULARY),
      fuzzing.changed_bytes(b"\xef\xbb\xbf" + VOCABULARY.replace(
          b"\n", b"\r\n"))))
  def test_vocabulary_with_any_bytes(self, content):
    self.write("corpus/a.txt", TEXT)
    self.write("vocab.txt", content)
    self.check(self.vocab_file)

  @hypothesis.settings(fuzzing.settings, max_examples=15)
  @hypothesis.given(strategies.one_of(
      fuzzing.changed_bytes(TEXT), strategies.lists(
          strategies.sampled_from(AWKWARD_LINES), max_size=4).map(b"\n".join),
      strategies.text().map(lambda text: text.encode("utf-8"))))
  def test_vocabulary_trained_on_any_text_is_valid(self, content):
    self.write("corpus/a.txt", content)
    path = os.path.join(self.folder, "new.txt")
    with unittest.mock.patch.object(sys, "argv", [
        "train_vocab.py", "--corpus-dir", self.corpus_dir, "--output-file",
        path, "--vocab-size", "200"]):
      refusal = fuzzing.refusal(train_vocab.main)
    if refusal:
      self.assertFalse(os.path.exists(path))
    else:
      tokenization.FullTokenizer(path)
      os.remove(path)


if __name__ == "__main__":
  unittest.main()
