"""Tests for finetune.qa.declared_tasks, by way of task_builder."""

import json
import os
import tempfile
import unittest

from finetune import task_builder
from tests.finetune import words_task

SQUAD = {"data": [{"paragraphs": [{"context": "a b c", "qas": [
    {"id": "1", "question": "d", "answers": [
        {"text": "b", "answer_start": 2}]}]}]}]}
MRQA = [{"header": {}}, {"context": "a b c", "qas": [
    {"qid": "1", "question": "d", "answers": ["b"], "detected_answers": [
        {"text": "b", "char_spans": [[2, 2]]}]}]}]


class DeclaredQATest(unittest.TestCase):

  def setUp(self):
    folder = tempfile.TemporaryDirectory()
    self.addCleanup(folder.cleanup)
    self.data_dir = folder.name
    words_task.write_data(self.data_dir)

  def write(self, name, lines):
    words_task.write_lines(os.path.join(
        self.data_dir, "finetuning_data", "mine", name), lines)

  def task(self, **declaration):
    self.write("task.json", [json.dumps(dict(declaration, kind="qa"))])
    config = words_task.tiny_config(self.data_dir, task_names=["mine"])
    task, = task_builder.get_tasks(config)
    return task

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

  def test_impossible_questions_make_features_anew(self):
    with_impossible = self.task(has_impossible=True)
    without = self.task()
    self.assertTrue(with_impossible.has_impossible)
    self.assertFalse(without.has_impossible)
    self.assertNotEqual(with_impossible.version, without.version)


if __name__ == "__main__":
  unittest.main()
