"""Tests for convert_checkpoint."""

import contextlib
import io
import os
import subprocess
import sys
import tempfile
import unittest
from unittest import mock

import convert_checkpoint
from tests.model import hf_models
from util import utils

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))


class ConvertCheckpointTest(unittest.TestCase):

  def setUp(self):
    super().setUp()
    folder = tempfile.TemporaryDirectory(prefix="عربي و ")
    self.addCleanup(folder.cleanup)
    self.folder = folder.name
    self.output_dir = self.path("out")

  def path(self, name):
    return os.path.join(self.folder, name)

  def write_model(self, name="pretrain/pretrain_electra.npz"):
    """Returns (the variables, the folder) of a model that it writes."""
    variables = hf_models.load(name)["var"]
    hf_models.write_model(self.path("model"), variables)
    return variables, self.path("model")

  def run_main(self, *flags, output_dir=None):
    """Returns what was printed."""
    command = ["convert_checkpoint.py", "--output-dir",
               output_dir or self.output_dir] + list(flags)
    printed = io.StringIO()
    with mock.patch.object(sys, "argv", command), \
        contextlib.redirect_stdout(printed):
      convert_checkpoint.main()
    return printed.getvalue()

  def check_refused(self, message, *flags):
    with self.assertRaisesRegex(utils.UserError, message):
      self.run_main(*flags)


class CommandsTest(ConvertCheckpointTest):

  def test_round_trip_of_discriminator_and_generator(self):
    variables, model_dir = self.write_model()
    for part in ("discriminator", "generator"):
      printed = self.run_main("--to", "hf", "--checkpoint", model_dir, "--part",
                              part, output_dir=self.path(part))
    self.assertEqual(printed, (
        "Skipped 38 unrelated variables: discriminator_predictions (4), "
        "electra (34)\n"
        "Wrote 44 variables of %s/model.ckpt-100 to %s\n" % (
            model_dir, self.path("generator"))))
    self.run_main("--to", "tf", "--discriminator", self.path("discriminator"),
                  "--generator", self.path("generator"))
    back = hf_models.read_checkpoint(self.output_dir)
    for name, value in variables.items():
      self.assertEqual(back[name].tobytes(), value.tobytes())

  def test_round_trip_of_a_task_with_labels(self):
    variables, model_dir = self.write_model(
        "finetune/head_classification_predict.npz")
    with utils.open_file(self.path("labels.txt"), "w") as f:
      f.write("سلبي\r\nمحايد\r\nإيجابي\r\n")
    self.run_main("--to", "hf", "--checkpoint", model_dir, "--part",
                  "task:mnli", "--task-kind", "tagging", "--labels-file",
                  self.path("labels.txt"), output_dir=self.path("hf"))
    self.assertEqual(
        utils.load_json(self.path("hf/config.json"))["id2label"],
        {"0": "سلبي", "1": "محايد", "2": "إيجابي"})
    self.run_main("--to", "tf", "--task", "mnli=" + self.path("hf"))
    back = hf_models.read_checkpoint(self.output_dir)
    self.assertEqual(set(back), set(variables) | {"global_step"})

  def test_labels_recorded_with_the_model(self):
    _, model_dir = self.write_model("finetune/head_classification_predict.npz")
    path = os.path.join(model_dir, "labels.json")
    utils.write_json({"mnli": {"labels": ["a", "b", "ت"]}}, path)
    flags = ["--to", "hf", "--checkpoint",
             os.path.join(model_dir, "model.ckpt-100"), "--part", "task:mnli",
             "--task-kind", "classification", "--overwrite"]
    self.run_main(*flags)
    config = os.path.join(self.output_dir, "config.json")
    self.assertEqual(utils.load_json(config)["id2label"],
                     {"0": "a", "1": "b", "2": "ت"})
    utils.write_json({"mnli": {"labels": "abc"}}, path)
    self.check_refused("labels.json: expected", *flags)

  def test_range_and_metric_recorded_with_the_model(self):
    _, model_dir = self.write_model("finetune/head_regression_predict.npz")
    path = os.path.join(model_dir, "labels.json")
    utils.write_json({"sts": {"range": [0.0, 5.0]}}, path)
    printed = self.run_main(
        "--to", "hf", "--checkpoint", model_dir, "--part", "task:sts",
        "--task-kind", "classification")
    self.assertIn("scaled to the range of the data, 0 to 5", printed)
    utils.write_json({"sts": {"range": [5.0, 0.0]}}, path)
    self.check_refused(
        "labels.json: expected", "--to", "hf", "--checkpoint", model_dir,
        "--part", "task:sts", "--task-kind", "classification", "--overwrite")

  def test_converts_the_best_checkpoint_of_a_training(self):
    _, model_dir = self.write_model("finetune/head_classification_predict.npz")
    os.rename(model_dir, self.path("best"))
    os.makedirs(model_dir)
    os.rename(self.path("best"), os.path.join(model_dir, "best"))
    printed = self.run_main("--to", "hf", "--checkpoint", model_dir, "--part",
                            "task:mnli", "--task-kind", "classification")
    self.assertIn("checkpoint of the best evaluation: %s" % os.path.join(
        model_dir, "best"), printed)

  def test_flags_replace_missing_files(self):
    _, model_dir = self.write_model()
    vocab_file = self.path("v.txt")
    os.rename(os.path.join(model_dir, "vocab.txt"), vocab_file)
    os.rename(os.path.join(model_dir, "config.json"), self.path("c.json"))
    os.remove(os.path.join(model_dir, "tokenizer_config.json"))
    self.run_main(
        "--to", "hf", "--checkpoint", os.path.join(model_dir, "model.ckpt-100"),
        "--part", "discriminator", "--vocab-file", vocab_file, "--model-config",
        self.path("c.json"), "--do-lower-case", "--no-strip-accents")
    config = utils.load_json(
        os.path.join(self.output_dir, "tokenizer_config.json"))
    self.assertEqual((config["do_lower_case"], config["strip_accents"]),
                     (True, False))

  def test_verbose_lists_every_variable(self):
    _, model_dir = self.write_model()
    printed = self.run_main("--to", "hf", "--checkpoint", model_dir, "--part",
                            "discriminator", "--verbose")
    self.assertIn("\n  Skipped generator_predictions/output_bias\n", printed)
    self.assertIn("\n  Wrote electra.embeddings.LayerNorm.bias\n", printed)

  def test_overwrite_keeps_files_with_other_names(self):
    _, model_dir = self.write_model()
    os.makedirs(self.output_dir)
    for name in ("notes.txt", "vocab.txt"):
      with utils.open_file(os.path.join(self.output_dir, name), "w") as f:
        f.write("mine")
    flags = ("--to", "hf", "--checkpoint", model_dir, "--part", "discriminator")
    self.check_refused("is not empty.*--overwrite", *flags)
    self.run_main("--overwrite", *flags)
    with utils.open_file(os.path.join(self.output_dir, "notes.txt")) as f:
      self.assertEqual(f.read(), "mine")
    with utils.open_file(os.path.join(self.output_dir, "vocab.txt")) as f:
      self.assertEqual(f.readline(), "[PAD]\n")


