"""Exports the discriminator, generator or a task to a Hugging Face folder.

`from_pretrained` of transformers reads the folder. Optimizer slots and
unrelated variables are skipped and listed in the report.
"""

import collections
import os

import numpy as np
import tensorflow.compat.v1 as tf

from model import checkpoint as checkpoint_lib
from model import model_sizes
from model import modeling
from model import tokenization
from model import variable_shapes
from model.huggingface import conversion_report
from model.huggingface import heads
from model.huggingface import model_folder
from model.huggingface import tokenizer_files
from model.huggingface import variable_names
from util import json_fields
from util import model_files
from util import model_hparams
from util import model_record
from util import utils

DISCRIMINATOR, GENERATOR, TASK_PREFIX = "discriminator", "generator", "task:"
_MASKED_LM = "ElectraForMaskedLM"
_FLAGS = {"do_lower_case": "lower-case", "strip_accents": "strip-accents"}

_RECORDED = {  # in the record of a fine-tuning run
    "arabert_preprocessing": json_fields.optional(json_fields.TEXT),
    "max_seq_length": json_fields.INTEGER,
    "model_size": json_fields.TEXT,
    "model_hparam_overrides": json_fields.OBJECT}

# The scopes of an exported model. head: list of variable_names.Pair.
_Part = collections.namedtuple("_Part", [
    "embeddings_scope", "scope", "head", "architecture"])


def to_hf(checkpoint, output_dir, part, *, vocab_file=None, model_config=None,
          num_attention_heads=None, do_lower_case=None, strip_accents=None,
          task_kind=None, labels=None, is_tag_per_word=False,
          value_range=None, is_multi_label=False):
  """Writes one model of a TF1 checkpoint as a Hugging Face folder.

  Args:
    checkpoint: str, a model folder or a checkpoint's prefix.
    output_dir: str, the folder to write.
    part: str, "discriminator", "generator" or "task:<name>".
    vocab_file: str; None: vocab.txt of the model folder.
    model_config: str, JSON file with `num_attention_heads` and other values
      that shapes do not tell; None: config.json of the model folder.
    num_attention_heads: int; None: that in `model_config`.
    do_lower_case: bool; None: that in tokenizer_config.json of the model
      folder.
    strip_accents: bool; None: that in tokenizer_config.json, else the same as
      `do_lower_case`.
    task_kind: one of heads.KINDS; None: inferred.
    labels: list of str, names of a task's classes in the order of their ids.
    is_tag_per_word: bool, whether a tagger's labels are not parts of spans,
      although they look like BIOES.
    value_range: (lowest, highest) value of a regression; None: unknown.
    is_multi_label: bool, whether a text may have several labels.

  Returns:
    conversion_report.Report.

  Raises:
    utils.UserError: something is missing, contradictory, or has no equivalent
      in Hugging Face.
  """
  source = _Checkpoint(checkpoint)
  if os.path.realpath(output_dir) == os.path.realpath(source.folders[0]):
    raise utils.UserError(
        "--output-dir: %s is the folder of the checkpoint. Pass another one." %
        output_dir)
  notes = []
  scopes = _find_part(source, part)
  trained = _run_record(source, part)
  weights, sizes = _read_part(source, scopes)
  path, recorded = _recorded_config(source, model_config, trained, sizes)
  config = _complete_config(source, sizes, scopes, path, recorded,
                            num_attention_heads, notes)
  architecture = scopes.architecture
  if part.startswith(TASK_PREFIX):
    kind, head = _read_head(source, part[len(TASK_PREFIX):], task_kind)
    value_range = _check_range(kind, head, value_range, notes)
    weights.update(heads.to_hf(kind, head, value_range))
    architecture = heads.ARCHITECTURES[kind]
    config.update(_label_config(kind, head, labels, notes))
    if kind == heads.TAGGING:
      heads.share_segment(weights, heads.TRAINED_SEGMENT, notes)
      if not is_tag_per_word:
        _write_spans_as_iob2(config, notes)
    if kind == heads.CLASSIFICATION and is_multi_label:
      config["problem_type"] = "multi_label_classification"
  tokenizer, preprocessing = _open_tokenizer(
      source, vocab_file, do_lower_case, strip_accents)
  _check_vocab_size(tokenizer, config["vocab_size"], source, notes)
  notes.extend(checkpoint_lib.cast_notes(source.types_to_cast()))
  config["pad_token_id"] = tokenizer.vocab[tokenization.PAD]
  preprocessing = trained.get("arabert_preprocessing", preprocessing)
  if preprocessing not in (None, "none"):
    notes.append(
        "The model was trained on text cleaned for %s, which no tokenizer or "
        "pipeline does: first pass text through arabert's ArabertPreprocessor("
        "\"%s\").preprocess" % (preprocessing, preprocessing))
  num_positions = config["max_position_embeddings"]
  tokenizer_files.write_files(
      output_dir, tokenizer, min(trained.get("max_seq_length", num_positions),
                                 num_positions), preprocessing)
  model_folder.write(output_dir, weights, config, architecture)
  return conversion_report.Report(
      source=source.prefix, converted=sorted(weights), slots=source.slots(),
      unused=source.unused(), notes=notes)


