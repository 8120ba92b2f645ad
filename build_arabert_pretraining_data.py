"""Makes pre-training examples (TFRecords) of raw Arabic text, cleaned first.

The cleaning is what AraBERT's and AraELECTRA's authors publish for their models
(arabert.preprocess.ArabertPreprocessor), applied to every line.
"""

from model import arabert_cleaning
from pretrain.build import builder
from pretrain.build import flags
from util import utils


def main():
  """Builds the dataset that the command line describes."""
  parser = flags.make_parser(__doc__, lower_case=False)
  parser.add_argument(
      "--model-name", default="araelectra-base", metavar="NAME",
      help="string, default araelectra-base: the model whose cleaning is "
           "applied, as the arabert package names it")
  args = parser.parse_args()
  builder.build(flags.to_settings(
      args, tool="build_arabert_pretraining_data.py",
      preprocessing=arabert_cleaning.canonical_name(args.model_name),
      make_cleaner=arabert_cleaning.make_cleaner))


if __name__ == "__main__":
  utils.exit_cleanly(main)
