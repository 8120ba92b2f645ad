"""Tests for finetune.classification.multi_label_tasks."""

import argparse
import json
import math
import os
import unittest

import numpy as np

import configure_finetuning
import convert_checkpoint
from finetune import task_builder
from finetune.classification import classification_metrics as metrics
from finetune.classification import classification_tasks
from finetune.classification import multi_label_tasks
from model.huggingface import exporter
import run_finetuning
from tests.finetune import words_task
from util import utils

DECLARATION = {"kind": "classification", "text_a": "text", "label": "labels"}
ROWS = [("good a", ["fine", "short"]), ("bad b", ["short"]), ("c d e", [])]


class MultiLabelTestCase(words_task.DeclaredTaskCase):

  def write_objects(self, name, rows):
    return self.write(name, [json.dumps({"text": text, "labels": labels})
                             for text, labels in rows])

  def config(self, **hparams):
    return words_task.tiny_config(self.data_dir, task_names=["mine"], **hparams)

  def task(self, **changes):
    self.write("task.json", [json.dumps(dict(DECLARATION, **changes))])
    task, = task_builder.get_tasks(self.config())
    return task


class FilesTest(MultiLabelTestCase):

  def test_lists_of_labels_are_learned_and_featurized(self):
    self.write_objects("train.jsonl", ROWS)
    task = self.task()
    self.assertIsInstance(task, multi_label_tasks.MultiLabelTask)
    self.assertEqual(task.label_list, ["fine", "short"])
    examples = task.get_examples("train")
    self.assertEqual([e.label for e in examples], [row[1] for row in ROWS])
    self.assertEqual([task.featurize(e, True)["mine_label_ids"]
                      for e in examples], [[1, 1], [0, 1], [0, 0]])
    self.assertEqual(task.learned_from_data(), {
        "labels": ["fine", "short"], "multi_label": True})

  def test_numbers_are_labels_and_the_order_may_be_declared(self):
    self.write_objects("train.jsonl", [("a", [3, 1]), ("b", [2])])
    task = self.task(labels=[3, 2, 1])
    self.assertEqual([task.featurize(e, True)["mine_label_ids"] for e in
                      task.get_examples("train")], [[1, 0, 1], [0, 1, 0]])

  def test_texts_in_columns_have_labels_between_separators(self):
    for name, separator, rows in [
        ("train.csv", ";", ["good a,fine; short", "bad b,short", "c d e,"]),
        ("train.tsv", "|", ["good a\tfine|short", "bad b\tshort", "c d e\t"])]:
      path = self.write(name, ["text,labels".replace(
          ",", "\t" if "tsv" in name else ",")] + rows)
      task = self.task(label_separator=separator)
      self.assertEqual([e.label for e in task.get_examples("train")],
                       [row[1] for row in ROWS])
      utils.remove(path)

  def test_one_label_per_text_is_an_ordinary_classification(self):
    self.write_objects("train.jsonl", [("a", "x"), ("b", "y")])
    task = self.task()
    self.assertIs(type(task), classification_tasks.ClassificationTask)

  def test_invalid_labels_name_the_line(self):
    for labels, message in [
        ("fine", "2: expected a list of labels, got \"fine\""),
        (None, "2: expected a list of labels, got null"),
        (["fine", [1]], "2: expected a list of labels"),
        ([" "], "2: expected a list of labels"),
        (["fine "], "expected the label 'fine'.*differs only in white")]:
      with self.subTest(labels=labels):
        self.write_objects("train.jsonl", [ROWS[0], ("a", labels)])
        with self.assertRaisesRegex(utils.UserError, message):
          self.task()
    self.write_objects("train.jsonl", ROWS)
    path = self.write_objects("dev.jsonl", [("a", ["fine"]), ("b", ["none"])])
    with self.assertRaisesRegex(
        utils.UserError, "%s:2: expected one of the labels fine, short, got "
        "'none'" % path):
      self.task().get_examples("dev")

  def test_metrics_are_those_of_label_sets(self):
    self.write_objects("train.jsonl", ROWS)
    self.assertEqual(self.task(metric="subset_accuracy").metrics,
                     ["subset_accuracy"])
    with self.assertRaisesRegex(
        utils.UserError, "\"metric\": unknown 'accuracy'.*Known are: macro_f1, "
        "micro_f1, subset_accuracy"):
      self.task(metric="accuracy")

  def test_test_set_with_labels_is_scored(self):
    self.write_objects("train.jsonl", ROWS)
    self.write("test.jsonl", ['{"text": "a"}'])
    self.assertEqual(self.task().get_more_dev_splits(), [])
    self.write_objects("test.jsonl", ROWS[:1])
    task = self.task()
    self.assertEqual(task.get_more_dev_splits(), ["test"])
    self.assertEqual(task.get_examples("test")[0].label, ["fine", "short"])


