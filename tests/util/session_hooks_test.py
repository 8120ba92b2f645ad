"""Tests for util.session_hooks."""

import contextlib
import glob
import io
import json
import os
import re
import tempfile

import tensorflow.compat.v1 as tf

from util import session_hooks
from util import stop_signals
from util import utils


class ProgressHookTest(tf.test.TestCase):

  def _train(self, num_steps, log_file=None, metrics=None, **changes):
    """Trains a counter for `num_steps` of 4; returns what the hook printed."""
    stream = io.StringIO()
    times = iter(range(0, 10000, 20))  # 20 s between two looks at the clock
    with tf.Graph().as_default():
      step = tf.train.get_or_create_global_step()
      hook = session_hooks.ProgressHook(
          num_train_steps=4,
          tensors={"loss": tf.cast(step, tf.float32) * 0.0 + 2.5},
          metrics={name: tf.constant(value)
                   for name, value in (metrics or {}).items()},
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

  def test_first_due_and_last_step_are_logged(self):
    steps = [line.split("/")[0] for line in self._train(4).splitlines()]
    self.assertEqual(steps, ["1", "2", "4"])

  def test_last_step_is_logged_even_if_not_due(self):
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

  def test_metrics_and_speeds_are_logged_but_not_printed(self):
    path = os.path.join(self.get_temp_dir(), "metrics.jsonl")
    printed = self._train(
        4, log_file=path, flops_per_step=3e12, peak_flops=6e12,
        metrics={"recall": 0.25, "precision": float("nan")})
    self.assertNotIn("recall", printed)
    with open(path) as f:
      record = [json.loads(line) for line in f][-1]
    self.assertEqual(record["recall"], 0.25)
    self.assertNotIn("precision", record)  # of nothing
    steps_per_second = record["examples_per_second"] / 8
    self.assertAllClose(record["tokens_per_second"], steps_per_second * 8 * 16)
    self.assertAllClose(record["mfu"], steps_per_second * 0.5)

  def test_tensorboard_shows_every_look(self):
    folder = tempfile.mkdtemp(dir=self.get_temp_dir())
    self._train(4, summary_dir=folder)
    path, = glob.glob(os.path.join(folder, "events.out.tfevents.*"))
    self.assertEqual(
        [(event.step, value.tag, value.simple_value)
         for event in tf.train.summary_iterator(path)
         for value in event.summary.value if value.tag == "loss"],
        [(step, "loss", 2.5) for step in (1, 2, 4)])

  def test_all_steps_fetch_the_same(self):
    """Or TensorFlow optimizes the graph once for each list of fetches."""
    with tf.Graph().as_default():
      tf.train.get_or_create_global_step()
      hook = session_hooks.ProgressHook(
          num_train_steps=9, batch_size=1, max_seq_length=1, log_steps=2,
          tensors={"loss": tf.constant(1.0)}, stream=io.StringIO())
      hook.begin()
      with tf.Session() as session:
        session.run(tf.global_variables_initializer())
        hook.after_create_session(session, None)
      fetches = []
      for step in range(4):
        fetches.append(hook.before_run(None).fetches)
        hook.after_run(None, tf.train.SessionRunValues(
            {"global_step": step, "values": {"loss": 1.0}, "metrics": {}},
            None, None))
    self.assertEqual(fetches, fetches[:1] * 4)


class EvaluationProgressHookTest(tf.test.TestCase):

  def test_prints_a_line_when_ten_seconds_are_over(self):
    self.time = 0
    hook = session_hooks.EvaluationProgressHook(6, clock=lambda: self.time)
    printed = io.StringIO()
    with tf.Graph().as_default(), contextlib.redirect_stdout(printed):
      batch = tf.constant(1)
      with tf.train.MonitoredSession(hooks=[hook]) as session:
        for _ in range(6):
          self.time += 4
          session.run(batch)
    # At 12 s and 24 s, of 6 batches that take 4 s each.
    self.assertEqual(
        printed.getvalue(),
        "Evaluating: 3/6 batches (50.0%), 0.25 batches/s, ETA 00:00:12\n"
        "Evaluating: 6/6 batches (100.0%), 0.25 batches/s, ETA 00:00:00\n")


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


class FiniteWeightsListenerTest(tf.test.TestCase):

  def _save(self, value):
    """Saves a checkpoint of a weight that is `value`, as an Estimator does."""
    folder = tempfile.mkdtemp(dir=self.get_temp_dir())
    with tf.Graph().as_default():
      tf.train.get_or_create_global_step()
      tf.get_variable("finite", initializer=[1.0, 2.0])
      tf.get_variable("weight", initializer=[1.0, value])
      saver = tf.train.CheckpointSaverHook(
          folder, save_steps=1,
          listeners=[session_hooks.FiniteWeightsListener()])
      try:
        with tf.train.MonitoredSession(hooks=[saver]):
          pass
      finally:
        self.is_saved = tf.train.latest_checkpoint(folder) is not None

  def test_saves_numbers(self):
    self._save(3e38)
    self.assertTrue(self.is_saved)

  def test_does_not_save_non_finite_weights(self):
    for value in (float("inf"), float("nan")):
      with self.assertRaisesRegex(
          utils.UserError, "Step 0: NaN or Inf weights in 'weight'; no "
          "checkpoint was written"):
        self._save(value)
      self.assertFalse(self.is_saved)


if __name__ == "__main__":
  tf.test.main()
