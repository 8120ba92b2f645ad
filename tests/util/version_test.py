"""Tests for util.version."""

import os
import re
import sys
import unittest
from unittest import mock

from pretrain import dataset_info
from util import version

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(
    os.path.abspath(__file__))))


class VersionTest(unittest.TestCase):

  def test_the_citation_and_the_datasets_name_the_same_version(self):
    with open(os.path.join(ROOT, "CITATION.cff"), encoding="utf-8") as f:
      cited = re.search(r"^version: (\S+)$", f.read(), re.M).group(1)
    self.assertEqual(cited, version.PROJECT)
    self.assertEqual(dataset_info.TOOL_VERSION, version.PROJECT)

  def test_versions_of_packages_are_those_of_the_imported_modules(self):
    import numpy  # pylint: disable=import-outside-toplevel
    import tensorflow  # pylint: disable=import-outside-toplevel
    found = version.all_versions()
    self.assertEqual(found["numpy"], numpy.__version__)
    self.assertEqual(found["tensorflow"], tensorflow.__version__)
    self.assertTrue(sys.version.startswith(found["python"]))

  def test_a_missing_package_has_no_version(self):
    self.assertIsNone(version.of_package("no-such-package-anywhere"))
    with mock.patch.object(version, "_TENSORFLOW", ("no-such-tensorflow",)):
      self.assertIsNone(version.of_tensorflow())
      self.assertIn("TensorFlow not installed", version.describe())


if __name__ == "__main__":
  unittest.main()
