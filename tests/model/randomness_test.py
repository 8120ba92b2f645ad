"""Tests for model.randomness."""

import numpy as np
import tensorflow.compat.v1 as tf

from model import randomness


class StepRandomnessTest(tf.test.TestCase):

  def run_once(self, *tensors):
    with self.session() as sess:
      return sess.run(tensors)

  def test_the_same_key_gives_the_same_numbers(self):
    draws = []
    for _ in range(2):
      with tf.Graph().as_default():
        random = randomness.StepRandomness(7, 3).child("generator")
        draws.append(self.run_once(random.uniform([5]), random.uniform([5])))
    self.assertAllEqual(draws[0][0], draws[1][0])
    self.assertAllEqual(draws[0][1], draws[1][1])

  def test_seeds_steps_streams_and_calls_differ(self):
    random = randomness.StepRandomness(7, 3)
    draws = self.run_once(
        random.uniform([4]), random.uniform([4]),
        random.child("a").uniform([4]), random.child("b").uniform([4]),
        random.child("a").child("b").uniform([4]),
        randomness.StepRandomness(8, 3).uniform([4]),
        randomness.StepRandomness(7, 4).uniform([4]))
    for i, first in enumerate(draws):
      for second in draws[:i]:
        self.assertNotAllClose(first, second)

  def test_tensor_step_equals_int_step(self):
    step = tf.placeholder(tf.int64, [])
    drawn = randomness.StepRandomness(7, step).uniform([4])
    with self.session() as sess:
      for number in (0, 1, 4000000):
        expected = randomness.StepRandomness(7, number).uniform([4])
        self.assertAllEqual(
            sess.run(drawn, {step: number}), sess.run(expected))

  def test_stream_of_an_index_that_the_graph_computes(self):
    names = ["part_0", "part_1", "part_2"]
    index = tf.placeholder(tf.int32, [])
    random = randomness.StepRandomness(7, 3).child("a")
    chosen = random.child_at(names, index).child("b")
    drawn = [chosen.uniform([4]), chosen.uniform([4])]
    with self.session() as sess:
      for number, name in enumerate(names):
        same = random.child_at(names, number).child("b")
        expected = random.child(name).child("b")
        self.assertAllEqual(
            sess.run(drawn, {index: number}),
            sess.run([expected.uniform([4]), expected.uniform([4])]))
        self.assertAllEqual(sess.run(same.uniform([4])),
                            sess.run(drawn[0], {index: number}))

  def test_micro_batches_have_separate_streams(self):
    random = randomness.StepRandomness(7, 3)
    first, second, again = self.run_once(
        random.child("micro_0").uniform([4]),
        random.child("micro_1").uniform([4]),
        random.child("micro_1").uniform([4]))
    self.assertNotAllClose(first, second)
    self.assertAllEqual(second, again)

  def test_draws_do_not_change_a_child(self):
    random = randomness.StepRandomness(7, 3)
    before = random.child("a").uniform([4])
    random.uniform([4])
    before, after = self.run_once(before, random.child("a").uniform([4]))
    self.assertAllEqual(before, after)

  def test_uniform_is_uniform(self):
    # Standard error of the mean of 10,000: 0.0029; of the quarter's share:
    # 0.0043. Five of them each.
    drawn, = self.run_once(randomness.StepRandomness(0, 0).uniform([100, 100]))
    self.assertAllInRange(drawn, 0.0, 1.0)
    self.assertAllClose(np.mean(drawn), 0.5, atol=0.015)
    self.assertAllClose(np.mean(drawn < 0.25), 0.25, atol=0.022)

  def test_steps_are_independent(self):
    draws = np.stack(self.run_once(*[
        randomness.StepRandomness(0, step).uniform([2000])
        for step in range(4)]))
    correlation = np.corrcoef(draws) - np.eye(4)
    self.assertLess(np.abs(correlation).max(), 5 / np.sqrt(2000))

  def test_dropout_drops_a_fraction_and_keeps_the_mean(self):
    # Standard error of the share: sqrt(0.1 * 0.9 / 10000) = 0.003.
    drawn, = self.run_once(
        randomness.StepRandomness(0, 0).dropout(tf.ones([100, 100]), 0.1))
    self.assertAllClose(np.unique(drawn), [0.0, 1 / 0.9])
    self.assertAllClose(np.mean(drawn == 0.0), 0.1, atol=0.015)

  def test_dropout_of_0_adds_no_op(self):
    x = tf.ones([3])
    num_ops = len(tf.get_default_graph().get_operations())
    self.assertIs(randomness.StepRandomness(0, 0).dropout(x, 0.0), x)
    self.assertLen(tf.get_default_graph().get_operations(), num_ops)

  def test_gradient_of_dropout_is_its_mask(self):
    x = tf.ones([50])
    dropped = randomness.StepRandomness(0, 0).dropout(x, 0.5)
    dropped, gradient = self.run_once(dropped, tf.gradients(dropped, x)[0])
    self.assertAllEqual(dropped, gradient)

  def test_dropout_rate_of_1_is_an_error(self):
    with self.assertRaisesRegex(ValueError, r"in \[0, 1\), got 1.0"):
      randomness.StepRandomness(0, 0).dropout(tf.ones([3]), 1.0)


class NoRandomnessTest(tf.test.TestCase):

  def test_no_dropout_in_evaluation(self):
    x = tf.ones([3])
    random = randomness.NoRandomness().child("a")
    self.assertIs(random.dropout(x, 0.5), x)


if __name__ == "__main__":
  tf.disable_v2_behavior()
  tf.test.main()
