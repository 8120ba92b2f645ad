"""The cleaning of the `arabert` package, for builders and for fine-tuning.

The package answers an unknown model name, and a missing Farasa, with a log line
and other text than asked for (an empty one without Farasa); here both are
errors.
"""

import contextlib
import logging
import shutil

from util import utils

# What Farasa must split into more than nothing: "the book is on the table".
_SAMPLE = "الكتاب على الطاولة"


def make_cleaner(model_name, option="--model-name"):
  """Returns the function (text to cleaned line) of an AraBERT model's cleaning.

  Args:
    model_name: str, one of the package's ACCEPTED_MODELS, such as
      "araelectra-base"; "aubmindlab/" before it is fine.
    option: str, the flag or hyperparameter that names the model, for messages.

  Raises:
    UserError: the name is not one of those, or what its cleaning needs is
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
          "%s %s segments words with Farasa, whose Java program could not be "
          "run; the farasapy package downloads it at first use (is there a "
          "network?). A model that needs none: araelectra-base." % (
              option, model_name))
  return clean_line


def canonical_name(model_name, option="--model-name"):
  """Returns the name without the publisher's, as dataset_info.json records it.

  Raises:
    UserError: no such model is known to the package.
  """
  known = _import_preprocess().ACCEPTED_MODELS
  name = model_name.split("/")[-1]
  if name not in known or model_name not in (name, "aubmindlab/" + name):
    raise utils.UserError("Unknown %s '%s'; use one of %s." % (
        option, model_name, ", ".join(sorted(known))))
  return name


def _import_preprocess():
  try:
    from arabert import preprocess  # optional: only cleaning needs it
  except ImportError as error:
    raise utils.UserError(
        "Expected the arabert package, which cleans Arabic text: pip install "
        "arabert==1.0.1 emoji==1.4.2 (%s)." % error) from None
  return preprocess


def _can_clean(clean_line):
  try:
    return bool(clean_line(_SAMPLE).strip())
  except OSError:  # BrokenPipeError: the Java program ended at once
    return False


def _check_java(model_name, option):
  if shutil.which("java") is None:
    raise utils.UserError(
        "%s %s segments words with Farasa, which needs Java; no 'java' on the "
        "PATH. A model that needs none: araelectra-base." % (
            option, model_name))


@contextlib.contextmanager
def _quiet():
  """Keeps the package's log lines from the screen; errors are raised here."""
  before = logging.root.manager.disable
  logging.disable(logging.CRITICAL)
  try:
    yield
  finally:
    logging.disable(before)
