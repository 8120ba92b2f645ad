"""Texts of a task, cleaned as those that the model was pre-trained on.

A model that learned from cleaned text has never seen, for instance, a diacritic
or a bare link; what it is fine-tuned on and predicts for should look alike.
"""

from model import arabert_cleaning
from util import utils

HPARAM = "arabert_preprocessing"
OFF = "none"  # its value for no cleaning; null is what the model records


def model_of(config):
  """Returns whose cleaning the texts of a run get, None for none.

  Args:
    config: a FinetuningConfig.
  """
  name = config.arabert_preprocessing
  return None if name == OFF else name


def make_cleaner(model_name):
  """Returns the function of a text that returns it cleaned.

  Args:
    model_name: str, as in `arabert_cleaning.make_cleaner`.

  Raises:
    utils.UserError: there is no such model, or the cleaning cannot be done.
  """
  return arabert_cleaning.make_cleaner(
      model_name, "hyperparameter '%s'" % HPARAM)


def say(config, task_name, what):
  """Logs what of a task is cleaned, and why.

  Args:
    config: a FinetuningConfig.
    task_name: str.
    what: str, such as "texts %s"; "are cleaned as those of ..." goes in.
  """
  name = model_of(config)
  reason = ("as asked for" if config.was_passed(HPARAM) else
            "as recorded with the model; \"%s\": \"%s\" leaves it out" % (
                HPARAM, OFF))
  utils.log("Task '%s': %s" % (
      task_name, what % "are cleaned as those of %s (%s)" % (name, reason)))


class TextCleaner:
  """Cleans the texts of one task; says so when the first one is."""

  def __init__(self, config, task_name, what):
    """Prepares nothing yet: many runs only load the task.

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
    """Returns a list of texts cleaned; one that would be left empty stays.

    Raises:
      utils.UserError: the cleaning cannot be done.
    """
    name = model_of(self._config)
    if name is None:
      return list(texts)
    if self._clean is None:
      self._clean = make_cleaner(name)
      say(self._config, self._task_name, self._what + " %s")
    return [self._clean(text).strip() or text for text in texts]
