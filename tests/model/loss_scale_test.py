"""Tests for model.loss_scale."""

from unittest import mock

import numpy as np
import tensorflow.compat.v1 as tf

from model import loss_scale


class LossScaleTest(tf.test.TestCase):

  def _run(self, largest, num_steps):
    """Returns (gradient, scale) of each step; more than `largest` overflows.

    Args:
      largest: list of float, the largest scale without an overflow by step.
      num_steps: int, how many steps are run.
    """
    with tf.Graph().as_default(), tf.Session() as session:
      limit = tf.placeholder(tf.float32, [])
      scaling = loss_scale.LossScale()

      def compute(scale):
        weight = tf.get_variable("weight", [2], initializer=tf.ones_initializer)
        overflow = tf.where(scale > limit, np.inf, 1.0)
        return [weight * overflow * scale / scale], {"loss": overflow * 3.0}

      grads, others = scaling.repeat(compute)
      with tf.control_dependencies(grads):
        update = tf.group(scaling.update)
      session.run(tf.global_variables_initializer())
      self.assertEqual([variable.op.name for variable in tf.global_variables()],
                       ["loss_scale/scale", "loss_scale/num_steps", "weight"])
      results = []
      for value in (largest * num_steps)[:num_steps]:
        (grad,), loss, _ = session.run(
            [grads, others["loss"], update], {limit: value})
        self.assertEqual(loss, 3.0 * grad[0])
        results.append((grad[0], session.run(scaling.scale)))
      return results

  def test_a_step_that_overflows_is_computed_again_with_half_the_scale(self):
    self.assertEqual(self._run([2.0 ** 15, 9.0, 8.0], 3),
                     [(1.0, 2.0 ** 15), (1.0, 8.0), (1.0, 8.0)])

  def test_the_scale_doubles_after_steps_without_overflow(self):
    with mock.patch.object(loss_scale, "GROWTH_STEPS", 2):
      scales = [scale for _, scale in self._run([np.inf], 5)]
    self.assertEqual(scales, [2.0 ** 15, 2.0 ** 16, 2.0 ** 16, 2.0 ** 17,
                              2.0 ** 17])
    with mock.patch.object(loss_scale, "GROWTH_STEPS", 2):
      scales = [scale for _, scale in self._run([2.0 ** 15], 4)]
    self.assertEqual(scales, [2.0 ** 15, 2.0 ** 16, 2.0 ** 15, 2.0 ** 15])

  def test_what_overflows_without_a_scale_keeps_the_scale(self):
    (grad, scale), (other, _) = self._run([0.5, np.inf], 2)
    self.assertEqual((grad, scale, other), (np.inf, 2.0 ** 15, 1.0))


if __name__ == "__main__":
  tf.test.main()
