"""Tests for build_arabert_pretraining_data."""

import contextlib
import io
import os
import subprocess
import sys
import tempfile
import unittest
from unittest import mock

import tensorflow.compat.v1 as tf

import build_arabert_pretraining_data
from pretrain import dataset_info
from tests.pretrain import tiny_corpus
from util import utils

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
TOKENS = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "[رابط]", "[بريد]",
          "[مستخدم]", "أحمد", "كتب", "."]


class BuildArabertPretrainingDataTest(unittest.TestCase):

  def setUp(self):
    super().setUp()
    folder = tempfile.TemporaryDirectory()
    self.addCleanup(folder.cleanup)
    self.output_dir = os.path.join(folder.name, "pretrain_tfrecords")
    corpus_dir = os.path.join(folder.name, "corpus")
    os.mkdir(corpus_dir)
    with utils.open_file(os.path.join(corpus_dir, "a.txt"), "w") as f:
      # Cleaning removes diacritics and all characters of the second line.
      f.write("أَحْمَد كَتَب http://example.com/x\n☃☃\n\nكتب.\n")
    self.flags = ["--corpus-dir", corpus_dir, "--output-dir", self.output_dir,
                  "--vocab-file", tiny_corpus.write_vocab(folder.name, TOKENS),
                  "--max-seq-length", "8"]

  def run_main(self, *flags):
    """Returns the lines that main printed."""
    printed = io.StringIO()
    with mock.patch.object(sys, "argv", ["x"] + self.flags + list(flags)):
      with contextlib.redirect_stdout(printed):
        build_arabert_pretraining_data.main()
    return printed.getvalue()

  def test_cleans_before_it_tokenizes(self):
    for num_processes in ("1", "2"):
      printed = self.run_main("--num-processes", num_processes, "--overwrite")
      (path,) = utils.glob(os.path.join(self.output_dir, "pretrain_data*"))
      ids = [tuple(tf.train.Example.FromString(record).features.feature[
          "input_ids"].int64_list.value)
             for record in tf.io.tf_record_iterator(path)]
      self.assertEqual(sorted(ids), [(2, 8, 9, 5, 3, 0, 0, 0),
                                     (2, 9, 10, 3, 0, 0, 0, 0)])
      self.assertIn("Cleaning for araelectra-base removed all text of 1 line\n",
                    printed)

  def test_dataset_info_names_the_cleaning_and_case_is_kept(self):
    self.run_main("--model-name", "aubmindlab/araelectra-base")
    content = dataset_info.load(self.output_dir)
    self.assertEqual(content["tool"], "build_arabert_pretraining_data.py")
    self.assertEqual(content["tokenizer"], {
        "do_lower_case": False, "strip_accents": False,
        "preprocessing": "araelectra-base"})
    self.assertEqual(content["num_emptied_lines"], 1)

  def test_unknown_model_fails_with_one_line_and_code_2(self):
    done = subprocess.run(
        [sys.executable,
         os.path.join(ROOT, "build_arabert_pretraining_data.py"),
         "--model-name", "arabert"] + self.flags, stderr=subprocess.PIPE)
    self.assertEqual(done.returncode, 2)
    self.assertRegex(done.stderr.decode("utf-8"),
                     r"\Aerror: Unknown --model-name 'arabert'. Use .*\n\Z")
    self.assertFalse(os.path.exists(self.output_dir))


if __name__ == "__main__":
  unittest.main()
