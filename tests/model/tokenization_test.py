"""Tests for model.tokenization."""

import gzip
import json
import multiprocessing
import os
import random
import re
import subprocess
import sys
import tempfile
import unicodedata
import unittest
from unittest import mock

import tokenizers

from model import tokenization
from tests.model import bert_rules
from tests.model import tokenization_fuzz
from util import utils

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(
    os.path.abspath(__file__))))
GOLDEN = os.path.join(ROOT, "tests", "golden")
DATA = os.environ.get("ELECTRA_DATA")

SPECIAL = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]  # ids 0 to 4
ARABERT = ["[رابط]", "[بريد]", "[مستخدم]"]  # ids 5 to 7


class TokenizationTest(unittest.TestCase):

  def setUp(self):
    super().setUp()
    folder = tempfile.TemporaryDirectory()
    self.addCleanup(folder.cleanup)
    self.vocab_file = os.path.join(folder.name, "vocab.txt")

  def write_vocab(self, tokens):
    self.write_bytes("".join(t + "\n" for t in tokens).encode("utf-8"))

  def write_bytes(self, content):
    with open(self.vocab_file, "wb") as f:
      f.write(content)

  def tokenizer(self, tokens, *args, **kwargs):
    self.write_vocab(tokens)
    return tokenization.FullTokenizer(self.vocab_file, *args, **kwargs)


class GoldenTest(TokenizationTest):
  """Ids that the public reference gave on Python 3.7 (Unicode 11)."""

  def check(self, path, tokenizer):
    opener = gzip.open if path.endswith(".gz") else open
    with opener(path, "rt", encoding="utf-8") as f:
      golden = json.load(f)
    for line, ids in zip(golden["lines"], golden["ids"]):
      self.assertEqual(tokenizer.encode(line), ids, repr(line))
      self.assertEqual(tokenizer.convert_tokens_to_ids(
          tokenizer.tokenize(line)), ids, repr(line))
    self.assertEqual(
        [tokenizer.encode(line) for line in golden["lines"]], golden["ids"])

  def check_part(self, name, do_lower_case):
    path = os.path.join(GOLDEN, name)
    with open(path, encoding="utf-8") as f:
      self.write_vocab(json.load(f)["vocab"])
    self.check(path, tokenization.FullTokenizer(self.vocab_file, do_lower_case))

  def test_arabic_cased(self):
    self.check_part("tokens_ar.json", do_lower_case=False)

  def test_english_lower_cased(self):
    self.check_part("tokens_en.json", do_lower_case=True)

  @unittest.skipUnless(DATA, "ELECTRA_DATA is not set")
  def test_all_lines_with_the_released_vocabularies(self):
    for vocab, golden, do_lower_case in (
        ("araelectra-vocab.txt", "tokens_ar.json.gz", False),
        ("araelectra-base-discriminator-vocab.crlf.txt", "tokens_ar.json.gz",
         False),
        ("bert-base-uncased-vocab.txt", "tokens_en.json.gz", True)):
      self.check(
          os.path.join(DATA, "..", "golden", golden),
          tokenization.FullTokenizer(
              os.path.join(DATA, "vocab", vocab), do_lower_case))


class AgainstTheRulesTest(unittest.TestCase):

  def test_random_lines(self):
    for name, setting in tokenization_fuzz.SETTINGS.items():
      with self.subTest(name):
        rng = random.Random(1)
        lines = [tokenization_fuzz.random_line(rng) for _ in range(600)]
        differing, num_ids, num_unknown = tokenization_fuzz.find_differences(
            lines, rng, *setting)
        self.assertEqual(differing, [])
        self.assertLess(num_unknown / num_ids, 0.05)  # hides few differences

  def test_every_character_of_the_basic_plane(self):
    text = " ".join("a%sB" % chr(code) for code in range(0x10000))
    for do_lower_case, arabert in ((False, True), (True, False)):
      basic = tokenization.BasicTokenizer(do_lower_case, arabert=arabert)
      self.assertEqual(basic.tokenize(text), bert_rules.words(
          text, do_lower_case=do_lower_case, strip_accents=do_lower_case,
          arabert=arabert))

  @unittest.skipUnless(DATA, "ELECTRA_DATA is not set")
  def test_real_text(self):
    vocab_file = os.path.join(DATA, "vocab", "araelectra-vocab.txt")
    tokenizer = tokenization.FullTokenizer(vocab_file, do_lower_case=False)
    path = os.path.join(DATA, "corpus_ar_saudinewsnet", "part-001.txt")
    with open(path, encoding="utf-8") as f:
      lines = [next(f) for _ in range(300)]
    for line in lines:
      self.assertEqual(tokenizer.encode(line), bert_rules.encode(
          line, tokenizer.vocab, do_lower_case=False, strip_accents=False,
          arabert=True))


