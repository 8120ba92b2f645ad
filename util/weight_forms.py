"""Recognizes weights in a form that no run reads, and tells what to do.

A run reads checkpoints of TensorFlow: <prefix>.index and <prefix>.data-*.
Importing this module does not import TensorFlow.
"""

import collections
import os
import re

from util import model_files
from util import utils

# pattern: of a file's name; content: what the file is, for the message; advice:
# what to do with it, and {folder}.
_Form = collections.namedtuple("_Form", ["pattern", "content", "advice"])
_CONVERT = ("Convert it with convert_checkpoint.py --to tf --discriminator "
            "{folder} and --output-dir of another folder")
_SAVE_AGAIN = (
    "Save the model with transformers as model.safetensors, and convert that "
    "folder with convert_checkpoint.py --to tf")
_FORMS = (
    _Form(r"^saved_model\.pb(txt)?$", "a SavedModel, which is for serving",
          "Use the checkpoint that it was exported from"),
    _Form(r"^(model\.safetensors|pytorch_model\.bin)$",
          "weights of Hugging Face", _CONVERT),
    _Form(r"\.safetensors$|^pytorch_model", "weights of Hugging Face",
          _SAVE_AGAIN),
    _Form(r"\.(h5|hdf5|keras|msgpack)$", "weights of Keras or Flax",
          _SAVE_AGAIN),
    _Form(r"\.(pt|pth|bin|ot|onnx|tflite|gguf|npz)$",
          "weights of another program", _SAVE_AGAIN),
    _Form(r"\.(zip|tar|tgz|tbz2?|txz|rar|7z)$|\.tar\.\w+$|"
          r"\.(index|data-\d+-of-\d+)\.(gz|bz2|xz|zst)$", "a packed archive",
          "Unpack it"),
    _Form(r"\.data-\d+-of-\d+$", "a checkpoint without its .index file",
          "Copy the .index file of the same name to {folder}"),
    _Form(r"\.meta$", "the graph of a checkpoint without its weights",
          "Copy the .index and .data files of the same name to {folder}"),
    _Form(r"^model\.ckpt(-\d+)?$|\.ckpt$",
          "a checkpoint in one file (TensorFlow's format V1, or PyTorch)",
          "Save it with TensorFlow as .index and .data files"),
)
_INDEX = ".index"
# Subfolders whose weights are not those of the model itself.
_OTHER_WEIGHTS = (model_files.FINETUNING_FOLDER, "damaged")
_MAX_DEPTH = 3  # of nested folders


def has_checkpoint(folder):
  """Returns whether a folder has the .index file of a checkpoint."""
  return bool(folder) and utils.isdir(folder) and any(
      name.endswith(_INDEX) for name in utils.listdir(folder))


def is_unfinished(name, names):
  """Returns whether a file is of a run killed as it first wrote its weights.

  Args:
    name: str.
    names: list of str, all names in the folder.
  """
  return name.startswith("model.ckpt-0.") and "graph.pbtxt" in names


def find(path, is_nested=True):
  """Returns what is at a path instead of a checkpoint, and what to do.

  Args:
    path: str, a file, or a folder without a checkpoint.
    is_nested: bool, whether to search subfolders too.

  Returns:
    str, two sentences that start with a path; None if there are no weights.
  """
  if utils.isdir(path):
    return _find_in_folder(path, path, _MAX_DEPTH if is_nested else 0)
  if not utils.exists(path):
    return None
  prefix = re.sub(r"\.(meta|data-\d+-of-\d+)$", "", path)
  if prefix != path and utils.exists(prefix + _INDEX):
    return "%s: is one of the files of a checkpoint. Pass %s." % (path, prefix)
  return _find_file(os.path.dirname(path) or ".", [os.path.basename(path)])


def check_folder(folder, init_checkpoint):
  """Raises a UserError if a folder has weights, but no checkpoint to resume.

  Training there would start from other weights and could overwrite files.

  Args:
    folder: str, the model folder, which may not exist.
    init_checkpoint: str, where the weights come from instead, or None. With it
      those in a subfolder, which no run writes to, are no error.
  """
  found = not has_checkpoint(folder) and find(
      folder, is_nested=not init_checkpoint)
  if found:
    raise utils.UserError("%s To train a new model, use another --model-name." %
                          found)


def _find_in_folder(folder, top, depth):
  names = utils.listdir(folder)
  found = _find_file(folder, names)
  for name in names if depth else ():
    path = os.path.join(folder, name)
    if found or name in _OTHER_WEIGHTS or name.startswith(".") or (
        not utils.isdir(path)):
      continue
    if has_checkpoint(path):
      found = ("%s: has a checkpoint, but only those directly in %s are read. "
               "Move the files of %s there, or set init_checkpoint to %s." % (
                   path, top, path, path))
    else:
      found = _find_in_folder(path, top, depth - 1)
  return found


def _find_file(folder, names):
  for form in _FORMS:
    for name in names:
      path = os.path.join(folder, name)
      if re.search(form.pattern, name) and not utils.isdir(path) and (
          not is_unfinished(name, names)):
        return ("%s: expected a checkpoint (.index and .data files), found %s "
                "(%s). %s." % (folder, name, form.content,
                               form.advice.format(folder=folder)))
  return None
