"""Tests for util.path_names."""

import argparse
import contextlib
import io
import os
import sys
import tempfile
import unittest
from unittest import mock

import configure_finetuning
import configure_pretraining
import export_model
from model.huggingface import flags as conversion_flags
from pretrain.build import flags as build_flags
import train_vocab
from util import hparams
from util import path_names
from util import utils

CONFIGS = (configure_pretraining.PretrainingConfig,
           configure_finetuning.FinetuningConfig)
ENDINGS = ("_file", "_dir", "_checkpoint", "_txt", "_pkl", "_tfrecords")


class PathNamesTest(unittest.TestCase):

  def setUp(self):
    super().setUp()
    folder = tempfile.TemporaryDirectory()
    self.addCleanup(folder.cleanup)
    self.addCleanup(os.chdir, os.getcwd())
    os.chdir(folder.name)
    variables = mock.patch.dict(
        os.environ, {"HOME": "/home/me", "OUT": "/out", "EMPTY": ""})
    variables.start()
    self.addCleanup(variables.stop)

  def assert_refused(self, message, path):
    with self.assertRaisesRegex(utils.UserError, message):
      path_names.expand(path)

  def test_home_and_variables_are_replaced(self):
    for path, wanted in (
        ("~", "/home/me"), ("~/x", "/home/me/x"), ("$OUT/x", "/out/x"),
        ("a/${OUT}y", "a//outy"), ("~/$OUT", "/home/me//out"),
        ("gs://bucket/$OUT", "gs://bucket//out")):
      self.assertEqual(path_names.expand(path), wanted)

  def test_other_paths_stay_as_they_are(self):
    for path in ("", "x", "a/~/b", "b~", "$", "a$/b", "5$", "$5", "gs://b/~"):
      self.assertEqual(path_names.expand(path), path)

  def test_a_variable_that_is_not_set_is_an_error(self):
    self.assert_refused(
        r"^\$NOPE/x: the environment variable NOPE is not set. Set and export",
        "$NOPE/x")
    self.assert_refused("EMPTY is empty", "${EMPTY}/x")
    os.environ["NOPE"] = "/nope"  # the advice
    self.assertEqual(path_names.expand("$NOPE/x"), "/nope/x")

  def test_what_only_a_shell_replaces_is_an_error(self):
    for path in ("${OUT:-x}/y", "$(date)/y", "${OUT"):
      self.assert_refused("only \\$NAME and \\${NAME} are replaced", path)

  def test_an_unknown_user_is_an_error(self):
    self.assert_refused("no user 'no-such-user'. Write ./~no-such-user/x",
                        "~no-such-user/x")
    self.assertEqual(path_names.expand("./~no-such-user/x"),
                     "./~no-such-user/x")

  def test_an_existing_file_with_such_a_name_is_kept(self):
    for name in ("a$NOPE.txt", "~no-such-user"):
      utils.makedirs(name)
      self.assertEqual(path_names.expand(name), name)

  def test_a_name_with_two_meanings_is_an_error(self):
    utils.makedirs("~/x")  # an earlier version of this project made it
    self.assert_refused("^~/x: means /home/me/x, but the current folder has",
                        "~/x")
    os.rename("~", "home")  # the advice
    self.assertEqual(path_names.expand("~/x"), "/home/me/x")

  def test_every_pattern_of_a_list_is_replaced(self):
    self.assertEqual(path_names.expand_patterns("~/a*,b,$OUT/c?"),
                     "/home/me/a*,b,/out/c?")

  def test_every_path_among_the_hyperparameters_is_replaced(self):
    for config in CONFIGS:
      for name, declared in config.declared().items():
        if name.endswith(ENDINGS):
          with self.subTest(config=config.__name__, name=name):
            self.assertEqual(declared.check(name, "$OUT/x"), "/out/x")
            with self.assertRaisesRegex(
                utils.UserError,
                "^Hyperparameter '%s': .*NOPE is not set" % name):
              declared.check(name, "$NOPE/x")

  def test_every_path_among_the_flags_is_replaced(self):
    parsers = [build_flags.make_parser("", True, "x"),
               conversion_flags.make_parser(""), train_vocab.make_parser(),
               export_model.make_parser()]
    num_paths = 0
    for parser in parsers:
      for action in parser._actions:
        if action.metavar in ("PATH", "DIR", "FILE", "PREFIX"):
          num_paths += 1
          with self.subTest(flag=action.option_strings):
            self.assertEqual(action.type("~/x"), "/home/me/x")
    self.assertEqual(num_paths, 17)
    self.assertEqual(parsers[1].parse_args(
        ["--to", "tf", "--output-dir=o", "--task=ner=~/x"]).task,
                     "ner=/home/me/x")

  def test_an_error_in_a_flag_names_it(self):
    errors = io.StringIO()
    with contextlib.redirect_stderr(errors), self.assertRaises(SystemExit):
      build_flags.make_parser("", True, "x").parse_args(["--corpus-dir=$NOPE"])
    self.assertIn("argument --corpus-dir: $NOPE: the environment variable NOPE "
                  "is not set.", errors.getvalue())

  def test_data_folder_and_file_of_hyperparameters(self):
    os.environ["OUT"] = os.getcwd()
    utils.write_json({"seed": 3}, "h.json")
    with mock.patch.object(sys, "argv", [
        "x", "--data-dir=~/d", "--model-name=m", "--hparams=$OUT/h.json"]):
      self.assertEqual(hparams.run_arguments(argparse.ArgumentParser()),
                       ("m", "/home/me/d", {"seed": 3}))


if __name__ == "__main__":
  unittest.main()
