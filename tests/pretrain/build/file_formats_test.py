"""Tests for pretrain.build.file_formats."""

import bz2
import contextlib
import csv
import gzip
import io
import json
import lzma
import os
import subprocess
import tarfile
import tempfile
import unittest
from unittest import mock
import zipfile

import zstandard

from pretrain.build import corpus
from pretrain.build import file_formats
from util import utils

DOCUMENTS = [["\u0623\u0628 & \u062c", "\u062f <x>"], ["one", "two", "three"]]
ELEMENTS = "".join(
    '<doc id="%d" url="u" title="t">\n%s\n</doc>\n' % (number, "\n\n".join(
        line.replace("&", "&amp;").replace("<", "&lt;") for line in lines))
    for number, lines in enumerate(DOCUMENTS))
NEWSWIRE = "".join(
    '<DOC id="AFP_%d" type="story" >\n<TEXT>\n<P>\n%s\n</P>\n</TEXT>\n</DOC>\n'
    % (number, "\n".join(lines)) for number, lines in enumerate(DOCUMENTS))
PLAIN = "\n\n".join("\n".join(lines) for lines in DOCUMENTS) + "\n"


def json_lines(field, **more):
  return "".join(json.dumps(dict(more, **{field: "\n\n".join(lines)})) + "\n"
                 for lines in DOCUMENTS)


class FileFormatsTestCase(unittest.TestCase):

  def setUp(self):
    super().setUp()
    folder = tempfile.TemporaryDirectory(prefix="\u0639\u0631\u0628\u064a ")
    self.addCleanup(folder.cleanup)
    self.folder = folder.name

  def write(self, name, content):
    with open(os.path.join(self.folder, name), "wb") as f:
      f.write(content if isinstance(content, bytes) else
              content.encode("utf-8"))

  def read(self, blanks_separate_docs=True):
    """Returns (lists of lines of all documents, log) of the corpus."""
    log = io.StringIO()
    paths = corpus.list_files(self.folder)
    with contextlib.redirect_stdout(log):
      corpus.check_formats(paths)
    documents = []
    for chunk in corpus.read_chunks(paths, blanks_separate_docs):
      for piece in chunk.pieces:
        is_new = piece.starts_document
        for _, line in corpus.read_lines(piece, blanks_separate_docs):
          if line is not None and is_new:
            documents.append([])
          if line is not None:
            documents[-1].append(line)
          is_new = line is None
    return documents, log.getvalue()

  def assert_read(self, content, log="", name="a.txt", **arguments):
    self.write(name, content)
    self.assertEqual(self.read(**arguments), (DOCUMENTS, log))

  def assert_refused(self, message, content, name="a.txt"):
    self.write(name, content)
    with self.assertRaisesRegex(utils.UserError, "%s: expected text, found %s" %
                                (name, message)):
      self.read()


