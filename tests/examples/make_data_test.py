"""The shipped example data is what the script writes, and is sound."""

import json
import os
import sys
import unittest

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(
    os.path.abspath(__file__))))
DATA = os.path.join(ROOT, "examples", "data")
sys.path.append(os.path.join(ROOT, "examples"))  # as when the script is run

import make_data  # pylint: disable=wrong-import-position


def _shipped(name):
  with open(os.path.join(DATA, name), "rb") as f:
    return f.read().decode("utf-8")


def _paragraphs(name):
  for article in json.loads(_shipped("qa/%s.json" % name))["data"]:
    for paragraph in article["paragraphs"]:
      yield paragraph


class MakeDataTest(unittest.TestCase):

  def test_the_script_writes_the_shipped_files_again(self):
    for files in (make_data.corpus_files(), make_data.question_files()):
      for name, text in files:
        with self.subTest(name=name):
          self.assertTrue(text == _shipped(name), "%s differs; run "
                          "examples/make_data.py and commit the files" % name)

  def test_nothing_else_is_shipped(self):
    written = {name for files in (make_data.corpus_files(),
                                  make_data.question_files())
               for name, _ in files}
    shipped = {os.path.relpath(os.path.join(folder, name), DATA)
               for folder, _, names in os.walk(DATA) for name in names}
    self.assertEqual(shipped, written)

  def test_corpus_size(self):
    text = "".join(_shipped("corpus/part-%d.txt" % number)
                   for number in range(make_data.NUM_CORPUS_FILES))
    self.assertGreater(len(text.encode("utf-8")), 1000000)

  def test_corpus_holds_no_marks_of_the_templates(self):
    for number in range(make_data.NUM_CORPUS_FILES):
      text = _shipped("corpus/part-%d.txt" % number)
      for mark in "{}[]<>|/!\x02\x03":
        self.assertNotIn(mark, text)
      self.assertNotIn("  ", text)

  def test_corpus_sentences_seldom_repeat(self):
    lines = [line for number in range(make_data.NUM_CORPUS_FILES)
             for line in _shipped("corpus/part-%d.txt" % number).split("\n")
             if line]
    self.assertGreater(len(set(lines)), 0.8 * len(lines))

  def test_answers_stand_where_they_say(self):
    for name in ("train", "dev"):
      for paragraph in _paragraphs(name):
        for qa in paragraph["qas"]:
          answer, = qa["answers"]
          start, end = (answer["answer_start"],
                        answer["answer_start"] + len(answer["text"]))
          self.assertEqual(paragraph["context"][start:end], answer["text"])
          # SQuAD's answers are whole words.
          self.assertIn(paragraph["context"][start - 1], " ")
          self.assertIn(paragraph["context"][end], " .")

  def test_questions_are_many_with_ids_of_their_own(self):
    ids = [qa["id"] for name in ("train", "dev")
           for paragraph in _paragraphs(name) for qa in paragraph["qas"]]
    self.assertEqual(len(set(ids)), len(ids))
    self.assertGreaterEqual(len(ids), 1000)

  def test_no_dev_context_is_seen_in_training(self):
    corpus = "".join(_shipped("corpus/part-%d.txt" % number)
                     for number in range(make_data.NUM_CORPUS_FILES))
    corpus = corpus.replace("\n", " ")
    train = {paragraph["context"] for paragraph in _paragraphs("train")}
    for paragraph in _paragraphs("dev"):
      self.assertNotIn(paragraph["context"], train)
      self.assertNotIn(paragraph["context"], corpus)


if __name__ == "__main__":
  unittest.main()
