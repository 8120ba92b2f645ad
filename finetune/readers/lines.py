"""Reads text files: unpacked, decoded, in lines or as JSON.

UTF-8, with or without a byte order mark, and UTF-16 and UTF-32 with one are
recognized; other encodings are declared. Lines end at line feeds, or at
carriage returns in files without line feeds, as on old Macs. Files that are no
text, such as archives and workbooks, are refused with what they are.
"""

import json
import lzma
import os
import zlib

from util import file_types
from util import invisible
from util import utils

_MAX_REPORTED_CHARACTERS = 80  # of a line, in messages

# The first bytes of files that are no text: (bytes, what they are, what to do).
_OTHER_FILES = (
    (file_types.SEVEN_ZIP, "a 7-Zip archive", "Unpack it (7z x)"),
    (file_types.RAR, "a RAR archive", "Unpack it (unrar x)"),
    (file_types.PARQUET, "a Parquet file",
     "Convert it to JSON lines (pandas: read_parquet, to_json)"),
    (b"ARROW1", "an Arrow file",
     "Convert it to JSON lines (datasets: load_from_disk, to_json)"),
    (file_types.OLD_OFFICE, "an old Excel or Word file",
     "Save it as \"CSV UTF-8\""),
    (b"%PDF", "a PDF file", "Convert it to text"),
    (b"\x89HDF", "an HDF5 file", "Convert it to text"),
    (file_types.SQLITE, "an SQLite database", "Export the table as CSV"),
    (b"version https://git-lfs", "a Git LFS pointer, not the file",
     "Download the file (git lfs pull)"),
    (b"<!doctype html", "a web page (HTML)", "Download the raw file"),
    (b"<html", "a web page (HTML)", "Download the raw file"))
_MAX_HEAD = 512  # bytes, for messages about other files


def read_text(path, encoding=None):
  """Returns the text of a file, with line feeds at the ends of lines.

  Args:
    path: path of a file, as it is or compressed by gzip, bzip2, xz or zstd.
    encoding: str, of a file that is not UTF-8 and has no byte order mark; None
      for UTF-8.

  Raises:
    utils.UserError: the file is missing or is no text in that encoding.
  """
  text = _decode(read_bytes(path), path, encoding)
  if "\r" in text and "\n" not in text:  # an old Mac's
    return text.replace("\r", "\n")
  return text


def read_bytes(path):
  """Returns the bytes of a file, decompressed.

  Raises:
    utils.UserError: the file is missing, its compressed data are corrupted, or
      it is an archive, a workbook or another file that is no text.
  """
  with utils.open_file(path, "rb") as f:
    content = f.read()
  compression = file_types.compression_of(content, path)
  if compression:
    name, module = compression
    try:
      content = module.decompress(content)
    except (OSError, EOFError, ValueError, lzma.LZMAError,
            zlib.error) as error:
      raise utils.UserError(
          "%s: the %s file is truncated or corrupted: %s." % (
              path, name, error))
  _check_is_text(content, path)
  return content


def read_lines(path, encoding=None):
  """Yields (number from 1, text without its end) of each line of a file.

  Lines end at line feeds only (str.splitlines also splits at U+2028 and
  others). A byte order mark is skipped.

  Raises:
    utils.UserError: as in `read_text`.
  """
  text_lines = read_text(path, encoding).split("\n")
  if not text_lines[-1]:
    text_lines.pop()
  for number, line in enumerate(text_lines, 1):
    yield number, line.rstrip("\r")


def read_objects(path, encoding=None, *, is_lines=True):
  """Returns [(place, parsed JSON)] of a file with one value per example.

  It has a value on each line, a list of them, or {"data": list}, whatever its
  extension: JSON lines are often called .json.

  Args:
    path, encoding: as in `read_text`.
    is_lines: bool, whether an only object is an example.

  Raises:
    utils.UserError: as in `read_text`, or it is not such JSON. Locations are
      "path:line", or "path: object 1" in lists.
  """
  values, locations = load_json(path, encoding)
  if locations and (is_lines or len(values) > 1):
    return list(zip(locations, values))
  if isinstance(values, dict) and isinstance(values.get("data"), list):
    values = values["data"]
  if locations or not isinstance(values, list):
    value = values[0] if locations else values
    raise utils.UserError(
        "%s: expected a list of objects, one for each example, got %s." % (
            path, type_name(value)))
  return [("%s: object %d" % (path, number), value)
          for number, value in enumerate(values, 1)]


