"""Tests for finetune.classification.classification_tasks.

Golden numbers (tests/golden/README.md): the heads of google-research/electra
on a one-layer encoder with random weights, float32.
"""

import collections
import os
import tempfile

import numpy as np
import tensorflow.compat.v1 as tf

from finetune.classification import classification_tasks
from finetune.classification import sentence_tasks
from model import modeling
from model import randomness
from model import tokenization
from tests.finetune import words_task
from util import utils

GOLDEN = os.path.join(os.path.dirname(__file__), "..", "..", "golden",
                      "finetune")


class Colors(classification_tasks.ClassificationTask):
  """A user-defined task."""

  layouts = {
      "train": classification_tasks.Layout("text", None, "color"),
      "dev": classification_tasks.Layout("text", None, "color"),
      "test": classification_tasks.Layout("text"),
  }

  def __init__(self, config, tokenizer):
    super().__init__(config, "colors", tokenizer, ["red", "green"])


class Pairs(classification_tasks.RegressionTask):
  """The similarity of two texts, from 1 to 5; their order is irrelevant."""

  layouts = {"train": classification_tasks.Layout(0, 1, 2, None, False),
             "dev": classification_tasks.Layout(0, 1, 2, None, False),
             "test": classification_tasks.Layout(0, 1, None, None, False)}
  is_unordered = True

  def __init__(self, config, tokenizer):
    super().__init__(config, "pairs", tokenizer, 1.0, 5.0)


def load(name):
  """Returns {"var"|"in"|"out": {name: array}} of a golden file."""
  groups = collections.defaultdict(dict)
  with np.load(os.path.join(GOLDEN, name)) as arrays:
    for key in arrays.files:
      group, name = key.split("/", 1)
      groups[group][name] = arrays[key]
  return groups


class SentenceTaskTest(tf.test.TestCase):

  def setUp(self):
    super().setUp()
    folder = tempfile.TemporaryDirectory()
    self.addCleanup(folder.cleanup)
    self.data_dir = folder.name
    words_task.write_data(self.data_dir)

  def task(self, task_class, **hparams):
    config = words_task.tiny_config(
        self.data_dir, task_names=[task_class.__name__.lower()], **hparams)
    return task_class(config, tokenization.FullTokenizer(
        config.vocab_file, do_lower_case=False))

  def write(self, task_name, split, lines):
    path = words_task.split_file(self.data_dir, split, task_name)
    words_task.write_lines(path, lines)
    return path


class FilesTest(SentenceTaskTest):

  def test_examples_come_in_the_order_of_the_file(self):
    self.write("colors", "dev", ["color\ttext", "red\ta b", "green\tc"])
    examples = self.task(Colors).get_examples("dev")
    self.assertEqual([(e.eid, e.text_a, e.text_b, e.label) for e in examples],
                     [(0, "a b", None, "red"), (1, "c", None, "green")])

  def test_unknown_label_names_the_line_also_on_dev(self):
    path = self.write("colors", "dev", ["color\ttext", "red\ta", "blue\tb"])
    with self.assertRaisesRegex(
        utils.UserError, path + ":3: expected one of the labels red, green, "
        "got 'blue'"):
      self.task(Colors).get_examples("dev")

  def test_label_that_is_not_a_number_in_range_names_the_line(self):
    for label in ["high", "nan", "0.5", "5.1", ""]:
      path = self.write("pairs", "dev", ["a\tb\t5", "a\tb\t" + label])
      with self.subTest(label=label):
        with self.assertRaisesRegex(utils.UserError,
                                    path + ":2: expected a number from 1 to 5"):
          self.task(Pairs).get_examples("dev")

  def test_missing_file_names_its_path(self):
    with self.assertRaisesRegex(utils.UserError, "'colors'.*dev.tsv.*Put it"):
      self.task(Colors).get_examples("dev")

  def test_unknown_split_lists_the_known_ones(self):
    with self.assertRaisesRegex(utils.UserError, "dev or test or train"):
      self.task(Colors).get_examples("valid")

  def test_test_split_exists_if_its_file_does(self):
    self.assertEqual(self.task(Colors).get_test_splits(), [])
    self.write("colors", "test", ["text", "a"])
    self.assertEqual(self.task(Colors).get_test_splits(), ["test"])
    example, = self.task(Colors).get_examples("test")
    self.assertIsNone(example.label)

  def test_unordered_pairs_are_trained_on_in_both_orders(self):
    for split in ["train", "dev"]:
      self.write("pairs", split, ["a\tb\t1", "c\td\t5"])
    both = [(e.eid, e.text_a, e.text_b, e.label)
            for e in self.task(Pairs).get_examples("train")]
    self.assertEqual(both, [(0, "a", "b", 1.0), (1, "c", "d", 5.0),
                            (2, "b", "a", 1.0), (3, "d", "c", 5.0)])
    self.assertLen(self.task(Pairs, double_unordered=False).get_examples(
        "train"), 2)
    self.assertLen(self.task(Pairs).get_examples("dev"), 2)

  def test_debug_limits_the_number_of_examples(self):
    self.write("colors", "dev", ["color\ttext"] + ["red\ta"] * 300)
    self.assertLen(self.task(Colors, debug=True).get_examples("dev"), 200)


