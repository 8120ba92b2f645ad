"""The hyperparameters that pre-training and fine-tuning share.

Sizes of the transformer, vocabulary, tokenizer settings, TPU and paths. No
TensorFlow is imported here.
"""

import os

from util import data_parallel
from util import hparams
from util import model_files
from util import utils
from util.hparams import Hparam

DEFAULT_VOCAB_SIZE = 64000  # AraELECTRA's, used without a vocabulary file

# Presets of the published models (arXiv:2003.10555, appendix A, table 6).
SIZES = {
    "small": dict(num_hidden_layers=12, hidden_size=256,
                  num_attention_heads=4, intermediate_size=1024),
    "base": dict(num_hidden_layers=12, hidden_size=768,
                 num_attention_heads=12, intermediate_size=3072),
    "large": dict(num_hidden_layers=24, hidden_size=1024,
                  num_attention_heads=16, intermediate_size=4096),
}
DEBUG_SIZE = dict(num_hidden_layers=3, hidden_size=144,
                  num_attention_heads=4, intermediate_size=144 * 4)
SMALL_EMBEDDING_SIZE = 128

# What `model_hparam_overrides` may hold: the fields of a BertConfig.
OVERRIDES = {
    "hidden_size": Hparam(768, int, minimum=1),
    "num_hidden_layers": Hparam(12, int, minimum=0),
    "num_attention_heads": Hparam(12, int, minimum=1),
    "hidden_act": Hparam("gelu", str, choices=("gelu", "relu", "tanh",
                                               "linear")),
    "intermediate_size": Hparam(3072, int, minimum=1),
    "hidden_dropout_prob": Hparam(0.1, float, minimum=0.0, maximum=0.99),
    "attention_probs_dropout_prob": Hparam(0.1, float, minimum=0.0,
                                           maximum=0.99),
    "max_position_embeddings": Hparam(512, int, minimum=1),
    "type_vocab_size": Hparam(2, int, minimum=2),
    "initializer_range": Hparam(0.02, float, above=0.0),
}
BERT_CONFIG_FIELDS = dict(
    OVERRIDES, vocab_size=Hparam(DEFAULT_VOCAB_SIZE, int, minimum=1))


