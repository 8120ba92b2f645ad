"""Weights and config.json of a Hugging Face folder.

`model.safetensors` is read and written without PyTorch. `pytorch_model.bin` is
read where PyTorch is installed, and only as weights: a pickle may hold code,
which PyTorch refuses under `weights_only=True`.

No TensorFlow is imported here.
"""

import json
import os
import pickle  # for the name of its error only
import re
import struct

import numpy as np
import safetensors
import safetensors.numpy

from util import model_files
from util import utils

SAFETENSORS_FILE = "model.safetensors"
TORCH_FILE = "pytorch_model.bin"
# What every ELECTRA model's config says, as transformers' ElectraConfig has it.
_FIXED_CONFIG = {
    "model_type": "electra",
    "dtype": "float32",
    "layer_norm_eps": 1e-12,
    "position_embedding_type": "absolute",
    "classifier_dropout": None,
    "summary_activation": "gelu",
    "summary_last_dropout": 0.1,
    "summary_type": "first",
    "summary_use_proj": True,
    "tie_word_embeddings": True,
    "use_cache": True,
}
# Fields that a BertConfig has too.
SHARED_FIELDS = (
    "vocab_size", "hidden_size", "num_hidden_layers", "num_attention_heads",
    "hidden_act", "intermediate_size", "hidden_dropout_prob",
    "attention_probs_dropout_prob", "max_position_embeddings",
    "type_vocab_size", "initializer_range")
_BASE_PREFIX = "electra."
# Numbers of positions, not weights; folders of transformers 3 have them.
_IGNORED = re.compile(r"(^|\.)embeddings\.position_ids$")


def write(folder, weights, config, architecture):
  """Writes config.json and model.safetensors.

  Args:
    folder: str.
    weights: {name: float32 array}.
    config: {field: value} of sizes, rates and labels.
    architecture: str, the class of transformers that reads the weights.
  """
  utils.write_json(dict(_FIXED_CONFIG, architectures=[architecture], **config),
                   os.path.join(folder, model_files.MODEL_CONFIG))
  content = safetensors.numpy.save(
      {name: np.ascontiguousarray(weight) for name, weight in weights.items()},
      metadata={"format": "pt"})  # transformers insists on it
  with utils.write_atomically(
      os.path.join(folder, SAFETENSORS_FILE), "wb") as f:
    f.write(content)


def read_config(folder):
  """Returns the config of a folder's model, {field: value}.

  Raises:
    utils.UserError: it is missing, not of an ELECTRA model, or of one that
      cannot be built here.
  """
  path = os.path.join(folder, model_files.MODEL_CONFIG)
  config = utils.load_json(path)
  model_type = config.get("model_type") if isinstance(config, dict) else None
  if model_type != "electra":
    raise utils.UserError(
        "%s: expected model_type \"electra\", got %s; only ELECTRA models "
        "convert." % (path, json.dumps(model_type)))
  kind = config.get("position_embedding_type", "absolute")
  if kind != "absolute" or config.get("is_decoder"):
    raise utils.UserError(
        "%s: expected an encoder with absolute positions, got "
        "position_embedding_type \"%s\", is_decoder %s." % (
            path, kind, json.dumps(bool(config.get("is_decoder")))))
  return config


def read_weights(folder):
  """Returns the weights of a folder, {name: float32 array}.

  A bare ElectraModel gets the names that it has inside of the other models.

  Raises:
    utils.UserError: there are none, they are damaged, or need PyTorch.
  """
  weights = _read_any(folder)
  weights = {name: weight for name, weight in weights.items()
             if not _IGNORED.search(name)}
  if not any(name.startswith(_BASE_PREFIX) for name in weights):
    weights = {_BASE_PREFIX + name: weight for name, weight in weights.items()}
  return weights


def _read_any(folder):
  path = os.path.join(folder, SAFETENSORS_FILE)
  if utils.exists(path):
    return _read_safetensors(path)
  path = os.path.join(folder, TORCH_FILE)
  if utils.exists(path):
    return _read_torch(path)
  raise utils.UserError(
      "Expected %s or %s in %s, found %s." % (
          SAFETENSORS_FILE, TORCH_FILE, folder, ", ".join(
              utils.listdir(folder)) if utils.isdir(folder) else "no folder"))


def _read_safetensors(path):
  with utils.open_file(path, "rb") as f:
    content = f.read()
  _check_types(path, content)
  try:
    weights = safetensors.numpy.load(content)
  except safetensors.SafetensorError as error:
    raise utils.UserError("%s is damaged (%s); copy it again." % (path, error))
  return {name: weight.astype(np.float32, copy=False)
          for name, weight in weights.items()}


def _check_types(path, content):
  """Raises a UserError if a weight is of a type that NumPy does not have."""
  try:
    length, = struct.unpack("<Q", content[:8])
    header = json.loads(content[8:8 + length].decode("utf-8"))
  except (struct.error, ValueError):
    raise utils.UserError("%s is damaged (no safetensors header); copy it "
                          "again." % path)
  for name, entry in sorted(header.items()):
    if name != "__metadata__" and entry.get("dtype") not in _TYPES:
      raise utils.UserError(
          "%s: expected weights of type %s, got %s for '%s'; save the model as "
          "float32 (model.float().save_pretrained)." % (
              path, ", ".join(_TYPES), entry.get("dtype"), name))


_TYPES = ("F32", "F16", "F64", "I64")


def _read_torch(path):
  try:
    import torch  # large, and needed for these files only
  except ImportError:
    raise utils.UserError(
        "%s needs PyTorch to be read: pip install torch, or convert a folder "
        "with a %s, which save_pretrained writes." % (path, SAFETENSORS_FILE))
  try:
    with utils.open_file(path, "rb") as f:
      weights = torch.load(f, map_location="cpu", weights_only=True)
  except (RuntimeError, EOFError, OSError, pickle.UnpicklingError) as error:
    raise utils.UserError("%s cannot be read as weights (%s)." % (
        path, str(error).split("\n")[0]))
  return {name: weight.to(torch.float32).numpy()
          for name, weight in weights.items()}
