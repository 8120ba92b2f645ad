"""The version of the project, and those of what it runs on."""

import importlib
import platform

PROJECT = "1.0.0"
# Distributions that install the package `tensorflow`, most common first.
_TENSORFLOW = ("tensorflow", "tensorflow-gpu", "tensorflow-cpu")


def of_package(name):
  """Returns the version of an installed package, without importing it.

  Returns:
    str; None if the package is not installed, or if nothing can read the
    metadata of packages (Python 3.7 without importlib-metadata).
  """
  for module in ("importlib.metadata", "importlib_metadata"):
    try:
      metadata = importlib.import_module(module)
    except ImportError:
      continue
    try:
      return metadata.version(name)
    except metadata.PackageNotFoundError:
      return None
  return None


def of_tensorflow():
  """Returns the version of the installed TensorFlow, None without one."""
  return next(filter(None, map(of_package, _TENSORFLOW)), None)


def all_versions():
  """Returns {name: version or None} of project, Python and main packages."""
  return {"project": PROJECT, "python": platform.python_version(),
          "tensorflow": of_tensorflow(), "numpy": of_package("numpy")}


def describe():
  """Returns one line: the versions of project, Python and TensorFlow."""
  return "%s (Python %s, TensorFlow %s)" % (
      PROJECT, platform.python_version(), of_tensorflow() or "not installed")
