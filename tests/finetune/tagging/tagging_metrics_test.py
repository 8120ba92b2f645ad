"""Tests for finetune.tagging.tagging_metrics."""

import os
import random
import unittest

from finetune.readers import conll
from finetune.tagging import tagging_metrics
from finetune.tagging import tagging_utils
from tests.finetune.tagging import conlleval
from tests.finetune.tagging import tiny_tags
from util import utils

DATA = os.environ.get("ELECTRA_DATA")
# Output of conlleval itself; see "source" there.
GOLDEN = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..",
                      "golden", "finetune", "conlleval_scores.json")


def corrupted(sentences, tags, share, seed):
  """Returns the sentences with that share of tags drawn at random."""
  rng = random.Random(seed)
  return [[rng.choice(tags) if rng.random() < share else tag
           for tag in sentence] for sentence in sentences]


class ScoresTest(unittest.TestCase):

  def assert_scores(self, gold, predicted, f1, precision, recall):
    scores, _ = tagging_metrics.span_scores(gold, predicted)
    self.assertEqual(list(scores), ["f1", "precision", "recall"])
    for name, value in [("f1", f1), ("precision", precision),
                        ("recall", recall)]:
      self.assertAlmostEqual(scores[name], value)

  def test_span_is_correct_if_both_ends_and_type_are(self):
    gold = ["B-X I-X O B-Y".split(), "B-X O".split(), "B-Y B-Y".split()]
    # Correct: the first span. The second has another type, and the last two
    # are predicted as one.
    predicted = ["B-X E-X O S-X".split(), "O O".split(), "B-Y I-Y".split()]
    # 1 of 3 predicted, of 5 gold: F1 = 2 * 1 / (3 + 5)
    self.assert_scores(gold, predicted, 25.0, 100.0 / 3, 20.0)

  def test_inside_tag_after_another_type_counts_as_in_conlleval(self):
    gold, predicted = [["B-X", "I-Y"]], [["B-X", "B-Y"]]
    self.assert_scores(gold, predicted, 100.0, 100.0, 100.0)
    self.assertEqual(conlleval.scores(gold, predicted), (100.0, 100.0, 100.0))

  def test_spans_end_with_their_sentence(self):
    self.assert_scores([["B-X"], ["I-X"]], [["S-X"], ["S-X"]],
                       100.0, 100.0, 100.0)

  def test_scores_without_spans_are_0(self):
    self.assert_scores([["O"]], [["O"]], 0.0, 0.0, 0.0)
    self.assert_scores([["B-X"]], [["O"]], 0.0, 0.0, 0.0)
    self.assert_scores([["O"]], [["B-X"]], 0.0, 0.0, 0.0)

  def test_scores_of_types(self):
    _, by_type = tagging_metrics.span_scores(
        [["B-X", "B-PER-x", "B-X"]], [["B-X", "I-PER-x", "O"]])
    self.assertEqual(by_type["PER-x"], {"f1": 100.0, "precision": 100.0,
                                        "recall": 100.0, "support": 1})
    self.assertAlmostEqual(by_type["X"]["recall"], 50.0)
    self.assertEqual(by_type["X"]["support"], 2)

  def test_accuracy_counts_words(self):
    self.assertEqual(tagging_metrics.accuracy([["A", "B"], ["A", "C"]],
                                              [["A", "B"], ["C", "C"]]), 75.0)

  def test_scores_of_random_tags_equal_those_of_conlleval(self):
    tags = ["O"] + [place + "-" + name for place in "BIES" for name in "XY"]
    rng = random.Random(0)
    for seed in range(15):
      gold = [[rng.choice(tags) for _ in range(rng.randint(1, 9))]
              for _ in range(3)]
      predicted = corrupted(gold, tags, 0.5, seed)
      precision, recall, f1 = conlleval.scores(gold, predicted)
      self.assert_scores(gold, predicted, f1, precision, recall)

  @unittest.skipUnless(DATA, "ELECTRA_DATA is not set")
  def test_scores_of_real_tags_equal_those_of_conlleval(self):
    for name in ("conll2000/test.txt", "anercorp/ANERCorp_CamelLab_test.txt"):
      gold = [sentence.tags for sentence in conll.read_conll(
          os.path.join(DATA, name)).sentences]
      tags = sorted({tag for sentence in gold for tag in sentence})
      predicted = corrupted(gold, tags, 0.2, seed=1)
      precision, recall, f1 = conlleval.scores(gold, predicted)
      self.assertTrue(0.0 < f1 < 100.0)
      self.assert_scores(gold, predicted, f1, precision, recall)
      bioes = [tagging_utils.recode(tags, "BIOES") for tags in predicted]
      self.assert_scores(gold, bioes, f1, precision, recall)


