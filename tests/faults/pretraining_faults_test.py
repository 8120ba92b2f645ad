"""Tests for pre-training that something gets in the way of."""

import contextlib
import io
import json
import os
import shutil
import signal
import tempfile
import unittest.mock

import numpy as np
import tensorflow.compat.v1 as tf

from pretrain import starting_weights
import run_pretraining
from tests.faults import fuzzing
from tests.faults import small_disk
from tests.pretrain import tiny_pretraining
from tests.run_pretraining_test import weights_of
from util import folder_lock
from util import session_hooks
from util import utils


def flip_byte(path, place):
  """Inverts the byte of a file at a place in it, from 0 to 1."""
  with open(path, "r+b") as f:
    f.seek(int(os.path.getsize(path) * place))
    byte = f.read(1)[0]
    f.seek(-1, os.SEEK_CUR)
    f.write(bytes([byte ^ 0xFF]))


class RunCase(tf.test.TestCase):
  """Runs of a tiny model; `self.uninterrupted` was trained to step 6."""

  folder = uninterrupted = printed = None

  @classmethod
  def config_of(cls, model_name, **changes):
    return tiny_pretraining.make_config(
        cls.folder, model_name,
        **dict(dict(save_checkpoints_steps=2, log_steps=1), **changes))

  @classmethod
  def run_pretraining(cls, config):
    """Returns what a run printed; `cls.printed` has it where it raises."""
    output = io.StringIO()
    try:
      with contextlib.redirect_stdout(output), contextlib.redirect_stderr(
          output):
        run_pretraining.run(config)
    finally:
      cls.printed = output.getvalue()
    return cls.printed

  def _copy(self, model_name, **changes):
    """Returns the config of a copy of `self.uninterrupted`'s folder."""
    config = self.config_of(model_name, **changes)
    shutil.copytree(self.uninterrupted.model_dir, config.model_dir)
    return config

  def _assert_as_uninterrupted(self, config):
    state, uninterrupted = weights_of(config.model_dir), weights_of(
        self.uninterrupted.model_dir)
    self.assertEqual(sorted(state), sorted(uninterrupted))
    for name in uninterrupted:
      self.assertEqual(
          state[name].tobytes(), uninterrupted[name].tobytes(), msg=name)

  @contextlib.contextmanager
  def _after_step(self, number, action):
    """Calls `action()` when a step was done, before any checkpoint of it."""
    before_run = session_hooks.ProgressHook.before_run

    def wrapped(hook, run_context):
      if hook._step + 1 == number:  # pylint: disable=protected-access
        action()
      return before_run(hook, run_context)

    with unittest.mock.patch.object(
        session_hooks.ProgressHook, "before_run", wrapped):
      yield


def setUpModule():
  RunCase.folder = tempfile.mkdtemp()
  # 10 examples an epoch, 4 a step.
  tiny_pretraining.make_data(RunCase.folder, [5, 5])
  RunCase.uninterrupted = RunCase.config_of("uninterrupted")
  RunCase.run_pretraining(RunCase.uninterrupted)


def tearDownModule():
  shutil.rmtree(RunCase.folder)


class SignalTest(RunCase):

  def test_sigterm_saves_the_step_and_prints_how_to_resume(self):
    config = self.config_of("sigterm", save_checkpoints_steps=100)
    with self._after_step(3, lambda: os.kill(os.getpid(), signal.SIGTERM)):
      with self.assertRaises(SystemExit) as end:
        self.run_pretraining(config)
    self.assertEqual(end.exception.code, 143)
    self.assertRegex(self.printed, r"Stopped by SIGTERM at step 3 of 6 \(.*"
                     r"sigterm\). To resume, run: .*python")
    self.assertEqual(weights_of(config.model_dir)["global_step"], 3)
    self.assertNotIn(folder_lock.LOCK_NAME, os.listdir(config.model_dir))
    self.assertIn("Resuming at step 3", self.run_pretraining(config))
    self._assert_as_uninterrupted(config)

  def test_an_evaluation_that_was_interrupted_is_made_up_for(self):
    config = self._copy(
        "interrupted", eval_tfrecords=self.uninterrupted.pretrain_tfrecords)
    write_results = "pretrain.pretrain_metrics.write_results"
    with unittest.mock.patch.object(
        session_hooks.StopHook, "after_create_session",
        lambda *unused: os.kill(os.getpid(), signal.SIGTERM)):
      with unittest.mock.patch(write_results) as written:
        with self.assertRaises(SystemExit) as end:
          self.run_pretraining(config)
    self.assertEqual(end.exception.code, 143)
    self.assertFalse(written.called)
    self.assertIn("at step 6 of 6", self.printed)
    self.assertIn("Evaluating at step 6", self.run_pretraining(config))
    self.assertIn("Nothing to train", self.run_pretraining(config))

  def test_before_the_first_step_nothing_is_written(self):
    config = self.config_of("early")
    with unittest.mock.patch.object(
        starting_weights, "write_settings",
        lambda *unused: os.kill(os.getpid(), signal.SIGTERM)):
      with self.assertRaises(SystemExit):
        self.run_pretraining(config)
    self.assertIn("at step 0 of 6", self.printed)


