"""Data parallelism over the processes ("ranks") that horovodrun starts.

The only module that uses Horovod. A run of one process does not import it, and
every function here then returns what it was given.

Ranks divide the work of a step as gradient accumulation does: the batch of
`train_batch_size` examples is split into micro-batches, each rank computes the
gradients of some, and their sum over ranks is clipped once and applied by all.
So N ranks compute what one process computes with N times the
`gradient_accumulation_steps`. Rank 0, the chief, alone writes files and logs.

Importing this module requires no package.
"""

import contextlib
import importlib.util
import json
import os
import pickle
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
# others. Others wait while the chief counts or featurizes data.
_STALL_ENVIRONMENT = {"HOROVOD_STALL_CHECK_TIME_SECONDS": "300",
                      "HOROVOD_STALL_SHUTDOWN_TIME_SECONDS": "1800"}


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
  """Returns the range of the micro-batches that this rank computes.

  Args:
    num_parts: int, of all ranks; a multiple of their number.
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


class Jobs:
  """Functions that all ranks call together: the chief decides when.

  The chief runs the program; the other ranks wait in `follow` for its jobs. As
  a context manager, it ends their waiting when the chief's block succeeds; if
  it fails, the launcher ends them.
  """

  def __init__(self, **functions):
    """Stores {name: function}, the same on all ranks."""
    self._functions = functions

  def __enter__(self):
    return self

  def __exit__(self, error_type, error, traceback):
    if error_type is None:
      self._broadcast(None)

  def run(self, name, *local, **arguments):
    """Returns what the function returns on the chief.

    Args:
      name: str, of the function.
      *local: arguments that only the chief gets, such as its hooks.
      **arguments: of all ranks, values of JSON.
    """
    self._broadcast([name, arguments])
    return self._functions[name](*local, **arguments)

  def follow(self):
    """Calls the functions that the chief calls, until it is done."""
    while True:
      job = self._broadcast()
      if job is None:
        return
      name, arguments = job
      self._functions[name](**arguments)

  def _broadcast(self, job=None):
    """Returns the chief's `job` on every rank."""
    if num_ranks() == 1:
      return job
    import numpy as np
    text = json.dumps(job).encode("utf-8") if is_chief() else b""
    size, = _run(_horovod().broadcast, np.array([len(text)]), "job_size")
    content = np.frombuffer(text if is_chief() else bytes(size), np.uint8)
    return json.loads(bytes(_run(
        _horovod().broadcast, content, "job")).decode("utf-8"))


def gather(values):
  """Returns the lists of all ranks, one after the other; call it on all.

  Args:
    values: list of anything that pickle can copy.
  """
  if num_ranks() == 1:
    return values
  import numpy as np
  content = np.frombuffer(pickle.dumps(values), np.uint8)
  sizes = _run(_horovod().allgather, np.array([len(content)]), "sizes")
  contents = bytes(_run(_horovod().allgather, content, "values"))
  ends = np.cumsum(sizes)
  return [value for end, size in zip(ends, sizes)
          for value in pickle.loads(contents[end - size:end])]


def _run(collective, array, name):
  """Returns the result of a Horovod op on an array."""
  import tensorflow.compat.v1 as tf
  arguments = {} if collective is _horovod().allgather else {"root_rank": 0}
  with tf.Graph().as_default(), tf.Session(
      config=tf.ConfigProto(device_count={"GPU": 0})) as session:
    return session.run(collective(tf.constant(array), name=name, **arguments))


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
