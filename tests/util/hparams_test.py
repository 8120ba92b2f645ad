"""Tests for util.hparams."""

import argparse
import contextlib
import io
import os
import tempfile
import unittest

from util import hparams
from util import model_hparams
from util import utils


class TinyConfig(hparams.HParams):
  model_size = hparams.Hparam("small", str, choices=("small", "large"))
  learning_rate = hparams.Hparam(5e-4, float, above=0.0)
  max_seq_length = hparams.Hparam(128, int, minimum=5)
  mask_prob = hparams.Hparam(0.15, float)
  task_names = hparams.Hparam(["chunk"], list)
  use_tpu = hparams.Hparam(False, bool)
  num_masks = hparams.Hparam(None, int)
  vocab_file = hparams.Hparam(None, str)
  overrides = hparams.Hparam({}, dict)

  def presets(self, requested):
    if requested["model_size"] == "large":
      return {"mask_prob": 0.25, "learning_rate": 2e-4}
    return {}

  def derived(self, passed):
    return {"num_masks": int(self.mask_prob * self.max_seq_length)}


class HParamsTest(unittest.TestCase):

  def test_preset_beats_default_and_user_beats_preset(self):
    config = TinyConfig(model_size="large", learning_rate=1e-3)
    self.assertEqual(config.mask_prob, 0.25)
    self.assertEqual(config.learning_rate, 1e-3)

  def test_derived_value_follows_the_preset(self):
    # The reference computes its number of masks before the preset of "large".
    self.assertEqual(TinyConfig(model_size="large").num_masks, 32)

  def test_derived_value_can_be_passed(self):
    self.assertEqual(TinyConfig(num_masks=7).num_masks, 7)

  def test_null_asks_for_the_derived_value(self):
    self.assertEqual(TinyConfig(num_masks=None).num_masks, 19)

  def test_changed_is_what_the_user_passed_and_is_no_default(self):
    config = TinyConfig(model_size="large", mask_prob=0.15, num_masks=None,
                        task_names=["chunk", "ner"], max_seq_length=64)
    # mask_prob and num_masks are as declared.
    self.assertEqual(config.changed(), {
        "model_size": "large", "task_names": ["chunk", "ner"],
        "max_seq_length": 64})

  def test_the_log_has_one_line_of_the_config(self):
    output = io.StringIO()
    with contextlib.redirect_stdout(output):
      utils.log_config(TinyConfig(model_size="large", vocab_file="مفردات.txt"))
    self.assertEqual(output.getvalue().count("\n"), 1)
    self.assertIn('Config: model_size "large", vocab_file "مفردات.txt" (',
                  output.getvalue())

  def test_misspelled_name_suggests_the_right_one(self):
    with self.assertRaisesRegex(
        utils.UserError, "'learnin_rate'. Did you mean 'learning_rate'"):
      TinyConfig(learnin_rate=1e-3)

  def test_name_like_no_other_lists_the_known_ones(self):
    with self.assertRaisesRegex(utils.UserError, "Known are: .*mask_prob"):
      TinyConfig(zzzzzzzzzz=1)

  def test_wrong_types_and_values_name_what_is_expected(self):
    for passed, message in [
        (dict(learning_rate="2e-4"), 'expected a number above 0.0, got "2e-4"'),
        (dict(learning_rate=float("nan")), "expected a number above 0.0"),
        (dict(learning_rate=float("inf")), "expected a number"),
        (dict(learning_rate=-1), "above 0.0, got -1"),
        (dict(learning_rate=10 ** 400), "expected a number"),
        (dict(learning_rate=True), "expected a number"),
        (dict(max_seq_length=128.0), "expected an integer of at least 5"),
        (dict(learning_rate=1e39), "above 0.0 in the float32 range, got 1e"),
        (dict(max_seq_length=10 ** 12), "of at least 5 in the int32 range"),
        (dict(max_seq_length=True), "expected an integer"),
        (dict(max_seq_length=None), "expected an integer"),
        (dict(use_tpu="False"), 'expected true or false, got "False"'),
        (dict(use_tpu=0), "expected true or false"),
        (dict(task_names="squad"), "expected a list of strings"),
        (dict(task_names=[]), "expected a list of strings"),
        (dict(task_names=[1]), "expected a list of strings"),
        (dict(task_names=["a\0b"]), "expected a list of strings"),
        (dict(vocab_file=" "), 'a string that is not blank or null, got " "'),
        (dict(vocab_file="a\0b"), "expected a string"),
        (dict(vocab_file="\ud800"), "expected a string"),
        (dict(model_size="huge"), 'expected one of "small", "large"'),
        (dict(overrides=[]), "expected a JSON object")]:
      with self.subTest(passed=str(passed)[:60]):
        with self.assertRaisesRegex(utils.UserError, message):
          TinyConfig(**passed)

  def test_integer_is_converted_to_float(self):
    learning_rate = TinyConfig(learning_rate=1).learning_rate
    self.assertEqual(learning_rate, 1.0)
    self.assertIsInstance(learning_rate, float)

  def test_is_frozen_but_can_be_replaced(self):
    config = TinyConfig()
    with self.assertRaisesRegex(AttributeError, "config.replace"):
      config.max_seq_length = 512
    self.assertEqual(config.replace(max_seq_length=512).max_seq_length, 512)
    self.assertEqual(config.max_seq_length, 128)

  def test_replace_works_presets_and_derived_values_out_again(self):
    config = TinyConfig(max_seq_length=64).replace(model_size="large")
    self.assertEqual(config.num_masks, 16)

  def test_instances_do_not_share_a_default_list(self):
    TinyConfig().task_names.append("rte")
    self.assertEqual(TinyConfig().task_names, ["chunk"])

  def test_long_values_are_shortened_in_messages(self):
    with self.assertRaises(utils.UserError) as raised:
      TinyConfig(use_tpu="x" * 1000)
    self.assertLess(len(str(raised.exception)), 200)


