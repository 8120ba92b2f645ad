"""Writes the tokenizer of model.tokenization as Hugging Face files.

Hugging Face's ELECTRA tokenizer splits tokens such as `[link]` or `+s` of an
AraBERT vocabulary, and has another Unicode table: its ids differ from those the
model was trained with. The `tokenizer.json` written here contains BERT's rules,
with the characters that this Python's `unicodedata` puts in each class, so the
ids are those of `tokenization.FullTokenizer`. `tokenizer_config.json` names
`PreTrainedTokenizerFast` to read it: `ElectraTokenizer` of transformers 5 would
rebuild the tokenizer from the vocabulary.

One difference is intended: the text [MASK], or another special token, becomes
that token, as users of Hugging Face expect.
"""

import functools
import unicodedata

import tokenizers
from tokenizers import decoders
from tokenizers import models
from tokenizers import normalizers
from tokenizers import pre_tokenizers
from tokenizers import processors

from model import tokenization
from util import json_fields
from util import model_files
from util import utils

TOKENIZER_FILE = "tokenizer.json"
SPECIAL_TOKENS_FILE = "special_tokens_map.json"
ADDED_TOKENS_FILE = "added_tokens.json"
_ADDED_TOKEN = {"content": json_fields.TEXT, "id": json_fields.INTEGER}
TOKENIZER_CLASS = "PreTrainedTokenizerFast"
_NAMES_OF_SPECIAL_TOKENS = {
    "pad_token": tokenization.PAD, "unk_token": tokenization.UNK,
    "cls_token": tokenization.CLS, "sep_token": tokenization.SEP,
    "mask_token": tokenization.MASK}
# Python looks back any number of characters to detect a final sigma; a regular
# expression needs a bound.
_MAX_IGNORED_BEFORE_SIGMA = 3
_SURROGATES = range(0xD800, 0xE000)  # Hugging Face cannot represent them


def write_files(folder, tokenizer, max_length, preprocessing=None):
  """Writes the files that AutoTokenizer reads, and vocab.txt.

  Args:
    folder: str.
    tokenizer: tokenization.FullTokenizer.
    max_length: int, the longest sequence of the model, in tokens.
    preprocessing: str, the AraBERT cleaning of the training text, or None;
      recorded only.
  """
  basic = tokenizer.basic_tokenizer
  config = dict(
      _NAMES_OF_SPECIAL_TOKENS,
      tokenizer_class=TOKENIZER_CLASS,
      model_max_length=max_length,
      do_lower_case=basic.do_lower_case,
      strip_accents=basic.strip_accents,
      clean_up_tokenization_spaces=True,
      model_input_names=["input_ids", "token_type_ids", "attention_mask"],
      # For the slow BertTokenizer of transformers 4.
      do_basic_tokenize=True,
      tokenize_chinese_chars=True,
      never_split=[token for token in tokenization.ARABERT_TOKENS
                   if token in tokenizer.vocab])
  if preprocessing:
    config["preprocessing"] = preprocessing
  write_vocab(folder, tokenizer.vocab)
  utils.write_json(config, _path(folder, model_files.TOKENIZER_CONFIG))
  utils.write_json(_NAMES_OF_SPECIAL_TOKENS, _path(folder, SPECIAL_TOKENS_FILE))
  with utils.write_atomically(_path(folder, TOKENIZER_FILE)) as f:
    f.write(build(tokenizer).to_str(pretty=True) + "\n")


def write_vocab(folder, vocab):
  """Writes vocab.txt of a {token: id}, one token per line."""
  with utils.write_atomically(_path(folder, model_files.VOCAB)) as f:
    f.write("".join(token + "\n" for token in sorted(vocab, key=vocab.get)))


