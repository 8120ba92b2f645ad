"""Tests that the example data are valid and what make_data.py writes."""

import json
import os
import sys
import unittest

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(
    os.path.abspath(__file__))))
DATA = os.path.join(ROOT, "examples", "data")
sys.path.append(os.path.join(ROOT, "examples"))  # as for the script

import make_data  # pylint: disable=wrong-import-position


def _committed(name):
  with open(os.path.join(DATA, name), "rb") as f:
    return f.read().decode("utf-8")


def _paragraphs(name):
  for article in json.loads(_committed("qa/%s.json" % name))["data"]:
    for paragraph in article["paragraphs"]:
      yield paragraph


class MakeDataTest(unittest.TestCase):

  def test_script_reproduces_the_committed_files(self):
    for files in (make_data.corpus_files(), make_data.question_files()):
      for name, text in files:
        with self.subTest(name=name):
          self.assertTrue(text == _committed(name), "%s differs; run "
                          "examples/make_data.py and commit the files" % name)

  def test_no_other_files_are_committed(self):
    written = {name for files in (make_data.corpus_files(),
                                  make_data.question_files())
               for name, _ in files}
    committed = {os.path.relpath(os.path.join(folder, name), DATA)
                 for folder, _, names in os.walk(DATA) for name in names}
    self.assertEqual(committed, written)

  def test_corpus_size(self):
    text = "".join(_committed("corpus/part-%d.txt" % number)
                   for number in range(make_data.NUM_CORPUS_FILES))
    self.assertGreater(len(text.encode("utf-8")), 1000000)

  def test_corpus_has_no_template_syntax(self):
    for number in range(make_data.NUM_CORPUS_FILES):
      text = _committed("corpus/part-%d.txt" % number)
      for mark in "{}[]<>|/!\x02\x03":
        self.assertNotIn(mark, text)
      self.assertNotIn("  ", text)

  def test_few_corpus_sentences_are_repeated(self):
    lines = [line for number in range(make_data.NUM_CORPUS_FILES)
             for line in _committed("corpus/part-%d.txt" % number).split("\n")
             if line]
    self.assertGreater(len(set(lines)), 0.8 * len(lines))

  def test_answers_are_at_their_answer_start(self):
    for name in ("train", "dev"):
      for paragraph in _paragraphs(name):
        for qa in paragraph["qas"]:
          answer, = qa["answers"]
          start, end = (answer["answer_start"],
                        answer["answer_start"] + len(answer["text"]))
          self.assertEqual(paragraph["context"][start:end], answer["text"])
          # As in SQuAD, answers start and end at word boundaries.
          self.assertIn(paragraph["context"][start - 1], " ")
          self.assertIn(paragraph["context"][end], " .")

  def test_questions_are_many_and_have_unique_ids(self):
    ids = [qa["id"] for name in ("train", "dev")
           for paragraph in _paragraphs(name) for qa in paragraph["qas"]]
    self.assertEqual(len(set(ids)), len(ids))
    self.assertGreaterEqual(len(ids), 1000)

  def test_dev_contexts_are_not_in_the_training_data(self):
    corpus = "".join(_committed("corpus/part-%d.txt" % number)
                     for number in range(make_data.NUM_CORPUS_FILES))
    corpus = corpus.replace("\n", " ")
    train = {paragraph["context"] for paragraph in _paragraphs("train")}
    for paragraph in _paragraphs("dev"):
      self.assertNotIn(paragraph["context"], train)
      self.assertNotIn(paragraph["context"], corpus)


if __name__ == "__main__":
  unittest.main()
