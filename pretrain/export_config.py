"""Configures the export of a pre-trained model, without TensorFlow."""

import os

import configure_pretraining
from util import json_fields
from util import model_hparams
from util import utils

KIND = "pre-trained"
DISCRIMINATE, FILL_MASK, ENCODE = "discriminate", "fill_mask", "encode"
_MODEL_CONFIG = "config.json"


def signature_names(config):
  """Returns the names that --signatures takes, a server's default first."""
  del config  # they are the same for all pre-trained models
  return [DISCRIMINATE, FILL_MASK, ENCODE]


def make_config(folder, data_dir, vocab, passed):
  """Returns the PretrainingConfig of a model.

  Args:
    folder: str, the folder of the checkpoint. Sizes come from its config.json
      unless `passed` has a model_size.
    data_dir: str, or None for `folder`.
    vocab: {"vocab_file": path}, or {} for the default.
    passed: {name: value} of hyperparameters, which override those of files.

  Raises:
    utils.UserError: a hyperparameter is wrong.
  """
  values = dict(vocab)
  path = os.path.join(folder, _MODEL_CONFIG)
  if utils.exists(path) and "model_size" not in passed:
    recorded = json_fields.load_object(path)
    values.update((name, recorded[name]) for name in
                  ("embedding_size", "vocab_size") if name in recorded)
    values["model_hparam_overrides"] = {
        name: recorded[name] for name in model_hparams.OVERRIDES
        if name in recorded}
  overrides = dict(values.get("model_hparam_overrides", {}))
  values.update(passed)
  if isinstance(values.get("model_hparam_overrides", {}), dict):
    overrides.update(values.get("model_hparam_overrides", {}))
    values["model_hparam_overrides"] = overrides
  num_positions = overrides.get("max_position_embeddings")
  if isinstance(num_positions, int):  # else PretrainingConfig raises an error
    # A training hyperparameter; here any length that the model supports.
    values.setdefault("max_seq_length", max(5, num_positions))
  values.setdefault("model_dir", folder)
  return configure_pretraining.PretrainingConfig(
      os.path.basename(folder), data_dir or folder, **values)
