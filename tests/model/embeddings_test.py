"""Tests for model.embeddings."""

import numpy as np
import tensorflow.compat.v1 as tf

from model import embeddings
from model import modeling
from model import randomness


class EmbedTest(tf.test.TestCase):

  def setUp(self):
    super().setUp()
    self.config = modeling.BertConfig(
        vocab_size=5, hidden_size=4, num_attention_heads=2,
        max_position_embeddings=6)
    self.ids = np.array([[4, 0, 2], [1, 1, 3]], np.int32)

  def embed(self, token_type_ids=None, **settings):
    with tf.variable_scope("embeddings", reuse=tf.AUTO_REUSE):
      return embeddings.embed(
          self.config, tf.constant(self.ids), token_type_ids, 4,
          dropout_rate=0.0, randomness=randomness.NoRandomness(), **settings)

  def test_adds_words_segments_and_positions_then_normalizes(self):
    segments = np.array([[0, 0, 1], [0, 1, 1]], np.int32)
    vectors, _ = self.embed(tf.constant(segments))
    with self.session() as sess:
      sess.run(tf.global_variables_initializer())
      got, tables = sess.run(
          [vectors, {v.op.name: v for v in tf.global_variables()}])
    summed = (tables["embeddings/word_embeddings"][self.ids] +
              tables["embeddings/token_type_embeddings"][segments] +
              tables["embeddings/position_embeddings"][:3])
    centered = summed - summed.mean(-1, keepdims=True)
    self.assertAllClose(
        got, centered / np.sqrt(summed.var(-1, keepdims=True)), atol=1e-4)

  def test_default_segment_is_0(self):
    with_zeros, _ = self.embed(tf.zeros([2, 3], tf.int32))
    without, _ = self.embed()
    with self.session() as sess:
      sess.run(tf.global_variables_initializer())
      self.assertAllEqual(*sess.run([with_zeros, without]))

  def test_gradient_of_a_lookup_is_sparse(self):
    vectors, table = self.embed()
    self.assertIsInstance(tf.gradients(vectors, table)[0], tf.IndexedSlices)

  def test_initial_tables_have_the_requested_standard_deviation(self):
    # A truncated normal has 0.88 of its nominal standard deviation.
    self.config = modeling.BertConfig(
        vocab_size=2000, hidden_size=4, num_attention_heads=2,
        initializer_range=0.5)
    _, table = self.embed()
    with self.session() as sess:
      sess.run(tf.global_variables_initializer())
      self.assertAllClose(np.std(sess.run(table)), 0.44, atol=0.02)


if __name__ == "__main__":
  tf.disable_v2_behavior()
  tf.enable_resource_variables()
  tf.test.main()
