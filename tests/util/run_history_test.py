"""Tests for util.run_history."""

import datetime
import json
import os
import subprocess
import tempfile
import unittest

import configure_pretraining
from util import estimators
from util import run_history

TIME = datetime.datetime(2024, 5, 6, 7, 8, 9, 123456)
GIT = ["git", "-c", "user.name=a", "-c", "user.email=a@b"]


class RunHistoryTest(unittest.TestCase):

  def setUp(self):
    super().setUp()
    folder = tempfile.TemporaryDirectory()
    self.addCleanup(folder.cleanup)
    self.folder = folder.name

  def append(self, seed):
    config = configure_pretraining.PretrainingConfig(
        "m", self.folder, seed=seed)
    run_history.append(
        self.folder, config, {"train": {"num_files": 1}}, ["CPU:0"],
        command=["run_pretraining.py", "--set", "seed=%d" % seed], time=TIME)
    with open(os.path.join(self.folder, "runs.jsonl"), encoding="utf-8") as f:
      return f.read().split("\n")

  def test_a_line_has_what_reproduces_the_run(self):
    line, end = self.append(seed=3)
    self.assertEqual(end, "")
    entry = json.loads(line)
    self.assertEqual(
        {name: entry[name] for name in (
            "time", "command", "seed", "devices", "num_processes", "data")},
        {"time": "2024-05-06T07:08:09Z", "seed": 3, "num_processes": 1,
         "command": ["run_pretraining.py", "--set", "seed=3"],
         "devices": ["CPU:0"], "data": {"train": {"num_files": 1}}})
    self.assertEqual(entry["config"]["seed"], 3)
    self.assertEqual(entry["config"]["model_size"], "base")  # a default
    self.assertEqual(entry["changed"], ["seed"])
    self.assertEqual(set(entry["versions"]),
                     {"project", "python", "tensorflow", "numpy"})

  def test_lines_are_appended(self):
    first = self.append(seed=1)[0]
    lines = self.append(seed=2)
    self.assertEqual(lines[0], first)
    self.assertEqual(json.loads(lines[1])["seed"], 2)

  def test_commit_and_changes_of_the_code(self):
    self.assertIsNone(run_history.git_state(self.folder))  # no repository
    path = os.path.join(self.folder, "code.py")
    for text in ("1", "2"):
      with open(path, "w") as f:
        f.write(text)
      if text == "1":
        for arguments in (["init", "-q"], ["add", "code.py"],
                          ["commit", "-q", "-m", "m"]):
          subprocess.run(GIT + arguments, cwd=self.folder, check=True)
        state = run_history.git_state(self.folder)
        self.assertRegex(state["commit"], "^[0-9a-f]{40}$")
        self.assertFalse(state["modified"])
    self.assertTrue(run_history.git_state(self.folder)["modified"])

  def test_device_names_are_those_of_this_machine(self):
    config = configure_pretraining.PretrainingConfig("m", self.folder)
    names = estimators.device_names(config)
    self.assertRegex(names[0], r"^CPU:0 \(\w+, \d+ cores\)$")
    self.assertEqual([name for name in names if "XLA" in name], [])
    tpu = config.replace(use_tpu=True, tpu_name="t")
    self.assertEqual(estimators.device_names(tpu), ["TPU t"])


if __name__ == "__main__":
  unittest.main()
