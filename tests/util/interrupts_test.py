"""Tests for util.interrupts."""

import os
import signal
import subprocess
import sys
import tempfile
import unittest

from util import interrupts

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(
    os.path.abspath(__file__))))
SEND = "os.kill(os.getpid(), signal.SIGINT)\n"


class CtrlCTest(unittest.TestCase):

  def run_main(self, body, start=""):
    """Runs a main function in a process: (exit status, stdout, stderr)."""
    lines = "".join("  %s\n" % line for line in body.strip().split("\n"))
    done = subprocess.run(
        [sys.executable, "-c", "import os, signal, sys\n" + (
            start or "signal.signal(signal.SIGINT, "
            "signal.default_int_handler)\n") +
         "from util import utils\ndef main():\n" + lines +
         "utils.exit_cleanly(main)\nprint('exit_cleanly returned')\n"],
        cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        universal_newlines=True)
    return done.returncode, done.stdout, done.stderr

  def test_ends_with_one_line_and_130_after_the_clean_up(self):
    self.assertEqual(
        self.run_main("try:\n  " + SEND + "finally:\n  print('cleaned up')"),
        (130, "cleaned up\n", "Stopped by SIGINT\n"))

  def test_a_second_ctrl_c_does_not_stop_the_clean_up(self):
    self.assertEqual(
        self.run_main("try:\n  " + SEND + "finally:\n  " + SEND +
                      "  print('cleaned up')"),
        (130, "cleaned up\n", "Stopped by SIGINT\n"))

  def test_an_error_that_a_library_makes_of_it_is_not_printed(self):
    self.assertEqual(
        self.run_main("try:\n  " + SEND +
                      "except KeyboardInterrupt:\n  raise RuntimeError"),
        (130, "", "Stopped by SIGINT\n"))

  def test_during_an_import_the_process_ends_at_once(self):
    with tempfile.TemporaryDirectory() as folder:
      with open(os.path.join(folder, "slow.py"), "w") as f:
        f.write("import os, signal\ntry:\n  " + SEND + "except "
                "KeyboardInterrupt:\n  raise ImportError('initialization')\n")
      self.assertEqual(
          self.run_main("sys.path.append(%r)\nimport slow" % folder),
          (130, "", "Stopped by SIGINT\n"))

  def test_an_ignored_signal_stays_ignored(self):  # nohup
    self.assertEqual(
        self.run_main(SEND, "signal.signal(signal.SIGINT, signal.SIG_IGN)\n"),
        (0, "exit_cleanly returned\n", ""))

  def test_exit_status_of_the_block_is_kept(self):
    self.assertEqual(self.run_main("sys.exit(3)"), (3, "", ""))

  def test_handler_is_as_before_afterwards(self):
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
      with interrupts.CtrlC():
        self.assertIsNot(signal.getsignal(signal.SIGINT),
                         signal.default_int_handler)
      self.assertIs(signal.getsignal(signal.SIGINT),
                    signal.default_int_handler)
    finally:
      signal.signal(signal.SIGINT, before)


if __name__ == "__main__":
  unittest.main()
