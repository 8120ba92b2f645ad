"""What both runners need around a tf.estimator: set-up, run config, folders."""

import contextlib
import os
import platform

import tensorflow.compat.v1 as tf

from util import data_parallel
from util import folder_lock
from util import json_fields
from util import mixed_precision
from util import utils

_DEBUG_MARKER = "DEBUG_RUN"
_WRITING_OPS = ("SaveV2", "MergeV2Checkpoints", "WriteFile")
_NOT_WRITTEN = (  # in messages of errors without an op
    "no space left", "file too large", "quota exceeded", "permission denied",
    "read-only file system")


def setup_tensorflow():
  """Prepares TensorFlow for graphs of resource variables; call it first.

  With resource variables the global step is read before the step's updates and
  written after them; with reference variables the order is a race, so that runs
  are not deterministic.

  Raises:
    utils.UserError: this TensorFlow is too new.
  """
  if not hasattr(tf, "estimator"):
    raise utils.UserError(
        "TensorFlow %s has no Estimator. Use Python 3.7 or 3.9 to 3.11, and "
        "run: pip install -r requirements.txt" % tf.__version__)
  tf.logging.set_verbosity(tf.logging.ERROR)  # the next line warns
  tf.disable_v2_behavior()
  tf.enable_resource_variables()
  data_parallel.connect()


def check_tpu(config, timeout=30.0):
  """Raises a UserError if `use_tpu` is true and no TPU is reachable.

  The Estimator would write to the model folder first, and retry for minutes.

  Args:
    config: PretrainingConfig or FinetuningConfig.
    timeout: seconds to wait for an answer.
  """
  if not config.use_tpu:
    return
  try:
    cluster = _resolve_tpu(config)
    found = _device_types(cluster.master() if cluster else "", timeout)
    if any("TPU" in device_type for device_type in found):
      return
    problem = "found only %s" % ", ".join(sorted(set(found)))
  except tf.errors.OpError as error:
    problem = _cause(error.message)
  except (ImportError, OSError, RuntimeError, ValueError) as error:
    problem = str(error).split("\n")[0].rstrip(".")
  raise utils.UserError(
      "use_tpu: no TPU is reachable %s (%s). Set \"use_tpu\": false to use the "
      "CPU or GPU of this machine%s." % (
          "as tpu_name %s" % json_fields.shorten(config.tpu_name)
          if config.tpu_name else "on this machine", problem,
          ", or correct tpu_name" if config.tpu_name else
          ", or set tpu_name"))


def device_names(config):
  """Returns the names of the processors and accelerators of a run.

  Args:
    config: PretrainingConfig or FinetuningConfig.

  Returns:
    list of str, such as ["CPU:0 (x86_64, 8 cores)", "GPU:0"]; of a TPU its
    name alone.
  """
  if config.use_tpu:
    return ["TPU %s" % (config.tpu_name or "of this machine")]
  names = []
  for device in tf.config.experimental.list_physical_devices():
    name = device.name.replace("/physical_device:", "")
    if name.startswith("XLA_"):  # the same devices again
      continue
    if name == "CPU:0":
      name += " (%s, %d cores)" % (platform.machine(), os.cpu_count() or 1)
    names.append(name)
  return names


def _resolve_tpu(config):
  """Returns the ClusterResolver of `tpu_name`, None for a local device."""
  if not config.use_tpu or not config.tpu_name:
    return None
  return tf.distribute.cluster_resolver.TPUClusterResolver(
      config.tpu_name, zone=config.tpu_zone, project=config.gcp_project)


def _device_types(master, timeout):
  """Returns the types of the devices that a TensorFlow server has."""
  session_config = tf.ConfigProto(operation_timeout_in_ms=int(1000 * timeout))
  session_config.gpu_options.allow_growth = True  # leave memory to others
  with tf.Session(master, graph=tf.Graph(), config=session_config) as session:
    return [device.device_type for device in session.list_devices()]


