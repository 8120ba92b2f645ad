"""Tests for declared classification and regression tasks.

The test on AJGT runs if ELECTRA_DATA is a folder with arabic_sentiment/.
"""

import collections
import contextlib
import io
import json
import os
import re
import unittest

from finetune import task_builder
from finetune.classification import declared_values
from tests.finetune import words_task
from util import utils

SENTIMENT = {"kind": "classification", "text_a": "content", "label": "label"}
LIKENESS = {"kind": "regression", "header": False, "format": "csv",
            "text_a": 0, "text_b": 1, "label": 2}
LINES = ["label\tcontent", "good\ta", "bad\tb", "good\tc"]


class DeclaredTaskTest(words_task.DeclaredTaskCase):

  def task(self, declaration, **changes):
    self.write("task.json", [json.dumps(dict(declaration, **changes))])
    config = words_task.tiny_config(self.data_dir, task_names=["mine"])
    task, = task_builder.get_tasks(config)
    return task

  def examples(self, task, split="train"):
    return [(e.text_a, e.text_b, e.label, e.example_id)
            for e in task.get_examples(split)]


class DeclaredClassificationTest(DeclaredTaskTest):

  def test_labels_are_learned_from_the_training_file(self):
    self.write("train.tsv", LINES)
    task = self.task(SENTIMENT)
    self.assertEqual((task.name, task.label_list), ("mine", ["bad", "good"]))
    self.assertEqual(self.examples(task), [
        ("a", None, "good", "0"), ("b", None, "bad", "1"),
        ("c", None, "good", "2")])
    self.assertEqual(list(task.metrics), ["accuracy", "macro_f1"])

  def test_label_that_was_not_learned_names_the_line(self):
    self.write("train.tsv", LINES)
    path = self.write("dev.tsv", LINES + ["fair\td"])
    with self.assertRaisesRegex(utils.UserError,
                                path + ":5: .*bad, good, got 'fair'"):
      self.task(SENTIMENT).get_examples("dev")

  def test_labels_that_differ_only_in_white_space_are_rejected(self):
    for format_, lines in [("tsv", ["label\tcontent", "1\ta", "2\tb", " 1\tc"]),
                           ("csv", ["label,content", "1,a", "2,b", " 1,c"])]:
      path = self.write("train." + format_, lines)
      with self.assertRaisesRegex(utils.UserError, re.escape(
          path + ":4: expected the label '1', as at %s:2, got ' 1', which "
          "differs only in white space" % path)):
        self.task(SENTIMENT, format=format_)

  def test_learned_labels_are_logged_in_quotation_marks(self):
    self.write("train.tsv", LINES + ["very good\td"])
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
      self.task(SENTIMENT)
    self.assertIn("3 labels in the training file: 'bad', 'good', 'very good'\n",
                  printed.getvalue())

  def test_given_labels_keep_their_order_and_need_no_training_file(self):
    self.write("dev.tsv", LINES)
    task = self.task(SENTIMENT, format="tsv", labels=["good", "bad"],
                     metric=["f1", "mcc"])
    self.assertEqual(task.label_list, ["good", "bad"])
    self.assertEqual(task.metrics, ["f1", "mcc"])
    self.assertEqual(len(task.get_examples("dev")), 3)

  def test_missing_file_names_others(self):
    self.write("train.csv", ["label,content", "good,a", "bad,b"])
    with self.assertRaisesRegex(utils.UserError, "dev.csv, found no such file. "
                                "Put it there"):
      self.task(SENTIMENT).get_data_files("dev")
    self.write("valid.csv", ["label,content", "good,a"])
    with self.assertRaisesRegex(
        utils.UserError, "dev.csv, found no such file \\(if it is one of "
        "valid.csv, name it in \"files\" in .*task.json\\). Put it there"):
      self.task(SENTIMENT).get_data_files("dev")
    self.write("dev.tsv", LINES)
    with self.assertRaisesRegex(
        utils.UserError, "dev.csv, found no such file \\(there is dev.tsv, but "
        "the files of this task are all \"csv\": convert it"):
      self.task(SENTIMENT).get_data_files("dev")

  def test_nothing_to_learn_labels_from(self):
    with self.assertRaisesRegex(utils.UserError,
                                "requires .*train.tsv. .* give \"labels\""):
      self.task(SENTIMENT, format="tsv")
    for lines, message in [
        (LINES[:2], "at least two labels in the training file, got good"),
        (LINES[:1], "got no example"),
        (LINES + ["\td"], "train.tsv:5: expected a label, got an empty")]:
      self.write("train.tsv", lines)
      with self.assertRaisesRegex(utils.UserError, message):
        self.task(SENTIMENT)

  def test_test_file_needs_no_labels(self):
    self.write("train.tsv", LINES)
    self.assertEqual(self.task(SENTIMENT).get_test_splits(), [])
    self.write("test.tsv", ["id\tcontent", "x7\ta"])
    task = self.task(SENTIMENT)
    self.assertEqual(task.get_test_splits(), ["test"])
    self.assertEqual(self.examples(task, "test"), [("a", None, None, "0")])
    self.assertEqual(task.submission_name("test"), "mine_test.tsv")

  def printed_by(self, function, *args):
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
      result = function(*args)
    return result, printed.getvalue()

  def assert_scored(self, task, labels):
    (splits, examples), printed = self.printed_by(
        lambda: (task.get_more_dev_splits(), task.get_examples("test")))
    self.assertEqual(splits, ["test"] if labels else [])
    self.assertEqual([e.label for e in examples], labels or [None, None])
    self.assertEqual(task.get_split_version("test"),
                     "labeled" if labels else None)
    self.assertEqual(task.get_test_splits(), ["test"])  # as before
    return printed

  def test_test_set_with_labels_is_scored(self):
    self.write("train.tsv", LINES)
    for lines, labels in [
        (["content", "x", "y"], None),
        (["content\tlabel", "x\tbad", "y\tgood"], ["bad", "good"]),
        (["id\tlabel\tcontent", "7\tgood\tx", "8\tgood\ty"],
         ["good", "good"])]:
      self.write("test.tsv", lines)
      self.assertEqual(self.assert_scored(self.task(SENTIMENT), labels).count(
          "not scored"), 0)

  def test_test_set_with_other_labels_is_predicted_and_logged(self):
    self.write("train.tsv", LINES)
    for rows, place in [(["x\t-1", "y\t-1"], 2), (["x\tgood", "y\t?"], 3),
                        (["x\tgood", "y\t"], 3)]:
      self.write("test.tsv", ["content\tlabel"] + rows)
      self.assertIn(
          "its test set is not scored: %s:%d: expected one of the labels" % (
              self.path("test.tsv"), place),
          self.assert_scored(self.task(SENTIMENT), None))

  def test_test_set_without_rows_is_not_scored(self):
    self.write("train.tsv", LINES)
    self.write("test.tsv", ["content\tlabel"])
    self.assertEqual(self.task(SENTIMENT).get_more_dev_splits(), [])

  def test_test_set_of_objects_is_scored(self):
    self.write("train.jsonl", [
        json.dumps({"content": "a", "label": label}) for label in "xy"])
    for rows, labels in [([{"content": "a"}] * 2, None),
                         ([{"content": "a", "label": "y"}] * 2, ["y", "y"]),
                         ([{"content": "a", "label": None}] * 2, None)]:
      self.write("test.jsonl", map(json.dumps, rows))
      self.assert_scored(self.task(SENTIMENT, format="jsonl"), labels)

  def test_test_set_without_header_is_scored_if_it_has_all_columns(self):
    self.write("train.csv", ["a,b,1", "a,c,3"])
    for rows, labels in [(["d,e", "f,g"], None),
                         (["d,e,1.5", "f,g,3"], [1.5, 3.0]),
                         (["d,e,none", "f,g,3"], None)]:
      self.write("test.csv", rows)
      self.assert_scored(self.task(LIKENESS), labels)

  def test_test_file_by_position_with_and_without_labels(self):
    by_position = {"kind": "classification", "header": False, "format": "tsv",
                   "text_a": 1, "label": 0, "id": 2}
    self.write("train.tsv", ["x\ta\t7", "y\tb\t8"])
    for lines in (["a b\tseven"], ["\ta b\tseven"]):
      with self.subTest(lines=lines):
        self.write("test.tsv", lines)
        self.assertEqual(self.examples(self.task(by_position), "test"),
                         [("a b", None, None, "seven")])
    path = self.write("test.tsv", ["a b\tseven\tz\tz"])
    with self.assertRaisesRegex(utils.UserError, re.escape(
        path + ":1: expected 2 or 3 columns, as in the training data without"
        " or with the label, got 4: a b | seven | z | z")):
      self.task(by_position).get_examples("test")
    self.write("dev.tsv", ["x\ta\t7\tz"])
    with self.assertRaisesRegex(utils.UserError,
                                "dev.tsv:1: expected 3 columns, got 4"):
      self.task(by_position).get_examples("dev")

  def test_positions_under_a_header_line(self):
    positions = dict(SENTIMENT, text_a=1, label=0)
    self.write("train.tsv", ["label\ttext\tid", "x\ta\t7", "y\tb\t8"])
    self.write("test.tsv", ["text\tid", "a b\t7"])
    self.assertEqual(self.examples(self.task(positions), "test"),
                     [("a b", None, None, "0")])
    # Where the label has a name, only a file that has it has positions.
    positions["label"] = "label"
    with self.assertRaisesRegex(
        utils.UserError, "test.tsv:1: expected 3 columns, .*, got 2"):
      self.task(positions).get_examples("test")

  def test_json_with_numbers_for_labels(self):
    keys = dict(SENTIMENT, text_b="topic", id="key")
    records = [{"key": 7, "content": "a", "topic": "b", "label": 0},
               {"key": 8, "content": "c", "topic": "d", "label": True}]
    wanted = [("a", "b", "0", "7"), ("c", "d", "true", "8")]
    self.write("train.json", [json.dumps(records)])
    self.assertEqual(self.examples(self.task(keys)), wanted)
    os.remove(self.path("train.json"))
    self.write("train.jsonl", map(json.dumps, records))
    self.assertEqual(self.examples(self.task(keys)), wanted)

  def test_json_text_that_is_none(self):
    for content in [None, 3, ["a"]]:
      path = self.write("train.jsonl", [
          json.dumps({"content": content, "label": "x"})])
      with self.assertRaisesRegex(
          utils.UserError, path + ":1: \"content\": expected a text, got"):
        self.task(SENTIMENT, labels=["x", "y"]).get_examples("train")

  def test_unknown_metric_suggests_the_nearest(self):
    self.write("train.tsv", LINES)
    with self.assertRaisesRegex(
        utils.UserError, "\"metric\": unknown 'acuracy'. Did you mean 'accura"):
      self.task(SENTIMENT, metric="acuracy")

  def test_f1_is_for_two_labels(self):
    self.write("train.tsv", LINES + ["fair\td"])
    with self.assertRaisesRegex(utils.UserError, "f1.*two labels, got 3"):
      self.task(SENTIMENT, metric="f1")

  def test_features_are_rebuilt_when_the_declaration_changes(self):
    self.write("train.tsv", LINES)
    version = self.task(SENTIMENT).get_features_version()
    self.assertEqual(json.loads(json.dumps(version)), version)
    self.assertEqual(version, self.task(SENTIMENT).get_features_version())
    changed = self.task(SENTIMENT, text_a="label", label="content")
    self.assertNotEqual(version, changed.get_features_version())
    self.write("train.tsv", LINES + ["fair\td"])
    self.assertNotEqual(version, self.task(SENTIMENT).get_features_version())

  def test_declaration_of_a_built_in_task_is_rejected(self):
    words_task.write_lines(os.path.join(
        self.data_dir, "finetuning_data", "sst", "task.json"), ["{}"])
    config = words_task.tiny_config(self.data_dir, task_names=["sst"])
    with self.assertRaisesRegex(utils.UserError, "is a built-in task"):
      task_builder.get_tasks(config)


