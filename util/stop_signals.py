"""Stops a run on SIGTERM or Ctrl-C at a safe point and prints how to resume.

The first SIGTERM or SIGINT is only noted: the run checks
`StopSignals.received` after each step and ends with `stop`. A second SIGINT
ends the process immediately, even in the middle of a long step, as SIGKILL
would. Either way the exit status is 128 + the signal's number, as in shells:
143 for SIGTERM, 130 for SIGINT.

Importing this module does not import TensorFlow.
"""

import os
import shlex
import signal
import sys
import threading

from util import utils

_SIGNALS = (signal.SIGINT, signal.SIGTERM)


class StopSignals:
  """Context manager that notes SIGINT and SIGTERM instead of dying.

  A signal that is ignored, as SIGINT is under nohup, stays ignored. Outside the
  main thread the context manager does nothing.

  Attributes:
    received: number of the first signal received, None before.
  """

  def __init__(self, exit_now=os._exit):  # pylint: disable=protected-access
    """Makes the object; `exit_now(status)` ends the process at once."""
    self.received = None
    self._exit_now = exit_now
    self._previous = {}

  def __enter__(self):
    if threading.current_thread() is not threading.main_thread():
      return self
    self._read_end, self._write_end = os.pipe()
    os.set_blocking(self._write_end, False)
    for number in _SIGNALS:
      if signal.getsignal(number) != signal.SIG_IGN:
        self._previous[number] = signal.signal(number, self._note)
    # Python runs `_note` once the main thread returns from C++, which may take
    # minutes; the pipe reports the signal immediately.
    self._previous_end = signal.set_wakeup_fd(
        self._write_end, warn_on_full_buffer=False)
    self._watcher = threading.Thread(target=self._watch, daemon=True)
    self._watcher.start()
    return self

  def __exit__(self, *unused_error):
    if threading.current_thread() is not threading.main_thread():
      return
    signal.set_wakeup_fd(self._previous_end)
    for number, handler in self._previous.items():
      signal.signal(number, handler)
    os.close(self._write_end)  # ends the watcher
    self._watcher.join()
    os.close(self._read_end)

  def _note(self, number, frame):
    del frame  # unused
    self.received = self.received or number

  def _watch(self):
    num_signals = 0
    for number in iter(lambda: os.read(self._read_end, 1), b""):
      number = number[0]
      if number not in self._previous:
        continue  # handled elsewhere
      num_signals += 1
      if num_signals == 1:
        sys.stderr.write(
            "\nGot %s: stopping after this step; Ctrl-C stops at once\n" %
            name_of(number))
        sys.stderr.flush()
      elif number == signal.SIGINT:
        self._exit_now(exit_status(number))


def stop(number, where):
  """Ends the run because of a signal; logs its step and how to resume.

  Args:
    number: int, the signal.
    where: string, the state: "at step 3 of 6, which model.ckpt-3 holds".

  Raises:
    SystemExit: always.
  """
  utils.log("Stopped by %s %s. To resume, run: %s" % (
      name_of(number), where, command_line()))
  raise SystemExit(exit_status(number))


def exit_status(number):
  """Returns the exit status of a process ended by a signal."""
  return 128 + number


def name_of(number):
  """Returns "SIGTERM" of 15."""
  return signal.Signals(number).name


def command_line():
  """Returns the command that started this process, quoted for a shell."""
  return " ".join(shlex.quote(word) for word in [sys.executable] + sys.argv)
