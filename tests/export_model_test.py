"""Tests for export_model: the command, and serving without this code."""

import os
import subprocess
import sys
import tempfile
import unittest
from unittest import mock

import numpy as np
from scipy import special

import configure_finetuning
import configure_pretraining
import export_model
from finetune import export_config
from finetune import task_metadata
from tests import conftest
from tests import serving_models
from tests.model import hf_models
from util import utils

# Runs all signatures on the features in one .npz, with TensorFlow alone.
SERVER = """
import sys
import numpy as np
import tensorflow as tf

folder, features_path, outputs_path = sys.argv[1:]
features = dict(np.load(features_path))
results = {}
if tf.__version__.startswith("1."):
  with tf.Session(graph=tf.Graph()) as session:
    loaded = tf.saved_model.loader.load(session, ["serve"], folder)
    for name, signature in loaded.signature_def.items():
      outputs = session.run(
          {key: info.name for key, info in signature.outputs.items()},
          {info.name: features[key] for key, info in signature.inputs.items()})
      results.update({name + "/" + key: outputs[key] for key in outputs})
else:
  loaded = tf.saved_model.load(folder)
  for name, function in loaded.signatures.items():
    outputs = function(**{key: tf.constant(value)
                          for key, value in features.items()})
    results.update({name + "/" + key: outputs[key].numpy() for key in outputs})
for module in ("model", "pretrain", "finetune", "util", "export_model"):
  assert module not in sys.modules, module
np.savez(outputs_path, **results)
"""


