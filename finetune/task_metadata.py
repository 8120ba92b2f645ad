"""What tasks learned from their training data, kept with the model.

Beside the checkpoints of a trial stands labels.json: {task: {"labels": [...]}}
in the order of the ids, or {task: {"range": [lowest, highest]}}; where columns
are found by their position also "num_columns", of the training file; for a task
without code also its "declaration". With it a fine-tuned model predicts where
there are no training data and no task.json.
"""

import os

from util import utils

FILE_NAME = "labels.json"
# {key: function that tells whether a value can be its}
_CHECKS = {
    "labels": lambda value: (
        isinstance(value, list) and
        all(isinstance(label, str) for label in value) and
        len(set(value)) == len(value) > 0),
    "range": lambda value: (
        isinstance(value, list) and
        all(type(limit) in (int, float) for limit in value) and
        len(value) == 2 and value[0] < value[1]),
    "num_columns": lambda value: type(value) is int and value > 0,
    "declaration": lambda value: isinstance(value, dict)}


def write(folder, tasks):
  """Writes what `tasks` have learned; nothing where they learn nothing.

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
  """Warns where a model to start from has learned other labels than `tasks`.

  The head of a task starts from that of the model if it is as large, whatever
  its outputs stood for.

  Args:
    folder: str, the folder of the model that training starts from.
    tasks: list of finetune.task.Task.
  """
  if not utils.exists(path_of(folder)):
    return
  for task in tasks:
    before = read(path_of(folder), task.name, "labels")
    now = (task.learned_from_data() or {}).get("labels")
    if before and now and before != now and len(before) == len(now):
      utils.log(
          "Warning: task '%s': its head starts from the one in %s, which was "
          "trained for the labels %s; here they are %s. With another name the "
          "task gets a new head" % (
              task.name, folder, ", ".join(before), ", ".join(now)))


def path_of(folder):
  """Returns the path of the record in a model's folder."""
  return os.path.join(folder, FILE_NAME)


def recorded(config, task_name, key):
  """Returns what is recorded with the model that is used, None if nothing is.

  A model that is about to be trained learns anew: there None is returned.

  Args:
    config: a FinetuningConfig.
    task_name: str.
    key: "labels", "range", "num_columns" or "declaration".

  Raises:
    utils.UserError: the record is not what `write` writes.
  """
  if config.do_train:
    return None
  path = path_of(config.model_folder())
  return read(path, task_name, key) if utils.exists(path) else None


def read(path, task_name, key):
  """Returns what a record says of a task, None if nothing; see `recorded`."""
  record = utils.load_json(path)
  values = record.get(task_name, {}) if isinstance(record, dict) else None
  if not isinstance(values, dict) or (
      key in values and not _CHECKS[key](values[key])):
    raise utils.UserError(
        "%s: expected {\"%s\": {\"%s\": ...}}; copy the file from the model's "
        "folder again." % (path, task_name, key))
  return values.get(key)
