"""Tests for configure_pretraining."""

import os
import subprocess
import sys
import tempfile
import unittest
from unittest import mock

import configure_pretraining
from util import utils

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))


def make(data_dir="no_such_folder", **passed):
  return configure_pretraining.PretrainingConfig("m", data_dir, **passed)


class ExampleFilesTest(unittest.TestCase):

  def test_files_for_accelerators_train_on_as_many_sequences(self):
    for name, num_ranks, num_at_a_time in (
        ("1gpu", 1, 16), ("8gpus", 8, 16), ("64gpus", 64, 16),
        ("tpu_v3-8", 1, 256)):
      with self.subTest(name), mock.patch.dict(os.environ, {
          "HOROVOD_SIZE": str(num_ranks), "HOROVOD_RANK": "0"}):
        config = make(**utils.load_json(os.path.join(
            ROOT, "examples", "hparams", "araelectra_base_%s.json" % name)))
        self.assertEqual(config.num_train_steps * config.train_batch_size,
                         512000000)
        self.assertEqual(config.train_batch_size // (
            num_ranks * config.gradient_accumulation_steps), num_at_a_time)
        self.assertEqual((config.max_seq_length, config.vocab_size),
                         (512, 64000))


class PresetsTest(unittest.TestCase):

  def test_sizes_are_the_published_ones(self):
    # SPEC of the reference: embedding, generator, length, mask, rate, batch.
    for size, wanted in [
        ("small", (128, 0.25, 128, 0.15, 5e-4, 128, 128, 1000000, 19)),
        ("base", (None, 0.33333, 512, 0.15, 2e-4, 256, 256, 2000000, 79)),
        ("large", (None, 0.25, 512, 0.25, 2e-4, 2048, 2048, 400000, 130))]:
      with self.subTest(size=size):
        config = make(model_size=size)
        self.assertEqual(
            (config.embedding_size, config.generator_hidden_size,
             config.max_seq_length, config.mask_prob, config.learning_rate,
             config.train_batch_size, config.eval_batch_size,
             config.num_train_steps, config.max_predictions_per_seq), wanted)

  def test_masks_of_large_follow_its_own_mask_prob(self):
    # AraELECTRA's copy leaves 79, worked out before the preset.
    self.assertEqual(make(model_size="large").max_predictions_per_seq, 130)

  def test_masks_are_never_more_than_tokens(self):
    # int((1 + 0.005) * 512) is 514.
    self.assertEqual(make(mask_prob=1.0).max_predictions_per_seq, 512)

  def test_number_of_masks_can_be_passed(self):
    # "Unknown hparam" in the reference.
    self.assertEqual(
        make(max_predictions_per_seq=7).max_predictions_per_seq, 7)

  def test_debug_beats_the_size_and_the_user_beats_debug(self):
    # AraELECTRA's copy replaces the debug batch by that of the size.
    config = make(debug=True, num_train_steps=3)
    self.assertEqual((config.train_batch_size, config.eval_batch_size,
                      config.num_train_steps, config.num_eval_steps),
                     (8, 4, 3, 2))
    self.assertEqual(config.transformer_sizes(), dict(
        num_hidden_layers=3, hidden_size=144, num_attention_heads=4,
        intermediate_size=576))

  def test_debug_has_its_own_folder(self):
    self.assertTrue(make(debug=True).model_dir.endswith("m_debug"))

  def test_electric_forces_the_two_tower_generator(self):
    config = make(electra_objective=False, electric_objective=True)
    self.assertTrue(config.two_tower_generator)