class DamagedCheckpointTest(RunCase):

  def test_goes_on_from_the_previous_one(self):
    config = self._copy("damaged")
    flip_byte(os.path.join(
        config.model_dir, "model.ckpt-6.data-00000-of-00001"), 0.5)
    printed = self.run_pretraining(config)
    self.assertRegex(printed, r"Damaged: .*damaged/model.ckpt-6 \(.+\)\n"
                     "Using the newest intact checkpoint: "
                     ".*damaged/model.ckpt-4\n")
    self.assertIn("Resuming at step 4", printed)
    self._assert_as_uninterrupted(config)
    self.assertIn("model.ckpt-6.index",
                  os.listdir(os.path.join(config.model_dir, "damaged")))

  def test_evaluation_uses_the_previous_one_and_moves_nothing(self):
    config = self._copy("evaluated", do_train=False, do_eval=True)
    os.remove(os.path.join(
        config.model_dir, "model.ckpt-6.data-00000-of-00001"))
    before = set(os.listdir(config.model_dir))
    printed = self.run_pretraining(config)
    self.assertIn("global_step = 4\n", printed)
    self.assertLessEqual(before, set(os.listdir(config.model_dir)))
    self.assertNotIn("damaged", os.listdir(config.model_dir))

  def test_a_copied_folder_leaves_the_original_alone(self):
    # Its 'checkpoint' file names the original's checkpoints by their full
    # paths: an Estimator would resume from those, and remove the oldest.
    config = self._copy("copied", num_train_steps=8, keep_checkpoint_max=1)
    before = sorted(os.listdir(self.uninterrupted.model_dir))
    self.run_pretraining(config)
    self.assertEqual(sorted(os.listdir(self.uninterrupted.model_dir)), before)
    self.assertEqual(weights_of(config.model_dir)["global_step"], 8)
    with open(os.path.join(config.model_dir, "checkpoint")) as f:
      self.assertNotIn(self.uninterrupted.model_dir, f.read())

  def test_init_checkpoint_that_is_damaged(self):
    copy = self._copy("source")
    flip_byte(os.path.join(
        copy.model_dir, "model.ckpt-6.data-00000-of-00001"), 0.5)
    with self.assertRaisesRegex(
        utils.UserError, "ckpt-6: the checkpoint is damaged"):
      self.run_pretraining(
          self.config_of("target", init_checkpoint=copy.model_dir))

  def test_leftovers_of_a_killed_run_are_removed(self):
    config = self._copy("leftovers")
    for name in ("model.ckpt-8_temp", "model.ckpt-8_temp_" + 32 * "a"):
      os.mkdir(os.path.join(config.model_dir, name))
    for name in ("model.ckpt-8.data-00000-of-00001.tempstate12",
                 ".config.json.12.tmp", "model.ckpt-8.meta.tmp" + 32 * "a",
                 "my_temp", "notes.tmp"):
      with open(os.path.join(config.model_dir, name), "w"):
        pass
    self.assertIn("Removed 5 unfinished files of a killed run",
                  self.run_pretraining(config))
    self.assertEqual([name for name in sorted(os.listdir(config.model_dir))
                      if "tmp" in name or "temp" in name],
                     ["my_temp", "notes.tmp"])


