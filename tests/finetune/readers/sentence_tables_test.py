"""Tests for finetune.readers.sentence_tables."""

import unittest

from finetune.readers import sentence_tables
from finetune.readers import tables
from tests.finetune.readers import conll_test
from tests.finetune.tagging import tiny_tags
from util import utils

NAMED = sentence_tables.Layout("word", "tag", has_header=True)


class TableReaderTest(tiny_tags.TaggingTestCase):

  def read(self, text, layout=sentence_tables.Layout(), num_columns=None,
           file_format="csv"):
    self.path = self.write("x/train." + file_format, text)
    return sentence_tables.read_table(
        self.path, file_format, layout, num_columns)

  def sentences(self, *args, **kwargs):
    return [(sentence.words, sentence.tags)
            for sentence in self.read(*args, **kwargs).sentences]

  def assert_error(self, message, *args, **kwargs):
    with self.assertRaises(utils.UserError) as caught:
      self.read(*args, **kwargs)
    self.assertIn(self.path + message, str(caught.exception))

  def test_first_column_is_the_word_and_the_last_its_tag(self):
    wanted = [(["He", "\""], ["A", "B"]), (["It"], ["A"])]
    self.assertEqual(self.sentences("He,x,A\n\"\"\"\",x,B\n\nIt,x,A\n"), wanted)
    # In .tsv a quotation mark is a word like any other.
    self.assertEqual(self.sentences("He\tx\tA\r\n\"\tx\tB\r\n\t\t\r\nIt\tx\tA",
                                    file_format="tsv"), wanted)

  def test_columns_by_name(self):
    text = "tag,x,word\nA,1,He\n\n\nB,2,ran\n"
    content = self.read(text, NAMED)
    self.assertEqual([(s.words, s.tags) for s in content.sentences],
                     [(["He"], ["A"]), (["ran"], ["B"])])
    self.assertEqual((content.num_columns, content.is_tagged), (None, True))
    self.assertEqual(content.sentences[1].place(0), self.path + ":5")

  def test_columns_by_position_under_a_header_line(self):
    layout = sentence_tables.Layout(1, 0, has_header=True)
    self.assertEqual(self.sentences("tag,word,x\nA,He,1\n", layout),
                     [(["He"], ["A"])])

  def test_column_may_distinguish_sentences(self):
    layout = sentence_tables.Layout("word", "tag", "number", has_header=True)
    # Also where only the first word of a sentence has it.
    for numbers in ("1122", "1 2 "):
      text = "number,word,tag\n%s,a,A\n%s,b,B\n%s,c,A\n%s,d,B\n" % tuple(
          number.strip() for number in numbers)
      content = self.read(text, layout)
      self.assertEqual([(s.sentence_id, s.words) for s in content.sentences],
                       [("1", ["a", "b"]), ("2", ["c", "d"])])

  def test_document_starts_are_not_words(self):
    self.assertEqual(self.sentences("a,A\n-DOCSTART-,O\nb,B\n"),
                     [(["a"], ["A"]), (["b"], ["B"])])

  def test_file_without_tags(self):
    for text, layout, num_columns in [
        ("word,x\nHe,1\n", NAMED, None),
        ("He\n", sentence_tables.Layout(), 3),
        ("He,x\n", sentence_tables.Layout(), 3),
        ("x,He\n", sentence_tables.Layout(2, 0), 3),
        ("x,He\n", sentence_tables.Layout(1, 2), 3)]:
      with self.subTest(text=text, layout=layout):
        content = self.read(text, layout, num_columns)
        self.assertFalse(content.is_tagged)
        self.assertEqual([(s.words, s.tags) for s in content.sentences],
                         [(["He"], None)])

  def test_other_number_of_columns_names_the_line(self):
    self.assert_error(":2: expected 2 columns, got 3: a | b | c",
                      "a,A\na,b,c\n")
    self.assert_error(":2: expected one word per line, in 1, 3 or 4 columns "
                      "(those of the training data with or without the tag, or "
                      "only words), got 2: 'a | A'", "\na,A\n", num_columns=4)

  def test_position_out_of_range_names_the_line(self):
    self.assert_error(":1: expected a column at position 2 (from 0) for "
                      "\"tags\", got 2 columns", "a,A\n",
                      sentence_tables.Layout(0, 2))

  def test_missing_column_names_the_line(self):
    self.assert_error(":1: expected a header line with one column 'word', "
                      "got: 'token' | 'tag'", "token,tag\na,A\n", NAMED)

  def test_word_or_tag_that_cannot_be_written_in_columns(self):
    self.assert_error(":1: expected a word without white space, got 'a b'",
                      "a b,A\n")
    self.assert_error(":2: expected a tag without white space, got ''",
                      "a,A\nb,\n")

  def test_file_without_words_is_an_error(self):
    for text, layout in [("", NAMED), ("\n\n", NAMED), ("word,tag\n", NAMED),
                         ("-DOCSTART-,O\n", sentence_tables.Layout())]:
      self.assert_error(": expected a word and its tag on each line, got no "
                        "words", text, layout)

  def test_lines_of_conllu_that_are_not_words_are_skipped(self):
    layout = sentence_tables.Layout(1, 3)
    text = conll_test.CONLLU.replace("1 000", "1000")
    sentences = self.quietly(lambda: self.sentences(text, layout,
                                                    file_format="tsv"))
    self.assertEqual(sentences, [(["a", "1000"], ["CCONJ", "NUM"]),
                                 (["z"], ["VERB"])])
    self.assertIn("Skipped 4 lines", self.printed.getvalue())

  def test_comments(self):
    wanted = [(["#a", "b"], ["N", "V"]), (["c"], ["N"])]
    for comment, lines in [(None, ("# sent_id = 1", "# x")),
                           ("%", ("% 1", "%\tx"))]:
      text = "%s\n#a\tN\nb\tV\n\n%s\nc\tN\n" % lines
      self.assertEqual(self.quietly(lambda: self.sentences(
          text, sentence_tables.Layout(comment=comment), file_format="tsv")),
                       wanted)

  def test_rows_with_invisible_characters_only_end_a_sentence(self):
    self.assertEqual(self.sentences("a,A\n\u200b\nb,B\n\u200f,\u200f\nc,A\n"),
                     [(["a"], ["A"]), (["b"], ["B"]), (["c"], ["A"])])

  def test_delimiter_and_encoding(self):
    layout = sentence_tables.Layout(dialect=tables.Dialect(";", "cp1256"))
    self.assertEqual(self.sentences("سالم;A\nب;B\n".encode("cp1256"), layout),
                     [(["سالم", "ب"], ["A", "B"])])


if __name__ == "__main__":
  unittest.main()
