"""Tests for the templates and random draws of the example texts."""

import os
import sys
import unittest

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.dirname(
    os.path.abspath(__file__)))))
sys.path.append(os.path.join(ROOT, "examples"))

from arabic import grammar  # pylint: disable=wrong-import-position

DAY = ("يوم", "يوما", "أيام")


class GrammarTest(unittest.TestCase):

  def test_noun_agrees_with_its_number(self):
    for number, expected in [(3, "3 أيام"), (10, "10 أيام"),
                             (11, "11 يوما"), (99, "99 يوما"),
                             (100, "100 يوم"), (103, "103 أيام"),
                             (215, "215 يوما"), (3000, "3000 يوم")]:
      self.assertEqual(grammar.counted(number, DAY), expected)

  def test_verb_agrees_with_the_subject(self):
    dice = grammar.Dice(0)
    for gender, expected in [("m", "ولد سامي"), ("f", "ولدت سامي")]:
      self.assertEqual(
          grammar.expand("<ولد|ولدت> {s}", {"s": "سامي"}, dice, gender),
          expected)

  def test_answer_marks_are_added_and_removed(self):
    text = grammar.expand("في {city!}.", {"city": "فاس"}, grammar.Dice(0))
    self.assertEqual(text, "في \x02فاس\x03.")
    self.assertEqual(grammar.without_answer_marks(text), "في فاس.")

  def test_wording_is_one_of_the_list(self):
    drawn = {grammar.expand("[a/b/c]", {}, grammar.Dice(seed))
             for seed in range(40)}
    self.assertEqual(drawn, {"a", "b", "c"})

  def test_same_seed_same_draws(self):
    first, second = grammar.Dice("x"), grammar.Dice("x")
    items = list(range(100))
    self.assertEqual(first.sample(items, 50), second.sample(items, 50))

  def test_share_excludes_the_end_of_lists(self):
    dice = grammar.Dice("x", share=0.5)
    self.assertEqual({dice.pick(list(range(10))) for _ in range(200)},
                     set(range(5)))


if __name__ == "__main__":
  unittest.main()
