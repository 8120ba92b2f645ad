"""Tests for model.modeling."""

import json
import os
import re
import unittest

import numpy as np
import tensorflow.compat.v1 as tf

from model import modeling
from model import randomness
from model import transformer
from util import utils

GOLDEN = os.path.join(os.path.dirname(os.path.dirname(__file__)), "golden",
                      "pretrain")


def tiny_config(**changes):
  return modeling.BertConfig(**dict(dict(
      vocab_size=20, hidden_size=8, num_hidden_layers=2, num_attention_heads=2,
      intermediate_size=16, max_position_embeddings=10), **changes))


def variable_names(prefix=""):
  return {v.op.name for v in tf.global_variables()
          if v.op.name.startswith(prefix)}


class BertConfigTest(unittest.TestCase):

  def test_dict_round_trip(self):
    config = tiny_config(hidden_act="relu", initializer_range=0.1)
    self.assertEqual(modeling.BertConfig.from_dict(config.to_dict()), config)
    self.assertEqual(json.loads(config.to_json_string()), config.to_dict())

  def test_unknown_name_suggests_the_nearest(self):
    with self.assertRaisesRegex(
        utils.UserError, "'hiden_size'.*Did you mean 'hidden_size'"):
      modeling.BertConfig.from_dict({"vocab_size": 5, "hiden_size": 8})

  def test_vocab_size_is_required(self):
    with self.assertRaisesRegex(utils.UserError, "lacks 'vocab_size'"):
      modeling.BertConfig.from_dict({"hidden_size": 8})

  def test_invalid_value_names_the_field(self):
    for name, value in (
        ("vocab_size", 0), ("hidden_size", 8.0), ("num_hidden_layers", True),
        ("hidden_dropout_prob", 1), ("attention_probs_dropout_prob", "0.1"),
        ("initializer_range", 0)):
      with self.subTest(name), self.assertRaisesRegex(
          utils.UserError, "'%s': expected" % name):
        tiny_config(**{name: value})

  def test_hidden_size_must_be_a_multiple_of_heads(self):
    with self.assertRaisesRegex(
        utils.UserError, r"'hidden_size' \(8\).*'num_attention_heads' \(3\)"):
      tiny_config(num_attention_heads=3)


class GoldenEncoderTest(tf.test.TestCase):
  """Against tests/golden/pretrain/encoder.npz: the reference's own output."""

  def setUp(self):
    super().setUp()
    with open(os.path.join(GOLDEN, "encoder_config.json")) as f:
      sizes = json.load(f)
    self.embedding_size = sizes.pop("embedding_size")
    self.config = modeling.BertConfig.from_dict(sizes)
    self.golden = np.load(os.path.join(GOLDEN, "encoder.npz"))

  def load_variables(self, sess):
    names = {key[4:] for key in self.golden if key.startswith("var/")}
    self.assertEqual(variable_names(), names)
    for variable in tf.global_variables():
      variable.load(self.golden["var/" + variable.op.name], sess)

  def test_every_output_equals_the_reference(self):
    model = modeling.BertModel(
        self.config, False, tf.constant(self.golden["in/input_ids"]),
        tf.constant(self.golden["in/input_mask"]),
        tf.constant(self.golden["in/segment_ids"]),
        embedding_size=self.embedding_size)
    outputs = {"sequence_output": model.get_sequence_output(),
               "pooled_output": model.get_pooled_output(),
               "embedding_output": model.get_embedding_output()}
    for i, layer in enumerate(model.get_all_encoder_layers()):
      outputs["layer_%d" % i] = layer
    with self.session() as sess:
      self.load_variables(sess)
      outputs = sess.run(outputs)
    for name in outputs:
      self.assertAllClose(
          outputs[name], self.golden["out/" + name], rtol=1e-5, atol=1e-5)

  def test_dynamic_shapes_and_one_hot_lookups_give_the_same(self):
    features = {name: tf.placeholder(tf.int32, [None, None])
                for name in ("input_ids", "input_mask", "segment_ids")}
    model = modeling.BertModel(
        self.config, False, features["input_ids"], features["input_mask"],
        features["segment_ids"], embedding_size=self.embedding_size,
        use_one_hot_embeddings=True)
    output = model.get_sequence_output()
    self.assertEqual(output.shape.as_list()[-1], self.config.hidden_size)
    with self.session() as sess:
      self.load_variables(sess)
      got = sess.run(output, {
          features[name]: self.golden["in/" + name] for name in features})
    self.assertAllClose(
        got, self.golden["out/sequence_output"], rtol=1e-5, atol=1e-5)


