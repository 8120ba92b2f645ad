"""Tests for pretrain.example_check."""

import contextlib
import io
import os
import tempfile

import tensorflow.compat.v1 as tf

from pretrain import example_check
from pretrain import pretrain_data
from tests.pretrain import tiny_pretraining
from util import utils


class RecordChecksTest(tf.test.TestCase):
  """Of two files with 4 examples each, something is wrong with the second."""

  def setUp(self):
    super().setUp()
    self.folder = tempfile.mkdtemp(dir=self.get_temp_dir())
    self.config = tiny_pretraining.make_data(self.folder, [4, 4])
    self.path = os.path.join(
        self.folder, "pretrain_tfrecords", "pretrain_data.tfrecord-1-of-2")

  def write(self, records):
    with tf.io.TFRecordWriter(self.path) as writer:
      for record in records:
        writer.write(record)

  def example(self, number=4, **features):
    """Returns a serialized example with some first values replaced."""
    example = tf.train.Example.FromString(tiny_pretraining.example(number))
    for name, values in features.items():
      example.features.feature[name].int64_list.value[:len(values)] = values
    return example.SerializeToString()

  def numbers(self, is_training, num_batches=100, **changes):
    """Returns (numbers of the examples read, what was printed)."""
    config = self.config.replace(train_batch_size=2, **changes)
    printed = io.StringIO()
    numbers = []
    with contextlib.redirect_stdout(printed), tf.Graph().as_default(), (
        tf.Session()) as session:
      index = pretrain_data.find_examples(config, is_training)
      with example_check.locating_errors(config, index.paths):
        dataset = pretrain_data.get_input_fn(config, is_training, index=index)(
            {"batch_size": 2})
        batch = tf.data.make_one_shot_iterator(dataset).get_next()
        with contextlib.suppress(tf.errors.OutOfRangeError):
          for _ in range(num_batches):
            numbers.extend(session.run(batch)["input_ids"][:, 1] - 5)
    return numbers, printed.getvalue()

  def assert_refused(self, message):
    for is_training in (True, False):
      with self.assertRaisesRegex(
          utils.UserError, "tfrecord-1-of-2: " + message +
          ".*\"skip_corrupted_records\": true"):
        self.numbers(is_training)

  def test_an_id_outside_the_vocabulary(self):
    for token_id, message in (
        (40, "example 3 has token id 40, but vocab_size is 40"),
        (-1, "example 3 has value -1 of input_ids, expected 0 to 39")
    ):
      records = [self.example(number) for number in (4, 5, 6, 7)]
      records[2] = self.example(6, input_ids=[2, 6 + 5, token_id])
      self.write(records)
      self.assert_refused(message)

  def test_masks_and_segments_that_are_none(self):
    self.write([self.example(), self.example(input_mask=[2])])
    self.assert_refused("example 2 has value 2 of input_mask, expected 0 to 1")
    self.write([self.example(), self.example(segment_ids=[2])])
    self.assert_refused("example 2 has value 2 of segment_ids, expected 0 to 1")

  def test_nothing_that_can_be_masked(self):
    message = "example 2 has no token that can be masked"
    for features in (
        dict(input_ids=[2, 3, 4, 4, 4, 4, 4, 4, 4]),  # [CLS] [SEP] [MASK]*
        dict(input_mask=[0] * 12)):
      self.write([self.example(), self.example(**features)])
      self.assert_refused(message)

  def test_another_length(self):
    self.write([self.example(), tiny_pretraining.example(5, length=16)])
    self.assert_refused(
        "example 2 has 16 values of input_ids, but max_seq_length is 12")

  def test_a_file_of_something_else(self):
    # TensorFlow 1.15 crashes when it reports such bytes: it may not see them.
    self.write([b"\xff", self.example(), b"\xff"])
    with self.assertRaisesRegex(
        utils.UserError, "tfrecord-1-of-2: the first example is not a "
        "tf.train.Example"):
      self.numbers(True)
    numbers, _ = self.numbers(False, skip_corrupted_records=True)
    self.assertEqual(numbers, [0, 1, 2, 3, 4])

  def damage(self):
    """Changes a byte of the third of four examples."""
    with open(self.path, "rb") as f:
      content = f.read()
    position = len(content) * 5 // 8
    with open(self.path, "wb") as f:
      f.write(content[:position] + bytes([content[position] ^ 1]) +
              content[position + 1:])

  def test_a_changed_byte(self):
    self.damage()
    self.assert_refused("damaged, or not a TFRecord file .* after example 2")

  def test_skips_examples_after_a_changed_byte(self):
    self.damage()
    for _ in range(2):
      numbers, printed = self.numbers(False, skip_corrupted_records=True)
      self.assertEqual(numbers, [0, 1, 2, 3, 4, 5])
      self.assertIn("Skipped at least 1 damaged examples of 2 files, 6 remain",
                    printed)

  def test_skips_examples_between_others(self):
    records = [self.example(number) for number in (4, 5, 6, 7)]
    records[1] = self.example(5, input_ids=[40])
    records[2] = self.example(6, input_mask=[0] * 12)
    self.write(records)
    numbers, printed = self.numbers(False, skip_corrupted_records=True)
    self.assertEqual(numbers, [0, 1, 2, 3, 4, 7])
    self.assertIn("Skipped 2 damaged examples of 2 files, 6 remain", printed)
    # An epoch of training has the same, each once.
    numbers, _ = self.numbers(True, 6, skip_corrupted_records=True)
    self.assertEqual(sorted(numbers[:6]), [0, 1, 2, 3, 4, 7])
    self.assertEqual(sorted(numbers[6:]), [0, 1, 2, 3, 4, 7])

  def test_a_repaired_file_is_read_again(self):
    self.damage()
    self.numbers(False, skip_corrupted_records=True)
    tiny_pretraining.write_records(self.folder, [4, 4])
    os.utime(self.path, (1, 1))
    numbers, _ = self.numbers(False, skip_corrupted_records=True)
    self.assertEqual(numbers, list(range(8)))

  def test_a_truncated_file(self):
    with open(self.path, "rb+") as f:
      f.truncate(os.path.getsize(self.path) - 1)
    numbers, _ = self.numbers(False, skip_corrupted_records=True)
    self.assertEqual(numbers, list(range(7)))

  def test_no_example_remains(self):
    for path in tiny_pretraining.write_records(self.folder, [1, 1]):
      with open(path, "rb+") as f:
        f.truncate(40)
    with self.assertRaisesRegex(
        utils.UserError, "all examples of 2 files are damaged"):
      self.numbers(False, skip_corrupted_records=True)

  def test_other_errors_are_not_converted(self):
    with self.assertRaises(tf.errors.InvalidArgumentError):
      with example_check.locating_errors(self.config, [self.path]):
        raise tf.errors.InvalidArgumentError(None, None, "something else")


if __name__ == "__main__":
  tf.test.main()
