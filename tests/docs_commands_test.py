"""The commands in docs/command_line.md and docs/corpora.md run."""

import contextlib
import io
import os
import re
import runpy
import shlex
import subprocess
import sys
import tempfile
import unittest
from unittest import mock

import configure_finetuning
import run_finetuning
from tests.pretrain import tiny_corpus

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))


def commands_of(page):
  """Returns the lines of the code blocks without a language."""
  with open(os.path.join(ROOT, "docs", page), encoding="utf-8") as f:
    blocks = re.findall(r"^```(\w*)\n(.*?)^```$", f.read(), re.M | re.S)
  return [line for language, block in blocks if not language
          for line in block.splitlines()]


class DocsCommandsTest(unittest.TestCase):

  def setUp(self):
    super().setUp()
    folder = tempfile.TemporaryDirectory()
    self.addCleanup(folder.cleanup)
    self.folder = folder.name

  def words_of(self, command):
    """Returns the words of a command as a shell passes them."""
    for name in ("DATA_DIR", "CORPUS_DIR"):
      command = command.replace("$" + name, os.path.join(
          self.folder, name.lower()))
    python, script, *arguments = shlex.split(command)
    self.assertEqual(python, "python3")
    return [os.path.join(ROOT, script)] + arguments

  def test_commands_of_the_command_line(self):
    version, help_hparams, finetuning = map(
        self.words_of, commands_of("command_line.md"))
    for words, printed in ((version, b"TensorFlow"),
                           (help_hparams, b"num_train_epochs: a number above")):
      self.assertIn(printed, subprocess.check_output([sys.executable] + words))
    config = configure_finetuning.parse(
        run_finetuning.make_parser(), finetuning[1:])
    self.assertEqual((config.task_names, config.num_train_epochs,
                      config.learning_rate), (["arcd"], 2.0, 5e-5))

  def test_commands_of_the_corpora(self):
    command, = map(self.words_of, commands_of("corpora.md"))
    data_dir = os.path.join(self.folder, "data_dir")
    os.mkdir(data_dir)
    tiny_corpus.write_vocab(data_dir)
    tiny_corpus.write_corpus(os.path.join(self.folder, "corpus_dir"))
    printed = io.StringIO()
    with mock.patch.object(sys, "argv", command), (
        contextlib.redirect_stdout(printed)):
      runpy.run_path(command[0], run_name="__main__")
    self.assertIn("sentences\n", printed.getvalue())
    self.assertIn("dataset_info.json", os.listdir(
        os.path.join(data_dir, "split_tfrecords")))


if __name__ == "__main__":
  unittest.main()
