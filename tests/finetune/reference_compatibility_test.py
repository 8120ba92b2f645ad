"""Holds docs/reference_compatibility.md to the code."""

import ast
import importlib
import inspect
import os
import re
import unittest

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(
    os.path.abspath(__file__))))
PAGE = os.path.join(ROOT, "docs", "reference_compatibility.md")


def signatures():
  """Returns the lines of the page's code blocks: name(arguments)."""
  with open(PAGE, encoding="utf-8") as f:
    blocks = re.findall(r"^```\n(.*?)^```$", f.read(), re.M | re.S)
  return [line for block in blocks for line in block.splitlines()]


def arguments_of(line):
  """Returns [(argument, its default or inspect.Parameter.empty)]."""
  function = ast.parse("def f%s: pass" % line[line.index("("):]).body[0]
  names = [argument.arg for argument in function.args.args]
  defaults = [ast.literal_eval(value) for value in function.args.defaults]
  missing = [inspect.Parameter.empty] * (len(names) - len(defaults))
  return list(zip(names, missing + defaults))


def resolve(name):
  """Returns (object, whether it is a method) of a dotted name."""
  parts = name.split(".")
  for end in range(len(parts) - 1, 0, -1):
    try:
      found = importlib.import_module(".".join(parts[:end]))
    except ModuleNotFoundError:
      continue
    for part in parts[end:]:
      owner, found = found, getattr(found, part)
    return found, inspect.isclass(owner)
  raise AssertionError("no module of " + name)


class ReferenceCompatibilityTest(unittest.TestCase):

  def test_every_name_has_the_arguments_of_the_page(self):
    lines = signatures()
    self.assertGreater(len(lines), 100)
    for line in lines:
      with self.subTest(line):
        function, is_method = resolve(line[:line.index("(")])
        parameters = list(inspect.signature(function).parameters.values())
        parameters = parameters[int(is_method):]  # without self
        expected = arguments_of(line)
        self.assertEqual([parameter.name for parameter in parameters[
            :len(expected)]], [name for name, _ in expected])
        for (_, default), parameter in zip(expected, parameters):
          # An argument that the page requires may be optional.
          if default is not inspect.Parameter.empty:
            self.assertEqual(parameter.default, default)
          self.assertEqual(parameter.kind, parameter.POSITIONAL_OR_KEYWORD)
        for parameter in parameters[len(expected):]:
          self.assertTrue(
              parameter.default is not parameter.empty or parameter.kind in (
                  parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD), parameter)

  def test_a_changed_argument_is_found(self):
    self.assertEqual(arguments_of("a.f(x, y=None, z=1e-6)"), [
        ("x", inspect.Parameter.empty), ("y", None), ("z", 1e-6)])
    with self.assertRaisesRegex(AttributeError, "no attribute 'Cola'"):
      resolve("finetune.classification.classification_tasks.Cola")


if __name__ == "__main__":
  unittest.main()