class NumbersTest(RunCase):

  def _assert_stops(self, config, message, step):
    with self.assertRaisesRegex(utils.UserError, message):
      self.run_pretraining(config)
    weights = weights_of(config.model_dir)
    self.assertEqual(weights["global_step"], step)
    for name, value in weights.items():
      self.assertTrue(np.isfinite(value).all(), name)

  def test_gradients_stop_the_run_at_that_step(self):
    # The weights after step 1 are huge, but numbers: step 2 is not.
    self._assert_stops(
        self.config_of("huge", learning_rate=1e25, num_warmup_steps=0,
                     save_checkpoints_steps=1),
        "Step 2: training diverged: .*loss is (nan|inf)", 1)

  def test_non_finite_weights_are_never_saved(self):
    # About 3.2 * rate is the first update: it overflows where no gradient did.
    self._assert_stops(
        self.config_of("overflow", learning_rate=3e38, num_warmup_steps=0,
                     save_checkpoints_steps=1),
        "Step 1: NaN or Inf weights in '.+'; no checkpoint was written", 0)


class FolderTest(RunCase):

  def test_second_run_is_refused_and_changes_nothing(self):
    config = self._copy("locked", num_train_steps=8)
    debug = config.replace(debug=True, model_dir=config.model_dir)
    with folder_lock.FolderLock(config.model_dir, "train"):
      before = sorted(os.listdir(config.model_dir))
      for other in (config, debug):
        with self.assertRaisesRegex(
            utils.UserError, "is locked by another process"):
          self.run_pretraining(other)
        self.assertEqual(sorted(os.listdir(config.model_dir)), before)

  def test_debug_run_in_the_folder_of_a_model_is_refused(self):
    config = self._copy("real", num_train_steps=8)
    with fuzzing.unchanged(config.model_dir):
      with self.assertRaisesRegex(utils.UserError,
                                  "debug: .*real has files that"):
        self.run_pretraining(config.replace(
            debug=True, model_dir=config.model_dir))

  def _on_disk(self, disk, **changes):
    config = self.config_of("disk", model_dir=os.path.join(disk.path, "model"),
                          **changes)
    shutil.copytree(self.uninterrupted.model_dir, config.model_dir)
    return config

  def test_disk_that_gets_full_keeps_the_checkpoints_before(self):
    with small_disk.mounted(1 << 26) as disk:
      # No line of a log is due when the checkpoint of step 10 is.
      config = self._on_disk(disk, num_train_steps=12, log_steps=100)
      with self._after_step(9, disk.fill):
        with self.assertRaisesRegex(
            utils.UserError, "^Cannot write to .*model: .*model.ckpt-10.*; No "
            "space left on device. Existing files are intact"):
          self.run_pretraining(config)
      disk.empty()
      self.assertEqual(weights_of(config.model_dir)["global_step"], 8)
      self.assertIn("Resuming at step 8", self.run_pretraining(config))

  def test_disk_that_is_full_for_results(self):
    with small_disk.mounted(1 << 26) as disk:
      config = self._on_disk(disk, do_train=False, do_eval=True)
      self.run_pretraining(config)
      with open(config.results_json()) as f:
        before = json.load(f)
      disk.fill()
      with self.assertRaisesRegex(utils.UserError, "Cannot write .*No space"):
        self.run_pretraining(config)
      with open(config.results_json()) as f:
        self.assertEqual(json.load(f), before)

  def test_read_only_model_folder(self):
    with small_disk.mounted(1 << 26) as disk:
      config = self._on_disk(disk, num_train_steps=8)
      disk.make_read_only()
      with self.assertRaisesRegex(
          utils.UserError, "Cannot write to .*Read-only file system"):
        self.run_pretraining(config)


class DamagedExamplesTest(RunCase):

  def setUp(self):
    super().setUp()
    self.data = tempfile.mkdtemp(dir=self.get_temp_dir())
    self.config = tiny_pretraining.make_data(self.data, [5, 5])
    self.path = os.path.join(
        self.data, "pretrain_tfrecords", "pretrain_data.tfrecord-1-of-2")

  def test_damage_in_the_middle_names_the_file(self):
    flip_byte(self.path, 0.5)
    with self.assertRaisesRegex(
        utils.UserError, "tfrecord-1-of-2: damaged, or not a TFRecord file "
        ".* after example 2.*skip_corrupted_records"):
      self.run_pretraining(self.config)

  def test_damage_is_skipped_on_request(self):
    flip_byte(self.path, 0.5)
    printed = self.run_pretraining(
        self.config.replace(skip_corrupted_records=True))
    self.assertIn("Skipped at least 1 damaged examples of 2 files, 7 remain",
                  printed)
    self.assertEqual(weights_of(self.config.model_dir)["global_step"], 6)


if __name__ == "__main__":
  tf.test.main()
