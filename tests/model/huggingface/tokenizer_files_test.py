"""Tests for tokenizer_files: ids equal those of model.tokenization."""

import json
import os
import random
import re
import tempfile
import unittest

import tokenizers

from model import tokenization
from model.huggingface import tokenizer_files
from tests.model import tokenization_fuzz
from util import model_files
from util import utils

GOLDEN = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..",
                      "golden")
SPECIAL = list(tokenization.SPECIAL_TOKENS)


class FolderTest(unittest.TestCase):

  def setUp(self):
    super().setUp()
    folder = tempfile.TemporaryDirectory()
    self.addCleanup(folder.cleanup)
    self.folder = os.path.join(folder.name, "hf")
    self.vocab_file = os.path.join(folder.name, "vocab.txt")

  def tokenizer(self, tokens, *args):
    with open(self.vocab_file, "w", encoding="utf-8", newline="\n") as f:
      f.write("\n".join(tokens))
    return tokenization.FullTokenizer(self.vocab_file, *args)


class IdsTest(FolderTest):

  def reopened(self, tokenizer):
    """Returns the built tokenizer as read back from its JSON."""
    return tokenizers.Tokenizer.from_str(
        tokenizer_files.build(tokenizer).to_str())

  def check_ids(self, tokenizer, lines, expected):
    built = self.reopened(tokenizer)
    num_compared = 0
    for line, ids in zip(lines, expected):
      if any(token in line for token in SPECIAL):
        continue  # Hugging Face turns their text into the tokens
      found = built.encode(line, add_special_tokens=False).ids
      self.assertEqual(found, ids, repr(line))
      num_compared += 1
    return num_compared

  def check_golden(self, name, do_lower_case):
    with open(os.path.join(GOLDEN, name), encoding="utf-8") as f:
      golden = json.load(f)
    self.assertGreater(self.check_ids(
        self.tokenizer(golden["vocab"], do_lower_case), golden["lines"],
        golden["ids"]), 100)

  def test_golden_arabic_lines(self):
    self.check_golden("tokens_ar.json", do_lower_case=False)

  def test_golden_english_lines(self):
    self.check_golden("tokens_en.json", do_lower_case=True)

  def test_random_lines(self):
    for name, (do_lower_case, strip_accents, arabert) in sorted(
        tokenization_fuzz.SETTINGS.items()):
      with self.subTest(name):
        rng = random.Random(4)
        # Half of a surrogate pair is not UTF-8: no text of Hugging Face's.
        lines = [re.sub("[\ud800-\udfff]", "", tokenization_fuzz.random_line(
            rng)) for _ in range(400)]
        tokenizer = self.tokenizer(tokenization_fuzz.vocab_of(
            lines, rng, do_lower_case=do_lower_case,
            strip_accents=strip_accents, arabert=arabert), do_lower_case,
                                   strip_accents)
        self.assertGreater(self.check_ids(
            tokenizer, lines, [tokenizer.encode(line) for line in lines]), 200)

  def test_final_sigma(self):
    tokenizer = self.tokenizer(
        SPECIAL + ["ς", "σ", "##ς", "##σ", "α", "##α", "."], True, False)
    lines = ["Σ", "ΑΣ", "ΑΣ ΑΣΑ", "ΑΣ.Α", "Α\u0301\u0301ΣΣ", "ΑΣ'"]
    built = self.reopened(tokenizer)
    self.assertEqual(built.encode("ΑΣ", add_special_tokens=False).tokens,
                     ["α", "##ς"])
    self.assertEqual(self.check_ids(
        tokenizer, lines, [tokenizer.encode(line) for line in lines]), 6)

  def test_special_tokens_of_a_pair(self):
    built = self.reopened(self.tokenizer(SPECIAL + ["a", "b"]))
    encoded = built.encode("a [MASK]", "b a")
    self.assertEqual(encoded.tokens, [
        "[CLS]", "a", "[MASK]", "[SEP]", "b", "a", "[SEP]"])
    self.assertEqual(encoded.type_ids, [0, 0, 0, 0, 1, 1, 1])
    self.assertEqual(built.decode([5, 4, 6]), "a b")


class FilesTest(FolderTest):

  def test_files(self):
    tokens = SPECIAL + list(tokenization.ARABERT_TOKENS) + ["+ات", "ب"]
    tokenizer_files.write_files(self.folder, self.tokenizer(tokens, False), 512,
                             "araelectra-base")
    config = utils.load_json(os.path.join(self.folder, "tokenizer_config.json"))
    self.assertEqual(config["tokenizer_class"], "PreTrainedTokenizerFast")
    self.assertEqual(config["never_split"], ["[رابط]", "[بريد]", "[مستخدم]"])
    self.assertEqual(config["model_max_length"], 512)
    self.assertIs(config["do_lower_case"], False)
    self.assertEqual(
        utils.load_json(os.path.join(self.folder, "special_tokens_map.json")),
        {"pad_token": "[PAD]", "unk_token": "[UNK]", "cls_token": "[CLS]",
         "sep_token": "[SEP]", "mask_token": "[MASK]"})
    with open(os.path.join(self.folder, "vocab.txt"), "rb") as f:
      self.assertEqual(f.read().decode("utf-8"), "\n".join(tokens) + "\n")
    built = tokenizers.Tokenizer.from_file(
        os.path.join(self.folder, "tokenizer.json"))
    self.assertEqual(built.encode("[رابط] ب+ات").tokens,
                     ["[CLS]", "[رابط]", "[UNK]", "[SEP]"])
    self.assertEqual(model_files.TokenizerSettings.read(self.folder).known(), {
        "do_lower_case": False, "strip_accents": False,
        "preprocessing": "araelectra-base"})

  def test_vocabulary_of_tokenizer_json(self):
    tokenizer_files.write_files(
        self.folder, self.tokenizer(SPECIAL + ["b", "a"]), 512)
    os.remove(os.path.join(self.folder, "vocab.txt"))
    vocab = tokenizer_files.read_vocab(self.folder)
    self.assertEqual(sorted(vocab, key=vocab.get), SPECIAL + ["b", "a"])

  def test_no_vocabulary(self):
    self.assertIsNone(tokenizer_files.read_vocab(self.folder))

  def test_vocabulary_of_another_model_is_an_error(self):
    utils.write_json({"model": {"type": "BPE", "vocab": {"a": 0}}},
                     os.path.join(self.folder, "tokenizer.json"))
    with self.assertRaisesRegex(utils.UserError, "WordPiece.*type BPE"):
      tokenizer_files.read_vocab(self.folder)

  def test_gap_in_ids_is_an_error(self):
    utils.write_json({"model": {"type": "WordPiece", "vocab": {"a": 1}}},
                     os.path.join(self.folder, "tokenizer.json"))
    with self.assertRaisesRegex(utils.UserError, "ids 0 to 0"):
      tokenizer_files.read_vocab(self.folder)


if __name__ == "__main__":
  unittest.main()
