"""A tiny task for tests: is the word "good" in the text?

Its files are `finetuning_data/<name>/<split>.tsv`, lines of label, tab, text.
"""

import os
import random
import tempfile
import unittest

import tensorflow.compat.v1 as tf

import configure_finetuning
from finetune import feature_spec
from finetune import packing
from finetune import scorer
from finetune import task
from model import layers
from util import utils

WORDS = ["good", "bad", "a", "b", "c", "d", "e", "f"]
VOCABULARY = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"] + WORDS
NUM_TRAIN = 50
NUM_DEV = 21  # batches of 8: 8 + 8 + 5
TINY_MODEL = {"num_hidden_layers": 1, "hidden_size": 16,
              "num_attention_heads": 2, "intermediate_size": 32,
              "max_position_embeddings": 16}


class WordsExample(task.Example):

  def __init__(self, task_name, eid, text, label):
    super().__init__(task_name)
    self.eid = eid
    self.text = text
    self.label = label


class WordsTask(task.Task):

  takes_short_inputs = True

  def __init__(self, config, tokenizer, name="words", test_splits=()):
    super().__init__(config, name)
    self._tokenizer = tokenizer
    self._test_splits = list(test_splits)
    self.num_featurized = 0

  def get_data_files(self, split):
    return [os.path.join(self.config.raw_data_dir(self.name), split + ".tsv")]

  def get_test_splits(self):
    return self._test_splits

  def get_examples(self, split):
    with utils.open_file(self.get_data_files(split)[0]) as f:
      rows = [line.rstrip("\n").split("\t") for line in f]
    return [WordsExample(self.name, eid, text, int(label))
            for eid, (label, text) in enumerate(rows)]

  def featurize(self, example, is_training, log=False):
    self.num_featurized += 1
    ids = self._tokenizer.convert_tokens_to_ids(
        ["[CLS]"] + self._tokenizer.tokenize(example.text) + ["[SEP]"])
    features = packing.padded_inputs(ids, [0] * len(ids),
                                     self.config.max_seq_length)
    features[self.name + "_eid"] = example.eid
    features[self.name + "_label_ids"] = example.label
    return features

  def get_feature_specs(self):
    return [feature_spec.FeatureSpec(self.name + "_eid", []),
            feature_spec.FeatureSpec(self.name + "_label_ids", [])]

  def get_prediction_module(self, bert_model, features, is_training,
                            percent_done):
    vector = bert_model.randomness.dropout(bert_model.get_pooled_output(), 0.1)
    logits = layers.dense(vector, 2, name="dense")
    labels = features[self.name + "_label_ids"]
    losses = tf.nn.sparse_softmax_cross_entropy_with_logits(
        labels=labels, logits=logits)
    return losses, {"loss": losses, "label_ids": labels,
                    "predictions": tf.argmax(logits, -1),
                    "eid": features[self.name + "_eid"]}

  def get_scorer(self, split="dev"):
    return WordsScorer()


class WordsScorer(scorer.Scorer):

  def __init__(self):
    super().__init__()
    self._is_right = []
    self._predictions = {}

  def update(self, results):
    super().update(results)
    self._is_right.append(results["predictions"] == results["label_ids"])
    self._predictions[str(results["eid"])] = int(results["predictions"])

  def _get_results(self):
    return [("accuracy", 100.0 * sum(self._is_right) / len(self._is_right)),
            ("loss", self.get_loss())]

  def get_test_predictions(self):
    return self._predictions


class DeclaredTaskCase(unittest.TestCase):
  """A data folder with a vocabulary and the files of a task called "mine"."""

  def setUp(self):
    super().setUp()
    folder = tempfile.TemporaryDirectory()
    self.addCleanup(folder.cleanup)
    self.data_dir = folder.name
    write_data(self.data_dir)

  def path(self, name):
    return os.path.join(self.data_dir, "finetuning_data", "mine", name)

  def write(self, name, lines):
    """Writes a file of the task; returns its path."""
    write_lines(self.path(name), lines)
    return self.path(name)


def write_data(data_dir, task_name="words", seed=0):
  """Writes the vocabulary and the files of one task under `data_dir`."""
  rng = random.Random(seed)
  write_lines(os.path.join(data_dir, "vocab.txt"), VOCABULARY)
  for split, size in [("train", NUM_TRAIN), ("dev", NUM_DEV), ("test", 3)]:
    texts = [[rng.choice(WORDS) for _ in range(4)] for _ in range(size)]
    write_lines(split_file(data_dir, split, task_name), [
        "%d\t%s" % ("good" in text, " ".join(text)) for text in texts])


def split_file(data_dir, split, task_name="words"):
  return os.path.join(data_dir, "finetuning_data", task_name, split + ".tsv")


def write_lines(path, lines):
  with utils.write_atomically(path) as f:
    f.write("".join(line + "\n" for line in lines))


def read_lines(path):
  with utils.open_file(path) as f:
    return f.read().splitlines()


def tiny_config(data_dir, **hparams):
  """Returns a FinetuningConfig of the task on a one-layer model.

  50 examples in batches of 8 for 2 epochs: int(50 / 8 * 2) = 12 steps.
  """
  values = dict(
      task_names=["words"], init_checkpoint=None, max_seq_length=8,
      model_hparam_overrides=TINY_MODEL, train_batch_size=8,
      predict_batch_size=8, num_train_epochs=2, learning_rate=1e-2,
      max_query_length=1, do_lower_case=False)
  values.update(hparams)
  return configure_finetuning.FinetuningConfig("tiny", data_dir, **values)
