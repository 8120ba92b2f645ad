# PYTHON_ARGCOMPLETE_OK
"""Builds pre-training TFRecords from Arabic text, cleaned as for AraBERT.

Every line is cleaned with arabert.preprocess.ArabertPreprocessor, which the
authors of AraBERT and AraELECTRA publish for their models.
"""

from model import arabert_cleaning
from pretrain.build import builder
from pretrain.build import flags
from util import utils

EXAMPLE = """\
python build_arabert_pretraining_data.py --corpus-dir corpus \\
      --vocab-file data/vocab.txt --output-dir data/pretrain_tfrecords \\
      --max-seq-length 512 --num-processes 4"""


def main():
  """Builds the dataset that the command line describes."""
  args = make_parser().parse_args()
  builder.build(flags.to_settings(
      args, tool="build_arabert_pretraining_data.py",
      preprocessing=arabert_cleaning.canonical_name(args.model_name),
      make_cleaner=arabert_cleaning.make_cleaner))


def make_parser():
  """Returns the ArgumentParser of this command."""
  parser = flags.make_parser(__doc__, lower_case=False, example=EXAMPLE)
  parser.add_argument(
      "--model-name", default="araelectra-base", metavar="NAME",
      help="string, default araelectra-base: clean as for this model, by its "
           "name in the arabert package")
  return parser


if __name__ == "__main__":
  utils.exit_cleanly(main)