class FlagsTest(ConvertCheckpointTest):

  def test_missing_and_contradictory_flags(self):
    for message, flags in (
        ("--to hf requires --checkpoint", ("--to", "hf")),
        ("--to hf requires --part", ("--to", "hf", "--checkpoint", "x")),
        ("--task-kind cannot be used with --to tf",
         ("--to", "tf", "--task-kind", "qa")),
        ("--masked-lm cannot be used with --to hf",
         ("--to", "hf", "--masked-lm", "x")),
        ("--to tf requires --discriminator", ("--to", "tf")),
        ("--generator and --task cannot be combined",
         ("--to", "tf", "--task", "a=b", "--generator", "x")),
        ("--untied-embeddings requires --generator",
         ("--to", "tf", "--discriminator", "x", "--untied-embeddings")),
        ("--task: expected NAME=DIR.*got 'ner'",
         ("--to", "tf", "--task", "ner"))):
      with self.subTest(message):
        self.check_refused(message, *flags)

  def test_negative_switch_counts_as_passed(self):
    self.check_refused("--do-lower-case or --no-lower-case cannot be used "
                       "with --to tf", "--to", "tf", "--no-lower-case")

  def test_output_dir_must_be_a_directory(self):
    with utils.open_file(self.output_dir, "w") as f:
      f.write("x")
    self.check_refused("is a file", "--to", "tf", "--discriminator", "x")


class ProcessTest(ConvertCheckpointTest):

  def run_process(self, *flags):
    return subprocess.run(
        [sys.executable, os.path.join(ROOT, "convert_checkpoint.py")] +
        list(flags), stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        universal_newlines=True, env=dict(os.environ, PYTHONIOENCODING="utf-8"))

  def test_an_error_is_one_line_and_code_2(self):
    ended = self.run_process("--to", "hf", "--output-dir", self.output_dir)
    self.assertEqual(ended.returncode, 2)
    self.assertEqual(ended.stderr, "error: --to hf requires --checkpoint. See "
                     "--help.\n")

  def test_help_has_defaults(self):
    ended = self.run_process("--help")
    self.assertEqual(ended.returncode, 0)
    self.assertIn("path, default vocab.txt in", ended.stdout)
    self.assertIn("--part task:ner", ended.stdout)


if __name__ == "__main__":
  unittest.main()
