"""Fine-tunes an ELECTRA model on one or more tasks and evaluates it."""

import argparse

import configure_finetuning
from util import data_parallel
from util import utils


def main():
  data_parallel.start()
  config = configure_finetuning.parse(
      argparse.ArgumentParser(description=__doc__))
  utils.heading("Config")
  utils.log_config(config)
  run(config)


def run(config):
  """Runs every trial; see `finetune.trials.run`."""
  # Imports TensorFlow: only after the config is valid, so that a typo in a
  # hyperparameter costs no start-up time.
  from finetune import trials

  return trials.run(config)


if __name__ == "__main__":
  utils.exit_cleanly(main)
