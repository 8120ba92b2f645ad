"""One chunk of a corpus -> serialized examples and counts.

Runs in the worker processes of a build, so it imports no TensorFlow.
"""

import collections
import itertools
import random
import sys
import unicodedata

from model import tokenization
from pretrain.build import corpus
from pretrain.build import example_builder
from pretrain.build import records
from pretrain.build import sentences
from util import utils

# Longer lines are split at white space before they are cleaned and tokenized,
# so that memory does not grow with the length of a line. In characters.
MAX_SPAN_LENGTH = 100000

# Arabic letters that stripping accents changes, such as "أ" and "آ": the
# precomposed ones, and the combining marks that turn a bare letter into one.
CHANGED_LETTERS = tuple(
    char for char in map(chr, range(0x600, 0x700))
    if len(unicodedata.normalize("NFD", char)) > 1 or
    char in "\u0653\u0654\u0655")

EncodedChunk = collections.namedtuple(
    "EncodedChunk", ["framed_records", "counts", "unknown_words"])
EncodedChunk.__doc__ = """The examples of a chunk.

framed_records: {bucket: bytes} for `records.Buckets.add`.
counts: collections.Counter of num_examples, num_documents, num_lines,
num_sentences (0 unless lines are split), num_tokens, num_unknown_tokens,
num_dropped_tokens, num_emptied_lines (or sentences), num_changed_letters.
unknown_words: collections.Counter of the most frequent unknown words.
"""


def count_changed_letters(text):
  """Returns the number of letters that stripping accents would change."""
  return sum(map(text.count, CHANGED_LETTERS))


class ChunkEncoder:
  """Tokenizes chunks of text and packs the tokens into examples."""

  def __init__(self, tokenizer, *, max_seq_length, blanks_separate_docs,
               carry_over, seed, clean_line=None, split_sentences=False):
    """Sets the options of the build.

    Args:
      tokenizer: FullTokenizer.
      max_seq_length: int, tokens per example.
      blanks_separate_docs: bool, whether a blank line ends a document.
      carry_over: bool, whether tokens that do not fit in an example start the
        next one.
      seed: int; the seed and the chunk's number determine its examples.
      clean_line: function from line (str) to cleaned line, or None.
      split_sentences: bool, whether lines are split into sentences, before
        they are cleaned.
    """
    self._tokenizer = tokenizer
    self._encode_batch = tokenizer.encode_untrusted_batch
    self._clean_line = clean_line
    self._split_sentences = split_sentences
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

  def encode(self, chunk):
    """Returns the EncodedChunk of a `corpus.Chunk`.

    Raises:
      UserError: the text is not UTF-8; the message names the file and line.
    """
    rng = random.Random("examples %d %d" % (self._seed, chunk.number))
    builder = example_builder.ExampleBuilder(
        self._max_seq_length, rng, self._carry_over)
    counts = collections.Counter()
    unknown_words = self._tokenizer.count_unknown_words()
    bucket_rng = random.Random("buckets %d %d" % (self._seed, chunk.number))
    framed_records = collections.defaultdict(bytearray)
    for first, second in self._examples(chunk, builder, counts):
      record = self._serializer.serialize(first, second)
      bucket = int(bucket_rng.random() * records.NUM_BUCKETS)
      framed_records[bucket] += records.frame(record)
      counts["num_examples"] += 1
    counts["num_tokens"] += builder.num_tokens
    counts["num_unknown_tokens"] += unknown_words.num_tokens
    counts["num_dropped_tokens"] += builder.num_dropped_tokens
    return EncodedChunk({bucket: bytes(content) for bucket, content
                         in framed_records.items()}, counts,
                        unknown_words.words(self._tokenizer))

  def _examples(self, chunk, builder, counts):
    """Yields the two segments of each example of a chunk."""
    for piece in chunk.pieces:
      if piece.starts_document:
        yield from builder.end_document()
      in_document = not piece.starts_document
      lines = corpus.read_lines(piece, self._blanks_separate_docs)
      counts["num_changed_letters"] += self._count_changed_letters(lines)
      for line_number, line in lines:
        if line is None:
          in_document = False
          yield from builder.end_document()
          continue
        counts["num_lines"] += 1
        counts["num_documents"] += not in_document
        in_document = True
        for sentence in self._split(line, counts):
          with _ReportLine(piece.path, line_number):
            token_ids = self._encode_line(sentence, counts)
          yield from builder.add_sentence(token_ids)
    yield from builder.end_document()

  def _split(self, line, counts):
    """Returns the sentences of a line: the line itself if it has no others."""
    if not self._split_sentences:
      return [line]
    found = sentences.split(line)
    counts["num_sentences"] += len(found)
    return found

  def _encode_line(self, line, counts):
    """Cleans and tokenizes a line; counts lines that cleaning empties."""
    spans = _split_long_line(line)
    if self._clean_line is not None:
      spans = [span for span in map(self._clean_line, spans) if span.strip()]
      counts["num_emptied_lines"] += not spans
    batch = self._encode_batch(spans)
    return batch[0] if len(batch) == 1 else list(
        itertools.chain.from_iterable(batch))

  def _count_changed_letters(self, lines):
    if not self._strips_accents:
      return 0
    return count_changed_letters(
        "".join(line for _, line in lines if line is not None))


class _ReportLine:
  """Prints the file and line to stderr if its block raises a bug's error."""

  def __init__(self, path, line_number):
    self._position = (path, line_number)

  def __enter__(self):
    return self

  def __exit__(self, error_type, error, traceback):
    if error_type is not None and issubclass(error_type, Exception) and (
        not issubclass(error_type, utils.UserError)):
      sys.stderr.write("error: the build failed at %s:%d (%s: %s)\n" % (
          self._position + (error_type.__name__, error)))


def _split_long_line(line):
  """Splits `line` into spans of at most MAX_SPAN_LENGTH characters."""
  spans, start = [], 0
  while len(line) - start > MAX_SPAN_LENGTH:
    end = line.rfind(" ", start, start + MAX_SPAN_LENGTH) + 1
    if end <= start:  # no space: a script without spaces, or binary data
      end = start + MAX_SPAN_LENGTH
    spans.append(line[start:end])
    start = end
  spans.append(line[start:])
  return spans
