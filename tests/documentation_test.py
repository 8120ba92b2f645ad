"""The documentation site: it builds, and its pages agree with the code."""

import ast
import os
import re
import subprocess
import sys
import tempfile
import unittest

from scripts import make_reference

try:
  import mkdocs
except ImportError:  # it is installed on Python 3.9 and later only
  mkdocs = None

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))


def read(*names):
  """Returns the text of a file of the repository."""
  with open(os.path.join(ROOT, *names), encoding="utf-8") as f:
    return f.read()


def strings_of_the_code():
  """Returns all string constants of the project's modules, in one string."""
  files = subprocess.check_output(["git", "ls-files", "*.py"], cwd=ROOT)
  return "\n".join(
      node.value if isinstance(node, ast.Constant) else node.s
      for path in files.decode("utf-8").split()
      if not path.startswith("tests/")
      for node in ast.walk(ast.parse(read(path)))
      if isinstance(node, ast.Str))  # from Python 3.8 on also a Constant


class DocumentationTest(unittest.TestCase):

  @unittest.skipUnless(mkdocs, "requires mkdocs-material (Python >= 3.9)")
  def test_the_site_builds_and_all_its_links_lead_somewhere(self):
    with tempfile.TemporaryDirectory() as site:
      built = subprocess.run(
          [sys.executable, "-m", "mkdocs", "build", "--strict", "--quiet",
           "--site-dir", site], cwd=ROOT, stdout=subprocess.PIPE,
          stderr=subprocess.STDOUT)
      self.assertEqual(built.returncode, 0, built.stdout.decode("utf-8"))
      with open(os.path.join(site, "index.html"), encoding="utf-8") as f:
        self.assertIn("troubleshooting.html", f.read())

  def test_the_reference_pages_agree_with_the_declarations(self):
    for name, page in make_reference.PAGES.items():
      self.assertEqual(read("docs", name), page(), msg="docs/%s: run python "
                       "-m scripts.make_reference" % name)

  def test_troubleshooting_names_messages_that_the_code_has(self):
    messages = re.findall(r"^\| `([^`]+)` \|",
                          read("docs", "troubleshooting.md"), re.M)
    self.assertGreater(len(messages), 15)
    known = strings_of_the_code()
    for message in messages:
      self.assertIn(message, known)


if __name__ == "__main__":
  unittest.main()