class DeclaredRegressionTest(DeclaredTaskTest):

  def test_given_range(self):
    path = self.write("train.csv", ["\"a, b\",c,1", "d,e,6"])
    task = self.task(LIKENESS, range=[0, 5], unordered=True)
    self.assertEqual(task.normalize(1.0), 0.2)
    with self.assertRaisesRegex(utils.UserError, path + ":2: .* from 0 to 5"):
      task.get_examples("train")
    self.write("train.csv", ["\"a, b\",c,1"])
    self.assertEqual(self.examples(task), [("a, b", "c", 1.0, "0"),
                                           ("c", "a, b", 1.0, "0")])

  def test_learned_range_does_not_limit_the_dev_set(self):
    self.write("train.csv", ["a,b,1", "c,d,3"])
    path = self.write("dev.csv", ["a,b,5"])
    task = self.task(LIKENESS, metric="mae")
    self.assertEqual((task.min_value, task.max_value), (1.0, 3.0))
    # The reference divides by the highest value: 2 / 3.
    self.assertEqual((task.normalize(2.0), task.denormalize(0.5)), (0.5, 2.0))
    self.assertEqual(self.examples(task, "dev"), [("a", "b", 5.0, "0")])
    self.assertEqual(list(task.metrics), ["mae"])
    for wrong in ("much", "nan", "1e39"):  # 1e39 is infinity as float32
      self.write("dev.csv", ["a,b," + wrong])
      with self.assertRaisesRegex(
          utils.UserError, path + ":1: expected a number, got '%s'" % wrong):
        self.task(LIKENESS).get_examples("dev")

  def test_range_of_one_value(self):
    self.write("train.csv", ["a,b,1", "c,d,1.0"])
    with self.assertRaisesRegex(utils.UserError, "at least two different"):
      self.task(LIKENESS)


