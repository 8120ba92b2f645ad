"""Tests for pretrain.pretrain_metrics; expected values are worked by hand."""

import json
import os
import pickle
import tempfile

import numpy as np
import tensorflow.compat.v1 as tf

from pretrain import pretrain_metrics
from tests.pretrain import tiny_pretraining


class MetricsTest(tf.test.TestCase):

  def _metrics(self, tensors):
    with tf.Graph().as_default(), tf.Session() as session:
      metrics = pretrain_metrics.metrics_of(
          {name: tf.constant(value) for name, value in tensors.items()})
      session.run(tf.local_variables_initializer())
      session.run({name: update for name, (_, update) in metrics.items()})
      return session.run({name: value for name, (value, _) in metrics.items()})

  def setUp(self):
    super().setUp()
    self.tensors = {
        "masked_lm_ids": [[7, 8], [9, 0]],
        "masked_lm_weights": [[1.0, 1.0], [1.0, 0.0]],
        "masked_lm_preds": [[7, 7], [7, 0]],
        "masked_lm_losses": [[1.0, 2.0], [6.0, 100.0]],
        "sampled_tokens": [[7, 8], [7, 0]],
        "input_mask": [[1, 1, 1], [1, 0, 0]],
        "disc_preds": [[1, 0, 1], [0, 1, 1]],
        "disc_labels": [[1, 1, 0], [0, 0, 0]],
        "disc_probs": [[0.9, 0.4, 0.6], [0.1, 0.7, 0.7]],
        "disc_losses": [0.5, 0.1],
    }

  def test_padding_never_counts(self):
    metrics = self._metrics(self.tensors)
    wanted = {
        "masked_lm_accuracy": 1 / 3.0, "masked_lm_loss": 3.0,  # (1 + 2 + 6) / 3
        "sampled_masked_lm_accuracy": 2 / 3.0,
        "disc_loss": 0.3,  # (0.5 + 0.1) / 2 examples
        "disc_accuracy": 0.5,  # right: tokens 1 and 4 of 4 real ones
        "disc_precision": 0.5,  # of 2 called replaced, 1 was
        "disc_recall": 0.5,  # of 2 replaced, 1 was called so
        # Pairs of a replaced and a real token in the right order: 0.9 > 0.6,
        # 0.9 > 0.1, 0.4 > 0.1, but not 0.4 > 0.6. With padding it would be 4/8.
        "disc_auc": 0.75}
    self.assertEqual(sorted(metrics), sorted(wanted))
    for name, value in wanted.items():
      self.assertAllClose(metrics[name], value, atol=1e-3, msg=name)

  def test_masked_lm_alone_has_no_discriminator(self):
    metrics = self._metrics({name: value for name, value in self.tensors.items()
                             if name.startswith("masked")})
    self.assertEqual(sorted(metrics), ["masked_lm_accuracy", "masked_lm_loss"])

  def test_metrics_of_a_batch_are_those_of_an_evaluation_of_it(self):
    of_evaluation = self._metrics(self.tensors)
    with tf.Graph().as_default(), tf.Session() as session:
      metrics = session.run(pretrain_metrics.batch_metrics(
          pretrain_metrics.batch_counts(
              {name: tf.constant(value)
               for name, value in self.tensors.items()})))
    self.assertEqual(sorted(metrics), [
        "disc_accuracy", "disc_precision", "disc_recall", "masked_lm_accuracy"])
    for name, value in metrics.items():
      self.assertAllClose(value, of_evaluation[name], msg=name)

  def test_precision_of_nothing_flagged_is_nan(self):
    with tf.Graph().as_default(), tf.Session() as session:
      metrics = session.run(pretrain_metrics.batch_metrics({
          name: tf.constant(value) for name, value in {
              "masked": 4.0, "masked_correct": 3.0, "tokens": 10.0,
              "replaced": 2.0, "flagged": 0.0,
              "replaced_flagged": 0.0}.items()}))
    self.assertAllClose(metrics["masked_lm_accuracy"], 0.75)
    self.assertAllClose(metrics["disc_accuracy"], 0.8)  # 2 of 10 are wrong
    self.assertAllEqual(metrics["disc_recall"], 0.0)
    self.assertTrue(np.isnan(metrics["disc_precision"]))

  def test_results_are_written_three_times(self):
    folder = tempfile.mkdtemp(dir=self.get_temp_dir())
    config = tiny_pretraining.make_config(folder)
    results = {"disc_auc": 0.75, "global_step": 10}
    pretrain_metrics.write_results(results, config)
    with open(config.results_txt) as f:
      self.assertEqual(f.read(), "disc_auc = 0.75\nglobal_step = 10\n")
    with open(config.results_pkl, "rb") as f:
      self.assertEqual(pickle.load(f), results)
    with open(os.path.splitext(config.results_txt)[0] + ".json") as f:
      self.assertEqual(json.load(f), results)


if __name__ == "__main__":
  tf.test.main()
