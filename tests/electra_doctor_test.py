"""Tests for electra_doctor.py, on tiny models and data."""

import contextlib
import io
import json
import os
import sys
import tempfile
import unittest
from unittest import mock

import electra_doctor
from preflight import findings
from preflight import machine
from tests.finetune import words_task
from tests.pretrain import tiny_pretraining


def contents(folder):
  """Returns {path: (size, time of the last change)} of a folder."""
  return {os.path.join(parent, name): (
      os.path.getsize(os.path.join(parent, name)),
      os.path.getmtime(os.path.join(parent, name)))
          for parent, _, names in os.walk(folder) for name in names}


class ElectraDoctorTest(unittest.TestCase):

  def setUp(self):
    super().setUp()
    temporary = tempfile.TemporaryDirectory()
    self.addCleanup(temporary.cleanup)
    self.folder = temporary.name

  def write_cola(self):
    """Writes a vocabulary and the files of the task cola."""
    words_task.write_data(self.folder, "cola")
    for split in ("train", "dev"):
      path = words_task.split_file(self.folder, split, "cola")
      words_task.write_lines(path, [
          "source\t%s\t\t%s" % tuple(line.split("\t"))
          for line in words_task.read_lines(path)])

  def run_doctor(self, kind, hparams, *flags):
    """Returns (exit code, list of findings)."""
    argv = ["electra_doctor.py", kind, "--data-dir", self.folder,
            "--model-name", "m", "--hparams", json.dumps(hparams),
            "--json", "-"] + list(flags)
    output = io.StringIO()
    code = 0
    with mock.patch.object(sys, "argv", argv), (
        contextlib.redirect_stdout(output)), (
            contextlib.redirect_stderr(io.StringIO())):
      try:
        electra_doctor.main()
      except SystemExit as end:
        code = end.code
    return code, [findings.Finding(**row)
                  for row in json.loads(output.getvalue())]

  def pretraining(self, *flags, **changes):
    """Checks a tiny pre-training; returns (exit code, {what: Finding})."""
    tiny_pretraining.make_data(self.folder, [5, 5])
    code, found = self.run_doctor(
        "pretraining", dict(tiny_pretraining.HPARAMS, **changes), *flags)
    return code, {finding.what: finding for finding in found}

  def test_pretraining_with_a_trial_run_changes_no_file(self):
    tiny_pretraining.make_data(self.folder, [5, 5])
    before = contents(self.folder)
    code, found = self.run_doctor(
        "pretraining", dict(tiny_pretraining.HPARAMS, num_train_steps=500,
                            num_warmup_steps=10), "--measure-steps", "3")
    by_subject = {finding.what: finding for finding in found}
    self.assertEqual(code, 0, found)
    self.assertRegex(by_subject["time"].fact, r"^500 steps at [\d.]+ steps/s")
    self.assertRegex(by_subject["memory"].fact, r"peak [\d.]+ [MG]B of")
    self.assertRegex(by_subject["disk"].fact, r"5 checkpoints of [\d.]+ [kM]B")
    self.assertIn("[CLS]", by_subject["an example"].fact)
    self.assertEqual(contents(self.folder), before)

  def test_gpu_that_was_asked_for_and_is_missing(self):
    with mock.patch("tensorflow.compat.v1.config.experimental."
                    "list_physical_devices", return_value=[]):
      code, found = self.pretraining("--gpu", "--no-trial")
    self.assertEqual(code, 1)
    self.assertEqual(found["GPU"].verdict, findings.FAIL)
    self.assertRegex(found["GPU"].hint,
                     r"tensorflow-gpu==1.15.5|tensorflow\[and-cuda\]==2.15.1")

  def test_hyperparameters_and_data_that_do_not_fit(self):
    code, found = self.pretraining("--no-trial",
                                   pretrain_tfrecords="/no/such/file")
    self.assertEqual(code, 1)
    self.assertIn("no file matches", found["data"].fact)
    code, found = self.pretraining("--no-trial", num_train_steps=0)
    self.assertEqual(code, 1)
    self.assertIn("num_train_steps", found["hyperparameters"].fact)

  def test_warm_up_that_is_longer_than_the_training(self):
    code, found = self.pretraining("--no-trial", num_warmup_steps=9,
                                   num_train_steps=9)
    self.assertEqual(code, 0)  # a warning
    self.assertEqual(found["warm-up"].verdict, findings.WARN)

  def test_weights_that_do_not_fit_fail_in_the_trial_run(self):
    self.write_cola()
    code, found = self.run_doctor("finetuning", {
        "task_names": ["cola"], "max_seq_length": 8, "train_batch_size": 8,
        "model_hparam_overrides": words_task.TINY_MODEL,
        "init_checkpoint": os.path.join(self.folder, "nothing")})
    self.assertEqual(code, 1)
    self.assertIn("nothing", found[-1].fact)

  def text_findings(self, lines):
    """Returns {what: Finding} on a corpus of lines, max_seq_length 12."""
    corpus = os.path.join(self.folder, "corpus")
    os.makedirs(corpus, exist_ok=True)
    with open(os.path.join(corpus, "a.txt"), "w", encoding="utf-8") as f:
      f.write("\n".join(lines) + "\n")
    return self.pretraining("--no-trial", "--corpus-dir", corpus)[1]

  def test_text_without_a_problem(self):
    found = self.text_findings(
        ["جملة قصيرة رقم %d." % i for i in range(200)] + ["", "a b"])
    self.assertRegex(found["text"].fact, "^201 lines of 2 documents looked at")
    for what in ("lines", "long lines", "invisible characters",
                 "repeated lines"):
      self.assertEqual(found[what].verdict, findings.OK, found[what])

  def test_text_with_paragraphs_long_lines_marks_and_repetitions(self):
    found = self.text_findings(
        ["جملة أولى. جملة ثانية. %d" % i for i in range(50)] +
        ["a\u200bb"] * 40 + [" ".join(["w%d" % i] * 30) for i in range(9)])
    self.assertIn("--split-sentences", found["lines"].hint)
    self.assertRegex(found["long lines"].fact, "lines of more than 10 words")
    self.assertIn("--carry-over", found["long lines"].hint)
    self.assertRegex(found["invisible characters"].fact,
                     r"40.4% of the lines: U\+200B ZERO WIDTH SPACE")
    self.assertRegex(found["repeated lines"].fact, r"39.4% of the lines")

  def test_corpus_that_is_no_folder(self):
    code, found = self.pretraining("--no-trial", "--corpus-dir", "/no/corpus")
    self.assertEqual(code, 1)
    self.assertIn("does not exist", found["text"].fact)

  def test_lengths_of_a_task(self):
    self.write_cola()
    for length, verdict in ((5, findings.WARN), (12, findings.OK)):
      _, found = self.run_doctor("finetuning", {
          "task_names": ["cola"], "init_checkpoint": None,
          "max_seq_length": length,
          "model_hparam_overrides": words_task.TINY_MODEL}, "--no-trial")
      by_subject = {finding.what: finding for finding in found}
      self.assertEqual(by_subject["length cola"].verdict, verdict, found)

  def test_missing_task_data(self):
    tiny_pretraining.make_data(self.folder, [5])
    code, found = self.run_doctor("finetuning", {
        "task_names": ["rte"], "init_checkpoint": None, "max_seq_length": 8,
        "model_hparam_overrides": words_task.TINY_MODEL})
    self.assertEqual(code, 1)
    self.assertIn("rte", found[-1].fact)


class MachineTest(unittest.TestCase):

  def test_disk_that_is_too_small(self):
    finding, = machine.check_disk("/no/such/folder", 5, 10 ** 9,
                                  lambda folder: 5 * 10 ** 9)
    self.assertEqual(finding.verdict, findings.FAIL)
    self.assertIn("take 6.0 GB; 5.0 GB free in /", finding.fact)
    self.assertIn("keep_checkpoint_max", finding.hint)
    finding, = machine.check_disk("/no/such/folder", 4, 10 ** 9,
                                  lambda folder: 5 * 10 ** 9)
    self.assertEqual(finding.verdict, findings.OK)

  def test_hints_are_printed_on_request(self):
    finding = findings.warn_if(True, "case", "wrong", "Do this.")
    self.assertEqual(findings.line(finding), "warn  case: wrong")
    self.assertEqual(findings.line(finding, True),
                     "warn  case: wrong\n      -> Do this.")


if __name__ == "__main__":
  unittest.main()
