"""The encoder: `BertConfig` and `BertModel`.

Names of arguments, methods and variables are those of google-research/electra
and its released checkpoints. The implementation is in embeddings.py,
transformer.py, layers.py and tensor_ops.py.

Glossary of shapes:
- B: batch size.
- L: sequence length, in WordPiece tokens.
- D: hidden size.
- E: embedding size.
- V: vocabulary size.
"""

import dataclasses
import json

import tensorflow.compat.v1 as tf

from model import embeddings
from model import layers
from model import randomness as randomness_lib
from model import tensor_ops
from model import transformer
from model import variable_shapes
from util import json_fields
from util import model_hparams
from util import utils

# Public names of the original modeling.py.
create_initializer = layers.create_initializer
dropout = layers.dropout
gelu = layers.gelu
get_activation = layers.get_activation
layer_norm = layers.layer_norm
layer_norm_and_dropout = layers.layer_norm_and_dropout
assert_rank = tensor_ops.assert_rank
get_shape_list = tensor_ops.get_shape_list
reshape_from_matrix = tensor_ops.reshape_from_matrix
reshape_to_matrix = tensor_ops.reshape_to_matrix

MAIN_SCOPE = variable_shapes.MAIN_SCOPE


@dataclasses.dataclass
class BertConfig:
  """The sizes and rates of one encoder.

  Attributes:
    vocab_size: int, WordPieces.
    hidden_size: int, depth of every layer.
    num_hidden_layers: int.
    num_attention_heads: int, a divisor of `hidden_size`.
    hidden_act: "gelu", "relu", "tanh" or "linear".
    intermediate_size: int, depth inside the feed-forward module.
    hidden_dropout_prob: float in [0, 1).
    attention_probs_dropout_prob: float in [0, 1).
    max_position_embeddings: int, the longest sequence, in tokens.
    type_vocab_size: int, number of segment types.
    initializer_range: float, standard deviation of new weights.

  Raises:
    utils.UserError: a value is of the wrong type or out of range.
  """

  vocab_size: int
  hidden_size: int = 768
  num_hidden_layers: int = 12
  num_attention_heads: int = 12
  hidden_act: str = "gelu"
  intermediate_size: int = 3072
  hidden_dropout_prob: float = 0.1
  attention_probs_dropout_prob: float = 0.1
  max_position_embeddings: int = 512
  type_vocab_size: int = 2
  initializer_range: float = 0.02

  def __post_init__(self):
    for name, value in self.to_dict().items():
      model_hparams.BERT_CONFIG_FIELDS[name].check(name, value)
    if self.hidden_size % self.num_attention_heads:
      raise utils.UserError(
          "'hidden_size' (%d) must be a multiple of 'num_attention_heads' (%d);"
          " set one of them in model_hparam_overrides." %
          (self.hidden_size, self.num_attention_heads))

  @classmethod
  def from_dict(cls, values):
    """Returns the config of a {name: value} dict.

    Raises:
      utils.UserError: a name is unknown, or a value is wrong.
    """
    known = vars(cls(vocab_size=1))
    for name in values:
      if name not in known:
        raise utils.UserError(
            "model_hparam_overrides: unknown hyperparameter '%s'.%s Use one of "
            "%s." % (
                name, json_fields.did_you_mean(name, known),
                ", ".join(sorted(known))))
    if "vocab_size" not in values:
      raise utils.UserError(
          "The model config lacks 'vocab_size', it has %s. Add it." %
          (", ".join(sorted(values)) or "nothing"))
    return cls(**values)

  @classmethod
  def from_json_file(cls, path):
    """Returns the config of a JSON file; see `from_dict`."""
    return cls.from_dict(utils.load_json(path))

  def to_dict(self):
    """Returns the {name: value} that `from_dict` takes."""
    return dict(vars(self))

  def to_json_string(self):
    """Returns `to_dict` as JSON text."""
    return json.dumps(self.to_dict(), indent=2, sort_keys=True) + "\n"