class _Checkpoint:
  """A TF1 checkpoint that tracks which of its variables were used."""

  def __init__(self, path):
    self.prefix = checkpoint_lib.latest(path)
    self.shapes = checkpoint_lib.shapes_of(self.prefix)
    self.folders = _settings_folders(self.prefix)
    self._taken = {checkpoint_lib.GLOBAL_STEP}
    self._reader = tf.train.load_checkpoint(self.prefix)

  def take(self, names):
    """Returns {name: float32 array} of some variables.

    Raises:
      utils.UserError: variables are missing, or cannot be read.
    """
    missing = [name for name in names if name not in self.shapes]
    if missing:
      raise utils.UserError(
          "%s: the checkpoint lacks %d of the variables to convert, such as "
          "%s; it has %s." % (self.prefix, len(missing), missing[0], ", ".join(
              variable_shapes.grouped(
                  (name for name in self.shapes
                   if not variable_shapes.is_slot(name)), depth=1))))
    self._taken.update(names)
    try:
      return {name: np.asarray(self._reader.get_tensor(name), np.float32)
              for name in names}
    except tf.errors.OpError as error:
      raise utils.UserError(
          "%s: the checkpoint cannot be read (%s). Copy its files again." % (
              self.prefix, checkpoint_lib.first_line(error))) from error

  def types_to_cast(self):
    """Returns the types of the used variables that are not float32."""
    types = checkpoint_lib.dtypes_of(self.prefix)
    return [types[name] for name in self._taken & set(types)
            if types[name].is_floating and types[name] != tf.float32]

  def slots(self):
    """Returns the sorted names of optimizer slots."""
    return sorted(filter(variable_shapes.is_slot, self.shapes))

  def unused(self):
    """Returns the sorted names of unused variables other than slots."""
    return sorted(name for name in set(self.shapes) - self._taken
                  if not variable_shapes.is_slot(name))

  def first_file(self, name):
    """Returns the path of the nearest settings file of a name, or None."""
    for folder in self.folders:
      if utils.exists(os.path.join(folder, name)):
        return os.path.join(folder, name)
    return None


def _settings_folders(prefix):
  """Returns the folders of vocabulary and settings, nearest first.

  The checkpoint's and, for a fine-tuned one, that of its pre-trained model.
  """
  if not utils.is_remote(prefix):
    prefix = os.path.abspath(prefix)
  folder = os.path.dirname(prefix)
  trial = folder
  if os.path.basename(folder) == model_files.BEST_FOLDER:
    trial = os.path.dirname(folder)
  parent, name = os.path.split(os.path.dirname(trial))
  is_finetuned = name == model_files.FINETUNING_FOLDER
  return [folder, parent] if is_finetuned else [folder]


