"""dataset_info.json: how the examples in its folder were built.

Files of an output folder:
  pretrain_data.tfrecord-<i>-of-<n>  the examples
  dataset_info.json                  written last: the examples are complete
  BUILD_UNFINISHED                   a build started and did not complete

Examples without either of the last two were built by the reference.
"""

import os

from util import json_fields
from util import utils
from util import version

FILE_NAME = "dataset_info.json"
UNFINISHED_NAME = "BUILD_UNFINISHED"
FORMAT_VERSION = 1
TOOL_VERSION = version.PROJECT

_FIELDS = dict(
    dict.fromkeys((
        "format_version", "num_examples", "max_seq_length", "vocab_size",
        "seed", "num_files", "num_documents", "num_lines", "num_tokens",
        "num_dropped_tokens"), json_fields.INTEGER),
    tool=json_fields.STRING, tool_version=json_fields.STRING,
    vocab_sha256=json_fields.STRING, files=json_fields.LIST,
    tokenizer=json_fields.OBJECT, carry_over=json_fields.FLAG,
    blanks_separate_docs=json_fields.FLAG)
_FILE_FIELDS = {"name": json_fields.STRING, "num_examples": json_fields.INTEGER,
                "num_bytes": json_fields.INTEGER}
_TOKENIZER_FIELDS = {
    "do_lower_case": json_fields.FLAG, "strip_accents": json_fields.FLAG,
    "preprocessing": json_fields.optional(json_fields.STRING)}
_ADVICE = "Build the examples again."


def load(folder, needs_all_files=True):
  """Returns the validated content of `folder`'s dataset_info.json.

  None if it does not exist: the reference built the examples, or a build is
  unfinished (see `is_unfinished`).

  Args:
    folder: path.
    needs_all_files: bool, whether a missing or truncated file is an error.

  Raises:
    UserError: the content is invalid, or a file that it lists is missing.
  """
  path = os.path.join(folder, FILE_NAME)
  if not utils.exists(path):
    return None
  content = utils.load_json(path)
  _check(content, path)
  if needs_all_files:
    for problem in problems_of_files(content, folder):
      raise utils.UserError(problem)
  return content


def agreed_tokenizer(folders, needs_all_files=True):
  """Checks that the examples of several folders can be used together.

  Args:
    folders: list of paths; those without a dataset_info.json are ignored.
    needs_all_files: as for `load`.

  Returns:
    ({name: value}, path of a dataset_info.json) of their tokenizer settings;
    ({}, None) if no folder has one.

  Raises:
    UserError: two folders have examples of other token ids; names both.
  """
  tokenizer, first, source = {}, {}, None
  for folder in folders:
    info = load(folder, needs_all_files)
    if not info:
      continue
    path = os.path.join(folder, FILE_NAME)
    values = dict(info["tokenizer"], **{
        name: info[name] for name in ("vocab_sha256", "max_seq_length")})
    for name in sorted(set(first) & set(values)):
      if first[name] != values[name]:
        raise utils.UserError(
            "%s: \"%s\": expected %s, as in %s, got %s. Use examples built "
            "with the same setting: build those of one folder again." % (
                path, name, json_fields.shorten(first[name]), source,
                json_fields.shorten(values[name])))
    if not source:
      tokenizer, first, source = info["tokenizer"], values, path
  return tokenizer, source


def write(content, folder):
  """Writes dataset_info.json, which marks the examples as complete."""
  path = os.path.join(folder, FILE_NAME)
  _check(content, path)
  utils.write_json(content, path)


def is_unfinished(folder):
  """Returns whether a build of the examples started and did not complete.

  False while finished examples are being replaced: they stay intact until the
  new ones are complete.
  """
  return (utils.exists(os.path.join(folder, UNFINISHED_NAME)) and
          not utils.exists(os.path.join(folder, FILE_NAME)))


def problems_of_files(content, folder):
  """Yields a message for each file of examples that is missing or truncated."""
  for entry in content["files"]:
    path = os.path.join(folder, entry["name"])
    wanted = entry.get("num_bytes")
    if not utils.exists(path):
      yield ("%s: missing, but listed in %s. Copy it or build the examples "
             "again." % (path, FILE_NAME))
    elif wanted is not None and utils.file_size(path) != wanted:
      yield ("%s: has %d bytes, but %s lists %d. Copy it or build the examples "
             "again." % (path, utils.file_size(path), FILE_NAME, wanted))


def fingerprint(paths):
  """Returns what identifies the data in some files of examples.

  Args:
    paths: list of str.

  Returns:
    {folder: {"num_files": int, "dataset_info_sha256": str}}, or, in a folder
    without dataset_info.json, {folder: {"num_files": int, "files": {name: size
    in bytes}}}.
  """
  found = {}
  for folder in sorted({os.path.dirname(path) for path in paths}):
    names = [os.path.basename(path) for path in paths
             if os.path.dirname(path) == folder]
    found[folder] = {"num_files": len(names)}
    info = os.path.join(folder, FILE_NAME)
    if utils.exists(info):
      found[folder]["dataset_info_sha256"] = utils.sha256_of_file(info)
    else:
      found[folder]["files"] = {
          name: utils.file_size(os.path.join(folder, name)) for name in names
          if utils.exists(os.path.join(folder, name))}
  return found


def _check(content, path):
  """Raises a UserError if `content` is not valid."""
  json_fields.check_object(content, path)
  version = content.get("format_version")
  if version != FORMAT_VERSION:
    raise utils.UserError(
        "%s: \"format_version\": expected %d, got %s. Build the examples "
        "again, or use the version of this software that wrote it." % (
            path, FORMAT_VERSION, json_fields.shorten(version)))
  _check_fields(_FIELDS, content, path)
  _check_fields(_TOKENIZER_FIELDS, content["tokenizer"], path + ": tokenizer")
  for number, entry in enumerate(content["files"]):
    where = "%s: files[%d]" % (path, number)
    _check_fields(_FILE_FIELDS, entry, where, ("name", "num_examples"))
    if entry["num_examples"] < 0 or (
        os.path.basename(entry["name"]) != entry["name"]):
      raise utils.UserError(
          "%s: expected the name of a file in this folder and a count, got %s. "
          "%s" % (where, json_fields.shorten(entry), _ADVICE))
  num_examples = sum(entry["num_examples"] for entry in content["files"])
  if num_examples != content["num_examples"]:
    raise utils.UserError(
        "%s: \"num_examples\": expected %d, the sum over the files, got %d. "
        "%s" % (path, num_examples, content["num_examples"], _ADVICE))


def _check_fields(fields, values, where, required=None):
  json_fields.check(fields, values, where, advice=_ADVICE,
                    required=fields if required is None else required)
