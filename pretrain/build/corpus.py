"""Raw text corpora: which files there are, their lines, and work units.

A corpus is a folder of UTF-8 text files, in sub-folders too, plain or
compressed (`.gz`, `.xz`, `.bz2`). Nothing here knows about tokens.
"""

import bz2
import collections
import contextlib
import gzip
import lzma
import os
import zlib

from util import utils

# Bytes of text a work unit aims at: under a second of tokenizing, so that many
# processes end together and progress is seen.
UNIT_BYTES = 1 << 20

# A longer line is cut at white space, so that memory stays bounded where a
# whole book (or a whole dump) stands on one line.
MAX_LINE_BYTES = 16 << 20

_OPENERS = {".gz": gzip.open, ".xz": lzma.open, ".bz2": bz2.open}

Piece = collections.namedtuple(
    "Piece", ["path", "first_line", "text", "starts_document"])
Piece.__doc__ = """A run of whole lines of one file.

path: str, the file. first_line: its first line's number, from 1.
text: bytes. starts_document: False where the document began in the piece
before (a document longer than a piece).
"""

Unit = collections.namedtuple("Unit", ["number", "pieces", "num_file_bytes"])
Unit.__doc__ = """What one process works on at a time.

number: int, from 0, in corpus order. pieces: list of Piece.
num_file_bytes: bytes read from disk for it (fewer than the text's when
compressed).
"""


def list_files(corpus_dir):
  """Returns the paths of all files under a folder, sorted by relative path.

  Sub-folders are read too; hidden files and folders (".name") are not.

  Raises:
    UserError: there is no such folder, no file in it, or something there, such
      as a link to nothing, cannot be read as a file.
  """
  if not utils.isdir(corpus_dir):
    raise utils.UserError(
        "Expected a folder of text files as corpus, found %s at %s." %
        ("a file" if utils.exists(corpus_dir) else "nothing", corpus_dir))
  walk = _walk_remote if utils.is_remote(corpus_dir) else _walk_local
  names = sorted(tuple(name.split("/")) for name in walk(corpus_dir)
                 if not any(part.startswith(".") for part in name.split("/")))
  if not names:
    raise utils.UserError(
        "Expected text files (plain, .gz, .xz or .bz2) in the corpus folder %s,"
        " found none; hidden files are not read." % corpus_dir)
  paths = [os.path.join(corpus_dir, *name) for name in names]
  for path in paths:
    # Before any work: a pipe would be waited for, maybe for ever.
    if not utils.is_remote(path) and not os.path.isfile(path):
      raise utils.UserError(
          "%s: expected a text file, found %s; remove it from the corpus." % (
              path, "something else" if os.path.exists(path) else
              "a link to nothing"))
  return paths


def open_text(path):
  """Iterates over the lines of a text file as bytes, line ends included.

  Files named `.gz`, `.xz` and `.bz2` are decompressed on the way.

  Raises:
    UserError: the file cannot be read or is damaged.
  """
  with _opened(path) as (text, _):
    for line in text:
      yield line


def read_units(paths, blanks_separate_docs=True):
  """Iterates over the work units of a corpus, in order.

  How a corpus is cut depends on its text alone, so that each unit can have its
  own seed and the result does not depend on the number of processes. Big files
  are cut between documents where blank lines separate those; a document longer
  than a unit is cut at a line end. Small files share a unit.

  Args:
    paths: list of str, as from `list_files`.
    blanks_separate_docs: whether a blank line ends a document.
  """
  number, pieces, num_text_bytes, num_file_bytes = 0, [], 0, 0
  for path in paths:
    for piece, num_bytes in _read_pieces(path, blanks_separate_docs):
      pieces.append(piece)
      num_text_bytes += len(piece.text)
      num_file_bytes += num_bytes
      if num_text_bytes >= UNIT_BYTES // 2:
        yield Unit(number, pieces, num_file_bytes)
        number, pieces, num_text_bytes, num_file_bytes = number + 1, [], 0, 0
  if pieces:
    yield Unit(number, pieces, num_file_bytes)


def _read_pieces(path, blanks_separate_docs):
  """Yields (Piece, bytes read from disk) of one file; none if it is empty."""
  pending, first_line, starts_document, num_done_bytes = b"", 1, True, 0
  with _opened(path) as (text, raw):
    while True:
      block = text.read(UNIT_BYTES)
      pending += block
      cut, ends_document = _find_cut(pending, blanks_separate_docs)
      if not block:
        cut, ends_document = len(pending), True
      if cut:
        num_read_bytes = raw.tell()
        yield (Piece(path, first_line, pending[:cut], starts_document),
               num_read_bytes - num_done_bytes)
        num_done_bytes = num_read_bytes
        first_line += pending.count(b"\n", 0, cut)
        starts_document = ends_document
        pending = pending[cut:]
      if not block:
        return


def _find_cut(text, blanks_separate_docs):
  """Returns (where `text` may be cut, whether a document ends there).

  0 where it should not be cut yet.
  """
  if blanks_separate_docs:
    cut = max(_end_of_last(b"\n\n", text), _end_of_last(b"\n\r\n", text))
    if cut or len(text) < 2 * UNIT_BYTES:
      return cut, True
  cut = _end_of_last(b"\n", text)
  if cut or len(text) < MAX_LINE_BYTES:
    return cut, False
  cut = _end_of_last(b" ", text)
  if cut:
    return cut, False
  cut = len(text) - 1
  while cut > 1 and text[cut] & 0xC0 == 0x80:  # inside a UTF-8 character
    cut -= 1
  return cut, False


def _end_of_last(separator, text):
  position = text.rfind(separator)
  return 0 if position < 0 else position + len(separator)


@contextlib.contextmanager
def _opened(path):
  """Opens (decompressed stream, stream on disk); says it when that fails."""
  opener = _OPENERS.get(os.path.splitext(path)[1].lower())
  try:
    with utils.open_file(path, "rb") as raw:
      if opener is None:
        yield raw, raw
      else:
        with opener(raw) as text:
          yield text, raw
  except (EOFError, OSError, lzma.LZMAError, zlib.error) as error:
    raise utils.UserError("Cannot read %s: %s. Is the file damaged or cut off?"
                          % (path, error)) from error


def _walk_local(folder):
  """Yields the names of all files under `folder`, with "/" between parts."""
  seen = set()
  for parent, subfolders, names in os.walk(
      folder, followlinks=True, onerror=_raise_unreadable):
    real = os.path.realpath(parent)
    if real in seen:  # a link that leads back up
      del subfolders[:]
      continue
    seen.add(real)
    for name in names:
      relative = os.path.relpath(os.path.join(parent, name), folder)
      yield relative.replace(os.sep, "/")


def _walk_remote(folder):
  import tensorflow.compat.v1 as tf  # only gs:// and the like need it
  for parent, _, names in tf.io.gfile.walk(folder):
    prefix = parent[len(folder):].strip("/")
    for name in names:
      yield prefix + "/" + name if prefix else name


def _raise_unreadable(error):
  raise utils.UserError("Cannot read the folder %s: %s." %
                        (error.filename, error.strerror))
