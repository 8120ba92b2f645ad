"""Basic layers: activations, dense and layer norm."""

import math

import tensorflow.compat.v1 as tf

from util import utils

LAYER_NORM_EPSILON = 1e-12


@tf.custom_gradient
def gelu(x):
  """Returns x * P(X <= x) for a standard normal X, elementwise.

  Gaussian error linear unit (arXiv:1606.08415), the exact form with erf. The
  gradient is explicit, as in this entire file: it needs less memory traffic
  than the one that TensorFlow derives.
  """
  probability = 0.5 * (1.0 + tf.erf(x * (1.0 / math.sqrt(2.0))))

  def gradient(upstream):
    density = tf.exp(-0.5 * tf.square(x)) * (1.0 / math.sqrt(2.0 * math.pi))
    return upstream * (probability + x * density)

  return x * probability, gradient


ACTIVATIONS = {
    "linear": None,
    "relu": tf.nn.relu,
    "gelu": gelu,
    "tanh": tf.tanh,
}


def get_activation(activation_string):
  """Returns the activation function of a name; None for "linear".

  Args:
    activation_string: "gelu", "relu", "tanh", "linear" or None; a function is
      returned unchanged.

  Raises:
    utils.UserError: the name is unknown.
  """
  if activation_string is None or callable(activation_string):
    return activation_string
  if activation_string.lower() not in ACTIVATIONS:
    raise utils.UserError(
        "hidden_act: unknown activation '%s'. Use one of %s." % (
            activation_string, ", ".join(sorted(ACTIVATIONS))))
  return ACTIVATIONS[activation_string.lower()]


def create_initializer(initializer_range=0.02):
  """Returns a truncated normal initializer of that standard deviation."""
  return tf.truncated_normal_initializer(stddev=initializer_range)


def create_unscaled_initializer():
  """Returns the initializer of weights that `initializer_range` does not scale.

  It is TensorFlow's default (Glorot uniform), which the reference uses in a few
  dense layers: `embeddings_project`, the discriminator's `dense_1` and the
  heads of tasks. In a small model it is ten times as wide as a truncated normal
  of 0.02, with which a discriminator hardly learns in its first thousand steps.
  """
  return tf.glorot_uniform_initializer()


def dense(x, size, activation=None, name="dense", initializer=None):
  """Returns activation(x times kernel, plus bias).

  Args:
    x: float32 Tensor of shape [..., depth], with static depth. Inputs of
      rank 2 are cheapest.
    size: int, depth of the output.
    activation: name or function as in `get_activation`.
    name: variable scope of `kernel` [depth, size] and `bias` [size].
    initializer: of the kernel; truncated normal 0.02 by default.

  Returns:
    float32 Tensor of shape [..., size].
  """
  depth = x.shape.as_list()[-1]
  with tf.variable_scope(name):
    kernel = tf.get_variable(
        "kernel", [depth, size],
        initializer=initializer or create_initializer())
    bias = tf.get_variable("bias", [size], initializer=tf.zeros_initializer())
    if x.shape.ndims == 2:
      output = tf.nn.bias_add(tf.matmul(x, kernel), bias)
    else:
      output = tf.matmul(tf.reshape(x, [-1, depth]), kernel)
      output = tf.nn.bias_add(output, bias)
      leading = [
          dynamic if static is None else static
          for static, dynamic in zip(x.shape.as_list(),
                                     tf.unstack(tf.shape(x)))]
      output = tf.reshape(output, leading[:-1] + [size])
    activation = get_activation(activation)
    return output if activation is None else activation(output)


def layer_norm(input_tensor, name=None):
  """Normalizes the last axis of a Tensor (arXiv:1607.06450).

  Args:
    input_tensor: float32 Tensor of shape [..., depth], with static depth.
    name: variable scope of `beta` and `gamma`, both of shape [depth]; None:
      "LayerNorm".

  Returns:
    Tensor like `input_tensor`.
  """
  depth = input_tensor.shape.as_list()[-1]
  with tf.variable_scope(name or "LayerNorm"):
    beta = tf.get_variable("beta", [depth], initializer=tf.zeros_initializer())
    gamma = tf.get_variable("gamma", [depth], initializer=tf.ones_initializer())
    return _normalize(input_tensor, beta.read_value(), gamma.read_value())


def dropout(input_tensor, dropout_prob):
  """Sets a fraction of the elements to 0 and scales up the rest.

  For heads of tasks that have no `randomness`. The seed is that of the graph,
  so a resumed run draws other numbers; see `BertModel.randomness`.

  Args:
    input_tensor: float Tensor.
    dropout_prob: float in [0, 1), the fraction; None or 0: no dropout.
  """
  if not dropout_prob:
    return input_tensor
  return tf.nn.dropout(input_tensor, rate=dropout_prob)


def layer_norm_and_dropout(input_tensor, dropout_prob, name=None):
  """Returns `dropout` of `layer_norm`."""
  return dropout(layer_norm(input_tensor, name), dropout_prob)


@tf.custom_gradient
def _normalize(x, beta, gamma):
  """Returns (x - mean) / standard deviation * gamma + beta, over the last axis.

  The gradient is that of arXiv:1502.03167, section 3, with rows instead of the
  batch.
  """
  centered = x - tf.reduce_mean(x, axis=-1, keepdims=True)
  variance = tf.reduce_mean(tf.square(centered), axis=-1, keepdims=True)
  inverse_deviation = tf.rsqrt(variance + LAYER_NORM_EPSILON)
  normed = centered * inverse_deviation

  def gradient(upstream):
    leading_axes = list(range(x.shape.ndims - 1))
    inner = upstream * gamma
    x_gradient = inverse_deviation * (
        inner - tf.reduce_mean(inner, axis=-1, keepdims=True) -
        normed * tf.reduce_mean(inner * normed, axis=-1, keepdims=True))
    return (x_gradient, tf.reduce_sum(upstream, leading_axes),
            tf.reduce_sum(upstream * normed, leading_axes))

  return normed * gamma + beta, gradient
