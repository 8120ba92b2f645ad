"""Runs the commands from raw text to answers, with a tiny model.

Builds the examples, pre-trains, kills the training with SIGKILL, resumes it,
evaluates, fine-tunes on question answering and checks the output files.
"""

import json
import os
import signal
import subprocess
import sys
import tempfile
import time
import unittest

import numpy as np
import tensorflow.compat.v1 as tf

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
EXAMPLES = os.path.join(ROOT, "examples", "data")
MODEL = {
    "model_size": "small", "embedding_size": 16, "max_seq_length": 32,
    "model_hparam_overrides": {
        "hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2,
        "intermediate_size": 64}}
PRETRAINING = dict(
    MODEL, generator_hidden_size=0.5, train_batch_size=8, num_train_steps=60,
    num_warmup_steps=5, learning_rate=1e-3, save_checkpoints_steps=10,
    num_eval_steps=4, log_steps=10)
FINETUNING = dict(
    MODEL, task_names=["squadv1"], max_seq_length=64, max_query_length=24,
    doc_stride=24, num_train_epochs=1.0, learning_rate=1e-3,
    train_batch_size=16)
VOCAB_SIZE = 600
NUM_CORPUS_BYTES = 60000
NUM_PARAGRAPHS = 20


def run(script, *arguments):
  """Runs one of the project's commands; returns its output."""
  done = subprocess.run(
      [sys.executable, os.path.join(ROOT, script)] + list(arguments),
      stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False)
  printed = done.stdout.decode("utf-8", "replace")
  if done.returncode:
    raise AssertionError("%s exited with code %d:\n%s" % (
        script, done.returncode, printed))
  return printed


def write_small_corpus(folder):
  """Writes the first documents of the example corpus."""
  source = os.path.join(EXAMPLES, "corpus")
  path = os.path.join(source, sorted(os.listdir(source))[0])
  with open(path, encoding="utf-8") as f:
    text = f.read(NUM_CORPUS_BYTES)
  os.makedirs(folder)
  with open(os.path.join(folder, "corpus.txt"), "w", encoding="utf-8") as f:
    f.write(text[:text.rindex("\n\n") + 1])


def write_small_questions(folder):
  """Writes the first example questions; returns the ids of the dev set."""
  os.makedirs(folder)
  ids = []
  for name in ("train.json", "dev.json"):
    with open(os.path.join(EXAMPLES, "qa", name), encoding="utf-8") as f:
      dataset = json.load(f)
    paragraphs = [paragraph for article in dataset["data"]
                  for paragraph in article["paragraphs"]][:NUM_PARAGRAPHS]
    with open(os.path.join(folder, name), "w", encoding="utf-8") as f:
      json.dump({"version": "1.1", "data": [
          {"title": "x", "paragraphs": paragraphs}]}, f)
    ids = [qa["id"] for paragraph in paragraphs for qa in paragraph["qas"]]
  return ids


def read_checkpoint(model_dir):
  """Returns {name: value} of the latest checkpoint, with Adam's slots."""
  reader = tf.train.load_checkpoint(tf.train.latest_checkpoint(model_dir))
  return {name: reader.get_tensor(name)
          for name in reader.get_variable_to_shape_map()}


class EndToEndTest(unittest.TestCase):

  @classmethod
  def setUpClass(cls):
    super().setUpClass()
    cls._folder = tempfile.TemporaryDirectory(prefix="electra عربي ")
    cls.data_dir = cls._folder.name
    corpus = os.path.join(cls.data_dir, "corpus")
    write_small_corpus(corpus)
    vocab = os.path.join(cls.data_dir, "vocab.txt")
    run("train_vocab.py", "--corpus-dir", corpus, "--output-file", vocab,
        "--vocab-size", str(VOCAB_SIZE), "--no-lower-case")
    run("build_pretraining_dataset.py", "--corpus-dir", corpus,
        "--vocab-file", vocab, "--output-dir",
        os.path.join(cls.data_dir, "pretrain_tfrecords"),
        "--max-seq-length", "32", "--no-lower-case", "--num-processes", "2")

  @classmethod
  def tearDownClass(cls):
    cls._folder.cleanup()
    super().tearDownClass()

  def model_dir(self, name):
    return os.path.join(self.data_dir, "models", name)

  def arguments(self, name, hparams):
    return ["--data-dir", self.data_dir, "--model-name", name,
            "--hparams", json.dumps(hparams)]

  def pretrain_and_kill(self, name, after_step):
    """Starts training and kills it once the step `after_step` is saved."""
    process = subprocess.Popen(
        [sys.executable, os.path.join(ROOT, "run_pretraining.py")] +
        self.arguments(name, PRETRAINING),
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    saved = os.path.join(self.model_dir(name),
                         "model.ckpt-%d.index" % after_step)
    while not os.path.exists(saved) and process.poll() is None:
      time.sleep(0.01)
    process.send_signal(signal.SIGKILL)
    process.wait()
    self.assertEqual(process.returncode, -signal.SIGKILL,
                     "training finished before it was killed")

  def test_text_to_answers_with_a_resumed_training(self):
    run("run_pretraining.py", *self.arguments("uninterrupted", PRETRAINING))
    self.pretrain_and_kill("killed", after_step=20)
    self.pretrain_and_kill("killed", after_step=40)
    run("run_pretraining.py", *self.arguments("killed", PRETRAINING))
    self.check_same_weights("uninterrupted", "killed")

    run("run_pretraining.py", *self.arguments(
        "killed", dict(PRETRAINING, do_train=False, do_eval=True)))
    self.check_evaluation("killed")

    ids = write_small_questions(
        os.path.join(self.data_dir, "finetuning_data", "squadv1"))
    run("run_finetuning.py", *self.arguments("killed", FINETUNING))
    self.check_answers("killed", ids)

  def check_same_weights(self, name, other_name):
    variables = read_checkpoint(self.model_dir(name))
    other_variables = read_checkpoint(self.model_dir(other_name))
    self.assertEqual(sorted(variables),
                     sorted(other_variables))
    self.assertEqual(variables["global_step"], 60)
    for variable in variables:
      np.testing.assert_array_equal(
          variables[variable], other_variables[variable], err_msg=variable)

  def check_evaluation(self, name):
    results = os.path.join(self.model_dir(name), "results")
    with open(os.path.join(results, "unsup_results.txt"),
              encoding="utf-8") as f:
      text = f.read()
    for metric in ("masked_lm_accuracy", "masked_lm_loss", "disc_auc",
                   "sampled_masked_lm_accuracy", "disc_loss", "disc_accuracy",
                   "disc_precision", "disc_recall", "loss", "global_step"):
      self.assertIn(metric, text)

  def check_answers(self, name, ids):
    results = os.path.join(self.model_dir(name), "results")
    with open(os.path.join(results, "squadv1_results.json"),
              encoding="utf-8") as f:
      self.assertIn("f1", f.read())
    folder = os.path.join(results, "squadv1_qa")
    for file_name in ("squadv1_preds.json", "squadv1_nbest.json"):
      with open(os.path.join(folder, file_name), encoding="utf-8") as f:
        self.assertEqual(sorted(json.load(f)), sorted(ids))


if __name__ == "__main__":
  unittest.main()
