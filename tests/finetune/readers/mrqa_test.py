"""Tests for finetune.readers.mrqa."""

import gzip
import json
import os
import tempfile
import unittest

from finetune.readers import mrqa
from util import utils


class ReadQuestionsTest(unittest.TestCase):
  HEADER = {"header": {"dataset": "x"}}

  def element(self, **changes):
    answer = {"text": "The Broncos", "char_spans": [[4, 10]]}
    return {"context": "The Broncos won", "qas": [dict({
        "qid": "q", "id": "other", "question": "Who?",
        "answers": ["The Broncos"], "detected_answers": [answer]}, **changes)]}

  def setUp(self):
    super().setUp()
    folder = tempfile.TemporaryDirectory()
    self.addCleanup(folder.cleanup)
    self.folder = folder.name

  def read(self, content, name="f.jsonl", **kwargs):
    """Returns the questions of a file with the given text or bytes."""
    self.path = os.path.join(self.folder, name)
    with open(self.path, "wb") as f:
      f.write(content.encode("utf-8") if isinstance(content, str) else content)
    return [question for _, question in
            mrqa.read_questions(self.path, **kwargs)]

  def assert_error(self, message, *args):
    with self.assertRaises(utils.UserError) as raised:
      self.read(*args)
    self.assertIn(self.path + message, str(raised.exception))

  def test_answer_to_learn_is_the_text_of_the_first_span(self):
    for elements in ([self.HEADER, self.element()], [self.element()]):
      question, = self.read("\n".join(map(json.dumps, elements)))
      self.assertEqual(question.qas_id, "q")
      self.assertEqual(question.answer, ("Broncos", 4))
      self.assertEqual(question.gold_answers, ("The Broncos",))

  def test_undetected_answers_are_none(self):
    question, = self.read(json.dumps(self.element(detected_answers=[])))
    self.assertEqual((question.answer, question.gold_answers),
                     (None, ("The Broncos",)))

  def test_unlabeled_questions_need_no_answers(self):
    element = {"context": "x", "qas": [{"qid": "q", "question": "?"}]}
    question, = self.read(json.dumps(element), is_labeled=False)
    self.assertIsNone(question.gold_answers)

  def test_blank_lines_are_ignored(self):
    lines = ["", json.dumps(self.HEADER), " ", json.dumps(self.element()), "",
             "\t"]
    self.assertEqual(len(self.read("\r\n".join(lines) + "\n\n")), 1)

  def test_gz_files_are_decompressed(self):
    content = gzip.compress(json.dumps(self.element()).encode("utf-8"))
    self.assertEqual(len(self.read(content, "f.jsonl.gz")), 1)

  def test_gz_files_must_be_intact(self):
    packed = gzip.compress(json.dumps(self.element()).encode("utf-8"))
    # Not compressed; truncated; corrupted where the compressed text begins.
    for content in (json.dumps(self.element()), packed[:-9],
                    packed[:10] + b"\xff" * 20 + packed[30:]):
      self.assert_error(": the gzip file is truncated or corrupted", content,
                        "f.jsonl.gz")

  def test_rows_with_one_question_each(self):
    row = {"id": "q", "context": "a b", "question": "?",
           "answers": {"text": ["b"], "answer_start": [2]}}
    question, = self.read(json.dumps(row))
    self.assertEqual((question.qas_id, question.answer), ("q", ("b", 2)))
    self.assert_error(":1: the question is impossible", json.dumps(
        dict(row, answers={"text": [], "answer_start": []})))

  def test_layout_of_squad_is_named(self):
    self.assert_error(": object 1: has the layout of SQuAD", json.dumps(
        {"data": [{"paragraphs": []}]}))

  def test_errors_name_the_line(self):
    for line, message in [
        ("{", ":2:2: expected JSON: "),
        ("[]", ":2: expected a JSON object, got list."),
        ('{"qas": []}', ':2: expected key "context"'),
        (json.dumps(self.element(answers=[])),
         ':2: qas[0]: expected "answers" to be one or more strings, got []'),
        (json.dumps(self.element(detected_answers=[{"char_spans": [4]}])),
         ":2: qas[0].detected_answers[0].char_spans[0]: expected two "
         "integers, [first, last] character, got 4.")]:
      with self.subTest(message=message):
        self.assert_error(message, json.dumps(self.element()) + "\n" + line)


if __name__ == "__main__":
  unittest.main()
