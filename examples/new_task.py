"""Fine-tunes on a custom task that is defined in code.

Usage: python examples/new_task.py --data-dir DIR --model-name NAME [--hparams
JSON or path], as for run_finetuning.py; "task_names" is set here.

A table of texts and labels needs no code, only a task.json (see
finetune/task_declaration.py). The data of this task are not a table but files
finetuning_data/reviews/<split>_good.txt and <split>_bad.txt, with one review
per line.
"""

import argparse
import os
import sys

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))

import configure_finetuning
from finetune import task
from finetune import task_builder
from finetune.classification import classification_tasks
import run_finetuning
from util import utils


class Reviews(classification_tasks.ClassificationTask):
  """Classifies reviews as good or bad."""

  metrics = ("accuracy", "f1")

  def __init__(self, config, tokenizer):
    super().__init__(config, "reviews", tokenizer, ["bad", "good"])

  def get_data_files(self, split):
    # Cached features are rebuilt when one of these files changes.
    folder = self.config.raw_data_dir(self.name)
    return [os.path.join(folder, "%s_%s.txt" % (split, label))
            for label in self.label_list]

  def get_test_splits(self):
    return []  # all splits are labeled

  def get_examples(self, split):
    if split == task.PREDICT:
      return super().get_examples(split)  # a .txt file with one text per line
    examples = []
    for label, path in zip(self.label_list, self.get_data_files(split)):
      with utils.open_file(path) as f:
        for line in f:
          examples.append(classification_tasks.InputExample(
              len(examples), self.name, line.strip(), label=label))
    return examples


def main():
  task_builder.register("reviews", Reviews)
  config = configure_finetuning.parse(
      argparse.ArgumentParser(description=__doc__.split("\n")[0]))
  run_finetuning.run(config.replace(task_names=["reviews"]))


if __name__ == "__main__":
  utils.exit_cleanly(main)
