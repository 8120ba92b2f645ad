"""Tests for model.model_sizes."""

import collections
import unittest

import configure_pretraining
from model import model_sizes
from model import modeling
from util import utils

Fractions = collections.namedtuple(
    "Fractions", ["generator_hidden_size", "generator_layers"])


def pretraining_config(**hparams):
  return configure_pretraining.PretrainingConfig(
      "model", "data", vocab_size=100, **hparams)


class BertConfigOfSizesTest(unittest.TestCase):

  def check(self, config, num_layers, hidden_size, num_heads, ff):
    bert_config = model_sizes.get_bert_config(config)
    self.assertEqual(
        (bert_config.num_hidden_layers, bert_config.hidden_size,
         bert_config.num_attention_heads, bert_config.intermediate_size),
        (num_layers, hidden_size, num_heads, ff))
    self.assertEqual(bert_config.vocab_size, 100)

  def test_small(self):
    self.check(pretraining_config(model_size="small"), 12, 256, 4, 1024)

  def test_base(self):
    self.check(pretraining_config(model_size="base"), 12, 768, 12, 3072)

  def test_large(self):
    self.check(pretraining_config(model_size="large"), 24, 1024, 16, 4096)

  def test_debug(self):
    self.check(pretraining_config(debug=True), 3, 144, 4, 576)

  def test_overrides_win(self):
    config = pretraining_config(model_hparam_overrides={
        "hidden_size": 32, "num_attention_heads": 2, "hidden_act": "relu"})
    self.check(config, 12, 32, 2, 3072)
    self.assertEqual(model_sizes.get_bert_config(config).hidden_act, "relu")

  def test_embedding_size_is_the_hidden_size_if_null(self):
    for hparams, expected in ((dict(model_size="small"), 128),
                              (dict(model_size="base"), 768),
                              (dict(embedding_size=64), 64)):
      config = pretraining_config(**hparams)
      bert_config = model_sizes.get_bert_config(config)
      self.assertEqual(
          model_sizes.get_embedding_size(config, bert_config), expected)


class GeneratorConfigTest(unittest.TestCase):

  def generator(self, model_size, hidden_size, layers=1.0):
    bert_config = model_sizes.get_bert_config(
        pretraining_config(model_size=model_size))
    return model_sizes.get_generator_config(
        Fractions(hidden_size, layers), bert_config)

  def check(self, config, num_layers, hidden_size, num_heads):
    self.assertEqual(
        (config.num_hidden_layers, config.hidden_size,
         config.num_attention_heads, config.intermediate_size),
        (num_layers, hidden_size, num_heads, 4 * hidden_size))

  def test_released_sizes(self):
    self.check(self.generator("small", 0.25), 12, 64, 1)
    self.check(self.generator("small", 1.0), 12, 256, 4)
    self.check(self.generator("base", 0.33333), 12, 256, 4)
    self.check(self.generator("large", 0.25), 24, 256, 4)

  def test_fewer_layers(self):
    self.check(self.generator("base", 0.25, 0.5), 6, 192, 3)

  def test_narrow_generator_has_one_head(self):
    bert_config = modeling.BertConfig(
        vocab_size=9, hidden_size=32, num_attention_heads=2)
    self.check(model_sizes.get_generator_config(
        Fractions(0.25, 1.0), bert_config), 12, 8, 1)

  def test_other_sizes_are_the_discriminators(self):
    config = self.generator("base", 0.25)
    self.assertEqual((config.vocab_size, config.hidden_dropout_prob,
                      config.max_position_embeddings), (100, 0.1, 512))

  def test_indivisible_hidden_size_names_the_hparam(self):
    # 0.34 * 768 = 261.12; 261 // 64 = 4 heads; 4 * 64 = 256 = 0.333 * 768.
    with self.assertRaisesRegex(
        utils.UserError,
        "generator_hidden_size: 0.34 gives.* 261, .* 4 attention.* to 0.333"):
      self.generator("base", 0.34)

  def test_size_of_0_names_the_hparam(self):
    with self.assertRaisesRegex(utils.UserError, "hidden_size: .* to 0"):
      self.generator("base", 0.0001)
    with self.assertRaisesRegex(utils.UserError, "layers: .* to 0"):
      self.generator("base", 0.25, 0.01)


if __name__ == "__main__":
  unittest.main()
