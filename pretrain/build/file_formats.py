"""Recognizes what the files of a corpus are, and reads the text in them.

| format | text | a document is |
|---|---|---|
| text | every line | lines between blank lines, or a file |
| elements | lines between <doc ...> and </doc> (WikiExtractor), without a first
line that repeats the title of the tag, which is no sentence | an element |
| JSON lines | a field of each object, such as "text" or "content" | an object |

UTF-16 with a byte-order mark and the line ends of old Macs are converted. Other
formats, such as archives, HTML and tables, are refused with what to do.
"""

import codecs
import collections
import html
import json
import os
import re

from util import file_types
from util import json_fields
from util import utils

SAMPLE_BYTES = 1 << 20  # of a file, to recognize its format
TEXT, ELEMENTS, JSON_LINES = "text", "elements", "json_lines"

Format = collections.namedtuple("Format", ["kind", "field"])
Format.__doc__ = """The format of a file.

kind: TEXT, ELEMENTS or JSON_LINES. field: str, the field of the text in every
object of JSON lines, else None.
"""
PLAIN_TEXT = Format(TEXT, None)

# Of JSON objects, the first that is present: mC4 and Wikipedia dumps have
# "text", OSCAR has "content", RedPajama "raw_content".
_FIELDS = ("text", "content", "raw_content", "contents", "article", "body",
           "document", "passage", "sentence")
_TABLES = (".csv", ".tsv")
_AS_TEXT = ("Write its texts to a .txt file, one sentence per line and blank "
            "lines between documents, or as JSON lines with the field \"text\"")

# First bytes, name, what to do.
_BINARY_FORMATS = (
    (file_types.ZIP, "a zip archive or Office document",
     "Unpack it (unzip %s) or save it as text"),
    (b"\x04\x22\x4d\x18", "LZ4 data", "Decompress it: lz4 -d --rm %s"),
    (file_types.SEVEN_ZIP, "a 7z archive", "Unpack it: 7z x %s"),
    (file_types.RAR, "a RAR archive", "Unpack it: unrar x %s"),
    (b"%PDF-", "a PDF document", "Extract its text: pdftotext %s"),
    (b"{\\rtf", "an RTF document", "Save it as UTF-8 text"),
    (file_types.OLD_OFFICE, "an Office document", "Save it as UTF-8 text"),
    (file_types.PARQUET, "a Parquet table", _AS_TEXT),
    (file_types.SQLITE, "an SQLite database", _AS_TEXT),
    (b"WARC/", "a web archive (WARC, WET)", _AS_TEXT))

_ELEMENT = re.compile(r"<doc(?:\s[^<>]*)?>", re.IGNORECASE)
_ELEMENT_TAG = re.compile(r"(</?doc(?:\s[^<>]*)?>)", re.IGNORECASE)
_TITLE = re.compile(r'\stitle="([^"]*)"', re.IGNORECASE)
_LONE_TAG = re.compile(r"</?[A-Za-z][^<>]*>$")  # <TEXT>, <P> of newswire
_HTML = re.compile(r"<(?:!doctype\s+html|html|head|body)\b", re.IGNORECASE)
_XML = re.compile(r"<(?:\?xml|mediawiki)\b", re.IGNORECASE)
_OBJECT = re.compile(r'\{\s*"(?:[^"\\]|\\.)*"\s*:')
_ARRAY = re.compile(r'\[\s*\{\s*"')
_STRING_FIELD = re.compile(r'"(\w+)"\s*:\s*"')


def make_converter(sample, path):
  """Returns a function (block of bytes, is the last) -> UTF-8 bytes.

  Args:
    sample: bytes, the start of a file.
    path: str, of the file, for messages.
  """
  for mark, encoding in file_types.BYTE_ORDER_MARKS:
    if sample.startswith(mark) and mark != codecs.BOM_UTF8:
      return _make_recoder(encoding, path)
  if b"\r" in sample and b"\n" not in sample:
    return lambda block, is_last: block.replace(b"\r", b"\n")
  return lambda block, is_last: block


def recognize(sample, path):
  """Returns the Format of a file.

  Args:
    sample: bytes, the start of the file, decompressed and converted.
    path: str, of the file.

  Raises:
    UserError: the format cannot be read; names it and what to do.
  """
  _check_is_text(sample, path)
  start = sample.decode("utf-8", "ignore").lstrip("\ufeff \t\r\n")
  if _ELEMENT.match(start):
    return Format(ELEMENTS, None)
  if _HTML.match(start):
    _refuse(path, "HTML", _AS_TEXT)
  if _XML.match(start):
    _refuse(path, "XML", "Extract its text, a dump of Wikipedia with "
            "WikiExtractor")
  if _ARRAY.match(start):
    _refuse(path, "a JSON array", "Write one object per line: "
            "jq -c '.[]' %s > NEW.jsonl")
  if _OBJECT.match(start):
    return Format(JSON_LINES, _find_field(start, path))
  return PLAIN_TEXT


