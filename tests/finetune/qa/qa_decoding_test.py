"""Tests for finetune.qa.qa_decoding, on a context of one-letter words."""

import unittest

import numpy as np

from finetune.qa import qa_decoding
from finetune.qa import qa_examples
from finetune.qa import qa_features
from model import tokenization
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
    """Returns logits that are 0 except at the given {position: logit}."""
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

  def test_invalid_spans_are_ignored(self):
    for name, start, end in [
        ("[CLS]", {0: 9}, {0: 9}),
        ("question", {1: 9}, {1: 9}),
        ("padding", {7: 9}, {7: 9}),
        ("ends before it starts", {4: 9}, {3: 9}),
        ("longer than max_answer_length", {3: 9}, {5: 9})]:
      with self.subTest(name):
        outputs = self.logits(start, end)
        settings = INDEPENDENT._replace(n_best_size=1)
        self.assertEqual(self.best([self.window()], [outputs], settings), [])

  def test_starts_without_maximum_context_are_ignored(self):
    outputs = self.logits({3: 9, 4: 1}, {4: 1})
    texts = [a[0] for a in self.best(
        [self.window(max_context=[4, 5])], [outputs], INDEPENDENT)]
    self.assertEqual(texts[0], "ب")
    self.assertNotIn("ا ب", texts)

  def test_spans_without_characters_in_the_original_are_ignored(self):
    # "" would be the prediction that there is no answer
    words = qa_examples.Words(" ".join(WORDS))
    words.locate_in_context = lambda first, last, start, end: (
        (0, 0) if first == 0 else (2, 3))
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

  def test_answers_are_substrings_with_their_place_in_the_context(self):
    context = "\n ا  ب\t\tج\u202f د"
    outputs = self.logits({3: 1}, {4: 9, 5: 5, 6: 2, 3: 1})
    answers = qa_decoding.best_answers(
        qa_examples.Words(context), [self.window()], [outputs], self.tokenizer,
        INDEPENDENT._replace(max_answer_length=4, n_best_size=4))
    self.assertEqual([answer[:3] for answer in answers[:4]], [
        ("ا  ب", 2, 6), ("ا  ب\t\tج", 2, 9), ("ا  ب\t\tج\u202f د", 2, 12),
        ("ا", 2, 3)])

  def test_texts_that_differ_in_white_space_count_once(self):
    words = ("ا", "ب", "ا", "ب")
    outputs = self.logits({3: 2, 5: 1}, {4: 2, 6: 1})
    answers = qa_decoding.best_answers(
        qa_examples.Words("ا ب ا\nب"), [self.window(words)], [outputs],
        self.tokenizer, INDEPENDENT)
    self.assertEqual([a.text for a in answers].count("ا ب"), 1)
    self.assertNotIn("ا\nب", [a.text for a in answers])

  def test_joint_prediction_pairs_each_start_with_its_own_ends(self):
    outputs = {
        "start_top_index": np.array([3, 5]),
        "start_top_log_probs": np.array([-1.0, -2.0], np.float32),
        "end_top_index": np.array([[4, 3], [5, 0]]),
        "end_top_log_probs": np.array([[-1.0, -4.0], [-0.5, -9.0]], np.float32)}
    self.assertEqual(self.best([self.window()], [outputs], JOINT), [
        ("ا ب", -1.0, -1.0), ("ج", -2.0, -0.5), ("ا", -1.0, -4.0)])

  def test_null_odds_are_those_of_the_window_most_certain_of_an_answer(self):
    outputs = [{"answerable_logit": np.float32(x)} for x in (1.5, -2.5, 0.0)]
    self.assertEqual(qa_decoding.null_odds(outputs, [], INDEPENDENT), -2.5)

  def test_null_odds_without_classifier_compare_with_the_best_answer(self):
    # [CLS]: 1 + 2; best answer: 3 + 5
    outputs = [self.logits({0: 1}, {0: 2}), self.logits({0: 9}, {0: 9})]
    answers = [qa_decoding.Answer("ا", 0, 1, 3.0, 5.0)]
    self.assertEqual(
        qa_decoding.null_odds(outputs, answers, INDEPENDENT._replace(
            answerable_classifier=False)), -5.0)

  def test_context_without_words_has_no_answer(self):
    answers = qa_decoding.best_answers(
        qa_examples.Words(""), [], [], self.tokenizer, JOINT)
    self.assertEqual(answers, [])
    self.assertGreater(qa_decoding.null_odds([], answers, JOINT), 1000)

  def test_probabilities_are_the_softmax_of_the_sums(self):
    # exp(0) : exp(-log 3) = 3 : 1
    answers = [qa_decoding.Answer("x", 0, 1, 500.0, 0.0),
               qa_decoding.Answer("y", 2, 3, 500.0, -np.log(3))]
    np.testing.assert_allclose(
        qa_decoding.probabilities(answers), [0.75, 0.25])


class LocatePiecesTest(unittest.TestCase):
  CASED = tokenization.BasicTokenizer(do_lower_case=False)
  LOWER = tokenization.BasicTokenizer(do_lower_case=True)
  KEEPING_ACCENTS = tokenization.BasicTokenizer(True, strip_accents=False)

  def located(self, pieces, text, tokenizer=CASED):
    start, end = qa_decoding.locate_pieces(text, pieces.split(), tokenizer)
    return text[start:end]

  def test_pieces_are_found_in_the_original_text(self):
    for pieces, text, expected in [
        ("18 ##95", "(1895-1943).", "1895"),
        ("1895 - 1943", "(1895-1943).", "1895-1943"),
        ("بير ##وت ،", "«بيروت، عمان»", "بيروت،"),
        ("##يروت", "بيروت،", "يروت"),  # within a word
        ("مُحَمَّد", "(مُحَمَّد)", "مُحَمَّد")]:  # diacritics are kept
      with self.subTest(pieces=pieces):
        self.assertEqual(self.located(pieces, text), expected)

  def test_case_of_the_original_is_kept(self):
    self.assertEqual(self.located("steve smith", "Steve Smith's", self.LOWER),
                     "Steve Smith")

  def test_unalignable_pieces_give_all_of_the_original(self):
    for pieces, text, tokenizer in [
        ("[UNK]", "(ab)", self.CASED),
        ("احمد", "أَحمد،", self.LOWER),  # the tokenizer dropped an accent
        ("", "(ab)", self.CASED)]:
      with self.subTest(pieces=pieces):
        self.assertEqual(self.located(pieces, text, tokenizer), text)

  def test_accents_are_kept_if_the_tokenizer_keeps_them(self):
    # the reference always strips them when lower-casing, and cannot align
    self.assertEqual(self.located("أَحمد", "أَحمد،", self.KEEPING_ACCENTS),
                     "أَحمد")


if __name__ == "__main__":
  unittest.main()
