"""Tests for finetune.packing."""

import unittest

from finetune import packing


class PackingTest(unittest.TestCase):

  def test_pad_fills_up_with_the_value(self):
    self.assertEqual(packing.pad([5, 6], 4, value=-1), [5, 6, -1, -1])

  def test_pad_does_not_cut(self):
    with self.assertRaisesRegex(AssertionError, "3 values, at most 2 fit"):
      packing.pad([1, 2, 3], 2)

  def test_padded_inputs(self):
    self.assertEqual(
        packing.padded_inputs([2, 9, 3, 8, 3], [0, 0, 0, 1, 1], 6),
        {"input_ids": [2, 9, 3, 8, 3, 0],
         "input_mask": [1, 1, 1, 1, 1, 0],
         "segment_ids": [0, 0, 0, 1, 1, 0]})


if __name__ == "__main__":
  unittest.main()
