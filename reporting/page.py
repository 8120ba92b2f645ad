"""Writes a report as one HTML page that needs no other file and no network."""

import collections
import html
import json
import os
import statistics

from reporting import curves

# (key of the training log, title with unit)
_CURVES = (
    ("loss", "total loss"), ("mlm_loss", "generator loss (nats per token)"),
    ("disc_loss", "discriminator loss (nats per token)"),
    ("masked_lm_accuracy", "generator accuracy on masked tokens"),
    ("disc_accuracy", "discriminator accuracy"),
    ("disc_precision", "precision on replaced tokens"),
    ("disc_recall", "recall on replaced tokens"),
    ("learning_rate", "learning rate"), ("grad_norm", "gradient norm"),
    ("tokens_per_second", "tokens per second"),
    ("examples_per_second", "examples per second"),
    ("mfu", "model-FLOPs utilisation"))
_SPEEDS = ("tokens_per_second", "examples_per_second", "mfu")
_MAX_ERRORS = 20
_MAX_LABELS = 20

with open(os.path.join(os.path.dirname(os.path.abspath(__file__)),
                       "page.css"), encoding="utf-8") as _f:
  _STYLE = _f.read()


def render(files):
  """Returns the HTML of a run_files.Files."""
  sections = [
      ("Scores", _scores(files.scores)),
      ("Evaluations during training", _evaluations(files.evaluations)),
      ("Training", _training(files.log)),
      ("Confusion", _confusions(files)),
      ("Worst errors", _errors(files.errors) + _wrong_tags(files.tags)),
      ("Data", _data(files.data)),
      ("Runs", _runs(files.runs))]
  body = "".join("<section><h2>%s</h2>%s</section>" % section
                 for section in sections if section[1])
  return ('<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8">'
          '<meta name="viewport" content="width=device-width, '
          'initial-scale=1"><title>%s</title><style>%s</style></head>'
          "<body><h1>%s</h1>%s</body></html>\n" % (
              _text(files.name), _STYLE, _text(files.name), body))


def _text(value):
  return html.escape(str(value))


def _table(header, rows, css_class=""):
  """Returns a table. Cells of `rows` are HTML; those of `header` are text."""
  return '<div class="wide"><table class="%s"><tr>%s</tr>%s</table></div>' % (
      css_class, "".join("<th>%s</th>" % _text(name) for name in header),
      "".join("<tr>%s</tr>" % "".join("<td>%s</td>" % cell for cell in row)
              for row in rows))


def _scores(scores):
  """Returns a table for each run: a row for each score, a column per trial."""
  parts = []
  for content in scores.values():
    trials = content["trials"]
    tasks = collections.OrderedDict(
        (task, list(values)) for task, values in trials[0]["results"].items())
    for task, names in tasks.items():
      rows = []
      for name in names:
        values = [trial["results"][task][name] for trial in trials]
        row = [_text(name)] + ["%.2f" % value for value in values]
        if len(values) > 1:
          row += ["%.2f ± %.2f" % (statistics.mean(values),
                                   statistics.stdev(values))]
        rows.append(row)
      header = ["score"] + ["trial %s" % (trial.get("trial") or "")
                            for trial in trials]
      parts.append("<h3>%s</h3>%s" % (_text(task), _table(
          header + ["mean ± standard deviation"] * (len(trials) > 1), rows,
          "numbers")))
  return "".join(parts)


def _evaluations(evaluations):
  if not evaluations:
    return ""
  names = [name for name in evaluations[-1] if name != "global_step"]
  latest = evaluations[-8:]
  return _table(
      ["score"] + [
          "step {:,}".format(row["global_step"]) for row in latest],
      [[_text(name)] + ["%.4f" % row[name] if isinstance(
          row.get(name), float) else "" for row in latest] for name in names],
      "numbers")


def _training(log):
  """Returns the curves of a training log."""
  by_step = {row["step"]: row for row in log if "step" in row}
  rows = [by_step[step] for step in sorted(by_step)]
  figures = []
  for key, title in _CURVES:
    # The speed before the first step is not known, and logged as 0.
    points = [(row["step"], row[key]) for row in rows
              if isinstance(row.get(key), (int, float)) and (
                  row[key] or key not in _SPEEDS)]
    if points:
      figures.append("<figure><figcaption>%s</figcaption>%s</figure>" % (
          title, curves.chart(points, "step", title)))
  return '<div class="figures">%s</div>' % "".join(figures) if figures else ""


def _confusions(files):
  """Returns the confusion matrices of classifications and taggers."""
  parts = []
  for task, errors in files.errors.items():
    if isinstance(errors, dict):
      parts.append((task, errors["labels"], errors["confusion"]))
  for task, sentences in files.tags.items():
    pairs = [(gold, predicted) for sentence in sentences
             for _, gold, predicted in sentence]
    counts = collections.Counter(pairs)
    frequency = collections.Counter(gold for gold, _ in pairs)
    labels = [label for label, _ in frequency.most_common(_MAX_LABELS)]
    parts.append((task, labels, [[counts[gold, predicted]
                                  for predicted in labels] for gold in labels]))
  return "".join(_confusion(*part) for part in parts)