class FeaturesTest(SentenceTaskTest):

  def featurize(self, task_class, **example):
    task = self.task(task_class)
    features = task.featurize(
        classification_tasks.InputExample(3, task.name, **example), True)
    self.assertEqual(
        set(features) - {"input_ids", "input_mask", "segment_ids"},
        {spec.name for spec in task.get_feature_specs()})
    return features

  # Ids: [PAD] 0, [UNK] 1, [CLS] 2, [SEP] 3, [MASK] 4, good 5, bad 6, a 7, ...

  def test_one_text(self):
    self.assertEqual(
        self.featurize(Colors, text_a="a bad a", label="green"),
        {"input_ids": [2, 7, 6, 7, 3, 0, 0, 0],
         "input_mask": [1, 1, 1, 1, 1, 0, 0, 0],
         "segment_ids": [0, 0, 0, 0, 0, 0, 0, 0],
         "colors_eid": 3, "colors_label_ids": 1})

  def test_pair_and_target_between_0_and_1(self):
    # (2 - 1) / (5 - 1) = 0.25; the reference divides by the maximum, 0.2.
    self.assertEqual(
        self.featurize(Pairs, text_a="a", text_b="b c", label=2.0),
        {"input_ids": [2, 7, 3, 8, 9, 3, 0, 0],
         "input_mask": [1, 1, 1, 1, 1, 1, 0, 0],
         "segment_ids": [0, 0, 0, 1, 1, 1, 0, 0],
         "pairs_eid": 3, "pairs_targets": 0.25})

  def test_long_texts_are_truncated_to_the_maximum_length(self):
    # 8 - 3 special tokens leave 5: of 4 + 4, first b, then a, then b.
    features = self.featurize(Pairs, text_a="a b c d", text_b="a b c d")
    self.assertEqual(features["input_ids"], [2, 7, 8, 9, 3, 7, 8, 3])

  def test_text_cannot_spell_a_separator(self):
    features = self.featurize(Colors, text_a="a [SEP] b")
    self.assertEqual(features["input_ids"].count(3), 1)

  def test_longer_text_is_truncated(self):
    for lengths, num_fitting, wanted in [
        ([9], 4, [4]), ([2, 9], 5, [2, 3]), ([9, 1], 5, [4, 1]),
        ([4, 4], 5, [3, 2]), ([0, 3], 1, [0, 1]), ([2, 2], 4, [2, 2])]:
      with self.subTest(lengths=lengths):
        got = sentence_tasks.truncate(
            [[7] * n for n in lengths], num_fitting)
        self.assertEqual([len(ids) for ids in got], wanted)


class HeadTest(SentenceTaskTest):

  def run_head(self, task, golden, is_training=False, loads=None):
    """Returns (losses, outputs) as arrays for the golden inputs."""
    vocab_size, hidden_size = golden["var"][
        "electra/embeddings/word_embeddings"].shape
    bert_config = modeling.BertConfig(
        vocab_size=vocab_size, hidden_size=hidden_size, num_hidden_layers=1,
        num_attention_heads=2, intermediate_size=2 * hidden_size,
        hidden_dropout_prob=0.0, attention_probs_dropout_prob=0.0,
        max_position_embeddings=32)
    with tf.Graph().as_default(), tf.Session() as session:
      inputs = {name: tf.constant(array)
                for name, array in golden["in"].items()}
      bert_model = modeling.BertModel(
          bert_config, is_training, inputs["input_ids"],
          input_mask=inputs["input_mask"],
          token_type_ids=inputs["segment_ids"],
          randomness=randomness.StepRandomness(1, 0))
      with tf.variable_scope("task_specific/" + task.name):
        built = task.get_prediction_module(bert_model, inputs, is_training, 0.0)
      self.assertEqual(
          {v.op.name: v.shape.as_list() for v in tf.trainable_variables()
           if v.op.name.startswith("task_specific")},
          {name: list(array.shape) for name, array in golden["var"].items()
           if name.startswith("task_specific")})
      for variable in tf.trainable_variables():
        variable.load(golden["var"][variable.op.name], session)
      return session.run(built)

  def assert_golden(self, task, golden):
    losses, outputs = self.run_head(task, golden)
    self.assertAllClose(losses, golden["out"].pop("losses"), rtol=1e-5)
    self.assertEqual(set(outputs), set(golden["out"]))
    for name, value in outputs.items():
      self.assertEqual(value.dtype, golden["out"][name].dtype, name)
      self.assertAllClose(value, golden["out"][name], rtol=1e-5, msg=name)

  def test_classification_agrees_with_the_reference(self):
    task = self.task(Colors)
    task.name, task.label_list = "mnli", ["a", "b", "c"]
    self.assert_golden(task, load("head_classification_predict.npz"))

  def test_regression_agrees_with_the_reference(self):
    task = self.task(Pairs)
    task.name = "sts"
    self.assert_golden(task, load("head_regression_predict.npz"))

  def test_dropout_only_in_training(self):
    golden = load("head_regression_predict.npz")
    task = self.task(Pairs)
    task.name = "sts"
    trained, _ = self.run_head(task, golden, is_training=True)
    self.assertNotAllClose(trained, golden["out"]["losses"])


if __name__ == "__main__":
  tf.test.main()
