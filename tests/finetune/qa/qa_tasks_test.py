"""Tests for finetune.qa.qa_tasks, including a tiny training run."""

import contextlib
import io
import json
import os
import shutil
import tempfile
import unittest

import numpy as np
import pytest

from finetune import outputs
from finetune import task_builder
from finetune.qa import qa_tasks
import run_finetuning
from tests.finetune.qa import golden_qa
from util import utils

TINY_MODEL = {"num_hidden_layers": 1, "hidden_size": 16,
              "num_attention_heads": 2, "intermediate_size": 32,
              "max_position_embeddings": 64}
CONTENT = {"data": [{"paragraphs": [{"context": "تقع بيروت في لبنان", "qas": [
    {"id": "arabic-%d" % i, "question": "أين تقع بيروت؟",
     "answers": [{"text": "لبنان", "answer_start": 13}]}
    for i in range(40)]}]}]}
MRQA = {"context": "in Beirut", "qas": [{
    "qid": "q", "question": "Where?", "answers": ["Beirut"],
    "detected_answers": [{"text": "Beirut", "char_spans": [[3, 8]]}]}]}


class QATaskTestCase(unittest.TestCase):

  def setUp(self):
    super().setUp()
    folder = tempfile.TemporaryDirectory()
    self.addCleanup(folder.cleanup)
    self.data_dir = folder.name
    shutil.copy(os.path.join(golden_qa.GOLDEN, "qa_vocab.txt"),
                os.path.join(self.data_dir, "vocab.txt"))

  def write(self, name, content):
    path = os.path.join(self.data_dir, "finetuning_data", *name.split("/"))
    utils.write_json(content, path)
    return path

  def config(self, *task_names, **hparams):
    return golden_qa.config(self.data_dir, task_names[0],
                            task_names=list(task_names), **hparams)


