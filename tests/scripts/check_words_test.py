"""Tests for scripts/check_words.py."""

import os
import subprocess
import sys
import tempfile
import unittest

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(
    os.path.abspath(__file__))))
SCRIPT = os.path.join(ROOT, "scripts", "check_words.py")


class CheckWordsTest(unittest.TestCase):

  def check(self, text, *flags):
    """Returns (exit code, output) of checking a file with `text`."""
    with tempfile.TemporaryDirectory() as folder:
      path = os.path.join(folder, "text.md")
      with open(path, "w", encoding="utf-8") as f:
        f.write(text)
      process = subprocess.run(
          [sys.executable, SCRIPT, path] + list(flags), cwd=folder,
          stdout=subprocess.PIPE, stderr=subprocess.PIPE,
          universal_newlines=True)
    self.assertEqual(process.stderr, "")
    return process.returncode, process.stdout

  # The words are joined here, so that this file passes the check itself.

  def test_names_line_word_and_term(self):
    self.assertEqual(
        self.check("A run resumes.\nTo " + "go" + " on, run this.\n"),
        (1, "text.md:2: '%s': use resume, continue\n" % ("go" + " on")))

  def test_finds_words_in_any_case_but_not_inside_others(self):
    self.assertEqual(self.check("wholesale, understand, essay, no_number")[0],
                     0)
    self.assertEqual(self.check("W" + "hole")[0], 1)

  def test_counts_per_term(self):
    text = " ".join(["w" + "hole", "an" + "ew", "w" + "hole"])
    self.assertEqual(self.check(text, "--count"), (
        1, "    2  intact, complete, entire\n"
           "    1  again; rebuild, regenerate\n"))

  def test_the_terms_of_the_field_pass(self):
    self.assertEqual(self.check(
        "The loss is NaN. Skipped 3 lines. The checkpoint is intact."), (0, ""))


if __name__ == "__main__":
  unittest.main()
