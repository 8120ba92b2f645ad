"""The contract of a fine-tuning task: everything the runner calls."""

import abc
import functools
import inspect
import os

from finetune import scorer
from finetune import task_declaration
from util import utils

# Hyperparameters that the features of a task are likely to depend on.
DATA_HPARAMS = ("double_unordered", "max_query_length", "doc_stride",
                "do_lower_case", "arabert_preprocessing")
# The split of the examples in `predict_file`.
PREDICT = "predict"


class Example:
  """An example read from a task's files; subclasses add their fields."""

  def __init__(self, task_name):
    self.task_name = task_name

  def __getattr__(self, name):
    """Returns the eid as `example_id` of examples that only have an eid."""
    if name == "example_id" and "eid" in vars(self):
      return str(self.eid)
    raise AttributeError("%s has no attribute '%s'" % (
        type(self).__name__, name))


def read_once(get_examples):
  """Decorates `Task.get_examples` to read and keep each split only once."""

  @functools.wraps(get_examples)
  def get_kept_examples(self, split):
    if split not in self._examples:
      self._examples[split] = get_examples(self, split)
    return self._examples[split]

  return get_kept_examples


class Task(abc.ABC):
  """A task: its data, its features, its head on the encoder, its scores.

  To add a task, subclass this (or ClassificationTask, QATask, TaggingTask)
  with a constructor `(config, tokenizer)` and register the class in
  `finetune.task_builder`. docs/reference_compatibility.md lists what tasks
  written for google-research/electra rely on.

  Attributes:
    config: a FinetuningConfig.
    name: str, the task's name: its folder in finetuning_data, the scope of its
      variables and the prefix of its features.
    tokenizer: the FullTokenizer that features are made with, or None.
  """

  # Increase it when `get_examples` or `featurize` return something else for
  # the same files; cached features are then rebuilt.
  version = 1
  # Hyperparameters that `get_examples` or `featurize` read; cached features are
  # rebuilt when one changes. Subclasses add their own; one that overrides these
  # methods without it depends on `DATA_HPARAMS`, too.
  feature_hparams = ("debug", "max_seq_length")
  # {split: possible file names}; the first file that exists is read. Empty for
  # a task that finds its files itself.
  file_names = {}
  # The splits whose files have no labels, unless `is_labeled` finds some.
  unlabeled_splits = ("test",)
  # Whether get_examples("predict") returns the examples of `predict_file`, and
  # the scorer has `get_predictions`.
  reads_predict_file = False
  # The content of the task.json that declares the task; None for other tasks.
  declaration = None
  # Whether `get_prediction_module` takes inputs that are shorter than
  # max_seq_length; see `trim_batches`. A subclass that overrides the method
  # sets it again: tasks of the reference may rely on the full length.
  takes_short_inputs = False
  # A subclass that overrides one of these finds its files itself.
  reading_methods = ("get_examples",)

  def __init__(self, config, name, tokenizer=None, declaration=None):
    """Initializes what all tasks share.

    Args:
      config: a FinetuningConfig.
      name: str, the task's name.
      tokenizer: a FullTokenizer.
      declaration: the task_declaration.Declaration of a task without its own
        class.
    """
    self.config = config
    self.name = name
    self.tokenizer = self._tokenizer = tokenizer
    self._examples = {}  # by split; see `read_once`
    if declaration:
      self.file_names = {split: (file_name,) for split, file_name in
                         declaration.files.items()}
      self.declaration = task_declaration.as_json(declaration)

  def __repr__(self):
    return "Task(%s)" % self.name

  def get_features_version(self):
    """Returns what cached features depend on besides files and hyperparameters.

    Ready for JSON; features are rebuilt when it changes.
    """
    return ([self.version, self.declaration] if self.declaration else
            self.version)

  def get_split_version(self, split):
    """Returns what cached features of one split depend on in addition, or None.

    As `get_features_version`, which holds for all splits.
    """
    # Features that were stored when labels of test sets were not read have
    # none.
    is_scored_test = split in self.unlabeled_splits and self.is_labeled(split)
    return "labeled" if is_scored_test else None

  def join(self, tasks):
    """Receives all tasks of the run, including this one.

    Called once, before any data are read. Does nothing by default.
    """

  def is_labeled(self, split):
    """Returns whether the examples of `split` have labels."""
    return split not in self.unlabeled_splits and split != PREDICT

  def get_data_files(self, split):
    """Returns the paths that the examples of `split` are read from.

    Cached features are rebuilt when the content of one of them changes. A task
    that finds its files itself depends on all files of its raw data folder, or,
    if there is no such folder, on files that are unknown: then this is None,
    and every run rebuilds its features. A task that reads no files returns [].

    Raises:
      utils.UserError: the file is missing.
    """
    if not self.finds_files_itself():
      return [self._path(split)]
    folder = self.config.raw_data_dir(self.name)
    if not utils.isdir(folder):
      return None
    paths = [os.path.join(folder, name) for name in utils.listdir(folder)]
    return [path for path in paths if not utils.isdir(path)]

  def finds_files_itself(self):
    """Returns whether the task does not read the file of `file_names`."""
    return not self.file_names or self._overrides(
        self.reading_methods, "file_names")

  def can_be_trimmed(self):
    """Returns whether the head takes inputs shorter than max_seq_length."""
    return self.takes_short_inputs and not self._overrides(
        ("get_prediction_module",), "takes_short_inputs")

  def get_feature_hparams(self):
    """Returns the names of the hyperparameters that features depend on."""
    if self._overrides(self.reading_methods + ("featurize",),
                       "feature_hparams"):
      return tuple(dict.fromkeys(self.feature_hparams + DATA_HPARAMS))
    return self.feature_hparams

  def data_folders(self):
    """Returns the folders that are searched for `file_names`, in order."""
    return [self.config.raw_data_dir(self.name)]

  def missing_file_advice(self, split):
    """Returns what to do if the file of `split` is missing, for an error."""
    del split  # the same for all
    return "Put it there"

  def get_test_splits(self):
    """Returns the test splits, such as ["test"], to write outputs for.

    By default those of `unlabeled_splits` that have a file. The scorer of a
    task with such splits must have `get_test_predictions`.
    """
    return [split for split in self.unlabeled_splits if self._find(split)]

  def learned_from_data(self):
    """Returns what is learned from training data, ready for JSON, or None.

    It is saved with the model; see finetune/task_metadata.py.
    """
    return None

  def get_more_dev_splits(self):
    """Returns the labeled splits that are scored in addition to "dev".

    By default the test splits with labels. Scores of a split "dev_x" are called
    "x_<score>", those of "test" "test_<score>".
    """
    return [split for split in self.unlabeled_splits
            if self._find(split) and self.is_labeled(split)]

  @abc.abstractmethod
  def get_examples(self, split):
    """Returns the list of Examples of `split`.

    Args:
      split: "train", "dev", one of `get_test_splits` or
        `get_more_dev_splits`, or, for a task that `reads_predict_file`,
        "predict": all examples of `config.predict_file`, in its order.

    Raises:
      utils.UserError: a file is missing or one of its lines is invalid.
    """

  def keep_examples(self, split, examples):
    """Sets what `get_examples` returns for `split` if it is `read_once`.

    For examples that come from no file, such as a request to a server.
    """
    self._examples[split] = examples

  @abc.abstractmethod
  def featurize(self, example, is_training, log=False):
    """Returns the features of `example`.

    Args:
      example: an Example of this task.
      is_training: bool; False keeps what only the scorer needs.
      log: bool, whether to print the features for inspection.

    Returns:
      {feature name: number, list or array}, or a list of such dicts if one
      example becomes several inputs: "input_ids", "input_mask" and
      "segment_ids", each of `max_seq_length` ints, and everything in
      `get_feature_specs`.
    """

  @abc.abstractmethod
  def get_feature_specs(self):
    """Returns the FeatureSpecs of the task's own features."""

  @abc.abstractmethod
  def get_prediction_module(self, bert_model, features, is_training,
                            percent_done):
    """Builds the task's head; runs inside scope `task_specific/<name>`.

    Random ops take their randomness from `bert_model.randomness`.

    Args:
      bert_model: a model.modeling.BertModel of the batch.
      features: {feature name: Tensor of shape [B, ...]}; int32 or float32.
      is_training: bool, whether dropout is on.
      percent_done: float32 scalar Tensor, the fraction of training steps
        completed, in [0, 1].

    Returns:
      (losses, outputs): float32 [B], the loss of each example, and {output
      name: Tensor of shape [B, ...]} for the scorer, including "loss".
    """

  @abc.abstractmethod
  def get_scorer(self, split="dev"):
    """Returns a new Scorer for the predictions of `split`.

    An override may take no argument.
    """

  def get_output_scorer(self, split):
    """Returns a new Scorer that collects the predictions of `split`.

    Used for a split without labels if the Scorer of `get_scorer` only computes
    scores.
    """
    return scorer.OutputScorer(self, split)

  def make_scorer(self, split):
    """Returns the Scorer that the runner gives the outputs of `split` to."""
    takes_split = inspect.signature(self.get_scorer).parameters
    made = self.get_scorer(split) if takes_split else self.get_scorer()
    made.attach(self, split)
    is_predicted = not self.is_labeled(split) or (
        split in self.get_test_splits())
    if is_predicted and not made.has("get_predictions" if split == PREDICT else
                                     "get_test_predictions"):
      made = self.get_output_scorer(split)
    return made

  def make_features(self, example, is_training, log):
    """Returns the list of inputs that `featurize` makes of `example`.

    An override of `featurize` may lack the argument `log`.
    """
    takes_log = "log" in inspect.signature(self.featurize).parameters
    features = self.featurize(example, is_training,
                              **({"log": log} if takes_log else {}))
    return [features] if isinstance(features, dict) else features

  def _key(self, feature):
    """Returns the name of a feature that only this task has."""
    return "%s_%s" % (self.name, feature)

  def _overrides(self, methods, attribute):
    """Returns whether a class overrides a method but not what describes it.

    Args:
      methods: tuple of str.
      attribute: str, the class attribute that describes the methods.
    """
    for cls in type(self).__mro__:
      if attribute in vars(cls):
        return False
      if not set(methods).isdisjoint(vars(cls)):
        return True
    return False

  def _names(self, split):
    """Returns the names that the file of `split` may have, in order."""
    return self.file_names.get(split, ())

  def _candidates(self, split):
    """Returns the paths that the file of `split` may have, in order."""
    return [os.path.join(folder, name) for folder in self.data_folders()
            for name in self._names(split)]

  def _find(self, split):
    """Returns the path of the file of `split`, None if there is none."""
    return next(filter(utils.exists, self._candidates(split)), None)

  def _path(self, split):
    """Returns the path of the file of `split`.

    Raises:
      utils.UserError: the split is unknown, or its file is missing.
    """
    if split not in self.file_names and not self._names(split):
      raise utils.UserError("Task '%s': expected split %s, got '%s'." % (
          self.name, " or ".join(sorted(self.file_names)), split))
    path = self._find(split)
    if path is None:
      raise utils.UserError(
          "Task '%s': expected its %s data in %s, found no such file%s. %s." % (
              self.name, split, " or ".join(self._candidates(split)),
              task_declaration.advice(self, split),
              self.missing_file_advice(split)))
    return path
