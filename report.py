# PYTHON_ARGCOMPLETE_OK
"""Writes a report of a model as one HTML page: curves, scores, errors, runs."""

import os

from reporting import page
from reporting import run_files
from util import command_line
from util import flags
from util import utils

EXAMPLE = "python report.py data/models/araelectra_base"


def main():
  args = make_parser().parse_args()
  files = run_files.read(args.model_dir)
  path = args.output or os.path.join(args.model_dir, "report.html")
  with utils.write_atomically(path) as f:
    f.write(page.render(files))
  utils.log("Wrote the report %s" % path)


def make_parser():
  """Returns the argument parser of this command."""
  parser = command_line.Parser(__doc__, example=EXAMPLE)
  parser.add_argument("model_dir", type=flags.path, metavar="MODEL_DIR",
                      help="path, required: folder of a pre-trained model, or "
                      "of a fine-tuned one in its finetuning_models")
  parser.add_argument("--output", type=flags.path, metavar="FILE",
                      help="path, default MODEL_DIR/report.html: the page to "
                      "write")
  return parser


if __name__ == "__main__":
  utils.exit_cleanly(main)
