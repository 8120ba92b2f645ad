"""Lists the files of a text corpus and reads them in chunks.

A corpus is a folder of UTF-8 text files, plain or compressed (gzip, xz, bzip2,
Zstandard), including those in sub-folders. `file_formats` lists other formats.
"""

import collections
import contextlib
import lzma
import os
import zlib

from pretrain.build import file_formats
from util import file_types
from util import progress
from util import utils

# Target size of a chunk: under a second of tokenizing, so that worker processes
# finish at about the same time and progress is reported often.
CHUNK_BYTES = 1 << 20

# A longer line is cut at white space, so that memory stays bounded where an
# entire book or dump is on one line.
MAX_LINE_BYTES = 16 << 20

# A JSON object is never cut; a longer one is an error.
MAX_OBJECT_BYTES = 256 << 20

COMPRESSIONS = ", ".join(file_types.COMPRESSED)  # for messages

Piece = collections.namedtuple(
    "Piece", ["path", "first_line", "text", "starts_document", "file_format"],
    defaults=[file_formats.PLAIN_TEXT])
Piece.__doc__ = """Consecutive lines of one file.

path: str, the file. first_line: int, number of its first line, from 1.
text: bytes. starts_document: bool, False where the document continues from the
previous piece (a document longer than a piece). file_format: Format.
"""

Chunk = collections.namedtuple("Chunk", ["number", "pieces", "num_file_bytes"])
Chunk.__doc__ = """The text that a process works on at a time.

number: int, from 0, in corpus order. pieces: list of Piece.
num_file_bytes: int, bytes read from disk for it (fewer than those of its text
if the files are compressed).
"""


def list_files(corpus_dir):
  """Returns the paths of all files under a folder, sorted by relative path.

  Sub-folders are included; hidden files and folders (".name") are skipped.

  Raises:
    UserError: the folder does not exist, has no files, or has an entry, such
      as a broken link, that cannot be read as a file.
  """
  if not utils.isdir(corpus_dir):
    problem = "is a file" if utils.exists(corpus_dir) else "does not exist"
    raise utils.UserError("--corpus-dir: %s %s. Pass a folder of text files." %
                          (corpus_dir, problem))
  walk = _walk_remote if utils.is_remote(corpus_dir) else _walk_local
  names = sorted(tuple(name.split("/")) for name in walk(corpus_dir)
                 if not name.startswith(".") and "/." not in name)
  if not names:
    raise utils.UserError(
        "--corpus-dir: %s has no text files (plain, %s). Hidden files are "
        "skipped." % (corpus_dir, COMPRESSIONS))
  paths = [os.path.join(corpus_dir, *name) for name in names]
  for path in paths:
    # Checked first: reading from a pipe could block forever.
    if not utils.is_remote(path) and not os.path.isfile(path):
      raise utils.UserError(
          "%s: expected a text file, got %s. Remove it from the corpus." % (
              path, "a pipe, socket or device" if os.path.exists(path) else
              "a broken link"))
  return paths


def check_formats(paths):
  """Recognizes the formats of all files; logs those that are not plain text.

  Raises:
    UserError: the format of a file cannot be read.
  """
  counts = collections.Counter()
  for path in progress.track(paths, "file", label="Checking formats"):
    with _opened(path) as (stream, _):
      sample = stream.read(file_formats.SAMPLE_BYTES)
    convert = file_formats.make_converter(sample, path)
    counts[file_formats.recognize(convert(sample, False), path)] += 1
  for file_format, count in sorted(counts.items(), key=str):
    if file_format != file_formats.PLAIN_TEXT:
      utils.log("{:,} of {:,} files: {}".format(
          count, len(paths), file_formats.describe(file_format)))


def read_chunks(paths, blanks_separate_docs=True):
  """Yields the chunks of a corpus, in order.

  Where a corpus is cut depends on its text alone, so that each chunk can have
  its own seed and the result does not depend on the number of processes. Big
  files are cut between documents where blank lines separate those; a document
  longer than a chunk is cut at a line end. Small files share a chunk.

  Args:
    paths: list of str, as from `list_files`.
    blanks_separate_docs: bool, whether a blank line ends a document.

  Raises:
    UserError: a file cannot be read, or its compressed data are corrupted.
  """
  numbers, number, pieces, num_file_bytes = ChunkNumbers(), 0, [], 0
  for path in paths:
    for piece, num_bytes in read_pieces(path, blanks_separate_docs):
      pieces.append(piece)
      num_file_bytes += num_bytes
      numbers.next(len(piece.text))
      if numbers.number > number:
        yield Chunk(number, pieces, num_file_bytes)
        number, pieces, num_file_bytes = numbers.number, [], 0
  if pieces:
    yield Chunk(number, pieces, num_file_bytes)


class ChunkNumbers:
  """Decides which pieces of a corpus share a chunk, by their sizes.

  Attributes:
    number: int, of the chunk that the next piece is in.
  """

  def __init__(self):
    self.number = 0
    self._num_bytes = 0

  def next(self, size):
    """Returns the number of the next piece's chunk; `size` is in bytes."""
    number = self.number
    self._num_bytes += size
    if self._num_bytes >= CHUNK_BYTES // 2:
      self.number, self._num_bytes = number + 1, 0
    return number


