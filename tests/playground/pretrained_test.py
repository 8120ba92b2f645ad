"""Tests for playground.pretrained, with golden weights of tiny models."""

import os
import tempfile
import unittest

import numpy as np

import demo
from tests import export_model_test
from tests.model import hf_models
from tests.playground import models
from util import utils


class PretrainedModelTest(unittest.TestCase):

  @classmethod
  def setUpClass(cls):
    super().setUpClass()
    cls.folder = tempfile.TemporaryDirectory()
    path = os.path.join(cls.folder.name, "x")
    models.write_pretrained(path)
    cls.model = demo.load(path)

  @classmethod
  def tearDownClass(cls):
    cls.folder.cleanup()
    super().tearDownClass()

  def assert_refused(self, message, action, text):
    with self.assertRaisesRegex(utils.UserError, message):
      self.model.run(action, {"text": text})

  def test_model_describes_itself(self):
    self.assertEqual([action.name for action in self.model.actions],
                     ["fill_mask", "discriminate"])
    self.assertEqual(self.model.about["kind"], "pre-trained")
    self.assertEqual(self.model.about["step"], 100)
    self.assertEqual(self.model.about["max_tokens"], models.NUM_POSITIONS)

  def test_fill_mask_predicts_the_likeliest_tokens_of_every_mask(self):
    result = self.model.run("fill_mask", {"text": "t7 [MASK] t9 t10[MASK]"})
    self.assertEqual(result["tokens"], ["t7", "[MASK]", "t9", "t10", "[MASK]"])
    self.assertEqual([mask["position"] for mask in result["masks"]], [1, 4])
    for mask in result["masks"]:
      probabilities = [one["probability"] for one in mask["predictions"]]
      self.assertEqual(len(probabilities), 10)
      self.assertEqual(probabilities, sorted(probabilities, reverse=True))
      self.assertGreater(probabilities[0], 1 / 160.0)  # 160 tokens
      self.assertLess(sum(probabilities), 1)

  def test_discriminate_gives_each_token_its_probability(self):
    tokens = self.model.run("discriminate", {"text": "t7 [MASK] t9"})["tokens"]
    self.assertEqual([one["token"] for one in tokens], ["t7", "[MASK]", "t9"])
    # In NumPy: sigmoid(dense_1(gelu(dense(hidden)))).

    ids = np.array([[2, 7, 4, 9, 3]], np.int32)
    features = {"input_ids": ids, "input_mask": np.ones_like(ids),
                "segment_ids": np.zeros_like(ids)}
    logits = export_model_test.discriminator_logits(
        hf_models.load("pretrain/pretrain_electra.npz")["var"],
        hf_models.run_encoder(os.path.join(self.folder.name, "x"), features))
    np.testing.assert_allclose([one["probability"] for one in tokens],
                               1 / (1 + np.exp(-logits[0, 1:-1])), rtol=1e-4)

  def test_control_tokens_in_a_text_are_text(self):
    tokens = self.model.run("discriminate", {"text": "t7 [SEP] t9"})["tokens"]
    self.assertNotIn("[SEP]", [one["token"] for one in tokens])

  def test_text_without_mask_is_refused(self):
    self.assert_refused(r"has no \[MASK\]\. Put it", "fill_mask", "t7 t8")

  def test_text_that_is_too_long_is_refused_with_both_numbers(self):
    self.model.run("discriminate", {"text": "t7 " * 62})
    self.assert_refused("has 63 tokens, the model takes at most 62",
                        "discriminate", "t7 " * 63)

  def test_text_without_tokens_is_refused(self):
    self.assert_refused("has no tokens", "discriminate", "\u200f")

  def test_masked_language_model_has_no_discriminator(self):
    path = os.path.join(self.folder.name, "mlm")
    models.write_pretrained(path, "mlm")
    model = demo.load(path, passed={"electra_objective": False})
    self.assertEqual([action.name for action in model.actions], ["fill_mask"])
    with self.assertRaisesRegex(utils.UserError, "one of the actions fill"):
      model.run("discriminate", {"text": "t7"})

  def test_text_is_cleaned_as_recorded_with_the_model(self):
    path = os.path.join(self.folder.name, "cleaned")
    models.write_pretrained(path)
    tokens = hf_models.SPECIAL + ["كتب", "كَتَبَ"] + [
        "t%d" % i for i in range(7, 160)]
    with utils.write_atomically(os.path.join(path, "vocab.txt")) as f:
      f.write("".join(token + "\n" for token in tokens))
    utils.write_json({"do_lower_case": False, "strip_accents": False,
                      "preprocessing": "araelectra-base"},
                     os.path.join(path, "tokenizer_config.json"))
    result = demo.load(path).run("discriminate", {"text": "كَتَبَ"})
    self.assertEqual([one["token"] for one in result["tokens"]], ["كتب"])


if __name__ == "__main__":
  unittest.main()
