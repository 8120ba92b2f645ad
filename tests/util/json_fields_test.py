"""Tests for util.json_fields."""

import os
import tempfile
import unittest

from util import json_fields
from util import utils

FIELDS = {"name": json_fields.TEXT, "count": json_fields.INTEGER,
          "is_new": json_fields.optional(json_fields.FLAG)}


class CheckTest(unittest.TestCase):

  def test_valid_objects_pass(self):
    json_fields.check(FIELDS, {"name": "x", "count": 0, "is_new": None,
                               "other": 1}, "x.json", required=FIELDS)
    json_fields.check(FIELDS, {}, "x.json")

  def test_first_invalid_field_is_named(self):
    for values, message in [
        ([1], r"^x.json: expected a JSON object, got \[1\].$"),
        ({"name": ""},
         "^x.json: \"name\": expected a text, got \"\". Fix it.$"),
        ({"name": "x", "count": True}, "\"count\": expected an integer, got t"),
        ({"name": "x", "count": 1, "is_new": 0},
         "\"is_new\": expected true or false or null, got 0."),
        ({"count": 1}, "^x.json: requires the key \"name\" .a text.. Fix it.$"),
    ]:
      with self.subTest(values=values):
        with self.assertRaisesRegex(utils.UserError, message):
          json_fields.check(FIELDS, values, "x.json", required=["name"],
                            advice="Fix it.")


class LoadObjectTest(unittest.TestCase):

  def setUp(self):
    super().setUp()
    folder = tempfile.TemporaryDirectory()
    self.addCleanup(folder.cleanup)
    self.path = os.path.join(folder.name, "x.json")

  def test_returns_an_object(self):
    utils.write_json({"a": 1}, self.path)
    self.assertEqual(json_fields.load_object(self.path), {"a": 1})

  def test_refuses_other_json(self):
    utils.write_json("text", self.path)
    with self.assertRaisesRegex(
        utils.UserError, "x.json: expected a JSON object, got \"text\""):
      json_fields.load_object(self.path)

  def test_missing_file(self):
    self.assertEqual(json_fields.load_object(self.path, {}), {})
    with self.assertRaisesRegex(utils.UserError, "x.json: no such file"):
      json_fields.load_object(self.path)


class MessageTest(unittest.TestCase):

  def test_similar_name_is_suggested(self):
    self.assertEqual(json_fields.did_you_mean("labls", ["labels", "files"]),
                     " Did you mean 'labels'?")
    self.assertEqual(json_fields.did_you_mean("xyz", ["labels"]), "")

  def test_a_name_without_its_first_word_is_the_first_of_its_kind(self):
    # The shorter name has more in common, but training is what is tuned.
    self.assertEqual(json_fields.nearest("batch_size", [
        "log_steps", "train_batch_size", "eval_batch_size"]),
                     "train_batch_size")
    self.assertEqual(json_fields.nearest("atch_size", ["train_batch_size"]),
                     "train_batch_size")

  def test_long_values_are_shortened_to_one_line(self):
    self.assertEqual(json_fields.shorten("a" * 100),
                     "\"" + "a" * 76 + "...")
    self.assertEqual(json_fields.shorten("a\nb", quote=False), "a b")
    self.assertEqual(json_fields.shorten("12345678", quote=False, limit=6),
                     "123...")
    self.assertEqual(json_fields.shorten({1}), "{1}")


if __name__ == "__main__":
  unittest.main()
