# PYTHON_ARGCOMPLETE_OK
"""Fine-tunes an ELECTRA model on one or more tasks and evaluates it."""

import configure_finetuning
from util import command_line
from util import data_parallel
from util import hparams
from util import utils

EXAMPLE = """\
python run_finetuning.py --data-dir data --model-name araelectra_base \\
      --set task_names=arcd --set num_train_epochs=2"""


def main():
  data_parallel.start()
  config = configure_finetuning.parse(make_parser())
  utils.log_config(config)
  run(config)


def make_parser():
  """Returns the ArgumentParser of this command."""
  parser = command_line.Parser(__doc__, example=EXAMPLE)
  hparams.add_run_flags(parser, configure_finetuning.FinetuningConfig)
  return parser


def run(config):
  """Runs every trial; see `finetune.trials.run`."""
  # Imports TensorFlow: only after the config is valid, so that a typo in a
  # hyperparameter costs no start-up time.
  from finetune import trials

  return trials.run(config)


if __name__ == "__main__":
  utils.exit_cleanly(main)
