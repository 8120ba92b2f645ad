"""Random numbers of one training step, the same however often it is run.

Every op is stateless: what it draws is a function of (seed, stream, global
step, running number of the call) and of nothing else. So a run that is killed
and resumed at step s draws at step s what an unbroken run would have drawn.
"""

import hashlib
import struct

import numpy as np
import tensorflow.compat.v1 as tf


class StepRandomness:
  """The random ops of one step.

  Two instances with the same seed, stream and step give the same numbers for
  the same sequence of calls. Different steps, calls and streams give
  independent numbers.
  """

  def __init__(self, seed, global_step, stream=()):
    """Makes the randomness of one step.

    Args:
      seed: int, the seed of the run.
      global_step: int, or int Tensor or Variable of shape [], the step that
        is being computed. It is read when the numbers are drawn, so whatever
        increments it must run after everything that uses them.
      stream: tuple of strings, the names that led here; see `child`.
    """
    self._seed = seed
    self._stream = tuple(stream)
    self._global_step = global_step
    self._step = None  # int32 Tensor, made at the first draw
    self._num_calls = 0

  def child(self, name):
    """Returns an independent stream.

    It is a pure function of this object's stream and `name`: the same name
    gives the same stream again, and draws here do not change it. Parts of a
    model that must not share numbers need different names, such as
    "generator" and "discriminator", or "micro_3" for the third part of a
    batch whose gradients are accumulated.

    Args:
      name: string or int.
    """
    return StepRandomness(
        self._seed, self._global_step, self._stream + (str(name),))

  def with_step(self, global_step):
    """Returns the same stream, from its first call, at another step."""
    return StepRandomness(self._seed, global_step, self._stream)

  def uniform(self, shape):
    """Returns float32 numbers of `shape`, uniform in [0, 1)."""
    return tf.random.stateless_uniform(shape, seed=self._next_seed())

  def gumbel(self, shape):
    """Returns float32 numbers of `shape` from the standard Gumbel.

    -log(-log(u)), with u kept inside (0, 1) where every value is finite:
    between about -4.5 and 16.6.
    """
    tiny = np.finfo(np.float32).tiny
    below_one = float(np.nextafter(np.float32(1), np.float32(0)))
    uniform = tf.clip_by_value(self.uniform(shape), float(tiny), below_one)
    return -tf.log(-tf.log(uniform))

  def dropout(self, x, rate):
    """Sets a share `rate` of the elements to 0 and scales up the others.

    Args:
      x: float Tensor.
      rate: float in [0, 1), the share that is dropped. 0 adds no op, and does
        not count as a call.

    Returns:
      Tensor like `x`, with the same expectation.

    Raises:
      ValueError: `rate` is not in [0, 1).
    """
    if not 0.0 <= rate < 1.0:
      raise ValueError("A dropout rate must be in [0, 1), got %r." % rate)
    if rate == 0.0:
      return x
    return _keep(x, self.uniform(tf.shape(x)) >= rate, 1.0 / (1.0 - rate))

  def _next_seed(self):
    """Returns the int32 [2] seed of the next call.

    The 64-bit hash tells seeds, streams and calls apart; the step is mixed in
    by the graph. int32, as XLA compiles no other kind of seed.
    """
    key = "\0".join((str(self._seed),) + self._stream + (str(self._num_calls),))
    self._num_calls += 1
    first, second = struct.unpack(
        "<ii", hashlib.sha256(key.encode("utf-8")).digest()[:8])
    if self._step is None:
      self._step = tf.cast(self._global_step, tf.int32)
    return tf.stack([first, tf.bitwise.bitwise_xor(self._step, second)])


class NoRandomness:
  """What a model that is not being trained uses: dropout that drops nothing."""

  def child(self, name):
    """Returns this object."""
    del name  # there is nothing to tell apart
    return self

  def with_step(self, global_step):
    """Returns this object."""
    del global_step  # as above
    return self

  def dropout(self, x, rate):
    """Returns `x`."""
    del rate  # nothing is dropped outside training
    return x


def _keep(x, is_kept, scale):
  """Returns `x` times `scale` where it is kept, else 0.

  With a gradient of its own, so that what is stored for it is one byte an
  element and not a float.
  """

  def select(values):
    return tf.where(is_kept, values * scale, tf.zeros_like(values))

  return tf.custom_gradient(lambda values: (select(values), select))(x)
