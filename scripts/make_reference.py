"""Writes the pages docs/commands.md and docs/hyperparameters.md.

Usage: python -m scripts.make_reference

Both are made from the declarations: the argument parser of each command, and
the hyperparameters with their types, defaults and comments. A test fails when a
page differs from its declarations.
"""

import importlib
import json
import os
import sys

import configure_finetuning
import configure_pretraining
from util import hparam_help

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
# In the order in which they are used.
COMMANDS = (
    "train_vocab.py", "build_pretraining_dataset.py",
    "build_arabert_pretraining_data.py", "run_pretraining.py",
    "examples/get_data.py", "run_finetuning.py", "convert_checkpoint.py",
    "export_model.py", "demo.py", "report.py", "electra_doctor.py")
CONFIGS = (
    ("Pre-training", "run_pretraining.py",
     configure_pretraining.PretrainingConfig),
    ("Fine-tuning", "run_finetuning.py", configure_finetuning.FinetuningConfig),
)
_NOTE = ("<!-- Made from the declarations: python -m scripts.make_reference. "
         "Do not edit. -->\n")


def commands_page():
  """Returns the text of docs/commands.md."""
  lines = ["# All commands and flags", "", _NOTE,
           "Every command also has `--help` and `--version`; "
           "[the command line](command_line.md) has what all have in common.",
           ""]
  for name in COMMANDS:
    folder, file_name = os.path.split(os.path.join(ROOT, name))
    if folder not in sys.path:
      sys.path.append(folder)
    module = importlib.import_module(os.path.splitext(file_name)[0])
    lines += ["## `%s`" % name, "", module.__doc__.split("\n")[0], "",
              "| flag | meaning |", "|---|---|"]
    for flag, meaning in module.make_parser().flags():
      if not flag.startswith(("-h,", "--version")):
        lines.append("| `%s` | %s |" % (flag, _cell(meaning)))
    lines.append("")
  return "\n".join(lines)


def hyperparameters_page():
  """Returns the text of docs/hyperparameters.md."""
  lines = ["# All hyperparameters", "", _NOTE,
           "`--set NAME=VALUE` sets one, `--hparams` several. `null` means: "
           "derived from other values or files. The presets of `model_size` "
           "and of tasks override these defaults.", ""]
  for title, script, config_class in CONFIGS:
    lines += ["## %s: `%s`" % (title, script), ""]
    group = None
    for entry in sorted(hparam_help.entries(config_class),
                        key=lambda entry: entry.group or ""):
      if entry.group != group:
        group = entry.group
        lines += ["", "### %s, %s" % (title, group or "general"), "",
                  "| name | value | default | meaning |", "|---|---|---|---|"]
      lines.append("| `%s` | %s | `%s` | %s |" % (
          entry.name, _cell(entry.hparam.describe()),
          json.dumps(entry.hparam.default), _cell(entry.meaning)))
    lines.append("")
  return "\n".join(lines).replace("\n\n\n", "\n\n")


def _cell(text):
  return " ".join(text.split()).replace("|", "\\|").replace("<", "&lt;")


PAGES = {"commands.md": commands_page,
         "hyperparameters.md": hyperparameters_page}


def main():
  for name, page in PAGES.items():
    with open(os.path.join(ROOT, "docs", name), "w", encoding="utf-8") as f:
      f.write(page())


if __name__ == "__main__":
  main()
