"""Session hooks that both runners use: stopping, finite weights, progress."""

import json
import math
import signal
import sys
import time

import tensorflow.compat.v1 as tf

from util import data_parallel
from util import progress
from util import utils


def write_scalars(folder, step, values):
  """Adds {name: float} at a step to the event file of a folder.

  Returns:
    The tf.summary.FileWriter, to be flushed.
  """
  writer = tf.summary.FileWriterCache.get(folder)
  writer.add_summary(
      tf.Summary(value=[tf.Summary.Value(tag=name, simple_value=value)
                        for name, value in sorted(values.items())]), step)
  return writer


class StopHook(tf.train.SessionRunHook):
  """Ends training, or an evaluation, after a signal.

  Training ends after the current step, and so with a checkpoint of it; before
  the first step and in an evaluation it ends immediately. In training all ranks
  end after the same step, whichever got the signal.
  """

  def __init__(self, signals, is_training=True):
    """Watches `signals`.

    Args:
      signals: stop_signals.StopSignals.
      is_training: bool, whether to end with a checkpoint.
    """
    self._signals = signals
    self._is_training = is_training

  def after_create_session(self, session, coord):
    del session, coord  # no step was run yet
    if self._signals.received:
      raise Stopped()

  def begin(self):
    self._flag, self._num_stopping = None, None
    if self._is_training and data_parallel.num_ranks() > 1:
      self._flag = tf.placeholder(tf.int32, [], name="is_stopping")
      self._num_stopping, = data_parallel.sum_over_ranks([self._flag])

  def before_run(self, run_context):
    del run_context  # the fetches do not depend on it
    if self._flag is None:
      return None
    return tf.train.SessionRunArgs(
        self._num_stopping, {self._flag: int(bool(self._signals.received))})

  def after_run(self, run_context, run_values):
    # Without a flag there are no results.
    if run_values.results and not self._signals.received:
      self._signals.received = signal.SIGTERM  # another rank got it
    is_stopping = (self._signals.received if self._flag is None
                   else run_values.results)
    if is_stopping and not self._is_training:
      raise Stopped()
    if is_stopping:
      run_context.request_stop()


class Stopped(Exception):
  """A signal ended an evaluation, or a training before its first step."""


