"""Tests for pretrain.build.flags."""

import argparse
import contextlib
import io
import unittest

from pretrain.build import flags

REQUIRED = ["--corpus-dir", "c", "--vocab-file", "v", "--output-dir", "o"]


def parse(*arguments, lower_case=True):
  """Returns (BuildSettings, printed lines)."""
  parser = flags.make_parser("Builds examples.", lower_case, "build")
  printed = io.StringIO()
  with contextlib.redirect_stdout(printed):
    settings = flags.to_settings(
        parser.parse_args(REQUIRED + list(arguments)))
  return settings, printed.getvalue()


class BuildFlagsTest(unittest.TestCase):

  def test_defaults(self):
    settings, _ = parse()
    self.assertEqual(settings._asdict(), {
        "corpus_dir": "c", "vocab_file": "v", "output_dir": "o",
        "max_seq_length": 128, "num_processes": 1, "blanks_separate_docs": True,
        "do_lower_case": True, "strip_accents": True, "num_out_files": None,
        "carry_over": False, "split_sentences": False, "seed": 0,
        "overwrite": False, "tool": "build_pretraining_dataset.py",
        "preprocessing": None, "runner": None, "beam_options": "",
        "make_cleaner": None})

  def test_bool_flags_parse_false(self):
    for text in ("False", "false", "0", "no"):
      settings, _ = parse("--blanks-separate-docs", text)
      self.assertIs(settings.blanks_separate_docs, False, text)
    for text in ("True", "true", "1", "yes"):
      settings, _ = parse("--blanks-separate-docs", text)
      self.assertIs(settings.blanks_separate_docs, True, text)

  def test_other_values_of_bool_flags_are_rejected(self):
    with self.assertRaisesRegex(argparse.ArgumentTypeError,
                                "expected true or false, got 'maybe'"):
      flags.parse_bool("maybe")
    with contextlib.redirect_stderr(io.StringIO()) as stderr:
      with self.assertRaises(SystemExit) as exit_error:
        parse("--blanks-separate-docs", "")
    self.assertEqual(exit_error.exception.code, 2)
    self.assertIn("expected true or false, got ''", stderr.getvalue())

  def test_case_and_accent_switches(self):
    for lower_case, switches, expected in (
        (True, [], (True, True)),
        (True, ["--no-lower-case"], (False, True)),
        (True, ["--no-strip-accents"], (True, False)),
        (False, [], (False, False)),
        (False, ["--do-lower-case"], (True, False)),
        (False, ["--do-lower-case", "--do-strip-accents"], (True, True))):
      settings, printed = parse(*switches, lower_case=lower_case)
      self.assertEqual((settings.do_lower_case, settings.strip_accents),
                       expected)
      self.assertEqual(printed, "")

  def test_warns_that_stripping_accents_requires_lower_case(self):
    _, printed = parse("--no-lower-case", "--do-strip-accents")
    self.assertIn("--do-strip-accents has no effect", printed)

  def test_help_states_type_and_default(self):
    text = flags.make_parser("Builds examples.", True, "b").format_help()
    for flag in ("--corpus-dir PATH", "path, required", "int, default 128",
                 "bool, default true", "switch (default): lower-case"):
      self.assertIn(flag, text)


if __name__ == "__main__":
  unittest.main()
