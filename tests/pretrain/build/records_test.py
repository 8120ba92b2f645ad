"""Tests for pretrain.build.records."""

import unittest

import tensorflow.compat.v1 as tf

from pretrain.build import records


def serialize(first, second, max_seq_length):
  return records.ExampleSerializer(
      vocab_size=70000, cls_id=2, sep_id=3,
      max_seq_length=max_seq_length).serialize(first, second)


def features(record):
  feature = tf.train.Example.FromString(record).features.feature
  return {name: list(feature[name].int64_list.value) for name in feature}


class SerializedExampleTest(unittest.TestCase):

  def test_two_segments(self):
    self.assertEqual(features(serialize([7, 8], [9], 8)), {
        "input_ids": [2, 7, 8, 3, 9, 3, 0, 0],
        "input_mask": [1, 1, 1, 1, 1, 1, 0, 0],
        "segment_ids": [0, 0, 0, 0, 1, 1, 0, 0]})

  def test_one_segment_has_one_sep(self):
    self.assertEqual(features(serialize([7, 8], [], 6)), {
        "input_ids": [2, 7, 8, 3, 0, 0],
        "input_mask": [1, 1, 1, 1, 0, 0],
        "segment_ids": [0] * 6})

  def test_bytes_are_those_of_tensorflow(self):
    # Ids whose varints have 1, 2 and 3 bytes; lengths with 1 and 2 bytes.
    for first, second, max_seq_length in (
        ([1, 127, 128], [16383, 16384, 69999], 16),
        (list(range(100)), list(range(60000, 60300)), 512)):
      example = tf.train.Example()
      tokens = [2] + first + [3] + second + [3]
      padding = [0] * (max_seq_length - len(tokens))
      for name, values in (
          ("input_ids", tokens), ("input_mask", [1] * len(tokens)),
          ("segment_ids", [0] * (len(first) + 2) + [1] * (len(second) + 1))):
        example.features.feature[name].int64_list.value.extend(values + padding)
      self.assertEqual(serialize(first, second, max_seq_length),
                       example.SerializeToString(deterministic=True))


if __name__ == "__main__":
  unittest.main()
