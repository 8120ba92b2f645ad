"""Declarations of tasks in `finetuning_data/<name>/task.json`.

A classification of single texts, with the files train.tsv, dev.tsv and
optionally test.tsv in the same folder:

  {"kind": "classification", "text_a": "content", "label": "label"}

The keys:
- "kind": "classification", "regression", "tagging" or "qa".
- "task": the name of the task, which is that of the folder; optional.
- "files": {"train", "dev", "test": file name}. Default: train.<extension> and
  so on, depending on the format. It may be compressed (.gz, .bz2, .xz, .zst).
- "format": "tsv", "csv", "json" or "jsonl"; for tagging also "conll" (.txt);
  for qa "squad" (.json) or "mrqa" (.jsonl, .jsonl.gz). Default: inferred from
  the extension of the files.
- "encoding": of files that are not UTF-8, such as "windows-1256". A file that
  is UTF-8, or has a byte order mark, is read as that.
- "delimiter": the character between the columns of .csv files; default ",".
For classification and regression:
- "header": whether the first line of a .tsv or .csv file names the columns.
  Default: true if a column is identified by name; otherwise the label in the
  first line of the training file determines it.
- "text_a", "label" and optionally "text_b", "id": the name of the column or
  key, or the position of the column, from 0.
- "unordered": true if "text_a" and "text_b" are interchangeable.
- "metric": name or list of names, as in
  finetune/classification/classification_metrics.py.
- "labels" (classification): list, or "learn": those of the training file.
- "label_separator" (classification): the text between the labels of a text
  that has several, such as ";". Without it a text has several labels if the
  values of "label" in .json and .jsonl are lists.
- "range" (regression): [lowest, highest value], or "learn".
For tagging:
- "metric": "f1" of spans (default), for tags such as "B-PER", or "accuracy",
  for tags such as "NN", each of which is a label.
- "words", "tags": in .tsv and .csv, with one word per row, the columns, by name
  or position; default: the first and the last. In .json and .jsonl, with one
  sentence per object, the keys of the lists; default: "words", and "tags" or
  "labels".
- "header": whether the first line of a .tsv or .csv file names the columns;
  default: true if "words" is a name.
- "sentence": in .tsv and .csv, the column whose values distinguish sentences,
  in addition to empty lines.
- "id": in .json and .jsonl, the key of a sentence's id; default "id".
- "tag_names": list of the names of tags that are numbers, from 0.
- "comment": in "conll", .tsv and .csv, what comment lines before a sentence
  start with, such as "#"; "": no line is a comment. Default: CoNLL-U's.
For qa:
- "has_impossible": whether questions may have no answer, as in SQuAD 2.0.
"""

import collections
import json
import os
import re

from finetune.readers import lines
from finetune.readers import tables
from util import invisible
from util import json_fields
from util import model_files
from util import utils

LEARN = "learn"
SPLITS = ("train", "dev", "test")
FORMATS = {
    "classification": tables.FORMATS, "regression": tables.FORMATS,
    "tagging": ("conll",) + tables.FORMATS, "qa": ("squad", "mrqa"),
}
# The extension of files without "files", if it differs from the format.
_EXTENSIONS = {"conll": "txt", "squad": "json", "mrqa": "jsonl"}
_GZIP = ".gz"  # extension of compressed files of MRQA
_MAX_LISTED_FILES = 5  # in a message

_TABLES = ("classification", "regression")
# Types of values: (description, predicate).
_NAME = ("a text", lambda value: isinstance(value, str) and value)
_FLAG = ("true or false", lambda value: isinstance(value, bool))
_COLUMN = ("the name of a column or key, or a position from 0",
           lambda value: _NAME[1](value) or _is_position(value))
_ENCODING = ("the name of an encoding, such as \"utf-16\"",
             lambda value: _NAME[1](value) and lines.is_known_encoding(value))
_DELIMITER = ("one character, other than a quotation mark",
              lambda value: isinstance(value, str) and len(value) == 1 and
              value not in "\"\r\n\0")
