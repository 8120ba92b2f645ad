"""A test case that writes checkpoints."""

import os
import tempfile

import tensorflow.compat.v1 as tf


class CheckpointCase(tf.test.TestCase):

  def setUp(self):
    super().setUp()
    folder = tempfile.TemporaryDirectory()
    self.addCleanup(folder.cleanup)
    self.folder = folder.name

  def save(self, values, step=None, name="model.ckpt"):
    """Writes {name: value} as a checkpoint; returns its prefix."""
    with tf.Graph().as_default(), tf.Session() as sess:
      for variable, value in values.items():
        tf.get_variable(variable, initializer=tf.constant(value))
      sess.run(tf.global_variables_initializer())
      return tf.train.Saver().save(
          sess, os.path.join(self.folder, name), global_step=step,
          write_meta_graph=False)

  def values_after_init(self):
    with self.session() as sess:
      sess.run(tf.global_variables_initializer())
      return sess.run({v.op.name: v for v in tf.global_variables()})