def read_vocab(folder):
  """Returns the {token: id} of a Hugging Face folder, None if it has none.

  Tokens added to a tokenizer (`add_tokens`) are included.

  Raises:
    utils.UserError: the vocabulary is damaged, or not a WordPiece vocabulary.
  """
  vocab = _read_base_vocab(folder)
  if vocab is None:
    return None
  vocab = dict(vocab)
  tokens = {id_: token for token, id_ in vocab.items()}
  for path, token, id_ in _read_added(folder):
    known_id = vocab.setdefault(token, id_)
    known_token = tokens.setdefault(id_, token)
    if known_id != id_ or known_token != token:
      raise utils.UserError(
          "%s: the added token '%s' has id %d, but in the vocabulary %s. Copy "
          "all files of the tokenizer again." % (path, token, id_, (
              "that is '%s'" % known_token if known_token != token else
              "it has id %d" % known_id)))
  if sorted(vocab.values()) != list(range(len(vocab))):
    raise utils.UserError(
        "%s: expected each of the ids 0 to %d once. Other ids cannot be "
        "written to vocab.txt." % (folder, len(vocab) - 1))
  return vocab


def added_tokens(folder):
  """Returns the tokens of `read_vocab` that were added, by their ids."""
  vocab = _read_base_vocab(folder) or {}
  added = {id_: token for _, token, id_ in _read_added(folder)
           if token not in vocab}
  return [added[id_] for id_ in sorted(added)]


def _read_base_vocab(folder):
  """Returns the {token: id} without added tokens, None if there is none."""
  if utils.exists(_path(folder, model_files.VOCAB)):
    return tokenization.load_vocab(_path(folder, model_files.VOCAB))
  path = _path(folder, TOKENIZER_FILE)
  if not utils.exists(path):
    return None
  model = json_fields.load_object(path).get("model", {})
  if model.get("type", "WordPiece") != "WordPiece" or "vocab" not in model:
    raise utils.UserError("%s: expected a WordPiece vocabulary, found a model "
                          "of type %s. Use another folder." % (
                              path, model.get("type")))
  return model["vocab"]


def _read_added(folder):
  """Returns [(path of the file, token, id)] of a tokenizer's added tokens."""
  added = []
  path = _path(folder, ADDED_TOKENS_FILE)
  added += [(path, token, id_) for token, id_ in
            json_fields.load_object(path, missing={}).items()]
  path = _path(folder, TOKENIZER_FILE)
  for entry in json_fields.load_object(path, missing={}).get(
      "added_tokens") or ():
    json_fields.check(_ADDED_TOKEN, entry, path, required=_ADDED_TOKEN)
    added.append((path, entry["content"], entry["id"]))
  for path, token, id_ in added:
    if type(id_) is not int:
      raise utils.UserError("%s: expected an id for the added token '%s', got "
                            "%s. Copy it again." % (
                                path, token, json_fields.shorten(id_)))
  return added


def build(tokenizer):
  """Returns the tokenizers.Tokenizer with the ids of a FullTokenizer.

  Args:
    tokenizer: tokenization.FullTokenizer.
  """
  basic = tokenizer.basic_tokenizer
  built = tokenizers.Tokenizer(models.WordPiece(
      tokenizer.vocab, unk_token=tokenization.UNK,
      continuing_subword_prefix="##",
      max_input_chars_per_word=tokenization.MAX_WORD_CHARACTERS))
  built.normalizer = _normalizer(basic)
  built.pre_tokenizer = _pre_tokenizer(basic)
  built.decoder = decoders.WordPiece(prefix="##", cleanup=True)
  cls, sep = tokenization.CLS, tokenization.SEP
  built.post_processor = processors.TemplateProcessing(
      single="%s:0 $A:0 %s:0" % (cls, sep),
      pair="%s:0 $A:0 %s:0 $B:1 %s:1" % (cls, sep, sep),
      special_tokens=[(cls, tokenizer.vocab[cls]), (sep, tokenizer.vocab[sep])])
  built.add_special_tokens(list(tokenization.SPECIAL_TOKENS))
  return built


def _path(folder, name):
  return folder.rstrip("/") + "/" + name


