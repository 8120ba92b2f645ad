"""Converts TF1 checkpoints to Hugging Face folders, and back.

To Hugging Face, one part of a checkpoint at a time:
  python convert_checkpoint.py --to hf --checkpoint data/models/araelectra \\
      --part discriminator --output-dir hf/araelectra
  python convert_checkpoint.py --to hf --checkpoint data/models/araelectra \\
      --part generator --output-dir hf/araelectra-generator
  python convert_checkpoint.py --to hf --output-dir hf/ner --part task:ner \\
      --task-kind tagging \\
      --checkpoint data/models/araelectra/finetuning_models/ner_model_1

Back to a model folder that run_pretraining.py and run_finetuning.py start from:
  python convert_checkpoint.py --to tf --discriminator hf/araelectra \\
      --generator hf/araelectra-generator --output-dir data/models/araelectra

PyTorch is needed for nothing but reading a pytorch_model.bin.
"""

import argparse
import os

from finetune import task_metadata
from util import utils

TASK_KINDS = ("classification", "tagging", "qa")
TO_HF_FLAGS = ("checkpoint", "part", "vocab_file", "model_config",
               "num_attention_heads", "do_lower_case", "do_strip_accents",
               "task_kind", "labels_file")
TO_TF_FLAGS = ("discriminator", "generator", "masked_lm", "task",
               "untied_embeddings")


def main():
  args = parse_args()
  check_flags(args)
  check_output_dir(args.output_dir, args.overwrite)
  os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
  from finetune import evaluations  # imports TensorFlow
  from model.huggingface import conversion
  from model.huggingface import conversion_report
  if args.to == "hf":
    best = evaluations.best_folder(args.checkpoint)
    if best:
      utils.log("Taking the best weights of the training: %s" % best)
      args.checkpoint = best
    report = conversion.to_hf(
        args.checkpoint, args.output_dir, args.part,
        vocab_file=args.vocab_file, model_config=args.model_config,
        num_attention_heads=args.num_attention_heads,
        do_lower_case=args.do_lower_case, strip_accents=args.do_strip_accents,
        task_kind=args.task_kind, labels=read_labels(args))
  else:
    report = conversion.to_tf(
        args.output_dir, discriminator=args.discriminator,
        generator=args.generator, masked_lm=args.masked_lm,
        task=split_task(args.task),
        untied_embeddings=bool(args.untied_embeddings))
  conversion_report.log(report, args.output_dir, args.verbose)


