"""Tests for finetune.classification.glue_tasks.

The rows are in GLUE's layouts with made-up texts. Tests on GLUE's own files run
if ELECTRA_DATA is a folder with glue/{CoLA,MRPC,QNLI,QQP,RTE,SST-2,STS-B}.
"""

import collections
import contextlib
import io
import os
import tempfile
import unittest

from finetune import task_builder
from tests.finetune import words_task
from util import utils

PARSES = "\tprompt\tpair\tgenre\tb1\tb2\tp1\tp2"  # MNLI's columns 1-7
# {task: {file: (lines, [(text_a, text_b, label, example id)])}}
FILES = {
    "cola": {
        "train": (["gj04\t1\t\tA b.", "gj04\t0\t*\t\"B a"],
                  [("A b.", None, "1", "0"), ("\"B a", None, "0", "1")]),
        "dev": (["gj04\t0\t*\tA."], [("A.", None, "0", "0")]),
        "test": (["index\tsentence", "7\tC."], [("C.", None, None, "7")])},
    "mrpc": {
        "train": (["\ufeffQuality\t#1 ID\t#2 ID\t#1 String\t#2 String",
                   "1\t11\t12\ta\tb"],
                  [("a", "b", "1", "0"), ("b", "a", "1", "0")]),
        "dev": (["\ufeffQuality\t#1 ID\t#2 ID\t#1 String\t#2 String",
                 "0\t11\t12\ta\t\"b"], [("a", "\"b", "0", "0")]),
        "test": (["\ufeffindex\t#1 ID\t#2 ID\t#1 String\t#2 String",
                  "5\t11\t12\ta\tb"], [("a", "b", None, "5")])},
    "mnli": {
        "train": (["index\tpromptID\tpairID\tgenre\ts1b\ts2b\ts1p\ts2p\t"
                   "sentence1\tsentence2\tlabel1\tgold_label",
                   "0" + PARSES + "\ta\tb\tneutral\tentailment"],
                  [("a", "b", "entailment", "0")]),
        "dev": (["index\tpromptID\tpairID\tgenre\ts1b\ts2b\ts1p\ts2p\t"
                 "sentence1\tsentence2\tlabel1\tlabel2\tlabel3\tlabel4\t"
                 "label5\tgold_label",
                 "0" + PARSES + "\ta\tb" + "\tneutral" * 5 + "\tcontradiction"],
                [("a", "b", "contradiction", "0")]),
        "dev_mismatched": (["sentence1\tsentence2\tgold_label",
                            "c\td\tneutral"], [("c", "d", "neutral", "0")]),
        "test_matched": (["index\tpromptID\tpairID\tgenre\ts1b\ts2b\ts1p\ts2p\t"
                          "sentence1\tsentence2", "9" + PARSES + "\ta\tb"],
                         [("a", "b", None, "9")]),
        "test_mismatched": (["index\tsentence1\tsentence2", "3\ta\tb"],
                            [("a", "b", None, "3")]),
        "diagnostic": (["index\tsentence1\tsentence2", "4\ta\tb"],
                       [("a", "b", None, "4")])},
    "sst": {
        "dev": (["sentence\tlabel", "good \t1"], [("good ", None, "1", "0")]),
        "test": (["index\tsentence", "0\tbad"], [("bad", None, None, "0")])},
    "rte": {
        "dev": (["index\tsentence1\tsentence2\tlabel", "6\ta\tb\tentailment"],
                [("a", "b", "entailment", "0")]),
        "test": (["index\tsentence1\tsentence2", "6\ta\tb"],
                 [("a", "b", None, "6")])},
    "qnli": {
        "dev": (["index\tquestion\tsentence\tlabel",
                 "6\ta\tb\tnot_entailment"],
                [("a", "b", "not_entailment", "0")]),
        "test": (["index\tquestion\tsentence", "6\ta\tb"],
                 [("a", "b", None, "6")])},
    "qqp": {
        "dev": (["id\tqid1\tqid2\tquestion1\tquestion2\tis_duplicate",
                 "6\t1\t2\ta\t\t0"], [("a", "", "0", "0")]),
        "test": (["id\tquestion1\tquestion2", "6\ta\tb"],
                 [("a", "b", None, "6")])},
    "sts": {
        "train": (["index\tgenre\tfilename\tyear\told_index\tsource1\tsource2\t"
                   "sentence1\tsentence2\tscore",
                   "8\tg\tf\ty\to\ts\ts\ta\tb\t2.5"],
                  [("a", "b", 2.5, "0"), ("b", "a", 2.5, "0")]),
        "test": (["index\tgenre\tfilename\tyear\told_index\tsource1\tsource2\t"
                  "sentence1\tsentence2", "8\tg\tf\ty\to\ts\ts\ta\tb"],
                 [("a", "b", None, "8")])},
}
SUBMISSIONS = {
    ("cola", "test"): "CoLA.tsv", ("sst", "test"): "SST-2.tsv",
    ("mrpc", "test"): "MRPC.tsv", ("sts", "test"): "STS-B.tsv",
    ("qqp", "test"): "QQP.tsv", ("qnli", "test"): "QNLI.tsv",
    ("rte", "test"): "RTE.tsv", ("mnli", "test_matched"): "MNLI-m.tsv",
    ("mnli", "test_mismatched"): "MNLI-mm.tsv",
    ("mnli", "diagnostic"): "AX.tsv",
}
METRICS = {"cola": ["mcc"], "mrpc": ["accuracy", "f1"],
           "qqp": ["accuracy", "f1"], "sts": ["pearson", "spearman"]}


