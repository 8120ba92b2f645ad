"""Holds docs/architecture.md to the modules of the project."""

import ast
import glob
import os
import unittest

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
FOLDERS = ("util", "model", "model/huggingface", "pretrain", "pretrain/build",
           "finetune", "finetune/readers", "finetune/classification",
           "finetune/qa", "finetune/tagging", "playground")


class ArchitectureTest(unittest.TestCase):

  def setUp(self):
    super().setUp()
    with open(os.path.join(ROOT, "docs", "architecture.md"),
              encoding="utf-8") as f:
      self.page = f.read()

  def section(self, folder):
    """Returns the table of a folder's modules."""
    start = self.page.index("\n### %s" % folder)
    end = self.page.find("\n### ", start + 1)
    return self.page[start:end if end > 0 else None]

  def test_every_module_has_the_line_that_its_docstring_starts_with(self):
    for folder in FOLDERS:
      paths = [path for path in glob.glob(os.path.join(ROOT, folder, "*.py"))
               if os.path.getsize(path)]
      self.assertTrue(paths, folder)
      for path in paths:
        with open(path, encoding="utf-8") as f:
          job = ast.get_docstring(ast.parse(f.read())).split("\n")[0]
        name = os.path.basename(path)[:-len(".py")]
        with self.subTest(module="%s/%s" % (folder, name)):
          self.assertIn("| `%s` | %s |" % (name, job.rstrip(".")),
                        self.section(folder))

  def test_every_module_on_the_page_exists(self):
    for folder in FOLDERS:
      names = [line.split("`")[1] for line in self.section(folder).split("\n")
               if line.startswith("| `")]
      for name in names:
        with self.subTest(module="%s/%s" % (folder, name)):
          self.assertTrue(os.path.exists(
              os.path.join(ROOT, folder, name + ".py")))


if __name__ == "__main__":
  unittest.main()
