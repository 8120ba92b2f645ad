"""Tests for finetune.model_runner: a task of words on a one-layer model."""

import glob
import json
import os
import shutil
import signal
import tempfile
from unittest import mock

import numpy as np
import tensorflow.compat.v1 as tf

from finetune import model_runner
from model import checkpoint
from model import tokenization
from model import variable_shapes
from tests.finetune import words_task
from util import folder_lock
from util import session_hooks
from util import utils

NUM_STEPS = 12  # int(50 examples / 8 * 2 epochs)


class StopAtStep(tf.train.SessionRunHook):
  """Interrupts a training, as Ctrl-C would."""

  def __init__(self, num_runs):
    self._num_runs_left = num_runs

  def after_run(self, run_context, run_values):
    self._num_runs_left -= 1
    if not self._num_runs_left:
      raise KeyboardInterrupt()


def weights_of(folder):
  path = checkpoint.latest(folder)
  return {name: tf.train.load_variable(path, name)
          for name, _ in tf.train.list_variables(path)}


class ModelRunnerTest(tf.test.TestCase):

  @classmethod
  def setUpClass(cls):
    super().setUpClass()
    cls.folder = tempfile.TemporaryDirectory()
    cls.data_dir = cls.folder.name
    words_task.write_data(cls.data_dir)
    words_task.write_data(cls.data_dir, "other_words", seed=1)
    cls.trained = cls.train("trained")  # in 12 steps; most tests look at it

  @classmethod
  def tearDownClass(cls):
    cls.folder.cleanup()
    super().tearDownClass()

  @classmethod
  def runner(cls, model, *, trial=1, task_names=("words",), data_dir=None,
             signals=None, **hparams):
    """Returns the ModelRunner of a trial whose folder is under `model`."""
    config = words_task.tiny_config(
        data_dir or cls.data_dir, task_names=list(task_names),
        model_dir=os.path.join(cls.data_dir, model), **hparams)
    tokenizer = tokenization.FullTokenizer(config.vocab_file,
                                           do_lower_case=False)
    tasks = [words_task.WordsTask(config, tokenizer, name)
             for name in task_names]
    return model_runner.ModelRunner(config, tasks, trial, signals)

  @classmethod
  def train(cls, model, **settings):
    """Returns the ModelRunner after the training."""
    runner = cls.runner(model, **settings)
    runner.train()
    return runner

  def test_log_has_the_losses_of_tasks_and_tensorboard_the_dev_scores(self):
    runner = self.train("logged", task_names=("words", "other_words"),
                        eval_steps=6, log_steps=1)
    with open(os.path.join(runner.model_dir, "training_log.jsonl")) as f:
      log = list(map(json.loads, f))
    self.assertLen(log, 25)  # steps of 100 examples, 2 epochs
    for row in log:
      self.assertGreater(row["grad_norm"], 0)
      self.assertIn("learning_rate", row)
      losses = [row[name] for name in ("loss_words", "loss_other_words")
                if name in row]
      self.assertLessEqual(min(losses), row["loss"] + 1e-5)
      self.assertGreaterEqual(max(losses), row["loss"] - 1e-5)
    found = {}
    for path in glob.glob(os.path.join(runner.model_dir, "events*")):
      for event in tf.train.summary_iterator(path):
        for value in event.summary.value:
          found.setdefault(value.tag, []).append(event.step)
    self.assertEqual(sorted(set(found["dev_words/accuracy"])),
                     [6, 12, 18, 24, 25])
    self.assertIn("dev_other_words/accuracy", found)

  def assert_same_weights(self, a, b):
    a, b = weights_of(a.model_dir), weights_of(b.model_dir)
    self.assertEqual(sorted(a), sorted(b))
    for name in a:
      np.testing.assert_array_equal(a[name], b[name], err_msg=name)

  def test_learns_the_task_and_scores_the_remainder(self):
    results = self.train("learned", num_train_epochs=30).evaluate()
    # 21 examples in batches of 8, of which the reference scores 16.
    self.assertGreater(results["words"]["accuracy"], 95.0)
    self.assertEqual(sorted(results["words"]), ["accuracy", "loss"])

  def test_trials_differ_and_each_is_reproducible(self):
    self.assert_same_weights(self.trained, self.train("again"))
    second = self.train("trained", trial=2)
    self.assert_same_weights(second, self.train("seed_1", seed=1))
    kernel = "task_specific/words/dense/kernel"
    self.assertGreater(np.abs(weights_of(self.trained.model_dir)[kernel] -
                              weights_of(second.model_dir)[kernel]).max(), 1e-3)

  def test_interrupted_training_ends_in_the_same_weights(self):
    for num_runs in [9, 2]:  # stops after 9 steps, then after 2 more
      with self.assertRaises(KeyboardInterrupt):
        self.runner("resumed", save_checkpoints_steps=4).train(
            hooks=[StopAtStep(num_runs)])
    resumed = self.train("resumed", save_checkpoints_steps=4)
    self.assertEqual(checkpoint.global_step_of(resumed.model_dir), NUM_STEPS)
    self.assert_same_weights(self.trained, resumed)

  def test_second_training_is_refused_and_changes_nothing(self):
    model_dir = self.trained.model_dir
    before = weights_of(model_dir)
    with folder_lock.FolderLock(model_dir, "train", is_sibling=True):
      with self.assertRaisesRegex(
          utils.UserError, "%s is locked by another process" %
          model_dir):
        self.runner("trained", overwrite=True).train()
    for name, value in weights_of(model_dir).items():
      self.assertAllEqual(value, before[name])

  def test_damaged_weights_are_named(self):
    damaged = os.path.join(self.data_dir, "models", "damaged")
    shutil.copytree(self.trained.model_dir, damaged)
    for name in os.listdir(damaged):
      if ".data-" in name:
        with open(os.path.join(damaged, name), "r+b") as f:
          f.truncate(100)
    for use in (lambda: self.runner("from_damaged",
                                    init_checkpoint=damaged).train(),
                lambda: self.trained.results(damaged),
                lambda: self.trained.predict(damaged)):
      with self.assertRaisesRegex(utils.UserError, "models/damaged/model.ckpt"):
        use()

  def test_leftovers_of_a_killed_training_are_removed(self):
    with self.assertRaises(KeyboardInterrupt):
      self.runner("leftovers", eval_steps=2).train(hooks=[StopAtStep(3)])
    model_dir = self.runner("leftovers").model_dir
    for name in ("", "best"):
      os.makedirs(os.path.join(model_dir, name, "model.ckpt-2_temp_%032x" % 0))
    self.train("leftovers", eval_steps=2)
    self.assertEqual([
        name for folder in (model_dir, os.path.join(model_dir, "best"))
        for name in os.listdir(folder) if "temp" in name], [])

  def test_signal_ends_the_training_with_a_checkpoint(self):
    signals = mock.Mock(received=None)

    class Signal(tf.train.SessionRunHook):

      def after_run(self, run_context, run_values):
        signals.received = signal.SIGTERM  # in the first step

    runner = self.runner("signaled", signals=signals)
    with self.assertRaises(session_hooks.Stopped):
      runner.train(hooks=[Signal()])
    self.assertIn(checkpoint.global_step_of(runner.model_dir), (1, 2))
    with self.assertRaises(session_hooks.Stopped):
      runner.evaluate()
    self.assert_same_weights(self.trained, self.train("signaled"))

  def test_checkpoints_are_written_by_the_clock(self):
    with self.assertRaises(KeyboardInterrupt):  # 1e-9 minutes: at every step
      self.runner("by_clock", save_checkpoints_minutes=1e-9).train(
          hooks=[StopAtStep(9)])
    step = checkpoint.global_step_of(self.runner("by_clock").model_dir)
    self.assertIn(step, (8, 9))
    self.assert_same_weights(self.trained, self.train("by_clock"))

  # Evaluation while training.

  def history(self, runner):
    return utils.load_json(os.path.join(runner.model_dir, "evaluations.json"))

  def test_evaluations_do_not_change_the_weights(self):
    evaluated = self.train("evaluated", eval_steps=5)
    self.assert_same_weights(self.trained, evaluated)
    found = self.history(evaluated)
    self.assertEqual([e["step"] for e in found["evaluations"]], [5, 10, 12])
    scores = [dict(e["results"]["words"])["accuracy"]
              for e in found["evaluations"]]
    best = max(scores)
    self.assertEqual(found["best_step"], [5, 10, 12][scores.index(best)])
    results = evaluated.results()
    self.assertEqual(results["global_step"], found["best_step"])
    self.assertEqual(results["results"]["words"]["accuracy"], best)
    self.assertEqual(results["last"]["global_step"], 12)
    self.assertAlmostEqual(results["last"]["results"]["words"]["loss"],
                           self.trained.evaluate()["words"]["loss"], places=5)
    # Used elsewhere, the folder gives its best weights too.
    self.assertEqual(
        self.runner("elsewhere").results(evaluated.model_dir)["global_step"],
        found["best_step"])

  def test_interrupted_between_evaluations(self):
    for num_runs in [7, 2]:  # in the second part, and again
      with self.assertRaises(KeyboardInterrupt):
        self.runner("resumed_evaluated", eval_steps=5).train(
            hooks=[StopAtStep(num_runs)])
    resumed = self.train("resumed_evaluated", eval_steps=5)
    self.assert_same_weights(self.trained, resumed)
    self.assertEqual([e["step"] for e in self.history(resumed)["evaluations"]],
                     [5, 10, 12])

  def test_interrupted_in_an_evaluation(self):
    runner = self.runner("in_evaluation", eval_steps=6)
    runner.evaluate = mock.Mock(side_effect=KeyboardInterrupt)
    with self.assertRaises(KeyboardInterrupt):
      runner.train()
    self.assertEqual(checkpoint.global_step_of(runner.model_dir), 6)
    runner = self.train("in_evaluation", eval_steps=6)
    self.assertEqual([e["step"] for e in self.history(runner)["evaluations"]],
                     [6, 12])

  def test_early_stopping(self):
    # A rate of practically 0: no evaluation is better than the first.
    settings = dict(eval_steps=2, early_stopping_patience=2,
                    learning_rate=1e-30)
    stopped = self.train("stopped", **settings)
    self.assertEqual([e["step"] for e in self.history(stopped)["evaluations"]],
                     [2, 4, 6])
    self.assertEqual(stopped.results()["global_step"], 2)
    self.train("stopped", **settings)  # does not train further
    self.assertEqual(checkpoint.global_step_of(stopped.model_dir), 6)

  def test_trained_on_without_evaluations_the_end_is_evaluated(self):
    # Otherwise the best early checkpoint would be the result of the training.
    settings = dict(eval_steps=2, early_stopping_patience=1,
                    learning_rate=1e-30)
    self.train("looked_at", **settings)
    runner = self.train("looked_at", learning_rate=1e-30)
    self.assertEqual([e["step"] for e in self.history(runner)["evaluations"]],
                     [2, 4, 12])
    self.assertEqual(runner.results()["last"]["global_step"], 12)

  def test_weights_kept_by_another_score_are_refused(self):
    settings = dict(eval_steps=2, num_train_epochs=1)
    runner = self.train("chosen", **settings)
    path = os.path.join(runner.model_dir, "evaluations.json")
    history = utils.load_json(path)
    for i, evaluation in enumerate(history["evaluations"]):
      step = evaluation["step"]
      is_best = step == history["best_step"]
      evaluation["results"]["words"] = [
          ["accuracy", 1.0 * is_best], ["loss", 9.0 * is_best + i]]
    utils.write_json(history, path)
    self.train("chosen", **settings)
    with self.assertRaisesRegex(utils.UserError, "selected by another score"):
      self.train("chosen", best_metric="loss", **settings)

  def test_best_of_another_metric(self):
    runner = self.train("by_loss", eval_steps=6, best_metric="loss")
    losses = [dict(e["results"]["words"])["loss"]
              for e in self.history(runner)["evaluations"]]
    self.assertEqual(self.history(runner)["best_step"],
                     [6, 12][losses.index(min(losses))])

  def test_finished_training_is_not_repeated_unless_asked_to(self):
    path = os.path.join(self.train("short", num_train_epochs=0.1).model_dir,
                        "mine.txt")
    words_task.write_lines(path, ["mine"])
    self.train("short", num_train_epochs=0.1)
    self.assertTrue(os.path.exists(path))
    self.train("short", num_train_epochs=0.1, overwrite=True)
    self.assertFalse(os.path.exists(path))

  def test_another_training_is_not_mixed_with_what_is_there(self):
    with self.assertRaisesRegex(utils.UserError,
                                "learning_rate .*num_train_epochs"):
      self.train("trained", learning_rate=0.5, num_train_epochs=9)

  def test_training_on_other_data_is_not_mixed_with_what_is_there(self):
    with tempfile.TemporaryDirectory() as data_dir:
      words_task.write_data(data_dir)
      path = words_task.split_file(data_dir, "train")
      words_task.write_lines(path, words_task.read_lines(path)[::-1])
      with self.assertRaisesRegex(utils.UserError, "training_data"):
        self.train("trained", data_dir=data_dir)

  def test_evaluation_alone_gives_the_same_scores(self):
    evaluated = self.runner("elsewhere", do_train=False)
    self.assertEqual(evaluated.evaluate(self.trained.model_dir),
                     self.trained.evaluate())
    self.assertFalse(os.path.exists(evaluated.model_dir))

  def test_encoder_starts_from_the_pretrained_one(self):
    # A rate of practically 0 leaves what it started from.
    runner = self.train("started", init_checkpoint=self.trained.model_dir,
                        learning_rate=1e-30, num_train_epochs=0.1)
    wanted = weights_of(self.trained.model_dir)
    got = weights_of(runner.model_dir)
    encoder = [name for name in wanted if name.startswith("electra/") and
               not variable_shapes.is_slot(name)]
    self.assertNotEmpty(encoder)
    for name in encoder:
      np.testing.assert_allclose(got[name], wanted[name], atol=1e-6,
                                 err_msg=name)
    self.assertEqual(got["global_step"], 1)  # its own steps, not those before

  def test_head_that_was_never_trained_is_not_evaluated(self):
    with self.assertRaisesRegex(
        utils.UserError, "never trained on task 'other_words'"):
      self.runner("elsewhere", task_names=["other_words"]).evaluate(
          self.trained.model_dir)

  def test_nothing_to_evaluate(self):
    with self.assertRaisesRegex(utils.UserError, "expected a checkpoint"):
      self.runner("elsewhere").evaluate()

  def test_missing_pretrained_weights(self):
    with self.assertRaisesRegex(utils.UserError, "set init_checkpoint"):
      self.train("elsewhere", init_checkpoint=os.path.join(
          self.data_dir, "nowhere"))

  def test_model_of_another_size_names_the_hyperparameter(self):
    wider = dict(words_task.TINY_MODEL, hidden_size=32)
    with self.assertRaisesRegex(utils.UserError, "hidden_size"):
      self.runner("elsewhere", model_hparam_overrides=wider).evaluate(
          self.trained.model_dir)

  def test_two_tasks_share_the_encoder(self):
    runner = self.train("both", task_names=["words", "other_words"],
                        num_train_epochs=0.1)
    self.assertEqual(sorted(runner.evaluate()), ["other_words", "words"])
    names = set(weights_of(runner.model_dir))
    self.assertIn("task_specific/words/dense/kernel", names)
    self.assertIn("task_specific/other_words/dense/kernel", names)


if __name__ == "__main__":
  tf.test.main()
