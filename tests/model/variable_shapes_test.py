"""Tests for model.variable_shapes."""

import unittest

from model import variable_shapes

SHAPES = {
    "electra/embeddings/word_embeddings": [20, 6],
    "electra/embeddings/position_embeddings": [9, 6],
    "electra/embeddings/token_type_embeddings": [2, 6],
    "generator/encoder/layer_0/attention/self/query/kernel": [4, 4],
    "generator/encoder/layer_0/intermediate/dense/kernel": [4, 16],
    "generator/encoder/layer_10/intermediate/dense/kernel": [4, 16],
    "generator/encoder/layer_0/intermediate/dense/kernel/adam_m": [4, 16],
}


class VariableShapesTest(unittest.TestCase):

  def test_sizes_of_a_generator_on_shared_embeddings(self):
    self.assertEqual(
        variable_shapes.all_sizes(SHAPES, "electra", "generator"),
        {"vocab_size": 20, "embedding_size": 6, "max_position_embeddings": 9,
         "type_vocab_size": 2, "hidden_size": 4, "intermediate_size": 16,
         "num_hidden_layers": 11})

  def test_scope_without_layers(self):
    self.assertEqual(variable_shapes.num_layers(SHAPES, "electra"), 0)
    self.assertIsNone(variable_shapes.hidden_size(SHAPES, "electra"))

  def test_scope_is_a_complete_name(self):
    self.assertTrue(variable_shapes.has_scope(SHAPES, "generator"))
    self.assertFalse(variable_shapes.has_scope(SHAPES, "gen"))

  def test_groups_count_slots_separately(self):
    self.assertEqual(
        variable_shapes.grouped(SHAPES),
        ["electra/embeddings (3)", "generator/encoder (3)",
         "generator/encoder/layer_0/intermediate/dense/kernel/adam_m"])

  def test_lists_the_first_names(self):
    self.assertEqual(variable_shapes.listed("abc"), "a, b, c")
    self.assertEqual(variable_shapes.listed("abc", 1), "a and 2 more")


if __name__ == "__main__":
  unittest.main()
