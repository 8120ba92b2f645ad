"""Tests for finetune.tagging.tagging_tasks, including a tiny run."""

import os
import shutil
import unittest

import numpy as np
import pytest
import tensorflow.compat.v1 as tf

from finetune.readers import conll
from finetune.tagging import tagging_tasks
from model import modeling
from model import randomness
import run_finetuning
from tests.finetune.tagging import conlleval
from tests.finetune.tagging import tiny_tags
from util import utils

DATA = os.environ.get("ELECTRA_DATA")


class FilesTest(tiny_tags.TaggingTestCase):

  def examples(self, task, split):
    return self.quietly(task.get_examples, split)

  def assert_error(self, task, split, pattern):
    with self.assertRaisesRegex(utils.UserError, pattern):
      self.examples(task, split)

  def test_all_tasks_are_known(self):
    for name, task_class in [("chunk", tagging_tasks.Chunking),
                             ("ner", tagging_tasks.NER),
                             ("pos", tagging_tasks.POS)]:
      task = self.task(name)
      self.assertIs(type(task), task_class)
      self.assertEqual(task.name, name)

  def test_spans_are_learned_as_bioes_in_sorted_order(self):
    self.write("ner/train.txt", tiny_tags.TRAIN)
    task = self.task("ner")
    self.assertEqual(self.quietly(lambda: task.label_list), [
        "B-X", "B-Y", "E-X", "E-Y", "I-X", "I-Y", "O", "S-X", "S-Y"])
    first, second, _ = self.examples(task, "train")
    self.assertEqual(first.words, ["good", "bad", "a"])
    self.assertEqual(first.tags, ["B-X", "I-X", "O"])
    self.assertEqual(first.label_ids, [0, 2, 6])
    self.assertEqual((second.eid, second.label_ids), (1, [8, 6]))
    self.assertIn("learned 9 labels from ", self.printed.getvalue())
    self.assertIn("for X (1), Y (1)\n", self.printed.getvalue())

  def test_tags_of_words_are_learned_as_they_are(self):
    self.write("pos/train.txt", "a NN\nb B-X\n\nc NN\nd -LRB-\n")
    task = self.task("pos")
    self.assertEqual([e.label_ids for e in self.examples(task, "train")],
                     [[2, 1], [2, 0]])
    self.assertEqual(task.label_list, ["-LRB-", "B-X", "NN"])

  def test_labels_are_learned_from_the_training_data_alone(self):
    self.write("ner/train.txt", tiny_tags.TRAIN)
    path = self.write("ner/dev.txt", "a O\n\nb B-X\nc I-Z\n")
    self.assert_error(self.task("ner"), "dev",
                      path + ":4: expected a tag that .*train.txt, got 'I-Z'")
    self.write("pos/train.txt", "a X\n")
    path = self.write("pos/dev.txt", "a X\na Y\n")
    self.assert_error(self.task("pos"), "dev", path + ":2: .* got 'Y'")

  def test_all_labels_of_a_known_type_are_known(self):
    self.write("ner/train.txt", "a B-X\nb I-X\n")
    self.write("ner/dev.txt", "a S-X\n\na I-X\n")
    task = self.task("ner")
    self.assertEqual([e.label_ids for e in self.examples(task, "dev")],
                     [[4], [4]])

  def test_typing_errors_among_tags_are_named_with_their_lines(self):
    path = self.write("ner/train.txt", "a B-X\nb IX\n\nc o\nd .O\nd b-x\n")
    self.assert_error(
        self.task("ner"), "train", "got 'IX' \\(%s:2\\), 'o' \\(%s:4\\), "
        "'.O' \\(%s:5\\), 'b-x' \\(%s:6\\). Correct" % ((path,) * 4))
    self.write("ner/train.txt", "a B-X\n" + "b o\n" * 7)
    self.assert_error(self.task("ner"), "train", "and 2 more. Correct")

  def test_tags_may_be_types_alone(self):
    self.write("ner/train.txt", "a X\nb X\nc O\n")
    task = self.task("ner")
    example, = self.examples(task, "train")
    self.assertEqual([task.label_list[i] for i in example.label_ids],
                     ["B-X", "E-X", "O"])

  def test_missing_dev_data_come_with_advice(self):
    for name, advice in [("chunk", "CoNLL-2000 has no dev set: copy its test"),
                         ("ner", "Copy a file with tags there")]:
      self.write(name + "/train.txt", tiny_tags.TRAIN)
      with self.assertRaisesRegex(
          utils.UserError, "'%s': expected its dev data in .*dev.txt.*, found "
          "no such file. %s" % (name, advice)):
        self.task(name).get_data_files("dev")

  def test_stored_dev_features_depend_on_the_training_data(self):
    train = self.write("ner/train.txt", tiny_tags.TRAIN)
    dev = self.write("ner/dev.txt", tiny_tags.DEV)
    self.assertEqual(self.task("ner").get_data_files("dev"), [dev, train])
    self.assertEqual(self.task("ner").get_data_files("train"), [train])

  def test_anercorps_files_may_keep_their_names(self):
    task = self.task("ner")
    train = self.write("ner/ANERCorp_CamelLab_train.txt", tiny_tags.TRAIN)
    dev = self.write("ner/ANERCorp_CamelLab_test.txt", tiny_tags.DEV)
    self.assertEqual(task.get_data_files("dev"), [dev, train])
    dev = self.write("ner/dev.txt", tiny_tags.DEV)
    self.assertEqual(task.get_data_files("dev"), [dev, train])

  def test_columns_of_all_files_must_be_as_many(self):
    self.write("ner/train.txt", "a X B-X\n")
    path = self.write("ner/dev.txt", "a B-X\n")
    self.assert_error(self.task("ner"), "dev",
                      path + ": expected 3 columns, as in .*, got 2")

  def test_training_data_need_tags(self):
    path = self.write("ner/train.txt", "\na\nb\n")
    self.assert_error(self.task("ner"), "train",
                      path + ":2: expected at least two columns")

  def test_test_data_with_tags_are_scored_and_others_predicted(self):
    self.write("ner/train.txt", tiny_tags.TRAIN)
    task = self.task("ner")
    self.assertEqual((task.get_more_dev_splits(), task.get_test_splits()),
                     ([], []))
    self.write("ner/test.txt", tiny_tags.DEV)
    self.assertEqual((task.get_more_dev_splits(), task.get_test_splits()),
                     (["test"], []))
    self.write("ner/test.txt", "a\n")
    task = self.task("ner")
    self.assertEqual((task.get_more_dev_splits(), task.get_test_splits()),
                     ([], ["test"]))
    example, = self.examples(task, "test")
    self.assertIsNone(example.label_ids)

  def test_test_data_without_the_last_column_are_unlabeled(self):
    self.write("ner/train.txt", "a N B-X\nb N O\n")
    path = self.write("ner/test.txt", "a N\nb N\n")
    task = self.task("ner")
    self.assertEqual(self.quietly(task.get_test_splits), ["test"])
    self.assertEqual(self.quietly(task.get_more_dev_splits), [])
    self.assertEqual(self.printed.getvalue().count(
        "Task ner: %s is unlabeled (2 columns; 3 with the tag): it will be "
        "predicted, not scored\n" % path), 1)
    self.assertIsNone(self.examples(task, "test")[0].label_ids)

  def test_test_data_with_other_columns_name_the_line(self):
    self.write("ner/train.txt", "a N B-X\nb N O\n")
    path = self.write("ner/test.txt", "\na N N B-X\n")
    with self.assertRaisesRegex(
        utils.UserError, path + ":2: expected one word per line, in 1, 2 or 3 "
        "columns .* got 4: 'a N N B-X'"):
      self.task("ner").get_test_splits()

  def test_debug_limits_the_number_of_sentences(self):
    self.write("ner/train.txt", "a O\n\n" * 300 + "a B-X\n")
    task = self.task("ner", debug=True)
    self.assertEqual(len(self.examples(task, "train")),
                     tagging_tasks.DEBUG_SENTENCES)
    self.assertIn("S-X", task.label_list)  # learned from all of them

  def test_number_of_truncated_words_is_logged_once(self):
    self.write("ner/train.txt", tiny_tags.TRAIN)
    self.write("ner/dev.txt", "a O\n" * 8 + "\n" + "a O\n" * 6 + "\n")
    task = self.task("ner", max_seq_length=8)  # 6 words fit
    for _ in range(2):
      for example in self.examples(task, "dev"):
        self.quietly(task.featurize, example, False)
    self.assertEqual(self.printed.getvalue().count(
        "Task ner: dev sentence 0 is longer than max_seq_length (8 tokens) and "
        "read in 2 windows, like all longer ones\n"), 1)
    for example in self.examples(task, "train"):
      self.quietly(task.featurize, example, True)
    self.assertNotIn("train sentences", self.printed.getvalue())
    self.write("ner/train.txt", "a B-X\n" * 8 + "\n" + "a O\n" * 6 + "\n")
    task = self.task("ner", max_seq_length=8)
    for _ in range(2):
      for example in self.examples(task, "train"):
        self.quietly(task.featurize, example, True)
    self.assertEqual(self.printed.getvalue().count(
        "Task ner: 2 of 14 words, in 1 of 2 train sentences, are beyond "
        "max_seq_length (8 tokens): they are not trained on. Increase "), 1)