@unittest.skipUnless(os.environ.get("ELECTRA_DATA"), "ELECTRA_DATA is not set")
class RealDataTest(DeclaredTaskTest):

  def test_ajgt(self):
    folder = os.path.join(os.environ["ELECTRA_DATA"], "arabic_sentiment")
    for split, name in [("train", "AJGT_ubc_train.tsv"),
                        ("dev", "AJGT_ubc_test.tsv")]:
      with utils.open_file(os.path.join(folder, name)) as f:
        self.write(split + ".tsv", f.read().split("\n")[:-1])
    task = self.task(SENTIMENT)
    self.assertEqual(task.label_list, ["Negative", "Positive"])
    for split, wanted in [("train", {"Negative": 731, "Positive": 709}),
                          ("dev", {"Negative": 169, "Positive": 191})]:
      self.assertEqual(collections.Counter(
          example.label for example in task.get_examples(split)), wanted)


class HeaderTest(DeclaredTaskTest):
  ROWS = ["a\tpos", "b\tneg", "c\tpos"]
  BY_POSITION = {"kind": "classification", "text_a": 0, "label": 1}
  SCORES = {"kind": "regression", "text_a": 0, "label": 1}

  def setUp(self):
    super().setUp()
    self.printed = io.StringIO()

  def read(self, lines, declaration, split="train", **changes):
    """Returns the texts of the file of a split."""
    with contextlib.redirect_stdout(self.printed):
      self.write(split + ".tsv", lines)
      task = self.task(declaration, **changes)
      return [example.text_a for example in task.get_examples(split)]

  def test_first_line_with_a_label_is_data(self):
    for declaration, rows in [
        (self.BY_POSITION, self.ROWS), (self.BY_POSITION, ["a\t3", "b\t1"]),
        (dict(self.BY_POSITION, labels=["pos", "neg"]), self.ROWS[:2]),
        (self.SCORES, ["a\t1", "b\t2.5"])]:
      with self.subTest(rows=rows):
        self.assertEqual(self.read(rows, declaration),
                         [row[0] for row in rows])
    self.assertIn("has a label and is read as data", self.printed.getvalue())

  def test_first_line_without_a_label_is_a_header_line(self):
    for declaration, rows in [(self.BY_POSITION, self.ROWS),
                              (self.SCORES, ["a\t1", "b\t2.5"])]:
      self.assertEqual(self.read(["text\tscore"] + rows, declaration),
                       [row[0] for row in rows])
    self.assertIn("the header line: text | score", self.printed.getvalue())

  def test_declared_header_line_with_a_label_is_refused(self):
    with self.assertRaisesRegex(
        utils.UserError, "train.tsv:1: expected a header line, got a row with "
        "the label 'pos'.* set \"header\": false"):
      self.read(self.ROWS, self.BY_POSITION, header=True)
    self.assertEqual(len(self.read(self.ROWS, self.BY_POSITION, header=False)),
                     3)

  def test_files_of_one_task_must_agree(self):
    self.write("train.tsv", ["text\tlabel"] + self.ROWS)
    with self.assertRaisesRegex(utils.UserError, "dev.tsv:1: expected a head"):
      self.read(self.ROWS, self.BY_POSITION, "dev")
    self.write("train.tsv", self.ROWS)
    with self.assertRaisesRegex(utils.UserError, "dev.tsv:1: .* got 'label'"):
      self.read(["text\tlabel"] + self.ROWS, self.BY_POSITION, "dev")

  def test_every_row_of_a_file_to_predict_is_read(self):
    path = self.write("new.tsv", ["x", "y", "z"])
    self.write("train.tsv", self.ROWS)
    self.write("task.json", [json.dumps(self.BY_POSITION)])
    config = words_task.tiny_config(self.data_dir, task_names=["mine"],
                                    predict_file=path)
    with contextlib.redirect_stdout(self.printed):
      task, = task_builder.get_tasks(config)
    self.assertEqual(len(task.get_examples("predict")), 3)
    # What a model records, so that it reads files without the training data.
    self.assertIs(task.declaration["header"], False)

  def test_declared_data_that_look_like_a_header_line_are_reported(self):
    self.read(["text\tlabel"] + self.ROWS, self.BY_POSITION, header=False)
    self.assertIn("no other line has its label", self.printed.getvalue())


