"""Prepares a model folder before the first step of a run.

  vocab.txt, tokenizer_config.json, config.json  travel with the weights
  model.ckpt-<step>.*, checkpoint  the weights to resume from, if any
  released/  a copy of a checkpoint without optimizer slots
  damaged/  files of unreadable checkpoints

The initial weights are, in this order: the newest intact checkpoint of the
folder, to resume an earlier run; `init_checkpoint`; new ones, which
`init_from_data` initializes from token counts.
"""

import os

import tensorflow.compat.v1 as tf

from model import checkpoint
from model import checkpoint_recovery
from model import extended_tables
from model import model_sizes
from model import tokenization
from pretrain import data_init
from pretrain import dataset_info
from pretrain import pretrain_data
from pretrain import pretraining_model
from util import json_fields
from util import model_files
from util import utils

RELEASED_NAME = "released"
_ENCODER_WEIGHTS = r"^electra/.*(?<!/adam_m)(?<!/adam_v)$"


def write_settings(config):
  """Writes vocabulary, tokenizer settings and model sizes to the model folder.

  Other entries of existing files are kept.

  Raises:
    UserError: the folder's vocabulary or tokenizer settings differ from those
      of the run.
  """
  _write_vocab(config)
  recorded = model_files.TokenizerSettings.read(config.model_dir)
  settings = tokenizer_settings(config, recorded)
  settings.reconcile(recorded, lambda name, own, theirs: (
      "%s: \"%s\": expected %s, as the examples were built, got %s. Use "
      "another --model-name, or examples built with the other setting." % (
          os.path.join(config.model_dir, model_files.TOKENIZER_CONFIG), name,
          str(own).lower(), str(theirs).lower())))
  settings.write(config.model_dir,
                 model_files.read_tokenizer_config(config.model_dir))
  bert_config = model_sizes.get_bert_config(config)
  path = os.path.join(config.model_dir, model_files.MODEL_CONFIG)
  utils.write_json(dict(
      json_fields.load_object(path, {}),
      embedding_size=model_sizes.get_embedding_size(config, bert_config),
      **bert_config.to_dict()), path)


def tokenizer_settings(config, recorded):
  """Returns the model_files.TokenizerSettings of the examples.

  They come from dataset_info.json; for examples without one from `recorded`, a
  dict; by default accents are stripped if text is lower-cased.
  """
  settings = recorded._replace(
      do_lower_case=config.do_lower_case).with_defaults()
  for folder in config.tfrecord_folders():
    info = dataset_info.load(
        folder, needs_all_files=not config.skip_corrupted_records)
    if info:
      settings = model_files.TokenizerSettings.from_entries(
          info["tokenizer"], folder)
  return settings


def prepare_weights(config, load_index):
  """Writes or selects the checkpoint that training resumes from.

  Args:
    config: PretrainingConfig.
    load_index: function that returns the TFRecordIndex of the training data;
      called only for `init_from_data`.

  Returns:
    int, the global step to resume at; 0 for new weights.

  Raises:
    UserError: the checkpoint does not fit the model; names what to set.
  """
  own = checkpoint_recovery.select_resume_checkpoint(config.model_dir)
  # The 'checkpoint' file may name one in another folder.
  source = own or checkpoint.find(config.model_dir) or config.init_checkpoint
  if source != config.init_checkpoint and config.init_checkpoint:
    utils.log("Resuming from %s; init_checkpoint is ignored" % source)
  if not source:
    if config.init_from_data:
      _init_from_data(config, load_index())
    return 0
  source = checkpoint.latest(source)
  if not own:
    checkpoint_recovery.check_intact(source)
  step = checkpoint.global_step_of(source)
  if config.reset_global_step and not own:
    step = 0
  with tf.Graph().as_default():
    tf.set_random_seed(config.seed)
    variables = build_variables(config)
    global_step = tf.train.get_or_create_global_step()
    report = checkpoint.plan(
        source, variables, required=(_ENCODER_WEIGHTS,), slots=True,
        extend=() if own else extended_tables.requested(config, source),
        hints=extended_tables.hints(config, source, is_resumed=bool(own)))
    if own and not report.fresh and not report.cast:
      return step  # the Estimator restores it unchanged
    utils.log(checkpoint.format_report(report))
    if own:
      _keep_released(config.model_dir, own)
    checkpoint.apply(report)
    _save(variables, global_step, step, config.model_dir)
  return step