class ReadTest(FileFormatsTestCase):

  def test_plain_text(self):
    for text in (PLAIN, "\ufeff" + PLAIN, PLAIN.replace("\n", "\r\n"),
                 PLAIN.replace("\n", "\r"), "\n \n" + PLAIN):
      self.assert_read(text)

  def test_invisible_lines_are_blank(self):
    for char in "\u200b\u200f\ufeff\u00ad\u2060\u0007":
      self.assert_read(PLAIN.replace("\n\n", "\n%s %s\n" % (char, char)))
    self.assertFalse(file_formats.is_blank("\u200fa"))
    self.assertFalse(file_formats.is_blank("\u0640"))

  def test_elements_are_documents(self):
    log = ("1 of 1 files: <doc> elements, each read as one document, without "
           "the line that repeats its title\n")
    for text in (ELEMENTS, "\ufeff\n" + ELEMENTS, NEWSWIRE,
                 ELEMENTS.replace("\n", "\r\n"), ELEMENTS.upper().replace(
                     "&AMP;", "&amp;").replace("&LT;", "&lt;").lower(),
                 ELEMENTS.replace(">\n", ">").replace("\n</doc>", "</doc>")):
      for blanks in (True, False):
        self.assert_read(text, log, blanks_separate_docs=blanks)

  def test_the_line_that_repeats_the_title_of_an_element_is_no_text(self):
    # As WikiExtractor writes a folder: AA/wiki_00 and so on.
    os.mkdir(os.path.join(self.folder, "AA"))
    self.write(os.path.join("AA", "wiki_00"), "".join(
        '<doc id="%d" url="u" title="A &amp; \u0628">\nA &amp; \u0628\n\n%s\n'
        "</doc>\n" % (number, "\n\n".join(lines))
        for number, lines in enumerate((["A &amp; \u0628", "one"], ["two"]))))
    self.assertEqual(self.read()[0], [["A & \u0628", "one"], ["two"]])

  def test_objects_of_json_lines_are_documents(self):
    log = ("1 of 1 files: JSON lines, each object's \"%s\" read as one "
           "document\n")
    for field, more in (
        ("content", {"metadata": {"prob": 0.9}, "url": "x"}),
        ("text", {"timestamp": "2020", "url": "u", "content": "no"}),
        ("raw_content", {"title": "t"}), ("story", {"id": 3})):
      for blanks in (True, False):
        self.assert_read(json_lines(field, **more), log % field,
                         blanks_separate_docs=blanks)
    self.assert_read(json_lines("text").replace("\n", "\r\n\r\n"), log % "text")
    self.assert_read(json_lines("text").encode("utf-16"), log % "text")

  def test_an_empty_document_of_json_lines(self):
    self.write("a.json", json_lines("text") + '{"text": ""}\n{"text": null}\n')
    self.assertEqual(self.read()[0], DOCUMENTS)

  def test_utf_16_and_utf_32_with_a_mark(self):
    for encoding in ("utf-16", "utf-32"):
      self.assert_read(PLAIN.encode(encoding))
    self.assert_read(b"\xfe\xff" + PLAIN.encode("utf-16-be"))
    self.write("a.txt", PLAIN.encode("utf-16")[:-1])
    with self.assertRaisesRegex(
        utils.UserError, "a.txt: expected UTF-16, .* may be truncated"):
      self.read()

  def test_compressed_data_without_the_extension(self):
    for module in (gzip, bz2, lzma, zstandard):
      self.assert_read(module.compress(PLAIN.encode("utf-8")))
    self.assert_read(gzip.compress(json_lines("text").encode("utf-8")), (
        "1 of 1 files: JSON lines, each object's \"text\" read as one "
        "document\n"), "a.txt")

  def test_big_files_are_cut_between_documents(self):
    for text in (json_lines("text"), ELEMENTS, PLAIN):
      with mock.patch.object(corpus, "CHUNK_BYTES", 100):
        self.write("a.txt", text * 9)
        documents, _ = self.read()
        self.assertEqual(documents, DOCUMENTS * 9 if text != PLAIN else
                         [DOCUMENTS[0]] + 8 * [
                             DOCUMENTS[1] + DOCUMENTS[0]] + [DOCUMENTS[1]])
        self.assertGreater(len(list(corpus.read_chunks(
            corpus.list_files(self.folder)))), 2)

  def test_an_element_longer_than_two_chunks_is_one_document(self):
    lines = ["line %d" % number for number in range(200)]
    self.write("a.txt", "<doc id=\"1\">\n%s\n</doc>\n" % "\n\n".join(lines))
    with mock.patch.object(corpus, "CHUNK_BYTES", 100):
      self.assertEqual(self.read()[0], [lines])

  def test_an_object_longer_than_the_sample(self):
    with mock.patch.object(file_formats, "SAMPLE_BYTES", 32), mock.patch.object(
        corpus, "CHUNK_BYTES", 32):
      self.write("a.txt", json_lines("text"))
      self.assertEqual(self.read()[0], DOCUMENTS)
      with mock.patch.object(corpus, "MAX_OBJECT_BYTES", 20):
        with self.assertRaisesRegex(utils.UserError, "a.txt:1: expected one"):
          self.read()

  def test_a_damaged_line_is_named(self):
    for line, message in (
        ('{"text": "a"', "a.txt:3:13: expected JSON"),
        ("plain text", "a.txt:3:1: expected JSON"),
        ('{"txt": "a"}', 'a.txt:3: expected an object with the string "text"'),
        ('{"text": 3}', 'a.txt:3: expected an object with the string "text"'),
        ("[]", "a.txt:3: ")):
      self.write("a.txt", json_lines("text") + line + "\n")
      with self.assertRaisesRegex(utils.UserError, message):
        self.read()

  def test_text_that_only_resembles_a_format_is_text(self):
    for line in ("{ a set }", "[1] a footnote", '["a"]', "<s>", "<document>",
                 "PK", "BZ", "a,b,c", "\u0661 <doc>", "{}"):
      self.write("a.txt", line + "\n")
      self.assertEqual(self.read(), ([[line]], ""))