class ReleasedVariablesTest(unittest.TestCase):
  """Against tests/golden/pretrain/variables_of_released_sizes.json.

  All layers of one model; of the others the first, as every layer is made by
  the same lines.
  """

  BASE = dict(hidden_size=768, num_attention_heads=12, intermediate_size=3072)
  SMALL = dict(hidden_size=256, num_attention_heads=4, intermediate_size=1024)
  LARGE = dict(hidden_size=1024, num_attention_heads=16, intermediate_size=4096)

  def check(self, name, vocab_size, sizes, embedding_size, generator_size,
            num_layers=1):
    with open(os.path.join(GOLDEN, "variables_of_released_sizes.json")) as f:
      released = json.load(f)[name]
    config = modeling.BertConfig(
        vocab_size=vocab_size, num_hidden_layers=num_layers, **sizes)
    generator_config = modeling.BertConfig.from_dict(dict(
        config.to_dict(), hidden_size=generator_size,
        intermediate_size=4 * generator_size,
        num_attention_heads=generator_size // 64))
    with tf.Graph().as_default():
      ids = tf.zeros([2, 8], tf.int32)
      modeling.BertModel(generator_config, False, ids, scope="generator",
                         embedding_size=embedding_size)
      modeling.BertModel(config, False, ids, embedding_size=embedding_size)
      built = {v.op.name: v.shape.as_list() for v in tf.global_variables()}
    self.assertEqual(built, {
        name: shape for name, shape in released.items()
        if name.startswith(("electra/", "generator/")) and
        self.layer_of(name) < num_layers})

  def layer_of(self, name):
    match = re.search(r"/layer_(\d+)/", name)
    return int(match.group(1)) if match else 0

  def test_electra_small(self):
    self.check("electra_small", 30522, self.SMALL, 128, 256)

  def test_electra_small_owt(self):
    self.check("electra_small_owt", 30522, self.SMALL, 128, 64, num_layers=12)

  def test_electra_base(self):
    self.check("electra_base", 30522, self.BASE, 768, 256)

  def test_electra_large(self):
    self.check("electra_large", 30522, self.LARGE, 1024, 256)

  def test_araelectra_base(self):
    self.check("araelectra_base", 64000, self.BASE, 768, 256)


class SharingTest(tf.test.TestCase):

  def setUp(self):
    super().setUp()
    self.ids = tf.constant([[1, 2, 3, 0]])
    self.mask = tf.constant([[1, 1, 1, 0]])

  def build(self, config=None, ids=None, **settings):
    return modeling.BertModel(
        config or tiny_config(), False, self.ids if ids is None else ids,
        settings.pop("input_mask", self.mask), embedding_size=6, **settings)

  def test_generator_shares_the_embeddings(self):
    generator = self.build(scope="generator")
    self.assertEqual(
        {name.split("/")[1] for name in variable_names("generator/")},
        {"embeddings_project", "encoder"})
    discriminator = self.build()
    self.assertIs(generator.get_embedding_table(),
                  discriminator.get_embedding_table())

  def test_untied_generator_has_separate_embeddings(self):
    generator = self.build(scope="generator", untied_embeddings=True)
    self.assertEqual(generator.get_embedding_table().op.name,
                     "generator/embeddings/word_embeddings")
    self.assertFalse(variable_names("electra/"))

  def test_tied_generator_is_the_same_encoder(self):
    first = self.build()
    names = variable_names()
    second = self.build()
    self.assertEqual(variable_names(), names)
    with self.session() as sess:
      sess.run(tf.global_variables_initializer())
      self.assertAllEqual(*sess.run([first.get_sequence_output(),
                                     second.get_sequence_output()]))

  def test_equal_widths_need_no_projection(self):
    modeling.BertModel(tiny_config(), False, self.ids)
    self.assertFalse([n for n in variable_names() if "project" in n])

  def test_input_reprs_replace_the_embedding_layer(self):
    model = self.build()
    tower = self.build(scope="generator_ltr",
                       input_reprs=model.get_embedding_reprs())
    self.assertEqual(
        {name.split("/")[1] for name in variable_names("generator_ltr/")},
        {"embeddings_project", "encoder"})
    with self.assertRaisesRegex(ValueError, "no word table"):
      tower.get_embedding_table()

  def test_input_embeddings_replace_the_words(self):
    model = self.build()
    words = tf.gather(model.get_embedding_table(), self.ids)
    mixed = self.build(input_embeddings=words, ids=tf.zeros_like(self.ids))
    with self.session() as sess:
      sess.run(tf.global_variables_initializer())
      self.assertAllClose(*sess.run([model.get_sequence_output(),
                                     mixed.get_sequence_output()]))

  def test_embeddings_can_be_frozen(self):
    model = self.build(update_embeddings=False)
    loss = tf.reduce_sum(tf.square(model.get_sequence_output()))
    by_name = {v.op.name: v for v in tf.trainable_variables()}
    self.assertEqual([None], tf.gradients(
        loss, by_name["electra/embeddings/word_embeddings"]))
    self.assertIsNotNone(tf.gradients(
        loss, by_name["electra/embeddings_project/kernel"])[0])

  def test_padding_does_not_change_real_tokens(self):
    padded = self.build()
    cut = self.build(ids=self.ids[:, :3], input_mask=self.mask[:, :3])
    with self.session() as sess:
      sess.run(tf.global_variables_initializer())
      padded, cut = sess.run(
          [padded.get_sequence_output()[:, :3], cut.get_sequence_output()])
    self.assertAllClose(padded, cut, atol=1e-5)

  def test_output_without_layers_is_the_embeddings(self):
    model = self.build(tiny_config(num_hidden_layers=0))
    self.assertIs(model.get_sequence_output(), model.get_embedding_output())

  def test_too_long_sequence_names_the_hparams(self):
    with self.assertRaisesRegex(
        utils.UserError, "max_seq_length.*max_position_embeddings\": 12"):
      self.build(ids=tf.zeros([1, 12], tf.int32), input_mask=None)

  def test_each_tower_sees_one_direction(self):
    changed = tf.constant([[1, 2, 9, 0]])  # position 2
    for name, mask, unchanged, touched in (
        ("ltr", transformer.left_to_right_mask, [0, 1], [2]),
        ("rtl", transformer.right_to_left_mask, [], [0, 1, 2])):
      outputs = [self.build(scope=name, ids=ids, input_mask=mask(self.mask))
                 .get_sequence_output() for ids in (self.ids, changed)]
      with self.session() as sess:
        sess.run(tf.global_variables_initializer())
        first, second = sess.run(outputs)
      difference = np.abs(first - second).max(-1)[0]
      self.assertTrue(np.all(difference[unchanged] < 1e-6), name)
      self.assertTrue(np.all(difference[touched] > 1e-4), name)


class InitialWeightsTest(tf.test.TestCase):

  def test_projection_has_the_glorot_initializer(self):
    # In the reference's run this kernel is ten times as wide as the others.
    # 32 -> 96: Glorot's limit is sqrt(6 / 128) = 0.2165, deviation 0.125.
    modeling.BertModel(
        tiny_config(hidden_size=96, num_attention_heads=2), False,
        tf.constant([[1, 2, 3]]), embedding_size=32)
    kernels = {variable.op.name: variable
               for variable in tf.trainable_variables()}
    with self.session() as sess:
      sess.run(tf.global_variables_initializer())
      project = sess.run(kernels["electra/embeddings_project/kernel"])
      query = sess.run(
          kernels["electra/encoder/layer_0/attention/self/query/kernel"])
    self.assertAllClose(project.std(), 0.125, atol=0.01)
    self.assertLess(abs(project).max(), 0.2166)
    # A normal of 0.02, cut at two deviations, has 0.88 of its deviation.
    self.assertAllClose(query.std(), 0.0176, atol=0.001)


class DropoutTest(tf.test.TestCase):

  def run_model(self, is_training, global_step=0, **rates):
    with tf.Graph().as_default(), self.session() as sess:
      tf.set_random_seed(1)
      model = modeling.BertModel(
          tiny_config(**rates), is_training, tf.constant([[1, 2, 3]]),
          randomness=randomness.StepRandomness(0, global_step))
      sess.run(tf.global_variables_initializer())
      return sess.run(model.get_sequence_output())

  def test_dropout_is_a_function_of_the_step(self):
    self.assertAllEqual(self.run_model(True, 5), self.run_model(True, 5))
    self.assertNotAllClose(self.run_model(True, 5), self.run_model(True, 6))

  def test_dropout_is_for_training_only(self):
    self.assertAllEqual(self.run_model(False, 5), self.run_model(False, 6))
    self.assertNotAllClose(self.run_model(False, 5), self.run_model(True, 5))

  def test_dropout_rate_of_0(self):
    rates = dict(hidden_dropout_prob=0.0, attention_probs_dropout_prob=0.0)
    self.assertAllEqual(self.run_model(True, **rates),
                        self.run_model(False, **rates))

  def test_dropout_of_attention(self):
    self.assertNotAllClose(self.run_model(True, hidden_dropout_prob=0.0),
                           self.run_model(False, hidden_dropout_prob=0.0))

  def test_default_randomness_follows_the_global_step(self):
    model = modeling.BertModel(tiny_config(), True, tf.constant([[1, 2, 3]]))
    step = tf.train.get_global_step()
    with self.session() as sess:
      sess.run(tf.global_variables_initializer())
      first = sess.run(model.get_sequence_output())
      self.assertAllEqual(first, sess.run(model.get_sequence_output()))
      sess.run(tf.assign_add(step, 1))
      self.assertNotAllClose(first, sess.run(model.get_sequence_output()))

  def test_heads_have_no_dropout_in_evaluation(self):
    model = modeling.BertModel(tiny_config(), False, tf.constant([[1, 2, 3]]))
    x = tf.ones([2])
    self.assertIs(model.randomness.dropout(x, 0.5), x)


if __name__ == "__main__":
  tf.disable_v2_behavior()
  tf.enable_resource_variables()
  tf.test.main()
