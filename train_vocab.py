"""Trains a WordPiece vocabulary on a folder of text files.

Words are those of `model.tokenization`, so that every piece can occur when the
dataset is built with the same flags. The same corpus gives the same file, byte
for byte.
"""

import argparse
import collections
import os
import sys

import tokenizers
from tokenizers import models
from tokenizers import pre_tokenizers
from tokenizers import trainers
import tqdm

from model import arabert_cleaning
from model import tokenization
from pretrain.build import corpus
from util import utils

# `tokenizers` 0.13 counts pairs of pieces in 32 bits.
MAX_TRAINED_CHARACTERS = 2**31 - 1
_WORDS_AT_A_TIME = 10000  # given to the trainer in one text


def main():
  args = parse_args()
  check_output_file(args.output_file, args.corpus_dir, args.overwrite)
  basic_tokenizer = tokenization.BasicTokenizer(
      args.do_lower_case, args.do_strip_accents, arabert=args.arabert)
  special_tokens = list(tokenization.SPECIAL_TOKENS)
  if args.arabert:
    special_tokens += tokenization.ARABERT_TOKENS
  clean_line = None
  if args.model_name is not None:
    clean_line = make_cleaner(args)
  word_counts = count_words(args.corpus_dir, basic_tokenizer, clean_line)
  vocab = train(word_counts, basic_tokenizer, special_tokens,
                vocab_size=args.vocab_size, min_frequency=args.min_frequency,
                limit_alphabet=args.limit_alphabet)
  with utils.write_atomically(args.output_file) as f:
    f.write("".join(token + "\n" for token in vocab))
  utils.log("Wrote {:,} tokens to {}".format(len(vocab), args.output_file))
  if len(vocab) < args.vocab_size:
    utils.log("These are all pieces seen at least {:,} times; more need more "
              "text.".format(args.min_frequency))
  utils.log("Build the dataset with", *builder_command(args, basic_tokenizer))


def parse_args(argv=None):
  """Returns the command line's arguments; defaults that depend are filled in.

  Args:
    argv: list of str, the words of the command line; None: this process's.
  """
  parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
  parser.add_argument(
      "--corpus-dir", required=True, metavar="DIR",
      help="folder of UTF-8 text files, in sub-folders too, plain, .gz, .xz or "
      ".bz2")
  parser.add_argument("--output-file", required=True, metavar="FILE",
                      help="the vocabulary to write, one token a line")
  parser.add_argument("--vocab-size", type=positive_int, default=64000,
                      metavar="N", help="tokens at most (default: 64000)")
  parser.add_argument(
      "--min-frequency", type=positive_int, default=2, metavar="N",
      help="times two pieces must stand together to be joined (default: 2)")
  parser.add_argument(
      "--limit-alphabet", type=positive_int, default=1000, metavar="N",
      help="characters at most, the commonest; words with others are left out "
      "(default: 1000)")
  parser.add_argument(
      "--arabert", action="store_true",
      help="make a vocabulary for text that AraBERT's cleaning wrote: %s get "
      "ids 5 to 7, and [, ] and + belong to words" %
      " ".join(tokenization.ARABERT_TOKENS))
  parser.add_argument(
      "--model-name", metavar="NAME",
      help="with --arabert: clean the text as "
      "build_arabert_pretraining_data.py does for this model, such as "
      "araelectra-base (default: no cleaning)")
  add_switch(parser, "lower-case", "lower-case the text (default; with "
             "--arabert: do not)")
  add_switch(parser, "strip-accents", "take accents off lower-cased text "
             "(default)")
  parser.add_argument("--overwrite", action="store_true",
                      help="replace the output file if it exists")
  args = parser.parse_args(argv)
  if args.do_lower_case is None:
    args.do_lower_case = not args.arabert
  return args


def add_switch(parser, name, help_text):
  """Declares --do-NAME and --no-NAME; None where neither is given."""
  target = "do_" + name.replace("-", "_")
  group = parser.add_mutually_exclusive_group()
  group.add_argument("--do-" + name, dest=target, action="store_true",
                     default=None, help=help_text)
  group.add_argument("--no-" + name, dest=target, action="store_false",
                     help="do not")


