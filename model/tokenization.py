"""Text to WordPieces to ids and back, with the ids that BERT's rules give.

A text is cleaned, lower-cased and split into words by `BasicTokenizer`; every
word is then split into the longest pieces of the vocabulary, which is done by
Hugging Face's `tokenizers`. What a character is (a control, a mark, a piece of
punctuation) is asked of this Python's `unicodedata`: `tokenizers` has tables of
its own, from another Unicode version, which give other ids for some characters.
The Python then matters for characters younger than its Unicode (11.0 on Python
3.7, 14.0 on 3.11), which are dropped like controls, and for U+166D, U+1734 and
U+A9BD, whose category has changed; for no others.

The ids of a word depend on nothing but the word, and most words of a corpus
have been seen before, so `FullTokenizer` remembers them. It starts no threads:
it may be used before and after a fork.
"""

import hashlib
import itertools
import re
import unicodedata

from tokenizers import models

from util import utils

PAD, UNK, CLS, SEP, MASK = "[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"
SPECIAL_TOKENS = (PAD, UNK, CLS, SEP, MASK)
CONTROL_TOKENS = (PAD, CLS, SEP, MASK)  # what text must not be able to spell
# AraBERT's cleaning writes these in place of URLs, e-mail addresses and user
# names: link, mail, user.
ARABERT_TOKENS = ("[رابط]", "[بريد]", "[مستخدم]")
# With an AraBERT vocabulary these belong to words: "[رابط]", "+ات" (a suffix).
ARABERT_WORD_CHARACTERS = "[]+"
MAX_WORD_CHARACTERS = 200  # a longer word is [UNK]

# Bounds on what a FullTokenizer remembers, about 100 MB when full. Long words
# are mostly scripts without spaces and encoded data, which do not come again.
_MAX_REMEMBERED_WORDS = 300000
_MAX_REMEMBERED_CHARACTERS = 50

# The blocks that BERT puts spaces around, first and last code point.
_CJK_BLOCKS = (
    (0x4E00, 0x9FFF), (0x3400, 0x4DBF), (0xF900, 0xFAFF), (0x20000, 0x2A6DF),
    (0x2A700, 0x2B73F), (0x2B740, 0x2B81F), (0x2B820, 0x2CEAF),
    (0x2F800, 0x2FA1F))


