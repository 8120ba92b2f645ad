"""Reads shapes, and reads and writes positions of a batch of sequences.

Glossary of shapes:
- B: batch size.
- L: sequence length, in WordPiece tokens.
- N: positions per sequence, e.g. `max_predictions_per_seq`.
- D: depth of one token's vector.
"""

import tensorflow.compat.v1 as tf


def get_shape_list(tensor, expected_rank=None, name=None):
  """Returns the shape as a list: static sizes as ints, others as Tensors.

  Args:
    tensor: Tensor of known rank.
    expected_rank: int or sequence of ints, the allowed ranks; None: any.
    name: str, the name in an error; None: the tensor's name.

  Raises:
    ValueError: the rank is not an expected one.
  """
  if expected_rank is not None:
    assert_rank(tensor, expected_rank, name)
  static = tensor.shape.as_list()
  if None not in static:
    return static
  dynamic = tf.unstack(tf.shape(tensor))
  return [dynamic[i] if size is None else size
          for i, size in enumerate(static)]


def reshape_to_matrix(input_tensor):
  """Returns a Tensor of shape [..., D] as a matrix [-1, D]."""
  if input_tensor.shape.ndims == 2:
    return input_tensor
  return tf.reshape(input_tensor, [-1, input_tensor.shape.as_list()[-1]])


def reshape_from_matrix(output_tensor, orig_shape_list):
  """Returns a matrix [-1, D] as [..., D]; undoes `reshape_to_matrix`.

  Args:
    output_tensor: Tensor of rank 2; its D may differ from the original one.
    orig_shape_list: list, the shape before, as from `get_shape_list`.
  """
  if len(orig_shape_list) == 2:
    return output_tensor
  return tf.reshape(output_tensor, orig_shape_list[:-1] +
                    [get_shape_list(output_tensor)[-1]])


def gather_positions(sequence, positions):
  """Reads the values of `sequence` at `positions`.

  Args:
    sequence: Tensor of shape [B, L] or [B, L, D].
    positions: int32 Tensor of shape [B, N], each in [0, L).

  Returns:
    Tensor of shape [B, N] or [B, N, D], of the dtype of `sequence`.

  Raises:
    ValueError: the rank of `sequence` is not 2 or 3.
  """
  shape = get_shape_list(sequence, (2, 3), "sequence")
  batch_size, num_positions = get_shape_list(positions, 2, "positions")
  # Rows of one matrix: the gradient is then one segment sum.
  offsets = tf.range(batch_size)[:, tf.newaxis] * shape[1]
  rows = tf.reshape(tf.cast(positions, tf.int32) + offsets, [-1])
  flat = tf.reshape(sequence, [-1] + shape[2:])
  return tf.reshape(
      tf.gather(flat, rows), [batch_size, num_positions] + shape[2:])


def scatter_positions(sequence, updates, positions):
  """Writes `updates` over `sequence` at `positions`.

  Position 0 is [CLS], which is never masked, so callers pad `positions` with 0
  and a write to 0 is dropped. If a position occurs twice in one row, the first
  write is used.

  Args:
    sequence: int32 Tensor of shape [B, L], token ids.
    updates: int32 Tensor of shape [B, N], the new ids.
    positions: int32 Tensor of shape [B, N], each in [0, L), 0 for "no write".

  Returns:
    (updated, written): the new ids, int32 [B, L], and an int32 [B, L] mask that
    is 1 at written positions.
  """
  check_rank(sequence, (2,), "sequence")
  length = get_shape_list(sequence)[1]
  hits = tf.one_hot(positions, length, dtype=tf.int32)  # [B, N, L]
  hits *= tf.cast(positions > 0, tf.int32)[:, :, tf.newaxis]
  is_first = tf.cast(tf.equal(tf.cumsum(hits, axis=1), 1), tf.int32) * hits
  written = tf.reduce_max(hits, axis=1)  # [B, L]
  values = tf.reduce_sum(is_first * updates[:, :, tf.newaxis], axis=1)
  return sequence * (1 - written) + values, written


def assert_rank(tensor, expected_rank, name=None):
  """Raises a ValueError if the rank is not an expected one.

  The arguments are those of `get_shape_list`.
  """
  ranks = ((expected_rank,) if isinstance(expected_rank, int)
           else tuple(expected_rank))
  check_rank(tensor, ranks, name or tensor.name)


def check_rank(tensor, ranks, name):
  """Raises a ValueError that names the argument if its rank is wrong."""
  if tensor.shape.ndims not in ranks:
    raise ValueError("`%s` must have rank %s, got shape %s in scope '%s'." % (
        name, " or ".join(map(str, ranks)), tensor.shape,
        tf.get_variable_scope().name))