def load_json(path, encoding=None):
  """Returns the content of a file with JSON or JSON lines.

  Args:
    path, encoding: as in `read_text`.

  Returns:
    (value, None), or of JSON lines (list of values, list of "path:line"). Blank
    lines are skipped.

  Raises:
    utils.UserError: as in `read_text`, or it is not JSON.
  """
  text = read_text(path, encoding)
  numbered = [(number, line) for number, line in enumerate(
      text.split("\n"), 1) if not invisible.is_blank(line)]
  if not numbered:
    return [], []
  if not _is_json_lines([line for _, line in numbered[:2]]):
    return utils.parse_json(text, path), None
  locations = ["%s:%d" % (path, number) for number, _ in numbered]
  return [utils.parse_json(line, place, is_line=True)
          for place, (_, line) in zip(locations, numbered)], locations


def _is_json_lines(first_lines):
  """Returns whether the first lines have a value each; one if there is one.

  A single list, or object with a list "data", is JSON.
  """
  try:
    first = json.loads(first_lines[0])
  except (ValueError, RecursionError):
    # Invalid, or the first line of JSON on several lines.
    return len(first_lines) > 1 and all(
        line.startswith("{") for line in first_lines)
  return len(first_lines) > 1 or not isinstance(first, list) and not (
      isinstance(first, dict) and isinstance(first.get("data"), list))


def type_name(value):
  """Returns what a parsed JSON value is, for messages."""
  return {dict: "an object", list: "a list", str: "text", bool: "true or false",
          type(None): "null"}.get(type(value), "a number")


def extension_of(path):
  """Returns the extension without the dot, of what may be compressed: "csv"."""
  stem, extension = os.path.splitext(path)
  if extension.lower() in file_types.COMPRESSED:
    extension = os.path.splitext(stem)[1]
  return extension[1:]


def shorten(text):
  """Returns a line shortened for messages."""
  if len(text) <= _MAX_REPORTED_CHARACTERS:
    return text
  return text[:_MAX_REPORTED_CHARACTERS] + "..."


def is_known_encoding(name):
  """Returns whether Python has a text encoding of that name."""
  try:
    "a".encode(name)  # an empty text needs no encoding
  except (LookupError, ValueError):
    return False
  return True


def _check_is_text(content, path):
  """Raises a UserError for the bytes of a file of a known other format."""
  if file_types.is_tar(content):
    raise utils.UserError(
        "%s: is a tar archive, expected a text file. Unpack it (tar -xf) and "
        "use the file inside." % path)
  if content.startswith(file_types.ZIP):
    is_workbook = b"xl/" in content or path.lower().endswith(".xlsx")
    raise utils.UserError("%s: is %s, expected a text file. %s." % (
        path, "an Excel workbook" if is_workbook else "a zip archive",
        "Save it as \"CSV UTF-8\"" if is_workbook else
        "Unpack it (unzip) and use the file inside"))
  head = content[:_MAX_HEAD].lstrip(b"\xef\xbb\xbf \t\r\n").lower()
  for mark, name, cure in _OTHER_FILES:
    if head.startswith(mark.lower()):
      raise utils.UserError("%s: is %s, expected a text file. %s." % (
          path, name, cure))


def _decode(content, path, encoding):
  """Returns the text of the bytes of a file; see `read_text`."""
  for mark, marked in file_types.BYTE_ORDER_MARKS:
    if content.startswith(mark):
      return _decode_as(content, path, marked)
  if encoding and not _is_other_than_ascii_in_utf8(content):
    return _decode_as(content, path, encoding)
  _check_is_not_utf16(content, path)
  return _decode_as(content, path, "utf-8")


def _is_other_than_ascii_in_utf8(content):
  """Returns whether bytes are UTF-8 whatever encoding is declared.

  Other encodings do not yield valid sequences by chance.
  """
  try:
    return b"\x00" not in content and len(content.decode("utf-8")) < len(
        content)
  except UnicodeDecodeError:
    return False


def _decode_as(content, path, encoding):
  try:
    return content.decode(encoding)
  except UnicodeDecodeError as error:
    before = error.object[:error.start]
    raise utils.UserError(
        "%s:%d: expected %s; byte %d of the line is invalid. Convert the file "
        "to UTF-8, or name its encoding, such as \"windows-1256\", in the key "
        "\"encoding\" of a task.json." % (
            path, before.count(b"\n") + 1,
            encoding.upper().replace("-SIG", ""),
            error.start - before.rfind(b"\n")))


def _check_is_not_utf16(content, path):
  """Raises a UserError for UTF-16 without a byte order mark.

  It may be valid UTF-8: Arabic letters, too, are two bytes below 128.
  """
  for line_feed, encoding in ((b"\n\x00", "utf-16-le"),
                              (b"\x00\n", "utf-16-be")):
    is_first = line_feed.index(b"\x00")
    if line_feed in content and b"\x00" not in content[1 - is_first::2] and (
        len(content) % 2 == 0):
      raise utils.UserError(
          "%s: is UTF-16 without a byte order mark. Convert it to UTF-8 (iconv "
          "-f %s -t utf-8), or set \"encoding\": \"%s\" in a task.json." % (
              path, encoding, encoding))
