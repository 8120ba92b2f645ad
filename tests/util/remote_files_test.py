"""Tests for util.remote_files, through util.utils.

TensorFlow 1.15 has a file system for s3://. It is tested with a local S3 server
where `moto_server` of the package moto is on the PATH.
"""

import http.client
import os
import shutil
import socket
import subprocess
import time
import unittest
from unittest import mock

import pytest
import tensorflow.compat.v1 as tf

from util import utils

IS_TENSORFLOW_1 = tf.__version__.startswith("1.")


def has_s3():
  return IS_TENSORFLOW_1 and shutil.which("moto_server") is not None


@pytest.mark.skipif(not has_s3(),
                    reason="needs TensorFlow 1.15 and moto_server")
class S3Test(unittest.TestCase):

  root = "s3://bucket/files"

  @classmethod
  def setUpClass(cls):
    super().setUpClass()
    with socket.socket() as free:
      free.bind(("127.0.0.1", 0))
      port = free.getsockname()[1]
    cls._server = subprocess.Popen(
        [shutil.which("moto_server"), "-H", "127.0.0.1", "-p", str(port)],
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    cls._patch = mock.patch.dict(os.environ, {
        "S3_ENDPOINT": "127.0.0.1:%d" % port, "S3_USE_HTTPS": "0",
        "S3_VERIFY_SSL": "0", "AWS_ACCESS_KEY_ID": "x",
        "AWS_SECRET_ACCESS_KEY": "x", "AWS_REGION": "us-east-1"})
    cls._patch.start()
    for _ in range(100):  # until it listens
      try:
        connection = http.client.HTTPConnection("127.0.0.1", port)
        connection.request("PUT", "/bucket")
        assert connection.getresponse().status == 200
        return
      except OSError:
        time.sleep(0.2)

  @classmethod
  def tearDownClass(cls):
    cls._patch.stop()
    cls._server.kill()
    cls._server.wait()
    super().tearDownClass()

  def path(self, *names):
    return "/".join((self.root,) + names)

  def write(self, *names, text="text"):
    path = self.path(*names)
    with utils.write_atomically(path) as f:
      f.write(text)
    return path

  def read(self, path):
    with utils.open_file(path) as f:
      return f.read()

  def test_text_and_bytes_are_read_as_written(self):
    path = self.write("a", "x.txt", text="سطر\r\nline\n")
    self.assertEqual(self.read(path), "سطر\r\nline\n")
    with utils.open_file(path, "rb") as f:
      f.seek(-5, os.SEEK_END)
      self.assertEqual(f.read(), b"line\n")
    self.assertEqual(utils.file_size(path), len("سطر\r\nline\n".encode()))

  def test_a_file_that_is_written_in_vain_is_unchanged(self):
    path = self.write("b", "x.txt", text="old")
    with self.assertRaises(KeyError):
      with utils.write_atomically(path) as f:
        f.write("new")
        raise KeyError
    self.assertEqual(self.read(path), "old")
    self.assertEqual(utils.listdir(self.path("b")), ["x.txt"])

  def test_lines_are_appended(self):
    path = self.path("c", "log.jsonl")
    utils.makedirs(self.path("c"))
    for line in ("1\n", "2\n"):
      with utils.open_file(path, "a") as f:
        f.write(line)
    self.assertEqual(self.read(path), "1\n2\n")

  def test_what_exists(self):
    self.write("d", "e", "x.txt")
    self.assertTrue(utils.exists(self.path("d", "e", "x.txt")))
    self.assertTrue(utils.isdir(self.path("d", "e")))
    self.assertFalse(utils.exists(self.path("d", "other.txt")))
    self.assertFalse(utils.isdir(self.path("d", "other")))
    self.assertEqual(utils.listdir(self.path("d")), ["e"])
    self.assertEqual(utils.listdir(self.path("nothing")), [])

  def test_patterns(self):
    paths = [self.write("f", "part-%d.txt" % i) for i in range(3)]
    self.assertEqual(utils.glob(self.path("f", "part-[01].txt")), paths[:2])
    self.assertEqual(utils.glob(self.path("f", "part-*")), paths)
    self.assertEqual(utils.glob(paths[2]), [paths[2]])
    self.assertEqual(utils.glob(self.path("f", "none*")), [])

  def test_move_and_remove(self):
    source = self.write("g", "x.txt", text="new")
    target = self.write("g", "y.txt", text="old")
    utils.rename(source, target)
    self.assertEqual(self.read(target), "new")
    self.assertEqual(utils.listdir(self.path("g")), ["y.txt"])
    with self.assertRaisesRegex(
        utils.UserError, "^Cannot read %s: .* run the same command" % source):
      utils.rename(source, target)
    utils.rmtree(self.path("g"))
    self.assertFalse(utils.exists(target))

  def test_a_missing_file_is_an_error(self):
    with self.assertRaisesRegex(utils.UserError, "nothing.txt"):
      self.read(self.path("h", "nothing.txt"))


class UnsupportedTest(unittest.TestCase):

  def test_a_scheme_without_a_file_system_is_an_error(self):
    for use in (utils.exists, utils.listdir, utils.file_size, utils.glob,
                lambda path: utils.open_file(path + "/x")):
      with self.assertRaisesRegex(
          utils.UserError, "^xyz://bucket\\S*: TensorFlow .* does not support "
          "xyz:// paths. Copy the files to a local folder.$"):
        use("xyz://bucket/a*" if use is utils.glob else "xyz://bucket/a")

  @unittest.skipIf(IS_TENSORFLOW_1, "TensorFlow 1.15 reads s3://")
  def test_s3_needs_tensorflow_1(self):
    with self.assertRaisesRegex(utils.UserError, "or use TensorFlow 1.15"):
      utils.exists("s3://bucket/a")


if __name__ == "__main__":
  unittest.main()
