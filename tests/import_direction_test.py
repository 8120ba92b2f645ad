"""Holds the project's imports to one direction.

Each room may import only the rooms listed for it. A new arrow is a design
decision: change the table in the same commit and give the reason.
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
    "run_pretraining": {"configure_pretraining", "model", "pretrain", "util"},
    "run_finetuning": {"configure_finetuning", "finetune", "model", "util"},
}


def _project_files():
  for folder, subfolders, names in os.walk(ROOT):
    subfolders[:] = [
        s for s in subfolders
        if s not in ("tests", "examples", "benchmarks") and s[0] not in "._"]
    for name in names:
      if name.endswith(".py"):
        yield os.path.relpath(os.path.join(folder, name), ROOT)


def _imported_rooms(path):
  with open(os.path.join(ROOT, path), encoding="utf-8") as f:
    tree = ast.parse(f.read(), path)
  for node in ast.walk(tree):
    if isinstance(node, ast.Import):
      for alias in node.names:
        yield alias.name.split(".")[0]
    elif isinstance(node, ast.ImportFrom) and node.module:
      yield node.module.split(".")[0]


class ImportDirectionTest(unittest.TestCase):

  def test_every_room_imports_only_what_it_may(self):
    for path in _project_files():
      room = path.split(os.sep)[0].replace(".py", "")
      for imported in sorted(set(_imported_rooms(path)) & set(MAY_IMPORT)):
        with self.subTest(path=path, imported=imported):
          self.assertIn(imported, MAY_IMPORT[room] | {room})


if __name__ == "__main__":
  unittest.main()
