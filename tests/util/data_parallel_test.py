"""Tests for util.data_parallel.

Those with real ranks need Horovod (requirements-horovod.txt) and are skipped
without it; training_step_test.py adds up the parts of two ranks without it.
"""

import importlib.util
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import unittest
from unittest import mock

import numpy as np

from util import data_parallel

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(
    os.path.abspath(__file__))))
RANK_1_OF_4 = {"HOROVOD_RANK": "1", "HOROVOD_SIZE": "4",
               "HOROVOD_LOCAL_RANK": "0", "HOROVOD_LOCAL_SIZE": "2"}
has_horovod = unittest.skipUnless(
    importlib.util.find_spec("horovod"), "Horovod is not installed")


def environment(**variables):
  """Returns a patch of os.environ without any launcher's variables."""
  kept = {name: value for name, value in os.environ.items()
          if not name.startswith(("HOROVOD_", "OMPI_"))}
  return mock.patch.dict(os.environ, dict(kept, **variables), clear=True)


class RanksTest(unittest.TestCase):

  def test_one_process_is_the_chief_and_computes_everything(self):
    with environment():
      self.assertEqual((data_parallel.rank(), data_parallel.num_ranks()),
                       (0, 1))
      self.assertTrue(data_parallel.is_chief())
      self.assertEqual(list(data_parallel.parts_of_rank(3)), [0, 1, 2])
      self.assertEqual(data_parallel.sum_over_ranks([5]), [5])
      self.assertEqual(data_parallel.gather([7]), [7])
      with data_parallel.Jobs(add=lambda a, b: a + b) as jobs:
        self.assertEqual(jobs.run("add", a=1, b=2), 3)
      self.assertEqual(data_parallel.broadcast_hooks(), [])
      self.assertEqual(data_parallel.metric_hooks(), [])

  def test_ranks_of_horovodrun(self):
    with environment(**RANK_1_OF_4):
      self.assertEqual((data_parallel.rank(), data_parallel.num_ranks()),
                       (1, 4))
      self.assertFalse(data_parallel.is_chief())
      self.assertEqual(data_parallel.num_local_ranks(), 2)
      self.assertEqual(list(data_parallel.parts_of_rank(8)), [2, 3])

  def test_ranks_of_mpirun(self):
    with environment(OMPI_COMM_WORLD_RANK="2", OMPI_COMM_WORLD_SIZE="3",
                     OMPI_COMM_WORLD_LOCAL_RANK="2"):
      self.assertEqual((data_parallel.rank(), data_parallel.num_ranks(),
                        data_parallel.local_rank()), (2, 3, 2))

  def test_other_ranks_have_a_scratch_folder_and_remove_it(self):
    with environment(**RANK_1_OF_4):
      with data_parallel.folder_of_rank("/models/m") as folder:
        self.assertNotEqual(folder, "/models/m")
        self.assertTrue(os.path.isdir(folder))
      self.assertFalse(os.path.exists(folder))
    with environment(), data_parallel.folder_of_rank("/models/m") as folder:
      self.assertEqual(folder, "/models/m")


class TwoRanks(unittest.TestCase):
  """Real runs of two processes on this machine."""

  @classmethod
  def setUpClass(cls):
    cls.folder = tempfile.mkdtemp()

  @classmethod
  def tearDownClass(cls):
    shutil.rmtree(cls.folder)

  script = "run_pretraining.py"

  def start(self, name, num_ranks=2, **changes):
    """Starts a training; returns its process and the path of its model."""
    script = [sys.executable, os.path.join(ROOT, self.script),
              "--data-dir", self.folder, "--model-name", name, "--hparams",
              json.dumps(dict(self.hparams, **changes))]
    if num_ranks > 1:
      script = [os.path.join(os.path.dirname(sys.executable), "horovodrun"),
                "--gloo", "-np", str(num_ranks)] + script
    process = subprocess.Popen(
        script, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        universal_newlines=True, env=dict(
            os.environ, PYTHONPATH=ROOT, CUDA_VISIBLE_DEVICES="",
            PATH=os.path.dirname(sys.executable) + ":" + os.environ["PATH"]))
    return process, os.path.join(self.folder, "models", name)

  def train(self, name, num_ranks=2, **changes):
    """Trains to the end; returns ({variable: array}, printed text)."""
    process, model_dir = self.start(name, num_ranks, **changes)
    printed = process.communicate(timeout=1200)[0]
    self.assertEqual(process.returncode, 0, printed)
    return self.weights(model_dir), printed

  def weights(self, model_dir):
    import tensorflow.compat.v1 as tf
    reader = tf.train.load_checkpoint(model_dir)
    return {name: reader.get_tensor(name)
            for name in reader.get_variable_to_shape_map()}