def describe(file_format):
  """Returns how files of a format are read, for a log line."""
  if file_format.kind == ELEMENTS:
    return ("<doc> elements, each read as one document, without the line that "
            "repeats its title")
  return "JSON lines, each object's \"%s\" read as one document" % (
      file_format.field)


def read_lines(file_format, text, path, first_line, blanks_separate_docs):
  """Yields (line number, line) of the text; a line None ends a document.

  Args:
    file_format: Format.
    text: str, lines of the file.
    path: str, of the file, for messages.
    first_line: int, number of the first line, from 1.
    blanks_separate_docs: bool, whether a blank line ends a document of text.

  Raises:
    UserError: a line is not a JSON object with the field.
  """
  numbered = enumerate(text.split("\n"), first_line)
  if file_format.kind == JSON_LINES:
    yield from _read_json_lines(numbered, file_format.field, path)
  elif file_format.kind == ELEMENTS:
    yield from _read_elements(numbered)
  else:
    for number, line in numbered:
      line = line.strip()
      if not is_blank(line):
        yield number, line
      elif blanks_separate_docs:
        yield number, None


def is_blank(line):
  """Returns whether a line, stripped of spaces, has no visible character."""
  return not line or not line[0].isprintable() and (
      not any(map(str.isprintable, line.replace(" ", ""))))


def _read_json_lines(numbered, field, path):
  for number, line in numbered:
    if is_blank(line.strip()):
      continue
    where = "%s:%d" % (path, number)
    values = json_fields.check_object(
        utils.parse_json(line.lstrip("\ufeff"), where, is_line=True), where)
    if field not in values or not isinstance(values[field], (str, type(None))):
      raise utils.UserError(
          "%s: expected an object with the string \"%s\", as on the first line "
          "of the file, got %s." % (where, field, json_fields.shorten(values)))
    for part in (values[field] or "").split("\n"):
      part = part.strip()
      if not is_blank(part):
        yield number, part
    yield number, None


def _read_elements(numbered):
  title = None  # of an element whose first line is yet to come
  for number, line in numbered:
    parts = _ELEMENT_TAG.split(line) if "<" in line else [line]
    for index, part in enumerate(parts):
      if index % 2:  # a tag
        yield number, None
        match = _TITLE.search(part)
        title = match and html.unescape(match.group(1)).strip()
        continue
      part = part.strip()
      if not is_blank(part) and not _LONE_TAG.match(part):
        text = html.unescape(part)
        if text != title:
          yield number, text
        title = None


def _check_is_text(sample, path):
  for first_bytes, name, cure in _BINARY_FORMATS:
    if sample.startswith(first_bytes):
      _refuse(path, name, cure)
  if file_types.is_tar(sample):
    _refuse(path, "a tar archive", "Unpack it: tar -xf %s")
  if 50 * sample.count(b"\0") > len(sample):
    _refuse(path, "binary data, or UTF-16 without a byte-order mark", "Convert "
            "such text: iconv -f UTF-16LE -t UTF-8 %s > NEW.txt")
  name = path.lower()
  if name.endswith(file_types.COMPRESSED):
    name = os.path.splitext(name)[0]
  if name.endswith(_TABLES):
    _refuse(path, "a table", _AS_TEXT)


def _refuse(path, name, cure):
  if "%s" in cure:
    cure %= os.path.basename(path)
  raise utils.UserError("%s: expected text, found %s. %s, and move this file "
                        "out of the corpus." % (path, name, cure))


def _find_field(start, path):
  """Returns the field of the text in the objects of JSON lines."""
  line, newline, _ = start.partition("\n")
  if newline or len(start) < SAMPLE_BYTES // 4:  # UTF-8 has up to 4 bytes
    try:
      values = json.loads(line)
    except ValueError:
      _refuse(path, "JSON, but not one object per line", "Write one object per "
              "line: jq -c . %s > NEW.jsonl")
    names = [name for name, value in values.items() if isinstance(value, str)]
  else:  # the first object is longer than the sample
    names = _STRING_FIELD.findall(line)
  known = [name for name in _FIELDS if name in names]
  if known or len(names) == 1:
    return (known or names)[0]
  _refuse(path, "JSON lines with the strings %s, none of them named %s" % (
      ", ".join(names) or "-", " or ".join(_FIELDS[:2])),
          "Name the text: jq -c '{text: .NAME}' %s > NEW.jsonl")


def _make_recoder(encoding, path):
  decoder = codecs.getincrementaldecoder(encoding)()

  def recode(block, is_last):
    try:
      return decoder.decode(block, is_last).encode("utf-8")
    except UnicodeError as error:
      raise utils.UserError(
          "%s: expected %s, as its byte-order mark tells: %s. The file may be "
          "truncated." % (path, encoding.upper(), error))

  return recode
