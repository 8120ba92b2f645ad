"""Tests for util.tf_log."""

import os
import subprocess
import sys
import unittest

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(
    os.path.abspath(__file__))))
# A command whose main does what TensorFlow comments on.
COMMAND = """
from util import utils

def main():
  import tensorflow.compat.v1 as tf
  tf.disable_v2_behavior()
  with tf.Session() as session:
    outputs = tf.layers.dense(tf.zeros([1, 1]), 1)  # deprecated
    session.run(tf.global_variables_initializer())
    session.run(outputs)
  %s

utils.exit_cleanly(main)
"""


class TensorFlowLogTest(unittest.TestCase):

  def run_command(self, end="pass", **environment):
    """Returns (exit code, standard error) of a command."""
    variables = {name: value for name, value in os.environ.items()
                 if name not in ("TF_CPP_MIN_LOG_LEVEL", "PYTHONWARNINGS")}
    done = subprocess.run(
        [sys.executable, "-c", COMMAND % end], cwd=ROOT,
        env=dict(variables, **environment), stdout=subprocess.PIPE,
        stderr=subprocess.PIPE)
    return done.returncode, done.stderr.decode()

  def test_a_command_prints_none_of_tensorflows_lines(self):
    self.assertEqual(self.run_command(), (0, ""))

  def test_errors_are_printed(self):
    status, errors = self.run_command("raise utils.UserError('It is wrong.')")
    self.assertEqual((status, errors), (2, "error: It is wrong.\n"))

  def test_the_users_level_wins(self):
    _, errors = self.run_command(TF_CPP_MIN_LOG_LEVEL="0")
    self.assertRegex(errors, r"cpu_feature_guard|cpu_utils|XLA service|"
                     "platform")


if __name__ == "__main__":
  unittest.main()
