"""Converts text to WordPieces and ids and back, by BERT's rules.

`BasicTokenizer` cleans and lower-cases text and splits it into words; Hugging
Face's `tokenizers` splits every word into the longest pieces of the vocabulary.
The categories of characters (control, mark, punctuation) come from this
Python's `unicodedata`: the tables of `tokenizers` have another Unicode version,
which gives other ids for some characters. So ids depend on the Python version
only for characters newer than its Unicode (11.0 on Python 3.7, 14.0 on 3.11),
which are dropped like controls, and for U+166D, U+1734 and U+A9BD, whose
category has changed.

The ids of a word depend only on the word, and most words of a corpus repeat, so
`FullTokenizer` caches them. It starts no threads and is safe before and after a
fork.
"""

import hashlib
import itertools
import json
import re
import unicodedata

from tokenizers import models

from util import utils

PAD, UNK, CLS, SEP, MASK = "[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"
SPECIAL_TOKENS = (PAD, UNK, CLS, SEP, MASK)
CONTROL_TOKENS = (PAD, CLS, SEP, MASK)  # text must not produce these
# AraBERT's cleaning replaces URLs, e-mail addresses and user names with these:
# link, mail, user.
ARABERT_TOKENS = ("[رابط]", "[بريد]", "[مستخدم]")
# With an AraBERT vocabulary these belong to words: "[رابط]", "+ات" (a suffix).
ARABERT_WORD_CHARACTERS = "[]+"
MAX_WORD_CHARACTERS = 200  # a longer word is [UNK]

# Bounds of a FullTokenizer's cache, about 100 MB when full. Long words are
# mostly scripts without spaces and encoded data, which do not repeat.
_MAX_CACHED_WORDS = 300000
_MAX_CACHED_CHARACTERS = 50

# The blocks that BERT puts spaces around, first and last code point.
_CJK_BLOCKS = (
    (0x4E00, 0x9FFF), (0x3400, 0x4DBF), (0xF900, 0xFAFF), (0x20000, 0x2A6DF),
    (0x2A700, 0x2B73F), (0x2B740, 0x2B81F), (0x2B820, 0x2CEAF),
    (0x2F800, 0x2FA1F))


class FullTokenizer:
  """Converts text to WordPieces and ids with the vocabulary of a file."""

  def __init__(self, vocab_file, do_lower_case=True, strip_accents=None):
    """Reads the vocabulary.

    Args:
      vocab_file: path of a text file with one token per line.
      do_lower_case: whether text is lower-cased.
      strip_accents: whether accents are removed, as in "é" to "e" and "أ" to
        "ا"; only with do_lower_case. None: the same as do_lower_case.

    Raises:
      UserError: the file is not a vocabulary, or lacks special tokens.
    """
    self.vocab_file = vocab_file
    self.vocab = load_vocab(vocab_file)
    missing = [token for token in SPECIAL_TOKENS if token not in self.vocab]
    if missing:
      raise utils.UserError(
          "%s: expected a WordPiece vocabulary, one token per line, with %s. "
          "Missing among its %d tokens: %s." % (
              vocab_file, " ".join(SPECIAL_TOKENS), len(self.vocab),
              " ".join(missing)))
    self.inv_vocab = {index: token for token, index in self.vocab.items()}
    self.is_arabert = all(token in self.vocab for token in ARABERT_TOKENS)
    self.basic_tokenizer = BasicTokenizer(
        do_lower_case, strip_accents, arabert=self.is_arabert)
    self.wordpiece_tokenizer = WordpieceTokenizer(self.vocab)
    self._control_ids = frozenset(self.vocab[t] for t in CONTROL_TOKENS)
    self._ids_of_words = _IdsOfWords(self._encode_word)

  def tokenize(self, text):
    """Returns the WordPieces of `text`, a list of strings."""
    return [self.inv_vocab[index] for index in self.encode(text)]

  def encode(self, text):
    """Returns the ids of the WordPieces of `text`, a list of ints."""
    words = self.basic_tokenizer.clean(text).split()
    return list(itertools.chain.from_iterable(
        map(self._ids_of_words.__getitem__, words)))

  def encode_untrusted_batch(self, texts):
    """Returns the ids of texts from untrusted sources, lists of ints.

    With an AraBERT vocabulary, `encode` converts the text "[SEP]" to the
    control token; here such a word is split at its brackets instead.
    """
    return [self._encode_untrusted(text) for text in texts]

  def convert_tokens_to_ids(self, tokens):
    """Returns the ids of a list of WordPieces.

    Raises:
      UserError: a token is not in the vocabulary.
    """
    return [self._look_up(self.vocab, token, "a token") for token in tokens]

  def convert_ids_to_tokens(self, ids):
    """Returns the WordPieces of a list of ids.

    Raises:
      UserError: an id is not in the vocabulary.
    """
    return [self._look_up(self.inv_vocab, index, "an id") for index in ids]

  def _look_up(self, table, key, kind):
    if key not in table:
      raise utils.UserError("%s: expected %s of its %d tokens, got %r." % (
          self.vocab_file, kind, len(table), key))
    return table[key]

  def _encode_word(self, cleaned):
    return [index for word in self.basic_tokenizer.split(cleaned)
            for index in self.wordpiece_tokenizer.encode_word(word)]

  def _encode_untrusted(self, text):
    ids = self.encode(text)
    if self._control_ids.isdisjoint(ids):
      return ids
    ids = []
    for word in self.basic_tokenizer.tokenize(text):
      pieces = self.wordpiece_tokenizer.encode_word(word)
      if not self._control_ids.isdisjoint(pieces):
        pieces = [index for part in re.findall(r"[\[\]]|[^\[\]]+", word)
                  for index in self.wordpiece_tokenizer.encode_word(part)]
      ids.extend(pieces)
    return ids


