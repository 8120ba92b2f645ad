"""Tests for pretrain.pretraining_model, electric and heads."""

import json
import os

import numpy as np
import pytest
import tensorflow.compat.v1 as tf

import configure_pretraining
from pretrain import pretraining_model
from pretrain import starting_weights
from tests.pretrain import golden_runs
from tests.pretrain import tiny_pretraining

TOLERANCE = 1e-5  # relative to the largest element
# TensorFlow's Adam computes 1 - beta_2 in float32: 0.00099998713, which is
# 1.3e-5 below the 0.001 that the reference multiplies with.
SLOT_TOLERANCE = 2e-5


class GoldenTest(tf.test.TestCase):

  def _check(self, objective):
    run = golden_runs.run(objective)
    self._compare(run.golden, "out/", dict(
        run.out, losses_over_steps=run.losses))
    self._compare(run.golden, "grad/", run.grad, atol=1e-7)
    self._compare(run.golden, "after/", run.after, rtol=SLOT_TOLERANCE,
                  atol=1e-9)

  def _compare(self, golden, prefix, got, rtol=TOLERANCE, atol=0.0):
    self.assertEqual(
        sorted(got), sorted(name[len(prefix):] for name in golden
                            if name.startswith(prefix) and
                            name != "out/global_step"))
    for name, value in got.items():
      wanted = golden[prefix + name]
      self.assertAllClose(
          value, wanted, rtol=0, msg=prefix + name,
          atol=atol + rtol * np.max(np.abs(wanted)))

  def test_electra(self):
    self._check("electra")

  def test_electric(self):
    self._check("electric")

  @pytest.mark.slow
  def test_untied_embeddings(self):
    self._check("untied_embeddings")

  @pytest.mark.slow
  def test_tied_generator(self):
    self._check("tied")

  @pytest.mark.slow
  def test_uniform_generator(self):
    self._check("uniform")

  @pytest.mark.slow
  def test_masked_lm(self):
    self._check("mlm")

  @pytest.mark.slow
  def test_disallow_correct(self):
    self._check("disallow_correct")


RELEASED = {
    "electra_small": dict(model_size="small", vocab_size=30522,
                          generator_hidden_size=1.0),
    "electra_small_owt": dict(model_size="small", vocab_size=30522),
    "electra_base": dict(model_size="base", vocab_size=30522),
    "electra_large": dict(model_size="large", vocab_size=30522),
    "araelectra_base": dict(model_size="base", vocab_size=64000),
}


class ReleasedSizesTest(tf.test.TestCase):

  def _check(self, name):
    with open(os.path.join(
        golden_runs.GOLDEN, "variables_of_released_sizes.json")) as f:
      wanted = json.load(f)[name]
    config = configure_pretraining.PretrainingConfig(
        "released", "data", vocab_file=os.path.join(
            golden_runs.GOLDEN, "tiny_vocab.txt"), **RELEASED[name])
    with tf.Graph().as_default():
      starting_weights.build_model(config)
      got = {var.op.name: var.shape.as_list()
             for var in tf.trainable_variables()}
    self.assertEqual(got, wanted)

  def test_electra_small_owt(self):
    self._check("electra_small_owt")

  def test_araelectra_base(self):
    self._check("araelectra_base")

  @pytest.mark.slow
  def test_electra_small(self):
    self._check("electra_small")

  @pytest.mark.slow
  def test_electra_base(self):
    self._check("electra_base")

  @pytest.mark.slow
  def test_electra_large(self):
    self._check("electra_large")


class ObjectivesTest(tf.test.TestCase):

  def test_fakes_are_told_from_the_original_tokens(self):
    golden = golden_runs.load("electra")
    with tf.Graph().as_default(), tf.Session() as session:
      model = pretraining_model.PretrainingModel(
          golden_runs.config("electra"), golden_runs.features(golden),
          is_training=True)
      session.run(tf.global_variables_initializer())
      faked, sampled = session.run(
          [model.fake_data, model.fake_data.sampled_tokens])
    original = golden["in/input_ids"]
    self.assertAllEqual(faked.is_fake_tokens,
                        faked.inputs.input_ids != original)
    for row in range(4):
      for i, position in enumerate(golden["in/masked_lm_positions"][row]):
        if golden["in/masked_lm_weights"][row, i]:
          self.assertEqual(faked.inputs.input_ids[row, position],
                           sampled[row, i])
    # 11 positions are hidden; the fresh generator guesses at most a few.
    self.assertBetween(faked.is_fake_tokens.sum(), 8, 11)

  def test_one_step_draws_the_same_again_and_another_step_does_not(self):
    folder = self.get_temp_dir()
    tiny_pretraining.write_vocab(folder)
    config = tiny_pretraining.make_config(folder)
    ids = np.full([4, 12], 10)
    ids[:, 0] = 2
    features = {"input_ids": tf.constant(ids, tf.int32),
                "input_mask": tf.ones([4, 12], tf.int32),
                "segment_ids": tf.zeros([4, 12], tf.int32)}
    model = pretraining_model.PretrainingModel(
        config, features, is_training=True)
    step = tf.train.get_global_step()
    with self.session() as session:
      session.run(tf.global_variables_initializer())
      losses = []
      for global_step in (3, 3, 4):
        step.load(global_step, session)
        losses.append(session.run(model.total_loss))
    self.assertEqual(losses[0], losses[1])
    self.assertNotEqual(losses[0], losses[2])


if __name__ == "__main__":
  tf.test.main()