@has_horovod
class PretrainingTest(TwoRanks):

  @classmethod
  def setUpClass(cls):
    from tests.pretrain import tiny_pretraining

    super().setUpClass()
    config = tiny_pretraining.make_data(cls.folder, [5, 6])
    cls.hparams = dict(
        tiny_pretraining.HPARAMS, save_checkpoints_steps=4, num_train_steps=12,
        eval_tfrecords=config.pretrain_tfrecords, eval_steps=6, log_steps=1)

  def history(self, name):
    with open(os.path.join(self.folder, "models", name, "results",
                           "unsup_results_history.jsonl")) as f:
      return [json.loads(line) for line in f]

  def test_two_ranks_equal_two_micro_batches_of_one_process(self):
    two, printed = self.train("two")
    one, _ = self.train("one", num_ranks=1, gradient_accumulation_steps=2)
    self.assertEqual(sorted(two), sorted(one))
    for name, value in one.items():
      np.testing.assert_allclose(two[name], value, rtol=0, atol=1e-5,
                                 err_msg=name)
    for ours, theirs in zip(self.history("two"), self.history("one")):
      self.assertEqual(sorted(ours), sorted(theirs))
      for name, value in theirs.items():
        self.assertAlmostEqual(ours[name], value, 4, name)
    # Only the chief writes.
    self.assertEqual(printed.count("Trained to step 12"), 1)
    self.assertEqual(len(self.history("two")), 2)

  def test_a_killed_rank_ends_the_run_and_it_resumes_exactly(self):
    expected, _ = self.train("uninterrupted")
    self._train_until_signal("killed", signal.SIGKILL)
    resumed, _ = self.train("killed")
    for name, value in expected.items():
      np.testing.assert_array_equal(resumed[name], value, err_msg=name)

  def test_a_stalled_rank_is_an_error_and_no_hang(self):
    printed, stopped = self._train_until_signal(
        "stalled", signal.SIGSTOP, num_train_steps=100000)
    os.kill(stopped, signal.SIGKILL)
    self.assertRegex(
        printed, "error: Rank 0 of 2: another rank failed or did not answer .* "
        "Saved checkpoints are intact: run the same command again to resume")

  def _train_until_signal(self, name, signal_, **changes):
    """Sends a signal to rank 1 after 5 steps; returns (text, its pid).

    Asserts that the run then fails.
    """
    process, model_dir = self.start(name, **changes)
    log = os.path.join(model_dir, "training_log.jsonl")
    while process.poll() is None:
      if os.path.exists(log) and sum(1 for _ in open(log)) > 5:
        break
      time.sleep(0.05)
    ranks = subprocess.check_output(
        ["pgrep", "-f", "--", "--model-name " + name],
        universal_newlines=True).split()
    pids = [pid for pid in ranks if "HOROVOD_RANK=1" in open(
        "/proc/%s/environ" % pid).read().split("\0")]
    os.kill(int(pids[-1]), signal_)
    printed = process.communicate(timeout=120)[0]
    self.assertNotEqual(process.returncode, 0, printed)
    return printed, int(pids[-1])

  def test_what_is_not_finite_on_one_rank_is_skipped_on_all(self):
    hparams = dict(untied_generator_embeddings=True, nan_policy="skip",
                   eval_steps=None, eval_tfrecords=None)
    start, _ = self.train("start", num_ranks=1, num_train_steps=1, **hparams)
    # Of a word that few examples have; the sum of its values overflows.
    start["electra/embeddings/word_embeddings"][14] = 3e38
    hparams["init_checkpoint"] = self.save(start)
    two, printed = self.train("infinite_two", **hparams)
    one, printed_by_one = self.train(
        "infinite_one", num_ranks=1, gradient_accumulation_steps=2, **hparams)
    skipped = [re.findall(r"Skipped the update of step (\d+)", text)
               for text in (printed, printed_by_one)]
    self.assertEqual(skipped[0], skipped[1])
    self.assertTrue(0 < len(skipped[0]) < 11, skipped)
    for name, value in one.items():
      np.testing.assert_allclose(two[name], value, rtol=0, atol=1e-5,
                                 err_msg=name)

  def save(self, weights):
    """Saves {variable: array} as a checkpoint; returns its prefix."""
    import tensorflow.compat.v1 as tf
    with tf.Graph().as_default(), tf.Session() as session:
      for name, value in weights.items():
        tf.get_variable(name, initializer=value, dtype=value.dtype)
      session.run(tf.global_variables_initializer())
      return tf.train.Saver().save(
          session, os.path.join(tempfile.mkdtemp(dir=self.folder),
                                "model.ckpt"), global_step=1)

  def test_a_batch_that_cannot_be_split_is_refused(self):
    process, model_dir = self.start("odd", train_batch_size=5)
    printed = process.communicate(timeout=120)[0]
    self.assertNotEqual(process.returncode, 0)
    self.assertIn("train_batch_size: the batch of all 2 processes cannot be "
                  "split into 2 micro-batches", printed)
    self.assertFalse(os.path.exists(model_dir))


