"""Tests for finetune.qa.qa_metrics, against the reference's answers."""

import contextlib
import io
import json
import math
import tempfile
import unittest
from unittest import mock

from finetune import outputs
from finetune.qa import qa_decoding
from finetune.qa import qa_metrics
from finetune.qa import qa_tasks
from tests.finetune.qa import golden_qa
from util import utils

TASKS = {"squadv1": qa_tasks.SQuADv1, "squad": qa_tasks.SQuAD}
ARABIC_SCORES = {"arabic_exact_match", "arabic_f1", "mlqa_exact_match",
                 "mlqa_f1"}


class SpanBasedQAScorerTest(unittest.TestCase):

  @classmethod
  def setUpClass(cls):
    super().setUpClass()
    cls.folder = tempfile.TemporaryDirectory()
    cls.data_dir = cls.folder.name
    golden_qa.write_data(cls.data_dir)
    cls.golden = golden_qa.load()
    cls.tokenizer = golden_qa.tokenizer()

  @classmethod
  def tearDownClass(cls):
    cls.folder.cleanup()
    super().tearDownClass()

  def score(self, task_name, split="dev", num_left_out=0, **hparams):
    """Returns (config, scorer) after the made-up outputs of all windows."""
    config = golden_qa.config(self.data_dir, task_name, **hparams)
    task = TASKS[task_name](config, self.tokenizer)
    scorer = task.get_scorer(split)
    with contextlib.redirect_stdout(io.StringIO()):
      examples = task.get_examples(split)
    for example in examples[num_left_out:]:
      for window in task.get_windows(example):
        scorer.update(golden_qa.made_up_outputs(window))
    return config, scorer

  def results(self, scorer):
    """Returns the scores after the files of the split were written."""
    with contextlib.redirect_stdout(io.StringIO()):
      outputs.write_scorer_files(scorer)
      return dict(scorer.get_results())

  def test_answers_and_scores_are_those_of_the_reference(self):
    for task_name in TASKS:
      for kind in ("joint", "independent"):
        with self.subTest(task=task_name, kind=kind):
          golden = self.golden["%s_%s" % (task_name, kind)]
          config, scorer = self.score(
              task_name, joint_prediction=kind == "joint")
          results = self.results(scorer)
          # The reference answers "empty" where no span is valid, and has
          # spaces for all white space between words.
          self.assertEqual({
              qas_id: " ".join(text.split()) or "empty" for qas_id, text in
              utils.load_json(config.qa_preds_file(task_name)).items()},
                           golden["predictions"])
          self.assertEqual(
              {name: value for name, value in results.items()
               if name not in ARABIC_SCORES}, golden["results"])
          self.assertLessEqual(ARABIC_SCORES, set(results))
          self.assertEqual(utils.load_json(config.qa_eval_file(task_name)),
                           results)
          if task_name == "squad":
            self.assertEqual(utils.load_json(config.qa_na_file(task_name)),
                             golden["null_odds"])

  def test_first_score_is_the_exact_match_and_loss_is_a_mean(self):
    for task_name, wanted in (("squadv1", ["exact_match", "f1"]),
                              ("squad", ["exact", "f1"])):
      _, scorer = self.score(task_name)
      with contextlib.redirect_stdout(io.StringIO()):
        self.assertEqual(
            [name for name, _ in scorer.get_results()[:2]], wanted)
      self.assertEqual(scorer.get_loss(), 1.0)

  def test_names_of_scores_are_known_before_the_predictions(self):
    for task_name in TASKS:
      _, scorer = self.score(task_name)
      names = list(self.results(scorer))
      with contextlib.redirect_stdout(io.StringIO()):
        self.assertEqual(scorer._task.get_scorer().score_names(), names)

  def test_n_best_answers_are_written(self):
    config, scorer = self.score("squadv1")
    self.results(scorer)
    predictions = utils.load_json(config.qa_preds_file("squadv1"))
    n_best = utils.load_json(config.qa_nbest_file("squadv1"))
    self.assertEqual(set(n_best), set(predictions))
    self.assertEqual({qas_id: "" for qas_id, answers in n_best.items()
                      if not answers}, {
                          qas_id: text for qas_id, text in predictions.items()
                          if not text})
    for qas_id, answers in n_best.items():
      if not answers:
        continue
      self.assertEqual(answers[0]["text"], predictions[qas_id])
      self.assertLessEqual(len(answers), config.n_best_size)
      self.assertEqual(set(answers[0]),
                       {"text", "start", "end", "probability", "start_logit",
                        "end_logit"})
      self.assertAlmostEqual(sum(a["probability"] for a in answers), 1.0)

  def test_results_write_nothing_and_outputs_are_decoded_once(self):
    config, scorer = self.score("squad")
    num_questions = len(self.golden["squad_joint"]["predictions"])
    with mock.patch.object(utils, "write_json") as write, mock.patch.object(
        qa_decoding, "best_answers", wraps=qa_decoding.best_answers) as decode:
      scorer.get_results()
      files = scorer.get_files()
      scorer.get_test_predictions()
      scorer.get_predictions_as_text()
    write.assert_not_called()
    self.assertEqual(decode.call_count, num_questions)
    self.assertEqual(list(files), [
        config.qa_preds_file("squad"), config.qa_nbest_file("squad"),
        config.qa_na_file("squad"), config.qa_eval_file("squad"),
        config.qa_errors_file("squad")])

  def test_worst_answers_are_written_first(self):
    config, scorer = self.score("squad")
    errors = scorer.get_files()[config.qa_errors_file("squad")]
    self.assertEqual(sorted(errors, key=lambda error: error["f1"]), errors)
    self.assertLess(errors[0]["f1"], 100)
    for error in errors:
      if error["start"] is not None:
        self.assertEqual(error["context"][error["start"]:error["end"]],
                         error["answer"])

  def test_only_the_dev_set_has_files(self):
    self.assertEqual(self.score("squad", split="train")[1].get_files(), {})

  def test_files_are_utf_8(self):
    config, scorer = self.score("squadv1")
    self.results(scorer)
    with io.open(config.qa_preds_file("squadv1"), encoding="utf-8") as f:
      self.assertIn("محمد بن سعود", f.read())

  def test_test_predictions_are_empty_above_the_threshold(self):
    golden = self.golden["squad_joint"]
    _, scorer = self.score("squad")
    predictions = scorer.get_test_predictions()
    self.assertEqual({
        qas_id: " ".join(text.split()) for qas_id, text in predictions.items()},
                     {qas_id: "" if golden["null_odds"][qas_id] > -2.75 or
                              text == "empty" else text
                      for qas_id, text in golden["predictions"].items()})

  def test_answers_are_substrings_with_their_place_in_the_context(self):
    for task_name in TASKS:
      with self.subTest(task=task_name):
        _, scorer = self.score(task_name)
        with contextlib.redirect_stdout(io.StringIO()):
          predictions = scorer.get_predictions()
          examples = scorer._task.get_examples("dev")
        num_answers = 0
        for prediction, example in zip(predictions, examples):
          for answer in prediction["n_best"]:
            start, end = answer["start"], answer["end"]
            self.assertEqual(example.words.context[start:end], answer["text"])
          if prediction["answer"]:
            num_answers += 1
            start, end = prediction["start"], prediction["end"]
            self.assertEqual(example.words.context[start:end],
                             prediction["answer"])
            self.assertEqual(prediction["probability"],
                             prediction["n_best"][0]["probability"])
        self.assertGreater(num_answers, 20)

  def test_probability_of_no_answer_is_that_of_the_null_odds(self):
    _, scorer = self.score("squad", qa_na_threshold=-2.75)
    with contextlib.redirect_stdout(io.StringIO()):
      predictions = scorer.get_predictions()
    without = [p for p in predictions if not p["has_answer"] and p["n_best"]]
    self.assertGreater(len(without), 20)
    for prediction in without:
      self.assertEqual((prediction["answer"], prediction["start"]), ("", None))
      # sigmoid(null_logit)
      self.assertAlmostEqual(
          prediction["probability"],
          1.0 / (1.0 + math.exp(-prediction["null_logit"])))

  def test_questions_without_a_valid_span_are_counted(self):
    # the golden outputs of two questions have no valid span
    for task_name in TASKS:
      _, scorer = self.score(task_name)
      printed = io.StringIO()
      with contextlib.redirect_stdout(printed):
        predictions = scorer.get_predictions()
      without = [p for p in predictions if not p["n_best"]]
      self.assertEqual(len(without), 1)
      self.assertEqual([(p["answer"], p["start"], p["end"], p["probability"])
                        for p in without], [("", None, None, None)])
      self.assertIn(
          "Task '%s': no span of the context is an answer for 1 of 120 dev "
          "questions (%s); their answer is \"\"\n" % (
              task_name, without[0]["id"]), printed.getvalue())

  def test_unlabeled_split_has_no_scores(self):
    content = {"data": [{"paragraphs": [{"context": "بيروت", "qas": [
        {"id": "q", "question": "أين؟"}]}]}]}
    golden_qa.write_split(self.data_dir, "squad", "test", content)
    _, scorer = self.score("squad", split="test")
    self.assertEqual(self.results(scorer), {})
    self.assertEqual(list(scorer.get_test_predictions()), ["q"])

  def test_outputs_of_other_data_are_an_error(self):
    _, scorer = self.score("squadv1", num_left_out=1)
    with self.assertRaisesRegex(utils.UserError, "use_tfrecords_if_existing"):
      scorer.get_results()

  def test_scores_are_plain_numbers(self):
    _, scorer = self.score("squad")
    json.dumps(self.results(scorer))

  def test_arabic_scores_are_for_arabic_answers(self):
    for gold, wanted in [({"a": ("بيروت",), "b": ("x",), "c": ("عمان",)}, True),
                         ({"a": ("بيروت",), "b": ("x",), "c": ()}, False),
                         ({"a": ()}, False)]:
      self.assertEqual(qa_metrics._is_mostly_arabic(gold), wanted)


if __name__ == "__main__":
  unittest.main()