class BasicTokenizer:
  """Cleans text and splits it into words, with punctuation as its own words."""

  def __init__(self, do_lower_case=True, strip_accents=None, arabert=False):
    """Initializes the tokenizer.

    Args:
      do_lower_case: whether text is lower-cased.
      strip_accents: whether accents are removed from lower-cased text. None:
        the same as do_lower_case.
      arabert: whether "[", "]" and "+" are letters rather than punctuation.
    """
    if strip_accents is None:
      strip_accents = do_lower_case
    self.do_lower_case = bool(do_lower_case)
    self.strip_accents = bool(do_lower_case and strip_accents)
    self.arabert = bool(arabert)
    self._cleaned = _CharacterTable(_clean_character)
    self._isolated = _CharacterTable(self._isolate_character)

  def tokenize(self, text):
    """Returns the words of `text`, a list of strings."""
    return self.split(self.clean(text))

  def clean(self, text):
    """Returns `text` without control characters and with ' ' for spaces."""
    text = convert_to_unicode(text)
    # Cleaning keeps exactly the printable characters except U+FFFD.
    if text.isprintable() and "\ufffd" not in text:
      return text
    return text.translate(self._cleaned)

  def split(self, cleaned):
    """Returns the words of a text that `clean` returned."""
    if self.do_lower_case:
      cleaned = cleaned.lower()
    if self.strip_accents:
      cleaned = unicodedata.normalize("NFD", cleaned)
    return cleaned.translate(self._isolated).split()

  def _isolate_character(self, char):
    """Returns the replacement of `char`: itself, with spaces, or nothing."""
    if self.strip_accents and unicodedata.category(char) == "Mn":
      return ""
    if self.arabert and char in ARABERT_WORD_CHARACTERS:
      return char
    if is_punctuation(char) or _is_cjk(char):
      return " %s " % char
    return char


class WordpieceTokenizer:
  """Splits words into the longest pieces that are in the vocabulary."""

  def __init__(self, vocab, unk_token=UNK,
               max_input_chars_per_word=MAX_WORD_CHARACTERS):
    """Initializes the tokenizer.

    Args:
      vocab: dict of token to id. A piece inside a word starts with "##".
      unk_token: the token of a word that the pieces cannot represent.
      max_input_chars_per_word: a longer word becomes `unk_token`.

    Raises:
      UserError: `unk_token` is not in the vocabulary.
    """
    if unk_token not in vocab:
      raise utils.UserError(
          "The vocabulary of %d tokens lacks %s for unknown words. Add it." % (
              len(vocab), unk_token))
    self.vocab = vocab
    self.unk_token = unk_token
    self.max_input_chars_per_word = max_input_chars_per_word
    self._inv_vocab = {index: token for token, index in vocab.items()}
    self._model = models.WordPiece(
        vocab, unk_token=unk_token, continuing_subword_prefix="##",
        max_input_chars_per_word=max_input_chars_per_word)

  def tokenize(self, text):
    """Returns the pieces of the words of `text`, a list of strings."""
    return [self._inv_vocab[index] for word in whitespace_tokenize(text)
            for index in self.encode_word(word)]

  def encode_word(self, word):
    """Returns the ids of the pieces of one word without spaces."""
    try:
      return [token.id for token in self._model.tokenize(word)]
    except UnicodeEncodeError:  # half of a surrogate pair
      return [self.vocab[self.unk_token]]


