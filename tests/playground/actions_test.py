"""Tests for playground.actions: requests are checked."""

import unittest

from playground import actions
from util import utils

ACTION = actions.Action("ask", "qa", "Ask", "About.", [
    actions.Field("question", "Question"),
    actions.Field("more", "More", is_optional=True)])


class CheckTest(unittest.TestCase):

  def check(self, values, name="ask"):
    return actions.check([ACTION], name, values)

  def assert_refused(self, message, *arguments):
    with self.assertRaisesRegex(utils.UserError, message):
      self.check(*arguments)

  def test_fields_are_returned_and_optional_ones_may_be_missing(self):
    self.assertEqual(self.check({"question": "من؟"}),
                     {"question": "من؟", "more": ""})

  def test_wrong_requests_are_refused(self):
    self.assert_refused("one of the actions ask, got 'no'", {}, "no")
    self.assert_refused("JSON object of texts, got list", [])
    self.assert_refused("fields question, more, got 'x'", {"x": ""})
    self.assert_refused("question: the text is empty", {"question": " \n"})
    self.assert_refused("question: the text is empty", {})
    self.assert_refused("question: expected a text, got int", {"question": 1})
    self.assert_refused("question: .*lone surrogate", {"question": "\ud800"})

  def test_longest_text_is_the_limit(self):
    limit = actions.MAX_CHARACTERS
    self.check({"question": "x" * limit})
    self.assert_refused("has 100,001 characters, expected at most 100,000",
                        {"question": "x" * (limit + 1)})

  def test_action_is_ready_for_json(self):
    self.assertEqual(actions.as_json(ACTION)["fields"][1], {
        "name": "more", "label": "More", "is_long": False,
        "is_optional": True})


if __name__ == "__main__":
  unittest.main()