class ModelHParams(hparams.HParams):
  """What every run needs to know about its model, vocabulary and device."""

  debug = Hparam(False, bool)  # a tiny model for a few steps, in its own folder
  seed = Hparam(0, int, minimum=0)  # of data order, masks, dropout, new weights
  log_steps = Hparam(100, int, minimum=1)  # steps between two progress lines
  use_amp = Hparam(False, bool)  # float16 on GPUs, bfloat16 on CPUs
  use_xla = Hparam(False, bool)  # compile groups of ops with XLA

  # model
  # Of the published models; sets the sizes of the layers.
  model_size = Hparam("base", str, choices=tuple(sorted(SIZES)))
  model_hparam_overrides = Hparam({}, dict)  # of BertConfig; see OVERRIDES
  embedding_size = Hparam(None, int, minimum=1)  # null: as wide as hidden_size
  vocab_size = Hparam(None, int, minimum=1)  # null: that of the vocabulary

  # tokenizer
  do_lower_case = Hparam(None, bool)  # null: as the data or model record
  vocab_file = Hparam(None, str, **hparams.PATH)  # one token per line

  # paths
  model_dir = Hparam(None, str, **hparams.PATH)  # where the run writes
  results_txt = Hparam(None, str, **hparams.PATH)  # scores, as text
  results_pkl = Hparam(None, str, **hparams.PATH)  # scores, as a pickle

  # TPU
  use_tpu = Hparam(False, bool)  # train on a TPU instead of CPU or GPU
  num_tpu_cores = Hparam(1, int, minimum=1)  # of the TPU
  tpu_job_name = Hparam(None, str)  # of the cluster's worker
  tpu_name = Hparam(None, str)  # of a Cloud TPU; null: local
  tpu_zone = Hparam(None, str)  # of Google Cloud; null: that of this machine
  gcp_project = Hparam(None, str)  # of Google Cloud; null: that of this machine

  def __init__(self, model_name, data_dir, **passed):
    """Layers, derives and checks the values; see `hparams.HParams`.

    Args:
      model_name: str, the name of the model's folder.
      data_dir: str, the folder of data and models.
      **passed: the hyperparameters the user gave.
    """
    self._set(dict(model_name=model_name, data_dir=data_dir))
    super().__init__(**passed)

  def replace(self, **changes):
    return type(self)(self.model_name, self.data_dir,
                      **dict(self._passed, **changes))

  def to_dict(self):
    return dict(super().to_dict(), model_name=self.model_name,
                data_dir=self.data_dir)

  def transformer_sizes(self):
    """Returns {BertConfig field: value} of size, debug and overrides."""
    sizes = dict(DEBUG_SIZE if self.debug else SIZES[self.model_size])
    sizes.update(self.model_hparam_overrides)
    return sizes

  def results_json(self):
    """Returns the path of the results as JSON, next to results_txt."""
    return os.path.splitext(self.results_txt)[0] + ".json"

  def check(self):
    hparams.check_table(OVERRIDES, self.model_hparam_overrides,
                        "name in model_hparam_overrides")
    sizes = self.transformer_sizes()
    if sizes["hidden_size"] % sizes["num_attention_heads"]:
      raise utils.UserError(
          "model_hparam_overrides: expected a hidden_size that is a multiple "
          "of num_attention_heads, got %d and %d; set both." % (
              sizes["hidden_size"], sizes["num_attention_heads"]))
    num_positions = sizes.get("max_position_embeddings",
                              OVERRIDES["max_position_embeddings"].default)
    if self.max_seq_length > num_positions:
      raise utils.UserError(
          "max_seq_length: expected at most max_position_embeddings (%d), got "
          "%d; set model_hparam_overrides: {\"max_position_embeddings\": %d} "
          "or a smaller max_seq_length." % (num_positions, self.max_seq_length,
                                         self.max_seq_length))

  def check_batch_size(self, num_micro_batches=1):
    """Checks that train_batch_size divides over ranks and micro-batches.

    Args:
      num_micro_batches: int, of each rank.

    Raises:
      utils.UserError: it does not, or TPU and ranks are combined.
    """
    num_ranks = data_parallel.num_ranks()
    if self.train_batch_size % num_micro_batches:
      raise utils.UserError(
          "gradient_accumulation_steps: expected a divisor of train_batch_size "
          "(%d), got %d." % (self.train_batch_size, num_micro_batches))
    if self.train_batch_size % (num_ranks * num_micro_batches):
      raise utils.UserError(
          "train_batch_size: the batch of all %d processes cannot be split "
          "into %d micro-batches (processes x gradient_accumulation_steps), "
          "got %d. Set a multiple." % (
              num_ranks, num_ranks * num_micro_batches, self.train_batch_size))
    if self.use_tpu and self.use_xla:
      raise utils.UserError("use_xla: all that a TPU runs is compiled with XLA "
                            "already. Set it to false.")
    if self.use_tpu and num_ranks > 1:
      raise utils.UserError(
          "use_tpu: expected one process, which uses all TPU cores, got %d. "
          "Start it without horovodrun." % num_ranks)

  def checked_vocab_size(self, vocab_file=None):
    """Returns vocab_size, checked against the vocabulary or counted there.

    Args:
      vocab_file: path of the vocabulary; None: the hyperparameter's.

    Raises:
      utils.UserError: vocab_size is smaller than the vocabulary, or vocab_file
        is a folder.
    """
    vocab_file = vocab_file or self.vocab_file
    if not vocab_file or not utils.exists(vocab_file):
      return self.vocab_size or DEFAULT_VOCAB_SIZE
    if utils.isdir(vocab_file):
      raise utils.UserError("Hyperparameter 'vocab_file': expected a file at "
                            "%s, found a folder." % vocab_file)
    num_tokens = count_tokens(vocab_file)
    if self.vocab_size is None:
      return num_tokens
    if self.vocab_size < num_tokens:
      raise utils.UserError(
          "Hyperparameter 'vocab_size': expected at least %d, the number of "
          "tokens in %s, got %d. Omit it to use that number." % (
              num_tokens, vocab_file, self.vocab_size))
    return self.vocab_size


def count_tokens(vocab_file):
  """Returns the number of tokens in a vocabulary, without trailing blanks."""
  with utils.open_file(vocab_file, "rb") as f:
    content = f.read()
  content = content.rstrip()
  return content.count(b"\n") + 1 if content else 0


def first_existing(*paths):
  """Returns the first of `paths` that exists, or else the first one."""
  for path in paths:
    if utils.exists(path):
      return path
  return paths[0]


def agree_on_lower_case(passed, recorded, where):
  """Returns whether to lower-case: the recorded value, else the passed one.

  Args:
    passed: bool, or None where the user gave none.
    recorded: bool, or None where nothing is recorded.
    where: the file that records it.

  Raises:
    utils.UserError: the two contradict each other.
  """
  settings = model_files.TokenizerSettings(passed).reconcile(
      model_files.TokenizerSettings(recorded), conflict_message(where))
  return bool(settings.do_lower_case)


def conflict_message(where):
  """Returns the `conflict_message` of a hyperparameter against a file.

  See `model_files.TokenizerSettings.reconcile`.

  Args:
    where: the file that records the setting.
  """
  return lambda name, passed, recorded: (
      "Hyperparameter '%s': %s records %s, got %s. Omit it, or use data "
      "and a model made with the other setting." % (
          name, where, str(recorded).lower(), str(passed).lower()))
