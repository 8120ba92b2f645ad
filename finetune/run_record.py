"""Run metadata of a trial: detects a folder trained with other settings.

finetuning_run.json, next to the checkpoints of a trial, is written before the
first step. It holds every hyperparameter and the hashes of all data that affect
the weights. A restarted run compares it with its own settings: it resumes the
same training and refuses to continue or overwrite another one.
"""

import os
import re

from finetune import text_cleaning
from model import model_sizes
from util import json_fields
from util import model_files
from util import utils
from util import weight_forms

# Hyperparameters that do not affect the weights. A new one is assumed to affect
# them until it is listed here.
NO_EFFECT_ON_WEIGHTS = frozenset([
    # what to run and log
    "do_train", "do_eval", "do_predict", "num_trials", "keep_all_models",
    "overwrite", "log_examples", "log_steps", "write_test_outputs",
    "n_writes_test", "save_checkpoints_steps", "save_checkpoints_minutes",
    "iterations_per_loop", "use_tfrecords_if_existing", "eval_batch_size",
    "predict_batch_size",
    "predict_file", "predict_task", "predict_output_file",
    # when to evaluate and stop; no effect on a training step
    "eval_steps", "best_metric", "early_stopping_patience",
    # decoding of answers
    "n_best_size", "max_answer_length", "beam_size", "qa_na_threshold",
    # paths and machines; files are compared by their hashes
    "data_dir", "model_name", "vocab_file", "model_dir", "results_txt",
    "results_pkl", "init_checkpoint", "preprocessed_data_dir",
    "num_tpu_cores", "tpu_job_name", "tpu_name", "tpu_zone", "gcp_project",
])


def settings_of(config, *, made_from, init_sha256):
  """Returns all settings that affect the weights of a trial, for JSON.

  Args:
    config: the FinetuningConfig of the trial, with the trial's own seed.
    made_from: inputs of the stored training features, for JSON.
    init_sha256: str, the hash of the index file of the checkpoint that the
      encoder starts from (it holds a checksum of every weight), None for
      random weights.
  """
  settings = {name: value for name, value in config.to_dict().items()
              if name not in NO_EFFECT_ON_WEIGHTS}
  settings.update(training_data=made_from, init_checkpoint_sha256=init_sha256)
  return settings


def check_folder(folder, settings, *, overwrite):
  """Checks that a trial's folder is new or holds the same training.

  Metadata without weights are of a run that was stopped before its first
  checkpoint: they bind no other run.

  Args:
    folder: str, the trial's folder.
    settings: dict from `settings_of`.
    overwrite: bool, whether an existing folder is deleted anyway.

  Raises:
    utils.UserError: the folder holds another training, or files of unknown
      origin.
  """
  path = os.path.join(folder, model_files.RUN_RECORD)
  if overwrite or not utils.exists(folder) or (
      not utils.visible_names(folder)):
    return
  if not utils.exists(path):
    raise utils.UserError(
        "%s: expected a new folder or one with a %s, found other files. Move "
        "them away, or set \"overwrite\": true to remove them and train." % (
            folder, model_files.RUN_RECORD))
  if weight_forms.has_checkpoint(folder):
    _check_same_training(folder, json_fields.load_object(path), settings)


def open_folder(folder, settings, *, overwrite):
  """Creates a trial's folder, after `check_folder`.

  Args:
    folder: str, the trial's folder.
    settings: dict from `settings_of`.
    overwrite: bool, whether to delete an existing folder first.
  """
  if overwrite and utils.exists(folder):
    utils.log("Removed %s to train it again (overwrite)" % folder)
    utils.rmtree(folder)
  if not weight_forms.has_checkpoint(folder):
    utils.write_json(settings, os.path.join(folder, model_files.RUN_RECORD))


def write_settings(folder, config, init_checkpoint):
  """Writes vocabulary, tokenizer settings and model sizes to a model folder.

  Args:
    folder: str, the trial's folder.
    config: a FinetuningConfig.
    init_checkpoint: str, the pre-trained checkpoint, None for none; other
      entries of its tokenizer_config.json are copied.
  """
  entries = model_files.read_tokenizer_config(
      os.path.dirname(init_checkpoint)) if init_checkpoint else {}
  if config.arabert_preprocessing:  # else unknown
    entries["preprocessing"] = text_cleaning.cleaning_model(config)
  model_files.write_tokenizer_config(folder, dict(
      entries, do_lower_case=config.do_lower_case,
      strip_accents=config.strip_accents))
  utils.copy(config.vocab_file, os.path.join(folder, model_files.VOCAB))
  model_sizes.write(folder, config)


def trial_and_seed_of(folder):
  """Returns (trial, seed) of the weights in a folder, None where unknown.

  Args:
    folder: str, the folder of a trial, or its folder of the best weights.
  """
  path = os.path.join(folder, model_files.RUN_RECORD)
  settings = utils.load_json(path) if utils.exists(path) else {}
  seed = settings.get("seed") if isinstance(settings, dict) else None
  # The last name in the path, or the one before it.
  match = re.search(r"_model_([0-9]+)([/\\][^/\\]*)?$", folder)
  return int(match.group(1)) if match else None, seed


def _check_same_training(folder, recorded, settings):
  different = ["%s (%s there, %s now)" % (
      name, _shorten(recorded[name]), _shorten(settings[name]))
               for name in sorted(set(recorded) & set(settings))
               if recorded[name] != settings[name]]
  if different:
    raise utils.UserError(
        "%s holds a model trained with other settings: %s. Move it away or set "
        "another model_dir to keep it, or set \"overwrite\": true to remove "
        "it." % (folder, ", ".join(different)))


def _shorten(value):
  return "other contents" if isinstance(value, dict) and len(
      str(value)) > 60 else str(value)
