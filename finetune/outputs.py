"""The files that a run writes: scores of all trials, test predictions."""

import json
import os
import statistics

from finetune import scorer
from util import utils


def write_results(config, trials):
  """Writes the scores of the trials so far as text, JSON and pickle.

  - `results_txt`: one line for each trial and task, as the reference writes
    them ("rte: accuracy: 84.12 - loss: 0.41"), then a line for each task and
    score over all trials, where there are several; then, where these are the
    scores of the best weights and not of the last, a line with both steps for
    each trial and task.
  - the .json next to it: all of `trials` and the summary.
  - `results_pkl`: a list with {task: {score: value}} for each trial.

  Args:
    config: a FinetuningConfig.
    trials: list of {"trial": int, "seed": int, "global_step": int,
      "checkpoint": str, "results": {task: {score: float}}}, with or without
      "last": {"global_step": int, "results": {task: {score: float}}}. Trial and
      seed are None for weights of unknown origin.
  """
  results = [trial["results"] for trial in trials]
  summary = summarize(results) if len(results) > 1 else {}
  lines = ["%s: %s" % (task, results_line(scores))
           for result in results for task, scores in result.items()]
  lines += summary_lines(summary)
  lines += [line for trial in trials for line in _lines_of_last(trial)]
  with utils.write_atomically(config.results_txt) as f:
    f.write("\n".join(lines) + "\n")
  utils.write_json({"trials": trials, "summary": summary},
                   config.results_json())
  utils.write_pickle(results, config.results_pkl)
  utils.log("Wrote the scores of %d trial%s to %s (and .json, .pkl)" % (
      len(trials), "" if len(trials) == 1 else "s", config.results_txt))


def keep_trial_results(config):
  """Returns the config to write the scores of one trained model with.

  If the results files hold those of several trials, they are kept, and the
  scores go to other files in that folder, called "<tasks>_evaluation".
  """
  path = config.results_json()
  results = utils.load_json(path) if utils.exists(path) else None
  trials = results.get("trials") if isinstance(results, dict) else None
  if not isinstance(trials, list) or len(trials) < 2:
    return config
  stem = os.path.join(os.path.dirname(path),
                      "%s_evaluation" % config.tasks_name())
  utils.log("Keeping %s (%d trials); writing the scores of this model to "
            "%s.txt" % (config.results_txt, len(trials), stem))
  return config.replace(results_txt=stem + ".txt", results_pkl=stem + ".pkl")


def summarize(results):
  """Returns {task: {score: {"mean", "std", "median", "best"}}} over trials.

  Args:
    results: list of {task: {score: float}}, at least two. The standard
      deviation is that of a sample (n - 1).
  """
  summary = {}
  for task, scores in results[0].items():
    summary[task] = {}
    for name in scores:
      values = [result[task][name] for result in results]
      summary[task][name] = {"mean": statistics.mean(values),
                             "std": statistics.stdev(values),
                             "median": statistics.median(values),
                             "best": (min if scorer.is_lower_better(name)
                                      else max)(values)}
  return summary


def summary_lines(summary):
  """Returns `summary` as lines of text, one for each task and score."""
  return ["%s %s over trials: mean %.2f - std %.2f - median %.2f - "
          "best %.2f" % (task, name, values["mean"], values["std"],
                         values["median"], values["best"])
          for task, scores in summary.items()
          for name, values in scores.items()]


def _lines_of_last(trial):
  """Returns lines with the best and last step; [] without "last" scores."""
  if "last" not in trial:
    return []
  number = "" if trial["trial"] is None else " trial %d" % trial["trial"]
  return ["%s%s: best at step %d, last at step %d: %s" % (
      task, number, trial["global_step"], trial["last"]["global_step"],
      results_line(scores))
          for task, scores in trial["last"]["results"].items()]


def results_line(scores):
  """Returns {score: value} as "accuracy: 84.12 - loss: 0.41"."""
  return " - ".join("%s: %.2f" % item for item in scores.items())


def write_scorer_files(task_scorer):
  """Writes the files of a scored split (`Scorer.get_files`), atomically."""
  files = task_scorer.get_files()
  for path, content in files.items():
    extension = os.path.splitext(path)[1]
    if extension == ".json":
      utils.write_json(content, path)
    elif extension == ".pkl":
      utils.write_pickle(content, path)
    else:
      with utils.write_atomically(path) as f:
        f.write(content)
  if files:
    utils.log("Wrote %s" % ", ".join(files))


def write_test_outputs(config, task_name, split, trial, task_scorer):
  """Writes the test predictions and submission files of a Scorer."""
  write_test_predictions(config, task_name, split, trial,
                         task_scorer.get_test_predictions())
  submission = task_scorer.get_submission()
  if submission:
    write_submission(config, trial, *submission)


def keep_dev_outputs(config, trial):
  """Copies a trial's dev set outputs, which the next trial overwrites.

  Answers and tags of the dev set are written to the reference's paths, which do
  not name the trial. The copies are in subfolders "trial_1", "trial_2" ...
  """
  for folder in config.dev_output_folders():
    if not utils.isdir(folder):
      continue
    target = os.path.join(folder, "trial_%d" % trial)
    for name in utils.listdir(folder):
      path = os.path.join(folder, name)
      if not utils.isdir(path):
        utils.copy(path, os.path.join(target, name))


def write_predictions(config, trial, task_scorer):
  """Writes the predictions for `predict_file` as JSON lines and text.

  One JSON object per example, in the order of the file, and next to it a text
  file, such as .tsv, if the scorer provides one.

  Args:
    config: a FinetuningConfig.
    trial: int, from 1. With several trials each has its own files, and
      `predict_output_file` holds those of the last trial.
    task_scorer: a Scorer that saw every example.
  """
  predictions = task_scorer.get_predictions()
  paths = dict.fromkeys([config.predictions_file(trial),
                         config.predict_output_file])
  as_text = task_scorer.get_predictions_as_text()
  for path in paths:
    if utils.exists(path):
      utils.log("Replacing the predictions in %s" % path)
    with utils.write_atomically(path) as f:
      for prediction in predictions:
        f.write(json.dumps(_rounded(prediction), ensure_ascii=False) + "\n")
    if as_text:
      with utils.write_atomically(os.path.splitext(path)[0] + as_text[0]) as f:
        f.write(as_text[1])
    utils.log("Wrote {:,} predictions to {}{}".format(
        len(predictions), path, " (and %s)" % as_text[0] if as_text else ""))


def _rounded(value):
  """Returns a JSON value with floats rounded to six significant digits."""
  if isinstance(value, dict):
    return {name: _rounded(item) for name, item in value.items()}
  if isinstance(value, list):
    return list(map(_rounded, value))
  return float("%.6g" % value) if isinstance(value, float) else value


def write_submission(config, trial, file_name, text):
  """Writes a file for a leaderboard to the trial's submission folder."""
  path = os.path.join(config.submission_dir(trial), file_name)
  with utils.write_atomically(path) as f:
    f.write(text)
  utils.log("Wrote %s" % path)


def write_test_predictions(config, task_name, split, trial, predictions):
  """Writes the predictions for an unlabeled split as pickle and JSON."""
  path = config.test_predictions(task_name, split, trial)
  json_path = os.path.splitext(path)[0] + ".json"
  utils.write_json(predictions, json_path)
  utils.write_pickle(predictions, path)
  utils.log("Wrote {:,} {} {} predictions to {} (and .json)".format(
      len(predictions), task_name, split, path))
