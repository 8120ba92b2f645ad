"""Reads Zstandard data (.zst) with the functions of Python's gzip module."""

import io

_BLOCK_BYTES = 1 << 14  # read at once: data can be a thousand times as long
# Files written by `zstd --long=31` need as much; others far less. In bytes.
_MAX_WINDOW_BYTES = 1 << 31


def open(raw):  # pylint: disable=redefined-builtin
  """Returns a stream of the decompressed bytes; closing it leaves `raw` open.

  Its `read` raises an EOFError where the data are truncated and an OSError
  where they are corrupted.

  Args:
    raw: binary file of one or more frames.
  """
  return io.BufferedReader(_Frames(raw))


def decompress(content):
  """Returns the bytes that were compressed; errors as in `open`."""
  with open(io.BytesIO(content)) as stream:
    return stream.read()


class _Frames(io.RawIOBase):
  """The decompressed bytes of all frames of a file."""

  def __init__(self, raw):
    import zstandard  # most corpora need no such package, --help never
    super().__init__()
    self._raw = raw
    self._error = zstandard.ZstdError
    self._decompressor = zstandard.ZstdDecompressor(
        max_window_size=_MAX_WINDOW_BYTES)
    self._frame = None  # the decompressor of a frame that is not complete
    self._input = b""
    self._output = memoryview(b"")

  def readable(self):
    return True

  def readinto(self, buffer):
    while not self._output:
      self._input = self._input or self._raw.read(_BLOCK_BYTES)
      if not self._input:
        if self._frame is not None:
          raise EOFError("Compressed file ended before the end of a frame")
        return 0
      self._decompress_input()
    size = min(len(buffer), len(self._output))
    buffer[:size] = self._output[:size]
    self._output = self._output[size:]
    return size

  def _decompress_input(self):
    self._frame = self._frame or self._decompressor.decompressobj()
    try:
      self._output = memoryview(self._frame.decompress(self._input))
    except self._error as error:
      raise OSError(str(error))
    self._input = b""
    if self._frame.eof:
      self._input, self._frame = self._frame.unused_data, None
