"""Tests for playground.terminal, with a model that answers what it is told."""

import unittest

from playground import actions
from playground import terminal
from util import utils

TEXT = [actions.Field("text", "Text")]


class AnsweringModel:
  """Returns the given result for every request, and keeps the requests."""

  def __init__(self, results):
    self.actions = [actions.Action(kind, kind, kind, "About %s." % kind, TEXT)
                    for kind in results]
    self.about = {"kind": "pre-trained", "checkpoint": "x", "step": 1000}
    self.results = results
    self.requests = []

  def run(self, name, values):
    self.requests.append((name, dict(values)))
    if isinstance(self.results[name], utils.UserError):
      raise self.results[name]
    return self.results[name]


class TerminalTest(unittest.TestCase):

  def talk(self, model, *lines):
    """Returns (printed lines, prompts) of a conversation."""
    entered, prompts, printed = iter(lines), [], []

    def read_line(prompt):
      prompts.append(prompt)
      try:
        return next(entered)
      except StopIteration:
        raise EOFError

    terminal.run(model, read_line, printed.append)
    return printed, prompts

  def answer(self, kind, result):
    """Returns the lines that a result is printed as."""
    return self.talk(AnsweringModel({kind: result}), "t")[0][1:-1]

  def test_ends_with_the_input(self):
    printed, prompts = self.talk(AnsweringModel({"qa": {}}))
    self.assertEqual(printed, [
        "pre-trained model x, step 1,000. End with Ctrl-D.", ""])
    self.assertEqual(prompts, ["Text> "])

  def test_slash_changes_the_action(self):
    model = AnsweringModel({"fill_mask": {"masks": []},
                            "discriminate": {"tokens": []}})
    printed, _ = self.talk(model, "a", "/discriminate", "b", "/other")
    self.assertIn("discriminate: About discriminate.", printed)
    self.assertEqual(model.requests, [
        ("fill_mask", {"text": "a"}), ("discriminate", {"text": "b"}),
        ("discriminate", {"text": "/other"})])

  def test_error_is_one_line_and_the_next_text_is_read(self):
    model = AnsweringModel({"qa": utils.UserError("too long")})
    printed, _ = self.talk(model, "a", "b")
    self.assertEqual(printed[1:-1], ["error: too long"] * 2)

  def test_masks(self):
    self.assertEqual(self.answer("fill_mask", {"masks": [{"predictions": [
        {"token": "كتاب", "probability": 0.5}]}]}),
                     ["[MASK] 1", "  0.500 " + "#" * 10 + " " * 10 + " كتاب"])

  def test_replaced_tokens_are_marked(self):
    lines = self.answer("discriminate", {"tokens": [
        {"token": "a", "probability": 0.5}, {"token": "b",
                                             "probability": 0.499}]})
    self.assertTrue(lines[0].endswith(" a  <- replaced"), lines[0])
    self.assertTrue(lines[1].endswith(" b"), lines[1])
    self.assertEqual(lines[2], "1 of 2 tokens are called replaced")

  def test_answers_and_notes(self):
    n_best = [{"text": "a%d" % i, "probability": 0.2} for i in range(5)]
    lines = self.answer("qa", {"answer": "a0", "n_best": n_best,
                               "notes": ["Too long."]})
    self.assertEqual((lines[0], len(lines), lines[-1]),
                     ("Answer: a0", 5, "Too long."))
    self.assertEqual(self.answer("qa", {"answer": "", "n_best": [],
                                        "notes": []}), ["Answer: (no answer)"])

  def test_labels_and_values(self):
    for result, first in (
        ({"label": "x", "probabilities": {"x": 1.0}}, "Label: x"),
        ({"labels": ["x", "y"], "probabilities": {}}, "Label: x, y"),
        ({"labels": [], "probabilities": {}}, "Label: (none)"),
        ({"value": 2.34567}, "Value: 2.346")):
      lines = self.answer("classification", dict(result, notes=[]))
      self.assertEqual(lines[0], first)

  def test_tags(self):
    line, = self.answer("tagging", {"words": ["w"], "tags": ["B-X"],
                                    "probabilities": [1.0], "notes": []})
    self.assertEqual(line, "  1.000 " + "#" * 20 + " B-X  w")


if __name__ == "__main__":
  unittest.main()
