"""Tagging tasks that a task.json declares."""

from finetune.readers import sentence_tables
from finetune.tagging import tagging_tasks
from finetune import task_declaration
from util import utils

# By metric: what the tags are.
_CLASSES = {"f1": tagging_tasks.SpanTaggingTask,
            "accuracy": tagging_tasks.TaggingTask}


def make(config, tokenizer, declaration):
  """Returns the task of a task_declaration.Declaration of kind "tagging".

  Raises:
    utils.UserError: the metric is not one of those for tags.
  """
  metric = declaration.values.get("metric", "f1")
  if not isinstance(metric, str):
    raise utils.UserError("%s: \"metric\": expected one name, got a list." %
                          declaration.path)
  task_declaration.check_names(declaration, "metric", [metric], _CLASSES)
  task = _CLASSES[metric](config, declaration.name, tokenizer)
  task.file_names = {split: (name,) for split, name in
                     declaration.files.items()}
  task.file_format = declaration.format
  task.layout = _layout(declaration.values)
  task.declaration = task_declaration.as_json(declaration)
  # Stored features are made anew when the declaration changes.
  task.version = [task.version, task.declaration]
  return task


def _layout(values):
  """Returns the sentence_tables.Layout that the values of a declaration say."""
  words = values.get("words")
  return sentence_tables.Layout(
      words, values.get("tags"), values.get("sentence"), values.get("id"),
      # Files of tagged words mostly have no header line, so that one must be
      # said, or be needed for the names.
      values.get("header", isinstance(words, str)))
