"""Hyperparameters: declared once, layered, checked, then frozen."""

import copy
import json
import os

from util import command_line
from util import flags
from util import hparam_help
from util import json_fields
from util import path_names
from util import utils

# Steps, sizes and counts are int32 in the graph, rates and weights float32.
_LIMITS = {int: 2 ** 31, float: 2.0 ** 128}


class Hparam:
  """One declared hyperparameter: its default, type and allowed values."""

  def __init__(self, default, kind, *, optional=False, minimum=None,
               maximum=None, above=None, choices=None, expand=None):
    """Declares a hyperparameter.

    Args:
      default: its value where nobody gives another.
      kind: bool, int, float, str, list (of str) or dict.
      optional: whether null (None) is allowed.
      minimum, maximum: inclusive bounds of a number.
      above: exclusive lower bound of a number.
      choices: the allowed values.
      expand: function from a path to the path that it means; see PATH.
    """
    self.default = default
    self.kind = kind
    self.optional = optional or default is None
    self.minimum = minimum
    self.maximum = maximum
    self.above = above
    self.choices = choices
    self.expand = expand

  def check(self, name, value, what="hyperparameter"):
    """Returns `value` as the declared type.

    Args:
      name: str. value: what the user gave. what: what `name` is the name of.

    Raises:
      utils.UserError: wrong type or value; names the hyperparameter, what was
        expected and what was found.
    """
    if value is None and self.optional:
      return value
    if self.kind is float and type(value) is int:  # JSON: 3 for 3.0
      if abs(value) <= 1e300:
        value = float(value)
    right_type = isinstance(value, self.kind) and (
        self.kind is bool or not isinstance(value, bool))
    if right_type and self.kind is list:
      right_type = bool(value) and all(map(_is_text, value))
    if right_type and self.kind is str:
      right_type = _is_text(value)
    is_too_large = self.kind in _LIMITS and right_type and (
        not abs(value) < _LIMITS[self.kind])  # NaN compares as false
    if not right_type or is_too_large or not self._is_allowed(value):
      raise utils.UserError("%s '%s': expected %s%s, got %s." % (
          what[0].upper() + what[1:], name, self.describe(),
          " in the %s32 range" % self.kind.__name__ * is_too_large,
          json_fields.shorten(value)))
    if self.expand is None:
      return value
    try:
      return self.expand(value)
    except utils.UserError as error:
      raise utils.UserError("%s '%s': %s" % (
          what[0].upper() + what[1:], name, error))

  def _is_allowed(self, value):
    return ((self.choices is None or value in self.choices) and
            (self.minimum is None or value >= self.minimum) and
            (self.maximum is None or value <= self.maximum) and
            (self.above is None or value > self.above))

  def describe(self):
    """Returns the allowed values as text: "an integer of at least 1"."""
    words = {bool: "true or false", int: "an integer", float: "a number",
             str: "a string that is not blank",
             list: "a list of strings such as %s" %
             json.dumps(self.default), dict: "a JSON object"}[self.kind]
    if self.choices:
      words = "one of %s" % ", ".join(map(json.dumps, self.choices))
    limits = [text % limit for text, limit in (
        ("of at least %s", self.minimum), ("above %s", self.above),
        ("of at most %s", self.maximum)) if limit is not None]
    if limits:
      words += " " + " and ".join(limits)
    return words + (" or null" if self.optional else "")


# Arguments of Hparam for a path, and for comma-separated shell patterns.
PATH = dict(expand=path_names.expand)
PATTERNS = dict(expand=path_names.expand_patterns)


