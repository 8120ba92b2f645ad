"""Tests for model.flops."""

import tempfile

import numpy as np
import tensorflow.compat.v1 as tf
from tensorflow.python.framework import ops

from model import flops
from model import modeling
from pretrain import training_step
from tests.pretrain import tiny_pretraining

BATCH_SIZE, LENGTH = 8, 64
SIZES = {"hidden_size": 128, "num_hidden_layers": 2, "num_attention_heads": 2,
         "intermediate_size": 512, "max_position_embeddings": LENGTH}


class FlopsTest(tf.test.TestCase):

  def test_an_encoder_by_hand(self):
    bert_config = modeling.BertConfig.from_dict(
        {"vocab_size": 9, "hidden_size": 2, "num_hidden_layers": 1,
         "num_attention_heads": 1, "intermediate_size": 5})
    # 3 tokens: 4 products with [2, 2], scores and context of [3, 3] over width
    # 2, and two products with [2, 5]; 2 operations each.
    by_hand = 2 * (3 * 4 * 2 * 2 + 2 * 3 * 3 * 2 + 3 * 2 * 2 * 5)
    self.assertEqual(flops.encoder(bert_config, 2, 1, 3), by_hand)
    # Embeddings of width 1: a product of [3, 1] with [1, 2].
    self.assertEqual(flops.encoder(bert_config, 1, 1, 3), by_hand + 2 * 3 * 2)

  def test_within_5_percent_of_the_profiler_for_each_objective(self):
    for objective in (
        {}, {"electra_objective": False}, {"uniform_generator": True},
        {"untied_generator": False}, {"untied_generator_embeddings": True},
        {"electra_objective": False, "electric_objective": True}):
      config = tiny_pretraining.make_data(
          tempfile.mkdtemp(dir=self.get_temp_dir()), max_seq_length=LENGTH,
          embedding_size=32, model_hparam_overrides=SIZES, **objective)
      with tf.Graph().as_default() as graph:
        training_step.build(config, {
            name: tf.ones([BATCH_SIZE, LENGTH], tf.int32)
            for name in ("input_ids", "input_mask", "segment_ids")})
        counted = _profiler_count(graph)
      ratio = flops.pretraining_step(config, BATCH_SIZE) / counted
      self.assertBetween(ratio, 0.95, 1.05, "%s: %.3f" % (objective, ratio))


def _profiler_count(graph):
  """Returns the operations of a graph by TensorFlow's profiler.

  TensorFlow 1.15 has no statistics of BatchMatMulV2; those of 2.15 are the same
  two operations for each multiply-add.
  """
  options = tf.profiler.ProfileOptionBuilder.float_operation()
  options["output"] = "none"
  total = tf.profiler.profile(graph, options=options).total_float_ops
  for op in graph.get_operations():
    if op.type == "BatchMatMulV2" and ops.get_stats_for_node_def(
        graph, op.node_def, "flops").value is None:
      depth = op.inputs[0].shape.as_list()[-2 if op.get_attr("adj_x") else -1]
      total += 2 * depth * np.prod(op.outputs[0].shape.as_list())
  return total


if __name__ == "__main__":
  tf.test.main()