class FiniteWeightsListener(tf.train.CheckpointSaverListener):
  """Aborts before NaN or Inf weights are saved.

  An update with finite gradients can still overflow. Such weights are never
  written, so that the last valid checkpoint stays the latest.
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
            "Step %d: NaN or Inf weights in '%s'; no checkpoint was written. "
            "Resume from the latest one with a lower learning_rate." % (
                global_step_value, variable.op.name))


class EvaluationProgressHook(tf.train.SessionRunHook):
  """Shows how many batches of an evaluation are done; see util.progress."""

  def __init__(self, num_batches, label="Evaluating", clock=time.time):
    """Shows nothing yet.

    Args:
      num_batches: int, of the evaluation.
      label, clock: as in progress.Progress.
    """
    self._num_batches, self._label = num_batches, label
    self._clock = clock

  def after_create_session(self, session, coord):
    del session, coord  # only the time matters
    self._progress = progress.Progress(
        self._num_batches, "batch", label=self._label, clock=self._clock)

  def after_run(self, run_context, run_values):
    del run_context, run_values  # only their number matters
    self._progress.update(1)
    self._progress.report()

  def end(self, session):
    del session  # nothing more to fetch
    self._progress.close()


class ProgressHook(tf.train.SessionRunHook):
  """Shows steps, speed, time left and values of interest while training.

  A bar on a terminal; in a log, one plain line every `log_steps` steps, at most
  one in ten seconds, and one for the first and the last step. TensorBoard shows
  the values, too.
  """

  def __init__(self, *, num_train_steps, batch_size, max_seq_length, log_steps,
               tensors, metrics=None, flops_per_step=None, peak_flops=None,
               log_file=None, summary_dir=None, on_record=None, stream=None,
               clock=time.time):
    """Logs nothing yet.

    Args:
      num_train_steps: int, the global step at which training ends.
      batch_size: int, examples per step.
      max_seq_length: int, tokens per example, padding included; None if it
        differs between batches: examples/s are logged instead of tokens/s.
      log_steps: int, steps between two values that are logged.
      tensors: {name: scalar Tensor} to log, such as {"loss": loss}.
      metrics: {name: scalar Tensor} for log_file and TensorBoard alone, omitted
        where they are not finite.
      flops_per_step: number, floating-point operations of a step, or None.
      peak_flops: number, operations per second of all devices; None: the log
        has no model-FLOPs utilisation.
      log_file: path of a .jsonl file that the values are appended to, or None.
      summary_dir: folder of the event files for TensorBoard, or None.
      on_record: function of a step and {name: float} that is logged for it,
        or None.
      stream: output stream; standard error by default.
      clock: function that returns the time in seconds.
    """
    self._num_train_steps = num_train_steps
    self._batch_size = batch_size
    self._max_seq_length = max_seq_length
    self._log_steps = log_steps
    self._tensors = dict(tensors)
    self._metrics = dict(metrics or {})
    self._flops_per_step, self._peak_flops = flops_per_step, peak_flops
    self._log_file = log_file
    self._summary_dir = summary_dir
    self._on_record = on_record
    self._stream = stream or sys.stderr
    self._clock = clock

  def begin(self):
    self._global_step = tf.train.get_or_create_global_step()

  def after_create_session(self, session, coord):
    del coord  # starts no threads
    self._step = self._first_step = int(session.run(self._global_step))
    self._values = {}
    self._progress = progress.Progress(
        self._num_train_steps, "step", initial=self._first_step,
        stream=self._stream, clock=self._clock)

  def before_run(self, run_context):
    del run_context  # the fetches do not depend on it
    self._is_looking = self._is_due(self._step + 1)
    # The same on every step: TensorFlow optimizes the graph for each new list
    # of fetches, which takes longer than many steps.
    return tf.train.SessionRunArgs({
        "global_step": self._global_step, "values": self._tensors,
        "metrics": self._metrics})

  def after_run(self, run_context, run_values):
    del run_context  # the results are all we need
    # The fetch may be from before or after the update: count from the first.
    previous, self._step = self._step, self._step + 1
    fetched = int(run_values.results["global_step"])
    if fetched > self._step:  # several steps a run, on a TPU
      self._step = fetched
    if self._is_looking:
      self._values = {name: float(value) for name, value in
                     run_values.results["values"].items()}
      record = dict(self._values, **self._speeds())
      record.update((name, float(value)) for name, value in
                    run_values.results["metrics"].items() if
                    math.isfinite(value))
      self._append(record)
      self._write_summary(record)
      if self._on_record:
        self._on_record(self._step, record)
    self._progress.update(self._step - previous)
    if self._is_looking and self._progress.bar:
      self._progress.bar.set_postfix_str(self._values_text())
    elif self._is_looking and self._progress.is_line_due(
        always=self._step in (self._first_step + 1, self._num_train_steps)):
      self._stream.write(self.line() + "\n")
      self._stream.flush()

  def end(self, session):
    del session  # nothing more to fetch
    self._progress.close()
    if self._summary_dir:
      tf.summary.FileWriterCache.get(self._summary_dir).flush()

  def line(self):
    """Returns the plain line: step, share done, speed, time left, values."""
    speeds = self._speeds()
    rate = speeds.get("tokens_per_second", speeds["examples_per_second"])
    return self._progress.line(
        rates="%s %s/s" % ("{:,}".format(int(rate)), "tokens" if
                           self._max_seq_length else "examples"),
        values=self._values_text())

  def _speeds(self):
    """Returns {name: float} of the mean speeds since the start of this run."""
    steps_per_second = self._progress.rate
    speeds = {"examples_per_second": steps_per_second * self._batch_size}
    if self._max_seq_length:
      speeds["tokens_per_second"] = (
          speeds["examples_per_second"] * self._max_seq_length)
    if self._flops_per_step and self._peak_flops:
      speeds["mfu"] = (
          steps_per_second * self._flops_per_step / self._peak_flops)
    return speeds

  def _is_due(self, step):
    return (step % self._log_steps == 0 or step >= self._num_train_steps or
            step == self._first_step + 1)

  def _values_text(self):
    return ", ".join("%s %.4g" % item for item in sorted(self._values.items()))

  def _write_summary(self, record):
    """Adds a record to the event file that the Estimator writes to, too."""
    if self._summary_dir:
      write_scalars(self._summary_dir, self._step, record)

  def _append(self, record):
    if not self._log_file:
      return
    record = dict(record, step=self._step,
                  seconds=round(self._progress.seconds, 3))
    with utils.open_file(self._log_file, "a") as f:
      f.write(json.dumps(record, sort_keys=True) + "\n")
