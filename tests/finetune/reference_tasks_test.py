"""Tasks that were written for google-research/electra run without an edit."""

import contextlib
import io
import json
import os
import tempfile
import unittest
from unittest import mock

from finetune import task_builder
import run_finetuning
from tests.finetune import reference_tasks
from tests.finetune import words_task
from util import utils

TABLES = {
    "sentiment": ["text\tlabel"] + ["good a\tgood", "bad b\tbad"] * 6,
    "paraphrase": ["label\tone\ttwo"] + ["1\ta b\tb a", "0\tc\td"] * 6,
    "similarity": ["one\ttwo\tscore"] + ["a\ta\t5", "b\tc\t1.5"] * 6,
}
COLUMNS = ["good B-X", "bad I-X", "a O", "", "b B-Y", ""] * 6
PARAGRAPH = {"context": "good bad a b", "qas": [
    {"id": "q1", "question": "c", "is_impossible": False,
     "answers": [{"text": "bad a", "answer_start": 5}]},
    {"id": "q2", "question": "d", "is_impossible": True, "answers": []}]}
MRQA = {"context": "good bad a b", "qas": [{
    "qid": "q1", "question": "c", "answers": ["bad"],
    "detected_answers": [{"text": "bad", "char_spans": [[5, 7]]}]}]}


def edited_get_task(config, task_name, tokenizer, unedited=task_builder.get_task):
  """What a user makes of task_builder.get_task."""
  if task_name in reference_tasks.TASKS:
    return reference_tasks.TASKS[task_name](config, tokenizer)
  return unedited(config, task_name, tokenizer)


class ReferenceTasksTest(unittest.TestCase):

  def setUp(self):
    super().setUp()
    folder = tempfile.TemporaryDirectory()
    self.addCleanup(folder.cleanup)
    self.data_dir = folder.name
    words_task.write_lines(os.path.join(self.data_dir, "vocab.txt"),
                           words_task.VOCABULARY)
    self.write_data()
    edit = mock.patch.object(task_builder, "get_task", edited_get_task)
    edit.start()
    self.addCleanup(edit.stop)

  def path(self, *names):
    return os.path.join(self.data_dir, "finetuning_data", *names)

  def write_data(self):
    for split in ("train", "dev", "test"):
      for name, lines in TABLES.items():
        words_task.write_lines(self.path(name, split + ".tsv"), lines)
      if split == "test":
        continue
      words_task.write_lines(self.path("entities", split + ".txt"), COLUMNS)
      utils.write_json([["good a".split(), ["ADJ", "DET"]]] * 12,
                       self.path("json_tags", split + ".json"))
      utils.write_json({"data": [{"paragraphs": [PARAGRAPH]}]},
                       self.path("quiz_qa", split + ".json"))
      words_task.write_lines(self.path("flat_qa", split + ".jsonl"), [
          json.dumps(dict(PARAGRAPH, qas=PARAGRAPH["qas"][:1]))])
      words_task.write_lines(self.path("trivia_qa", split + ".jsonl"),
                             [json.dumps(MRQA)])

  def config(self, *task_names, **hparams):
    return words_task.tiny_config(self.data_dir, task_names=list(task_names),
                                  **hparams)

  def run_tasks(self, *task_names, **hparams):
    config = self.config(*task_names, **hparams)
    with contextlib.redirect_stdout(io.StringIO()) as self.printed:
      return config, run_finetuning.run(config)

  def test_all_train_score_and_predict(self):
    names = sorted(reference_tasks.TASKS)
    config, trials = self.run_tasks(
        *names, num_train_epochs=1.0, max_seq_length=16, do_lower_case=False,
        write_test_outputs=True)
    results = trials[0]["results"]
    first_scores = {name: next(iter(scores))
                    for name, scores in results.items()}
    self.assertEqual(first_scores, {
        "entities": "f1", "flat_qa": "exact_match", "json_tags": "accuracy",
        "length": "accuracy", "paraphrase": "mcc", "quiz_qa": "exact",
        "sentiment": "f1", "similarity": "pearson",
        "trivia_qa": "exact_match"})
    for name, scores in results.items():
      self.assertGreater(scores["loss"], 0.0, name)
    for name in TABLES:
      path = config.test_predictions(name, "test", 1)
      self.assertTrue(os.path.exists(path), path)


if __name__ == "__main__":
  from util import estimators
  estimators.setup_tensorflow()
  unittest.main()
