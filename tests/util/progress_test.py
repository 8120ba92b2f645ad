"""Tests for util.progress."""

import io
import unittest

from util import progress


class Terminal(io.StringIO):

  def isatty(self):
    return True


class ReadableTimeTest(unittest.TestCase):

  def test_hours_and_days(self):
    self.assertEqual(progress.readable_time(3725.9), "01:02:05")
    self.assertEqual(progress.readable_time(90061), "1d 01:01:01")


class ProgressTest(unittest.TestCase):

  def setUp(self):
    super().setUp()
    self.time = 100.0

  def start(self, stream, **options):
    return progress.Progress(1000, "step", stream=stream,
                             clock=lambda: self.time, **options)

  def test_rate_counts_only_the_units_of_this_run(self):
    tracker = self.start(io.StringIO(), initial=400)
    tracker.update(100)
    self.time += 20
    self.assertEqual(tracker.seconds, 20)
    self.assertEqual(tracker.rate, 5)  # 100 in 20 s
    self.assertEqual(tracker.time_left, "00:01:40")  # 500 at 5 per second

  def test_lines_are_due_every_ten_seconds_or_always(self):
    tracker = self.start(io.StringIO())
    self.time += 9
    self.assertFalse(tracker.is_line_due())
    self.time += 1
    self.assertTrue(tracker.is_line_due())
    self.assertFalse(tracker.is_line_due())
    self.assertTrue(tracker.is_line_due(always=True))

  def test_terminal_gets_a_bar_and_no_lines(self):
    stream = Terminal()
    with self.start(stream) as tracker:
      tracker.update(1000)
      self.assertFalse(tracker.is_line_due(always=True))
    self.assertIn("1000/1000", stream.getvalue())


if __name__ == "__main__":
  unittest.main()
