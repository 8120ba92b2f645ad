"""The files and folders that a fine-tuning run reads and writes.

<data_dir>/finetuning_data/<task>/       raw data of a task
<model_dir>/
  finetuning_tfrecords/<tasks>_tfrecords/  features (preprocessed_data_dir)
  finetuning_models/<tasks>_model_<trial>/ checkpoints of a trial
  results/<tasks>_results.txt, .pkl, .json scores (results_txt, results_pkl)
  results/<tasks>_qa/                      answers, n-best lists, null odds
  results/<tasks>_tagging/                 tagged words, scores of span types
  results/<tasks>_classification/          confusion matrix, worst errors
  results/<tasks>_predictions/             predictions for predict_file
  test_predictions/                        predictions for unlabeled splits

<tasks> is the names of all tasks of the run, such as "mnli_rte". A config has
these methods because tasks call them on it, as in the reference; they are in
util because configurations import nothing else of the project.
"""

import os

from util import model_files
from util import utils


def folder_of(checkpoint):
  """Returns the folder of a checkpoint, given its prefix or the folder."""
  if not checkpoint:
    return checkpoint
  prefix = checkpoint[:-len(".index")] if checkpoint.endswith(
      ".index") else checkpoint
  is_prefix = utils.exists(prefix + ".index")
  return os.path.dirname(prefix) or "." if is_prefix else checkpoint


class FinetuningPaths:
  """The paths of a FinetuningConfig that depend on a task, split or trial."""

  def tasks_name(self):
    """Returns the names of the tasks as used in file names: "mnli_rte"."""
    return "_".join(self.task_names)

  def trial_model_dir(self, trial):
    """Returns the folder of the fine-tuned model of a trial, from 1."""
    return os.path.join(self.model_dir, model_files.FINETUNING_FOLDER,
                        "%s_model_%d" % (self.tasks_name(), trial))

  def model_folder(self):
    """Returns the folder of the model that a run without training uses."""
    return folder_of(self.init_checkpoint) or self.trial_model_dir(1)

  def raw_data_dir(self, task_name):
    """Returns the folder of a task's raw data."""
    return os.path.join(self.data_dir, "finetuning_data", task_name)

  def qa_eval_file(self, task_name):
    """Returns the path of the official evaluation's scores."""
    return self._result_file("qa", task_name, "eval.json")

  def qa_preds_file(self, task_name):
    """Returns the path of {question id: answer}."""
    return self._result_file("qa", task_name, "preds.json")

  def qa_nbest_file(self, task_name):
    """Returns the path of {question id: [candidate answers]}."""
    return self._result_file("qa", task_name, "nbest.json")

  def qa_na_file(self, task_name):
    """Returns the path of {question id: odds that it has no answer}."""
    return self._result_file("qa", task_name, "null_odds.json")

  def tagging_preds_file(self, task_name, split):
    """Returns the path of the tagged words of a split, in columns."""
    return self._result_file("tagging", task_name, split + "_predictions.txt")

  def tagging_scores_file(self, task_name, split):
    """Returns the path of a tagging task's scores, including each type's."""
    return self._result_file("tagging", task_name, split + "_scores.json")

  def qa_errors_file(self, task_name):
    """Returns the path of questions with their answers, the worst first."""
    return self._result_file("qa", task_name, "errors.json")

  def classification_errors_file(self, task_name, split):
    """Returns the path of the confusion matrix and the worst errors."""
    return self._result_file("classification", task_name,
                             split + "_errors.json")

  def dev_output_folders(self):
    """Returns the folders that the evaluation of each trial writes to."""
    return [self._result_folder(kind)
            for kind in ("qa", "tagging", "classification")]

  def test_predictions(self, task_name, split, trial):
    """Returns the path of a task's predictions on an unlabeled split."""
    return os.path.join(self.model_dir, "test_predictions",
                        "%s_%s_%d_predictions.pkl" % (task_name, split, trial))

  def submission_dir(self, trial):
    """Returns the folder of the files for leaderboards."""
    return os.path.join(self.model_dir, "test_predictions",
                        "submission_%d" % trial)

  def predictions_file(self, trial):
    """Returns the path of a trial's predictions for predict_file.

    It is `predict_output_file` if there is one trial, else that name with the
    number of the trial.
    """
    if self.num_trials == 1 or not self.do_train:
      return self.predict_output_file
    stem, extension = os.path.splitext(self.predict_output_file)
    return "%s_trial_%d%s" % (stem, trial, extension)

  def default_paths(self, model_dir):
    """Returns {hyperparameter: path} for a run that writes to `model_dir`."""
    results = os.path.join(model_dir, "results", self.tasks_name())
    paths = dict(
        model_dir=model_dir,
        results_txt=results + "_results.txt",
        results_pkl=results + "_results.pkl",
        preprocessed_data_dir=os.path.join(
            model_dir, "finetuning_tfrecords",
            self.tasks_name() + "_tfrecords"))
    if self.predict_file:
      name = os.path.splitext(os.path.basename(self.predict_file))[0]
      paths["predict_output_file"] = os.path.join(
          results + "_predictions", name + ".jsonl")
    return paths

  def _result_folder(self, kind):
    return os.path.join(self.model_dir, "results",
                        "%s_%s" % (self.tasks_name(), kind))

  def _result_file(self, kind, task_name, name):
    return os.path.join(self._result_folder(kind),
                        "%s_%s" % (task_name, name))
