"""Tests for pretrain.build.builder."""

import contextlib
import io
import os
import subprocess
import sys
import tempfile
import unittest
from unittest import mock

import tensorflow.compat.v1 as tf

from pretrain import dataset_info
from pretrain.build import builder
from pretrain.build import corpus
from tests import conftest
from tests.pretrain import tiny_corpus
from util import utils


class BuilderTestCase(unittest.TestCase):

  def setUp(self):
    super().setUp()
    folder = tempfile.TemporaryDirectory()
    self.addCleanup(folder.cleanup)
    self.folder = folder.name
    self.corpus_dir = os.path.join(self.folder, "corpus")
    self.output_dir = os.path.join(self.folder, "output")
    self.vocab_file = tiny_corpus.write_vocab(self.folder)
    os.mkdir(self.corpus_dir)

  def build(self, **changes):
    """Returns (content of dataset_info.json, printed lines)."""
    settings = dict(
        corpus_dir=self.corpus_dir, vocab_file=self.vocab_file,
        output_dir=self.output_dir, max_seq_length=16)
    settings.update(changes)
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
      content = builder.build(builder.BuildSettings(**settings))
    return content, printed.getvalue()

  def write(self, name, text):
    with utils.open_file(os.path.join(self.corpus_dir, name), "w") as f:
      f.write(text)

  def output(self):
    """Returns {file name: bytes} of the output folder."""
    content = {}
    for name in utils.listdir(self.output_dir):
      with open(os.path.join(self.output_dir, name), "rb") as f:
        content[name] = f.read()
    return content

  def records(self):
    """Returns the input_ids, without padding, of all examples."""
    sequences = []
    for name in utils.listdir(self.output_dir):
      if "tfrecord" in name:
        path = os.path.join(self.output_dir, name)
        for record in tf.io.tf_record_iterator(path):
          feature = tf.train.Example.FromString(record).features.feature
          length = sum(feature["input_mask"].int64_list.value)
          sequences.append(list(
              feature["input_ids"].int64_list.value[:length]))
    return sequences


