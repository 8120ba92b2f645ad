"""Hyperparameters and presets of fine-tuning, and their checks.

Names and defaults are those of google-research/electra; a value that the user
passes always overrides a preset. Paths are in util/finetuning_paths.py.
"""

import os

from util import finetuning_paths
from util import hparams
from util import json_fields
from util import model_files
from util import model_hparams
from util import utils
from util.hparams import Hparam

# Presets of a task that is trained alone.
LONG_TRAINING = dict(num_train_epochs=10.0)  # small training sets
QUESTION_ANSWERING = dict(max_seq_length=512, num_train_epochs=2.0)
TASK_PRESETS = {
    "rte": LONG_TRAINING, "sts": LONG_TRAINING,
    "chunk": dict(max_seq_length=256),
    "arcd": QUESTION_ANSWERING, "tydiqa": QUESTION_ANSWERING,
    "naturalqs": QUESTION_ANSWERING,
}
SIZE_PRESETS = {
    "small": dict(embedding_size=model_hparams.SMALL_EMBEDDING_SIZE),
    "base": {},
    "large": dict(learning_rate=5e-5, layerwise_lr_decay=0.9),
}
DEBUG = dict(train_batch_size=32, eval_batch_size=32, predict_batch_size=32,
             max_seq_length=128, doc_stride=64, num_train_epochs=1.0,
             use_tfrecords_if_existing=False)

# Predictions are written to files with these; see finetune/outputs.py.
PREDICTION_EXTENSIONS = (".jsonl", ".json", ".tsv", ".txt")
# In the run metadata, but not restored when a fine-tuned model is used.
NOT_RESTORED = frozenset([
    "debug", "seed", "use_tpu", "do_lower_case", "strip_accents"])