@has_horovod
class FinetuningTest(TwoRanks):

  script = "run_finetuning.py"

  @classmethod
  def setUpClass(cls):
    from tests.finetune import words_task

    super().setUpClass()
    words_task.write_data(cls.folder, "cola")
    for split in ("train", "dev"):
      path = words_task.split_file(cls.folder, split, "cola")
      rows = [line.split("\t") for line in words_task.read_lines(path)]
      words_task.write_lines(path, [
          "source\t%s\t\t%s" % tuple(row) for row in rows])
    cls.hparams = {
        "task_names": ["cola"], "init_checkpoint": None,
        "do_lower_case": False, "max_seq_length": 8, "train_batch_size": 8,
        "eval_batch_size": 4, "num_train_epochs": 2.0, "learning_rate": 1e-2,
        "eval_steps": 6, "log_steps": 1,
        "model_hparam_overrides": words_task.TINY_MODEL}

  def weights(self, model_dir):
    return super().weights(os.path.join(
        model_dir, "finetuning_models", "cola_model_1"))

  def scores(self, name):
    with open(os.path.join(self.folder, "models", name, "results",
                           "cola_results.json")) as f:
      trial, = json.load(f)["trials"]
    return trial["results"]["cola"]

  def test_two_ranks_score_like_one_process_and_repeat_exactly(self):
    first, printed = self.train("first")
    second, _ = self.train("second")
    for name, value in first.items():
      np.testing.assert_array_equal(second[name], value, err_msg=name)
    self.assertEqual(printed.count("Wrote the scores of 1 trial"), 1)
    process, _ = self.start(
        "one", num_ranks=1, do_train=False, init_checkpoint=os.path.join(
            self.folder, "models", "first", "finetuning_models",
            "cola_model_1"))
    printed = process.communicate(timeout=1200)[0]
    self.assertEqual(process.returncode, 0, printed)
    expected = self.scores("first")
    for name, value in self.scores("one").items():
      self.assertAlmostEqual(value, expected[name], 4, name)
