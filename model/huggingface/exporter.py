"""One part of a TF1 checkpoint to a Hugging Face folder.

A part is the discriminator, the generator or a fine-tuned task; its folder is
what `from_pretrained` of transformers reads. Optimizer slots and what belongs
to other parts are left out, and accounted for in the report.
"""

import collections
import os

import numpy as np
import tensorflow.compat.v1 as tf

from model import checkpoint as checkpoint_lib
from model.huggingface import conversion_report
from model.huggingface import heads
from model.huggingface import model_folder
from model.huggingface import tokenizer_files
from model.huggingface import variable_names
from model import model_sizes
from model import modeling
from model import tokenization
from util import model_files
from util import utils

DISCRIMINATOR, GENERATOR, TASK_PREFIX = "discriminator", "generator", "task:"
_MASKED_LM = "ElectraForMaskedLM"
_FLAGS = {"do_lower_case": "lower-case", "strip_accents": "strip-accents"}

# Where a part of a checkpoint is. head: list of variable_names.Pair.
_Part = collections.namedtuple("_Part", [
    "embeddings_scope", "scope", "head", "architecture"])


def to_hf(checkpoint, output_dir, part, *, vocab_file=None, model_config=None,
          num_attention_heads=None, do_lower_case=None, strip_accents=None,
          task_kind=None, labels=None):
  """Writes one part of a TF1 checkpoint as a Hugging Face folder.

  Args:
    checkpoint: str, a model folder or a checkpoint's prefix.
    output_dir: str, the folder to write.
    part: str, "discriminator", "generator" or "task:<name>".
    vocab_file: str; None: vocab.txt of the model folder.
    model_config: str, JSON file with `num_attention_heads` and what else shapes
      do not tell; None: config.json of the model folder.
    num_attention_heads: int; None: as `model_config` says.
    do_lower_case: bool; None: as tokenizer_config.json of the model folder
      says.
    strip_accents: bool; None: as recorded, else as `do_lower_case`.
    task_kind: one of heads.KINDS; None: to be worked out.
    labels: list of str, names of a task's classes in the order of their ids.

  Returns:
    conversion_report.Report.

  Raises:
    utils.UserError: something is missing, contradicts itself, or has no
      counterpart in Hugging Face.
  """
  source = _Checkpoint(checkpoint)
  if os.path.realpath(output_dir) == os.path.realpath(source.folders[0]):
    raise utils.UserError("Expected an output folder other than the "
                          "checkpoint's, got %s." % output_dir)
  notes = []
  found = _find_part(source, part)
  weights, sizes = _read_part(source, found)
  config = _complete_config(source, sizes, found, model_config,
                            num_attention_heads, notes)
  architecture = found.architecture
  if part.startswith(TASK_PREFIX):
    kind, head = _read_head(source, part[len(TASK_PREFIX):], task_kind)
    weights.update(heads.to_hf(kind, head))
    architecture = heads.ARCHITECTURES[kind]
    config.update(_label_config(kind, head, labels, notes))
  tokenizer, preprocessing = _open_tokenizer(
      source, vocab_file, do_lower_case, strip_accents)
  _check_vocab_size(tokenizer, config["vocab_size"], source, notes)
  config["pad_token_id"] = tokenizer.vocab[tokenization.PAD]
  tokenizer_files.write_files(output_dir, tokenizer,
                           config["max_position_embeddings"], preprocessing)
  model_folder.write(output_dir, weights, config, architecture)
  return conversion_report.Report(
      source=source.prefix, converted=sorted(weights), slots=source.slots(),
      unused=source.unused(), notes=notes)


