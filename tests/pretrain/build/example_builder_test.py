"""Tests for pretrain.build.example_builder."""

import random
import unittest

from pretrain.build import example_builder


class Draws:
  """A random.Random whose `random()` returns `numbers`, then 0.99."""

  def __init__(self, *numbers):
    self._numbers = list(numbers)

  def random(self):
    return self._numbers.pop(0) if self._numbers else 0.99


def build(sentences, max_seq_length, rng, carry_over=False):
  """Returns (examples, builder) of one document."""
  builder = example_builder.ExampleBuilder(max_seq_length, rng, carry_over)
  examples = []
  for sentence in sentences:
    examples.extend(builder.add_sentence(sentence))
  examples.extend(builder.end_document())
  return examples, builder


class ExampleBuilderTest(unittest.TestCase):

  def test_second_segment_starts_after_half_the_target(self):
    # Target 13, so (13 - 3) // 2 = 5 tokens for the first segment: 3 are too
    # few, and 3 + 3 overflow; the draw 0.99 puts the sentence in the second.
    examples, _ = build([[1, 2, 3], [4, 5, 6], [7, 8]], 13, Draws())
    self.assertEqual(examples, [([1, 2, 3], [4, 5, 6, 7, 8])])

  def test_sentence_across_the_middle_joins_the_first_half_the_time(self):
    # Draws: two segments; the sentence across the middle joins the first.
    examples, _ = build([[1, 2, 3], [4, 5, 6], [7, 8]], 13, Draws(0.1, 0.49))
    self.assertEqual(examples, [([1, 2, 3, 4, 5, 6], [7, 8])])
    examples, _ = build([[1, 2, 3], [4, 5, 6], [7, 8]], 13, Draws(0.1, 0.5))
    self.assertEqual(examples, [([1, 2, 3], [4, 5, 6, 7, 8])])

  def test_full_first_segment_takes_no_more(self):
    # 5 tokens are the target: the next sentence needs no draw.
    examples, _ = build([[1, 2, 3, 4, 5], [6]], 13, Draws(0.1, 0.0))
    self.assertEqual(examples, [([1, 2, 3, 4, 5], [6])])

  def test_sentence_that_ends_at_half_the_target_counts_as_across(self):
    # 3 + 2 = 5 reaches the target.
    examples, _ = build([[1, 2, 3], [4, 5], [6]], 13, Draws(0.1, 0.5))
    self.assertEqual(examples, [([1, 2, 3], [4, 5, 6])])

  def test_one_example_in_ten_has_one_segment(self):
    examples, _ = build([[1, 2, 3], [4, 5, 6]], 13, Draws(0.09))
    self.assertEqual(examples, [([1, 2, 3, 4, 5, 6], [])])

  def test_emits_when_the_target_is_reached(self):
    builder = example_builder.ExampleBuilder(7, Draws())
    self.assertEqual(list(builder.add_sentence([1, 2, 3])), [])
    # 6 tokens are below the target of 7, although 3 more special tokens would
    # not fit.
    self.assertEqual(list(builder.add_sentence([4, 5, 6])), [])
    # 7 = 4 for text and 3 special tokens.
    self.assertEqual(list(builder.add_sentence([7])), [([1, 2, 3], [4])])
    self.assertEqual(builder.num_tokens, 7)
    self.assertEqual(builder.num_dropped_tokens, 3)

  def test_long_first_sentence_leaves_no_room_for_a_second(self):
    examples, builder = build([[1, 2, 3, 4, 5, 6, 7, 8]], 7, Draws())
    self.assertEqual(examples, [([1, 2, 3, 4, 5], [])])  # 7 - [CLS] - [SEP]
    self.assertEqual(builder.num_dropped_tokens, 3)

  def test_carry_over_starts_the_next_example_with_the_rest(self):
    examples, builder = build(
        [[1, 2, 3], [4, 5, 6], [7], [8]], 7, Draws(), carry_over=True)
    # Target (7 - 3) // 2 = 2, reached by the first sentence: [1 2 3 | 4]; then
    # [5 6 | 7 8] at the end of the document.
    self.assertEqual(examples, [([1, 2, 3], [4]), ([5, 6], [7, 8])])
    self.assertEqual(builder.num_dropped_tokens, 0)

  def test_carry_over_ends_with_the_document(self):
    builder = example_builder.ExampleBuilder(7, Draws(), carry_over=True)
    examples = list(builder.add_sentence(list(range(8))))
    self.assertEqual(examples, [([0, 1, 2, 3, 4], [])])
    self.assertEqual(list(builder.end_document()), [([5, 6, 7], [])])
    self.assertEqual(list(builder.end_document()), [])

  def test_carry_over_keeps_every_token_in_order(self):
    rng = random.Random(3)
    sentences, next_id = [], 0
    for _ in range(300):
      length = rng.choice([1, 2, 5, 9, 60])
      sentences.append(list(range(next_id, next_id + length)))
      next_id += length
    examples, builder = build(sentences, 16, rng, carry_over=True)
    self.assertEqual([token for first, second in examples
                      for token in first + second], list(range(next_id)))
    self.assertEqual(builder.num_dropped_tokens, 0)

  def test_dropped_tokens_are_counted_exactly(self):
    rng = random.Random(3)
    sentences = [[1] * rng.choice([1, 5, 9, 60]) for _ in range(300)]
    examples, builder = build(sentences, 16, rng)
    num_kept = sum(len(first) + len(second) for first, second in examples)
    self.assertEqual(builder.num_tokens, sum(map(len, sentences)))
    self.assertEqual(builder.num_dropped_tokens, builder.num_tokens - num_kept)

  def test_every_example_fits(self):
    for max_seq_length in (5, 6, 16):
      for carry_over in (False, True):
        rng = random.Random(max_seq_length)
        sentences = [[1] * rng.randrange(30) for _ in range(500)]
        examples, _ = build(sentences, max_seq_length, rng, carry_over)
        for first, second in examples:
          self.assertGreater(len(first), 0)
          self.assertLessEqual(len(first) + len(second) + (3 if second else 2),
                               max_seq_length)

  def test_short_targets_are_drawn_from_5_to_the_maximum(self):
    # Draws per example: one segment, short target, which target: the lowest of
    # the 7 - 5 + 1 = 3 targets is 5, the highest 7.
    for draw, expected in ((0.0, 5), (0.34, 6), (0.99, 7)):
      builder = example_builder.ExampleBuilder(7, Draws(0.5, 0.049, draw))
      list(builder.add_sentence([0] * 7))
      num_sentences = 1
      while not list(builder.add_sentence([1])):
        num_sentences += 1
      self.assertEqual(num_sentences, expected)

  def test_other_targets_are_the_maximum(self):
    builder = example_builder.ExampleBuilder(7, Draws(0.5, 0.05))
    list(builder.add_sentence([0] * 7))
    self.assertEqual([len(list(builder.add_sentence([1]))) for _ in range(7)],
                     [0] * 6 + [1])

  def test_documents_do_not_mix(self):
    builder = example_builder.ExampleBuilder(13, Draws())
    self.assertEqual(list(builder.add_sentence([1])), [])
    self.assertEqual(list(builder.end_document()), [([1], [])])
    self.assertEqual(list(builder.add_sentence([2])), [])
    self.assertEqual(list(builder.end_document()), [([2], [])])

  def test_empty_sentence_changes_nothing(self):
    examples, _ = build([[], [1, 2], []], 13, Draws())
    self.assertEqual(examples, [([1, 2], [])])

  def test_one_long_sentence_becomes_many_examples(self):
    examples, _ = build([range(1000)], 16, Draws(), carry_over=True)
    self.assertEqual(len(examples), -(-1000 // 14))
    self.assertEqual(examples[1], (list(range(14, 28)), []))


if __name__ == "__main__":
  unittest.main()
