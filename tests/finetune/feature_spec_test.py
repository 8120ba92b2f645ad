"""Tests for finetune.feature_spec."""

import unittest

import numpy as np
import tensorflow.compat.v1 as tf

from finetune import feature_spec


class FeatureSpecTest(unittest.TestCase):

  def test_a_single_number_of_any_kind_becomes_a_feature(self):
    # protobuf 3.20 refuses the 0-d array; the reference hands it one.
    spec = feature_spec.FeatureSpec("eid", [])
    for value in [7, np.int32(7), np.array(7), True]:
      with self.subTest(value=repr(value)):
        self.assertEqual(list(spec.to_proto(value).int64_list.value),
                         [int(value)])

  def test_int_feature_parses_as_int64(self):
    parsed = feature_spec.FeatureSpec("input_ids", [4]).get_parsing_spec()
    self.assertEqual((list(parsed.shape), parsed.dtype), ([4], tf.int64))

  def test_float_feature_accepts_integers(self):
    spec = feature_spec.FeatureSpec("targets", [], is_int_feature=False)
    self.assertEqual(list(spec.to_proto(3).float_list.value), [3.0])
    self.assertEqual(spec.get_parsing_spec().dtype, tf.float32)

  def test_default_is_zeros_of_the_right_type(self):
    default = feature_spec.FeatureSpec("x", [2]).get_default_values()
    self.assertEqual((default.tolist(), default.dtype), ([0, 0], np.int64))

  def test_default_value_fn_gets_the_shape(self):
    spec = feature_spec.FeatureSpec("x", [2], default_value_fn=np.ones)
    self.assertEqual(spec.get_default_values().tolist(), [1, 1])

  def test_wrong_shape_or_type_names_the_feature(self):
    spec = feature_spec.FeatureSpec("input_ids", [2])
    for value in [[1, 2, 3], [0.5, 1.0]]:
      with self.subTest(value=value):
        with self.assertRaisesRegex(AssertionError, "input_ids"):
          spec.to_proto(value)


if __name__ == "__main__":
  unittest.main()