class ExportModelTest(unittest.TestCase):

  def setUp(self):
    folder = tempfile.TemporaryDirectory()
    self.addCleanup(folder.cleanup)
    self.folder = folder.name
    self.model_dir = os.path.join(self.folder, "data", "models", "x")
    self.saved = os.path.join(self.folder, "serving", "x", "1")

  def write_pretrained(self, objective="electra"):
    serving_models.write_pretrained(
        self.model_dir, "pretrain/pretrain_%s.npz" % objective)

  def run_command(self, *flags):
    """Returns (exit code, standard output, standard error) of the script."""
    done = subprocess.run(
        [sys.executable, os.path.join(conftest.ROOT, "export_model.py"),
         *flags], cwd=self.folder, stdout=subprocess.PIPE,
        stderr=subprocess.PIPE)
    return (done.returncode, done.stdout.decode("utf-8"),
            done.stderr.decode("utf-8"))

  def serve(self, features):
    """Returns the outputs of a new process that has only TensorFlow."""
    paths = [os.path.join(self.folder, name)
             for name in ("server.py", "in.npz", "out.npz")]
    with open(paths[0], "w") as f:
      f.write(SERVER)
    np.savez(paths[1], **features)
    environment = {name: value for name, value in os.environ.items()
                   if name != "PYTHONPATH"}
    subprocess.run(
        [sys.executable, "-W", "ignore", paths[0], self.saved] + paths[1:],
        cwd=self.folder, env=environment, check=True)
    with np.load(paths[2]) as arrays:
      return dict(arrays)

  def test_new_process_serves_what_the_command_writes(self):
    self.write_pretrained()
    code, stdout, stderr = self.run_command(
        "--model-dir", self.model_dir, "--output-dir", self.saved)
    self.assertEqual(code, 0, stderr)
    self.assertIn("Wrote the signatures discriminate, fill_mask, encode to "
                  + self.saved, stdout)
    self.assertEqual(sorted(os.listdir(os.path.dirname(self.saved))), ["1"])
    extra = os.path.join(self.saved, "assets.extra")
    self.assertEqual(sorted(os.listdir(extra)), [
        "config.json", "signatures.json", "tokenizer_config.json", "vocab.txt"])
    self.assertEqual(utils.load_json(os.path.join(extra, "config.json"))[
        "embedding_size"], serving_models.EMBEDDING_SIZE)
    self.assertEqual(
        utils.load_json(os.path.join(extra, "tokenizer_config.json")),
        {"do_lower_case": False, "preprocessing": None, "strip_accents": False})
    about = utils.load_json(os.path.join(extra, "signatures.json"))
    self.assertEqual(about["default"], "discriminate")
    self.assertEqual(about["global_step"], 100)
    self.assertEqual(about["signatures"]["fill_mask"]["outputs"]["token_ids"],
                     "int32 [None, None, 10]")

    features = serving_models.make_features(2, 13)
    served = self.serve(features)
    hidden = hf_models.run_encoder(self.model_dir, features)
    np.testing.assert_allclose(served["encode/last_hidden_state"], hidden,
                               rtol=1e-5, atol=1e-6)
    variables = hf_models.load("pretrain/pretrain_electra.npz")["var"]
    np.testing.assert_allclose(
        served["discriminate/logits"], discriminator_logits(variables, hidden),
        rtol=1e-5, atol=1e-5)
    np.testing.assert_array_equal(served["serving_default/logits"],
                                  served["discriminate/logits"])
    self.assertEqual(served["fill_mask/token_ids"].shape, (2, 13, 10))

  def test_fine_tuned_model_needs_only_its_folder(self):
    model_dir = os.path.join(self.model_dir, "finetuning_models",
                             "squadv1_model_1")
    golden = hf_models.load("finetune/head_qa_joint_predict.npz")
    serving_models.write_finetuned(
        model_dir, golden["var"], ["squadv1"], max_seq_length=24,
        max_query_length=10, answerable_classifier=False)
    code, stdout, stderr = self.run_command(
        "--checkpoint", os.path.join(model_dir, "model.ckpt-100"),
        "--output-dir", self.saved)
    self.assertEqual(code, 0, stderr)
    self.assertIn("predict_squadv1, encode", stdout)
    served = self.serve({name: golden["in"][name] for name in (
        "input_ids", "input_mask", "segment_ids")})
    np.testing.assert_allclose(
        served["predict_squadv1/start_logits"], golden["out"]["start_logits"],
        rtol=1e-5, atol=1e-5)

  def test_exports_the_best_checkpoint_of_a_fine_tuning(self):
    model_dir = os.path.join(self.model_dir, "finetuning_models",
                             "squadv1_model_1")
    best = os.path.join(model_dir, "best")
    golden = hf_models.load("finetune/head_qa_joint_predict.npz")
    serving_models.write_finetuned(
        best, golden["var"], ["squadv1"], max_seq_length=24,
        max_query_length=10, answerable_classifier=False)
    with open(os.path.join(model_dir, "model.ckpt-1.index"), "w") as f:
      f.write("not a checkpoint")
    self.assertEqual(export_config.find_checkpoint(model_dir + "/"), best)
    config = export_model.make_config(best, None, {})
    self.assertEqual(config.task_names, ["squadv1"])
    self.assertEqual(os.path.abspath(config.data_dir), os.path.dirname(
        os.path.dirname(self.model_dir)))

  def test_missing_checkpoint_is_a_one_line_error(self):
    os.makedirs(self.model_dir)
    for path, message in (
        (self.model_dir, "expected a checkpoint"),
        (os.path.join(self.folder, "none"), "expected a checkpoint")):
      code, _, stderr = self.run_command("--model-dir", path, "--output-dir",
                                         self.saved)
      self.assertEqual(code, 2)
      self.assertEqual(stderr.count("\n"), 1, stderr)
      self.assertIn(message, stderr)

  def test_wrong_configuration_fails_before_importing_tensorflow(self):
    self.write_pretrained()
    program = (
        "import sys, export_model\n"
        "from util import utils\n"
        "try:\n"
        "  utils.exit_cleanly(export_model.main)\n"
        "finally:\n"
        "  if 'tensorflow' in sys.modules:\n"
        "    sys.stderr.write('tensorflow')")
    for flags, message in (
        (["--hparams", '{"model_siz": "small"}'], "Did you mean 'model_size'"),
        (["--signatures", "predict_x"], "for a pre-trained model, got")):
      done = subprocess.run(
          [sys.executable, "-W", "ignore", "-c", program, "--model-dir",
           self.model_dir, "--output-dir", self.saved] + flags,
          cwd=conftest.ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
      stderr = done.stderr.decode("utf-8")
      self.assertEqual(done.returncode, 2)
      self.assertIn(message, stderr)
      self.assertEqual(stderr.count("\n"), 1, stderr)
      self.assertFalse(stderr.endswith("tensorflow"))

  def test_output_dir_with_other_files_is_never_replaced(self):
    self.write_pretrained()
    os.makedirs(self.saved)
    for name, flags, message in (
        ("notes.txt", ["--overwrite"], "has no saved_model.pb to replace"),
        ("saved_model.pb", [], "or --overwrite")):
      with open(os.path.join(self.saved, name), "w"):
        pass
      command = ["export_model.py", "--model-dir", self.model_dir,
                 "--output-dir", self.saved] + flags
      with mock.patch.object(sys, "argv", command):
        with self.assertRaisesRegex(utils.UserError, message):
          export_model.main()

  def test_overwrite_replaces_the_directory(self):
    self.write_pretrained()
    os.makedirs(self.saved)
    config = export_model.make_config(self.model_dir, None, {})
    with open(os.path.join(self.saved, "old"), "w"):
      pass
    export_model.run(config, self.model_dir, self.saved, names=["encode"])
    self.assertEqual(sorted(os.listdir(self.saved)),
                     ["assets.extra", "saved_model.pb", "variables"])
    # A failed export keeps the old SavedModel and no temporary files.
    os.remove(os.path.join(self.model_dir, "vocab.txt"))
    with self.assertRaisesRegex(utils.UserError, "vocab.txt"):
      export_model.run(config, self.model_dir, self.saved, names=["encode"])
    self.assertEqual(os.listdir(os.path.dirname(self.saved)), ["1"])
    self.assertIn("saved_model.pb", os.listdir(self.saved))

  def test_wrong_size_names_the_hyperparameter_to_set(self):
    self.write_pretrained()
    config = export_model.make_config(
        self.model_dir, None, {"embedding_size": 8})
    with self.assertRaisesRegex(utils.UserError, "set embedding_size to 16"):
      export_model.run(config, self.model_dir, self.saved)
    self.assertFalse(os.path.exists(self.saved))


class ConfigTest(unittest.TestCase):

  def setUp(self):
    folder = tempfile.TemporaryDirectory()
    self.addCleanup(folder.cleanup)
    self.folder = folder.name
    with open(os.path.join(self.folder, "vocab.txt"), "w") as f:
      f.write("".join(token + "\n" for token in hf_models.SPECIAL))

  def write(self, name, content):
    utils.write_json(content, os.path.join(self.folder, name))

  def make(self, **passed):
    return export_model.make_config(self.folder, None, passed)

  def test_sizes_come_from_config_json(self):
    self.write("config.json", {
        "hidden_size": 64, "num_attention_heads": 4, "embedding_size": 16,
        "max_position_embeddings": 32, "model_type": "electra",
        "vocab_size": 9})
    config = self.make(mask_prob=0.2)
    self.assertIsInstance(config, configure_pretraining.PretrainingConfig)
    self.assertEqual(config.transformer_sizes()["hidden_size"], 64)
    self.assertEqual((config.embedding_size, config.vocab_size), (16, 9))
    self.assertEqual(config.mask_prob, 0.2)
    config = self.make(model_hparam_overrides={"hidden_size": 128})
    self.assertEqual(config.transformer_sizes()["hidden_size"], 128)
    self.assertEqual(config.transformer_sizes()["num_attention_heads"], 4)
    # model_size replaces all sizes of config.json.
    config = self.make(model_size="small")
    self.assertEqual(config.transformer_sizes()["hidden_size"], 256)

  def test_without_config_json_sizes_come_from_hparams(self):
    config = self.make(model_size="large")
    self.assertEqual(config.transformer_sizes()["hidden_size"], 1024)
    self.assertEqual(config.vocab_size, 5)

  def test_fine_tuning_hyperparameters_are_recorded(self):
    self.write("finetuning_run.json", {
        "task_names": ["squadv1"], "joint_prediction": False,
        "model_size": "small", "embedding_size": 128, "training_data": {},
        "num_train_steps": 7})
    self.write("tokenizer_config.json", {"do_lower_case": True,
                                         "strip_accents": False})
    config = self.make(beam_size=3)
    self.assertIsInstance(config, configure_finetuning.FinetuningConfig)
    self.assertFalse(config.joint_prediction)
    self.assertEqual((config.do_lower_case, config.strip_accents),
                     (True, False))
    self.assertEqual(config.beam_size, 3)

  def test_recorded_defaults_are_not_taken_as_passed(self):
    # 64 tokens of a question do not fit into 32, but nobody asked for them.
    self.write("finetuning_run.json", {
        "task_names": ["x"], "max_seq_length": 32, "max_query_length": 64,
        "model_size": "small"})
    config = self.make()
    self.assertEqual((config.max_seq_length, config.max_query_length),
                     (32, 64))
    with self.assertRaisesRegex(utils.UserError, "max_query_length"):
      self.make(max_query_length=64)

  def test_labels_are_those_recorded_with_the_model(self):
    self.write("finetuning_run.json", {"task_names": ["ner"]})
    self.write("labels.json", {"ner": {"labels": ["O", "S-X"]}})
    config = self.make()
    self.assertEqual(
        task_metadata.recorded(config, "ner", "labels"), ["O", "S-X"])

  def test_a_debug_run_keeps_its_sizes(self):
    self.write("finetuning_run.json", {"task_names": ["x"], "debug": True})
    self.assertEqual(self.make().transformer_sizes()["num_hidden_layers"], 3)

  def test_task_names_select_the_fine_tuning_config(self):
    config = self.make(task_names=["cola"])
    self.assertEqual(config.task_names, ["cola"])

  def test_missing_vocabulary(self):
    os.remove(os.path.join(self.folder, "vocab.txt"))
    with self.assertRaisesRegex(utils.UserError, "vocabulary is missing"):
      self.make()

  def test_invalid_config_json_is_a_user_error(self):
    self.write("config.json", [1])
    with self.assertRaisesRegex(utils.UserError, "expected a JSON object"):
      self.make()
    self.write("config.json", {"hidden_size": "big"})
    with self.assertRaisesRegex(utils.UserError, "'hidden_size'"):
      self.make()
    self.write("config.json", {"max_position_embeddings": "many"})
    with self.assertRaisesRegex(utils.UserError, "'max_position_embeddings'"):
      self.make()


def discriminator_logits(variables, hidden):
  """Returns dense_1(gelu(dense(hidden))), in NumPy."""
  def dense(name, x):
    scope = "discriminator_predictions/%s/" % name
    return np.dot(x, variables[scope + "kernel"]) + variables[scope + "bias"]

  x = dense("dense", hidden)
  x *= 0.5 * (1 + special.erf(x / np.sqrt(2)))
  return dense("dense_1", x)[..., 0]


if __name__ == "__main__":
  from util import estimators
  estimators.setup_tensorflow()
  unittest.main()
