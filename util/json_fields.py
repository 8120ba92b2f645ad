"""Checks JSON objects field by field, with messages that name the file.

A schema library would report "is not of type 'string'" where these messages
name the allowed values, and would add a dependency.
"""

import collections
import difflib
import json

from util import utils

# One field of an object.
#   description: what the value may be: "true or false".
#   is_valid: function that returns whether a value is allowed.
Field = collections.namedtuple("Field", ["description", "is_valid"])

FLAG = Field("true or false", lambda value: isinstance(value, bool))
INTEGER = Field("an integer", lambda value: type(value) is int)
STRING = Field("a string", lambda value: isinstance(value, str))
TEXT = Field("a text", lambda value: isinstance(value, str) and value != "")
LIST = Field("a list", lambda value: isinstance(value, list))
OBJECT = Field("a JSON object", lambda value: isinstance(value, dict))


def optional(field):
  """Returns a Field that also allows null."""
  return Field(field.description + " or null",
               lambda value: value is None or field.is_valid(value))


def load_object(path, missing=None):
  """Returns the JSON object in a file.

  Args:
    path: of the file.
    missing: what to return where the file does not exist; None: an error.

  Raises:
    utils.UserError: the file is missing or not a JSON object.
  """
  if missing is not None and not utils.exists(path):
    return missing
  return check_object(utils.load_json(path), path)


def check_object(value, where):
  """Returns `value`; raises a UserError if it is not a JSON object."""
  if not isinstance(value, dict):
    raise utils.UserError("%s: expected a JSON object, got %s." % (
        where, shorten(value)))
  return value


def check(fields, values, where, *, required=(), advice=""):
  """Raises a UserError for the first missing or invalid field.

  Names in `values` that are not in `fields` are ignored.

  Args:
    fields: {name: Field}.
    values: the object to check.
    where: str, file and field of the object, for the message.
    required: names of the fields that may not be missing.
    advice: str, what to do, at the end of the message: "Copy it again."
  """
  check_object(values, where)
  advice = advice and " " + advice
  for name, field in fields.items():
    if name in values:
      if not field.is_valid(values[name]):
        raise utils.UserError("%s: \"%s\": expected %s, got %s.%s" % (
            where, name, field.description, shorten(values[name]), advice))
    elif name in required:
      raise utils.UserError("%s: requires the key \"%s\" (%s).%s" % (
          where, name, field.description, advice))


def did_you_mean(name, known):
  """Returns " Did you mean 'x'?", or "" where no known name is similar."""
  near = nearest(name, known)
  return " Did you mean '%s'?" % near if near else ""


def nearest(name, known):
  """Returns the most similar of the `known` names, None if none is similar.

  The first name that ends with all of `name` is more similar than any other:
  `train_batch_size` is meant by "batch_size".
  """
  for other in known:
    if name and other.endswith("_" + name):
      return other
  return next(iter(difflib.get_close_matches(name, known, n=1, cutoff=0.5)),
              None)


def shorten(value, quote=True, limit=80):
  """Returns a value on one line of at most `limit` characters.

  Args:
    value: anything.
    quote: bool, whether to write it as JSON, else as str() does.
    limit: int, characters.
  """
  try:
    text = json.dumps(value, ensure_ascii=False) if quote else str(value)
  except (TypeError, ValueError):
    text = repr(value)
  text = " ".join(text.split())
  return text if len(text) <= limit else text[:limit - 3] + "..."
