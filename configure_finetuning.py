"""Hyperparameters, presets and paths of fine-tuning.

Names and defaults are those of google-research/electra; a value the user passes
always wins over a preset.
"""

import os

from util import hparams
from util import model_hparams
from util import utils
from util.hparams import Hparam

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


class FinetuningConfig(model_hparams.ModelHParams):
  """The hyperparameters of one fine-tuning run."""

  log_examples = Hparam(False, bool)  # print the first featurized examples
  num_trials = Hparam(1, int, minimum=1)  # trial i has seed `seed` + i - 1
  do_train = Hparam(True, bool)
  do_eval = Hparam(True, bool)
  keep_all_models = Hparam(True, bool)  # false: a trial replaces the one before
  overwrite = Hparam(False, bool)  # train again over a finished model
  task_names = Hparam(["chunk"], list)
  strip_accents = Hparam(None, bool)  # null: as recorded, else do_lower_case

  # optimization
  learning_rate = Hparam(1e-4, float, above=0.0)  # peak
  weight_decay_rate = Hparam(0.01, float, minimum=0.0)
  layerwise_lr_decay = Hparam(0.8, float)  # <= 0: one rate for all layers
  num_train_epochs = Hparam(3.0, float, above=0.0)
  warmup_proportion = Hparam(0.1, float, minimum=0.0, maximum=1.0)  # of steps
  save_checkpoints_steps = Hparam(1000000, int, minimum=1)
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

  # places
  init_checkpoint = Hparam(None, str)  # passed null: random weights
  preprocessed_data_dir = Hparam(None, str)

  def presets(self, requested):
    values = dict(SIZE_PRESETS[requested["model_size"]])
    if len(requested["task_names"]) == 1:
      name = requested["task_names"][0]
      default = (QUESTION_ANSWERING if "squad" in name or "qa" in name else {})
      values.update(TASK_PRESETS.get(name, default))
    if requested["debug"]:
      values.update(DEBUG)
    return values

  def derived(self, passed):
    pretrained = os.path.join(self.data_dir, "models", self.model_name)
    model_dir = self.model_dir or pretrained + "_debug" * self.debug
    self._set(dict(
        vocab_file=self.vocab_file or model_hparams.first_existing(
            os.path.join(pretrained, "vocab.txt"),
            os.path.join(self.data_dir, "vocab.txt"),
            os.path.join(self.data_dir, "bertvocab_final.txt"))))
    values = dict(
        model_dir=model_dir,
        vocab_size=self.checked_vocab_size(),
        results_txt=self._results_file(model_dir, "txt"),
        results_pkl=self._results_file(model_dir, "pkl"),
        preprocessed_data_dir=os.path.join(
            model_dir, "finetuning_tfrecords",
            self.tasks_name() + "_tfrecords"))
    if "init_checkpoint" not in passed and not self.debug:
      values["init_checkpoint"] = self.model_dir or pretrained
    settings_dir = passed.get("init_checkpoint") or pretrained
    values.update(self._tokenizer_settings(settings_dir, pretrained))
    return values

  def check(self):
    super().check()
    if not (self.do_train or self.do_eval or self.write_test_outputs):
      raise utils.UserError("do_train and do_eval: expected at least one of them "
                            "true, got false for both.")
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

  # Places that depend on the task, split or trial.

  def tasks_name(self):
    """Returns the names of the tasks as used in file names: "mnli_rte"."""
    return "_".join(self.task_names)

  def trial_model_dir(self, trial):
    """Returns the folder of the fine-tuned model of a trial, from 1."""
    return os.path.join(self.model_dir, "finetuning_models",
                        "%s_model_%d" % (self.tasks_name(), trial))

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

  def _tokenizer_settings(self, *folders):
    """Returns do_lower_case and strip_accents, as recorded in a folder.

    Raises:
      utils.UserError: what the user passed contradicts the record.
    """
    lower_case, strip_accents = self.do_lower_case, self.strip_accents
    for folder in folders:
      path = os.path.join(folder, "tokenizer_config.json")
      if not utils.exists(path):
        continue
      recorded = utils.load_json(path)
      if not isinstance(recorded, dict):
        raise utils.UserError("%s: expected a JSON object." % path)
      lower_case = model_hparams.agree_on_lower_case(
          lower_case, recorded.get("do_lower_case"), path)
      if strip_accents is None:
        strip_accents = recorded.get("strip_accents")
      break
    lower_case = bool(lower_case)
    if strip_accents is None:
      strip_accents = lower_case
    return dict(do_lower_case=lower_case, strip_accents=bool(strip_accents))


def parse(parser, argv=None):
  """Returns the FinetuningConfig of a command line."""
  model_name, data_dir, values = hparams.run_arguments(parser, argv)
  return FinetuningConfig(model_name, data_dir, **values)
