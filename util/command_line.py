"""The argument parser of all commands: help, version and shell completion."""

import argparse
import os

from util import version

# Set by the shell while it completes a command.
_IS_COMPLETING = "_ARGCOMPLETE"


class Parser(argparse.ArgumentParser):
  """An ArgumentParser with an example, --version and shell completion.

  The description keeps its line breaks. Completion requires the package
  argcomplete; everything else requires no package.
  """

  def __init__(self, description, *, example):
    """Declares --version.

    Args:
      description: str, what the command does; usually the script's docstring.
      example: str, a command line that runs; later lines of it are indented.
    """
    super().__init__(
        description=description.strip(),
        epilog="example:\n  %s\n\nexit codes and common flags: "
        "docs/command_line.md" % example,
        formatter_class=argparse.RawDescriptionHelpFormatter)
    self.add_argument(
        "--version", action=_Print, text_fn=lambda parser: "%s %s" % (
            parser.prog, version.describe()),
        help="print the version of the project, Python and TensorFlow, and "
        "exit")

  def parse_args(self, args=None, namespace=None):
    """Parses the arguments; see argparse.ArgumentParser.parse_args."""
    if _IS_COMPLETING in os.environ:
      import argcomplete  # only the shell needs it
      argcomplete.autocomplete(self)
    return super().parse_args(args, namespace)

  def flags(self):
    """Returns [(how the flag is written, what it does)], --help first."""
    found = []
    for action in self._actions:
      name = action.metavar or action.dest
      if action.choices and not action.metavar:
        name = "{%s}" % ",".join(map(str, action.choices))
      if not action.option_strings:
        form = name
      elif action.nargs == 0:
        form = ", ".join(action.option_strings)
      else:
        form = "%s %s" % (", ".join(action.option_strings), name)
      found.append((form, action.help % vars(action)))
    return found

  def add_printer(self, flag, text_fn, help_text):
    """Declares a flag that prints a text and ends the command.

    Args:
      flag: str, such as "--help-hparams".
      text_fn: function of the parser that returns the text.
      help_text: str.
    """
    self.add_argument(flag, action=_Print, text_fn=text_fn, help=help_text)


class _Print(argparse.Action):
  """Prints what a function of the parser returns, and exits with code 0."""

  def __init__(self, option_strings, dest, *, text_fn, help=None):
    super().__init__(option_strings, argparse.SUPPRESS, nargs=0,
                     default=argparse.SUPPRESS, help=help)
    del dest  # nothing is stored
    self._text_fn = text_fn

  def __call__(self, parser, namespace, values, option_string=None):
    print(self._text_fn(parser))
    parser.exit()
