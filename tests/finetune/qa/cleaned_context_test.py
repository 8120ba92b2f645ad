"""Tests for finetune.qa.cleaned_context.

The tests on real data sets need ELECTRA_DATA, a folder with arcd/ and tydiqa/.
"""

import contextlib
import io
import os
import random
import re
import tempfile
import unittest

from finetune.qa import answer_scores
from finetune.qa import cleaned_context
from finetune.qa import qa_features
from tests.finetune.qa import golden_qa
from util import utils

DATA = os.environ.get("ELECTRA_DATA")
CONTEXT = ("وُلِدَ (مُحَمَّدٌ) سنة 570م. موقعه http://a.b/c "
           "ولقبه 名探偵 والرمز 5² و مُحَمَّد")


def setUpModule():
  global CLEANING  # loaded once, because that is slow
  CLEANING = cleaned_context.Cleaning("araelectra-base")


def text_of(words, *location):
  """Returns the text of a `location` of some Words in the original."""
  start, end = words.locate_in_context(*location)
  return words.context[start:end]


class CleanedWordsTest(unittest.TestCase):

  def setUp(self):
    super().setUp()
    self.words = CLEANING.words(CONTEXT)

  def locate(self, answer, start=None):
    return self.words.locate(
        answer, CONTEXT.index(answer) if start is None else start)

  def test_words_are_cleaned(self):
    self.assertEqual(
        self.words.words[:9],
        ("ولد", "(", "محمد", ")", "سنة", "570", "م", ".", "موقعه"))

  def test_answers_are_found_in_the_cleaned_context(self):
    for answer, text, span in [
        ("مُحَمَّدٌ", "محمد", (2, 2)),
        ("(مُحَمَّدٌ)", "( محمد )", (1, 3)),
        ("570م", "570 م", (5, 6)),
        ("570", "570", (5, 5)),
        ("http://a.b/c", "[رابط]", (9, 9))]:
      with self.subTest(answer=answer):
        located = self.locate(answer)
        self.assertEqual(located, (text, span, False))
        self.assertEqual(text_of(self.words, *span), answer)

  def test_text_is_sliced_as_in_the_original(self):
    # of "( محمد ) سنة"
    self.assertEqual(text_of(self.words, 1, 4, 2, 6), "مُحَمَّدٌ")
    self.assertEqual(text_of(self.words, 1, 4, 2, 8), "مُحَمَّدٌ)")

  def test_an_answer_not_at_its_start_is_located_nearest_to_it(self):
    for start, span in [(0, (2, 2)), (12, (2, 2)), (9999, (14, 14)),
                        (-1, (2, 2))]:
      with self.subTest(start=start):
        located = self.locate("مُحَمَّد", start)
        self.assertEqual(located[:2], ("محمد", span))
        self.assertTrue(located.is_moved)

  def test_an_answer_may_differ_in_white_space_and_diacritics(self):
    # other white space, then other diacritics than in the context
    self.assertEqual(self.locate("سنة  570م", 17), ("سنة 570 م", (4, 6), True))
    self.assertEqual(self.locate("محمد", 20), ("محمد", (2, 2), True))

  def test_answers_that_the_cleaning_removed_are_not_located(self):
    for answer, start in [
        ("名探偵", None),  # nothing is left
        ("a.b", None),  # "[رابط]" replaces more
        ("دمشق", 3), ("", 0), ("  ", 0)]:
      with self.subTest(answer=answer):
        self.assertIsNone(self.locate(answer, start))

  def test_punctuation_alone_is_no_answer(self):
    self.assertIsNone(CLEANING.words("لقبه 名探偵، قال").locate("名探偵،", 5))

  def test_an_answer_is_located_by_its_remaining_letters(self):
    self.assertEqual(self.locate("ولقبه 名探偵"), ("ولقبه", (10, 10), False))

  def test_empty_contexts(self):
    for context in ("", " \n", "名探偵"):
      words = CLEANING.words(context)
      self.assertEqual(words.words, ())
      self.assertIsNone(words.locate("名探偵", 0))

  def test_unknown_models_are_an_error_that_names_the_hyperparameter(self):
    with self.assertRaisesRegex(
        utils.UserError, "Unknown hyperparameter 'arabert_preprocessing' "
        "'araelektra'. Use one of .*araelectra-base"):
      cleaned_context.Cleaning("araelektra")


