"""Writes model folders of golden variables, to be converted.

The variables are random, biases and layer norms too, so a wrong name or a
missing transpose changes the results.
"""

import collections
import os

import numpy as np
import tensorflow.compat.v1 as tf

from model import modeling
from model import variable_shapes
from model.huggingface import importer
from util import utils

GOLDEN = os.path.join(os.path.dirname(os.path.dirname(
    os.path.abspath(__file__))), "golden")
SPECIAL = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
# As in tests/golden/pretrain/encoder_config.json and the golden hparams.
NUM_HEADS = 2


def load(name):
  """Returns {"var"|"in"|"out"|...: {name: array}} of a golden .npz."""
  groups = collections.defaultdict(dict)
  with np.load(os.path.join(GOLDEN, name)) as arrays:
    for key in arrays.files:
      group, name = key.split("/", 1)
      groups[group][name] = arrays[key]
  return groups


def write_model(folder, variables, *, num_heads=NUM_HEADS, step=100,
                do_lower_case=False, tokens=None, **config):
  """Writes a model folder like that of a pre-training run.

  Args:
    folder: str.
    variables: {name: array}.
    num_heads: int, of `electra/`; None for a folder without config.json, like
      released checkpoints.
    step: int, the global step.
    do_lower_case: bool, of the tokenizer; None for no tokenizer_config.json.
    tokens: list of str; None: as many as the word embeddings have rows.
    **config: more fields of config.json.
  """
  importer.write_checkpoint(
      os.path.join(folder, "model.ckpt-%d" % step),
      dict(variables, global_step=np.array(step, np.int64)))
  if tokens is None:
    num_rows = variables["electra/embeddings/word_embeddings"].shape[0]
    tokens = SPECIAL + ["t%d" % i for i in range(len(SPECIAL), num_rows)]
  with utils.write_atomically(os.path.join(folder, "vocab.txt")) as f:
    f.write("".join(token + "\n" for token in tokens))
  if num_heads is not None:
    utils.write_json(dict(config, num_attention_heads=num_heads),
                     os.path.join(folder, "config.json"))
  if do_lower_case is not None:
    utils.write_json({"do_lower_case": do_lower_case, "preprocessing": None,
                      "strip_accents": do_lower_case},
                     os.path.join(folder, "tokenizer_config.json"))


def read_checkpoint(folder):
  """Returns {name: array} of the newest checkpoint of a folder."""
  reader = tf.train.load_checkpoint(folder)
  return {name: reader.get_tensor(name)
          for name in reader.get_variable_to_shape_map()}


def run_encoder(checkpoint, features, *, scope="electra", num_heads=NUM_HEADS,
                untied_embeddings=False, head_fn=None):
  """Returns the output of our encoder with a checkpoint's weights.

  Args:
    checkpoint: str, the folder of a checkpoint.
    features: {"input_ids", "input_mask", "segment_ids"}: int32 [B, L] arrays.
    scope: str, "electra" or "generator".
    num_heads: int.
    untied_embeddings: bool, whether the embeddings are under `scope`.
    head_fn: (bert_config, BertModel) to a Tensor; None: the last layer.
  """
  shapes = {name: list(value.shape)
            for name, value in read_checkpoint(checkpoint).items()}
  sizes = variable_shapes.all_sizes(
      shapes, scope if untied_embeddings else "electra", scope)
  embedding_size = sizes.pop("embedding_size")
  config = modeling.BertConfig(num_attention_heads=num_heads, **sizes)
  with tf.Graph().as_default(), tf.Session() as session:
    model = modeling.BertModel(
        config, False, tf.constant(features["input_ids"]),
        tf.constant(features["input_mask"]),
        tf.constant(features["segment_ids"]), scope=scope,
        embedding_size=embedding_size, untied_embeddings=untied_embeddings)
    output = (head_fn(config, model) if head_fn
              else model.get_sequence_output())
    tf.train.Saver().restore(session, tf.train.latest_checkpoint(checkpoint))
    return session.run(output)