class ConllevalTest(unittest.TestCase):
  """Scores equal those that conlleval prints with two decimals."""

  @classmethod
  def setUpClass(cls):
    super().setUpClass()
    cls.golden = utils.load_json(GOLDEN)

  def assert_scores(self, gold, predicted, wanted):
    scores, _ = tagging_metrics.span_scores(gold, predicted)
    scores["accuracy"] = tagging_metrics.accuracy(gold, predicted)
    for name in ("accuracy", "precision", "recall", "f1"):
      self.assertAlmostEqual(scores[name], wanted[name], delta=0.00501)

  def test_made_up_tags(self):
    self.assertEqual(len(self.golden["made_up"]), 23)
    for case in self.golden["made_up"]:
      self.assert_scores([tags.split() for tags in case["gold"]],
                         [tags.split() for tags in case["predicted"]], case)

  @unittest.skipUnless(DATA, "ELECTRA_DATA is not set")
  def test_conll_2000_and_anercorp(self):
    for name, wanted in self.golden["real"].items():
      gold = [sentence.tags for sentence in conll.read_conll(
          os.path.join(DATA, name)).sentences]
      tags = sorted({tag for sentence in gold for tag in sentence})
      self.assert_scores(gold, corrupted(gold, tags, 0.2, seed=1), wanted)


