"""Tests for finetune.readers.squad."""

import json
import os
import tempfile
import unittest

from finetune.readers import squad
from util import utils


def question(qas_id="q", answers=(("بيروت", 3),), **more):
  return dict({"id": qas_id, "question": "أين؟", "answers": [
      {"text": answer, "answer_start": start} for answer, start in answers]},
              **more)


class ReadQuestionsTest(unittest.TestCase):

  def setUp(self):
    super().setUp()
    folder = tempfile.TemporaryDirectory()
    self.addCleanup(folder.cleanup)
    self.path = os.path.join(folder.name, "f.json")

  def read(self, content, **kwargs):
    with open(self.path, "w", encoding="utf-8") as f:
      f.write(content if isinstance(content, str) else json.dumps(content))
    return list(squad.read_questions(self.path, **kwargs))

  def read_paragraph(self, *questions, **kwargs):
    return self.read({"data": [{"paragraphs": [
        {"context": "في بيروت وعمان", "qas": list(questions)}]}]}, **kwargs)

  def assert_error(self, message, content, **kwargs):
    with self.assertRaises(utils.UserError) as raised:
      self.read(content, **kwargs)
    self.assertIn(message, str(raised.exception))
    self.assertIn(self.path, str(raised.exception))

  def test_questions_come_with_their_context_and_answers(self):
    self.assertEqual(
        self.read_paragraph(question(
            7, answers=(("بيروت", 3), ("بيروت وعمان", 3)))),
        [("في بيروت وعمان", squad.Question(
            "7", "أين؟", ("بيروت", 3), ("بيروت", "بيروت وعمان"), False))])

  def test_impossible_questions_have_no_gold_answers(self):
    pairs = self.read_paragraph(
        question("q"), question("no", answers=(), is_impossible=True),
        has_impossible=True)
    self.assertEqual([q.is_impossible for _, q in pairs], [False, True])
    self.assertEqual((pairs[1][1].gold_answers, pairs[1][1].answer), ((), None))

  def test_unlabeled_questions_need_no_answers(self):
    (_, unlabeled), = self.read_paragraph(
        {"id": "q", "question": "?"}, is_labeled=False, has_impossible=True)
    self.assertIsNone(unlabeled.gold_answers)

  def test_squad_1_file_for_a_squad_2_task_names_the_task_to_use(self):
    with self.assertRaisesRegex(utils.UserError,
                                r'"task_names": \["squadv1"\]'):
      self.read_paragraph(question(), has_impossible=True)

  def test_squad_2_file_for_a_squad_1_task_names_the_task_to_use(self):
    with self.assertRaisesRegex(utils.UserError, r'"task_names": \["squad"\]'):
      self.read_paragraph(question(answers=(), is_impossible=True))

  def test_errors_name_the_position_in_the_file(self):
    no_answers = {"id": "b", "question": "?"}
    paragraph = {"context": "في بيروت", "qas": [question("a"), no_answers]}
    good = {"context": "في بيروت", "qas": [question("c")]}
    first = {"paragraphs": [good]}
    for content, message in [
        ({"data": [first, {"paragraphs": [good, paragraph]}]},
         'data[1].paragraphs[1].qas[1]: expected key "answers", got an object '
         "with keys id, question"),
        ({"data": [{"paragraphs": [{"qas": []}]}]},
         'data[0].paragraphs[0]: expected key "context"'),
        ({"data": [{"paragraphs": [{"context": "x", "qas": [
            question(answers=(("x", "0"),))]}]}]},
         'data[0].paragraphs[0].qas[0].answers[0]: expected "answer_start" to '
         'be an integer, got "0"'),
        ({"data": [{"paragraphs": [{"context": "x", "qas": [
            question(answers=())]}]}]},
         "data[0].paragraphs[0].qas[0]: expected at least one answer, got []."),
        ({"data": [{"paragraphs": [{"context": "x", "qas": [
            question(is_impossible="no")]}]}]},
         'data[0].paragraphs[0].qas[0]: expected "is_impossible" to be true or '
         'false, got "no"'),
        ({"data": ["x"]},
         'data[0]: expected an object with key "paragraphs", got "x"'),
        ([], 'expected an object with key "data", got []'),
        ('{"data": [', "1:11: expected JSON")]:
      with self.subTest(message=message):
        self.assert_error(message, content)


if __name__ == "__main__":
  unittest.main()
