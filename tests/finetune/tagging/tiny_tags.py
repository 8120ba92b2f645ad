"""Small files in columns, and tasks that read them, for tests of tagging."""

import contextlib
import io
import os
import tempfile
import unittest

from finetune import task_builder
from tests.finetune import words_task

# Words are those of words_task's vocabulary; "ab" is unknown to it.
TRAIN = "good B-X\nbad I-X\na O\n\nb B-Y\nc O\n\nd O\n\n"
DEV = "good B-X\na O\n\nb B-Y\n\n"


class TaggingTestCase(unittest.TestCase):
  """A test with its own data folder."""

  def setUp(self):
    super().setUp()
    folder = tempfile.TemporaryDirectory()
    self.addCleanup(folder.cleanup)
    self.data_dir = folder.name
    self.write_vocabulary(words_task.VOCABULARY)
    self.printed = io.StringIO()

  def write_vocabulary(self, tokens):
    words_task.write_lines(os.path.join(self.data_dir, "vocab.txt"), tokens)

  def write(self, name, text):
    """Writes a file such as "ner/train.txt"; returns its path."""
    path = os.path.join(self.data_dir, "finetuning_data", *name.split("/"))
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "wb") as f:
      f.write(text if isinstance(text, bytes) else text.encode("utf-8"))
    return path

  def config(self, *task_names, **hparams):
    return words_task.tiny_config(self.data_dir, task_names=list(task_names),
                                  **hparams)

  def task(self, name, **hparams):
    return task_builder.get_tasks(self.config(name, **hparams))[0]

  def quietly(self, function, *arguments):
    """Returns what `function` does; its output is kept in `self.printed`."""
    with contextlib.redirect_stdout(self.printed):
      return function(*arguments)
