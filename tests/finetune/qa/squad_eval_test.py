"""Tests for finetune.qa.squad_eval; expected values are worked by hand.

tests/golden/finetune/qa_scores.json has the scores of the official scripts for
made-up answers; the tests on real data sets need ELECTRA_DATA.
"""

import contextlib
import io
import os
import unittest

from finetune.qa import squad_eval
from tests.finetune.qa import golden_qa
from util import utils

DATA = os.environ.get("ELECTRA_DATA")


class SquadV1Test(unittest.TestCase):

  def test_best_gold_answer_counts(self):
    # q1 exact; q2: gold "a cat sat" -> "cat sat", P = R = 1/2, F1 = 1/2
    gold = {"q1": ("no", "Yes!"), "q2": ("a cat sat",)}
    self.assertEqual(squad_eval.squad_v1(gold, {"q1": "yes", "q2": "cat ran"}),
                     {"exact_match": 50.0, "f1": 75.0})

  def test_question_without_a_prediction_is_wrong(self):
    self.assertEqual(squad_eval.squad_v1({"q1": ("x",), "q2": ("y",)},
                                         {"q1": "x"}),
                     {"exact_match": 50.0, "f1": 50.0})

  def test_gold_is_read_without_a_version(self):
    dataset = {"data": [{"paragraphs": [{"context": "b a", "qas": [
        {"id": "q", "answers": [{"text": "a"}, {"text": "b"}]},
        {"id": "r", "answers": []}]}]}]}
    self.assertEqual(squad_eval.read_gold(dataset), {"q": ("a", "b"), "r": ()})


class SquadV2Test(unittest.TestCase):
  # has: answered right with low odds; miss: answered right, odds too high;
  # none: unanswerable with high odds
  gold = {"has": ("x",), "miss": ("y",), "none": ()}
  predictions = {"has": "x", "miss": "y", "none": "z"}
  odds = {"has": -3.0, "miss": -2.0, "none": 1.0}

  def test_predictions_above_the_threshold_count_as_empty(self):
    results = squad_eval.squad_v2(self.gold, self.predictions, self.odds, -2.5)
    self.assertAlmostEqual(results["exact"], 200 / 3)
    self.assertEqual(results["HasAns_exact"], 50.0)
    self.assertEqual(results["NoAns_exact"], 100.0)
    self.assertEqual([results[prefix + "total"] for prefix in
                      ("", "HasAns_", "NoAns_")], [3, 2, 1])

  def test_best_threshold_is_independent_of_the_one_used(self):
    # in order of odds: none answered 1 right, has 2, miss 3, none 2
    results = squad_eval.squad_v2(self.gold, self.predictions, self.odds, -2.5)
    self.assertEqual(results["best_exact"], 100.0)
    self.assertEqual(results["best_exact_thresh"], -2.0)

  def test_no_odds_no_best_threshold(self):
    results = squad_eval.squad_v2({"q": ()}, {"q": ""})
    self.assertEqual(results, {
        "exact": 100.0, "f1": 100.0, "total": 1, "NoAns_exact": 100.0,
        "NoAns_f1": 100.0, "NoAns_total": 1})


class ArabicTest(unittest.TestCase):

  def test_punctuation_and_hamza_do_not_count(self):
    gold = {"q": ("أحمد", "x"), "r": ()}
    self.assertEqual(squad_eval.squad_v1({"q": ("أحمد",)}, {"q": "احمد،"}),
                     {"exact_match": 0.0, "f1": 0.0})
    self.assertEqual(
        squad_eval.arabic(gold, {"q": "احمد،", "r": ""}),
        {"arabic_exact_match": 100.0, "arabic_f1": 100.0})

  def test_article_does_not_count(self):
    # "مدينه قاهره" and "قاهره": P = 1, R = 1/2, F1 = 2/3
    scores = squad_eval.arabic({"q": ("مدينة القاهرة",)}, {"q": "القاهره"})
    self.assertEqual(scores["arabic_exact_match"], 0.0)
    self.assertAlmostEqual(scores["arabic_f1"], 200 / 3)

  def test_mlqa_keeps_letters_and_drops_punctuation(self):
    gold = {"q": ("القاهرة",), "r": ("أحمد",), "s": (), "t": ("x",)}
    self.assertEqual(
        squad_eval.mlqa_arabic(gold, {"q": "قاهرة،", "r": "احمد", "s": ""}),
        {"mlqa_exact_match": 50.0, "mlqa_f1": 50.0})  # "t" has no prediction

  def test_answers_to_unanswerable_questions_are_wrong(self):
    for score in (squad_eval.arabic, squad_eval.mlqa_arabic):
      self.assertEqual(set(score({"q": ()}, {"q": "x"}).values()), {0.0})


