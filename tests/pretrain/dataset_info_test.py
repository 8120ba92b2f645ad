"""Tests for pretrain.dataset_info."""

import os
import tempfile
import unittest

from pretrain import dataset_info
from util import utils


def make_content(**changes):
  content = {
      "format_version": 1, "tool": "build_pretraining_dataset.py",
      "tool_version": "1.0.0", "num_examples": 3, "max_seq_length": 128,
      "files": [{"name": "pretrain_data.tfrecord-0-of-1", "num_examples": 3,
                 "num_bytes": 4}],
      "vocab_sha256": "ab", "vocab_size": 5,
      "tokenizer": {"do_lower_case": False, "strip_accents": False,
                    "preprocessing": None},
      "seed": 0, "carry_over": False, "blanks_separate_docs": True,
      "num_files": 1, "num_documents": 1, "num_lines": 1, "num_tokens": 9,
      "num_dropped_tokens": 0}
  content.update(changes)
  return content


class DatasetInfoTest(unittest.TestCase):

  def setUp(self):
    super().setUp()
    folder = tempfile.TemporaryDirectory()
    self.addCleanup(folder.cleanup)
    self.folder = folder.name
    self.write("pretrain_data.tfrecord-0-of-1", "1234")

  def write(self, name, text):
    with open(os.path.join(self.folder, name), "w") as f:
      f.write(text)

  def assert_load_fails(self, message, content):
    utils.write_json(content, os.path.join(self.folder, "dataset_info.json"))
    with self.assertRaisesRegex(utils.UserError, message):
      dataset_info.load(self.folder)

  def test_reads_what_it_wrote(self):
    dataset_info.write(make_content(), self.folder)
    self.assertEqual(dataset_info.load(self.folder), make_content())

  def test_fingerprint_is_the_checksum_of_the_info_or_names_and_sizes(self):
    path = os.path.join(self.folder, "pretrain_data.tfrecord-0-of-1")
    self.assertEqual(dataset_info.fingerprint([path]), {self.folder: {
        "num_files": 1, "files": {"pretrain_data.tfrecord-0-of-1": 4}}})
    dataset_info.write(make_content(), self.folder)
    checksum = utils.sha256_of_file(
        os.path.join(self.folder, "dataset_info.json"))
    self.assertEqual(dataset_info.fingerprint([path]), {self.folder: {
        "num_files": 1, "dataset_info_sha256": checksum}})

  def test_folder_of_the_reference_has_none(self):
    self.assertIsNone(dataset_info.load(self.folder))
    self.assertFalse(dataset_info.is_unfinished(self.folder))

  def test_marker_means_unfinished_until_there_is_an_info(self):
    self.write("BUILD_UNFINISHED", "")
    self.assertTrue(dataset_info.is_unfinished(self.folder))
    dataset_info.write(make_content(), self.folder)
    self.assertFalse(dataset_info.is_unfinished(self.folder))

  def test_names_are_of_files_in_the_folder(self):
    self.assert_load_fails(
        r"files\[0\]: expected the name of a file in this folder",
        make_content(files=[{"name": "../x", "num_examples": 3}]))

  def test_size_of_files_is_optional(self):
    dataset_info.write(make_content(files=[
        {"name": "pretrain_data.tfrecord-0-of-1", "num_examples": 3}]),
                       self.folder)
    self.assertEqual(dataset_info.load(self.folder)["num_examples"], 3)

  def agree(self, **changes):
    """Writes two folders of examples, one with changes, and compares them."""
    other = tempfile.TemporaryDirectory()
    self.addCleanup(other.cleanup)
    files = [{"name": "pretrain_data.tfrecord-0-of-1", "num_examples": 3}]
    dataset_info.write(make_content(), self.folder)
    dataset_info.write(make_content(files=files, **changes), other.name)
    return dataset_info.agreed_tokenizer(
        [self.get_empty_folder(), self.folder, other.name],
        needs_all_files=False)

  def get_empty_folder(self):
    folder = tempfile.TemporaryDirectory()
    self.addCleanup(folder.cleanup)
    return folder.name

  def test_folders_that_agree(self):
    self.assertEqual(self.agree(seed=5), (
        make_content()["tokenizer"],
        os.path.join(self.folder, "dataset_info.json")))

  def test_folders_of_other_token_ids_are_both_named(self):
    tokenizer = make_content()["tokenizer"]
    for name, value, values in (
        ("do_lower_case", True, "false, as in .*, got true"),
        ("strip_accents", True, "false, as in .*, got true"),
        ("preprocessing", "araelectra-base", "null, as in .*, got .araelectra"),
        ("vocab_sha256", "cd", ".ab., as in .*, got .cd."),
        ("max_seq_length", 9, "128, as in .*, got 9")):
      changes = ({"tokenizer": dict(tokenizer, **{name: value})}
                 if name in tokenizer else {name: value})
      with self.subTest(name=name):
        with self.assertRaisesRegex(
            utils.UserError, r"/dataset_info.json: .%s.: expected %s" % (
                name, values.replace(".*", self.folder + ".*.json"))):
          self.agree(**changes)

  def test_refuses_another_version(self):
    self.assert_load_fails("format_version.: expected 1, got 2",
                           make_content(format_version=2))

  def test_refuses_other_than_an_object(self):
    self.assert_load_fails(r"expected a JSON object, got \[\]", [])
    self.assert_load_fails(r"files\[0\]: expected a JSON object, got \[\]",
                           make_content(files=[[]]))

  def test_refuses_a_missing_key(self):
    content = make_content()
    del content["seed"]
    self.assert_load_fails("requires the key .seed. .an integer.. Build the",
                           content)

  def test_refuses_a_wrong_type(self):
    self.assert_load_fails("seed.: expected an integer, got .x.. Build the",
                           make_content(seed="x"))
    self.assert_load_fails("seed.: expected an integer, got true",
                           make_content(seed=True))
    self.assert_load_fails(
        "tokenizer: .preprocessing.: expected a string or null, got 1",
        make_content(tokenizer={"do_lower_case": False, "strip_accents": False,
                                "preprocessing": 1}))

  def test_refuses_a_wrong_size_of_a_file(self):
    self.assert_load_fails(
        r"files\[0\]: .num_bytes.: expected an integer, got \[4\]",
        make_content(files=[{"name": "pretrain_data.tfrecord-0-of-1",
                             "num_examples": 3, "num_bytes": [4]}]))

  def test_refuses_a_wrong_sum(self):
    self.assert_load_fails(
        "num_examples.: expected 3, the sum over the files, got 4",
        make_content(num_examples=4))

  def test_refuses_a_missing_file(self):
    os.remove(os.path.join(self.folder, "pretrain_data.tfrecord-0-of-1"))
    self.assert_load_fails("0-of-1: missing, but listed in dataset_info.json",
                           make_content())

  def test_refuses_a_truncated_file(self):
    self.write("pretrain_data.tfrecord-0-of-1", "123")
    self.assert_load_fails("has 3 bytes, but .* lists 4",
                           make_content())


if __name__ == "__main__":
  unittest.main()
