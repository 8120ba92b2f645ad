"""Tests for finetune.run_record."""

import os
import tempfile
import unittest

import configure_finetuning
from finetune import run_record
from tests.finetune import words_task
from util import model_files
from util import utils

# Hyperparameters that affect the weights. A new one goes here or, if it does
# not affect them, into run_record.NO_EFFECT_ON_WEIGHTS.
DECIDES_WEIGHTS = {
    "debug", "seed", "use_amp", "use_xla", "model_size",
    "model_hparam_overrides", "embedding_size", "vocab_size", "do_lower_case",
    "strip_accents", "use_tpu", "task_names", "learning_rate",
    "weight_decay_rate", "layerwise_lr_decay",
    "num_train_epochs", "warmup_proportion", "max_seq_length",
    "train_batch_size", "double_unordered", "max_query_length", "doc_stride",
    "answerable_classifier", "answerable_uses_start_logits",
    "arabert_preprocessing", "drop_leaked_questions", "trim_batches",
    "answerable_weight", "joint_prediction",
}


class RunMetadataTest(unittest.TestCase):

  def setUp(self):
    folder = tempfile.TemporaryDirectory()
    self.addCleanup(folder.cleanup)
    words_task.write_data(folder.name)
    self.data_dir = folder.name
    self.folder = os.path.join(folder.name, "words_model_1")

  def _open(self, overwrite=False, init_sha256=None, **hparams):
    config = words_task.tiny_config(self.data_dir, **hparams)
    settings = run_record.settings_of(
        config, made_from={"split": "train"}, init_sha256=init_sha256)
    run_record.check_folder(self.folder, settings, overwrite=overwrite)
    run_record.open_folder(self.folder, settings, overwrite=overwrite)

  def _write_weights(self):
    words_task.write_lines(
        os.path.join(self.folder, "model.ckpt-3.index"), ["x"])

  def test_every_hyperparameter_is_listed_as_affecting_weights_or_not(self):
    declared = set(configure_finetuning.FinetuningConfig.declared())
    self.assertEqual(declared - run_record.NO_EFFECT_ON_WEIGHTS,
                     DECIDES_WEIGHTS)

  def test_same_settings_open_the_folder_again(self):
    self._open()
    self._open(predict_batch_size=3, log_steps=7)

  def test_killed_write_of_the_metadata_binds_no_run(self):
    words_task.write_lines(os.path.join(
        self.folder, ".%s.12.tmp" % model_files.RUN_RECORD), ["{"])
    self._open()
    self.assertTrue(os.path.exists(os.path.join(
        self.folder, model_files.RUN_RECORD)))

  def test_other_settings_are_refused_by_name(self):
    self._open()
    self._write_weights()
    with self.assertRaisesRegex(utils.UserError,
                                r"learning_rate \(0.01 there, 0.5 now\).*"
                                r"overwrite"):
      self._open(learning_rate=0.5)

  def test_other_pretrained_weights_are_refused(self):
    self._open(init_sha256="aa")
    self._write_weights()
    with self.assertRaisesRegex(utils.UserError, "init_checkpoint_sha256"):
      self._open(init_sha256="bb")

  def test_metadata_without_weights_bind_no_other_run(self):
    self._open()
    self._open(learning_rate=0.5)
    recorded = utils.load_json(os.path.join(
        self.folder, model_files.RUN_RECORD))
    self.assertEqual(recorded["learning_rate"], 0.5)

  def test_settings_of_the_weights_are_not_rewritten(self):
    self._open()
    self._write_weights()
    with self.assertRaisesRegex(utils.UserError, "learning_rate"):
      self._open(learning_rate=0.5)
    self._open(eval_batch_size=3)
    recorded = utils.load_json(os.path.join(
        self.folder, model_files.RUN_RECORD))
    self.assertEqual(recorded["learning_rate"], 0.01)

  def test_overwrite_starts_a_new_training(self):
    self._open()
    words_task.write_lines(os.path.join(self.folder, "checkpoint"), ["x"])
    self._open(overwrite=True, learning_rate=0.5)
    self.assertEqual(os.listdir(self.folder), [model_files.RUN_RECORD])

  def test_trial_and_seed_of_a_folder(self):
    with tempfile.TemporaryDirectory() as folder:
      trial = os.path.join(folder, "rte_model_3")
      utils.write_json({"seed": 9}, os.path.join(trial, "best",
                                                 "finetuning_run.json"))
      self.assertEqual(run_record.trial_and_seed_of(trial), (3, None))
      self.assertEqual(run_record.trial_and_seed_of(
          os.path.join(trial, "best")), (3, 9))
      self.assertEqual(run_record.trial_and_seed_of(folder), (None, None))
      # Parent folders may have such a name, too.
      for path, number in (("x_model_7/models/rte_model_2", 2),
                           ("x_model_7/models/m", None)):
        self.assertEqual(run_record.trial_and_seed_of(
            os.path.join(folder, path)), (number, None))

  def test_files_of_unknown_origin_are_left_alone(self):
    path = os.path.join(self.folder, "mine.txt")
    words_task.write_lines(path, ["mine"])
    with self.assertRaisesRegex(utils.UserError, "found other files"):
      self._open()
    self.assertEqual(words_task.read_lines(path), ["mine"])


if __name__ == "__main__":
  unittest.main()