def load_vocab(vocab_file):
  """Returns the {token: id} of a vocabulary: one token per line, ids from 0.

  Line ends may be Unix or Windows; a byte-order mark, spaces around a token and
  blank lines at the end are ignored.

  Raises:
    UserError: the file is missing, JSON or not UTF-8; a line is blank or
      repeats a token, so ids would differ from line numbers.
  """
  with utils.open_file(vocab_file, "rb") as f:
    content = f.read().rstrip()
  if content.startswith(b"{") and _is_json(content):
    raise utils.UserError(
        "%s: a JSON file, not a vocabulary with one token per line. Use the "
        "vocab.txt of the same model; of a tokenizer.json, tokenizers."
        "Tokenizer.from_file(\"tokenizer.json\").model.save(\"FOLDER\") "
        "writes it." % vocab_file)
  lines = content.split(b"\n")
  vocab = {}
  for index, line in enumerate(lines):
    try:
      token = line.decode("utf-8-sig" if index == 0 else "utf-8")
    except UnicodeDecodeError as error:
      raise utils.UserError(
          "%s:%d: expected UTF-8 text, byte %d is 0x%02x. Convert the file." % (
              vocab_file, index + 1, error.start, line[error.start])) from error
    token = token.strip(" \t\r")
    if not token:
      raise utils.UserError("%s:%d: expected a token, got a blank line. "
                            "Remove it." % (
                                vocab_file, index + 1))
    if token in vocab:
      raise utils.UserError(
          "%s:%d: token '%s' is already on line %d. Remove one of them." % (
              vocab_file, index + 1, token, vocab[token] + 1))
    vocab[token] = index
  return vocab


def _is_json(content):
  try:
    json.loads(content.decode("utf-8"))
  except ValueError:
    return False
  return True


def vocab_sha256(vocab_file):
  """Returns the SHA-256 of the tokens in order, whatever the line ends."""
  content = "\n".join(load_vocab(vocab_file))
  return hashlib.sha256(content.encode("utf-8")).hexdigest()


def settings(tokenizer):
  """Returns the tokenizer settings to record with encoded data, a dict."""
  return {"do_lower_case": tokenizer.basic_tokenizer.do_lower_case,
          "strip_accents": tokenizer.basic_tokenizer.strip_accents}


def is_punctuation(char):
  """Returns whether BERT splits at `char`: Unicode's P, and ASCII's symbols."""
  if char < "\x80":
    return char.isprintable() and not char.isalnum() and char != " "
  return unicodedata.category(char).startswith("P")


def convert_to_unicode(text):
  """Converts a str or UTF-8 bytes to str; drops invalid bytes.

  Raises:
    UserError: `text` is of another type.
  """
  if isinstance(text, str):
    return text
  if isinstance(text, bytes):
    return text.decode("utf-8", "ignore")
  raise utils.UserError("Expected text, a str or UTF-8 bytes, got %s: %r." % (
      type(text).__name__, text))


def printable_text(text):
  """Returns `text`, a str or UTF-8 bytes, as a str for messages."""
  return convert_to_unicode(text)


def whitespace_tokenize(text):
  """Returns the words of `text` between white space, a list of strings."""
  return convert_to_unicode(text).split()


def _clean_character(char):
  """Returns the replacement of `char` in a cleaned text."""
  if char in "\t\n\r":
    return " "
  category = unicodedata.category(char)
  if char == "\ufffd" or category.startswith("C"):
    return ""
  return " " if category == "Zs" else char


def _is_cjk(char):
  return any(first <= ord(char) <= last for first, last in _CJK_BLOCKS)


class _CharacterTable(dict):
  """A table for `str.translate` that is computed on demand."""

  def __init__(self, replacement_fn):
    """`replacement_fn`: function from a character to its replacement."""
    super().__init__()
    self._replacement_fn = replacement_fn

  def __missing__(self, code_point):
    replacement = self._replacement_fn(chr(code_point))
    self[code_point] = replacement
    return replacement


class _IdsOfWords(dict):
  """A bounded cache of the ids of words, computed on demand."""

  def __init__(self, encode_word):
    """`encode_word`: function from a word to the list of its ids."""
    super().__init__()
    self._encode_word = encode_word

  def __missing__(self, word):
    ids = tuple(self._encode_word(word))
    if len(word) <= _MAX_CACHED_CHARACTERS:
      if len(self) >= _MAX_CACHED_WORDS:
        self.clear()  # frequent words are soon cached again
      self[word] = ids
    return ids
