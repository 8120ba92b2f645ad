# PYTHON_ARGCOMPLETE_OK
"""Converts TF1 checkpoints to Hugging Face folders, and back.

To Hugging Face, one --part of a checkpoint at a time:
  python convert_checkpoint.py --to hf --checkpoint data/models/araelectra \\
      --part discriminator --output-dir hf/araelectra
  python convert_checkpoint.py --to hf --checkpoint data/models/araelectra \\
      --part generator --output-dir hf/araelectra-generator
  python convert_checkpoint.py --to hf --output-dir hf/ner --part task:ner \\
      --task-kind tagging \\
      --checkpoint data/models/araelectra/finetuning_models/ner_model_1

Back to a model folder that run_pretraining.py and run_finetuning.py can use:
  python convert_checkpoint.py --to tf --discriminator hf/araelectra \\
      --generator hf/araelectra-generator --output-dir data/models/araelectra

PyTorch is required only to read a pytorch_model.bin.
"""

import os

from finetune import task_metadata
from model.huggingface import conversion_report
from model.huggingface import flags as conversion_flags
from util import flags
from util import utils


def main():
  args = make_parser().parse_args()
  conversion_flags.check(args)
  flags.check_output_dir(args.output_dir, args.overwrite)
  with utils.removed_on_error(args.output_dir):
    report = convert(args)
  conversion_report.log(report, args.output_dir, args.verbose)


def make_parser():
  """Returns the ArgumentParser of this command."""
  return conversion_flags.make_parser(__doc__)


def convert(args):
  """Writes the output directory; returns the conversion_report.Report."""
  # These import TensorFlow, which takes seconds: only after the checks.
  from finetune import evaluations
  from model.huggingface import exporter
  from model.huggingface import importer
  if args.to == "hf":
    best = evaluations.best_folder(args.checkpoint)
    if best:
      utils.log("Using the checkpoint of the best evaluation: %s" % best)
      args.checkpoint = best
    report = exporter.to_hf(
        args.checkpoint, args.output_dir, args.part,
        vocab_file=args.vocab_file, model_config=args.model_config,
        num_attention_heads=args.num_attention_heads,
        do_lower_case=args.do_lower_case, strip_accents=args.do_strip_accents,
        task_kind=args.task_kind, labels=read_labels(args),
        is_tag_per_word=(read_metadata(args, "declaration") or {}).get(
            "metric") == "accuracy",
        value_range=read_metadata(args, "range"),
        is_multi_label=bool(read_metadata(args, "multi_label")))
  else:
    report = importer.to_tf(
        args.output_dir, discriminator=args.discriminator,
        generator=args.generator, masked_lm=args.masked_lm,
        task=tuple(args.task.split("=", 1)) if args.task else None,
        untied_embeddings=bool(args.untied_embeddings))
  return report


def read_labels(args):
  """Returns the names of a task's classes; None if no file has them.

  Args:
    args: Namespace of the flags, with --to hf.

  Raises:
    utils.UserError: the labels recorded with the model are not a list of
      strings.
  """
  if args.labels_file is not None:
    with utils.open_file(args.labels_file) as f:
      return f.read().strip("\r\n").splitlines()
  return read_metadata(args, "labels")


def read_metadata(args, key):
  """Returns a value in labels.json of the model; None if there is none.

  Args:
    args: Namespace of the flags, with --to hf.
    key: str, see `task_metadata.read`.

  Raises:
    utils.UserError: the value is invalid.
  """
  folder = args.checkpoint
  if not utils.isdir(folder):
    folder = os.path.dirname(folder)
  path = task_metadata.path_of(folder)
  if not args.part.startswith("task:") or not utils.exists(path):
    return None
  return task_metadata.read(path, args.part[len("task:"):], key)


if __name__ == "__main__":
  utils.exit_cleanly(main)