class RefuseTest(FileFormatsTestCase):

  def test_archives(self):
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
      archive.writestr("x.txt", PLAIN)
    self.assert_refused("a zip archive .* Unpack it \\(unzip a.txt\\)",
                        packed.getvalue())
    for mode in ("w", "w:gz", "w:xz"):
      packed = io.BytesIO()
      with tarfile.open(fileobj=packed, mode=mode) as archive:
        member = tarfile.TarInfo("x.txt")
        member.size = len(PLAIN.encode("utf-8"))
        archive.addfile(member, io.BytesIO(PLAIN.encode("utf-8")))
      self.assert_refused("a tar archive. Unpack it: tar -xf a.txt, and move "
                          "this file out of the corpus.", packed.getvalue())
    outside = tempfile.TemporaryDirectory()  # the advice
    self.addCleanup(outside.cleanup)
    subprocess.run(["tar", "-xf", "a.txt"], cwd=self.folder, check=True)
    os.rename(os.path.join(self.folder, "a.txt"),
              os.path.join(outside.name, "a.txt"))
    self.assertEqual(self.read(), (DOCUMENTS, ""))

  def test_binary_formats(self):
    for content, message in (
        (b"%PDF-1.5", "a PDF document. Extract its text: pdftotext a.txt"),
        (b"PAR1\x15", "a Parquet table. Write its texts"),
        (b"WARC/1.0\r\n", "a web archive")):
      self.assert_refused(message, content)

  def test_utf_16_without_a_mark(self):
    self.assert_refused(
        "binary data, or UTF-16 without a byte-order mark. Convert such text: "
        "iconv -f UTF-16LE -t UTF-8 a.txt > NEW.txt",
        PLAIN.encode("utf-16-le"))
    converted = subprocess.check_output(  # the advice
        ["iconv", "-f", "UTF-16LE", "-t", "UTF-8", "a.txt"], cwd=self.folder)
    os.remove(os.path.join(self.folder, "a.txt"))
    self.assert_read(converted, name="NEW.txt")

  def test_tables(self):
    for name in ("a.csv", "b.TSV", "c.csv.gz"):
      content = b"id,text\n1,x\n"
      self.assert_refused("a table. Write its texts to a .txt file", (
          gzip.compress(content) if name.endswith("gz") else content), name)
      os.remove(os.path.join(self.folder, name))
    rows = list(csv.DictReader(io.StringIO("id,text\n1,x\n")))  # the advice
    self.write("a.jsonl", "".join(
        json.dumps({"text": row["text"]}) + "\n" for row in rows))
    self.assertEqual(self.read()[0], [["x"]])

  def test_markup(self):
    for content, message in (
        ("<!DOCTYPE html><p>x", "HTML. Write its texts to a .txt file"),
        ("\ufeff\n<html lang='ar'>", "HTML"), ("<?xml version='1.0'?>", "XML"),
        ("<mediawiki xml:lang='ar'>", "XML. .* with WikiExtractor")):
      self.assert_refused(message, content)

  def test_json_in_other_layouts(self):
    values = [{"text": "a"}, {"text": "b"}]
    for content in (json.dumps(values), json.dumps(values, indent=1)):
      self.assert_refused("a JSON array. Write one object per line: jq -c '.", (
          content))
    self.assert_refused("JSON, but not one object per line. .* jq -c . a.txt",
                        json.dumps(values[0], indent=1))
    self.assert_refused(
        "JSON lines with the strings a, b, none of them named text or content."
        " Name the text: jq -c '{text: .NAME}' a.txt > NEW.jsonl",
        '{"a": "x", "b": "y"}\n')
    self.assert_refused("JSON lines with the strings -, ", '{"a": 1}\n')
    self.assert_read(json_lines("text"), mock.ANY)  # the advice


if __name__ == "__main__":
  unittest.main()