_TEXT = ("a text", lambda value: isinstance(value, str))
_TAG_NAMES = ("a list of different names",
              lambda value: isinstance(value, list) and value and
              all(_NAME[1](name) and name.split() == [name]
                  for name in value) and len(set(value)) == len(value))
_LABELS = ("at least two different labels, or \"learn\"",
           lambda value: value == LEARN or _is_label_list(value))
_RANGE = ("[lowest, highest value], or \"learn\"",
          lambda value: value == LEARN or _is_range(value))
_NAMES = ("a name or a list of names",
          lambda value: _NAME[1](value) or isinstance(value, list) and value and
          all(map(_NAME[1], value)))
_FILES = ("{split: name of a file in its folder} for train, dev or test",
          lambda value: isinstance(value, dict) and value and all(
              split in SPLITS and _is_file_name(name)
              for split, name in value.items()))
# {key: (kinds it is for, type of its value)}
_KEYS = {
    "task": (tuple(FORMATS), _NAME), "kind": (tuple(FORMATS), _NAME),
    "files": (tuple(FORMATS), _FILES), "format": (tuple(FORMATS), _NAME),
    "encoding": (tuple(FORMATS), _ENCODING),
    "delimiter": (_TABLES + ("tagging",), _DELIMITER),
    "header": (_TABLES + ("tagging",), _FLAG),
    "text_a": (_TABLES, _COLUMN), "text_b": (_TABLES, _COLUMN),
    "label": (_TABLES, _COLUMN), "id": (_TABLES + ("tagging",), _COLUMN),
    "words": (("tagging",), _COLUMN), "tags": (("tagging",), _COLUMN),
    "sentence": (("tagging",), _COLUMN),
    "tag_names": (("tagging",), _TAG_NAMES), "comment": (("tagging",), _TEXT),
    "unordered": (_TABLES, _FLAG), "metric": (_TABLES + ("tagging",), _NAMES),
    "labels": (("classification",), _LABELS),
    "label_separator": (("classification",), _NAME),
    "range": (("regression",), _RANGE),
    "has_impossible": (("qa",), _FLAG),
}
_REQUIRED = {"classification": ("text_a", "label"),
             "regression": ("text_a", "label")}

# A checked task.json.
#   name: str, of the task. path: str, of the declaration, for messages.
#   kind, format: str. files: {split: file name} of all splits.
#   values: {key: value} of the other keys.
Declaration = collections.namedtuple(
    "Declaration", ["name", "path", "kind", "format", "files", "values"])


def path_of(config, name):
  """Returns the path of the declaration of task `name`."""
  return os.path.join(config.raw_data_dir(name), model_files.TASK_DECLARATION)


def load(path, name, default_format=None):
  """Returns the Declaration of a task.

  Args:
    path: path of a task.json.
    name: str, the name of the task.
    default_format: str, the format if neither the declaration nor the files in
      its folder determine it; None: that is an error.

  Raises:
    utils.UserError: the file is invalid; the message names the key.
  """
  return check(utils.load_json(path), path, name, default_format)


def check(values, path, name, default_format=None):
  """Returns the Declaration of the content of a task.json; as `load`."""
  if not isinstance(values, dict):
    raise utils.UserError("%s: expected a JSON object." % path)
  # TensorFlow variables and files are named after the task.
  if not re.match(r"[A-Za-z0-9][A-Za-z0-9_.-]*$", name):
    raise utils.UserError(
        "%s: expected a task name of English letters, digits, '_', '-' and "
        "'.', got '%s'. Rename its folder." % (path, name))
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
  if "delimiter" in values and file_format != "csv":
    raise utils.UserError(
        "%s: \"delimiter\" is for csv files, but the format is %s. Set "
        "\"format\": \"csv\"." % (path, file_format))
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


def dialect(declaration):
  """Returns the tables.Dialect of the files of a Declaration."""
  return tables.Dialect(declaration.values.get("delimiter"),
                        declaration.values.get("encoding"))


