"""Ctrl-C outside of training: a command stops and cleans up behind itself.

Training has `util.stop_signals`, which saves a checkpoint first.
"""

import os
import signal
import sys
import threading
import time

EXIT_STATUS = 128 + signal.SIGINT
# Further Ctrl-C in this time, in seconds, do not stop the cleaning up.
_PATIENCE = 2.0


class CtrlC:
  """Context manager: Ctrl-C ends the block, with one line and exit status 130.

  Context managers inside the block clean up first. An ignored SIGINT, as under
  nohup, stays ignored, and so does the handler of another caller.
  """

  def __init__(self, exit_now=os._exit):  # pylint: disable=protected-access
    """Handles no signal yet; `exit_now(status)` ends the process."""
    self._exit_now = exit_now
    self._time = None  # of the last Ctrl-C
    self._is_handling = False

  def __enter__(self):
    if threading.current_thread() is threading.main_thread() and (
        signal.getsignal(signal.SIGINT) is signal.default_int_handler):
      signal.signal(signal.SIGINT, self._handle)
      self._is_handling = True
    return self

  def __exit__(self, error_type, error, traceback):
    # Some libraries convert a KeyboardInterrupt to another error.
    is_stopped = error_type is not None and error_type is not SystemExit and (
        self._time is not None or issubclass(error_type, KeyboardInterrupt))
    if self._is_handling:
      signal.signal(signal.SIGINT, signal.SIG_IGN if is_stopped else
                    signal.default_int_handler)
    if is_stopped:
      _log_end()
      raise SystemExit(EXIT_STATUS) from None

  def _handle(self, number, frame):
    del number  # SIGINT
    previous, self._time = self._time, time.monotonic()
    if previous is not None and self._time - previous < _PATIENCE:
      return
    if _is_importing(frame):
      # An exception here would print tracebacks of the import system, or
      # become an ImportError in a library's C++ code.
      _log_end()
      self._exit_now(EXIT_STATUS)
    raise KeyboardInterrupt


def _log_end():
  sys.stdout.flush()
  sys.stderr.write("Stopped by SIGINT\n")
  sys.stderr.flush()


def _is_importing(frame):
  """Returns whether an import is running in `frame` or its callers."""
  while frame is not None:
    if frame.f_code.co_filename.startswith("<frozen importlib"):
      return True
    frame = frame.f_back
  return False
