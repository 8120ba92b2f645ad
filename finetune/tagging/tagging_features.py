"""The input of the model for a sentence: WordPieces and word positions."""

import collections
import itertools

from model import tokenization

# The input for one sentence, or for a window of it.
#   input_ids: list of int, "[CLS] WordPieces [SEP]".
#   positions: list of int, the position of the first WordPiece of each word to
#     tag; these are consecutive words.
TaggingInput = collections.namedtuple(
    "TaggingInput", ["input_ids", "positions"])


def make_input(tokenizer, words, max_seq_length):
  """Returns the TaggingInput of a sentence with its first words.

  Truncates the WordPieces so that [CLS] and [SEP] always fit. A truncated word
  keeps its first piece.

  Args:
    tokenizer: a FullTokenizer; it handles case and accents.
    words: list of str.
    max_seq_length: int, of the entire input, in tokens.
  """
  pieces = _pieces_of(tokenizer, words)
  room = max_seq_length - 2
  ends = itertools.accumulate(map(len, pieces))
  num_words = min(len(words), 1 + sum(end < room for end in ends))
  return _input(tokenizer, pieces[:num_words], room, 0, num_words)


def make_windows(tokenizer, words, max_seq_length):
  """Returns the TaggingInputs that together tag every word of a sentence.

  The first ones tag the first words. One input if the sentence fits; else
  windows that overlap by up to half, in which a word is tagged where it has
  more context on both sides. Arguments as of `make_input`.
  """
  pieces = _pieces_of(tokenizer, words)
  room = max_seq_length - 2
  bounds = window_bounds(list(map(len, pieces)), room)
  # The word in the middle of each overlap begins the part of the next window.
  begins = [(start + end + 1) // 2 for (_, end), (start, _) in zip(
      bounds, bounds[1:])]
  return [_input(tokenizer, pieces[start:end], room, first - start,
                 last - start)
          for (start, end), first, last in zip(
              bounds, [0] + begins, begins + [len(words)])]


def window_bounds(lengths, room):
  """Returns the [(first word, word after the last)] of a sentence's windows.

  Args:
    lengths: list of int, the number of WordPieces of each word.
    room: int, WordPieces in a window; a longer word has a separate window.
  """
  bounds = []
  start = end = 0
  while end < len(lengths):
    size = sum(lengths[start:end])
    # Drops words at the beginning until half of the room and a word are free.
    while start < end and (size > room // 2 or size + lengths[end] > room):
      size -= lengths[start]
      start += 1
    end += 1
    size = sum(lengths[start:end])
    while end < len(lengths) and size + lengths[end] <= room:
      size += lengths[end]
      end += 1
    bounds.append((start, end))
  return bounds


def _pieces_of(tokenizer, words):
  """Returns the ids of the WordPieces of each word."""
  unk_id, = tokenizer.convert_tokens_to_ids([tokenization.UNK])
  # A word of only control characters has no pieces, but a label.
  return [pieces or [unk_id]
          for pieces in tokenizer.encode_untrusted_batch(words)]


def _input(tokenizer, pieces, room, first, last):
  """Returns the TaggingInput of some words that tags words [first, last)."""
  cls_id, sep_id = tokenizer.convert_tokens_to_ids(
      [tokenization.CLS, tokenization.SEP])
  positions = [1] + [1 + end for end in itertools.accumulate(map(len, pieces))]
  input_ids = list(itertools.chain.from_iterable(pieces))[:room]
  return TaggingInput([cls_id] + input_ids + [sep_id], positions[first:last])
