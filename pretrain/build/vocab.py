"""Trains a WordPiece vocabulary on a text corpus.

The words are those of `model.tokenization`, so every piece can occur in a
dataset that is built with the same flags. The same corpus gives the same
vocabulary, byte for byte.
"""

import collections
import sys

from model import tokenization
from pretrain.build import chunk_encoder
from pretrain.build import corpus
from util import packages
from util import progress
from util import utils

# `tokenizers` 0.13 counts pairs of pieces in int32.
MAX_TRAINED_CHARACTERS = 2**31 - 1
_WORDS_PER_TEXT = 10000  # of those passed to the trainer


def build(corpus_dir, output_file, basic_tokenizer, special_tokens, *,
          clean_line=None, vocab_size, min_frequency, limit_alphabet):
  """Counts the words of a corpus, trains a vocabulary and writes it.

  Args:
    corpus_dir: str, a folder of text files.
    output_file: str, path of the file to write, one token per line.
    basic_tokenizer: BasicTokenizer, which splits the text into words.
    special_tokens: list of str, the first tokens.
    clean_line: function from line to cleaned line, or None.
    vocab_size: int, maximum number of tokens.
    min_frequency: int, how often two pieces must be adjacent to be merged.
    limit_alphabet: int, maximum number of different characters.

  Raises:
    UserError: the corpus is invalid or has no words, or `vocab_size` is too
      small for the alphabet.
  """
  packages.check("tokenizers", "tqdm")  # counting can take hours
  word_counts = count_words(corpus_dir, basic_tokenizer, clean_line)
  vocab = train(word_counts, basic_tokenizer, special_tokens,
                vocab_size=vocab_size, min_frequency=min_frequency,
                limit_alphabet=limit_alphabet)
  with utils.write_atomically(output_file) as f:
    f.write("".join(token + "\n" for token in vocab))
  utils.log("Wrote {:,} tokens to {}".format(len(vocab), output_file))
  if len(vocab) < vocab_size:
    utils.log("No more pieces occur at least {:,} times; a larger vocabulary "
              "needs more text.".format(min_frequency))


def count_words(corpus_dir, basic_tokenizer, clean_line=None):
  """Returns a Counter of the words of a corpus.

  Args:
    corpus_dir: str, a folder of text files.
    basic_tokenizer: BasicTokenizer, which splits the text into words.
    clean_line: function from line to cleaned line, or None.

  Raises:
    UserError: the corpus has no words, is corrupted or not UTF-8.
  """
  paths = corpus.list_files(corpus_dir)
  corpus.check_formats(paths)
  num_bytes = sum(utils.file_size(path) for path in paths)
  counts = collections.Counter()  # by strings without spaces
  num_changed_letters = 0
  with progress.Progress(num_bytes, "B", label="Counting words") as tracker:
    for chunk in corpus.read_chunks(paths):
      for piece in chunk.pieces:
        lines = [line for _, line in corpus.read_lines(piece)
                 if line is not None]
        if clean_line is not None:
          lines = map(clean_line, lines)
        text = "\n".join(lines)
        if basic_tokenizer.strip_accents:
          num_changed_letters += chunk_encoder.count_changed_letters(text)
        counts.update(basic_tokenizer.clean(text).split())
      tracker.update(chunk.num_file_bytes)
      tracker.report()
  word_counts = collections.Counter()
  for text, count in counts.items():
    for word in basic_tokenizer.split(text):
      word_counts[word] += count
  if not word_counts:
    raise utils.UserError("--corpus-dir: %s has no words in its %d files." % (
        corpus_dir, len(paths)))
  utils.log("Read {:,} words, {:,} different, from {} ({:,} files, {:.1f} MB)"
            .format(sum(word_counts.values()), len(word_counts), corpus_dir,
                    len(paths), num_bytes / 1e6))
  if num_changed_letters:
    utils.log(
        "Lower-casing with accent stripping changed {:,} Arabic letters, such "
        "as \u0623 to \u0627; --no-strip-accents or --no-lower-case keeps them"
        .format(num_changed_letters))
  return word_counts


