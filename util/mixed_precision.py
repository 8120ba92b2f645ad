"""Mixed precision (`use_amp`): where it is possible, and the graph rewrite.

TensorFlow rewrites the graph before it runs: matrices are multiplied in a type
of 16 bits, float16 on GPUs and bfloat16 on CPUs, and variables stay float32.
Losses, softmax, logarithms, the statistics of layer normalization, sampling and
Adam stay float32 too.
"""

import os
import re

import tensorflow.compat.v1 as tf

from util import utils

# The lists of TensorFlow 2.15 let these be computed in float16 between two
# matrix multiplications; those of 1.15 do not. Sub: of a squared error.
_FLOAT32_OPS = ("Softmax", "LogSoftmax", "Log", "Log1p", "Sub", "Square",
                "SquaredDifference")
_LIST = "TF_AUTO_MIXED_PRECISION_GRAPH_REWRITE_"
_LIST_CHANGES = {
    "1": (("GRAYLIST_REMOVE", _FLOAT32_OPS), ("BLACKLIST_ADD", _FLOAT32_OPS)),
    "2": (("INFERLIST_REMOVE", _FLOAT32_OPS), ("DENYLIST_ADD", _FLOAT32_OPS))}
_MIN_CAPABILITY = (7, 0)  # of GPUs that multiply float16 matrices fast: Volta


def configure(config, session_config):
  """Turns on the graph rewrite in a tf.ConfigProto, if `use_amp` is true.

  Args:
    config: PretrainingConfig or FinetuningConfig.
    session_config: tf.ConfigProto, complete but for this.

  Raises:
    UserError: `use_amp` would have no effect on this machine.
  """
  if not config.use_amp:
    return
  rewrites = session_config.graph_options.rewrite_options
  if uses_float16(config):
    check_gpus(session_config)
    set_lists()
    rewrites.auto_mixed_precision = rewrites.ON
  else:
    check_bfloat16(config)
    rewrites.auto_mixed_precision_onednn_bfloat16 = rewrites.ON


def uses_float16(config):
  """Returns whether gradients are computed in float16: `use_amp` on a GPU.

  Numbers below 6e-8 are 0 in float16, so the loss has to be scaled. bfloat16
  has the range of float32.
  """
  return config.use_amp and not config.use_tpu and bool(
      tf.config.experimental.list_physical_devices("GPU"))


def set_lists():
  """Excludes ops from float16, in the environment that the rewrite reads."""
  for name, ops in _LIST_CHANGES[tf.__version__[0]]:
    name = _LIST + name
    present = list(filter(None, os.environ.get(name, "").split(",")))
    os.environ[name] = ",".join(
        present + [op for op in ops if op not in present])


def check_gpus(session_config):
  """Raises a UserError if TensorFlow would not use float16 on a GPU.

  Its rewrite silently does nothing for older GPUs.

  Args:
    session_config: the tf.ConfigProto of the run; it decides which GPUs this
      process takes.
  """
  for description in _gpu_descriptions(session_config):
    found = re.search(r"compute capability: (\d+)\.(\d+)", description)
    if found and tuple(map(int, found.groups())) < _MIN_CAPABILITY:
      raise utils.UserError(
          "use_amp: requires GPUs of compute capability 7.0 or higher, found "
          "%s. Set it to false." % description)


def _gpu_descriptions(session_config):
  from tensorflow.python.client import device_lib  # has no public name
  return [device.physical_device_desc
          for device in device_lib.list_local_devices(session_config)
          if device.device_type == "GPU"]


def check_bfloat16(config):
  """Raises a UserError if `use_amp` has no effect on this machine's CPU.

  TensorFlow would silently compute in float32, or emulate bfloat16 many times
  slower.
  """
  def refuse(found):
    raise utils.UserError(
        "use_amp: requires a GPU, or TensorFlow 2.15 on a CPU with AVX512_BF16 "
        "or AMX, found %s. Set it to false." % found)

  if config.use_tpu:
    refuse("a TPU, which multiplies in bfloat16 anyway")
  if tf.__version__.startswith("1."):
    refuse("TensorFlow %s without a GPU" % tf.__version__)
  if os.environ.get("TF_ENABLE_ONEDNN_OPTS") == "0":
    refuse("oneDNN turned off by TF_ENABLE_ONEDNN_OPTS=0")
  if not has_bfloat16():
    refuse("a CPU without them")


def has_bfloat16(cpuinfo="/proc/cpuinfo"):
  """Returns whether the CPU has instructions that multiply bfloat16 numbers.

  Args:
    cpuinfo: path of Linux's description of the CPU; False if it is missing.
  """
  if not os.path.exists(cpuinfo):
    return False
  with open(cpuinfo) as f:
    words = set(f.read().split())
  return bool(words & {"avx512_bf16", "amx_bf16"})
