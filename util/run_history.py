"""runs.jsonl in a model folder: what is needed to reproduce each run.

One JSON object per line and start of a run, in the order of the starts; lines
are appended and never changed. docs/command_line.md lists the fields.
"""

import datetime
import json
import os
import platform
import subprocess
import sys

from util import data_parallel
from util import utils
from util import version

FILE_NAME = "runs.jsonl"
_ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
_GIT_TIMEOUT = 10  # seconds, on a slow network file system


def append(folder, config, data, devices, *, command=None, time=None):
  """Appends the start of a run, when all of its checks have passed.

  Args:
    folder: str, the model folder; it exists.
    config: HParams of the run.
    data: dict, the fingerprint of the data that it reads.
    devices: list of str, from `estimators.device_names`.
    command: list of str; default: the command of this process.
    time: datetime.datetime in UTC; default: now.
  """
  time = time or datetime.datetime.utcnow()
  entry = {
      "time": time.replace(microsecond=0).isoformat() + "Z",
      "command": list(sys.argv if command is None else command),
      "config": config.to_dict(),
      "changed": sorted(config.changed()),
      "seed": config.seed,
      "versions": version.all_versions(),
      "host": platform.node(),
      "devices": devices,
      "num_processes": data_parallel.num_ranks(),
      "data": data,
  }
  git = git_state(_ROOT)
  if git is not None:
    entry["git"] = git
  path = os.path.join(folder, FILE_NAME)
  with utils.open_file(path, "a") as f:
    f.write(json.dumps(entry, ensure_ascii=False, sort_keys=True) + "\n")


def git_state(folder):
  """Returns {"commit": str, "modified": bool} of the code in a folder.

  `modified` ignores files that git does not track.

  Returns:
    dict; None without git, or if the folder is not the root of a repository.
  """
  if not os.path.exists(os.path.join(folder, ".git")):
    return None  # a parent folder may be another repository
  try:
    commit, changes = (
        subprocess.run(["git", "-C", folder] + arguments, check=True,
                       stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
                       timeout=_GIT_TIMEOUT).stdout.decode("utf-8", "replace")
        for arguments in (["rev-parse", "HEAD"],
                          ["status", "--porcelain", "--untracked-files=no"]))
  except (OSError, subprocess.SubprocessError):
    return None
  return {"commit": commit.strip(), "modified": bool(changes.strip())}
