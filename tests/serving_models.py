"""Writes model folders and runs SavedModels for the tests of exporting."""

import os

import numpy as np
import tensorflow.compat.v1 as tf

from tests.model import hf_models
from util import utils

# As the golden files were made; see tests/golden/README.md.
PRETRAINED_SIZES = dict(
    vocab_size=160, hidden_size=32, num_hidden_layers=2, hidden_act="gelu",
    intermediate_size=64, max_position_embeddings=64, type_vocab_size=2)
EMBEDDING_SIZE = 16
FINETUNED_SIZES = dict(
    hidden_size=16, num_hidden_layers=1, num_attention_heads=2,
    intermediate_size=32, max_position_embeddings=32)
MASK_ID = 4


def write_pretrained(folder, golden_name):
  """Writes a pre-trained model folder with a golden file's variables."""
  golden = hf_models.load(golden_name)
  hf_models.write_model(folder, golden["var"], embedding_size=EMBEDDING_SIZE,
                        **PRETRAINED_SIZES)
  return golden


def write_finetuned(folder, variables, task_names, **record):
  """Writes the folder of one trial of a fine-tuning run."""
  hf_models.write_model(folder, variables, num_heads=None)
  utils.write_json(dict(
      record, task_names=task_names, vocab_size=160, model_size="base",
      model_hparam_overrides=FINETUNED_SIZES, num_train_steps=3,
      training_data={}), os.path.join(folder, "finetuning_run.json"))


def make_features(batch_size, length, seed=0):
  """Returns {name: int32 [batch_size, length]} with some [MASK] and padding."""
  rng = np.random.RandomState(seed)
  input_ids = rng.randint(5, 160, [batch_size, length])
  input_ids[:, 0] = 2
  input_ids[:, 2::5] = MASK_ID
  input_mask = np.ones_like(input_ids)
  input_mask[0, length - 2:] = 0
  segment_ids = np.zeros_like(input_ids)
  segment_ids[:, length // 2:] = 1
  return {name: array.astype(np.int32) for name, array in (
      ("input_ids", input_ids), ("input_mask", input_mask),
      ("segment_ids", segment_ids * input_mask))}


def load_signatures(folder, session):
  """Loads a SavedModel; returns {name: function of features to outputs}."""
  definitions = tf.saved_model.loader.load(
      session, [tf.saved_model.tag_constants.SERVING], folder).signature_def

  def function_of(definition):
    def call(features):
      return session.run(
          {name: info.name for name, info in definition.outputs.items()},
          {info.name: features[name]
           for name, info in definition.inputs.items()})
    return call

  return {name: function_of(definition)
          for name, definition in definitions.items()}