class BuildTest(BuilderTestCase):

  def test_output_does_not_depend_on_the_number_of_processes(self):
    tiny_corpus.write_corpus(self.corpus_dir)
    outputs = []
    for num_processes in (1, 2, 3):
      # Small chunks, so that a file has several. The patch does not reach the
      # worker processes, which do not cut chunks.
      with mock.patch.object(corpus, "CHUNK_BYTES", 500):
        self.build(num_processes=num_processes, num_out_files=3, overwrite=True)
      outputs.append(self.output())
    self.assertEqual(sorted(outputs[0]), ["dataset_info.json"] + [
        "pretrain_data.tfrecord-%d-of-3" % number for number in range(3)])
    self.assertEqual(outputs[0], outputs[1])
    self.assertEqual(outputs[0], outputs[2])

  def test_seed_changes_the_examples(self):
    tiny_corpus.write_corpus(self.corpus_dir)
    self.build(seed=0)
    first = self.output()
    self.build(seed=1, overwrite=True)
    self.assertNotEqual(first, self.output())

  def test_dataset_info_matches_the_files(self):
    tiny_corpus.write_corpus(self.corpus_dir)
    content, _ = self.build(num_out_files=4)
    self.assertEqual(dataset_info.load(self.output_dir), content)
    records = self.records()
    self.assertEqual(content["num_examples"], len(records))
    self.assertEqual([entry["name"] for entry in content["files"]],
                     ["pretrain_data.tfrecord-%d-of-4" % n for n in range(4)])
    # Every word is a token. [CLS] and [SEP]s are not.
    num_kept = sum(token_id > 4 for ids in records for token_id in ids)
    self.assertEqual(content["num_tokens"],
                     num_kept + content["num_dropped_tokens"])
    # Files of 192, 24 and 24 lines, every fifth blank: 38 + 4 + 4 blanks,
    # which leave 240 - 46 lines in 39 + 5 + 5 documents.
    self.assertEqual(content["num_lines"], 194)
    self.assertEqual(content["num_documents"], 49)
    self.assertEqual(content["tokenizer"], {
        "do_lower_case": True, "strip_accents": True, "preprocessing": None})

  def test_documents_split_between_chunks_are_counted_once(self):
    self.write("a.txt", "w1 w2\n" * 100 + "\n" + "w3\n" * 100)
    with mock.patch.object(corpus, "CHUNK_BYTES", 50):
      content, _ = self.build()
    self.assertEqual(content["num_documents"], 2)

  def test_examples_of_a_document_are_spread_over_the_shards(self):
    self.write("a.txt", "w1 w2 w3 w4 w5\n" * 300 + "\n" + "w6 w7\n" * 900)
    self.build(num_out_files=2)
    firsts = [record[1] for record in self.records()]
    num_changes = sum(a != b for a, b in zip(firsts, firsts[1:]))
    self.assertGreater(num_changes, 20)

  def test_carry_over_drops_no_tokens_and_logs_that(self):
    self.write("a.txt", ("w1 " * 40 + "\n") * 10)
    content, printed = self.build()
    # 14 of 40 tokens fit in each of the ten examples.
    self.assertEqual(content["num_dropped_tokens"], 260)
    self.assertIn("Dropped 260 tokens (65.0 %) that did not fit their example; "
                  "--carry-over starts", printed)
    content, printed = self.build(carry_over=True, overwrite=True)
    self.assertEqual(content["num_dropped_tokens"], 0)
    self.assertIn("Dropped 0 tokens (0.0 %)", printed)
    self.assertIn("--carry-over was on", printed)

  def test_split_sentences_splits_before_cleaning_and_counts(self):
    # Of two paragraphs, the first becomes a document of three sentences.
    self.write("a.txt", "w1 w2! w3 3.5! w1\n\nw2 w1\n")
    content, printed = self.build(split_sentences=True)
    self.assertEqual(
        {name: content[name] for name in (
            "split_sentences", "num_lines", "num_sentences", "num_documents")},
        {"split_sentences": True, "num_lines": 2, "num_sentences": 4,
         "num_documents": 2})
    self.assertIn("\nSplit 2 lines into 4 sentences\n", printed)
    content, printed = self.build(overwrite=True)
    self.assertNotIn("num_sentences", content)
    self.assertNotIn("sentences", printed)

  def test_split_sentences_decides_where_segments_end(self):
    # [CLS] A [SEP] B [SEP]: A is one or two complete sentences.
    self.write("a.txt", "w1 w1 w1 w2! " * 400 + "\n")
    self.build(split_sentences=True)
    sep, mark = 3, 1  # [SEP] and [UNK]
    pairs = [record for record in self.records() if record.count(sep) == 2]
    self.assertGreater(len(pairs), 50)
    self.assertEqual({record[record.index(sep) - 1] for record in pairs},
                     {mark})

  def test_last_log_line_counts_examples_and_files(self):
    self.write("a.txt", "w1\n\nw2\n")
    _, printed = self.build()
    self.assertTrue(printed.endswith(
        "Wrote 2 examples to %s (1 file)\n" % self.output_dir), printed)

  def test_blank_lines_can_be_ignored(self):
    self.write("a.txt", "w1\n\nw2\n")
    content, _ = self.build(blanks_separate_docs=False)
    self.assertEqual((content["num_documents"], content["num_examples"]),
                     (1, 1))

  def test_file_ends_end_documents(self):
    self.write("a.txt", "w1")
    self.write("b.txt", "w2")
    content, _ = self.build(blanks_separate_docs=False)
    self.assertEqual(content["num_examples"], 2)

  def test_empty_files_are_counted(self):
    self.write("a.txt", "w1")
    self.write("b.txt", "")
    content, printed = self.build()
    self.assertEqual((content["num_files"], content["num_empty_files"]), (2, 1))
    self.assertIn("in 2 files (1 empty)", printed)

  def test_line_longer_than_a_span_is_one_sentence(self):
    self.write("a.txt", "w1 w2 " * 50)
    with mock.patch("pretrain.build.chunk_encoder.MAX_SPAN_LENGTH", 20):
      content, _ = self.build()
    self.assertEqual(content["num_examples"], 1)
    self.assertEqual(content["num_tokens"], 100)

  def test_text_cannot_contain_control_tokens(self):
    self.vocab_file = tiny_corpus.write_vocab(
        self.folder, tiny_corpus.TOKENS + ["[رابط]", "[بريد]", "[مستخدم]"])
    self.write("a.txt", "[SEP] [MASK] [CLS] [رابط]")
    self.build(do_lower_case=False)
    (record,) = self.records()
    self.assertEqual(record[0], 2)
    self.assertEqual([token_id for token_id in record[1:-1]
                      if token_id in (2, 3, 4)], [])
    self.assertEqual(record[-2], len(tiny_corpus.TOKENS))  # [رابط]

  def test_byte_order_mark_is_skipped(self):
    self.write("a.txt", "\ufeffw1")
    self.build()
    self.assertEqual([list(ids) for ids in self.records()], [[2, 6, 3]])

  def test_changed_arabic_letters_are_logged(self):
    self.write("a.txt", "أحمد قرآن مسؤول\nw1")  # 3 letters change
    content, printed = self.build()
    self.assertEqual(content["num_changed_letters"], 3)
    self.assertIn("changed 3 Arabic letters", printed)
    self.assertIn("--no-strip-accents or --no-lower-case keeps them", printed)
    for changes in ({"strip_accents": False}, {"do_lower_case": False}):
      content, printed = self.build(overwrite=True, **changes)
      self.assertEqual(content["num_changed_letters"], 0)
      self.assertNotIn("Arabic", printed)

  def test_emptied_lines_are_counted(self):
    self.write("a.txt", "w1 w2\nw3\n\nw4 w5\n")
    for num_processes in (1, 2):
      content, printed = self.build(
          make_cleaner=tiny_corpus.make_last_word_cleaner,
          preprocessing="last-word", num_processes=num_processes,
          overwrite=True)
      self.assertEqual(sorted(map(list, self.records())),
                       [[2, 6, 3], [2, 9, 3]])
      self.assertEqual(content["num_emptied_lines"], 1)
      self.assertEqual(content["tokenizer"]["preprocessing"], "last-word")
      self.assertIn("removed all text of 1 line\n", printed)


