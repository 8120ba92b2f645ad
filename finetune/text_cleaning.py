"""Cleans a task's texts like those that the model was pre-trained on.

A model pre-trained on cleaned text has never seen, for instance, a diacritic or
a link, so fine-tuning and prediction need the same cleaning. This module
selects it and maps text to text. Question answering also has to map positions:
qa/text_alignment.py aligns the characters of a text and its cleaned copy, and
qa/cleaned_context.py locates answers in cleaned contexts with it.
"""

from model import arabert_cleaning
from util import utils

HPARAM = "arabert_preprocessing"
OFF = "none"  # disables cleaning; null means: as recorded with the model


def cleaning_model(config):
  """Returns the name of the model whose cleaning a run uses, None for none.

  Args:
    config: a FinetuningConfig.
  """
  name = config.arabert_preprocessing
  return None if name == OFF else name


def make_cleaner(model_name):
  """Returns the cleaning function of a model, str to str.

  Args:
    model_name: str, as in `arabert_cleaning.make_cleaner`.

  Raises:
    utils.UserError: the model is unknown, or its cleaning is not available.
  """
  return arabert_cleaning.make_cleaner(
      model_name, "hyperparameter '%s'" % HPARAM)


def log_cleaning(config, task_name, texts):
  """Logs which texts of a task are cleaned, and why.

  Args:
    config: a FinetuningConfig.
    task_name: str.
    texts: str, the texts that are cleaned, such as "words".
  """
  utils.log("Task '%s': cleaning %s like the pre-training text of %s (%s)" % (
      task_name, texts, cleaning_model(config),
      "set by %s" % HPARAM if config.was_passed(HPARAM) else
      "recorded with the model; to disable it set \"%s\": \"%s\"" % (
          HPARAM, OFF)))


class TextCleaner:
  """Cleans the texts of one task; logs it with the first one."""

  def __init__(self, config, task_name, texts):
    """Keeps the settings; the cleaning is loaded with the first text.

    Args:
      config: a FinetuningConfig.
      task_name: str.
      texts: str, the texts that are cleaned, such as "words", for the log.
    """
    self._config = config
    self._task_name = task_name
    self._texts = texts
    self._clean = None

  def clean(self, texts):
    """Returns the cleaned texts; keeps a text that would become empty.

    Raises:
      utils.UserError: the cleaning is unknown or not available.
    """
    name = cleaning_model(self._config)
    if name is None:
      return list(texts)
    if self._clean is None:
      self._clean = make_cleaner(name)
      log_cleaning(self._config, self._task_name, self._texts)
    return [self._clean(text).strip() or text for text in texts]
