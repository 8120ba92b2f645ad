"""Hyperparameters, presets and paths of fine-tuning.

Names and defaults are those of google-research/electra; a value the user passes
always wins over a preset.
"""

import os

from util import hparams
from util.hparams import Hparam
from util import json_fields
from util import model_files
from util import model_hparams
from util import utils

# By task, when it is the only one.
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

RUN_RECORD = model_files.RUN_RECORD
# Of the files that predictions are written to; finetune/outputs.py.
PREDICTION_EXTENSIONS = (".jsonl", ".json", ".tsv", ".txt")
# Recorded, but of the training and not of the model.
NOT_OF_THE_MODEL = frozenset([
    "debug", "seed", "use_tpu", "do_lower_case", "strip_accents"])


class FinetuningConfig(model_hparams.ModelHParams):
  """The hyperparameters of one fine-tuning run."""

  log_examples = Hparam(False, bool)  # print the first featurized examples
  num_trials = Hparam(1, int, minimum=1)  # trial i has seed `seed` + i - 1
  do_train = Hparam(True, bool)
  do_eval = Hparam(True, bool)
  do_predict = Hparam(False, bool)  # true where predict_file is given
  keep_all_models = Hparam(True, bool)  # false: a trial replaces the one before
  overwrite = Hparam(False, bool)  # train again over a finished model
  task_names = Hparam(["chunk"], list)
  strip_accents = Hparam(None, bool)  # null: as recorded, else do_lower_case

  # optimization
  learning_rate = Hparam(1e-4, float, above=0.0)  # peak
  weight_decay_rate = Hparam(0.01, float, minimum=0.0)
  # <= 0: one rate for all layers.
  layerwise_lr_decay = Hparam(0.8, float, maximum=10.0)
  num_train_epochs = Hparam(3.0, float, above=0.0, maximum=1e6)
  warmup_proportion = Hparam(0.1, float, minimum=0.0, maximum=1.0)  # of steps
  save_checkpoints_steps = Hparam(1000000, int, minimum=1)
  # Where save_checkpoints_steps is not passed; 0: by steps alone.
  save_checkpoints_minutes = Hparam(10.0, float, minimum=0.0)
  iterations_per_loop = Hparam(1000, int, minimum=1)  # on a TPU

  # data
  use_tfrecords_if_existing = Hparam(True, bool)  # reuse featurized examples
  max_seq_length = Hparam(128, int, minimum=5)  # tokens
  train_batch_size = Hparam(32, int, minimum=1)  # examples
  eval_batch_size = Hparam(32, int, minimum=1)
  predict_batch_size = Hparam(32, int, minimum=1)
  double_unordered = Hparam(True, bool)  # train on both orders of MRPC and STS
  write_test_outputs = Hparam(False, bool)
  n_writes_test = Hparam(5, int, minimum=0)  # of how many trials
  # Whose cleaning texts get, as the arabert package names it, such as
  # "araelectra-base"; null: the model's own, "none": no cleaning.
  arabert_preprocessing = Hparam(None, str)
  # Pad each batch to its longest example only; never on a TPU.
  trim_batches = Hparam(True, bool)

  # evaluation while training
  eval_steps = Hparam(0, int, minimum=0)  # between two of them; 0: at the end
  best_metric = Hparam(None, str)  # null: the first score of each task
  early_stopping_patience = Hparam(0, int, minimum=0)  # evaluations; 0: off

  # prediction
  predict_file = Hparam(None, str)  # in the task's layout, labels or not
  predict_task = Hparam(None, str)  # null: the only one of task_names
  predict_output_file = Hparam(None, str)  # .jsonl

  # question answering
  max_query_length = Hparam(64, int, minimum=1)  # tokens
  doc_stride = Hparam(128, int, minimum=1)  # tokens between two windows
  n_best_size = Hparam(20, int, minimum=1)
  max_answer_length = Hparam(30, int, minimum=1)  # tokens
  answerable_classifier = Hparam(True, bool)
  answerable_uses_start_logits = Hparam(True, bool)
  answerable_weight = Hparam(0.5, float, minimum=0.0)
  joint_prediction = Hparam(True, bool)  # the end given the start
  beam_size = Hparam(20, int, minimum=1)
  qa_na_threshold = Hparam(-2.75, float)  # above: the question has no answer
  # From training: questions on a context that is in the dev or test set too.
  drop_leaked_questions = Hparam(False, bool)

  # places
  init_checkpoint = Hparam(None, str)  # passed null: random weights
  preprocessed_data_dir = Hparam(None, str)

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
    model_dir = self.model_dir or pretrained + "_debug" * self.debug
    start = _folder_of(passed.get("init_checkpoint")) or pretrained
    self._set(dict(
        vocab_file=self.vocab_file or model_hparams.first_existing(
            os.path.join(start, model_files.VOCAB),
            os.path.join(pretrained, model_files.VOCAB),
            os.path.join(self.data_dir, model_files.VOCAB),
            os.path.join(self.data_dir, "bertvocab_final.txt"))))
    values = dict(
        model_dir=model_dir,
        vocab_size=self.checked_vocab_size(),
        results_txt=self._results_file(model_dir, "txt"),
        results_pkl=self._results_file(model_dir, "pkl"),
        preprocessed_data_dir=os.path.join(
            model_dir, "finetuning_tfrecords",
            self.tasks_name() + "_tfrecords"))
    if self.predict_file:
      name = os.path.splitext(os.path.basename(self.predict_file))[0]
      values["predict_output_file"] = os.path.join(
          model_dir, "results", "%s_predictions" % self.tasks_name(),
          name + ".jsonl")
      if len(self.task_names) == 1:
        values["predict_task"] = self.task_names[0]
    if "init_checkpoint" not in passed and not self.debug:
      values["init_checkpoint"] = pretrained
    values.update(self._tokenizer_settings(start, pretrained))
    return values

  def check(self):
    super().check()
    if not (self.do_train or self.do_eval or self.write_test_outputs or
            self.do_predict):
      raise utils.UserError(
          "do_train and do_eval: expected at least one of them true, got false "
          "for both.")
    self._check_prediction()
    if self.seed + self.num_trials > 2 ** 31:
      raise utils.UserError(
          "seed and num_trials: expected a seed of at most %d, as every trial "
          "has one more than that before; got %d." % (
              2 ** 31 - self.num_trials, self.seed))
    if self.was_passed("save_checkpoints_steps") and (
        self._passed.get("save_checkpoints_minutes")):
      raise utils.UserError(
          "save_checkpoints_steps and save_checkpoints_minutes: expected one "
          "of them, got both.")
    for name in ("best_metric", "early_stopping_patience"):
      if getattr(self, name) and not self.eval_steps:
        raise utils.UserError(
            "%s: expected with eval_steps, the steps between two evaluations; "
            "got no eval_steps." % name)
    names = self.task_names
    if len(set(names)) < len(names):
      raise utils.UserError("task_names: expected each task once, got %s." %
                            ", ".join(names))
    for name in names:
      if name in (".", "..") or os.path.basename(name) != name:
        raise utils.UserError("task_names: expected plain names such as \"arcd\", "
                              "got \"%s\"." % name)
    if self.max_query_length + 4 > self.max_seq_length and (
        self.was_passed("max_query_length")):
      raise utils.UserError(
          "max_query_length: expected at most max_seq_length - 4 (%d), got %d." %
          (self.max_seq_length - 4, self.max_query_length))

  def _check_prediction(self):
    """Raises a UserError where there is nothing to predict, or no task."""
    if not self.do_predict:
      return
    if not self.predict_file:
      raise utils.UserError("do_predict: expected predict_file, the file to "
                            "predict for; got none.")
    if not utils.exists(self.predict_file) or utils.isdir(self.predict_file):
      raise utils.UserError("predict_file: expected a file at %s, found %s." % (
          self.predict_file, "a folder" if utils.exists(self.predict_file)
          else "none"))
    if self.predict_task not in self.task_names:
      raise utils.UserError(
          "predict_task: expected one of task_names (%s), the one that "
          "predict_file is of; got %s." % (
              ", ".join(self.task_names), self.predict_task or "none"))
    if not self.predict_output_file.endswith(".jsonl"):
      raise utils.UserError("predict_output_file: expected a name that ends in "
                            ".jsonl, got %s." % self.predict_output_file)
    for path in {self.predict_output_file} | set(map(
        self.predictions_file, range(1, self.num_trials + 1))):
      if os.path.realpath(self.predict_file) in [
          os.path.realpath(os.path.splitext(path)[0] + extension)
          for extension in PREDICTION_EXTENSIONS]:
        raise utils.UserError(
            "predict_output_file: expected a name that, with %s at its end, is "
            "not that of predict_file, which would be overwritten; got %s and "
            "%s." % (" or ".join(PREDICTION_EXTENSIONS),
                     self.predict_output_file, self.predict_file))

  # Places that depend on the task, split or trial.

  def tasks_name(self):
    """Returns the names of the tasks as used in file names: "mnli_rte"."""
    return "_".join(self.task_names)

  def trial_model_dir(self, trial):
    """Returns the folder of the fine-tuned model of a trial, from 1."""
    return os.path.join(self.model_dir, model_files.FINETUNING_FOLDER,
                        "%s_model_%d" % (self.tasks_name(), trial))

  def model_folder(self):
    """Returns the folder of the fine-tuned model that is used, not trained."""
    return _folder_of(self.init_checkpoint) or self.trial_model_dir(1)

  def raw_data_dir(self, task_name):
    """Returns the folder of a task's own files."""
    return os.path.join(self.data_dir, "finetuning_data", task_name)

  def qa_eval_file(self, task_name):
    """Returns the path of the official evaluation's scores."""
    return self._qa_file(task_name, "eval.json")

  def qa_preds_file(self, task_name):
    """Returns the path of {question id: answer}."""
    return self._qa_file(task_name, "preds.json")

  def qa_nbest_file(self, task_name):
    """Returns the path of {question id: [candidate answers]}."""
    return self._qa_file(task_name, "nbest.json")

  def qa_na_file(self, task_name):
    """Returns the path of {question id: odds that it has no answer}."""
    return self._qa_file(task_name, "null_odds.json")

  def tagging_preds_file(self, task_name, split):
    """Returns the path of the tagged words of a split, in columns."""
    return self._tagging_file(task_name, split, "predictions.txt")

  def tagging_scores_file(self, task_name, split):
    """Returns the path of a tagging task's scores, those of types included."""
    return self._tagging_file(task_name, split, "scores.json")

  def test_predictions(self, task_name, split, trial):
    """Returns the path of a task's predictions on an unlabeled split."""
    return os.path.join(self.model_dir, "test_predictions",
                        "%s_%s_%d_predictions.pkl" % (task_name, split, trial))

  def submission_dir(self, trial):
    """Returns the folder of the files that leaderboards ask for."""
    return os.path.join(self.model_dir, "test_predictions",
                        "submission_%d" % trial)

  def predictions_file(self, trial):
    """Returns the path of a trial's predictions for predict_file.

    It is `predict_output_file` where there is one trial, else one beside it.
    """
    if self.num_trials == 1 or not self.do_train:
      return self.predict_output_file
    stem, extension = os.path.splitext(self.predict_output_file)
    return "%s_trial_%d%s" % (stem, trial, extension)

  def dev_output_folders(self):
    """Returns the folders where each evaluation writes outputs of tasks."""
    return [os.path.join(self.model_dir, "results", self.tasks_name() + suffix)
            for suffix in ("_qa", "_tagging")]

  def _qa_file(self, task_name, name):
    return os.path.join(self.model_dir, "results", "%s_qa" % self.tasks_name(),
                        "%s_%s" % (task_name, name))

  def _tagging_file(self, task_name, split, name):
    return os.path.join(
        self.model_dir, "results", "%s_tagging" % self.tasks_name(),
        "%s_%s_%s" % (task_name, split, name))

  def _results_file(self, model_dir, extension):
    return os.path.join(model_dir, "results",
                        "%s_results.%s" % (self.tasks_name(), extension))

  def _task_preset(self, name):
    """Returns the {name: value} that suit a task that is trained alone."""
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

  def _finetuned_folder(self, passed):
    """Returns the folder of the fine-tuned model that is only used, or None."""
    if passed.get("do_train", True) or not passed.get("init_checkpoint"):
      return None
    folder = _folder_of(passed["init_checkpoint"])
    return folder if utils.exists(
        os.path.join(folder, model_files.RUN_RECORD)) else None

  def _recorded_values(self, requested):
    """Returns {name: value} that a fine-tuned model was trained with.

    So that it can be used without repeating them; what is passed still wins.
    """
    folder = self._finetuned_folder(requested)
    if folder is None:
      return {}
    path = os.path.join(folder, model_files.RUN_RECORD)
    recorded = json_fields.load_object(path)
    return self._checked_record(path, {
        name: value for name, value in recorded.items()
        if name in self.declared() and name not in NOT_OF_THE_MODEL})

  def _checked_record(self, path, values):
    """Returns {name: value} as declared; an error names the file too."""
    declared = self.declared()
    try:
      return {name: declared[name].check(name, value)
              for name, value in values.items()}
    except utils.UserError as error:
      raise utils.UserError("%s: %s" % (path, error))

  def _tokenizer_settings(self, *folders):
    """Returns do_lower_case and strip_accents, as recorded in a folder.

    Raises:
      utils.UserError: what the user passed contradicts the record.
    """
    settings = model_files.TokenizerSettings(
        self.do_lower_case, self.strip_accents, self.arabert_preprocessing)
    for folder in folders:
      path = os.path.join(folder, model_files.TOKENIZER_CONFIG)
      if utils.exists(path):
        settings = settings.reconcile(
            model_files.TokenizerSettings.read(folder),
            model_hparams.conflict_message(path), must_agree=["do_lower_case"])
        break
    settings = settings.with_defaults()
    return dict(do_lower_case=settings.do_lower_case,
                strip_accents=settings.strip_accents,
                arabert_preprocessing=settings.preprocessing)


def _folder_of(checkpoint):
  """Returns the folder of a checkpoint: a folder, or a prefix in one."""
  if not checkpoint:
    return checkpoint
  prefix = checkpoint[:-len(".index")] if checkpoint.endswith(
      ".index") else checkpoint
  is_prefix = utils.exists(prefix + ".index")
  return os.path.dirname(prefix) or "." if is_prefix else checkpoint


def parse(parser, argv=None):
  """Returns the FinetuningConfig of a command line."""
  model_name, data_dir, values = hparams.run_arguments(parser, argv)
  return FinetuningConfig(model_name, data_dir, **values)
