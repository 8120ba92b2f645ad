"""Tests for finetune.qa.leakage, also through the tasks that use it.

The tests on real data sets need ELECTRA_DATA, a folder with arcd/.
"""

import contextlib
import io
import json
import os
import shutil
import tempfile
import unittest

from finetune import task_builder
from finetune.qa import leakage
from tests.finetune.qa import golden_qa
from util import utils

DATA = os.environ.get("ELECTRA_DATA")


class FindTest(unittest.TestCase):

  def test_questions_on_a_shared_context_leak(self):
    leaks = leakage.find(
        [("x", "a"), ("x", "b"), ("y", "a"), ("z", "c")],
        [("x", "a"), ("z", "a"), ("w", "c")])
    self.assertEqual(leaks.questions, {0, 1, 3})
    self.assertEqual((leaks.num_same, leaks.num_contexts,
                      leaks.num_all_contexts), (1, 2, 3))

  def test_punctuation_white_space_case_and_diacritics_do_not_hide_one(self):
    leaks = leakage.find([("ولد مُحَمَّد (في  Mecca).", "مَن؟")],
                         [("ولد محمد ( في mecca ) .", "من ؟")])
    self.assertEqual((leaks.questions, leaks.num_same), ({0}, 1))

  def test_nothing_leaks_from_other_contexts(self):
    for scored in ([], [("y", "a")]):
      leaks = leakage.find([("x", "a")], scored)
      self.assertEqual((leaks.questions, leaks.num_same), (set(), 0))


