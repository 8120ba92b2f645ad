"""Tests for pretrain.build.corpus."""

import bz2
import gzip
import lzma
import os
import tempfile
import unittest
from unittest import mock

import zstandard

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

  def test_sub_folders_are_sorted_and_hidden_names_skipped(self):
    for name in ("b.txt", "a/z.txt", "a/deep/y.gz", ".hidden", ".git/x.txt"):
      self.write(name, b"x")
    self.assertEqual(
        [os.path.relpath(path, self.folder).replace(os.sep, "/")
         for path in corpus.list_files(self.folder)],
        ["a/deep/y.gz", "a/z.txt", "b.txt"])

  def test_order_is_by_path_components(self):
    # As strings "a-b/x" < "a/x"; by components "a" < "a-b".
    self.write("a/x", b"x")
    self.write("a-b/x", b"x")
    self.assertEqual([os.path.basename(os.path.dirname(path))
                      for path in corpus.list_files(self.folder)], ["a", "a-b"])

  def test_follows_links_but_not_in_cycles(self):
    self.write("sub/x.txt", b"x")
    os.symlink(self.folder, os.path.join(self.folder, "sub", "up"))
    self.assertEqual(len(corpus.list_files(self.folder)), 1)

  def test_rejects_broken_links_and_pipes(self):
    path = os.path.join(self.folder, "x.txt")
    os.symlink("nowhere", path)
    with self.assertRaisesRegex(utils.UserError, "x.txt: .* broken link"):
      corpus.list_files(self.folder)
    os.remove(path)
    os.mkfifo(path)
    with self.assertRaisesRegex(utils.UserError, "x.txt: .* a pipe"):
      corpus.list_files(self.folder)

  def test_rejects_a_folder_without_files(self):
    self.write(".hidden", b"x")
    with self.assertRaisesRegex(utils.UserError, "has no text files"):
      corpus.list_files(self.folder)

  def test_rejects_a_path_that_is_not_a_folder(self):
    with self.assertRaisesRegex(utils.UserError, "nowhere does not exist"):
      corpus.list_files(os.path.join(self.folder, "nowhere"))
    with self.assertRaisesRegex(utils.UserError, "x.txt is a file"):
      corpus.list_files(self.write("x.txt", b"x"))


class ReadChunksTest(CorpusTestCase):

  def chunks(self, *contents, chunk_bytes=8, max_line_bytes=64, blanks=True):
    paths = [self.write("%d.txt" % number, content)
             for number, content in enumerate(contents)]
    with mock.patch.multiple(corpus, CHUNK_BYTES=chunk_bytes,
                             MAX_LINE_BYTES=max_line_bytes):
      return list(corpus.read_chunks(paths, blanks))

  def test_cuts_big_files_between_documents(self):
    # Read 8 bytes at a time; the last blank line in them ends the piece.
    chunks = self.chunks(b"aa\n\nbbb\ncc\n\nd\n")
    self.assertEqual(
        [(piece.first_line, piece.text, piece.starts_document)
         for chunk in chunks for piece in chunk.pieces],
        [(1, b"aa\n\n", True), (3, b"bbb\ncc\n\n", True), (6, b"d\n", True)])
    self.assertEqual([chunk.number for chunk in chunks],
                     list(range(len(chunks))))

  def test_cuts_after_windows_line_ends_too(self):
    chunks = self.chunks(b"aa\r\n\r\nbbb\r\ncc\r\n")
    self.assertEqual(chunks[0].pieces[0].text, b"aa\r\n\r\n")

  def test_cuts_a_document_longer_than_two_chunks_at_a_line_end(self):
    chunks = self.chunks(b"12345\n" * 4)  # blocks end inside lines 2, 3, 4
    pieces = [piece for chunk in chunks for piece in chunk.pieces]
    self.assertEqual([piece.text for piece in pieces],
                     [b"12345\n" * 2, b"12345\n" * 2])
    self.assertEqual([piece.first_line for piece in pieces], [1, 3])
    self.assertEqual([piece.starts_document for piece in pieces], [True, False])

  def test_cuts_at_any_line_end_without_blanks_separate_docs(self):
    chunks = self.chunks(b"aaaa\n\nbbbb\n\n", blanks=False)
    self.assertEqual([piece.text for chunk in chunks for piece in chunk.pieces],
                     [b"aaaa\n\n", b"bbbb\n\n"])

  def test_cuts_a_long_line_at_a_space(self):
    chunks = self.chunks(b"abc def ghi jkl mno", max_line_bytes=16)
    pieces = [piece for chunk in chunks for piece in chunk.pieces]
    self.assertEqual([piece.text for piece in pieces],
                     [b"abc def ghi jkl ", b"mno"])
    self.assertEqual([piece.first_line for piece in pieces], [1, 1])

  def test_cuts_a_long_word_between_characters(self):
    text = "a" + "أ" * 20  # 41 bytes: byte 16 is inside a character
    chunks = self.chunks(text.encode("utf-8"), max_line_bytes=16)
    self.assertEqual("".join(piece.text.decode("utf-8") for chunk in chunks
                             for piece in chunk.pieces), text)

  def test_small_files_share_a_chunk(self):
    chunks = self.chunks(b"a\n", b"", b"b\n", b"cccc\n", chunk_bytes=16)
    self.assertEqual([[piece.text for piece in chunk.pieces]
                      for chunk in chunks], [[b"a\n", b"b\n", b"cccc\n"]])

  def test_keeps_every_byte_once(self):
    content = b"".join(b"line %d\n%s" % (number, b"\n" * (number % 3 == 0))
                       for number in range(200))
    chunks = self.chunks(content, chunk_bytes=50)
    self.assertGreater(len(chunks), 10)
    self.assertEqual(
        b"".join(piece.text for chunk in chunks for piece in chunk.pieces),
        content)
    self.assertEqual(sum(chunk.num_file_bytes for chunk in chunks),
                     len(content))

  def test_compression_changes_nothing(self):
    content = "السلام\n\nعليكم\nو\n\nd\n".encode("utf-8") * 5
    texts = []
    for name, compress in (("x.txt", bytes), ("x.gz", gzip.compress),
                           ("x.XZ", lzma.compress), ("x.bz2", bz2.compress),
                           ("x.zst", zstandard.compress)):
      path = self.write(name, compress(content))
      with mock.patch.object(corpus, "CHUNK_BYTES", 8):
        texts.append([piece.text for chunk in corpus.read_chunks([path])
                      for piece in chunk.pieces])
    self.assertEqual(b"".join(texts[0]), content)
    self.assertEqual(texts, [texts[0]] * 5)

  def test_error_names_a_corrupted_file(self):
    content = gzip.compress(os.urandom(1000))
    for corrupted in (content[:500], b"not gzip data"):
      path = self.write("x.gz", corrupted)
      with self.assertRaisesRegex(
          utils.UserError, "Cannot read .*x.gz: .* truncated or corrupted"):
        list(corpus.read_chunks([path]))


if __name__ == "__main__":
  unittest.main()
