"""Tests of data, vocabularies and texts that something has damaged.

A file is read to the last step before the graph, so that what reading lets
through meets all that is done with it.
"""

import gzip
import os
import tempfile
import unittest

import hypothesis
from hypothesis import strategies
import numpy as np

import configure_finetuning
from finetune import task_builder
from tests.faults import fuzzing

VOCABULARY = "\n".join(["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "أحمد",
                        "في", "البيت", "a", "##b", "?"]).encode("utf-8")
CONTEXT = "أحمد في البيت . a ab"
SQUAD = {"version": "v2.0", "data": [{"title": "t", "paragraphs": [{
    "context": CONTEXT, "qas": [
        {"id": "q1", "question": "أحمد في ?", "is_impossible": False,
         "answers": [{"text": "البيت", "answer_start": 8}]},
        {"id": "q2", "question": "a", "is_impossible": True,
         "answers": []}]}]}]}
MRQA = [{"header": {"dataset": "d"}}, {"context": CONTEXT, "qas": [
    {"qid": "q1", "question": "أحمد في ?", "answers": ["البيت"],
     "detected_answers": [{"text": "البيت", "char_spans": [[8, 12]]}]}]}]
TABLE = [{"text": CONTEXT, "other": "a ab", "label": "1", "id": "x"},
         {"text": "a", "other": "في", "label": "0", "id": "y"},
         {"text": "ab ?", "other": CONTEXT, "label": "1", "id": "z"}]
CLASSIFICATION = {"kind": "classification", "text_a": "text", "text_b": "other",
                  "label": "label", "id": "id", "metric": ["accuracy", "f1"],
                  "labels": ["0", "1"], "unordered": True}
REGRESSION = {"kind": "regression", "text_a": "text", "label": "label",
              "range": [0, 5]}
TAGGED = "أحمد B-PER\nفي O\nالبيت B-LOC\n\na B-PER\nab I-PER\n".encode("utf-8")


def lines(values):
  return b"".join(fuzzing.as_json(value) + b"\n" for value in values)


def table(separator):
  rows = [list(TABLE[0])] + [list(row.values()) for row in TABLE]
  return "".join(separator.join(row) + "\n" for row in rows).encode("utf-8")


class DataCase(unittest.TestCase):

  def setUp(self):
    super().setUp()
    folder = tempfile.TemporaryDirectory(prefix="بيانات و ")
    self.addCleanup(folder.cleanup)
    self.data_dir = os.path.join(folder.name, "..",
                                 os.path.basename(folder.name))
    self.write("vocab.txt", VOCABULARY)

  def write(self, name, content):
    """Writes a file of the data folder; returns its path."""
    path = os.path.join(self.data_dir, name)
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "wb") as f:
      f.write(content)
    return path

  def config(self, name, **hparams):
    return configure_finetuning.FinetuningConfig(
        "m", self.data_dir, task_names=[name], max_seq_length=16,
        doc_stride=4, max_query_length=4, **hparams)

  def use(self, name, **hparams):
    """Reads all data of a task and makes all features."""
    config = self.config(name, **hparams)
    task, = task_builder.get_tasks(config)
    if config.do_predict:
      self.check_features(task, task.get_examples("predict"), False)
      return
    task.learned_from_data()
    for split in (["train", "dev"] + task.get_more_dev_splits() +
                  task.get_test_splits()):
      self.check_features(task, task.get_examples(split), split == "train")

  def check_features(self, task, examples, is_training):
    """Asserts that the features of examples can be stored and computed with."""
    for example in examples:
      inputs = task.featurize(example, is_training, log=True)
      for features in [inputs] if isinstance(inputs, dict) else inputs:
        for spec in task.get_feature_specs():
          spec.to_proto(features[spec.name])
          self.assertLess(np.abs(features[spec.name]).max(), 2.0 ** 31)

  def check(self, where, name, **hparams):
    """Asserts that the task `name` is read, or refused by naming `where`."""
    with fuzzing.unchanged(self.data_dir):
      refusal = fuzzing.refusal(lambda: self.use(name, **hparams))
    self.assertIn(where, refusal or where)

  def write_task(self, name, declaration=None, **files):
    """Writes the files of a task, which must be right."""
    if declaration:
      self.write("finetuning_data/%s/task.json" % name,
                 fuzzing.as_json(declaration))
    for split, content in files.items():
      self.write("finetuning_data/%s/%s" % (name, split.replace("_", ".")),
                 content)
    self.assertIsNone(fuzzing.refusal(lambda: self.use(name)))

  def check_file(self, name, split, draw_bytes, predict=None):
    """Asserts that a task whose file is anything is read or refused.

    Args:
      name: str, a task whose files are right.
      split: str, the name of the file.
      draw_bytes: strategy of its contents.
      predict: str, the name of a file to predict for, with the same contents.
    """
    path = os.path.join(self.config(name).raw_data_dir(name), split)
    with open(path, "rb") as f:
      right = f.read()

    @fuzzing.settings
    @hypothesis.given(draw_bytes)
    def check(content):
      # Or by a file next to it, whose labels are no longer known.
      self.check(os.path.dirname(self.write(path, content)), name)

    @hypothesis.settings(fuzzing.settings, max_examples=20)
    @hypothesis.given(draw_bytes)
    def check_prediction(content):
      to_predict = self.write(predict, content)
      self.check(to_predict, name, predict_file=to_predict)

    check()
    self.write(path, right)
    if predict:
      check_prediction()