def _confusion(task, labels, counts):
  """Returns one matrix, darker where a cell has more of its row."""
  rows = []
  for label, row in zip(labels[:_MAX_LABELS], counts):
    total = max(1, sum(row))
    rows.append(["<b>%s</b>" % _text(label)] + [
        '<span class="cell" style="--share:%.2f">%d</span>' % (
            count / float(total), count) for count in row[:_MAX_LABELS]])
  note = "" if len(labels) <= _MAX_LABELS else (
      "<p>The first %d of %d labels.</p>" % (_MAX_LABELS, len(labels)))
  return "<h3>%s</h3><p>Rows: gold; columns: predicted.</p>%s%s" % (
      _text(task), note, _table([""] + labels[:_MAX_LABELS], rows, "numbers"))


def _errors(errors):
  parts = []
  for task, content in errors.items():
    is_qa = isinstance(content, list)
    worst = [error for error in content if error["f1"] < 100] if is_qa else (
        content["worst"])
    show = answer if is_qa else _wrong_label
    if worst:
      parts.append("<h3>%s</h3>%s" % (_text(task), "".join(
          map(show, worst[:_MAX_ERRORS]))))
  return "".join(parts)


def answer(error):
  """Returns a question, its answer marked in the context, and the gold.

  Args:
    error: {"question", "context", "start", "end", "f1", "probability", "gold"}:
      start and end are characters of the context, None for no answer; f1 is in
      percent; gold is a list.
  """
  context = error["context"]
  if error["start"] is None:
    marked = _text(context)
  else:
    start, end = error["start"], error["end"]
    marked = "%s<mark>%s</mark>%s" % tuple(map(_text, (
        context[:start], context[start:end], context[end:])))
  return ('<article><p dir="auto"><b>%s</b></p><p dir="auto">%s</p>'
          '<p class="facts">F1 %.0f%s; gold: %s</p></article>' % (
              _text(error["question"]), marked, error["f1"],
              _probability(error["probability"]),
              ", ".join('<bdi class="gold">%s</bdi>' % _text(
                  answer or "(no answer)") for answer in sorted(set(
                      error["gold"])))))


def _wrong_label(error):
  texts = [error[name] for name in ("text", "text_a", "text_b")
           if name in error]
  return ('<article>%s<p class="facts">predicted <mark>%s</mark>%s; gold: '
          '<bdi class="gold">%s</bdi></p></article>' % (
              "".join('<p dir="auto">%s</p>' % _text(text) for text in texts),
              _text(error["label"]), _probability(error["probability"]),
              _text(error["gold"])))


def _wrong_tags(tags):
  """Returns the sentences with the most wrong tags, which are marked."""
  parts = []
  for task, sentences in tags.items():
    worst = sorted(filter(_num_wrong, sentences), key=_num_wrong, reverse=True)
    if worst:
      parts.append("<h3>%s</h3>%s" % (_text(task), "".join(
          map(_tagged, worst[:_MAX_ERRORS]))))
  return "".join(parts)


def _num_wrong(sentence):
  return sum(gold != predicted for _, gold, predicted in sentence)


def _tagged(sentence):
  """Returns a sentence; after wrong words, predicted and gold tag."""
  words = [_text(word) if gold == predicted else
           '<mark>%s</mark> <bdi class="facts">%s, gold: %s</bdi>' % tuple(
               map(_text, (word, predicted, gold)))
           for word, gold, predicted in sentence]
  return '<article><p dir="auto">%s</p></article>' % " ".join(words)


def _probability(value):
  return "" if value is None else ", probability %.2f" % value


def _data(data):
  """Returns a card for each folder of pre-training examples."""
  parts = []
  for folder, info in data:
    rows = [[_text(key), "{:,}".format(value) if isinstance(
        value, int) and not isinstance(value, bool) else _text(
            json.dumps(value, ensure_ascii=False))]
            for key, value in sorted(info.items()) if key != "files"]
    parts.append("<h3>%s</h3>%s" % (_text(folder), _table(
        ["property", "value"], rows)))
  return "".join(parts)


def _runs(runs):
  """Returns each run's time, command and changed hyperparameters.

  Those with default values are folded.
  """
  parts = []
  for run in runs:
    config = run.get("config", {})
    changed = {name: config[name] for name in run.get("changed", ())}
    parts.append(
        "<article><p><b>%s</b>, seed %s, %s, commit %s</p><pre>%s</pre>%s"
        "<details><summary>all %d hyperparameters</summary>%s</details>"
        "</article>" % (
            _text(run.get("time", "")), _text(run.get("seed", "")),
            _text(", ".join("%s %s" % item for item in sorted(
                run.get("versions", {}).items()))),
            _text(str(run.get("git", {}).get("commit", "unknown"))[:10]),
            _text(" ".join(run.get("command", []))),
            _hyperparameters(changed) if changed else "", len(config),
            _hyperparameters(config)))
  return "".join(parts)


def _hyperparameters(values):
  return _table(["hyperparameter", "value"], [
      [_text(name), _text(json.dumps(value, ensure_ascii=False))]
      for name, value in sorted(values.items())])
