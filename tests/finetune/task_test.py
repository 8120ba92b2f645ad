"""Tests for finetune.task."""

import os
import tempfile
import unittest

from finetune import task
from tests.finetune import words_task
from util import utils


class CompleteTask(task.Task):

  file_names = {"train": ("train.txt",), "dev": ("dev.txt", "valid.txt"),
                "test": ("test.txt",)}
  num_reads = 0

  @task.read_once
  def get_examples(self, split):
    self.num_reads += 1
    return [split]

  def featurize(self, example, is_training, log=False):
    return {}

  def get_feature_specs(self):
    return []

  def get_prediction_module(self, bert_model, features, is_training,
                            percent_done):
    return None, {}

  def get_scorer(self, split="dev"):
    return None


class TaskTest(unittest.TestCase):

  def test_abstract_methods_are_required(self):
    self.assertEqual(repr(CompleteTask(None, "words")), "Task(words)")
    self.assertEqual(task.Task.__abstractmethods__, {
        "get_examples", "featurize", "get_feature_specs",
        "get_prediction_module", "get_scorer"})
    for name in task.Task.__abstractmethods__:
      with self.subTest(name=name):
        incomplete = type("Incomplete", (CompleteTask,),
                          {name: getattr(task.Task, name)})
        with self.assertRaisesRegex(TypeError, "abstract.*%s" % name):
          incomplete(None, "words")

  def test_first_existing_file_of_a_split_is_read(self):
    with tempfile.TemporaryDirectory() as data_dir:
      complete = CompleteTask(words_task.tiny_config(data_dir), "words")
      folder = os.path.join(data_dir, "finetuning_data", "words")
      for split, pattern in [("dev", "dev.txt or .*valid.txt, found no such"),
                             ("eval", "dev or test or train, got 'eval'")]:
        with self.assertRaisesRegex(utils.UserError, pattern):
          complete.get_data_files(split)
      for name in ("valid.txt", "dev.txt"):
        path = os.path.join(folder, name)
        words_task.write_lines(path, [])
        self.assertEqual(complete.get_data_files("dev"), [path])
      self.assertEqual(complete.get_test_splits(), [])
      words_task.write_lines(os.path.join(folder, "test.txt"), [])
      self.assertEqual(complete.get_test_splits(), ["test"])

  def test_file_or_folder_that_looks_like_the_expected_one_is_named(self):
    for name, escaped in [("words/train.txt\u200f", "'train.txt\\u200f'"),
                        ("words/Train.txt", "'Train.txt'"),
                        ("words\u200b/train.txt", "'words\\u200b'")]:
      with tempfile.TemporaryDirectory() as data_dir:
        complete = CompleteTask(words_task.tiny_config(data_dir), "words")
        path = os.path.join(data_dir, "finetuning_data", name)
        words_task.write_lines(path, [])
        with self.assertRaises(utils.UserError) as raised:
          complete.get_data_files("train")
        self.assertIn("found no such file (there is %s, which has other "
                      "characters: rename it)" % escaped, str(raised.exception))
        expected = os.path.join(data_dir, "finetuning_data", "words")
        os.rename(os.path.join(data_dir, "finetuning_data",
                               name.split("/")[0]), expected)
        os.rename(os.path.join(expected, name.split("/")[1]),
                  os.path.join(expected, "train.txt"))
        self.assertEqual(len(complete.get_data_files("train")), 1)

  def test_test_and_predict_splits_are_unlabeled(self):
    self.assertEqual(
        [split for split in ("train", "dev", "test", task.PREDICT)
         if CompleteTask(None, "words").is_labeled(split)], ["train", "dev"])

  def test_examples_that_are_kept_replace_those_of_a_file(self):
    complete = CompleteTask(None, "words")
    complete.keep_examples("predict", ["request"])
    self.assertEqual(complete.get_examples("predict"), ["request"])
    self.assertEqual(complete.get_examples("dev"), ["dev"])
    self.assertEqual(complete.num_reads, 1)

  def test_each_split_is_read_once(self):
    complete = CompleteTask(None, "words")
    for split in ("dev", "test", "dev"):
      self.assertEqual(complete.get_examples(split), [split])
    self.assertEqual(complete.num_reads, 2)

  def test_a_task_that_overrides_the_reading_depends_on_its_folder(self):

    class ReadingTask(CompleteTask):

      def get_examples(self, split):
        return []

    class NamingTask(ReadingTask):

      file_names = {"dev": ("dev.json",)}

    with tempfile.TemporaryDirectory() as data_dir:
      config = words_task.tiny_config(data_dir)
      reading, naming = (
          cls(config, "words") for cls in (ReadingTask, NamingTask))
      self.assertTrue(reading.finds_files_itself())
      self.assertFalse(naming.finds_files_itself())
      self.assertIsNone(reading.get_data_files("dev"))
      path = os.path.join(data_dir, "finetuning_data", "words", "x.json")
      words_task.write_lines(path, [])
      self.assertEqual(reading.get_data_files("dev"), [path])

  def test_features_of_an_override_depend_on_all_data_hyperparameters(self):

    class OwnFeatures(CompleteTask):

      def featurize(self, example, is_training, log=False):
        return {}

    class DescribedFeatures(OwnFeatures):

      feature_hparams = ("debug",)

    own, described = (
        cls(None, "words") for cls in (OwnFeatures, DescribedFeatures))
    self.assertEqual(own.get_feature_hparams(), (
        "debug", "max_seq_length") + task.DATA_HPARAMS)
    self.assertEqual(described.get_feature_hparams(), ("debug",))

  def test_examples_with_an_eid_alone_have_it_as_id(self):
    example = task.Example("words")
    with self.assertRaisesRegex(AttributeError, "'example_id'"):
      print(example.example_id)
    example.eid = 3
    self.assertEqual(example.example_id, "3")
    example.example_id = "x"
    self.assertEqual(example.example_id, "x")


if __name__ == "__main__":
  unittest.main()
