"""Checks raw text: paragraphs, long lines, invisible letters, repetitions."""

import collections
import itertools
import unicodedata

from preflight import findings
from pretrain.build import corpus
from pretrain.build import sentences
from util import invisible

_NUM_FILES = 20
_MAX_LINES = 20000  # of each file no more than its share
_MAX_PARAGRAPHS = 0.3
_MAX_LONG = 0.05
_MAX_INVISIBLE = 0.01
_MAX_REPEATED = 0.1
_NUM_NAMED = 3


def check_corpus(corpus_dir, max_seq_length):
  """Returns the Findings on the first lines of up to 20 files of a corpus.

  Args:
    corpus_dir: str, the folder that a builder reads.
    max_seq_length: int, tokens per example.

  Raises:
    utils.UserError: there is no text, or it cannot be read.
  """
  paths = corpus.list_files(corpus_dir)
  step = -(-len(paths) // _NUM_FILES)
  sampled = paths[::step]
  lines, num_documents = [], 0
  for path in sampled:
    of_file = _first_lines(path, _MAX_LINES // len(sampled))
    num_documents += sum(bool(is_text) for is_text, _ in itertools.groupby(
        of_file, key=lambda line: line is not None))
    lines += [line for line in of_file if line is not None]
  if not lines:
    return [findings.Finding(
        findings.FAIL, "text", "only blank lines in {:,} of {:,} files".format(
            len(sampled), len(paths)), "Pass the folder of the text.")]
  return [findings.ok("text", (
      "{:,} lines of {:,} documents looked at, in {:,} of {:,} files".format(
          len(lines), num_documents, len(sampled), len(paths))))] + (
              _check_lines(lines, max_seq_length))


def _first_lines(path, count):
  """Returns at most `count` lines of a file; None ends a document."""
  lines = []
  for chunk in corpus.read_chunks([path]):
    for piece in chunk.pieces:
      lines += [line for _, line in corpus.read_lines(piece)]
      if len(lines) >= count:
        return lines[:count]
  return lines


def _check_lines(lines, max_seq_length):
  num_words = [len(line.split()) for line in lines]
  num_sentences = [len(sentences.split(line)) for line in lines]
  paragraphs = sum(count > 1 for count in num_sentences) / float(len(lines))
  unbroken = sum(words for words, count in zip(num_words, num_sentences)
                 if count == 1 and words > max_seq_length - 2)
  long_share = unbroken / float(max(1, sum(num_words)))
  hidden = [list(filter(invisible.is_invisible, line)) for line in lines]
  with_invisible = sum(map(bool, hidden))
  repeated = 1 - len(set(lines)) / float(len(lines))
  return [
      findings.warn_if(
          paragraphs > _MAX_PARAGRAPHS, "lines",
          "{:.1%} have several sentences; {:.1f} words a line".format(
              paragraphs, sum(num_words) / float(len(lines))),
          "An example is made of entire lines, and a line longer than an "
          "example is cut: build with --split-sentences."),
      findings.warn_if(
          long_share > _MAX_LONG, "long lines",
          "{:.1%} of the words are in lines of more than {:,} words without a "
          "sentence break".format(long_share, max_seq_length - 2),
          "Their ends are dropped: break them into lines, or build with "
          "--carry-over."),
      findings.warn_if(
          with_invisible > _MAX_INVISIBLE * len(lines),
          "invisible characters", "in {:.1%} of the lines{}".format(
              with_invisible / float(len(lines)), _named(
                  collections.Counter(itertools.chain.from_iterable(hidden)))),
          "The tokenizer removes them, which joins words that nothing else "
          "separates: replace those that separate words by spaces."),
      findings.warn_if(
          repeated > _MAX_REPEATED, "repeated lines",
          "{:.1%} of the lines".format(repeated),
          "Menus and licence texts of web pages teach little: remove "
          "repetitions.")]


def _named(characters):
  """Returns the names of the most frequent characters, for a message."""
  if not characters:
    return ""
  return ": " + ", ".join(
      "U+%04X %s" % (ord(char), unicodedata.name(char, "control character"))
      for char, _ in characters.most_common(_NUM_NAMED))