class QuestionsTest(DataCase):

  def test_squad(self):
    content = fuzzing.as_json(SQUAD)
    self.write_task("squad", train_json=content, dev_json=content)
    draw = strategies.one_of(
        strategies.binary(), fuzzing.changed_bytes(content),
        fuzzing.changed_json(SQUAD).map(fuzzing.as_json),
        fuzzing.changed_json(SQUAD).map(fuzzing.as_json))
    self.check_file("squad", "train.json", draw, "p.json")
    self.check_file("squad", "dev.json", draw)

  def test_mrqa(self):
    content = lines(MRQA)
    self.write_task("newsqa", train_jsonl=content, dev_jsonl=content)
    draw = strategies.one_of(
        strategies.binary(), fuzzing.changed_bytes(content),
        fuzzing.changed_json(MRQA).filter(
            lambda value: isinstance(value, list)).map(lines))
    self.check_file("newsqa", "train.jsonl", draw, "p.jsonl")

  def test_packed_mrqa(self):
    content = gzip.compress(lines(MRQA))
    self.write_task("newsqa", train_jsonl_gz=content, dev_jsonl_gz=content)
    self.check_file("newsqa", "dev.jsonl.gz", strategies.one_of(
        strategies.binary(), fuzzing.changed_bytes(content)), "p.jsonl.gz")


class TablesTest(DataCase):

  def check_table(self, extension, content, draw=strategies.nothing()):
    for name, declaration in [("kind", CLASSIFICATION), ("score", REGRESSION),
                              ("learned", dict(REGRESSION, range="learn"))]:
      self.write_task(name, declaration, **{
          "train_" + extension: content, "dev_" + extension: content})
      self.check_file(name, "train." + extension, strategies.one_of(
          strategies.binary(), fuzzing.changed_bytes(content), draw),
                      "p." + extension)

  def test_tsv(self):
    self.check_table("tsv", table("\t"))

  def test_csv(self):
    self.check_table("csv", table(","))

  def test_json(self):
    self.check_table("json", fuzzing.as_json(TABLE),
                     fuzzing.changed_json(TABLE).map(fuzzing.as_json))

  def test_jsonl(self):
    self.check_table("jsonl", lines(TABLE), fuzzing.changed_json(TABLE).filter(
        lambda value: isinstance(value, list)).map(lines))

  def test_glue(self):
    for name, row in [("cola", ["x", "1", "*", "a b"]),
                      ("sts", ["a"] * 7 + ["a b", "b", "2.5"])]:
      header = {"cola": [], "sts": [
          "index", "genre", "filename", "year", "old_index", "source1",
          "source2", "sentence1", "sentence2", "score"]}[name]
      content = "".join("\t".join(cells) + "\n" for cells in
                        filter(None, [header, row, row])).encode("utf-8")
      self.write_task(name, train_tsv=content, dev_tsv=content)
      self.check_file(name, "dev.tsv", fuzzing.changed_bytes(content), "p.tsv")


class DeclarationsTest(DataCase):

  def check_declaration(self, declaration, **files):
    for split in ("train", "dev", "test"):
      for extension, content in files.items():
        self.write("finetuning_data/mine/%s.%s" % (split, extension), content)
    self.write_task("mine", declaration)
    content = fuzzing.as_json(declaration)

    @hypothesis.settings(fuzzing.settings, max_examples=100)
    @hypothesis.given(strategies.one_of(
        strategies.binary(), fuzzing.changed_bytes(content),
        fuzzing.changed_json(declaration).map(fuzzing.as_json),
        fuzzing.changed_json(declaration).map(fuzzing.as_json)))
    def check(content):
      path = self.write("finetuning_data/mine/task.json", content)
      self.check(os.path.dirname(path), "mine")

    check()

  def test_classification(self):
    self.check_declaration(
        dict(CLASSIFICATION, task="mine", header=True, format="tsv",
             files={"train": "train.tsv", "dev": "dev.tsv"}),
        tsv=table("\t"))

  def test_regression(self):
    self.check_declaration(dict(REGRESSION, format="json"),
                           json=fuzzing.as_json(TABLE))

  def test_tagging(self):
    self.check_declaration({"kind": "tagging", "metric": "f1",
                            "format": "conll"}, txt=TAGGED)

  def test_tagging_tables(self):
    self.check_declaration(
        {"kind": "tagging", "format": "csv", "words": "w", "tags": "t",
         "sentence": "s", "header": True, "metric": "accuracy"},
        csv=b"s,w,t\n1,a,X\n2,b,Y\n")

  def test_tagging_objects(self):
    self.check_declaration(
        {"kind": "tagging", "format": "json", "words": "w", "tags": "t",
         "id": "k"}, json=b'[{"w": ["a", "b"], "t": ["B-X", "O"], "k": 1}]')

  def test_columns_by_position(self):
    self.check_declaration(
        {"kind": "classification", "format": "tsv", "text_a": 1, "label": 0,
         "id": 2, "header": False, "labels": ["0", "1"]},
        tsv=b"0\ta\tx\n1\tb\ty\n")

  def test_questions(self):
    self.check_declaration({"kind": "qa", "has_impossible": True,
                            "format": "squad"}, json=fuzzing.as_json(SQUAD))