class QATasksTest(QATaskTestCase):

  def task(self, name, **hparams):
    return task_builder.get_tasks(self.config(name, **hparams))[0]

  def examples(self, task, split):
    with contextlib.redirect_stdout(io.StringIO()):
      return task.get_examples(split)

  def assert_error(self, task, split, *messages):
    with self.assertRaises(utils.UserError) as raised:
      task.get_data_files(split)
    for message in messages:
      self.assertIn(message, str(raised.exception))

  def test_all_tasks_are_known(self):
    for name, task_class in [
        ("squad", qa_tasks.SQuAD), ("squadv1", qa_tasks.SQuADv1),
        ("arcd", qa_tasks.ARCD), ("tydiqa", qa_tasks.TyDiQA),
        ("newsqa", qa_tasks.NewsQA), ("naturalqs", qa_tasks.NaturalQuestions),
        ("triviaqa", qa_tasks.TriviaQA), ("searchqa", qa_tasks.SearchQA)]:
      task = self.task(name)
      self.assertIs(type(task), task_class)
      self.assertEqual(task.name, name)

  def test_files_of_arcd_may_have_other_names_and_folders(self):
    task = self.task("arcd")
    for name in ("squadv1/arcd-test.json", "squadv1/test.json",
                 "squadv1/dev.json", "arcd/arcd-test.json", "arcd/test.json",
                 "arcd/dev.json"):  # each is preferred to the one before
      path = self.write(name, CONTENT)
      self.assertEqual(task.get_data_files("dev"), [path])
    for name in ("squadv1/arcd-train.json", "arcd/arcd-train.json",
                 "arcd/train.json"):
      path = self.write(name, CONTENT)
      self.assertEqual(task.get_data_files("train"), [path])

  def test_missing_files_are_an_error_that_lists_the_paths(self):
    self.assert_error(
        self.task("arcd"), "train", "Task 'arcd': expected its train data in ",
        os.path.join("arcd", "train.json") + " or ",
        os.path.join("squadv1", "arcd-train.json"), "found no such file")

  def test_readme_command_for_arcd_names_the_task_to_use(self):
    # task_names ["squad"] with files in squadv1/, as AraELECTRA's README has it
    path = self.write("squadv1/train.json", CONTENT)
    self.assert_error(self.task("squad"), "train", path,
                      '"task_names": ["squadv1"]', 'for ARCD ["arcd"]')

  def test_squad_1_files_of_a_squad_2_task_name_the_task_to_use(self):
    self.write("squad/train.json", CONTENT)
    with self.assertRaisesRegex(utils.UserError,
                                r'"task_names": \["squadv1"\]'):
      self.task("squad").get_examples("train")

  def test_tydiqa_keeps_the_arabic_questions(self):
    content = json.loads(json.dumps(CONTENT))
    content["data"][0]["paragraphs"][0]["qas"][0]["id"] = "english-0"
    self.write("tydiqa/dev.json", content)
    self.assertEqual(len(self.examples(self.task("tydiqa"), "dev")), 39)

  def test_tydiqa_is_found_under_its_published_file_names(self):
    task = self.task("tydiqa")
    for split, names in (
        ("dev", ("tydiqa.goldp.ar.dev.json", "tydiqa-goldp-v1.0-dev.json",
                 "tydiqa-goldp-v1.1-dev.json",
                 "tydiqa-goldp-v1.1-dev/tydiqa-goldp-dev-arabic.json",
                 "tydiqa-goldp-dev-arabic.json", "dev.json")),
        ("train", ("tydiqa.goldp.ar.train.json", "tydiqa-goldp-v1.0-train.json",
                   "tydiqa-goldp-v1.1-train.json", "train.json"))):
      for name in names:  # each is preferred to the one before
        path = self.write("tydiqa/" + name, CONTENT)
        self.assertEqual(task.get_data_files(split), [path])

  def test_tydiqa_without_arabic_questions_is_an_error(self):
    content = json.loads(json.dumps(CONTENT).replace("arabic-", "english-"))
    self.write("tydiqa/dev.json", content)
    with contextlib.redirect_stdout(io.StringIO()) as printed:
      with self.assertRaisesRegex(utils.UserError, "expected questions"):
        self.task("tydiqa").get_examples("dev")
    self.assertIn("Skipped 40 questions that are not part of this task "
                  "(english-0", printed.getvalue())

  def test_mrqa_tasks_read_lines(self):
    self.write("newsqa/dev.jsonl", 0)
    path = os.path.join(self.data_dir, "finetuning_data/newsqa/dev.jsonl")
    with utils.write_atomically(path) as f:
      f.write(json.dumps(MRQA))
    example, = self.examples(self.task("newsqa"), "dev")
    self.assertEqual(example.gold_answers, ("Beirut",))

  def test_debug_reads_few_questions(self):
    self.write("arcd/dev.json", CONTENT)
    self.assertEqual(len(self.examples(self.task("arcd", debug=True), "dev")),
                     qa_tasks.DEBUG_QUESTIONS)

  def test_test_split_is_the_test_file_unless_that_is_the_dev_set(self):
    self.write("arcd/test.json", CONTENT)
    self.assertEqual(self.task("arcd").get_test_splits(), [])
    self.write("arcd/dev.json", CONTENT)
    self.assertEqual(self.task("arcd").get_test_splits(), ["test"])
    self.assertEqual(self.task("squad").get_test_splits(), [])

  def test_test_set_with_answers_is_scored(self):
    self.write("squadv1/dev.json", CONTENT)
    for answers, is_scored in [
        (None, False), ([], False), ([{"text": " ", "answer_start": 4}], False),
        ([{"text": "لبنان", "answer_start": 13}], True)]:
      question = {"id": "q", "question": "أين؟"}
      if answers is not None:
        question["answers"] = answers
      self.write("squadv1/test.json", {"data": [{"paragraphs": [{
          "context": "تقع بيروت في لبنان", "qas": [question]}]}]})
      task = self.task("squadv1")
      with contextlib.redirect_stdout(io.StringIO()):
        self.assertEqual(task.get_more_dev_splits(), ["test"] * is_scored)
        self.assertEqual(task.get_test_splits(), ["test"])
        example, = task.get_examples("test")
      self.assertEqual(example.gold_answers, ("لبنان",) if is_scored else None)
      with contextlib.redirect_stdout(io.StringIO()):
        names = task.get_scorer("test").score_names()
      self.assertEqual(names[:2], ["exact_match", "f1"] if is_scored else [])

  def test_test_set_of_impossible_questions_is_scored(self):
    question = {"id": "q", "question": "أين؟", "answers": [],
                "is_impossible": True}
    self.write("squad/test.json", {"data": [{"paragraphs": [
        {"context": "بيروت", "qas": [question]}]}]})
    self.assertEqual(self.task("squad").get_more_dev_splits(), ["test"])

  def test_features_match_their_specs(self):
    self.write("arcd/dev.json", CONTENT)
    task = self.task("arcd")
    specs = {spec.name: spec for spec in task.get_feature_specs()}
    features, = task.featurize(self.examples(task, "dev")[0], False)
    self.assertEqual(set(features), set(specs) | {
        "input_ids", "input_mask", "segment_ids"})
    for name, spec in specs.items():
      self.assertEqual(list(np.shape(features[name])), spec.shape)

  def test_features_for_evaluation_map_tokens_to_words(self):
    self.write("arcd/dev.json", CONTENT)
    task = self.task("arcd")
    features, = task.featurize(self.examples(task, "dev")[0], False,
                               for_eval=True)
    tokens = features["arcd_tokens"]
    self.assertEqual((tokens[0], tokens[-1]), ("[CLS]", "[SEP]"))
    first = min(features["arcd_token_to_orig_map"])
    self.assertEqual(tokens[first - 1], "[SEP]")
    self.assertEqual(features["arcd_token_to_orig_map"][first], 0)
    self.assertTrue(all(features["arcd_token_is_max_context"].values()))

  def test_featurizing_can_be_logged(self):
    self.write("arcd/dev.json", CONTENT)
    task = self.task("arcd")
    example = self.examples(task, "dev")[0]
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
      task.featurize(example, False, log=True)
    self.assertIn("Question arabic-0: أين", printed.getvalue())
    self.assertRegex(printed.getvalue(), r"answer at \d+-\d+: ل")