def as_json(declaration):
  """Returns what determines the features of a declared task, as JSON."""
  return dict(declaration.values, kind=declaration.kind,
              format=declaration.format, files=declaration.files)


def packed_or_not(name):
  """Returns the name of a file of MRQA, with and without ".gz"."""
  return name, (name[:-len(_GZIP)] if name.endswith(_GZIP) else
                name + _GZIP)


def advice(task, split):
  """Returns a hint for the error that the file of a split is missing.

  "" if no file or folder looks like an expected one, and the task is not
  declared or its folder has no other files.

  Args:
    task: a finetune.task.Task.
    split: str.
  """
  folder = task.config.raw_data_dir(task.name)
  expected = [os.path.join(parent, name) for parent in task.data_folders()
              for name in task.file_names.get(split, ())]
  found = _same_looking(folder) if not utils.isdir(folder) else next(
      filter(None, map(_same_looking, expected)), None)
  if found:
    return " (there is %s, which has other characters: rename it)" % (
        ascii(found))
  if not task.declaration or not utils.isdir(folder):
    return ""
  others = [name for name in utils.listdir(folder)
            if name not in task.declaration["files"].values() and
            name != model_files.TASK_DECLARATION and
            not name.startswith(".") and
            not utils.isdir(os.path.join(folder, name))]
  similar = [name for name in others if name.startswith(split + ".")]
  path = os.path.join(folder, model_files.TASK_DECLARATION)
  if similar:
    return (" (there is %s, but the files of this task are all \"%s\": convert "
            "it, or change \"format\" or \"files\" in %s)" % (
                similar[0], task.declaration["format"], path))
  if others:
    return " (if it is one of %s, name it in \"files\" in %s)" % (
        ", ".join(others[:_MAX_LISTED_FILES]) +
        ", ..." * (len(others) > _MAX_LISTED_FILES), path)
  return ""


def _same_looking(path):
  """Returns the name next to `path` that differs invisibly or in case."""
  folder, name = os.path.split(path)
  names = utils.listdir(folder) if utils.isdir(folder) else []
  return invisible.same_looking(name, names) or next(
      (other for other in names if other.lower() == name.lower()), None)


def check_names(declaration, key, names, known):
  """Raises a UserError with a suggestion for a name not in `known`."""
  for name in names:
    if name not in known:
      raise utils.UserError("%s: \"%s\": unknown '%s'.%s Known are: %s." % (
          declaration.path, key, name, json_fields.did_you_mean(name, known),
          ", ".join(sorted(known))))


def _check_keys(path, kind, values):
  """Raises a UserError for an invalid key or value."""
  for key, value in sorted(values.items()):
    if key not in _KEYS:
      known = sorted(name for name, (kinds, _) in _KEYS.items()
                     if kind in kinds)
      raise utils.UserError("%s: unknown key \"%s\".%s Known are: %s." % (
          path, key, json_fields.did_you_mean(key, known), ", ".join(known)))
    kinds, (description, is_valid) = _KEYS[key]
    if kind not in kinds:
      raise utils.UserError("%s: \"%s\" is not for kind \"%s\" but for %s." % (
          path, key, kind, ", ".join(kinds)))
    if not is_valid(value):
      raise utils.UserError("%s: \"%s\": expected %s, got %s." % (
          path, key, description, json.dumps(value, ensure_ascii=False)))
  for key in _REQUIRED.get(kind, ()):
    if key not in values:
      raise utils.UserError("%s: expected the key \"%s\": %s." % (
          path, key, _KEYS[key][1][0]))