class GlueTaskTest(unittest.TestCase):

  def setUp(self):
    folder = tempfile.TemporaryDirectory()
    self.addCleanup(folder.cleanup)
    self.data_dir = folder.name
    words_task.write_data(self.data_dir)

  def task(self, name):
    config = words_task.tiny_config(self.data_dir, task_names=[name])
    return task_builder.get_tasks(config)[0]

  def write(self, name, split, lines):
    path = os.path.join(self.data_dir, "finetuning_data", name,
                        self.task(name).file_names[split][0])
    words_task.write_lines(path, lines)
    return path

  def test_every_layout(self):
    for name, files in FILES.items():
      for split, (lines, wanted) in files.items():
        with self.subTest(name=name, split=split):
          self.write(name, split, lines)
          examples = self.task(name).get_examples(split)
          self.assertEqual([(e.text_a, e.text_b, e.label, e.example_id)
                            for e in examples],
                           [tuple(each) for each in wanted])

  def test_file_names_are_those_of_glue(self):
    for name in FILES:
      wanted = {"train": "train.tsv", "dev": "dev.tsv", "test": "test.tsv"}
      if name == "mnli":
        wanted = {split: split + ".tsv" for split in (
            "train", "dev_mismatched", "test_matched", "test_mismatched",
            "diagnostic")}
        wanted["dev"] = "dev_matched.tsv"
      self.assertEqual(
          self.task(name).file_names,
          {split: (file_name,) for split, file_name in wanted.items()})

  def test_submission_names_are_those_of_glue(self):
    got = {}
    for name in FILES:
      task = self.task(name)
      for split in task.unlabeled_splits:
        got[name, split] = task.submission_name(split)
    self.assertEqual(got, SUBMISSIONS)

  def test_predictions_are_texts_of_labels(self):
    for name, output, wanted in [
        ("cola", [0.1, 0.2], "1"), ("rte", [0.3, 0.2], "entailment"),
        ("mnli", [0.3, 0.2, 0.9], "neutral"), ("sts", 0.5, "2.500"),
        ("sts", 1.25, "5.000"), ("sts", -0.25, "0.000")]:
      self.assertEqual(self.task(name).prediction_text(output), wanted)

  def test_metrics(self):
    for name in FILES:
      self.assertEqual(list(self.task(name).metrics),
                       METRICS.get(name, ["accuracy"]))

  def test_mismatched_is_scored_with_dev_if_it_exists(self):
    self.assertEqual(self.task("mnli").get_more_dev_splits(), [])
    self.write("mnli", "dev_mismatched", FILES["mnli"]["dev_mismatched"][0])
    self.assertEqual(self.task("mnli").get_more_dev_splits(),
                     ["dev_mismatched"])
    self.assertEqual(self.task("rte").get_more_dev_splits(), [])

  def test_unknown_label_names_the_line(self):
    lines = FILES["rte"]["dev"][0] + ["7\ta\tb\tmaybe"]
    path = self.write("rte", "dev", lines)
    with self.assertRaisesRegex(utils.UserError, path + ":3: .*'maybe'"):
      self.task("rte").get_examples("dev")

  def test_file_of_another_task_names_the_missing_column(self):
    path = self.write("rte", "dev", FILES["qqp"]["dev"][0])
    with self.assertRaisesRegex(
        utils.UserError, path + ":1: .*'sentence1', got: 'id' \\| 'qid1'"):
      self.task("rte").get_examples("dev")

  def test_header_of_cola_is_rejected(self):
    path = self.write("cola", "train", ["source\tlabel\tmark\tsentence"])
    with self.assertRaisesRegex(utils.UserError, path + ":1: .*got 'label'"):
      self.task("cola").get_examples("train")

  def qqp(self, num_broken):
    header, row = FILES["qqp"]["dev"][0]
    path = self.write("qqp", "train", [header, row] + ["a\t0"] * num_broken +
                      [row])
    output = io.StringIO()
    with contextlib.redirect_stdout(output):
      examples = self.task("qqp").get_examples("train")
    return path, examples, output.getvalue()

  def test_qqp_skips_broken_lines_and_logs_their_number(self):
    path, examples, output = self.qqp(num_broken=1)
    self.assertEqual(len(examples), 2)
    self.assertEqual(output, "Skipped 1 broken lines of %s (line 3); kept "
                     "2 examples\n" % path)
    self.assertEqual(self.qqp(num_broken=0)[2], "")

  def test_qqp_with_many_broken_lines_is_rejected(self):
    with self.assertRaisesRegex(utils.UserError, ":3: .*2 lines have fewer"):
      self.qqp(num_broken=2)

  def test_qqp_test_set_allows_no_broken_lines(self):
    path = self.write("qqp", "test", FILES["qqp"]["test"][0] + ["b\t0"])
    with self.assertRaisesRegex(utils.UserError, path + ":3: expected 3 col"):
      self.task("qqp").get_examples("test")