class BertModel:
  """A Transformer encoder over token ids.

  All variables are created with `AUTO_REUSE`, so those that are already in the
  graph are shared:

  | arguments | embeddings | projection and layers |
  |---|---|---|
  | scope="electra" | electra/embeddings | electra/... |
  | scope="generator" | electra/embeddings (shared) | generator/... |
  | the same, untied_embeddings=True | generator/embeddings | generator/... |
  | scope="electra" again | shared | shared |
  | input_reprs=... | none | <scope>/... |

  `<scope>/embeddings_project` is created only if the width of the embeddings is
  not the hidden size. An Electric tower is scope="generator_ltr" with a
  [B, L, L] `input_mask`; see `transformer.left_to_right_mask`.

  Attributes:
    bert_config: the BertConfig.
    randomness: randomness.StepRandomness for dropout of task heads; in
      evaluation, randomness.NoRandomness.
  """

  def __init__(self,
               bert_config,
               is_training,
               input_ids,
               input_mask=None,
               token_type_ids=None,
               use_one_hot_embeddings=False,
               scope="electra",
               embedding_size=None,
               input_embeddings=None,
               input_reprs=None,
               update_embeddings=True,
               untied_embeddings=False,
               randomness=None):
    """Builds the graph of the encoder.

    Args:
      bert_config: BertConfig.
      is_training: bool, whether to apply dropout.
      input_ids: int32 Tensor of shape [B, L].
      input_mask: int32 Tensor of shape [B, L], 1 for tokens that may be seen;
        or [B, L, L], 1 at [b, i, j] if position i may see position j. None:
        all are visible.
      token_type_ids: int32 Tensor of shape [B, L], the segments; None: all 0.
      use_one_hot_embeddings: bool, look words up by a matrix product, for TPUs.
      scope: variable scope, "electra" for the encoder that is fine-tuned.
      embedding_size: int, E; None: the hidden size.
      input_embeddings: float32 Tensor of shape [B, L, E], word vectors used
        instead of the rows of the word table at `input_ids`.
      input_reprs: float32 Tensor of shape [B, L, any], used instead of the
        embedding layer, for instance another model's `get_embedding_reprs()`.
      update_embeddings: bool, False: no gradient into the embedding layer.
      untied_embeddings: bool, True: separate embeddings under `scope`.
      randomness: randomness.StepRandomness; None: one of seed 0, this scope
        and the global step.

    Raises:
      utils.UserError: the sequence is longer than max_position_embeddings.
    """
    self.bert_config = bert_config
    self.randomness = _randomness_for(is_training, randomness, scope)
    self._embedding_table = None
    self._embedding_reprs = input_reprs
    batch_size, length = tensor_ops.get_shape_list(input_ids, 2, "input_ids")
    if input_mask is None:
      input_mask = tf.ones([batch_size, length], tf.int32)
    hidden_dropout_rate = bert_config.hidden_dropout_prob
    if input_reprs is None:
      embedding_scope = scope if untied_embeddings else MAIN_SCOPE
      with tf.variable_scope(embedding_scope, reuse=tf.AUTO_REUSE):
        with tf.variable_scope("embeddings"):
          self._embedding_reprs, self._embedding_table = embeddings.embed(
              bert_config, input_ids, token_type_ids,
              embedding_size or bert_config.hidden_size,
              dropout_rate=hidden_dropout_rate, randomness=self.randomness,
              word_vectors=input_embeddings, use_one_hot=use_one_hot_embeddings)
    if not update_embeddings:  # frozen, or trained only by the generator
      self._embedding_reprs = tf.stop_gradient(self._embedding_reprs)
    with tf.variable_scope(scope, reuse=tf.AUTO_REUSE):
      self._embedding_output = _project(self._embedding_reprs, bert_config)
      with tf.variable_scope("encoder"):
        self._all_encoder_layers = transformer.encode(
            bert_config, self._embedding_output, input_mask,
            hidden_dropout_rate=hidden_dropout_rate,
            attention_dropout_rate=bert_config.attention_probs_dropout_prob,
            randomness=self.randomness)

  def get_pooled_output(self):
    """Returns the last layer's vector of position 0, float32 [B, D]."""
    return self.get_sequence_output()[:, 0]

  def get_sequence_output(self):
    """Returns the last layer's output, float32 [B, L, D]."""
    if not self._all_encoder_layers:
      return self._embedding_output
    return self._all_encoder_layers[-1]

  def get_all_encoder_layers(self):
    """Returns the list of every layer's output, float32 [B, L, D] each."""
    return self._all_encoder_layers

  def get_embedding_output(self):
    """Returns the input of the first layer, float32 [B, L, D]."""
    return self._embedding_output

  def get_embedding_reprs(self):
    """Returns the embeddings before their projection, float32 [B, L, E].

    It can be passed as `input_reprs` of another model.
    """
    return self._embedding_reprs

  def get_embedding_table(self):
    """Returns the [V, E] variable of the word embeddings.

    Raises:
      ValueError: the model was built on `input_reprs` and has no table.
    """
    if self._embedding_table is None:
      raise ValueError("A BertModel built on `input_reprs` has no word table. "
                       "Use the model that computed them.")
    return self._embedding_table


def _randomness_for(is_training, randomness, scope):
  if not is_training:
    return randomness_lib.NoRandomness()
  if randomness is not None:
    return randomness
  return randomness_lib.StepRandomness(
      0, tf.train.get_or_create_global_step()).child(scope)


def _project(vectors, bert_config):
  """Returns `vectors` projected to the hidden size if they differ."""
  if vectors.shape.as_list()[-1] == bert_config.hidden_size:
    return vectors
  return layers.dense(
      vectors, bert_config.hidden_size, name="embeddings_project",
      initializer=layers.create_unscaled_initializer())
