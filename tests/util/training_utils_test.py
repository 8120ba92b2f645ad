"""Tests for util.training_utils."""

import io
import json
import os

import tensorflow.compat.v1 as tf

from util import training_utils
from util import utils


class ProgressHookTest(tf.test.TestCase):

  def _train(self, num_steps, log_file=None, **changes):
    """Trains a counter for `num_steps` of 4; returns what the hook printed."""
    stream = io.StringIO()
    times = iter(range(0, 10000, 20))  # 20 s between two looks at the clock
    with tf.Graph().as_default():
      step = tf.train.get_or_create_global_step()
      hook = training_utils.ProgressHook(
          num_train_steps=4, batch_size=8, max_seq_length=16,
          tensors={"loss": tf.cast(step, tf.float32) * 0.0 + 2.5},
          log_file=log_file, stream=stream, clock=lambda: next(times),
          **dict(dict(log_steps=2), **changes))
      train_op = step.assign_add(1)
      with tf.train.MonitoredSession(hooks=[hook]) as session:
        for _ in range(num_steps):
          session.run(train_op)
    return stream.getvalue()

  def test_prints_plain_lines_in_a_log(self):
    lines = self._train(4).splitlines()
    self.assertRegex(lines[-1], r"^4/4 steps \(100.0%\), [0-9.]+ steps/s, "
                     r"[0-9,]+ tokens/s, ETA 00:00:00, loss 2.5$")

  def test_first_due_and_last_step_are_shown(self):
    steps = [line.split("/")[0] for line in self._train(4).splitlines()]
    self.assertEqual(steps, ["1", "2", "4"])

  def test_last_step_is_shown_even_off_the_rhythm(self):
    steps = [line.split("/")[0]
             for line in self._train(4, log_steps=3).splitlines()]
    self.assertEqual(steps, ["1", "3", "4"])

  def test_appends_every_look_to_a_file(self):
    path = os.path.join(self.get_temp_dir(), "log.jsonl")
    self._train(4, log_file=path)
    with open(path) as f:
      records = [json.loads(line) for line in f]
    self.assertEqual([record["step"] for record in records], [1, 2, 4])
    self.assertEqual(records[-1]["loss"], 2.5)


class DebugFolderTest(tf.test.TestCase):

  def test_second_debug_run_starts_from_nothing(self):
    folder = os.path.join(self.get_temp_dir(), "m_debug")
    training_utils.start_debug_folder(folder)
    with open(os.path.join(folder, "model.ckpt"), "w") as f:
      f.write("weights")
    training_utils.start_debug_folder(folder)
    self.assertNotIn("model.ckpt", os.listdir(folder))

  def test_a_real_model_is_never_touched(self):
    # The reference's `debug: true` deletes the model folder.
    folder = os.path.join(self.get_temp_dir(), "real")
    os.makedirs(folder)
    with open(os.path.join(folder, "model.ckpt"), "w") as f:
      f.write("weights")
    with self.assertRaisesRegex(utils.UserError, "debug: expected .*real to be"):
      training_utils.start_debug_folder(folder)
    self.assertEqual(os.listdir(folder), ["model.ckpt"])


class ReadableTimeTest(tf.test.TestCase):

  def test_hours_and_days(self):
    self.assertEqual(training_utils.readable_time(3725.9), "01:02:05")
    self.assertEqual(training_utils.readable_time(90061), "1d 01:01:01")


if __name__ == "__main__":
  tf.test.main()
