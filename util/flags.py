"""Command-line flags and checks that several scripts share."""

import argparse
import os

from util import path_names
from util import utils


def positive_int(text):
  """Parses an integer of at least 1; an argparse type."""
  if not text.isdigit() or int(text) < 1:
    raise argparse.ArgumentTypeError(
        "expected an integer of at least 1, got %r" % text)
  return int(text)


def path(text):
  """Returns a path with `~` and $NAME replaced; an argparse type."""
  try:
    return path_names.expand(text)
  except utils.UserError as error:
    raise argparse.ArgumentTypeError(str(error))


def add_switch(parser, name, on_help, off_help="do not", default=None):
  """Declares --do-NAME and --no-NAME, which set the attribute do_NAME.

  Args:
    parser: ArgumentParser or argument group. With a mutually exclusive group,
      passing both flags is an error; otherwise the later one wins.
    name: str, such as "lower-case".
    on_help: str, help of --do-NAME.
    off_help: str, help of --no-NAME.
    default: bool, or None to tell whether either flag was passed.
  """
  target = "do_" + name.replace("-", "_")
  parser.add_argument("--do-" + name, dest=target, action="store_true",
                      default=default, help=on_help)
  parser.add_argument("--no-" + name, dest=target, action="store_false",
                      default=default, help=off_help)


def check_output_dir(path, overwrite, marker=None):
  """Raises a UserError if an output directory must not be written to.

  Args:
    path: str, the value of --output-dir.
    overwrite: bool, whether --overwrite was passed.
    marker: str, a file name, or None. With a file name, a directory that has
      files but not this one is refused even with --overwrite, because it
      holds something other than an earlier output.
  """
  if not utils.exists(path):
    return
  if not utils.isdir(path):
    raise utils.UserError("--output-dir: %s is a file. Pass a directory." %
                          path)
  if not utils.visible_names(path):
    return
  if marker and not utils.exists(os.path.join(path, marker)):
    raise utils.UserError(
        "--output-dir: %s is not empty and has no %s to replace. Pass a new "
        "directory." % (path, marker))
  if not overwrite:
    raise utils.UserError(
        "--output-dir: %s is not empty. Pass another directory, or "
        "--overwrite." % path)
