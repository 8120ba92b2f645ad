"""Tests for docker/: the images cannot be built in a test, but be checked."""

import glob
import os
import re
import shutil
import subprocess
import sys
import tempfile
import unittest

from packaging import requirements
import pytest

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
# In the environment of requirements.txt, which need not be activated.
HADOLINT = shutil.which("hadolint", path=os.pathsep.join(
    [os.path.dirname(sys.executable), os.environ.get("PATH", "")]))
FILES = sorted(glob.glob(os.path.join(ROOT, "docker", "*.Dockerfile")))


def installed(dockerfile):
  """Returns the Requirements of an image: its sed command is run."""
  with open(os.path.join(ROOT, "docker", dockerfile)) as f:
    text = f.read()
  command, = re.findall(r"^RUN (sed .*?) *\\\n *&& python3 -m pip", text,
                        re.M | re.S)
  output, = re.findall(r"pip install .*-r (\S+)", text)
  with tempfile.TemporaryDirectory() as folder:
    shutil.copy(os.path.join(ROOT, "requirements.txt"), folder)
    subprocess.run(["bash", "-c", command], cwd=folder, check=True)
    with open(os.path.join(folder, output)) as f:
      lines = [line.strip() for line in f]
  return [requirements.Requirement(line) for line in lines
          if line and not line.startswith("#")]


class DockerTest(unittest.TestCase):

  @pytest.mark.skipif(not HADOLINT, reason="hadolint is not installed")
  def test_hadolint_has_no_findings(self):
    self.assertTrue(FILES)
    subprocess.run([HADOLINT] + FILES, check=True)

  def test_the_container_of_tensorflow_1_keeps_its_own_packages(self):
    found = installed("tensorflow-1.15.Dockerfile")
    self.assertEqual([line for line in found if line.marker], [])
    names = {line.name: str(line.specifier) for line in found}
    self.assertFalse({"tensorflow", "numpy", "protobuf"} & set(names))
    self.assertEqual(names["scipy"], "==1.7.3")
    self.assertIn("tokenizers", names)

  def test_the_image_of_tensorflow_2_has_the_gpu_build(self):
    line, = [line for line in installed("tensorflow-2.15.Dockerfile")
             if line.name == "tensorflow" and line.marker.evaluate(
                 {"python_version": "3.11"})]
    self.assertEqual((line.extras, str(line.specifier)),
                     ({"and-cuda"}, "==2.15.1"))


if __name__ == "__main__":
  unittest.main()
