"""Tests for playground.pretraining_step, with golden weights of tiny models."""

import os
import tempfile
import unittest

import numpy as np

import demo
import export_model
from playground import pretraining_step
from tests.playground import models

TEXT = " ".join("t%d" % i for i in range(5, 25))


class PretrainingStepTest(unittest.TestCase):

  @classmethod
  def setUpClass(cls):
    super().setUpClass()
    cls.folder = tempfile.TemporaryDirectory()
    cls.path = os.path.join(cls.folder.name, "x")
    models.write_pretrained(cls.path)
    cls.step = cls.load(cls.path, generator_hidden_size=0.25)

  @classmethod
  def tearDownClass(cls):
    cls.folder.cleanup()
    super().tearDownClass()

  @classmethod
  def load(cls, path, **hparams):
    return pretraining_step.PretrainingStep(
        export_model.make_config(path, None, hparams), path)

  def test_step_masks_samples_and_keeps_the_other_tokens(self):
    tokens = self.step.run(TEXT, seed=3).tokens
    self.assertEqual([token.original for token in tokens],
                     ["[CLS]"] + TEXT.split() + ["[SEP]"])
    self.assertEqual(sum(token.is_masked for token in tokens), 3)  # 15 %
    for token in tokens:
      if not token.is_masked:
        self.assertEqual(token.original, token.masked)
        self.assertEqual(token.original, token.sampled)

  def test_seeds_mask_other_tokens_and_repeat(self):
    once, again, other = (self.step.run(TEXT, seed).tokens
                          for seed in (1, 1, 2))
    self.assertEqual(once, again)
    self.assertNotEqual([token.is_masked for token in once],
                        [token.is_masked for token in other])

  def test_probabilities_are_those_of_the_sampled_text(self):
    tokens = self.step.run(TEXT, seed=4).tokens
    self.assertNotEqual([token.sampled for token in tokens],
                        [token.original for token in tokens])
    expected = demo.load(self.path).run("discriminate", {
        "text": " ".join(token.sampled for token in tokens[1:-1])})["tokens"]
    np.testing.assert_allclose(
        [token.probability for token in tokens[1:-1]],
        [token["probability"] for token in expected], atol=1e-6)

  def test_attention_of_the_discriminator(self):
    attention = self.step.run(TEXT).attention
    self.assertEqual(attention.shape[2:], (22, 22))
    np.testing.assert_allclose(attention.sum(axis=-1), 1, atol=1e-5)
    # The generator runs on the masked text, the discriminator on this one.
    tokens = self.step.run(TEXT, seed=4)
    once_more = self.step.run(TEXT, seed=5)
    self.assertNotEqual([token.sampled for token in tokens.tokens],
                        [token.sampled for token in once_more.tokens])
    self.assertGreater(
        np.abs(tokens.attention - once_more.attention).max(), 1e-4)

  def test_masked_lm_has_no_discriminator(self):
    path = os.path.join(self.folder.name, "mlm")
    models.write_pretrained(path, "mlm")
    step = self.load(path, electra_objective=False).run(TEXT)
    self.assertIsNone(step.tokens[0].probability)
    np.testing.assert_allclose(step.attention.sum(axis=-1), 1, atol=1e-5)


if __name__ == "__main__":
  unittest.main()
