"""Tests for finetune.qa.squad_eval; expected values are worked by hand.

The official numbers are those that the official scripts gave on whole data
sets; they need `ELECTRA_DATA`.
"""

import os
import unittest

from finetune.qa import squad_eval
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

  def test_threshold_empties_predictions(self):
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


class ArabicNormalizedTest(unittest.TestCase):

  def test_punctuation_and_hamza_do_not_count(self):
    gold = {"q": ("أحمد", "x"), "r": ()}
    self.assertEqual(squad_eval.squad_v1({"q": ("أحمد",)}, {"q": "احمد،"}),
                     {"exact_match": 0.0, "f1": 0.0})
    self.assertEqual(
        squad_eval.arabic_normalized(gold, {"q": "احمد،", "r": ""}),
        {"exact_match_arabic_normalized": 100.0, "f1_arabic_normalized": 100.0})


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


if __name__ == "__main__":
  unittest.main()
