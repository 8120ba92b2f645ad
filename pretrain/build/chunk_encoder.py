"""One work unit of a corpus -> serialized examples and counts.

This is what the worker processes of a build run; it imports no TensorFlow.
"""

import collections
import itertools
import random
import sys
import unicodedata

from model import tokenization
from pretrain.build import example_builder
from pretrain.build import records
from pretrain.build import shards
from util import utils

# Longer lines are cleaned and tokenized in parts cut at white space, so that
# memory does not grow with the line. In characters.
MAX_PART_LENGTH = 100000

# Arabic letters that lose a part when accents are stripped, as "أ" and "آ" do:
# the precomposed ones, and the marks that make one of a bare letter.
CHANGED_LETTERS = tuple(
    char for char in map(chr, range(0x600, 0x700))
    if len(unicodedata.normalize("NFD", char)) > 1 or
    char in "\u0653\u0654\u0655")

UnitResult = collections.namedtuple("UnitResult", ["framed_records", "counts"])
UnitResult.__doc__ = """What a work unit gives.

framed_records: {bucket: bytes} for `shards.Buckets.add`.
counts: collections.Counter of num_examples, num_documents, num_lines,
num_tokens, num_dropped_tokens, num_emptied_lines, num_changed_letters.
"""


class UnitProcessor:
  """Makes the examples of one work unit after the other."""

  def __init__(self, tokenizer, *, max_seq_length, blanks_separate_docs,
               carry_over, seed, clean_line=None):
    """Makes a processor.

    Args:
      tokenizer: FullTokenizer.
      max_seq_length: tokens of an example.
      blanks_separate_docs: whether a blank line ends a document.
      carry_over: whether what does not fit an example begins the next.
      seed: int; with a unit's number it determines the unit's examples.
      clean_line: function of a line (str) to a cleaned line, or None.
    """
    self._encode_batch = tokenizer.encode_untrusted_batch
    self._clean_line = clean_line
    self._max_seq_length = max_seq_length
    self._blanks_separate_docs = blanks_separate_docs
    self._carry_over = carry_over
    self._seed = seed
    self._strips_accents = tokenization.settings(tokenizer)["strip_accents"]
    self._serializer = records.ExampleSerializer(
        vocab_size=len(tokenizer.vocab),
        cls_id=tokenizer.vocab[tokenization.CLS],
        sep_id=tokenizer.vocab[tokenization.SEP],
        max_seq_length=max_seq_length)

  def process(self, unit):
    """Returns the UnitResult of a `corpus.Unit`.

    Raises:
      UserError: the text is not UTF-8; names the file and line.
    """
    rng = random.Random("examples %d %d" % (self._seed, unit.number))
    builder = example_builder.ExampleBuilder(
        self._max_seq_length, rng, self._carry_over)
    counts = collections.Counter()
    bucket_rng = random.Random("buckets %d %d" % (self._seed, unit.number))
    framed_records = collections.defaultdict(bytearray)
    for first, second in self._examples(unit, builder, counts):
      record = self._serializer.serialize(first, second)
      bucket = int(bucket_rng.random() * shards.NUM_BUCKETS)
      framed_records[bucket] += shards.frame(record)
      counts["num_examples"] += 1
    counts["num_tokens"] += builder.num_tokens
    counts["num_dropped_tokens"] += builder.num_dropped_tokens
    return UnitResult({bucket: bytes(content) for bucket, content
                       in framed_records.items()}, counts)

  def _examples(self, unit, builder, counts):
    """Yields the segments of all examples of a unit."""
    for piece in unit.pieces:
      if piece.starts_document:
        yield from builder.end_document()
      in_document = not piece.starts_document
      text = _decode(piece)
      counts["num_changed_letters"] += self._count_changed_letters(text)
      for line_number, line in enumerate(text.split("\n"), piece.first_line):
        line = line.strip()
        if line:
          counts["num_lines"] += 1
          counts["num_documents"] += not in_document
          in_document = True
          with _NamesTheLine(piece.path, line_number):
            token_ids = self._encode(line, counts)
          yield from builder.add_sentence(token_ids)
        elif self._blanks_separate_docs:
          in_document = False
          yield from builder.end_document()
    yield from builder.end_document()

  def _encode(self, line, counts):
    """Returns the ids of a line, cleaned first; counts lines emptied by it."""
    parts = _cut_in_parts(line)
    if self._clean_line is not None:
      parts = [part for part in map(self._clean_line, parts) if part.strip()]
      counts["num_emptied_lines"] += not parts
    batch = self._encode_batch(parts)
    return batch[0] if len(batch) == 1 else list(
        itertools.chain.from_iterable(batch))

  def _count_changed_letters(self, text):
    if not self._strips_accents:
      return 0
    return sum(map(text.count, CHANGED_LETTERS))


class _NamesTheLine:
  """Says on stderr which line it was when its block raises an unknown error."""

  def __init__(self, path, line_number):
    self._where = (path, line_number)

  def __enter__(self):
    return self

  def __exit__(self, error_type, error, traceback):
    if error_type is not None and issubclass(error_type, Exception) and (
        not issubclass(error_type, utils.UserError)):
      sys.stderr.write("error: the build failed at %s:%d (%s: %s)\n" % (
          self._where + (error_type.__name__, error)))


def _decode(piece):
  """Returns the text of a piece as str, without a byte-order mark."""
  try:
    text = piece.text.decode("utf-8")
  except UnicodeDecodeError as error:
    raise utils.UserError(
        "%s:%d: expected UTF-8 text, found the byte 0x%02x; convert the file, "
        "e.g. with iconv -f WINDOWS-1256 -t UTF-8." % (
            piece.path,
            piece.first_line + piece.text.count(b"\n", 0, error.start),
            piece.text[error.start])) from None
  return text[1:] if text.startswith("\ufeff") else text


def _cut_in_parts(line):
  """Returns `line` as a list of parts of MAX_PART_LENGTH at most."""
  parts, start = [], 0
  while len(line) - start > MAX_PART_LENGTH:
    end = line.rfind(" ", start, start + MAX_PART_LENGTH) + 1
    if end <= start:  # no space: a script without spaces, or no text at all
      end = start + MAX_PART_LENGTH
    parts.append(line[start:end])
    start = end
  parts.append(line[start:])
  return parts
