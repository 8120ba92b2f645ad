"""Tests for model.transformer."""

import numpy as np
import tensorflow.compat.v1 as tf

from model import modeling
from model import randomness
from model import transformer


class MasksTest(tf.test.TestCase):

  def evaluate(self, tensor):
    with self.session() as sess:
      return sess.run(tensor)

  def test_bias_is_0_or_minus_10000(self):
    bias = transformer.attention_bias(tf.constant([[1, 1, 0]]))
    self.assertAllEqual(self.evaluate(bias), [[[[0.0, 0.0, -10000.0]]]])

  def test_bias_of_a_mask_for_every_position(self):
    bias = transformer.attention_bias(tf.constant([[[1, 0], [1, 1]]]))
    self.assertAllEqual(self.evaluate(bias), [[[[0.0, -10000.0], [0.0, 0.0]]]])

  def test_bias_of_another_rank_is_an_error(self):
    with self.assertRaisesRegex(ValueError, "`input_mask` must have rank 2 or"):
      transformer.attention_bias(tf.zeros([3]))

  def test_left_to_right_sees_itself_and_earlier_positions(self):
    mask = transformer.left_to_right_mask(tf.constant([[1, 1, 0]]))
    self.assertAllEqual(
        self.evaluate(mask), [[[1, 0, 0], [1, 1, 0], [1, 1, 0]]])

  def test_right_to_left_sees_itself_and_later_positions(self):
    mask = transformer.right_to_left_mask(tf.constant([[1, 1, 0]]))
    self.assertAllEqual(
        self.evaluate(mask), [[[1, 1, 0], [0, 1, 0], [0, 0, 0]]])


class EncodeTest(tf.test.TestCase):

  def test_equals_numpy(self):
    # The attention of one layer, taken out before its output projection.
    config = modeling.BertConfig(
        vocab_size=5, hidden_size=6, num_hidden_layers=1, num_attention_heads=2,
        intermediate_size=8)
    rng = np.random.RandomState(0)
    hidden = rng.randn(2, 4, 6).astype(np.float32)
    mask = np.array([[1, 1, 1, 0], [1, 1, 1, 1]])
    with tf.variable_scope("x"):
      transformer.encode(
          config, tf.constant(hidden), tf.constant(mask),
          hidden_dropout_rate=0.0, attention_dropout_rate=0.0,
          randomness=randomness.NoRandomness())
    graph = tf.get_default_graph()
    context = graph.get_tensor_by_name(
        "x/layer_0/attention/output/dense/MatMul:0").op.inputs[0]
    variables = {v.op.name: v for v in tf.global_variables()}
    with self.session() as sess:
      projected = []
      for name in ("query", "key", "value"):
        kernel = rng.randn(6, 6).astype(np.float32)
        bias = rng.randn(6).astype(np.float32)
        prefix = "x/layer_0/attention/self/%s/" % name
        variables[prefix + "kernel"].load(kernel, sess)
        variables[prefix + "bias"].load(bias, sess)
        projected.append((hidden @ kernel + bias).reshape(2, 4, 2, 3))
      got = sess.run(context).reshape(2, 4, 2, 3)
    query, key, value = projected
    scores = np.einsum("bind,bjnd->bnij", query, key) / np.sqrt(3.0)
    scores += -10000.0 * (1 - mask)[:, np.newaxis, np.newaxis, :]
    weights = np.exp(scores - scores.max(-1, keepdims=True))
    weights /= weights.sum(-1, keepdims=True)
    self.assertAllClose(
        got, np.einsum("bnij,bjnd->bind", weights, value), atol=1e-5)


if __name__ == "__main__":
  tf.disable_v2_behavior()
  tf.enable_resource_variables()
  tf.test.main()
