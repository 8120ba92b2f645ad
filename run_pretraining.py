"""Pre-trains an ELECTRA model, or evaluates a pre-trained one."""

import argparse

import configure_pretraining
from model import tokenization
from pretrain import tfrecord_index
from util import packages
from util import utils


def main():
  config = configure_pretraining.parse(
      argparse.ArgumentParser(description=__doc__))
  utils.heading("Config")
  utils.log_config(config)
  run(config)


def run(config):
  """Trains a model, resuming an earlier run, or evaluates it.

  Args:
    config: PretrainingConfig.

  Returns:
    {metric: number} of the last evaluation; None if there was none.

  Raises:
    UserError: see the message.
    SystemExit: SIGTERM or SIGINT ended the run; see util.stop_signals.
  """
  packages.check("tensorflow", "tokenizers")
  datasets = check_data(config)
  # Imports TensorFlow, after configuration and data were checked: an error
  # there should cost no start-up time.
  from pretrain import trainer
  return trainer.run(config, datasets)


def check_data(config):
  """Checks vocabulary and examples of a run.

  Returns:
    {"train" and "eval", if the run reads them: tfrecord_index.Dataset}.

  Raises:
    UserError: a file is missing or does not fit the run.
  """
  tokenization.FullTokenizer(config.vocab_file)  # has the special tokens
  patterns = {"train": config.do_train and config.pretrain_tfrecords,
              "eval": config.eval_tfrecords or (
                  config.do_eval and config.pretrain_tfrecords)}
  return {name: tfrecord_index.check(config, patterns[name])
          for name in sorted(patterns, reverse=True) if patterns[name]}


if __name__ == "__main__":
  utils.exit_cleanly(main)
