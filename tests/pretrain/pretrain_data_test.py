"""Tests for pretrain.pretrain_data."""

import collections
import contextlib
import io
import os
import tempfile
from unittest import mock

import tensorflow.compat.v1 as tf

from pretrain import pretrain_data
from tests.pretrain import tiny_pretraining
from util import utils


class OrderTest(tf.test.TestCase):

  def setUp(self):
    super().setUp()
    self.config = tiny_pretraining.make_data(
        tempfile.mkdtemp(dir=self.get_temp_dir()), [4, 0, 3, 5])
    self.index = pretrain_data.find_examples(
        self.config, is_training=True)  # 12 examples per epoch

  def _numbers(self, num_wanted, seed=0, step=0, batch_size=4):
    """Returns the numbers of the first examples, told by their first token."""
    with tf.Graph().as_default(), tf.Session() as session:
      records = pretrain_data.records_in_order(
          self.index, seed, step * batch_size)
      batch = tf.data.make_one_shot_iterator(
          records.batch(num_wanted)).get_next()
      serialized = session.run(batch)
    return [
        tf.train.Example.FromString(record).features.feature[
            "input_ids"].int64_list.value[1] - 5 for record in serialized]

  def test_every_epoch_has_every_example_once(self):
    numbers = self._numbers(24)
    self.assertEqual(sorted(numbers[:12]), list(range(12)))
    self.assertEqual(sorted(numbers[12:]), list(range(12)))

  def test_epochs_and_seeds_have_other_orders(self):
    numbers = self._numbers(24)
    self.assertNotEqual(numbers[:12], numbers[12:])
    self.assertNotEqual(numbers[:12], self._numbers(12, seed=1))
    self.assertNotEqual(numbers[:12], list(range(12)))

  def test_same_order_again(self):
    self.assertEqual(self._numbers(30), self._numbers(30))

  def test_goes_on_within_an_epoch_and_across_its_border(self):
    numbers = self._numbers(60, batch_size=5)
    for step in (1, 2, 3, 5, 7):  # examples 5, 10, 15, 25, 35 of 12 an epoch
      self.assertEqual(self._numbers(20, step=step, batch_size=5),
                       numbers[5 * step:5 * step + 20])

  def test_files_of_other_lengths_and_a_small_buffer(self):
    """Resumes at each example of an epoch of more files than are open."""
    self.config = tiny_pretraining.make_data(
        tempfile.mkdtemp(dir=self.get_temp_dir()),
        [3, 1, 0, 5, 2, 4, 1, 3, 1, 1, 6, 2, 3, 3])
    self.index = pretrain_data.find_examples(self.config, is_training=True)
    num_examples = 35
    with mock.patch.multiple(pretrain_data, _MAX_SHUFFLE_BUFFER=3,
                             _LONGEST_STAY=6):
      numbers = self._numbers(num_examples + 20)
      self.assertEqual(sorted(numbers[:num_examples]),
                       list(range(num_examples)))
      for step in range(num_examples + 2):
        self.assertEqual(self._numbers(18, step=step, batch_size=1),
                         numbers[step:step + 18], step)

  def test_files_that_were_read_are_not_opened_again(self):
    self.config = tiny_pretraining.make_data(
        tempfile.mkdtemp(dir=self.get_temp_dir()), [2] * 17)
    self.index = pretrain_data.find_examples(self.config, is_training=True)
    with mock.patch.multiple(pretrain_data, _MAX_SHUFFLE_BUFFER=2,
                             _LONGEST_STAY=5):
      numbers = self._numbers(34)
      # 30 - 2 * 5 = 20 records are behind a run that resumes after 30, among
      # them both of each of the first 8 files, of which the first 14 are.
      for file in {number // 2 for number in numbers[:14]}:
        os.remove(self.config.pretrain_tfrecords.replace(
            "*", "-%d-of-17" % file))
      self.assertEqual(self._numbers(4, step=30, batch_size=1), numbers[30:])

  def test_position_in_epoch(self):  # 7 * 5 = 35 = 2 epochs of 12 and 11 more
    self.assertEqual(pretrain_data.position_in_epoch(7 * 5, 12), (2, 11))


class PositionTest(tf.test.TestCase):

  def setUp(self):
    super().setUp()
    self.config = tiny_pretraining.make_config(
        tempfile.mkdtemp(dir=self.get_temp_dir()))

  def record(self, step, batch_size, num_examples=10, **changes):
    """Records a start of training; returns what is logged."""
    output = io.StringIO()
    with contextlib.redirect_stdout(output):
      pretrain_data.record_position(self.config.replace(
          train_batch_size=batch_size, **changes), step, num_examples)
    return output.getvalue()

  def num_read(self, step, batch_size=4):
    return pretrain_data.num_examples_read(
        self.config.replace(train_batch_size=batch_size), step)

  def test_unknown_history_is_of_the_same_batch_size(self):
    self.assertEqual(self.num_read(6), 24)

  def test_each_step_counts_its_own_batch_size(self):
    self.assertEqual(self.record(0, 4), "")
    self.assertEqual(self.record(3, 4), "")  # resumed, unchanged
    self.assertIn("from 4 to 8: resuming after the 24 examples",
                  self.record(6, 8))
    self.assertEqual(self.num_read(6), 24)
    self.assertEqual(self.num_read(8), 24 + 2 * 8)
    self.assertEqual(self.num_read(5), 20)
    self.record(7, 2)
    self.assertEqual(self.num_read(9), 24 + 8 + 2 * 2)

  def test_steps_lost_with_a_damaged_checkpoint_are_not_counted(self):
    self.record(0, 4)
    self.record(6, 8)
    self.record(4, 8)  # the checkpoint of step 6 was damaged
    self.assertEqual(self.num_read(7), 16 + 3 * 8)

  def test_another_number_of_examples_is_logged(self):
    self.record(0, 4)
    self.assertIn("changed from 10 to 12: ", self.record(2, 4, 12))
    self.assertEqual(self.num_read(3), 12)

  def test_another_number_of_micro_batches_is_logged(self):
    self.record(0, 4)
    self.assertIn("changed from 1 to 2: dropout differs", self.record(
        2, 4, gradient_accumulation_steps=2))
    self.assertEqual(self.num_read(3), 12)

  def test_a_file_that_was_edited_is_an_error(self):
    for content, message in (([{"step": 0}], "num_read.*Remove the file"),
                             (5, "expected a list, got 5. Remove the file")):
      utils.write_json(content, os.path.join(
          self.config.model_dir, pretrain_data.POSITION_NAME))
      with self.assertRaisesRegex(utils.UserError, message):
        self.num_read(3)


class InputFnTest(tf.test.TestCase):

  def setUp(self):
    super().setUp()
    self.folder = tempfile.mkdtemp(dir=self.get_temp_dir())
    self.config = tiny_pretraining.make_data(self.folder, [4, 6])

  def _batches(self, is_training, num_wanted, **changes):
    config = self.config.replace(**changes)
    with tf.Graph().as_default(), tf.Session() as session:
      dataset = pretrain_data.get_input_fn(config, is_training)(
          {"batch_size": 4})
      batch = tf.data.make_one_shot_iterator(dataset).get_next()
      batches = []
      with contextlib.suppress(tf.errors.OutOfRangeError):
        while len(batches) < num_wanted:
          batches.append(session.run(batch))
    return batches

  def test_training_batches_are_full_and_endless(self):
    batches = self._batches(True, 6)
    self.assertLen(batches, 6)
    for batch in batches:
      self.assertEqual(batch["input_ids"].shape, (4, tiny_pretraining.LENGTH))
      self.assertEqual(batch["input_ids"].dtype, "int32")
    first_tokens = [token for batch in batches[:5]
                    for token in batch["input_ids"][:, 1]]
    self.assertEqual(set(collections.Counter(first_tokens).values()), {2})

  def test_evaluation_sees_each_example_once_and_keeps_the_rest(self):
    batches = self._batches(False, 100)
    self.assertEqual([len(batch["input_ids"]) for batch in batches], [4, 4, 2])
    numbers = [token - 5 for batch in batches
               for token in batch["input_ids"][:, 1]]
    self.assertEqual(numbers, list(range(10)))
    self.assertEqual([list(batch[pretrain_data.BATCH_NUMBER])
                      for batch in batches], [[0] * 4, [1] * 4, [2] * 2])

  def test_evaluation_prefers_eval_tfrecords(self):
    pattern = self.config.pretrain_tfrecords.replace("*", "-1*")
    batches = self._batches(False, 100, eval_tfrecords=pattern)
    self.assertEqual([len(batch["input_ids"]) for batch in batches], [4, 2])

  def test_another_batch_size_resumes_at_the_next_example(self):
    # 10 examples an epoch: 2 steps of 3, then batches of 4.
    numbers = [token - 5 for batch in self._batches(True, 5)
               for token in batch["input_ids"][:, 1]]
    pretrain_data.record_position(
        self.config.replace(train_batch_size=3), 0, 10)
    config = self.config.replace(train_batch_size=4)
    pretrain_data.record_position(config, 2, 10)
    with tf.Graph().as_default(), tf.Session() as session:
      dataset = pretrain_data.get_input_fn(config, True, start_step=2)(
          {"batch_size": 4})
      batch = session.run(tf.data.make_one_shot_iterator(dataset).get_next())
    self.assertEqual([token - 5 for token in batch["input_ids"][:, 1]],
                     numbers[6:10])

  def test_examples_of_another_length(self):
    tiny_pretraining.write_records(self.folder, [4, 6], length=16)
    with self.assertRaisesRegex(
        utils.UserError, "the first example has 16 values of input_ids, but "
        "max_seq_length is 12"):
      self._batches(True, 1)

  def test_examples_of_another_vocabulary(self):
    with open(self.config.vocab_file, "w") as f:
      f.write("\n".join(tiny_pretraining.VOCAB[:5]))
    with self.assertRaisesRegex(
        utils.UserError, "the first example has token id .*, but vocab_size "
        "is 5"):
      self._batches(True, 1, vocab_size=5)


class InputsTest(tf.test.TestCase):

  def test_features_without_masks(self):
    inputs = pretrain_data.features_to_inputs({"input_ids": 1, "other": 2})
    self.assertEqual(inputs.input_ids, 1)
    self.assertFalse(pretrain_data.is_masked(inputs))

  def test_update_refuses_unknown_names(self):
    inputs = pretrain_data.features_to_inputs({"input_ids": 1})
    self.assertEqual(
        pretrain_data.get_updated_inputs(inputs, input_ids=3).input_ids, 3)
    with self.assertRaises(ValueError):
      pretrain_data.get_updated_inputs(inputs, input_idz=3)

  def test_print_tokens_marks_updates_and_leaves_padding_out(self):
    with tf.Graph().as_default(), tf.Session() as session:
      inputs = pretrain_data.features_to_inputs({
          "input_ids": tf.constant([[2, 5, 4, 0], [2, 6, 6, 6]]),
          "input_mask": tf.constant([[1, 1, 1, 0], [1, 1, 1, 1]])})
      printed = pretrain_data.print_tokens(
          inputs, dict(enumerate(tiny_pretraining.VOCAB)),
          tf.constant([[0, 0, 1, 0], [0] * 4]))
      output = io.StringIO()
      with contextlib.redirect_stdout(output):
        session.run(printed.input_ids)
    self.assertEqual(output.getvalue(), "[CLS] w0 **[MASK]**\n")


if __name__ == "__main__":
  tf.test.main()
