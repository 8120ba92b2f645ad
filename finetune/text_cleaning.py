"""Cleans the texts of a task like the model's pre-training text.

A model pre-trained on cleaned text has never seen, for instance, a diacritic or
a bare link; fine-tuning and prediction texts should look the same.
"""

from model import arabert_cleaning
from util import utils

HPARAM = "arabert_preprocessing"
OFF = "none"  # value for no cleaning; null: as recorded with the model


def model_of(config):
  """Returns the name of the model whose cleaning applies, None for none.

  Args:
    config: a FinetuningConfig.
  """
  name = config.arabert_preprocessing
  return None if name == OFF else name


def make_cleaner(model_name):
  """Returns a function str -> str that cleans a text.

  Args:
    model_name: str, as in `arabert_cleaning.make_cleaner`.

  Raises:
    utils.UserError: the model is unknown, or a dependency is missing.
  """
  return arabert_cleaning.make_cleaner(
      model_name, "hyperparameter '%s'" % HPARAM)


def log_cleaning(config, task_name, what):
  """Logs which texts of a task are cleaned, and why.

  Args:
    config: a FinetuningConfig.
    task_name: str.
    what: str, such as "texts %s"; %s becomes "are cleaned as for ...".
  """
  name = model_of(config)
  reason = ("as requested" if config.was_passed(HPARAM) else
            "as recorded with the model; \"%s\": \"%s\" turns it off" % (
                HPARAM, OFF))
  utils.log("Task '%s': %s" % (
      task_name, what % "are cleaned as for %s (%s)" % (name, reason)))


class TextCleaner:
  """Cleans the texts of one task; logs it once, on first use."""

  def __init__(self, config, task_name, what):
    """Stores the arguments; the cleaner is created on first use.

    Args:
      config: a FinetuningConfig.
      task_name: str.
      what: str, what is cleaned, such as "texts".
    """
    self._config = config
    self._task_name = task_name
    self._what = what
    self._clean = None

  def clean(self, texts):
    """Returns cleaned texts; one that would become empty is not changed.

    Raises:
      utils.UserError: the model is unknown, or a dependency is missing.
    """
    name = model_of(self._config)
    if name is None:
      return list(texts)
    if self._clean is None:
      self._clean = make_cleaner(name)
      log_cleaning(self._config, self._task_name, self._what + " %s")
    return [self._clean(text).strip() or text for text in texts]