class LabelsTest(DeclaredTaskTest):

  def test_labels_that_look_the_same_are_refused(self):
    for one, other, escaped in [
        ("سلبي", "سلبي\u200f", "('سلبي\\u200f', not 'سلبي')"),
        ("x", "\ufeffx", "('\\ufeffx', not 'x')"),
        ("caf\u00e9", "cafe\u0301", "('cafe\\u0301', not 'caf\\xe9')")]:
      path = self.write("train.tsv", ["label\tcontent", one + "\ta",
                                      "y\tb", other + "\tc"])
      with self.assertRaises(utils.UserError) as raised:
        self.task(SENTIMENT)
      self.assertIn("%s:4: expected the label '%s', as at %s:2, got '%s', "
                    "which differs only in invisible characters %s. Correct" % (
                        path, one, path, other, escaped), str(raised.exception))
      with self.assertRaisesRegex(utils.UserError, "labels that look diff"):
        self.task(SENTIMENT, labels=[one, other])

  def test_label_of_invisible_characters_is_empty(self):
    self.write("train.tsv", ["label\tcontent", "\u200b\ta", "y\tb"])
    with self.assertRaisesRegex(utils.UserError, ":2: expected a label, got"):
      self.task(SENTIMENT)

  def test_unknown_label_that_looks_like_a_known_one(self):
    self.write("train.tsv", LINES)
    self.write("dev.tsv", LINES + ["bad\u200f\td"])
    with self.assertRaisesRegex(utils.UserError,
                                r"'bad\\u200f' looks like 'bad'"):
      self.task(SENTIMENT).get_examples("dev")

  def test_only_one_label_in_the_training_data_is_reported(self):
    self.write("train.tsv", ["label\tcontent"] + ["good\ta"] * 3)
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
      self.task(SENTIMENT, labels=["bad", "good"]).get_examples("train")
    self.assertIn("all 3 training examples have the label good",
                  printed.getvalue())

  def test_numbers(self):
    for text, value in [("٣٫٥", 3.5), ("3.5", 3.5), ("٣.٥", 3.5), ("1e2", 100),
                        (" 7 ", 7), ("1_0", None), ("١_٠", None), ("nan", None),
                        ("3,5", None), ("", None), ("٣٫٥٫", None)]:
      self.assertEqual(declared_values.parse_number(text), value, text)
    for text, advice in [("3,5", "a decimal point"), ("1_0", "got '1_0'.$")]:
      with self.assertRaisesRegex(utils.UserError, "t:1: expected a n.*" +
                                  advice):
        declared_values.check_number(text, "t:1")

  def test_delimiter_and_encoding(self):
    for declared, content in [
        ({"delimiter": ";", "format": "csv"}, "content;label\na;x\nب;y\n"),
        ({"encoding": "windows-1256", "format": "tsv"},
         "content\tlabel\na\tx\nب\ty\n".encode("cp1256"))]:
      self.write("task.json", [])  # creates the folder
      with open(self.path("train." + declared["format"]), "wb") as f:
        f.write(content if isinstance(content, bytes) else content.encode())
      self.assertEqual([text for text, _, _, _ in self.examples(
          self.task(SENTIMENT, **declared))], ["a", "ب"])


if __name__ == "__main__":
  unittest.main()
