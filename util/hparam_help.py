"""Describes the hyperparameters of a command, from their declarations.

The meaning of a hyperparameter is the comment at the end of its line, or on the
lines above it. A comment after a blank line is the title of a group.
"""

import ast
import collections
import inspect
import io
import json
import textwrap
import tokenize

Entry = collections.namedtuple("Entry", ["name", "hparam", "group", "meaning"])
Entry.__doc__ = """One hyperparameter.

name: str. hparam: the hparams.Hparam. group: str, such as "optimization"; ""
for those before the first group. meaning: str, "" without a comment.
"""

_WIDTH = 79


def entries(config_class):
  """Returns the list of Entry of a class of hyperparameters.

  They are in the order of their declarations, with those of the class itself
  before those of its bases.
  """
  declared = config_class.declared()
  found = {}
  for base in config_class.__mro__:
    names = [name for name in vars(base) if name in declared]
    if names:
      comments = _read_comments(inspect.getsource(base))
      for name in names:
        group, meaning = comments.get(name, ("", ""))
        found.setdefault(name, Entry(name, declared[name], group, meaning))
  return list(found.values())


def text_of(config_class):
  """Returns the description of all hyperparameters, for a terminal."""
  lines = ["Hyperparameters, for --set NAME=VALUE and --hparams JSON. null: "
           "derived from", "other values or files. Presets of model_size and "
           "of tasks override defaults."]
  groups = collections.OrderedDict()
  for entry in entries(config_class):
    groups.setdefault(entry.group or "general", []).append(entry)
  for group in sorted(groups, key=lambda name: name != "general"):
    lines += ["", group]
    for entry in groups[group]:
      lines += textwrap.wrap(
          "%s: %s, default %s" % (entry.name, entry.hparam.describe(),
                                  json.dumps(entry.hparam.default)),
          _WIDTH, initial_indent="  ", subsequent_indent="      ",
          break_on_hyphens=False)
      lines += textwrap.wrap(entry.meaning, _WIDTH, initial_indent="      ",
                             subsequent_indent="      ", break_on_hyphens=False)
  return "\n".join(lines)


def _read_comments(source):
  """Returns {name: (group, meaning)} of the assignments in a class."""
  source = textwrap.dedent(source)
  lines = source.split("\n")
  tokens = tokenize.generate_tokens(io.StringIO(source).readline)
  comments = {token.start[0]: token.string.lstrip("# ").strip()
              for token in tokens if token.type == tokenize.COMMENT}
  found, group = {}, ""
  body = ast.parse(source).body[0].body
  # The line before which the comments of a statement end.
  ends = [statement.lineno for statement in body[1:]] + [len(lines) + 1]
  for statement, end in zip(body, ends):
    first = statement.lineno
    while first - 1 in comments and lines[first - 2].lstrip().startswith("#"):
      first -= 1
    above = list(range(first, statement.lineno))
    if above and not lines[above[0] - 2].strip():
      group = comments[above.pop(0)]
    if isinstance(statement, ast.Assign):
      within = [number for number in range(statement.lineno, end)
                if not lines[number - 1].lstrip().startswith("#")]
      meaning = " ".join(comments[number] for number in above + within
                         if number in comments)
      found[statement.targets[0].id] = group, meaning
  return found
