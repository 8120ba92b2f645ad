"""Downloads a public data set and verifies it, for the tasks that read it.

  python examples/get_data.py arcd --data-dir data
  python examples/get_data.py glue --task rte mrpc --data-dir data
  python examples/get_data.py araelectra --data-dir data

Data sets: arcd, arabic_squad, tydiqa, conll2000, glue, and araelectra (the
published weights). An interrupted download resumes. An existing file that is
verified is kept; one that differs is an error, never replaced. Texts that the
training data share with the dev and test data are counted. See
docs/get_data.md.
"""

import os
import sys

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))

from public_data import download
from public_data import installer
from public_data import sources

from util import command_line
from util import flags
from util import utils

EXAMPLE = "python examples/get_data.py arcd --data-dir data"


def make_parser():
  """Returns the argument parser of this command."""
  parser = command_line.Parser(__doc__, example=EXAMPLE)
  parser.add_argument("data_set", choices=list(sources.DATA_SETS),
                      help="data set to download")
  parser.add_argument("--data-dir", type=flags.path, default="data",
                      metavar="DIR", help="folder of the training commands' "
                      "--data-dir (default: data)")
  parser.add_argument("--task", nargs="+", metavar="NAME", help="some of the "
                      "tasks of the data set (default: all; of araelectra: "
                      "discriminator and generator, not tf1)")
  parser.add_argument("--base-url", metavar="URL", help="mirror; replaces "
                      "https://<host> of every source (default: none)")
  parser.add_argument("--attempts", type=flags.positive_int, metavar="N",
                      default=download.NUM_ATTEMPTS, help="attempts per file "
                      "(default: %d)" % download.NUM_ATTEMPTS)
  return parser


def select_tasks(data_set, names):
  """Returns {task: sources.Part} of some tasks of a data set.

  Args:
    data_set: str.
    names: list of str; None for those that are downloaded by default.

  Raises:
    utils.UserError: a name is unknown.
  """
  parts = sources.DATA_SETS[data_set]
  for name in names or ():
    if name not in parts:
      raise utils.UserError("--task: expected some of %s for %s, got '%s'." % (
          ", ".join(sorted(parts)), data_set, name))
  names = names or sources.DEFAULT_TASKS.get(data_set, parts)
  return {name: parts[name] for name in names}


def main():
  args = make_parser().parse_args()
  tasks = select_tasks(args.data_set, args.task)
  installer.get(args.data_dir, args.data_set, tasks, download.Client(
      args.base_url, num_attempts=args.attempts))


if __name__ == "__main__":
  utils.exit_cleanly(main)
