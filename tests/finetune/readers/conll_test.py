"""Tests for finetune.readers.conll.

Real data, where ELECTRA_DATA is set: the counts of CoNLL-2000 are those of its
README, those of ANERcorp those of CAMeL Lab's README (words).
"""

import os
import re
import unittest

from finetune.readers import conll
from tests.finetune.tagging import tiny_tags
from util import utils

DATA = os.environ.get("ELECTRA_DATA")


class ReaderTest(tiny_tags.TaggingTestCase):

  def read(self, text):
    return conll.read_conll(self.write("x/train.txt", text))

  def sentences(self, text):
    return [(sentence.words, sentence.tags)
            for sentence in self.read(text).sentences]

  def quiet_sentences(self, text):
    return self.quietly(self.sentences, text)


class ConllReaderTest(ReaderTest):

  def test_first_column_is_the_word_and_the_last_its_tag(self):
    content = self.read("He PRP B-NP\nran VBD B-VP\n\nIt PRP B-NP\n\n")
    self.assertEqual(content.num_columns, 3)
    self.assertEqual([(s.words, s.tags) for s in content.sentences],
                     [(["He", "ran"], ["B-NP", "B-VP"]), (["It"], ["B-NP"])])

  def test_last_sentence_needs_no_empty_line(self):
    for end in ("", "\n", "\n\n", "\n\n\n"):
      self.assertEqual(self.sentences("a O\n\nb B-X" + end),
                       [(["a"], ["O"]), (["b"], ["B-X"])])

  def test_columns_are_separated_by_spaces_and_tabs(self):
    self.assertEqual(self.sentences("a\tO\nb   O\nc \t O \n \t \nd\tB-X\r\n"),
                     [(["a", "b", "c"], ["O"] * 3), (["d"], ["B-X"])])

  def test_other_spaces_belong_to_words(self):
    # NO-BREAK SPACE, LINE SEPARATOR, NEXT LINE
    for space in u"\u00a0\u2028\u0085":
      word = "a%sb" % space
      self.assertEqual(self.sentences(word + " O\n"), [([word], ["O"])])

  def test_byte_order_mark_is_skipped(self):
    self.assertEqual(self.sentences(b"\xef\xbb\xbfa O\n"), [(["a"], ["O"])])

  def test_document_starts_are_not_words(self):
    # CoNLL-2003 has an empty line after them, but need not
    text = "-DOCSTART- -X- O O\n\na X O O\n-DOCSTART-\nb X O O\n"
    self.assertEqual(self.sentences(text), [(["a"], ["O"]), (["b"], ["O"])])

  def test_number_sign_is_a_word(self):
    self.assertEqual(self.sentences("# # I-NP\n"), [(["#"], ["I-NP"])])

  def test_one_column_has_no_tags(self):
    self.assertEqual(self.sentences("a\nb\n"), [(["a", "b"], None)])

  def test_place_is_the_line_number(self):
    content = self.read("\na O\n\n\n-DOCSTART- O\nb O\nc O\n")
    self.assertEqual(content.sentences[0].place(0), content.path + ":2")
    self.assertEqual(content.sentences[1].place(1), content.path + ":7")

  def test_other_number_of_columns_names_the_line(self):
    with self.assertRaisesRegex(
        utils.UserError, r"train.txt:3: expected 2 columns .* got 1: 'b'"):
      self.read("a O\n\nb\n")
    with self.assertRaisesRegex(utils.UserError, ":2: expected 2 .* got 3"):
      self.read("a O\nb c O\n")

  def test_other_encoding_names_the_line(self):
    with self.assertRaisesRegex(utils.UserError,
                                "train.txt:2: expected UTF-8; byte 1"):
      self.read(b"a O\n\xe9 O\n")

  def test_file_without_words_is_an_error(self):
    for text in ("", "\n\n", "-DOCSTART- O\n"):
      with self.assertRaisesRegex(utils.UserError, "got no words"):
        self.read(text)

  def test_formatted_sentences_can_be_read(self):
    columns = [[["a", "b"], ["O", "B-X"], ["O", "O"]], [["c"], ["O"], ["O"]]]
    text = conll.format_sentences(columns)
    self.assertEqual(text, "a O O\nb B-X O\n\nc O O\n\n")
    self.assertEqual(self.sentences(text),
                     [(["a", "b"], ["O", "O"]), (["c"], ["O"])])


CONLLU = (
    "# sent_id = s1\n# text = x\n"
    "1-2\tab\t_\t_\t_\t_\t_\t_\t_\t_\n"
    "1\ta\ta\tCCONJ\tC\t_\t3\tcc\t_\t_\n"
    "2\t1 000\tb\tNUM\tC\t_\t3\tcc\t_\tx=y\n"
    "2.1\tq\ta\tVERB\tC\t_\t3\tcc\t_\t_\n\n"
    "1\tz\ta\tVERB\tC\t_\t3\tcc\t_\t_\n")


