"""Makes pre-training examples (TFRecords) of a folder of raw text."""

from pretrain import build_flags
from pretrain import dataset_builder
from util import utils


def main():
  """Builds the dataset that the command line describes."""
  args = build_flags.make_parser(__doc__, lower_case=True).parse_args()
  dataset_builder.build(build_flags.to_settings(
      args, tool="build_pretraining_dataset.py"))


if __name__ == "__main__":
  utils.exit_cleanly(main)
