"""Data parallelism over the processes ("ranks") that horovodrun starts.

The only module that uses Horovod. A run of one process does not import it, and
every function here then returns what it was given.

Ranks divide the work of a step as gradient accumulation does: the batch of
`train_batch_size` examples is split into micro-batches, each rank computes the
gradients of its own, and their sum over ranks is clipped once and applied by
all. So N ranks compute what one process computes with N times the
`gradient_accumulation_steps`. Rank 0, the chief, alone writes files and logs.

Importing this module does not import TensorFlow.
"""

import contextlib
import importlib.util
import os
import shutil
import sys
import tempfile

from util import utils

# (rank, number of ranks, rank on its host, ranks on its host), as horovodrun
# and as mpirun set them.
_ENVIRONMENTS = tuple(
    tuple(prefix + name for name in ("RANK", "SIZE", "LOCAL_RANK",
                                     "LOCAL_SIZE"))
    for prefix in ("HOROVOD_", "OMPI_COMM_WORLD_"))
# Seconds after which Horovod reports and ends a stall: some rank waits for the
# others. It must exceed the time to write a checkpoint.
_STALL_ENVIRONMENT = {"HOROVOD_STALL_CHECK_TIME_SECONDS": "60",
                      "HOROVOD_STALL_SHUTDOWN_TIME_SECONDS": "600"}


def _variable(index, default):
  for names in _ENVIRONMENTS:
    if names[1] in os.environ:
      return int(os.environ.get(names[index], default))
  return default


def rank():
  """Returns the number of this process, from 0."""
  return _variable(0, 0)


def num_ranks():
  """Returns the number of processes of this run."""
  return _variable(1, 1)


def local_rank():
  """Returns the number of this process on its host, from 0."""
  return _variable(2, 0)


def num_local_ranks():
  """Returns the number of processes on this host."""
  return _variable(3, 1)


def is_chief():
  """Returns whether this process writes the files and logs of the run."""
  return rank() == 0


def start():
  """Silences all ranks but the chief; call it before the first log line.

  Raises:
    UserError: there are several ranks and Horovod is not installed.
  """
  if num_ranks() == 1:
    return
  if importlib.util.find_spec("horovod") is None:
    raise utils.UserError(
        "%d processes were started, but horovod is not installed in this "
        "Python (%s). Install requirements-horovod.txt." % (
            num_ranks(), sys.executable))
  if not is_chief():
    sys.stdout = open(os.devnull, "w")  # errors still go to standard error


def connect():
  """Connects to the other ranks; call it before building a graph."""
  if num_ranks() > 1:
    for name, value in _STALL_ENVIRONMENT.items():
      os.environ.setdefault(name, value)
    _horovod().init()


def _horovod():
  import horovod.tensorflow as hvd  # optional, and imports TensorFlow
  return hvd


def parts_of_rank(num_parts):
  """Returns the range of the parts of a batch that this rank computes.

  Args:
    num_parts: int, micro-batches of all ranks; a multiple of their number.
  """
  num_own = num_parts // num_ranks()
  return range(rank() * num_own, (rank() + 1) * num_own)


def sum_over_ranks(tensors):
  """Returns the sums over ranks of a list of Tensors of the same shapes.

  They are reduced as one group: an order that is the same in every run, so that
  runs are reproducible.
  """
  if num_ranks() == 1:
    return list(tensors)
  hvd = _horovod()
  return hvd.grouped_allreduce(list(tensors), op=hvd.Sum)


def from_chief(number):
  """Returns the chief's `number` on every rank, after all have called it.

  Args:
    number: int, ignored on other ranks than the chief.
  """
  if num_ranks() == 1:
    return number
  import tensorflow.compat.v1 as tf
  with tf.Graph().as_default(), tf.Session() as session, reporting_failures():
    return int(session.run(_horovod().broadcast(
        tf.constant(number if is_chief() else 0, tf.int64), root_rank=0,
        name="from_chief")))


def broadcast_hooks():
  """Returns the hooks that give all ranks the chief's initial variables."""
  if num_ranks() == 1:
    return []
  return [_horovod().BroadcastGlobalVariablesHook(0)]


def metric_hooks():
  """Returns the hooks that add up streaming metrics at an evaluation's end.

  The variables of tf.metrics are sums and counts over batches, so the metrics
  of their sums over ranks are those of all batches.
  """
  if num_ranks() == 1:
    return []
  import tensorflow.compat.v1 as tf

  class SumMetricsHook(tf.train.SessionRunHook):
    """Replaces metric variables by their sums over ranks."""

    def begin(self):
      variables = tf.get_collection(tf.GraphKeys.METRIC_VARIABLES)
      sums = sum_over_ranks([tf.convert_to_tensor(v) for v in variables])
      self._assign = tf.group(*[
          variable.assign(total, read_value=False)
          for variable, total in zip(variables, sums)])

    def end(self, session):
      session.run(self._assign)

  return [SumMetricsHook()]


@contextlib.contextmanager
def folder_of_rank(model_dir):
  """Yields the folder of this rank's Estimator: the chief's is `model_dir`.

  Other ranks get a scratch folder, because an Estimator always writes events.
  """
  if is_chief():
    yield model_dir
    return
  folder = tempfile.mkdtemp(prefix="rank%d-" % rank())
  try:
    yield folder
  finally:
    shutil.rmtree(folder, ignore_errors=True)


@contextlib.contextmanager
def reporting_failures():
  """Converts the errors of a lost or stalled rank to a UserError."""
  import tensorflow.compat.v1 as tf
  try:
    yield
  except tf.errors.OpError as error:
    if num_ranks() == 1 or not str(
        error.op.type if error.op is not None else "").startswith("Horovod"):
      raise
    raise utils.UserError(
        "Rank %d of %d: another rank failed or did not answer for %s s; its "
        "error is above. Saved checkpoints are intact: run the same command "
        "again to resume." % (
            rank(), num_ranks(), os.environ[
                "HOROVOD_STALL_SHUTDOWN_TIME_SECONDS"])) from error