def parse_args(argv=None):
  """Returns the command line's arguments.

  Args:
    argv: list of str, the words of the command line; None: this process's.
  """
  parser = argparse.ArgumentParser(
      description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
  parser.add_argument("--to", required=True, choices=("hf", "tf"),
                      help="hf: TF1 checkpoint to Hugging Face folder; tf: "
                      "Hugging Face folders to TF1 checkpoint")
  parser.add_argument("--output-dir", required=True, metavar="DIR",
                      help="the folder to write")
  parser.add_argument("--overwrite", action="store_true",
                      help="write into a folder that is not empty; files of "
                      "other names stay (default: refuse)")
  parser.add_argument("--verbose", action="store_true",
                      help="list every variable written and left out")
  add_to_hf_flags(parser.add_argument_group("with --to hf"))
  add_to_tf_flags(parser.add_argument_group("with --to tf"))
  return parser.parse_args(argv)


def add_to_hf_flags(group):
  """Declares what only `--to hf` takes."""
  group.add_argument("--checkpoint", metavar="PATH",
                     help="model folder, whose best or newest checkpoint is "
                     "taken, or prefix of a checkpoint such as "
                     "DIR/model.ckpt-1000")
  group.add_argument("--part", metavar="PART",
                     help="discriminator, generator or task:NAME (fine-tuned)")
  group.add_argument("--vocab-file", metavar="FILE",
                     help="vocabulary, one token a line (default: vocab.txt in "
                     "the model folder)")
  group.add_argument("--model-config", metavar="FILE",
                     help="JSON with num_attention_heads, and hidden_act and "
                     "dropout rates if unusual (default: config.json in the "
                     "model folder)")
  group.add_argument("--num-attention-heads", type=positive_int, metavar="N",
                     help="of the part (default: as --model-config says, else "
                     "hidden size / 64; a generator's is always that)")
  add_switch(group, "lower-case", "text (default: as recorded in "
             "tokenizer_config.json in the model folder)")
  add_switch(group, "strip-accents", "of lower-cased text (default: as "
             "recorded, else as lower-casing)")
  group.add_argument("--task-kind", choices=TASK_KINDS,
                     help="what --part task:NAME is (default: worked out, "
                     "which cannot tell classification from tagging)")
  group.add_argument("--labels-file", metavar="FILE",
                     help="names of a task's classes, one a line, in the order "
                     "of their numbers (default: as recorded in labels.json in "
                     "the model folder, else LABEL_0 and so on)")


def add_to_tf_flags(group):
  """Declares what only `--to tf` takes."""
  group.add_argument("--discriminator", metavar="DIR",
                     help="folder of an ElectraForPreTraining or ElectraModel")
  group.add_argument("--generator", metavar="DIR",
                     help="folder of an ElectraForMaskedLM; with "
                     "--discriminator, whose embeddings it must share, the "
                     "result is a whole pre-training checkpoint")
  group.add_argument("--untied-embeddings", action="store_true", default=None,
                     help="the generator keeps embeddings of its own, as with "
                     "untied_generator_embeddings (default: shared)")
  group.add_argument("--masked-lm", metavar="DIR",
                     help="folder of an ElectraForMaskedLM that becomes the "
                     "main encoder, as with electra_objective false")
  group.add_argument("--task", metavar="NAME=DIR",
                     help="a task's name and the folder of its fine-tuned "
                     "model")


def add_switch(group, name, help_text):
  """Declares --do-NAME and --no-NAME; None where neither is given."""
  target = "do_" + name.replace("-", "_")
  switch = group.add_mutually_exclusive_group()
  switch.add_argument("--do-" + name, dest=target, action="store_true",
                      default=None, help="%s %s" % (name, help_text))
  switch.add_argument("--no-" + name, dest=target, action="store_false",
                      help="do not " + name)


def positive_int(text):
  """Returns `text` as an int of at least 1; for argparse."""
  if not text.isdigit() or int(text) < 1:
    raise argparse.ArgumentTypeError(
        "expected a whole number of at least 1, got %r" % text)
  return int(text)


def check_flags(args):
  """Raises a UserError for flags that do not go together."""
  foreign = TO_TF_FLAGS if args.to == "hf" else TO_HF_FLAGS
  for name in foreign:
    if getattr(args, name) is not None:
      raise utils.UserError("%s does not go with --to %s; see --help." % (
          flag_of(name), args.to))
  if args.to == "hf":
    for name in ("checkpoint", "part"):
      if not getattr(args, name):
        raise utils.UserError("--to hf needs --%s; see --help." % name)
    return
  sources = [name for name in ("discriminator", "generator", "masked_lm",
                               "task") if getattr(args, name)]
  if not sources:
    raise utils.UserError("--to tf needs --discriminator, --generator, "
                          "--masked-lm or --task; see --help.")
  if len(sources) > 1 and sources != ["discriminator", "generator"]:
    raise utils.UserError(
        "%s do not go together: only --discriminator and --generator do." %
        " and ".join(map(flag_of, sources)))
  if args.untied_embeddings and not args.generator:
    raise utils.UserError("--untied-embeddings is about a --generator; give "
                          "one, or leave it out.")


def flag_of(name):
  """Returns the flag, or the two of a switch, that an attribute is from."""
  flag = "--" + name.replace("_", "-")
  if flag.startswith("--do-"):
    flag += " or --no-" + flag[len("--do-"):]
  return flag


def check_output_dir(output_dir, overwrite):
  """Raises a UserError if the output folder must not be written to."""
  if not utils.exists(output_dir):
    return
  if not utils.isdir(output_dir):
    raise utils.UserError("Expected a folder as --output-dir, %s is a file." %
                          output_dir)
  if utils.listdir(output_dir) and not overwrite:
    raise utils.UserError("%s is not empty; give another --output-dir, or "
                          "--overwrite to write into it." % output_dir)


def split_task(text):
  """Returns (name, folder) of a --task, None if there is none.

  Raises:
    UserError: it is not of the form NAME=DIR.
  """
  if text is None:
    return None
  name, separator, folder = text.partition("=")
  if not (name and separator and folder) or "/" in name:
    raise utils.UserError("Expected --task NAME=DIR, such as ner=hf/ner, got "
                          "'%s'." % text)
  return name, folder


def read_labels(args):
  """Returns the names of a task's classes; None if no file has them.

  Args:
    args: Namespace of `parse_args`, with --to hf.

  Raises:
    utils.UserError: the record of the task's labels is not a list of strings.
  """
  if args.labels_file is not None:
    with utils.open_file(args.labels_file) as f:
      return f.read().strip("\r\n").splitlines()
  folder = args.checkpoint
  if not utils.isdir(folder):
    folder = os.path.dirname(folder)
  path = task_metadata.path_of(folder)
  if not args.part.startswith("task:") or not utils.exists(path):
    return None
  return task_metadata.read(path, args.part[len("task:"):], "labels")


if __name__ == "__main__":
  utils.exit_cleanly(main)
