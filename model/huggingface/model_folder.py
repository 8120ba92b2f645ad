"""Reads and writes weights and config.json of a Hugging Face folder.

`model.safetensors` does not need PyTorch. Reading `pytorch_model.bin` does, and
only weights are read: a pickle may contain code, which PyTorch rejects with
`weights_only=True`.

No TensorFlow is imported here.
"""

import collections
import json
import os
import pickle  # for the name of its error only
import re

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
_WORD_TABLE = "embeddings.word_embeddings.weight"
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


def read_weights(folder, notes):
  """Returns the weights of a folder, {name: float32 array}.

  The weights of a bare ElectraModel get the prefix "electra." of the others; a
  prefix that a trainer added to all of a model's names is removed.

  Args:
    folder: str.
    notes: list of str to append to.

  Raises:
    utils.UserError: there are none, or they are damaged or need PyTorch.
  """
  path, weights, types = _read_any(folder)
  weights = _without_prefix(path, {
      name: weight for name, weight in weights.items()
      if not _IGNORED.search(name)}, notes)
  for name, count in sorted(collections.Counter(types).items()):
    if name in _CAST:
      notes.append("%s: %d weight%s cast from %s to float32" % (
          path, count, " is" if count == 1 else "s are", name))
  if not any(name.startswith(_BASE_PREFIX) for name in weights):
    weights = {_BASE_PREFIX + name: weight for name, weight in weights.items()}
  return weights


def _without_prefix(path, weights, notes):
  """Returns weights with the names that transformers gives them.

  DistributedDataParallel writes "module." before every name, Lightning the name
  of the attribute that holds the model.

  Raises:
    utils.UserError: there are weights of several models.
  """
  prefixes = {name[:-len(_WORD_TABLE)] for name in weights
              if name.endswith(_WORD_TABLE)}
  prefixes = {prefix[:-len(_BASE_PREFIX)] if prefix.endswith(_BASE_PREFIX)
              else prefix for prefix in prefixes}
  if len(prefixes) > 1:
    raise utils.UserError(
        "%s: has the weights of %d models, with names that begin with %s. Save "
        "each in its own folder (save_pretrained)." % (
            path, len(prefixes), " and ".join(
                "'%s'" % prefix for prefix in sorted(prefixes))))
  prefix = "".join(prefixes)
  if prefix:
    notes.append("%s: the names of the weights begin with '%s', which is "
                 "removed" % (path, prefix))
  return {name[len(prefix):] if name.startswith(prefix) else name: weight
          for name, weight in weights.items()}


def _read_any(folder):
  """Returns (path, {name: float32 array}, [name of the type of each])."""
  path = os.path.join(folder, SAFETENSORS_FILE)
  if utils.exists(path):
    return (path,) + _read_safetensors(path)
  path = os.path.join(folder, TORCH_FILE)
  if utils.exists(path):
    return (path,) + _read_torch(path)
  raise utils.UserError(
      "%s: expected %s or %s, found %s. Copy the weights there." % (
          folder, SAFETENSORS_FILE, TORCH_FILE, ", ".join(
              utils.listdir(folder)) if utils.isdir(folder) else "no folder"))


def _read_safetensors(path):
  with utils.open_file(path, "rb") as f:
    content = f.read()
  try:
    tensors = safetensors.deserialize(content)
  except safetensors.SafetensorError as error:
    raise utils.UserError("%s: the file is damaged (%s). Copy it again." %
                          (path, error)) from error
  weights, types = {}, []
  for name, tensor in tensors:
    if tensor["dtype"] not in _TYPES:
      raise utils.UserError(
          "%s: expected weights of type %s, got %s for '%s'. Save the model as "
          "float32 (model.float().save_pretrained)." % (
              path, ", ".join(sorted(_TYPES)), tensor["dtype"], name))
    type_name, numpy_type = _TYPES[tensor["dtype"]]
    values = np.frombuffer(tensor["data"], numpy_type)
    if type_name == "bfloat16":  # the upper half of a float32
      values = (values.astype(np.uint32) << 16).view(np.float32)
    weights[name] = values.reshape(tensor["shape"]).astype(np.float32)
    types.append(type_name)
  return weights, types


# {type in a safetensors file: (its name, the NumPy type of its bytes)}
_TYPES = {"F64": ("float64", "<f8"), "F32": ("float32", "<f4"),
          "F16": ("float16", "<f2"), "BF16": ("bfloat16", "<u2"),
          "I64": ("int64", "<i8")}
_CAST = ("bfloat16", "float16", "float64")


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
      content = torch.load(f, map_location="cpu", weights_only=True)
  except pickle.UnpicklingError as error:
    # PyTorch's own message advises to run the code.
    raise utils.UserError(
        "%s: it holds other objects than weights, or is damaged. Save the "
        "weights alone (model.save_pretrained)." % path) from error
  except (RuntimeError, EOFError, OSError) as error:
    raise utils.UserError("%s: cannot read weights (%s). Copy the file again." %
                          (path, str(error).split("\n")[0])) from error
  weights = _unwrapped(content)
  for name, weight in weights.items():
    if not isinstance(weight, torch.Tensor):
      raise utils.UserError(
          "%s: expected only weights, got a value of type %s for '%s'. Save "
          "the weights alone (model.save_pretrained)." % (
              path, type(weight).__name__, name))
  return ({name: weight.detach().to(torch.float32).numpy()
           for name, weight in weights.items()},
          [str(weight.dtype).split(".")[-1] for weight in weights.values()])


def _unwrapped(content):
  """Returns the {name: value} in a file that may hold a trainer's state too."""
  while isinstance(content, dict):
    inner = [content[key] for key in _WRAPPERS
             if isinstance(content.get(key), dict)]
    if not inner:
      return content
    content = inner[0]
  return {"the entire file": content}


# Keys under which trainers save the weights, next to steps and optimizers.
_WRAPPERS = ("state_dict", "model_state_dict", "model", "module")
