"""Tests for finetune.tagging.tagging_utils."""

import itertools
import os
import unittest

from finetune.readers import conll
from finetune.tagging import tagging_utils
from tests.finetune.tagging import conlleval

DATA = os.environ.get("ELECTRA_DATA")


class TagsTest(unittest.TestCase):

  def test_tags_are_split_at_the_first_hyphen(self):
    for tag, parts in [
        ("O", ("O", "")), ("B-NP", ("B", "NP")), ("B-PER-x", ("B", "PER-x")),
        ("L-X", ("E", "X")), ("U-X", ("S", "X")), ("B", ("B", "")),
        ("NN", ("I", "NN")), ("-X", ("I", "-X")), ("B-", ("I", "B-")),
        ("i-misc", ("I", "i-misc")), (".O", ("I", ".O"))]:
      self.assertEqual(tagging_utils.split_tag(tag), parts)

  def test_spans_in_every_encoding(self):
    spans = [(0, 1, "X"), (2, 2, "X"), (4, 6, "Y")]
    for tags in ("B-X I-X B-X O B-Y I-Y I-Y",  # IOB2
                 "I-X I-X B-X O I-Y I-Y I-Y",  # IOB1
                 "B-X E-X S-X O B-Y I-Y E-Y",  # BIOES
                 "B-X L-X U-X O B-Y I-Y L-Y"):  # BILOU
      self.assertEqual(tagging_utils.get_span_labels(tags.split()), spans)

  def test_inside_tag_of_another_type_starts_a_span(self):
    self.assertEqual(tagging_utils.get_span_labels(["B-X", "I-Y", "I-Y"]),
                     [(0, 0, "X"), (1, 2, "Y")])

  def test_inside_tag_after_an_end_starts_a_span(self):
    self.assertEqual(tagging_utils.get_span_labels(["B-X", "E-X", "I-X"]),
                     [(0, 1, "X"), (2, 2, "X")])

  def test_types_alone_are_spans(self):
    self.assertEqual(
        tagging_utils.get_span_labels(["NN", "NN", "O", "VB", "NN"]),
        [(0, 1, "NN"), (3, 3, "VB"), (4, 4, "NN")])

  def test_no_words_have_no_spans(self):
    self.assertEqual(tagging_utils.get_span_labels([]), [])
    self.assertEqual(tagging_utils.get_tags([], 0), [])

  def test_bioes_tells_first_inside_last_and_only(self):
    spans = [(0, 0, "X"), (1, 3, "X"), (4, 5, "Y-z")]
    self.assertEqual(
        tagging_utils.get_tags(spans, 7),
        ["S-X", "B-X", "I-X", "E-X", "B-Y-z", "E-Y-z", "O"])
    self.assertEqual(
        tagging_utils.get_tags(spans, 7, "BIO"),
        ["B-X", "B-X", "I-X", "I-X", "B-Y-z", "I-Y-z", "O"])

  def test_every_short_sequence_is_read_as_conlleval_reads_it(self):
    tags = ["O"] + [place + "-" + name for place in "BIES" for name in "XY"]
    for length in range(1, 5):  # 9 + 81 + 729 + 6,561 sequences
      for sequence in itertools.product(tags, repeat=length):
        spans = tagging_utils.get_span_labels(sequence)
        self.assertEqual(set(spans), conlleval.chunks(sequence), sequence)

  def test_encoding_keeps_the_spans(self):
    tags = ["O", "B-X", "I-X", "E-X", "S-X", "I-Y", "NN", "B"]
    for sequence in itertools.product(tags, repeat=4):
      spans = tagging_utils.get_span_labels(sequence)
      for encoding in ("BIO", "BIOES"):
        encoded = tagging_utils.get_tags(spans, len(sequence), encoding)
        self.assertEqual(tagging_utils.get_span_labels(encoded), spans)


@unittest.skipUnless(DATA, "ELECTRA_DATA is not set")
class RealTagsTest(unittest.TestCase):

  def tags(self, *name):
    return [sentence.tags for sentence in conll.read_conll(
        os.path.join(DATA, *name)).sentences]

  def test_iob2_of_conll_2000_comes_back_from_bioes(self):
    for name in ("train.txt", "test.txt"):
      for tags in self.tags("conll2000", name):
        bioes = tagging_utils.recode(tags, "BIOES")
        self.assertEqual(tagging_utils.recode(bioes, "BIO"), tags)

  def test_spans_of_anercorp_are_those_of_conlleval(self):
    num_changed = 0
    for name in ("train", "test"):
      for tags in self.tags("anercorp", "ANERCorp_CamelLab_%s.txt" % name):
        bioes = tagging_utils.recode(tags, "BIOES")
        spans = conlleval.chunks(tags)
        self.assertEqual(set(tagging_utils.get_span_labels(tags)), spans)
        self.assertEqual(set(tagging_utils.get_span_labels(bioes)), spans)
        num_changed += tagging_utils.recode(bioes, "BIO") != tags
    # Sentences in which a name starts with I-X; conlleval counts it too.
    self.assertGreater(num_changed, 0)

  def test_spans_of_label_ids(self):
    self.assertEqual(tagging_utils.get_span_labels(
        [2, 0, 1], {0: "B-X", 1: "I-X", 2: "O"}), [(1, 2, "X")])


if __name__ == "__main__":
  unittest.main()
