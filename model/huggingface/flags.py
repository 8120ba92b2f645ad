"""The flags of convert_checkpoint.py and the checks of their combinations."""

from util import command_line
from util import flags
from util import model_files
from util import utils

_TO_HF = ("checkpoint", "part", "vocab_file", "model_config",
          "num_attention_heads", "do_lower_case", "do_strip_accents",
          "task_kind", "labels_file")
_TO_TF = ("discriminator", "generator", "masked_lm", "task",
          "untied_embeddings")
_TF_SOURCES = ("discriminator", "generator", "masked_lm", "task")

_EXAMPLE = """\
python convert_checkpoint.py --to hf --checkpoint data/models/araelectra \\
      --part discriminator --output-dir hf/araelectra"""


def make_parser(description):
  """Returns the ArgumentParser of convert_checkpoint.py."""
  parser = command_line.Parser(description, example=_EXAMPLE)
  parser.add_argument("--to", required=True, choices=("hf", "tf"),
                      help="hf or tf, required: hf: TF1 checkpoint to Hugging "
                      "Face folder; tf: Hugging Face folders to TF1 "
                      "checkpoint")
  parser.add_argument("--output-dir", required=True, type=flags.path,
                      metavar="DIR", help="path, required: directory to write")
  parser.add_argument("--overwrite", action="store_true",
                      help="switch, default off: write to a directory that is "
                      "not empty; files with other names are kept")
  parser.add_argument("--verbose", action="store_true",
                      help="switch, default off: list every variable written "
                      "or skipped")
  _add_to_hf_flags(parser.add_argument_group("with --to hf"))
  _add_to_tf_flags(parser.add_argument_group("with --to tf"))
  return parser


def check(args):
  """Raises a UserError if parsed flags are missing or contradictory."""
  for name in _TO_TF if args.to == "hf" else _TO_HF:
    if getattr(args, name) is not None:
      raise utils.UserError("%s cannot be used with --to %s. See --help." % (
          _flag(name), args.to))
  if args.to == "hf":
    for name in ("checkpoint", "part"):
      if not getattr(args, name):
        raise utils.UserError("--to hf requires --%s. See --help." % name)
    return
  sources = [name for name in _TF_SOURCES if getattr(args, name)]
  if not sources:
    raise utils.UserError("--to tf requires --discriminator, --generator, "
                          "--masked-lm or --task. See --help.")
  if len(sources) > 1 and sources != ["discriminator", "generator"]:
    raise utils.UserError(
        "%s cannot be combined. Only --discriminator and --generator can." %
        " and ".join(map(_flag, sources)))
  if args.untied_embeddings and not args.generator:
    raise utils.UserError("--untied-embeddings requires --generator. Pass it, "
                          "or omit --untied-embeddings.")
  if args.task and not _is_name_and_folder(args.task):
    raise utils.UserError("--task: expected NAME=DIR, such as ner=hf/ner, got "
                          "'%s'." % args.task)


def _is_name_and_folder(text):
  name, _, folder = text.partition("=")
  return bool(name and folder) and "/" not in name


def _task_folder(text):
  """Returns NAME=DIR with `~` and $NAME replaced in DIR; an argparse type."""
  name, equals, folder = text.partition("=")
  return name + equals + flags.path(folder)


def _flag(name):
  """Returns the flag, or the two of a switch, that sets an attribute."""
  flag = "--" + name.replace("_", "-")
  if flag.startswith("--do-"):
    flag += " or --no-" + flag[len("--do-"):]
  return flag


def _add_to_hf_flags(group):
  """Declares the flags that require `--to hf`."""
  group.add_argument("--checkpoint", type=flags.path, metavar="PATH",
                     help="path, required: model directory, whose best or "
                     "newest checkpoint is converted, or prefix of a "
                     "checkpoint such as DIR/model.ckpt-1000")
  group.add_argument("--part", metavar="PART",
                     help="string, required: discriminator, generator or "
                     "task:NAME (fine-tuned)")
  group.add_argument("--vocab-file", type=flags.path, metavar="FILE",
                     help="path, default vocab.txt in the model directory: "
                     "vocabulary, one token per line")
  group.add_argument("--model-config", type=flags.path, metavar="FILE",
                     help="path, default config.json in the model directory: "
                     "JSON with num_attention_heads, and hidden_act and "
                     "dropout rates if unusual")
  group.add_argument("--num-attention-heads", type=flags.positive_int,
                     metavar="N", help="int, default that in --model-config, "
                     "else hidden size / 64: attention heads of the "
                     "discriminator or task model; a generator always has "
                     "the latter")
  flags.add_switch(
      group.add_mutually_exclusive_group(), "lower-case",
      "switch, default as recorded in tokenizer_config.json in the model "
      "directory: lower-case text", "switch: do not lower-case")
  flags.add_switch(
      group.add_mutually_exclusive_group(), "strip-accents",
      "switch, default as recorded, else as lower-casing: strip accents of "
      "lower-cased text", "switch: do not strip accents")
  group.add_argument("--task-kind", choices=model_files.TASK_KINDS,
                     help="string, default inferred: kind of --part task:NAME; "
                     "classification and tagging cannot be distinguished")
  group.add_argument("--labels-file", type=flags.path, metavar="FILE",
                     help="path, default labels.json in the model directory, "
                     "else LABEL_0 and so on: names of a task's classes, one "
                     "per line, in the order of their ids")


def _add_to_tf_flags(group):
  """Declares the flags that require `--to tf`."""
  group.add_argument("--discriminator", type=flags.path, metavar="DIR",
                     help="path, default none: folder of an "
                     "ElectraForPreTraining or ElectraModel")
  group.add_argument("--generator", type=flags.path, metavar="DIR",
                     help="path, default none: folder of an "
                     "ElectraForMaskedLM; with "
                     "--discriminator, whose embeddings it must share, the "
                     "result is a complete pre-training checkpoint")
  group.add_argument("--untied-embeddings", action="store_true", default=None,
                     help="switch, default off: the generator keeps separate "
                     "embeddings, as with untied_generator_embeddings")
  group.add_argument("--masked-lm", type=flags.path, metavar="DIR",
                     help="path, default none: folder of an "
                     "ElectraForMaskedLM that becomes the "
                     "main encoder, as with electra_objective false")
  group.add_argument("--task", type=_task_folder, metavar="NAME=DIR",
                     help="NAME=path, default none: a task's name and the "
                     "folder of its fine-tuned model")
