"""Session hooks that both runners use: stopping, finite weights, progress."""

import json
import sys
import time

import tensorflow.compat.v1 as tf
import tqdm

from util import progress
from util import utils

_SECONDS_BETWEEN_LOG_LINES = 10


class StopHook(tf.train.SessionRunHook):
  """Ends training or evaluation after a signal.

  Training ends after the current step, which is then saved in a checkpoint;
  before the first step, and during evaluation, it ends immediately.
  """

  def __init__(self, signals, is_training=True):
    """Makes the hook.

    Args:
      signals: stop_signals.StopSignals.
      is_training: bool, whether to finish the step and save a checkpoint.
    """
    self._signals = signals
    self._is_training = is_training

  def after_create_session(self, session, coord):
    del session, coord  # unused
    if self._signals.received:
      raise Stopped()

  def after_run(self, run_context, run_values):
    del run_values  # none requested
    if not self._signals.received:
      return
    if not self._is_training:
      raise Stopped()
    run_context.request_stop()


class Stopped(Exception):
  """A signal ended an evaluation, or training before its first step."""


class FiniteWeightsListener(tf.train.CheckpointSaverListener):
  """Aborts before a checkpoint with NaN or Inf weights is saved.

  An update with finite gradients can still overflow. Not saving the weights
  keeps the last finite checkpoint the latest one.
  """

  def begin(self):
    self._variables = [variable for variable in tf.global_variables()
                       if variable.dtype.base_dtype.is_floating]
    self._are_finite = tf.stack([
        tf.reduce_all(tf.is_finite(variable)) for variable in self._variables])

  def before_save(self, session, global_step_value):
    for variable, is_finite in zip(
        self._variables, session.run(self._are_finite)):
      if not is_finite:
        raise utils.UserError(
            "Step %d: NaN or Inf in weights '%s'. No checkpoint of this step "
            "was written. Resume from the latest one with a lower "
            "learning_rate." % (global_step_value, variable.op.name))


class ProgressHook(tf.train.SessionRunHook):
  """Logs step, speed, ETA and chosen values while training.

  A progress bar on a terminal; otherwise a plain line every `log_steps` steps,
  at most one per ten seconds, and one for the first and last step. The values
  are fetched with the training step, and only on the steps that log them.
  """

  def __init__(self, *, num_train_steps, batch_size, max_seq_length, log_steps,
               tensors, log_file=None, stream=None, clock=time.time):
    """Makes the hook.

    Args:
      num_train_steps: int, the global step at which training ends.
      batch_size: int, examples per step.
      max_seq_length: int, tokens per example, with padding; None where it
        varies between batches: examples per second are logged instead.
      log_steps: int, steps between two log lines.
      tensors: {name: scalar Tensor} to log, such as {"loss": loss}.
      log_file: path of a .jsonl file to append every logged step to, or None.
      stream: where to write; standard error by default.
      clock: function that returns the time in seconds.
    """
    self._num_train_steps = num_train_steps
    self._batch_size = batch_size
    self._max_seq_length = max_seq_length
    self._log_steps = log_steps
    self._tensors = dict(tensors)
    self._log_file = log_file
    self._stream = stream or sys.stderr
    self._clock = clock

  def begin(self):
    self._global_step = tf.train.get_or_create_global_step()
    self._bar = None

  def after_create_session(self, session, coord):
    del coord  # no threads to coordinate
    self._step = self._first_step = int(session.run(self._global_step))
    self._start = self._last_line = self._clock()
    self._values = {}
    if self._stream.isatty():
      self._bar = tqdm.tqdm(
          total=self._num_train_steps, initial=self._first_step, unit="step",
          file=self._stream, dynamic_ncols=True, mininterval=1.0)

  def before_run(self, run_context):
    del run_context  # the fetches do not depend on it
    fetches = {"global_step": self._global_step}
    self._is_logging = self._is_due(self._step + 1)
    if self._is_logging:
      fetches["values"] = self._tensors
    return tf.train.SessionRunArgs(fetches)

  def after_run(self, run_context, run_values):
    del run_context  # the results are all we need
    # The fetch may be from before or after the update: count from the first.
    previous, self._step = self._step, self._step + 1
    fetched = int(run_values.results["global_step"])
    if fetched > self._step:  # several steps per run, on a TPU
      self._step = fetched
    if self._is_logging:
      self._values = {name: float(value) for name, value in
                     run_values.results["values"].items()}
      self._append()
    if self._bar:
      self._bar.update(self._step - previous)
      if self._is_logging:
        self._bar.set_postfix_str(self._values_text())
    elif self._is_logging and (
        self._step in (self._first_step + 1, self._num_train_steps) or
        self._clock() - self._last_line >= _SECONDS_BETWEEN_LOG_LINES):
      self._last_line = self._clock()
      self._stream.write(self.line() + "\n")
      self._stream.flush()

  def end(self, session):
    del session  # nothing more to fetch
    if self._bar:
      self._bar.close()

  def line(self):
    """Returns the plain line: step, percent done, speed, ETA, values."""
    seconds = max(1e-9, self._clock() - self._start)
    speed = (self._step - self._first_step) / seconds  # steps per second
    left = (self._num_train_steps - self._step) / max(speed, 1e-9)
    rate = speed * self._batch_size * (self._max_seq_length or 1)
    return "%s/%s steps (%.1f%%), %.2f steps/s, %s %s/s, ETA %s, %s" % (
        "{:,}".format(self._step), "{:,}".format(self._num_train_steps),
        100.0 * self._step / self._num_train_steps, speed,
        "{:,}".format(int(rate)),
        "tokens" if self._max_seq_length else "examples",
        progress.readable_time(left), self._values_text())

  def _is_due(self, step):
    return (step % self._log_steps == 0 or step >= self._num_train_steps or
            step == self._first_step + 1)

  def _values_text(self):
    return ", ".join("%s %.4g" % item for item in sorted(self._values.items()))

  def _append(self):
    if not self._log_file:
      return
    record = dict(self._values, step=self._step,
                  seconds=round(self._clock() - self._start, 3))
    with utils.open_file(self._log_file, "a") as f:
      f.write(json.dumps(record, sort_keys=True) + "\n")
