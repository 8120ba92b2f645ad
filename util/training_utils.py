"""What both runners need around a tf.estimator.

Set-up, run config, progress, stopping at a signal, and what a run must not end
in: a checkpoint of weights that are not numbers, or a traceback of a full disk.
"""

import contextlib
import json
import os
import sys
import time

import tensorflow.compat.v1 as tf
import tqdm

from util import folder_lock
from util import stop_signals
from util import utils

_DEBUG_MARKER = "DEBUG_RUN"
_SECONDS_BETWEEN_LOG_LINES = 10
_WRITING_OPS = ("SaveV2", "MergeV2Checkpoints", "WriteFile")
_NOT_WRITTEN = (  # what TensorFlow says where it cannot name the op
    "no space left", "file too large", "quota exceeded", "permission denied",
    "read-only file system")


def setup_tensorflow():
  """Prepares TensorFlow for graphs of resource variables; call it first.

  With resource variables the global step is read before the step's updates and
  written after them; with reference variables the order is a race, and a run is
  not even equal to itself.
  """
  tf.logging.set_verbosity(tf.logging.ERROR)  # the next line warns of itself
  tf.disable_v2_behavior()
  tf.enable_resource_variables()


def make_run_config(config, *, model_dir, save_checkpoints_steps,
                    keep_checkpoint_max=5):
  """Returns the RunConfig of a TPUEstimator.

  Args:
    config: PretrainingConfig or FinetuningConfig.
    model_dir: folder of the checkpoints.
    save_checkpoints_steps: steps between two checkpoints.
    keep_checkpoint_max: how many checkpoints stay; 0 or None: all.
  """
  cluster = None
  if config.use_tpu and config.tpu_name:
    cluster = tf.distribute.cluster_resolver.TPUClusterResolver(
        config.tpu_name, zone=config.tpu_zone, project=config.gcp_project)
  session_config = tf.ConfigProto(allow_soft_placement=True)
  session_config.gpu_options.allow_growth = True  # leave memory to others
  if config.use_amp:
    check_bfloat16(config)
    rewrites = session_config.graph_options.rewrite_options
    rewrites.auto_mixed_precision_onednn_bfloat16 = rewrites.ON
  return tf.estimator.tpu.RunConfig(
      cluster=cluster,
      model_dir=model_dir,
      tf_random_seed=config.seed,
      session_config=session_config,
      save_checkpoints_steps=save_checkpoints_steps,
      save_summary_steps=config.log_steps,
      keep_checkpoint_max=keep_checkpoint_max or None,
      log_step_count_steps=config.log_steps,
      tpu_config=tf.estimator.tpu.TPUConfig(
          iterations_per_loop=config.iterations_per_loop,
          num_shards=config.num_tpu_cores if config.use_tpu else None,
          tpu_job_name=config.tpu_job_name,
          per_host_input_for_training=(
              tf.estimator.tpu.InputPipelineConfig.PER_HOST_V2)))


def check_bfloat16(config):
  """Raises a UserError where `use_amp` cannot have its effect.

  TensorFlow then says nothing: it computes in float32, or in bfloat16 emulated
  many times slower.
  """
  def refuse(found):
    raise utils.UserError(
        "use_amp: expected TensorFlow 2.15 on a CPU that multiplies bfloat16 "
        "numbers (AVX512_BF16 or AMX), found %s; set it to false." % found)

  if config.use_tpu:
    refuse("a TPU, which multiplies in bfloat16 anyway")
  if tf.__version__.startswith("1."):
    refuse("TensorFlow " + tf.__version__)
  if tf.config.list_physical_devices("GPU"):
    refuse("a GPU")
  if os.environ.get("TF_ENABLE_ONEDNN_OPTS") == "0":
    refuse("oneDNN turned off by TF_ENABLE_ONEDNN_OPTS=0")
  if not has_bfloat16():
    refuse("a CPU without them")


