"""Runs a training script and prints what its steps cost, as a line of JSON.

  python benchmarks/estimator_steps.py SCRIPT.py [arguments of the script...]

The script may be this project's or the reference's: it trains with a
tf.estimator, to which a hook is added that reads the clocks after each step.
The line has the seconds and CPU seconds of each step, the seconds from the
start of the process to the end of the first step, and its peak memory.
"""

import json
import os
import resource
import runpy
import sys
import time

START = time.time() - time.process_time()  # close to the start of the process


def cpu_seconds():
  usage = resource.getrusage(resource.RUSAGE_SELF)
  return usage.ru_utime + usage.ru_stime


def record_steps(steps):
  """Adds a hook to all estimators that appends (wall, CPU) after each step."""
  import tensorflow.compat.v1 as tf
  from tensorflow_estimator.python.estimator import estimator

  class Clock(tf.train.SessionRunHook):

    def after_run(self, run_context, run_values):
      steps.append((time.time(), cpu_seconds()))

  def with_clock(train):
    def train_with_clock(self, input_fn, hooks=None, *args, **kwargs):
      return train(self, input_fn, list(hooks or []) + [Clock()],
                   *args, **kwargs)
    return train_with_clock

  estimator.Estimator.train = with_clock(estimator.Estimator.train)


def main():
  steps = []
  record_steps(steps)
  sys.argv = sys.argv[1:]
  sys.path.insert(0, os.path.dirname(os.path.abspath(sys.argv[0])))
  try:
    runpy.run_path(sys.argv[0], run_name="__main__")
  except SystemExit as error:
    if error.code:
      raise
  finally:
    differences = [(b[0] - a[0], b[1] - a[1])
                   for a, b in zip(steps, steps[1:])]
    print("\n" + json.dumps({
        "wall": [wall for wall, _ in differences],
        "cpu": [cpu for _, cpu in differences],
        "first_step": steps[0][0] - START if steps else None,
        "first_step_cpu": steps[0][1] if steps else None,
        "peak_bytes": resource.getrusage(
            resource.RUSAGE_SELF).ru_maxrss * 1024}))


if __name__ == "__main__":
  main()
