# PYTHON_ARGCOMPLETE_OK
"""Writes a SavedModel for serving, which TensorFlow loads without this code.

  python export_model.py --output-dir serving/araelectra/1 --model-dir \\
      data/models/araelectra

writes the signatures of a pre-trained model: `discriminate` (which tokens were
replaced), `fill_mask` (predictions for [MASK]) and `encode` (vectors).

  python export_model.py --output-dir serving/ner/1 --model-dir \\
      data/models/araelectra/finetuning_models/ner_model_1

writes those of a fine-tuned one: `predict_<task>`, and `encode`. All take
input_ids, input_mask and segment_ids, int32 [batch, length]. Vocabulary,
tokenizer settings and the names of labels go to assets.extra in the folder.
"""

import os

import configure_finetuning
import configure_pretraining
from finetune import export_config as finetuned
from model import tokenization
from pretrain import export_config as pretrained
from util import command_line
from util import finetuning_paths
from util import flags
from util import hparams
from util import model_files
from util import model_record
from util import utils

GRAPH_NAME = "saved_model.pb"
EXAMPLE = """\
python export_model.py --model-dir data/models/araelectra \\
      --output-dir serving/araelectra/1"""


def main():
  args = parse_args()
  checkpoint = finetuned.find_checkpoint(args.checkpoint or args.model_dir)
  flags.check_output_dir(args.output_dir, args.overwrite, marker=GRAPH_NAME)
  config = make_config(checkpoint, args.data_dir,
                       hparams.passed_values(args, _declared()),
                       args.signatures)
  check_record(config, checkpoint)
  tokenization.FullTokenizer(config.vocab_file)  # checks the special tokens
  run(config, checkpoint, args.output_dir, names=args.signatures,
      all_layers=args.all_layers, top_k=args.top_k,
      everywhere=args.fill_everywhere)


def parse_args(argv=None):
  """Parses the command line, or `argv`."""
  return make_parser().parse_args(argv)


def make_parser():
  """Returns the ArgumentParser of this command."""
  parser = command_line.Parser(__doc__, example=EXAMPLE)
  source = parser.add_mutually_exclusive_group(required=True)
  source.add_argument("--model-dir", type=flags.path, metavar="DIR",
                      help="path, or --checkpoint: directory of a model, whose "
                      "best or newest checkpoint is exported")
  source.add_argument("--checkpoint", type=flags.path, metavar="PREFIX",
                      help="path, or --model-dir: one checkpoint, such as "
                      "DIR/model.ckpt-1000")
  parser.add_argument("--output-dir", required=True, type=flags.path,
                      metavar="DIR", help="path, required: directory to write; "
                      "TensorFlow Serving expects NAME/NUMBER")
  parser.add_argument("--overwrite", action="store_true",
                      help="switch, default off: replace a SavedModel")
  parser.add_argument("--data-dir", type=flags.path, metavar="DIR",
                      help="path, default inferred from the model's: "
                      "--data-dir of the fine-tuning, for labels learned from "
                      "data")
  # Training hyperparameters that are not recorded with the model.
  hparams.add_hparams_flags(parser, _declared())
  parser.add_argument("--signatures", nargs="+", metavar="NAME",
                      help="strings, default all that the model has: some of "
                      "discriminate, fill_mask, encode, predict, "
                      "predict_<task>")
  parser.add_argument("--all-layers", action="store_true",
                      help="switch, default off: encode outputs every layer "
                      "instead of the last")
  parser.add_argument("--top-k", type=flags.positive_int, default=10,
                      metavar="N", help="int, default 10: tokens that "
                      "fill_mask predicts per position")
  parser.add_argument("--fill-everywhere", action="store_true",
                      help="switch, default off: fill_mask predicts every "
                      "position, not [MASK] only, which is slower")
  return parser


def _declared():
  """Returns {name: Hparam} of pre-training and fine-tuning together."""
  return dict(configure_finetuning.FinetuningConfig.declared(),
              **configure_pretraining.PretrainingConfig.declared())


def make_config(checkpoint, data_dir, passed, names=None):
  """Returns the PretrainingConfig or FinetuningConfig of a checkpoint.

  Raises:
    utils.UserError: a name in `names` or a hyperparameter is wrong, or the
      vocabulary is missing.
  """
  folder = checkpoint if utils.isdir(checkpoint) else os.path.dirname(
      checkpoint)
  vocab_file = os.path.join(folder, model_files.VOCAB)
  is_finetuned = finetuned.is_finetuned(folder, passed)
  package = finetuned if is_finetuned else pretrained
  config = package.make_config(
      folder, data_dir,
      {"vocab_file": vocab_file} if utils.exists(vocab_file) else {}, passed)
  if not utils.exists(config.vocab_file):
    raise utils.UserError("%s: the model's vocabulary is missing. Copy it "
                          "there, or set vocab_file in --hparams." % vocab_file)
  known = package.signature_names(config)
  for name in names or ():
    if name not in known:
      raise utils.UserError(
          "--signatures: expected some of %s for a %s model, got '%s'." % (
              ", ".join(known), package.KIND, name))
  return config


def check_record(config, checkpoint):
  """Raises a UserError if hyperparameters contradict the model's own files."""
  folder = finetuning_paths.folder_of(checkpoint)
  model_record.check(folder, config)
  model_record.check_tokenizer(folder, {
      name: getattr(config, name) for name in ("do_lower_case", "strip_accents")
      if config.was_passed(name)}, "--hparams")


def run(config, checkpoint, output_dir, **options):
  """Writes the SavedModel; see `saved_model.export` and its `Options`."""
  # These import TensorFlow, which takes seconds: only after the checks.
  from model import saved_model
  if isinstance(config, configure_pretraining.PretrainingConfig):
    from pretrain import signatures
  else:
    from finetune import signatures
  saved_model.export(config, checkpoint, output_dir, signatures.build,
                     saved_model.Options(**options))


if __name__ == "__main__":
  utils.exit_cleanly(main)
