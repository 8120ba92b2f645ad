"""Tests for pretrain.training_step."""

import collections
import os
import tempfile
from unittest import mock

import numpy as np
import pytest
import tensorflow.compat.v1 as tf

from model import loss_scale
from pretrain import training_step
from tests.pretrain import tiny_pretraining
from util import data_parallel
from util import mixed_precision
from util import utils

NO_DROPOUT = dict(
    tiny_pretraining.HPARAMS["model_hparam_overrides"],
    hidden_dropout_prob=0.0, attention_probs_dropout_prob=0.0)


class WithFeatures(tf.test.TestCase):

  def setUp(self):
    super().setUp()
    self.folder = tempfile.mkdtemp(dir=self.get_temp_dir())
    tiny_pretraining.write_vocab(self.folder)

  def _features(self):
    """Four examples with 8, 7, 6 and 5 words, so that no part is average."""
    ids = np.random.RandomState(0).randint(5, 40, [4, 12])
    mask = np.ones([4, 12], np.int64)
    for row in range(4):
      ids[row, 0], ids[row, 9 - row] = 2, 3
      ids[row, 10 - row:] = mask[row, 10 - row:] = 0
    return {"input_ids": tf.constant(ids, tf.int32),
            "input_mask": tf.constant(mask, tf.int32),
            "segment_ids": tf.zeros([4, 12], tf.int32)}