class FeaturesTest(tiny_tags.TaggingTestCase):

  def featurize(self, text, index=0, log=False, split="dev", **hparams):
    self.write("ner/train.txt", tiny_tags.TRAIN)
    self.write("ner/%s.txt" % split, text)
    task = self.task("ner", **hparams)
    example = self.quietly(task.get_examples, split)[index]
    features = self.quietly(task.featurize, example, False, log)
    for one_input in features if isinstance(features, list) else [features]:
      for spec in task.get_feature_specs():
        self.assertEqual(list(np.shape(one_input[spec.name])), spec.shape)
        spec.to_proto(one_input[spec.name])
    return features

  def test_features_of_a_sentence(self):
    # ids: [CLS] 2, [SEP] 3, good 5, a 7, c 9; labels of the training data: see
    # FilesTest, S-X is 7
    self.assertEqual(self.featurize("c O\n\ngood B-X\na O\n", index=1), {
        "input_ids": [2, 5, 7, 3, 0, 0, 0, 0],
        "input_mask": [1, 1, 1, 1, 0, 0, 0, 0],
        "segment_ids": [1, 1, 1, 1, 0, 0, 0, 0],
        "ner_eid": 1,
        "ner_labels": [7, 6, 0, 0, 0, 0, 0, 0],
        "ner_labels_mask": [1, 1, 0, 0, 0, 0, 0, 0],
        "ner_labeled_positions": [1, 2, 0, 0, 0, 0, 0, 0]})

  def test_windows_have_every_label_once(self):
    # 6 words fit; the next window begins with half of them
    first, second = self.featurize("a O\nb B-X\n" * 4)
    self.assertEqual(first["input_ids"], [2, 7, 8, 7, 8, 7, 8, 3])
    self.assertEqual(second["input_ids"], [2, 8, 7, 8, 7, 8, 3, 0])
    self.assertEqual((first["ner_eid"], second["ner_eid"]), (0, 0))
    # the overlap is words 3 to 5; the second window begins with word 5
    self.assertEqual(sum(first["ner_labels_mask"]), 5)
    self.assertEqual(first["ner_labels"][:6], [6, 7, 6, 7, 6, 0])
    self.assertEqual(sum(second["ner_labels_mask"]), 3)
    self.assertEqual(second["ner_labels"][:4], [7, 6, 7, 0])
    self.assertEqual(second["ner_labeled_positions"][:3], [3, 4, 5])

  def test_truncated_training_words_have_no_label(self):
    for num_words in (7, 500):
      features = self.featurize("a B-X\n" * num_words, split="train")
      self.assertEqual(features["input_ids"], [2] + [7] * 6 + [3])
      self.assertEqual(sum(features["ner_labels_mask"]), 6)

  def test_features_can_be_logged(self):
    self.featurize("good B-X\na O\n", log=True)
    self.assertIn("Sentence 0: [CLS] good a [SEP]", self.printed.getvalue())
    self.assertIn("labels: 1:good/S-X 2:a/O\n", self.printed.getvalue())


