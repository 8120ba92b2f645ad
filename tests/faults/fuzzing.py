"""Shared by the fuzz tests: the contract of commands, values, mutations.

The contract: for any input, a command either succeeds, or exits with code 2 and
a one-line error message and changes no files.
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

# The same examples in every run, and no time limit, for busy machines.
settings = hypothesis.settings(
    max_examples=40, derandomize=True, deadline=None,
    suppress_health_check=list(hypothesis.HealthCheck))
MAX_MESSAGE_CHARACTERS = 2000  # so that people can read it

# Text that readers, paths, terminals or TensorFlow may fail on.
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
# Any JSON value, and NaN, infinity and lone surrogates.
json_values = strategies.recursive(
    leaves, lambda inner: strategies.one_of(
        strategies.lists(inner, max_size=3),
        strategies.dictionaries(texts, inner, max_size=3)), max_leaves=5)


def refusal(function):
  """Runs `function` as the main function of a command.

  Returns:
    None if it succeeded, else its error message.

  Raises:
    AssertionError: it failed in another way than with one line and code 2.
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
  """Returns {path: bytes, or None for a folder} of a folder, recursively."""
  entries = {}
  for parent, folders, names in os.walk(folder):
    entries.update((os.path.join(parent, name), None) for name in folders)
    for name in names:
      with open(os.path.join(parent, name), "rb") as f:
        entries[os.path.join(parent, name)] = f.read()
  return entries


@contextlib.contextmanager
def unchanged(folder):
  """Asserts that the block does not change a folder."""
  before = contents(folder)
  yield
  assert contents(folder) == before


def _key_paths(value, key_path=()):
  """Yields the path of keys to each value in parsed JSON."""
  yield key_path
  inside = (value.items() if isinstance(value, dict) else
            enumerate(value) if isinstance(value, list) else ())
  for key, item in inside:
    yield from _key_paths(item, key_path + (key,))


@strategies.composite
def changed_json(draw, valid):
  """Draws parsed JSON that mostly differs from `valid` in one or two values."""
  value = copy.deepcopy(valid)
  for _ in range(draw(strategies.integers(1, 2))):
    key_path = draw(strategies.sampled_from(list(_key_paths(value))))
    if not key_path:
      value = draw(strategies.one_of(json_values, strategies.just(value)))
      continue
    parent = value
    for key in key_path[:-1]:
      parent = parent[key]
    key = key_path[-1]
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
  """Serializes JSON as UTF-8, with lone surrogates escaped."""
  return json.dumps(value, ensure_ascii=False).encode("utf-8",
                                                      "backslashreplace")


@strategies.composite
def changed_bytes(draw, valid):
  """Draws bytes that mostly differ from `valid` at one to three positions."""
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
