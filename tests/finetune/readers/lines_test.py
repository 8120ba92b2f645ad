"""Tests for finetune.readers.lines."""

import bz2
import gzip
import io
import lzma
import os
import re
import tarfile
import tempfile
import unittest
import zipfile

import zstandard

from finetune.readers import lines
from util import utils

TEXT = "نص،label\nجيد،pos\n"


def tar_of(name, content):
  stream = io.BytesIO()
  with tarfile.open(fileobj=stream, mode="w") as archive:
    member = tarfile.TarInfo(name)
    member.size = len(content)
    archive.addfile(member, io.BytesIO(content))
  return stream.getvalue()


def zip_of(name, content):
  stream = io.BytesIO()
  with zipfile.ZipFile(stream, "w") as archive:
    archive.writestr(name, content)
  return stream.getvalue()


class LinesTest(unittest.TestCase):

  def setUp(self):
    super().setUp()
    folder = tempfile.TemporaryDirectory()
    self.addCleanup(folder.cleanup)
    self.path = os.path.join(folder.name, "train.csv")

  def read(self, content, encoding=None):
    with open(self.path, "wb") as f:
      f.write(content)
    return lines.read_text(self.path, encoding)

  def assert_error(self, message, content, encoding=None):
    with self.assertRaises(utils.UserError) as raised:
      self.read(content, encoding)
    self.assertIn(self.path + message, str(raised.exception))
    return str(raised.exception)

  def test_byte_order_marks_tell_the_encoding(self):
    for encoding in ("utf-8", "utf-8-sig", "utf-16", "utf-32"):
      self.assertEqual(self.read(TEXT.encode(encoding)), TEXT, encoding)
    for mark, encoding in ((b"\xfe\xff", "utf-16-be"),
                           (b"\x00\x00\xfe\xff", "utf-32-be")):
      self.assertEqual(self.read(mark + TEXT.encode(encoding)), TEXT)

  def test_declared_encoding_is_for_files_that_are_not_utf8(self):
    self.assertEqual(self.read(TEXT.encode("cp1256"), "windows-1256"), TEXT)
    for encoding in ("utf-8", "utf-16"):
      self.assertEqual(self.read(TEXT.encode(encoding), "windows-1256"), TEXT)

  def test_advice_about_another_encoding_can_be_followed(self):
    message = self.assert_error(":1: expected UTF-8; byte 1 of the line is",
                                TEXT.encode("cp1256"))
    encoding, = re.findall(r"such as \"([\w-]+)\"", message)
    self.assertEqual(self.read(TEXT.encode("cp1256"), encoding), TEXT)

  def test_utf16_without_a_mark_is_named(self):
    for encoding in ("utf-16-le", "utf-16-be"):
      content = "نص\nسالم\n".encode(encoding)
      content.decode("utf-8")  # valid, by chance
      message = self.assert_error(": is UTF-16 without a byte order", content)
      named, = re.findall("\"encoding\": \"(.*)\"", message)
      self.assertEqual(self.read(content, named), "نص\nسالم\n")

  def test_nul_characters_alone_are_not_utf16(self):
    self.assertEqual(self.read(b"a\0\n"), "a\0\n")
    self.assertEqual(self.read(b"ab\0c\n\0"), "ab\0c\n\0")

  def test_line_ends_of_old_macs(self):
    self.assertEqual(self.read(b"a\rb\r"), "a\nb\n")
    self.assertEqual(self.read(b"a\r\nb\rc\n"), "a\r\nb\rc\n")
    self.assertEqual(list(lines.read_lines(self.path)), [(1, "a"), (2, "b\rc")])

  def test_compressed_files_are_read(self):
    for compress in (gzip.compress, bz2.compress, lzma.compress,
                     zstandard.compress):
      packed = compress(TEXT.encode("utf-8"))
      self.assertEqual(self.read(packed), TEXT)
      self.assert_error(": the ", packed[:len(packed) // 2])

  def test_other_files_are_refused_with_their_format(self):
    for content, message in [
        (tar_of("train.csv", b"a,b\n"), "a tar archive.*tar -xf"),
        (gzip.compress(tar_of("train.csv", b"a,b\n")), "a tar archive"),
        (zip_of("train.csv", "a,b\n"), "a zip archive.*unzip"),
        (zip_of("xl/workbook.xml", ""), "an Excel workbook.*CSV UTF-8"),
        (b"PAR1", "a Parquet file.*JSON lines"),
        (b"\r\n <!DOCTYPE html>", "a web page .HTML.*raw file"),
        (b"version https://git-lfs.github.com/spec/v1", "a Git LFS.*git lfs")]:
      with self.subTest(message=message):
        with self.assertRaisesRegex(utils.UserError,
                                    "train.csv: is " + message):
          self.read(content)

  def test_extension_of_what_may_be_compressed(self):
    self.assertEqual(list(map(lines.extension_of, (
        "a/x.csv", "x.csv.gz", "x.conllu.xz", "x.gz", "x"))),
                     ["csv", "csv", "conllu", "", ""])

  def objects(self, content, **kwargs):
    with open(self.path, "w", encoding="utf-8") as f:
      f.write(content)
    return [(place[len(self.path):], value)
            for place, value in lines.read_objects(self.path, **kwargs)]

  def test_objects_in_lines_or_a_list_whatever_the_extension(self):
    in_lines = [(":1", {"a": 1}), (":3", {"a": 2})]
    in_list = [(": object 1", {"a": 1}), (": object 2", {"a": 2})]
    for is_lines in (True, False):
      for text, wanted in [
          ('{"a": 1}\n \u200b\n{"a": 2}\n', in_lines),
          ('[{"a": 1},\n {"a": 2}]\n', in_list),
          ('{"version": 1, "data": [{"a": 1}, {"a": 2}]}', in_list),
          ('{\n"data": [\n{"a": 1}, {"a": 2}]}', in_list)]:
        self.assertEqual(self.objects(text, is_lines=is_lines), wanted)
    self.assertEqual(self.objects('{"a": 1}'), in_lines[:1])

  def test_invalid_objects_are_named(self):
    for text, message in [("{\"a\": 1}\n{\"a\"\n", ":2:5: expected JSON"),
                          ("[{}\n", ":2:1: expected JSON"),
                          ("\"a\" 1", ":1:5: expected JSON")]:
      with self.assertRaisesRegex(utils.UserError, "train.csv" + message):
        self.objects(text)
    with self.assertRaisesRegex(utils.UserError, "a list of objects.*object"):
      self.objects("{\"a\": 1}", is_lines=False)

  def test_known_encodings(self):
    for name in ("utf-16", "windows-1256", "cp1256", "latin-1"):
      self.assertTrue(lines.is_known_encoding(name))
    for name in ("klingon", "base64", ""):
      self.assertFalse(lines.is_known_encoding(name))


if __name__ == "__main__":
  unittest.main()
