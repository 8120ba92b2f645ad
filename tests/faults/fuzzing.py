"""What the tests with made-up input share: the contract, values, mutations.

The contract: whatever a user gives, a command does its work, or ends with exit
code 2 and one line that says what is wrong; and nothing is changed by that.
"""

import contextlib
import copy
import io
import json
import os
import sys
import unittest.mock

import hypothesis
from hypothesis import strategies

from util import utils

# The same examples at every run, and no time limit: machines may be busy.
settings = hypothesis.settings(
    max_examples=40, derandomize=True, deadline=None,
    suppress_health_check=list(hypothesis.HealthCheck))
MAX_MESSAGE_CHARACTERS = 2000  # for people to read

# Text that readers, paths, terminals or TensorFlow may stumble over.
AWKWARD_TEXTS = (
    "", " ", "\0", "\n", "a\rb", "\u2028", "\ufeff", "\ud800", "\x1b[31m", "0",
    "1", "-1", "1e-4", "nan", "true", "null", "[]", "{}", "..", "/", "~", "%s",
    "{0}", "*", "أحمد", "\u202eab", "x" * 5000)
texts = strategies.one_of(strategies.sampled_from(AWKWARD_TEXTS),
                          strategies.text(max_size=8))
numbers = strategies.one_of(
    strategies.sampled_from([0, 1, -1, 2**31 - 1, 2**31, 2**63, -2**63, 10**400,
                             0.0, -0.0, 1e-320, 1e39, 1e308]),
    strategies.integers(), strategies.floats())
leaves = strategies.one_of(strategies.none(), strategies.booleans(), numbers,
                           texts)
# Whatever JSON can say, and a little more (nan, infinity, lone surrogates).
json_values = strategies.recursive(
    leaves, lambda inner: strategies.one_of(
        strategies.lists(inner, max_size=3),
        strategies.dictionaries(texts, inner, max_size=3)), max_leaves=5)


def refusal(function):
  """Runs `function` as the body of a command.

  Returns:
    None where it ended well, else the line that the command ended with.

  Raises:
    AssertionError: it ended in another way than with one line and code 2.
  """
  stderr = io.StringIO()
  stdout = io.TextIOWrapper(io.BytesIO(), encoding="utf-8")
  try:
    with unittest.mock.patch.object(sys, "stderr", stderr), (
        unittest.mock.patch.object(sys, "stdout", stdout)):
      utils.exit_cleanly(function)
    return None
  except SystemExit as error:
    line = stderr.getvalue()
    assert error.code == 2, error.code
    assert len(line.splitlines()) == 1 and line.startswith("error: "), line
    assert len(line) <= MAX_MESSAGE_CHARACTERS, line
    return line


def contents(folder):
  """Returns {path: bytes, or None for a folder} of all that is in a folder."""
  found = {}
  for parent, folders, names in os.walk(folder):
    found.update((os.path.join(parent, name), None) for name in folders)
    for name in names:
      with open(os.path.join(parent, name), "rb") as f:
        found[os.path.join(parent, name)] = f.read()
  return found


@contextlib.contextmanager
def unchanged(folder):
  """Asserts that the block leaves a folder as it was."""
  before = contents(folder)
  yield
  assert contents(folder) == before


def _places(value, place=()):
  """Yields the path to every value inside of parsed JSON."""
  yield place
  inside = (value.items() if isinstance(value, dict) else
            enumerate(value) if isinstance(value, list) else ())
  for key, item in inside:
    yield from _places(item, place + (key,))


@strategies.composite
def changed_json(draw, valid):
  """Draws parsed JSON that mostly differs from `valid` at one or two places."""
  value = copy.deepcopy(valid)
  for _ in range(draw(strategies.integers(1, 2))):
    place = draw(strategies.sampled_from(list(_places(value))))
    if not place:
      value = draw(strategies.one_of(json_values, strategies.just(value)))
      continue
    parent = value
    for key in place[:-1]:
      parent = parent[key]
    key = place[-1]
    change = draw(strategies.sampled_from(
        ["replace", "replace", "delete", "repeat", "wrap", "text"]))
    if change == "delete":
      del parent[key]
    elif change == "repeat" and isinstance(parent, list):
      parent.append(copy.deepcopy(parent[key]))
    elif change == "wrap":
      parent[key] = [parent[key]]
    elif change == "text":
      parent[key] = str(parent[key])
    else:
      parent[key] = draw(json_values)
  return value


def as_json(value):
  """Returns parsed JSON as bytes; the halves of surrogate pairs are escaped."""
  return json.dumps(value, ensure_ascii=False).encode("utf-8",
                                                      "backslashreplace")


@strategies.composite
def changed_bytes(draw, valid):
  """Draws bytes that mostly differ from `valid` at one to three places."""
  content = valid
  for _ in range(draw(strategies.integers(1, 3))):
    start = draw(strategies.integers(0, len(content)))
    end = draw(strategies.integers(start, min(len(content), start + 20)))
    change = draw(strategies.sampled_from(
        ["insert", "replace", "truncate", "repeat", "delete"]))
    new = draw(strategies.one_of(
        strategies.binary(max_size=4), strategies.sampled_from(
            [b"\0", b"\r", b"\n", b"\n\n", b"\t", b'"', b"\xef\xbb\xbf",
             b"\xed\xa0\x80", b"\xff", b"\xc2\x85", b"\xe2\x80\xa8", b"{",
             b"]", b"9" * 5000, b"[" * 200000])))
    if change == "truncate":
      content = content[:start]
    elif change == "repeat":
      content = content[:end] + content[start:]
    elif change == "delete":
      content = content[:start] + content[end:]
    else:
      content = (content[:start] + new +
                 content[end if change == "replace" else start:])
  return content
