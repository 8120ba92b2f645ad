"""Tests for model.layers."""

import math

import numpy as np
import tensorflow.compat.v1 as tf

from model import layers
from util import utils


class GeluTest(tf.test.TestCase):

  def test_is_the_exact_form(self):
    # x * P(X <= x); P(X <= 1) = 0.8413447.
    with self.session() as sess:
      got = sess.run(layers.gelu(tf.constant([0.0, 1.0, -1.0, 10.0])))
    self.assertAllClose(got, [0.0, 0.8413447, -0.1586553, 10.0], atol=1e-6)

  def test_gradient(self):
    # P(X <= x) + x * density(x)
    x = np.linspace(-4, 4, 17).astype(np.float32)
    tensor = tf.constant(x)
    with self.session() as sess:
      got = sess.run(tf.gradients(layers.gelu(tensor), tensor)[0])
    expected = [0.5 * (1 + math.erf(value / math.sqrt(2))) +
                value * math.exp(-value * value / 2) / math.sqrt(2 * math.pi)
                for value in x]
    self.assertAllClose(got, expected, atol=1e-6)


class GetActivationTest(tf.test.TestCase):

  def test_names(self):
    self.assertIs(layers.get_activation("gelu"), layers.gelu)
    self.assertIs(layers.get_activation("GELU"), layers.gelu)
    self.assertIsNone(layers.get_activation("linear"))
    self.assertIsNone(layers.get_activation(None))

  def test_function_is_returned_unchanged(self):
    self.assertIs(layers.get_activation(tf.tanh), tf.tanh)

  def test_unknown_name_lists_the_known_ones(self):
    with self.assertRaisesRegex(utils.UserError, "'glue'.*gelu, linear, relu"):
      layers.get_activation("glue")


class DenseTest(tf.test.TestCase):

  def test_is_a_product_plus_bias_and_activation(self):
    # [1, 2] . [[1, 0], [1, -1]] = [3, -2]; plus bias [1, 1]; relu.
    output = layers.dense(tf.constant([[1.0, 2.0]]), 2, "relu", name="d")
    kernel, bias = tf.global_variables()
    self.assertEqual((kernel.op.name, bias.op.name), ("d/kernel", "d/bias"))
    with self.session() as sess:
      kernel.load([[1.0, 0.0], [1.0, -1.0]], sess)
      bias.load([1.0, 1.0], sess)
      self.assertAllClose(sess.run(output), [[4.0, 0.0]])

  def test_keeps_the_leading_axes(self):
    x = tf.placeholder(tf.float32, [None, 4, 2])
    output = layers.dense(x, 3)
    self.assertEqual(output.shape.as_list(), [None, 4, 3])
    with self.session() as sess:
      sess.run(tf.global_variables_initializer())
      flat = sess.run(output, {x: np.ones([5, 4, 2])})
    self.assertEqual(flat.shape, (5, 4, 3))


class LayerNormTest(tf.test.TestCase):

  def run_norm(self, values):
    """Returns output and its gradients with random beta, gamma and weights."""
    rng = np.random.RandomState(0)
    depth = values.shape[-1]
    parameters = {"beta": rng.randn(depth), "gamma": rng.randn(depth)}
    weights = rng.randn(*values.shape)
    x = tf.constant(values, tf.float32)
    output = layers.layer_norm(x)
    variables = tf.global_variables()
    self.assertEqual([v.op.name for v in variables],
                     ["LayerNorm/beta", "LayerNorm/gamma"])
    gradients = tf.gradients(
        tf.reduce_sum(output * weights.astype(np.float32)), [x] + variables)
    with self.session() as sess:
      for variable in variables:
        variable.load(parameters[variable.op.name.split("/")[1]], sess)
      return (parameters, weights) + tuple(sess.run([output, gradients]))

  def test_equals_numpy(self):
    values = np.random.RandomState(1).randn(2, 3, 8) * 3 + 1
    parameters, weights, output, gradients = self.run_norm(values)
    mean = values.mean(-1, keepdims=True)
    std = np.sqrt(values.var(-1, keepdims=True) + 1e-12)
    normed = (values - mean) / std
    self.assertAllClose(
        output, normed * parameters["gamma"] + parameters["beta"], atol=1e-5)
    # Backward, as in the appendix of arXiv:1502.03167 for one row.
    inner = weights * parameters["gamma"]
    self.assertAllClose(
        gradients[0],
        (inner - inner.mean(-1, keepdims=True) -
         normed * (inner * normed).mean(-1, keepdims=True)) / std, atol=1e-5)
    self.assertAllClose(gradients[1], weights.sum((0, 1)), atol=1e-5)
    self.assertAllClose(gradients[2], (weights * normed).sum((0, 1)), atol=1e-5)

  def test_constant_row_gives_beta(self):
    parameters, _, output, _ = self.run_norm(np.full([1, 4], 2.0))
    self.assertAllClose(output, [parameters["beta"]], atol=1e-5)


class DropoutTest(tf.test.TestCase):

  def test_drops_a_fraction_and_keeps_the_mean(self):
    with tf.Graph().as_default(), self.session() as session:
      tf.set_random_seed(1)
      ones = tf.ones([10000])
      dropped = session.run(layers.dropout(ones, 0.25))
      self.assertAllInSet(dropped, [0.0, 1.0 / 0.75])
      self.assertNear(dropped.mean(), 1.0, 0.03)
      for rate in (None, 0.0):
        self.assertIs(layers.dropout(ones, rate), ones)

  def test_after_layer_norm(self):
    with tf.Graph().as_default(), self.session() as session:
      normed = layers.layer_norm_and_dropout(tf.constant([[1.0, 3.0]]), 0.0)
      session.run(tf.global_variables_initializer())
      self.assertAllClose(session.run(normed), [[-1.0, 1.0]])
      self.assertEqual([v.op.name for v in tf.global_variables()],
                       ["LayerNorm/beta", "LayerNorm/gamma"])


if __name__ == "__main__":
  tf.disable_v2_behavior()
  tf.enable_resource_variables()
  tf.test.main()
