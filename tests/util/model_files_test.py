"""Tests for util.model_files."""

import os
import subprocess
import sys
import tempfile
import unittest

from util import model_files
from util import utils

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(
    os.path.abspath(__file__))))
Settings = model_files.TokenizerSettings


class TokenizerSettingsTest(unittest.TestCase):

  def setUp(self):
    super().setUp()
    folder = tempfile.TemporaryDirectory()
    self.addCleanup(folder.cleanup)
    self.folder = folder.name
    self.path = os.path.join(self.folder, "tokenizer_config.json")

  def test_importing_does_not_import_tensorflow(self):
    code = ("import sys; from util import model_files; "
            "print('tensorflow' in sys.modules)")
    printed = subprocess.check_output([sys.executable, "-c", code], cwd=ROOT)
    self.assertEqual(printed.decode().strip(), "False")

  def test_nothing_is_known_without_a_file(self):
    self.assertEqual(Settings.read(self.folder), Settings(None, None, None))
    self.assertEqual(Settings.read(self.folder).known(), {})

  def test_reads_what_it_writes_and_keeps_other_entries(self):
    settings = Settings(False, False, "araelectra-base")
    settings.write(self.folder, {"model_max_length": 512,
                                 "do_lower_case": True})
    self.assertEqual(Settings.read(self.folder), settings)
    self.assertEqual(model_files.read_tokenizer_config(self.folder), {
        "do_lower_case": False, "strip_accents": False,
        "preprocessing": "araelectra-base", "model_max_length": 512})

  def test_invalid_values_name_file_and_setting(self):
    for entries, message in [
        ([], r"config.json: expected a JSON object, got \[\]"),
        ({"do_lower_case": "no"},
         "config.json: \"do_lower_case\": expected true or false or null, "
         "got \"no\""),
        ({"strip_accents": 1}, "\"strip_accents\": expected true"),
        ({"preprocessing": ["x"]},
         "\"preprocessing\": expected a text or null"),
    ]:
      utils.write_json(entries, self.path)
      with self.subTest(entries=entries):
        with self.assertRaisesRegex(utils.UserError, message):
          Settings.read(self.folder)

  def test_reconcile_completes_unknown_settings(self):
    self.assertEqual(
        Settings(None, False).reconcile(Settings(True, None, "x"), None),
        Settings(True, False, "x"))

  def test_reconcile_refuses_a_conflict(self):
    def message(name, own, recorded):
      return "%s %s %s" % (name, own, recorded)
    with self.assertRaisesRegex(utils.UserError, "strip_accents True False"):
      Settings(True, True).reconcile(Settings(True, False), message)

  def test_own_value_wins_where_settings_may_differ(self):
    self.assertEqual(
        Settings(True, True, "x").reconcile(
            Settings(True, False, "y"), None, must_agree=["do_lower_case"]),
        Settings(True, True, "x"))

  def test_accents_are_stripped_by_default_where_text_is_lower_cased(self):
    self.assertEqual(Settings().with_defaults(), Settings(False, False))
    self.assertEqual(Settings(True).with_defaults(), Settings(True, True))
    self.assertEqual(Settings(True, False).with_defaults(),
                     Settings(True, False))


if __name__ == "__main__":
  unittest.main()