class FailureTest(BuilderTestCase):

  def assert_fails(self, message, **changes):
    with self.assertRaisesRegex(utils.UserError, message):
      self.build(**changes)
    self.assertFalse(os.path.exists(self.output_dir))

  def test_invalid_utf8_error_names_file_and_line(self):
    tiny_corpus.write_corpus(self.corpus_dir)
    with open(os.path.join(self.corpus_dir, "z.txt"), "wb") as f:
      f.write(b"one\n\ntwo \xff\n")
    for num_processes in (1, 2):
      self.assert_fails("z.txt:3: expected UTF-8 text, got the byte 0xff",
                        num_processes=num_processes)

  def test_corpus_without_text(self):
    self.write("a.txt", " \n\n")
    self.assert_fails("--corpus-dir: .* has no text in its 1 files")

  def test_vocabulary_without_mask(self):
    self.write("a.txt", "w1")
    self.vocab_file = tiny_corpus.write_vocab(
        self.folder, [t for t in tiny_corpus.TOKENS if t != "[MASK]"])
    self.assert_fails(r"\[MASK\]")

  def test_numbers_out_of_range(self):
    self.write("a.txt", "w1")
    self.assert_fails("--max-seq-length: expected at least 5", max_seq_length=4)
    self.assert_fails("--num-processes: expected at least 1", num_processes=0)
    self.assert_fails("--num-out-files: expected at least 1", num_out_files=0)

  def test_output_inside_the_corpus(self):
    self.write("a.txt", "w1")
    self.output_dir = os.path.join(self.corpus_dir, "output")
    self.assert_fails("--output-dir: .* is inside --corpus-dir")

  def test_bug_in_a_worker_fails_the_build_and_names_the_line(self):
    self.write("a.txt", "w1\nw2\n%s\n" % tiny_corpus.DEADLY_LINE)
    for num_processes in (1, 2):
      stderr_file = os.path.join(self.folder, "stderr")
      with _redirected_stderr(stderr_file):
        with self.assertRaisesRegex(KeyError, "a bug"):
          self.build(num_processes=num_processes,
                     make_cleaner=tiny_corpus.make_failing_cleaner)
      with utils.open_file(stderr_file) as f:
        self.assertIn("the build failed at %s:3 (KeyError" %
                      os.path.join(self.corpus_dir, "a.txt"), f.read())
      self.assertFalse(os.path.exists(self.output_dir))

  def test_killed_process_fails_the_build_and_names_the_lines(self):
    self.write("a.txt", "w1\nw2\n%s\n" % tiny_corpus.DEADLY_LINE)
    self.assert_fails("A worker process was killed .*a.txt:1-3",
                      num_processes=2,
                      make_cleaner=tiny_corpus.make_suicidal_cleaner)

  def test_ctrl_c_ends_all_processes_with_one_line_and_130(self):
    self.write("a.txt", "w1\nw2\n%s\n" % tiny_corpus.DEADLY_LINE)
    done = subprocess.run(
        [sys.executable, "-c", "import signal\n"
         "from pretrain.build import builder\n"
         "from tests.pretrain import tiny_corpus\n"
         "from util import utils\n"
         "signal.signal(signal.SIGINT, signal.default_int_handler)\n"
         "utils.exit_cleanly(lambda: builder.build(builder.BuildSettings(\n"
         "    %r, %r, %r, num_processes=2,\n"
         "    make_cleaner=tiny_corpus.make_interrupting_cleaner)))" % (
             self.corpus_dir, self.vocab_file, self.output_dir)],
        cwd=conftest.ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        start_new_session=True)
    self.assertEqual(done.returncode, 130)
    self.assertEqual(done.stderr.decode().splitlines()[-1:],
                     ["Stopped by SIGINT"])
    self.assertNotIn("Traceback", done.stderr.decode())
    self.assertFalse(os.path.exists(self.output_dir))

  def test_processes_start_with_ctrl_c_blocked(self):
    self.write("a.txt", "w1\n")
    self.build(num_processes=2, make_cleaner=tiny_corpus.make_blocked_cleaner)

  def test_unknown_tokens_are_counted_and_recorded(self):
    self.write("a.txt", "w1 W2 w3 W2\n\nnew w1\n")
    for num_processes in (1, 2):
      content, printed = self.build(do_lower_case=False, overwrite=True,
                                    num_processes=num_processes)
      self.assertEqual(content["num_tokens"], 6)
      self.assertEqual(content["num_unknown_tokens"], 3)
      self.assertEqual(content["unknown_words"], [("W2", 2), ("new", 1)])
      self.assertIn("[UNK] is 3 of 6 tokens (50.00 %), most often for W2 (2), "
                    "new (1)\nWarning: vocabulary and text do not fit: ",
                    printed)
    self.assertEqual(dataset_info.load(self.output_dir)["unknown_words"],
                     [["W2", 2], ["new", 1]])

  def test_formats_of_all_files_are_recognized_before_any_work(self):
    self.write("a.txt", "w1\n")
    self.write("b.txt", "<html>\n")
    with mock.patch.object(builder, "_fill_buckets") as fill_buckets:
      self.assert_fails("b.txt: expected text, found HTML")
    self.assertFalse(fill_buckets.called)

  def test_failed_rebuild_keeps_the_earlier_build(self):
    self.write("a.txt", "w1")
    self.build()
    before = self.output()
    with open(os.path.join(self.corpus_dir, "b.txt"), "wb") as f:
      f.write(b"\xff")
    with self.assertRaises(utils.UserError):
      self.build(overwrite=True)
    self.assertEqual(self.output(), before)


class ChooseNumShardsTest(unittest.TestCase):

  def test_default_grows_with_the_corpus_up_to_1000(self):
    for num_examples, expected in ((1, 1), (511, 1), (512, 2), (255999, 999),
                                 (256000, 1000), (10**7, 1000)):
      self.assertEqual(builder.choose_num_shards(None, num_examples), expected)

  def test_num_out_files_is_limited_by_the_number_of_examples(self):
    self.assertEqual(builder.choose_num_shards(2000, 2000), 2000)
    self.assertEqual(builder.choose_num_shards(2000, 7), 7)


@contextlib.contextmanager
def _redirected_stderr(path):
  """Redirects stderr of this process and its children to a file."""
  saved = os.dup(2)
  with open(path, "wb") as f:
    os.dup2(f.fileno(), 2)
  stderr = io.open(os.dup(2), "w")
  try:
    with contextlib.redirect_stderr(stderr):
      yield
  finally:
    stderr.close()
    os.dup2(saved, 2)
    os.close(saved)


if __name__ == "__main__":
  unittest.main()