class BasicTokenizerTest(unittest.TestCase):

  def words(self, text, *args, **kwargs):
    return tokenization.BasicTokenizer(*args, **kwargs).tokenize(text)

  def test_lower_cases_and_strips_accents_by_default(self):
    self.assertEqual(self.words("Café أحمد Ünï"), ["cafe", "احمد", "uni"])

  def test_keeps_accents_without_strip_accents(self):
    self.assertEqual(self.words("Café أحمد", strip_accents=False),
                     ["café", "أحمد"])

  def test_keeps_accents_without_lower_casing(self):
    for strip_accents in (None, False, True):
      self.assertEqual(self.words("Café أحمد", False, strip_accents),
                       ["Café", "أحمد"])

  def test_splits_at_punctuation_and_ascii_symbols(self):
    self.assertEqual(self.words("a،b؟ c$d^e~ f€g"),
                     ["a", "،", "b", "؟", "c", "$", "d", "^", "e", "~", "f€g"])

  def test_arabert_keeps_brackets_and_plus_in_words(self):
    self.assertEqual(self.words("[رابط] كتاب +ات (x)", False),
                     ["[", "رابط", "]", "كتاب", "+", "ات", "(", "x", ")"])
    self.assertEqual(self.words("[رابط] كتاب +ات (x)", False, arabert=True),
                     ["[رابط]", "كتاب", "+ات", "(", "x", ")"])

  def test_ideographs_are_words(self):
    self.assertEqual(
        self.words("a漢字b 한글", False), ["a", "漢", "字", "b", "한글"])

  def test_drops_controls_and_splits_at_every_space_character(self):
    self.assertEqual(self.words("a\x00b\u200cc\ufffdd\x0be \x85f", False),
                     ["abcde", "f"])
    self.assertEqual(self.words("a\tb\u00a0c\u3000d\u2028e\r\nf", False),
                     ["a", "b", "c", "d", "e", "f"])

  def test_drops_halves_of_surrogate_pairs(self):
    self.assertEqual(self.words("a\ud83db", False), ["ab"])

  def test_sigma_at_the_end_of_a_word(self):
    self.assertEqual(self.words("ΟΔΟΣ ΣΟΦΟΣ. Σ"), ["οδος", "σοφος", ".", "σ"])

  def test_symbols_that_decompose_to_punctuation_split(self):
    # U+2260 is "=" and a slash through it, U+037E the Greek question mark.
    self.assertEqual(self.words("a\u2260b\u037e"), ["a", "=", "b", ";"])

  def test_characters_that_depend_on_the_python_version(self):
    # 11.0 on Python 3.7, 13.0 on 3.9, 14.0 on 3.11.
    version = tuple(map(int, unicodedata.unidata_version.split(".")))
    # U+0870, an Arabic letter, came with 14.0: before, it is dropped.
    self.assertEqual(self.words("a\u0870b", False),
                     ["a\u0870b"] if version >= (14,) else ["ab"])
    # U+166D, a Cree sign, was punctuation until 12.0.
    self.assertEqual(self.words("a\u166db", False),
                     ["a\u166db"] if version >= (12,) else ["a", "\u166d", "b"])

  def test_accepts_bytes_but_not_other_types(self):
    self.assertEqual(self.words("كتاب".encode("utf-8") + b"\xff", False),
                     ["كتاب"])
    with self.assertRaisesRegex(utils.UserError,
                                "Expected text, .* got int: 5"):
      self.words(5)


