"""Tests for finetune.text_cleaning, and that the tasks use it."""

import contextlib
import io
import os
import tempfile
import types
import unittest

from finetune import task_builder
from finetune import text_cleaning
from tests.finetune import words_task
from util import utils

# With a diacritic on the second letter, and cleaned as for araelectra-base.
RAW, CLEANED = "كُتب", "كتب"
ONLY_DIACRITICS = "\u064f\u064f"


def make_cleaner(model_name, was_passed=True):
  config = types.SimpleNamespace(arabert_preprocessing=model_name,
                                 was_passed=lambda name: was_passed)
  return text_cleaning.TextCleaner(config, "mood", "texts")


def quietly(function, *arguments):
  """Returns (result of `function`, its standard output)."""
  printed = io.StringIO()
  with contextlib.redirect_stdout(printed):
    result = function(*arguments)
  return result, printed.getvalue()


class TextCleanerTest(unittest.TestCase):

  def test_cleans_like_the_package_and_logs_it_once(self):
    cleaner = make_cleaner("araelectra-base", was_passed=False)
    texts, printed = quietly(cleaner.clean, [RAW, "a@b.co"])
    self.assertEqual(texts, [CLEANED, "[رابط]"])
    self.assertEqual(
        printed, "Task 'mood': texts are cleaned as for araelectra-base "
        "(as recorded with the model; \"arabert_preprocessing\": \"none\" "
        "turns it off)\n")
    self.assertEqual(quietly(cleaner.clean, [RAW]), ([CLEANED], ""))

  def test_logs_that_it_was_requested(self):
    _, printed = quietly(make_cleaner("araelectra-base").clean, [RAW])
    self.assertIn("(as requested)", printed)

  def test_a_text_that_would_become_empty_is_not_changed(self):
    texts, _ = quietly(make_cleaner("araelectra-base").clean,
                       [ONLY_DIACRITICS, RAW])
    self.assertEqual(texts, [ONLY_DIACRITICS, CLEANED])

  def test_null_and_none_do_not_change_texts(self):
    for name in (None, "none"):
      with self.subTest(name=name):
        self.assertEqual(quietly(make_cleaner(name).clean, [RAW]), ([RAW], ""))

  def test_unknown_model_is_named(self):
    with self.assertRaisesRegex(
        utils.UserError, "Unknown hyperparameter 'arabert_preprocessing' "
        "'araelektra'"):
      make_cleaner("araelektra").clean([RAW])


class TasksTest(unittest.TestCase):
  """The model's input is cleaned, in every kind of task except QA.

  QA is tested in qa_tasks_test: its answers come from the original text.
  """

  def setUp(self):
    super().setUp()
    folder = tempfile.TemporaryDirectory()
    self.addCleanup(folder.cleanup)
    self.data_dir = folder.name
    words_task.write_lines(os.path.join(self.data_dir, "vocab.txt"),
                           words_task.VOCABULARY + [CLEANED])
    self.cleaned_id = len(words_task.VOCABULARY)

  def write(self, name, lines):
    path = os.path.join(self.data_dir, "finetuning_data", *name.split("/"))
    os.makedirs(os.path.dirname(path), exist_ok=True)
    words_task.write_lines(path, lines)

  def first_ids(self, name, **hparams):
    """Returns the `input_ids` of the first training example, up to [SEP]."""
    task, = task_builder.get_tasks(words_task.tiny_config(
        self.data_dir, task_names=[name], **hparams))
    self.assertIn("arabert_preprocessing", task.feature_hparams)

    def featurize():
      example = task.get_examples("train")[0]
      return task.featurize(example, is_training=True)

    features, _ = quietly(featurize)
    ids = list(features["input_ids"])
    return ids[:ids.index(3)]

  def assert_cleaned(self, name):
    self.assertEqual(
        self.first_ids(name, arabert_preprocessing="araelectra-base"),
        [2, self.cleaned_id, 7])
    self.assertEqual(self.first_ids(name), [2, 1, 7])  # [UNK]

  def test_classification(self):
    self.write("sst/train.tsv", ["sentence\tlabel", RAW + " a\t1"])
    self.assert_cleaned("sst")

  def test_regression(self):
    self.write("degree/task.json", [
        '{"kind": "regression", "text_a": "text", "label": "y", '
        '"range": [0, 1]}'])
    for split in ("train", "dev"):
      self.write("degree/%s.tsv" % split, ["text\ty", RAW + " a\t1"])
    self.assert_cleaned("degree")

  def test_tagging_keeps_one_label_a_word(self):
    self.write("ner/train.txt", [RAW + " B-X", "a O", ""])
    self.assert_cleaned("ner")


if __name__ == "__main__":
  unittest.main()