def _find_part(source, part):
  """Returns the _Part that --part names."""
  if part == DISCRIMINATOR:
    return _Part(variable_names.MAIN_SCOPE, variable_names.MAIN_SCOPE,
                 variable_names.discriminator_head_pairs(),
                 "ElectraForPreTraining")
  if part == GENERATOR:
    _check_has_generator(source)
    return _Part(_generator_scope(source, "embeddings"),
                 _generator_scope(source, "encoder"),
                 variable_names.generator_head_pairs(), _MASKED_LM)
  if part.startswith(TASK_PREFIX):
    return _Part(
        variable_names.MAIN_SCOPE, variable_names.MAIN_SCOPE, [], None)
  raise utils.UserError(
      "--part: unknown value '%s'. Use %s, %s or %s<name>." % (
          part, DISCRIMINATOR, GENERATOR, TASK_PREFIX))


def _generator_scope(source, module):
  """Returns "generator" if it has its own module, else the main scope."""
  scope = variable_names.GENERATOR_SCOPE
  if variable_shapes.has_scope(source.shapes, "%s/%s" % (scope, module)):
    return scope
  return variable_names.MAIN_SCOPE  # shared, or a masked LM


def _check_has_generator(source):
  scopes = {name.split("/")[0] for name in source.shapes}
  if variable_names.GENERATOR_HEAD in scopes:
    return
  if "cloze_predictions" in scopes:
    raise utils.UserError(
        "%s: the generator has two towers (two_tower_generator, Electric), for "
        "which Hugging Face has no model. Use --part discriminator." %
        source.prefix)
  raise utils.UserError(
      "%s: the checkpoint has no generator (%s). It was removed, or it samples "
      "uniformly (uniform_generator)." % (
          source.prefix, variable_names.GENERATOR_HEAD))


def _read_part(source, part):
  """Returns ({Hugging Face name: array}, {field of a config: int})."""
  num_layers = variable_shapes.num_layers(source.shapes, part.scope)
  # Without layers, the error names the variables of layer 0.
  pairs = variable_names.embedding_pairs(part.embeddings_scope) + part.head
  pairs += variable_names.encoder_pairs(
      part.scope, max(num_layers, 1),
      part.scope + "/embeddings_project/kernel" in source.shapes)
  variables = source.take([pair.tf_name for pair in pairs])
  sizes = variable_shapes.all_sizes(
      source.shapes, part.embeddings_scope, part.scope)
  return {pair.hf_name: np.ascontiguousarray(variables[pair.tf_name].T)
                        if pair.is_kernel else variables[pair.tf_name]
          for pair in pairs}, sizes


def _read_head(source, task_name, task_kind):
  """Returns (kind, {name inside the head: array}) of a task."""
  scope = "%s/%s/" % (model_files.TASKS_SCOPE, task_name)
  names = [name for name in source.shapes
           if name.startswith(scope) and not variable_shapes.is_slot(name)]
  if not names:
    tasks = variable_shapes.trained_tasks(source.shapes)
    raise utils.UserError(
        "%s: the checkpoint has no head of a task '%s'. It has %s." % (
            source.prefix, task_name,
            "heads of " + ", ".join(tasks) if tasks else "no task heads"))
  kind = heads.find_kind(
      {name[len(scope):]: source.shapes[name] for name in names}, task_kind,
      "The head of task '%s' in %s" % (task_name, source.prefix))
  return kind, {name[len(scope):]: value
                for name, value in source.take(names).items()}


def _recorded_config(source, model_config, trained, sizes):
  """Returns (path or None, {field: value}) of a recorded ElectraConfig.

  What shapes do not tell of a fine-tuned model is in the record of its run.
  """
  path = model_config or source.first_file(model_files.MODEL_CONFIG)
  recorded = json_fields.load_object(path) if path else {}
  if not model_config and trained:
    # Fine-tuning may extend tables of the model whose config.json this is.
    recorded = {name: value for name, value in recorded.items()
                if name not in ("vocab_size", "max_position_embeddings")}
    values = dict(model_hparams.SIZES.get(trained.get("model_size"), {}))
    values.update(trained.get("model_hparam_overrides", {}))
    recorded.update((name, values[name]) for name in values
                    if name not in sizes)
  return path, recorded


