"""Files, JSON, log lines and the way a command ends.

Importing this module does not import TensorFlow, so that a configuration can be
checked quickly. Local paths are handled by Python; paths with a scheme, such as
`gs://bucket/x`, by `util.remote_files`, which imports it.
"""

import contextlib
import glob as python_glob
import hashlib
import io
import json
import os
import pickle
import re
import shutil
import sys

from util import interrupts
from util import invisible
from util import packages
from util import tf_log

_MAX_MESSAGE_CHARACTERS = 1800  # the list of all hyperparameters has 1,300


class UserError(ValueError):
  """An error that a user can cause; one line that includes what to do."""


def exit_cleanly(main):
  """Runs `main()` and ends the process as every command of the project does.

  A `UserError` or a missing package ends it with one line and code 2, Ctrl-C
  with one line and code 130.
  """
  tf_log.silence()
  with interrupts.CtrlC():
    try:
      main()
    except UserError as error:
      _exit_with(str(error))
    except ImportError as error:
      message = packages.describe(error)
      if message is None:
        raise
      _exit_with(message)


def _exit_with(message):
  sys.stdout.flush()
  sys.stderr.write("error: %s\n" % _one_line(message))
  sys.exit(2)


def _one_line(message):
  """Returns a message without line breaks, truncated in the middle if long.

  Messages start with the location and end with what to do; long user input is
  in the middle. Invisible characters are escaped.
  """
  line = invisible.escape(" ".join(message.splitlines()))
  if len(line) <= _MAX_MESSAGE_CHARACTERS:
    return line
  half = _MAX_MESSAGE_CHARACTERS // 2
  return "%s [...] %s" % (line[:half], line[-half:])


def log(*values):
  """Prints one line on standard output and flushes it.

  Invisible characters, and those that it cannot encode, are escaped.
  """
  line = invisible.escape(" ".join(map(str, values))) + "\n"
  encoding = getattr(sys.stdout, "encoding", None) or "utf-8"
  sys.stdout.write(line.encode(encoding, "backslashreplace").decode(encoding))
  sys.stdout.flush()


def heading(*values):
  """Prints `values` as a heading."""
  log("=" * 80)
  log(*values)
  log("=" * 80)


def log_config(config):
  """Prints one line with the hyperparameters that differ from the defaults.

  Args:
    config: HParams.
  """
  changed = ", ".join(
      "%s %s" % (name, json.dumps(value, ensure_ascii=False))
      for name, value in sorted(config.changed().items()))
  log("Config: %s (--help-hparams lists the defaults%s, and runs.jsonl in the "
      "model folder records all values)" % (
          changed or "all defaults", " of the others" if changed else ""))


# ---------------------------------------------------------------------- files


def is_remote(path):
  """Returns whether `path` has a scheme, such as gs:// or s3://."""
  return bool(re.match(r"[a-z0-9]+://", path))


def _remote():
  from util import remote_files  # imports TensorFlow: only for remote paths
  return remote_files


def open_file(path, mode="r"):
  """Opens a file; text is UTF-8 and its line ends are kept.

  Lone surrogates, which are not UTF-8, are written as JSON escapes. Remote
  files that are written need a `with` block, at whose end they are sent.

  Raises:
    UserError: the file to read does not exist or cannot be read.
  """
  is_reading = "r" in mode
  if is_remote(path):
    return (_remote().open_to_read if is_reading
            else _remote().open_to_write)(path, mode)
  if is_reading and not exists(path):
    raise UserError("%s: no such file." % path)
  if is_reading and isdir(path):
    raise UserError("%s: is a folder, expected a file." % path)
  try:
    if "b" in mode:
      return open(path, mode)
    return io.open(path, mode, encoding="utf-8", newline="", errors=(
        "strict" if is_reading else "backslashreplace"))
  except PermissionError as error:
    if not is_reading:
      raise
    raise UserError("Cannot read %s: %s." % (path, error.strerror))


def exists(path):
  """Returns whether a file or folder is at `path`."""
  if is_remote(path):
    return _remote().exists(path)
  try:
    return os.path.exists(path)
  except ValueError:  # not a path; Python 3.8 and later return False
    return False


def isdir(path):
  """Returns whether a folder is at `path`."""
  return _remote().isdir(path) if is_remote(path) else os.path.isdir(path)


def glob(pattern):
  """Returns the sorted paths that match a shell pattern."""
  if is_remote(pattern):
    return sorted(_remote().glob(pattern))
  return sorted(python_glob.glob(pattern))


def listdir(path):
  """Returns the sorted names in a folder; in a missing remote one, none."""
  return sorted(_remote().listdir(path) if is_remote(path)
                else os.listdir(path))


def visible_names(path):
  """Returns `listdir` without names that start with a dot.

  Those are locks, and what a killed `write_atomically` leaves.
  """
  return [name for name in listdir(path) if not name.startswith(".")]


def makedirs(path):
  """Creates a folder and its parents, unless it exists.

  Raises:
    UserError: the path is a file, or cannot be written.
  """
  if is_remote(path):
    _remote().makedirs(path)
    return
  try:
    os.makedirs(path, exist_ok=True)
  except OSError as error:
    raise UserError("Cannot create the folder %s: %s." % (path, error.strerror))


def remove(path):
  """Removes one file."""
  if is_remote(path):
    _remote().remove(path)
  else:
    os.remove(path)


def rmtree(path):
  """Removes a folder and its content, if it exists."""
  if not exists(path):
    return
  if is_remote(path):
    _remote().rmtree(path)
  else:
    shutil.rmtree(path)