def builder_command(args, basic_tokenizer):
  """Returns the words of the command that builds a dataset with the same words.

  Its paths are left out.
  """
  words = ["build_arabert_pretraining_data.py" if args.arabert else
           "build_pretraining_dataset.py",
           flag(basic_tokenizer.do_lower_case, "lower-case"),
           flag(basic_tokenizer.strip_accents, "strip-accents")]
  if args.model_name is not None:
    words += ["--model-name", arabert_cleaning.canonical_name(args.model_name)]
  return words


def flag(is_on, name):
  """Returns the flag that turns a switch on or off."""
  return ("--do-" if is_on else "--no-") + name


def positive_int(text):
  """Returns `text` as an int of at least 1; for argparse."""
  if not text.isdigit() or int(text) < 1:
    raise argparse.ArgumentTypeError(
        "expected a whole number of at least 1, got %r" % text)
  return int(text)


def check_output_file(output_file, corpus_dir, overwrite):
  """Raises a UserError if the vocabulary must not be written where it goes."""
  if utils.isdir(output_file):
    raise utils.UserError("Expected a file name as --output-file, %s is a "
                          "folder." % output_file)
  if utils.exists(output_file) and not overwrite:
    raise utils.UserError("%s exists; give another --output-file, or "
                          "--overwrite to replace it." % output_file)
  folder = os.path.join(os.path.realpath(corpus_dir), "")
  if os.path.realpath(output_file).startswith(folder):
    raise utils.UserError(
        "Expected an --output-file outside of --corpus-dir, where the next run "
        "would read it as text; got %s." % output_file)


def make_cleaner(args):
  """Returns the function (line to cleaned line) that the flags ask for.

  Raises:
    UserError: the vocabulary is no AraBERT one, or the model is unknown.
  """
  if not args.arabert:
    raise utils.UserError(
        "--model-name %s cleans text for a vocabulary with AraBERT's tokens; "
        "give --arabert too." % args.model_name)
  return arabert_cleaning.make_cleaner(args.model_name)


def count_words(corpus_dir, basic_tokenizer, clean_line=None):
  """Returns how often every word stands in the corpus, a Counter.

  Args:
    corpus_dir: str, a folder of text files.
    basic_tokenizer: the BasicTokenizer that says what a word is.
    clean_line: function of a line to a cleaned line, or None.

  Raises:
    UserError: the corpus has no words, is damaged or not UTF-8.
  """
  paths = corpus.list_files(corpus_dir)
  num_bytes = sum(utils.file_size(path) for path in paths)
  counts = collections.Counter()  # of what stands between spaces
  with tqdm.tqdm(desc="Counting words", total=num_bytes, unit="B",
                 unit_scale=True, disable=None) as progress:
    for unit in corpus.read_units(paths):
      for piece in unit.pieces:
        text = decode(piece)
        if clean_line is not None:
          text = "\n".join(map(clean_line, text.split("\n")))
        counts.update(basic_tokenizer.clean(text).split())
      progress.update(unit.num_file_bytes)
  word_counts = collections.Counter()
  for text, count in counts.items():
    for word in basic_tokenizer.split(text):
      word_counts[word] += count
  if not word_counts:
    raise utils.UserError("Expected text in %s, found no word in %d files." % (
        corpus_dir, len(paths)))
  utils.log("Read {:,} words, {:,} different, from {} ({:,} files, {:.1f} MB)"
            .format(sum(word_counts.values()), len(word_counts), corpus_dir,
                    len(paths), num_bytes / 1e6))
  return word_counts


def decode(piece):
  """Returns the text of a `corpus.Piece`.

  Raises:
    UserError: it is not UTF-8; names the file and line.
  """
  try:
    return piece.text.decode("utf-8")
  except UnicodeDecodeError as error:
    line = piece.first_line + piece.text.count(b"\n", 0, error.start)
    raise utils.UserError("%s:%d: expected UTF-8 text, found byte 0x%02x." % (
        piece.path, line, piece.text[error.start]))


