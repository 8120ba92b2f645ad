"""Maps variable names of TF1 checkpoints to Hugging Face's ELECTRA.

A TF1 checkpoint has the generator and the discriminator of a pre-training run
under `electra/`, `generator/` and the scopes of their heads. Hugging Face has
one folder for each, with the same names in both. Kernels are [inputs, outputs]
in TF1 and [outputs, inputs] in Hugging Face.

No TensorFlow is imported here.
"""

import collections

from model import variable_shapes

MAIN_SCOPE = variable_shapes.MAIN_SCOPE
GENERATOR_SCOPE = "generator"
DISCRIMINATOR_HEAD = "discriminator_predictions"
GENERATOR_HEAD = "generator_predictions"

# The two names of one weight. is_kernel: its two axes are swapped.
Pair = collections.namedtuple("Pair", ["tf_name", "hf_name", "is_kernel"])

# Within a layer; the same on both sides.
_LAYER_DENSE = ("attention/self/query", "attention/self/key",
                "attention/self/value", "attention/output/dense",
                "intermediate/dense", "output/dense")
_LAYER_NORMS = ("attention/output/LayerNorm", "output/LayerNorm")
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
  """Returns the Pairs of the encoder layers and the embedding projection.

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
  """Returns the Pairs of the head that detects replaced tokens."""
  return (dense_pairs(DISCRIMINATOR_HEAD + "/dense",
                      "discriminator_predictions.dense") +
          dense_pairs(DISCRIMINATOR_HEAD + "/dense_1",
                      "discriminator_predictions.dense_prediction"))


def generator_head_pairs():
  """Returns the Pairs of the head that predicts tokens.

  Its output matrix is the word embeddings on both sides.
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


def num_hf_layers(names):
  """Returns one more than the highest layer number of a Hugging Face model."""
  return variable_shapes.highest(names, _HF_LAYER) + 1


def _norm_pairs(tf_name, hf_name):
  return [Pair(tf_name + "/gamma", hf_name + ".weight", False),
          Pair(tf_name + "/beta", hf_name + ".bias", False)]
