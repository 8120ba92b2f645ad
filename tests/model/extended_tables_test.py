"""Tests for model.extended_tables: fresh rows, and advice that is followed."""

import json
import os
import re
import shutil
import tempfile
import unittest

import numpy as np
import tensorflow.compat.v1 as tf

import configure_finetuning
import configure_pretraining
from model import checkpoint
from model import extended_tables
from model.huggingface import exporter
from model.huggingface import importer
from pretrain import starting_weights
import run_finetuning
from tests.finetune import prediction_test
from tests.finetune import words_task
from tests.model import hf_models
from tests.pretrain import tiny_pretraining
from util import model_files
from util import utils

WORDS = "electra/embeddings/word_embeddings"
POSITIONS = "electra/embeddings/position_embeddings"
NUM_TOKENS = len(tiny_pretraining.VOCAB)  # 40; the model has 16 positions


def longer_than(vocab, *tokens):
  return "".join(token + "\n" for token in list(vocab) + list(tokens))


class TablesTest(unittest.TestCase):
  """A folder with a vocabulary and a longer one."""

  def setUp(self):
    super().setUp()
    folder = tempfile.TemporaryDirectory()
    self.addCleanup(folder.cleanup)
    self.folder = folder.name
    self.first = os.path.join(self.folder, "models", "first")
    self.write("vocab.txt", longer_than(tiny_pretraining.VOCAB))
    self.longer = self.write("longer.txt", longer_than(
        tiny_pretraining.VOCAB, "x", "y"))

  def write(self, name, text):
    path = os.path.join(self.folder, name)
    with utils.write_atomically(path) as f:
      f.write(text)
    return path

  def config(self, name="second", overrides=None, **hparams):
    values = dict(tiny_pretraining.HPARAMS, **hparams)
    values["model_hparam_overrides"] = dict(
        values["model_hparam_overrides"], **(overrides or {}))
    return configure_pretraining.PretrainingConfig(name, self.folder, **values)

  def message(self, function, *args):
    with self.assertRaises(utils.UserError) as raised:
      function(*args)
    return str(raised.exception)


class RequestedTest(TablesTest):

  def setUp(self):
    super().setUp()
    self.prefix = os.path.join(self.first, "model.ckpt-4")
    importer.write_checkpoint(self.prefix, {
        WORDS: np.zeros([NUM_TOKENS, 8], np.float32)})
    self.write("models/first/vocab.txt", longer_than(tiny_pretraining.VOCAB))

  def requested(self, **hparams):
    config = self.config(**hparams)
    patterns = extended_tables.requested(config, self.prefix)
    return [name for name in (WORDS, POSITIONS, WORDS + "/bias",
                              "generator_predictions/output_bias",
                              "electra/embeddings/token_type_embeddings")
            if any(re.search(pattern, name) for pattern in patterns)]

  def test_tables_of_tokens_and_of_positions(self):
    self.assertEqual(
        self.requested(vocab_file=self.longer, vocab_size=NUM_TOKENS + 2),
        [WORDS, POSITIONS, "generator_predictions/output_bias"])
    self.assertEqual(
        self.requested(vocab_file=self.longer, vocab_size=48),  # padded
        [WORDS, POSITIONS, "generator_predictions/output_bias"])

  def test_nothing_is_extended_without_being_asked_for(self):
    values = dict(tiny_pretraining.HPARAMS, model_hparam_overrides={})
    config = configure_pretraining.PretrainingConfig(
        "second", self.folder, vocab_file=self.longer, **values)
    self.assertEqual(extended_tables.requested(config, self.prefix), [])

  def test_rows_without_new_tokens_are_not_added(self):
    self.assertEqual(self.requested(vocab_size=50), [POSITIONS])
    self.assertEqual(extended_tables.hints(
        self.config(vocab_size=50), self.prefix), [])  # "set vocab_size to 40"

  def test_other_tokens_are_not_new_ones(self):
    tokens = list(tiny_pretraining.VOCAB)
    tokens[7], tokens[8] = tokens[8], tokens[7]
    config = self.config(vocab_size=NUM_TOKENS + 1, vocab_file=self.write(
        "other.txt", longer_than(tokens, "x")))
    self.assertRegex(
        self.message(extended_tables.requested, config, self.prefix),
        r"other.txt:8: expected 'w2' as in .*vocab.txt.* got 'w3'. Append new "
        "tokens at the end of a copy of that file")

  def test_missing_vocabulary_of_the_checkpoint(self):
    path = os.path.join(self.first, model_files.VOCAB)
    os.remove(path)
    config = self.config(vocab_file=self.longer, vocab_size=NUM_TOKENS + 2)
    self.assertRegex(
        self.message(extended_tables.requested, config, self.prefix),
        path + ": the checkpoint's vocabulary is missing.* Copy its vocab.txt")
    shutil.copy(os.path.join(self.folder, "vocab.txt"), path)
    self.assertEqual(len(extended_tables.requested(config, self.prefix)), 2)

  def test_a_resumed_model_keeps_its_positions(self):
    (pattern, hint), = extended_tables.hints(
        self.config(overrides={"max_position_embeddings": 20}), self.prefix,
        is_resumed=True)
    self.assertRegex(POSITIONS, pattern)
    self.assertIn("another --model-name from it with init_checkpoint", hint)


