"""Progress reports: a bar on a terminal, lines in a log."""

import sys
import time

from util import data_parallel
from util import utils

_SECONDS_BETWEEN_LINES = 10
_BYTE = "B"


def readable_time(seconds):
  """Formats a duration as "1d 02:03:04" or "02:03:04"."""
  days, rest = divmod(int(seconds), 24 * 3600)
  clock = "%02d:%02d:%02d" % (rest // 3600, rest // 60 % 60, rest % 60)
  return "%dd %s" % (days, clock) if days else clock


def track(items, unit, *, label, total=None):
  """Yields items, with a bar or lines about how many are done.

  Args:
    items: iterable, with a length unless `total` is given.
    unit, label: as in `Progress`.
    total: int, the number of items.
  """
  total = len(items) if total is None else total
  with Progress(total, unit, label=label) as tracker:
    for item in items:
      yield item
      tracker.update(1)
      tracker.report()


class Progress:
  """Tracks how much of a total is done, how fast, and the time left.

  On a terminal it draws a tqdm bar. Elsewhere `report` prints a line of the
  same content, at most one every ten seconds; where the caller prints lines on
  another stream, they are those of `line`, when `is_line_due`. Of several
  processes ("ranks") the first alone draws and prints.

  Attributes:
    done: int, units done, with those of an earlier run.
    bar: the tqdm bar, None if the stream is not a terminal.
  """

  def __init__(self, total, unit, *, initial=0, label="", stream=None,
               clock=time.time):
    """Starts the clock.

    Args:
      total: int, units in all.
      unit: str, name of a unit, such as "step"; "B" for bytes, which are
        reported as MB.
      initial: int, units that an earlier run has done.
      label: str, what is being done, such as "Counting words"; "" for the
        only long step of a command.
      stream: file of the bar; default: standard error.
      clock: function that returns the time in seconds.
    """
    stream = stream or sys.stderr
    self._total, self._initial, self.done = total, initial, initial
    self._unit, self._label = unit, label
    self._clock = clock
    self._start = self._last_line = clock()
    self.bar = None
    if stream.isatty() and data_parallel.is_chief():
      import tqdm  # --help needs no package
      self.bar = tqdm.tqdm(
          total=total, initial=initial, unit=unit, unit_scale=unit == _BYTE,
          desc=label or None, file=stream, dynamic_ncols=True, mininterval=1.0)

  def __enter__(self):
    return self

  def __exit__(self, *unused_error):
    self.close()

  def close(self):
    """Ends the bar, if there is one."""
    if self.bar is not None:
      self.bar.close()

  def update(self, num_units):
    """Adds `num_units` to what is done."""
    self.done += num_units
    if self.bar is not None:
      self.bar.update(num_units)

  def is_line_due(self, always=False):
    """Returns whether to print a line now; True restarts the ten seconds.

    Args:
      always: bool, whether to print a line even before the ten seconds are up.
    """
    now = self._clock()
    if self.bar is not None or not (
        always or now - self._last_line >= _SECONDS_BETWEEN_LINES):
      return False
    self._last_line = now
    return True

  def line(self, rates="", values=""):
    """Returns a line: done, share, speed, time left and values.

    Args:
      rates: str, further speeds, such as "1,000 tokens/s".
      values: str, such as "loss 1.5".
    """
    amounts, speed, unit = "{:,}/{:,}", self.rate, self._unit
    done, total = self.done, self._total
    if unit == _BYTE:
      amounts, unit = "{:.1f}/{:.1f}", "MB"
      done, total, speed = done / 1e6, total / 1e6, speed / 1e6
    else:
      unit += "es" if unit.endswith("ch") else "s"
    parts = ["%s %s (%.1f%%)" % (amounts.format(done, total), unit,
                                 100.0 * self.done / max(1, self._total)),
             "%.2f %s/s" % (speed, unit), rates, "ETA " + self.time_left,
             values]
    return (self._label + ": ") * bool(self._label) + ", ".join(
        filter(None, parts))

  def report(self):
    """Prints the line on standard output, if one is due."""
    if self.is_line_due():
      utils.log(self.line())

  @property
  def seconds(self):
    """Seconds since the start."""
    return self._clock() - self._start

  @property
  def rate(self):
    """Units per second since the start."""
    return (self.done - self._initial) / max(1e-9, self.seconds)

  @property
  def time_left(self):
    """Estimated time to the end, as `readable_time` formats it."""
    return readable_time((self._total - self.done) / max(1e-9, self.rate))
