"""Tests for model.optimization."""

import re
from unittest import mock

import numpy as np
import tensorflow.compat.v1 as tf

from model import modeling
from model import optimization


class LearningRateTest(tf.test.TestCase):

  def rate_at(self, step, **settings):
    settings = dict(dict(learning_rate=1.0, num_train_steps=100), **settings)
    with self.session() as sess:
      return sess.run(optimization.learning_rate_at(
          tf.constant(step, tf.int64), **settings))

  def test_decays_linearly_to_0(self):
    self.assertAllClose(self.rate_at(0), 1.0)
    self.assertAllClose(self.rate_at(25), 0.75)
    self.assertAllClose(self.rate_at(100), 0.0)
    self.assertAllClose(self.rate_at(101), 0.0)  # not below

  def test_decays_with_a_power(self):
    self.assertAllClose(self.rate_at(50, lr_decay_power=2.0), 0.25)

  def test_warms_up_while_it_decays(self):
    # Step 5: 0.95 of linear decay * 5/10 of warm-up.
    self.assertAllClose(self.rate_at(5, num_warmup_steps=10), 0.475)
    self.assertAllClose(self.rate_at(0, num_warmup_steps=10), 0.0)
    self.assertAllClose(self.rate_at(20, num_warmup_steps=10), 0.8)

  def test_zero_warmup_steps(self):
    # 0/0 is nan, and what min(1, nan) is depends on the build of TensorFlow.
    self.assertAllClose(self.rate_at(0, num_warmup_steps=0), 1.0)

  def test_longer_warmup_is_used(self):
    # Step 5 of 20 (a fifth of 100): 0.95 * 0.25.
    self.assertAllClose(
        self.rate_at(5, num_warmup_steps=10, warmup_proportion=0.2), 0.2375)

  def test_late_step_is_precise(self):
    # README: 2e-4 * (4e6 + 10000) / 10000 is 2e-4 at step 4,000,000.
    self.assertAllClose(
        self.rate_at(4000000, learning_rate=2e-4 * 401,
                     num_train_steps=4010000), 2e-4, rtol=1e-4)


class LayerwiseFactorTest(tf.test.TestCase):

  def test_the_published_depths(self):
    # 12 layers: exponent 14 - depth.
    for name, exponent in (
        ("task_specific/chunk/dense/kernel", 0),
        ("electra/encoder/layer_11/output/dense/kernel", 2),
        ("electra/encoder/layer_1/output/dense/kernel", 12),
        ("electra/encoder/layer_0/attention/self/key/bias", 13),
        ("electra/embeddings/word_embeddings", 14),
        ("electra/embeddings/LayerNorm/beta", 14),
        ("electra/embeddings_project/kernel", 14)):
      self.assertAllClose(
          optimization.layerwise_factor(name, 0.8, 12), 0.8 ** exponent,
          msg=name)

  def test_other_names_are_an_error(self):
    for name in ("other/kernel", "electra/encoder/layer_12/output/dense/bias"):
      with self.assertRaisesRegex(ValueError, re.escape(name)):
        optimization.layerwise_factor(name, 0.8, 12)


class AdamInNumpy:
  """The formula of AdamWeightDecayOptimizer."""

  def __init__(self, value):
    self.value = np.array(value, np.float64)
    self.first = np.zeros_like(self.value)
    self.second = np.zeros_like(self.value)

  def update(self, grad, rate, decay):
    self.first = 0.9 * self.first + 0.1 * grad
    self.second = 0.999 * self.second + 0.001 * grad ** 2
    step = self.first / (np.sqrt(self.second) + 1e-6) + decay * self.value
    self.value = self.value - rate * step


