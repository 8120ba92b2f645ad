"""Tests for finetune.trials: which runs are refused, and what they change."""

import contextlib
import io
import json
import os
import shutil
import tempfile
import unittest

import configure_finetuning
import run_finetuning
from tests.faults import fuzzing
from tests.finetune import words_task
from util import model_files
from util import utils

DECLARATION = {"kind": "classification", "text_a": "text", "label": "kind"}


class RefusedRunTest(unittest.TestCase):

  @classmethod
  def setUpClass(cls):
    super().setUpClass()
    cls.temporary = tempfile.TemporaryDirectory()
    cls.folder = os.path.join(cls.temporary.name, "data")
    words_task.write_data(cls.folder)
    data = os.path.join(cls.folder, "finetuning_data", "mine")
    words_task.write_lines(os.path.join(data, "task.json"),
                           [json.dumps(DECLARATION)])
    for split in ("train", "dev"):
      words_task.write_lines(os.path.join(data, split + ".tsv"), [
          "text\tkind", "good a\tfine", "bad b\tpoor"])
    # Another vocabulary of the same size.
    cls.other_vocab = os.path.join(cls.temporary.name, "other.txt")
    words_task.write_lines(cls.other_vocab, words_task.VOCABULARY[:-2] + [
        "f", "e"])
    cls.trained = cls.config()
    cls.run_quietly(cls.trained)
    cls.model = cls.trained.trial_model_dir(1)

  @classmethod
  def tearDownClass(cls):
    cls.temporary.cleanup()
    super().tearDownClass()

  @classmethod
  def config(cls, **hparams):
    return words_task.tiny_config(cls.folder, **dict(
        dict(task_names=["mine"], num_train_epochs=1, train_batch_size=2,
             do_eval=False), **hparams))

  @classmethod
  def run_quietly(cls, config):
    output = io.StringIO()
    with contextlib.redirect_stdout(output):
      run_finetuning.run(config)
    return output.getvalue()

  def uses(self):
    """Returns {name: hyperparameters} of the ways to use the trained model."""
    return {
        "resume": {},
        "evaluate": dict(do_train=False, do_eval=True,
                         init_checkpoint=self.model),
        "predict": dict(do_train=False, init_checkpoint=self.model,
                        predict_file=os.path.join(
                            self.folder, "finetuning_data/mine/dev.tsv")),
        "start": dict(init_checkpoint=self.model, model_dir=os.path.join(
            self.folder, "started")),
        "replace": dict(init_checkpoint=os.path.join(
            self.folder, "copy"), overwrite=True)}

  def assert_refused(self, message, **hparams):
    with fuzzing.unchanged(self.folder):
      with self.assertRaisesRegex(utils.UserError, message):
        self.run_quietly(self.config(**hparams))

  def test_other_settings_than_those_of_the_weights(self):
    shutil.copytree(self.model, os.path.join(self.folder, "copy"))
    self.addCleanup(shutil.rmtree, os.path.join(self.folder, "copy"))
    for use, hparams in sorted(self.uses().items()):
      with self.subTest(use=use):
        self.assert_refused(
            "other.txt: 2 of 13 tokens differ from .*vocab.txt: line 12 is "
            "'f', not 'e'. .*set vocab_file to", vocab_file=self.other_vocab,
            **hparams)
        for name, value, recorded in (("num_attention_heads", 4, "2"),
                                      ("hidden_act", "relu", '"gelu"')):
          self.assert_refused(
              '"%s" is .* trained with %s, as .*config.json' % (
                  name, recorded), model_hparam_overrides=dict(
                      words_task.TINY_MODEL, **{name: value}), **hparams)
        if use != "resume":  # its init_checkpoint is null: see run_record_test
          for name in ("do_lower_case", "strip_accents"):
            self.assert_refused(
                "'%s': .*tokenizer_config.json records false, got true" % name,
                **dict(hparams, **{name: True}))

  def test_other_cleaning_than_in_training(self):
    for name in ("evaluate", "predict"):
      self.assert_refused(
          '\'arabert_preprocessing\': .*finetuning_run.json records "none", '
          'got "araelectra-base". Omit it',
          arabert_preprocessing="araelectra-base", **self.uses()[name])

  def test_another_size_keeps_the_model_that_overwrite_would_remove(self):
    wider = dict(words_task.TINY_MODEL, hidden_size=32)
    copy = os.path.join(self.folder, "wide")
    shutil.copytree(self.model, copy)
    self.addCleanup(shutil.rmtree, copy)
    self.assert_refused("set model_hparam_overrides {\"hidden_size\": 16}",
                        model_hparam_overrides=wider, init_checkpoint=copy,
                        overwrite=True)
    self.assert_refused("overwrite: removes .*, but init_checkpoint is",
                        init_checkpoint=self.model, overwrite=True)

  def test_a_refused_first_run_binds_no_other(self):
    copy = os.path.join(self.folder, "first")
    shutil.copytree(self.model, copy)
    self.addCleanup(shutil.rmtree, copy)
    new = os.path.join(self.folder, "new")
    self.assert_refused("embedding_size to 16", embedding_size=8, model_dir=new,
                        init_checkpoint=copy)
    self.assertFalse(os.path.exists(new))

  def test_weights_in_another_form(self):
    folder = os.path.join(self.folder, "hugging")
    for name in ("pytorch_model.bin", "config.json"):
      words_task.write_lines(os.path.join(folder, name), ["{}"])
    self.addCleanup(shutil.rmtree, folder)
    self.assert_refused("hugging: .*pytorch_model.bin.*--to tf",
                        init_checkpoint=folder)
    self.assert_refused("pytorch_model.bin.*--to tf", do_train=False,
                        do_eval=True, init_checkpoint=folder)

  def test_dev_data_that_are_training_data_are_named(self):
    printed = self.run_quietly(self.config(
        model_dir=os.path.join(self.folder, "same"), do_eval=True,
        warmup_proportion=1.0))
    self.assertIn("Warning: task 'mine': dev.tsv of the dev data is training "
                  "data (train.tsv)", printed)
    self.assertIn("Warning: warmup_proportion is 1", printed)

  def test_the_model_records_what_shapes_do_not_tell(self):
    sizes = utils.load_json(os.path.join(self.model, model_files.MODEL_CONFIG))
    self.assertEqual([sizes[name] for name in (
        "num_attention_heads", "hidden_act", "hidden_size", "embedding_size")],
                     [2, "gelu", 16, 16])

  def test_reserved_rows_may_get_tokens(self):
    # The model's vocabulary has [unused1] where the run's has a new token.
    copy = os.path.join(self.folder, "reserved")
    shutil.copytree(self.model, copy)
    self.addCleanup(shutil.rmtree, copy)
    words_task.write_lines(os.path.join(copy, "vocab.txt"),
                           words_task.VOCABULARY[:-1] + ["[unused1]"])
    self.assertIn("1 reserved rows of", self.run_quietly(self.config(
        init_checkpoint=copy, vocab_file=self.trained.vocab_file,
        do_train=False, do_eval=True)))

  def test_new_weights_are_free_of_an_unused_models_settings(self):
    model_files.write_tokenizer_config(
        os.path.join(self.folder, "models", "tiny"), {"do_lower_case": True})
    self.addCleanup(os.remove, os.path.join(
        self.folder, "models", "tiny", "tokenizer_config.json"))
    self.assertIs(self.config().do_lower_case, False)
    with self.assertRaisesRegex(utils.UserError, "records true, got false"):
      configure_finetuning.FinetuningConfig(
          "tiny", self.folder, do_lower_case=False)


if __name__ == "__main__":
  unittest.main()
