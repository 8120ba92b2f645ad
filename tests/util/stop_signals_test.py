"""Tests for util.stop_signals."""

import contextlib
import io
import os
import signal
import subprocess
import sys
import threading
import time
import unittest
import unittest.mock

from util import stop_signals

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(
    os.path.abspath(__file__))))


class StopSignalsTest(unittest.TestCase):

  def setUp(self):
    super().setUp()
    # Where tests run in the background a shell makes them ignore SIGINT.
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    self.addCleanup(signal.signal, signal.SIGINT, before)

  @contextlib.contextmanager
  def _signals(self):
    """Yields (StopSignals, list of statuses it would have ended with)."""
    statuses = []
    with contextlib.redirect_stderr(io.StringIO()):
      with stop_signals.StopSignals(exit_now=statuses.append) as signals:
        yield signals, statuses
        deadline = time.time() + 5  # for the watcher to have read the pipe
        while self.num_statuses > len(statuses) and time.time() < deadline:
          time.sleep(0.01)

  num_statuses = 0

  def test_first_signal_is_only_noted(self):
    for number in (signal.SIGTERM, signal.SIGINT):
      with self._signals() as (signals, statuses):
        self.assertIsNone(signals.received)
        os.kill(os.getpid(), number)
        self.assertEqual(signals.received, number)
      self.assertEqual(statuses, [])

  def test_second_ctrl_c_ends_at_once(self):
    self.num_statuses = 1
    with self._signals() as (signals, statuses):
      os.kill(os.getpid(), signal.SIGTERM)
      os.kill(os.getpid(), signal.SIGINT)
      self.assertEqual(signals.received, signal.SIGTERM)
    self.assertEqual(statuses, [130])

  def test_second_sigterm_is_patient(self):
    with self._signals() as (_, statuses):
      os.kill(os.getpid(), signal.SIGTERM)
      os.kill(os.getpid(), signal.SIGTERM)
    self.assertEqual(statuses, [])

  def test_second_ctrl_c_ends_even_within_a_long_call(self):
    process = subprocess.Popen(
        [sys.executable, "-c", "from util import stop_signals\n"
         "import ctypes, signal\n"
         "signal.signal(signal.SIGINT, signal.default_int_handler)\n"
         "with stop_signals.StopSignals():\n"
         "  print('ready', flush=True)\n"
         "  while True:\n"
         "    ctypes.CDLL(None).poll(None, 0, 100000)  # without the GIL"],
        cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    self.assertEqual(process.stdout.readline(), b"ready\n")
    process.send_signal(signal.SIGINT)
    self.assertEqual(process.stderr.readline(), b"\n")
    self.assertIn(b"Got SIGINT: stopping after", process.stderr.readline())
    process.send_signal(signal.SIGINT)
    self.assertEqual(process.wait(timeout=20), 130)
    process.stdout.close()
    process.stderr.close()

  def test_handlers_are_as_before_afterwards(self):
    before = signal.getsignal(signal.SIGINT)
    with self._signals():
      self.assertNotEqual(signal.getsignal(signal.SIGINT), before)
    self.assertEqual(signal.getsignal(signal.SIGINT), before)

  def test_an_ignored_signal_stays_ignored(self):  # nohup
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
      with self._signals() as (signals, _):
        os.kill(os.getpid(), signal.SIGINT)
        self.assertIsNone(signals.received)
    finally:
      signal.signal(signal.SIGINT, before)

  def test_another_thread_leaves_signals_alone(self):
    def enter():
      with stop_signals.StopSignals() as signals:
        seen.append(signals.received)
    seen = []
    thread = threading.Thread(target=enter)
    thread.start()
    thread.join()
    self.assertEqual(seen, [None])

  def test_stop_logs_the_step_and_how_to_resume(self):
    output = io.StringIO()
    with contextlib.redirect_stdout(output), unittest.mock.patch.object(
        sys, "argv", ["run.py", "--hparams", '{"a": 1}', "my folder"]):
      with self.assertRaises(SystemExit) as end:
        stop_signals.stop(signal.SIGTERM, "at step 3 of 6")
    self.assertEqual(end.exception.code, 143)
    self.assertEqual(output.getvalue(), (
        "Stopped by SIGTERM at step 3 of 6. To resume, run: %s run.py "
        "--hparams '{\"a\": 1}' 'my folder'\n" % sys.executable))


if __name__ == "__main__":
  unittest.main()
