"""The command line of both dataset builders."""

import argparse

from pretrain.build import beam_runner
from pretrain.build import builder
from pretrain.build import corpus
from util import command_line
from util import flags
from util import utils

_BOOLS = {"true": True, "t": True, "yes": True, "y": True, "1": True,
          "false": False, "f": False, "no": False, "n": False, "0": False}


def make_parser(description, lower_case, example):
  """Returns the ArgumentParser of a dataset builder.

  Args:
    description: str, what the script does.
    lower_case: bool, whether text is lower-cased and accents are stripped by
      default.
    example: str, a command line of the script.
  """
  parser = command_line.Parser(description, example=example)
  for name, help_text in (
      ("--corpus-dir", "folder of raw UTF-8 text files, in sub-folders too, "
                       "plain or compressed (" + corpus.COMPRESSIONS +
                       "); one sentence per line, blank lines between "
                       "documents; WikiExtractor's <doc> files or JSON lines"),
      ("--vocab-file", "WordPiece vocabulary, one token per line"),
      ("--output-dir", "folder to write the examples to, as "
                       "pretrain_data.tfrecord-<i>-of-<n>")):
    parser.add_argument(name, required=True, type=flags.path, metavar="PATH",
                        help="path, required: " + help_text)
  parser.add_argument(
      "--max-seq-length", type=int, default=128, metavar="N",
      help="int, default 128: tokens per example, at least 5")
  parser.add_argument(
      "--num-processes", type=int, default=1, metavar="N",
      help="int, default 1: worker processes; the output does not depend on "
           "their number")
  parser.add_argument(
      "--blanks-separate-docs", type=parse_bool, default=True, metavar="BOOL",
      help="bool, default true: whether a blank line ends a document; the end "
           "of a file always does")
  _add_switches(parser, lower_case)
  _add_output_flags(parser)
  return parser


def parse_bool(text):
  """Parses "true", "false" and their short forms; an argparse type."""
  if text.lower() not in _BOOLS:
    raise argparse.ArgumentTypeError("expected true or false, got %r" % text)
  return _BOOLS[text.lower()]


def to_settings(args, **more):
  """Returns the BuildSettings of parsed flags.

  Args:
    args: argparse.Namespace, from `make_parser`'s parser.
    **more: further fields of BuildSettings.
  """
  if args.do_strip_accents and not args.do_lower_case:
    utils.log("--do-strip-accents has no effect without --do-lower-case: "
              "accents are stripped only from lower-cased text")
  strips_by_default = args.strips_accents_by_default
  return builder.BuildSettings(
      corpus_dir=args.corpus_dir,
      vocab_file=args.vocab_file,
      output_dir=args.output_dir,
      max_seq_length=args.max_seq_length,
      num_processes=args.num_processes,
      blanks_separate_docs=args.blanks_separate_docs,
      do_lower_case=args.do_lower_case,
      strip_accents=(strips_by_default if args.do_strip_accents is None
                     else args.do_strip_accents),
      num_out_files=args.num_out_files,
      carry_over=args.carry_over,
      split_sentences=args.split_sentences,
      seed=args.seed,
      overwrite=args.overwrite,
      runner=args.runner,
      beam_options=args.beam_options,
      **more)


def _add_output_flags(parser):
  """Declares the flags of how examples are packed and written."""
  parser.add_argument(
      "--num-out-files", type=int, default=None, metavar="N",
      help="int, default %d, or fewer so that each has %d examples: files to "
           "write; never more than there are examples" % (
               builder.DEFAULT_NUM_OUT_FILES,
               builder.MIN_EXAMPLES_PER_FILE))
  parser.add_argument(
      "--carry-over", action="store_true",
      help="switch, default off: start the next example of a document with the "
           "tokens that did not fit, instead of dropping them")
  parser.add_argument(
      "--split-sentences", action="store_true",
      help="switch, default off: split every line into sentences, for corpora "
           "with a paragraph per line; the rule is in docs/corpora.md")
  parser.add_argument(
      "--seed", type=int, default=0, metavar="N",
      help="int, default 0: random seed; the output is the same for the same "
           "seed and corpus")
  parser.add_argument(
      "--overwrite", action="store_true",
      help="switch, default off: replace the examples in the output folder; "
           "other files there are kept")
  parser.add_argument(
      "--runner", choices=beam_runner.RUNNERS, default=None, metavar="NAME",
      help="string, default none: build on Apache Beam with this runner (%s), "
           "for corpora beyond one machine; see docs/beam.md" %
           ", ".join(beam_runner.RUNNERS))
  parser.add_argument(
      "--beam-options", default="", metavar="OPTIONS",
      help="string, default empty: the runner's own options, as one argument")


def _add_switches(parser, default):
  """Declares the switches for case and accents."""
  parser.set_defaults(strips_accents_by_default=default)
  on, off = (" (default)", "") if default else ("", " (default)")
  flags.add_switch(
      parser, "lower-case", "switch%s: lower-case the text" % on,
      "switch%s: keep the case" % off, default=default)
  flags.add_switch(
      parser, "strip-accents",
      "switch%s: strip accents from lower-cased text; this changes Arabic "
      "letters too, \u0623 to \u0627" % on, "switch%s: keep accents" % off)
