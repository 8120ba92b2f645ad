"""Tests for finetune.readers.tagged_sentences."""

import json
import unittest

from finetune.readers import sentence_tables
from finetune.readers import tagged_sentences
from tests.finetune.tagging import tiny_tags
from util import utils


class SentenceReaderTest(tiny_tags.TaggingTestCase):

  def read(self, text, layout=sentence_tables.Layout(), is_lines=True,
           **kwargs):
    self.path = self.write("x/train.jsonl", text)
    return tagged_sentences.read_json(self.path, layout, is_lines=is_lines,
                                     **kwargs)

  def assert_error(self, message, *args, **kwargs):
    with self.assertRaises(utils.UserError) as caught:
      self.read(*args, **kwargs)
    self.assertIn(self.path + message, str(caught.exception))

  def test_words_and_tags(self):
    records = [{"words": ["a", "b"], "tags": ["B-X", "O"], "id": 7},
               {"text": " a\tb", "labels": [0, 1]}]
    for is_lines, text in [(True, "\n".join(map(json.dumps, records))),
                           (False, json.dumps(records))]:
      first, second = self.read(text, is_lines=is_lines)
      self.assertEqual((first.words, first.tags, first.text, first.sentence_id),
                       (["a", "b"], ["B-X", "O"], None, "7"))
      self.assertEqual((second.words, second.tags, second.text),
                       (["a", "b"], ["0", "1"], " a\tb"))
    self.assertEqual(second.place(1), self.path + ": object 2: word 2")

  def test_named_keys(self):
    sentence, = self.read(
        '{"tokens": ["a"], "ner": ["O"], "tags": 1, "k": "x"}',
        sentence_tables.Layout("tokens", "ner", None, "k"))
    self.assertEqual((sentence.words, sentence.tags, sentence.sentence_id),
                     (["a"], ["O"], "x"))

  def test_blank_lines_are_skipped(self):
    sentences = self.read('\n{"words": ["a"]}\n \t\r\n{"words": ["b"]}\n\n')
    self.assertEqual([(s.words, s.place(0)) for s in sentences],
                     [(["a"], self.path + ":2: word 1"),
                      (["b"], self.path + ":4: word 1")])

  def test_ignored_tags_may_be_anything(self):
    sentence, = self.read('{"words": ["a"], "tags": [1, 2]}', has_tags=False)
    self.assertIsNone(sentence.tags)

  def test_number_of_tags_differs_from_words(self):
    for tags in (["A"], ["A", "B", "C"], ["A", "B C"], ["A", True], "A B"):
      with self.subTest(tags=tags):
        self.assert_error(
            ":1: \"tags\": expected a list of 2 tags, one for each word, "
            "without white space", json.dumps({"words": ["a", "b"],
                                               "tags": tags}))

  def test_some_sentences_without_tags(self):
    one, other = '{"words": ["a"], "tags": ["A"]}\n', '{"words": ["a"]}\n'
    self.assert_error(":2: expected a sentence with tags, as in", one + other)
    self.assert_error(":2: expected no tags, as in the", other + one)

  def test_not_sentences(self):
    self.assert_error(":1: expected an object with \"words\" or \"text\"", "5")
    self.assert_error(": expected a list of objects", "{}", is_lines=False)
    self.assert_error(": object 1: expected an object with", "[1]",
                      is_lines=False)
    self.assert_error(": expected one sentence per line, got an empty", "\n")


if __name__ == "__main__":
  unittest.main()