def _normalizer(basic):
  steps = [_replace_by(_deleted_class(), "")]
  if basic.do_lower_case:
    # `Lowercase` sees single characters: it writes no "ς" at the end of a word.
    steps += [_replace_by(_final_sigma(), "\u03c2"), normalizers.Lowercase()]
  if basic.strip_accents:
    steps += [normalizers.Replace(char, decomposed)
              for char, decomposed in _missing_decompositions()]
    steps += [normalizers.NFD(), _replace_by(_mark_class(), "")]
  return normalizers.Sequence(steps)


def _pre_tokenizer(basic):
  return pre_tokenizers.Sequence([
      pre_tokenizers.Split(tokenizers.Regex(_space_class() + "+"), "removed"),
      pre_tokenizers.Split(
          tokenizers.Regex(_isolated_class(basic.arabert)), "isolated")])


def _replace_by(pattern, text):
  return normalizers.Replace(tokenizers.Regex(pattern), text)


@functools.lru_cache(maxsize=None)
def _characters():
  """Returns (characters that cleaning deletes, other ones), sorted."""
  deleted, kept = [], []
  for code in range(0x110000):
    if code in _SURROGATES:
      continue
    char = chr(code)
    # As in BasicTokenizer.clean; a million calls of it are slow.
    is_deleted = char == "\ufffd" or (
        unicodedata.category(char)[0] == "C" and char not in "\t\n\r")
    (deleted if is_deleted else kept).append(char)
  return deleted, kept


def _kept_characters():
  return _characters()[1]


@functools.lru_cache(maxsize=None)
def _deleted_class():
  return _class_of(_characters()[0])


@functools.lru_cache(maxsize=None)
def _space_class():
  return _class_of(char for char in _kept_characters() if char.isspace())


@functools.lru_cache(maxsize=None)
def _mark_class():
  return _class_of(char for char in _kept_characters()
                   if unicodedata.category(char) == "Mn")


@functools.lru_cache(maxsize=None)
def _missing_decompositions():
  """Returns (character, its NFD) pairs that `tokenizers` does not know."""
  nfd = normalizers.NFD()
  pairs = [(char, unicodedata.normalize("NFD", char))
           for char in _kept_characters()]
  return [pair for pair in pairs if nfd.normalize_str(pair[0]) != pair[1]]


@functools.lru_cache(maxsize=None)
def _isolated_class(arabert):
  basic = tokenization.BasicTokenizer(do_lower_case=False, arabert=arabert)
  # A character that becomes a separate word between two letters.
  words = set(basic.split(" ".join("a%sa" % c for c in _kept_characters())))
  return _class_of(sorted(word for word in words - {"a"} if len(word) == 1))


@functools.lru_cache(maxsize=None)
def _final_sigma():
  """Returns the pattern of a sigma that `str.lower` turns into a final one.

  It is after a cased character and not before one (Unicode, section 3.13,
  Final_Sigma); case-ignorable characters such as accents are skipped.
  """
  cased = [char for char in _kept_characters()
           if _makes_sigma_final(" " + char)]
  ignored = _class_of(sorted(
      {char for char in _kept_characters() if _makes_sigma_final("a" + char)} -
      set(cased)))
  cased = _class_of(cased)
  before = "|".join("(?<=%s%s)" % (cased, ignored * count)
                    for count in range(_MAX_IGNORED_BEFORE_SIGMA + 1))
  return "(?:%s)\u03a3(?!%s*%s)" % (before, ignored, cased)


def _makes_sigma_final(before):
  return (before + "\u03a3").lower().endswith("\u03c2")


def _class_of(characters):
  """Returns the regular expression of a class of sorted characters."""
  ranges = []  # [first, last] code points
  for char in characters:
    if ranges and ranges[-1][1] == ord(char) - 1:
      ranges[-1][1] += 1
    else:
      ranges.append([ord(char), ord(char)])
  return "[%s]" % "".join(
      _escaped(first) if first == last else
      "%s-%s" % (_escaped(first), _escaped(last)) for first, last in ranges)


def _escaped(code):
  char = chr(code)
  return "\\" + char if char in "[]\\^-" else char
