"""Tests for finetune.qa.qa_examples."""

import contextlib
import io
import os
import unittest

from finetune.qa import qa_examples
from finetune.readers import squad
from tests.finetune.qa import golden_qa
from util import utils

DATA = os.environ.get("ELECTRA_DATA")
CONTEXT = "في بيروت وعمان"


class WordsTest(unittest.TestCase):

  def test_words_are_split_at_the_white_space_of_the_reference(self):
    self.assertEqual(qa_examples.Words(" a\tb\r\nc\u202fd ").words,
                     ("a", "b", "c", "d"))

  def test_other_spaces_are_part_of_a_word(self):
    # NO-BREAK SPACE, as in ARCD's contexts, and IDEOGRAPHIC SPACE
    self.assertEqual(qa_examples.Words("a\u00a0b c\u3000d").words,
                     ("a\u00a0b", "c\u3000d"))

  def test_answer_is_found_as_the_words_that_contain_it(self):
    words = qa_examples.Words("ولد (1895-1943). في  بيروت")
    for answer, start, wanted in [
        ("1895", 5, (1, 1)),
        ("في بيروت", 17, (2, 3)),  # one space for two
        ("ولد (1895-1943). في ب", 0, (0, 3)),  # ends a character later
        ("ولد", 0, (0, 0)),
        ("بيروت", 0, None),  # another word is there
        ("بيروت", 21, (3, 3)),
        ("بيروت", 99, None),
        ("بيروت", -1, None),
        ("", 3, None)]:
      with self.subTest(answer=answer, start=start):
        self.assertEqual(words.find(answer, start), wanted)

  def test_case_of_an_answer_does_not_count(self):
    self.assertEqual(qa_examples.Words("The Broncos").find("the", 0), (0, 0))

  def test_no_break_space_does_not_hide_an_answer(self):
    # The reference loses 17 answers of AAQAD and two of ARCD's test set, which
    # have a space where the context has a no-break space.
    words = qa_examples.Words("x a\u00a0b c")
    for answer in ("a b", "a\u00a0b", "a\u00a0b c"):
      self.assertEqual(words.find(answer, 2)[0], 1)
    self.assertIsNone(words.find("b c", 2))

  def test_context_may_begin_with_white_space(self):
    self.assertEqual(qa_examples.Words("  a b").find("a", 2), (0, 0))


def question(qas_id="q", answers=(("بيروت", 3),), is_impossible=False):
  return squad.Question(
      qas_id, "أين؟", answers[0] if answers else None,
      tuple(text for text, _ in answers), is_impossible)


