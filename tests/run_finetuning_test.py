"""Tests for run_finetuning."""

import contextlib
import io
import json
import os
import signal
import subprocess
import sys
import tempfile
import unittest
from unittest import mock

from finetune import model_runner
from finetune import task_builder
from model import checkpoint
import run_finetuning
from tests import conftest
from tests.finetune import words_task
from util import estimators
from util import session_hooks
from util import utils


class CommandLineTest(unittest.TestCase):

  def test_misspelled_hparam_ends_in_one_line_before_tensorflow(self):
    program = (
        "import sys, run_finetuning\n"
        "from util import utils\n"
        "try:\n"
        "  utils.exit_cleanly(run_finetuning.main)\n"
        "finally:\n"
        "  if 'tensorflow' in sys.modules:\n"
        "    sys.stderr.write('tensorflow')")
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", program, "--data-dir", "x",
         "--model-name", "y", "--hparams", '{"learnin_rate": 1e-4}'],
        cwd=conftest.ROOT, stderr=subprocess.PIPE, stdout=subprocess.PIPE)
    stderr = done.stderr.decode("utf-8")
    self.assertEqual(done.returncode, 2)
    self.assertIn("Did you mean 'learning_rate'", stderr)
    self.assertTrue(stderr.startswith("error: "), stderr)
    self.assertEqual(stderr.count("\n"), 1)
    self.assertFalse(stderr.endswith("tensorflow"))


