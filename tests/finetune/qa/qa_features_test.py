"""Tests for finetune.qa.qa_features."""

import contextlib
import hashlib
import io
import json
import os
import tempfile
import unittest

from finetune.qa import qa_examples
from finetune.qa import qa_features
from finetune.qa import qa_tasks
from model import tokenization
from tests.finetune.qa import golden_qa
from util import utils

VOCAB = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "?", "(", ")", ".",
         "who", "a", "b", "c", "d", "e", "##b", "##c", "[", "]", "sep",
         "[رابط]", "[بريد]", "[مستخدم]"]


class WindowBoundsTest(unittest.TestCase):

  def test_windows_overlap_until_the_end_is_reached(self):
    # 10 tokens, 4 to a window, a new one every 3
    self.assertEqual(qa_features.window_bounds(10, 4, 3),
                     [(0, 4), (3, 7), (6, 10)])
    self.assertEqual(qa_features.window_bounds(11, 4, 3)[-1], (9, 11))

  def test_a_stride_longer_than_a_window_skips_no_token(self):
    self.assertEqual(qa_features.window_bounds(10, 4, 100),
                     [(0, 4), (4, 8), (8, 10)])

  def test_short_and_empty_contexts(self):
    self.assertEqual(qa_features.window_bounds(3, 4, 1), [(0, 3)])
    self.assertEqual(qa_features.window_bounds(0, 4, 1), [])


class MaxContextTest(unittest.TestCase):

  def max_context(self, bounds):
    return [tokens.tolist() for tokens in
            qa_features.max_context_tokens(bounds)]

  def test_every_token_is_in_the_window_with_its_maximum_context(self):
    # token 3: 3 left, 0 right in the first -> 0; 1 left in the second -> 1
    # token 2: 1 right in the first -> 1; 0 left in the second -> 0
    self.assertEqual(self.max_context([(0, 4), (2, 6)]),
                     [[0, 1, 2], [3, 4, 5]])

  def test_longer_window_wins_a_tie(self):
    # token 2 has 0 in both: 0 + .01 * 3 against 0 + .01 * 2
    self.assertEqual(self.max_context([(0, 3), (2, 4)]), [[0, 1, 2], [3]])
    self.assertEqual(self.max_context([(0, 2), (1, 4)]), [[0], [1, 2, 3]])

  def test_earlier_window_wins_a_tie_of_equals(self):
    self.assertEqual(self.max_context([(0, 3), (2, 5)]), [[0, 1, 2], [3, 4]])

  def test_no_windows(self):
    self.assertEqual(self.max_context([]), [])


