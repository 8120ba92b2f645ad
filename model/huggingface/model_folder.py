"""Reads and writes weights and config.json of a Hugging Face folder.

`model.safetensors` does not need PyTorch. Reading `pytorch_model.bin` does, and
only weights are read: a pickle may contain code, which PyTorch rejects with
`weights_only=True`.

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
# Fields with one value for all ELECTRA models, as in ElectraConfig.
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
_BASE_PREFIX = "electra."
# Position numbers, not weights; written by transformers 3.
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
    utils.UserError: it is missing, or the model is not an ELECTRA encoder with
      absolute positions.
  """
  path = os.path.join(folder, model_files.MODEL_CONFIG)
  config = utils.load_json(path)
  model_type = config.get("model_type") if isinstance(config, dict) else None
  if model_type != "electra":
    raise utils.UserError(
        "%s: expected model_type \"electra\", got %s. Only ELECTRA models can "
        "be converted." % (path, json.dumps(model_type)))
  kind = config.get("position_embedding_type", "absolute")
  if kind != "absolute" or config.get("is_decoder"):
    raise utils.UserError(
        "%s: expected an encoder with absolute positions, got "
        "position_embedding_type \"%s\", is_decoder %s." % (
            path, kind, json.dumps(bool(config.get("is_decoder")))))
  return config


def read_weights(folder):
  """Returns the weights of a folder, {name: float32 array}.

  The weights of a bare ElectraModel get the prefix "electra." of the others.

  Raises:
    utils.UserError: there are none, or they are damaged or need PyTorch.
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
      "%s: expected %s or %s, found %s. Copy the weights there." % (
          folder, SAFETENSORS_FILE, TORCH_FILE, ", ".join(
              utils.listdir(folder)) if utils.isdir(folder) else "no folder"))


def _read_safetensors(path):
  with utils.open_file(path, "rb") as f:
    content = f.read()
  _check_types(path, content)
  try:
    weights = safetensors.numpy.load(content)
  except safetensors.SafetensorError as error:
    raise utils.UserError("%s: the file is damaged (%s). Copy it again." %
                          (path, error)) from error
  return {name: weight.astype(np.float32, copy=False)
          for name, weight in weights.items()}


def _check_types(path, content):
  """Raises a UserError for weights of a type that NumPy lacks."""
  try:
    length, = struct.unpack("<Q", content[:8])
    header = json.loads(content[8:8 + length].decode("utf-8"))
  except (struct.error, ValueError):
    raise utils.UserError("%s: the file is damaged (no safetensors header). "
                          "Copy it again." % path)
  for name, entry in sorted(header.items()):
    if name != "__metadata__" and entry.get("dtype") not in _TYPES:
      raise utils.UserError(
          "%s: expected weights of type %s, got %s for '%s'. Save the model as "
          "float32 (model.float().save_pretrained)." % (
              path, ", ".join(_TYPES), entry.get("dtype"), name))


_TYPES = ("F32", "F16", "F64", "I64")


def _read_torch(path):
  try:
    import torch  # large, and needed only for these files
  except ImportError:
    raise utils.UserError(
        "%s: reading it requires PyTorch. Run pip install torch, or convert a "
        "folder with %s, which save_pretrained writes." % (
            path, SAFETENSORS_FILE))
  try:
    with utils.open_file(path, "rb") as f:
      weights = torch.load(f, map_location="cpu", weights_only=True)
  except (RuntimeError, EOFError, OSError, pickle.UnpicklingError) as error:
    raise utils.UserError("%s: cannot read weights (%s). Copy the file again." %
                          (path, str(error).split("\n")[0])) from error
  return {name: weight.to(torch.float32).numpy()
          for name, weight in weights.items()}