class CleaningTest(QATaskTestCase):
  CONTEXT = "وُلِدَ مُحَمَّدٌ (570م)"

  def setUp(self):
    super().setUp()
    self.write("arcd/dev.json", {"data": [{"paragraphs": [{
        "context": self.CONTEXT, "qas": [
            {"id": "q", "question": "مَن؟", "answers": [
                {"text": "مُحَمَّدٌ", "answer_start": 7}]}]}]}]})

  def record(self, **settings):
    utils.write_json(settings, os.path.join(
        self.data_dir, "models", "golden", "tokenizer_config.json"))

  def read(self, **hparams):
    """Returns (task, the only example of its dev set, what was printed)."""
    task, = task_builder.get_tasks(self.config("arcd", **hparams))
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
      example, = task.get_examples("dev")
    return task, example, printed.getvalue()

  def test_texts_are_not_cleaned_by_default(self):
    _, example, printed = self.read()
    self.assertEqual(example.words.words, tuple(self.CONTEXT.split()))
    self.assertEqual(example.cleaned_question, "مَن؟")
    self.assertNotIn("cleaning", printed)

  def test_texts_are_cleaned_as_configured(self):
    task, example, printed = self.read(arabert_preprocessing="araelectra-base")
    self.assertEqual(example.words.words,
                     ("ولد", "محمد", "(", "570", "م", ")"))
    query = task.tokenizer.encode("من ؟")
    self.assertEqual(
        task.get_windows(example)[0].input_ids[1:1 + len(query)], query)
    self.assertEqual(example.cleaned_question, "من ؟")
    self.assertIn("Task 'arcd': cleaning contexts and questions (not the "
                  "answers) like the pre-training text of araelectra-base (set "
                  "by arabert_preprocessing)", printed)

  def test_texts_are_cleaned_as_recorded_with_the_model(self):
    self.record(preprocessing="araelectra-base")
    _, example, printed = self.read()
    self.assertEqual(example.words.words[0], "ولد")
    self.assertIn("recorded with the model; to disable it set "
                  '"arabert_preprocessing": "none"', printed)

  def test_cleaning_of_the_model_can_be_disabled(self):
    self.record(preprocessing="araelectra-base")
    _, example, printed = self.read(arabert_preprocessing="none")
    self.assertEqual(example.words.words[0], "وُلِدَ")
    self.assertNotIn("cleaning", printed)

  def test_a_model_of_uncleaned_text_gets_uncleaned_text(self):
    self.record(preprocessing=None)
    self.assertEqual(self.read()[1].words.words[0], "وُلِدَ")

  def test_features_are_rebuilt_when_the_cleaning_changes(self):
    task, _, _ = self.read()
    self.assertIn("arabert_preprocessing", task.feature_hparams)

  def test_answers_are_as_written_in_the_context(self):
    task, example, _ = self.read(arabert_preprocessing="araelectra-base",
                                 joint_prediction=False, max_seq_length=64)
    window, = task.get_windows(example)
    pieces = task.tokenizer.convert_ids_to_tokens(
        window.input_ids[window.start_position:window.end_position + 1])
    self.assertEqual("".join(pieces).replace("##", ""), "محمد")
    logits = np.zeros([2, 64], np.float32)
    logits[0, window.start_position] = logits[1, window.end_position] = 1
    scorer = task.get_scorer()
    scorer.update({"eid": window.eid, "loss": 0.0, "answerable_logit": 0.0,
                   "start_logits": logits[0], "end_logits": logits[1]})
    with contextlib.redirect_stdout(io.StringIO()):
      results = dict(scorer.get_results())
      outputs.write_scorer_files(scorer)
    self.assertEqual(utils.load_json(task.config.qa_preds_file("arcd")),
                     {"q": "مُحَمَّدٌ"})
    self.assertEqual(results["exact_match"], 100.0)

  def test_predictions_have_the_question_as_written(self):
    path = self.write("arcd/new.json", {"data": [{"paragraphs": [{
        "context": self.CONTEXT, "qas": [{"id": "q", "question": "مَن؟"}]}]}]})
    task, = task_builder.get_tasks(self.config(
        "arcd", arabert_preprocessing="araelectra-base", predict_file=path,
        joint_prediction=False, max_seq_length=64))
    with contextlib.redirect_stdout(io.StringIO()):
      example, = task.get_examples("predict")
      window, = task.get_windows(example)
    first = min(window.token_to_word)
    logits = np.zeros([64], np.float32)
    logits[first] = 1
    scorer = task.get_scorer("predict")
    scorer.update({"eid": window.eid, "loss": 0.0, "answerable_logit": 0.0,
                   "start_logits": logits, "end_logits": logits})
    prediction, = scorer.get_predictions()
    self.assertEqual(prediction["question"], "مَن؟")
    self.assertTrue("وُلِدَ".startswith(prediction["answer"]))


