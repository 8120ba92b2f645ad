"""Tests for finetune.qa.qa_decoding, on a context of one-letter words."""

import unittest

import numpy as np

from finetune.qa import qa_decoding
from finetune.qa import qa_examples
from finetune.qa import qa_features
from tests.finetune.qa import golden_qa

WORDS = ("ا", "ب", "ج", "د")
INDEPENDENT = qa_decoding.Settings(
    n_best_size=3, max_answer_length=2, joint_prediction=False,
    answerable_classifier=True)
JOINT = INDEPENDENT._replace(joint_prediction=True)


class QADecodingTest(unittest.TestCase):

  def setUp(self):
    super().setUp()
    self.tokenizer = golden_qa.tokenizer()

  def window(self, words=WORDS, first_word=0, max_context=None):
    """Returns [CLS] ؟ [SEP] words [SEP]: words begin at position 3."""
    ids = self.tokenizer.convert_tokens_to_ids(
        ["[CLS]", "؟", "[SEP]"] + list(words) + ["[SEP]"])
    positions = range(3, 3 + len(words))
    return qa_features.Window(
        input_ids=ids,
        token_to_word={p: first_word + p - 3 for p in positions},
        max_context=frozenset(
            positions if max_context is None else max_context))

  def best(self, windows, outputs, settings, words=WORDS):
    return [(a.text, float(a.start_logit), float(a.end_logit)) for a in
            qa_decoding.best_answers(
                qa_examples.Words(" ".join(words)), windows, outputs,
                self.tokenizer, settings)]

  def logits(self, start, end):
    """Returns logits that are 0 but at the given {position: logit}."""
    arrays = np.zeros([2, 8], np.float32)
    for array, values in zip(arrays, (start, end)):
      for position, logit in values.items():
        array[position] = logit
    return {"start_logits": arrays[0], "end_logits": arrays[1]}

  def test_best_pair_of_start_and_end_wins(self):
    # starts 3: 3, 4: 2; ends 4: 5, 3: 1
    outputs = self.logits({3: 3, 4: 2}, {4: 5, 3: 1})
    self.assertEqual(self.best([self.window()], [outputs], INDEPENDENT), [
        ("ا ب", 3.0, 5.0), ("ب", 2.0, 5.0), ("ا", 3.0, 1.0)])

  def test_impossible_spans_are_passed_over(self):
    for name, start, end in [
        ("[CLS]", {0: 9}, {0: 9}),
        ("question", {1: 9}, {1: 9}),
        ("padding", {7: 9}, {7: 9}),
        ("ends before it starts", {4: 9}, {3: 9}),
        ("longer than max_answer_length", {3: 9}, {5: 9})]:
      with self.subTest(name):
        outputs = self.logits(start, end)
        settings = INDEPENDENT._replace(n_best_size=1)
        self.assertEqual(self.best([self.window()], [outputs], settings),
                         [("empty", 0.0, 0.0)])

  def test_a_start_without_most_context_is_passed_over(self):
    outputs = self.logits({3: 9, 4: 1}, {4: 1})
    texts = [a[0] for a in self.best(
        [self.window(max_context=[4, 5])], [outputs], INDEPENDENT)]
    self.assertEqual(texts[0], "ب")
    self.assertNotIn("ا ب", texts)

  def test_what_stands_for_nothing_is_passed_over(self):
    # "" would say that there is no answer
    words = qa_examples.Words(" ".join(WORDS))
    words.text = lambda first, last, start, end: "" if first == 0 else "ب"
    outputs = self.logits({3: 9, 4: 1}, {3: 9, 4: 1})
    answers = qa_decoding.best_answers(
        words, [self.window()], [outputs], self.tokenizer, INDEPENDENT)
    self.assertEqual([answer.text for answer in answers], ["ب"])

  def test_windows_compete_and_equal_texts_count_once(self):
    words = ("ا", "ب", "ا")
    windows = [self.window(words[:2]), self.window(words[2:], first_word=2)]
    outputs = [self.logits({3: 1}, {3: 1}), self.logits({3: 4}, {3: 4})]
    answers = self.best(windows, outputs, INDEPENDENT, words)
    self.assertEqual(answers[0], ("ا", 4.0, 4.0))
    self.assertEqual([a[0] for a in answers].count("ا"), 1)

  def test_joint_prediction_pairs_each_start_with_its_own_ends(self):
    outputs = {
        "start_top_index": np.array([3, 5]),
        "start_top_log_probs": np.array([-1.0, -2.0], np.float32),
        "end_top_index": np.array([[4, 3], [5, 0]]),
        "end_top_log_probs": np.array([[-1.0, -4.0], [-0.5, -9.0]], np.float32)}
    self.assertEqual(self.best([self.window()], [outputs], JOINT), [
        ("ا ب", -1.0, -1.0), ("ج", -2.0, -0.5), ("ا", -1.0, -4.0)])

  def test_null_odds_are_those_of_the_window_surest_of_an_answer(self):
    outputs = [{"answerable_logit": np.float32(x)} for x in (1.5, -2.5, 0.0)]
    self.assertEqual(qa_decoding.null_odds(outputs, [], INDEPENDENT), -2.5)

  def test_null_odds_without_classifier_compare_with_the_best_answer(self):
    # [CLS]: 1 + 2; best answer: 3 + 5
    outputs = [self.logits({0: 1}, {0: 2}), self.logits({0: 9}, {0: 9})]
    answers = [qa_decoding.Answer("ا", 3.0, 5.0)]
    self.assertEqual(
        qa_decoding.null_odds(outputs, answers, INDEPENDENT._replace(
            answerable_classifier=False)), -5.0)

  def test_context_without_words_has_no_answer(self):
    answers = qa_decoding.best_answers(
        qa_examples.Words(""), [], [], self.tokenizer, JOINT)
    self.assertEqual(answers[0].text, "empty")
    self.assertGreater(qa_decoding.null_odds([], answers, JOINT), 1000)

  def test_probabilities_are_the_softmax_of_the_sums(self):
    # exp(0) : exp(-log 3) = 3 : 1
    answers = [qa_decoding.Answer("x", 500.0, 0.0),
               qa_decoding.Answer("y", 500.0, -np.log(3))]
    np.testing.assert_allclose(
        qa_decoding.probabilities(answers), [0.75, 0.25])


if __name__ == "__main__":
  unittest.main()
