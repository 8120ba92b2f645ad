"""Checks that a run uses a model as the files next to its weights record it.

No variable's shape tells the number of attention heads, the activation, how
text becomes tokens, or which token a row of the embeddings is of. So another
value than the recorded one gives a model that computes nonsense without an
error. A folder without a checkpoint records nothing. Weights whose settings are
unknown are those without these files: to use weights with other settings on
purpose, copy the checkpoint alone to another folder.

Importing this module does not import TensorFlow.
"""

import os
import re

from util import finetuning_paths
from util import json_fields
from util import model_files
from util import model_hparams
from util import utils
from util import weight_forms

NOT_IN_SHAPES = ("num_attention_heads", "hidden_act")
_ADVICE = ("To use the weights with other settings on purpose, copy only the "
           "checkpoint's files to another folder and set init_checkpoint to it")
# Tokens that reserve a row for a new token: [unused12], <unused_12>.
_RESERVED = re.compile(r"^[\[<]unused[_-]?\d+[\]>]$", re.IGNORECASE)


def folder_of_weights(config):
  """Returns the folder of the weights that a run starts from; None: new ones.

  Args:
    config: PretrainingConfig.
  """
  start = finetuning_paths.folder_of(config.init_checkpoint)
  if start and re.search(r"[*?[]", start):  # a pattern, to evaluate all
    start = os.path.dirname(start)
  own = config.model_dir
  if config.do_train:
    is_new = config.debug or not weight_forms.has_checkpoint(own)
    return start if is_new else own
  return start or own


def check(folder, config):
  """Checks model sizes and vocabulary of a run against a model folder.

  Args:
    folder: str, of the weights that the run starts from; None for new ones.
    config: PretrainingConfig or FinetuningConfig.

  Raises:
    utils.UserError: a value differs from the recorded one.
  """
  if _has_weights(folder):
    _check_sizes(folder, config.transformer_sizes())
    check_vocab(folder, config.vocab_file)


def check_vocab(folder, vocab_file, option="vocab_file"):
  """Checks that the tokens of a vocabulary are those of a model folder.

  Reserved rows of the model, [unused12] or those after its vocabulary's end,
  may have a new token, which is logged.

  Args:
    folder: str.
    vocab_file: str.
    option: str, the hyperparameter or flag that sets `vocab_file`.

  Raises:
    utils.UserError: other tokens differ; the message has their number.
  """
  path = find_file(folder, model_files.VOCAB)
  if not path or os.path.realpath(path) == os.path.realpath(vocab_file) or (
      not utils.exists(vocab_file)):
    return
  recorded, tokens = _read_tokens(path), _read_tokens(vocab_file)
  different = [row for row, token in enumerate(recorded)
               if tokens[row:row + 1] != [token]]
  lost = [row for row in different if not _RESERVED.search(recorded[row])]
  if lost:
    now = "missing"
    if lost[0] < len(tokens):
      now = "'%s'" % json_fields.shorten(tokens[lost[0]], quote=False)
    raise utils.UserError(
        "%s: {:,} of {:,} tokens differ from %s: line %d is %s, not '%s'. A "
        "model keeps its vocabulary: set %s to %s. %s.".format(
            len(lost), len(recorded)) % (
                vocab_file, path, lost[0] + 1, now,
                json_fields.shorten(recorded[lost[0]], quote=False), option,
                path, _ADVICE))
  num_new = len(different) + max(0, len(tokens) - len(recorded))
  if num_new:
    utils.log("{}: {:,} reserved rows of {} have a new token".format(
        vocab_file, num_new, path))


def check_tokenizer(folder, settings, source):
  """Checks tokenizer settings against those that a model folder records.

  Args:
    folder: str, of the weights; None for new ones.
    settings: {name: value}, as in model_files.TokenizerSettings. The value of
      "preprocessing" may be None, not cleaned; a missing name is unknown.
    source: str, the file or hyperparameter of the settings.

  Raises:
    utils.UserError: two values differ.
  """
  path = find_file(folder, model_files.TOKENIZER_CONFIG)
  if not path or not _has_weights(folder):
    return
  recorded = json_fields.load_object(path)
  model_files.TokenizerSettings.from_entries(recorded, path)
  for name in sorted(settings):
    if is_known(recorded, name) and recorded[name] != settings[name]:
      raise utils.UserError(
          "%s: \"%s\": expected %s, as recorded with the model in %s, got %s. "
          "Use the model's setting, or correct that file. %s." % (
              source, name, json_fields.shorten(recorded[name]), path,
              json_fields.shorten(settings[name]), _ADVICE))


def is_known(settings, name):
  """Returns whether tokenizer settings have a value; null: not cleaned."""
  return name in settings and (
      settings[name] is not None or name == "preprocessing")


def find_file(folder, name):
  """Returns the path of a file of a model folder, or None.

  Copies of a checkpoint in a subfolder share the files of the model.
  """
  folders = [folder] if folder else []
  parent, last = os.path.split((folder or "").rstrip("/"))
  if last in (model_files.BEST_FOLDER, model_files.RELEASED_FOLDER):
    folders.append(parent)
  for path in (os.path.join(folder, name) for folder in folders):
    if utils.exists(path):
      return path
  return None


def _has_weights(folder):
  return weight_forms.has_checkpoint(folder) or bool(
      folder) and weight_forms.has_checkpoint(
          os.path.join(folder, model_files.BEST_FOLDER))


def _check_sizes(folder, sizes):
  path, recorded = _recorded_sizes(folder)
  if recorded.get("hidden_size", sizes["hidden_size"]) != sizes["hidden_size"]:
    return  # the shapes differ, and that message names what to set
  for name in NOT_IN_SHAPES:
    value = sizes.get(name, model_hparams.OVERRIDES[name].default)
    if recorded.get(name, value) != value:
      raise utils.UserError(
          "model_hparam_overrides: \"%s\" is %s, but the weights were trained "
          "with %s, as %s records. Set it to that, or correct the file." % (
              name, json_fields.shorten(value),
              json_fields.shorten(recorded[name]), path))


def _recorded_sizes(folder):
  """Returns (path, {BertConfig field: value}) that a folder records."""
  path = find_file(folder, model_files.MODEL_CONFIG)
  if path:
    return path, json_fields.load_object(path)
  path = find_file(folder, model_files.RUN_RECORD)
  run = json_fields.load_object(path) if path else {}
  overrides = run.get("model_hparam_overrides")
  if run.get("debug") or not isinstance(overrides, dict):
    return path, {}
  return path, dict(model_hparams.SIZES.get(run.get("model_size"), {}),
                    **overrides)


def _read_tokens(path):
  """Returns the tokens of a vocabulary in order, as model.tokenization does."""
  with utils.open_file(path, "rb") as f:
    content = f.read()
  return [line.strip(" \t\r") for line in content.rstrip().decode(
      "utf-8-sig", "backslashreplace").split("\n")]