class CheckTableTest(unittest.TestCase):

  def test_unknown_name_suggests(self):
    with self.assertRaisesRegex(utils.UserError,
                                "override 'hiden_size'.*'hidden_size'"):
      hparams.check_table({"hidden_size": hparams.Hparam(1, int)},
                          {"hiden_size": 2}, "override")

  def test_wrong_value_is_refused(self):
    with self.assertRaisesRegex(utils.UserError,
                                "Override 'hidden_size': expected an"):
      hparams.check_table({"hidden_size": hparams.Hparam(1, int)},
                          {"hidden_size": "2"}, "override")


class ParseHparamsTest(unittest.TestCase):

  def test_reads_an_object(self):
    self.assertEqual(hparams.parse_hparams('{"a": 1}'), {"a": 1})

  def test_reads_a_file_with_a_byte_order_mark(self):
    with tempfile.TemporaryDirectory() as folder:
      path = os.path.join(folder, "مسار h.json")
      with open(path, "wb") as f:
        f.write(b'\xef\xbb\xbf{"a": "\xd8\xb9"}')
      self.assertEqual(hparams.parse_hparams(path), {"a": "ع"})

  def test_invalid_json_names_line_and_column(self):
    with self.assertRaisesRegex(utils.UserError,
                                "--hparams:1:7: expected JSON"):
      hparams.parse_hparams('{"a": }')

  def test_everything_else_is_refused_in_one_line(self):
    for text, message in [
        ("learning_rate=1", "expected a JSON object such as"),
        ("missing.json", "missing.json: no such file"),
        ('{"a": 1, "a": 2}', "'a' is set twice"),
        (tempfile.gettempdir(), "is a folder"),
        ('{"a": {"b": 1, "b": 2}}', "'b' is set twice"),
        ('{"a":' * 100000, "nested too deeply")]:
      with self.subTest(text=text[:40]):
        with self.assertRaisesRegex(utils.UserError, message):
          hparams.parse_hparams(text)

  def test_empty_is_no_hparams(self):
    self.assertEqual(hparams.parse_hparams(" "), {})


