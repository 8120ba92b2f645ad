"""Keeps TensorFlow's own log lines out of the output of commands.

TensorFlow reports its start (devices, instruction sets, missing GPU libraries)
and functions that it will remove in later versions. Neither is anything that a
user of a command can act upon. Errors end a command with a message of Python,
whatever is silenced here.
"""

import logging
import os
import sys
import warnings

LEVEL = "TF_CPP_MIN_LOG_LEVEL"
# Errors and worse. TensorFlow 2.15 logs as errors, on every start, that the
# CUDA libraries are registered twice: there only what is worse than an error.
_LEVEL = "2" if sys.version_info < (3, 8) else "3"


def silence():
  """Silences log lines and warnings; call it before TensorFlow is imported.

  Not if the user asks for them: TF_CPP_MIN_LOG_LEVEL is set, or for Python's
  warnings -W or PYTHONWARNINGS.
  """
  if LEVEL not in os.environ:
    os.environ[LEVEL] = _LEVEL
    for name in ("tensorflow", "absl"):
      logging.getLogger(name).setLevel(logging.ERROR)
  if not sys.warnoptions:
    # TensorFlow 2.15 names its caller as the origin of these.
    warnings.filterwarnings(
        "ignore", message=r"`(tf|layer)\.\S+` is deprecated")
    # NumPy's about the data types of TensorFlow 1.15 and its TensorBoard.
    for category in (FutureWarning, DeprecationWarning, UserWarning):
      warnings.filterwarnings(
          "ignore", category=category,
          module=r"(tensorflow|tensorboard|keras|google|numpy|horovod)\b")
