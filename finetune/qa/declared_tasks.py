"""Question answering tasks that a task.json declares."""

from finetune.qa import qa_tasks
from finetune import task_declaration


def make(config, tokenizer, declaration):
  """Returns the task of a task_declaration.Declaration of kind "qa"."""
  task_class = (qa_tasks.MRQATask if declaration.format == "mrqa" else
                qa_tasks.QATask)
  task = task_class(config, declaration.name, tokenizer)
  task.file_names = {
      split: task_declaration.packed_or_not(name) if declaration.format == "mrqa"
             else (name,) for split, name in declaration.files.items()}
  task.has_impossible = declaration.values.get("has_impossible", False)
  task.version_advice = "set \"has_impossible\": %s in %s" % (
      "false" if task.has_impossible else "true", declaration.path)
  task.declaration = task_declaration.as_json(declaration)
  # Stored features are made anew when the declaration changes.
  task.version = [task.version, task.declaration]
  return task
