"""Tests for pretrain.build.corpus."""

import bz2
import gzip
import lzma
import os
import tempfile
import unittest
from unittest import mock

from pretrain.build import corpus
from util import utils


class CorpusTestCase(unittest.TestCase):

  def setUp(self):
    super().setUp()
    folder = tempfile.TemporaryDirectory()
    self.addCleanup(folder.cleanup)
    self.folder = folder.name

  def write(self, name, content):
    path = os.path.join(self.folder, *name.split("/"))
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "wb") as f:
      f.write(content)
    return path


class ListFilesTest(CorpusTestCase):

  def test_reads_sub_folders_in_order_without_hidden_names(self):
    for name in ("b.txt", "a/z.txt", "a/deep/y.gz", ".hidden", ".git/x.txt"):
      self.write(name, b"x")
    self.assertEqual(
        [os.path.relpath(path, self.folder).replace(os.sep, "/")
         for path in corpus.list_files(self.folder)],
        ["a/deep/y.gz", "a/z.txt", "b.txt"])

  def test_order_does_not_depend_on_where_the_corpus_is(self):
    # "a-b" < "a/": compared part by part, "a" comes before "a-b".
    self.write("a/x", b"x")
    self.write("a-b/x", b"x")
    self.assertEqual([os.path.basename(os.path.dirname(path))
                      for path in corpus.list_files(self.folder)], ["a", "a-b"])

  def test_follows_links_but_not_in_circles(self):
    self.write("sub/x.txt", b"x")
    os.symlink(self.folder, os.path.join(self.folder, "sub", "up"))
    self.assertEqual(len(corpus.list_files(self.folder)), 1)

  def test_refuses_links_to_nothing_and_pipes(self):
    path = os.path.join(self.folder, "x.txt")
    os.symlink("nowhere", path)
    with self.assertRaisesRegex(utils.UserError, "x.txt: .* link to nothing"):
      corpus.list_files(self.folder)
    os.remove(path)
    os.mkfifo(path)
    with self.assertRaisesRegex(utils.UserError, "x.txt: .* something else"):
      corpus.list_files(self.folder)

  def test_refuses_a_folder_without_files(self):
    self.write(".hidden", b"x")
    with self.assertRaisesRegex(utils.UserError, "found none; hidden files"):
      corpus.list_files(self.folder)

  def test_refuses_what_is_no_folder(self):
    with self.assertRaisesRegex(utils.UserError, "found nothing at"):
      corpus.list_files(os.path.join(self.folder, "nowhere"))
    with self.assertRaisesRegex(utils.UserError, "found a file at"):
      corpus.list_files(self.write("x.txt", b"x"))


class OpenTextTest(CorpusTestCase):

  def test_decompresses_by_extension(self):
    text = "السلام\nعليكم".encode("utf-8")
    for name, compress in (("x.txt", bytes), ("x.gz", gzip.compress),
                           ("x.XZ", lzma.compress), ("x.bz2", bz2.compress)):
      with self.subTest(name=name):
        self.assertEqual(
            list(corpus.open_text(self.write(name, compress(text)))),
            text.splitlines(True))

  def test_names_a_damaged_file(self):
    content = gzip.compress(os.urandom(1000))
    for damaged in (content[:500], b"no gzip at all"):
      path = self.write("x.gz", damaged)
      with self.assertRaisesRegex(utils.UserError, "Cannot read .*x.gz"):
        list(corpus.open_text(path))


class ReadUnitsTest(CorpusTestCase):

  def units(self, *contents, unit_bytes=8, max_line_bytes=64, blanks=True):
    paths = [self.write("%d.txt" % number, content)
             for number, content in enumerate(contents)]
    with mock.patch.object(corpus, "UNIT_BYTES", unit_bytes), mock.patch.object(
        corpus, "MAX_LINE_BYTES", max_line_bytes):
      return list(corpus.read_units(paths, blanks))

  def test_cuts_big_files_between_documents(self):
    # Blocks of 8 bytes; the last blank line within ends the piece.
    units = self.units(b"aa\n\nbbb\ncc\n\nd\n")
    self.assertEqual(
        [(piece.first_line, piece.text, piece.starts_document)
         for unit in units for piece in unit.pieces],
        [(1, b"aa\n\n", True), (3, b"bbb\ncc\n\n", True), (6, b"d\n", True)])
    self.assertEqual([unit.number for unit in units], list(range(len(units))))

  def test_cuts_after_windows_line_ends_too(self):
    units = self.units(b"aa\r\n\r\nbbb\r\ncc\r\n")
    self.assertEqual(units[0].pieces[0].text, b"aa\r\n\r\n")

  def test_cuts_a_document_longer_than_two_units_at_a_line_end(self):
    units = self.units(b"12345\n" * 4)  # blocks end inside lines 2, 3, 4
    pieces = [piece for unit in units for piece in unit.pieces]
    self.assertEqual([piece.text for piece in pieces],
                     [b"12345\n" * 2, b"12345\n" * 2])
    self.assertEqual([piece.first_line for piece in pieces], [1, 3])
    self.assertEqual([piece.starts_document for piece in pieces], [True, False])

  def test_cuts_at_any_line_end_where_blanks_mean_nothing(self):
    units = self.units(b"aaaa\n\nbbbb\n\n", blanks=False)
    self.assertEqual([piece.text for unit in units for piece in unit.pieces],
                     [b"aaaa\n\n", b"bbbb\n\n"])

  def test_cuts_an_endless_line_at_a_space(self):
    units = self.units(b"abc def ghi jkl mno", max_line_bytes=16)
    pieces = [piece for unit in units for piece in unit.pieces]
    self.assertEqual([piece.text for piece in pieces],
                     [b"abc def ghi jkl ", b"mno"])
    self.assertEqual([piece.first_line for piece in pieces], [1, 1])

  def test_cuts_an_endless_word_between_characters(self):
    text = "a" + "أ" * 20  # 41 bytes: byte 16 is inside a character
    units = self.units(text.encode("utf-8"), max_line_bytes=16)
    self.assertEqual("".join(piece.text.decode("utf-8") for unit in units
                             for piece in unit.pieces), text)

  def test_small_files_share_a_unit(self):
    units = self.units(b"a\n", b"", b"b\n", b"cccc\n", unit_bytes=16)
    self.assertEqual([[piece.text for piece in unit.pieces] for unit in units],
                     [[b"a\n", b"b\n", b"cccc\n"]])

  def test_loses_and_repeats_nothing(self):
    content = b"".join(b"line %d\n%s" % (number, b"\n" * (number % 3 == 0))
                       for number in range(200))
    units = self.units(content, unit_bytes=50)
    self.assertGreater(len(units), 10)
    self.assertEqual(
        b"".join(piece.text for unit in units for piece in unit.pieces),
        content)
    self.assertEqual(sum(unit.num_file_bytes for unit in units), len(content))

  def test_does_not_depend_on_compression(self):
    content = b"aa\n\nbbb\ncc\n\nd\n" * 5
    plain = self.write("p.txt", content)
    packed = self.write("p.xz", lzma.compress(content))
    with mock.patch.object(corpus, "UNIT_BYTES", 8):
      texts = [[piece.text for unit in corpus.read_units([path])
                for piece in unit.pieces] for path in (plain, packed)]
    self.assertEqual(texts[0], texts[1])


if __name__ == "__main__":
  unittest.main()
