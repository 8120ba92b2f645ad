"""Tests for util.zstandard_files."""

import io
import unittest

import zstandard

from util import file_types
from util import zstandard_files

TEXT = "سطر من النص\n".encode("utf-8") * 20000


class ZstandardFilesTest(unittest.TestCase):

  def test_decompresses_one_frame(self):
    self.assertEqual(zstandard_files.decompress(zstandard.compress(TEXT)), TEXT)

  def test_decompresses_several_frames_and_skips_others(self):
    skippable = b"\x50\x2a\x4d\x18" + (3).to_bytes(4, "little") + b"abc"
    content = skippable + zstandard.compress(TEXT[:100]) + skippable + (
        zstandard.compress(TEXT[100:]))
    self.assertEqual(zstandard_files.decompress(content), TEXT)

  def test_a_large_window_is_read(self):
    parameters = zstandard.ZstdCompressionParameters(window_log=28)
    content = zstandard.ZstdCompressor(
        compression_params=parameters).compressobj()
    content = content.compress(TEXT) + content.flush()
    self.assertEqual(zstandard_files.decompress(content), TEXT)

  def test_reads_as_many_bytes_as_asked_for(self):
    raw = io.BytesIO(zstandard.compress(TEXT))
    with zstandard_files.open(raw) as stream:
      self.assertEqual([len(stream.read(100000)) for _ in range(6)],
                       [100000] * 4 + [len(TEXT) - 400000, 0])
    self.assertFalse(raw.closed)

  def test_truncated_data_are_an_error(self):
    content = zstandard.compress(TEXT)
    for size in (1, 5, len(content) // 2, len(content) - 1):
      with self.assertRaisesRegex(EOFError, "before the end of a frame"):
        zstandard_files.decompress(content[:size])

  def test_corrupted_data_are_an_error(self):
    for content in (b"text", zstandard.compress(TEXT) + b"more"):
      with self.assertRaises(OSError):
        zstandard_files.decompress(content)

  def test_nothing_is_nothing(self):
    self.assertEqual(zstandard_files.decompress(b""), b"")

  def test_the_first_bytes_or_the_extension_tell(self):
    for first_bytes, name in ((zstandard.compress(TEXT)[:6], "a.txt"),
                              (b"", "a.jsonl.zst")):
      self.assertEqual(file_types.compression_of(first_bytes, name),
                       ("Zstandard", zstandard_files))


if __name__ == "__main__":
  unittest.main()
