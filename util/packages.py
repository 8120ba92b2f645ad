"""The packages that the project requires, and what to do if one is missing.

Python's own library is enough to import this module.
"""

import importlib.util
import os
import sys

_ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
_REQUIREMENTS = os.path.join(_ROOT, "requirements.txt")
_PYTHONS = ((3, 7), (3, 9), (3, 10), (3, 11))  # as in requirements.txt
# Made by the quick start and by tests/run.sh.
_ENVIRONMENTS = (".venv-tf1", ".venv-tf2", ".venv-tf1-gpu", ".venv-tf2-gpu")
_SUPPORTED = "Python 3.7 (TensorFlow 1.15) or 3.9 to 3.11 (TensorFlow 2.15)"


def check(*names):
  """Raises an ImportError for the first package that is not installed.

  It costs no time, unlike importing TensorFlow, so that hours of work do not
  end with it.
  """
  for name in names:
    if importlib.util.find_spec(name) is None:
      raise ModuleNotFoundError("No module named '%s'" % name, name=name)


def describe(error, version=sys.version_info[:2]):
  """Returns one line about an ImportError: the package and what to do.

  Args:
    error: ImportError.
    version: (major, minor) of this Python.

  Returns:
    str; None if the module is the project's, which is a bug.
  """
  package = (error.name or "").split(".")[0]
  if not package or _is_of_project(package):
    return None
  if isinstance(error, ModuleNotFoundError) and package == error.name:
    problem = "The package %s is missing in Python %d.%d (%s)." % (
        (package,) + tuple(version) + (sys.executable,))
  else:
    problem = "Cannot import %s (%s): its installation is incomplete." % (
        package, error)
  activate = _activate_script()
  if activate is not None:
    return "%s Activate the environment of this repository: source %s" % (
        problem, activate)
  if tuple(version) in _PYTHONS:
    return "%s Run: %s -m pip install -r %s" % (
        problem, sys.executable, _REQUIREMENTS)
  return ("%s Python %d.%d is not supported. Run the quick start, which "
          "creates an environment (bash %s), or create one with %s and run "
          "there: python -m pip install -r %s" % (
              (problem,) + tuple(version) + (
                  os.path.join(_ROOT, "examples", "quickstart.sh"), _SUPPORTED,
                  _REQUIREMENTS)))


def _activate_script():
  """Returns the path that activates an environment of the repository.

  None if it has none, or if this Python is one of them.
  """
  folders = [os.path.join(_ROOT, name) for name in _ENVIRONMENTS]
  scripts = [os.path.join(folder, "bin", "activate") for folder in folders]
  if os.path.abspath(sys.prefix) in folders:
    return None
  return next(filter(os.path.exists, scripts), None)


def _is_of_project(package):
  return (os.path.isdir(os.path.join(_ROOT, package)) or
          os.path.exists(os.path.join(_ROOT, package + ".py")))
