"""Every command in the README and in the pages of docs/ that it links runs.

The commands are taken verbatim from the pages, in order, and share one
data folder, as a reader's would. Only sizes and numbers of steps are made tiny,
by the recipe of the command; a command without a recipe fails the test.
"""

import collections
import contextlib
import importlib.util
import io
import json
import os
import re
import runpy
import shlex
import subprocess
import sys
import tempfile
import unittest
from unittest import mock

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
QA_FOLDER = os.path.join(ROOT, "examples", "data", "qa")
TINY_MODEL = {"num_hidden_layers": 2, "hidden_size": 16,
              "num_attention_heads": 2, "intermediate_size": 32}
TINY_PRETRAINING = {
    "model_hparam_overrides": TINY_MODEL, "embedding_size": 16,
    "generator_hidden_size": 1.0, "max_seq_length": 32, "train_batch_size": 4,
    "eval_batch_size": 4, "num_eval_steps": 2, "num_train_steps": 2}
TINY_FINETUNING = {
    "model_hparam_overrides": TINY_MODEL, "embedding_size": 16,
    "max_seq_length": 64, "max_query_length": 16, "doc_stride": 16,
    "train_batch_size": 4, "num_train_epochs": 1.0, "overwrite": True}
# In the order in which a reader would follow them. tests/docs_commands_test.py
# runs the other pages.
PAGES = ("README.md",) + tuple(os.path.join("docs", name + ".md") for name in (
    "tutorials", "pretraining", "beam", "several_gpus", "finetuning",
    "hugging_face", "serving", "report", "doctor", "results", "fidelity",
    "failures"))
NUM_CORPUS_LINES = 300
NUM_PARAGRAPHS = 2


def read(page):
  """Returns the text of a page."""
  with open(os.path.join(ROOT, page), encoding="utf-8") as f:
    return f.read()


def commands():
  """Returns the lines of the code blocks without a language, each once."""
  blocks = [block for page in PAGES for block in re.findall(
      r"^ *```(\w*)\n(.*?)^ *```$", read(page), re.M | re.S)]
  lines = [line.strip() for language, block in blocks if not language
           for line in block.split("\n") if line.strip()]
  return list(collections.OrderedDict.fromkeys(lines))


