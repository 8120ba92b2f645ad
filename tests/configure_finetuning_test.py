"""Tests for configure_finetuning."""

import os
import tempfile
import unittest

import configure_finetuning
from util import utils


def make(data_dir="no_such_folder", **passed):
  return configure_finetuning.FinetuningConfig("m", data_dir, **passed)


class PresetsTest(unittest.TestCase):

  def test_single_tasks_have_their_length_and_epochs(self):
    for name, expected in [
        ("rte", (128, 10.0)), ("sts", (128, 10.0)), ("mnli", (128, 3.0)),
        ("squad", (512, 2.0)), ("squadv1", (512, 2.0)), ("newsqa", (512, 2.0)),
        ("naturalqs", (512, 2.0)),  # length 128 in the reference: no "qa" in it
        ("arcd", (512, 2.0)), ("tydiqa", (512, 2.0)), ("chunk", (256, 3.0))]:
      with self.subTest(name=name):
        config = make(task_names=[name])
        self.assertEqual((config.max_seq_length, config.num_train_epochs),
                         expected)

  def test_sizes(self):
    large = make(model_size="large")
    self.assertEqual((large.learning_rate, large.layerwise_lr_decay),
                     (5e-5, 0.9))
    self.assertEqual(make(model_size="small").embedding_size, 128)
    self.assertEqual(make().learning_rate, 1e-4)

  def test_debug_trains_new_weights_in_a_separate_folder(self):
    # The reference looks at `debug` before the user's values are applied.
    config = make(debug=True)
    self.assertIsNone(config.init_checkpoint)
    self.assertTrue(config.model_dir.endswith("m_debug"))

  def test_null_checkpoint_means_random_weights(self):
    self.assertIsNone(make(init_checkpoint=None).init_checkpoint)
    self.assertEqual(make().init_checkpoint,
                     os.path.join("no_such_folder", "models", "m"))


class DeclaredTaskTest(unittest.TestCase):

  def test_length_and_epochs_follow_the_declared_kind_and_not_the_name(self):
    with tempfile.TemporaryDirectory() as folder:
      for name, kind, expected in [
          ("trivia", "qa", (512, 2.0)), ("iraqanews", "tagging", (128, 3.0)),
          ("reviews", "classification", (128, 3.0))]:
        utils.write_json({"kind": kind}, os.path.join(
            folder, "finetuning_data", name, "task.json"))
        config = make(folder, task_names=[name])
        self.assertEqual((config.max_seq_length, config.num_train_epochs),
                         expected)
      self.assertEqual(make(folder, task_names=["trivia"],
                            max_seq_length=384).max_seq_length, 384)


class FinetunedModelTest(unittest.TestCase):

  def setUp(self):
    super().setUp()
    folder = tempfile.TemporaryDirectory()
    self.addCleanup(folder.cleanup)
    self.model = os.path.join(folder.name, "model")

  def write_metadata(self, **values):
    utils.write_json(values, os.path.join(self.model, "finetuning_run.json"))

  def use(self, **passed):
    return make(do_train=False, init_checkpoint=self.model, **passed)

  def test_hyperparameters_of_training_are_restored(self):
    self.write_metadata(
        task_names=["arcd"], max_seq_length=384, model_size="small",
        embedding_size=64, debug=True, use_tpu=True, seed=7,
        unknown_to_this_version=1)
    config = self.use()
    self.assertEqual((config.task_names, config.max_seq_length,
                      config.model_size, config.embedding_size),
                     (["arcd"], 384, "small", 64))
    self.assertEqual((config.debug, config.use_tpu, config.seed),
                     (False, False, 0))
    self.assertEqual(self.use(max_seq_length=128).max_seq_length, 128)
    # A run that trains does not restore them.
    self.assertEqual(make(init_checkpoint=self.model).task_names, ["chunk"])

  def test_vocabulary_is_that_of_the_model(self):
    self.write_metadata()
    path = os.path.join(self.model, "vocab.txt")
    with utils.write_atomically(path) as f:
      f.write("a\nb\n")
    self.assertEqual(self.use().vocab_file, path)

  def test_bad_value_in_run_metadata(self):
    self.write_metadata(max_seq_length="long")
    with self.assertRaisesRegex(
        utils.UserError, "finetuning_run.json: .*'max_seq_length': expected"):
      self.use()