def _complete_config(source, sizes, part, path, recorded, num_heads, notes):
  """Returns an ElectraConfig as {field: value}, from `sizes` and files."""
  is_generator = part.scope == variable_names.GENERATOR_SCOPE
  if not is_generator:  # config.json has the discriminator's sizes
    _check_sizes(path, recorded, source, sizes)
    _check_own_config(path, recorded, source)
  config = dict(sizes)
  for name, default in modeling.BertConfig(vocab_size=1).to_dict().items():
    if name not in sizes:
      config[name] = recorded.get(name, default)
  config["num_attention_heads"] = _num_attention_heads(
      sizes["hidden_size"], num_heads, is_generator,
      recorded.get("num_attention_heads"), notes)
  modeling.BertConfig.from_dict(  # checks every value
      {name: config[name] for name in model_hparams.BERT_CONFIG_FIELDS})
  if part.architecture == _MASKED_LM and config["hidden_act"] != "gelu":
    raise utils.UserError(
        "hidden_act: the generator was trained with \"%s\", but the head of "
        "ElectraForMaskedLM always uses gelu. It cannot be converted." %
        config["hidden_act"])
  return config


def _check_sizes(path, recorded, source, sizes):
  for name, value in sorted(sizes.items()):
    if recorded.get(name) not in (None, value):
      raise utils.UserError(
          "%s: '%s' is %s, but the checkpoint %s has %d. Pass the checkpoint's "
          "own config.json as --model-config." % (
              path, name, recorded[name], source.prefix, value))


def _check_own_config(path, recorded, source):
  """Raises a UserError if --model-config contradicts the model's own file."""
  own = source.first_file(model_files.MODEL_CONFIG)
  values = utils.load_json(own) if own and own != path else {}
  for name in model_record.NOT_IN_SHAPES:
    if recorded.get(name, values.get(name)) != values.get(name, recorded.get(
        name)):
      raise utils.UserError(
          "--model-config: %s has %s %s, but %s, which was written with the "
          "weights, has %s. Omit the flag, or correct the file." % (
              path, name, recorded[name], own, values[name]))


