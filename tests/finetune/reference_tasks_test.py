"""Tasks that were written for google-research/electra run without an edit."""

import contextlib
import io
import json
import os
import re
import tempfile
import unittest
from unittest import mock

from finetune import preprocessing
from finetune import task_builder
from finetune.classification import classification_tasks
from finetune.qa import qa_tasks
import run_finetuning
from tests.finetune import reference_tasks
from tests.finetune import words_task
from util import utils

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(
    os.path.abspath(__file__))))
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


UNEDITED_GET_TASK = task_builder.get_task


def edited_get_task(config, task_name, tokenizer):
  """What a user makes of task_builder.get_task."""
  if task_name in reference_tasks.TASKS:
    return reference_tasks.TASKS[task_name](config, tokenizer)
  return UNEDITED_GET_TASK(config, task_name, tokenizer)


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

  def task(self, name, **hparams):
    return task_builder.get_tasks(self.config(name, **hparams))[0]

  def features(self, task, split="train"):
    """Returns the inputs of all examples of a split, without padding."""
    with contextlib.redirect_stdout(io.StringIO()) as self.printed:
      inputs = [features for example in task.get_examples(split)
                for features in task.make_features(
                    example, split == "train", log=True)]
    for features in inputs:
      num_tokens = sum(features["input_mask"])
      for name in ("input_ids", "input_mask", "segment_ids"):
        features[name] = features[name][:num_tokens]
    return inputs

  def test_one_of_each_family_trains_scores_and_predicts(self):
    with mock.patch.dict(reference_tasks.TASKS, sentiment=readme_task()):
      config, trials = self.run_tasks(
          "sentiment", "similarity", "entities", "quiz_qa", "length",
          num_train_epochs=1.0, max_seq_length=16, write_test_outputs=True)
    results = trials[0]["results"]
    self.assertEqual({name: list(scores)[:2] for name, scores in
                      results.items()}, {
        "sentiment": ["f1", "precision"], "similarity": ["pearson", "spearman"],
        "entities": ["f1", "precision"], "quiz_qa": ["exact", "f1"],
        "length": ["accuracy", "loss"]})
    for name, scores in results.items():
      self.assertGreater(scores["loss"], 0.0, name)
    predictions = utils.load_json(
        os.path.splitext(config.test_predictions("sentiment", "test", 1))[0] +
        ".json")
    self.assertEqual(len(predictions), 12)
    answers = utils.load_json(config.qa_preds_file("quiz_qa"))
    self.assertEqual(set(answers), {"q1", "q2"})

  def test_rows_that_the_task_splits_itself(self):
    task = self.task("sentiment")
    first, second = self.features(task)[:2]
    # 7 good, 9 a, as in words_task.VOCABULARY: 2 [CLS], 3 [SEP].
    self.assertEqual(first, {
        "input_ids": [2, 5, 7, 3], "input_mask": [1] * 4,
        "segment_ids": [0] * 4, "sentiment_eid": 1, "sentiment_label_ids": 1})
    self.assertEqual((second["sentiment_eid"], second["sentiment_label_ids"]),
                     (2, 0))
    self.assertEqual(task.get_test_splits(), ["test"])
    self.assertEqual({example.label for example in task.get_examples("test")},
                     {"bad"})  # the dummy label

  def test_both_orders_of_a_pair(self):
    examples = self.task("paraphrase").get_examples("train")
    self.assertEqual(
        [(e.eid, e.text_a, e.text_b, e.label) for e in (
            examples[0], examples[1], examples[12], examples[13])],
        [(0, "a b", "b a", "1"), (1, "c", "d", "0"),
         (12, "b a", "a b", "1"), (13, "d", "c", "0")])
    self.assertEqual(len(self.task("paraphrase").get_examples("dev")), 12)

  def test_columns_from_the_end(self):
    task = self.task("similarity")
    first, second = task.get_examples("dev")[:2]
    self.assertEqual((first.text_a, first.text_b, first.label), ("a", "a", 5.0))
    # 1.5 of 0 to 5.
    self.assertAlmostEqual(self.features(task)[1]["similarity_targets"], 0.3)
    self.assertEqual(second.label, 1.5)
    first.label = "2.5"  # as text
    self.assertEqual(task.featurize(first, True)["similarity_targets"], 0.5)
    first.label = 7.0
    with self.assertRaisesRegex(
        utils.UserError, "'similarity', example 0: expected a number from 0 to "
        "5, got '7.0'"):
      task.featurize(first, True)

  def test_wrong_rows_name_their_line(self):
    path = self.path("paraphrase", "dev.tsv")
    for rows, error in [
        (["label\tone\ttwo", "1\ta b\tb", "0\ta"],
         r"dev.tsv:3: the task reads the column at position 2 .*has 2: 0 \| a"),
        (["label\tone\ttwo", "1\ta\tb", "", "0\ta\tb"],
         "dev.tsv:3: the task reads the column at position 1 .* has 0"),
        (["label\tone\ttwo", "yes\ta\tb"],
         "dev.tsv:2: expected one of the labels 0, 1, got 'yes'")]:
      words_task.write_lines(path, rows)
      with self.assertRaisesRegex(utils.UserError, error):
        self.task("paraphrase").get_examples("dev")
    words_task.write_lines(path, ["label\tone\ttwo", "1\ta\tb", "", ""])
    self.assertEqual(len(self.task("paraphrase").get_examples("dev")), 1)

  def test_class_that_does_not_define_its_columns(self):
    config = self.config("sentiment")
    task = classification_tasks.ClassificationTask(
        config, "sentiment", None, ["bad", "good"])
    with self.assertRaisesRegex(
        utils.UserError, "no columns of split 'dev'. Override `_create_exampl"):
      task.get_examples("dev")

  def test_label_that_the_task_does_not_check(self):
    words_task.write_lines(self.path("sentiment", "dev.tsv"),
                           ["text\tlabel", "good a\tgreat"])
    with self.assertRaisesRegex(
        utils.UserError, r"'sentiment', example 1 \(good a\): expected one of "
        "the labels 'bad', 'good', got 'great'"):
      self.features(self.task("sentiment"), "dev")

  def test_rows_with_quotation_marks(self):
    path = self.path("quoted.tsv")
    words_task.write_lines(path, ["\ufeffa\t\"b", "c\td\"", "e\tf"])
    read_tsv = classification_tasks.read_tsv
    self.assertEqual(read_tsv(path), [["a", '"b'], ["c", 'd"'], ["e", "f"]])
    self.assertEqual(read_tsv(path, '"'), [["a", "b\nc\td"], ["e", "f"]])
    self.assertEqual(read_tsv(path, max_lines=1), [["a", '"b']])
    words_task.write_lines(path, ["a\t\"b"])
    with self.assertRaisesRegex(utils.UserError, "quoted.tsv:1: .*quotation"):
      read_tsv(path, quotechar='"')

  def test_tags_in_columns_are_learned_as_bioes(self):
    task = self.task("entities")
    self.assertEqual(task._get_label_mapping(), {
        label: i for i, label in enumerate(
            ["B-X", "B-Y", "E-X", "E-Y", "I-X", "I-Y", "O", "S-X", "S-Y"])})
    first = self.features(task)[0]
    self.assertEqual(first["entities_labels"][:3], [0, 2, 6])

  def test_tags_in_a_layout_of_the_task(self):
    task = self.task("json_tags")
    example = task.get_examples("dev")[0]
    self.assertEqual((example.words, example.tags, example.label_ids),
                     (["good", "a"], ["ADJ", "DET"], [0, 1]))
    self.assertEqual(self.features(task)[0]["json_tags_labels"][:2], [0, 1])
    self.assertEqual(list(map(os.path.basename, task.get_data_files("dev"))),
                     ["dev.json", "train.json"])
    utils.write_json([[["good"], ["VERB"]]], self.path("json_tags", "dev.json"))
    with self.assertRaisesRegex(
        utils.UserError, r"'json_tags': sentence 0, word 0 \(good\): expected "
        "a tag of the training data, got 'VERB'"):
      self.task("json_tags").get_examples("dev")

  def test_tags_like_spans_are_scored_as_spans(self):
    for tag, scorer_name in [("B-X", "SpanScorer"), ("X", "TaggingScorer")]:
      utils.write_json([[["good", "a"], [tag, "O"]]],
                       self.path("json_tags", "train.json"))
      task = self.task("json_tags")
      self.assertEqual(type(super(
          reference_tasks.JsonTags, task).get_scorer()).__name__, scorer_name)

  def test_questions_in_all_layouts(self):
    for name, num_questions in [("quiz_qa", 2), ("flat_qa", 1),
                                ("trivia_qa", 1)]:
      with self.subTest(name):
        task = self.task(name, max_seq_length=16)
        self.assertEqual(task.v2, name == "quiz_qa")
        inputs = self.features(task)
        self.assertEqual(len(inputs), num_questions)
        # [CLS] c [SEP] good bad a b [SEP]: "bad" is token 4.
        self.assertEqual(inputs[0]["input_ids"], [2, 9, 3, 5, 6, 7, 8, 3])
        self.assertEqual(inputs[0][name + "_start_positions"], 4)
        self.assertEqual([one[name + "_eid"] for one in inputs],
                         [0, 1000][:num_questions])

  def test_impossible_question_in_a_task_without_them(self):
    words_task.write_lines(self.path("flat_qa", "dev.jsonl"),
                           [json.dumps(PARAGRAPH)])
    with self.assertRaisesRegex(
        utils.UserError, r"'flat_qa': .*qas\[1\]: the question is impossible.*"
        "pass v2=True to the constructor of task 'flat_qa'"):
      self.task("flat_qa").get_examples("dev")

  def test_question_whose_answer_is_missing_is_counted(self):
    task = self.task("flat_qa")
    moved = dict(PARAGRAPH["qas"][0],
                 answers=[{"text": "c", "answer_start": 0}])
    examples, failures = [], [0]
    task._add_examples(examples, failures, dict(PARAGRAPH, qas=[
        PARAGRAPH["qas"][0], moved]), "train")
    self.assertEqual((len(examples), failures), (1, [1]))

  def test_question_by_the_words_of_its_context(self):
    example = qa_tasks.QAExample(
        "quiz_qa", 3, "q", "", "c", ["good", "bad", "a"], "bad", 1, 1)
    task = self.task("quiz_qa", max_seq_length=16)
    window, = task.get_windows(example)
    self.assertEqual((window.eid, window.start_position, window.end_position),
                     (3000, 4, 4))
    self.assertEqual(example.gold_answers, ("bad",))
    with self.assertRaisesRegex(utils.UserError, "got 1 that split into 2"):
      qa_tasks.QAExample("quiz_qa", 3, "q", "", "c", ["good bad"])

  def test_predictions_of_tasks_that_only_compute_scores(self):
    path = self.path("new.tsv")
    words_task.write_lines(path, TABLES["sentiment"][:3])
    task = self.task("sentiment", predict_file=path)
    made = task.make_scorer("predict")
    for eid, logits in [(1, [0.0, 1.0]), (2, [1.0, 0.0])]:
      made.update({"eid": eid, "logits": logits, "predictions": 0,
                   "label_ids": 0, "loss": 1.0})
    self.assertEqual([(prediction["text"], prediction["label"])
                      for prediction in made.get_predictions()],
                     [("good a", "good"), ("bad b", "bad")])
    with self.assertRaisesRegex(utils.UserError, "two examples of split "
                                "'predict' have the eid 1. Number them"):
      made.update({"eid": 1, "logits": [0.0, 1.0], "predictions": 0,
                   "label_ids": 0, "loss": 1.0})

  def test_outputs_of_a_task_with_its_own_scorer(self):
    task = self.task("length")
    with mock.patch.object(task, "get_test_splits", lambda: ["test"]):
      made = task.make_scorer("test")
    made.update({"eid": 4, "logits": [0.5, 1.0], "loss": 1.0})
    self.assertEqual(made.get_test_predictions(), {4: [0.5, 1.0]})
    with self.assertRaisesRegex(utils.UserError, "must return the outputs "
                                "\"eid\" and \"logits\" or .*, got loss"):
      made.update({"loss": 1.0})

  def test_features_of_unknown_files_are_rebuilt(self):
    config = self.config("length")
    task = task_builder.get_tasks(config)[0]
    self.assertIsNone(task.get_data_files("train"))
    with contextlib.redirect_stdout(io.StringIO()):
      for _ in range(2):
        with mock.patch.object(
            reference_tasks.Length, "featurize", autospec=True,
            side_effect=reference_tasks.Length.featurize) as featurize:
          preprocessing.Preprocessor(config, [task]).store([task], "train")
        self.assertEqual(featurize.call_count, 12)

  def test_missing_file_of_a_task_that_opens_it_itself(self):
    for name, split, error in [
        ("flat_qa", "test", "cannot read its test data: .*test.jsonl.*Put its "
         "files in .*flat_qa"),
        ("json_tags", "test", "cannot read its test data: .*test.json"),
        ("paraphrase", "eval", "eval.tsv: no such file"),
        ("flat_qa", "predict", "cannot read its predict data: .*must return "
         "the examples of config.predict_file"),
        ("paraphrase", "predict", "must return the examples of config.pred")]:
      with self.subTest(name=name, split=split):
        new = self.path("new.tsv")
        words_task.write_lines(new, ["a"])
        config = self.config(name, predict_file=new)
        tasks = task_builder.get_tasks(config)
        with self.assertRaisesRegex(utils.UserError, error):
          preprocessing.Preprocessor(config, tasks).store(tasks, split)


def readme_task():
  """Returns the class of the task in docs/finetuning.md."""
  with open(os.path.join(ROOT, "docs", "finetuning.md"), encoding="utf-8") as f:
    source, = re.findall(r"^```python\n(.*?)^```$", f.read(), re.M | re.S)
  module = {"__name__": "sentiment"}
  exec(source, module)
  return module["Sentiment"]


if __name__ == "__main__":
  from util import estimators
  estimators.setup_tensorflow()
  unittest.main()
