"""Tests for finetune.readers.tables."""

import csv
import os
import re
import tempfile
import unittest

from finetune.readers import tables
from util import utils


class ReaderTest(unittest.TestCase):

  def setUp(self):
    folder = tempfile.TemporaryDirectory()
    self.addCleanup(folder.cleanup)
    self.path = os.path.join(folder.name, "table")

  def write(self, content):
    with open(self.path, "wb") as f:
      f.write(content if isinstance(content, bytes) else
              content.encode("utf-8"))

  def assert_error(self, message, read, content):
    """Asserts that reading raises `message` after the path of the file."""
    self.write(content)
    with self.assertRaises(utils.UserError) as caught:
      read()
    self.assertIn(self.path + message, str(caught.exception))


class ReadTsvTest(ReaderTest):

  def read(self, columns=("b", "a"), has_header=True, **kwargs):
    return tables.read_tsv(self.path, list(columns), has_header=has_header,
                               **kwargs)

  def values(self, content, *args, **kwargs):
    self.write(content)
    return [row.values for row in self.read(*args, **kwargs)]

  def test_columns_are_found_by_name(self):
    self.assertEqual(self.values("a\tx\tb\n1\t-\t2\n3\t-\t4\n"),
                     [["2", "1"], ["4", "3"]])

  def test_columns_are_found_by_position_without_header(self):
    self.assertEqual(self.values("1\t2\n3\t4", [1], False), [["2"], ["4"]])

  def test_columns_are_found_by_position_with_header(self):
    self.assertEqual(self.values("a\tb\n1\t2\n", [1, "a"]), [["2", "1"]])

  def test_place_is_file_and_line(self):
    self.write("a\tb\n1\t2\n")
    self.assertEqual(self.read()[0].place, self.path + ":2")

  def test_byte_order_mark_and_line_ends_are_not_text(self):
    self.assertEqual(self.values("\ufeffb\ta\r\n1\t2\r\n\r\n\n"), [["1", "2"]])

  def test_text_is_unchanged(self):
    # Quotation marks, spaces and what str.splitlines takes for a line's end.
    text = " he wrote: \"no\u2028yes\x85'\x0c "
    self.assertEqual(self.values("a\tb\n%s\t\n" % text), [["", text]])

  def test_field_of_any_length(self):
    text = "x" * 200000  # csv's limit is 131072
    self.assertEqual(self.values("a\tb\n%s\t1\n" % text), [["1", text]])

  def test_wrong_number_of_columns_names_the_line(self):
    for row in ["1", "1\t2\t3"]:
      with self.subTest(row=row):
        self.assert_error(
            ":3: expected 2 columns, got %d: %s" % (
                row.count("\t") + 1, row.replace("\t", " | ")),
            self.read, "a\tb\n1\t2\n%s\n" % row)

  def test_first_line_must_have_the_given_number_of_columns(self):
    self.assert_error(
        ":1: expected 4 columns, got 2",
        lambda: self.read([0], False, num_columns=4), "1\t2\n")

  def test_header_line_must_have_the_given_number_of_columns(self):
    self.assert_error(":1: expected 3 columns, got 2: a | b",
                      lambda: self.read(num_columns=3), "a\tb\n1\t2\n")
    self.assertEqual(self.values("a\tb\n1\t2\n", num_columns=2), [["2", "1"]])

  def test_numbers_of_broken_lines_are_returned_on_request(self):
    broken_lines = []
    self.assertEqual(self.values("a\tb\n1\t2\n1\n3\t4\n",
                                 broken_lines=broken_lines),
                     [["2", "1"], ["4", "3"]])
    self.assertEqual(broken_lines, [3])
    self.assert_error(":2: expected 2 columns, got 3",
                      lambda: self.read(broken_lines=[]), "a\tb\n1\t2\t3\n")

  def test_empty_line_inside(self):
    self.assert_error(":3: expected a row, got an empty line", self.read,
                      "a\tb\n1\t2\n\n1\t2\n")

  def test_not_utf8(self):
    self.assert_error(":2: expected UTF-8; byte 3 of the line", self.read,
                      b"a\tb\n1\t\xff\n")

  def test_empty_file(self):
    for content in ["", "\n", "\ufeff"]:
      self.assert_error(": expected a table, got an empty file", self.read,
                        content)

  def test_missing_column(self):
    self.assert_error(":1: expected a header line with one column 'b', got: "
                      "'a' | 'c'.", self.read, "a\tc\n1\t2\n")

  def test_white_space_around_a_column_name_is_reported(self):
    self.assert_error(":1: expected a header line with one column 'b', got: "
                      "'a' | ' b'. Remove the white space around ' b'.",
                      self.read, "a\t b\n1\t2\n")

  def test_duplicate_column(self):
    self.assert_error(":1: expected a header line with one column 'b'",
                      self.read, "a\tb\tb\n1\t2\t3\n")

  def test_position_out_of_range(self):
    self.assert_error(":1: expected a column at position 2 (from 0), got 2",
                      lambda: self.read([2], False), "1\t2\n")

  def test_name_without_header(self):
    self.assert_error(":1: expected the position of column 'a'",
                      lambda: self.read(["a"], False), "1\t2\n")

  def test_missing_file(self):
    with self.assertRaisesRegex(utils.UserError, "no such file"):
      self.read()