class ScorerTest(tiny_tags.TaggingTestCase):

  def setUp(self):
    super().setUp()
    self.write("ner/train.txt", tiny_tags.TRAIN)
    self.write("ner/dev.txt", tiny_tags.DEV)
    self.write("pos/train.txt", "a X\nb Y\n")
    self.write("pos/dev.txt", "a X\nb Y\na Y\n")

  def update(self, scorer, task, labels, eid=0, loss=1.0):
    ids = [task.label_list.index(label) for label in labels]
    scorer.update({"eid": eid, "loss": loss, "predictions": ids + [0, 0],
                   "labels_mask": [1.0] * len(ids) + [0.0, 0.0]})

  def scored(self, name, *all_labels, **hparams):
    task = self.quietly(self.task, name)
    scorer = task.get_scorer()
    for eid, labels in enumerate(all_labels):
      self.quietly(self.update, scorer, task, labels, eid, eid + 1.0)
    return task, scorer

  def test_span_scores_come_with_accuracy_and_the_mean_loss(self):
    _, scorer = self.scored("ner", ["S-X", "S-X"], ["S-Y"])
    results = self.quietly(scorer.get_results)
    self.assertEqual([name for name, _ in results],
                     ["f1", "precision", "recall", "accuracy", "loss"])
    # 2 of 3 predicted spans, of 2 gold ones; 2 of 3 tags; losses 1 and 2
    for name, value in [("f1", 80.0), ("precision", 200 / 3.0),
                        ("recall", 100.0), ("accuracy", 200 / 3.0),
                        ("loss", 1.5)]:
      self.assertAlmostEqual(dict(results)[name], value)

  def test_names_of_scores_are_known_before_the_predictions(self):
    for name, labels in [("ner", (["S-X", "S-X"], ["S-Y"])),
                         ("pos", (["X", "X", "Y"],))]:
      task, scorer = self.scored(name, *labels)
      self.assertEqual(
          task.get_scorer().score_names(),
          [name for name, _ in self.quietly(scorer.get_results)])

  def test_windows_of_a_sentence_are_joined(self):
    task = self.quietly(self.task, "ner")
    undivided, in_windows = task.get_scorer(), task.get_scorer()
    self.quietly(self.update, undivided, task, ["B-X", "E-X"], 0)
    for labels in (["B-X"], ["E-X"]):
      self.update(in_windows, task, labels, 0)
    for scorer in (undivided, in_windows):
      self.update(scorer, task, ["S-Y"], 1)
    self.assertEqual(self.quietly(in_windows.get_results),
                     self.quietly(undivided.get_results))
    self.assertEqual(in_windows.get_files(), undivided.get_files())

  def test_token_labels_score_by_accuracy(self):
    _, scorer = self.scored("pos", ["X", "X", "Y"])
    results = self.quietly(scorer.get_results)
    self.assertEqual([name for name, _ in results], ["accuracy", "loss"])
    self.assertAlmostEqual(results[0][1], 200 / 3.0)

  def test_predictions_are_in_the_format_of_conlleval(self):
    task, scorer = self.scored("ner", ["B-X", "E-X"], ["O"])
    files = scorer.get_files()
    path = task.config.tagging_preds_file("ner", "dev")
    self.assertEqual(files.pop(path),
                     "good B-X B-X\na O I-X\n\nb B-Y O\n\n")
    scores = files.pop(task.config.tagging_scores_file("ner", "dev"))
    self.assertEqual(set(scores["by_type"]), {"X", "Y"})
    self.assertEqual(dict(scores, loss=scorer.get_loss(), by_type=None),
                     dict(scorer.get_results(), by_type=None))
    self.assertEqual(files, {})

  def test_predictions_for_words_without_tags(self):
    self.write("ner/test.txt", "a\nb\n\nc\n")
    task = self.quietly(self.task, "ner")
    scorer = task.get_scorer("test")
    self.quietly(self.update, scorer, task, ["B-X", "E-X"], 0)
    self.update(scorer, task, ["O"], 1)
    self.assertEqual(scorer.get_results(), [])
    self.assertEqual(scorer.get_files(), {})
    self.assertEqual(scorer.get_test_predictions(),
                     {0: ["B-X", "I-X"], 1: ["O"]})
    self.assertEqual(scorer.get_submission(),
                     ("ner_test.txt", "a B-X\nb I-X\n\nc O\n\n"))

  def test_outputs_of_other_sentences_are_an_error(self):
    for all_labels in ([["O", "O"]], [["O", "O"], ["O", "O"]], [["O"], ["O"]],
                       [["O", "O"], ["O"], ["O"]]):
      _, scorer = self.scored("ner", *all_labels)
      with self.assertRaisesRegex(utils.UserError,
                                  "2 sentences of split 'dev'.*false"):
        scorer.get_results()

  def test_scorers_without_a_task(self):
    outputs = {"loss": 0.5, "labels": [0, 1, 2, 9], "labels_mask": [1, 1, 1, 0],
               "predictions": [0, 1, 1, 9]}
    by_accuracy = tagging_metrics.AccuracyScorer()
    by_span = tagging_metrics.EntityLevelF1Scorer({"B-X": 0, "O": 1, "S-Y": 2})
    for scorer in (by_accuracy, by_span):
      scorer.update(outputs)
      self.assertFalse(scorer.has("get_predictions"))
    (name, accuracy), loss = by_accuracy.get_results()
    self.assertEqual((name, loss), ("accuracy", ("loss", 0.5)))
    self.assertAlmostEqual(accuracy, 200 / 3)
    # 1 of 1 predicted, 1 of 2 found.
    self.assertEqual(by_span.get_results()[1:3],
                     [("precision", 100.0), ("recall", 50.0)])

  def test_scorers_without_a_task_are_attached_to_one(self):
    for made in (tagging_metrics.AccuracyScorer(), tagging_metrics.F1Scorer(),
                 tagging_metrics.EntityLevelF1Scorer({})):
      made.attach(object(), "predict")  # a task of another kind
      self.assertFalse(made.has("get_predictions"))
      made.attach(self.task("ner"), "predict")
      self.assertTrue(made.has("get_predictions"))


if __name__ == "__main__":
  unittest.main()
