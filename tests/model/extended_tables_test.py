"""Tests for model.extended_tables: fresh rows, and advice that is followed."""

import json
import os
import re
import shutil
import tempfile

import numpy as np
import tensorflow.compat.v1 as tf

import configure_pretraining
from model import checkpoint
from model.huggingface import exporter
from pretrain import starting_weights
from tests.finetune import prediction_test
from tests.finetune import words_task
from tests.model import hf_models
from tests.pretrain import tiny_pretraining
from util import model_files
from util import utils

WORDS = "electra/embeddings/word_embeddings"
POSITIONS = "electra/embeddings/position_embeddings"
NUM_TOKENS = len(tiny_pretraining.VOCAB)  # 40; the model has 16 positions


class PretrainingTest(tf.test.TestCase):

  def setUp(self):
    super().setUp()
    folder = tempfile.TemporaryDirectory()
    self.addCleanup(folder.cleanup)
    self.folder = folder.name
    self.first = os.path.join(self.folder, "models", "first")
    self.write_vocab(tiny_pretraining.VOCAB)
    config = self.config("first")
    with tf.Graph().as_default(), tf.Session() as session:
      variables = starting_weights.build_variables(config)
      session.run(tf.variables_initializer(variables))
      session.run([variable.assign(tf.ones_like(variable)) for variable
                   in variables if variable.op.name.endswith("adam_m")])
      os.makedirs(self.first)
      tf.train.Saver(variables).save(
          session, os.path.join(self.first, "model.ckpt-4"))
    starting_weights.write_settings(config)

  def write_vocab(self, tokens, name="vocab.txt"):
    path = os.path.join(self.folder, name)
    with open(path, "w") as f:
      f.write("".join(token + "\n" for token in tokens))
    return path

  def config(self, name, overrides=None, **hparams):
    values = dict(tiny_pretraining.HPARAMS, **hparams)
    values["model_hparam_overrides"] = dict(
        values["model_hparam_overrides"], **(overrides or {}))
    return configure_pretraining.PretrainingConfig(name, self.folder, **values)

  def start(self, name, **hparams):
    """Returns the initial weights of a run from the first model's."""
    config = self.config(name, init_checkpoint=self.first, **hparams)
    starting_weights.prepare_weights(config, None)
    return hf_models.read_checkpoint(config.model_dir)

  def advice(self, pattern, name, **hparams):
    """Returns the group of `pattern` in the error of a run."""
    with self.assertRaises(utils.UserError) as raised:
      self.start(name, **hparams)
    match = re.search(pattern, str(raised.exception))
    self.assertTrue(match, str(raised.exception))
    return match.group(1)

  def longer_vocab(self, *tokens):
    return self.write_vocab(list(tiny_pretraining.VOCAB) + list(tokens),
                            "longer.txt")

  def check_rows(self, name, weights, num_rows):
    before = hf_models.read_checkpoint(self.first)
    for slot in ("", "/adam_m"):
      table = weights[name + slot]
      count = len(before[name])
      self.assertEqual(len(table), num_rows)
      self.assertAllEqual(table[:count], before[name + slot])
    # Fresh rows are random, of deviation 0.02; their slots are 0.
    fresh = weights[name][count:]
    self.assertTrue(np.all(np.std(fresh, -1) > 1e-3), fresh)
    self.assertAllEqual(weights[name + "/adam_m"][count:], fresh * 0)

  def test_advice_on_new_tokens_adds_fresh_rows(self):
    vocab_file = self.longer_vocab("x", "y")
    size = self.advice(r"has 2 tokens more than the checkpoint: .*set "
                       r"vocab_size to (\d+) to add fresh rows\.$", "second",
                       vocab_file=vocab_file)
    weights = self.start("second", vocab_file=vocab_file, vocab_size=int(size))
    self.check_rows(WORDS, weights, NUM_TOKENS + 2)
    bias = weights["generator_predictions/output_bias"]
    self.assertAllEqual(bias[NUM_TOKENS:], [0, 0])

  def test_advice_to_use_the_vocabulary_of_the_checkpoint(self):
    self.advice("set (vocab_file) to the checkpoint's own vocabulary",
                "second", vocab_file=self.longer_vocab("x"))
    weights = self.start("second", vocab_file=os.path.join(
        self.first, model_files.VOCAB))
    self.assertLen(weights[WORDS], NUM_TOKENS)

  def test_advice_on_long_sequences_adds_fresh_positions(self):
    overrides = json.loads(self.advice(
        r"set model_hparam_overrides: (\{.*?\}) or a smaller", "second",
        max_seq_length=20))
    weights = self.start("second", max_seq_length=20, overrides=overrides)
    self.check_rows(POSITIONS, weights, 20)

  def test_padded_vocabulary_has_rows_for_more_tokens(self):
    weights = self.start("second", vocab_file=self.longer_vocab("x"),
                         vocab_size=48)
    self.check_rows(WORDS, weights, 48)

  def test_other_tokens_are_not_new_ones(self):
    tokens = list(tiny_pretraining.VOCAB) + ["x"]
    tokens[7], tokens[8] = tokens[8], tokens[7]
    vocab_file = self.write_vocab(tokens, "other.txt")
    self.advice(r"other.txt:8: expected 'w2' as in (.*)/vocab.txt.* got 'w3'. "
                "Append new tokens at the end of a copy of that file", "second",
                vocab_file=vocab_file, vocab_size=NUM_TOKENS + 1)

  def test_rows_without_new_tokens_are_not_added(self):
    self.assertEqual(
        self.advice(r"; set vocab_size to (\d+)\.$", "second", vocab_size=50),
        str(NUM_TOKENS))

  def test_missing_vocabulary_of_the_checkpoint(self):
    os.remove(os.path.join(self.first, model_files.VOCAB))
    hparams = dict(vocab_file=self.longer_vocab("x"), vocab_size=NUM_TOKENS + 1)
    self.advice("(first/vocab.txt): the checkpoint's vocabulary is missing.* "
                "Copy its vocab.txt there", "second", **hparams)
    shutil.copy(os.path.join(self.folder, "vocab.txt"), self.first)
    self.check_rows(WORDS, self.start("second", **hparams), NUM_TOKENS + 1)

  def test_a_resumed_model_keeps_its_positions(self):
    self.advice("(a model keeps its positions).*init_checkpoint", "first",
                overrides={"max_position_embeddings": 20})
    self.check_rows(POSITIONS, self.start(
        "second", overrides={"max_position_embeddings": 20}), 20)