def has_bfloat16(cpuinfo="/proc/cpuinfo"):
  """Returns whether the CPU has instructions that multiply bfloat16 numbers.

  Args:
    cpuinfo: path of Linux's description of the CPU; where there is none, the
      answer is no.
  """
  if not os.path.exists(cpuinfo):
    return False
  with open(cpuinfo) as f:
    words = set(f.read().split())
  return bool(words & {"avx512_bf16", "amx_bf16"})


def start_debug_folder(model_dir):
  """Empties the folder of an earlier debug run, or makes a new one.

  Raises:
    utils.UserError: the folder holds something a debug run did not make.
  """
  marker = os.path.join(model_dir, _DEBUG_MARKER)
  if utils.exists(model_dir):
    names = [name for name in utils.listdir(model_dir)
             if name != folder_lock.LOCK_NAME]  # this run's own
    if names and not utils.exists(marker):
      raise utils.UserError(
          "debug: expected %s to be new or left by an earlier debug run, found "
          "other files there; choose another --model-name or model_dir." %
          model_dir)
    for name in names:
      path = os.path.join(model_dir, name)
      (utils.rmtree if utils.isdir(path) else utils.remove)(path)
  utils.makedirs(model_dir)
  with utils.write_atomically(marker) as f:
    f.write("Made by a debug run; the next debug run empties this folder.\n")


@contextlib.contextmanager
def writing_to(folder):
  """Makes a UserError of what a full or read-only disk raises in the block.

  A checkpoint is written beside the others under a temporary name and renamed,
  so the ones before it are whole.
  """
  try:
    yield
  except tf.errors.OpError as error:
    if not _is_of_writing(error):
      raise
    raise utils.UserError(
        "Cannot write to %s: %s. What was written before is whole: make room "
        "and run the same command again." % (
            folder, _cause(error.message))) from error
  except OSError as error:
    if error.errno is None:
      raise
    raise utils.UserError(
        "Cannot write to %s: %s. What was written before is whole: make room "
        "and run the same command again." % (
            error.filename or folder, error.strerror)) from error


def _is_of_writing(error):
  """Returns whether a tf.errors.OpError came of writing a file."""
  if error.op is not None:
    return error.op.type in _WRITING_OPS
  return any(text in error.message.lower() for text in _NOT_WRITTEN)


def _cause(message):
  """Returns the line of a tf.errors.OpError's message that says what happened.

  That is the first; but the one above "[[{{node" where TensorFlow 2 begins with
  where it happened.
  """
  before, bracket, _ = message.partition("[[")
  lines = [line.strip() for line in before.strip().split("\n")]
  return lines[-1 if bracket else 0].rstrip(".")


class StopHook(tf.train.SessionRunHook):
  """Ends training, or an evaluation, when a signal asked for it.

  Training ends after the step at hand, and so with a checkpoint of it; before
  the first step, and in an evaluation, at once.
  """

  def __init__(self, signals, is_training=True):
    """Makes the hook.

    Args:
      signals: stop_signals.StopSignals.
      is_training: bool, whether what was done so far is to be saved.
    """
    self._signals = signals
    self._is_training = is_training

  def after_create_session(self, session, coord):
    del session, coord  # nothing was done yet
    if self._signals.received:
      raise Stopped()

  def after_run(self, run_context, run_values):
    del run_values  # none were asked for
    if not self._signals.received:
      return
    if not self._is_training:
      raise Stopped()
    run_context.request_stop()


class Stopped(Exception):
  """A signal ended an evaluation, or a training before its first step."""


class SoundWeights(tf.train.CheckpointSaverListener):
  """Refuses to save weights that are not numbers.

  An update of finite gradients can still overflow. So that the last good
  checkpoint stays the latest, such weights are never written.
  """

  def begin(self):
    self._variables = [variable for variable in tf.global_variables()
                       if variable.dtype.base_dtype.is_floating]
    self._are_sound = tf.stack([
        tf.reduce_all(tf.is_finite(variable)) for variable in self._variables])

  def before_save(self, session, global_step_value):
    for variable, is_sound in zip(
        self._variables, session.run(self._are_sound)):
      if not is_sound:
        raise utils.UserError(
            "Step %d: expected finite weights, found nan or infinity in '%s'; "
            "no checkpoint of it was written. Go on from the latest one with a "
            "lower learning_rate." % (global_step_value, variable.op.name))