@unittest.skipUnless(os.environ.get("ELECTRA_DATA"), "ELECTRA_DATA is not set")
class RealDataTest(unittest.TestCase):

  # The published counts; both orders of MRPC and STS-B in training.
  # {task: (folder, {split: (examples, {label: examples})})}
  COUNTS = {
      "cola": ("CoLA", {"train": (8551, {"1": 6023, "0": 2528}),
                        "dev": (1043, {"1": 721, "0": 322}),
                        "test": (1063, None)}),
      "mrpc": ("MRPC", {"train": (2 * 3668, {"1": 2 * 2474, "0": 2 * 1194}),
                        "dev": (408, {"1": 279, "0": 129}),
                        "test": (1725, None)}),
      "sts": ("STS-B", {"train": (2 * 5749, None), "dev": (1500, None),
                        "test": (1379, None)}),
      "rte": ("RTE", {"train": (2490, {"entailment": 1249,
                                       "not_entailment": 1241}),
                      "dev": (277, {"entailment": 146, "not_entailment": 131}),
                      "test": (3000, None)}),
      "sst": ("SST-2", {"train": (67349, {"1": 37569, "0": 29780}),
                        "dev": (872, {"1": 444, "0": 428}),
                        "test": (1821, None)}),
      "qnli": ("QNLI", {"dev": (5463, {"entailment": 2702,
                                       "not_entailment": 2761}),
                        "test": (5463, None)}),
  }

  def setUp(self):
    folder = tempfile.TemporaryDirectory()
    self.addCleanup(folder.cleanup)
    self.data_dir = folder.name
    words_task.write_data(self.data_dir)
    self.glue = os.path.join(os.environ["ELECTRA_DATA"], "glue")
    os.makedirs(os.path.join(self.data_dir, "finetuning_data"), exist_ok=True)

  def task(self, name):
    config = words_task.tiny_config(self.data_dir, task_names=[name])
    return task_builder.get_tasks(config)[0]

  def test_counts(self):
    for name, (folder, counts) in self.COUNTS.items():
      os.symlink(os.path.join(self.glue, folder),
                 os.path.join(self.data_dir, "finetuning_data", name))
      task = self.task(name)
      for split, (num_examples, labels) in counts.items():
        with self.subTest(name=name, split=split):
          examples = task.get_examples(split)
          self.assertEqual(len(examples), num_examples)
          self.assertEqual([e.eid for e in examples],
                           list(range(num_examples)))
          if labels:
            self.assertEqual(
                collections.Counter(e.label for e in examples), labels)
          if split == "test":
            self.assertEqual([e.example_id for e in examples],
                             [str(e.eid) for e in examples])

  def test_sts_targets_are_in_0_to_1(self):
    os.symlink(os.path.join(self.glue, "STS-B"),
               os.path.join(self.data_dir, "finetuning_data", "sts"))
    task = self.task("sts")
    targets = [task.normalize(e.label) for e in task.get_examples("dev")]
    self.assertEqual((min(targets), max(targets)), (0.0, 1.0))

  def test_diagnostic(self):
    os.symlink(os.path.join(self.glue, "diagnostic"),
               os.path.join(self.data_dir, "finetuning_data", "mnli"))
    task = self.task("mnli")
    self.assertEqual(task.get_test_splits(), ["diagnostic"])
    self.assertEqual(len(task.get_examples("diagnostic")), 1104)

  def test_qqp_part(self):
    # A part without the header line, whose first line is broken.
    with utils.open_file(os.path.join(self.glue, "QQP",
                                      "part_23497.tsv")) as f:
      content = f.read()
    path = words_task.split_file(self.data_dir, "train", "qqp")
    with utils.write_atomically(path) as f:
      f.write(content)
    with self.assertRaisesRegex(utils.UserError, path + ":1: .*'question1'"):
      self.task("qqp").get_examples("train")
    with utils.write_atomically(path) as f:
      f.write(FILES["qqp"]["dev"][0][0] + "\n" + content)
    examples = self.task("qqp").get_examples("train")
    self.assertEqual(len(examples), 23496)
    self.assertEqual(examples[0].text_b,
                     "What can cause stool to come out as little balls?")


if __name__ == "__main__":
  unittest.main()