class _Checkpoint:
  """A TF1 checkpoint: its variables, and which of them were taken."""

  def __init__(self, path):
    prefix = checkpoint_lib.find(path)
    if prefix is None:
      raise utils.UserError(
          "Expected a checkpoint (model.ckpt-<step>.index and .data files) or "
          "a folder with one at %s, found %s." % (
              path, ", ".join(utils.listdir(path)[:8]) or "an empty folder"
              if utils.isdir(path) else "nothing"))
    self.prefix = checkpoint_lib.latest(prefix)
    self.shapes = checkpoint_lib.shapes_of(prefix)
    self.folders = _settings_folders(prefix)
    self._taken = {checkpoint_lib.GLOBAL_STEP}
    self._reader = tf.train.load_checkpoint(prefix)

  def take(self, names):
    """Returns {name: float32 array} of some variables.

    Raises:
      utils.UserError: variables are missing, or cannot be read.
    """
    missing = [name for name in names if name not in self.shapes]
    if missing:
      raise utils.UserError(
          "The checkpoint %s lacks %d variables of that part, such as %s; it "
          "has %s." % (self.prefix, len(missing), missing[0], ", ".join(
              conversion_report.grouped(name for name in self.shapes
                                if not checkpoint_lib.is_slot(name)))))
    self._taken.update(names)
    try:
      return {name: np.asarray(self._reader.get_tensor(name), np.float32)
              for name in names}
    except tf.errors.OpError as error:
      raise utils.UserError(
          "The checkpoint %s cannot be read (%s); copy its files again." % (
              self.prefix, str(error).split("\n")[0]))

  def slots(self):
    """Returns the sorted names of optimizer slots."""
    return sorted(filter(checkpoint_lib.is_slot, self.shapes))

  def unused(self):
    """Returns the sorted names of what is no slot and was not taken."""
    return sorted(name for name in set(self.shapes) - self._taken
                  if not checkpoint_lib.is_slot(name))

  def first_file(self, name):
    """Returns the path of the first settings file of that name, or None."""
    for folder in self.folders:
      if utils.exists(os.path.join(folder, name)):
        return os.path.join(folder, name)
    return None


def _settings_folders(prefix):
  """Returns the folders that may hold vocabulary and settings, nearest first.

  That of the checkpoint, and of the pre-trained model that keeps it if it is
  fine-tuned.
  """
  if not utils.is_remote(prefix):
    prefix = os.path.abspath(prefix)
  folder = os.path.dirname(prefix)
  parent, name = os.path.split(os.path.dirname(folder))
  is_finetuned = name == model_files.FINETUNING_FOLDER
  return [folder, parent] if is_finetuned else [folder]


# ------------------------------------------------------------------- weights


def _find_part(source, part):
  """Returns the _Part of that name."""
  if part == DISCRIMINATOR:
    return _Part(variable_names.MAIN_SCOPE, variable_names.MAIN_SCOPE,
                 variable_names.discriminator_head_pairs(), "ElectraForPreTraining")
  if part == GENERATOR:
    _check_has_generator(source)
    scope = variable_names.MAIN_SCOPE  # tied, or a masked LM that is its own encoder
    if variable_names.num_tf_layers(source.shapes, variable_names.GENERATOR_SCOPE):
      scope = variable_names.GENERATOR_SCOPE
    is_untied = (variable_names.GENERATOR_SCOPE + "/embeddings/word_embeddings"
                 in source.shapes)
    return _Part(
        variable_names.GENERATOR_SCOPE if is_untied else variable_names.MAIN_SCOPE, scope,
        variable_names.generator_head_pairs(), _MASKED_LM)
  if part.startswith(TASK_PREFIX):
    return _Part(variable_names.MAIN_SCOPE, variable_names.MAIN_SCOPE, [], None)
  raise utils.UserError("Unknown part '%s'; use %s, %s or %s<name>." % (
      part, DISCRIMINATOR, GENERATOR, TASK_PREFIX))


def _check_has_generator(source):
  scopes = {name.split("/")[0] for name in source.shapes}
  if variable_names.GENERATOR_HEAD in scopes:
    return
  if "cloze_predictions" in scopes:
    raise utils.UserError(
        "The generator of %s has two towers (two_tower_generator, Electric), "
        "for which Hugging Face has no model; --part discriminator converts." %
        source.prefix)
  raise utils.UserError(
      "The checkpoint %s has no generator (%s): it was left out, or drew "
      "tokens uniformly (uniform_generator)." % (
          source.prefix, variable_names.GENERATOR_HEAD))


