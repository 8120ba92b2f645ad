"""Tests for util.model_record."""

import contextlib
import io
import os
import tempfile
import types
import unittest

from util import model_record
from util import utils

TOKENS = ["[PAD]", "[unused1]", "[unused2]", "[UNK]", "a", "b"]


class RecordCase(unittest.TestCase):

  def setUp(self):
    super().setUp()
    folder = tempfile.TemporaryDirectory()
    self.addCleanup(folder.cleanup)
    self.folder = os.path.join(folder.name, "model")
    self.vocab_file = os.path.join(folder.name, "vocab.txt")
    self.write("model.ckpt-4.index", "")

  def write(self, name, text):
    path = os.path.join(self.folder, name)
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "w", encoding="utf-8") as f:
      f.write(text)

  def remove_weights(self):
    os.remove(os.path.join(self.folder, "model.ckpt-4.index"))


class VocabTest(RecordCase):

  def check(self, tokens, recorded=TOKENS, newline="\n"):
    """Checks a vocabulary; returns what is logged."""
    self.write("vocab.txt", "".join(token + "\n" for token in recorded))
    with open(self.vocab_file, "w", encoding="utf-8", newline="") as f:
      f.write("".join(token + newline for token in tokens))
    output = io.StringIO()
    with contextlib.redirect_stdout(output):
      model_record.check_vocab(self.folder, self.vocab_file)
    return output.getvalue()

  def test_the_same_tokens_in_another_file_are_fine(self):
    self.assertEqual(self.check(TOKENS, newline="\r\n"), "")

  def test_other_tokens_are_counted(self):
    # 'a' and 'b' exchange their rows; the new token has a reserved one.
    with self.assertRaisesRegex(
        utils.UserError, r"^.*vocab.txt: 2 of 6 tokens differ from .*model/"
        r"vocab.txt: line 5 is 'b', not 'a'. A model keeps its vocabulary: set "
        r"vocab_file to .*model/vocab.txt"):
      self.check(["[PAD]", "new", "[unused2]", "[UNK]", "b", "a"])

  def test_fewer_tokens(self):
    with self.assertRaisesRegex(
        utils.UserError, "1 of 6 tokens differ .*line 6 is missing, not 'b'"):
      self.check(TOKENS[:5])

  def test_tokens_in_reserved_rows_are_logged(self):
    # [unused2], and a row of the embeddings after the vocabulary's end.
    tokens = ["[PAD]", "[unused1]", "new", "[UNK]", "a", "b", "added"]
    self.assertIn("2 reserved rows", self.check(tokens))

  def test_without_a_vocabulary_nothing_is_known(self):
    with open(self.vocab_file, "w") as f:
      f.write("a\n")
    model_record.check_vocab(self.folder, self.vocab_file)


class SizesTest(RecordCase):

  def check(self, **sizes):
    model_record.check(self.folder, types.SimpleNamespace(
        vocab_file=self.vocab_file, transformer_sizes=lambda: dict(
            {"hidden_size": 64, "num_attention_heads": 2}, **sizes)))

  def test_heads_and_activation_are_those_of_config_json(self):
    self.write("config.json", '{"hidden_size": 64, "num_attention_heads": 4, '
               '"hidden_act": "relu"}')
    self.check(num_attention_heads=4, hidden_act="relu")
    with self.assertRaisesRegex(
        utils.UserError, '"num_attention_heads" is 2, but the weights were '
        'trained with 4, as .*config.json records'):
      self.check(hidden_act="relu")
    with self.assertRaisesRegex(utils.UserError, '"hidden_act" is "gelu", but '
                                '.* with "relu"'):
      self.check(num_attention_heads=4)

  def test_another_hidden_size_is_left_to_the_shapes(self):
    self.write("config.json", '{"hidden_size": 32, "num_attention_heads": 4}')
    self.check()

  def test_an_older_finetuned_model_has_its_hyperparameters(self):
    self.write("finetuning_run.json", '{"model_size": "small", '
               '"model_hparam_overrides": {"hidden_size": 64}}')
    with self.assertRaisesRegex(utils.UserError, "trained with 4, as .*"
                                "finetuning_run.json"):
      self.check()

  def test_a_folder_without_weights_binds_nothing(self):
    self.write("config.json", '{"hidden_size": 64, "num_attention_heads": 4}')
    self.remove_weights()
    self.check()

  def test_copies_in_subfolders_share_the_files(self):
    self.write("config.json", '{"hidden_size": 64, "num_attention_heads": 4}')
    self.write("released/model.ckpt-4.index", "")
    self.folder = os.path.join(self.folder, "released")
    with self.assertRaisesRegex(utils.UserError, "model/config.json records"):
      self.check()


class TokenizerTest(RecordCase):

  def check(self, recorded, **settings):
    self.write("tokenizer_config.json", recorded)
    model_record.check_tokenizer(self.folder, settings, "x/dataset_info.json")

  def test_each_setting_is_compared(self):
    for name, value, other, got in (
        ("do_lower_case", True, "false", "true"),
        ("strip_accents", False, "true", "false"),
        ("preprocessing", None, '"araelectra-base"', "null"),
        ("preprocessing", "araelectra-base", "null", '"araelectra-base"')):
      with self.subTest(name=name, value=value):
        with self.assertRaisesRegex(
            utils.UserError, '^x/dataset_info.json: "%s": expected %s, as .* '
            'in .*tokenizer_config.json, got %s' % (name, other, got)):
          self.check('{"%s": %s}' % (name, other), **{name: value})

  def test_unknown_settings_agree_with_everything(self):
    self.check('{"do_lower_case": null}', do_lower_case=True,
               preprocessing="araelectra-base")
    self.check('{"do_lower_case": true, "preprocessing": "x"}',
               do_lower_case=True)

  def test_a_folder_without_weights_binds_nothing(self):
    self.remove_weights()
    self.check('{"do_lower_case": false}', do_lower_case=True)


if __name__ == "__main__":
  unittest.main()
