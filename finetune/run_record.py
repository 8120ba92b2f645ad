"""What a trial's folder was trained with, so that it is never mixed or lost.

Beside the checkpoints of a trial stands finetuning_run.json, written before the
first step: every hyperparameter and all data that decide the weights. With it a
run that is started again knows whether the folder holds the same training
(which goes on where it stopped), or another one (which is left alone).
"""

import os
import re

from util import model_files
from util import utils

# Hyperparameters that the weights do not depend on. A new hyperparameter counts
# as one that matters until it is named here.
NO_EFFECT_ON_WEIGHTS = frozenset([
    # what to do and say
    "do_train", "do_eval", "do_predict", "num_trials", "keep_all_models",
    "overwrite", "log_examples", "log_steps", "write_test_outputs",
    "n_writes_test", "save_checkpoints_steps", "save_checkpoints_minutes",
    "iterations_per_loop", "use_tfrecords_if_existing", "eval_batch_size",
    "predict_batch_size",
    "predict_file", "predict_task", "predict_output_file",
    # when to look at the weights, and when to stop; not what a step does
    "eval_steps", "best_metric", "early_stopping_patience",
    # decoding of answers
    "n_best_size", "max_answer_length", "beam_size", "qa_na_threshold",
    # places and machines; the contents of files are recorded by their hashes
    "data_dir", "model_name", "vocab_file", "model_dir", "results_txt",
    "results_pkl", "init_checkpoint", "preprocessed_data_dir",
    "num_tpu_cores", "tpu_job_name", "tpu_name", "tpu_zone", "gcp_project",
])


def settings_of(config, *, made_from, num_train_steps, init_sha256):
  """Returns all that decides the weights of a trial, ready for JSON.

  Args:
    config: the FinetuningConfig of the trial, with the trial's own seed.
    made_from: what the stored training features were made from.
    num_train_steps: int, the steps of the whole training.
    init_sha256: str, the hash of the index file of the checkpoint that the
      encoder starts from (it holds a checksum of every weight), None for
      random weights.
  """
  settings = {name: value for name, value in config.to_dict().items()
              if name not in NO_EFFECT_ON_WEIGHTS}
  settings.update(training_data=made_from, num_train_steps=num_train_steps,
                  init_checkpoint_sha256=init_sha256)
  return settings


def open_folder(folder, settings, *, overwrite):
  """Prepares a trial's folder: new, or with the same training to go on with.

  Args:
    folder: str, the trial's folder.
    settings: dict from `settings_of`.
    overwrite: bool, whether to empty the folder, whatever it holds.

  Raises:
    utils.UserError: the folder holds another training, or files of unknown
      origin; it is left as it is.
  """
  record_path = os.path.join(folder, model_files.RUN_RECORD)
  if overwrite and utils.exists(folder):
    utils.log("Removed %s to train it again (overwrite)" % folder)
    utils.rmtree(folder)
  if utils.exists(record_path):
    _refuse_other_training(folder, utils.load_json(record_path), settings)
    return
  if utils.exists(folder) and utils.listdir(folder):
    raise utils.UserError(
        "%s: expected a new folder or one with a %s, found other files; move "
        "them away, or set \"overwrite\": true to remove them and train." % (
            folder, model_files.RUN_RECORD))
  utils.write_json(settings, record_path)


def write_tokenizer(folder, config, init_checkpoint):
  """Writes what the weights must be used with: vocabulary and its settings.

  Args:
    folder: str, the trial's folder.
    config: a FinetuningConfig.
    init_checkpoint: str, the pre-trained checkpoint, None for none; what else
      is recorded beside it, such as the cleaning of the text, is passed on.
  """
  entries = model_files.read_tokenizer_config(
      os.path.dirname(init_checkpoint)) if init_checkpoint else {}
  model_files.write_tokenizer_config(folder, dict(
      entries, do_lower_case=config.do_lower_case,
      strip_accents=config.strip_accents))
  utils.copy(config.vocab_file, os.path.join(folder, model_files.VOCAB))


def trial_and_seed_of(folder):
  """Returns (trial, seed) that a folder's weights were trained as.

  Each is None where that is not known.

  Args:
    folder: str, the folder of a trial, or that of the best weights in it.
  """
  path = os.path.join(folder, model_files.RUN_RECORD)
  record = utils.load_json(path) if utils.exists(path) else {}
  seed = record.get("seed") if isinstance(record, dict) else None
  # The last name in the path, or the one before it.
  found = re.search(r"_model_([0-9]+)([/\\][^/\\]*)?$", folder)
  return int(found.group(1)) if found else None, seed


def _refuse_other_training(folder, recorded, settings):
  different = ["%s (%s there, %s now)" % (
      name, _shorten(recorded[name]), _shorten(settings[name]))
               for name in sorted(set(recorded) & set(settings))
               if recorded[name] != settings[name]]
  if different:
    raise utils.UserError(
        "%s holds a model trained with other settings: %s; move it away or set "
        "another model_dir to keep it, or set \"overwrite\": true to remove "
        "it." % (folder, ", ".join(different)))


def _shorten(value):
  return "other contents" if isinstance(value, dict) and len(
      str(value)) > 60 else str(value)