class FeaturizerTest(unittest.TestCase):

  def setUp(self):
    super().setUp()
    folder = tempfile.TemporaryDirectory()
    self.addCleanup(folder.cleanup)
    vocab_file = os.path.join(folder.name, "vocab.txt")
    with utils.write_atomically(vocab_file) as f:
      f.write("\n".join(VOCAB))
    self.tokenizer = tokenization.FullTokenizer(vocab_file, do_lower_case=False)

  def windows(self, context, answer="", span=None, is_impossible=False,
              max_seq_length=99, doc_stride=2, max_query_length=2,
              question="who ?"):
    featurizer = qa_features.Featurizer(
        self.tokenizer, max_seq_length=max_seq_length, doc_stride=doc_stride,
        max_query_length=max_query_length)
    return featurizer.windows(qa_examples.QAExample(
        "x", eid=5, qas_id="q", question=question,
        words=qa_examples.Words(context), answer_text=answer, span=span,
        is_impossible=is_impossible))

  def tokens(self, window):
    return " ".join(self.tokenizer.convert_ids_to_tokens(window.input_ids))

  def test_input_is_question_and_context(self):
    window, = self.windows("ab c", answer="c", span=(1, 1))
    self.assertEqual(self.tokens(window), "[CLS] who ? [SEP] a ##b c [SEP]")
    self.assertEqual(window.segment_ids, [0, 0, 0, 0, 1, 1, 1, 1])
    self.assertEqual((window.start_position, window.end_position), (6, 6))
    self.assertEqual(window.token_to_word, {4: 0, 5: 0, 6: 1})
    self.assertEqual(window.max_context, {4, 5, 6})

  def test_unknown_words_of_every_question_are_counted(self):
    unknown = self.tokenizer.count_unknown_words()
    featurizer = qa_features.Featurizer(
        self.tokenizer, max_seq_length=99, doc_stride=2, max_query_length=2)
    for eid in range(3):  # one context: its words are encoded once
      featurizer.windows(qa_examples.QAExample(
          "x", eid=eid, qas_id="q", question="who ?",
          words=qa_examples.Words("a xx b yy")))
    self.assertEqual(unknown.words(self.tokenizer), {"xx": 3, "yy": 3})

  def test_answer_is_narrowed_to_the_pieces_that_spell_it(self):
    for answer, wanted in [("ab", (5, 6)),  # of "(ab)."
                           ("(ab).", (4, 8)),
                           ("d", (4, 8))]:  # not found: all of the word
      with self.subTest(answer=answer):
        window, = self.windows("(ab). c", answer=answer, span=(0, 0))
        self.assertEqual((window.start_position, window.end_position), wanted)

  def test_windows_without_the_complete_answer_are_labeled_cls(self):
    # 8 tokens hold 3 of the context: "a b c", "c d e"
    first, second = self.windows("a b c d e", answer="c d", span=(2, 3),
                                 max_seq_length=8)
    self.assertEqual(self.tokens(first), "[CLS] who ? [SEP] a b c [SEP]")
    self.assertEqual(self.tokens(second), "[CLS] who ? [SEP] c d e [SEP]")
    self.assertEqual((first.start_position, first.end_position), (0, 0))
    self.assertEqual((second.start_position, second.end_position), (4, 5))
    self.assertFalse(first.is_impossible)  # as in the reference
    self.assertEqual((first.eid, second.eid), (5, 6))
    # "c" has no context in either; the first window comes first
    self.assertEqual(first.max_context, {4, 5, 6})
    self.assertEqual(second.max_context, {5, 6})

  def test_impossible_questions_have_no_answer(self):
    window, = self.windows("a b", is_impossible=True)
    self.assertEqual((window.start_position, window.end_position,
                      window.is_impossible), (0, 0, True))

  def test_question_is_truncated(self):
    window, = self.windows("a", question="who a b c ?")
    self.assertEqual(self.tokens(window), "[CLS] who a [SEP] a [SEP]")

  def test_text_cannot_spell_a_control_token(self):
    self.assertTrue(self.tokenizer.is_arabert)
    window, = self.windows("[SEP] a", question="[CLS] a", max_query_length=9)
    self.assertEqual(window.input_ids.count(2), 1)  # [CLS]
    self.assertEqual(window.input_ids.count(3), 2)  # [SEP]

  def test_no_words_no_windows(self):
    self.assertEqual(self.windows(" \n "), [])

  def test_question_that_leaves_no_room_is_an_error(self):
    with self.assertRaisesRegex(utils.UserError, "max_query_length"):
      self.windows("a", max_seq_length=5)

  def number(self, *lengths, **kwargs):
    examples = [qa_examples.QAExample(
        "x", eid=i, qas_id="q", question="", words=qa_examples.Words("a" * n))
                for i, n in enumerate(lengths)]
    qa_features.Featurizer(self.tokenizer, max_seq_length=99,
                           max_query_length=9, **kwargs).number(examples)
    return [example.first_eid for example in examples]

  def test_windows_are_numbered_as_in_the_reference(self):
    self.assertEqual(self.number(10, 20, 30, doc_stride=128), [0, 1000, 2000])

  def test_numbers_of_long_contexts_do_not_collide(self):
    # 1 + 4 * 5000 // 10 = 2001 windows at most
    self.assertEqual(self.number(5000, 10, 10, doc_stride=10), [0, 2001, 3001])


class GoldenTest(unittest.TestCase):

  def test_features_are_those_of_the_reference(self):
    golden = golden_qa.load()
    with tempfile.TemporaryDirectory() as data_dir, (
        contextlib.redirect_stdout(io.StringIO())):
      golden_qa.write_data(data_dir)
      for task_class in (qa_tasks.SQuADv1, qa_tasks.SQuAD):
        task = task_class(golden_qa.config(data_dir, "squadv1"),
                          golden_qa.tokenizer())
        rows = [[features["input_ids"], features["segment_ids"],
                 features[task.name + "_start_positions"],
                 features[task.name + "_end_positions"]]
                for example in task.get_examples("train")
                for features in task.featurize(example, True)]
        with self.subTest(task=task.name):
          first = golden[task.name + "_first_train_features"]
          self.assertEqual(rows[:len(first)], first)
          self.assertEqual(len(rows), golden[task.name + "_train_features"])
          self.assertEqual(
              hashlib.sha256("\n".join(map(json.dumps, rows)).encode())
              .hexdigest(), golden[task.name + "_train_features_sha256"])


if __name__ == "__main__":
  unittest.main()
