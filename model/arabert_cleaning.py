"""Text cleaning of the `arabert` package, for pre-training and fine-tuning.

For an unknown model name, or without Farasa, the package only logs a line and
returns other text (an empty string without Farasa). Here both raise an error.
"""

import contextlib
import logging
import shutil

from util import utils

# "The book is on the table". Empty after cleaning if Farasa does not work.
_SAMPLE = "الكتاب على الطاولة"


def make_cleaner(model_name, option="--model-name"):
  """Returns the function that cleans text (str to str) for an AraBERT model.

  Args:
    model_name: str, one of the package's ACCEPTED_MODELS, such as
      "araelectra-base", with or without the prefix "aubmindlab/".
    option: str, the flag or hyperparameter of the model name, for messages.

  Raises:
    UserError: the model is unknown, or the arabert package, Farasa or Java is
      missing.
  """
  preprocess = _import_preprocess()
  name = canonical_name(model_name, option)
  with _quiet():
    needs_farasa = name in preprocess.SEGMENTED_MODELS
    if needs_farasa:
      _check_java(model_name, option)
    clean_line = preprocess.ArabertPreprocessor(
        model_name=model_name).preprocess
    if needs_farasa and not _can_clean(clean_line):
      raise utils.UserError(
          "%s: %s segments words with Farasa, whose Java program failed to "
          "run. The farasapy package downloads it at first use: check the "
          "network, or use a model without Farasa, such as araelectra-base." % (
              option, model_name))
  return clean_line


def canonical_name(model_name, option="--model-name"):
  """Returns the model name without "aubmindlab/", as in dataset_info.json.

  Raises:
    UserError: the package does not know the model.
  """
  known = _import_preprocess().ACCEPTED_MODELS
  name = model_name.split("/")[-1]
  if name not in known or model_name not in (name, "aubmindlab/" + name):
    raise utils.UserError("Unknown %s '%s'. Use one of %s." % (
        option, model_name, ", ".join(sorted(known))))
  return name


def _import_preprocess():
  try:
    from arabert import preprocess  # optional: only cleaning needs it
  except ImportError as error:
    raise utils.UserError(
        "Cleaning Arabic text requires the arabert package (%s). Run: pip "
        "install arabert==1.0.1 emoji==1.4.2" % error) from None
  return preprocess


def _can_clean(clean_line):
  try:
    return bool(clean_line(_SAMPLE).strip())
  except OSError:  # BrokenPipeError: the Java program exited at once
    return False


def _check_java(model_name, option):
  if shutil.which("java") is None:
    raise utils.UserError(
        "%s: %s segments words with Farasa, which requires Java, but there is "
        "no 'java' on the PATH. Install Java, or use a model without Farasa, "
        "such as araelectra-base." % (option, model_name))


@contextlib.contextmanager
def _quiet():
  """Suppresses the log lines of the package."""
  before = logging.root.manager.disable
  logging.disable(logging.CRITICAL)
  try:
    yield
  finally:
    logging.disable(before)
