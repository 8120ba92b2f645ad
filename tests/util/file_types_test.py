"""Tests for util.file_types."""

import bz2
import gzip
import io
import lzma
import tarfile
import unittest

from util import file_types


class FileTypesTest(unittest.TestCase):

  def test_compressed_data_are_recognized_by_their_first_bytes(self):
    for module in (bz2, gzip, lzma):
      content = module.compress(b"a")
      for name in ("a.txt", "a.gz", "a.bz2", "a.xz"):
        self.assertIs(file_types.compression_of(
            content[:file_types.NUM_FIRST_BYTES], name)[1], module)

  def test_the_extension_decides_for_other_bytes(self):
    self.assertEqual(file_types.compression_of(b"text", "a.GZ"),
                     ("gzip", gzip))
    self.assertIsNone(file_types.compression_of(b"text", "a.txt"))
    self.assertIsNone(file_types.compression_of(b"", "a"))

  def test_tar_archive(self):
    content = io.BytesIO()
    with tarfile.open(fileobj=content, mode="w") as archive:
      archive.addfile(tarfile.TarInfo("a"))
    self.assertTrue(file_types.is_tar(content.getvalue()))
    self.assertFalse(file_types.is_tar(b"ustar" * 10))


if __name__ == "__main__":
  unittest.main()
