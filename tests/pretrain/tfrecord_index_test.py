"""Tests for pretrain.tfrecord_index."""

import json
import os
import re
import tempfile

import tensorflow.compat.v1 as tf

from model import tokenization
from pretrain import dataset_info
from pretrain import example_check
from pretrain import tfrecord_index
from tests.pretrain import tiny_pretraining
from util import utils


class TFRecordIndexTest(tf.test.TestCase):

  def setUp(self):
    super().setUp()
    self.folder = tempfile.mkdtemp(dir=self.get_temp_dir())
    self.config = tiny_pretraining.make_data(self.folder, [3, 2])
    self.records = os.path.dirname(self.config.pretrain_tfrecords)

  def _find(self):
    return example_check.build_index(self.config, tfrecord_index.check(
        self.config, self.config.pretrain_tfrecords))

  def _write_info(self, **changes):
    content = dict({
        "format_version": 1, "tool": "test", "tool_version": "1.0.0",
        "num_examples": 5, "max_seq_length": tiny_pretraining.LENGTH,
        "files": [{"name": "pretrain_data.tfrecord-%d-of-2" % i,
                   "num_examples": 3 - i} for i in range(2)],
        "vocab_sha256": tokenization.vocab_sha256(self.config.vocab_file),
        "vocab_size": 40, "tokenizer": {
            "do_lower_case": False, "strip_accents": False,
            "preprocessing": None},
        "seed": 0, "carry_over": False, "blanks_separate_docs": True,
        "num_files": 1, "num_documents": 1, "num_lines": 1, "num_tokens": 1,
        "num_dropped_tokens": 0}, **changes)
    with open(os.path.join(self.records, "dataset_info.json"), "w") as f:
      json.dump(content, f)

  def test_counts_unlisted_files_once(self):
    files = self._find()
    self.assertEqual(tfrecord_index.total_examples(files), 5)
    self.assertEqual([files.num_examples[path] for path in files.paths], [3, 2])
    with open(os.path.join(self.config.model_dir,
                           tfrecord_index.COUNTS_NAME)) as f:
      cache = json.load(f)
    self.assertEqual(cache[files.paths[0]]["num_examples"], 3)
    # Nothing is written in the user's data folder.
    self.assertLen(os.listdir(self.records), 2)

  def test_a_changed_file_is_counted_again(self):
    self._find()
    tiny_pretraining.write_records(self.folder, [4, 2])
    self.assertEqual(tfrecord_index.total_examples(self._find()), 6)

  def test_uses_listed_counts(self):
    self._write_info()
    self.assertEqual(tfrecord_index.total_examples(self._find()), 5)
    self.assertFalse(os.path.exists(self.config.model_dir))

  def test_no_file_names_the_pattern(self):
    with self.assertRaisesRegex(
        utils.UserError, r"pretrain_tfrecords: no file matches .*nothing\*. "
        "Build examples with build_pretraining_dataset.py"):
      tfrecord_index.check(self.config, os.path.join(self.folder, "nothing*"))

  def test_advice_on_a_folder_finds_its_files(self):
    folder = os.path.dirname(self._find().paths[0])
    for path in (folder, folder + "/"):
      with self.assertRaisesRegex(
          utils.UserError, "pretrain_tfrecords: .* is a folder. Set it to the "
          "files in it: \"(.*tfrecord\\*)\"") as raised:
        tfrecord_index.check(self.config, path)
      advised = re.search("\"(.*)\"", str(raised.exception)).group(1)
      self.assertEqual(tfrecord_index.check(self.config, advised).paths,
                       self._find().paths)
    for path in self._find().paths:
      os.rename(path, path.replace("pretrain_data", "other"))
    with self.assertRaisesRegex(utils.UserError, r"files in it: \".*/\*\""):
      tfrecord_index.check(self.config, folder)
    os.makedirs(os.path.join(self.folder, "empty"))
    with self.assertRaisesRegex(utils.UserError, "folder without TFRecord"):
      tfrecord_index.check(self.config, os.path.join(self.folder, "empty"))

  def test_no_file_in_a_folder_with_a_wildcard_in_its_name(self):
    for name, character in (("v[1]", "\\["), ("a,b", ","), ("what?", "\\?")):
      with self.assertRaisesRegex(
          utils.UserError, "the path of yours. .*rename a folder with %s in "
          "its name" % character):
        tfrecord_index.check(self.config, os.path.join(self.folder, name, "x*"))
    with self.assertRaisesRegex(utils.UserError, r"the path of yours\.$"):
      tfrecord_index.check(self.config, os.path.join(self.folder, "x*"))

  def test_another_length(self):
    self._write_info(max_seq_length=128)
    with self.assertRaisesRegex(
        utils.UserError, "max_seq_length: .* was built with 128, got 12"):
      self._find()

  def test_another_vocabulary(self):
    self._write_info(vocab_sha256="0")
    with self.assertRaisesRegex(utils.UserError, "vocab.txt: differs from "
                                "the vocabulary of 40 tokens"):
      self._find()

  def test_missing_shard(self):
    self._write_info()
    os.remove(os.path.join(self.records, "pretrain_data.tfrecord-1-of-2"))
    with self.assertRaisesRegex(utils.UserError, "tfrecord-1-of-2"):
      self._find()

  def test_missing_and_truncated_shards_are_skipped_on_request(self):
    self._write_info()
    os.remove(os.path.join(self.records, "pretrain_data.tfrecord-1-of-2"))
    self.config = self.config.replace(skip_corrupted_records=True)
    files = self._find()
    self.assertEqual(tfrecord_index.total_examples(files), 3)

  def test_another_number_of_examples_than_listed(self):
    tiny_pretraining.write_records(self.folder, [3, 3])
    self._write_info()
    with self.assertRaisesRegex(
        utils.UserError, "tfrecord-1-of-2: has 3 examples, but "
        "dataset_info.json lists 2. Build"):
      self._find()

  def test_a_file_that_is_not_listed(self):
    self._write_info()
    path = os.path.join(self.records, "pretrain_data.tfrecord-7-of-9")
    os.rename(tiny_pretraining.write_records(
        tempfile.mkdtemp(dir=self.get_temp_dir()), [1])[0], path)
    with self.assertRaisesRegex(
        utils.UserError, "tfrecord-7-of-9: not one of the 2 files that "
        "dataset_info.json lists"):
      self._find()

  def test_unfinished_build(self):
    with open(os.path.join(self.records, dataset_info.UNFINISHED_NAME), "w"):
      pass
    with self.assertRaisesRegex(
        utils.UserError, "the dataset is unfinished .found BUILD_UNFINISHED"):
      self._find()

  def test_truncated_file_names_the_example(self):
    path = os.path.join(self.records, "pretrain_data.tfrecord-0-of-2")
    with open(path, "rb") as f:
      content = f.read()
    with open(path, "wb") as f:
      f.write(content[:-1])
    with self.assertRaisesRegex(utils.UserError, "truncated within example 3"):
      self._find()

  def test_only_empty_files(self):
    for path in tiny_pretraining.write_records(self.folder, [0, 0]):
      self.assertEqual(os.path.getsize(path), 0)
    with self.assertRaisesRegex(utils.UserError, ": 2 empty files"):
      self._find()


if __name__ == "__main__":
  tf.test.main()
