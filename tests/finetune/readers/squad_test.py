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


class ReaderTest(unittest.TestCase):

  def setUp(self):
    super().setUp()
    folder = tempfile.TemporaryDirectory()
    self.addCleanup(folder.cleanup)
    self.path = os.path.join(folder.name, "f.json")

  def read(self, content, **kwargs):
    with open(self.path, "w", encoding="utf-8") as f:
      f.write(content if isinstance(content, str) else json.dumps(content))
    return list(squad.read_questions(self.path, **kwargs))

  def assert_error(self, message, content, **kwargs):
    with self.assertRaises(utils.UserError) as raised:
      self.read(content, **kwargs)
    self.assertIn(message, str(raised.exception))
    self.assertIn(self.path, str(raised.exception))


class ReadQuestionsTest(ReaderTest):

  def read_paragraph(self, *questions, **kwargs):
    return self.read({"data": [{"paragraphs": [
        {"context": "في بيروت وعمان", "qas": list(questions)}]}]}, **kwargs)

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


class RowsTest(ReaderTest):

  def row(self, qas_id="q", texts=("بيروت",), starts=(3,), **more):
    return dict({"id": qas_id, "context": "في بيروت", "question": "أين؟",
                 "answers": {"text": list(texts),
                             "answer_start": list(starts)}}, **more)

  def test_rows_are_read_as_lines_list_or_data(self):
    rows = [self.row("a"), self.row(7, ("بيروت", "في بيروت"), (3, 0))]
    wanted = [
        ("في بيروت", squad.Question("a", "أين؟", ("بيروت", 3), ("بيروت",),
                                    False)),
        ("في بيروت", squad.Question("7", "أين؟", ("بيروت", 3),
                                    ("بيروت", "في بيروت"), False))]
    lines = "".join(json.dumps(row) + "\n" for row in rows)
    for content in (lines, rows, {"version": "1", "data": rows}):
      self.assertEqual(self.read(content), wanted)
    self.assertEqual(self.read(json.dumps(rows[0])), wanted[:1])

  def test_answers_may_be_a_list(self):
    row = self.row(answers=[{"text": "بيروت", "answer_start": 3}])
    self.assertEqual(self.read([row]), self.read([self.row()]))

  def test_empty_answers_are_impossible_questions(self):
    rows = [self.row("a"), self.row("b", (), ())]
    pairs = self.read(rows, has_impossible=True)
    self.assertEqual([q.is_impossible for _, q in pairs], [False, True])
    self.assert_error("data[1]: the question is impossible", rows)
    self.assert_error("the task is SQuAD 2.0, but", rows[:1],
                      has_impossible=True)

  def test_unlabeled_rows_need_no_answers(self):
    row = {"id": 1, "context": "x", "question": "?"}
    (_, unlabeled), = self.read([row], is_labeled=False)
    self.assertIsNone(unlabeled.gold_answers)
    self.assert_error('data[0]: expected key "answers"', [row])

  def test_invalid_rows_are_named(self):
    for row, message in [
        (self.row(starts=("3",)), 'answers[0]: expected "answer_start" to be'),
        (self.row(starts=()), 'answers: expected as many numbers in "answer_'),
        (self.row(answers="x"), 'expected "answers" to be an object or')]:
      self.assert_error("data[0]: " + message, [row])

  def test_articles_in_lines_and_lists(self):
    article = {"paragraphs": [{"context": "في بيروت", "qas": [question()]}]}
    for content in ([article], json.dumps(article)):
      self.assertEqual(len(self.read(content)), 1)

  def test_layout_of_mrqa_is_named(self):
    element = {"context": "x", "qas": [{"qid": "1", "question": "?"}]}
    for content in ([element], json.dumps({"header": {}}) + "\n" +
                    json.dumps(element)):
      self.assert_error("has the layout of MRQA", content)

  def test_empty_file(self):
    self.assert_error("expected questions, got an empty file", "\n")


if __name__ == "__main__":
  unittest.main()
