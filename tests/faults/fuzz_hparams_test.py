"""Fuzz tests of hyperparameters and of the metadata files configs read."""

import argparse
import json
import os
import tempfile
import unittest

import hypothesis
from hypothesis import strategies

import configure_finetuning
import configure_pretraining
from tests.faults import fuzzing
from util import utils

CONFIGS = (configure_pretraining.PretrainingConfig,
           configure_finetuning.FinetuningConfig)


def likely_values(hparam):
  """Draws values in or just outside the allowed range of a hyperparameter."""
  if hparam.choices:
    return strategies.sampled_from(hparam.choices)
  limits = [limit for limit in (hparam.minimum, hparam.maximum, hparam.above)
            if limit is not None]
  return {
      bool: strategies.booleans(),
      int: strategies.sampled_from(limits + [1, 2, 3, 7, 128, 512, 513]),
      float: strategies.sampled_from(limits + [1e-7, 0.5, 1.0, 3.4e38]),
      str: strategies.sampled_from(["x", "أ ب", "a/../b", "x.jsonl"]),
      list: strategies.lists(strategies.sampled_from(
          ["arcd", "chunk", "mnli", "..", "أ"]), min_size=1, max_size=3),
      dict: strategies.dictionaries(strategies.sampled_from(
          ["hidden_size", "num_attention_heads", "max_position_embeddings",
           "hidden_dropout_prob", "hiden_size"]), strategies.sampled_from(
               [1, 3, 64, 0.5, None, "1"]), max_size=2)}[hparam.kind]


@strategies.composite
def passed_together(draw, config_class):
  """Draws {name: value} of several hyperparameters."""
  declared = config_class.declared()
  names = draw(strategies.lists(strategies.sampled_from(sorted(declared)),
                                max_size=6, unique=True))
  return {name: draw(likely_values(declared[name])) for name in names}


class HparamsCase(unittest.TestCase):

  def setUp(self):
    super().setUp()
    folder = tempfile.TemporaryDirectory()
    self.addCleanup(folder.cleanup)
    self.folder = folder.name

  def check(self, config_class, passed):
    """Asserts that a config is made or refused; returns the refusal or None."""
    configs = []

    def make():
      configs.append(config_class("m", self.folder, **passed))
      utils.log_config(configs[0])  # as both runners do

    refusal = fuzzing.refusal(make)
    if refusal is None:
      self.check_config(configs[0])
    return refusal

  def check_config(self, config):
    """Asserts that every value has the declared type and can be used."""
    for name, hparam in config.declared().items():
      value = getattr(config, name)
      self.assertTrue(value is None and hparam.optional or (
          isinstance(value, hparam.kind) and
          isinstance(value, bool) == (hparam.kind is bool)), (name, value))
      if hparam.kind is float and value is not None:
        self.assertLess(abs(value), 3.5e38, name)  # nan and infinity are not
      if hparam.kind is str and value is not None:
        self.assertTrue(value.strip(), name)
        os.path.exists(value)  # can be a path
    sizes = config.transformer_sizes()
    self.assertEqual(sizes["hidden_size"] % sizes["num_attention_heads"], 0)
    self.assertEqual(json.loads(json.dumps(config.to_dict())), config.to_dict())


class ValuesTest(HparamsCase):

  def check_any_value(self, config_class):
    for name in sorted(config_class.declared()):
      with self.subTest(name=name):

        @hypothesis.settings(fuzzing.settings, max_examples=25)
        @hypothesis.given(fuzzing.json_values)
        def check(value):
          refusal = self.check(config_class, {name: value})
          self.assertIn(name, refusal or name)

        check()

  def test_pretraining_takes_or_refuses_any_value_by_name(self):
    self.check_any_value(configure_pretraining.PretrainingConfig)

  def test_finetuning_takes_or_refuses_any_value_by_name(self):
    self.check_any_value(configure_finetuning.FinetuningConfig)

  @fuzzing.settings
  @hypothesis.given(strategies.dictionaries(
      strategies.sampled_from(sorted(
          configure_pretraining.model_hparams.OVERRIDES) + ["hiden_size"]),
      fuzzing.json_values, min_size=1, max_size=2))
  def test_any_override_is_taken_or_refused_by_name(self, overrides):
    for config_class in CONFIGS:
      refusal = self.check(config_class,
                           {"model_hparam_overrides": overrides})
      self.assertTrue(refusal is None or any(
          name in refusal for name in overrides), refusal)

  @fuzzing.settings
  @hypothesis.given(passed=strategies.data())
  def test_values_that_meet_are_taken_or_refused_by_a_name(self, passed):
    for config_class in CONFIGS:
      values = passed.draw(passed_together(config_class))
      refusal = self.check(config_class, values)
      self.assertTrue(refusal is None or any(
          name in refusal for name in values), refusal)


