"""Prints the results of the quick start as a table.

Usage: python examples/summarize.py --data-dir DIR --task TASK
"""

import argparse
import json
import os
import sys

PRETRAINED, RANDOM = "quickstart", "quickstart_random"


def load_results(data_dir, model_name, file_name):
  """Returns the content of a model's results file.

  Raises:
    FileNotFoundError: the run that writes it has not finished.
  """
  path = os.path.join(data_dir, "models", model_name, "results", file_name)
  with open(path, encoding="utf-8") as f:
    return json.load(f)


def scores_of(data_dir, model_name, task):
  """Returns {metric: value} of a task in the first trial."""
  results = load_results(data_dir, model_name, task + "_results.json")
  return results["trials"][0]["results"][task]


def table(pretraining, random_scores, pretrained_scores):
  """Returns the table as text.

  Args:
    pretraining: dict of the pre-training metrics, as fractions.
    random_scores: dict of the metrics after fine-tuning from random weights,
      in percent.
    pretrained_scores: dict of those after fine-tuning from the pre-trained
      weights, in percent.
  """
  lines = [
      "Pre-training, on held-out examples",
      "  masked-LM accuracy     %6.2f %%" % (
          100 * pretraining["masked_lm_accuracy"]),
      "  discriminator AUC      %6.2f %%" % (100 * pretraining["disc_auc"]),
      "",
      "Question answering          EM      F1",
  ]
  for name, scores in [("random weights", random_scores),
                       ("pre-trained weights", pretrained_scores)]:
    lines.append("  %-20s  %6.2f  %6.2f" % (
        name, scores["exact_match"], scores["f1"]))
  return "\n".join(lines)


def main():
  parser = argparse.ArgumentParser(description="Prints the quick start's "
                                   "results as a table.")
  parser.add_argument("--data-dir", required=True,
                      help="the quick start's --data-dir")
  parser.add_argument("--task", required=True,
                      help="the question answering task")
  args = parser.parse_args()
  try:
    print(table(load_results(args.data_dir, PRETRAINED, "unsup_results.json"),
                scores_of(args.data_dir, RANDOM, args.task),
                scores_of(args.data_dir, PRETRAINED, args.task)))
  except FileNotFoundError as error:
    print("error: %s does not exist. Run examples/quickstart.sh first."
          % error.filename, file=sys.stderr)
    sys.exit(2)


if __name__ == "__main__":
  main()