def train(word_counts, basic_tokenizer, special_tokens, *, vocab_size,
          min_frequency, limit_alphabet):
  """Returns a vocabulary, a list of tokens in the order of their ids.

  Args:
    word_counts: Counter of the words of a corpus.
    basic_tokenizer: BasicTokenizer that split the text into these words.
    special_tokens: list of str, the first tokens.
    vocab_size: int, maximum number of tokens.
    min_frequency: int, how often two pieces must be adjacent to be merged.
    limit_alphabet: int, maximum number of different characters.

  Raises:
    UserError: `vocab_size` is too small for the alphabet.
  """
  word_counts = collections.Counter({  # special tokens are never split
      word: count for word, count in word_counts.items()
      if not any(token in word for token in special_tokens)})
  alphabet = select_alphabet(word_counts, limit_alphabet)
  # `tokenizers` numbers single characters in the order of a hash table, and
  # merges equally frequent pairs in the order of those numbers. Numbering the
  # characters here makes the result deterministic.
  first_tokens = special_tokens + alphabet_tokens(alphabet, basic_tokenizer)
  if len(first_tokens) > vocab_size:
    raise utils.UserError(
        "--vocab-size: expected at least %d, for %d special tokens and the "
        "pieces of one character, got %d. Increase it, or pass a "
        "--limit-alphabet below %d." % (
            len(first_tokens), len(special_tokens), vocab_size, len(alphabet)))
  word_counts = scale_down(drop_unknown_words(word_counts, set(alphabet)))
  return _train(word_counts, first_tokens, vocab_size=vocab_size,
                min_frequency=min_frequency)


def _train(word_counts, first_tokens, **limits):
  import tokenizers  # --help needs no package
  from tokenizers import models
  from tokenizers import pre_tokenizers
  from tokenizers import trainers
  tokenizer = tokenizers.Tokenizer(
      models.WordPiece(unk_token=tokenization.UNK))
  tokenizer.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
  trainer = trainers.WordPieceTrainer(
      special_tokens=first_tokens, continuing_subword_prefix="##",
      show_progress=sys.stderr.isatty(), **limits)
  tokenizer.train_from_iterator(repeat_words(word_counts), trainer)
  vocab = tokenizer.get_vocab(with_added_tokens=False)
  return sorted(vocab, key=vocab.get)


def select_alphabet(word_counts, limit):
  """Returns the `limit` most frequent characters, sorted by code point."""
  counts = collections.Counter()
  for word, count in word_counts.items():
    for char in word:
      counts[char] += count
  commonest = sorted(counts, key=lambda char: (-counts[char], char))
  return sorted(commonest[:limit])


def alphabet_tokens(alphabet, basic_tokenizer):
  """Returns the single-character pieces that can occur.

  These are every character at the start of a word, and "##" followed by every
  character that can continue one; punctuation cannot, as it is always a
  separate word.
  """
  inside = [char for char in alphabet
            if basic_tokenizer.split("a" + char) == ["a" + char]]
  return alphabet + ["##" + char for char in inside]


def drop_unknown_words(word_counts, alphabet):
  """Returns the counts without words that become [UNK], and logs the number.

  Those are long words and words with a character outside the alphabet.
  """
  kept = collections.Counter({
      word: count for word, count in word_counts.items()
      if len(word) <= tokenization.MAX_WORD_CHARACTERS and
      alphabet.issuperset(word)})
  num_words = sum(word_counts.values())
  num_dropped = num_words - sum(kept.values())
  if num_dropped:
    utils.log("Dropped {:,} words ({:.3f} %) that are longer than {} "
              "characters or have a character outside the {:,} most frequent"
              .format(num_dropped, 100 * num_dropped / num_words,
                      tokenization.MAX_WORD_CHARACTERS, len(alphabet)))
  return kept


def scale_down(word_counts):
  """Returns counts that are small enough for the trainer's int32 counters."""
  num_characters = sum(
      len(word) * count for word, count in word_counts.items())
  divisor = -(-num_characters // MAX_TRAINED_CHARACTERS)
  if divisor <= 1:
    return word_counts
  utils.log("Divided all counts by {:,}, as the corpus has more than {:,} "
            "characters".format(divisor, MAX_TRAINED_CHARACTERS))
  return collections.Counter({word: count // divisor
                              for word, count in word_counts.items()
                              if count >= divisor})


def repeat_words(word_counts):
  """Yields texts in which every word occurs as often as it was counted."""
  for word, count in sorted(word_counts.items()):
    while count:
      num_words = min(count, _WORDS_PER_TEXT)
      yield " ".join([word] * num_words)
      count -= num_words
