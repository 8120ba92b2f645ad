"""Computes the sizes of encoder and generator from hyperparameters."""

import os

from model import modeling
from util import json_fields
from util import model_files
from util import utils

GENERATOR_HEAD_SIZE = 64


def get_bert_config(config):
  """Returns the BertConfig of the encoder.

  Args:
    config: PretrainingConfig or FinetuningConfig. The sizes are those of
      `model_size` or `debug` in util/model_hparams.py, overridden by
      `model_hparam_overrides`, and `vocab_size`.

  Raises:
    utils.UserError: an override is unknown or invalid.
  """
  values = dict(config.transformer_sizes(), vocab_size=config.vocab_size)
  return modeling.BertConfig.from_dict(values)


def write(folder, config):
  """Writes the sizes of a model to config.json; keeps other entries of it.

  Args:
    folder: str, of the model.
    config: PretrainingConfig or FinetuningConfig.
  """
  bert_config = get_bert_config(config)
  path = os.path.join(folder, model_files.MODEL_CONFIG)
  utils.write_json(dict(
      json_fields.load_object(path, {}),
      embedding_size=get_embedding_size(config, bert_config),
      **bert_config.to_dict()), path)


def check(config):
  """Raises a UserError if the sizes of a PretrainingConfig fit no model."""
  bert_config = get_bert_config(config)
  has_generator = (config.electra_objective or config.electric_objective) and (
      config.untied_generator and not config.uniform_generator)
  if has_generator:
    get_generator_config(config, bert_config)


def get_generator_config(config, bert_config):
  """Returns the BertConfig of the generator of a discriminator.

  Args:
    config: PretrainingConfig. `generator_hidden_size` and `generator_layers`
      are fractions of the discriminator's, usually in (0, 1].
    bert_config: BertConfig of the discriminator.

  Raises:
    utils.UserError: the fractions give invalid sizes.
  """
  hidden_size = int(round(
      bert_config.hidden_size * config.generator_hidden_size))
  num_layers = int(round(
      bert_config.num_hidden_layers * config.generator_layers))
  num_heads = max(1, hidden_size // GENERATOR_HEAD_SIZE)
  if hidden_size < 1:
    raise utils.UserError(
        "generator_hidden_size: %r of a hidden size of %d rounds to 0. Raise "
        "it." % (config.generator_hidden_size, bert_config.hidden_size))
  if num_layers < 1:
    raise utils.UserError(
        "generator_layers: %r of %d layers rounds to 0. Raise it." % (
            config.generator_layers, bert_config.num_hidden_layers))
  if hidden_size % num_heads:
    raise utils.UserError(
        "generator_hidden_size: %r gives a hidden size of %d, which is not a "
        "multiple of %d attention heads. Set generator_hidden_size to %r for a "
        "hidden size of %d." % (
            config.generator_hidden_size, hidden_size, num_heads,
            num_heads * GENERATOR_HEAD_SIZE / float(bert_config.hidden_size),
            num_heads * GENERATOR_HEAD_SIZE))
  return modeling.BertConfig.from_dict(dict(
      bert_config.to_dict(),
      hidden_size=hidden_size,
      num_hidden_layers=num_layers,
      intermediate_size=4 * hidden_size,
      num_attention_heads=num_heads))


def get_embedding_size(config, bert_config):
  """Returns the width of the embeddings: `embedding_size`, or the hidden size.

  Args:
    config: PretrainingConfig or FinetuningConfig; `embedding_size` may be None.
    bert_config: BertConfig of the encoder.
  """
  if config.embedding_size is None:
    return bert_config.hidden_size
  return config.embedding_size
