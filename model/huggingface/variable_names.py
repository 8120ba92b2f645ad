"""The names of one model's weights here and in Hugging Face's ELECTRA.

A TF1 checkpoint holds the generator and the discriminator of a pre-training run
under `electra/`, `generator/` and the scopes of their heads; Hugging Face has
one folder for each, with the same names in both. Kernels are [inputs, outputs]
here and [outputs, inputs] there.

No TensorFlow is imported here.
"""

import collections
import re

MAIN_SCOPE = "electra"
GENERATOR_SCOPE = "generator"
DISCRIMINATOR_HEAD = "discriminator_predictions"
GENERATOR_HEAD = "generator_predictions"

# One weight's two names. is_kernel: its axes are swapped on the other side.
Pair = collections.namedtuple("Pair", ["tf_name", "hf_name", "is_kernel"])

# Within a layer; the same words on both sides.
_LAYER_DENSE = ("attention/self/query", "attention/self/key",
                "attention/self/value", "attention/output/dense",
                "intermediate/dense", "output/dense")
_LAYER_NORMS = ("attention/output/LayerNorm", "output/LayerNorm")
# What makes a layer; its number stands in group 1.
_TF_LAYER = r"/encoder/layer_(\d+)/"
_HF_LAYER = r"^electra\.encoder\.layer\.(\d+)\."


def embedding_pairs(scope):
  """Returns the Pairs of the embedding layer under a TF scope."""
  tf_scope, hf_scope = scope + "/embeddings", "electra.embeddings"
  return [
      Pair("%s/%s_embeddings" % (tf_scope, kind),
           "%s.%s_embeddings.weight" % (hf_scope, kind), False)
      for kind in ("word", "position", "token_type")
  ] + _norm_pairs(tf_scope + "/LayerNorm", hf_scope + ".LayerNorm")


def encoder_pairs(scope, num_layers, has_projection):
  """Returns the Pairs of the layers, and of what leads up to them.

  Args:
    scope: str, TF scope, "electra" or "generator".
    num_layers: int.
    has_projection: bool, whether embeddings are projected to the hidden size.
  """
  pairs = []
  if has_projection:
    pairs += dense_pairs(scope + "/embeddings_project",
                         "electra.embeddings_project")
  for i in range(num_layers):
    tf_layer = "%s/encoder/layer_%d/" % (scope, i)
    hf_layer = "electra.encoder.layer.%d." % i
    for name in _LAYER_DENSE:
      pairs += dense_pairs(tf_layer + name, hf_layer + name.replace("/", "."))
    for name in _LAYER_NORMS:
      pairs += _norm_pairs(tf_layer + name, hf_layer + name.replace("/", "."))
  return pairs


def discriminator_head_pairs():
  """Returns the Pairs of the head that tells replaced tokens."""
  return (dense_pairs(DISCRIMINATOR_HEAD + "/dense",
                      "discriminator_predictions.dense") +
          dense_pairs(DISCRIMINATOR_HEAD + "/dense_1",
                      "discriminator_predictions.dense_prediction"))


def generator_head_pairs():
  """Returns the Pairs of the head that predicts tokens.

  The table that it multiplies by is the word embeddings, on both sides.
  """
  return (
      dense_pairs(GENERATOR_HEAD + "/dense", "generator_predictions.dense") +
      _norm_pairs(GENERATOR_HEAD + "/LayerNorm",
                  "generator_predictions.LayerNorm") +
      [Pair(GENERATOR_HEAD + "/output_bias", "generator_lm_head.bias", False)])


def dense_pairs(tf_name, hf_name):
  """Returns the Pairs of one dense layer."""
  return [Pair(tf_name + "/kernel", hf_name + ".weight", True),
          Pair(tf_name + "/bias", hf_name + ".bias", False)]


def num_tf_layers(names, scope):
  """Returns one more than the highest layer number under a TF scope."""
  return _num_layers(names, "^" + scope + _TF_LAYER)


def num_hf_layers(names):
  """Returns one more than the highest layer number of a Hugging Face model."""
  return _num_layers(names, _HF_LAYER)


def sizes(shapes, embeddings_scope, scope):
  """Returns the sizes that the shapes of TF variables tell.

  Args:
    shapes: {TF variable name: list of ints}, with all of the embeddings and at
      least layer 0.
    embeddings_scope: str, the scope of the embeddings.
    scope: str, the scope of the layers.

  Returns:
    {field of a config: int}; `num_attention_heads` shows in no shape.
  """
  embeddings = embeddings_scope + "/embeddings/%s_embeddings"
  layer = scope + "/encoder/layer_0/intermediate/dense/kernel"
  vocab_size, embedding_size = shapes[embeddings % "word"]
  hidden_size, intermediate_size = shapes[layer]
  return {
      "vocab_size": vocab_size,
      "embedding_size": embedding_size,
      "hidden_size": hidden_size,
      "intermediate_size": intermediate_size,
      "num_hidden_layers": num_tf_layers(shapes, scope),
      "max_position_embeddings": shapes[embeddings % "position"][0],
      "type_vocab_size": shapes[embeddings % "token_type"][0],
  }


def _norm_pairs(tf_name, hf_name):
  return [Pair(tf_name + "/gamma", hf_name + ".weight", False),
          Pair(tf_name + "/beta", hf_name + ".bias", False)]


def _num_layers(names, pattern):
  matches = [re.search(pattern, name) for name in names]
  return 1 + max([int(match.group(1)) for match in matches if match] or [-1])