class PathsTest(unittest.TestCase):

  def test_predictions_are_named_after_their_file(self):
    config = make("d", task_names=["rte"], predict_file=__file__)
    self.assertIs(config.do_predict, True)
    self.assertEqual(config.predict_output_file, os.path.join(
        "d", "models", "m", "results", "rte_predictions",
        "configure_finetuning_test.jsonl"))
    self.assertEqual(config.predictions_file(1), config.predict_output_file)
    self.assertTrue(config.replace(num_trials=3).predictions_file(2).endswith(
        "configure_finetuning_test_trial_2.jsonl"))

  def test_paths_are_the_references(self):
    config = make("d", task_names=["mnli", "rte"])
    self.assertEqual(
        [config.results_txt, config.trial_model_dir(2),
         config.preprocessed_data_dir, config.raw_data_dir("rte"),
         config.test_predictions("rte", "test", 1)],
        [os.path.join("d", *path.split("/")) for path in (
            "models/m/results/mnli_rte_results.txt",
            "models/m/finetuning_models/mnli_rte_model_2",
            "models/m/finetuning_tfrecords/mnli_rte_tfrecords",
            "finetuning_data/rte",
            "models/m/test_predictions/rte_test_1_predictions.pkl")])

  def test_paths_of_a_task(self):
    # Bound str.format methods in the reference.
    config = make("d", task_names=["arcd"])
    self.assertEqual(os.path.basename(config.qa_nbest_file("arcd")),
                     "arcd_nbest.json")

  def test_vocabulary_of_the_model_comes_first(self):
    with tempfile.TemporaryDirectory() as folder:
      for name, content in (("vocab.txt", b"a\nb\n"),
                            ("models/m/vocab.txt", b"a\nb\nc\n"),
                            ("models/other/vocab.txt", b"a\nb\nc\nd\n")):
        os.makedirs(os.path.dirname(os.path.join(folder, name)), exist_ok=True)
        with open(os.path.join(folder, name), "wb") as f:
          f.write(content)
      self.assertEqual(make(folder).vocab_size, 3)
      # That of the model that training starts from, in any folder.
      self.assertEqual(make(folder, init_checkpoint=os.path.join(
          folder, "models", "other")).vocab_size, 4)

  def test_run_writes_to_a_passed_model_dir(self):
    config = make("d", model_dir="out")
    self.assertEqual(config.init_checkpoint, os.path.join("d", "models", "m"))
    self.assertEqual(config.results_txt,
                     os.path.join("out", "results", "chunk_results.txt"))

  def test_predictions_must_not_overwrite_predict_file(self):
    # "new.jsonl" is written with "new.tsv", "new.txt" or "new.json".
    with tempfile.TemporaryDirectory() as folder:
      for name, output, num_trials in (
          ("new.tsv", "new.jsonl", 1), ("new.jsonl", "new.jsonl", 1),
          ("new.json", "x/../new.jsonl", 1),
          ("new_trial_2.txt", "new.jsonl", 2),
          ("new.jsonl", "link.jsonl", 1)):
        path = os.path.join(folder, name)
        with open(path, "w") as f:
          f.write("text")
        if output == "link.jsonl":
          os.symlink(path, os.path.join(folder, output))
        with self.assertRaisesRegex(utils.UserError, "would overwrite "
                                    "predict_file"):
          make(predict_file=path, num_trials=num_trials,
               predict_output_file=os.path.join(folder, output))
      make(predict_file=os.path.join(folder, "new.tsv"),
           predict_output_file=os.path.join(folder, "labeled.jsonl"))


class TokenizerSettingsTest(unittest.TestCase):

  def setUp(self):
    super().setUp()
    folder = tempfile.TemporaryDirectory()
    self.addCleanup(folder.cleanup)
    self.data_dir = folder.name

  def write_settings(self, **settings):
    utils.write_json(settings, os.path.join(
        self.data_dir, "models", "m", "tokenizer_config.json"))

  def test_default_to_those_of_the_pretrained_model(self):
    self.write_settings(do_lower_case=True, strip_accents=False)
    config = make(self.data_dir)
    self.assertIs(config.do_lower_case, True)
    self.assertIs(config.strip_accents, False)

  def test_contradiction_names_the_file(self):
    # The reference lower-cases AraELECTRA, which was trained cased.
    self.write_settings(do_lower_case=False)
    with self.assertRaisesRegex(
        utils.UserError, "tokenizer_config.json records false, got true"):
      make(self.data_dir, do_lower_case=True)

  def test_wrong_types_in_tokenizer_config_are_errors(self):
    # "no" was read as true.
    for settings in (dict(do_lower_case="no"), dict(strip_accents="no"),
                     dict(preprocessing=["x"])):
      self.write_settings(**settings)
      with self.assertRaisesRegex(utils.UserError, "tokenizer_config.json: "
                                  ".*: expected .* or null"):
        make(self.data_dir)

  def test_without_tokenizer_config_text_keeps_its_case(self):
    config = make(self.data_dir)
    self.assertIs(config.do_lower_case, False)
    self.assertIs(config.strip_accents, False)
    self.assertIs(make(self.data_dir, do_lower_case=True).strip_accents, True)


class ContradictionsTest(unittest.TestCase):

  def test_each_error_names_the_hyperparameter(self):
    for passed, message in [
        (dict(task_names="squad"), "'task_names': expected a list of strings"),
        (dict(task_names=["rte", "rte"]), "each task once"),
        (dict(task_names=["../x"]), "expected plain names"),
        (dict(do_train=False, do_eval=False), "expected at least one"),
        (dict(max_query_length=253), "max_query_length: expected at most"),
        (dict(do_predict=True), "do_predict requires predict_file"),
        (dict(predict_file="x/y.tsv"), "predict_file: expected a file at x/y"),
        (dict(predict_file=__file__, task_names=["rte", "sst"]),
         r"predict_task: expected one of task_names \(rte, sst\).* got none"),
        (dict(predict_file=__file__, predict_task="rte"), "got rte"),
        (dict(predict_file=__file__, predict_output_file="x.tsv"),
         "ends in .jsonl"),
        (dict(save_checkpoints_steps=5, save_checkpoints_minutes=1),
         "expected one of them, got both"),
        (dict(best_metric="f1"), "best_metric requires eval_steps"),
        (dict(early_stopping_patience=2),
         "early_stopping_patience requires eval_steps"),
        (dict(seed=2 ** 31 - 2, num_trials=3),
         "seed of at most 2147483645, .* got 2147483646"),
        (dict(layerwise_lr_decay=1e30), "of at most 10.0"),
        (dict(num_trials=0),
         "'num_trials': expected an integer of at least 1")]:
      with self.subTest(passed=passed):
        with self.assertRaisesRegex(utils.UserError, message):
          make(**passed)


if __name__ == "__main__":
  unittest.main()
