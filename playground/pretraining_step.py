"""Runs the forward pass of a pre-training step on texts, to look at it.

Glossary of shapes:
- L: tokens of the text, [CLS] and [SEP] included.
- N: attention heads.
"""

import collections
import os
import re

import numpy as np
import tensorflow.compat.v1 as tf

from model import arabert_cleaning
from model import checkpoint as checkpoint_lib
from model import modeling
from model import randomness
from model import tokenization
from playground import inference_graph
from pretrain import pretraining_model
from pretrain import replaced_tokens
from util import model_files

_ATTENTION = re.compile(
    modeling.MAIN_SCOPE +
    r"(?:_\d+)?/encoder/layer_(\d+)/attention/self/Softmax$")

# What a step did to a text. tokens: list of replaced_tokens.Token; attention:
# float32 [layers, N, L, L], in the discriminator (for masked LM, the model), of
# each token (row) to each token (column).
Step = collections.namedtuple("Step", ["tokens", "attention"])


class PretrainingStep:
  """Masks texts, samples tokens and finds them, as in training."""

  def __init__(self, config, checkpoint):
    """Loads the weights.

    Args:
      config: PretrainingConfig of the training.
      checkpoint: str, a model folder or a checkpoint's prefix.

    Raises:
      utils.UserError: the checkpoint does not fit the config.
    """
    self._config = config
    self._tokenizer = tokenization.FullTokenizer(
        config.vocab_file, do_lower_case=config.do_lower_case)
    prefix = checkpoint_lib.latest(checkpoint)
    cleaning = model_files.TokenizerSettings.read(
        os.path.dirname(prefix)).preprocessing
    self._clean = arabert_cleaning.make_cleaner(cleaning) if cleaning else str
    self._graph = inference_graph.InferenceGraph(prefix, self._build)

  def run(self, text, seed=0):
    """Returns the Step of a text.

    Args:
      text: str; tokens beyond `max_seq_length` are not read.
      seed: int, another one masks and samples other tokens.
    """
    cls, sep = self._tokenizer.convert_tokens_to_ids(
        [tokenization.CLS, tokenization.SEP])
    pieces, = self._tokenizer.encode_untrusted_batch([self._clean(text)])
    ids = np.array([[cls] + pieces[:self._config.max_seq_length - 2] + [sep]],
                   np.int32)
    values = self._graph.run({
        "input_ids": ids, "input_mask": np.ones_like(ids),
        "segment_ids": np.zeros_like(ids), "seed": seed})
    attention = values.pop("attention")
    return Step(replaced_tokens.tokens_of(values, self._tokenizer.inv_vocab),
                attention)

  def _build(self):
    """Builds the graph; returns its placeholders and outputs."""
    placeholders = {
        name: tf.placeholder(tf.int32, [1, None], name)
        for name in ("input_ids", "input_mask", "segment_ids")}
    features = dict(placeholders)
    placeholders["seed"] = tf.placeholder(tf.int32, [], "seed")
    model = pretraining_model.PretrainingModel(
        self._config, features, is_training=False,
        randomness=randomness.StepRandomness(
            self._config.seed, placeholders["seed"]))
    outputs = replaced_tokens.tensors_of(model)
    outputs["attention"] = tf.stack(_attention_by_layer())
    return placeholders, outputs


def _attention_by_layer():
  """Returns the attention probabilities of the main encoder, [N, L, L] each.

  A generator that shares this encoder runs before the discriminator: of two
  ops of a layer the later one is the discriminator's.
  """
  layers = {}
  for op in tf.get_default_graph().get_operations():
    found = _ATTENTION.match(op.name)
    if found:
      layers[int(found.group(1))] = op.outputs[0][0]
  return [layers[number] for number in sorted(layers)]