class AdamWeightDecayOptimizerTest(tf.test.TestCase):

  def check_against_numpy(self, use_resource):
    rng = np.random.RandomState(0)
    names = ["a/kernel", "a/bias", "a/LayerNorm/gamma", "b/layer_norm/beta"]
    with tf.Graph().as_default(), self.session() as sess:
      references, variables, feeds = [], [], []
      for name in names:
        references.append(AdamInNumpy(rng.randn(3, 2)))
        variables.append(tf.get_variable(
            name, initializer=tf.constant(references[-1].value, tf.float32),
            use_resource=use_resource))
        feeds.append(tf.placeholder(tf.float32, [3, 2]))
      optimizer = optimization.AdamWeightDecayOptimizer(
          0.01, weight_decay_rate=0.5)
      op = optimizer.apply_gradients(zip(feeds, variables))
      sess.run(tf.global_variables_initializer())
      for _ in range(4):
        grads = [rng.randn(3, 2) for _ in names]
        sess.run(op, dict(zip(feeds, grads)))
        for name, reference, grad in zip(names, references, grads):
          reference.update(grad, 0.01, 0.5 if name == "a/kernel" else 0.0)
      for variable, reference in zip(variables, references):
        self.assertAllClose(sess.run(variable), reference.value, atol=1e-6)
        self.assertAllClose(sess.run(optimizer.get_slot(variable, "m")),
                            reference.first, atol=1e-6)
        self.assertAllClose(sess.run(optimizer.get_slot(variable, "v")),
                            reference.second, atol=1e-6)

  def test_equals_numpy(self):
    self.check_against_numpy(use_resource=True)

  def test_equals_numpy_with_reference_variables(self):
    self.check_against_numpy(use_resource=False)

  def test_clips_in_apply_gradients_with_clip_norm(self):
    # On TPUs gradients are averaged inside the wrapping optimizer. The gradient
    # (3, 4) of norm 5 becomes (0.6, 0.8).
    variable = tf.get_variable("kernel", [2])
    optimizer = optimization.AdamWeightDecayOptimizer(0.1, clip_norm=1.0)
    op = optimizer.apply_gradients([(tf.constant([3.0, 4.0]), variable)])
    with self.session() as sess:
      sess.run(tf.global_variables_initializer())
      self.assertAllClose(sess.run([optimizer.grad_norm, op])[0], 5.0)
      self.assertAllClose(
          sess.run(optimizer.get_slot(variable, "m")), [0.06, 0.08])

  def test_slots_are_named_as_in_checkpoints(self):
    variable = tf.get_variable("electra/x/kernel", [2])
    optimization.AdamWeightDecayOptimizer(0.1).apply_gradients(
        [(tf.ones([2]), variable)])
    self.assertEqual(
        {v.op.name for v in tf.global_variables()},
        {"electra/x/kernel", "electra/x/kernel/adam_m",
         "electra/x/kernel/adam_v"})
    self.assertEqual(tf.trainable_variables(), [variable])

  def test_names_that_do_not_decay(self):
    optimizer = optimization.AdamWeightDecayOptimizer(0.1, 0.01)
    for name, decays in (
        ("electra/encoder/layer_0/output/dense/kernel", True),
        ("electra/embeddings/word_embeddings", True),
        ("electra/encoder/layer_0/output/dense/bias", False),
        ("electra/embeddings/LayerNorm/gamma", False),
        ("generator_predictions/output_bias", False)):
      self.assertEqual(optimizer.decays(name), decays, name)