class ContradictionsTest(unittest.TestCase):

  def test_each_is_refused_by_name(self):
    for passed, message in [
        (dict(do_eval=True), "do_train and do_eval: exactly one must"),
        (dict(do_train=False), "do_train and do_eval: exactly one must"),
        (dict(electric_objective=True), "at most one may be true"),
        (dict(train_batch_size=5, gradient_accumulation_steps=2),
         "gradient_accumulation_steps: expected a divisor"),
        (dict(two_tower_generator=True, untied_generator=False),
         "untied_generator: two_tower_generator requires true"),
        (dict(reset_global_step=True), "requires init_checkpoint"),
        (dict(init_from_data=True, init_checkpoint="c"),
         "init_from_data and init_checkpoint: at most one may"),
        (dict(eval_steps=5), "eval_steps: requires eval_tfrecords"),
        (dict(max_predictions_per_seq=600), "expected at most max_seq_length"),
        (dict(max_seq_length=1024), '"max_position_embeddings": 1024'),
        (dict(model_hparam_overrides={"hidden_size": 100}),
         "multiple of num_attention_heads"),
        (dict(model_hparam_overrides={"hiden_size": 100}),
         "Did you mean 'hidden_size'")]:
      with self.subTest(passed=passed):
        with self.assertRaisesRegex(utils.UserError, message):
          make(**passed)

  def test_longer_sequences_with_longer_positions_are_fine(self):
    make(max_seq_length=1024,
         model_hparam_overrides={"max_position_embeddings": 1024})


class DataTest(unittest.TestCase):

  def setUp(self):
    super().setUp()
    folder = tempfile.TemporaryDirectory()
    self.addCleanup(folder.cleanup)
    self.data_dir = folder.name

  def write_vocab(self, content):
    with open(os.path.join(self.data_dir, "vocab.txt"), "wb") as f:
      f.write(content)

  def write_info(self, **tokenizer):
    utils.write_json(
        {"tokenizer": tokenizer},
        os.path.join(self.data_dir, "pretrain_tfrecords", "dataset_info.json"))

  def test_vocab_size_is_that_of_the_vocabulary(self):
    for content in (b"a\nb\nc\n", b"a\r\nb\r\nc", b"a\nb\nc\n \n\n"):
      with self.subTest(content=content):
        self.write_vocab(content)
        self.assertEqual(make(self.data_dir).vocab_size, 3)

  def test_folder_in_place_of_the_vocabulary_is_named(self):
    with self.assertRaisesRegex(utils.UserError, "'vocab_file': expected a f"):
      make(self.data_dir, vocab_file=self.data_dir)

  def test_vocab_size_without_a_vocabulary_is_araelectras(self):
    self.assertEqual(make(self.data_dir).vocab_size, 64000)

  def test_vocab_size_may_be_larger_but_not_smaller(self):
    self.write_vocab(b"a\nb\nc\n")
    self.assertEqual(make(self.data_dir, vocab_size=8).vocab_size, 8)
    with self.assertRaisesRegex(utils.UserError, "'vocab_size': expected at "
                                "least 3, .*vocab.txt, got 2"):
      make(self.data_dir, vocab_size=2)

  def test_lower_case_is_what_the_data_record(self):
    self.write_info(do_lower_case=True)
    self.assertIs(make(self.data_dir).do_lower_case, True)
    with self.assertRaisesRegex(utils.UserError, "'do_lower_case': .*_info.json"
                                " records true, got false"):
      make(self.data_dir, do_lower_case=False)

  def test_lower_case_without_a_record_is_false(self):
    self.assertIs(make(self.data_dir).do_lower_case, False)
    self.assertIs(make(self.data_dir, do_lower_case=True).do_lower_case, True)

  def test_damaged_record_is_refused(self):
    self.write_info(do_lower_case="yes")
    with self.assertRaisesRegex(utils.UserError, "true or false, got 'yes'"):
      make(self.data_dir)

  def test_finds_the_paths_of_the_araelectra_copy(self):
    os.makedirs(os.path.join(self.data_dir, "pretraining_data", "512"))
    with open(os.path.join(self.data_dir, "bertvocab_final.txt"), "w") as f:
      f.write("a\n")
    config = make(self.data_dir)
    self.assertEqual(config.vocab_size, 1)
    self.assertTrue(config.pretrain_tfrecords.endswith("512" + os.sep + "*"))


class CommandLineTest(unittest.TestCase):

  def test_tensorflow_is_not_imported(self):
    code = ("import sys; import configure_pretraining as c; "
            "c.PretrainingConfig('m', 'd'); print('tensorflow' in sys.modules)")
    printed = subprocess.check_output([sys.executable, "-c", code], cwd=ROOT)
    self.assertEqual(printed.decode().strip(), "False")


if __name__ == "__main__":
  unittest.main()
