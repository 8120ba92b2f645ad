"""Tests for pretrain.replaced_tokens."""

import glob
import os
import tempfile

import numpy as np
import tensorflow.compat.v1 as tf

from pretrain import replaced_tokens
import run_pretraining
from tests.pretrain import tiny_pretraining

VOCABULARY = {0: "[PAD]", 1: "a", 2: "b|", 3: "c", 4: "[MASK]", 5: "d"}
# "a b c d" and padding; b and d are masked, d stays as it is.
VALUES = {
    "masked": np.array([1, 4, 3, 5, 0]),
    "input_mask": np.array([1, 1, 1, 1, 0]),
    "positions": np.array([1, 3, 0]), "originals": np.array([2, 5, 0]),
    "weights": np.array([1.0, 1.0, 0.0])}


def texts_of(folder):
  """Returns [(step, text)] of a folder's event files."""
  found = []
  for path in glob.glob(os.path.join(folder, "events.out.tfevents.*")):
    for event in tf.train.summary_iterator(path):
      for value in event.summary.value:
        if value.tag == replaced_tokens.TAG:
          text, = tf.make_ndarray(value.tensor)
          found.append((event.step, text.decode("utf-8")))
  return sorted(found)


class ReplacedTokensTest(tf.test.TestCase):

  def test_tokens_of_electra(self):
    tokens = replaced_tokens.tokens_of(dict(
        VALUES, sampled=np.array([1, 3, 3, 77, 0]),
        probabilities=np.array([0.1, 0.9, 0.6, 0.2, 0.0])), VOCABULARY)
    self.assertEqual(tokens, [
        ("a", "a", "a", False, 0.1), ("b|", "[MASK]", "c", True, 0.9),
        ("c", "c", "c", False, 0.6), ("d", "d", "[77]", True, 0.2)])

  def test_tokens_of_masked_lm_have_predictions(self):
    tokens = replaced_tokens.tokens_of(
        dict(VALUES, predictions=np.array([2, 1, 0])), VOCABULARY)
    self.assertEqual([token.sampled for token in tokens], ["a", "b|", "c", "a"])
    self.assertIsNone(tokens[0].probability)

  def test_markdown_lists_masked_and_wrongly_flagged_tokens(self):
    tokens = [replaced_tokens.Token("a", "a", "a", False, 0.1),
              replaced_tokens.Token("b|", "[MASK]", "##c", True, 0.9),
              replaced_tokens.Token("c", "c", "c", False, 0.6)]
    self.assertEqual(replaced_tokens.as_markdown(tokens).split("\n"), [
        "masked: a \\[MASK\\] c", "", "sampled: a **\\#\\#c** c", "",
        "| original | sampled | probability of replaced |", "|:--|:--|--:|",
        "| b\\| | \\#\\#c | 0.90 |", "| c | (not masked) | 0.60 |"])


class SampledTextTest(tf.test.TestCase):

  def _train(self, **changes):
    """Returns [(step, text)] that a training wrote."""
    folder = tempfile.mkdtemp(dir=self.get_temp_dir())
    config = tiny_pretraining.make_data(folder, **dict(
        changes, save_checkpoints_steps=2))
    run_pretraining.run(config)
    return texts_of(config.model_dir)

  def test_training_writes_a_text_at_its_start_and_with_checkpoints(self):
    texts = self._train()
    self.assertEqual([step for step, _ in texts], [1, 2, 4, 6])
    for _, text in texts:
      self.assertRegex(text, r"masked: \\\[CLS\\\] .*\\\[SEP\\\]\n")
      self.assertRegex(text, r"\| w\d+ \| (\w+|\\\[\w+\\\]) \| 0\.\d\d \|")

  def test_accumulation_and_masked_lm_write_texts_too(self):
    for changes in ({"gradient_accumulation_steps": 2},
                    {"electra_objective": False}):
      with self.subTest(**changes):
        texts = self._train(**changes)
        self.assertLen(texts, 4)


if __name__ == "__main__":
  tf.test.main()