class ReadmeCommandsTest(unittest.TestCase):

  def setUp(self):
    super().setUp()
    temporary = tempfile.TemporaryDirectory()
    self.addCleanup(temporary.cleanup)
    self.data_dir = os.path.join(temporary.name, "data")
    self.corpus_dir = os.path.join(temporary.name, "corpus")
    os.makedirs(self.corpus_dir)
    os.makedirs(self.data_dir)
    self._write_corpus()

  def test_every_command_runs(self):
    for command in commands():
      self._recipe(command)(command)
    for path in ["models/araelectra_base/results/unsup_results.txt",
                 "models/araelectra_base/results/arcd_results.txt",
                 "models/araelectra_base/results/squadv1_results.txt",
                 "models/araelectra_base/results/squad_results.txt",
                 "models/araelectra_base/results/arcd_qa/arcd_preds.json",
                 "models/araelectra_base/results/sst_predictions/new.jsonl"]:
      self.assertTrue(os.path.exists(os.path.join(self.data_dir, path)), path)

  def test_the_quick_start_commands_are_first(self):
    self.assertEqual(commands()[:2], ["bash examples/quickstart.sh",
                                             "bash tests/run.sh"])

  def test_command_without_a_recipe_is_an_error(self):
    with self.assertRaisesRegex(AssertionError, "no recipe for: frobnicate"):
      self._recipe("frobnicate --now")

  def test_files_that_the_pages_name_exist(self):
    for page in PAGES:
      text = read(page)
      folder = os.path.join(ROOT, os.path.dirname(page))
      for target in re.findall(r"\]\((?!https?:)([^)#]+)\)", text):
        self.assertTrue(os.path.exists(os.path.join(folder, target)), target)
      for name in re.findall(r"`(\w+_\w+\.json)`", text):
        if not name.startswith(("data_position", "dataset_info",
                                "tokenizer_config")):
          self.assertTrue(os.path.exists(
              os.path.join(ROOT, "examples", "hparams", name)), name)

  def test_the_readme_links_every_page(self):
    pages = {"docs/" + name for name in os.listdir(os.path.join(ROOT, "docs"))
             if name.endswith(".md")}
    self.assertEqual(
        pages, set(re.findall(r"docs/\w+\.md", read("README.md"))))

  # Recipes: how to make a command cheap enough for a test.

  def _recipe(self, command):
    recipes = [
        (r"bash \S+\.sh$", self._check_shell_script),
        (r"source \.venv-tf[12]/bin/activate$", self._check_ignored),
        (r"python3 -m pip install -r requirements.txt$",
         self._check_requirements),
        # Run in tests/examples/get_data_test.py and tests/demo_test.py.
        (r"python3 (examples/get_data|demo).py ", self._check_parses),
        (r"python3 build_\w+.py .*--runner ", self._build_with_beam),
        (r"python3 train_vocab.py ", self._train_vocab),
        (r"python3 build_\w+.py ", self._build),
        (r"python3 run_pretraining.py .*electra_small .*4010000",
         self._continue_pretraining),
        (r"python3 run_pretraining.py ", self._pretrain),
        (r"python3 run_finetuning.py ", self._finetune),
        (r"python3 (convert_checkpoint|export_model|report).py ", self._run),
        (r"python3 electra_doctor.py pretraining ", self._pretrain),
        (r"python3 electra_doctor.py finetuning ", self._finetune),
        (r"python3 -m tests\.", self._check_module),
    ]
    for pattern, recipe in recipes:
      if re.match(pattern, command):
        return recipe
    raise AssertionError("tests/readme_commands_test.py has no recipe for: "
                         + command)

  def _check_shell_script(self, command):
    _, script = command.split()
    path = os.path.join(ROOT, script)
    for arguments in (["-n", path], [path, "--help"]):
      subprocess.run(["bash"] + arguments, check=True, cwd=self.data_dir,
                     stdout=subprocess.DEVNULL)

  def _check_ignored(self, command):
    folder = re.search(r"\.venv-tf\d", command).group()
    with open(os.path.join(ROOT, ".gitignore")) as f:
      self.assertIn("/%s/\n" % folder, f.read())

  def _check_module(self, command):
    # What it prints is tested by its own tests.
    self.assertTrue(os.path.exists(os.path.join(
        ROOT, command.split()[-1].replace(".", os.sep) + ".py")))

  def _check_parses(self, command):
    words = shlex.split(self._substitute(command))[1:]
    # An unknown flag after all others: the rest is accepted.
    run = subprocess.run(
        [sys.executable] + words + ["--no-such-flag"], cwd=ROOT,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    self.assertEqual(run.returncode, 2)
    self.assertIn(b"unrecognized arguments: --no-such-flag", run.stdout)

  def _check_requirements(self, command):
    del command
    with open(os.path.join(ROOT, "requirements.txt")) as f:
      lines = [line.strip() for line in f]
    self.assertTrue(all(re.match(r"#|[\w-]+(==|>=)|$", line)
                        for line in lines))

  def _train_vocab(self, command):
    changes = {"--vocab-size": "600"}
    path = os.path.join(self.data_dir, "vocab.txt")
    if os.path.exists(path):  # another page trained it already
      changes["--output-file"] = path + ".new"
    self._run(command, changes)

  def _build(self, command):
    # Both builders write to the same folder; a reader runs one of them.
    tiny = {"--max-seq-length": "32", "--num-processes": "1"}
    changes = {flag: tiny[flag] for flag in tiny if flag in command}
    if "/pretrain_tfrecords" in command and os.path.exists(
        os.path.join(self.data_dir, "pretrain_tfrecords")):
      changes["--output-dir"] = os.path.join(self.data_dir, "other_tfrecords")
    self._run(command, changes)

  def _build_with_beam(self, command):
    if importlib.util.find_spec("apache_beam") is None:
      self._check_parses(command)
    else:
      self._build(command)

  def _pretrain(self, command):
    self._run_with_hparams(command, TINY_PRETRAINING)

  def _continue_pretraining(self, command):
    hparams = dict(TINY_PRETRAINING, learning_rate=1e-3)
    self._run_with_hparams(command, hparams)  # in place of a released model
    output = self._run_with_hparams(command, dict(hparams, num_train_steps=4))
    self.assertIn("4", output)

  def _finetune(self, command):
    hparams = self._hparams_of(shlex.split(self._substitute(command)))
    task, = hparams["task_names"]
    write = {"chunk": self._write_sentences, "sst": self._write_reviews,
             "reviews": self._write_declared}
    write.get(task, self._write_questions)(task)
    if "predict_file" in hparams:
      self.assertEqual(task, "sst")
      with open(hparams["predict_file"], "w", encoding="utf-8") as f:
        f.write("sentence\nجميل\nممل\n")
    if not hparams.get("do_train", True):  # first make what it evaluates
      self._run_with_hparams(command, dict(
          TINY_FINETUNING, do_train=True, do_eval=False, init_checkpoint=None))
    self._run_with_hparams(command, TINY_FINETUNING)

  # Data and running.

  def _write_corpus(self):
    path = os.path.join(ROOT, "examples", "data", "corpus", "part-0.txt")
    with open(path, encoding="utf-8") as f:
      lines = [next(f) for _ in range(NUM_CORPUS_LINES)]
    with open(os.path.join(self.corpus_dir, "corpus.txt"), "w",
              encoding="utf-8") as f:
      f.writelines(lines)

  def _write_questions(self, task):
    for split in ("train", "dev"):
      with open(os.path.join(QA_FOLDER, split + ".json"),
                encoding="utf-8") as f:
        dataset = json.load(f)
      del dataset["data"][1:]
      del dataset["data"][0]["paragraphs"][NUM_PARAGRAPHS:]
      if task == "squad":
        _make_squad_2(dataset)
      if task == "tydiqa":
        _make_arabic_ids(dataset)
      name = split + ".json"
      if task == "arcd":  # as published
        name = {"train": "arcd-train.json", "dev": "arcd-test.json"}[split]
      self._write_file(task, name, json.dumps(dataset))

  def _write_sentences(self, task):
    for split in ("train", "dev"):
      self._write_file(task, split + ".txt",
                       "ذهب VB B-VP\nأحمد NN B-NP\n. . O\n\n" * 5)

  def _write_reviews(self, task):
    for split in ("train", "dev"):
      self._write_file(task, split + ".tsv",
                       "sentence\tlabel\n" + "جميل\t1\nممل\t0\n" * 5)

  def _write_declared(self, task):
    declaration, = re.findall(r"```json\n\s*(\{\"kind.*\})",
                              read(os.path.join("docs", "tutorials.md")))
    self._write_file(task, "task.json", declaration)
    for split in ("train", "dev"):
      self._write_file(task, split + ".tsv",
                       "content\tlabel\n" + "جميل\tgood\nممل\tbad\n" * 5)

  def _write_file(self, task, name, text):
    folder = os.path.join(self.data_dir, "finetuning_data", task)
    os.makedirs(folder, exist_ok=True)
    with open(os.path.join(folder, name), "w", encoding="utf-8") as f:
      f.write(text)

  def _substitute(self, command):
    return command.replace("$DATA_DIR", self.data_dir).replace(
        "$CORPUS_DIR", self.corpus_dir)

  def _hparams_of(self, words):
    hparams = {}
    for flag, value in zip(words, words[1:]):
      if flag != "--hparams":
        continue
      if value.endswith(".json"):
        with open(os.path.join(ROOT, value)) as f:
          hparams.update(json.load(f))
      else:
        hparams.update(json.loads(value))
    return hparams

  def _run_with_hparams(self, command, tiny):
    return self._run(command, more_words=["--hparams", json.dumps(tiny)])

  def _run(self, command, changes=(), more_words=()):
    """Runs a command in this process, which has TensorFlow loaded already.

    Args:
      command: str, a line of the README.
      changes: {flag: value to pass instead of the README's}.
      more_words: list of str, what to pass after the README's words.

    Returns:
      What it printed.
    """
    words = shlex.split(self._substitute(command))
    for flag, value in dict(changes).items():
      words[words.index(flag) + 1] = value
    words += more_words
    _, script = words[:2]
    output = io.StringIO()
    with mock.patch.object(sys, "argv", words[1:]), \
        contextlib.redirect_stdout(output), \
        contextlib.redirect_stderr(output):
      try:
        runpy.run_path(os.path.join(ROOT, script), run_name="__main__")
      except SystemExit as exit_:
        self.assertIn(exit_.code, (0, None),
                      "%s\n%s" % (command, output.getvalue()))
    return output.getvalue()


def _make_arabic_ids(dataset):
  """Marks all questions as Arabic, as the ids of TyDi QA do."""
  for article in dataset["data"]:
    for paragraph in article["paragraphs"]:
      for qa in paragraph["qas"]:
        qa["id"] = "arabic-" + qa["id"]


def _make_squad_2(dataset):
  """Makes a SQuAD 1.1 dataset one of 2.0; the first question unanswerable."""
  dataset["version"] = "v2.0"
  for article in dataset["data"]:
    for paragraph in article["paragraphs"]:
      for number, qa in enumerate(paragraph["qas"]):
        qa["is_impossible"] = number == 0
        if number == 0:
          qa["answers"] = []


if __name__ == "__main__":
  unittest.main()
