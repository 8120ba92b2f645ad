"""Tests for run_pretraining: complete runs of a tiny model."""

import contextlib
import io
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from unittest import mock

import numpy as np
import pytest
import tensorflow.compat.v1 as tf

from model import loss_scale
from pretrain import data_init
from pretrain import pretrain_data
from pretrain import starting_weights
import run_pretraining
from tests.faults import fuzzing
from tests.pretrain import tiny_pretraining
from util import mixed_precision
from util import utils

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))


def weights_of(model_dir):
  """Returns {name: array} of the latest checkpoint, slots and step included."""
  reader = tf.train.load_checkpoint(model_dir)
  return {name: reader.get_tensor(name)
          for name in reader.get_variable_to_shape_map()}


class RunTest(tf.test.TestCase):

  @classmethod
  def setUpClass(cls):
    super().setUpClass()
    cls.folder = tempfile.mkdtemp()
    # 10 examples an epoch, 4 a step: an epoch ends within the third step.
    tiny_pretraining.make_data(cls.folder, [5, 5])
    cls.uninterrupted, cls.printed, _ = cls._run(model_name="uninterrupted")

  @classmethod
  def tearDownClass(cls):
    shutil.rmtree(cls.folder)
    super().tearDownClass()

  @classmethod
  def _run(cls, **changes):
    """Runs; returns (config, what was printed, results)."""
    config = tiny_pretraining.make_config(cls.folder, **changes)
    output = io.StringIO()
    with contextlib.redirect_stdout(output), contextlib.redirect_stderr(output):
      results = run_pretraining.run(config)
    return config, output.getvalue(), results

  def test_without_a_tpu_no_folder_is_made(self):
    with self.assertRaisesRegex(utils.UserError, "no TPU is reachable"):
      self._run(model_name="tpu", use_tpu=True)
    self.assertNotIn("tpu", os.listdir(os.path.join(self.folder, "models")))

  def _save_without(self, pattern, new_name, **scales):
    """Saves the variables whose names lack `pattern` as another model.

    Those whose names end in one of `scales` are multiplied by it.
    """
    weights = {name: value for name, value in weights_of(
        self.uninterrupted.model_dir).items() if not re.search(pattern, name)}
    for name in weights:
      weights[name] = weights[name] * np.array(
          scales.get(name.split("/")[-1], 1), weights[name].dtype)
    folder = os.path.join(self.folder, "models", new_name)
    os.makedirs(folder)
    with tf.Graph().as_default(), tf.Session() as session:
      for name, value in weights.items():
        tf.get_variable(name, initializer=value, dtype=value.dtype)
      session.run(tf.global_variables_initializer())
      tf.train.Saver().save(session, os.path.join(folder, "model.ckpt"),
                            global_step=6, write_meta_graph=False)
    return folder

  def assert_same_weights(self, folder, other):
    left, right = weights_of(folder), weights_of(other)
    self.assertEqual(sorted(left), sorted(right))
    for name in left:
      self.assertEqual(left[name].tobytes(), right[name].tobytes(), msg=name)

  def test_stopped_and_resumed_is_bitwise_the_same(self):
    # An evaluation stops it at step 3; it resumes from the checkpoint.
    resumed, printed, results = self._run(
        model_name="resumed", eval_steps=3,
        eval_tfrecords=self.uninterrupted.pretrain_tfrecords)
    self.assertIn("Resuming at step 3: epoch 2, example 3 of 10", printed)
    self.assertIn("evaluating on training examples: 2 files", printed)
    self.assertNotIn("num_warmup_steps", printed)
    self.assert_same_weights(self.uninterrupted.model_dir, resumed.model_dir)
    self.assertEqual(weights_of(resumed.model_dir)["global_step"], 6)
    # Evaluations of equal weights see equal masks.
    config, printed, alone = self._run(
        model_name="uninterrupted", do_train=False, do_eval=True)
    self.assertEqual(alone, results)
    self.assertEqual(sorted(alone), [
        "disc_accuracy", "disc_auc", "disc_loss", "disc_precision",
        "disc_recall", "global_step", "loss", "masked_lm_accuracy",
        "masked_lm_loss", "sampled_masked_lm_accuracy"])
    self.assertIn("disc_auc = ", printed)
    with open(config.results_json()) as f:
      self.assertEqual(json.load(f), alone)

  @mock.patch.object(mixed_precision, "configure", lambda *args: None)
  @mock.patch.object(mixed_precision, "uses_float16", lambda c: c.use_amp)
  def test_the_loss_scale_is_saved_and_resumed(self):
    # As on a GPU, but computed in float32, with a scale that grows and repeats.
    with mock.patch.object(loss_scale, "GROWTH_STEPS", 1), mock.patch.object(
        loss_scale, "INITIAL_SCALE", 2.0 ** 126):
      uninterrupted, _, _ = self._run(model_name="scaled", use_amp=True)
      resumed, _, _ = self._run(
          model_name="scaled_resumed", use_amp=True, eval_steps=3,
          eval_tfrecords=uninterrupted.pretrain_tfrecords)
    self.assert_same_weights(uninterrupted.model_dir, resumed.model_dir)
    scale = weights_of(resumed.model_dir)["loss_scale/scale"]
    self.assertGreater(scale, 2.0 ** 100)
    self.assertLess(scale, 2.0 ** 126)
    # It can be turned off and on in the middle of a run.
    _, printed, _ = self._run(model_name="scaled", num_train_steps=7,
                              num_warmup_steps=2)
    self.assertIn("Resuming at step 6", printed)
    self.assertNotIn("loss_scale/scale", weights_of(uninterrupted.model_dir))
    _, printed, _ = self._run(model_name="scaled", num_train_steps=8,
                              num_warmup_steps=2, use_amp=True)
    self.assertRegex(printed, r"start fresh: 2 \(.*loss_scale")
    weights = weights_of(uninterrupted.model_dir)
    self.assertEqual((weights["global_step"], weights["loss_scale/scale"]),
                     (8, loss_scale.INITIAL_SCALE))

  def test_writes_what_travels_with_the_model(self):
    folder = self.uninterrupted.model_dir
    with open(os.path.join(folder, "vocab.txt")) as f:
      self.assertEqual(f.read().split(), tiny_pretraining.VOCAB)
    with open(os.path.join(folder, "tokenizer_config.json")) as f:
      # Without a dataset_info.json it is unknown whether text was cleaned.
      self.assertEqual(json.load(f), {
          "do_lower_case": False, "strip_accents": False})
    with open(os.path.join(folder, "config.json")) as f:
      sizes = json.load(f)
    self.assertEqual([sizes[name] for name in (
        "vocab_size", "hidden_size", "embedding_size", "num_hidden_layers")],
                     [40, 16, 8, 1])
    with open(os.path.join(folder, "training_log.jsonl")) as f:
      self.assertEqual([json.loads(line)["step"] for line in f], [1, 6])

  def test_each_start_is_recorded_with_the_model(self):
    config, _, _ = self._run(model_name="recorded", num_train_steps=1)
    self._run(model_name="recorded", num_train_steps=1)  # nothing to train
    self._run(model_name="recorded", do_train=False, do_eval=True)
    with open(os.path.join(config.model_dir, "runs.jsonl")) as f:
      training, evaluation = map(json.loads, f)
    self.assertEqual(training["config"], config.to_dict())
    self.assertTrue(evaluation["config"]["do_eval"])
    fingerprint, = training["data"]["train"].values()
    self.assertEqual(fingerprint["num_files"], 2)
    self.assertEqual(sorted(fingerprint["files"]), [
        os.path.basename(path) for path in utils.glob(
            config.pretrain_tfrecords)])
    self.assertEqual(training["data"]["train"], evaluation["data"]["eval"])

  def test_finished_run_logs_what_to_raise(self):
    _, printed, _ = self._run(model_name="uninterrupted")
    self.assertIn("Nothing to train: %s is at step 6 and num_train_steps is 6. "
                  "To train it further set num_train_steps to more than 6." %
                  self.uninterrupted.model_dir, printed)

  def test_goes_on_from_released_weights_in_the_model_folder(self):
    folder = self._save_without("/adam_|generator", "released")
    released = weights_of(folder)
    with self.assertRaisesRegex(utils.UserError, "lacks .* generator"):
      self._run(model_name="released", do_train=False, do_eval=True)
    _, printed, _ = self._run(model_name="released", num_train_steps=7,
                              num_warmup_steps=9)
    self.assertIn("num_warmup_steps (9) is not below num_train_steps (7)",
                  printed)
    self.assertRegex(printed, "start fresh: .* slots .*generator")
    self.assertIn("at step 6", printed)
    self.assertEqual(weights_of(folder)["global_step"], 7)
    kept = weights_of(os.path.join(folder, starting_weights.RELEASED_NAME,
                                   "model.ckpt-6"))
    self.assertEqual(sorted(kept), sorted(released))

  def test_an_evaluation_that_computes_nan_is_an_error(self):
    folder = self._save_without("/adam_", "huge", gamma=3e38)
    with self.assertRaisesRegex(
        utils.UserError, r"^%s/model.ckpt-6: the model's predictions are NaN: "
        r".* Evaluate an earlier checkpoint, or set .*false.$" % folder):
      self._run(model_name="huge", do_train=False, do_eval=True)

  def _assert_refused(self, message, **changes):
    """Asserts that a run is refused and that nothing in the data changes."""
    with fuzzing.unchanged(self.folder):
      with self.assertRaisesRegex(utils.UserError, message):
        self._run(**dict({"model_name": "uninterrupted",
                          "num_train_steps": 7}, **changes))

  def test_a_refused_run_changes_nothing(self):
    self._assert_refused("set generator_hidden_size to 0.5",
                         generator_hidden_size=1.0)
    self._assert_refused("set generator_hidden_size to 0.5",
                         generator_hidden_size=1.0, model_name="new",
                         init_checkpoint=self.uninterrupted.model_dir)
    self._assert_refused("rounds to 0", generator_hidden_size=0.01,
                         model_name="new")
    overrides = tiny_pretraining.HPARAMS["model_hparam_overrides"]
    for name, value, recorded in (("num_attention_heads", 4, "2"),
                                  ("hidden_act", "relu", '"gelu"')):
      for evaluation in (False, True):
        self._assert_refused(
            "\"%s\" is .* trained with %s, as .*uninterrupted/config.json" % (
                name, recorded), do_train=not evaluation, do_eval=evaluation,
            model_hparam_overrides=dict(overrides, **{name: value}))

  def test_examples_that_cannot_be_read_change_nothing(self):
    path = os.path.join(tempfile.mkdtemp(dir=self.get_temp_dir()), "x.tfrecord")
    with tf.io.TFRecordWriter(path) as writer:
      writer.write(b"no example")
    for hparam in ("pretrain_tfrecords", "eval_tfrecords"):
      self._assert_refused("is not a tf.train.Example", model_name="new",
                           **{hparam: path})

  def test_a_model_keeps_its_vocabulary(self):
    vocab_file = os.path.join(self.get_temp_dir(), "other_vocab.txt")
    with open(vocab_file, "w") as f:
      f.write("\n".join(tiny_pretraining.VOCAB[:-1] + ["new"]))
    message = ("1 of 40 tokens differ from .*uninterrupted/vocab.txt.*A model "
               "keeps its vocabulary")
    self._assert_refused(message, vocab_file=vocab_file)
    self._assert_refused(message, vocab_file=vocab_file, model_name="new",
                         init_checkpoint=self.uninterrupted.model_dir)

  def test_the_advice_for_other_settings_on_purpose_works(self):
    # The checkpoint alone, copied to another folder, has no vocabulary.
    vocab_file = os.path.join(self.folder, "purpose_vocab.txt")
    with open(vocab_file, "w") as f:
      f.write("\n".join(tiny_pretraining.VOCAB[:-1] + ["new"]))
    copied = os.path.join(self.folder, "copied")
    os.makedirs(copied)
    for name in os.listdir(self.uninterrupted.model_dir):
      if name.startswith("model.ckpt-6."):
        shutil.copy(os.path.join(self.uninterrupted.model_dir, name), copied)
    config, printed, _ = self._run(
        model_name="purpose", num_train_steps=7, vocab_file=vocab_file,
        init_checkpoint=copied)
    self.assertIn("Trained to step 7", printed)
    with open(os.path.join(config.model_dir, "vocab.txt")) as f:
      self.assertEqual(f.read().split()[-1], "new")

  def test_weights_in_another_form_are_refused_and_stay(self):
    folder = os.path.join(self.folder, "models", "hugging")
    os.makedirs(folder)
    for name in ("model.safetensors", "config.json"):
      with open(os.path.join(folder, name), "w") as f:
        f.write("{}")
    self._assert_refused("hugging: .*convert_checkpoint.py --to tf",
                         model_name="hugging")
    self._assert_refused("hugging: .*convert_checkpoint.py --to tf",
                         model_name="new", init_checkpoint=folder)
    self.assertIn("Starting from new random weights (seed 0)", self.printed)

  def test_evaluation_scores_the_checkpoints_that_init_checkpoint_names(self):
    prefix = os.path.join(self.uninterrupted.model_dir, "model.ckpt-%s")
    config, printed, results = self._run(
        model_name="scores", do_train=False, do_eval=True,
        init_checkpoint=prefix % "0")
    self.assertEqual(results["global_step"], 0)
    config, printed, results = self._run(
        model_name="scores", do_train=False, do_eval=True,
        init_checkpoint=prefix % "*")
    self.assertEqual(results["global_step"], 6)
    with open(os.path.join(config.model_dir, "results",
                           "unsup_results_history.jsonl")) as f:
      history = [json.loads(line) for line in f]
    self.assertEqual([line["checkpoint"] for line in history],
                     [prefix % step for step in (0, 0, 6)])
    self.assertEqual(history[0], history[1])
    self.assertNotEqual(history[1]["loss"], history[2]["loss"])

  @pytest.mark.slow
  def test_init_checkpoint_with_and_without_its_steps(self):
    source = self.uninterrupted.model_dir
    kept, _, _ = self._run(model_name="kept", num_train_steps=7,
                           init_checkpoint=source)
    direct = os.path.join(self.folder, "models", "direct")
    shutil.copytree(source, direct)
    self._run(model_name="direct", num_train_steps=7)
    self.assert_same_weights(kept.model_dir, direct)
    reset, _, _ = self._run(model_name="reset", num_train_steps=1,
                            reset_global_step=True, init_checkpoint=source)
    self.assertEqual(weights_of(reset.model_dir)["global_step"], 1)

  def test_init_from_data_starts_from_counts_and_only_once(self):
    counted, printed, _ = self._run(model_name="counted", init_from_data=True,
                                    num_train_steps=2)
    self.assertIn("Counted 80 tokens; initialized electra/embeddings/"
                  "position_embeddings, electra/embeddings/word_embeddings, "
                  "generator_predictions/output_bias from them", printed)
    first = tf.train.load_checkpoint(
        os.path.join(counted.model_dir, "model.ckpt-0"))
    counts = data_init.count(
        pretrain_data.batches_of_ids(
            self.uninterrupted, pretrain_data.find_examples(
                self.uninterrupted, is_training=True)), 40, [0, 2, 3, 4])
    self.assertEqual(counts.num_tokens, 80)
    for name, value in data_init.initial_values(
        first.get_variable_to_shape_map(), counts, seed=0).items():
      self.assertAllEqual(first.get_tensor(name), value)
    # Slots are new, and what was not counted starts as it always does.
    self.assertFalse(first.get_tensor(
        "electra/embeddings/word_embeddings/adam_m").any())
    self.assertTrue(first.get_tensor(
        "electra/encoder/layer_0/attention/self/key/kernel").any())
    again, printed, _ = self._run(model_name="counted", init_from_data=True,
                                  num_train_steps=3)
    self.assertIn("Resuming at step 2", printed)
    self.assertNotIn("from them start", printed)
    self.assertEqual(weights_of(again.model_dir)["global_step"], 3)

  @pytest.mark.slow
  def test_debug_has_a_folder_of_its_own(self):
    with fuzzing.unchanged(self.uninterrupted.model_dir):
      debug, _, _ = self._run(model_name="uninterrupted", debug=True,
                              num_train_steps=1,
                              model_hparam_overrides=dict(
                                  hidden_size=16, num_attention_heads=2))
    self.assertNotEqual(debug.model_dir, self.uninterrupted.model_dir)
    self.assertEqual(weights_of(debug.model_dir)["global_step"], 1)

  @pytest.mark.slow
  def test_other_ways_to_train(self):
    for name, changes in (
        ("accumulated", dict(gradient_accumulation_steps=2)),
        ("reference", dict(reference_masking=True)),
        ("mlm", dict(electra_objective=False)),
        ("disallow", dict(disallow_correct=True, uniform_generator=True))):
      with self.subTest(name):
        config, printed, _ = self._run(model_name=name, num_train_steps=1,
                                       **changes)
        self.assertEqual(weights_of(config.model_dir)["global_step"], 1)
        self.assertIn("loss", printed)