class RunTest(unittest.TestCase):

  def setUp(self):
    folder = tempfile.TemporaryDirectory()
    self.addCleanup(folder.cleanup)
    self.data_dir = folder.name
    words_task.write_data(self.data_dir)
    task_builder.register("words", words_task.WordsTask)
    task_builder.register("words_with_test", _with_test_split)

  def _config(self, **hparams):
    return words_task.tiny_config(self.data_dir, **hparams)

  def test_without_a_tpu_no_folder_is_made(self):
    config = self._config(use_tpu=True)
    with self.assertRaisesRegex(utils.UserError, "no TPU is reachable"):
      run_finetuning.run(config)
    self.assertFalse(os.path.exists(config.trial_model_dir(1)))
    self.assertFalse(os.path.exists(os.path.dirname(config.results_txt)))

  def test_two_trials_and_the_evaluation_of_one_alone(self):
    config = self._config(num_trials=2)
    trials = run_finetuning.run(config)
    lines = words_task.read_lines(config.results_txt)
    self.assertRegex(lines[0], r"^words: accuracy: [0-9.]+ - loss: [0-9.]+$")
    self.assertRegex(lines[2], r"^words accuracy over trials: mean ")
    content = utils.load_json(config.results_json())
    self.assertEqual(content["trials"], trials)
    self.assertEqual([(trial["trial"], trial["seed"], trial["global_step"])
                      for trial in trials], [(1, 0, 12), (2, 1, 12)])
    self.assertNotEqual(trials[0]["results"], trials[1]["results"])

    again = run_finetuning.run(self._config(
        do_train=False, init_checkpoint=config.trial_model_dir(2)))
    self.assertEqual([trial["results"] for trial in again],
                     [trials[1]["results"]])
    self.assertEqual([(trial["trial"], trial["seed"]) for trial in again],
                     [(2, 1)])
    # The scores of both trials are still there.
    self.assertEqual(words_task.read_lines(config.results_txt), lines)
    self.assertEqual(utils.load_json(config.results_json()), content)
    path = os.path.join(os.path.dirname(config.results_txt),
                        "words_evaluation.json")
    self.assertEqual(utils.load_json(path)["trials"], again)

  def test_unknown_best_metric_is_refused_before_the_training(self):
    config = self._config(task_names=["pos"], eval_steps=4, best_metric="acc")
    for split in ("train", "dev"):
      words_task.write_lines(
          os.path.join(config.raw_data_dir("pos"), split + ".txt"),
          ["good J", "a N"])
    with self.assertRaisesRegex(
        utils.UserError, "best_metric: expected one of pos/accuracy, pos/loss, "
        "got 'acc'. Did you mean 'accuracy'?"):
      run_finetuning.run(config)
    self.assertFalse(os.path.exists(config.trial_model_dir(1)))

  def test_best_weights_are_reported_and_predicted_with(self):
    # The dev labels are inverted: longer training gives worse scores.
    for split, good in (("train", "good"), ("dev", "bad")):
      words_task.write_lines(
          words_task.split_file(self.data_dir, split, "cola"),
          ["s\t%d\t\t%s %s" % (a == good, a, b) for a in ("good", "bad")
           for b in "abcdef"])
    predict_file = os.path.join(self.data_dir, "new.txt")
    words_task.write_lines(predict_file, ["good a", "bad b"])
    config = self._config(
        task_names=["cola"], eval_steps=4, num_train_epochs=8,
        best_metric="loss", predict_file=predict_file)
    trial, = run_finetuning.run(config)
    losses = [dict(entry["results"]["cola"])["loss"] for entry in
              utils.load_json(os.path.join(
                  config.trial_model_dir(1), "evaluations.json"))[
                      "evaluations"]]
    best = min(losses)
    self.assertLess(best, losses[-1])  # else nothing is tested here
    self.assertAlmostEqual(trial["results"]["cola"]["loss"], best, places=5)
    self.assertEqual(trial["last"]["results"]["cola"]["loss"], losses[-1])
    lines = words_task.read_lines(config.results_txt)
    self.assertTrue(lines[0].endswith("loss: %.2f" % best), lines)
    self.assertRegex(lines[-1], "^cola trial 1: best at step %d, last at step "
                     "12: mcc: .* loss: %.2f$" % (
                         4 * losses.index(best) + 4, losses[-1]))
    with open(config.predict_output_file) as f:
      first = f.read()
    # The last weights predict something else.
    last = self._config(
        task_names=["cola"], do_train=False, do_eval=False,
        predict_file=config.predict_file, predict_output_file=os.path.join(
            self.data_dir, "last.jsonl"),
        init_checkpoint=checkpoint.find(config.trial_model_dir(1)))
    run_finetuning.run(last)
    with open(last.predict_output_file) as f:
      self.assertNotEqual(f.read(), first)

  def test_files_of_each_trial_are_kept(self):
    config = self._config(task_names=["pos"], num_trials=2)
    for split in ("train", "dev"):
      words_task.write_lines(
          os.path.join(config.raw_data_dir("pos"), split + ".txt"),
          ["good J", "a N", "", "bad J", "b N"])
    with mock.patch.object(utils, "heading") as heading:
      run_finetuning.run(config)
    # The reference prints "trial 1" each time.
    self.assertEqual([call[0][0] for call in heading.call_args_list],
                     ["Trial 1 of 2: pos", "Trial 2 of 2: pos"])
    path = config.tagging_preds_file("pos", "dev")
    folder, name = os.path.split(path)
    texts = ["\n".join(words_task.read_lines(os.path.join(
        folder, subfolder, name)))
             for subfolder in ("trial_1", "trial_2", "")]
    self.assertEqual(texts[2], texts[1])
    self.assertNotEqual(texts[0], texts[1])

  def test_missing_dev_file_is_reported_before_training(self):
    # The reference only fails after the training.
    config = self._config()
    os.remove(os.path.join(config.raw_data_dir("words"), "dev.tsv"))
    with self.assertRaisesRegex(utils.UserError, "expected its dev data in"):
      run_finetuning.run(config)
    self.assertFalse(os.path.exists(config.trial_model_dir(1)))

  def test_models_of_earlier_trials_are_deleted_without_keep_all_models(self):
    config = self._config(num_trials=2, keep_all_models=False,
                          num_train_epochs=0.1)
    run_finetuning.run(config)
    self.assertFalse(os.path.exists(config.trial_model_dir(1)))
    self.assertIsNotNone(checkpoint.find(config.trial_model_dir(2)))

  def test_vocabulary_and_settings_are_saved_with_the_model(self):
    config = self._config(num_train_epochs=0.1, do_eval=False,
                          strip_accents=True)
    run_finetuning.run(config)
    folder = config.trial_model_dir(1)
    self.assertEqual(
        utils.load_json(os.path.join(folder, "tokenizer_config.json")),
        {"do_lower_case": False, "strip_accents": True})
    self.assertEqual(words_task.read_lines(os.path.join(folder, "vocab.txt")),
                     words_task.VOCABULARY)
    run, = words_task.read_lines(os.path.join(folder, "runs.jsonl"))
    run = json.loads(run)
    self.assertEqual(run["seed"], config.seed)
    self.assertTrue(run["config"]["strip_accents"])
    self.assertEqual(list(run["data"]["tasks"]), config.task_names)

  def test_outputs_for_a_test_split(self):
    words_task.write_data(self.data_dir, "words_with_test")
    config = self._config(task_names=["words_with_test"], do_eval=False,
                          num_train_epochs=0.1, write_test_outputs=True)
    run_finetuning.run(config)
    path = config.test_predictions("words_with_test", "test", 1)
    predictions = utils.load_json(os.path.splitext(path)[0] + ".json")
    self.assertEqual(sorted(predictions), ["0", "1", "2"])

  def test_missing_test_split_is_reported_before_training(self):
    config = self._config(write_test_outputs=True)
    with self.assertRaisesRegex(
        utils.UserError, "task .words. has no unlabeled test split"):
      run_finetuning.run(config)
    self.assertFalse(os.path.exists(config.trial_model_dir(1)))

  def test_tasks_without_a_test_split_are_skipped(self):
    words_task.write_data(self.data_dir, "words_with_test")
    config = self._config(task_names=["words", "words_with_test"],
                          do_eval=False, num_train_epochs=0.1,
                          write_test_outputs=True)
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
      run_finetuning.run(config)
    self.assertIn("No test outputs for task 'words': no unlabeled",
                  printed.getvalue())
    self.assertTrue(os.path.exists(
        config.test_predictions("words_with_test", "test", 1)))

  def test_bad_test_split_is_reported_before_training(self):
    words_task.write_data(self.data_dir, "words_with_test")
    words_task.write_lines(words_task.split_file(
        self.data_dir, "test", "words_with_test"), [])
    config = self._config(task_names=["words_with_test"], do_eval=False,
                          write_test_outputs=True)
    with self.assertRaisesRegex(utils.UserError, "examples in split 'test'"):
      run_finetuning.run(config)
    self.assertFalse(os.path.exists(config.trial_model_dir(1)))

  def test_evaluation_without_training_needs_a_trained_head(self):
    trained = self._config(num_train_epochs=0.1)
    run_finetuning.run(trained)
    words_task.write_data(self.data_dir, "words_with_test")
    with self.assertRaisesRegex(utils.UserError, "never trained on task"):
      run_finetuning.run(self._config(
          task_names=["words_with_test"], do_train=False,
          init_checkpoint=trained.trial_model_dir(1)))

  def test_signal_ends_the_run_with_its_status(self):
    # It arrives during training, which stops; see model_runner_test.
    def stop(runner):
      del runner
      os.kill(os.getpid(), signal.SIGTERM)
      raise session_hooks.Stopped()

    with mock.patch.object(model_runner.ModelRunner, "train", stop):
      with self.assertRaises(SystemExit) as raised:
        run_finetuning.run(self._config())
    self.assertEqual(raised.exception.code, 128 + signal.SIGTERM)

  def test_diverging_training_is_no_traceback(self):
    with self.assertRaisesRegex(
        utils.UserError, "training diverged, the loss is NaN"):
      run_finetuning.run(self._config(learning_rate=1e30))

  def test_debug_run_leaves_the_model_alone(self):
    model = os.path.join(self.data_dir, "models", "tiny", "model.ckpt-1.index")
    words_task.write_lines(model, ["mine"])
    run_finetuning.run(self._config(debug=True, do_eval=False))
    self.assertEqual(words_task.read_lines(model), ["mine"])


def _with_test_split(config, tokenizer):
  return words_task.WordsTask(config, tokenizer, name="words_with_test",
                              test_splits=["test"])


if __name__ == "__main__":
  estimators.setup_tensorflow()
  unittest.main()
