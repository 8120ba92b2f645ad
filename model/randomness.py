"""Reproducible random numbers for each training step.

Every op is stateless: its values are a function of (seed, stream, global step,
number of the call). So a run that is killed and resumed at step s draws the
same numbers at step s as an uninterrupted run.
"""

import collections
import hashlib
import struct

import tensorflow.compat.v1 as tf

# One of several names of a stream. index: int Tensor of shape [].
_Choice = collections.namedtuple("_Choice", ["names", "index"])


class StepRandomness:
  """The random ops of one step.

  Two instances with the same seed, stream and step give the same numbers for
  the same sequence of calls. Different steps, calls and streams give
  independent numbers.
  """

  def __init__(self, seed, global_step, stream=()):
    """Initializes the randomness of one step.

    Args:
      seed: int, the seed of the run.
      global_step: int, or int Tensor or Variable of shape [], the step that
        is being computed. It is read when the numbers are drawn, so it must be
        incremented after all ops that use them.
      stream: tuple of strings, the path of names; see `child`.
    """
    self._seed = seed
    self._stream = tuple(stream)
    self._global_step = global_step
    self._step = None  # int32 Tensor, created at the first draw
    self._num_calls = 0

  def child(self, name):
    """Returns an independent stream.

    It is a pure function of this object's stream and `name`: the same name
    returns the same stream, and draws from this object do not change it.
    Modules that must not share numbers need different names, such as
    "generator" and "discriminator", or "micro_3" for the third micro-batch of
    gradient accumulation.

    Args:
      name: string or int.
    """
    return StepRandomness(
        self._seed, self._global_step, self._stream + (str(name),))

  def child_at(self, names, index):
    """Returns `child(names[index])`.

    Args:
      names: list of string or int.
      index: int, or int Tensor of shape [] that is below the number of names.
    """
    if not tf.is_tensor(index):
      return self.child(names[index])
    return StepRandomness(
        self._seed, self._global_step, self._stream + (_Choice(names, index),))

  def uniform(self, shape):
    """Returns float32 numbers of `shape`, uniform in [0, 1).

    `use_xla` does not compile the draw: XLA draws other numbers.
    """
    with tf.xla.experimental.jit_scope(compile_ops=False):
      return tf.random.stateless_uniform(shape, seed=self._next_seed())

  def dropout(self, x, rate):
    """Sets a fraction `rate` of the elements to 0 and scales up the rest.

    Args:
      x: float Tensor.
      rate: float in [0, 1), the fraction to drop. 0 adds no op and does not
        count as a call.

    Returns:
      Tensor like `x`, with the same expectation.

    Raises:
      ValueError: `rate` is not in [0, 1).
    """
    if not 0.0 <= rate < 1.0:
      raise ValueError("The dropout rate must be in [0, 1), got %r." % rate)
    if rate == 0.0:
      return x
    return _keep(x, self.uniform(tf.shape(x)) >= rate, 1.0 / (1.0 - rate))

  def _next_seed(self):
    """Returns the int32 [2] seed of the next call.

    The 64-bit hash separates seeds, streams and calls; the graph mixes in the
    step. int32 because XLA does not compile other seeds.
    """
    number = self._num_calls
    self._num_calls += 1
    choice = next((name for name in self._stream if isinstance(name, _Choice)),
                  None)
    if choice is None:
      first, second = self._hash(self._stream, number)
    else:
      hashes = [self._hash([option if name is choice else name
                            for name in self._stream], number)
                for option in choice.names]
      first, second = tf.unstack(tf.gather(hashes, choice.index))
    if self._step is None:
      self._step = tf.cast(self._global_step, tf.int32)
    return tf.stack([first, tf.bitwise.bitwise_xor(self._step, second)])

  def _hash(self, stream, number):
    """Returns two ints of 32 bits for a call of a stream."""
    key = "\0".join([str(self._seed)] + list(map(str, stream)) + [str(number)])
    return struct.unpack(
        "<ii", hashlib.sha256(key.encode("utf-8")).digest()[:8])


class NoRandomness:
  """Randomness of a model in evaluation mode: dropout returns its input."""

  def child(self, name):
    """Returns this object."""
    del name  # all streams are equal
    return self

  def dropout(self, x, rate):
    """Returns `x`."""
    del rate  # there is no dropout in evaluation
    return x


def _keep(x, is_kept, scale):
  """Returns `x` times `scale` where it is kept, else 0.

  A custom gradient stores one byte per element instead of a float.
  """

  def select(values):
    return tf.where(is_kept, values * scale, tf.zeros_like(values))

  return tf.custom_gradient(lambda values: (select(values), select))(x)
