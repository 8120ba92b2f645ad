"""The notebooks run from top to bottom, on tiny data and tiny models.

Running them requires the environment of requirements-notebooks.txt:

  .venv-notebooks/bin/python -m pytest -q tests/examples/notebooks_test.py
"""

import contextlib
import importlib
import io
import json
import os
import re
import subprocess
import sys
import tempfile
import unittest
from unittest import mock

from model import tokenization
from tests.playground import models

try:
  import nbclient
  import nbformat
except ImportError:
  nbclient = None
try:
  import torch
  import transformers
except ImportError:
  torch = None

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(
    os.path.abspath(__file__))))
EXAMPLES = os.path.join(ROOT, "examples")
QA = ("ARCD_pytorch.ipynb", "Tydiqa_ar_pytorch.ipynb")
EXPLORE = "explore_pretraining.ipynb"
MAX_BYTES = 300000


def load(name):
  """Returns a notebook as parsed JSON."""
  with open(os.path.join(EXAMPLES, name), encoding="utf-8") as f:
    return json.load(f)


def code_cells(notebook):
  """Returns the code cells of a notebook."""
  return [cell for cell in notebook["cells"] if cell["cell_type"] == "code"]


def execute(name, **parameters):
  """Runs a notebook with other parameters; returns the texts of its outputs."""
  notebook = nbformat.read(os.path.join(EXAMPLES, name), 4)
  with mock.patch.dict(os.environ, {
      "NOTEBOOK_PARAMETERS": json.dumps(parameters), "TQDM_DISABLE": "1"}):
    nbclient.NotebookClient(notebook, timeout=600, resources={
        "metadata": {"path": EXAMPLES}}).execute()
  outputs = [output for cell in code_cells(notebook)
             for output in cell["outputs"]]
  return "\n".join(str(output.get("text", output.get("data", "")))
                   for output in outputs)


def write_qa_file(path, num_questions, prefix):
  """Writes questions in SQuAD's layout whose answer is always "t20 t21"."""
  context = " ".join("t%d" % i for i in range(10, 40))
  questions = [{"id": "%s-%d" % (prefix, i), "question": "t%d t7" % (40 + i),
                "answers": [{"text": "t20 t21",
                             "answer_start": context.index("t20")}]}
               for i in range(num_questions)]
  with open(path, "w", encoding="utf-8") as f:
    json.dump({"version": "1.1", "data": [{"title": "", "paragraphs": [
        {"context": context, "qas": questions}]}]}, f)


class CommittedNotebooksTest(unittest.TestCase):

  def test_outputs_are_of_one_run_without_errors(self):
    for name in QA + (EXPLORE,):
      with self.subTest(name):
        cells = code_cells(load(name))
        self.assertEqual([cell["execution_count"] for cell in cells],
                         list(range(1, len(cells) + 1)))
        kinds = {output["output_type"] for cell in cells
                 for output in cell["outputs"]}
        self.assertNotIn("error", kinds)
        self.assertLess(os.path.getsize(os.path.join(EXAMPLES, name)),
                        MAX_BYTES)

  def test_cells_are_valid_python_and_name_no_machine(self):
    for name in QA + (EXPLORE,):
      for cell in code_cells(load(name)):
        source = "".join(cell["source"])
        compile(re.sub(r"^%", "#%", source, flags=re.M), name, "exec")
        self.assertNotRegex(source + str(cell["outputs"]),
                            r"/(tmp|root|home|work)/")

  def test_commands_of_the_page_name_files_and_parameters_that_exist(self):
    with open(os.path.join(ROOT, "docs", "notebooks.md"),
              encoding="utf-8") as f:
      page = f.read()
    for path in re.findall(r"(?:examples/|requirements)[\w/-]+\.\w+", page):
      self.assertTrue(os.path.exists(os.path.join(ROOT, path)), path)
    for name in re.findall(r"`(\w+\.ipynb)`", page):
      self.assertIn(name, QA + (EXPLORE,))
    changes, = re.findall(r"NOTEBOOK_PARAMETERS='(.*)' ", page)
    parameters = "".join(code_cells(load(QA[0]))[0]["source"])
    for name in json.loads(changes):
      self.assertRegex(parameters, r"(?m)^%s = " % name)

  def test_files_named_by_the_notebooks_exist(self):
    for name in QA + (EXPLORE,):
      text = json.dumps(load(name))
      for path in re.findall(r"\"((?:hparams|data/corpus)/[\w.-]+)\\\"", text):
        self.assertTrue(os.path.exists(os.path.join(EXAMPLES, path)), path)


@unittest.skipUnless(nbclient, "requires requirements-notebooks.txt")
class ExploreNotebookTest(unittest.TestCase):

  def test_it_shows_tokens_curves_and_attention(self):
    with tempfile.TemporaryDirectory() as folder:
      path = os.path.join(folder, "x")
      models.write_pretrained(path)
      texts = os.path.join(folder, "texts.txt")
      with open(texts, "w") as f:
        for start in range(5, 105, 20):
          f.write(" ".join("t%d" % i for i in range(start, start + 20)))
          f.write("\n\n")
      hparams = os.path.join(folder, "hparams.json")
      with open(hparams, "w") as f:
        json.dump({"generator_hidden_size": 0.25}, f)
      output = execute(EXPLORE, MODEL_DIR=path, HPARAMS=hparams,
                       TEXT_FILE=texts, NUM_TEXTS=5)
    self.assertRegex(output, r"100 tokens of 5 texts, 15 masked, \d+ replaced")
    self.assertIn("Area under the ROC curve", output)
    self.assertIn("image/png", output)
    self.assertIn("layer 2", output)
    self.assertIn("last layer, head 2", output)