class WordpieceTokenizerTest(unittest.TestCase):

  VOCAB = {"[UNK]": 0, "un": 1, "##aff": 2, "##able": 3, "##a": 4, "u": 5}

  def test_takes_the_longest_pieces(self):
    tokenizer = tokenization.WordpieceTokenizer(self.VOCAB)
    self.assertEqual(tokenizer.tokenize("unaffable una"),
                     ["un", "##aff", "##able", "un", "##a"])
    self.assertEqual(tokenizer.encode_word("unaffable"), [1, 2, 3])

  def test_word_without_matching_pieces_is_unknown(self):
    tokenizer = tokenization.WordpieceTokenizer(self.VOCAB)
    self.assertEqual(tokenizer.tokenize("unaffx un\ud83d un"),
                     ["[UNK]", "[UNK]", "un"])

  def test_word_over_the_limit_is_unknown(self):
    tokenizer = tokenization.WordpieceTokenizer(self.VOCAB)
    self.assertEqual(len(tokenizer.tokenize("u" + 199 * "a")), 200)
    self.assertEqual(tokenizer.tokenize("u" + 200 * "a"), ["[UNK]"])
    tokenizer = tokenization.WordpieceTokenizer(
        dict(self.VOCAB, **{"?": 9}), "?", max_input_chars_per_word=2)
    self.assertEqual(tokenizer.tokenize("un una"), ["un", "?"])

  def test_text_without_words(self):
    self.assertEqual(tokenization.WordpieceTokenizer(self.VOCAB).tokenize(" "),
                     [])

  def test_unknown_token_must_be_in_the_vocabulary(self):
    with self.assertRaisesRegex(utils.UserError,
                                r"vocabulary of 1 tokens lacks \[UNK\]"):
      tokenization.WordpieceTokenizer({"a": 0})


class FullTokenizerTest(TokenizationTest):

  def test_text_to_pieces_to_ids_and_back(self):
    tokenizer = self.tokenizer(SPECIAL + ["play", "##ing", "!"])
    self.assertEqual(tokenizer.tokenize("Playing!"), ["play", "##ing", "!"])
    self.assertEqual(tokenizer.encode("Playing! x"), [5, 6, 7, 1])
    self.assertEqual(tokenizer.convert_tokens_to_ids(["[CLS]", "play"]), [2, 5])
    self.assertEqual(tokenizer.convert_ids_to_tokens([2, 5]), ["[CLS]", "play"])
    self.assertEqual(tokenizer.vocab["play"], 5)
    self.assertEqual(tokenizer.inv_vocab[5], "play")

  def test_empty_text(self):
    tokenizer = self.tokenizer(SPECIAL)
    self.assertEqual(tokenizer.encode(""), [])
    self.assertEqual(tokenizer.encode(" \x00"), [])

  def test_unknown_token_or_id_is_named(self):
    tokenizer = self.tokenizer(SPECIAL)
    with self.assertRaisesRegex(
        utils.UserError,
        "vocab.txt: expected a token of its 5 tokens, got 'cat'"):
      tokenizer.convert_tokens_to_ids(["[PAD]", "cat"])
    with self.assertRaisesRegex(
        utils.UserError, "vocab.txt: expected an id of its 5 tokens, got 5"):
      tokenizer.convert_ids_to_tokens([0, 5])

  def test_knows_an_arabert_vocabulary(self):
    self.assertTrue(self.tokenizer(SPECIAL + ARABERT).is_arabert)
    self.assertFalse(self.tokenizer(SPECIAL + ARABERT[:2]).is_arabert)

  def test_arabert_tokens_in_text(self):
    tokenizer = self.tokenizer(SPECIAL + ARABERT + ["زوروا", "+", "##ات", ":"],
                               do_lower_case=False)
    self.assertEqual(tokenizer.encode("زوروا:[رابط] +ات"), [8, 11, 5, 9, 10])

  def test_missing_special_tokens_are_named(self):
    with self.assertRaisesRegex(
        utils.UserError,
        r"vocab.txt: expected a WordPiece vocabulary.* Missing among its 4 "
        r"tokens: \[CLS\] \[MASK\]\.$"):
      self.tokenizer(["[PAD]", "[UNK]", "[SEP]", "a"])

  def test_settings_are_the_effective_ones(self):
    def settings(*args, **kwargs):
      return tokenization.settings(self.tokenizer(SPECIAL, *args, **kwargs))
    self.assertEqual(settings(),
                     {"do_lower_case": True, "strip_accents": True})
    self.assertEqual(settings(True, False),
                     {"do_lower_case": True, "strip_accents": False})
    self.assertEqual(settings(do_lower_case=False, strip_accents=True),
                     {"do_lower_case": False, "strip_accents": False})

  def test_clearing_the_cache_changes_no_ids(self):
    tokenizer = self.tokenizer(SPECIAL + list("abcd") + ["##b"])
    with mock.patch.object(tokenization, "_MAX_CACHED_WORDS", 2):
      for _ in range(2):
        self.assertEqual(tokenizer.encode("a b c d ab a"),
                         [5, 6, 7, 8, 5, 9, 5])

  def test_works_in_forked_processes_without_a_warning(self):
    code = (
        "import multiprocessing, sys\n"
        "from model import tokenization\n"
        "t = tokenization.FullTokenizer(sys.argv[1])\n"
        "[t.encode(text) for text in ['a b'] * 100]\n"
        "with multiprocessing.get_context('fork').Pool(2) as pool:\n"
        "  print(pool.map(t.encode, ['a', 'b a', 'c']))\n")
    self.write_vocab(SPECIAL + ["a", "b"])
    done = subprocess.run(
        [sys.executable, "-c", code, self.vocab_file], cwd=ROOT, timeout=60,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, check=True)
    self.assertEqual(done.stdout.decode().strip(), "[[5], [6, 5], [1]]")
    self.assertEqual(done.stderr.decode(), "")

  def test_can_be_pickled(self):
    tokenizer = self.tokenizer(SPECIAL + ["a"])
    tokenizer.encode("a b")
    with multiprocessing.get_context("spawn").Pool(1) as pool:
      self.assertEqual(pool.apply(tokenizer.encode, ("b a",)), [1, 5])

  def test_importing_does_not_import_tensorflow(self):
    code = ("import sys; from model import tokenization; "
            "print('tensorflow' in sys.modules)")
    printed = subprocess.check_output([sys.executable, "-c", code], cwd=ROOT)
    self.assertEqual(printed.decode().strip(), "False")