def train(word_counts, basic_tokenizer, special_tokens, *, vocab_size,
          min_frequency, limit_alphabet):
  """Returns a vocabulary, a list of tokens in the order of their ids.

  Args:
    word_counts: Counter of the words of a corpus.
    basic_tokenizer: the BasicTokenizer that made the words.
    special_tokens: list of str, the first tokens.
    vocab_size: tokens at most.
    min_frequency: times two pieces must stand together to be joined.
    limit_alphabet: characters at most.

  Raises:
    UserError: `vocab_size` is too small for the single characters.
  """
  word_counts = collections.Counter({  # special tokens are whole already
      word: count for word, count in word_counts.items()
      if not any(token in word for token in special_tokens)})
  alphabet = choose_alphabet(word_counts, limit_alphabet)
  # `tokenizers` numbers single characters in the order of a hash table, and
  # joins equally frequent pairs in the order of those numbers. Numbered here,
  # the result is the same every time.
  first_tokens = special_tokens + alphabet_tokens(alphabet, basic_tokenizer)
  if len(first_tokens) > vocab_size:
    raise utils.UserError(
        "Expected a --vocab-size of at least %d, for %d special tokens and the "
        "pieces of one character, got %d; a lower --limit-alphabet than %d "
        "needs fewer." % (len(first_tokens), len(special_tokens), vocab_size,
                          len(alphabet)))
  word_counts = scale_down(leave_out_words(word_counts, set(alphabet)))
  tokenizer = tokenizers.Tokenizer(
      models.WordPiece(unk_token=tokenization.UNK))
  tokenizer.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
  trainer = trainers.WordPieceTrainer(
      vocab_size=vocab_size, min_frequency=min_frequency,
      special_tokens=first_tokens, continuing_subword_prefix="##",
      show_progress=sys.stderr.isatty())
  tokenizer.train_from_iterator(texts_of_words(word_counts), trainer)
  vocab = tokenizer.get_vocab(with_added_tokens=False)
  return sorted(vocab, key=vocab.get)


def choose_alphabet(word_counts, limit):
  """Returns the commonest characters, at most `limit`, in Unicode's order."""
  counts = collections.Counter()
  for word, count in word_counts.items():
    for char in word:
      counts[char] += count
  commonest = sorted(counts, key=lambda char: (-counts[char], char))
  return sorted(commonest[:limit])


def alphabet_tokens(alphabet, basic_tokenizer):
  """Returns the pieces of one character that can occur.

  That is every character at the start of a word, and inside of one where it is
  not always a word of its own, as punctuation is.
  """
  inside = [char for char in alphabet
            if basic_tokenizer.split("a" + char) == ["a" + char]]
  return alphabet + ["##" + char for char in inside]


def leave_out_words(word_counts, alphabet):
  """Returns the counts without words that will be [UNK], and says how many.

  Those are words with a character outside of the alphabet, and long ones.
  """
  kept = collections.Counter({
      word: count for word, count in word_counts.items()
      if len(word) <= tokenization.MAX_WORD_CHARACTERS and
      alphabet.issuperset(word)})
  num_left_out = sum(word_counts.values()) - sum(kept.values())
  if num_left_out:
    utils.log("Left out {:,} words ({:.3f} %) that are longer than {} "
              "characters or have a character rarer than the {:,} commonest"
              .format(num_left_out,
                      100 * num_left_out / sum(word_counts.values()),
                      tokenization.MAX_WORD_CHARACTERS, len(alphabet)))
  return kept


def scale_down(word_counts):
  """Returns counts that are small enough for the trainer's 32 bits."""
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


def texts_of_words(word_counts):
  """Yields texts in which every word stands as often as it was counted."""
  for word, count in sorted(word_counts.items()):
    while count:
      num_now = min(count, _WORDS_AT_A_TIME)
      yield " ".join([word] * num_now)
      count -= num_now


if __name__ == "__main__":
  utils.exit_cleanly(main)