class CreateTrainOpTest(tf.test.TestCase):

  def train(self, build, num_steps, **settings):
    """Returns the values after some steps of `build()`'s loss."""
    with tf.Graph().as_default(), self.session() as sess:
      tf.set_random_seed(0)
      loss = build()
      train_op = optimization.create_train_op(
          loss, **dict(dict(learning_rate=0.1, num_train_steps=10), **settings))
      sess.run(tf.global_variables_initializer())
      norms = []
      for _ in range(num_steps):
        norms.append(sess.run([train_op.grad_norm, train_op.op])[0])
      values = sess.run({v.op.name: v for v in tf.global_variables()})
      return values, norms

  def quadratic(self):
    x = tf.get_variable("x/kernel", initializer=tf.constant([3.0, 4.0]))
    return tf.reduce_sum(tf.square(x)) / 2  # its gradient is x

  def test_clips_at_a_global_norm_of_1(self):
    # The gradient (3, 4) of norm 5 becomes (0.6, 0.8).
    values, norms = self.train(self.quadratic, 1)
    self.assertAllClose(norms, [5.0])
    self.assertAllClose(values["x/kernel/adam_m"], [0.06, 0.08])
    self.assertAllClose(values["x/kernel/adam_v"], [0.36e-3, 0.64e-3])
    # 0.1 * 0.1 / sqrt(0.001) = 0.3162, whatever the size of the gradient.
    self.assertAllClose(values["x/kernel"], [2.6838, 3.6838], atol=1e-3)

  def test_increments_the_global_step(self):
    values, _ = self.train(self.quadratic, 3)
    self.assertEqual(values["global_step"], 3)

  def test_rate_uses_the_step_before_its_increment(self):
    # With a warm-up the rate at step 0 is 0: one step changes nothing.
    values, _ = self.train(self.quadratic, 1, num_warmup_steps=5,
                           weight_decay_rate=0.5)
    self.assertAllEqual(values["x/kernel"], [3.0, 4.0])
    self.assertAllClose(values["x/kernel/adam_m"], [0.06, 0.08])

  def test_the_step_is_incremented_after_every_update(self):
    loss = self.quadratic()
    op = optimization.create_optimizer(loss, 0.1, 10)
    self.assertIs(op.inputs[0], tf.train.get_global_step().handle)
    waits_for, todo = set(), [op]
    while todo:
      upstream = todo.pop()
      if upstream not in waits_for:
        waits_for.add(upstream)
        todo += list(upstream.control_inputs) + [
            tensor.op for tensor in upstream.inputs]
    updates = [o for o in tf.get_default_graph().get_operations()
               if o.type == "ResourceApplyAdam"]
    self.assertLen(updates, 1)
    self.assertTrue(waits_for.issuperset(updates))

  def test_layerwise_rates(self):
    def build():
      # Equal gradients, small enough not to be clipped.
      return 0.1 * tf.add_n([
          tf.get_variable(name, [], initializer=tf.zeros_initializer())
          for name in ("electra/embeddings/word_embeddings",
                       "electra/encoder/layer_0/output/dense/kernel",
                       "task_specific/rte/dense/kernel")])
    values, _ = self.train(
        build, 1, layerwise_lr_decay_power=0.5, n_transformer_layers=1)
    top = values["task_specific/rte/dense/kernel"]
    self.assertLess(top, 0)
    self.assertAllClose(
        values["electra/encoder/layer_0/output/dense/kernel"], top / 4)
    self.assertAllClose(values["electra/embeddings/word_embeddings"], top / 8)

  def test_gradients_of_repeated_rows_are_summed(self):
    def build(ids):
      table = tf.get_variable(
          "word_embeddings", initializer=tf.constant([[0.1], [0.2], [0.3]]))
      return 0.1 * tf.reduce_sum(tf.gather(table, ids))
    values, norms = self.train(
        lambda: build([0, 2, 2]), 1, weight_decay_rate=0.5)
    # Gradient (0.1, 0, 0.2), of norm sqrt(0.05).
    self.assertAllClose(norms, [np.sqrt(0.05)])
    self.assertAllClose(values["word_embeddings/adam_m"],
                        [[0.01], [0.0], [0.02]])
    # A row nobody looked up decays all the same: 0.2 * (1 - 0.1 * 0.5).
    self.assertAllClose(values["word_embeddings"][1], [0.19])

  def test_passed_gradients_are_used(self):
    def build():
      self.quadratic()
      return None
    with tf.Graph().as_default(), self.session() as sess:
      build()
      variables = tf.trainable_variables()
      op = optimization.create_optimizer(
          None, 0.1, 10, grads_and_vars=[(tf.constant([0.5, 0.0]),
                                          variables[0])])
      sess.run(tf.global_variables_initializer())
      sess.run(op)
      first = sess.run([v for v in tf.global_variables()
                        if v.op.name.endswith("adam_m")][0])
    self.assertAllClose(first, [0.05, 0.0])

  def test_wrapping_optimizer_is_used(self):
    asked = []

    class Wrapper(optimization.AdamWeightDecayOptimizer):

      def __init__(self, inner):
        super().__init__(0.0)
        self.inner = inner

      def apply_gradients(self, grads_and_vars, global_step=None, name=None):
        asked.append(len(grads_and_vars))
        return self.inner.apply_gradients(grads_and_vars, global_step, name)

    self.train(self.quadratic, 1, wrap_optimizer=Wrapper)
    self.assertEqual(asked, [1])

  def test_works_with_loss_scaling(self):
    # A scale of 2^15 at first: the norm is that of the unscaled gradients.
    wrap = tf.train.experimental.enable_mixed_precision_graph_rewrite
    self.addCleanup(tf.config.optimizer.set_experimental_options,
                    {"auto_mixed_precision": False})
    values, norms = self.train(self.quadratic, 1, wrap_optimizer=wrap)
    self.assertAllClose(norms, [5.0])
    self.assertAllClose(values["x/kernel"], [2.6838, 3.6838], atol=1e-3)
    self.assertEqual(values["global_step"], 1)

  def test_the_arguments_of_the_reference(self):
    rates = []

    def create_train_op(loss, learning_rate, num_train_steps, **settings):
      rates.append(settings)
      return real(loss, learning_rate, num_train_steps, **settings)

    real = optimization.create_train_op
    with mock.patch.object(optimization, "create_train_op", create_train_op):
      with tf.Graph().as_default():
        optimization.create_optimizer(
            self.quadratic(), 0.1, 10, 0.01, False, 5, 0.2, 2.0, -1, None)
    self.assertEqual(rates, [dict(
        weight_decay_rate=0.01, use_tpu=False, num_warmup_steps=5,
        warmup_proportion=0.2, lr_decay_power=2.0, layerwise_lr_decay_power=-1,
        n_transformer_layers=None)])

  def test_loss_without_variables_is_an_error(self):
    self.quadratic()
    with self.assertRaisesRegex(ValueError, "none of 1 trainable variables"):
      optimization.create_optimizer(tf.constant(1.0, name="loss"), 0.1, 10)

  def test_runs_are_reproducible(self):
    def build():
      config = modeling.BertConfig(
          vocab_size=50, hidden_size=16, num_hidden_layers=2,
          num_attention_heads=2, intermediate_size=32,
          max_position_embeddings=8)
      model = modeling.BertModel(
          config, True, tf.reshape(tf.range(32) % 50, [4, 8]))
      return tf.reduce_mean(tf.square(model.get_sequence_output() - 1.0))
    first, _ = self.train(build, 5, weight_decay_rate=0.01)
    second, _ = self.train(build, 5, weight_decay_rate=0.01)
    for name in first:
      self.assertAllEqual(first[name], second[name], name)


if __name__ == "__main__":
  tf.disable_v2_behavior()
  tf.enable_resource_variables()
  tf.test.main()
