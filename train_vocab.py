# PYTHON_ARGCOMPLETE_OK
"""Trains a WordPiece vocabulary on a folder of text files."""

import os

from model import arabert_cleaning
from model import tokenization
from pretrain.build import corpus
from pretrain.build import vocab
from util import command_line
from util import flags
from util import utils

EXAMPLE = """\
python train_vocab.py --corpus-dir corpus --output-file data/vocab.txt \\
      --vocab-size 30000"""


def main():
  """Trains the vocabulary that the command line describes."""
  args = parse_args()
  check_output_file(args.output_file, args.corpus_dir, args.overwrite)
  basic_tokenizer = tokenization.BasicTokenizer(
      args.do_lower_case, args.do_strip_accents, arabert=args.arabert)
  special_tokens = list(tokenization.SPECIAL_TOKENS)
  if args.arabert:
    special_tokens += tokenization.ARABERT_TOKENS
  vocab.build(
      args.corpus_dir, args.output_file, basic_tokenizer, special_tokens,
      clean_line=make_cleaner(args), vocab_size=args.vocab_size,
      min_frequency=args.min_frequency, limit_alphabet=args.limit_alphabet)
  utils.log("Build the dataset with", *builder_command(args, basic_tokenizer))


def parse_args(argv=None):
  """Returns the parsed command line, with defaults that depend on --arabert.

  Args:
    argv: list of str, the arguments; None: those of this process.
  """
  args = make_parser().parse_args(argv)
  if args.do_lower_case is None:
    args.do_lower_case = not args.arabert
  return args


def make_parser():
  """Returns the ArgumentParser of this command."""
  parser = command_line.Parser(__doc__, example=EXAMPLE)
  parser.add_argument(
      "--corpus-dir", required=True, type=flags.path, metavar="DIR",
      help="path, required: folder of UTF-8 text files, in sub-folders too, "
      "plain or compressed (" + corpus.COMPRESSIONS + ")")
  parser.add_argument("--output-file", required=True, type=flags.path,
                      metavar="FILE", help="path, required: the vocabulary to "
                      "write, one token per line")
  parser.add_argument("--vocab-size", type=flags.positive_int, default=64000,
                      metavar="N",
                      help="int, default 64000: maximum number of tokens")
  parser.add_argument(
      "--min-frequency", type=flags.positive_int, default=2, metavar="N",
      help="int, default 2: how often two pieces must be adjacent to be merged")
  parser.add_argument(
      "--limit-alphabet", type=flags.positive_int, default=1000, metavar="N",
      help="int, default 1000: maximum number of characters; words with less "
      "frequent ones are dropped")
  parser.add_argument(
      "--arabert", action="store_true",
      help="switch, default off: train for text cleaned as for AraBERT: %s get "
      "ids 5 to 7, and [, ] and + are letters of words" % " ".join(
          tokenization.ARABERT_TOKENS))
  parser.add_argument(
      "--model-name", metavar="NAME",
      help="string, default no cleaning: with --arabert, clean the text as "
      "build_arabert_pretraining_data.py does for this model, such as "
      "araelectra-base")
  flags.add_switch(
      parser.add_mutually_exclusive_group(), "lower-case",
      "switch, default without --arabert: lower-case the text",
      "switch, default with --arabert: keep the case")
  flags.add_switch(
      parser.add_mutually_exclusive_group(), "strip-accents",
      "switch (default): strip accents from lower-cased text",
      "switch: keep accents")
  parser.add_argument("--overwrite", action="store_true",
                      help="switch, default off: replace the output file if it "
                      "exists")
  return parser


def check_output_file(output_file, corpus_dir, overwrite):
  """Raises a UserError if the vocabulary must not be written there."""
  if utils.isdir(output_file):
    raise utils.UserError("--output-file: %s is a folder. Pass a file name." %
                          output_file)
  if utils.exists(output_file) and not overwrite:
    raise utils.UserError("--output-file: %s exists. Pass another file name, "
                          "or --overwrite to replace it." % output_file)
  folder = os.path.join(os.path.realpath(corpus_dir), "")
  if os.path.realpath(output_file).startswith(folder):
    raise utils.UserError(
        "--output-file: %s is inside --corpus-dir, where the next run would "
        "read it as text. Pass a path outside it." % output_file)


def make_cleaner(args):
  """Returns the function from line to cleaned line, None without --model-name.

  Raises:
    UserError: --arabert is missing, or the model is unknown.
  """
  if args.model_name is None:
    return None
  if not args.arabert:
    raise utils.UserError(
        "--model-name requires --arabert: the cleaning of %s writes AraBERT's "
        "tokens into the text." % args.model_name)
  return arabert_cleaning.make_cleaner(args.model_name)


def builder_command(args, basic_tokenizer):
  """Returns the command that builds a dataset of the same words, less paths."""
  script = "build_arabert_pretraining_data.py" if args.arabert else (
      "build_pretraining_dataset.py")
  command = [script] + [
      ("--do-" if is_on else "--no-") + name for name, is_on in (
          ("lower-case", basic_tokenizer.do_lower_case),
          ("strip-accents", basic_tokenizer.strip_accents))]
  if args.model_name is not None:
    command += ["--model-name",
                arabert_cleaning.canonical_name(args.model_name)]
  return command


if __name__ == "__main__":
  utils.exit_cleanly(main)