class ScorerTest(MultiLabelTestCase):
  GOLD = np.array([[1, 1, 0], [0, 1, 0], [0, 0, 0], [1, 0, 0]])
  PREDICTED = np.array([[1, 0, 0], [0, 1, 0], [0, 0, 0], [1, 1, 0]])

  def test_scores(self):
    # 3 of 4 predicted pairs are right, of 4 gold ones
    self.assertAlmostEqual(metrics.micro_f1(
        self.GOLD, self.PREDICTED)["micro_f1"], 75.0)
    # label 0: 2 of 2; label 1: 1 right of 2 and 2; label 2 does not occur
    self.assertAlmostEqual(metrics.macro_f1_of_label_sets(
        self.GOLD, self.PREDICTED)["macro_f1"], 75.0)
    # the second and third text
    self.assertAlmostEqual(metrics.subset_accuracy(
        self.GOLD, self.PREDICTED)["subset_accuracy"], 50.0)
    zeros = np.zeros([2, 2], int)
    self.assertEqual(metrics.micro_f1(zeros, zeros), {"micro_f1": 0.0})
    self.assertEqual(metrics.macro_f1_of_label_sets(zeros, zeros),
                     {"macro_f1": 0.0})

  def test_predictions_have_a_probability_per_label(self):
    self.write_objects("train.jsonl", ROWS)
    self.write_objects("dev.jsonl", ROWS[:2])
    task = self.task()
    scorer = task.get_scorer()
    for eid, logits in enumerate([[2.0, -1.0], [-0.5, -3.0]]):
      scorer.update({"loss": 1.0, "eid": eid, "label_ids": [1, 1 - eid],
                     "logits": np.array(logits),
                     "predictions": [int(logit >= 0) for logit in logits]})
    self.assertEqual(scorer.score_names(),
                     [name for name, _ in scorer.get_results()])
    self.assertEqual(scorer.score_names()[0], "micro_f1")
    first, second = scorer.get_predictions()
    self.assertEqual(list(first), ["id", "text", "labels", "probabilities"])
    self.assertEqual((first["labels"], second["labels"]), (["fine"], []))
    self.assertAlmostEqual(first["probabilities"]["short"],
                           1 / (1 + math.exp(1.0)))
    self.assertEqual(scorer.get_predictions_as_text()[1],
                     "id\ttext\tlabels\n0\tgood a\tfine\n1\tbad b\t\n")


class RunTest(MultiLabelTestCase):

  def test_learns_predicts_elsewhere_and_converts(self):
    self.write("task.json", [json.dumps(DECLARATION)])
    rows = [("good good", ["fine"]), ("a a", ["alpha"]),
            ("good a", ["alpha", "fine"]), ("c c", [])]
    for split in ("train", "dev"):
      self.write_objects(split + ".jsonl", rows * 8)
    new = self.write("new.txt", ["good a", "c c", "good good"])
    config = self.config(num_train_epochs=25, predict_file=new)
    trial, = run_finetuning.run(config)
    self.assertEqual(list(trial["results"]["mine"]), [
        "micro_f1", "macro_f1", "subset_accuracy", "loss"])
    self.assertEqual(trial["results"]["mine"]["subset_accuracy"], 100.0)

    folder = config.trial_model_dir(1)
    elsewhere = configure_finetuning.FinetuningConfig(
        "other", os.path.join(self.data_dir, "elsewhere"), do_train=False,
        do_eval=False, init_checkpoint=folder, predict_file=new)
    run_finetuning.run(elsewhere)
    predictions = [json.loads(line) for line in words_task.read_lines(
        elsewhere.predict_output_file)]
    self.assertEqual([p["labels"] for p in predictions],
                     [["alpha", "fine"], [], ["fine"]])

    args = argparse.Namespace(checkpoint=folder, part="task:mine",
                              labels_file=None)
    self.assertIs(convert_checkpoint.read_metadata(args, "multi_label"), True)
    hf_folder = os.path.join(self.data_dir, "hf")
    exporter.to_hf(folder, hf_folder, "task:mine", num_attention_heads=2,
                   task_kind="classification",
                   labels=convert_checkpoint.read_labels(args),
                   is_multi_label=True)
    hf_config = utils.load_json(os.path.join(hf_folder, "config.json"))
    self.assertEqual(hf_config["problem_type"], "multi_label_classification")
    self.assertEqual(hf_config["id2label"], {"0": "alpha", "1": "fine"})


if __name__ == "__main__":
  from util import estimators
  estimators.setup_tensorflow()
  unittest.main()
