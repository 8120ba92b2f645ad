"""Dynamic loss scaling, for gradients that are computed in float16.

The loss is multiplied by a scale, so that small gradients are not rounded to 0,
and the gradients are divided by it (arXiv:1710.03740, section 3.2). The scale
doubles after 2,000 steps without overflow. A step whose gradients overflow is
computed again with half the scale, from the same examples and random numbers:
no example is lost, and every step updates the weights.
"""

import tensorflow.compat.v1 as tf

SCOPE = "loss_scale"
INITIAL_SCALE = 2.0 ** 15
GROWTH_STEPS = 2000
MIN_SCALE = 1.0


def compute_gradients(compute, is_float16):
  """Returns (gradients, others, updates) of a batch.

  Args:
    compute: as for `LossScale.repeat`; without a scale it gets none.
    is_float16: bool, whether the loss has to be scaled.

  Returns:
    What `compute` returns, and a list of ops that belong to the training step.
  """
  if not is_float16:
    return compute() + ([],)
  loss_scale = LossScale()
  grads, others = loss_scale.repeat(compute)
  return grads, others, [loss_scale.update]


class LossScale:
  """The scale and its variables, which checkpoints contain.

  Attributes:
    scale: float32 Variable of shape [], the scale of the next step.
    update: op that sets it; None before `repeat`.
  """

  def __init__(self):
    """Creates the variables."""
    with tf.variable_scope(SCOPE):
      self.scale = tf.get_variable(
          "scale", [], tf.float32, tf.constant_initializer(INITIAL_SCALE),
          trainable=False)
      # Since the scale last changed.
      self._num_steps = tf.get_variable(
          "num_steps", [], tf.float32, tf.zeros_initializer(), trainable=False)
    self.update = None

  def variables(self):
    """Returns the list of variables."""
    return [self.scale, self._num_steps]

  def repeat(self, compute):
    """Returns `compute(scale)` for the first scale without an overflow.

    Args:
      compute: function from a float32 Tensor of shape [], the scale, to
        (gradients, others): a list of float32 Tensors that are divided by it
        already, and a nest of Tensors; all have static shapes. It is called
        twice, the second time with reused variables.

    Returns:
      (gradients, others). If the gradients overflow without a scale too, they
      are not finite, and the scale stays as it is.
    """
    start = self.scale.read_value()
    template = compute(start)  # creates the variables; it is never run

    def attempt(scale, unused_is_finite, unused_values):
      with tf.variable_scope(tf.get_variable_scope(), reuse=True):
        values = compute(scale)
      # Finite gradients of an infinite norm cannot be clipped.
      is_finite = tf.is_finite(tf.global_norm(values[0]))
      return tf.where(is_finite, scale, scale / 2.0), is_finite, values

    scale, is_finite, values = tf.while_loop(
        lambda scale, is_finite, _: (
            ~is_finite & tf.greater_equal(scale, MIN_SCALE)),
        attempt, (start, tf.constant(False), tf.nest.map_structure(
            lambda value: tf.zeros(value.shape, value.dtype), template)),
        parallel_iterations=1, back_prop=False)
    self.update = self._make_update(start, scale, is_finite)
    return values

  def _make_update(self, start, scale, is_finite):
    """Returns the op of a step from scale `start` that ended with `scale`."""
    num_steps = tf.where(tf.equal(scale, start), self._num_steps + 1.0, 0.0)
    grows = tf.greater_equal(num_steps, GROWTH_STEPS)
    new_scale = tf.where(grows, scale * 2.0, scale)
    return tf.group(
        self.scale.assign(tf.where(is_finite, new_scale, start)),
        self._num_steps.assign(tf.where(grows, 0.0, num_steps)))