def _num_attention_heads(hidden_size, passed, is_generator, recorded, notes):
  """Returns the number of attention heads, which shapes do not tell."""
  if passed is not None:
    if not is_generator and recorded not in (None, passed):
      raise utils.UserError(
          "config.json has num_attention_heads %s, got --num-attention-heads "
          "%d. Omit the flag, or correct the file." % (recorded, passed))
    return passed
  num_heads = max(1, hidden_size // model_sizes.GENERATOR_HEAD_SIZE)
  if is_generator:  # as in model_sizes.get_generator_config
    return num_heads
  if recorded is not None:
    return recorded
  if hidden_size % model_sizes.GENERATOR_HEAD_SIZE:
    raise utils.UserError(
        "The number of attention heads is unknown, with hidden size %d. Pass "
        "--num-attention-heads or --model-config." % hidden_size)
  notes.append(
      "ASSUMED %d attention heads (hidden size %d / 64, as in the published "
      "models) because there is no config.json. A wrong number gives wrong "
      "results without an error: check it, or pass --num-attention-heads" % (
          num_heads, hidden_size))
  return num_heads


def _label_config(kind, head, labels, notes):
  """Returns the config fields that describe the outputs of a head."""
  if kind == heads.QA:
    if labels:
      raise utils.UserError(
          "--labels-file: a question answering head has no labels. Omit it.")
    return {}
  num_labels = heads.num_labels(kind, head)
  if labels is None:
    labels = ["LABEL_%d" % i for i in range(num_labels)]
    if num_labels > 1:
      notes.append("The %d classes are named LABEL_0 to LABEL_%d; "
                   "--labels-file names them" % (num_labels, num_labels - 1))
  if len(labels) != num_labels or len(set(labels)) != num_labels:
    raise utils.UserError(
        "--labels-file: expected %d different labels, one per output of the "
        "head, got %s." % (num_labels, ", ".join(labels) or "none"))
  config = {"id2label": {str(i): label for i, label in enumerate(labels)},
            "label2id": {label: i for i, label in enumerate(labels)}}
  if kind == heads.CLASSIFICATION:
    config["problem_type"] = ("regression" if num_labels == 1 else
                              "single_label_classification")
  return config


def _check_range(kind, head, value_range, notes):
  """Returns the range of a regression, None if it is none or unknown."""
  if kind != heads.CLASSIFICATION or heads.num_labels(kind, head) != 1:
    return None
  if value_range is None:
    notes.append("The head is a regression: its output has the scale of "
                 "training, which may differ from the scale of the data")
    return None
  notes.append("The head is a regression: its output is scaled to the range of "
               "the data, %g to %g, which it may exceed, as in predictions" %
               tuple(value_range))
  return value_range


def _write_spans_as_iob2(config, notes):
  """Renames a span tagger's BIOES labels as pipelines and predictions do.

  `aggregation_strategy` joins B-X and I-X only. As predictions are written in
  IOB2, S-X becomes B-X and E-X becomes I-X, so two ids have one name; "bioes"
  in the config has the names that the model was trained with.
  """
  labels = [config["id2label"][str(i)] for i in range(len(config["id2label"]))]
  types = {label[2:] for label in labels if label.startswith("B-")}
  spans = ["%s-%s" % (position, span_type)
           for span_type in types for position in "BIES"]
  if not types or sorted(labels) != sorted(spans + ["O"]):
    return
  config["bioes"] = labels
  config["id2label"] = {
      str(i): {"S": "B", "E": "I"}.get(label[0], label[0]) + label[1:]
      for i, label in enumerate(labels)}
  config["label2id"] = {label: i for i, label in enumerate(labels)
                        if label[0] not in "SE"}
  notes.append("The labels are named in IOB2, as in predictions: S-X is B-X, "
               "E-X is I-X. In a pipeline, aggregation_strategy=\"first\" "
               "gives the spans")


def _run_record(source, part):
  """Returns the hyperparameters that a fine-tuned model was trained with."""
  path = os.path.join(source.folders[0], model_files.RUN_RECORD)
  if not part.startswith(TASK_PREFIX):
    return {}
  record = json_fields.load_object(path, missing={})
  json_fields.check(_RECORDED, record, path)
  return record


def _open_tokenizer(source, vocab_file, do_lower_case, strip_accents):
  """Returns (tokenization.FullTokenizer, name of its preprocessing or None)."""
  vocab_file = vocab_file or source.first_file(model_files.VOCAB)
  if vocab_file is None:
    raise utils.UserError("%s: the vocabulary vocab.txt is missing. Pass "
                          "--vocab-file." % source.folders[-1])
  model_record.check_vocab(
      os.path.dirname(source.first_file(model_files.VOCAB) or ""), vocab_file,
      "--vocab-file")
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
        "%s: no tokenizer_config.json with do_lower_case. Pass --do-lower-case "
        "(Google's models) or --no-lower-case (AraELECTRA)." %
        source.folders[0])
  return (tokenization.FullTokenizer(vocab_file, settings.do_lower_case,
                                     settings.strip_accents),
          settings.preprocessing)


def _check_vocab_size(tokenizer, num_rows, source, notes):
  num_tokens = len(tokenizer.vocab)
  if num_tokens > num_rows:
    raise utils.UserError(
        "%s has %d tokens, but the checkpoint %s has embeddings of %d. Pass "
        "the model's own vocabulary." % (
            tokenizer.vocab_file, num_tokens, source.prefix, num_rows))
  if num_tokens < num_rows:
    notes.append(
        "The vocabulary has %d tokens, the model %d rows: the last %d have no "
        "token" % (num_tokens, num_rows, num_rows - num_tokens))
