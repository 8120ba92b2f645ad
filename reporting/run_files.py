"""Reads what runs wrote into a model folder: logs, scores, errors, data."""

import collections
import glob
import json
import os

from util import model_files
from util import utils

# What a report shows. Every part is empty where a folder has no such file.
#   name: str. log: list of dict, one per logged step. runs: list of dict.
#   evaluations: list of dict, during training, the last of each step.
#   scores: {tasks: content of the results file}. errors: {task: dict or list}.
#   tags: {task: list of sentences, lists of (word, gold tag, predicted tag)}.
#   data: list of (folder, dataset_info).
Files = collections.namedtuple("Files", [
    "name", "log", "runs", "evaluations", "scores", "errors", "tags", "data"])

_SCORES, _ERRORS, _TAGS = (
    "_results.json", "_errors.json", "_dev_predictions.txt")
_ANY_TASKS = "*"


def read(folder):
  """Returns the Files of a model folder, pre-trained or fine-tuned.

  Of a fine-tuned model the scores and errors are those of its tasks, which are
  in the folder of the pre-trained model.

  Args:
    folder: path.

  Raises:
    utils.UserError: the folder has no file to report on, or a damaged one.
  """
  if not os.path.isdir(folder):
    raise utils.UserError(
        "%s: expected a model folder, found %s. Pass DATA_DIR/models/NAME, or "
        "a folder in its finetuning_models." % (
            folder, "a file" if os.path.exists(folder) else "nothing"))
  folder = os.path.abspath(folder)
  parent, name = os.path.split(folder)
  tasks, trial, results = _ANY_TASKS, "", os.path.join(folder, "results")
  is_finetuned = os.path.basename(parent) == model_files.FINETUNING_FOLDER
  if is_finetuned:
    tasks, trial = name.rsplit("_model_", 1)
    results = os.path.join(os.path.dirname(parent), "results")
  files = Files(
      name=name, log=_json_lines(os.path.join(folder, "training_log.jsonl")),
      runs=_json_lines(os.path.join(folder, "runs.jsonl")),
      evaluations=(_finetuning_evaluations(folder) if is_finetuned
                   else _evaluations(results)),
      scores={_task(path, _SCORES): utils.load_json(path)
              for path in _paths(results, tasks, _SCORES)
              if os.path.basename(path) != "unsup" + _SCORES},
      errors={_task(path, _ERRORS): utils.load_json(path)
              for kind in ("qa", "classification")
              for path in _outputs(results, tasks, kind, trial, _ERRORS)},
      tags={_task(path, _TAGS): _read_tags(path)
            for path in _outputs(results, tasks, "tagging", trial, _TAGS)},
      data=[])
  if not any((files.log, files.runs, files.evaluations, files.scores)):
    raise utils.UserError(
        "%s: has no training_log.jsonl, runs.jsonl or results. Pass a folder "
        "that run_pretraining.py or run_finetuning.py wrote." % folder)
  return files._replace(data=_data(files.runs))


def _paths(folder, stem, ending):
  """Returns the files of a folder with that stem (or any) and ending."""
  if stem != _ANY_TASKS:
    stem = glob.escape(stem)
  return sorted(glob.glob(os.path.join(glob.escape(folder), stem + ending)))


def _outputs(results, tasks, kind, trial, ending):
  """Returns the files that the evaluation of a trial wrote for its tasks.

  Where there are several trials, each has a copy in a folder of its number.
  """
  paths = []
  for folder in _paths(results, tasks, "_" + kind):
    of_trial = os.path.join(folder, "trial_" + trial)
    paths += _paths(of_trial if os.path.isdir(of_trial) else folder,
                    _ANY_TASKS, ending)
  return paths


def _task(path, ending):
  name = os.path.basename(path)[:-len(ending)]
  return name[:-len("_dev")] if name.endswith("_dev") else name


def _json_lines(path):
  """Returns the objects of a .jsonl file, [] if there is none.

  A last line that is incomplete, because its run was killed, is ignored.
  """
  if not os.path.exists(path):
    return []
  with open(path, encoding="utf-8") as f:
    lines = f.read().splitlines()
  values = []
  for number, line in enumerate(lines, 1):
    try:
      values.append(json.loads(line))
    except ValueError:
      if number < len(lines):
        raise utils.UserError("%s:%d: expected JSON. Remove the line." % (
            path, number))
  return values


def _evaluations(results):
  """Returns the evaluations of the pre-training, the last of each step."""
  path = os.path.join(results, "unsup_results_history.jsonl")
  by_step = {row["global_step"]: row for row in _json_lines(path)}
  return [by_step[step] for step in sorted(by_step)]


def _finetuning_evaluations(folder):
  """Returns the evaluations during a fine-tuning, [] if there are none."""
  path = os.path.join(folder, "evaluations.json")
  evaluations = (utils.load_json(path)["evaluations"] if os.path.exists(path)
                 else [])
  return [dict({"%s: %s" % (task, name): float(value)
                for task, scores in evaluation["results"].items()
                for name, value in scores},
               global_step=evaluation["step"]) for evaluation in evaluations]


def _read_tags(path):
  """Returns the sentences [(word, gold tag, predicted tag)] of a file."""
  with open(path, encoding="utf-8") as f:
    rows = [line.split() for line in f]
  sentences = [[]]
  for row in rows:
    if len(row) > 2:
      sentences[-1].append((row[0], row[-2], row[-1]))
    elif sentences[-1]:
      sentences.append([])
  return list(filter(None, sentences))


def _data(runs):
  """Returns [(folder, dataset_info)] of the examples of the last training."""
  found = []
  for run in reversed(runs):
    patterns = run.get("config", {}).get("pretrain_tfrecords") or ""
    for pattern in filter(None, patterns.split(",")):
      path = os.path.join(os.path.dirname(pattern), "dataset_info.json")
      if os.path.exists(path) and path not in [known for known, _ in found]:
        found.append((path, utils.load_json(path)))
    if found:
      break
  return [(os.path.dirname(path), info) for path, info in found]