class RunArgumentsTest(unittest.TestCase):

  def _parse(self, *argv):
    return hparams.run_arguments(argparse.ArgumentParser(), argv)

  def test_returns_name_folder_and_values(self):
    self.assertEqual(
        self._parse("--data-dir", "d", "--model-name", "m", "--hparams",
                    '{"seed": 3}'), ("m", "d", {"seed": 3}))

  def test_without_hparams_there_are_none(self):
    self.assertEqual(self._parse("--data-dir", "d", "--model-name", "m"),
                     ("m", "d", {}))

  def test_of_several_hparams_the_later_value_counts(self):
    self.assertEqual(
        self._parse("--data-dir", "d", "--model-name", "m", "--hparams",
                    '{"seed": 3, "debug": true}', "--hparams", '{"seed": 4}'),
        ("m", "d", {"seed": 4, "debug": True}))

  def _parse_sets(self, *texts):
    flags = [word for text in texts for word in ("--set", text)]
    return hparams.run_arguments(
        argparse.ArgumentParser(),
        ["--data-dir", "d", "--model-name", "m", "--hparams",
         '{"seed": 3, "log_steps": 7}'] + flags,
        model_hparams.ModelHParams)[2]

  def test_set_overrides_hparams_and_earlier_flags(self):
    self.assertEqual(self._parse_sets("seed=4", "debug=true", "seed=5"),
                     {"seed": 5, "log_steps": 7, "debug": True})

  def test_a_value_of_set_is_json_or_a_string(self):
    declared = dict(model_hparams.ModelHParams.declared(),
                    task_names=hparams.Hparam(["chunk"], list))
    for text, value in (
        ("tpu_name=a=b", "a=b"), ("tpu_name=\"a\"", "a"), ("tpu_name=1", "1"),
        ("tpu_name=null", None), ("seed=1", 1), ("use_amp=false", False),
        ("model_hparam_overrides={\"hidden_size\": 8}", {"hidden_size": 8}),
        ("task_names=arcd", ["arcd"]), ("task_names=a, b", ["a", "b"]),
        ("task_names=[\"a\"]", ["a"]), ("seed=", ""), ("nope=x", "x")):
      with self.subTest(text=text):
        self.assertEqual(hparams.parse_set(text, declared),
                         (text.split("=")[0], value))

  def test_an_unknown_name_in_set_is_the_error_of_hparams(self):
    values = self._parse_sets("log_step=1")
    with self.assertRaisesRegex(
        utils.UserError, r"^Unknown hyperparameter 'log_step'. Did you mean "
        r"'log_steps' \(an integer of at least 1\)\?"):
      model_hparams.ModelHParams("m", "d", **values)

  def test_set_without_a_name_or_value_is_an_error(self):
    for text in ("seed", "=1", " =1", ""):
      with self.subTest(text=text):
        with self.assertRaisesRegex(
            utils.UserError, "^--set: expected NAME=VALUE, such as "
            "learning_rate=1e-4, got "):
          self._parse_sets(text)

  def test_data_folder_must_not_be_blank(self):
    # As in `--data-dir "$DATA_DIR"` where the variable is not set.
    for folder in ("", " ", "a\0b", "\ud800"):
      with self.subTest(folder=ascii(folder)):
        with self.assertRaisesRegex(utils.UserError,
                                    "--data-dir: expected the"):
          self._parse("--data-dir", folder, "--model-name", "m")

  def test_model_name_must_not_be_a_path(self):
    for name in ("../m", "a/b", "..", " "):
      with self.subTest(name=name):
        with self.assertRaisesRegex(utils.UserError,
                                    "--model-name: expected a"):
          self._parse("--data-dir", "d", "--model-name", name)


if __name__ == "__main__":
  unittest.main()