class ReadCsvTest(ReaderTest):

  def read(self, columns=("a", "b"), has_header=True):
    return tables.read_csv(self.path, list(columns), has_header=has_header)

  def test_quoted_fields_and_first_lines_of_rows(self):
    self.write("\ufeffa,b\r\n\"x, \"\"y\"\"\r\nz\u2028\",1\r\nw,2\r\n")
    self.assertEqual(
        [(row.place, row.values) for row in self.read()],
        [(self.path + ":2", ["x, \"y\"\r\nz\u2028", "1"]),
         (self.path + ":4", ["w", "2"])])

  def test_wrong_number_of_columns_names_the_line(self):
    self.assert_error(":3: expected 2 columns, got 3", self.read,
                      "a,b\n1,2\n1,2,3\n")

  def test_quotation_mark_that_is_not_closed(self):
    self.assert_error(":2: expected a row of comma-separated values: "
                      "unexpected end of data. Check for a quotation mark "
                      "that is not closed", self.read, "a,b\n\"1,2\n3,4\n")
    # Also if much text follows, or a later mark seems to close it.
    self.assert_error(":2: expected a row of comma-separated values: "
                      "unexpected end of data. Check", self.read,
                      "a,b\n\"1,2\n" + "3,4\n" * 50000)
    self.assert_error(":2: expected a row of comma-separated values: ',' "
                      "expected after", self.read,
                      "a,b\n\"1,2\n3,4\n\"5\",6\n")

  def test_field_of_any_length(self):
    text = "x" * 200000  # csv's limit is 131072
    limit = csv.field_size_limit()
    for field in (text, "\"%s\"" % text):
      self.write("a,b\n%s,2\n" % field)
      row, = self.read()
      self.assertEqual(row.values, [text, "2"])
    self.assertEqual(csv.field_size_limit(), limit)

  def test_empty_line_inside(self):
    self.assert_error(":2: expected a row, got an empty line", self.read,
                      "a,b\n\n1,2\n")

  def test_not_utf8(self):
    self.assert_error(":2: expected UTF-8", self.read, b"a,b\n1,\xff\n")

  def test_empty_file(self):
    self.assert_error(": expected a table, got an empty file", self.read, "")

  def values(self, content, **kwargs):
    self.write(content)
    return [row.values for row in tables.read_csv(
        self.path, ["a", "b"], has_header=True, **kwargs)]

  def test_delimiter(self):
    self.assertEqual(self.values('a;b\n"x;y";1,5\n',
                                 dialect=tables.Dialect(";")), [["x;y", "1,5"]])

  def test_delimiter_in_the_first_line_of_excel(self):
    self.assertEqual(self.values("sep=;\r\na;b\r\n1;2\r\n"), [["1", "2"]])
    self.assert_error(":3: expected 2 columns, got 1", self.read,
                      "sep=;\na;b\n1\n")

  def test_other_delimiters_are_named_with_what_to_declare(self):
    for delimiter, hint in [
        (";", "separated by ';': set \"format\": \"csv\" and \"delimiter\": "
         "\";\""), ("\t", "separated by tabs: set \"format\": \"tsv\""),
        ("|", "\"delimiter\": \"|\"")]:
      with self.assertRaisesRegex(utils.UserError, re.escape(hint)):
        self.values("a%sb\n1%s2\n" % (delimiter, delimiter))
    self.write('{"a": 1, "b": 2}\n')
    for read in (tables.read_csv, tables.read_tsv):
      with self.assertRaisesRegex(utils.UserError, "\"format\": \"jsonl\""):
        read(self.path, ["a"], has_header=True)

  def test_nul_characters_are_kept(self):
    self.assertEqual(self.values("a,b\n1\0,\"\0,\ue000\"\n"),
                     [["1\0", "\0,\ue000"]])

  def test_line_ends_of_old_macs(self):
    self.assertEqual(self.values("a,b\r1,2\r"), [["1", "2"]])
    self.assert_error(":2: expected a row of comma-separated values: ",
                      self.read, "a,b\n1,2\r3,4\n")

  def test_utf16(self):
    self.assertEqual(self.values("a,b\r\nنص,2\r\n".encode("utf-16")),
                     [["نص", "2"]])

  def test_last_line_of_dos_and_invisible_lines(self):
    self.assertEqual(self.values("a,b\n1,2\n\x1a"), [["1", "2"]])
    self.assert_error(":2: expected a row, got an empty line", self.read,
                      "a,b\n\u200b\n1,2\n")

  def test_header_that_looks_the_same_is_named(self):
    for header, escaped in [("b\u200f", r"'b\\u200f', which looks like 'b'"),
                          ("\ufeffb", r"'\\ufeffb', which looks like 'b'")]:
      with self.assertRaisesRegex(utils.UserError, "Rename " + escaped):
        self.values("a,%s\n1,2\n" % header)