class HeadTest(tiny_tags.TaggingTestCase):

  def build(self, is_training=False):
    self.write("pos/train.txt", "a X\nb Y\nc Z\n")
    task = self.task("pos")
    config = modeling.BertConfig(
        vocab_size=13, hidden_size=8, num_hidden_layers=1,
        num_attention_heads=2, intermediate_size=16,
        hidden_dropout_prob=0.0, attention_probs_dropout_prob=0.0)
    input_ids = tf.constant([[2, 7, 8, 9, 3], [2, 7, 3, 0, 0], [2, 3, 0, 0, 0]])
    features = {
        "pos_eid": tf.constant([4, 5, 6]),
        "pos_labels": tf.constant([[2, 0, 0], [1, 0, 0], [0, 0, 0]]),
        "pos_labels_mask": tf.constant(
            [[1.0, 1.0, 0.0], [1.0, 0.0, 0.0], [0.0, 0.0, 0.0]]),
        "pos_labeled_positions": tf.constant(
            [[1, 3, 0], [1, 0, 0], [0, 0, 0]])}
    model = modeling.BertModel(
        config, is_training, input_ids, randomness=randomness.StepRandomness(
            0, tf.train.get_or_create_global_step()))
    with tf.variable_scope("task_specific/pos"):
      losses, outputs = self.quietly(
          task.get_prediction_module, model, features, is_training,
          tf.constant(0.0))
    return model.get_sequence_output(), losses, outputs

  def test_losses_and_predictions_by_numpy(self):
    with tf.Graph().as_default(), tf.Session() as session:
      tf.set_random_seed(0)
      sequence, losses, outputs = self.build()
      session.run(tf.global_variables_initializer())
      kernel, bias = tf.global_variables("task_specific/pos")
      self.assertEqual(kernel.name, "task_specific/pos/dense/kernel:0")
      bias.load([0.1, 0.2, 0.3], session)
      sequence, losses, outputs, kernel = session.run(
          [sequence, losses, outputs, kernel])
    logits = sequence.dot(kernel) + [0.1, 0.2, 0.3]  # [B, L, 3]
    log_probs = logits - np.log(np.exp(logits).sum(-1, keepdims=True))
    # words at 1 and 3, labels 2 and 0; at 1, label 1; none: 0, not NaN
    expected = [-(log_probs[0, 1, 2] + log_probs[0, 3, 0]) / 2,
                -log_probs[1, 1, 1], 0.0]
    np.testing.assert_allclose(losses, expected, rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(outputs["loss"], losses)
    np.testing.assert_allclose(
        outputs["logits"][0, 1], logits[0, 3], rtol=1e-5, atol=1e-6)
    self.assertEqual(list(outputs["predictions"][0, :2]),
                     list(logits[0, [1, 3]].argmax(-1)))
    self.assertEqual(list(outputs["eid"]), [4, 5, 6])

  def test_dropout_only_in_training(self):
    for is_training in (False, True):
      with tf.Graph().as_default() as graph, tf.Session() as session:
        _, losses, _ = self.build(is_training)
        step = tf.train.get_global_step()
        session.run(tf.global_variables_initializer())
        first = session.run(losses)
        np.testing.assert_array_equal(session.run(losses), first)
        with graph.as_default():
          step.load(1, session)
        is_same = np.array_equal(session.run(losses), first)
        self.assertEqual(is_same, not is_training)


class EndToEndTest(tiny_tags.TaggingTestCase):

  @pytest.mark.slow
  def test_tasks_train_together_tag_and_write(self):
    for name in ("ner", "chunk"):
      self.write(name + "/train.txt", tiny_tags.TRAIN * 8)
      self.write(name + "/dev.txt", tiny_tags.TRAIN * 3)  # batches of 8 and 1
    self.write("pos/train.txt", "a X\nb Y\n\n" * 24)
    self.write("pos/dev.txt", "a X\nb Y\n")
    self.write("ner/test.txt", tiny_tags.TRAIN)
    self.write("chunk/test.txt", "good\na\n\nb")
    config = self.config("ner", "pos", num_train_epochs=10)
    trial, = self.quietly(run_finetuning.run, config)
    # The words determine their tags, so that a tiny model learns them.
    self.assertEqual(trial["results"]["ner"]["f1"], 100.0)
    self.assertEqual(trial["results"]["ner"]["test_f1"], 100.0)
    self.assertEqual(trial["results"]["pos"]["accuracy"], 100.0)
    with utils.open_file(config.tagging_preds_file("ner", "dev")) as f:
      self.assertEqual(f.read(), (
          "good B-X B-X\nbad I-X I-X\na O O\n\nb B-Y B-Y\nc O O\n\n"
          "d O O\n\n" * 3))
    self.assertTrue(utils.exists(config.tagging_preds_file("ner", "test")))

    config = self.config("chunk", write_test_outputs=True, n_writes_test=1)
    self.quietly(run_finetuning.run, config)
    path = os.path.join(config.submission_dir(1), "chunk_test.txt")
    content = conll.read_conll(path)
    self.assertEqual([s.words for s in content.sentences],
                     [["good", "a"], ["b"]])

  @unittest.skipUnless(DATA, "ELECTRA_DATA is not set")
  @pytest.mark.slow
  def test_debug_run_on_conll_2000(self):
    folder = os.path.join(self.data_dir, "finetuning_data", "chunk")
    os.makedirs(folder)
    for source, target in [("train.txt", "train.txt"), ("test.txt", "dev.txt")]:
      shutil.copy(os.path.join(DATA, "conll2000", source),
                  os.path.join(folder, target))
    shutil.copy(os.path.join(DATA, "vocab", "bert-base-uncased-vocab.txt"),
                os.path.join(self.data_dir, "vocab.txt"))
    config = self.config("chunk", debug=True, do_lower_case=True,
                         max_seq_length=64, model_hparam_overrides={
                             "num_hidden_layers": 1})
    trial, = self.quietly(run_finetuning.run, config)
    # Gold and predicted tags as written, scored again.
    with utils.open_file(config.tagging_preds_file("chunk", "dev")) as f:
      sentences = [[line.split(" ") for line in sentence.split("\n")]
                   for sentence in f.read().strip().split("\n\n")]
    self.assertEqual(len(sentences), tagging_tasks.DEBUG_SENTENCES)
    _, _, f1 = conlleval.scores(*(
        [[row[column] for row in rows] for rows in sentences]
        for column in (1, 2)))
    self.assertAlmostEqual(trial["results"]["chunk"]["f1"], f1)


if __name__ == "__main__":
  unittest.main()