class UntrustedTextTest(TokenizationTest):
  # ids: 8 to 14
  TOKENS = SPECIAL + ARABERT + ["[", "]", "MASK", "SEP", "##x", "a", "x"]

  def setUp(self):
    super().setUp()
    self.arabert = self.tokenizer(self.TOKENS, do_lower_case=False)

  def encode(self, text):
    return self.arabert.encode_untrusted_batch([text])[0]

  def test_encode_converts_control_tokens_in_text(self):
    self.assertEqual(self.arabert.encode("a [MASK] [MASK]x"), [13, 4, 4, 12])

  def test_untrusted_control_tokens_are_split_at_their_brackets(self):
    self.assertEqual(self.encode("a [MASK] a"), [13, 8, 10, 9, 13])
    self.assertEqual(self.encode("[MASK]x [SEP]x"),
                     [8, 10, 9, 14, 8, 11, 9, 14])
    self.assertEqual(self.encode("[MA\u200bSK]"), [8, 10, 9])

  def test_other_untrusted_text_is_encoded_unchanged(self):
    for text in ("a [رابط] a", "[UNK] [x] a[MASK]", "[", ""):
      self.assertEqual(self.encode(text), self.arabert.encode(text))

  def test_untrusted_text_gives_no_control_id(self):
    rng = random.Random(2)
    parts = SPECIAL + ["[", "]", "a", " ", "\x00", "+"]
    texts = ["".join(rng.choice(parts) for _ in range(8)) for _ in range(2000)]
    for ids in self.arabert.encode_untrusted_batch(texts):
      self.assertTrue(set(ids).isdisjoint({0, 2, 3, 4}))

  def test_no_other_character_becomes_a_bracket(self):
    # Whether lower-cased, decomposed or cleaned: only "[" itself.
    basic = tokenization.BasicTokenizer(True, arabert=True)
    text = " ".join(map(chr, range(0x20000)))
    self.assertEqual(sum("[" in word for word in basic.tokenize(text)), 1)


