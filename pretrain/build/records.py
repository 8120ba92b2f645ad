"""Segments of token ids -> the bytes of a tf.train.Example.

Written by hand because the processes that tokenize would otherwise import
TensorFlow, seconds and hundreds of megabytes each, to do what is one table
lookup a token. A test holds the bytes to tf.train.Example's own.

The message, in the protocol buffer wire format (a "field" is a tag byte, the
length as a varint, the content):

  Example.features (0x0a) > Features.feature, one a map entry (0x0a) >
    key (0x0a), value (0x12) > Feature.int64_list (0x1a) >
      Int64List.value, packed varints (0x0a)
"""

_FIRST_FIELD = b"\x0a"
_MAP_VALUE = b"\x12"
_INT64_LIST = b"\x1a"


class ExampleSerializer:
  """Serializes [CLS] a [SEP] b [SEP] as padded, masked and segmented ids."""

  def __init__(self, *, vocab_size, cls_id, sep_id, max_seq_length):
    self._varints = [varint(token_id) for token_id in range(vocab_size)]
    self._cls = self._varints[cls_id]
    self._sep = self._varints[sep_id]
    self._max_seq_length = max_seq_length

  def serialize(self, first, second):
    """Returns the bytes of an example of features of `max_seq_length` int64.

    Args:
      first: list of int, the ids of segment a, without special tokens.
      second: list of int, the ids of segment b; without any there is no second
        [SEP].
    """
    varints = self._varints
    tokens = [varints[token_id] for token_id in first]
    num_first = 2 + len(first)
    num_second = 0
    if second:
      tokens.append(self._sep)
      tokens.extend([varints[token_id] for token_id in second])
      num_second = 1 + len(second)
    num_tokens = num_first + num_second
    num_padding = self._max_seq_length - num_tokens
    assert num_padding >= 0, (num_tokens, self._max_seq_length)
    padding = b"\x00" * num_padding
    return _field(_FIRST_FIELD, b"".join((
        _feature(b"input_ids",
                 self._cls + b"".join(tokens) + self._sep + padding),
        _feature(b"input_mask", b"\x01" * num_tokens + padding),
        _feature(b"segment_ids", (b"\x00" * num_first + b"\x01" * num_second +
                                  padding)))))


def varint(value):
  """Returns a whole number from 0 in 7-bit groups, the lowest first."""
  groups = bytearray()
  while value > 0x7F:
    groups.append(value & 0x7F | 0x80)
    value >>= 7
  groups.append(value)
  return bytes(groups)


def _field(tag, content):
  return tag + varint(len(content)) + content


def _feature(name, packed):
  """Returns the map entry name -> int64 list."""
  return _field(_FIRST_FIELD, _field(_FIRST_FIELD, name) + _field(
      _MAP_VALUE, _field(_INT64_LIST, _field(_FIRST_FIELD, packed))))
