"""Tests for model.checkpoint_advice, by restoring real encoders."""

import os
import re

import numpy as np
import tensorflow.compat.v1 as tf

from model import checkpoint
from model import modeling
from tests.model import checkpoint_case
from util import utils


class AdviceTest(checkpoint_case.CheckpointCase):
  """Errors for entire encoders name the hyperparameter to set."""

  SIZES = dict(vocab_size=20, hidden_size=8, num_hidden_layers=1,
               num_attention_heads=2, intermediate_size=16,
               max_position_embeddings=6)

  def build(self, embedding_size=6, generator_size=4, generator_layers=None,
            **changes):
    sizes = dict(self.SIZES, **changes)
    config = modeling.BertConfig(**sizes)
    generator_config = modeling.BertConfig(**dict(
        sizes, hidden_size=generator_size,
        intermediate_size=4 * generator_size,
        num_hidden_layers=generator_layers or sizes["num_hidden_layers"]))
    ids = tf.zeros([1, 3], tf.int32)
    modeling.BertModel(generator_config, False, ids, scope="generator",
                       embedding_size=embedding_size)
    modeling.BertModel(config, False, ids, embedding_size=embedding_size)

  def save_model(self, **changes):
    with tf.Graph().as_default(), tf.Session() as sess:
      self.build(**changes)
      sess.run(tf.global_variables_initializer())
      tf.train.Saver().save(sess, os.path.join(self.folder, "model.ckpt"),
                            write_meta_graph=False)

  def message(self, saved=None, required=(), **built):
    self.save_model(**(saved or {}))
    with tf.Graph().as_default():
      self.build(**built)
      with self.assertRaises(utils.UserError) as context:
        checkpoint.init_from_checkpoint(self.folder, required=required)
    return str(context.exception)

  def advice(self, **arguments):
    return self.message(**arguments).split("; ", 1)[1].rstrip(".")

  def test_message_names_the_variable_and_both_shapes(self):
    self.assertRegex(
        self.message(vocab_size=30),
        r"'electra/embeddings/word_embeddings' has shape \[20, 6\] in the "
        r"checkpoint .*model.ckpt, but \[30, 6\] in the model; ")

  def test_vocab_size(self):
    self.assertEqual(self.advice(vocab_size=30), "set vocab_size to 20")

  def test_embedding_size(self):
    self.assertEqual(self.advice(embedding_size=5), "set embedding_size to 6")

  def test_generator_hidden_size(self):
    # The released ELECTRA-Small has a generator of full width.
    self.assertEqual(self.advice(saved=dict(generator_size=8)),
                     "set generator_hidden_size to 1.0")

  def test_positions(self):
    self.assertEqual(
        self.advice(max_position_embeddings=9),
        'set model_hparam_overrides {"max_position_embeddings": 6}')

  def test_segments(self):
    self.assertEqual(self.advice(type_vocab_size=3),
                     'set model_hparam_overrides {"type_vocab_size": 2}')

  def test_intermediate_size(self):
    self.assertEqual(self.advice(intermediate_size=12),
                     'set model_hparam_overrides {"intermediate_size": 16}')

  def test_hidden_size_of_no_preset(self):
    self.assertEqual(self.advice(hidden_size=12),
                     'set model_hparam_overrides {"hidden_size": 8}')

  def test_model_size(self):
    self.assertEqual(
        self.advice(saved=dict(hidden_size=256, generator_size=128),
                    hidden_size=12, generator_size=128),
        'set model_size to "small"')

  def test_advice_that_is_followed_fits(self):
    advice = self.advice(saved=dict(generator_size=6))
    fraction = float(re.match(
        r"set generator_hidden_size to (\S+)$", advice).group(1))
    with tf.Graph().as_default():
      self.build(generator_size=int(round(
          fraction * self.SIZES["hidden_size"])))
      self.assertEqual(checkpoint.plan(self.folder).fresh, [])

  def test_missing_layers(self):
    self.assertIn(
        'its encoder has 2 layers, the model\'s has 3: set model_size, or '
        'model_hparam_overrides {"num_hidden_layers": 2}',
        self.message(saved=dict(num_hidden_layers=2), num_hidden_layers=3,
                     required=("^electra/",)))

  def test_model_with_fewer_layers_is_an_error(self):
    # The reference silently takes the first layers.
    self.assertRegex(
        self.message(saved=dict(num_hidden_layers=3, generator_layers=1),
                     num_hidden_layers=2, generator_layers=1),
        r"has 3 layers electra/encoder/layer_<i>, but the model has 2; "
        r"set model_size, or "
        r'model_hparam_overrides \{"num_hidden_layers": 3\}')

  def test_generator_with_fewer_layers_is_an_error(self):
    self.assertEqual(
        self.advice(saved=dict(num_hidden_layers=4, generator_layers=3),
                    num_hidden_layers=4, generator_layers=2),
        "set generator_layers to 0.75")

  def test_depth_of_an_ignored_generator_is_not_checked(self):
    self.save_model(num_hidden_layers=2)
    self.build(num_hidden_layers=2, generator_layers=1)
    report = checkpoint.plan(self.folder, ignore=("^generator",))
    self.assertIn("electra/encoder/layer_1/output/dense/kernel",
                  report.restored)

  def test_additional_position_rows_start_fresh(self):
    self.save_model()
    self.build(max_position_embeddings=9)
    name = "electra/embeddings/position_embeddings"
    report = checkpoint.init_from_checkpoint(
        self.folder, extend=["position_embeddings$"])
    self.assertEqual(report.extended, {name: 6})
    self.assertIn("New rows start fresh: 3 of 9 in %s" % name,
                  checkpoint.format_report(report))
    values = self.values_after_init()[name]
    saved = tf.train.load_variable(self.folder, name)
    self.assertAllEqual(values[:6], saved)
    self.assertAllInRange(np.abs(values[6:]).max(-1), 1e-4, 0.05)

  def test_fewer_positions_are_an_error(self):
    self.save_model()
    self.build(max_position_embeddings=5)
    with self.assertRaisesRegex(utils.UserError, "max_position_embeddings"):
      checkpoint.init_from_checkpoint(
          self.folder, extend=["position_embeddings$"])


if __name__ == "__main__":
  tf.disable_v2_behavior()
  tf.enable_resource_variables()
  tf.test.main()
