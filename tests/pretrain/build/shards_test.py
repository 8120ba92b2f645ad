"""Tests for pretrain.build.shards."""

import collections
import os
import tempfile
import unittest
import unittest.mock

import tensorflow.compat.v1 as tf

from pretrain.build import shards
from util import utils


class ShardsTest(unittest.TestCase):

  def setUp(self):
    super().setUp()
    folder = tempfile.TemporaryDirectory()
    self.addCleanup(folder.cleanup)
    self.folder = folder.name

  def shuffled(self, records, seed):
    with shards.Buckets(self.folder) as buckets:
      for number, record in enumerate(records):
        buckets.add({number % shards.NUM_BUCKETS: shards.frame(record)})
    return list(buckets.shuffled_records(seed))

  def test_shuffle_keeps_every_record_once(self):
    records = [b"x" * length for length in range(300)]
    shuffled = self.shuffled(records, seed=0)
    self.assertEqual(collections.Counter(shuffled),
                     collections.Counter(records))
    self.assertNotEqual(shuffled, records)
    self.assertEqual(os.listdir(self.folder), [])

  def test_shuffle_depends_on_the_seed_alone(self):
    records = [b"%d" % number for number in range(300)]
    self.assertEqual(self.shuffled(records, 0), self.shuffled(records, 0))
    self.assertNotEqual(self.shuffled(records, 0), self.shuffled(records, 1))

  def test_buckets_too_big_for_memory_are_shuffled_in_parts(self):
    records = [b"%05d" % number for number in range(64 * 30)]
    in_memory = []
    with unittest.mock.patch.object(shards, "MAX_BYTES_IN_MEMORY", 100):
      with unittest.mock.patch.object(
          shards.random.Random, "shuffle",
          lambda rng, part: in_memory.append(len(part))):
        self.shuffled(records, seed=0)
      shuffled = self.shuffled(records, seed=0)
      self.assertEqual(shuffled, self.shuffled(records, seed=0))
    self.assertLess(max(in_memory), 100 // 9 + 1)  # 9 bytes with their length
    self.assertEqual(sorted(shuffled), records)
    self.assertEqual(os.listdir(self.folder), [])
    # Records of one bucket are no longer in their order: not even by parts.
    first = [int(record) for record in shuffled if int(record) % 64 == 0]
    self.assertNotEqual(first, sorted(first))

  def test_shards_are_equal_to_one_example(self):
    records = [b"%d" % number for number in range(11)]
    files = shards.write_shards(records, 11, 4, self.folder)
    self.assertEqual([entry["num_examples"] for entry in files], [2, 3, 3, 3])
    self.assertEqual(files[1]["name"], "pretrain_data.tfrecord-1-of-4")
    read = []
    for entry in files:
      path = os.path.join(self.folder, entry["name"])
      self.assertEqual(os.path.getsize(path), entry["num_bytes"])
      read.extend(tf.io.tf_record_iterator(path))
    self.assertEqual(read, records)

  def test_says_where_it_cannot_write(self):
    with self.assertRaisesRegex(utils.UserError, "Cannot write examples to"):
      shards.write_shards([b"x"], 1, 1, os.path.join(self.folder, "nowhere"))


if __name__ == "__main__":
  unittest.main()
