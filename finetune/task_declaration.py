"""Tasks without code: what `finetuning_data/<name>/task.json` may say.

A classification of one text, with the files train.tsv, dev.tsv and, if there
is one, test.tsv beside it:

  {"kind": "classification", "text_a": "content", "label": "label"}

The keys:
- "kind": "classification", "regression", "tagging" or "qa".
- "task": the name of the task, that of the folder; may be left out.
- "files": {"train", "dev", "test": name of the file}. Left out:
  train.<extension> and so on, by the format.
- "format": "tsv", "csv", "json" or "jsonl", for tagging also "conll" (.txt);
  for qa "squad" (.json) or "mrqa" (.jsonl, .jsonl.gz). Left out: by the
  extension of the files.
For classification and regression:
- "header": whether the first line of a .tsv or .csv file names the columns,
  true if left out.
- "text_a", "label", and where there are such "text_b", "id": the name of the
  column or key, or the position of the column, from 0.
- "unordered": true where "text_b" can as well stand before "text_a".
- "metric": name or list of names, as in
  finetune/classification/classification_metrics.py.
- "labels" (classification): list, or "learn": those of the training file.
- "range" (regression): [lowest, highest value], or "learn".
For tagging:
- "metric": "f1" of whole spans, for tags such as "B-PER" (if left out), or
  "accuracy", for tags that stand for themselves, such as "NN".
- "words", "tags": in .tsv and .csv, which have a word a line, the columns, by
  name or position; the first and the last if left out. In .json and .jsonl,
  which have a sentence an object, the keys of the lists; "words", and "tags" or
  "labels" if left out.
- "header": whether the first line of a .tsv or .csv file names the columns; if
  left out, true where "words" is a name.
- "sentence": in .tsv and .csv, the column whose values tell the sentences
  apart; an empty line does, too.
- "id": in .json and .jsonl, the key of a sentence's name; "id" if left out.
For qa:
- "has_impossible": whether questions may have no answer, as in SQuAD 2.0.
"""

import collections
import difflib
import json
import os
import re

from finetune.readers import tables
from util import utils

FILE_NAME = "task.json"
LEARN = "learn"
SPLITS = ("train", "dev", "test")
FORMATS = {
    "classification": tables.FORMATS, "regression": tables.FORMATS,
    "tagging": ("conll",) + tables.FORMATS, "qa": ("squad", "mrqa"),
}
# The files that are looked for where "files" is left out, by format.
_EXTENSIONS = {"conll": "txt", "squad": "json", "mrqa": "jsonl"}
_PACKED = ".gz"  # at the end of the name of a .jsonl file of MRQA
_MAX_NAMED_FILES = 5  # in a message

_TABLES = ("classification", "regression")
# What values may be: (description, function that tells).
_NAME = ("a text", lambda value: isinstance(value, str) and value)
_FLAG = ("true or false", lambda value: isinstance(value, bool))
_COLUMN = ("the name of a column or key, or a position from 0",
           lambda value: _NAME[1](value) or _is_position(value))
_LABELS = ("at least two different labels, or \"learn\"",
           lambda value: value == LEARN or _is_label_list(value))
_RANGE = ("[lowest, highest value], or \"learn\"",
          lambda value: value == LEARN or _is_range(value))
_NAMES = ("a name or a list of names",
          lambda value: _NAME[1](value) or isinstance(value, list) and value and
          all(map(_NAME[1], value)))
_FILES = ("{split: name of a file beside it} for train, dev or test",
          lambda value: isinstance(value, dict) and value and all(
              split in SPLITS and _is_file_name(name)
              for split, name in value.items()))
# {key: (kinds it is for, what it may be)}
_KEYS = {
    "task": (tuple(FORMATS), _NAME), "kind": (tuple(FORMATS), _NAME),
    "files": (tuple(FORMATS), _FILES), "format": (tuple(FORMATS), _NAME),
    "header": (_TABLES + ("tagging",), _FLAG),
    "text_a": (_TABLES, _COLUMN), "text_b": (_TABLES, _COLUMN),
    "label": (_TABLES, _COLUMN), "id": (_TABLES + ("tagging",), _COLUMN),
    "words": (("tagging",), _COLUMN), "tags": (("tagging",), _COLUMN),
    "sentence": (("tagging",), _COLUMN),
    "unordered": (_TABLES, _FLAG), "metric": (_TABLES + ("tagging",), _NAMES),
    "labels": (("classification",), _LABELS),
    "range": (("regression",), _RANGE),
    "has_impossible": (("qa",), _FLAG),
}
_REQUIRED = {"classification": ("text_a", "label"),
             "regression": ("text_a", "label")}

# A checked task.json.
#   name: str, the task's. path: str, where the declaration is, for messages.
#   kind, format: str. files: {split: file name}, "train" and "dev" at least.
#   values: {key: value} of the other keys that were given.
Declaration = collections.namedtuple(
    "Declaration", ["name", "path", "kind", "format", "files", "values"])


