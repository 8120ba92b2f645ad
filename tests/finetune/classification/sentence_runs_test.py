"""Complete runs of run_finetuning on classification and regression tasks.

The tests on CoLA and AJGT run if ELECTRA_DATA is a folder with glue/ and
arabic_sentiment/.
"""

import json
import os
import pickle
import tempfile
import unittest

import run_finetuning
from tests.finetune import words_task


class SentenceRuns(unittest.TestCase):

  def setUp(self):
    folder = tempfile.TemporaryDirectory()
    self.addCleanup(folder.cleanup)
    self.data_dir = folder.name
    words_task.write_data(self.data_dir)

  def write(self, task_name, file_name, lines):
    words_task.write_lines(os.path.join(
        self.data_dir, "finetuning_data", task_name, file_name), lines)

  def run_tasks(self, *task_names, **hparams):
    """Returns (config, {task: {score: value}})."""
    values = dict(num_train_epochs=10.0)
    values.update(hparams)
    config = words_task.tiny_config(self.data_dir, task_names=list(task_names),
                                    **values)
    trial, = run_finetuning.run(config)
    return config, trial["results"]

  def submission(self, config, name):
    return words_task.read_lines(os.path.join(config.submission_dir(1), name))


class SentenceRunsTest(SentenceRuns):

  def test_declared_classification_together_with_sts(self):
    pairs = [(a, b) for a in "abcd" for b in "abcd"]
    self.write("mine", "task.json", [json.dumps(
        {"kind": "classification", "text_a": "text", "label": "kind"})])
    labeled = ["text\tkind"] + ["%s good %s\tfine" % pair for pair in pairs] + [
        "%s bad %s\tpoor" % pair for pair in pairs]
    self.write("mine", "train.tsv", labeled)
    self.write("mine", "dev.tsv", labeled)
    self.write("mine", "test.tsv", ["text\tkind", "a good d\tfine",
                                    "a bad d\tfine"])
    header = "sentence1\tsentence2"
    rows = ["%s\t%s\t%g" % (a, b, 5.0 * (a == b)) for a, b in pairs]
    self.write("sts", "train.tsv", [header + "\tscore"] + rows)
    self.write("sts", "dev.tsv", [header + "\tscore"] + rows)
    self.write("sts", "test.tsv", ["index\t" + header, "0\ta\ta", "1\ta\tb"])
    config, results = self.run_tasks("mine", "sts", write_test_outputs=True)
    self.assertEqual(list(results["mine"]), [
        "accuracy", "macro_f1", "loss", "test_accuracy", "test_macro_f1",
        "test_loss"])
    self.assertEqual(results["mine"]["test_accuracy"], 50.0)
    self.assertEqual(results["mine"]["accuracy"], 100.0)
    self.assertEqual(list(results["sts"]), ["pearson", "spearman", "loss"])
    with open(config.test_predictions("mine", "test", 1), "rb") as f:
      logits = pickle.load(f)  # written by this test
    self.assertEqual([len(logits[0]), len(logits[1])], [2, 2])
    self.assertEqual(self.submission(config, "mine_test.tsv"),
                     ["index\tprediction", "0\tfine", "1\tpoor"])
    lines = self.submission(config, "STS-B.tsv")
    self.assertEqual(len(lines), 3)
    for line in lines[1:]:
      self.assertRegex(line, r"^[01]\t[0-5]\.[0-9]{3}$")

  def test_mnli_scores_both_dev_sets(self):
    header = "sentence1\tsentence2\tgold_label"
    for name in ("train.tsv", "dev_matched.tsv"):
      self.write("mnli", name, [header] + ["a\tb\tneutral"] * 8)
    self.write("mnli", "dev_mismatched.tsv", [header, "a\tb\tentailment"])
    _, results = self.run_tasks("mnli", num_train_epochs=20.0)
    self.assertEqual(list(results["mnli"]), [
        "accuracy", "loss", "mismatched_accuracy", "mismatched_loss"])
    self.assertEqual(results["mnli"]["accuracy"], 100.0)
    self.assertEqual(results["mnli"]["mismatched_accuracy"], 0.0)


@unittest.skipUnless(os.environ.get("ELECTRA_DATA"), "ELECTRA_DATA is not set")
class RealDataTest(SentenceRuns):

  def run_real(self, name, vocabulary, **hparams):
    data = os.environ["ELECTRA_DATA"]
    return self.run_tasks(
        name, vocab_file=os.path.join(data, "vocab", vocabulary),
        max_seq_length=16, num_train_epochs=0.1, do_train=True,
        predict_batch_size=256, train_batch_size=32, **hparams)[1][name]

  def link(self, task_name, folder, files):
    target = os.path.join(self.data_dir, "finetuning_data", task_name)
    os.makedirs(target)
    for name, source in files.items():
      os.symlink(os.path.join(os.environ["ELECTRA_DATA"], folder, source),
                 os.path.join(target, name))

  def test_cola(self):
    self.link("cola", os.path.join("glue", "CoLA"), {
        "train.tsv": "train.tsv", "dev.tsv": "dev.tsv"})
    scores = self.run_real("cola", "bert-base-uncased-vocab.txt",
                           do_lower_case=True)
    self.assertEqual(list(scores), ["mcc", "loss"])

  def test_ajgt(self):
    self.link("my_sentiment", "arabic_sentiment", {
        "train.tsv": "AJGT_ubc_train.tsv", "dev.tsv": "AJGT_ubc_test.tsv"})
    self.write("my_sentiment", "task.json", [json.dumps(
        {"kind": "classification", "text_a": "content", "label": "label"})])
    scores = self.run_real("my_sentiment", "araelectra-vocab.txt",
                           do_lower_case=False)
    self.assertEqual(list(scores), ["accuracy", "macro_f1", "loss"])


if __name__ == "__main__":
  unittest.main()