class HParams:
  """Base of `PretrainingConfig` and `FinetuningConfig`.

  A subclass declares each hyperparameter as a class attribute that is an
  `Hparam`. A value comes from the last of these layers that sets it:

    1. the declared default;
    2. `presets`: defaults that follow from other values, such as `model_size`;
    3. what the user passed.

  Values that depend on other values are computed last, by `derived`, and only
  where the user did not pass them, so they always use the final values.
  """

  def __init__(self, **passed):
    declared = self.declared()
    for name in passed:
      if name not in declared:
        raise utils.UserError(_unknown(name, declared, "hyperparameter"))
    passed = {name: declared[name].check(name, value)
              for name, value in passed.items()}
    values = {name: copy.deepcopy(hparam.default)
              for name, hparam in declared.items()}
    values.update(passed)
    values.update(self.presets(dict(values)))
    values.update(passed)
    self._set(dict(values, _passed=copy.deepcopy(passed)))
    derived = self.derived(passed)
    self._set({name: value for name, value in derived.items()
               if passed.get(name) is None})
    self.check()

  @classmethod
  def declared(cls):
    """Returns {name: Hparam} of what the class and its bases declare."""
    return {name: value for base in reversed(cls.__mro__)
            for name, value in vars(base).items() if isinstance(value, Hparam)}

  def presets(self, requested):
    """Returns the {name: value} that `requested` implies; see the class."""
    del requested  # the base class has no presets
    return {}

  def derived(self, passed):
    """Returns {name: value} computed from the values of `self`, unchanged."""
    del passed  # the base class computes nothing
    return {}

  def check(self):
    """Raises a UserError where values contradict each other."""

  def was_passed(self, name):
    """Returns whether the user gave `name` a value other than null."""
    return self._passed.get(name) is not None

  def changed(self):
    """Returns {name: value} of the hyperparameters that the user changed."""
    defaults = self.declared()
    return {name: copy.deepcopy(getattr(self, name)) for name in defaults
            if self.was_passed(name) and
            getattr(self, name) != defaults[name].default}

  def to_dict(self):
    """Returns {name: value} of every hyperparameter, ready for JSON."""
    return {name: copy.deepcopy(getattr(self, name))
            for name in self.declared()}

  def replace(self, **changes):
    """Returns the config of the same call with `changes`."""
    return type(self)(**dict(self._passed, **changes))

  def _set(self, values):
    for name, value in values.items():
      object.__setattr__(self, name, value)

  def __setattr__(self, name, value):
    raise AttributeError(
        "Configs are frozen: use config.replace(%s=%r)." % (name, value))


def check_table(declared, values, what):
  """Checks a nested table, such as `model_hparam_overrides`.

  Args:
    declared: {name: Hparam}.
    values: {name: value} that the user gave.
    what: what the names are, for the message.

  Raises:
    utils.UserError: an unknown name, or a value that is not allowed.
  """
  for name, value in values.items():
    if name not in declared:
      raise utils.UserError(_unknown(name, declared, what))
    declared[name].check(name, value, what)


def parse_hparams(text):
  """Returns the {name: value} of a `--hparams` argument.

  Args:
    text: a JSON object, or the path of a .json file that holds one.

  Raises:
    utils.UserError: it is neither; the message names line and column.
  """
  where = "--hparams"
  if text.strip().startswith("{") or not text.strip():
    content = text.strip() or "{}"
  elif text.endswith(".json") or utils.exists(text):
    text = where = path_names.expand(text)
    if utils.isdir(text):
      raise utils.UserError("--hparams: %s is a folder; expected a JSON object "
                            "or the path of a .json file." % text)
    with utils.open_file(text, "rb") as f:
      content = f.read()
  else:
    raise utils.UserError(
        "--hparams: expected a JSON object such as "
        "'{\"model_size\": \"small\"}' or the path of a .json file, got %s." %
        json_fields.shorten(text))
  return json_fields.check_object(utils.parse_json(
      content, where, object_pairs_hook=_refuse_duplicates), where)


def parse_set(text, declared):
  """Returns (name, value) of a `--set` argument.

  Args:
    text: "NAME=VALUE"; the value is JSON, or a string without quotes. Of a
      list, it may be the items, separated by commas.
    declared: {name: Hparam}.

  Raises:
    utils.UserError: there is no name or no "=".
  """
  name, equals, value = text.partition("=")
  name = name.strip()
  if not name or not equals:
    raise utils.UserError("--set: expected NAME=VALUE, such as "
                          "learning_rate=1e-4, got %s." %
                          json_fields.shorten(text))
  try:
    parsed = json.loads(value)
  except ValueError:  # not JSON, so a string without quotes
    parsed = value
  kind = declared[name].kind if name in declared else None
  if kind is str and parsed is not None and not isinstance(parsed, str):
    return name, value  # such as a tpu_name of digits
  if kind is list and isinstance(parsed, str):
    return name, [item.strip() for item in parsed.split(",")]
  return name, parsed


