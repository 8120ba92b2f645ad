"""The files that travel with a model, and the tokenizer settings among them.

A model folder:
  vocab.txt               one WordPiece token per line
  tokenizer_config.json   TokenizerSettings
  config.json             sizes of the encoder (BertConfig)
  model.ckpt-<step>.*     the weights
  data_position.json      examples read in pre-training, by batch size
  finetuning_models/<tasks>_model_<trial>/
    the same, and
    finetuning_run.json   hyperparameters and data the model was trained with
    labels.json           what its tasks learned from their training data
    best/                 the same with the best weights of the training

Importing this module does not import TensorFlow.
"""

import collections
import os

from util import json_fields
from util import utils

VOCAB = "vocab.txt"
TOKENIZER_CONFIG = "tokenizer_config.json"
MODEL_CONFIG = "config.json"
RUN_RECORD = "finetuning_run.json"
LABELS = "labels.json"
FINETUNING_FOLDER = "finetuning_models"
BEST_FOLDER = "best"
RELEASED_FOLDER = "released"  # a copy of weights without optimizer slots
TASK_DECLARATION = "task.json"  # in the folder of a task's data

TASK_KINDS = ("classification", "tagging", "qa")  # of heads

TASKS_SCOPE = "task_specific"  # variables: task_specific/<task>/...

_FIELDS = collections.OrderedDict([
    ("do_lower_case", json_fields.optional(json_fields.FLAG)),
    ("strip_accents", json_fields.optional(json_fields.FLAG)),
    ("preprocessing", json_fields.optional(json_fields.TEXT))])


class TokenizerSettings(
    collections.namedtuple("TokenizerSettings", list(_FIELDS))):
  """How text becomes tokens; None where a setting is unknown.

  Attributes:
    do_lower_case: bool, whether text is lower-cased.
    strip_accents: bool, whether accents are removed.
    preprocessing: str, how text was cleaned: "arabert..."; None: not at all.
  """
  __slots__ = ()

  def __new__(cls, do_lower_case=None, strip_accents=None, preprocessing=None):
    return super().__new__(cls, do_lower_case, strip_accents, preprocessing)

  @classmethod
  def read(cls, folder):
    """Returns the settings that a model folder records.

    Args:
      folder: str; without a tokenizer_config.json all settings are None.

    Raises:
      utils.UserError: the file is not a JSON object, or a value is invalid.
    """
    path = os.path.join(folder, TOKENIZER_CONFIG)
    return cls.from_entries(read_tokenizer_config(folder), path)

  @classmethod
  def from_entries(cls, entries, where):
    """Returns the settings among the entries of a JSON object.

    Args:
      entries: dict.
      where: str, the file, for the message.

    Raises:
      utils.UserError: a value is invalid.
    """
    json_fields.check(_FIELDS, entries, where)
    return cls(**{name: entries.get(name) for name in _FIELDS})

  def known(self):
    """Returns {name: value} of the settings that are not None."""
    return {name: value for name, value in self._asdict().items()
            if value is not None}

  def reconcile(self, recorded, conflict_message,
                must_agree=("do_lower_case", "strip_accents")):
    """Returns these settings, with unknown ones from another source.

    Args:
      recorded: TokenizerSettings of a file.
      conflict_message: function (name, own value, recorded value) that returns
        the message of the error.
      must_agree: names of the settings for which two different values are an
        error; for other settings the own value wins.

    Raises:
      utils.UserError: a setting that must agree does not.
    """
    own, theirs = self.known(), recorded.known()
    for name in must_agree:
      if name in own and name in theirs and own[name] != theirs[name]:
        raise utils.UserError(conflict_message(name, own[name], theirs[name]))
    return TokenizerSettings(**dict(theirs, **own))

  def with_defaults(self):
    """Returns complete settings: no lower-casing, accents stripped with it."""
    lower_case = bool(self.do_lower_case)
    return self._replace(
        do_lower_case=lower_case,
        strip_accents=(lower_case if self.strip_accents is None
                       else self.strip_accents))

  def write(self, folder, other_entries=None, is_cleaning_known=True):
    """Writes tokenizer_config.json.

    Args:
      folder: str, the model folder.
      other_entries: dict, what else the file is to hold.
      is_cleaning_known: bool, whether a `preprocessing` of None means that text
        was not cleaned; if not, it is not written.
    """
    entries = self._asdict()
    if self.preprocessing is None and not is_cleaning_known:
      del entries["preprocessing"]
    write_tokenizer_config(folder, dict(other_entries or {}, **entries))


def read_tokenizer_config(folder):
  """Returns all entries of tokenizer_config.json; {} if there is none."""
  return json_fields.load_object(os.path.join(folder, TOKENIZER_CONFIG), {})


def write_tokenizer_config(folder, entries):
  """Writes all entries of tokenizer_config.json."""
  utils.write_json(entries, os.path.join(folder, TOKENIZER_CONFIG))
