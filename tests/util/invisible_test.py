"""Tests for util.invisible."""

import contextlib
import io
import unittest

from util import invisible
from util import utils

RIGHT_TO_LEFT_MARK, ZERO_WIDTH_SPACE = "\u200f", "\u200b"
# Look like "سلبي": marks, isolates, a filler, a positional form of a letter.
LIKE_NEGATIVE = ["سلبي\u200f", "\u200bسلبي", "\ufeffسلبي", "سلبي\u00a0",
                 "\u2067سلبي\u2069", "سل\u034fبي", "سلب\ufef2", "سلبي\0"]


class InvisibleTest(unittest.TestCase):

  def test_invisible_characters_are_escaped(self):
    self.assertEqual(invisible.escape("سلبي\u200f a\u00a0b\0\t\n"),
                     "سلبي\\u200f a\\xa0b\\x00\t\n")
    self.assertEqual(invisible.escape("سَلبي é 😀"), "سَلبي é 😀")

  def test_texts_that_look_the_same_have_one_visible_form(self):
    for text in LIKE_NEGATIVE:
      with self.subTest(text=ascii(text)):
        self.assertEqual(invisible.visible_form(text), "سلبي")
        self.assertEqual(invisible.same_looking(text, ["x", "سلبي"]), "سلبي")
    self.assertEqual(invisible.visible_form("cafe\u0301"), "caf\u00e9")
    self.assertEqual(invisible.visible_form("a  b "), "a b")

  def test_texts_that_look_different_have_different_visible_forms(self):
    for one, other in [("m2", "m²"), ("سلبي", "سلبى"), ("a", "A"),
                       ("ab", "a b"), ("سَلبي", "سلبي")]:
      self.assertIsNone(invisible.same_looking(one, [other]))

  def test_blank_lines_may_hold_invisible_characters(self):
    for text in ("", " \t", "\u200b", " \ufeff\u200f ", "\u2028"):
      self.assertTrue(invisible.is_blank(text), ascii(text))
    for text in (".", "\u200bأ", "😀"):
      self.assertFalse(invisible.is_blank(text), ascii(text))

  def test_hint_escapes_what_differs(self):
    self.assertEqual(invisible.hint("x\u200f", ["x", "y"]),
                     " 'x\\u200f' looks like 'x'.")
    self.assertEqual(invisible.hint("cafe\u0301", ["caf\u00e9"]),
                     " 'cafe\\u0301' looks like 'caf\\xe9'.")
    self.assertEqual(invisible.hint("z", ["x", "y"]), "")

  def test_messages_and_log_lines_show_invisible_characters(self):
    def fail():
      raise utils.UserError("got '%s'" % ("pos" + RIGHT_TO_LEFT_MARK))
    errors, printed = io.StringIO(), io.StringIO()
    with contextlib.redirect_stderr(errors), self.assertRaises(SystemExit):
      utils.exit_cleanly(fail)
    self.assertEqual(errors.getvalue(), "error: got 'pos\\u200f'\n")
    with contextlib.redirect_stdout(printed):
      utils.log("label", ZERO_WIDTH_SPACE)
    self.assertEqual(printed.getvalue(), "label \\u200b\n")


if __name__ == "__main__":
  unittest.main()