def rename(source, target):
  """Renames a file, replacing an existing `target`.

  Atomically, unless it is remote.
  """
  if is_remote(source):
    _remote().rename(source, target)
  else:
    os.replace(source, target)


def copy(source, target):
  """Copies one file atomically."""
  with open_file(source, "rb") as reader, write_atomically(
      target, "wb") as writer:
    shutil.copyfileobj(reader, writer)


def file_size(path):
  """Returns the size of a file in bytes."""
  return (_remote().stat(path).length if is_remote(path)
          else os.path.getsize(path))


def modified(path):
  """Returns when a file was last written, in nanoseconds of the epoch."""
  return (_remote().stat(path).mtime_nsec if is_remote(path)
          else os.stat(path).st_mtime_ns)


def sha256_of_file(path):
  """Returns the SHA-256 of a file's bytes, in hexadecimal."""
  digest = hashlib.sha256()
  with open_file(path, "rb") as f:
    for block in iter(lambda: f.read(1 << 20), b""):
      digest.update(block)
  return digest.hexdigest()


@contextlib.contextmanager
def write_atomically(path, mode="w"):
  """Opens a temporary file that is renamed to `path` when the block succeeds.

  Folders are created as needed. If the block raises, the temporary file is
  removed and an existing `path` stays unchanged. A remote file is sent when
  the block succeeds, which is atomic in an object store.

  Raises:
    UserError: the file cannot be written (disk full, no permission).
  """
  if is_remote(path):
    with open_file(path, mode) as f:
      yield f
    return
  folder, name = os.path.split(path)
  if folder:
    makedirs(folder)
  temporary = os.path.join(folder, ".%s.%d.tmp" % (name, os.getpid()))
  try:
    with open_file(temporary, mode) as f:
      yield f
    rename(temporary, path)
  except OSError as error:
    raise UserError("Cannot write %s: %s." % (path, error.strerror or error))
  finally:
    if exists(temporary):
      remove(temporary)


@contextlib.contextmanager
def removed_on_error(folder):
  """Removes what a block added to `folder` if the block does not complete."""
  before = set(listdir(folder)) if exists(folder) else None
  is_complete = False
  try:
    yield
    is_complete = True
  finally:
    if not is_complete and before is None:
      rmtree(folder)
    elif not is_complete:
      for path in [os.path.join(folder, name)
                   for name in set(listdir(folder)) - before]:
        (rmtree if isdir(path) else remove)(path)


# Names of google-research/electra.
mkdir = makedirs
rmrf = rmtree


def rmkdir(path):
  """Makes an empty folder; removes what is at `path`."""
  rmtree(path)
  makedirs(path)


# ------------------------------------------------------------ JSON and pickle


def load_json(path):
  """Returns the content of a JSON file.

  Raises:
    UserError: the file is missing, not UTF-8 or not JSON, with line and column.
  """
  with open_file(path, "rb") as f:
    return parse_json(f.read(), path)


def parse_json(content, source, *, is_line=False, **arguments):
  """Returns the value of a JSON text.

  Args:
    content: UTF-8 bytes, with or without a byte order mark, or str.
    source: str, path or flag of the text, for the message.
    is_line: bool, whether `source` includes the line number already.
    **arguments: of json.loads.

  Raises:
    UserError: it is not UTF-8 or not JSON; names line and column.
  """
  try:
    if isinstance(content, bytes):
      content = content.decode("utf-8-sig")
    if is_line:
      content = content.rstrip("\r\n")  # an error at its end is in the line
    return json.loads(content, **arguments)
  except UserError:  # of a function among the arguments
    raise
  except json.JSONDecodeError as error:
    raise UserError("%s:%s%d: expected JSON: %s." % (
        source, "" if is_line else "%d:" % error.lineno, error.colno,
        error.msg))
  except UnicodeDecodeError as error:
    raise UserError("%s: byte %d is not UTF-8." % (source, error.start))
  except RecursionError:
    raise UserError("%s: the JSON is nested too deeply." % source)
  except ValueError as error:  # an integer of thousands of digits
    raise UserError("%s: expected JSON: %s." % (source, error))


def write_json(obj, path):
  """Writes `obj` atomically as UTF-8 JSON."""
  with write_atomically(path) as f:
    f.write(json.dumps(
        obj, ensure_ascii=False, indent=1, sort_keys=True) + "\n")


def write_pickle(obj, path):
  """Writes `obj` for scripts that read the reference's .pkl files.

  Nothing in this project reads a pickle back: loading one can run code.
  """
  with write_atomically(path, "wb") as f:
    pickle.dump(obj, f, protocol=2)


# --------------------------------------------------------------- nested dicts


def nest_dict(d, prefixes, delim="_"):
  """Returns {"a_x": 1} as {"a": {"x": 1}}; the inverse of `flatten_dict`.

  Args:
    d: {str: value}.
    prefixes: list of str, the keys of the result; keys of `d` that start with
      none of them, followed by `delim`, are kept.
    delim: str.
  """
  nested = {}
  for key, value in d.items():
    prefix = next((prefix for prefix in prefixes
                   if key.startswith(prefix + delim)), None)
    if prefix is None:
      nested[key] = value
    else:
      nested.setdefault(prefix, {})[key[len(prefix + delim):]] = value
  return nested


def flatten_dict(d, delim="_"):
  """Returns {"a": {"x": 1}} as {"a_x": 1}; see `nest_dict`."""
  flat = {}
  for key, value in d.items():
    if isinstance(value, dict):
      flat.update((key + delim + inner, item) for inner, item in value.items())
    else:
      flat[key] = value
  return flat