def read_lines(piece, blanks_separate_docs=True):
  """Returns the list of (line number, line) of a piece.

  Lines have no spaces around them and are not blank. A line None ends a
  document; what ends one depends on the format of the file.

  Raises:
    UserError: it is not UTF-8 or not in the format; names the file and line.
  """
  return list(file_formats.read_lines(
      piece.file_format, _decode(piece), piece.path, piece.first_line,
      blanks_separate_docs))


def _decode(piece):
  """Returns the text of a piece as str, without a byte-order mark.

  Raises:
    UserError: it is not UTF-8; the message names the file and line.
  """
  try:
    text = piece.text.decode("utf-8")
  except UnicodeDecodeError as error:
    raise utils.UserError(
        "%s:%d: expected UTF-8 text, got the byte 0x%02x. Convert the file, "
        "e.g. with iconv -f WINDOWS-1256 -t UTF-8." % (
            piece.path,
            piece.first_line + piece.text.count(b"\n", 0, error.start),
            piece.text[error.start])) from None
  return text[1:] if text.startswith("\ufeff") else text


def read_pieces(path, blanks_separate_docs):
  """Yields (Piece, bytes read from disk) of one file; none if it is empty.

  Raises:
    UserError: as `read_chunks`.
  """
  pending, first_line, starts_document, num_done_bytes = b"", 1, True, 0
  file_format = None
  with _opened(path) as (text, raw):
    while True:
      block = text.read(CHUNK_BYTES)
      if file_format is None:
        convert = file_formats.make_converter(block, path)
      pending += convert(block, not block)
      if file_format is None:
        file_format = file_formats.recognize(pending, path)
        find_cut = _CUTS.get(file_format.kind, _find_cut)
      cut, ends_document = find_cut(pending, blanks_separate_docs)
      if not block:
        cut, ends_document = len(pending), True
      elif len(pending) - cut > MAX_OBJECT_BYTES:
        raise utils.UserError(
            "%s:%d: expected one JSON object per line, got a line of more than "
            "%d MB. Split it." % (path, first_line, MAX_OBJECT_BYTES >> 20))
      if cut:
        num_read_bytes = raw.tell()
        yield (Piece(path, first_line, pending[:cut], starts_document,
                     file_format), num_read_bytes - num_done_bytes)
        num_done_bytes = num_read_bytes
        first_line += pending.count(b"\n", 0, cut)
        starts_document = ends_document
        pending = pending[cut:]
      if not block:
        return


def _find_cut(text, blanks_separate_docs):
  """Returns (where to cut `text`, whether a document ends there).

  The position is 0 if more text has to be read first.
  """
  if blanks_separate_docs:
    cut = max(_end_of_last(b"\n\n", text), _end_of_last(b"\n\r\n", text))
    if cut or len(text) < 2 * CHUNK_BYTES:
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


def _find_cut_of_elements(text, blanks_separate_docs):
  """As `_find_cut`, between elements if possible."""
  del blanks_separate_docs  # an element is a document
  end = max(text.rfind(b"</doc>"), text.rfind(b"</DOC>"))
  cut = text.find(b"\n", end) + 1 if end >= 0 else 0
  if cut or len(text) < 2 * CHUNK_BYTES:
    return cut, True
  return _find_cut(text, False)


def _find_cut_of_json_lines(text, blanks_separate_docs):
  """As `_find_cut`, between objects."""
  del blanks_separate_docs  # an object is a document
  return _end_of_last(b"\n", text), True


_CUTS = {file_formats.ELEMENTS: _find_cut_of_elements,
         file_formats.JSON_LINES: _find_cut_of_json_lines}


def _end_of_last(separator, text):
  position = text.rfind(separator)
  return 0 if position < 0 else position + len(separator)


@contextlib.contextmanager
def _opened(path):
  """Yields (decompressed stream, stream on disk) of a text file.

  Raises:
    UserError: the file cannot be read, or its compressed data are corrupted.
  """
  try:
    with utils.open_file(path, "rb") as raw:
      opener = _find_opener(raw, path)
      if opener is None:
        yield raw, raw
      else:
        with opener(raw) as text:
          yield text, raw
  except (EOFError, OSError, lzma.LZMAError, zlib.error) as error:
    raise utils.UserError("Cannot read %s: %s. The file may be truncated or "
                          "corrupted." % (path, error)) from error


def _find_opener(raw, path):
  """Returns the function that opens compressed data, None for other files."""
  first_bytes = raw.read(file_types.NUM_FIRST_BYTES)
  raw.seek(0)
  compression = file_types.compression_of(first_bytes, path)
  return compression and compression[1].open


def _walk_local(folder):
  """Yields the paths of all files under `folder`, relative to it."""
  seen = set()
  for parent, subfolders, names in os.walk(
      folder, followlinks=True, onerror=_raise_unreadable):
    real = os.path.realpath(parent)
    if real in seen:  # a link to a parent folder
      del subfolders[:]
      continue
    seen.add(real)
    for name in names:
      relative = os.path.relpath(os.path.join(parent, name), folder)
      yield relative.replace(os.sep, "/")


def _walk_remote(folder):
  import tensorflow.compat.v1 as tf  # needed for remote paths only
  for parent, _, names in tf.io.gfile.walk(folder):
    prefix = parent[len(folder):].strip("/")
    for name in names:
      yield prefix + "/" + name if prefix else name


def _raise_unreadable(error):
  raise utils.UserError("Cannot read the folder %s: %s." %
                        (error.filename, error.strerror))