def _read_part(source, part):
  """Returns ({Hugging Face name: array}, {field of a config: int})."""
  num_layers = variable_names.num_tf_layers(source.shapes, part.scope)
  # Without layers, the names of layer 0 are what is missing.
  pairs = variable_names.embedding_pairs(part.embeddings_scope) + part.head
  pairs += variable_names.encoder_pairs(
      part.scope, max(num_layers, 1),
      part.scope + "/embeddings_project/kernel" in source.shapes)
  variables = source.take([pair.tf_name for pair in pairs])
  sizes = variable_names.sizes(source.shapes, part.embeddings_scope, part.scope)
  return {pair.hf_name: np.ascontiguousarray(variables[pair.tf_name].T)
                        if pair.is_kernel else variables[pair.tf_name]
          for pair in pairs}, sizes


def _read_head(source, task_name, task_kind):
  """Returns (kind, {name inside the head: array}) of a task."""
  scope = "%s/%s/" % (model_files.TASKS_SCOPE, task_name)
  names = [name for name in source.shapes
           if name.startswith(scope) and not checkpoint_lib.is_slot(name)]
  if not names:
    tasks = sorted({name.split("/")[1] for name in source.shapes
                    if name.startswith(model_files.TASKS_SCOPE + "/")})
    raise utils.UserError(
        "The checkpoint %s has no head of a task '%s'; it has %s." % (
            source.prefix, task_name,
            "heads of " + ", ".join(tasks) if tasks else "no fine-tuned heads"))
  kind = heads.find_kind(
      {name[len(scope):]: source.shapes[name] for name in names}, task_kind,
      "The head of task '%s' in %s" % (task_name, source.prefix))
  return kind, {name[len(scope):]: value
                for name, value in source.take(names).items()}


# -------------------------------------------------------------------- config


def _complete_config(source, sizes, part, model_config, num_heads, notes):
  """Returns the {field: value} of an ElectraConfig, from `sizes` and files."""
  path = model_config or source.first_file(model_files.MODEL_CONFIG)
  recorded = utils.load_json(path) if path else {}
  if not isinstance(recorded, dict):
    raise utils.UserError("%s: expected a JSON object." % path)
  is_generator = part.scope == variable_names.GENERATOR_SCOPE
  if not is_generator:  # what is recorded is the discriminator's
    _check_sizes(path, recorded, source, sizes)
  config = dict(sizes)
  for name, default in modeling.BertConfig(vocab_size=1).to_dict().items():
    if name not in sizes:
      config[name] = recorded.get(name, default)
  config["num_attention_heads"] = _num_attention_heads(
      sizes["hidden_size"], num_heads, is_generator,
      recorded.get("num_attention_heads"), notes)
  modeling.BertConfig.from_dict(  # checks every value
      {name: config[name] for name in model_folder.SHARED_FIELDS})
  if part.architecture == _MASKED_LM and config["hidden_act"] != "gelu":
    raise utils.UserError(
        "The generator was trained with hidden_act \"%s\", but the head of "
        "ElectraForMaskedLM always uses gelu; it has no counterpart." %
        config["hidden_act"])
  return config


def _check_sizes(path, recorded, source, sizes):
  for name, value in sorted(sizes.items()):
    if recorded.get(name) not in (None, value):
      raise utils.UserError(
          "%s: '%s' is %s, but the checkpoint %s has %d; give the file that "
          "belongs to it as --model-config." % (
              path, name, recorded[name], source.prefix, value))


