"""Tests for declared tagging tasks."""

import json
import os
import unittest

from finetune import task_builder
from tests.finetune import words_task
from util import utils


class DeclaredTaggingTest(words_task.DeclaredTaskCase):

  def task(self, **declaration):
    self.write("task.json", [json.dumps(dict(declaration, kind="tagging"))])
    config = words_task.tiny_config(self.data_dir, task_names=["mine"])
    task, = task_builder.get_tasks(config)
    return task

  def test_spans_in_named_files(self):
    self.write("names.txt", ["a B-PER", "b I-PER", "c O"])
    task = self.task(files={"train": "names.txt"})
    self.assertEqual(task.label_list, ["B-PER", "E-PER", "I-PER", "O", "S-PER"])
    example, = task.get_examples("train")
    self.assertEqual((example.task_name, example.words),
                     ("mine", ["a", "b", "c"]))

  def test_tags_without_spans(self):
    self.write("train.txt", ["a NN", "b VB"])
    self.assertEqual(self.task(metric="accuracy").label_list, ["NN", "VB"])

  def test_tables_and_objects(self):
    for name, lines, declaration in [
        ("train.tsv", ["a\tx\tB-X", "b\tx\tO", "", "c\tx\tO"], {}),
        ("train.csv", ["a,B-X", "b,O", "", "c,O"], {}),
        ("train.csv", ["t,w", "B-X,a", "O,b", "", "O,c"],
         {"words": "w", "tags": "t"}),
        ("train.csv", ["s,w,t", "1,a,B-X", "1,b,O", "2,c,O"],
         {"words": "w", "tags": "t", "sentence": "s"}),
        ("train.csv", ["B-X,a", "O,b", "", "O,c"], {"words": 1, "tags": 0}),
        ("train.csv", ["word,tag", "a,B-X", "b,O", "", "c,O"],
         {"header": True}),
        ("train.jsonl", ['{"words": ["a", "b"], "tags": ["B-X", "O"]}',
                         '{"text": "c", "labels": ["O"]}', ""], {}),
        ("train.json", ['[{"w": ["a", "b"], "t": ["B-X", "O"]}, '
                        '{"w": ["c"], "t": ["O"]}]'],
         {"words": "w", "tags": "t"})]:
      with self.subTest(name=name, declaration=declaration):
        self.write(name, lines)
        task = self.task(**declaration)
        examples = task.get_examples("train")
        self.assertEqual([(e.words, e.tags) for e in examples],
                         [(["a", "b"], ["B-X", "O"]), (["c"], ["O"])])
        self.assertEqual(task.learned_from_data()["labels"],
                         ["B-X", "E-X", "I-X", "O", "S-X"])
        os.remove(self.path(name))

  def test_names_of_tags_that_are_numbers(self):
    names = ["O", "B-X", "I-X"]
    for name, lines, declaration in [
        ("train.txt", ["a 1", "b 2", "", "c 0"], {}),
        ("train.csv", ["a,1", "b,2", "", "c,0"], {}),
        ("train.jsonl", ['{"w": ["a", "b"], "t": [1, 2]}',
                         '{"w": ["c"], "t": [0]}'],
         {"words": "w", "tags": "t"})]:
      self.write(name, lines)
      task = self.task(tag_names=names, **declaration)
      self.assertEqual([e.tags for e in task.get_examples("train")],
                       [["B-X", "I-X"], ["O"]])
      with self.assertRaisesRegex(utils.UserError, "tags are numbers.*tag_na"):
        self.task(**declaration).get_examples("train")
      with self.assertRaisesRegex(
          utils.UserError, "train.*: expected a tag from 0 to 1.* got '2'"):
        self.task(tag_names=names[:2], **declaration).get_examples("train")
      os.remove(self.path(name))

  def test_encoding_and_comments(self):
    with open(self.write_empty("train.txt"), "wb") as f:
      f.write("%% 1\nسالم B-X\nب O\n\n%% 2\nب O\n".encode("cp1256"))
    task = self.task(encoding="windows-1256", comment="%%")
    self.assertEqual([e.words for e in task.get_examples("train")],
                     [["سالم", "ب"], ["ب"]])

  def write_empty(self, name):
    self.write(name, [])
    return self.path(name)

  def test_test_file_without_tags(self):
    for extension, train, test in [
        ("csv", ["t,w", "B-X,a"], ["w", "a", "b"]),
        ("jsonl", ['{"w": ["a"], "t": ["B-X"]}'], ['{"w": ["a", "b"]}'])]:
      self.write("train." + extension, train)
      self.write("dev." + extension, train)
      self.write("test." + extension, test)
      task = self.task(words="w", tags="t")
      self.assertEqual(task.get_test_splits(), ["test"])
      example, = task.get_examples("test")
      self.assertEqual((example.words, example.tags), (["a", "b"], None))
      self.write("test." + extension, train)
      self.assertEqual(self.task(words="w", tags="t").get_more_dev_splits(),
                       ["test"])
      self.write("dev." + extension, test)
      with self.assertRaisesRegex(
          utils.UserError, "dev.%s:[12].*: expected words and a tag for each" %
          extension):
        self.task(words="w", tags="t").get_examples("dev")
      os.remove(self.path("train." + extension))
      os.remove(self.path("dev." + extension))

  def test_missing_file_has_the_extension_of_the_format(self):
    self.write("train.csv", ["a,B-X"])
    with self.assertRaisesRegex(
        utils.UserError, "expected its dev data in .*dev.csv, found no such "
        "file. Put a file there, such as some"):
      self.task().get_data_files("dev")

  def test_unknown_metric(self):
    with self.assertRaisesRegex(utils.UserError,
                                "unknown 'mcc'.* Known are: accuracy, f1"):
      self.task(metric="mcc")
    with self.assertRaisesRegex(utils.UserError, "expected one name"):
      self.task(metric=["f1", "accuracy"])


if __name__ == "__main__":
  unittest.main()
