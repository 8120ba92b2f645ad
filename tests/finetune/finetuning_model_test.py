"""Tests for finetune.finetuning_model."""

import tempfile

import numpy as np
import tensorflow.compat.v1 as tf

from finetune import finetuning_model
from tests.finetune import words_task


class ConstantTask(words_task.WordsTask):
  """A head whose losses are given and that notes what it was called with."""

  def __init__(self, config, name, losses):
    super().__init__(config, tokenizer=None, name=name)
    self._losses = losses

  def get_prediction_module(self, bert_model, features, is_training,
                            percent_done):
    self.percent_done = percent_done
    self.scope = tf.get_variable_scope().name
    losses = tf.constant(self._losses)
    return losses, {"loss": losses, "2_logits": 2.0 * losses}


class FinetuningModelTest(tf.test.TestCase):

  def setUp(self):
    super().setUp()
    folder = tempfile.TemporaryDirectory()
    self.addCleanup(folder.cleanup)
    words_task.write_data(folder.name)
    self.config = words_task.tiny_config(folder.name)

  def _build(self, tasks, task_ids, is_training=False):
    ids = tf.ones([len(task_ids), 8], tf.int32)
    return finetuning_model.FinetuningModel(
        self.config, tasks,
        {"input_ids": ids, "input_mask": ids, "segment_ids": ids,
         "task_id": tf.constant(task_ids)},
        is_training=is_training, num_train_steps=10)

  def test_loss_is_the_sum_of_what_each_example_costs_its_own_task(self):
    # Example 0 is of task 1 (cost 10), example 1 of task 0 (cost 2), example 2
    # of none. A head may give nan for what is not its own.
    with tf.Graph().as_default(), self.session() as sess:
      model = self._build([
          ConstantTask(self.config, "words", [np.nan, 2.0, 4.0]),
          ConstantTask(self.config, "words_2", [10.0, np.inf, 30.0])],
                          [1, 0, 2])
      self.assertAllClose(sess.run([model.loss, model.mean_loss]), [12.0, 4.0])

  def test_outputs_of_tasks_with_alike_names_stay_apart(self):
    with tf.Graph().as_default(), self.session() as sess:
      prediction = sess.run(self._build([
          ConstantTask(self.config, "words", [1.0]),
          ConstantTask(self.config, "words_2", [3.0])], [0]).predictions())
    self.assertEqual(finetuning_model.outputs_of("words", prediction),
                     {"loss": 1.0, "2_logits": 2.0})
    self.assertEqual(finetuning_model.outputs_of("words_2", prediction),
                     {"loss": 3.0, "2_logits": 6.0})
    self.assertEqual(prediction["task_id"], [0])

  def test_heads_have_their_own_scope_and_the_encoder_that_of_pretraining(self):
    task = ConstantTask(self.config, "words", [1.0])
    with tf.Graph().as_default():
      self._build([task], [0])
      names = [variable.op.name for variable in tf.trainable_variables()]
    self.assertEqual(task.scope, "task_specific/words")
    self.assertIn("electra/embeddings/word_embeddings", names)
    self.assertTrue(all(name.startswith("electra/") for name in names))

  def test_percent_done_is_a_fraction_of_the_steps(self):
    task = ConstantTask(self.config, "words", [1.0])
    with tf.Graph().as_default(), self.session() as sess:
      self._build([task], [0], is_training=True)
      sess.run(tf.global_variables_initializer())
      for step, wanted in [(0, 0.0), (4, 0.4), (12, 1.0)]:  # of 10 steps
        sess.run(tf.assign(tf.train.get_global_step(), step))
        self.assertAllClose(sess.run(task.percent_done), wanted)

  def test_a_model_in_use_is_done(self):
    task = ConstantTask(self.config, "words", [1.0])
    with tf.Graph().as_default(), self.session() as sess:
      self._build([task], [0])
      self.assertEqual(sess.run(task.percent_done), 1.0)


if __name__ == "__main__":
  tf.test.main()
