"""Tests for qa_tasks.QATask.from_declaration, called by task_builder."""

import gzip
import json
import os
import pickle
import unittest

from finetune import task_builder
from finetune.qa import qa_tasks
import run_finetuning
from tests.finetune import words_task
from util import utils

SQUAD = {"data": [{"paragraphs": [{"context": "a b c", "qas": [
    {"id": "1", "question": "d", "answers": [
        {"text": "b", "answer_start": 2}]}]}]}]}
MRQA = [{"header": {}}, {"context": "a b c", "qas": [
    {"qid": "1", "question": "d", "answers": ["b"], "detected_answers": [
        {"text": "b", "char_spans": [[2, 2]]}]}]}]


class DeclaredQACase(words_task.DeclaredTaskCase):

  def task(self, **declaration):
    self.write("task.json", [json.dumps(dict(declaration, kind="qa"))])
    config = words_task.tiny_config(self.data_dir, task_names=["mine"])
    task, = task_builder.get_tasks(config)
    return task


class DeclaredQATest(DeclaredQACase):

  def test_squad_file_by_its_own_name(self):
    self.write("ours.json", [json.dumps(SQUAD)])
    task = self.task(files={"dev": "ours.json"})
    example, = task.get_examples("dev")
    self.assertEqual((example.task_name, example.answer_text, example.span),
                     ("mine", "b", (1, 1)))
    self.assertEqual(task.featurize(example, False)[0]["mine_start_positions"],
                     4)  # [CLS] d [SEP] a b

  def test_mrqa_file(self):
    self.write("dev.jsonl", map(json.dumps, MRQA))
    example, = self.task(format="mrqa").get_examples("dev")
    self.assertEqual(example.answer_text, "b")

  def test_format_is_inferred_from_the_files(self):
    self.write("train.jsonl", map(json.dumps, MRQA))
    example, = self.task().get_examples("train")
    self.assertEqual(example.answer_text, "b")

  def test_compressed_mrqa_files_are_found(self):
    for split in ("train", "dev"):
      path = os.path.join(self.data_dir, "finetuning_data", "mine",
                          split + ".jsonl.gz")
      os.makedirs(os.path.dirname(path), exist_ok=True)
      with gzip.open(path, "wb") as f:
        f.write("\n".join(map(json.dumps, MRQA)).encode("utf-8"))
    for declaration in ({}, {"format": "mrqa"},
                        {"files": {"dev": "dev.jsonl.gz"}}):
      with self.subTest(declaration=declaration):
        task = self.task(**declaration)
        self.assertEqual(task.get_data_files("dev"), [path])
        self.assertEqual(len(task.get_examples("train")), 1)

  def test_mrqa_test_file_needs_no_answers(self):
    self.write("train.jsonl", map(json.dumps, MRQA))
    self.write("test.jsonl", [json.dumps({"context": "a b c", "qas": [
        {"qid": "x", "question": "d"}]})])
    task = self.task()
    self.assertEqual(task.get_test_splits(), ["test"])
    example, = task.get_examples("test")
    self.assertEqual((example.qas_id, example.gold_answers), ("x", None))

  def test_file_of_the_other_version_of_squad_names_the_key(self):
    self.write("train.json", [json.dumps(SQUAD)])
    path = os.path.join(self.data_dir, "finetuning_data", "mine", "task.json")
    with self.assertRaisesRegex(
        utils.UserError, "as in SQuAD 1.1; set \"has_impossible\": false in " +
        path):
      self.task(has_impossible=True).get_examples("train")
    content = json.dumps(SQUAD).replace('"id"', '"is_impossible": true, "id"')
    self.write("train.json", [content])
    with self.assertRaisesRegex(
        utils.UserError, "where every question has an answer; set "
        "\"has_impossible\": true in " + path):
      self.task().get_examples("train")

  def test_missing_file_names_one_of_another_format(self):
    self.write("train.jsonl", map(json.dumps, MRQA))
    self.write("dev.json", [json.dumps(SQUAD)])
    with self.assertRaisesRegex(
        utils.UserError, "found no such file \\(there is dev.json, but the "
        "files of this task are all \"mrqa\": convert it, or change "
        "\"format\" or \"files\" in .*task.json\\)"):
      self.task().get_data_files("dev")

  def test_features_are_rebuilt_when_has_impossible_changes(self):
    with_impossible = self.task(has_impossible=True)
    without = self.task()
    self.assertTrue(with_impossible.has_impossible)
    self.assertFalse(without.has_impossible)
    self.assertNotEqual(with_impossible.get_features_version(),
                        without.get_features_version())
    self.assertEqual(without.get_features_version(),
                     [qa_tasks.QATask.version, without.declaration])


class TestOutputsTest(DeclaredQACase):
  """Runs that train, evaluate and predict an unlabeled test split."""

  def run_on(self, declaration, extension, labeled, unlabeled, **hparams):
    """Trains and evaluates; returns the answers written for the test split."""
    self.write("task.json", [json.dumps(dict(declaration, kind="qa"))])
    for split, lines in [("train", labeled), ("dev", labeled),
                         ("test", unlabeled)]:
      self.write("%s.%s" % (split, extension), lines)
    config = words_task.tiny_config(
        self.data_dir, task_names=["mine"], num_train_epochs=1,
        max_seq_length=16, write_test_outputs=True, **hparams)
    trial, = run_finetuning.run(config)
    self.assertIn("f1", trial["results"]["mine"])
    path = config.test_predictions("mine", "test", 1)
    with utils.open_file(path, "rb") as f:
      answers = pickle.load(f)
    self.assertEqual(utils.load_json(path.replace(".pkl", ".json")), answers)
    return answers

  def test_answers_of_a_declared_squad_2(self):
    labeled = json.loads(json.dumps(SQUAD))
    labeled["data"][0]["paragraphs"][0]["qas"] = [
        {"id": str(i), "question": "d", "is_impossible": not is_answered,
         "answers": [{"text": "b", "answer_start": 2}] * is_answered}
        for i, is_answered in enumerate([True, False])]
    unlabeled = json.dumps({"data": [{"paragraphs": [{
        "context": "a b c", "qas": [{"id": "x", "question": "d"},
                                    {"id": "y", "question": "e"}]}]}]})
    # Odds above the threshold mean no answer: they never are, or always.
    for threshold, is_answered in [(1e9, True), (-1e9, False)]:
      answers = self.run_on(
          {"has_impossible": True}, "json", [json.dumps(labeled)], [unlabeled],
          qa_na_threshold=threshold, overwrite=True)
      self.assertEqual(set(answers), {"x", "y"})
      for answer in answers.values():
        self.assertEqual(answer != "", is_answered)
        self.assertIn(answer, "a b c")

  def test_answers_of_a_declared_mrqa_task(self):
    unlabeled = [json.dumps({"context": "a b c", "qas": [
        {"qid": "x", "question": "d"}, {"qid": "y", "question": "e"}]})]
    answers = self.run_on({}, "jsonl", list(map(json.dumps, MRQA)), unlabeled)
    self.assertEqual(set(answers), {"x", "y"})
    for answer in answers.values():
      self.assertTrue(answer and answer in "a b c", answer)


if __name__ == "__main__":
  unittest.main()
