"""What a model can be asked: its actions, their fields, checks of requests."""

import collections

from util import utils

MAX_CHARACTERS = 100000  # of a field; more takes minutes on a CPU

# A text that an action reads. is_long: bool, whether it has several lines;
# is_optional: bool.
Field = collections.namedtuple(
    "Field", ["name", "label", "is_long", "is_optional"])
Field.__new__.__defaults__ = (False, False)
# An action. kind: what its result is like, "fill_mask", "discriminate", "qa",
# "classification" or "tagging"; about: str, a sentence for people.
Action = collections.namedtuple(
    "Action", ["name", "kind", "title", "about", "fields"])


def check(actions, name, values):
  """Returns {field: text} of a request.

  Args:
    actions: list of Action.
    name: str, of the action.
    values: {field: text} as a user sends them.

  Raises:
    utils.UserError: the action or a field is unknown, or a text is missing, no
      text, or too long.
  """
  action = next((action for action in actions if action.name == name), None)
  if action is None:
    raise utils.UserError("Expected one of the actions %s, got %r." % (
        ", ".join(action.name for action in actions), name))
  if not isinstance(values, dict):
    raise utils.UserError("Expected a JSON object of texts, got %s." %
                          type(values).__name__)
  names = [field.name for field in action.fields]
  unknown = sorted(set(values) - set(names))
  if unknown:
    raise utils.UserError("%s: expected the fields %s, got %r." % (
        name, ", ".join(names), unknown[0]))
  return {field.name: _text(field, values.get(field.name, ""))
          for field in action.fields}


def as_json(action):
  """Returns an Action, ready for JSON."""
  return dict(action._asdict(),
              fields=[field._asdict() for field in action.fields])


def _text(field, value):
  if not isinstance(value, str):
    raise utils.UserError("%s: expected a text, got %s." % (
        field.name, type(value).__name__))
  if len(value) > MAX_CHARACTERS:
    raise utils.UserError(
        "{}: the text has {:,} characters, expected at most {:,}. Shorten it."
        .format(field.name, len(value), MAX_CHARACTERS))
  if any("\ud800" <= char <= "\udfff" for char in value):
    raise utils.UserError("%s: the text has half of a character (a lone "
                          "surrogate). Remove it." % field.name)
  if not value.strip() and not field.is_optional:
    raise utils.UserError("%s: the text is empty. Enter one." % field.name)
  return value