def _num_attention_heads(hidden_size, passed, is_generator, recorded, notes):
  """Returns the number of heads, which shapes do not tell."""
  if passed is not None:
    if not is_generator and recorded not in (None, passed):
      raise utils.UserError(
          "config.json says num_attention_heads %s, got --num-attention-heads "
          "%d; leave the flag out, or correct the file." % (recorded, passed))
    return passed
  num_heads = max(1, hidden_size // model_sizes.GENERATOR_HEAD_SIZE)
  if is_generator:  # this is how model_sizes.get_generator_config decides
    return num_heads
  if recorded is not None:
    return recorded
  if hidden_size % model_sizes.GENERATOR_HEAD_SIZE:
    raise utils.UserError(
        "Nothing tells the number of attention heads of a model with hidden "
        "size %d; give --num-attention-heads or --model-config." % hidden_size)
  notes.append(
      "ASSUMED %d attention heads, hidden size %d / 64 as in the published "
      "models, for lack of a config.json; if it is another number, results are "
      "wrong without an error, so give --num-attention-heads" % (
          num_heads, hidden_size))
  return num_heads


def _label_config(kind, head, labels, notes):
  """Returns the fields of a config that say what the outputs are."""
  if kind == heads.QA:
    if labels:
      raise utils.UserError("A question answering head has no labels; leave "
                            "--labels-file out.")
    return {}
  num_labels = heads.num_labels(kind, head)
  if labels is None:
    labels = ["LABEL_%d" % i for i in range(num_labels)]
    if num_labels > 1:
      notes.append("The %d classes are named LABEL_0 to LABEL_%d; "
                   "--labels-file names them" % (num_labels, num_labels - 1))
  if len(labels) != num_labels or len(set(labels)) != num_labels:
    raise utils.UserError(
        "Expected %d different labels, one for each output of the head, got "
        "%s." % (num_labels, ", ".join(labels) or "none"))
  config = {"id2label": {str(i): label for i, label in enumerate(labels)},
            "label2id": {label: i for i, label in enumerate(labels)}}
  if kind == heads.CLASSIFICATION:
    config["problem_type"] = ("regression" if num_labels == 1 else
                              "single_label_classification")
    if num_labels == 1:
      notes.append("The head is a regression: its output is scaled as in "
                   "training, which may not be the scale of the data")
  return config


# ----------------------------------------------------------------- tokenizer


def _open_tokenizer(source, vocab_file, do_lower_case, strip_accents):
  """Returns (tokenization.FullTokenizer, name of its preprocessing or None)."""
  vocab_file = vocab_file or source.first_file(model_files.VOCAB)
  if vocab_file is None:
    raise utils.UserError("Expected the model's vocabulary, vocab.txt, in %s, "
                          "found none; give --vocab-file." % source.folders[-1])
  settings = model_files.TokenizerSettings(do_lower_case, strip_accents)
  path = source.first_file(model_files.TOKENIZER_CONFIG)
  if path:
    settings = settings.reconcile(
        model_files.TokenizerSettings.read(os.path.dirname(path)),
        lambda name, passed, recorded: (
            "%s records %s, got --%s-%s. Omit the flag, or correct the file." %
            (path, str(recorded).lower(), "do" if passed else "no",
             _FLAGS[name])))
  if settings.do_lower_case is None:
    raise utils.UserError(
        "Nothing records whether text is lower-cased for the model in %s; give "
        "--do-lower-case (as Google's models) or --no-lower-case (as "
        "AraELECTRA)." % source.folders[0])
  return (tokenization.FullTokenizer(vocab_file, settings.do_lower_case,
                                     settings.strip_accents),
          settings.preprocessing)


def _check_vocab_size(tokenizer, num_rows, source, notes):
  num_tokens = len(tokenizer.vocab)
  if num_tokens > num_rows:
    raise utils.UserError(
        "%s has %d tokens, but the checkpoint %s has embeddings of %d; give "
        "the model's own vocabulary." % (
            tokenizer.vocab_file, num_tokens, source.prefix, num_rows))
  if num_tokens < num_rows:
    notes.append(
        "The vocabulary has %d tokens, the model %d rows: the last %d have no "
        "token" % (num_tokens, num_rows, num_rows - num_tokens))
