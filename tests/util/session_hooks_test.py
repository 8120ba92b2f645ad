"""Tests for util.session_hooks and util.estimators."""

import errno
import io
import json
import os
import re
import tempfile
import types
import unittest.mock

import tensorflow.compat.v1 as tf

from util import estimators
from util import folder_lock
from util import session_hooks
from util import stop_signals
from util import utils


class ProgressHookTest(tf.test.TestCase):

  def _train(self, num_steps, log_file=None, **changes):
    """Trains a counter for `num_steps` of 4; returns what the hook printed."""
    stream = io.StringIO()
    times = iter(range(0, 10000, 20))  # 20 s between two looks at the clock
    with tf.Graph().as_default():
      step = tf.train.get_or_create_global_step()
      hook = session_hooks.ProgressHook(
          num_train_steps=4,
          tensors={"loss": tf.cast(step, tf.float32) * 0.0 + 2.5},
          log_file=log_file, stream=stream, clock=lambda: next(times),
          **dict(dict(log_steps=2, batch_size=8, max_seq_length=16),
                 **changes))
      train_op = step.assign_add(1)
      with tf.train.MonitoredSession(hooks=[hook]) as session:
        for _ in range(num_steps):
          session.run(train_op)
    return stream.getvalue()

  def test_prints_plain_lines_in_a_log(self):
    lines = self._train(4).splitlines()
    self.assertRegex(lines[-1], r"^4/4 steps \(100.0%\), [0-9.]+ steps/s, "
                     r"[0-9,]+ tokens/s, ETA 00:00:00, loss 2.5$")

  def test_examples_are_counted_where_their_length_varies(self):
    printed = self._train(4, batch_size=1000, max_seq_length=None)
    found = re.search(r"([0-9.]+) steps/s, ([0-9,]+) examples/s, ETA ",
                      printed.splitlines()[-1])
    self.assertAllClose(float(found.group(2)), 1000 * float(found.group(1)),
                        atol=5.0)

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


class StopHookTest(tf.test.TestCase):

  def _train(self, signals, is_training=True, stop_at=None):
    """Returns the steps done of 4; the signal comes in step `stop_at`."""
    with tf.Graph().as_default():
      step = tf.train.get_or_create_global_step()
      train_op = step.assign_add(1)
      hook = session_hooks.StopHook(signals, is_training)
      done = 0
      with tf.train.MonitoredSession(hooks=[hook]) as session:
        while done < 4 and not session.should_stop():
          if done + 1 == stop_at:
            signals.received = 15
          done = session.run(train_op)
    return done

  def test_training_ends_after_the_step(self):
    self.assertEqual(self._train(stop_signals.StopSignals(), stop_at=2), 2)
    self.assertEqual(self._train(stop_signals.StopSignals()), 4)

  def test_nothing_is_begun_after_a_signal(self):
    signals = stop_signals.StopSignals()
    signals.received = 15
    with self.assertRaises(session_hooks.Stopped):
      self._train(signals)

  def test_an_evaluation_ends_at_once(self):
    with self.assertRaises(session_hooks.Stopped):
      self._train(stop_signals.StopSignals(), is_training=False, stop_at=2)


class SoundWeightsTest(tf.test.TestCase):

  def _save(self, value):
    """Saves a checkpoint of a weight that is `value`, as an Estimator does."""
    folder = tempfile.mkdtemp(dir=self.get_temp_dir())
    with tf.Graph().as_default():
      tf.train.get_or_create_global_step()
      tf.get_variable("sound", initializer=[1.0, 2.0])
      tf.get_variable("weight", initializer=[1.0, value])
      saver = tf.train.CheckpointSaverHook(
          folder, save_steps=1, listeners=[session_hooks.FiniteWeightsListener()])
      try:
        with tf.train.MonitoredSession(hooks=[saver]):
          pass
      finally:
        self.is_saved = tf.train.latest_checkpoint(folder) is not None

  def test_saves_numbers(self):
    self._save(3e38)
    self.assertTrue(self.is_saved)

  def test_saves_nothing_else(self):
    for value in (float("inf"), float("nan")):
      with self.assertRaisesRegex(
          utils.UserError, "Step 0: expected finite weights, found nan or "
          "infinity in 'weight'; no checkpoint of it was written"):
        self._save(value)
      self.assertFalse(self.is_saved)


