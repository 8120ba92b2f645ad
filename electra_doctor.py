# PYTHON_ARGCOMPLETE_OK
"""Checks a machine, data and settings before a long run; one verdict a line.

Takes the flags of run_pretraining.py or run_finetuning.py, checks packages,
GPUs, raw text, vocabulary, examples and weights, and trains a few steps in a
temporary folder to measure time, memory and the disk that checkpoints take. It
writes nothing to the folders of the run. See docs/doctor.md.
"""

import contextlib
import json
import sys

import configure_finetuning
import configure_pretraining
from preflight import findings
from preflight import machine
from util import command_line
from util import flags
from util import hparams
from util import utils

EXAMPLE = """\
python electra_doctor.py pretraining --fix-hints --data-dir data \\
      --model-name araelectra_base --set num_train_steps=100000"""
CONFIGS = {"pretraining": configure_pretraining.PretrainingConfig,
           "finetuning": configure_finetuning.FinetuningConfig}


def main():
  argv = sys.argv[1:]
  kind = next((word for word in argv if word in CONFIGS), "pretraining")
  parser = make_parser(kind)
  args = parser.parse_args(argv)
  run_arguments = hparams.run_arguments(parser, argv, CONFIGS[kind])
  # Standard output has the findings alone: they may be JSON.
  with contextlib.redirect_stdout(sys.stderr):
    found = diagnose(kind, args, run_arguments)
  lines = [findings.line(finding, args.fix_hints) for finding in found]
  if args.json == "-":
    print(json.dumps([finding._asdict() for finding in found], indent=1,
                     ensure_ascii=False))
  else:
    print("\n".join(lines))
  if args.json and args.json != "-":
    utils.write_json([finding._asdict() for finding in found], args.json)
  if any(finding.verdict == findings.FAIL for finding in found):
    sys.exit(1)


def make_parser(kind="pretraining"):
  """Returns the argument parser of this command.

  Args:
    kind: "pretraining" or "finetuning", whose hyperparameters it describes.
  """
  parser = command_line.Parser(__doc__, example=EXAMPLE)
  parser.add_argument("run", choices=sorted(CONFIGS),
                      help="string, required: the run to check")
  hparams.add_run_flags(parser, CONFIGS[kind])
  parser.add_argument("--gpu", action="store_true",
                      help="switch, default off: fail if TensorFlow can use no "
                      "GPU")
  if kind == "pretraining":
    parser.add_argument("--corpus-dir", type=flags.path, metavar="DIR",
                        help="path, default none: raw text to check, as it is "
                        "passed to a builder")
  parser.add_argument("--measure-steps", type=flags.positive_int, default=10,
                      metavar="N", help="int, default 10: steps of the trial "
                      "run, at least 2")
  parser.add_argument("--no-trial", action="store_true",
                      help="switch, default off: train no steps")
  parser.add_argument("--fix-hints", action="store_true",
                      help="switch, default off: print what to do about each "
                      "problem")
  parser.add_argument("--json", type=flags.path, metavar="FILE",
                      help="path, default none: write the findings as JSON; "
                      "-: to standard output, in place of the lines")
  return parser


def diagnose(kind, args, run_arguments):
  """Returns the list of Findings on a run.

  Args:
    kind: "pretraining" or "finetuning".
    args: the parsed flags.
    run_arguments: (model_name, data_dir, hyperparameters that were passed).
  """
  found = machine.check_packages()
  if found[0].verdict == findings.FAIL:
    return found
  found += machine.check_gpu(args.gpu)
  model_name, data_dir, values = run_arguments
  try:
    config = CONFIGS[kind](model_name, data_dir, **values)
  except utils.UserError as error:
    return found + [findings.of_error("hyperparameters", error)]
  num_steps = 0 if args.no_trial else max(2, args.measure_steps)
  if kind == "finetuning":
    return found + _finetuning(config, values, num_steps)
  return found + _text(config, args.corpus_dir) + (
      _pretraining(config, values, num_steps))


def _text(config, corpus_dir):
  if not corpus_dir:
    return []
  from preflight import text
  return findings.collect("text", lambda: text.check_corpus(
      corpus_dir, config.max_seq_length))


def _pretraining(config, values, num_steps):
  # TensorFlow is imported after the machine was checked.
  from preflight import examples
  from preflight import trial_run

  found = []
  for what, check in (("vocabulary", examples.check_vocabulary),
                      ("data", examples.check_files),
                      ("examples", examples.check_contents),
                      ("schedule", examples.check_schedule)):
    found += findings.collect(what, lambda check=check: check(config))
  if num_steps and not _has_failed(found):
    trial = trial_run.pretraining(config, values, num_steps)
    found += trial_run.findings_of(trial, config.num_train_steps, config)
  return found


def _finetuning(config, values, num_steps):
  from preflight import tasks  # as above
  from preflight import trial_run

  try:
    found, num_examples = tasks.check_examples(config)
  except utils.UserError as error:
    return [findings.of_error("data", error)]
  if num_steps:
    trial = trial_run.finetuning(config, values, num_steps, num_examples)
    found += trial_run.findings_of(
        trial, int(config.num_train_epochs * trial_run.num_inputs(trial) /
                   config.train_batch_size), config)
  return found


def _has_failed(found):
  return any(finding.verdict == findings.FAIL for finding in found)


if __name__ == "__main__":
  utils.exit_cleanly(main)
