"""dataset_info.json: how the examples in its folder were built.

Files of an output folder:
  pretrain_data.tfrecord-<i>-of-<n>  the examples
  dataset_info.json                  written last: the examples are complete
  BUILD_UNFINISHED                   a build started and did not complete

Examples without either of the last two were built by the reference.
"""

import os

from util import utils

FILE_NAME = "dataset_info.json"
UNFINISHED_NAME = "BUILD_UNFINISHED"
FORMAT_VERSION = 1
TOOL_VERSION = "1.0.0"

_TYPES = {
    "format_version": int, "tool": str, "tool_version": str,
    "num_examples": int, "max_seq_length": int, "files": list,
    "vocab_sha256": str, "vocab_size": int, "tokenizer": dict, "seed": int,
    "carry_over": bool, "blanks_separate_docs": bool, "num_files": int,
    "num_documents": int, "num_lines": int, "num_tokens": int,
    "num_dropped_tokens": int}
_FILE_TYPES = {"name": str, "num_examples": int}
_TOKENIZER_TYPES = {"do_lower_case": bool, "strip_accents": bool,
                    "preprocessing": (str, type(None))}


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


def _check(content, path):
  """Raises a UserError if `content` is not valid."""
  if not isinstance(content, dict):
    raise utils.UserError("%s: expected a JSON object, found a %s." %
                          (path, type(content).__name__))
  version = content.get("format_version")
  if version != FORMAT_VERSION:
    raise utils.UserError(
        "%s: expected format_version %d, found %r; build the examples again, or"
        " use the version of this software that wrote it." %
        (path, FORMAT_VERSION, version))
  _check_types(content, _TYPES, path)
  _check_types(content["tokenizer"], _TOKENIZER_TYPES, path + ": tokenizer")
  for number, entry in enumerate(content["files"]):
    where = "%s: files[%d]" % (path, number)
    _check_types(entry, _FILE_TYPES, where)
    if "num_bytes" in entry:
      _check_types(entry, {"num_bytes": int}, where)
    if entry["num_examples"] < 0 or (
        os.path.basename(entry["name"]) != entry["name"]):
      raise utils.UserError(
          "%s: expected the name of a file in this folder and a count, found "
          "%r." % (where, entry))
  num_examples = sum(entry["num_examples"] for entry in content["files"])
  if num_examples != content["num_examples"]:
    raise utils.UserError(
        "%s: expected num_examples to be the sum over the files, %d, found %d."
        % (path, num_examples, content["num_examples"]))


def _check_types(content, types, where):
  """Raises a UserError for the first missing key or wrong type."""
  if not isinstance(content, dict):
    raise utils.UserError("%s: expected a JSON object, found %r." %
                          (where, content))
  for key, wanted in types.items():
    if key not in content:
      raise utils.UserError("%s: expected a value for %s, found none; build the"
                            " examples again." % (where, key))
    value = content[key]
    is_flag_for_int = wanted is int and isinstance(value, bool)
    if not isinstance(value, wanted) or is_flag_for_int:
      names = (wanted,) if isinstance(wanted, type) else wanted
      raise utils.UserError("%s: expected %s to be of type %s, found %r." % (
          where, key, " or ".join(name.__name__ for name in names), value))
