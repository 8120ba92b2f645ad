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
from model import loss_scale
from model import model_sizes
from model import tokenization
from pretrain import data_init
from pretrain import dataset_info
from pretrain import pretrain_data
from pretrain import pretraining_model
from pretrain import tfrecord_index
from util import mixed_precision
from util import model_files
from util import model_record
from util import utils
from util import weight_forms

RELEASED_NAME = model_files.RELEASED_FOLDER
_ENCODER_WEIGHTS = r"^electra/.*(?<!/adam_m)(?<!/adam_v)$"


def write_settings(config):
  """Writes vocabulary, tokenizer settings and model sizes to the model folder.

  Other entries of existing files are kept. run_pretraining.check_model has
  compared them with those of the weights.
  """
  path = os.path.join(config.model_dir, model_files.VOCAB)
  vocab = tokenization.vocab_sha256(config.vocab_file)
  if not utils.exists(path) or tokenization.vocab_sha256(path) != vocab:
    if utils.exists(path):
      utils.log("Replacing %s by %s" % (path, config.vocab_file))
    utils.copy(config.vocab_file, path)
  settings, is_known = tokenizer_settings(config)
  settings.write(
      config.model_dir, model_files.read_tokenizer_config(config.model_dir),
      is_cleaning_known=is_known)
  model_sizes.write(config.model_dir, config)


def tokenizer_settings(config):
  """Returns (model_files.TokenizerSettings, is_known) of the examples.

  They come from dataset_info.json. For examples without one they come from the
  model that the run starts from, accents are stripped by default if text is
  lower-cased, and whether text was cleaned may be unknown.
  """
  settings, source = dataset_info.agreed_tokenizer(
      tfrecord_index.folders_of(config.pretrain_tfrecords),
      needs_all_files=not config.skip_corrupted_records)
  if source:
    return model_files.TokenizerSettings.from_entries(settings, source), True
  path = model_record.find_file(model_record.folder_of_weights(config),
                                model_files.TOKENIZER_CONFIG)
  recorded = model_files.TokenizerSettings.read(
      os.path.dirname(path) if path else config.model_dir)
  passed = (config.do_lower_case if config.was_passed("do_lower_case")
            else None)
  return recorded.reconcile(
      model_files.TokenizerSettings(passed), None, ()).with_defaults(), False


class StartingPoint:
  """The weights that training starts from, checked before anything is written.

  Attributes:
    step: int, the global step to resume at; 0 for new weights.
  """

  def __init__(self, config):
    """Finds the weights and checks that they fit the model; writes nothing.

    Args:
      config: PretrainingConfig.

    Raises:
      UserError: the folder has weights that cannot be used, or a checkpoint
        does not fit the model; names what to set.
    """
    self._config = config
    self._own, self._damaged, source = None, [], None
    if not config.debug:  # whose folder is emptied
      weight_forms.check_folder(config.model_dir, config.init_checkpoint)
      self._own, self._damaged = checkpoint_recovery.newest_intact(
          config.model_dir)
      # The 'checkpoint' file may name one in another folder.
      source = self._own or checkpoint.find(config.model_dir)
    self._is_resumed = bool(source)
    self._source = source or config.init_checkpoint
    self.step = 0
    if self._source:
      self._source = checkpoint.latest(self._source)
      if not self._own:
        checkpoint_recovery.check_intact(self._source)
      if self._own or not config.reset_global_step:
        self.step = checkpoint.global_step_of(self._source)
    self._report = self._counts = None
    model_sizes.check(config)
    if self._source:
      self._plan_restoring()

  def _plan_restoring(self):
    """Finds out which variables of the model the weights are restored to."""
    config = self._config
    self._graph = tf.Graph()
    with self._graph.as_default():
      tf.set_random_seed(config.seed)
      self._variables = build_variables(config)
      self._global_step = tf.train.get_or_create_global_step()
      self._report = checkpoint.plan(
          self._source, self._variables, required=(_ENCODER_WEIGHTS,),
          slots=True,
          extend=() if self._own else extended_tables.requested(
              config, self._source),
          hints=extended_tables.hints(
              config, self._source, is_resumed=bool(self._own)))

  def count_tokens(self, index):
    """Counts the tokens of the examples, if `init_from_data` needs them.

    Args:
      index: TFRecordIndex of the training data.

    Raises:
      UserError: an example is damaged.
    """
    if self._config.init_from_data and not self._source:
      self._counts = _count_tokens(self._config, index)

  def write(self):
    """Writes the settings and the checkpoint that training resumes from."""
    config = self._config
    write_settings(config)
    if self._own:
      checkpoint_recovery.select_resume_checkpoint(
          config.model_dir, (self._own, self._damaged))
    if self._is_resumed and config.init_checkpoint:
      utils.log("Resuming from %s; init_checkpoint is ignored" % self._source)
    if self._report:
      self._write_restored()
    elif self._counts:
      _init_from_data(config, self._counts)
    else:
      utils.log("Starting from new random weights (seed %d): %s has no "
                "checkpoint and init_checkpoint is not set" % (
                    config.seed, config.model_dir))

  def _write_restored(self):
    """Writes a checkpoint of restored weights, unless that is what they are."""
    if self._own and not self._report.fresh and not self._report.cast:
      return  # the Estimator restores it unchanged
    utils.log(checkpoint.format_report(self._report))
    if self._own:
      _keep_released(self._config.model_dir, self._own)
    with self._graph.as_default():
      checkpoint.apply(self._report)
      _save(self._variables, self._global_step, self.step,
            self._config.model_dir)