class CommandLineTest(HparamsCase):

  def check(self, config_class, *argv):
    """As above, of a command line."""
    module = (configure_pretraining if config_class is CONFIGS[0] else
              configure_finetuning)
    configs = []

    def parse():
      configs.append(module.parse(argparse.ArgumentParser(), argv))
      utils.log_config(configs[0])

    with fuzzing.unchanged(self.folder):
      refusal = fuzzing.refusal(parse)
    if refusal is None:
      self.check_config(configs[0])
    return refusal

  def check_hparams(self, text):
    for config_class in CONFIGS:
      refusal = self.check(config_class, "--data-dir", self.folder,
                           "--model-name", "m", "--hparams=" + text)
    return refusal

  @fuzzing.settings
  @hypothesis.given(strategies.one_of(
      fuzzing.texts, fuzzing.json_values.map(json.dumps),
      fuzzing.changed_bytes(b'{"seed": 3, "model_size": "small"}').map(
          lambda content: content.decode("utf-8", "surrogateescape"))))
  def test_hparams_of_any_text(self, text):
    self.check_hparams(text)

  @fuzzing.settings
  @hypothesis.given(strategies.one_of(
      strategies.binary(), fuzzing.json_values.map(fuzzing.as_json),
      fuzzing.changed_bytes(b'{"seed": 3, "model_size": "small"}')))
  def test_hparams_file_of_any_bytes(self, content):
    path = os.path.join(self.folder, "h.json")
    with open(path, "wb") as f:
      f.write(content)
    self.check_hparams(path)

  @fuzzing.settings
  @hypothesis.given(fuzzing.texts)
  def test_any_model_name(self, name):
    for config_class in CONFIGS:
      refusal = self.check(config_class, "--data-dir", self.folder,
                           "--model-name=" + name)
      self.assertIn("--model-name", refusal or "--model-name")

  @fuzzing.settings
  @hypothesis.given(fuzzing.texts)
  def test_any_data_folder(self, name):
    for config_class in CONFIGS:
      refusal = self.check(config_class, "--data-dir=" + name,
                           "--model-name", "m")
      self.assertIn("--data-dir", refusal or "--data-dir")


class RecordsTest(HparamsCase):
  """Files that an earlier step wrote and something has changed since."""

  def check_record(self, config_class, path, content, **passed):
    path = os.path.join(self.folder, path)
    with utils.open_file(path, "wb") as f:
      f.write(content)
    with fuzzing.unchanged(self.folder):
      refusal = self.check(config_class, passed)
    self.assertTrue(refusal is None or path in refusal or any(
        name in refusal for name in config_class.declared()), refusal)

  def setUp(self):
    super().setUp()
    os.makedirs(os.path.join(self.folder, "models", "m"))
    os.makedirs(os.path.join(self.folder, "pretrain_tfrecords"))

  @fuzzing.settings
  @hypothesis.given(fuzzing.changed_json({
      "do_lower_case": True, "strip_accents": None, "preprocessing": "x"}))
  def test_tokenizer_config(self, content):
    self.check_record(configure_finetuning.FinetuningConfig,
                      "models/m/tokenizer_config.json",
                      fuzzing.as_json(content))

  @fuzzing.settings
  @hypothesis.given(fuzzing.changed_json({"tokenizer": {
      "do_lower_case": True}}))
  def test_dataset_info(self, content):
    self.check_record(configure_pretraining.PretrainingConfig,
                      "pretrain_tfrecords/dataset_info.json",
                      fuzzing.as_json(content))

  @fuzzing.settings
  @hypothesis.given(fuzzing.changed_json({
      "model_size": "small", "max_seq_length": 128, "task_names": ["arcd"],
      "model_hparam_overrides": {"hidden_size": 64}}))
  def test_record_of_a_fine_tuning(self, content):
    self.check_record(
        configure_finetuning.FinetuningConfig, "models/m/finetuning_run.json",
        fuzzing.as_json(content), do_train=False,
        init_checkpoint=os.path.join(self.folder, "models/m"))

  @fuzzing.settings
  @hypothesis.given(fuzzing.changed_json({"kind": "qa"}))
  def test_declaration_of_a_task(self, content):
    os.makedirs(os.path.join(self.folder, "finetuning_data", "mine"),
                exist_ok=True)
    self.check_record(configure_finetuning.FinetuningConfig,
                      "finetuning_data/mine/task.json",
                      fuzzing.as_json(content), task_names=["mine"])


if __name__ == "__main__":
  unittest.main()
