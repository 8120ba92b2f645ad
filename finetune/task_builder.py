"""Builds tasks by name. The only module that imports the concrete tasks.

A task without a class is declared in `finetuning_data/<name>/task.json`; see
finetune/task_declaration.py.

To add a task: subclass finetune.task.Task (or ClassificationTask, QATask,
TaggingTask) with a constructor `(config, tokenizer)` and add it to the table
below or, with another constructor, to `get_task`; or call `register` before
the run.
"""

import functools

from finetune import task_declaration
from finetune import task_metadata
from finetune.classification import classification_tasks
from finetune.classification import glue_tasks
from finetune.classification import multi_label_tasks
from finetune.qa import qa_tasks
from finetune.tagging import tagging_tasks
from model import tokenization
from util import json_fields
from util import model_files
from util import utils

_TASK_CLASSES = {
    "arcd": qa_tasks.ARCD,
    "chunk": tagging_tasks.Chunking,
    "cola": glue_tasks.CoLA,
    "mnli": glue_tasks.MNLI,
    "mrpc": glue_tasks.MRPC,
    "naturalqs": qa_tasks.NaturalQuestions,
    "ner": tagging_tasks.NER,
    "newsqa": qa_tasks.NewsQA,
    "pos": tagging_tasks.POS,
    "qnli": glue_tasks.QNLI,
    "qqp": glue_tasks.QQP,
    "rte": glue_tasks.RTE,
    "searchqa": qa_tasks.SearchQA,
    "squad": qa_tasks.SQuAD,
    "squadv1": qa_tasks.SQuADv1,
    "sst": glue_tasks.SST,
    "sts": glue_tasks.STS,
    "triviaqa": qa_tasks.TriviaQA,
    "tydiqa": qa_tasks.TyDiQA,
}
# Other names of tasks and data sets, without punctuation: {name: task}.
_OTHER_NAMES = dict(
    {"squad%s2%s" % affixes: "squad" for affixes in (
        ("", ""), ("", "0"), ("v", ""), ("v", "0"))},
    squad1="squadv1", squad11="squadv1", squadv11="squadv1", stsb="sts",
    sst2="sst", tydi="tydiqa", nq="naturalqs", naturalquestions="naturalqs",
    anercorp="ner", conll2003="ner", conll2000="chunk", chunking="chunk",
    upos="pos")
# Functions of (config, tokenizer, declaration), by kind of declaration.
_DECLARED_KINDS = {
    "classification": multi_label_tasks.build_classification,
    "qa": qa_tasks.QATask.from_declaration,
    "regression": classification_tasks.RegressionTask.from_declaration,
    "tagging": tagging_tasks.TaggingTask.from_declaration,
}


def register(name, task_class):
  """Registers a task under `name`.

  Args:
    name: str, as in `task_names`.
    task_class: subclass of finetune.task.Task, or a function, that takes
      `(config, tokenizer)`.

  Raises:
    utils.UserError: another task has that name.
  """
  if _TASK_CLASSES.get(name, task_class) is not task_class:
    raise utils.UserError(
        "Task '%s' is already registered (%s). Choose another name." % (
            name, _TASK_CLASSES[name].__name__))
  _TASK_CLASSES[name] = task_class


def get_tasks(config):
  """Returns the list of Tasks that `config.task_names` names, in that order.

  Raises:
    utils.UserError: a name is unknown, or a task.json or the vocabulary is
      invalid.
  """
  tokenizer = tokenization.FullTokenizer(
      config.vocab_file, do_lower_case=config.do_lower_case,
      strip_accents=config.strip_accents)
  tasks = [get_task(config, name, tokenizer) for name in config.task_names]
  for task in tasks:
    task.join(tasks)
  return tasks


def get_task(config, task_name, tokenizer):
  """Returns the Task of that name.

  Raises:
    utils.UserError: the name is unknown, or its task.json is invalid.
  """
  return _get_factory(config, task_name)(config, tokenizer)


def _get_factory(config, name):
  """Returns the function of (config, tokenizer) that returns task `name`."""
  path = task_declaration.path_of(config, name)
  declaration = (None if name in _TASK_CLASSES else
                 _find_declaration(config, name, path))
  if declaration:
    return functools.partial(_DECLARED_KINDS[declaration.kind],
                             declaration=declaration)
  if name not in _TASK_CLASSES:
    known = sorted(_TASK_CLASSES) + _declared_names(config)
    near = _OTHER_NAMES.get(json_fields.letters_of(name)) or (
        json_fields.nearest(name, known))
    raise utils.UserError(
        "task_names: unknown task '%s'.%s Known are: %s, and tasks with a %s "
        "(none at %s)." % (
            name, " Did you mean '%s'?" % near if near else "",
            ", ".join(known), model_files.TASK_DECLARATION, path))
  if utils.exists(path):
    raise utils.UserError(
        "%s: '%s' is a built-in task. Rename the folder to declare your own "
        "task, or remove the file." % (path, name))
  return _TASK_CLASSES[name]


def _declared_names(config):
  """Returns the names of the tasks declared in finetuning_data."""
  folder = config.raw_data_dir("")
  names = utils.listdir(folder) if utils.isdir(folder) else []
  return [name for name in names
          if utils.exists(task_declaration.path_of(config, name))]


def _find_declaration(config, name, path):
  """Returns the Declaration at `path` or of the model, or None."""
  recorded = task_metadata.recorded(config, name, "declaration") or {}
  if utils.exists(path):
    return task_declaration.load(path, name, recorded.get("format"))
  if recorded:
    return task_declaration.check(
        recorded, task_metadata.path_of(config.model_folder()), name)
  return None
