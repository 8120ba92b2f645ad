"""Tests for pretrain.build.records."""

import collections
import os
import tempfile
import unittest
import unittest.mock

import tensorflow.compat.v1 as tf

from pretrain.build import records
from util import utils


def serialize(first, second, max_seq_length):
  return records.ExampleSerializer(
      vocab_size=70000, cls_id=2, sep_id=3,
      max_seq_length=max_seq_length).serialize(first, second)


def features(record):
  feature = tf.train.Example.FromString(record).features.feature
  return {name: list(feature[name].int64_list.value) for name in feature}


class ExampleSerializerTest(unittest.TestCase):

  def test_two_segments(self):
    self.assertEqual(features(serialize([7, 8], [9], 8)), {
        "input_ids": [2, 7, 8, 3, 9, 3, 0, 0],
        "input_mask": [1, 1, 1, 1, 1, 1, 0, 0],
        "segment_ids": [0, 0, 0, 0, 1, 1, 0, 0]})

  def test_one_segment_has_one_sep(self):
    self.assertEqual(features(serialize([7, 8], [], 6)), {
        "input_ids": [2, 7, 8, 3, 0, 0],
        "input_mask": [1, 1, 1, 1, 0, 0],
        "segment_ids": [0] * 6})

  def test_bytes_equal_those_of_tensorflow(self):
    # Ids whose varints have 1, 2 and 3 bytes; lengths with 1 and 2 bytes.
    for first, second, max_seq_length in (
        ([1, 127, 128], [16383, 16384, 69999], 16),
        (list(range(100)), list(range(60000, 60300)), 512)):
      example = tf.train.Example()
      tokens = [2] + first + [3] + second + [3]
      padding = [0] * (max_seq_length - len(tokens))
      for name, values in (
          ("input_ids", tokens), ("input_mask", [1] * len(tokens)),
          ("segment_ids", [0] * (len(first) + 2) + [1] * (len(second) + 1))):
        example.features.feature[name].int64_list.value.extend(values + padding)
      self.assertEqual(serialize(first, second, max_seq_length),
                       example.SerializeToString(deterministic=True))


class ShuffleTest(unittest.TestCase):

  def setUp(self):
    super().setUp()
    folder = tempfile.TemporaryDirectory()
    self.addCleanup(folder.cleanup)
    self.folder = folder.name

  def shuffled(self, examples, seed):
    with records.Buckets(self.folder) as buckets:
      for number, example in enumerate(examples):
        buckets.add({number % records.NUM_BUCKETS: records.frame(example)})
    return list(buckets.shuffled_records(seed))

  def test_shuffle_keeps_every_record_once(self):
    examples = [b"x" * length for length in range(300)]
    shuffled = self.shuffled(examples, seed=0)
    self.assertEqual(collections.Counter(shuffled),
                     collections.Counter(examples))
    self.assertNotEqual(shuffled, examples)
    self.assertEqual(os.listdir(self.folder), [])

  def test_seed_determines_the_order(self):
    examples = [b"%d" % number for number in range(300)]
    self.assertEqual(self.shuffled(examples, 0), self.shuffled(examples, 0))
    self.assertNotEqual(self.shuffled(examples, 0), self.shuffled(examples, 1))

  def test_buckets_too_big_for_memory_are_split(self):
    examples = [b"%05d" % number for number in range(64 * 30)]
    in_memory = []
    with unittest.mock.patch.object(records, "MAX_BYTES_IN_MEMORY", 100):
      with unittest.mock.patch.object(
          records.random.Random, "shuffle",
          lambda rng, loaded: in_memory.append(len(loaded))):
        self.shuffled(examples, seed=0)
      shuffled = self.shuffled(examples, seed=0)
      self.assertEqual(shuffled, self.shuffled(examples, seed=0))
    self.assertLess(max(in_memory), 100 // 9 + 1)  # 9 bytes with their length
    self.assertEqual(sorted(shuffled), examples)
    self.assertEqual(os.listdir(self.folder), [])
    # Records of one bucket are not in their original order any more.
    first = [int(example) for example in shuffled if int(example) % 64 == 0]
    self.assertNotEqual(first, sorted(first))

  def test_shard_sizes_differ_by_at_most_one_example(self):
    examples = [b"%d" % number for number in range(11)]
    files = records.write_shards(examples, 11, 4, self.folder)
    self.assertEqual([entry["num_examples"] for entry in files], [2, 3, 3, 3])
    self.assertEqual(files[1]["name"], "pretrain_data.tfrecord-1-of-4")
    read = []
    for entry in files:
      path = os.path.join(self.folder, entry["name"])
      self.assertEqual(os.path.getsize(path), entry["num_bytes"])
      read.extend(tf.io.tf_record_iterator(path))
    self.assertEqual(read, examples)

  def test_error_names_the_folder(self):
    with self.assertRaisesRegex(utils.UserError, "Cannot write examples to"):
      records.write_shards([b"x"], 1, 1, os.path.join(self.folder, "nowhere"))


if __name__ == "__main__":
  unittest.main()
