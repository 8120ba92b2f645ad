"""Reads the lines of UTF-8 files."""

from util import utils

_MAX_REPORTED_CHARACTERS = 80  # of a line, in messages


def read_lines(path):
  """Yields (number from 1, text without its end) of each line of a file.

  Lines end at line feeds only (str.splitlines also splits at U+2028 and
  others). A byte order mark is skipped.

  Raises:
    utils.UserError: the file is missing or a line is not UTF-8.
  """
  with utils.open_file(path, "rb") as f:
    for number, line in enumerate(f, 1):
      try:
        text = line.decode("utf-8-sig" if number == 1 else "utf-8")
      except UnicodeDecodeError as error:
        raise utils.UserError("%s:%d: expected UTF-8; byte %d of the line is "
                              "invalid." % (path, number, error.start + 1))
      yield number, text.rstrip("\r\n")


def read_json_lines(path):
  """Yields ("path:line", parsed JSON) of each line that is not blank.

  Raises:
    utils.UserError: as in `read_lines`, or a line is not JSON.
  """
  for number, line in read_lines(path):
    if line.strip():
      place = "%s:%d" % (path, number)
      yield place, utils.parse_json(line, place, is_line=True)


def shorten(text):
  """Returns a line shortened for messages."""
  if len(text) <= _MAX_REPORTED_CHARACTERS:
    return text
  return text[:_MAX_REPORTED_CHARACTERS] + "..."
