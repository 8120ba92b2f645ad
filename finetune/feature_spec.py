"""Declares the name, shape and type of a feature of stored examples."""

import numpy as np
import tensorflow.compat.v1 as tf


class FeatureSpec:
  """Name, shape and type of one feature of a task.

  Every stored example holds the features of all tasks of the run, so that one
  file can mix tasks; a feature of another task holds its default value.
  """

  def __init__(self, name, shape, default_value_fn=None, is_int_feature=True,
               is_per_token=False):
    """Declares the feature.

    Args:
      name: str, unique over all tasks of a run; "<task>_<feature>" by custom.
      shape: list of int, the shape in one example; [] for a single number.
      default_value_fn: function of the shape that returns the value stored in
        examples of other tasks, None for zeros.
      is_int_feature: True for int64 (int32 in the graph), False for float32.
      is_per_token: True where the first axis has `max_seq_length` values, of
        which those beyond the tokens of the input are padding: they are cut off
        with the padding of the input if all examples of a batch are shorter.
    """
    self.name = name
    self.shape = list(shape)
    self.is_int_feature = is_int_feature
    self.is_per_token = is_per_token
    self._default_value_fn = default_value_fn

  def __repr__(self):
    return "FeatureSpec(%r, %r, is_int_feature=%r)" % (
        self.name, self.shape, self.is_int_feature)

  def get_parsing_spec(self):
    """Returns the tf.io.FixedLenFeature that reads this feature."""
    return tf.io.FixedLenFeature(
        self.shape, tf.int64 if self.is_int_feature else tf.float32)

  def get_default_values(self):
    """Returns the array stored in examples of other tasks."""
    if self._default_value_fn is not None:
      return self._default_value_fn(self.shape)
    return np.zeros(self.shape,
                    np.int64 if self.is_int_feature else np.float32)

  def to_proto(self, value):
    """Returns `value` (number, list or array) as a tf.train.Feature."""
    array = np.asarray(value)
    is_right_kind = array.dtype.kind in ("iub" if self.is_int_feature else
                                         "iubf")
    # A bug of the task's featurize, so not a message for the user.
    assert is_right_kind and list(array.shape) == self.shape, (
        "feature %r holds %s of shape %s" %
        (self, array.dtype, list(array.shape)))
    # .tolist() gives plain numbers; protobuf 3.20 refuses 0-d numpy arrays.
    flat = array.reshape([-1]).tolist()
    if self.is_int_feature:
      return tf.train.Feature(int64_list=tf.train.Int64List(value=flat))
    return tf.train.Feature(float_list=tf.train.FloatList(value=flat))
