"""Tests of util/flags.py."""

import argparse
import contextlib
import io
import os
import tempfile
import unittest

from util import flags
from util import utils


class PositiveIntTest(unittest.TestCase):

  def test_accepts_integers_from_one(self):
    self.assertEqual(flags.positive_int("1"), 1)

  def test_rejects_everything_else(self):
    for text in ("0", "-1", "1.5", "", "two"):
      with self.assertRaisesRegex(argparse.ArgumentTypeError, "at least 1"):
        flags.positive_int(text)


class AddSwitchTest(unittest.TestCase):

  def parse(self, *argv, default=None):
    parser = argparse.ArgumentParser()
    flags.add_switch(parser, "lower-case", "lower-case", default=default)
    return parser.parse_args(argv).do_lower_case

  def test_on_off_and_neither(self):
    self.assertIs(self.parse("--do-lower-case"), True)
    self.assertIs(self.parse("--no-lower-case"), False)
    self.assertIsNone(self.parse())
    self.assertIs(self.parse(default=True), True)

  def test_later_flag_wins(self):
    self.assertIs(self.parse("--do-lower-case", "--no-lower-case"), False)

  def test_exclusive_group_rejects_both(self):
    parser = argparse.ArgumentParser()
    flags.add_switch(parser.add_mutually_exclusive_group(), "lower-case",
                     "lower-case")
    with contextlib.redirect_stderr(io.StringIO()) as stderr:
      with self.assertRaises(SystemExit):
        parser.parse_args(["--do-lower-case", "--no-lower-case"])
    self.assertIn("not allowed with", stderr.getvalue())


class CheckOutputDirTest(unittest.TestCase):

  def setUp(self):
    folder = tempfile.TemporaryDirectory()
    self.addCleanup(folder.cleanup)
    self.path = folder.name

  def write(self, name):
    with open(os.path.join(self.path, name), "w"):
      pass

  def test_accepts_new_and_empty_directories(self):
    flags.check_output_dir(os.path.join(self.path, "new"), overwrite=False)
    flags.check_output_dir(self.path, overwrite=False)

  def test_temporary_file_of_a_killed_process_is_no_output(self):
    self.write(".config.json.12.tmp")
    flags.check_output_dir(self.path, overwrite=False)

  def test_rejects_file(self):
    self.write("model")
    with self.assertRaisesRegex(utils.UserError, "is a file"):
      flags.check_output_dir(os.path.join(self.path, "model"), overwrite=True)

  def test_files_need_overwrite(self):
    self.write("model")
    with self.assertRaisesRegex(utils.UserError, "or --overwrite"):
      flags.check_output_dir(self.path, overwrite=False)
    flags.check_output_dir(self.path, overwrite=True)

  def test_marker_protects_other_files(self):
    self.write("notes.txt")
    with self.assertRaisesRegex(utils.UserError, "has no saved_model.pb"):
      flags.check_output_dir(self.path, overwrite=True, marker="saved_model.pb")
    self.write("saved_model.pb")
    flags.check_output_dir(self.path, overwrite=True, marker="saved_model.pb")


if __name__ == "__main__":
  unittest.main()