@unittest.skipUnless(nbclient and torch, "requires requirements-notebooks.txt")
class QuestionAnsweringNotebooksTest(unittest.TestCase):

  def setUp(self):
    super().setUp()
    folder = tempfile.TemporaryDirectory()
    self.addCleanup(folder.cleanup)
    self.folder = folder.name
    checkpoint = os.path.join(self.folder, "model")
    models.write_pretrained(checkpoint)
    self.model = os.path.join(self.folder, "hf")
    subprocess.run(
        [sys.executable, "-W", "ignore", "convert_checkpoint.py", "--to", "hf",
         "--checkpoint", checkpoint, "--part", "discriminator", "--output-dir",
         self.model], cwd=ROOT, check=True, stdout=subprocess.DEVNULL)
    self.parameters = {
        "MODEL": self.model, "CLEANING": None,
        "OUTPUT_DIR": os.path.join(self.folder, "out"), "SETTINGS": {
            "learning_rate": 1e-2, "batch_size": 4, "num_epochs": 6,
            "max_length": 32, "stride": 8, "max_query_length": 8}}
    for key, count in (("TRAIN_FILE", 16), ("DEV_FILE", 3)):
      self.parameters[key] = os.path.join(self.folder, key + ".json")
      write_qa_file(self.parameters[key], count, "arabic")

  def test_command_of_the_page_runs_with_the_parameters(self):
    with open(os.path.join(ROOT, "docs", "notebooks.md"),
              encoding="utf-8") as f:
      command, = re.findall(
          r"^NOTEBOOK_PARAMETERS='.*' \.venv-notebooks/bin/(jupyter .*)$",
          f.read(), re.M)
    self.parameters["SETTINGS"]["num_epochs"] = 1
    done = subprocess.run(
        [sys.executable, "-m"] + command.split(), cwd=ROOT,
        env=dict(os.environ, TQDM_DISABLE="1",
                 NOTEBOOK_PARAMETERS=json.dumps(self.parameters)),
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    self.assertEqual(done.returncode, 0, done.stdout.decode("utf-8"))
    self.assertIn("scores.json", os.listdir(os.path.join(self.folder, "out")))

  def import_module(self):
    """Returns examples/pytorch_qa.py, imported as the notebooks do."""
    sys.path.insert(0, EXAMPLES)
    self.addCleanup(sys.path.remove, EXAMPLES)
    return importlib.import_module("pytorch_qa")

  def test_both_learn_the_answer_and_show_it(self):
    for name in QA:
      with self.subTest(name):
        output = execute(name, **self.parameters)
        self.assertIn("16 of 16 training questions are about contexts", output)
        self.assertIn("Epoch 6: mean loss", output)
        self.assertRegex(output, r"official</td><td>100\.00</td><td>100\.00")
        self.assertIn("<mark>t20 t21</mark>", output)
        with open(os.path.join(self.folder, "out", "scores.json")) as f:
          self.assertEqual(json.load(f)["exact_match"], 100)
        loaded = transformers.AutoModelForQuestionAnswering.from_pretrained(
            os.path.join(self.folder, "out"))
        self.assertEqual(loaded.config.vocab_size, 160)

  def test_features_have_the_answer_at_its_tokens(self):
    pytorch_qa = self.import_module()
    tokenizer = transformers.AutoTokenizer.from_pretrained(self.model)
    with contextlib.redirect_stdout(io.StringIO()):
      examples = pytorch_qa.read(self.parameters["DEV_FILE"], is_training=False)
      windows = pytorch_qa.featurize(
          examples, tokenizer, pytorch_qa.DEFAULTS._replace(
              max_length=20, stride=6))
    with_answer = [window for window in windows if window.start]
    self.assertGreater(len(windows), len(with_answer))
    for window in with_answer:
      self.assertEqual(tokenizer.convert_ids_to_tokens(
          window.input_ids[window.start:window.end + 1]), ["t20", "t21"])
      self.assertEqual(window.input_ids[0],
                       tokenizer.convert_tokens_to_ids(tokenization.CLS))
    self.assertEqual({window.example for window in with_answer}, {0, 1, 2})

  def test_cleaned_answers_are_given_as_written(self):
    pytorch_qa = self.import_module()
    path = os.path.join(self.folder, "diacritics.json")
    context = "وُلِدَ فِي القَاهِرَةِ عَامَ ١٩٢٠"
    answer = "القَاهِرَةِ"
    with open(path, "w", encoding="utf-8") as f:
      json.dump({"data": [{"paragraphs": [{"context": context, "qas": [
          {"id": "1", "question": "أين؟", "answers": [
              {"text": answer, "answer_start": context.index(answer)}]}]}]}]},
                f)
    with contextlib.redirect_stdout(io.StringIO()):
      example, = pytorch_qa.read(path, is_training=True,
                                 cleaning="araelectra-base")
    text = " ".join(example.words.words)
    start, end = pytorch_qa._answer_characters(example)
    self.assertEqual(text[start:end], "القاهرة")
    window = pytorch_qa.Window(0, [0], [0], [(start, end)], 0, 0)
    found = pytorch_qa._answer(
        example, [(1.0,) + window.offsets[0]], pytorch_qa.DEFAULTS)
    self.assertEqual(found.text, answer)
    self.assertEqual(pytorch_qa.scores([example], {"1": found})["f1"], 100)


if __name__ == "__main__":
  unittest.main()
