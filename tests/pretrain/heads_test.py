"""Tests for pretrain.heads; what they compute is held by the golden runs."""

import tensorflow.compat.v1 as tf

from model import modeling
from pretrain import heads


class DiscriminatorLogitsTest(tf.test.TestCase):

  def test_the_last_layer_starts_as_wide_as_glorot(self):
    # From a normal of 0.02 a small discriminator calls every token real for
    # its first thousand steps. 256 -> 1: Glorot's deviation is
    # sqrt(2 / 257) = 0.088; the layer below has 0.02 * 0.88.
    config = modeling.BertConfig(vocab_size=9, hidden_size=256,
                                 num_attention_heads=2)
    logits = heads.discriminator_logits(config, tf.ones([2, 3, 256]))
    kernels = {variable.op.name: variable
               for variable in tf.trainable_variables()}
    with self.session() as sess:
      sess.run(tf.global_variables_initializer())
      last, below = sess.run([
          kernels["discriminator_predictions/dense_1/kernel"],
          kernels["discriminator_predictions/dense/kernel"]])
    self.assertEqual(logits.shape.as_list(), [2, 3])
    self.assertAllClose(last.std(), 0.088, atol=0.015)
    self.assertAllClose(below.std(), 0.0176, atol=0.001)


if __name__ == "__main__":
  tf.test.main()
