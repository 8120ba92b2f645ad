"""What both runners need around a tf.estimator: set-up, run config, progress."""

import json
import os
import sys
import time

import tensorflow.compat.v1 as tf
import tqdm

from util import utils

_DEBUG_MARKER = "DEBUG_RUN"
_SECONDS_BETWEEN_LOG_LINES = 10


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


def start_debug_folder(model_dir):
  """Empties the folder of an earlier debug run, or makes a new one.

  Raises:
    utils.UserError: the folder holds something a debug run did not make.
  """
  marker = os.path.join(model_dir, _DEBUG_MARKER)
  if utils.exists(model_dir) and utils.listdir(model_dir):
    if not utils.exists(marker):
      raise utils.UserError(
          "debug: expected %s to be new or left by an earlier debug run, found "
          "other files there; choose another --model-name or model_dir." %
          model_dir)
    utils.rmtree(model_dir)
  utils.makedirs(model_dir)
  with utils.write_atomically(marker) as f:
    f.write("Made by a debug run; the next debug run empties this folder.\n")


class ProgressHook(tf.train.SessionRunHook):
  """Shows steps, speed, time left and values of interest while training.

  A bar on a terminal; in a log, one plain line every `log_steps` steps, at most
  one in ten seconds, and one for the first and the last step. The values are fetched together with
  the training step, and only on the steps that show them.
  """

  def __init__(self, *, num_train_steps, batch_size, max_seq_length, log_steps,
               tensors, log_file=None, stream=None, clock=time.time):
    """Makes the hook.

    Args:
      num_train_steps: int, the global step at which training ends.
      batch_size: int, examples a step.
      max_seq_length: int, tokens an example, padding included.
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
    return "%s/%s steps (%.1f%%), %.2f steps/s, %s tokens/s, ETA %s, %s" % (
        "{:,}".format(self._step), "{:,}".format(self._num_train_steps),
        100.0 * self._step / self._num_train_steps, speed,
        "{:,}".format(int(speed * self._batch_size * self._max_seq_length)),
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