class FinetuningConfig(finetuning_paths.FinetuningPaths,
                       model_hparams.ModelHParams):
  """The hyperparameters of one fine-tuning run."""

  log_examples = Hparam(False, bool)  # print the first featurized examples
  num_trials = Hparam(1, int, minimum=1)  # trial i has seed `seed` + i - 1
  do_train = Hparam(True, bool)  # train, unless the model is trained
  do_eval = Hparam(True, bool)  # score the dev set of each task
  do_predict = Hparam(False, bool)  # true if predict_file is given
  keep_all_models = Hparam(True, bool)  # false: only that of the last trial
  overwrite = Hparam(False, bool)  # remove a trained model and train again
  task_names = Hparam(["chunk"], list)  # trained together
  strip_accents = Hparam(None, bool)  # null: as recorded, else do_lower_case

  # optimization
  learning_rate = Hparam(1e-4, float, above=0.0)  # peak
  weight_decay_rate = Hparam(0.01, float, minimum=0.0)  # of Adam, per step
  # <= 0: the same rate for all layers.
  layerwise_lr_decay = Hparam(0.8, float, maximum=10.0)
  # Epochs of the training data.
  num_train_epochs = Hparam(3.0, float, above=0.0, maximum=1e6)
  warmup_proportion = Hparam(0.1, float, minimum=0.0, maximum=1.0)  # of steps
  # Steps between checkpoints.
  save_checkpoints_steps = Hparam(1000000, int, minimum=1)
  # Used unless save_checkpoints_steps is passed; 0: save by steps only.
  save_checkpoints_minutes = Hparam(10.0, float, minimum=0.0)
  iterations_per_loop = Hparam(1000, int, minimum=1)  # on a TPU

  # data
  use_tfrecords_if_existing = Hparam(True, bool)  # reuse featurized examples
  max_seq_length = Hparam(128, int, minimum=5)  # tokens
  train_batch_size = Hparam(32, int, minimum=1)  # examples
  eval_batch_size = Hparam(32, int, minimum=1)  # examples
  predict_batch_size = Hparam(32, int, minimum=1)  # examples
  double_unordered = Hparam(True, bool)  # train on both orders of MRPC and STS
  write_test_outputs = Hparam(False, bool)  # predict the test set
  n_writes_test = Hparam(5, int, minimum=0)  # trials with test outputs
  # Model name, as in the arabert package, whose cleaning is applied to texts,
  # such as "araelectra-base"; null: as recorded with the pre-trained model,
  # "none": no cleaning.
  arabert_preprocessing = Hparam(None, str)
  # Pad each batch only to its longest example; ignored on a TPU.
  trim_batches = Hparam(True, bool)

  # evaluation during training
  eval_steps = Hparam(0, int, minimum=0)  # between evaluations; 0: at the end
  best_metric = Hparam(None, str)  # null: the first score of each task
  early_stopping_patience = Hparam(0, int, minimum=0)  # evaluations; 0: off

  # prediction
  # In the task's format; labels optional.
  predict_file = Hparam(None, str, **hparams.PATH)
  predict_task = Hparam(None, str)  # null: the only one of task_names
  predict_output_file = Hparam(None, str, **hparams.PATH)  # .jsonl

  # question answering
  max_query_length = Hparam(64, int, minimum=1)  # tokens
  doc_stride = Hparam(128, int, minimum=1)  # tokens between two windows
  n_best_size = Hparam(20, int, minimum=1)  # answers kept per question
  max_answer_length = Hparam(30, int, minimum=1)  # tokens
  answerable_classifier = Hparam(True, bool)  # for SQuAD 2.0
  # As an input of the classifier.
  answerable_uses_start_logits = Hparam(True, bool)
  # Of the classifier's loss.
  answerable_weight = Hparam(0.5, float, minimum=0.0)
  joint_prediction = Hparam(True, bool)  # the end given the start
  beam_size = Hparam(20, int, minimum=1)  # starts tried for each answer
  qa_na_threshold = Hparam(-2.75, float)  # above: the question has no answer
  # Drop training questions whose context is also in the dev or test set.
  drop_leaked_questions = Hparam(False, bool)

  # paths
  # null, if passed: random weights
  init_checkpoint = Hparam(None, str, **hparams.PATH)
  # Featurized examples.
  preprocessed_data_dir = Hparam(None, str, **hparams.PATH)

  def presets(self, requested):
    recorded = self._recorded_values(requested)
    requested = dict(requested, **recorded)
    values = dict(SIZE_PRESETS[requested["model_size"]])
    if len(requested["task_names"]) == 1:
      values.update(self._task_preset(requested["task_names"][0]))
    values.update(recorded)
    if requested["predict_file"]:
      values["do_predict"] = True
    if requested["debug"]:
      values.update(DEBUG)
    return values

  def derived(self, passed):
    pretrained = os.path.join(self.data_dir, "models", self.model_name)
    start = finetuning_paths.folder_of(
        passed.get("init_checkpoint")) or pretrained
    vocab_file = self.vocab_file or model_hparams.first_existing(
        os.path.join(start, model_files.VOCAB),
        os.path.join(pretrained, model_files.VOCAB),
        os.path.join(self.data_dir, model_files.VOCAB),
        os.path.join(self.data_dir, "bertvocab_final.txt"))
    values = self.default_paths(
        self.model_dir or pretrained + "_debug" * self.debug)
    values.update(self._tokenizer_settings(
        [start, pretrained],
        is_new=passed.get("init_checkpoint", start) is None))
    values.update(vocab_file=vocab_file,
                  vocab_size=self.checked_vocab_size(vocab_file))
    if self.predict_file and len(self.task_names) == 1:
      values["predict_task"] = self.task_names[0]
    if "init_checkpoint" not in passed and not self.debug:
      values["init_checkpoint"] = pretrained
    return values

  def check(self):
    super().check()
    self.check_batch_size()
    if not (self.do_train or self.do_eval or self.write_test_outputs or
            self.do_predict):
      raise utils.UserError(
          "do_train and do_eval: expected at least one of them true, got false "
          "for both.")
    if self.seed + self.num_trials > 2 ** 31:
      raise utils.UserError(
          "seed and num_trials: expected a seed of at most %d, because trial i "
          "uses seed + i - 1; got %d." % (
              2 ** 31 - self.num_trials, self.seed))
    if self.was_passed("save_checkpoints_steps") and (
        self._passed.get("save_checkpoints_minutes")):
      raise utils.UserError(
          "save_checkpoints_steps and save_checkpoints_minutes: expected one "
          "of them, got both.")
    for name in ("best_metric", "early_stopping_patience"):
      if getattr(self, name) and not self.eval_steps:
        raise utils.UserError("%s requires eval_steps, the number of steps "
                              "between evaluations. Set both." % name)
    if self.max_query_length + 4 > self.max_seq_length and (
        self.was_passed("max_query_length")):
      raise utils.UserError(
          "max_query_length: expected at most max_seq_length - 4 (%d), got "
          "%d." % (self.max_seq_length - 4, self.max_query_length))
    self._check_task_names()
    if self.do_predict:
      self._check_prediction()

  def _check_task_names(self):
    names = self.task_names
    if len(set(names)) < len(names):
      raise utils.UserError("task_names: expected each task once, got %s." %
                            ", ".join(names))
    for name in names:
      if name in (".", "..") or os.path.basename(name) != name:
        raise utils.UserError("task_names: expected plain names such as "
                              "\"arcd\", got \"%s\"." % name)

  def _check_prediction(self):
    if not self.predict_file:
      raise utils.UserError("do_predict requires predict_file, the file to "
                            "predict for. Set both.")
    if not utils.exists(self.predict_file) or utils.isdir(self.predict_file):
      raise utils.UserError("predict_file: expected a file at %s, found %s." % (
          self.predict_file, "a folder" if utils.exists(self.predict_file)
          else "none"))
    if self.predict_task not in self.task_names:
      raise utils.UserError(
          "predict_task: expected one of task_names (%s), the task that "
          "predict_file belongs to; got %s." % (
              ", ".join(self.task_names), self.predict_task or "none"))
    if not self.predict_output_file.endswith(".jsonl"):
      raise utils.UserError("predict_output_file: expected a name that ends in "
                            ".jsonl, got %s." % self.predict_output_file)
    outputs = [self.predict_output_file] + [
        self.predictions_file(trial + 1) for trial in range(self.num_trials)]
    if os.path.realpath(self.predict_file) in {
        os.path.realpath(os.path.splitext(path)[0] + extension)
        for path in outputs for extension in PREDICTION_EXTENSIONS}:
      raise utils.UserError(
          "predict_output_file: %s, with the extension %s, would overwrite "
          "predict_file (%s). Choose another name." % (
              self.predict_output_file, " or ".join(PREDICTION_EXTENSIONS),
              self.predict_file))

  def _task_preset(self, name):
    """Returns the {name: value} preset of a task that is trained alone."""
    if name in TASK_PRESETS:
      return TASK_PRESETS[name]
    path = os.path.join(self.raw_data_dir(name),
                        model_files.TASK_DECLARATION)
    if os.path.basename(name) == name and utils.exists(path):
      declaration = utils.load_json(path)
      is_qa = isinstance(declaration, dict) and declaration.get("kind") == "qa"
    else:
      is_qa = "squad" in name or "qa" in name
    return QUESTION_ANSWERING if is_qa else {}

  def _recorded_values(self, requested):
    """Returns {name: value} from the metadata of the fine-tuned model in use.

    So it can be evaluated without repeating its hyperparameters; passed values
    override them. Empty if the run trains or the model was not fine-tuned.
    """
    if requested["do_train"] or not requested["init_checkpoint"]:
      return {}
    path = os.path.join(finetuning_paths.folder_of(
        requested["init_checkpoint"]), model_files.RUN_RECORD)
    if not utils.exists(path):
      return {}
    recorded = self._checked(path, {
        name: value for name, value in json_fields.load_object(path).items()
        if name in self.declared() and name not in NOT_RESTORED})
    cleaning, passed = (
        (values.get("arabert_preprocessing") or "none").split("/")[-1]
        for values in (recorded, requested))
    if requested["arabert_preprocessing"] and passed != cleaning and (
        "arabert_preprocessing" in recorded):
      raise utils.UserError(
          "Hyperparameter 'arabert_preprocessing': %s records \"%s\", got "
          "\"%s\". Omit it: a model reads text cleaned as in its training." % (
              path, cleaning, passed))
    return recorded

  def _checked(self, path, values):
    """Returns `values` from `path` as declared; errors name the file."""
    declared = self.declared()
    try:
      return {name: declared[name].check(name, value)
              for name, value in values.items()}
    except utils.UserError as error:
      raise utils.UserError("%s: %s" % (path, error))

  def _tokenizer_settings(self, folders, is_new):
    """Returns the tokenizer and cleaning settings of a run.

    Args:
      folders: list of str, folders of models; the first that has a
        tokenizer_config.json gives the settings that were not passed.
      is_new: bool, whether the weights are new, so that a passed value may
        contradict the file.

    Raises:
      utils.UserError: a passed value contradicts the file.
    """
    settings = model_files.TokenizerSettings(
        self.do_lower_case, self.strip_accents, self.arabert_preprocessing)
    for folder in folders:
      path = os.path.join(folder, model_files.TOKENIZER_CONFIG)
      if utils.exists(path):
        settings = settings.reconcile(
            model_files.TokenizerSettings.read(folder),
            model_hparams.conflict_message(path),
            *([()] if is_new else []))
        break
    settings = settings.with_defaults()
    return dict(do_lower_case=settings.do_lower_case,
                strip_accents=settings.strip_accents,
                arabert_preprocessing=settings.preprocessing)


def parse(parser, argv=None):
  """Returns the FinetuningConfig of a command line."""
  model_name, data_dir, values = hparams.run_arguments(
      parser, argv, FinetuningConfig)
  return FinetuningConfig(model_name, data_dir, **values)