def _init_from_data(config, index):
  """Writes a checkpoint of new weights, initialized from token counts."""
  utils.log("Counting tokens of the examples for the initial weights "
            "(init_from_data)")
  special_ids = pretrain_data.special_ids(config.vocab_file)
  counts = data_init.count(
      pretrain_data.batches_of_ids(config, index), config.vocab_size,
      [id_ for token, id_ in special_ids.items() if token != "[UNK]"])
  with tf.Graph().as_default():
    tf.set_random_seed(config.seed)
    variables = build_variables(config)
    global_step = tf.train.get_or_create_global_step()
    values = data_init.initial_values(
        {variable.op.name: variable.shape.as_list() for variable in variables},
        counts, config.seed)
    utils.log("Counted {:,} tokens; initialized {} from them".format(
        counts.num_tokens, ", ".join(sorted(values))))
    _save(variables, global_step, 0, config.model_dir, values)


def check_for_evaluation(config):
  """Checks that the folder's checkpoint has all weights of the model.

  Returns:
    The prefix of the checkpoint.

  Raises:
    UserError: there is none, or it lacks variables, which would be evaluated
      with random weights.
  """
  source, damaged = checkpoint_recovery.newest_intact(config.model_dir)
  if damaged:
    checkpoint_recovery.log_fallback(source, damaged)
  source = source or checkpoint.latest(config.model_dir)
  with tf.Graph().as_default():
    build_model(config)
    checkpoint.plan(source, tf.trainable_variables(), required=("",))
  return source


def build_model(config):
  """Builds the model on one empty example, for its variables."""
  length, num_positions = config.max_seq_length, config.max_predictions_per_seq
  features = {name: tf.zeros([1, length], tf.int32)
              for name in ("input_ids", "input_mask", "segment_ids")}
  features.update(  # masked already: no positions need to be drawn
      masked_lm_positions=tf.zeros([1, num_positions], tf.int32),
      masked_lm_ids=tf.zeros([1, num_positions], tf.int32),
      masked_lm_weights=tf.zeros([1, num_positions]))
  return pretraining_model.PretrainingModel(
      config, features, is_training=False)


def build_variables(config):
  """Creates and returns the model's variables and their Adam slots."""
  build_model(config)
  variables = tf.trainable_variables()
  slots = [
      tf.get_variable(variable.op.name + slot, variable.shape.as_list(),
                      initializer=tf.zeros_initializer(), trainable=False)
      for variable in variables for slot in ("/adam_m", "/adam_v")]
  return variables + slots


def _save(variables, global_step, step, model_dir, values=None):
  """Writes a checkpoint of initialized variables, some set to {name: value}."""
  variables = variables + [global_step]
  saver = tf.train.Saver(variables)
  utils.makedirs(model_dir)
  with tf.Session() as session:
    session.run(tf.variables_initializer(variables))
    session.run(global_step.assign(step))
    for variable in variables:
      if variable.op.name in (values or {}):
        variable.load(values[variable.op.name], session)
    path = saver.save(session, os.path.join(model_dir, "model.ckpt"),
                      global_step=step, write_meta_graph=False)
  utils.log("Wrote %s with fresh optimizer slots at step %s" % (
      path, "{:,}".format(step)))


def _keep_released(model_dir, prefix):
  """Copies a checkpoint to a folder where training does not remove it."""
  folder = os.path.join(model_dir, RELEASED_NAME)
  for name in utils.listdir(os.path.dirname(prefix)):
    if name.startswith(os.path.basename(prefix) + "."):
      utils.copy(os.path.join(os.path.dirname(prefix), name),
                 os.path.join(folder, name))
  utils.log("Kept a copy of %s in %s" % (os.path.basename(prefix), folder))


def _write_vocab(config):
  path = os.path.join(config.model_dir, model_files.VOCAB)
  if not utils.exists(path):
    utils.copy(config.vocab_file, path)
  elif (tokenization.vocab_sha256(path) !=
        tokenization.vocab_sha256(config.vocab_file)):
    raise utils.UserError(
        "%s: differs from %s. A model keeps its vocabulary: use %s, or another "
        "--model-name." % (path, config.vocab_file, path))