class LoadVocabTest(TokenizationTest):

  def load(self, content):
    self.write_bytes(content)
    return tokenization.load_vocab(self.vocab_file)

  def test_ignores_line_ends_byte_order_mark_and_trailing_blanks(self):
    expected = {"[PAD]": 0, "عام": 1, "##b": 2}
    for text in ("[PAD]\nعام\n##b\n", "[PAD]\r\nعام\r\n##b",
                 " [PAD]\nعام \n##b", "\ufeff[PAD]\nعام\n##b\n\n \r\n"):
      self.assertEqual(self.load(text.encode("utf-8")), expected, repr(text))

  def test_only_newlines_end_lines(self):
    # str.splitlines() would also split at these, and shift all ids after them.
    vocab = self.load("a\n\u2028\n\x85\n\u00a0b\nc".encode("utf-8"))
    self.assertEqual(list(vocab), ["a", "\u2028", "\x85", "\u00a0b", "c"])

  def test_blank_line_inside_is_named(self):
    with self.assertRaisesRegex(utils.UserError,
                                "vocab.txt:2: expected a token, got a blank"):
      self.load(b"a\n\nb\n")

  def test_repeated_token_is_named(self):
    with self.assertRaisesRegex(
        utils.UserError, "vocab.txt:3: token 'a' is already on line 1"):
      self.load(b"a\nb\na\n")

  def test_advice_on_a_tokenizer_json_writes_the_vocabulary(self):
    tokens = {"[PAD]": 0, "[UNK]": 1, "عام": 2, "##b": 3}
    folder = os.path.dirname(self.vocab_file)
    path = os.path.join(folder, "tokenizer.json")
    tokenizers.Tokenizer(tokenizers.models.WordPiece(
        tokens, unk_token="[UNK]")).save(path)
    with self.assertRaisesRegex(
        utils.UserError, "tokenizer.json: a JSON file.*from_file") as raised:
      tokenization.load_vocab(path)
    code = re.search(r"tokenizers\.Tokenizer\S*", str(raised.exception)).group()
    code = code.replace("\"tokenizer.json\"", repr(path)).replace(
        "\"FOLDER\"", repr(folder))
    eval(code, {"tokenizers": tokenizers})
    self.assertEqual(tokenization.load_vocab(
        os.path.join(folder, "vocab.txt")), tokens)

  def test_brace_as_a_token_is_no_json(self):
    self.assertEqual(list(self.load(b"{\n}\n[PAD]")), ["{", "}", "[PAD]"])
    self.assertEqual(list(self.load(b"{}\n[PAD]")), ["{}", "[PAD]"])

  def test_other_encodings_are_an_error(self):
    with self.assertRaisesRegex(
        utils.UserError, "vocab.txt:2: expected UTF-8 text, byte 1 is 0xc7"):
      self.load(b"a\nb\xc7\n")

  def test_missing_file_is_named(self):
    with self.assertRaisesRegex(utils.UserError, "vocab.txt"):
      tokenization.load_vocab(self.vocab_file)

  def test_hash_is_of_the_tokens(self):
    self.write_bytes("a\nعام\n".encode("utf-8"))
    unix = tokenization.vocab_sha256(self.vocab_file)
    # printf 'a\nعام' | sha256sum
    self.assertEqual(unix, "68f89b813229a9a94552e9641cf9c9ce"
                     "9c397a6c31c17639efacf9e16a356191")
    self.write_bytes("a\r\nعام".encode("utf-8"))
    self.assertEqual(tokenization.vocab_sha256(self.vocab_file), unix)
    self.write_bytes("عام\na\n".encode("utf-8"))
    self.assertNotEqual(tokenization.vocab_sha256(self.vocab_file), unix)

  @unittest.skipUnless(DATA, "ELECTRA_DATA is not set")
  def test_both_copies_of_a_released_vocabulary_agree(self):
    hashes = [tokenization.vocab_sha256(os.path.join(DATA, "vocab", name))
              for name in ("araelectra-vocab.txt",
                           "araelectra-base-discriminator-vocab.crlf.txt")]
    self.assertEqual(hashes[0], hashes[1])


class TextTest(unittest.TestCase):

  def test_whitespace_tokenize(self):
    self.assertEqual(tokenization.whitespace_tokenize(" a  b\tc\n"),
                     ["a", "b", "c"])
    self.assertEqual(tokenization.whitespace_tokenize(""), [])

  def test_convert_to_unicode_and_printable_text(self):
    for function in (tokenization.convert_to_unicode,
                     tokenization.printable_text):
      self.assertEqual(function("عام"), "عام")
      self.assertEqual(function("عام".encode("utf-8") + b"\xff"), "عام")
      with self.assertRaisesRegex(utils.UserError, "got NoneType: None"):
        function(None)

  def test_punctuation(self):
    found = "".join(chr(code) for code in range(128)
                    if tokenization.is_punctuation(chr(code)))
    self.assertEqual(found, "!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~")
    self.assertTrue(tokenization.is_punctuation("،"))
    self.assertFalse(tokenization.is_punctuation("€"))  # a symbol, not ASCII


if __name__ == "__main__":
  unittest.main()
