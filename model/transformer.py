"""The Transformer encoder (arXiv:1706.03762, section 3.1), as in BERT.

Glossary of shapes:
- B: batch size.
- L: sequence length, in WordPiece tokens.
- D: hidden size.
- N: attention heads.
- H: size of one head; D = N * H.
"""

import math

import tensorflow.compat.v1 as tf

from model import layers
from model import tensor_ops

# Added to the score of an invisible position. Finite, so the softmax of a row
# without visible positions is defined.
MASKED_SCORE = -10000.0


def encode(bert_config, vectors, input_mask, *, hidden_dropout_rate,
           attention_dropout_rate, randomness):
  """Returns the output of every layer.

  Creates `layer_0/...` and so on in the current variable scope.

  Args:
    bert_config: modeling.BertConfig.
    vectors: float32 Tensor of shape [B, L, D].
    input_mask: int32 Tensor of shape [B, L], 1 for visible tokens; or
      [B, L, L], where [b, i, j] is 1 if position i may see position j.
    hidden_dropout_rate: float in [0, 1).
    attention_dropout_rate: float in [0, 1), of the attention probabilities.
    randomness: randomness.StepRandomness.

  Returns:
    List of float32 Tensors of shape [B, L, D], from first layer to last.
  """
  shape = tensor_ops.get_shape_list(vectors, 3, "vectors")
  bias = attention_bias(input_mask)
  hidden = tensor_ops.reshape_to_matrix(vectors)  # [B*L, D]
  outputs = []
  for i in range(bert_config.num_hidden_layers):
    with tf.variable_scope("layer_%d" % i):
      hidden = _layer(
          bert_config, hidden, bias, shape[:2], hidden_dropout_rate,
          attention_dropout_rate, randomness)
    outputs.append(tf.reshape(hidden, shape))
  return outputs


def attention_bias(input_mask):
  """Returns the bias of attention scores: 0, or -10000 where masked.

  Args:
    input_mask: int32 Tensor of shape [B, L] or [B, L, L]; see `encode`.

  Returns:
    float32 Tensor of shape [B, 1, 1, L] or [B, 1, L, L].
  """
  tensor_ops.check_rank(input_mask, (2, 3), "input_mask")
  bias = (1.0 - tf.cast(input_mask, tf.float32)) * MASKED_SCORE
  if input_mask.shape.ndims == 2:
    return bias[:, tf.newaxis, tf.newaxis, :]
  return bias[:, tf.newaxis, :, :]


def left_to_right_mask(input_mask):
  """Returns the int32 [B, L, L] mask where i sees real tokens j <= i."""
  return _one_way_mask(input_mask, -1, 0)


def right_to_left_mask(input_mask):
  """Returns the int32 [B, L, L] mask where i sees real tokens j >= i."""
  return _one_way_mask(input_mask, 0, -1)


def _one_way_mask(input_mask, num_lower, num_upper):
  length = tensor_ops.get_shape_list(input_mask, 2, "input_mask")[1]
  may_see = tf.matrix_band_part(tf.ones([length, length]), num_lower, num_upper)
  return tf.cast(may_see, tf.int32) * tf.cast(
      input_mask, tf.int32)[:, tf.newaxis, :]


def _layer(bert_config, hidden, bias, batch_and_length, hidden_dropout_rate,
           attention_dropout_rate, randomness):
  """Returns the [B*L, D] output of one layer for its [B*L, D] input."""
  initializer = layers.create_initializer(bert_config.initializer_range)
  size = bert_config.hidden_size
  with tf.variable_scope("attention"):
    with tf.variable_scope("self"):
      context = _self_attention(
          bert_config, hidden, bias, batch_and_length, attention_dropout_rate,
          randomness)
    with tf.variable_scope("output"):
      context = layers.dense(
          context, size, name="dense", initializer=initializer)
      context = randomness.dropout(context, hidden_dropout_rate)
      attended = layers.layer_norm(context + hidden)
  with tf.variable_scope("intermediate"):
    wide = layers.dense(
        attended, bert_config.intermediate_size, bert_config.hidden_act,
        name="dense", initializer=initializer)
  with tf.variable_scope("output"):
    output = layers.dense(wide, size, name="dense", initializer=initializer)
    output = randomness.dropout(output, hidden_dropout_rate)
    return layers.layer_norm(output + attended)


def _self_attention(bert_config, hidden, bias, batch_and_length, dropout_rate,
                    randomness):
  """Returns softmax(Q K' / sqrt(H) + bias) V, heads concatenated: [B*L, D]."""
  num_heads = bert_config.num_attention_heads
  size = bert_config.hidden_size
  head_size = size // num_heads
  initializer = layers.create_initializer(bert_config.initializer_range)

  def heads_of(name, scale=None):
    """Returns one projection of `hidden` as [B, N, L, H]."""
    projected = layers.dense(hidden, size, name=name, initializer=initializer)
    if scale is not None:
      projected *= scale
    return tf.transpose(
        tf.reshape(projected, batch_and_length + [num_heads, head_size]),
        [0, 2, 1, 3])

  # Scale the queries, not the scores: there are fewer of them.
  query = heads_of("query", 1.0 / math.sqrt(head_size))
  key = heads_of("key")
  value = heads_of("value")
  scores = tf.matmul(query, key, transpose_b=True) + bias  # [B, N, L, L]
  probabilities = randomness.dropout(tf.nn.softmax(scores), dropout_rate)
  context = tf.transpose(tf.matmul(probabilities, value), [0, 2, 1, 3])
  return tf.reshape(context, [-1, size])
