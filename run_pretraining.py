# PYTHON_ARGCOMPLETE_OK
"""Pre-trains an ELECTRA model, or evaluates a pre-trained one."""

import configure_pretraining
from model import tokenization
from pretrain import dataset_info
from pretrain import tfrecord_index
from util import command_line
from util import data_parallel
from util import hparams
from util import model_record
from util import packages
from util import utils

EXAMPLE = """\
python run_pretraining.py --data-dir data --model-name araelectra_base \\
      --set num_train_steps=100000 --set train_batch_size=64"""


def main():
  data_parallel.start()
  config = configure_pretraining.parse(make_parser())
  utils.log_config(config)
  run(config)


def make_parser():
  """Returns the ArgumentParser of this command."""
  parser = command_line.Parser(__doc__, example=EXAMPLE)
  hparams.add_run_flags(parser, configure_pretraining.PretrainingConfig)
  return parser


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
  patterns = {name: value for name, value in patterns.items() if value}
  check_model(config, patterns.values())
  return {name: tfrecord_index.check(config, patterns[name])
          for name in sorted(patterns, reverse=True)}


def check_model(config, patterns):
  """Checks that the examples fit together and to the weights of a run.

  Args:
    config: PretrainingConfig.
    patterns: str, pretrain_tfrecords and eval_tfrecords, as far as used.

  Raises:
    UserError: two settings differ; names both files.
  """
  folders = [folder for pattern in patterns
             for folder in tfrecord_index.folders_of(pattern)]
  settings, source = dataset_info.agreed_tokenizer(
      folders, needs_all_files=not config.skip_corrupted_records)
  folder = model_record.folder_of_weights(config)
  model_record.check(folder, config)
  if config.was_passed("do_lower_case"):
    settings = settings or {"do_lower_case": config.do_lower_case}
  model_record.check_tokenizer(folder, settings, source or "do_lower_case")


if __name__ == "__main__":
  utils.exit_cleanly(main)