class FullTokenizer:
  """Turns text into WordPieces and ids, by the vocabulary of one file."""

  def __init__(self, vocab_file, do_lower_case=True, strip_accents=None):
    """Reads the vocabulary.

    Args:
      vocab_file: path of a text file with one token a line.
      do_lower_case: whether text is lower-cased.
      strip_accents: whether accents are taken off, as in "é" to "e" and "أ" to
        "ا"; done only where text is lower-cased too. None: as do_lower_case.

    Raises:
      UserError: the file is no vocabulary, or lacks special tokens.
    """
    self.vocab_file = vocab_file
    self.vocab = load_vocab(vocab_file)
    missing = [token for token in SPECIAL_TOKENS if token not in self.vocab]
    if missing:
      raise utils.UserError(
          "%s: expected a WordPiece vocabulary, one token a line, that holds "
          "%s; not among its %d tokens: %s." % (
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

  def encode_batch(self, texts):
    """Returns the ids of every text of a list, a list of lists of ints."""
    return [self.encode(text) for text in texts]

  def encode_untrusted_batch(self, texts):
    """Does as `encode_batch` for text that anybody may have written.

    With an AraBERT vocabulary, `encode` makes the control token of a text that
    spells "[SEP]"; here such a word is split at its brackets instead.
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
      raise utils.UserError("Expected %s of the %d tokens in %s, got %r." % (
          kind, len(table), self.vocab_file, key))
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
    """Makes a tokenizer.

    Args:
      do_lower_case: whether text is lower-cased.
      strip_accents: whether accents are taken off, where text is lower-cased.
        None: as do_lower_case.
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
    """Returns `text` without control characters, all spaces being " "."""
    text = convert_to_unicode(text)
    # Printable is all that cleaning keeps as it is, and U+FFFD.
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
    """Returns what stands for `char`: itself, spaced out, or nothing."""
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
    """Makes a tokenizer.

    Args:
      vocab: dict of token to id. A piece inside a word begins with "##".
      unk_token: what stands for a word that the pieces cannot spell.
      max_input_chars_per_word: a word of more characters is `unk_token`.

    Raises:
      UserError: `unk_token` is not in the vocabulary.
    """
    if unk_token not in vocab:
      raise utils.UserError(
          "Expected %s among the %d tokens of the vocabulary, to stand for "
          "unknown words." % (unk_token, len(vocab)))
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
    """Returns the ids of the pieces of one word, which has no spaces."""
    try:
      return [token.id for token in self._model.tokenize(word)]
    except UnicodeEncodeError:  # half of a surrogate pair: in no vocabulary
      return [self.vocab[self.unk_token]]


def load_vocab(vocab_file):
  """Returns the {token: id} of a vocabulary: one token a line, ids from 0.

  Line ends may be those of Unix or Windows; a byte-order mark, spaces around a
  token and blank lines at the end are passed over.

  Raises:
    UserError: the file is missing or not UTF-8; a line is blank or repeats a
      token, so that ids would not be what the lines' order says.
  """
  with utils.open_file(vocab_file, "rb") as f:
    lines = f.read().rstrip().split(b"\n")
  vocab = {}
  for index, line in enumerate(lines):
    try:
      token = line.decode("utf-8-sig" if index == 0 else "utf-8")
    except UnicodeDecodeError as error:
      raise utils.UserError("%s:%d: expected UTF-8 text, byte %d is 0x%02x." % (
          vocab_file, index + 1, error.start, line[error.start]))
    token = token.strip(" \t\r")
    if not token:
      raise utils.UserError("%s:%d: expected a token, got a blank line." % (
          vocab_file, index + 1))
    if token in vocab:
      raise utils.UserError(
          "%s:%d: expected every token once; '%s' is on line %d already." % (
              vocab_file, index + 1, token, vocab[token] + 1))
    vocab[token] = index
  return vocab


def vocab_sha256(vocab_file):
  """Returns a SHA-256 of the tokens in order, whatever the line ends are."""
  content = "\n".join(load_vocab(vocab_file))
  return hashlib.sha256(content.encode("utf-8")).hexdigest()


def settings(tokenizer):
  """Returns what must travel with data made by a `FullTokenizer`, a dict."""
  return {"do_lower_case": tokenizer.basic_tokenizer.do_lower_case,
          "strip_accents": tokenizer.basic_tokenizer.strip_accents}


def is_punctuation(char):
  """Returns whether BERT splits at `char`: Unicode's P, and ASCII's symbols."""
  if char < "\x80":
    return char.isprintable() and not char.isalnum() and char != " "
  return unicodedata.category(char).startswith("P")


def convert_to_unicode(text):
  """Returns a str of a str or of UTF-8 bytes, dropping bytes that are not.

  Raises:
    UserError: `text` is neither.
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
  """Returns what stands for `char` in a cleaned text."""
  if char in "\t\n\r":
    return " "
  category = unicodedata.category(char)
  if char == "\ufffd" or category.startswith("C"):
    return ""
  return " " if category == "Zs" else char


def _is_cjk(char):
  return any(first <= ord(char) <= last for first, last in _CJK_BLOCKS)


class _CharacterTable(dict):
  """A table for `str.translate` that is filled as characters are met."""

  def __init__(self, replacement_fn):
    """`replacement_fn`: character to the string that stands for it."""
    super().__init__()
    self._replacement_fn = replacement_fn

  def __missing__(self, code_point):
    replacement = self._replacement_fn(chr(code_point))
    self[code_point] = replacement
    return replacement


class _IdsOfWords(dict):
  """The ids of the words met so far; asked for others, it finds them out."""

  def __init__(self, encode_word):
    """`encode_word`: word to the list of its ids."""
    super().__init__()
    self._encode_word = encode_word

  def __missing__(self, word):
    ids = tuple(self._encode_word(word))
    if len(word) <= _MAX_REMEMBERED_CHARACTERS:
      if len(self) >= _MAX_REMEMBERED_WORDS:
        self.clear()  # the frequent words are back soon
      self[word] = ids
    return ids
