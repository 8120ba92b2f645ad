"""Tests for finetune.task_builder."""

import os
import tempfile
import unittest

from finetune import task_builder
from tests.finetune import words_task
from util import utils


class TaskBuilderTest(unittest.TestCase):

  def setUp(self):
    folder = tempfile.TemporaryDirectory()
    self.addCleanup(folder.cleanup)
    words_task.write_data(folder.name)
    self.data_dir = folder.name
    task_builder.register("words", words_task.WordsTask)

  def test_tasks_come_in_the_order_of_their_names(self):
    class Other(words_task.WordsTask):
      def __init__(self, config, tokenizer):
        super().__init__(config, tokenizer, name="other_words")
    task_builder.register("other_words", Other)
    config = words_task.tiny_config(self.data_dir,
                                    task_names=["other_words", "words"])
    self.assertEqual([task.name for task in task_builder.get_tasks(config)],
                     ["other_words", "words"])

  def test_unknown_task_suggests_the_nearest(self):
    config = words_task.tiny_config(self.data_dir, task_names=["wordz"])
    with self.assertRaisesRegex(
        utils.UserError, "unknown task 'wordz'. Did you mean 'words'"):
      task_builder.get_tasks(config)

  def test_suggestions_ignore_case_and_punctuation_and_know_other_names(self):
    words_task.write_lines(os.path.join(
        self.data_dir, "finetuning_data", "sentiment", "task.json"), ["{}"])
    for name, suggested in [
        ("squad_v2", "squad"), ("SQuAD", "squad"), ("squad_v1.1", "squadv1"),
        ("SQuAD2.0", "squad"), ("SST-2", "sst"), ("STS-B", "sts"),
        ("CoLA", "cola"), ("QNLI", "qnli"), ("conll2003", "ner"),
        ("TyDi-QA", "tydiqa"), ("Senti_ment", "sentiment")]:
      config = words_task.tiny_config(self.data_dir, task_names=[name])
      with self.assertRaisesRegex(utils.UserError, "Did you mean '%s'\\?" %
                                  suggested):
        task_builder.get_tasks(config)

  def test_a_name_is_taken_once(self):
    task_builder.register("words", words_task.WordsTask)  # the same: no harm
    with self.assertRaisesRegex(utils.UserError, "already registered"):
      task_builder.register("words", words_task.WordsScorer)


if __name__ == "__main__":
  unittest.main()