class StepTest(WithFeatures):

  def _norm_and_losses(self, **changes):
    """Returns (norm, losses and metrics); weights depend on names."""
    config = tiny_pretraining.make_config(
        self.folder, model_hparam_overrides=NO_DROPOUT, temperature=1e-30,
        **changes)
    with tf.Graph().as_default(), tf.Session() as session:
      step = training_step.build(config, self._features())
      session.run(tf.global_variables_initializer())
      tiny_pretraining.load_weights(session)
      return session.run([
          step.grad_norm, dict(step.losses, **step.metrics)])

  def _check_parts(self, num_parts, **objective):
    norm, losses = self._norm_and_losses(**objective)
    part_norm, part_losses = self._norm_and_losses(
        gradient_accumulation_steps=num_parts, **objective)
    self.assertAllClose(part_norm, norm, rtol=1e-4)
    self.assertEqual(sorted(part_losses), sorted(losses))
    for name, loss in losses.items():
      self.assertAllClose(part_losses[name], loss, rtol=1e-5)

  def test_parts_of_a_batch_add_up_to_it(self):
    self._check_parts(2)

  @pytest.mark.slow
  def test_parts_of_a_batch_add_up_to_it_for_electric(self):
    self._check_parts(4, electra_objective=False, electric_objective=True)

  def test_graph_does_not_grow_with_the_number_of_parts(self):
    sizes = []
    for num_parts in (2, 4):
      config = tiny_pretraining.make_config(
          self.folder, gradient_accumulation_steps=num_parts)
      with tf.Graph().as_default() as graph:
        training_step.build(config, self._features())
        sizes.append(len(graph.get_operations()))
    self.assertLess(sizes[1] - sizes[0], 0.01 * sizes[0])

  def test_parts_of_two_ranks_add_up_to_the_batch(self):
    losses = []
    for rank in range(2):
      with mock.patch.dict(os.environ, {
          "HOROVOD_RANK": str(rank), "HOROVOD_SIZE": "2"}), mock.patch.object(
              data_parallel, "sum_over_ranks", list):
        losses.append(self._norm_and_losses()[1])
    _, expected = self._norm_and_losses()
    for name in ("loss", "mlm_loss", "disc_loss"):
      loss = expected[name]
      self.assertAllClose(losses[0][name] + losses[1][name], loss, rtol=1e-5)
      self.assertNotAllClose(losses[0][name], losses[1][name])

  def test_ranks_reduce_each_weight_once(self):
    reduced = []

    def record(tensors):
      reduced.extend(tensors)
      return list(tensors)

    config = tiny_pretraining.make_config(self.folder)
    with mock.patch.dict(os.environ, {
        "HOROVOD_RANK": "0", "HOROVOD_SIZE": "2"}), mock.patch.object(
            data_parallel, "sum_over_ranks", record), tf.Graph().as_default():
      training_step.build(config, self._features())
      num_weights = sum(variable.shape.num_elements()
                        for variable in tf.trainable_variables())
    self.assertEqual({tensor.dtype for tensor in reduced}, {tf.float32})
    scalars, *grads = [tensor.shape.num_elements() for tensor in reduced]
    self.assertLess(scalars, 20)  # losses and counts
    self.assertEqual(sum(grads), num_weights)

  def test_a_step_that_is_not_finite_changes_nothing_but_the_count(self):
    self._check_guard("skip", 2)

  def test_a_step_that_a_run_stops_at_does_not_count(self):
    # A checkpoint due after it would have it done: resumed, it would be left
    # out.
    self._check_guard("stop", 1)

  def _check_guard(self, nan_policy, num_steps):
    """Does a step that is not finite, then one that is."""
    config = tiny_pretraining.make_config(
        self.folder, num_warmup_steps=0, model_hparam_overrides=NO_DROPOUT,
        nan_policy=nan_policy)
    with tf.Graph().as_default(), tf.Session() as session:
      step = training_step.build(config, self._features())
      session.run(tf.global_variables_initializer())
      bias, = [variable for variable in tf.trainable_variables()
               if variable.op.name == "generator_predictions/output_bias"]
      others = [variable for variable in tf.global_variables()
                if variable.op.name not in ("global_step", bias.op.name)]
      before = session.run(others)
      bias.load(np.full(40, np.inf), session)
      self.assertFalse(session.run([step.is_finite, step.op])[0])
      for old, new in zip(before, session.run(others)):
        self.assertAllEqual(old, new)
      bias.load(np.zeros(40), session)
      self.assertTrue(session.run([step.is_finite, step.op])[0])
      changed = [not np.array_equal(old, new)
                 for old, new in zip(before, session.run(others))]
      self.assertGreater(sum(changed), len(changed) // 2)
      self.assertEqual(session.run(tf.train.get_global_step()), num_steps)


class LossScaleTest(WithFeatures):
  """Training steps as on a GPU in float16, but computed in float32."""

  def setUp(self):
    super().setUp()
    patch = mock.patch.object(
        mixed_precision, "uses_float16", lambda config: config.use_amp)
    patch.start()
    self.addCleanup(patch.stop)

  def _run(self, num_steps, **changes):
    """Returns ({name: value} of each step, the final variables)."""
    config = tiny_pretraining.make_config(
        self.folder, num_warmup_steps=0, **changes)
    session_config = tf.ConfigProto()  # optimizing the graph takes longest
    session_config.graph_options.rewrite_options.disable_meta_optimizer = True
    with tf.Graph().as_default(), tf.Session(config=session_config) as session:
      step = training_step.build(config, self._features())
      session.run(tf.global_variables_initializer())
      tiny_pretraining.load_weights(session)
      values = [session.run([dict(
          step.losses, grad_norm=step.grad_norm), step.op])[0]
                for _ in range(num_steps)]
      return values, {variable.op.name: session.run(variable)
                      for variable in tf.global_variables()}

  def test_it_changes_nothing_but_rounding(self):
    for changes in ({}, {"gradient_accumulation_steps": 2}):
      with self.subTest(**changes):
        plain, weights = self._run(3, **changes)
        scaled, others = self._run(3, use_amp=True, **changes)
        self.assertAllClose(scaled, plain, rtol=1e-4)
        self.assertEqual(others.pop("loss_scale/scale"), 2.0 ** 15)
        self.assertEqual(others.pop("loss_scale/num_steps"), 3.0)
        self.assertEqual(others.pop("global_step"), 3)
        self.assertEqual(sorted(others), sorted(set(weights) - {"global_step"}))

  def test_an_overflow_repeats_the_step(self):
    # The first scale is too large for float32 already.
    with mock.patch.object(loss_scale, "INITIAL_SCALE", 2.0 ** 127):
      values, weights = self._run(2, use_amp=True, gen_weight=1e4)
    plain, _ = self._run(2, gen_weight=1e4)
    self.assertAllClose(values, plain, rtol=1e-4)
    self.assertLess(weights["loss_scale/scale"], 2.0 ** 127)
    self.assertEqual(weights["global_step"], 2)

  def test_an_infinite_weight_ends_the_step_without_an_update(self):
    config = tiny_pretraining.make_config(self.folder, use_amp=True)
    with tf.Graph().as_default(), tf.Session() as session:
      step = training_step.build(config, self._features())
      session.run(tf.global_variables_initializer())
      bias, = [variable for variable in tf.trainable_variables()
               if variable.op.name == "generator_predictions/output_bias"]
      bias.load(np.full(40, np.inf), session)
      self.assertFalse(session.run([step.is_finite, step.op])[0])
      self.assertEqual(session.run(tf.train.get_global_step()), 0)


class DiagnosisTest(WithFeatures):
  """The first non-finite term of a training step."""

  def _first_non_finite(self, name, value):
    """Returns its label when a variable has `value`."""
    config = tiny_pretraining.make_config(
        self.folder, model_hparam_overrides=NO_DROPOUT)
    with tf.Graph().as_default(), tf.Session() as session:
      step = training_step.build(config, self._features())
      session.run(tf.global_variables_initializer())
      variable, = [variable for variable in tf.trainable_variables()
                   if variable.op.name == name]
      variable.load(np.full(variable.shape.as_list(), value), session)
      is_finite, terms = session.run([step.is_finite, step.finite_checks])
    self.assertFalse(is_finite)
    return next(name for name, value in terms.items()
                if not np.isfinite(value))

  def test_generator(self):
    self.assertEqual(self._first_non_finite(
        "generator_predictions/output_bias", np.nan), "mlm_loss")

  def test_discriminator(self):
    self.assertEqual(self._first_non_finite(
        "discriminator_predictions/dense_1/bias", np.inf), "disc_loss")

  def test_gradients_are_checked_from_the_top(self):
    # Finite losses; only the gradients overflow, behind the layer norm.
    self.assertEqual(self._first_non_finite(
        "discriminator_predictions/dense_1/kernel", 1e25),
                     "the gradient of discriminator_predictions")

  def test_group_of(self):
    for name, group in (
        ("electra/encoder/layer_0/attention/self/query/kernel",
         "electra/encoder/layer_0"),
        ("generator/embeddings_project/kernel", "generator/embeddings_project"),
        ("electra/embeddings/word_embeddings", "electra/embeddings"),
        ("generator_predictions/dense/kernel", "generator_predictions")):
      self.assertEqual(training_step.group_of(name), group)


class FiniteHookTest(tf.test.TestCase):

  def _run(self, are_finite, nan_policy, terms=()):
    """Runs steps that are finite or not, with (label, value) terms."""
    with tf.Graph().as_default():
      step = tf.train.get_or_create_global_step()
      is_finite = tf.placeholder(tf.bool, [])
      hook = training_step.FiniteHook(training_step.TrainingStep(
          op=None, losses={}, metrics={}, sample={}, learning_rate=None,
          grad_norm=None, is_finite=is_finite,
          finite_checks=collections.OrderedDict(
              (name, tf.constant(value)) for name, value in terms)), nan_policy)
      train_op = step.assign_add(1)
      with tf.train.MonitoredSession(hooks=[hook]) as session:
        for value in are_finite:
          session.run(train_op, {is_finite: value})

  def test_stop_names_the_step(self):
    with self.assertRaisesRegex(
        utils.UserError, "Step 3: training diverged: .* Lower learning_rate "
        ".* \"nan_policy\": \"skip\""):
      self._run([True, True, False, True], "stop")

  def test_stop_names_the_first_non_finite_term(self):
    with self.assertRaisesRegex(
        utils.UserError, "Step 1: .*: disc_loss is inf .and 1 of 2 other terms "
        "are non-finite.. The update was not applied or saved"):
      self._run([False], "stop", [
          ("mlm_loss", 1.0), ("disc_loss", np.inf), ("loss", np.nan)])

  def test_finite_terms_of_an_infinite_norm(self):
    with self.assertRaisesRegex(
        utils.UserError, "the global gradient norm overflowed float32"):
      self._run([False], "stop", [("loss", 1.0)])

  def test_skip_continues(self):
    self._run([True, False, True, False], "skip")

  def test_skip_gives_up_in_the_end(self):
    with self.assertRaisesRegex(
        utils.UserError, "the last 100 gradients were NaN"):
      self._run([True] + [False] * 100, "skip")


if __name__ == "__main__":
  tf.test.main()