class FineTuningTest(prediction_test.PredictionTestCase):

  def test_new_tokens_and_positions_until_conversion(self):
    self.write_task("mine", prediction_test.SENTIMENT, train_tsv=[
        "text\tkind", "good a\tfine", "bad b\tpoor"])
    texts = self.write("new.txt", ["good x", "bad y"])
    first, _ = self.train("mine", texts)
    start = os.path.join(self.folder, "pretrained")  # an encoder of 13 tokens
    shutil.copytree(first.trial_model_dir(1), start)
    os.remove(os.path.join(start, model_files.RUN_RECORD))
    longer = self.write("longer.txt", words_task.VOCABULARY + ["x", "y"])
    trained, predictions = self.train(
        "mine", texts, model_dir=os.path.join(self.folder, "longer"),
        init_checkpoint=start, vocab_file=longer,
        vocab_size=len(words_task.VOCABULARY) + 2, max_seq_length=20,
        model_hparam_overrides=dict(words_task.TINY_MODEL,
                                    max_position_embeddings=20))
    folder = trained.trial_model_dir(1)
    shapes = checkpoint.shapes_of(folder)
    self.assertEqual((shapes[WORDS][0], shapes[POSITIONS][0]), (15, 20))
    _, again = self.predict(trained, texts)
    self.assert_close(again, predictions)
    # config.json of the model that it started from has the old sizes.
    utils.write_json({"vocab_size": 13, "max_position_embeddings": 16},
                     os.path.join(self.folder, "longer", "config.json"))
    exporter.to_hf(folder, os.path.join(self.folder, "hf"), "task:mine",
                   task_kind="classification")


if __name__ == "__main__":
  tf.disable_v2_behavior()
  tf.enable_resource_variables()
  tf.test.main()