class EndToEndTest(QATaskTestCase):

  @pytest.mark.slow
  def test_two_tasks_train_together_and_answer(self):
    content = json.loads(json.dumps(CONTENT))
    content["data"][0]["paragraphs"][0]["qas"][0].update(
        is_impossible=True, answers=[])
    for split in ("train", "dev"):
      self.write("squad/%s.json" % split, content)
    for name in ("arcd/arcd-train.json", "arcd/arcd-test.json"):
      self.write(name, CONTENT)
    config = self.config(
        "squad", "arcd", max_seq_length=32, doc_stride=4,
        model_hparam_overrides=TINY_MODEL, train_batch_size=16,
        predict_batch_size=32, num_train_epochs=1, learning_rate=1e-2)
    with contextlib.redirect_stdout(io.StringIO()):
      trial, = run_finetuning.run(config)
    self.assertLessEqual({"exact_match", "f1", "arabic_exact_match",
                          "loss"}, set(trial["results"]["arcd"]))
    self.assertIn("best_f1", trial["results"]["squad"])
    wanted = {"arabic-%d" % i for i in range(40)}
    for path in (config.qa_preds_file("arcd"), config.qa_nbest_file("arcd"),
                 config.qa_na_file("squad")):
      self.assertEqual(set(utils.load_json(path)), wanted)


if __name__ == "__main__":
  unittest.main()
