# PYTHON_ARGCOMPLETE_OK
"""Builds pre-training TFRecords from a folder of text files."""

from pretrain.build import builder
from pretrain.build import flags
from util import utils

EXAMPLE = """\
python build_pretraining_dataset.py --corpus-dir corpus \\
      --vocab-file data/vocab.txt --output-dir data/pretrain_tfrecords \\
      --max-seq-length 128 --num-processes 4"""


def main():
  """Builds the dataset that the command line describes."""
  args = make_parser().parse_args()
  builder.build(flags.to_settings(args, tool="build_pretraining_dataset.py"))


def make_parser():
  """Returns the ArgumentParser of this command."""
  return flags.make_parser(__doc__, lower_case=True, example=EXAMPLE)


if __name__ == "__main__":
  utils.exit_cleanly(main)
