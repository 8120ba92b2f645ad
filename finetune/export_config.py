"""Configures the export of a fine-tuned model, without TensorFlow."""

import os

import configure_finetuning
from util import json_fields
from util import model_files
from util import utils
from util import weight_forms

KIND = "fine-tuned"
PREDICT = "predict"  # with _<task>: its signature; alone: those of all tasks
ENCODE = "encode"
# Of configure_finetuning.NOT_RESTORED, those that the signatures depend on.
_NOT_PRESETS = ("debug", "do_lower_case", "strip_accents")


def signature_names(config):
  """Returns the names that --signatures takes."""
  return [ENCODE, PREDICT] + [signature_name(name)
                              for name in config.task_names]


def signature_name(task_name):
  """Returns the name of a task's signature."""
  return "%s_%s" % (PREDICT, task_name)


def is_finetuned(folder, passed):
  """Returns whether a folder or hyperparameters are of a fine-tuned model."""
  return "task_names" in passed or utils.exists(_record_path(folder))


def find_checkpoint(path):
  """Returns a checkpoint's prefix, or the folder of a model's best or newest.

  Args:
    path: str, the folder of a pre-trained or fine-tuned model, a checkpoint's
      prefix or its .index file.

  Raises:
    utils.UserError: there is none.
  """
  if path.endswith(".index"):
    path = path[:-len(".index")]
  if utils.exists(path + ".index"):
    return path
  path = path.rstrip("/")
  if not weight_forms.has_checkpoint(path):
    found = weight_forms.find(path)
    if found:
      raise utils.UserError(found)
    raise utils.UserError(
        "%s: expected a checkpoint (model.ckpt-<step>.index and .data files), "
        "found none. Pass a model's directory or a checkpoint's prefix." % path)
  best = os.path.join(path, model_files.BEST_FOLDER)
  if not weight_forms.has_checkpoint(best):
    return path
  utils.log("Using the checkpoint of the best evaluation: %s" % best)
  return best


def make_config(folder, data_dir, vocab, passed):
  """Returns the FinetuningConfig of a model.

  Args:
    folder: str, the folder of the checkpoint, with the hyperparameters that the
      run recorded.
    data_dir: str, or None to infer it from the folder.
    vocab: {"vocab_file": path}, or {} for the default.
    passed: {name: value} of hyperparameters, which override the recorded ones.

  Raises:
    utils.UserError: a hyperparameter is wrong.
  """
  # As in an evaluation: the recorded values are presets, not what a user
  # passes, and the labels are those recorded with the model.
  values = dict(vocab, do_train=False, init_checkpoint=folder)
  recorded = json_fields.load_object(_record_path(folder), missing={})
  values.update((name, recorded[name]) for name in _NOT_PRESETS
                if name in recorded)
  values.update(passed)
  model_name, default_dir = _split(folder)
  return configure_finetuning.FinetuningConfig(
      model_name, data_dir or default_dir, **values)


def _record_path(folder):
  return os.path.join(folder, model_files.RUN_RECORD)


def _split(folder):
  """Returns (model_name, data_dir) of a fine-tuned model's folder.

  The folder is <data_dir>/models/<model_name>/finetuning_models/
  <tasks>_model_<trial>, or best/ in it; of others, ("model", folder).
  """
  trial = os.path.abspath(folder)
  if os.path.basename(trial) == model_files.BEST_FOLDER:
    trial = os.path.dirname(trial)
  pretrained, parent = os.path.split(os.path.dirname(trial))
  if parent != model_files.FINETUNING_FOLDER or utils.is_remote(folder):
    return "model", folder
  return (os.path.basename(pretrained),
          os.path.dirname(os.path.dirname(pretrained)))