class ReadingTest(unittest.TestCase):

  def read(self, *questions, **kwargs):
    """Returns (examples, what was printed) of (id, question, answer, start)."""
    with tempfile.TemporaryDirectory() as folder:
      path = os.path.join(folder, "f.json")
      utils.write_json({"data": [{"paragraphs": [{
          "context": CONTEXT, "qas": [
              {"id": qas_id, "question": text, "answers": [
                  {"text": answer, "answer_start": start}]}
              for qas_id, text, answer, start in questions]}]}]}, path)
      kwargs.setdefault("is_training", True)
      printed = io.StringIO()
      with contextlib.redirect_stdout(printed):
        examples = golden_qa.read_squad(path, "arcd", cleaning=CLEANING,
                                          **kwargs)
    return examples, printed.getvalue()

  def questions(self):
    return [("1", "مَن؟", "مُحَمَّدٌ", CONTEXT.index("مُحَمَّدٌ")),
            ("2", "x", "名探偵", CONTEXT.index("名探偵")),
            ("3", "y", "570م", 3)]

  def test_question_and_answer_are_kept_cleaned_and_as_written(self):
    example = self.read(*self.questions())[0][0]
    self.assertEqual((example.question, example.cleaned_question),
                     ("مَن؟", "من ؟"))
    self.assertEqual((example.answer_text, example.span), ("محمد", (2, 2)))
    self.assertEqual(example.gold_answers, ("مُحَمَّدٌ",))

  def test_answers_not_located_are_skipped_in_training_and_logged(self):
    examples, printed = self.read(*self.questions())
    self.assertEqual([e.qas_id for e in examples], ["1", "3"])
    self.assertIn("Read 2 questions from ", printed)
    self.assertIn("; 1 answers are elsewhere than at their answer_start (3)",
                  printed)
    self.assertIn("; skipped 1 whose answer is not in the cleaned context (2)",
                  printed)

  def test_answers_not_located_are_scored(self):
    examples, printed = self.read(*self.questions(), is_training=False)
    self.assertEqual([e.gold_answers for e in examples],
                     [("مُحَمَّدٌ",), ("名探偵",), ("570م",)])
    self.assertEqual((examples[1].span, examples[1].answer_text), (None, ""))
    self.assertIn("; including 1 whose answer is not in the cleaned", printed)

  def test_no_answer_has_position_minus_one(self):
    # the reference writes answer_start -1 and slices from there
    featurizer = qa_features.Featurizer(
        golden_qa.tokenizer(), max_seq_length=64, max_query_length=8,
        doc_stride=8)
    for is_training in (True, False):
      for example in self.read(*self.questions(), is_training=is_training)[0]:
        if example.span is None:
          self.assertEqual(example.answer_text, "")
        else:
          self.assertGreaterEqual(min(example.span), 0)
        for window in featurizer.windows(example):
          self.assertGreaterEqual(window.start_position, 0)
          self.assertLessEqual(window.start_position, window.end_position)

  def test_random_answers_are_recovered(self):
    rng = random.Random(0)
    words = CLEANING.words(CONTEXT)
    indices = [i for i, char in enumerate(CONTEXT) if char.isalnum()]
    num_found = 0
    for _ in range(300):
      start, end = sorted(rng.sample(indices, 2))
      located = words.locate(CONTEXT[start:end + 1], start)
      if located is None:  # in "名探偵" or within the address
        continue
      num_found += 1
      original = answer_scores.normalize_arabic(text_of(words, *located.span))
      for word in answer_scores.normalize_arabic(
          re.sub("[名探偵²]", "", CONTEXT[start:end + 1])).split():
        self.assertIn(word, original)
    self.assertGreater(num_found, 200)


@unittest.skipUnless(DATA, "set ELECTRA_DATA to the folder of the data sets")
class RealDataTest(unittest.TestCase):

  def assert_recovered(self, name, num_read, num_found, num_exact):
    """Asserts how many answers are located, and recovered exactly."""
    with contextlib.redirect_stdout(io.StringIO()):
      examples = golden_qa.read_squad(
          os.path.join(DATA, name), "x", is_training=False, cleaning=CLEANING)
    found = [example for example in examples if example.span]
    texts = [(text_of(example.words, *example.span), example.gold_answers[0])
             for example in found]
    self.assertEqual(
        (len(examples), len(found), sum(a == b for a, b in texts)),
        (num_read, num_found, num_exact))
    num_more_or_less = 0  # e.g. without the letters that were dropped
    for text, gold in texts:  # the words contain at least the answer
      text, gold = [answer_scores.normalize(t).replace(" ", "")
                    for t in (text, gold)]
      num_more_or_less += gold not in text
    self.assertLessEqual(num_more_or_less, 1)

  def test_arcd(self):
    # not located: names in Greek, Chinese, Japanese and Mongolian letters
    self.assert_recovered("arcd/arcd-train.json", 693, 688, 684)
    self.assert_recovered("arcd/arcd-test.json", 702, 700, 695)

  def test_tydiqa(self):
    self.assert_recovered("tydiqa/tydiqa-goldp-dev-arabic.json", 921, 921, 887)


if __name__ == "__main__":
  unittest.main()
