"""Tests for finetune.task."""

import unittest

from finetune import task


class CompleteTask(task.Task):

  def get_examples(self, split):
    return []

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

  def test_no_method_of_the_contract_can_be_left_out(self):
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


if __name__ == "__main__":
  unittest.main()
