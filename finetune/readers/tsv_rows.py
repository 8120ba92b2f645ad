"""Reads all rows of a .tsv file, for tasks that pick the columns in code."""

import csv
import itertools

from finetune.readers import lines as lines_reader
from finetune.readers import tables
from util import utils


class Row(list):
  """The cells of a row, each a str; an index it lacks is a UserError.

  Attributes:
    place: str, "file:line".
  """

  def __init__(self, cells, place):
    super().__init__(cells)
    self.place = place

  def __getitem__(self, index):
    try:
      return super().__getitem__(index)
    except IndexError:
      raise utils.UserError(
          "%s: the task reads the column at position %d (from 0, or below 0 "
          "from the end), but the line has %d: %s. Correct the line, or the "
          "task's _create_examples." % (
              self.place, index, len(self), tables.shorten(self)))


def read_tsv(input_file, quotechar=None, max_lines=None):
  """Returns the Rows of a file with a tab between columns.

  An empty line is a Row without cells, except at the end of the file.

  Args:
    input_file: path of a UTF-8 file, with or without a byte order mark.
    quotechar: str, the quotation mark around cells with tabs or line breaks;
      None: quotation marks are ordinary characters.
    max_lines: int, how many lines to read; None: all.

  Raises:
    utils.UserError: the file is missing or not UTF-8, or quotation marks do not
      match.
  """
  numbered = lines_reader.read_lines(input_file)
  if quotechar:
    reader = csv.reader((text + "\n" for _, text in numbered), delimiter="\t",
                        quotechar=quotechar, strict=True)
    numbered_cells = ((reader.line_num, cells) for cells in reader)
  else:
    numbered_cells = ((number, text.split("\t") if text else [])
                      for number, text in numbered)
  rows = []
  try:
    for number, cells in itertools.islice(numbered_cells, max_lines):
      rows.append(Row(cells, "%s:%d" % (input_file, number)))
  except csv.Error as error:
    raise utils.UserError("%s:%d: expected columns separated by tabs: %s. "
                          "Check its quotation marks." % (
                              input_file, reader.line_num, error))
  while rows and not rows[-1]:
    rows.pop()
  return rows