class WritingTest(tf.test.TestCase):

  def _write(self, error):
    with estimators.writing_to("folder"):
      raise error

  def test_names_the_file_of_a_python_error(self):
    with self.assertRaisesRegex(
        utils.UserError, "^Cannot write to log.txt: No space left on device. "
        "What was written before is whole: make room"):
      self._write(OSError(errno.ENOSPC, "No space left on device", "log.txt"))

  def test_names_the_folder_of_a_saver(self):
    with tf.Graph().as_default(), tf.Session() as session:
      tf.get_variable("x", [])
      session.run(tf.global_variables_initializer())
      with self.assertRaisesRegex(
          utils.UserError, "^Cannot write to folder: .*(Not a dir|not a dir)"):
        with estimators.writing_to("folder"):
          session.run(tf.raw_ops.SaveV2(
              prefix=__file__ + "/x", tensor_names=["x"],
              shape_and_slices=[""], tensors=[tf.zeros([])]))

  def test_other_errors_are_left_alone(self):
    for error in (tf.errors.ResourceExhaustedError(None, None, "out of memory"),
                  KeyError("x")):
      with self.assertRaises(type(error)):
        self._write(error)


class MixedPrecisionTest(tf.test.TestCase):

  def setUp(self):
    super().setUp()
    self.config = types.SimpleNamespace(use_tpu=False)

  def _cpuinfo(self, flags):
    path = os.path.join(self.get_temp_dir(), "cpuinfo")
    with open(path, "w") as f:
      f.write("processor\t: 0\nflags\t\t: fpu %s sse\nbugs\t\t:\n" % flags)
    return path

  def test_bfloat16_is_a_flag_of_the_cpu(self):
    self.assertTrue(estimators.has_bfloat16(self._cpuinfo("avx512_bf16")))
    self.assertTrue(estimators.has_bfloat16(self._cpuinfo("amx_bf16")))
    self.assertFalse(estimators.has_bfloat16(self._cpuinfo("avx512f")))
    self.assertFalse(estimators.has_bfloat16("/no/such/file"))

  def _check_refused(self, found, **environment):
    if tf.__version__ < "2":
      found = "TensorFlow 1"
    with unittest.mock.patch.object(
        estimators, "has_bfloat16", lambda: False):
      with unittest.mock.patch.dict(os.environ, environment):
        with self.assertRaisesRegex(
            utils.UserError, "use_amp: expected .*, found %s.* false" % found):
          estimators.check_bfloat16(self.config)

  def test_a_cpu_without_it_is_refused(self):
    self._check_refused("a CPU without them", TF_ENABLE_ONEDNN_OPTS="1")

  def test_onednn_turned_off_is_refused(self):
    self._check_refused("oneDNN turned off", TF_ENABLE_ONEDNN_OPTS="0")

  def test_a_tpu_does_not_need_it(self):
    self.config.use_tpu = True
    with self.assertRaisesRegex(utils.UserError, "found a TPU"):
      estimators.check_bfloat16(self.config)


class DebugFolderTest(tf.test.TestCase):

  def test_second_debug_run_starts_from_nothing(self):
    folder = os.path.join(self.get_temp_dir(), "m_debug")
    estimators.start_debug_folder(folder)
    with open(os.path.join(folder, "model.ckpt"), "w") as f:
      f.write("weights")
    estimators.start_debug_folder(folder)
    self.assertNotIn("model.ckpt", os.listdir(folder))

  def test_keeps_the_lock_of_its_own_run(self):
    folder = os.path.join(self.get_temp_dir(), "locked_debug")
    with folder_lock.FolderLock(folder, "train"):
      estimators.start_debug_folder(folder)
      estimators.start_debug_folder(folder)
      self.assertIn(folder_lock.LOCK_NAME, os.listdir(folder))

  def test_a_real_model_is_never_touched(self):
    # The reference's `debug: true` deletes the model folder.
    folder = os.path.join(self.get_temp_dir(), "real")
    os.makedirs(folder)
    with open(os.path.join(folder, "model.ckpt"), "w") as f:
      f.write("weights")
    with self.assertRaisesRegex(utils.UserError, "debug: expected .*real to be"):
      estimators.start_debug_folder(folder)
    self.assertEqual(os.listdir(folder), ["model.ckpt"])


if __name__ == "__main__":
  tf.test.main()
