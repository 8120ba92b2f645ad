"""Creates a virtual environment from a requirements file, once.

Usage: python make_environment.py FOLDER REQUIREMENTS_FILE

A marker with the hash of the requirements file and the Python version is
written last: an environment whose marker is missing (the installation was
interrupted) or differs (the requirements changed) is rebuilt. A lock file next
to the folder makes concurrent runs wait for the first one. Runs before any
package is installed, so it uses only the standard library.
"""

import argparse
import fcntl
import hashlib
import os
import platform
import shutil
import subprocess
import sys
import time
import venv

MARKER = "electra-environment"
SECONDS_BETWEEN_LINES = 5


def make_environment(folder, requirements_file):
  """Creates a virtual environment with the requirements installed.

  Args:
    folder: path of the environment; rebuilt unless its marker matches.
    requirements_file: path of a pip requirements file.

  Raises:
    ValueError: `folder` exists and is not a virtual environment.
    RuntimeError: pip failed.
  """
  with open(folder + ".lock", "w") as lock:
    _wait_for(lock, folder)
    marker_file = os.path.join(folder, MARKER)
    marker = _marker(requirements_file)
    if _read(marker_file) == marker:
      return
    if os.path.isdir(folder):
      if os.listdir(folder) and not os.path.exists(
          os.path.join(folder, "pyvenv.cfg")):
        raise ValueError("%s exists and is not a virtual environment. Move it "
                         "and run again." % folder)
      shutil.rmtree(folder)
    print("Preparing %s with Python %s: installing %s (once, a few minutes)"
          % (folder, platform.python_version(),
             os.path.basename(requirements_file)), flush=True)
    start = time.time()
    venv.create(folder, with_pip=True)
    _pip_install(folder, requirements_file)
    with open(marker_file, "w") as f:
      f.write(marker)
    print("Prepared %s in %.0f seconds" % (folder, time.time() - start),
          flush=True)


def _wait_for(lock, folder):
  """Acquires the lock, which the system releases if its holder is killed."""
  try:
    fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
  except BlockingIOError:
    print("Waiting for another run that is preparing %s" % folder, flush=True)
    fcntl.flock(lock, fcntl.LOCK_EX)


def _marker(requirements_file):
  with open(requirements_file, "rb") as f:
    digest = hashlib.sha256(f.read()).hexdigest()
  return "%s python-%s\n" % (digest, platform.python_version())


def _read(path):
  if not os.path.exists(path):
    return None
  with open(path) as f:
    return f.read()


def _pip_install(folder, requirements_file):
  """Runs pip; prints a line every few seconds and logs all its output."""
  python = os.path.join(folder, "bin", "python")
  log_file = os.path.join(folder, "install.log")
  # pip takes PYTHONUNBUFFERED and PIP_* settings from the environment.
  pip = subprocess.Popen(
      [python, "-m", "pip", "install", "--disable-pip-version-check",
       "--no-input", "--progress-bar", "off", "-r", requirements_file],
      stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
      universal_newlines=True)
  lines = []
  last_printed = time.time()
  with open(log_file, "w") as log:
    for line in pip.stdout:
      log.write(line)
      lines.append(line)
      is_progress = line.startswith(("Collecting", "Installing", "Building"))
      if is_progress and time.time() - last_printed > SECONDS_BETWEEN_LINES:
        last_printed = time.time()
        print("  " + line.strip()[:74], flush=True)
  if pip.wait() != 0:
    raise RuntimeError("pip failed to install %s. The end of %s:\n%s" % (
        requirements_file, log_file, "".join(lines[-15:])))


def main():
  parser = argparse.ArgumentParser(
      description="Creates a virtual environment from a requirements file.")
  parser.add_argument("folder", help="path of the environment")
  parser.add_argument("requirements_file", help="pip requirements file")
  args = parser.parse_args()
  try:
    make_environment(os.path.abspath(args.folder), args.requirements_file)
  except (ValueError, RuntimeError) as error:
    print("error: %s" % error, file=sys.stderr)
    sys.exit(2)
  except KeyboardInterrupt:  # the next run rebuilds the environment
    print("Stopped by SIGINT", file=sys.stderr)
    sys.exit(130)


if __name__ == "__main__":
  main()