class BuildExamplesTest(unittest.TestCase):

  def build(self, *questions, is_training=True, **kwargs):
    """Returns (examples, what was printed)."""
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
      examples = qa_examples.build_examples(
          [(CONTEXT, question) for question in questions], "dev.json", "arcd",
          is_training=is_training, **kwargs)
    return examples, printed.getvalue()

  def assert_error(self, message, *questions, **kwargs):
    with self.assertRaises(utils.UserError) as raised:
      self.build(*questions, **kwargs)
    self.assertIn("dev.json: " + message, str(raised.exception))

  def test_examples_have_question_words_and_answers(self):
    (example,), _ = self.build(
        question("7", answers=(("بيروت", 3), ("بيروت وعمان", 3))))
    self.assertEqual(
        (example.task_name, example.eid, example.qas_id, example.question),
        ("arcd", 0, "7", "أين؟"))
    self.assertEqual(example.words.words, ("في", "بيروت", "وعمان"))
    self.assertEqual((example.answer_text, example.span), ("بيروت", (1, 1)))
    self.assertEqual(example.gold_answers, ("بيروت", "بيروت وعمان"))
    self.assertFalse(example.is_impossible)

  def test_lost_answers_are_skipped_in_training_and_logged(self):
    lost = question("lost", answers=(("دمشق", 3),))
    examples, printed = self.build(question("q"), lost)
    self.assertEqual([example.qas_id for example in examples], ["q"])
    self.assertEqual(
        printed, "Read 1 questions from dev.json; skipped 1 whose answer is "
        "not at its answer_start (lost)\n")

  def test_lost_answers_are_still_scored(self):
    lost = question("lost", answers=(("دمشق", 3),))
    examples, printed = self.build(question("q"), lost, is_training=False)
    self.assertEqual([e.gold_answers for e in examples],
                     [("بيروت",), ("دمشق",)])
    self.assertIsNone(examples[1].span)
    self.assertIn("including 1 whose answer", printed)

  def test_answers_that_mrqa_did_not_detect_are_skipped_in_training(self):
    undetected = question("lost")._replace(answer=None)
    examples, printed = self.build(question(), undetected)
    self.assertEqual(len(examples), 1)
    self.assertIn("skipped 1 whose answer", printed)
    self.assertEqual(
        len(self.build(question(), undetected, is_training=False)[0]), 2)

  def test_first_of_several_answers_is_learned_and_counted(self):
    several = question("q", answers=(("بيروت", 3), ("في بيروت", 0)))
    repeated = question("r", answers=(("بيروت", 3), ("بيروت", 3)))
    (first, second), printed = self.build(several, repeated)
    self.assertEqual((first.answer_text, second.answer_text),
                     ("بيروت", "بيروت"))
    self.assertIn("; the first answer is learned of 1 that have several",
                  printed)
    self.assertNotIn("several", self.build(several, is_training=False)[1])

  def test_impossible_questions_have_no_answer(self):
    examples, _ = self.build(
        question("q"), question("no", answers=(), is_impossible=True))
    self.assertEqual([e.is_impossible for e in examples], [False, True])
    self.assertEqual((examples[1].gold_answers, examples[1].span), ((), None))

  def test_unlabeled_questions_have_unknown_answers(self):
    (example,), _ = self.build(
        question(answers=())._replace(gold_answers=None), is_training=False)
    self.assertIsNone(example.gold_answers)

  def test_questions_are_selected_by_id_and_number(self):
    examples, printed = self.build(
        question("arabic-1"), question("english-1"), question("arabic-2"),
        keep_fn=lambda qas_id: qas_id.startswith("arabic"), max_questions=1)
    self.assertEqual([e.qas_id for e in examples], ["arabic-1"])
    self.assertIn(
        "Skipped 1 questions that are not part of this task (english-1)",
        printed)

  def test_repeated_ids_are_an_error_where_predictions_are_scored(self):
    self.assert_error("1 question ids are repeated (q)", question(), question(),
                      is_training=False)

  def test_repeated_ids_are_logged_in_training(self):
    examples, printed = self.build(question(), question())
    self.assertEqual(len(examples), 2)
    self.assertIn("1 question ids are repeated (q)", printed)

  def test_blank_answers_are_an_error(self):
    self.assert_error("all 1 answers are blank", question(answers=(("", 0),)),
                      is_training=False)

  def test_no_questions_are_an_error(self):
    self.assert_error("expected questions, found none")

  def test_nothing_to_learn_is_an_error(self):
    self.assert_error("none of the answers to 1 questions is at its "
                      "answer_start", question(answers=(("دمشق", 3),)))


@unittest.skipUnless(DATA, "set ELECTRA_DATA to the folder of the data sets")
class RealDataTest(unittest.TestCase):

  def kept_of(self, name, read_fn=golden_qa.read_squad, **kwargs):
    with contextlib.redirect_stdout(io.StringIO()):
      return len(read_fn(os.path.join(DATA, name), "x", is_training=True,
                         **kwargs))

  def test_keeps_the_questions_that_the_reference_loses(self):
    # All; of the 693 and 702 the reference loses 1 and 2 for their white space.
    self.assertEqual(self.kept_of("arcd/arcd-train.json"), 693)
    self.assertEqual(self.kept_of("arcd/arcd-test.json"), 702)

  def test_reads_the_other_data_sets(self):
    self.assertEqual(self.kept_of("tydiqa/tydiqa-goldp-dev-arabic.json"), 921)
    self.assertEqual(self.kept_of("squad/dev-v2.0-normans-rhine.json",
                                  has_impossible=True), 706)
    self.assertEqual(self.kept_of("mrqa/NewsQA_sample.jsonl",
                                  golden_qa.read_mrqa), 17)


if __name__ == "__main__":
  unittest.main()
