"""Hyperparameters, presets and paths of pre-training.

Names and defaults are those of google-research/electra and of its AraELECTRA
copy; a value the user passes always wins over a preset.
"""

import os

from util import hparams
from util import model_files
from util import model_hparams
from util import utils
from util.hparams import Hparam

# By model_size. ELECTRA (arXiv:2003.10555), appendix A; base as AraELECTRA was
# trained (arXiv:2012.15516), whose own number of steps is 2,000,000.
PRESETS = {
    "small": dict(embedding_size=model_hparams.SMALL_EMBEDDING_SIZE,
                  generator_hidden_size=0.25, max_seq_length=128,
                  mask_prob=0.15, learning_rate=5e-4, train_batch_size=128,
                  num_train_steps=1000000),
    "base": dict(generator_hidden_size=0.33333, max_seq_length=512,
                 mask_prob=0.15, learning_rate=2e-4, train_batch_size=256,
                 num_train_steps=2000000),
    "large": dict(generator_hidden_size=0.25, max_seq_length=512,
                  mask_prob=0.25, learning_rate=2e-4, train_batch_size=2048,
                  num_train_steps=400000),
}
DEBUG = dict(train_batch_size=8, num_train_steps=20, eval_batch_size=4,
             num_eval_steps=2)


class PretrainingConfig(model_hparams.ModelHParams):
  """The hyperparameters of one pre-training run."""

  do_train = Hparam(True, bool)  # exactly one of do_train and do_eval
  do_eval = Hparam(False, bool)  # evaluate checkpoints instead of training

  # objective
  electra_objective = Hparam(True, bool)  # both false: masked LM, as in BERT
  electric_objective = Hparam(False, bool)  # arXiv:2012.08561
  gen_weight = Hparam(1.0, float, minimum=0.0)  # of the generator's loss
  disc_weight = Hparam(50.0, float, minimum=0.0)  # of the discriminator's loss
  mask_prob = Hparam(0.15, float, above=0.0, maximum=1.0)  # fraction of tokens
  max_predictions_per_seq = Hparam(None, int, minimum=1)  # null: by mask_prob
  reference_masking = Hparam(False, bool)  # draw positions with replacement
  disallow_correct = Hparam(False, bool)  # never sample the original token
  temperature = Hparam(1.0, float, above=0.0)  # of sampling from the generator

  # generator
  uniform_generator = Hparam(False, bool)  # fakes are drawn uniformly
  two_tower_generator = Hparam(False, bool)  # forced by electric_objective
  # Separate from the discriminator's.
  untied_generator_embeddings = Hparam(False, bool)
  untied_generator = Hparam(True, bool)  # separate weights
  generator_layers = Hparam(1.0, float, above=0.0)  # fraction of the layers
  generator_hidden_size = Hparam(0.25, float, above=0.0)  # fraction

  # optimization
  learning_rate = Hparam(2e-4, float, above=0.0)  # peak
  lr_decay_power = Hparam(1.0, float, minimum=0.0)  # of the decay; 1: linear
  weight_decay_rate = Hparam(0.01, float, minimum=0.0)  # of Adam, per step
  # Steps to the peak of learning_rate.
  num_warmup_steps = Hparam(10000, int, minimum=0)
  num_train_steps = Hparam(2000000, int, minimum=1)  # steps in all
  gradient_accumulation_steps = Hparam(1, int, minimum=1)  # micro-batches
  # Stop or skip a non-finite step.
  nan_policy = Hparam("stop", str, choices=("stop", "skip"))
  # Operations per second of one device, such as 312e12 of an A100 in bfloat16:
  # the log then has "mfu", the model-FLOPs utilisation.
  peak_flops = Hparam(None, float, above=0.0)

  # data
  # Comma-separated shell patterns.
  pretrain_tfrecords = Hparam(None, str, **hparams.PATTERNS)
  max_seq_length = Hparam(512, int, minimum=5)  # tokens
  train_batch_size = Hparam(256, int, minimum=1)  # examples
  eval_batch_size = Hparam(None, int, minimum=1)  # null: train_batch_size
  # Skip missing files and examples that are damaged or unsuitable; false: they
  # are errors.
  skip_corrupted_records = Hparam(False, bool)

  # checkpoints and evaluation
  iterations_per_loop = Hparam(200, int, minimum=1)  # on a TPU
  # Steps between checkpoints.
  save_checkpoints_steps = Hparam(1000, int, minimum=1)
  keep_checkpoint_max = Hparam(5, int, optional=True, minimum=0)  # 0: all
  num_eval_steps = Hparam(100, int, minimum=1)  # batches per evaluation
  # Held-out examples, as pretrain_tfrecords.
  eval_tfrecords = Hparam(None, str, **hparams.PATTERNS)
  eval_steps = Hparam(None, int, minimum=1)  # steps between two evaluations
  # Start from these weights.
  init_checkpoint = Hparam(None, str, **hparams.PATH)
  reset_global_step = Hparam(False, bool)  # count init_checkpoint's steps as 0
  # Initialize new weights from token co-occurrence counts of the examples.
  init_from_data = Hparam(False, bool)

  def presets(self, requested):
    values = dict(PRESETS[requested["model_size"]])
    if requested["electric_objective"]:
      values["two_tower_generator"] = True
    if requested["debug"]:
      values.update(DEBUG)
    return values

  def derived(self, passed):
    model_dir = self.model_dir or os.path.join(
        self.data_dir, "models", self.model_name + "_debug" * self.debug)
    vocab_file = self.vocab_file or model_hparams.first_existing(
        os.path.join(self.data_dir, model_files.VOCAB),
        os.path.join(self.data_dir, "bertvocab_final.txt"))
    pretrain_tfrecords = self.pretrain_tfrecords or self._default_tfrecords()
    return dict(
        model_dir=model_dir,
        vocab_file=vocab_file,
        pretrain_tfrecords=pretrain_tfrecords,
        results_txt=os.path.join(model_dir, "results", "unsup_results.txt"),
        results_pkl=os.path.join(model_dir, "results", "unsup_results.pkl"),
        vocab_size=self.checked_vocab_size(vocab_file),
        do_lower_case=self._recorded_lower_case(pretrain_tfrecords),
        eval_batch_size=self.eval_batch_size or self.train_batch_size,
        max_predictions_per_seq=min(self.max_seq_length, max(
            1, int((self.mask_prob + 0.005) * self.max_seq_length))))

  def check(self):
    super().check()
    if self.do_train == self.do_eval:
      raise utils.UserError(
          "do_train and do_eval: exactly one must be true, both are %s. To "
          "evaluate set \"do_train\": false, \"do_eval\": true." %
          str(self.do_train).lower())
    if self.electra_objective and self.electric_objective:
      raise utils.UserError(
          "electra_objective and electric_objective: at most one may be true. "
          "For Electric set \"electra_objective\": false.")
    if self.electric_objective and not self.two_tower_generator:
      raise utils.UserError("two_tower_generator: electric_objective requires "
                            "true. Remove it from the hyperparameters.")
    if self.two_tower_generator and not self.untied_generator:
      raise utils.UserError(
          "untied_generator: two_tower_generator requires true. Its towers "
          "cannot share the discriminator's weights.")
    if self.two_tower_generator and self.uniform_generator:
      raise utils.UserError("uniform_generator and two_tower_generator: at "
                            "most one may be true. Set one to false.")
    if self.max_predictions_per_seq > self.max_seq_length:
      raise utils.UserError(
          "max_predictions_per_seq: expected at most max_seq_length (%d), got "
          "%d." % (self.max_seq_length, self.max_predictions_per_seq))
    self.check_batch_size(self.gradient_accumulation_steps)
    if self.reset_global_step and not self.init_checkpoint:
      raise utils.UserError("reset_global_step: requires init_checkpoint. Set "
                            "init_checkpoint, or remove reset_global_step.")
    if self.init_from_data and self.init_checkpoint:
      raise utils.UserError("init_from_data and init_checkpoint: at most one "
                            "may be set. Remove one.")
    if self.eval_steps and not self.eval_tfrecords:
      raise utils.UserError(
          "eval_steps: requires eval_tfrecords, the held-out examples to "
          "evaluate on. Set eval_tfrecords, or remove eval_steps.")

  def _default_tfrecords(self):
    """Returns the README's path, or AraELECTRA's if only that exists."""
    default = os.path.join(self.data_dir, "pretrain_tfrecords")
    araelectra = os.path.join(self.data_dir, "pretraining_data",
                              str(self.max_seq_length))
    if not utils.exists(default) and utils.exists(araelectra):
      return os.path.join(araelectra, "*")
    return os.path.join(default, "pretrain_data.tfrecord*")

  def _recorded_lower_case(self, pretrain_tfrecords):
    lower_case, source = self.do_lower_case, "do_lower_case"
    for folder in _folders_in(pretrain_tfrecords):
      path = os.path.join(folder, "dataset_info.json")
      if utils.exists(path):
        info = utils.load_json(path)
        tokenizer = info.get("tokenizer") if isinstance(info, dict) else None
        recorded = (tokenizer.get("do_lower_case")
                    if isinstance(tokenizer, dict) else None)
        if not isinstance(recorded, bool):
          raise utils.UserError(
              "%s: tokenizer.do_lower_case must be true or false, got %r. "
              "Build the examples again." % (path, recorded))
        if source != "do_lower_case" and recorded != lower_case:
          return lower_case  # run_pretraining names both files
        lower_case, source = model_hparams.agree_on_lower_case(
            lower_case, recorded, path), path
    return bool(lower_case)


def _folders_in(patterns):
  """Returns the sorted folders of patterns, whose names may be patterns."""
  folders = {os.path.dirname(pattern.strip())
             for pattern in patterns.split(",")}
  return sorted({match for folder in folders
                 for match in utils.glob(folder) or [folder]})


def parse(parser, argv=None):
  """Returns the PretrainingConfig of a command line."""
  model_name, data_dir, values = hparams.run_arguments(
      parser, argv, PretrainingConfig)
  return PretrainingConfig(model_name, data_dir, **values)
