"""Tests for util.progress."""

import unittest

from util import progress


class ReadableTimeTest(unittest.TestCase):

  def test_hours_and_days(self):
    self.assertEqual(progress.readable_time(3725.9), "01:02:05")
    self.assertEqual(progress.readable_time(90061), "1d 01:01:01")


if __name__ == "__main__":
  unittest.main()
