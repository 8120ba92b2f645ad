"""Progress reports: a bar on a terminal, lines in a log."""

import sys
import time

_SECONDS_BETWEEN_LINES = 10


def readable_time(seconds):
  """Formats a duration as "1d 02:03:04" or "02:03:04"."""
  days, rest = divmod(int(seconds), 24 * 3600)
  clock = "%02d:%02d:%02d" % (rest // 3600, rest // 60 % 60, rest % 60)
  return "%dd %s" % (days, clock) if days else clock


class Progress:
  """Tracks how much of a total is done, how fast, and the time left.

  On a terminal it draws a tqdm bar. Elsewhere the caller prints lines of its
  own, at most one every ten seconds: see `is_line_due`.

  Attributes:
    done: int, units done, with those of an earlier run.
    bar: the tqdm bar, None if the stream is not a terminal.
  """

  def __init__(self, total, unit, *, initial=0, unit_scale=False, stream=None,
               clock=time.time):
    """Starts the clock.

    Args:
      total: int, units in all.
      unit: str, name of a unit, such as "step".
      initial: int, units that an earlier run has done.
      unit_scale: bool, whether the bar abbreviates 1,000 as 1k.
      stream: file of the bar; default: standard error.
      clock: function that returns the time in seconds.
    """
    stream = stream or sys.stderr
    self._total, self._initial, self.done = total, initial, initial
    self._clock = clock
    self._start = self._last_line = clock()
    self.bar = None
    if stream.isatty():
      import tqdm  # --help needs no package
      self.bar = tqdm.tqdm(
          total=total, initial=initial, unit=unit, unit_scale=unit_scale,
          file=stream, dynamic_ncols=True, mininterval=1.0)

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