def path_of(config, name):
  """Returns the path that the declaration of task `name` has."""
  return os.path.join(config.raw_data_dir(name), FILE_NAME)


def load(path, name, default_format=None):
  """Returns the Declaration of a task.

  Args:
    path: of a task.json.
    name: str, the name of the task.
    default_format: str, the format where neither the declaration nor the files
      beside it say one; None: that is an error.

  Raises:
    utils.UserError: the file is not as it should be; the message names the key.
  """
  return check(utils.load_json(path), path, name, default_format)


def check(values, path, name, default_format=None):
  """Returns the Declaration that the content of a task.json is; as `load`."""
  if not isinstance(values, dict):
    raise utils.UserError("%s: expected a JSON object." % path)
  # Variables in TensorFlow and files are named after the task.
  if not re.match(r"[A-Za-z0-9][A-Za-z0-9_.-]*$", name):
    raise utils.UserError(
        "%s: expected a task's name of English letters, digits, '_', '-' and "
        "'.', got '%s'; rename its folder." % (path, name))
  kind = values.get("kind")
  if not isinstance(kind, str) or kind not in FORMATS:
    raise utils.UserError("%s: \"kind\": expected one of %s, got %s." % (
        path, ", ".join(sorted(FORMATS)), json.dumps(kind)))
  _check_keys(path, kind, values)
  if values.get("task", name) != name:
    raise utils.UserError(
        "%s: \"task\": expected '%s', the name of the folder, got '%s'." % (
            path, name, values["task"]))
  files = values.get("files")
  file_format = values.get("format") or _guess_format(path, kind, files,
                                                      default_format)
  if file_format not in FORMATS[kind]:
    raise utils.UserError("%s: \"format\": expected one of %s, got '%s'." % (
        path, ", ".join(FORMATS[kind]), file_format))
  _check_columns(path, file_format, values)
  if kind == "tagging":
    _check_words(path, file_format, values)
  return Declaration(
      name, path, kind, file_format,
      dict(_default_files(file_format), **(files or {})),
      {key: value for key, value in values.items()
       if key not in ("task", "kind", "files", "format")})


def file_path(config, declaration, split):
  """Returns the path of the file of `split`."""
  return os.path.join(config.raw_data_dir(declaration.name),
                      declaration.files[split])


def as_json(declaration):
  """Returns what decides the features of a declared task, ready for JSON."""
  return dict(declaration.values, kind=declaration.kind,
              format=declaration.format, files=declaration.files)


def packed_or_not(name):
  """Returns a name of a file of MRQA and the same with or without ".gz"."""
  return name, (name[:-len(_PACKED)] if name.endswith(_PACKED) else
                name + _PACKED)


def advice(task, split):
  """Returns what to add to a message where the file of a split is missing.

  "" where the task is not declared, or its folder holds no other data.

  Args:
    task: a finetune.task.Task.
    split: str.
  """
  folder = task.config.raw_data_dir(task.name)
  if not task.declaration or not utils.isdir(folder):
    return ""
  others = [name for name in utils.listdir(folder)
            if name not in task.declaration["files"].values() and
            name != FILE_NAME and not name.startswith(".") and
            not utils.isdir(os.path.join(folder, name))]
  similar = [name for name in others if name.startswith(split + ".")]
  path = os.path.join(folder, FILE_NAME)
  if similar:
    return (" (there is %s, but the files of this task are all \"%s\": convert "
            "it, or change \"format\" or \"files\" in %s)" % (
                similar[0], task.declaration["format"], path))
  if others:
    return " (if one of %s is it, name it in \"files\" in %s)" % (
        ", ".join(others[:_MAX_NAMED_FILES]) +
        ", ..." * (len(others) > _MAX_NAMED_FILES), path)
  return ""


def check_names(declaration, key, names, known):
  """Raises a UserError that suggests the nearest for a name not in `known`."""
  for name in names:
    if name not in known:
      raise utils.UserError("%s: \"%s\": unknown '%s'.%s Known are: %s." % (
          declaration.path, key, name, _nearest(name, known),
          ", ".join(sorted(known))))


def _check_keys(path, kind, values):
  """Raises a UserError for a key or value that cannot be."""
  for key, value in sorted(values.items()):
    if key not in _KEYS:
      known = sorted(name for name, (kinds, _) in _KEYS.items()
                     if kind in kinds)
      raise utils.UserError("%s: unknown key \"%s\".%s Known are: %s." % (
          path, key, _nearest(key, known), ", ".join(known)))
    kinds, (description, is_right) = _KEYS[key]
    if kind not in kinds:
      raise utils.UserError("%s: \"%s\" is not for kind \"%s\" but for %s." % (
          path, key, kind, ", ".join(kinds)))
    if not is_right(value):
      raise utils.UserError("%s: \"%s\": expected %s, got %s." % (
          path, key, description, json.dumps(value, ensure_ascii=False)))
  for key in _REQUIRED.get(kind, ()):
    if key not in values:
      raise utils.UserError("%s: expected the key \"%s\": %s." % (
          path, key, _KEYS[key][1][0]))