class ReadJsonTest(ReaderTest):

  def read(self):
    return tables.read_json(self.path, ["a", "b"])

  def read_lines(self):
    return tables.read_jsonl(self.path, ["a", "b"])

  def test_values_and_locations(self):
    self.write('[{"a": "x", "b": 1, "c": []}, {"b": null, "a": "y"}]')
    self.assertEqual([tuple(row) for row in self.read()],
                     [(self.path + ": object 1", ["x", 1]),
                      (self.path + ": object 2", ["y", None])])
    self.write('{"a": "x", "b": 1}\n{"b": 2, "a": "y"}\n')
    self.assertEqual([tuple(row) for row in self.read_lines()],
                     [(self.path + ":1", ["x", 1]),
                      (self.path + ":2", ["y", 2])])

  def test_blank_lines_are_skipped(self):
    self.write('\n{"a": "x", "b": 1}\n \t\r\n\n{"b": 2, "a": "y"}\n\n')
    self.assertEqual([tuple(row) for row in self.read_lines()],
                     [(self.path + ":2", ["x", 1]),
                      (self.path + ":5", ["y", 2])])
    self.assertEqual(tables.first_cells(self.path, "jsonl"), ["a", "b"])

  def test_missing_key(self):
    self.assert_error(": object 1: expected the key 'b', got: 'a', 'c'",
                      self.read, '[{"a": 1, "c": 2}]')
    self.assert_error(":1: expected the key 'a', got: none",
                      self.read_lines, '{}\n')
    self.assert_error(":1: expected the key 'a', got: 'a ', 'b'. Remove the",
                      self.read_lines, '{"a ": 1, "b": 2}\n')

  def test_key_that_looks_the_same_is_named(self):
    self.assert_error(":1: expected the key 'b', got: 'a', 'b\u200b'. Rename "
                      "'b\\u200b', which looks like 'b'.", self.read_lines,
                      '{"a": 1, "b\u200b": 2}\n')

  def test_lines_and_lists_are_read_whatever_the_format(self):
    self.write('{"a": "x", "b": 1}\n{"b": 2, "a": "y"}\n')
    self.assertEqual(self.read(), self.read_lines())
    self.write('[{"a": "x", "b": 1}, {"b": 2, "a": "y"}]')
    self.assertEqual(self.read_lines(), self.read())
    self.assertEqual(tables.first_cells(self.path, "jsonl"), ["a", "b"])

  def test_not_json(self):
    self.assert_error(":2:6: expected JSON", self.read_lines,
                      '{"a": 1, "b": 2}\n{"a":}\n')
    self.assert_error(":1:2: expected JSON", self.read, "[}")

  def test_not_objects(self):
    self.assert_error(": expected a list of objects, one for each example, got "
                      "an object", self.read, '{"a": 1}')
    self.assert_error(": object 1: expected an object, got text", self.read,
                      '["a"]')
    self.assert_error(":1: expected an object, got a number", self.read_lines,
                      "1")


if __name__ == "__main__":
  unittest.main()