class TaskTest(unittest.TestCase):

  def setUp(self):
    super().setUp()
    folder = tempfile.TemporaryDirectory()
    self.addCleanup(folder.cleanup)
    self.data_dir = folder.name
    shutil.copy(os.path.join(golden_qa.GOLDEN, "qa_vocab.txt"),
                os.path.join(self.data_dir, "vocab.txt"))

  def path(self, name):
    return os.path.join(self.data_dir, "finetuning_data", *name.split("/"))

  def write(self, name, *questions):
    """Writes (id, context, question), answered by the context's first word."""
    utils.write_json({"data": [{"paragraphs": [{
        "context": context, "qas": [{"id": qas_id, "question": question,
                                     "answers": [{"text": context.split()[0],
                                                  "answer_start": 0}]}]}
        for qas_id, context, question in questions]}]}, self.path(name))

  def task(self, name="arcd", **hparams):
    return task_builder.get_tasks(
        golden_qa.config(self.data_dir, name, **hparams))[0]

  def read(self, task, split="train"):
    """Returns (ids, what was printed)."""
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
      examples = task.get_examples(split)
    return [example.qas_id for example in examples], printed.getvalue()

  def write_leaking(self, name="arcd"):
    self.write(name + "/train.json", ("arabic-1", "بيروت لبنان", "أين؟"),
               ("arabic-2", "بيروت لبنان", "ما؟"),
               ("arabic-3", "عمان الأردن", "أين؟"))
    self.write(name + "/dev.json", ("arabic-4", "بيروت، لبنان", "أين؟"))

  def test_leaks_are_counted_and_logged(self):
    self.write_leaking()
    ids, printed = self.read(self.task())
    self.assertEqual(ids, ["arabic-1", "arabic-2", "arabic-3"])
    self.assertIn(
        "Warning: task 'arcd': 2 of 3 training questions share a context with "
        "%s (1 of 2 contexts), 1 of them are the same question; they inflate "
        "its scores; to remove them set \"drop_leaked_questions\": true" %
        self.path("arcd/dev.json"), printed)

  def test_leaks_are_removed_if_requested(self):
    for name in ("arcd", "tydiqa", "mine"):
      self.write_leaking(name)
      if name == "mine":
        utils.write_json({"kind": "qa"}, self.path("mine/task.json"))
      ids, printed = self.read(self.task(name, drop_leaked_questions=True))
      self.assertEqual(ids, ["arabic-3"])
      self.assertIn("they are removed from training", printed)

  def test_leaks_are_found_in_cleaned_contexts(self):
    self.write_leaking()
    ids, printed = self.read(self.task(
        drop_leaked_questions=True, arabert_preprocessing="araelectra-base"))
    self.assertEqual(ids, ["arabic-3"])

  def test_leaks_of_the_test_set_count(self):
    self.write_leaking()
    self.write("arcd/test.json", ("t", "عمان الأردن", "ما؟"))
    _, printed = self.read(self.task())
    self.assertIn("3 of 3 training questions share a context with %s or %s (2 "
                  "of 2 contexts), 1 of them are" % (
                      self.path("arcd/dev.json"), self.path("arcd/test.json")),
                  printed)

  def test_leaks_between_the_tasks_of_a_mix_count(self):
    # A model of two tasks may see one's test set in the other's training set.
    self.write("squadv1/train.json", ("1", "بيروت لبنان", "أين؟"))
    self.write("squadv1/dev.json", ("2", "دمشق سوريا", "أين؟"))
    self.write("tydiqa/train.json", ("arabic-1", "عمان الأردن", "أين؟"),
               ("arabic-2", "دمشق سوريا", "ما؟"))
    self.write("tydiqa/dev.json", ("arabic-3", "بيروت لبنان", "ما؟"),
               ("english-1", "عمان الأردن", "أين؟"))  # not of the task
    mix = dict(task_names=["squadv1", "cola", "tydiqa"])
    config = golden_qa.config(self.data_dir, "squadv1", **mix)
    squad, _, tydiqa = task_builder.get_tasks(config)
    files = [self.path("squadv1/dev.json"), self.path("tydiqa/dev.json")]
    for task, count in ((squad, "1 of 1"), (tydiqa, "1 of 2")):
      self.assertIn(
          "task '%s': %s training questions share a context with %s or %s (" % (
              task.name, count, files[0], files[1]), self.read(task)[1])
    config = golden_qa.config(
        self.data_dir, "squadv1", drop_leaked_questions=True, **mix)
    tydiqa = task_builder.get_tasks(config)[2]
    self.assertEqual(self.read(tydiqa)[0], ["arabic-1"])
    self.assertEqual(tydiqa.get_data_files("train"),
                     [self.path("tydiqa/train.json")] + files)

  def test_nothing_is_logged_without_leaks_or_scored_files(self):
    self.write("arcd/train.json", ("1", "بيروت لبنان", "أين؟"))
    self.assertNotIn("Warning", self.read(self.task())[1])
    self.write("arcd/dev.json", ("1", "عمان الأردن", "أين؟"))
    self.assertNotIn("Warning", self.read(self.task())[1])

  def test_no_remaining_question_is_an_error(self):
    self.write("arcd/train.json", ("1", "بيروت لبنان", "أين؟"))
    self.write("arcd/dev.json", ("2", "بيروت لبنان", "ما؟"))
    with self.assertRaisesRegex(
        utils.UserError, "drop_leaked_questions removes all 1 training"):
      self.read(self.task(drop_leaked_questions=True))

  def test_training_features_depend_on_the_scored_files(self):
    # so cached features are rebuilt when those change
    self.write_leaking()
    train, dev = self.path("arcd/train.json"), self.path("arcd/dev.json")
    self.assertEqual(self.task().get_data_files("train"), [train])
    task = self.task(drop_leaked_questions=True)
    self.assertEqual(task.get_data_files("train"), [train, dev])
    self.assertEqual(task.get_data_files("dev"), [dev])
    self.assertIn("drop_leaked_questions", task.feature_hparams)

  def test_mrqa_files_are_compared(self):
    for split, qas_id in (("train", "1"), ("dev", "2")):
      with utils.write_atomically(self.path("newsqa/%s.jsonl" % split)) as f:
        f.write(json.dumps({"context": "in Beirut", "qas": [{
            "qid": qas_id, "question": "Where?", "answers": ["Beirut"],
            "detected_answers": [{"char_spans": [[3, 8]]}]}]}))
    self.assertIn("1 of 1 training questions",
                  self.read(self.task("newsqa"))[1])

  @unittest.skipUnless(DATA, "set ELECTRA_DATA to the folder of the data sets")
  def test_arcd_leaks_as_released(self):
    os.makedirs(self.path("arcd"))
    for name in ("arcd-train.json", "arcd-test.json"):
      shutil.copy(os.path.join(DATA, "arcd", name), self.path("arcd"))
    _, printed = self.read(self.task())
    self.assertIn("15 of 693 training questions", printed)
    self.assertIn("(5 of 231 contexts), 0 of them are the same", printed)


if __name__ == "__main__":
  unittest.main()
