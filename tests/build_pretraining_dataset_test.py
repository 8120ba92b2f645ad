"""Tests for build_pretraining_dataset."""

import contextlib
import io
import os
import subprocess
import sys
import tempfile
import unittest
from unittest import mock

import build_pretraining_dataset
from pretrain import dataset_info
from tests.pretrain import tiny_corpus
from util import utils

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))


class BuildPretrainingDatasetTest(unittest.TestCase):

  def setUp(self):
    super().setUp()
    folder = tempfile.TemporaryDirectory()
    self.addCleanup(folder.cleanup)
    self.output_dir = os.path.join(folder.name, "pretrain_tfrecords")
    corpus_dir = os.path.join(folder.name, "corpus")
    tiny_corpus.write_corpus(corpus_dir)
    self.flags = ["--corpus-dir", corpus_dir, "--output-dir", self.output_dir,
                  "--vocab-file", tiny_corpus.write_vocab(folder.name),
                  "--max-seq-length", "16"]

  def run_main(self, *flags):
    """Returns the lines that main printed."""
    printed = io.StringIO()
    with mock.patch.object(sys, "argv", ["x"] + self.flags + list(flags)):
      with contextlib.redirect_stdout(printed):
        build_pretraining_dataset.main()
    return printed.getvalue()

  def test_writes_shards_and_dataset_info(self):
    printed = self.run_main("--num-out-files", "5", "--num-processes", "2")
    self.assertEqual(
        utils.listdir(self.output_dir), ["dataset_info.json"] + [
            "pretrain_data.tfrecord-%d-of-5" % number for number in range(5)])
    content = dataset_info.load(self.output_dir)
    self.assertEqual(content["tool"], "build_pretraining_dataset.py")
    self.assertIs(content["tokenizer"]["do_lower_case"], True)
    self.assertIn("Wrote %d examples to %s (5 files)\n" %
                  (content["num_examples"], self.output_dir), printed)

  def test_blanks_separate_docs_false_is_false(self):
    self.run_main("--blanks-separate-docs", "False")
    content = dataset_info.load(self.output_dir)
    self.assertIs(content["blanks_separate_docs"], False)
    self.assertEqual(content["num_documents"], 3)  # one per file

  def test_command_fails_with_one_line_and_code_2(self):
    self.flags[self.flags.index("--vocab-file") + 1] = "nowhere.txt"
    done = subprocess.run(
        [sys.executable, os.path.join(ROOT, "build_pretraining_dataset.py")] +
        self.flags, stderr=subprocess.PIPE)
    self.assertEqual(done.returncode, 2)
    self.assertRegex(done.stderr.decode("utf-8"),
                     r"\Aerror: .*nowhere.txt.*\n\Z")
    self.assertFalse(os.path.exists(self.output_dir))


if __name__ == "__main__":
  unittest.main()
