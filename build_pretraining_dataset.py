"""Builds pre-training TFRecords from a folder of text files."""

from pretrain.build import builder
from pretrain.build import flags
from util import utils


def main():
  """Builds the dataset that the command line describes."""
  args = flags.make_parser(__doc__, lower_case=True).parse_args()
  builder.build(flags.to_settings(args, tool="build_pretraining_dataset.py"))


if __name__ == "__main__":
  utils.exit_cleanly(main)