def _check_columns(path, file_format, values):
  """Raises a UserError if columns do not suit the format."""
  columns = {key: value for key, value in values.items()
             if _KEYS[key][1] is _COLUMN}
  is_json = file_format in tables.OBJECT_FORMATS
  if is_json and "header" in values:
    raise utils.UserError(
        "%s: \"header\" is for tsv and csv files, but the format is %s." % (
            path, file_format))
  for key, column in sorted(columns.items()):
    if is_json and not isinstance(column, str):
      raise utils.UserError("%s: \"%s\": expected a key for the format %s, "
                            "got %d." % (path, key, file_format, column))
    if not values.get("header", True) and isinstance(column, str):
      raise utils.UserError(
          "%s: \"%s\": expected a position from 0 without a header line "
          "(\"header\": false), got '%s'." % (path, key, column))
  if len(set(columns.values())) < len(columns):
    raise utils.UserError("%s: expected a different column for each of %s." % (
        path, ", ".join(sorted(columns))))
  if values.get("unordered") and "text_b" not in columns:
    raise utils.UserError("%s: \"unordered\" requires \"text_b\"." % path)


def _check_words(path, file_format, values):
  """Raises a UserError if the columns of a tagging do not suit the format."""
  if file_format == "conll":
    given = sorted(set(values) & {"words", "tags", "sentence", "id", "header"})
    if given:
      raise utils.UserError(
          "%s: \"%s\" is for %s, but the format is conll, where the first "
          "column is the word and the last its tag." % (
              path, given[0], ", ".join(tables.FORMATS)))
    return
  if "comment" in values and file_format in tables.OBJECT_FORMATS:
    raise utils.UserError("%s: \"comment\" is for conll, tsv and csv, but the "
                          "format is %s." % (path, file_format))
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
  """Returns the format that the extensions of the files imply."""
  names = sorted(set((files or {}).values())) or _files_in_folder(path, kind)
  if not names and (default or kind not in _TABLES):
    return default or FORMATS[kind][0]
  formats = {_format_of(name, kind) for name in names}
  if len(formats) == 1 and None not in formats:
    return formats.pop()
  if default in formats and not files:
    return default
  others = [] if names else _train_files(os.path.dirname(path))
  raise utils.UserError(
      "%s: expected \"format\": one of %s, because the files do not determine "
      "it (%s).%s" % (
          path, ", ".join(FORMATS[kind]), ", ".join(names or others) or
          "its folder has no train.*",
          " Files of these formats are called train.tsv, train.csv and so on; "
          "a compressed one, or one with another name, is named in \"files\". "
          "Convert other files." if others else ""))


def _train_files(folder):
  """Returns the names of at most `_MAX_LISTED_FILES` files called train.*."""
  names = [name for name in utils.listdir(folder or ".")
           if name.lower().startswith("train.")]
  return names[:_MAX_LISTED_FILES] + ["..."] * (
      len(names) > _MAX_LISTED_FILES)


def _files_in_folder(path, kind):
  """Returns the existing training files; the dev or test files if none."""
  names = [_default_files(file_format) for file_format in FORMATS[kind]]
  if kind == "qa":
    names.append({split: name + _GZIP for split, name in names[-1].items()})
  for split in SPLITS:
    found = sorted(files[split] for files in names if utils.exists(
        os.path.join(os.path.dirname(path), files[split])))
    if found:
      return found
  return []


def _format_of(name, kind):
  """Returns the format that the name of a file implies, or None."""
  extension = lines.extension_of(name).lower()
  if kind == "qa":
    return "mrqa" if extension == _EXTENSIONS["mrqa"] else "squad"
  if extension in tables.FORMATS:
    return extension
  return "conll" if kind == "tagging" else None


def _default_files(file_format):
  extension = _EXTENSIONS.get(file_format, file_format)
  return {split: "%s.%s" % (split, extension) for split in SPLITS}


def _is_int(value):
  return isinstance(value, int) and not isinstance(value, bool)


def _is_position(value):
  return _is_int(value) and value >= 0


def _is_number(value):
  return (_is_int(value) or isinstance(value, float)) and (
      abs(value) < 1e300)


def _is_label_list(value):
  return (isinstance(value, list) and len(value) > 1 and
          all(isinstance(label, str) or _is_int(label) for label in value) and
          len(set(map(str, value))) == len(value))


def _is_range(value):
  return (isinstance(value, list) and len(value) == 2 and
          all(map(_is_number, value)) and value[0] < value[1])


def _is_file_name(value):
  return _NAME[1](value) and os.path.basename(value) == value
