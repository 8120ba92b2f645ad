"""Tests for report.py: a page of what runs wrote, in a real browser."""

import html.parser
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import unittest

from finetune import evaluations
import report
from reporting import curves
from reporting import page
from reporting import run_files
from util import utils

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
CHROMIUM = shutil.which("chromium") or shutil.which("google-chrome")
CONTEXT = "ولدت سلمى في بيروت. <script>alert(1)</script>"
SCORES = {"trials": [
    {"trial": trial, "results": {"arcd": {"exact_match": value, "f1": 50.0}}}
    for trial, value in ((1, 30.0), (2, 34.0))], "summary": {}}
ANSWER = {"id": "q1", "question": "أين ولدت سلمى؟", "answer": "بيروت",
          "start": 13, "end": 18, "probability": 0.75, "context": CONTEXT,
          "gold": ["في بيروت"], "f1": 66.7}


def write(path, content):
  """Writes a file: text, or an object as JSON."""
  os.makedirs(os.path.dirname(path), exist_ok=True)
  with open(path, "w", encoding="utf-8") as f:
    f.write(content if isinstance(content, str) else json.dumps(content))


def write_model(folder):
  """Writes what a pre-training and two fine-tunings write, without weights."""
  model = os.path.join(folder, "models", "tiny")
  examples = os.path.join(folder, "pretrain_tfrecords")
  write(os.path.join(examples, "dataset_info.json"),
        {"num_examples": 12345, "files": []})
  write(os.path.join(model, "runs.jsonl"), json.dumps({
      "time": "2024-05-06T07:08:09Z", "seed": 3, "command": ["run", "<b>"],
      "versions": {"python": "3.7.16"}, "git": {"commit": "abcdef0123456789"},
      "config": {"pretrain_tfrecords": examples + "/*.tfrecord*", "seed": 3},
      "changed": ["seed"]}) + "\n")
  log = [{"step": step, "loss": 30.0 / step, "tokens_per_second": step - 1}
         for step in (1, 2, 3)]
  # A killed run logs again from its last checkpoint, and cuts its last line.
  write(os.path.join(model, "training_log.jsonl"), "".join(
      json.dumps(row) + "\n" for row in log + log[1:]) + '{"step": 4, "lo')
  results = os.path.join(model, "results")
  write(os.path.join(results, "unsup_results_history.jsonl"),
        '{"global_step": 3, "disc_auc": 0.625}\n')
  write(os.path.join(results, "arcd_results.json"), SCORES)
  for trial in (1, 2):
    write(os.path.join(results, "arcd_qa", "trial_%d" % trial,
                       "arcd_errors.json"), [dict(ANSWER, f1=10.0 * trial)])
  write(os.path.join(results, "arcd_qa", "arcd_errors.json"),
        [dict(ANSWER, f1=20.0)])
  write(os.path.join(results, "sst_classification", "sst_dev_errors.json"), {
      "labels": ["bad", "good"], "confusion": [[7, 1], [2, 90]],
      "worst": [{"id": "4", "text": "ممل", "label": "good", "gold": "bad",
                 "probability": 0.99}]})
  write(os.path.join(results, "ner_tagging", "ner_dev_predictions.txt"),
        "قال O O\n\nسلمى B-PER O\nفي O O\n\n")
  finetuned = os.path.join(model, "finetuning_models", "arcd_model_1")
  write(os.path.join(finetuned, "runs.jsonl"), '{"seed": 0}\n')
  history = evaluations.Evaluations(finetuned)
  for step, value in ((5, 20.0), (10, 25.5)):
    prefix = os.path.join(finetuned, "model.ckpt-%d" % step)
    write(prefix + ".index", "")
    history.add(step, {"arcd": {"exact_match": value, "f1": 30}}, prefix)
  return model, finetuned


class Checker(html.parser.HTMLParser):
  """Fails on tags that do not nest; collects the addresses of resources."""

  def __init__(self):
    super().__init__()
    self.open_tags, self.addresses = [], []

  def handle_starttag(self, tag, attrs):
    self.addresses += [value for name, value in attrs
                       if name in ("src", "href")]
    if tag not in ("meta", "path", "circle"):
      self.open_tags.append(tag)

  def handle_startendtag(self, tag, attrs):
    pass

  def handle_endtag(self, tag):
    if tag in ("path", "circle"):
      return
    assert self.open_tags.pop() == tag, tag