class TaggingTest(DataCase):

  def test_columns(self):
    self.write_task("ner", train_txt=TAGGED, dev_txt=TAGGED, test_txt=TAGGED)
    draw = strategies.one_of(strategies.binary(), fuzzing.changed_bytes(TAGGED))
    for split in ("train.txt", "dev.txt", "test.txt"):
      self.check_file("ner", split, draw, "p.txt")

  def test_tables(self):
    for extension, separator in [("tsv", "\t"), ("csv", ",")]:
      rows = ["n w t"] + [
          "%d %s" % (number, row)
          for number, row in enumerate(TAGGED.decode("utf-8").split("\n"))
          if row]
      content = "\n".join(rows).replace(" ", separator).encode("utf-8")
      self.write_task("mine", {"kind": "tagging", "words": "w", "tags": "t",
                               "sentence": "n", "format": extension}, **{
                                   split + extension: content for split in
                                   ("train_", "dev_", "test_")})
      draw = strategies.one_of(strategies.binary(),
                               fuzzing.changed_bytes(content))
      for split in ("train.", "test."):
        self.check_file("mine", split + extension, draw, "p." + extension)

  def test_objects(self):
    records = [{"words": ["a", "ab"], "tags": ["B-X", "O"], "id": 1},
               {"text": CONTEXT, "tags": ["O"] * 6}]
    for extension, dumped in [("json", fuzzing.as_json), ("jsonl", lines)]:
      content = dumped(records)
      self.write_task("mine", {"kind": "tagging", "format": extension}, **{
          split + extension: content for split in ("train_", "dev_", "test_")})
      draw = strategies.one_of(
          fuzzing.changed_bytes(content), fuzzing.changed_json(records).filter(
              lambda value: isinstance(value, list)).map(dumped))
      for split in ("train.", "test."):
        self.check_file("mine", split + extension, draw, "p." + extension)

  def test_sentences_to_predict(self):
    self.write_task("ner", train_txt=TAGGED, dev_txt=TAGGED)
    valid = [{"words": ["a", "ab"], "id": 1}, {"text": CONTEXT}]

    @fuzzing.settings
    @hypothesis.given(strategies.one_of(
        fuzzing.changed_bytes(lines(valid)),
        fuzzing.changed_json(valid).filter(
            lambda value: isinstance(value, list)).map(lines)))
    def check(content):
      path = self.write("p.jsonl", content)
      self.check(path, "ner", predict_file=path)

    check()


class LearnedTest(DataCase):
  """The record of what a fine-tuned model has learned."""

  def test_record_of_labels(self):
    files = {"train_tsv": table("\t"), "dev_tsv": table("\t")}
    self.write_task("kind", dict(CLASSIFICATION, labels="learn"), **files)
    self.write_task("score", dict(REGRESSION, range="learn"), **files)
    self.write_task("ner", train_txt=TAGGED, dev_txt=TAGGED)
    recorded = {
        "kind": {"labels": ["0", "1"], "declaration": CLASSIFICATION},
        "score": {"range": [0.0, 1.0], "declaration": REGRESSION},
        "ner": {"labels": ["O", "B-PER", "E-PER", "S-PER", "S-LOC"]}}
    model = os.path.join(self.data_dir, "model")

    @hypothesis.settings(fuzzing.settings, max_examples=100)
    @hypothesis.given(fuzzing.changed_json(recorded))
    def check(content):
      self.write("model/labels.json", fuzzing.as_json(content))
      for name in recorded:
        # Or by the data, whose labels are no longer known.
        self.check(self.data_dir, name, do_train=False, init_checkpoint=model)

    check()


if __name__ == "__main__":
  unittest.main()
