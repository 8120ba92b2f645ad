"""Tests for finetune.task_declaration."""

import json
import os
import tempfile
import unittest

from finetune import task_declaration
from finetune.readers import tables
from tests.finetune import words_task
from util import utils

SENTIMENT = {"kind": "classification", "text_a": "content", "label": "label"}


class LoadTest(unittest.TestCase):

  def setUp(self):
    folder = tempfile.TemporaryDirectory()
    self.addCleanup(folder.cleanup)
    self.path = os.path.join(folder.name, "task.json")

  def load(self, declaration, name="mine", **changes):
    """Loads a declaration with changes; None removes a key."""
    values = dict(declaration, **changes)
    values = {key: value for key, value in values.items() if value is not None}
    words_task.write_lines(self.path, [json.dumps(values)])
    return task_declaration.load(self.path, name)

  def touch(self, name):
    words_task.write_lines(os.path.join(os.path.dirname(self.path), name), [])

  def assert_error(self, message, declaration=None, name="mine", **changes):
    with self.assertRaises(utils.UserError) as caught:
      self.load(declaration or dict(SENTIMENT, format="tsv"), name, **changes)
    self.assertIn(self.path + ": " + message, str(caught.exception))

  def test_files_and_format_have_defaults(self):
    self.touch("train.csv")
    loaded = self.load(SENTIMENT)
    self.assertEqual(loaded, task_declaration.Declaration(
        "mine", self.path, "classification", "csv",
        {"train": "train.csv", "dev": "dev.csv", "test": "test.csv"},
        {"text_a": "content", "label": "label"}))

  def test_format_of_the_files_named(self):
    loaded = self.load(SENTIMENT, files={"train": "a.jsonl", "dev": "b.jsonl"})
    self.assertEqual(loaded.format, "jsonl")
    self.assertEqual(loaded.files, {"train": "a.jsonl", "dev": "b.jsonl",
                                    "test": "test.jsonl"})
    loaded = self.load(SENTIMENT, files={"dev": "b.txt"}, format="tsv")
    self.assertEqual(loaded.files["train"], "train.tsv")

  def test_question_answering(self):
    loaded = self.load({"kind": "qa", "task": "mine", "has_impossible": True})
    self.assertEqual((loaded.format, loaded.files["dev"], loaded.values),
                     ("squad", "dev.json", {"has_impossible": True}))
    self.assertEqual(self.load({"kind": "qa", "format": "mrqa"}).files["dev"],
                     "dev.jsonl")
    self.touch("train.jsonl.gz")
    self.assertEqual(self.load({"kind": "qa"}).format, "mrqa")
    self.touch("train.json")
    self.assert_error(
        "expected \"format\": one of squad, mrqa, because the files do not "
        "determine it (train.json, train.jsonl.gz)", {"kind": "qa"})

  def test_format_of_a_tagging(self):
    self.assertEqual(self.load({"kind": "tagging"}).format, "conll")
    self.assertEqual(self.load({"kind": "tagging", "files": {
        "train": "a.conll", "dev": "b"}}).format, "conll")
    for extension in ("tsv", "csv", "json", "jsonl"):
      loaded = self.load({"kind": "tagging", "files": {
          "train": "a." + extension}})
      self.assertEqual((loaded.format, loaded.files["dev"]),
                       (extension, "dev." + extension))
    self.touch("dev.csv")  # no training data
    self.assertEqual(self.load({"kind": "tagging"}).format, "csv")
    self.touch("train.txt")
    self.assertEqual(self.load({"kind": "tagging"}).format, "conll")

  def test_invalid_columns_of_a_tagging(self):
    tagging = {"kind": "tagging", "format": "csv"}
    self.assert_error("\"tags\" is for tsv, csv, json, jsonl, but the format "
                      "is conll", tagging, format="conll", tags="t")
    self.assert_error("\"id\" is for json and jsonl, but the format is csv",
                      tagging, id="t")
    self.assert_error("\"sentence\" is for tsv and csv, but the format is "
                      "jsonl", tagging, format="jsonl", sentence="t")
    for wrong in [{"words": "w"}, {"words": "w", "tags": 1},
                  {"words": "w", "tags": "t", "sentence": 0}]:
      self.assert_error("\"words\", \"tags\" and \"sentence\": expected the "
                        "names of all columns", tagging, **wrong)
    self.assert_error("\"tags\": expected a position from 0", tagging,
                      words="w", tags="t", header=False)
    self.assert_error("expected a different column for each of tags, words",
                      tagging, words=0, tags=0)

  def test_everything_that_determines_features_is_recorded(self):
    self.assertEqual(
        task_declaration.as_json(self.load(SENTIMENT, format="tsv")),
        dict(SENTIMENT, format="tsv", files={
            "train": "train.tsv", "dev": "dev.tsv", "test": "test.tsv"}))

  def test_existing_training_files_are_named_and_the_advice_works(self):
    for name in ("train.txt", "train.CSV", "train.csv.gz"):
      self.touch(name)
    self.assert_error("expected \"format\": one of tsv, csv, json, jsonl, "
                      "because the files do not determine it (train.CSV, "
                      "train.csv.gz, train.txt). Files of these formats are "
                      "called train.tsv", format=None)
    for name in ("train.CSV", "train.csv.gz"):
      loaded = self.load(SENTIMENT, files={"train": name})
      self.assertEqual((loaded.format, loaded.files["dev"]), ("csv", "dev.csv"))
    self.assertEqual(self.load(SENTIMENT, files={"train": "train.txt"},
                               format="csv").format, "csv")

  def test_delimiter_and_encoding(self):
    loaded = self.load(SENTIMENT, format="csv", delimiter=";",
                       encoding="windows-1256")
    self.assertEqual(task_declaration.dialect(loaded),
                     tables.Dialect(";", "windows-1256"))
    self.assertEqual(self.load({"kind": "qa", "encoding": "utf-16"}).values,
                     {"encoding": "utf-16"})
    for values, message in [
        ({"delimiter": ";"}, "\"delimiter\" is for csv files, but the format "
         "is tsv. Set \"format\": \"csv\""),
        ({"delimiter": ";;"}, "\"delimiter\": expected one character"),
        ({"delimiter": "\""}, "\"delimiter\": expected one character"),
        ({"encoding": "klingon"}, "\"encoding\": expected the name of an"),
        ({"encoding": "base64"}, "\"encoding\": expected the name of an"),
        ({"comment": "#"}, "\"comment\" is not for kind \"classif")]:
      self.assert_error(message, **values)

  def test_names_of_tags_and_comments(self):
    tagging = {"kind": "tagging", "tag_names": ["O", "B-X"], "comment": ""}
    self.assertEqual(self.load(tagging).values,
                     {"tag_names": ["O", "B-X"], "comment": ""})
    for values, message in [
        ({"tag_names": ["O", "O"]}, "\"tag_names\": expected a list of diff"),
        ({"tag_names": ["B X"]}, "\"tag_names\": expected a list of diff"),
        ({"format": "jsonl"}, "\"comment\" is for conll, tsv and csv, but")]:
      self.assert_error(message, dict(tagging, **values))

  def test_unknown_key_suggests_the_nearest(self):
    self.assert_error("unknown key \"lables\". Did you mean 'labels'? Known "
                      "are: delimiter, encoding, files, ", lables=["x", "y"])

  def test_key_of_another_kind(self):
    self.assert_error("\"range\" is not for kind \"classification\" but for "
                      "regression", range=[0, 1])

  def test_kind(self):
    self.assert_error("\"kind\": expected one of classification, qa, "
                      "regression, tagging, got \"classify\"", kind="classify")
    self.assert_error("\"kind\": expected one of classification, qa, "
                      "regression, tagging, got null", kind=None)
    self.assert_error("\"kind\": expected one of classification, qa, "
                      "regression, tagging, got [\"qa\"]", kind=["qa"])

  def test_missing_keys(self):
    self.assert_error("expected the key \"text_a\": the name of a column",
                      text_a=None)
    self.assert_error("expected the key \"label\"", label=None)

  def test_wrong_values(self):
    for key, wrong in [
        ("header", ["yes", 1]), ("text_a", ["", -1, True, 1.5, []]),
        ("labels", [["one"], ["a", "a"], [1, "1"], "a", [True, False]]),
        ("metric", [[], 3, [""]]), ("unordered", ["no"]),
        ("files", [[], {}, {"valid": "x"}, {"dev": "a/b"}, {"dev": ""}]),
        ("format", [1]), ("task", [[]])]:
      for value in wrong:
        with self.subTest(key=key, value=value):
          self.assert_error("\"%s\": expected " % key, **{key: value})

  def test_wrong_range(self):
    regression = dict(SENTIMENT, kind="regression", format="tsv")
    for value in [[1, 0], [1, 1], [1], "0-5", [0, "5"], [False, True]]:
      with self.subTest(value=value):
        self.assert_error("\"range\": expected [lowest, highest", regression,
                          range=value)
    self.assertEqual(self.load(regression, range=[0, 5]).values["range"],
                     [0, 5])

  def test_format_of_another_kind(self):
    self.assert_error("\"format\": expected one of tsv, csv, json, jsonl, got "
                      "'squad'", format="squad")

  def test_format_that_cannot_be_inferred(self):
    self.assert_error("expected \"format\": one of tsv, csv, json, jsonl, "
                      "because the files do not determine it (its folder has "
                      "no train.*", SENTIMENT)
    self.assert_error("expected \"format\"", SENTIMENT,
                      files={"train": "a.tsv", "dev": "a.csv"})
    self.touch("train.csv")
    self.touch("train.tsv")
    self.assert_error("expected \"format\"", SENTIMENT)

  def test_columns_that_do_not_suit_the_format(self):
    self.assert_error("\"text_a\": expected a position from 0 without a "
                      "header line", header=False, label=1)
    self.assert_error("\"label\": expected a key for the format json",
                      format="json", label=1)
    self.assert_error("\"header\" is for tsv and csv files", format="json",
                      header=True)
    self.assert_error("expected a different column for each of label, text_a",
                      label="content")
    self.assert_error("\"unordered\" requires \"text_b\"", unordered=True)

  def test_name_of_the_task(self):
    self.assert_error("\"task\": expected 'mine', the name of the folder, got "
                      "'yours'", task="yours")
    self.assert_error("expected a task name of English letters", name="مهمة")
    self.assert_error("expected a task name", name="my task")

  def test_not_an_object(self):
    words_task.write_lines(self.path, ["[]"])
    with self.assertRaisesRegex(utils.UserError, "expected a JSON object"):
      task_declaration.load(self.path, "mine")


if __name__ == "__main__":
  unittest.main()
