"""Holds the project's imports to one direction.

Each room may import only the rooms listed for it. A new arrow is a design
decision: change the table in the same commit and explain why.
"""

import ast
import os
import unittest

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))

MAY_IMPORT = {
    "util": set(),
    "configure_pretraining": {"util"},
    "configure_finetuning": {"util"},
    "model": {"util"},
    "pretrain": {"configure_pretraining", "model", "util"},
    "finetune": {"configure_finetuning", "model", "util"},
    "build_pretraining_dataset": {"pretrain", "util"},
    "build_arabert_pretraining_data": {"model", "pretrain", "util"},
    "train_vocab": {"model", "pretrain", "util"},
    "convert_checkpoint": {"finetune", "model", "util"},
    "export_model": {"configure_finetuning", "configure_pretraining",
                     "finetune", "model", "pretrain", "util"},
    "playground": {"configure_finetuning", "configure_pretraining", "finetune",
                   "model", "pretrain", "util"},
    # A model is found and configured as for its export.
    "demo": {"configure_pretraining", "export_model", "finetune", "playground",
             "util"},
    # It checks a run by the checks of the run.
    "preflight": {"finetune", "model", "pretrain", "run_pretraining", "util"},
    "electra_doctor": {"configure_finetuning", "configure_pretraining",
                       "preflight", "util"},
    # A report is made from files alone, without TensorFlow.
    "reporting": {"util"},
    "report": {"reporting", "util"},
    "run_pretraining": {"configure_pretraining", "model", "pretrain", "util"},
    "run_finetuning": {"configure_finetuning", "finetune", "model", "util"},
}
# Only the task builder imports the task families, which are independent.
TASK_FAMILIES = {"classification", "qa", "tagging"}
TASK_BUILDER = os.path.join("finetune", "task_builder.py")


def _project_files():
  for folder, subfolders, names in os.walk(ROOT):
    subfolders[:] = [
        s for s in subfolders
        if s not in ("tests", "examples", "benchmarks", "scripts") and
        s[0] not in "._"]
    for name in names:
      if name.endswith(".py"):
        yield os.path.relpath(os.path.join(folder, name), ROOT)


def _imported_rooms(path):
  return {name.split(".")[0] for name in _imported_modules(path)}


def _imported_modules(path):
  """Yields the dotted names of imported modules, including in functions."""
  with open(os.path.join(ROOT, path), encoding="utf-8") as f:
    tree = ast.parse(f.read(), path)
  for node in ast.walk(tree):
    if isinstance(node, ast.Import):
      for alias in node.names:
        yield alias.name
    elif isinstance(node, ast.ImportFrom) and node.module:
      for alias in node.names:
        yield "%s.%s" % (node.module, alias.name)


class ImportDirectionTest(unittest.TestCase):

  def test_every_room_imports_only_what_it_may(self):
    for path in _project_files():
      room = path.split(os.sep)[0].replace(".py", "")
      for imported in sorted(set(_imported_rooms(path)) & set(MAY_IMPORT)):
        with self.subTest(path=path, imported=imported):
          self.assertIn(imported, MAY_IMPORT[room] | {room})

  def test_task_families_do_not_import_each_other(self):
    for path in _project_files():
      folders = path.split(os.sep)
      if folders[0] != "finetune" or path == TASK_BUILDER:
        continue
      for imported in _imported_modules(path):
        names = imported.split(".")
        with self.subTest(path=path, imported=imported):
          self.assertFalse(
              names[0] == "finetune" and
              names[1] in TASK_FAMILIES - {folders[1]})

  def test_readers_import_only_util_and_readers(self):
    for path in _project_files():
      if path.startswith(os.path.join("finetune", "readers", "")):
        for imported in _imported_modules(path):
          names = imported.split(".")
          with self.subTest(path=path, imported=imported):
            self.assertTrue(names[0] not in MAY_IMPORT or names[0] == "util" or
                            names[:2] == ["finetune", "readers"])


if __name__ == "__main__":
  unittest.main()
