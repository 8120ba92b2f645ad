"""Task metadata saved with a fine-tuned model: its labels or value range.

labels.json, next to the checkpoints of a trial, holds {task: {"labels": [...]}}
in the order of the label ids, or {task: {"range": [lowest, highest]}}. For
columns selected by position it also holds "num_columns" of the training file,
for a classification with several labels per text "multi_label": true, for a
tagger whose words are split at punctuation "punctuation" (see
tagging/raw_text.py), and for a declared task its "declaration".
With it a fine-tuned model predicts without training data and without task.json.
"""

import os

from util import model_files
from util import utils

# {key: function that returns whether a value is valid}
_CHECKS = {
    "labels": lambda value: (
        isinstance(value, list) and
        all(isinstance(label, str) for label in value) and
        len(set(value)) == len(value) > 0),
    "range": lambda value: (
        isinstance(value, list) and
        all(type(limit) in (int, float) for limit in value) and
        len(value) == 2 and value[0] < value[1]),
    "punctuation": lambda value: (
        isinstance(value, dict) and
        set(value) == {"kept", "inside", "runs"} and
        all(isinstance(marks, str) for marks in value.values())),
    "multi_label": lambda value: value is True,
    "num_columns": lambda value: type(value) is int and value > 0,
    "declaration": lambda value: isinstance(value, dict)}


def write(folder, tasks):
  """Writes labels.json, unless no task has metadata.

  Args:
    folder: str, the trial's folder.
    tasks: list of finetune.task.Task.
  """
  learned = {}
  for task in tasks:
    values = dict(task.learned_from_data() or {})
    if task.declaration:
      values["declaration"] = task.declaration
    if values:
      learned[task.name] = values
  if learned:
    utils.write_json(learned, path_of(folder))


def compare(folder, tasks):
  """Logs a warning if the initial model was trained with other labels.

  A task's head is initialized from the model's head of the same name and size,
  even if its outputs had other meanings.

  Args:
    folder: str, the folder of the initial model.
    tasks: list of finetune.task.Task.
  """
  if not utils.exists(path_of(folder)):
    return
  for task in tasks:
    before = read(path_of(folder), task.name, "labels")
    now = (task.learned_from_data() or {}).get("labels")
    if before and now and before != now and len(before) == len(now):
      utils.log(
          "Warning: task '%s': its head is initialized from %s, which was "
          "trained for the labels %s; here they are %s. To start from a new "
          "head, rename the task." % (
              task.name, folder, ", ".join(before), ", ".join(now)))


def path_of(folder):
  """Returns the path of labels.json in a model folder."""
  return os.path.join(folder, model_files.LABELS)


def recorded(config, task_name, key):
  """Returns a metadata value of the model in use, None if there is none.

  In training it is None: the labels come from the training data.

  Args:
    config: a FinetuningConfig.
    task_name: str.
    key: str, a key of `_CHECKS`.

  Raises:
    utils.UserError: labels.json is invalid.
  """
  if config.do_train:
    return None
  path = path_of(config.model_folder())
  return read(path, task_name, key) if utils.exists(path) else None


def read(path, task_name, key):
  """Returns a task's value in labels.json, None if missing; see `recorded`."""
  metadata = utils.load_json(path)
  values = metadata.get(task_name, {}) if isinstance(metadata, dict) else None
  if not isinstance(values, dict) or (
      key in values and not _CHECKS[key](values[key])):
    raise utils.UserError(
        "%s: expected {\"%s\": {\"%s\": ...}}. Copy the file from the model's "
        "folder again." % (path, task_name, key))
  return values.get(key)