class ReportTest(unittest.TestCase):

  def setUp(self):
    super().setUp()
    temporary = tempfile.TemporaryDirectory()
    self.addCleanup(temporary.cleanup)
    self.folder = temporary.name
    self.model, self.finetuned = write_model(self.folder)

  def html_of(self, folder):
    return page.render(run_files.read(folder))

  def test_command_writes_the_page_without_tensorflow(self):
    command = [sys.executable, os.path.join(ROOT, "report.py"), self.model]
    subprocess.check_output(command)
    with open(os.path.join(self.model, "report.html"), encoding="utf-8") as f:
      self.assertIn("ولدت سلمى", f.read())
    self.assertNotIn("tensorflow", subprocess.check_output(
        [sys.executable, "-c", "import report, sys; print(sorted(sys.modules))"
         ], cwd=ROOT).decode("utf-8"))
    self.assertEqual(report.make_parser().parse_args(["x"]).output, None)

  def test_page_is_well_formed_and_needs_no_other_file(self):
    checker = Checker()
    checker.feed(self.html_of(self.model))
    self.assertEqual((checker.open_tags, checker.addresses), ([], []))

  def test_texts_are_escaped_and_the_answer_is_marked(self):
    text = self.html_of(self.model)
    self.assertNotIn("<script>", text)
    self.assertIn("في <mark>بيروت</mark>. &lt;script&gt;", text)
    self.assertIn('dir="auto"', text)
    self.assertIn('<bdi class="gold">في بيروت</bdi>', text)

  def test_scores_of_all_trials_with_their_spread(self):
    text = self.html_of(self.model)
    self.assertIn("<td>exact_match</td><td>30.00</td><td>34.00</td>"
                  "<td>32.00 ± 2.83</td>", text)

  def test_confusion_of_classes_and_of_tags(self):
    text = self.html_of(self.model)
    self.assertIn('style="--share:0.12">1<', text)
    self.assertIn("<b>B-PER</b>", text)
    self.assertIn("predicted <mark>good</mark>, probability 0.99; gold: "
                  '<bdi class="gold">bad</bdi>', text)

  def test_logs_of_a_killed_run_are_one_curve(self):
    text = self.html_of(self.model)
    curve = re.search('total loss</figcaption>.*?class="curve" d="([^"]*)"',
                      text).group(1)
    self.assertEqual(curve.count("L"), 2)
    speed = re.search('tokens per second</figcaption>.*?d="(M[^"]*L[^"]*)"',
                      text).group(1)
    self.assertEqual(speed.count("L"), 1)  # none is known before the first step

  def test_sentences_with_wrong_tags_have_the_tags_after_the_words(self):
    text = self.html_of(self.model)
    self.assertIn('<mark>سلمى</mark> <bdi class="facts">O, gold: B-PER</bdi> '
                  "في</p>", text)
    self.assertNotIn("قال", text)  # its tags are right

  def test_evaluations_during_fine_tuning(self):
    text = self.html_of(self.finetuned)
    self.assertIn("<th>step 5</th><th>step 10</th>", text)
    self.assertIn("<td>arcd: exact_match</td><td>20.0000</td><td>25.5000</td>",
                  text)

  def test_changed_hyperparameters_come_before_all(self):
    before, folded = self.html_of(self.model).split("<details>")
    self.assertIn("<td>seed</td><td>3</td>", before)
    self.assertNotIn("<td>pretrain_tfrecords</td>", before)
    self.assertIn("<td>pretrain_tfrecords</td>", folded)

  def test_data_and_runs(self):
    text = self.html_of(self.model)
    self.assertIn("<td>num_examples</td><td>12,345</td>", text)
    self.assertIn("run &lt;b&gt;", text)
    self.assertIn("commit abcdef0123", text)

  def test_a_fine_tuned_model_has_the_errors_of_its_trial(self):
    text = self.html_of(self.finetuned)
    self.assertIn("F1 10,", text)
    self.assertNotIn("F1 20,", text)
    self.assertNotIn("<b>B-PER</b>", text)  # of another task
    self.assertIn("exact_match", text)

  def test_folders_without_a_run_are_errors(self):
    for folder, message in (
        ("none", "expected a model folder, found nothing"),
        (self.folder, "has no training_log.jsonl, runs.jsonl or results")):
      with self.assertRaisesRegex(utils.UserError, message):
        run_files.read(folder)

  def test_damaged_line_is_an_error_with_its_number(self):
    path = os.path.join(self.model, "training_log.jsonl")
    write(path, '{"step": 1}\n{"st\n{"step": 3}\n')
    with self.assertRaisesRegex(utils.UserError, "training_log.jsonl:2: "):
      run_files.read(self.model)

  @unittest.skipUnless(CHROMIUM, "requires Chromium")
  def test_a_browser_shows_it(self):
    path = os.path.join(self.folder, "report.html")
    write(path, self.html_of(self.model))
    dom = subprocess.check_output(
        [CHROMIUM, "--headless", "--no-sandbox", "--disable-gpu",
         "--disable-quic", "--no-first-run", "--disable-background-networking",
         "--disable-component-update", "--disable-sync",
         "--user-data-dir=" + os.path.join(self.folder, "browser"),
         "--dump-dom", "file://" + path], stderr=subprocess.DEVNULL)
    self.assertIn("<mark>بيروت</mark>", dom.decode("utf-8"))
    self.assertIn("<svg", dom.decode("utf-8"))


class CurvesTest(unittest.TestCase):

  def test_ticks_are_round_and_inside(self):
    self.assertEqual(curves.ticks(0.0, 10.0), [0.0, 2.0, 4.0, 6.0, 8.0, 10.0])
    self.assertEqual(curves.ticks(0.13, 0.24), [0.14, 0.16, 0.18, 0.2, 0.22,
                                                0.24])
    self.assertEqual(curves.ticks(1, 3), [1.0, 1.5, 2.0, 2.5, 3.0])

  def test_numbers_are_short(self):
    self.assertEqual(list(map(curves.number, (1500, 2e6, 0.00012, 0.5))),
                     ["1.5k", "2M", "0.00012", "0.5"])

  def test_labels_of_a_narrow_range_differ(self):
    for low, high in ((295.6, 298.4), (12000.0, 12000.9), (0.0, 1e-9)):
      labels = [label for _, label in curves.labelled_ticks(low, high)]
      self.assertEqual(len(set(labels)), len(labels), labels)
    self.assertEqual([label for _, label in curves.labelled_ticks(
        295.6, 298.4)], ["296", "296.5", "297", "297.5", "298"])

  def test_values_that_are_not_finite_are_omitted(self):
    self.assertEqual(curves.chart([(1, float("nan"))], "step", "loss"), "")
    drawn = curves.chart([(1, 2.0), (2, float("inf")), (3, 2.0)], "step", "x")
    self.assertEqual(drawn.count("L"), 1)
    self.assertIn("<circle", curves.chart([(5, 1.0)], "step", "x"))


if __name__ == "__main__":
  unittest.main()