class MadeUpAnswersTest(unittest.TestCase):
  """Digit for digit: articles, punctuation, empty answers, odd white space."""

  @classmethod
  def setUpClass(cls):
    super().setUpClass()
    cls.cases = utils.load_json(
        os.path.join(golden_qa.GOLDEN, "qa_scores.json"))["cases"]

  def gold(self, case):
    return {qas_id: tuple(answers) for qas_id, answers in case["gold"].items()}

  def test_squad_v1(self):
    cases = [case for case in self.cases if "squad_v1" in case]
    self.assertEqual(len(cases), 12)
    for case in cases:
      self.assertEqual(
          squad_eval.squad_v1(self.gold(case), case["predictions"]),
          case["squad_v1"])

  def test_squad_v2(self):
    for case in self.cases:
      gold = self.gold(case)
      predictions = dict(dict.fromkeys(gold, ""), **case["predictions"])
      self.assertEqual(
          squad_eval.squad_v2(gold, predictions, case["null_odds"], -2.75),
          case["squad_v2"])
      self.assertEqual(squad_eval.squad_v2(gold, predictions),
                       case["squad_v2_without_odds"])

  def test_mlqa(self):
    for case in self.cases:
      if "mlqa" in case:
        scores = squad_eval.mlqa_arabic(self.gold(case), case["predictions"])
        self.assertEqual({name: scores["mlqa_" + name] for name in
                          ("exact_match", "f1")}, case["mlqa"])

  def test_arabic_scores_do_not_have_names_of_official_ones(self):
    gold, predictions = {"q": ("x",)}, {"q": "x"}
    official = set(squad_eval.squad_v1(gold, predictions)) | set(
        squad_eval.squad_v2(gold, predictions, {"q": 0.0}))
    for score in (squad_eval.arabic, squad_eval.mlqa_arabic):
      self.assertFalse(official & set(score(gold, predictions)))


@unittest.skipUnless(DATA, "set ELECTRA_DATA to the folder of the data sets")
class OfficialNumbersTest(unittest.TestCase):

  def load(self, name):
    return utils.load_json(os.path.join(DATA, "squad", name))

  def test_squad_v1(self):
    expected = self.load("expected_scores.json")["predictions-v1.1-bert.json"]
    results = squad_eval.squad_v1(
        squad_eval.read_gold(self.load("dev-v1.1.json")),
        self.load("predictions-v1.1-bert.json"))
    self.assertEqual(results["exact_match"], expected["exact_match"])
    self.assertEqual(results["f1"], expected["f1"])

  def test_squad_v2(self):
    expected = self.load("expected_scores.json")["predictions-v2.0.json"]
    self.assertEqual(squad_eval.squad_v2(
        squad_eval.read_gold(self.load("dev-v2.0-normans-rhine.json")),
        self.load("predictions-v2.0.json"), self.load("null_odds-v2.0.json")),
                     expected["result"])

  def test_mrqa(self):
    with contextlib.redirect_stdout(io.StringIO()):
      examples = golden_qa.read_mrqa(
          os.path.join(DATA, "mrqa", "SQuAD.seanie12.jsonl.gz"), "x",
          is_training=False)
    predictions = utils.load_json(
        os.path.join(DATA, "mrqa", "pred-output.json"))
    self.assertEqual(
        squad_eval.squad_v1({example.qas_id: example.gold_answers
                             for example in examples}, predictions),
        utils.load_json(
            os.path.join(golden_qa.GOLDEN, "qa_scores.json"))["mrqa"])


if __name__ == "__main__":
  unittest.main()
