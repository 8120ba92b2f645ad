"""Checks the data of fine-tuning tasks: number and length of the examples."""

import statistics

from finetune import task_builder
from finetune.qa import qa_tasks
from preflight import findings

_FEW = 100
_SAMPLE = 300  # examples whose length is measured
_MAX_FULL = 0.05


def check_examples(config):
  """Returns (Findings, number of training examples of all tasks).

  Raises:
    utils.UserError: a file is missing or cannot be read.
  """
  found, num_examples = [], 0
  for task in task_builder.get_tasks(config):
    examples = {split: task.get_examples(split) for split in ("train", "dev")}
    num_training = len(examples["train"])
    num_examples += num_training
    found.append(findings.warn_if(
        num_training < _FEW, "task %s" % task.name,
        "{:,} training examples, {:,} in the dev set".format(
            num_training, len(examples["dev"])),
        "Scores of so few examples differ much from seed to seed: set "
        "num_trials."))
    if num_training:
      found.append(_check_lengths(config, task, examples["train"]))
  return found, num_examples


def _check_lengths(config, task, examples):
  """Returns the Finding on the lengths of inputs, of evenly spaced examples."""
  examples = examples[::-(-len(examples) // _SAMPLE)]
  inputs_of = [task.make_features(example, True, False) for example in examples]
  lengths = [sum(features["input_mask"]) for inputs in inputs_of
             for features in inputs]
  limit = config.max_seq_length
  if not lengths:
    return findings.Finding(
        findings.WARN, "length %s" % task.name,
        "no input was made of {:,} examples".format(len(examples)),
        "Raise max_seq_length.")
  fact = "median {:,} and longest {:,} of {:,} tokens (max_seq_length)".format(
      int(statistics.median(lengths)), max(lengths), limit)
  if isinstance(task, qa_tasks.QATask):  # long contexts are read in parts
    return findings.ok("length %s" % task.name, (
        "%s; %.2f inputs a question" % (
            fact, len(lengths) / float(len(examples)))))
  full = sum(length == limit for length in lengths) / float(len(lengths))
  return findings.warn_if(
      full > _MAX_FULL, "length %s" % task.name,
      "{}; {:.1%} are as long as that".format(fact, full),
      "Longer texts are cut: raise max_seq_length.")
