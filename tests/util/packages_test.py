"""Tests for util.packages."""

import os
import subprocess
import sys
import tempfile
import unittest
from unittest import mock

from packaging import requirements

from util import packages

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(
    os.path.abspath(__file__))))
BUILDERS = ("build_pretraining_dataset.py", "build_arabert_pretraining_data.py")
SCRIPTS = BUILDERS + (
    "train_vocab.py", "convert_checkpoint.py", "export_model.py",
    "run_pretraining.py", "run_finetuning.py")


class PackagesTest(unittest.TestCase):

  def run_bare(self, *command):
    """Runs a script in a Python without packages: (status, out, err)."""
    code = ("import runpy, sys; from util import packages; "
            "packages._ENVIRONMENTS = (); "
            "sys.argv = sys.argv[1:]; "
            "runpy.run_path(sys.argv[0], run_name='__main__')")
    done = subprocess.run(
        [sys.executable, "-S", "-c", code] + list(command), cwd=ROOT,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    return done.returncode, done.stdout.decode(), done.stderr.decode()

  def test_help_of_every_script_needs_no_package(self):
    for script in SCRIPTS:
      with self.subTest(script=script):
        status, printed, errors = self.run_bare(script, "--help")
        self.assertEqual((status, errors), (0, ""))
        self.assertIn("usage: " + script, printed)

  def test_a_missing_package_is_one_line_before_any_work(self):
    with tempfile.TemporaryDirectory() as folder:
      corpus, output = os.path.join(folder, "c"), os.path.join(folder, "o")
      os.mkdir(corpus)
      with open(os.path.join(corpus, "a.txt"), "w") as f:
        f.write("a\n")
      data = ["--corpus-dir", corpus]
      run = ["--data-dir", folder, "--model-name", "m"]
      for command, package in (
          [[BUILDERS[0], "--vocab-file", "v", "--output-dir", output] + data,
           "tensorflow"],
          [["train_vocab.py", "--output-file", output] + data, "tokenizers"],
          [["convert_checkpoint.py", "--to", "hf", "--checkpoint", "m",
            "--part", "generator", "--output-dir", output], "numpy|tensorflow"],
          [["run_pretraining.py"] + run, "tensorflow"],
          [["run_finetuning.py"] + run, "numpy|tensorflow"]):
        with self.subTest(script=command[0]):
          status, printed, errors = self.run_bare(*command)
          self.assertEqual(status, 2)
          self.assertNotIn("Reading", printed)
          self.assertRegex(errors, (
              r"\Aerror: The package (%s) is missing in Python .* -m pip "
              r"install -r .*requirements.txt\n\Z" % package))
          self.assertEqual(os.listdir(folder), ["c"])

  @mock.patch.object(packages, "_ENVIRONMENTS", ())
  def test_the_line_names_the_pythons_that_fit(self):
    error = ModuleNotFoundError("No module named 'x'", name="x")
    self.assertRegex(packages.describe(error, (3, 11)),
                     r"^The package x is missing in Python 3.11 .* Run: .*pip")
    for version in ((3, 8), (3, 12), (3, 13)):
      self.assertRegex(
          packages.describe(error, version),
          r"Python 3.\d+ is not supported. Run the quick start, .*quickstart.sh"
          r"\), or create one with Python 3.7 \(TensorFlow 1.15\) or 3.9 to "
          r"3.11 \(TensorFlow 2.15\)")

  def test_the_line_names_the_environment_of_the_repository(self):
    error = ModuleNotFoundError("No module named 'x'", name="x")
    with tempfile.TemporaryDirectory() as folder:
      environment = os.path.join(folder, ".venv-tf2")
      os.makedirs(os.path.join(environment, "bin"))
      activate = os.path.join(environment, "bin", "activate")
      with mock.patch.object(packages, "_ROOT", folder):
        self.assertNotIn("source", packages.describe(error))
        open(activate, "w").close()
        self.assertTrue(packages.describe(error, (3, 13)).endswith(
            "Activate the environment of this repository: source " + activate))
        with mock.patch.object(sys, "prefix", environment):  # it is active
          self.assertRegex(packages.describe(error, (3, 11)), "Run: .*pip")

  def test_an_incomplete_installation_is_named(self):
    error = ImportError("libx.so: cannot open", name="tensorflow.python")
    self.assertIn("Cannot import tensorflow (libx.so: cannot open): its "
                  "installation is incomplete.", packages.describe(error))

  def test_a_module_of_the_project_is_a_bug(self):
    for name in ("pretrain.nothing", "run_pretraining", None):
      self.assertIsNone(packages.describe(ImportError("x", name=name)))

  def test_check_raises_for_the_first_missing_package(self):
    packages.check("os", "packaging")
    with self.assertRaisesRegex(ImportError, "no_such_package"):
      packages.check("os", "no_such_package", "no_other_package")

  def test_requirements_ask_every_python_for_a_tensorflow(self):
    # TensorFlow 2.15.1 has releases for Python 3.9 to 3.11, so pip stops there
    # on 3.8 and 3.12 instead of installing everything but TensorFlow.
    with open(os.path.join(ROOT, "requirements.txt")) as f:
      lines = [requirements.Requirement(line.strip()) for line in f
               if line.startswith("tensorflow")]
    for version in ("3.7", "3.8", "3.9", "3.10", "3.11", "3.12", "3.13"):
      self.assertEqual(
          [str(line.specifier) for line in lines
           if line.marker.evaluate({"python_version": version})],
          ["==1.15.5" if version == "3.7" else "==2.15.1"])


if __name__ == "__main__":
  unittest.main()