def make_run_config(config, *, model_dir, save_checkpoints_steps,
                    keep_checkpoint_max=5):
  """Returns the RunConfig of a TPUEstimator.

  Args:
    config: PretrainingConfig or FinetuningConfig.
    model_dir: folder of the checkpoints.
    save_checkpoints_steps: steps between two checkpoints, written by the chief.
    keep_checkpoint_max: how many checkpoints stay; 0 or None: all.
  """
  cluster = _resolve_tpu(config)
  session_config = tf.ConfigProto(allow_soft_placement=True)
  session_config.gpu_options.allow_growth = True  # leave memory to others
  if data_parallel.num_ranks() > 1:
    session_config.gpu_options.visible_device_list = str(
        data_parallel.local_rank())
    session_config.intra_op_parallelism_threads = max(
        1, os.cpu_count() // data_parallel.num_local_ranks())
  is_chief = data_parallel.is_chief()
  rewrites = session_config.graph_options.rewrite_options
  # Optimizing the graph a second time takes long and changes no weight.
  rewrites.meta_optimizer_iterations = rewrites.ONE
  mixed_precision.configure(config, session_config)
  if config.use_xla:
    check_xla()
    session_config.graph_options.optimizer_options.global_jit_level = (
        tf.OptimizerOptions.ON_1)
    # For a CPU, TensorFlow reads this before it compiles for the first time.
    os.environ["TF_XLA_FLAGS"] = (
        "--tf_xla_cpu_global_jit " + os.environ.get("TF_XLA_FLAGS", ""))
  return tf.estimator.tpu.RunConfig(
      cluster=cluster,
      model_dir=model_dir,
      tf_random_seed=config.seed,
      session_config=session_config,
      save_checkpoints_steps=save_checkpoints_steps if is_chief else None,
      # ProgressHook writes the values that it fetches anyway. Fetching a
      # summary on some steps makes TensorFlow optimize the graph twice.
      save_summary_steps=None,
      keep_checkpoint_max=keep_checkpoint_max or None,
      log_step_count_steps=config.log_steps,
      tpu_config=tf.estimator.tpu.TPUConfig(
          iterations_per_loop=config.iterations_per_loop,
          num_shards=config.num_tpu_cores if config.use_tpu else None,
          tpu_job_name=config.tpu_job_name,
          per_host_input_for_training=(
              tf.estimator.tpu.InputPipelineConfig.PER_HOST_V2)))


def check_xla():
  """Raises a UserError if XLA would compile for hours on this machine."""
  if tf.__version__.startswith("1.") and not (
      tf.config.experimental.list_physical_devices("GPU")):
    raise utils.UserError(
        "use_xla: TensorFlow 1.15 takes hours to compile the model for a CPU. "
        "Set it to false, or use a GPU or TensorFlow 2.15.")


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
          "debug: %s has files that no debug run wrote. Choose another "
          "--model-name or model_dir." % model_dir)
    for name in names:
      path = os.path.join(model_dir, name)
      (utils.rmtree if utils.isdir(path) else utils.remove)(path)
  utils.makedirs(model_dir)
  with utils.write_atomically(marker) as f:
    f.write("Made by a debug run; the next debug run empties this folder.\n")


@contextlib.contextmanager
def writing_to(folder):
  """Converts errors of a full or read-only disk to UserErrors.

  A checkpoint is written under a temporary name and renamed, so the previous
  ones stay intact.
  """
  try:
    yield
  except tf.errors.OpError as error:
    if not _is_of_writing(error):
      raise
    raise utils.UserError(
        "Cannot write to %s: %s. Existing files are intact: free disk space "
        "and run the same command again." % (
            folder, _cause(error.message))) from error
  except OSError as error:
    if error.errno is None:
      raise
    raise utils.UserError(
        "Cannot write to %s: %s. Existing files are intact: free disk space "
        "and run the same command again." % (
            error.filename or folder, error.strerror)) from error


def _is_of_writing(error):
  """Returns whether a tf.errors.OpError came of writing a file."""
  if error.op is not None:
    return error.op.type in _WRITING_OPS
  return any(text in error.message.lower() for text in _NOT_WRITTEN)


def _cause(message):
  """Returns the line of a tf.errors.OpError's message that names the cause.

  It is the first line, or the line above "[[{{node" in TensorFlow 2, whose
  messages start with the location.
  """
  before, bracket, _ = message.partition("[[")
  lines = [line.strip() for line in before.strip().split("\n")]
  return lines[-1 if bracket else 0].rstrip(".")