class ProgressHook(tf.train.SessionRunHook):
  """Shows steps, speed, time left and values of interest while training.

  A bar on a terminal; in a log, one plain line every `log_steps` steps, at most
  one in ten seconds, and one for the first and the last step. The values are
  fetched together with the training step, and only on the steps that show them.
  """

  def __init__(self, *, num_train_steps, batch_size, max_seq_length, log_steps,
               tensors, log_file=None, stream=None, clock=time.time):
    """Makes the hook.

    Args:
      num_train_steps: int, the global step at which training ends.
      batch_size: int, examples a step.
      max_seq_length: int, tokens an example, padding included; None where it
        differs from batch to batch: examples a second are shown instead.
      log_steps: int, steps between two looks at `tensors`.
      tensors: {name: scalar Tensor} to show, such as {"loss": loss}.
      log_file: path of a .jsonl file that every look is appended to, or None.
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
    del coord  # no threads of our own
    self._step = self._first_step = int(session.run(self._global_step))
    self._start = self._last_line = self._clock()
    self._shown = {}
    if self._stream.isatty():
      self._bar = tqdm.tqdm(
          total=self._num_train_steps, initial=self._first_step, unit="step",
          file=self._stream, dynamic_ncols=True, mininterval=1.0)

  def before_run(self, run_context):
    del run_context  # the fetches do not depend on it
    fetches = {"global_step": self._global_step}
    self._is_looking = self._is_due(self._step + 1)
    if self._is_looking:
      fetches["values"] = self._tensors
    return tf.train.SessionRunArgs(fetches)

  def after_run(self, run_context, run_values):
    del run_context  # the results are all we need
    # The fetch may be from before or after the update: count from the first.
    previous, self._step = self._step, self._step + 1
    fetched = int(run_values.results["global_step"])
    if fetched > self._step:  # several steps a run, on a TPU
      self._step = fetched
    if self._is_looking:
      self._shown = {name: float(value) for name, value in
                     run_values.results["values"].items()}
      self._append()
    if self._bar:
      self._bar.update(self._step - previous)
      if self._is_looking:
        self._bar.set_postfix_str(self._values_text())
    elif self._is_looking and (
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
    """Returns the plain line: step, share done, speed, time left, values."""
    seconds = max(1e-9, self._clock() - self._start)
    speed = (self._step - self._first_step) / seconds  # steps a second
    left = (self._num_train_steps - self._step) / max(speed, 1e-9)
    rate = speed * self._batch_size * (self._max_seq_length or 1)
    return "%s/%s steps (%.1f%%), %.2f steps/s, %s %s/s, ETA %s, %s" % (
        "{:,}".format(self._step), "{:,}".format(self._num_train_steps),
        100.0 * self._step / self._num_train_steps, speed,
        "{:,}".format(int(rate)),
        "tokens" if self._max_seq_length else "examples",
        readable_time(left), self._values_text())

  def _is_due(self, step):
    return (step % self._log_steps == 0 or step >= self._num_train_steps or
            step == self._first_step + 1)

  def _values_text(self):
    return ", ".join("%s %.4g" % item for item in sorted(self._shown.items()))

  def _append(self):
    if not self._log_file:
      return
    record = dict(self._shown, step=self._step,
                  seconds=round(self._clock() - self._start, 3))
    with utils.open_file(self._log_file, "a") as f:
      f.write(json.dumps(record, sort_keys=True) + "\n")


def readable_time(seconds):
  """Returns a duration as "1d 02:03:04" or "02:03:04"."""
  days, rest = divmod(int(seconds), 24 * 3600)
  clock = "%02d:%02d:%02d" % (rest // 3600, rest // 60 % 60, rest % 60)
  return "%dd %s" % (days, clock) if days else clock