def _count_tokens(config, index):
  """Returns the token counts of the examples, for `init_from_data`."""
  utils.log("Counting tokens of the examples for the initial weights "
            "(init_from_data)")
  special_ids = pretrain_data.special_ids(config.vocab_file)
  return data_init.count(
      pretrain_data.batches_of_ids(config, index), config.vocab_size,
      [id_ for token, id_ in special_ids.items() if token != "[UNK]"])


def _init_from_data(config, counts):
  """Writes a checkpoint of new weights, initialized from token counts."""
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


def checkpoints_to_evaluate(config):
  """Returns the prefixes of the checkpoints to evaluate, oldest first.

  `init_checkpoint` names one, or is a shell pattern of several, such as
  "models/m/model.ckpt-*"; without it, the newest of the model folder.

  Raises:
    UserError: there is none, one is damaged, or one lacks variables, which
      would be evaluated with random weights.
  """
  if config.init_checkpoint:
    prefixes = checkpoint.find_all(config.init_checkpoint)
    for prefix in prefixes:
      checkpoint_recovery.check_intact(prefix)
  else:
    prefix, damaged = checkpoint_recovery.newest_intact(config.model_dir)
    if damaged:
      checkpoint_recovery.log_fallback(prefix, damaged)
    prefixes = [prefix or checkpoint.latest(config.model_dir)]
  with tf.Graph().as_default():
    build_model(config)
    for prefix in prefixes:
      checkpoint.plan(prefix, tf.trainable_variables(), required=("",))
  return prefixes


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
  """Creates and returns what training saves, but the global step.

  These are the model's variables, their Adam slots and, where gradients are
  computed in float16, the loss scale.
  """
  build_model(config)
  variables = tf.trainable_variables()
  slots = [
      tf.get_variable(variable.op.name + slot, variable.shape.as_list(),
                      initializer=tf.zeros_initializer(), trainable=False)
      for variable in variables for slot in ("/adam_m", "/adam_v")]
  if mixed_precision.uses_float16(config):
    slots += loss_scale.LossScale().variables()
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
  utils.log("Wrote %s at step %s" % (path, "{:,}".format(step)))


def _keep_released(model_dir, prefix):
  """Copies a checkpoint to a folder where training does not remove it."""
  folder = os.path.join(model_dir, RELEASED_NAME)
  for name in utils.listdir(os.path.dirname(prefix)):
    if name.startswith(os.path.basename(prefix) + "."):
      utils.copy(os.path.join(os.path.dirname(prefix), name),
                 os.path.join(folder, name))
  utils.log("Kept a copy of %s in %s" % (os.path.basename(prefix), folder))
