"""Tests for finetune.tagging.raw_text."""

import unittest

from finetune.readers import conll
from finetune.readers import tagged_sentences
from finetune.tagging import raw_text


def learn(*texts):
  return raw_text.learn_splitting(
      [conll.Sentence(None, text.split()) for text in texts])


class RawTextTest(unittest.TestCase):

  def split(self, text, *training):
    """Returns the words of a text, joined by "|"."""
    sentence = raw_text.split(
        conll.Sentence(None, text.split(), None, text), learn(*training))
    # Each word has its place in the text, for the offsets of entities.
    offsets = tagged_sentences.locate_words(sentence.words, text)
    self.assertEqual([text[start:end] for start, end in offsets],
                     sentence.words)
    self.assertEqual("".join(sentence.words), "".join(text.split()))
    return "|".join(sentence.words)

  def test_marks_are_words_if_they_are_in_the_training_data(self):
    training = "زار سالم نورا .", "رأى نورا ، ثم"
    for text, wanted in [
        ("زار سالم صافيا.", "زار|سالم|صافيا|."),
        ("ليلى رأى نورا، ثم", "ليلى|رأى|نورا|،|ثم"),
        ("(بحرية).", "(|بحرية|)|."),  # marks that are not in training data
        ("«بحرية»؟!", "«|بحرية|»|؟|!"),
        ("نورا ، ثم .", "نورا|،|ثم|."),
        ("نورا،ثم", "نورا|،|ثم"),  # "," is never inside of a word there
        ("3.5 1,000", "3.5|1,000"),
        ("نورا-ثم", "نورا-ثم"),
        ("صافيا.\u200f \u200f(نورا", "صافيا|.\u200f|\u200f(|نورا"),
        ("نُورَا.", "نُورَا|."), ("...", ".|.|.")]:
      with self.subTest(text=text):
        self.assertEqual(self.split(text, *training), wanted)

  def test_marks_stay_where_the_training_data_have_them(self):
    training = "U.S. is #x . . . ( @y )", "e-mail - @z #a"
    for text, wanted in [
        ("the U.K. @me #tag.", "the|U.K|.|@me|#tag|."),
        ("(@me)", "(|@me|)"),
        ("e-mail a.b -x", "e-mail|a.b|-|x")]:
      with self.subTest(text=text):
        self.assertEqual(self.split(text, *training), wanted)

  def test_repeated_marks_are_one_word_if_they_are_in_training_data(self):
    self.assertEqual(self.split("a... b!! ?!", "x ... .", "a . ! !"),
                     "a|...|b|!|!|?|!")

  def test_text_is_split_at_white_space_if_training_data_are(self):
    for training in (["زار نورا.", "ثم، رأى (ليلى)"], ["زار نورا"],
                     ["a. b, c. ."], []):
      with self.subTest(training=training):
        self.assertIsNone(learn(*training))

  def test_what_is_learned(self):
    self.assertEqual(learn("a . b , ... #c x-y -"), {
        "kept": "#", "inside": ",.", "runs": "."})


if __name__ == "__main__":
  unittest.main()