def _check_columns(path, file_format, values):
  """Raises a UserError where columns are named as the format does not name."""
  columns = {key: value for key, value in values.items()
             if _KEYS[key][1] is _COLUMN}
  is_json = file_format in tables.OBJECT_FORMATS
  if is_json and "header" in values:
    raise utils.UserError(
        "%s: \"header\" is for tsv and csv files, but the format is %s." % (
            path, file_format))
  for key, column in sorted(columns.items()):
    if is_json and not isinstance(column, str):
      raise utils.UserError("%s: \"%s\": expected a key, as the format is %s, "
                            "got %d." % (path, key, file_format, column))
    if not values.get("header", True) and isinstance(column, str):
      raise utils.UserError(
          "%s: \"%s\": expected a position from 0, as there is no header line "
          "(\"header\": false), got '%s'." % (path, key, column))
  if len(set(columns.values())) < len(columns):
    raise utils.UserError("%s: expected a different column for each of %s." % (
        path, ", ".join(sorted(columns))))
  if values.get("unordered") and "text_b" not in columns:
    raise utils.UserError("%s: \"unordered\": expected \"text_b\" with it." %
                          path)


def _check_words(path, file_format, values):
  """Raises a UserError where a tagging's columns do not suit the format."""
  if file_format == "conll":
    given = sorted(set(values) & {"words", "tags", "sentence", "id", "header"})
    if given:
      raise utils.UserError(
          "%s: \"%s\" is for %s, but the format is conll, where the first "
          "column is the word and the last its tag." % (
              path, given[0], ", ".join(tables.FORMATS)))
    return
  is_json = file_format in tables.OBJECT_FORMATS
  wrong = "sentence" if is_json else "id"
  if wrong in values:
    raise utils.UserError("%s: \"%s\" is for %s, but the format is %s." % (
        path, wrong, "tsv and csv" if is_json else "json and jsonl",
        file_format))
  named = [key for key in ("words", "tags", "sentence")
           if isinstance(values.get(key), str)]
  if not is_json and named and (
      not {"words", "tags"} <= set(named) or
      "sentence" in values and "sentence" not in named):
    raise utils.UserError(
        "%s: \"words\", \"tags\" and \"sentence\": expected the names of all "
        "columns, or the positions of all, got a name for %s." % (
            path, ", ".join(named)))


def _guess_format(path, kind, files, default):
  """Returns the format that the files' extensions say."""
  names = sorted(set((files or {}).values())) or _files_beside(path, kind)
  if not names and (default or kind not in _TABLES):
    return default or FORMATS[kind][0]
  formats = {_format_of(name, kind) for name in names}
  if len(formats) == 1 and None not in formats:
    return formats.pop()
  if default in formats and not files:
    return default
  raise utils.UserError(
      "%s: expected \"format\": one of %s, as the files do not say it "
      "(%s)." % (path, ", ".join(FORMATS[kind]),
                 ", ".join(names) or "there is no train.* beside it"))


def _files_beside(path, kind):
  """Returns the training files there are; the dev or test files if none."""
  names = [_default_files(file_format) for file_format in FORMATS[kind]]
  if kind == "qa":
    names.append({split: name + _PACKED for split, name in names[-1].items()})
  for split in SPLITS:
    found = sorted(files[split] for files in names if utils.exists(
        os.path.join(os.path.dirname(path), files[split])))
    if found:
      return found
  return []


def _format_of(name, kind):
  """Returns the format that the name of a file says, None if none."""
  extension = os.path.splitext(name)[1][1:]
  if kind == "qa":
    if name.endswith(_PACKED):
      extension = os.path.splitext(name[:-len(_PACKED)])[1][1:]
    return "mrqa" if extension == _EXTENSIONS["mrqa"] else "squad"
  if extension in tables.FORMATS:
    return extension
  return "conll" if kind == "tagging" else None


def _default_files(file_format):
  extension = _EXTENSIONS.get(file_format, file_format)
  return {split: "%s.%s" % (split, extension) for split in SPLITS}


def _nearest(name, known):
  near = difflib.get_close_matches(name, known, n=1)
  return " Did you mean '%s'?" % near[0] if near else ""


def _is_whole(value):
  return isinstance(value, int) and not isinstance(value, bool)


def _is_position(value):
  return _is_whole(value) and value >= 0


def _is_number(value):
  return (_is_whole(value) or isinstance(value, float)) and (
      abs(value) < 1e300)


def _is_label_list(value):
  return (isinstance(value, list) and len(value) > 1 and
          all(isinstance(label, str) or _is_whole(label) for label in value) and
          len(set(map(str, value))) == len(value))


def _is_range(value):
  return (isinstance(value, list) and len(value) == 2 and
          all(map(_is_number, value)) and value[0] < value[1])


def _is_file_name(value):
  return _NAME[1](value) and os.path.basename(value) == value
