"""Checks the data of fine-tuning tasks: how many examples each split has."""

from finetune import task_builder
from preflight import findings

_FEW = 100


def check_examples(config):
  """Returns (Findings, number of training examples of all tasks).

  Raises:
    utils.UserError: a file is missing or cannot be read.
  """
  found, num_examples = [], 0
  for task in task_builder.get_tasks(config):
    counts = {split: len(task.get_examples(split))
              for split in ("train", "dev")}
    num_examples += counts["train"]
    found.append(findings.warn_if(
        counts["train"] < _FEW, "task %s" % task.name,
        "{:,} training examples, {:,} in the dev set".format(
            counts["train"], counts["dev"]),
        "Scores of so few examples differ much from seed to seed: set "
        "num_trials."))
  return found, num_examples
