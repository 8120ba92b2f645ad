"""Tests for demo.py: the command, in the terminal and as a server."""

import http.client
import json
import os
import re
import shlex
import signal
import subprocess
import sys
import tempfile
import unittest

import demo
from tests import conftest
from tests.playground import models


class DemoTest(unittest.TestCase):

  def setUp(self):
    super().setUp()
    folder = tempfile.TemporaryDirectory()
    self.addCleanup(folder.cleanup)
    self.folder = folder.name
    self.model_dir = os.path.join(self.folder, "x")

  def start(self, *flags):
    """Returns the running command."""
    process = subprocess.Popen(
        [sys.executable, "-W", "ignore", os.path.join(conftest.ROOT, "demo.py"),
         *flags], cwd=self.folder, stdin=subprocess.PIPE,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    self.addCleanup(process.wait)
    self.addCleanup(process.kill)
    return process

  def assert_fails(self, message, *flags):
    """Asserts that the command ends with code 2 and one line."""
    process = self.start(*flags)
    _, stderr = process.communicate()
    self.assertEqual(process.returncode, 2)
    self.assertRegex(stderr.decode("utf-8"), r"^error: .*%s[^\n]*\n$" % message)

  def test_terminal_answers_lines_of_the_standard_input(self):
    models.write_pretrained(self.model_dir)
    process = self.start(self.model_dir, "--terminal")
    stdout, stderr = process.communicate(
        "t7 [MASK]\n/discriminate\nt7 t8\n".encode("utf-8"))
    self.assertEqual(process.returncode, 0, stderr.decode("utf-8"))
    lines = stdout.decode("utf-8")
    self.assertIn("pre-trained model %s" % self.model_dir, lines)
    self.assertIn("[MASK] 1", lines)
    self.assertIn("of 2 tokens are called replaced", lines)

  def test_server_answers_until_it_is_interrupted(self):
    models.write_pretrained(self.model_dir)
    process = self.start(self.model_dir, "--port", "0")
    connection = http.client.HTTPConnection(
        self.url_of(process)[len("http://"):], timeout=60)
    self.addCleanup(connection.close)
    connection.request("POST", "/api/discriminate",
                       json.dumps({"text": "t7 t8"}),
                       {"Content-Type": "application/json"})
    answer = json.loads(connection.getresponse().read().decode("utf-8"))
    self.assertEqual([one["token"] for one in answer["tokens"]], ["t7", "t8"])
    process.send_signal(signal.SIGINT)
    _, stderr = process.communicate()
    self.assertEqual(process.returncode, 130)
    self.assertEqual(stderr.decode("utf-8").count("\n"), 1, stderr)

  def test_folder_without_a_model_is_an_error(self):
    self.assert_fails("expected a checkpoint", self.folder)

  def test_unknown_hyperparameter_is_an_error(self):
    models.write_pretrained(self.model_dir)
    self.assert_fails("Did you mean 'model_size'", self.model_dir, "--hparams",
                      '{"model_siz": "small"}')

  def test_page_is_served_to_this_machine_only(self):
    args = demo.make_parser().parse_args(["x"])
    self.assertEqual((args.host, args.port, args.terminal),
                     ("127.0.0.1", 7860, False))

  def test_every_command_of_the_documentation_runs(self):
    model = os.path.join(self.folder, "data", "models", "araelectra")
    models.write_pretrained(model)
    models.write_qa(os.path.join(model, "finetuning_models", "arcd_model_1"))
    models.write_pretrained(
        os.path.join(self.folder, "data", "models", "electric"), "electric")
    with open(os.path.join(conftest.ROOT, "docs", "demo.md"),
              encoding="utf-8") as f:
      page = f.read()
    request, = map(shlex.split, re.findall("^curl .*$", page, re.M))
    commands = re.findall(r"^python demo\.py (.*)$", page, re.M)
    self.assertGreater(len(commands), 3)
    for number, command in enumerate(map(shlex.split, commands)):
      with self.subTest(command):
        if "--terminal" in command:
          stdout, _ = self.start(*command).communicate(b"t7 [MASK]\n")
          self.assertIn("[MASK] 1", stdout.decode("utf-8"))
          continue
        process = self.start(*command, "--port", "0")
        url = self.url_of(process)
        if number == 0:
          answer = json.loads(subprocess.check_output(
              [word.replace("http://127.0.0.1:7860", url) for word in request],
              stderr=subprocess.DEVNULL).decode("utf-8"))
          self.assertEqual(len(answer["masks"]), 1, answer)
        process.kill()

  def url_of(self, process):
    """Returns the address that a server prints."""
    for line in process.stdout:
      found = re.search(r"Open (http://127\.0\.0\.1:\d+) ", line.decode())
      if found:
        return found.group(1)
    raise AssertionError(process.stderr.read().decode("utf-8"))


if __name__ == "__main__":
  unittest.main()
