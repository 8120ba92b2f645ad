"""Tests for model.tensor_ops."""

import numpy as np
import tensorflow.compat.v1 as tf

from model import tensor_ops


class GetShapeListTest(tf.test.TestCase):

  def test_static_sizes_are_ints(self):
    self.assertEqual(tensor_ops.get_shape_list(tf.zeros([2, 3])), [2, 3])

  def test_unknown_sizes_are_tensors(self):
    x = tf.placeholder(tf.float32, [None, 3])
    rows, columns = tensor_ops.get_shape_list(x, 2)
    self.assertEqual(columns, 3)
    with self.session() as sess:
      self.assertEqual(sess.run(rows, {x: np.zeros([5, 3])}), 5)

  def test_wrong_rank_names_the_tensor(self):
    with self.assertRaisesRegex(ValueError, "`ids` must have rank 2 or 3"):
      tensor_ops.get_shape_list(tf.zeros([2], name="ids"), [2, 3], "ids")


class ReshapeToMatrixTest(tf.test.TestCase):

  def test_flattens_all_but_the_last_axis(self):
    x = tf.placeholder(tf.float32, [None, None, 3])
    self.assertEqual(
        tensor_ops.reshape_to_matrix(x).shape.as_list(), [None, 3])

  def test_matrix_is_returned_unchanged(self):
    x = tf.zeros([2, 3])
    self.assertIs(tensor_ops.reshape_to_matrix(x), x)


class GatherPositionsTest(tf.test.TestCase):

  def test_reads_ids_row_by_row(self):
    with self.session() as sess:
      got = sess.run(tensor_ops.gather_positions(
          tf.constant([[10, 11, 12], [20, 21, 22]]),
          tf.constant([[2, 0], [1, 1]])))
    self.assertAllEqual(got, [[12, 10], [21, 21]])

  def test_keeps_the_depth_axis(self):
    with self.session() as sess:
      got = sess.run(tensor_ops.gather_positions(
          tf.reshape(tf.range(12.0), [1, 3, 4]), tf.constant([[2]])))
    self.assertAllEqual(got, [[[8.0, 9.0, 10.0, 11.0]]])

  def test_dynamic_sizes(self):
    sequence = tf.placeholder(tf.float32, [None, None, 2])
    positions = tf.placeholder(tf.int32, [None, None])
    got = tensor_ops.gather_positions(sequence, positions)
    self.assertEqual(got.shape.as_list()[-1], 2)
    values = np.arange(12.0).reshape([2, 3, 2])
    with self.session() as sess:
      self.assertAllEqual(
          sess.run(got, {sequence: values, positions: [[2], [0]]}),
          [[[4.0, 5.0]], [[6.0, 7.0]]])

  def test_gradients_of_repeated_positions_are_summed(self):
    sequence = tf.zeros([2, 3, 1])
    got = tensor_ops.gather_positions(
        sequence, tf.constant([[1, 1], [0, 2]]))
    gradient = tf.gradients(got, sequence)[0]
    with self.session() as sess:
      self.assertAllEqual(
          sess.run(tf.convert_to_tensor(gradient))[:, :, 0],
          [[0, 2, 0], [1, 0, 1]])

  def test_wrong_rank_names_the_argument(self):
    with self.assertRaisesRegex(ValueError, "`sequence` must have rank 2 or 3"):
      tensor_ops.gather_positions(tf.zeros([5]), tf.zeros([1, 1], tf.int32))


class ScatterPositionsTest(tf.test.TestCase):

  def _scatter(self, updates, positions):
    with self.session() as sess:
      return sess.run(tensor_ops.scatter_positions(
          tf.constant([[2, 10, 11, 12, 3]]), tf.constant([updates]),
          tf.constant([positions])))

  def test_returns_the_updated_ids_and_the_mask_of_writes(self):
    updated, written = self._scatter([90, 91], [3, 1])
    self.assertAllEqual(updated, [[2, 91, 11, 90, 3]])
    self.assertAllEqual(written, [[0, 1, 0, 1, 0]])

  def test_position_zero_means_no_write(self):
    updated, written = self._scatter([90, 91], [0, 1])
    self.assertAllEqual(updated, [[2, 91, 11, 12, 3]])
    self.assertAllEqual(written, [[0, 1, 0, 0, 0]])

  def test_rows_of_a_batch_do_not_mix(self):
    with self.session() as sess:
      updated, _ = sess.run(tensor_ops.scatter_positions(
          tf.constant([[2, 10, 3], [2, 20, 3]]), tf.constant([[90], [91]]),
          tf.constant([[2], [1]])))
    self.assertAllEqual(updated, [[2, 10, 90], [2, 91, 3]])

  def test_first_of_two_writes_to_one_position_is_used(self):
    # The reference averages the two ids here, which names a third, unrelated
    # token (google-research/electra pretrain/pretrain_helpers.py).
    updated, _ = self._scatter([20, 30], [1, 1])
    self.assertAllEqual(updated, [[2, 20, 11, 12, 3]])


class MatrixTest(tf.test.TestCase):

  def test_from_a_matrix_and_back(self):
    with tf.Graph().as_default():
      tensor = tf.reshape(tf.range(12), [2, 3, 2])
      matrix = tensor_ops.reshape_to_matrix(tensor)
      self.assertEqual(matrix.shape.as_list(), [6, 2])
      back = tensor_ops.reshape_from_matrix(matrix, [2, 3, 2])
      self.assertEqual(back.shape.as_list(), [2, 3, 2])
      # Of another depth, as after a dense layer.
      self.assertEqual(tensor_ops.reshape_from_matrix(
          matrix[:, :1], [2, 3, 2]).shape.as_list(), [2, 3, 1])
      self.assertIs(tensor_ops.reshape_from_matrix(matrix, [6, 2]), matrix)

  def test_rank(self):
    with tf.Graph().as_default():
      tensor_ops.assert_rank(tf.zeros([2, 3]), [1, 2])
      with self.assertRaisesRegex(ValueError, "`x` must have rank 3"):
        tensor_ops.assert_rank(tf.zeros([2, 3]), 3, "x")


if __name__ == "__main__":
  tf.disable_v2_behavior()
  tf.test.main()
