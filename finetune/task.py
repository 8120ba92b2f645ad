"""The contract of a fine-tuning task: all that the runner asks of one."""

import abc
import os

from util import utils

# The split that `predict_file` is, in get_scorer and among stored features.
PREDICT = "predict"


class Example:
  """One example as read from a task's files; a subclass adds its fields."""

  def __init__(self, task_name):
    self.task_name = task_name


class Task(abc.ABC):
  """A task: its data, its features, its head on the encoder, its scores.

  To add a task, subclass this (or ClassificationTask, QATask, TaggingTask)
  with a constructor `(config, tokenizer)` and register the class in
  `finetune.task_builder`.
  """

  # Counted up by whoever changes what `get_examples` or `featurize` returns
  # for the same files, so that stored features are made anew.
  version = 1
  # Hyperparameters that `get_examples` or `featurize` read; when one changes,
  # stored features are made anew. A subclass adds its own.
  feature_hparams = ("debug", "max_seq_length")
  # What a task without code is declared as, ready for JSON; None for others.
  declaration = None

  def __init__(self, config, name):
    """Keeps what every task needs.

    Args:
      config: a FinetuningConfig.
      name: str, the task's name: its folder in finetuning_data, the scope of
        its variables and the prefix of its features.
    """
    self.config = config
    self.name = name

  def __repr__(self):
    return "Task(%s)" % self.name

  def get_features_version(self):
    """Returns what cached features depend on besides files and hyperparameters.

    Ready for JSON; features are rebuilt when it changes.
    """
    return self.version

  def join(self, tasks):
    """Tells the task of all tasks of the run, itself among them.

    Called once, before any data are read. Does nothing by default.
    """

  def get_data_files(self, split):
    """Returns the paths that the examples of `split` are read from.

    Stored features are made anew when the contents of one of them change. By
    default all files of the task's raw data folder count for every split. A
    task that reads no files returns [].

    Raises:
      utils.UserError: the task has no raw data folder.
    """
    folder = self.config.raw_data_dir(self.name)
    if not utils.isdir(folder):
      raise utils.UserError(
          "Task '%s': expected its %s data in %s, found no such folder; put "
          "the files there." % (self.name, split, folder))
    paths = [os.path.join(folder, name) for name in utils.listdir(folder)]
    return [path for path in paths if not utils.isdir(path)]

  def get_test_splits(self):
    """Returns the unlabeled splits, such as ["test"], to write outputs for.

    None by default. The scorer of a task that has some must have
    `get_test_predictions`.
    """
    return []

  def get_examples_to_predict(self):
    """Returns the Examples of `config.predict_file`, in its order.

    The scorer of a task that reads such a file must have `get_predictions`.

    Raises:
      utils.UserError: a line cannot be read, or the task reads no such files.
    """
    raise utils.UserError(
        "do_predict: task '%s' reads no predict_file (%s has no "
        "get_examples_to_predict)." % (self.name, type(self).__name__))

  def learned_from_data(self):
    """Returns what is learned from training data, ready for JSON, or None.

    It is kept with the model; see finetune/task_metadata.py.
    """
    return None

  def get_more_dev_splits(self):
    """Returns the labeled splits, besides "dev", that are scored with it.

    None by default. Scores of a split "dev_x" are called "x_<score>".
    """
    return []

  @abc.abstractmethod
  def get_examples(self, split):
    """Returns the list of Examples of `split`.

    Args:
      split: "train", "dev", or one of `get_test_splits`.

    Raises:
      utils.UserError: a file is missing or a line of it cannot be read.
    """

  @abc.abstractmethod
  def featurize(self, example, is_training, log=False):
    """Returns the features of `example`.

    Args:
      example: an Example of this task.
      is_training: bool; False keeps what only the scorer needs.
      log: bool, whether to print the features, for people to look at.

    Returns:
      {feature name: number, list or array}, or a list of such dicts where one
      example makes several inputs: "input_ids", "input_mask" and "segment_ids",
      each of `max_seq_length` ints, and everything in `get_feature_specs`.
    """

  @abc.abstractmethod
  def get_feature_specs(self):
    """Returns the FeatureSpecs of the features that only this task has."""

  @abc.abstractmethod
  def get_prediction_module(self, bert_model, features, is_training,
                            percent_done):
    """Builds the task's head; runs inside scope `task_specific/<name>`.

    Random ops take their randomness from `bert_model.randomness`.

    Args:
      bert_model: a model.modeling.BertModel of the batch.
      features: {feature name: Tensor of shape [B, ...]}; int32 or float32.
      is_training: bool, whether dropout is on.
      percent_done: float32 scalar Tensor, the fraction of the training that is
        done, in [0, 1].

    Returns:
      (losses, outputs): float32 [B], the loss of each example, and {output
      name: Tensor of shape [B, ...]}, what the scorer gets; "loss" among them.
    """

  @abc.abstractmethod
  def get_scorer(self, split="dev"):
    """Returns a new Scorer for the predictions of `split`."""