class ConlluReaderTest(ReaderTest):

  def test_words_and_parts_of_speech_of_conllu(self):
    for text in (CONLLU, "\ufeff" + CONLLU.replace("\n", "\r\n"),
                 re.sub("(?m)^#.*\n", "", CONLLU)):
      self.assertEqual(self.quiet_sentences(text), [
          (["a", "1\u00a0000"], ["CCONJ", "NUM"]), (["z"], ["VERB"])])
    content = self.quietly(self.read, CONLLU)
    self.assertEqual([s.sentence_id for s in content.sentences], ["s1", None])
    self.assertEqual(content.sentences[0].place(1), content.path + ":5")
    self.assertIn("Read the columns FORM and UPOS of %s, which is CoNLL-U: 2 "
                  "sentences; skipped 4 lines" % content.path,
                  self.printed.getvalue())

  def test_conllu_without_parts_of_speech_is_unlabeled(self):
    text = re.sub("CCONJ|NUM|VERB", "_", CONLLU)
    content = self.quietly(self.read, text)
    self.assertEqual((content.num_columns, content.sentences[0].tags),
                     (1, None))

  def test_conllu_with_other_columns_names_the_line(self):
    with self.assertRaisesRegex(utils.UserError,
                                ":9: expected the 10 columns of CoNLL-U"):
      self.quiet_sentences(CONLLU + "2\tz\ta\tVERB\n")


class CommentsTest(ReaderTest):

  def test_comments_have_other_columns_than_words(self):
    for first, second in [("# sent_id = 1", "# 2"), ("#begin a (b)", "#end x"),
                          ("# text", "# text = a b c")]:
      self.assertEqual(
          self.quiet_sentences("%s\na N\nb V\n\n%s\nc N\n" % (first, second)),
          [(["a", "b"], ["N", "V"]), (["c"], ["N"])])
    self.assertIn("Skipped 2 comment lines of", self.printed.getvalue())

  def test_lines_like_comments_with_the_columns_of_words_are_refused(self):
    for first, second in [("#id s0", "#id s1"), ("# 1", "# 2"),
                          ("#a x", "#b y")]:
      text = "%s\na N\nb V\n\n%s\nc N\n" % (first, second)
      with self.assertRaisesRegex(
          utils.UserError, "train.txt:1: '%s' starts like a comment" %
          first) as raised:
        self.sentences(text)
      # The advice: declare them, or remove them.
      comment, none = re.findall(r'"comment": "(.*?)" ', str(raised.exception))
      path = self.write("x/train.txt", text)
      without = [(["a", "b"], ["N", "V"]), (["c"], ["N"])]
      for start, wanted in [(comment, without), (none, [
          ([first.split()[0]] + without[0][0],
           [first.split()[1]] + without[0][1]),
          ([second.split()[0], "c"], [second.split()[1], "N"])])]:
        content = self.quietly(lambda: conll.read_conll(path, comment=start))
        self.assertEqual([(s.words, s.tags) for s in content.sentences], wanted)
      self.assertEqual(self.sentences(re.sub("#.*\n", "", text)), without)

  def test_comments_that_repeat_are_refused(self):
    with self.assertRaisesRegex(utils.UserError, "'#id s0' starts like a comm"):
      self.sentences("#id s0\na N\n\n#id s1\nb N\n\n" * 3)

  def test_hashtags_and_number_signs_are_words(self):
    for first, second in [("#egypt N", "#news N"), ("#a H", "#b H"),
                          ("# #", "# #"), ("# N", "# N")]:
      sentences = self.sentences("%s\nb V\n\n%s\nc V\n" % (first, second))
      self.assertEqual([words[0] for words, _ in sentences],
                       [first.split()[0], second.split()[0]])

  def test_lines_with_invisible_characters_only_are_blank(self):
    self.assertEqual(self.sentences("a O\n\u200b\nb O\n\ufeff\u200f\nc O\n"),
                     [(["a"], ["O"]), (["b"], ["O"]), (["c"], ["O"])])


@unittest.skipUnless(DATA, "ELECTRA_DATA is not set")
class RealFilesTest(unittest.TestCase):

  def counts(self, name):
    content = conll.read_conll(os.path.join(DATA, name))
    return (len(content.sentences),
            sum(len(sentence.words) for sentence in content.sentences))

  def test_conll_2000_has_the_published_counts(self):
    self.assertEqual(self.counts("conll2000/train.txt"), (8936, 211727))
    self.assertEqual(self.counts("conll2000/test.txt"), (2012, 47377))

  def test_anercorp_has_the_published_counts(self):
    self.assertEqual(self.counts("anercorp/ANERCorp_CamelLab_train.txt"),
                     (3973, 125102))
    self.assertEqual(self.counts("anercorp/ANERCorp_CamelLab_test.txt"),
                     (925, 25008))

  def test_original_anercorp_is_rejected_at_its_broken_columns(self):
    with self.assertRaisesRegex(
        utils.UserError, "ANERCorp_Benajiba.txt:77231: expected 2 columns"):
      self.counts("anercorp/ANERCorp_Benajiba.txt")


if __name__ == "__main__":
  unittest.main()