def passed_values(args, declared):
  """Returns {name: value} of the `--hparams` and `--set` of parsed flags.

  Args:
    args: Namespace with the lists `hparams` and `set`; --set overrides
      --hparams, and later flags override earlier ones.
    declared: {name: Hparam} that the command knows.
  """
  values = {}
  for text in args.hparams:
    values.update(parse_hparams(text))
  values.update(parse_set(text, declared) for text in args.set)
  return values


def add_hparams_flags(parser, declared):
  """Declares --hparams and --set; see `passed_values`."""
  parser.add_argument(
      "--hparams", action="append", default=[], metavar="JSON",
      help="string, default {}: a JSON object, or the path of a .json file, of "
      "hyperparameters; repeatable; later values override")
  action = parser.add_argument(
      "--set", action="append", default=[], metavar="NAME=VALUE",
      help="string, default none: one hyperparameter; the value is JSON or a "
      "string without quotes; repeatable; overrides --hparams")
  action.completer = lambda **unused: [name + "=" for name in declared]


def add_run_flags(parser, config_class):
  """Declares the flags that both runners share.

  Args:
    parser: ArgumentParser; a command_line.Parser gets --help-hparams too.
    config_class: the subclass of HParams of the command.
  """
  parser.add_argument(
      "--data-dir", required=True, type=flags.path, metavar="DIR",
      help="path, required: folder of the data, the vocabulary and the model "
      "weights")
  parser.add_argument(
      "--model-name", required=True, metavar="NAME",
      help="string, required: name of the model, whose folder is "
      "<data-dir>/models/<model-name>")
  add_hparams_flags(parser, config_class.declared())
  if isinstance(parser, command_line.Parser):
    parser.add_printer(
        "--help-hparams", lambda unused: hparam_help.text_of(config_class),
        "print every hyperparameter with its type, default, allowed values and "
        "meaning, and exit")


def run_arguments(parser, argv=None, config_class=HParams):
  """Parses the arguments that both runners share.

  Args:
    parser: ArgumentParser; the flags are declared unless it has them.
    argv: list of str, the arguments; None: those of this process.
    config_class: the subclass of HParams of the command.

  Returns:
    (model_name, data_dir, hparams dict).

  Raises:
    utils.UserError: `--hparams` is not a JSON object, `--set` has no name, the
      model name is a path, or the data folder is blank.
  """
  if parser.get_default("hparams") is None:
    add_run_flags(parser, config_class)
  args = parser.parse_args(argv)
  if not _is_text(args.data_dir):
    raise utils.UserError("--data-dir: expected the path of a folder, got %s." %
                          json_fields.shorten(args.data_dir))
  name = args.model_name
  if not _is_text(name) or name in (".", "..") or (
      os.path.basename(name) != name):
    raise utils.UserError("--model-name: expected a plain name such as "
                          "araelectra_base, got %s." %
                          json_fields.shorten(name))
  return name, args.data_dir, passed_values(args, config_class.declared())


def _is_text(value):
  """Returns whether `value` is a string that is a valid path and printable."""
  if not isinstance(value, str) or not value.strip() or "\0" in value:
    return False
  try:
    value.encode("utf-8")
  except UnicodeEncodeError:  # half of a surrogate pair
    return False
  return True


def _refuse_duplicates(pairs):
  values = dict(pairs)
  if len(values) < len(pairs):
    names = [name for name, _ in pairs]
    twice = next(name for name in names if names.count(name) > 1)
    raise utils.UserError("--hparams: '%s' is set twice. Keep one." % twice)
  return values


def _unknown(name, declared, what):
  near = json_fields.nearest(name, declared)
  return "Unknown %s '%s'.%s" % (
      what, json_fields.shorten(name, quote=False),
      " Did you mean '%s' (%s)?" % (near, declared[near].describe())
      if near else " Known are: %s." % ", ".join(sorted(declared)))
