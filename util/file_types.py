"""How files of several types start: compressed, encoded, or not text at all."""

import bz2
import codecs
import gzip
import lzma

from util import zstandard_files

# (bytes, encoding); UTF-32 first, because its mark starts with UTF-16's.
BYTE_ORDER_MARKS = (
    (codecs.BOM_UTF32_LE, "utf-32"), (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF8, "utf-8-sig"), (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"))

# (first bytes, extension, name, module with `open` and `decompress`).
_COMPRESSIONS = (
    (b"\x1f\x8b", ".gz", "gzip", gzip), (b"BZh", ".bz2", "bzip2", bz2),
    (b"\xfd7zXZ\x00", ".xz", "xz", lzma),
    (b"\x28\xb5\x2f\xfd", ".zst", "Zstandard", zstandard_files))
COMPRESSED = tuple(extension for _, extension, _, _ in _COMPRESSIONS)
NUM_FIRST_BYTES = max(len(mark) for mark, _, _, _ in _COMPRESSIONS)

# First bytes of files that are not text.
ZIP = b"PK\x03\x04"
SEVEN_ZIP = b"7z\xbc\xaf\x27\x1c"
RAR = b"Rar!"
PARQUET = b"PAR1"
OLD_OFFICE = b"\xd0\xcf\x11\xe0"
SQLITE = b"SQLite format 3"
_TAR_MARK, _TAR_MARK_AT = b"ustar", 257


def compression_of(first_bytes, path):
  """Returns (name, module) of compressed data, or None.

  Args:
    first_bytes: bytes, at least NUM_FIRST_BYTES of the file if it has so many.
    path: str, whose extension decides if the bytes do not.
  """
  for mark, _, name, module in _COMPRESSIONS:
    if first_bytes.startswith(mark):
      return name, module
  for _, extension, name, module in _COMPRESSIONS:
    if path.lower().endswith(extension):
      return name, module
  return None


def is_tar(content):
  """Returns whether bytes are the start of a tar archive."""
  return content[_TAR_MARK_AT:].startswith(_TAR_MARK)
