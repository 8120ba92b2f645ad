"""Tests for util.command_line, and for the parsers of all scripts."""

import contextlib
import importlib
import io
import os
import re
import subprocess
import sys
import tempfile
import time
import unittest

from util import command_line
from util import version

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(
    os.path.abspath(__file__))))
SCRIPTS = (
    "build_pretraining_dataset", "build_arabert_pretraining_data",
    "train_vocab", "convert_checkpoint", "export_model", "run_pretraining",
    "run_finetuning")
_ENDING_FLAGS = {"-h", "--version", "--help-hparams"}


def complete(script, line):
  """Returns what a shell is offered to complete a command line with."""
  environment = dict(
      os.environ, _ARGCOMPLETE="1", COMP_LINE=line, COMP_POINT=str(len(line)),
      COMP_TYPE="9", _ARGCOMPLETE_IFS="\v",
      _ARGCOMPLETE_SUPPRESS_SPACE="0", _ARGCOMPLETE_STDOUT_FILENAME="out",
      PYTHONPATH=os.pathsep.join(filter(None, [
          ROOT, os.environ.get("PYTHONPATH")])))
  with tempfile.TemporaryDirectory() as folder:
    subprocess.run([sys.executable, os.path.join(ROOT, script)], cwd=folder,
                   env=environment, check=True)
    with open(os.path.join(folder, "out")) as f:
      return f.read().split("\v")


class CommandLineTest(unittest.TestCase):

  def parser_of(self, script):
    return importlib.import_module(script).make_parser()

  def run_parser(self, parser, *arguments):
    """Returns what a flag prints that ends the command with code 0."""
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed), (
        self.assertRaises(SystemExit)) as ended:
      parser.parse_args(arguments)
    self.assertEqual(ended.exception.code, 0)
    return printed.getvalue()

  def test_help_of_every_flag_starts_with_type_and_default(self):
    for script in SCRIPTS:
      for action in self.parser_of(script)._actions:
        if not _ENDING_FLAGS.intersection(action.option_strings):
          with self.subTest(script=script, flag=action.option_strings):
            self.assertRegex(
                action.help, r"\A(path|string|strings|int|bool|switch|hf or tf|"
                r"NAME=path)(:|,? \(?(required|default|or --))")

  def test_help_of_every_script_has_an_example_that_parses(self):
    for script in SCRIPTS:
      with self.subTest(script=script):
        parser = self.parser_of(script)
        example = re.search(r"example:\n  python (.*?)\n\n",
                            parser.format_help(), re.S).group(1)
        words = example.replace("\\\n", " ").split()
        self.assertEqual(words[0], script + ".py")
        parser.parse_args(words[1:])

  def test_help_is_printed_before_tensorflow_could_be_imported(self):
    times = []
    for _ in range(3):  # the machine may be busy
      start = time.time()
      subprocess.run([sys.executable, "run_pretraining.py", "--help"], cwd=ROOT,
                     stdout=subprocess.DEVNULL, check=True)
      times.append(time.time() - start)
    self.assertLess(min(times), 1.0)  # seconds; 0.2 on an idle machine

  def test_version_names_project_python_and_tensorflow(self):
    for script in SCRIPTS:
      printed = self.run_parser(self.parser_of(script), "--version")
      self.assertRegex(printed, r"^\S+ %s \(Python 3\.\d+\.\d+, TensorFlow "
                       r"\d+\.\d+\.\d+\)\n$" % re.escape(version.PROJECT))

  def test_a_description_keeps_its_line_breaks(self):
    parser = command_line.Parser("Does it.\n\n  a\n  b\n", example="do it")
    self.assertIn("Does it.\n\n  a\n  b\n\n", parser.format_help())

  def test_a_printer_needs_no_required_flag(self):
    parser = command_line.Parser("Does it.", example="do it")
    parser.add_argument("--must", required=True)
    parser.add_printer("--print", lambda parser: "printed", "prints")
    self.assertEqual(self.run_parser(parser, "--print"), "printed\n")

  def test_a_shell_completes_flags(self):
    self.assertEqual(
        complete("train_vocab.py", "train_vocab.py --corp"), ["--corpus-dir "])

  def test_a_shell_completes_names_of_hyperparameters(self):
    found = complete("run_finetuning.py", "run_finetuning.py --set doc_")
    self.assertEqual([name.strip("\\ ") for name in found], ["doc_stride="])

  def test_scripts_have_the_mark_that_completion_looks_for(self):
    for script in SCRIPTS:
      with open(os.path.join(ROOT, script + ".py"), encoding="utf-8") as f:
        self.assertIn("PYTHON_ARGCOMPLETE_OK", f.read(1024), script)


if __name__ == "__main__":
  unittest.main()