class PretrainingTest(TablesTest):

  def write_first(self):
    """Writes the checkpoint of a model of 40 tokens and 16 positions."""
    tiny_pretraining.write_records(self.folder, [4])
    config = self.config("first")
    with tf.Graph().as_default(), tf.Session() as session:
      variables = starting_weights.build_variables(config)
      session.run(tf.variables_initializer(variables))
      values = {variable.op.name: value for variable, value in zip(
          variables, session.run(variables))}
    for name in values:
      if name.endswith("/adam_m"):
        values[name] += 1
    importer.write_checkpoint(os.path.join(self.first, "model.ckpt-4"), values)
    starting_weights.write_settings(config)
    return values

  def test_advice_that_is_followed_adds_fresh_rows(self):
    before = self.write_first()
    hparams = dict(init_checkpoint=self.first, vocab_file=self.longer,
                   max_seq_length=20)
    advice = self.message(lambda: self.config(**hparams))
    hparams["overrides"] = json.loads(re.search(
        r"set model_hparam_overrides: (\{.*?\}) or a smaller",
        advice).group(1))
    advice = self.message(starting_weights.StartingPoint,
                          self.config(**hparams))
    hparams["vocab_size"] = int(re.search(
        r"has 2 tokens more than the checkpoint: set vocab_file to the "
        r"checkpoint's own vocabulary or, .*, set vocab_size to (\d+) to add "
        r"fresh rows\.$", advice).group(1))
    config = self.config(**hparams)
    starting_weights.StartingPoint(config).write()
    after = hf_models.read_checkpoint(config.model_dir)
    for name, num_rows in ((WORDS, NUM_TOKENS + 2), (POSITIONS, 20),
                           ("generator_predictions/output_bias",
                            NUM_TOKENS + 2)):
      count = len(before[name])
      for slot in ("", "/adam_m"):
        self.assertEqual(len(after[name + slot]), num_rows)
        np.testing.assert_array_equal(after[name + slot][:count],
                                      before[name + slot])
      np.testing.assert_array_equal(
          after[name + "/adam_m"][count:], after[name][count:] * 0)
      if name.endswith("_embeddings"):  # random, of deviation 0.02
        self.assertGreater(np.min(np.std(after[name][count:], -1)), 1e-3)


class FineTuningTest(prediction_test.PredictionTestCase):

  def test_new_tokens_and_positions_until_conversion(self):
    start = os.path.join(self.folder, "start")
    hf_models.write_model(start, hf_models.load(
        "finetune/head_classification_predict.npz")["var"])  # 160 tokens
    with utils.open_file(os.path.join(start, "vocab.txt")) as f:
      longer = self.write("longer.txt", f.read().split() + ["x", "y"])
    self.write_task("mine", prediction_test.SENTIMENT, train_tsv=[
        "text\tkind", "t9 t8\tfine", "t7 t9\tpoor"])
    texts = self.write("new.txt", ["t9 x", "t7 y"])
    trained, predictions = self.train(
        "mine", texts, model_dir=os.path.join(self.folder, "longer"),
        init_checkpoint=start, vocab_file=longer, vocab_size=162,
        max_seq_length=40, model_hparam_overrides=dict(
            words_task.TINY_MODEL, max_position_embeddings=40))
    folder = trained.trial_model_dir(1)
    shapes = checkpoint.shapes_of(folder)
    self.assertEqual((shapes[WORDS][0], shapes[POSITIONS][0]), (162, 40))
    self.check_half_precision(folder, texts, predictions)
    # config.json of the model that it started from has the old sizes.
    utils.write_json({"vocab_size": 160, "max_position_embeddings": 32},
                     os.path.join(self.folder, "longer", "config.json"))
    exporter.to_hf(folder, os.path.join(self.folder, "hf"), "task:mine",
                   task_kind="classification")

  def check_half_precision(self, folder, texts, predictions):
    """Compares predictions with the weights of a folder in float16."""
    half = folder + "_half"
    shutil.copytree(folder, half)
    importer.write_checkpoint(
        checkpoint.latest(folder).replace(folder, half), {
            name: value.astype(np.float16) for name, value in
            hf_models.read_checkpoint(folder).items()
            if name != checkpoint.GLOBAL_STEP})
    config = configure_finetuning.FinetuningConfig(
        "other", self.elsewhere, do_train=False, do_eval=False,
        init_checkpoint=half, predict_file=texts)
    run_finetuning.run(config)
    for one, other in zip(prediction_test.read_jsonl(
        config.predict_output_file), predictions):
      for label, probability in other["probabilities"].items():
        self.assertAlmostEqual(one["probabilities"][label], probability,
                               places=2)


if __name__ == "__main__":
  tf.disable_v2_behavior()
  tf.enable_resource_variables()
  unittest.main()
