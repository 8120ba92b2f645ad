"""Embeds token ids: word + segment + position, normalized.

Glossary of shapes:
- B: batch size.
- L: sequence length, in WordPiece tokens.
- E: embedding size.
- V: vocabulary size.
"""

import tensorflow.compat.v1 as tf

from model import layers
from model import tensor_ops
from util import utils


def embed(bert_config, input_ids, token_type_ids, embedding_size, *,
          dropout_rate, randomness, word_vectors=None, use_one_hot=False):
  """Returns the embeddings of a batch of token ids, and the word table.

  Creates `word_embeddings`, `token_type_embeddings`, `position_embeddings` and
  `LayerNorm` in the current variable scope.

  Args:
    bert_config: modeling.BertConfig.
    input_ids: int32 Tensor of shape [B, L].
    token_type_ids: int32 Tensor of shape [B, L], or None for all 0.
    embedding_size: int, E.
    dropout_rate: float in [0, 1).
    randomness: randomness.StepRandomness.
    word_vectors: float32 Tensor of shape [B, L, E] used instead of rows of the
      word table, such as mixtures of them; None: look up `input_ids`.
    use_one_hot: bool, look words up by a matrix product, which is fast on TPUs.

  Returns:
    (vectors, word_table): float32 [B, L, E] and the [V, E] variable.

  Raises:
    utils.UserError: the sequence is longer than max_position_embeddings.
  """
  batch_size, length = tensor_ops.get_shape_list(input_ids, 2, "input_ids")
  word_table = _table("word_embeddings", bert_config.vocab_size,
                      embedding_size, bert_config)
  if word_vectors is None:
    word_vectors = _look_up(word_table, input_ids, use_one_hot)
  token_types = _table("token_type_embeddings", bert_config.type_vocab_size,
                       embedding_size, bert_config)
  if token_type_ids is None:
    token_type_ids = tf.zeros([batch_size, length], tf.int32)
  # Two rows: a product beats a lookup, and its gradient is dense.
  vectors = word_vectors + _look_up(token_types, token_type_ids, True)
  vectors += _position_vectors(bert_config, length, embedding_size)
  vectors = layers.layer_norm(vectors)
  return randomness.dropout(vectors, dropout_rate), word_table


def _table(name, num_rows, embedding_size, bert_config):
  return tf.get_variable(
      name, [num_rows, embedding_size],
      initializer=layers.create_initializer(bert_config.initializer_range))


def _look_up(table, ids, use_one_hot):
  """Returns the rows of `table` [rows, E] at `ids` [B, L] as [B, L, E]."""
  if not use_one_hot:
    return tf.gather(table, ids)
  num_rows, embedding_size = table.shape.as_list()
  one_hot = tf.one_hot(tf.reshape(ids, [-1]), num_rows)  # [B*L, rows]
  return tf.reshape(tf.matmul(one_hot, table),
                    tensor_ops.get_shape_list(ids) + [embedding_size])


def _position_vectors(bert_config, length, embedding_size):
  """Returns the [L, E] vectors of positions 0 to L-1."""
  num_positions = bert_config.max_position_embeddings
  table = _table("position_embeddings", num_positions, embedding_size,
                 bert_config)
  if isinstance(length, int) and length > num_positions:
    raise utils.UserError(
        "Sequences of %d tokens are longer than the model's %d positions. "
        "Lower max_seq_length, or set model_hparam_overrides "
        "{\"max_position_embeddings\": %d}." % (length, num_positions, length))
  return tf.slice(table, [0, 0], [length, -1])