class CommandLineTest(tf.test.TestCase):

  @pytest.mark.skipif(
      tf.__version__ < "2" or not mixed_precision.has_bfloat16(),
      reason="needs TensorFlow 2.15 and a CPU that multiplies bfloat16 numbers")
  def test_use_amp_changes_the_losses_only_by_rounding(self):
    plain, other = self._losses_without_and_with("use_amp")
    self.assertNotEqual(plain, other)  # it is in effect
    self.assertAllClose(plain, other, rtol=0.02)

  @pytest.mark.skipif(tf.__version__ < "2", reason="refused on a CPU")
  def test_use_xla_changes_the_losses_only_by_rounding(self):
    plain, other = self._losses_without_and_with("use_xla")
    self.assertNotEqual(plain, other)  # it is in effect
    self.assertAllClose(plain, other, rtol=1e-5)

  def _losses_without_and_with(self, hparam):
    """Returns the losses of each step of two trainings."""
    folder = tempfile.mkdtemp(dir=self.get_temp_dir())
    tiny_pretraining.make_data(folder, [8])
    losses = []
    for value in (False, True):
      hparams = dict(
          tiny_pretraining.HPARAMS, log_steps=1,
          model_dir=os.path.join(folder, str(value)), **{hparam: value})
      subprocess.run(
          [sys.executable, os.path.join(ROOT, "run_pretraining.py"),
           "--data-dir", folder, "--model-name", "m",
           "--hparams", json.dumps(hparams)],
          env=dict(os.environ, TF_ENABLE_ONEDNN_OPTS="1"), check=True,
          stdout=subprocess.PIPE, stderr=subprocess.PIPE)
      path = os.path.join(hparams["model_dir"], "training_log.jsonl")
      with open(path) as f:
        losses.append([json.loads(line)["loss"] for line in f])
    return losses

  def test_missing_data_is_one_line_and_needs_no_tensorflow(self):
    folder = tempfile.mkdtemp(dir=self.get_temp_dir())
    tiny_pretraining.write_vocab(folder)
    done = subprocess.run(
        [sys.executable, "-X", "importtime",
         os.path.join(ROOT, "run_pretraining.py"),
         "--data-dir", folder, "--model-name", "m"],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, check=False)
    self.assertEqual(done.returncode, 2)
    errors = done.stderr.decode("utf-8")
    self.assertRegex(errors, r"error: pretrain_tfrecords: no file matches .*"
                     "pretrain_data.tfrecord")
    self.assertNotIn("Traceback", errors)
    self.assertNotIn("tensorflow", errors)


if __name__ == "__main__":
  tf.test.main()
