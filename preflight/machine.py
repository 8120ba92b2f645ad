"""Checks the machine: packages, GPUs, disk."""

import importlib
import os
import shutil

from preflight import findings
from util import packages
from util import version

_GPU_HINTS = {
    "1": "Install tensorflow-gpu==1.15.5 in place of tensorflow, CUDA 10.0 and "
         "cuDNN 7.6; nvidia-smi must list the card.",
    "2": "Run pip install tensorflow[and-cuda]==2.15.1; nvidia-smi must list "
         "the card, with a driver of version 525 or later.",
}
_PACKAGES = ("numpy", "tensorflow", "tokenizers", "sklearn", "arabert")


def check_packages():
  """Returns the Findings on Python and the packages of a run."""
  found = []
  for name in _PACKAGES:
    try:
      importlib.import_module(name)
    except ImportError as error:
      problem = packages.describe(error)
      found.append(findings.Finding(
          findings.FAIL, "packages", problem or "cannot import %s" % name, ""))
  if not found:
    found.append(findings.ok("packages", version.describe()))
  return found


def check_gpu(is_required):
  """Returns the Finding on GPUs.

  Args:
    is_required: bool, whether a GPU was asked for.
  """
  import tensorflow.compat.v1 as tf  # after `check_packages` told if it fails

  names = [device.name for device in
           tf.config.experimental.list_physical_devices("GPU")]
  if names:
    return [findings.ok("GPU", "TensorFlow can use %d: %s" % (
        len(names), ", ".join(names)))]
  fact = "TensorFlow sees none; it would train on %d CPU cores" % os.cpu_count()
  if is_required:
    return [findings.Finding(findings.FAIL, "GPU", fact,
                             _GPU_HINTS[tf.__version__[0]])]
  return [findings.ok("GPU", fact)]


def check_disk(folder, num_checkpoints, bytes_per_checkpoint, usage=None):
  """Returns the Finding on the space for the checkpoints of a run.

  Args:
    folder: str, of the model; it need not exist.
    num_checkpoints: int, how many are kept.
    bytes_per_checkpoint: int.
    usage: function that returns free bytes of a folder; None: of the system.
  """
  usage = usage or (lambda path: shutil.disk_usage(path).free)
  existing = os.path.abspath(folder)
  while not os.path.isdir(existing):
    existing = os.path.dirname(existing)
  # One more is written before the oldest is removed.
  needed, free = (num_checkpoints + 1) * bytes_per_checkpoint, usage(existing)
  fact = "%d checkpoints of %s take %s; %s free in %s" % (
      num_checkpoints, size(bytes_per_checkpoint), size(needed), size(free),
      existing)
  if needed > free:
    return [findings.Finding(
        findings.FAIL, "disk", fact, "Free space, lower keep_checkpoint_max, "
        "or set model_dir to another disk.")]
  return [findings.ok("disk", fact)]


def check_memory(peak_bytes):
  """Returns the Finding on the memory that a trial run took."""
  total = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
  return [findings.warn_if(
      peak_bytes > 0.9 * total, "memory", "peak %s of %s (of the CPU)" % (
          size(peak_bytes), size(total)),
      "Lower train_batch_size, or set gradient_accumulation_steps.")]


def size(num_bytes):
  """Returns a number of bytes for people: "1.5 GB"."""
  for factor, unit in ((1e9, "GB"), (1e6, "MB")):
    if num_bytes >= factor:
      return "%.1f %s" % (num_bytes / factor, unit)
  return "%.0f kB" % (num_bytes / 1e3)
