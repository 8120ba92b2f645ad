"""Replaces `~` and $NAME in the paths of hyperparameters and flags.

A shell leaves them as they are in JSON and in --flag=~/x, and folders named "~"
and "$NAME" would appear in the current folder.
"""

import os
import re

from util import utils

_VARIABLE = re.compile(r"\$(\{)?([A-Za-z_][A-Za-z0-9_]*)(?(1)\})")


def expand(path):
  """Returns a path with `~`, `~user`, $NAME and ${NAME} replaced.

  A file whose name has such characters is kept as it is.

  Raises:
    UserError: a variable is not set or a user does not exist; or the path also
      names a file as it is.
  """
  if "~" not in path[:1] and "$" not in path:
    return path
  expanded, problem = _replace(path)
  if not utils.is_remote(path) and (utils.exists(path) or utils.glob(path)):
    if expanded in (None, path):
      return path
    problem = ("means %s, but the current folder has a file or folder with "
               "this name. Rename it, or write the path itself" % expanded)
  if problem:
    raise utils.UserError("%s: %s." % (path, problem))
  return expanded


def expand_patterns(patterns):
  """Returns comma-separated paths or shell patterns, each as `expand` does."""
  return ",".join(map(expand, patterns.split(",")))


def _replace(path):
  """Returns (the path with everything replaced or None, problem or None)."""
  expanded = os.path.expanduser(path)
  if expanded.startswith("~"):
    return None, "no user '%s'. Write ./%s for a name that starts with ~" % (
        expanded[1:].split("/")[0], path)
  for match in _VARIABLE.finditer(expanded):
    name = match.group(2)
    if not os.environ.get(name):
      return None, (
          "the environment variable %s is %s. Set and export it, or write the "
          "path itself" % (name, "empty" if name in os.environ else "not set"))
  if re.search(r"\$[({]", _VARIABLE.sub("", expanded)):
    return None, "only $NAME and ${NAME} are replaced. Write the path itself"
  return _VARIABLE.sub(
      lambda match: os.environ[match.group(2)], expanded), None
