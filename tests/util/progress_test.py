"""Tests for util.progress."""

import contextlib
import io
import sys
import unittest
from unittest import mock

from util import data_parallel
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

  def test_a_line_has_share_speed_time_left_and_values(self):
    tracker = self.start(io.StringIO(), label="Doing")
    tracker.update(250)
    self.time += 50
    self.assertEqual(
        tracker.line(rates="9 tokens/s", values="loss 2"),
        "Doing: 250/1,000 steps (25.0%), 5.00 steps/s, 9 tokens/s, ETA "
        "00:02:30, loss 2")

  def test_bytes_are_reported_in_millions(self):
    tracker = progress.Progress(3000000, "B", stream=io.StringIO(),
                                clock=lambda: self.time)
    tracker.update(1500000)
    self.time += 3
    self.assertEqual(tracker.line(), "1.5/3.0 MB (50.0%), 0.50 MB/s, ETA "
                     "00:00:03")

  def test_nothing_to_do_is_a_line_too(self):
    tracker = progress.Progress(0, "batch", stream=io.StringIO(),
                                clock=lambda: self.time)
    self.assertEqual(tracker.line(), "0/0 batches (0.0%), 0.00 batches/s, ETA "
                     "00:00:00")

  def test_report_prints_a_line_each_ten_seconds(self):
    tracker = self.start(io.StringIO())
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
      for _ in range(25):
        self.time += 1
        tracker.update(10)
        tracker.report()
    self.assertEqual(printed.getvalue(),
                     "100/1,000 steps (10.0%), 10.00 steps/s, ETA 00:01:30\n"
                     "200/1,000 steps (20.0%), 10.00 steps/s, ETA 00:01:20\n")

  def test_track_yields_the_items_and_draws_the_bar(self):
    stream = Terminal()
    with mock.patch.object(sys, "stderr", stream):
      self.assertEqual(list(progress.track("abc", "file", label="Reading")),
                       ["a", "b", "c"])
      self.assertEqual(list(progress.track(
          iter("ab"), "file", label="Reading", total=2)), ["a", "b"])
    self.assertIn("Reading: 100%", stream.getvalue())
    self.assertIn("3/3", stream.getvalue())

  def test_only_the_first_of_several_processes_draws(self):
    stream = Terminal()
    with mock.patch.object(data_parallel, "is_chief", lambda: False):
      self.assertIsNone(self.start(stream).bar)

  def test_terminal_gets_a_bar_and_no_lines(self):
    stream = Terminal()
    with self.start(stream) as tracker:
      tracker.update(1000)
      self.assertFalse(tracker.is_line_due(always=True))
    self.assertIn("1000/1000", stream.getvalue())


if __name__ == "__main__":
  unittest.main()
