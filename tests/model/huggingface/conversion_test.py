"""Tests for model.huggingface: names, round trips and errors.

What the numbers mean to transformers is tested in hf_parity_test.py.
"""

import json
import os
import struct
import tempfile
import unittest

import numpy as np
import safetensors.numpy

from model import checkpoint
from model import variable_shapes
from model.huggingface import exporter
from model.huggingface import importer
from model.huggingface import variable_names
from tests.model import hf_models
from util import model_files
from util import utils

# {objective: (--part values that cover its checkpoint, flags of the way back)}
OBJECTIVES = {
    "electra": (("discriminator", "generator"), {}),
    "tied": (("discriminator", "generator"), {}),
    "untied_embeddings": (("discriminator", "generator"),
                          {"untied_embeddings": True}),
    "uniform": (("discriminator",), {}),
}
HEADS = {  # golden file: (task, kind)
    "head_classification_predict": ("mnli", "classification"),
    "head_regression_predict": ("sts", "classification"),
    "head_qa_independent_predict": ("squadv1", None),
}


class ConversionTest(unittest.TestCase):

  def setUp(self):
    super().setUp()
    folder = tempfile.TemporaryDirectory()
    self.addCleanup(folder.cleanup)
    self.folder = folder.name
    self.model_dir = self.path("model")

  def path(self, name):
    return os.path.join(self.folder, name)

  def write_golden(self, name="pretrain/pretrain_electra.npz", **kwargs):
    """Returns the variables of the model folder that it writes."""
    variables = hf_models.load(name)["var"]
    hf_models.write_model(self.model_dir, variables, **kwargs)
    return variables

  def to_hf(self, part="discriminator", name=None, **kwargs):
    return exporter.to_hf(
        self.model_dir, self.path(name or part), part, **kwargs)

  def to_tf(self, **folders):
    return importer.to_tf(self.path("back"), **folders)

  def weights(self, name):
    return safetensors.numpy.load_file(
        os.path.join(self.path(name), "model.safetensors"))

  def config(self, name):
    return utils.load_json(os.path.join(self.path(name), "config.json"))

  def change_config(self, name, **values):
    path = os.path.join(self.path(name), "config.json")
    utils.write_json(dict(utils.load_json(path), **values), path)

  def change_weights(self, name, **values):
    """Replaces weights, given with "__" for "."; None takes one out."""
    weights = self.weights(name)
    for key, value in values.items():
      weights[key.replace("__", ".")] = value
    safetensors.numpy.save_file(
        {key: value for key, value in weights.items() if value is not None},
        os.path.join(self.path(name), "model.safetensors"))

  def check_same_bits(self, variables):
    back = hf_models.read_checkpoint(self.path("back"))
    self.assertEqual(back.pop("global_step"), 0)
    self.assertEqual(set(back), set(variables))
    for name, value in variables.items():
      self.assertEqual(back[name].shape, value.shape)
      self.assertEqual(back[name].tobytes(), value.tobytes(), name)


class RoundTripTest(ConversionTest):

  def test_round_trip_of_every_objective_is_bit_exact(self):
    for objective, (parts, flags) in OBJECTIVES.items():
      path = "pretrain/pretrain_%s.npz" % objective
      with self.subTest(objective):
        self.folder = os.path.join(self.folder, objective)
        self.model_dir = self.path("model")
        variables = self.write_golden(path)
        for part in parts:
          self.to_hf(part)
        self.to_tf(**dict({part: self.path(part) for part in parts}, **flags))
        self.check_same_bits(variables)

  def test_masked_lm_becomes_the_main_encoder(self):
    variables = self.write_golden("pretrain/pretrain_mlm.npz")
    self.to_hf("generator")
    self.to_tf(masked_lm=self.path("generator"))
    self.check_same_bits(variables)

  def test_fine_tuned_heads(self):
    for name, (task, kind) in HEADS.items():
      with self.subTest(name):
        self.folder = os.path.join(self.folder, name)
        self.model_dir = self.path("model")
        variables = self.write_golden("finetune/%s.npz" % name)
        self.to_hf("task:" + task, "task", task_kind=kind)
        self.to_tf(task=(task, self.path("task")))
        self.check_same_bits(variables)

  def test_settings_are_converted_both_ways(self):
    tokens = hf_models.SPECIAL + ["ا%d" % i for i in range(150)]
    self.write_golden(do_lower_case=True, tokens=tokens,
                      hidden_dropout_prob=0.25)
    report = self.to_hf()
    self.assertIn("155 tokens, the model 160 rows: the last 5",
                  report.notes[0])
    self.to_tf(discriminator=self.path("discriminator"))
    with open(os.path.join(self.model_dir, "vocab.txt"), "rb") as before, \
        open(os.path.join(self.path("back"), "vocab.txt"), "rb") as after:
      self.assertEqual(before.read(), after.read())
    # Whether the text of a Hugging Face model was cleaned is unknown.
    self.assertEqual(
        model_files.read_tokenizer_config(self.path("back")),
        {"do_lower_case": True, "strip_accents": True})
    self.assertEqual(self.config("back"), {
        "vocab_size": 160, "embedding_size": 16, "hidden_size": 32,
        "num_hidden_layers": 2, "num_attention_heads": 2, "hidden_act": "gelu",
        "intermediate_size": 64, "hidden_dropout_prob": 0.25,
        "attention_probs_dropout_prob": 0.1, "max_position_embeddings": 64,
        "type_vocab_size": 2, "initializer_range": 0.02})

  def test_generator_without_discriminator(self):
    variables = self.write_golden()
    self.to_hf("generator")
    self.to_tf(generator=self.path("generator"))
    self.check_same_bits({
        name: value for name, value in variables.items()
        if name.startswith(("generator", "electra/embeddings/"))})
    self.assertFalse(os.path.exists(
        os.path.join(self.path("back"), "config.json")))  # the other encoder's


class NamesTest(ConversionTest):

  def test_names_of_the_discriminator(self):
    variables = self.write_golden()
    report = self.to_hf()
    weights = self.weights("discriminator")
    self.assertEqual(report.converted, sorted(weights))
    for theirs, ours in (
        ("electra.embeddings.word_embeddings.weight",
         "electra/embeddings/word_embeddings"),
        ("electra.embeddings.LayerNorm.weight",
         "electra/embeddings/LayerNorm/gamma"),
        ("electra.embeddings.LayerNorm.bias",
         "electra/embeddings/LayerNorm/beta"),
        ("electra.encoder.layer.1.attention.output.LayerNorm.weight",
         "electra/encoder/layer_1/attention/output/LayerNorm/gamma"),
        ("discriminator_predictions.dense_prediction.bias",
         "discriminator_predictions/dense_1/bias")):
      np.testing.assert_array_equal(weights[theirs], variables[ours])
    for theirs, ours in (
        ("electra.embeddings_project.weight",
         "electra/embeddings_project/kernel"),
        ("electra.encoder.layer.0.attention.self.value.weight",
         "electra/encoder/layer_0/attention/self/value/kernel"),
        ("electra.encoder.layer.1.output.dense.weight",
         "electra/encoder/layer_1/output/dense/kernel"),
        ("discriminator_predictions.dense_prediction.weight",
         "discriminator_predictions/dense_1/kernel")):
      np.testing.assert_array_equal(weights[theirs], variables[ours].T)

  def test_the_generator_has_its_layers_and_the_shared_embeddings(self):
    variables = self.write_golden()
    self.to_hf("generator")
    weights = self.weights("generator")
    for theirs, ours in (
        ("electra.embeddings.word_embeddings.weight",
         "electra/embeddings/word_embeddings"),
        ("electra.embeddings_project.bias",
         "generator/embeddings_project/bias"),
        ("generator_predictions.LayerNorm.bias",
         "generator_predictions/LayerNorm/beta"),
        ("generator_lm_head.bias", "generator_predictions/output_bias")):
      np.testing.assert_array_equal(weights[theirs], variables[ours])
    np.testing.assert_array_equal(
        weights["electra.encoder.layer.0.intermediate.dense.weight"],
        variables["generator/encoder/layer_0/intermediate/dense/kernel"].T)
    self.assertEqual(self.config("generator")["num_attention_heads"], 1)
    self.assertEqual(self.config("generator")["architectures"],
                     ["ElectraForMaskedLM"])

  def test_every_variable_of_the_released_sizes_has_a_name(self):
    path = os.path.join(hf_models.GOLDEN, "pretrain",
                        "variables_of_released_sizes.json")
    for size, shapes in utils.load_json(path).items():
      names = variable_names.embedding_pairs("electra")
      names += variable_names.discriminator_head_pairs()
      names += variable_names.generator_head_pairs()
      for scope in ("electra", "generator"):
        names += variable_names.encoder_pairs(
            scope, variable_shapes.num_layers(shapes, scope),
            scope + "/embeddings_project/kernel" in shapes)
      found = {name for name in shapes if name != "global_step"}
      self.assertEqual({pair.tf_name for pair in names}, found, size)

  def test_sizes_come_from_shapes(self):
    self.write_golden()
    self.to_hf()
    config = self.config("discriminator")
    for name, value in (
        ("vocab_size", 160), ("embedding_size", 16), ("hidden_size", 32),
        ("intermediate_size", 64), ("num_hidden_layers", 2),
        ("max_position_embeddings", 64), ("type_vocab_size", 2),
        ("num_attention_heads", 2), ("layer_norm_eps", 1e-12),
        ("hidden_act", "gelu"), ("model_type", "electra"),
        ("architectures", ["ElectraForPreTraining"]), ("pad_token_id", 0)):
      self.assertEqual(config[name], value, name)


class ReportTest(ConversionTest):

  def test_skipped_slots_and_variables_are_reported(self):
    variables = hf_models.load("pretrain/pretrain_electra.npz")["var"]
    extra = {"electra/embeddings/word_embeddings/adam_m": np.zeros([160, 16]),
             "electra/embeddings/word_embeddings/adam_v": np.zeros([160, 16]),
             "something/else": np.zeros(2)}
    hf_models.write_model(self.model_dir, dict(variables, **extra))
    report = self.to_hf()
    self.assertEqual(report.slots, [
        "electra/embeddings/word_embeddings/adam_m",
        "electra/embeddings/word_embeddings/adam_v"])
    self.assertIn("something/else", report.unused)
    self.assertIn("generator_predictions/output_bias", report.unused)
    self.assertNotIn("electra/embeddings/word_embeddings", report.unused)
    self.assertNotIn("global_step", report.unused)
    self.assertEqual(len(report.converted) + len(report.unused),
                     len(variables) + 1)

  def test_unused_weights_are_reported(self):
    self.write_golden()
    self.to_hf()
    self.change_weights("discriminator", extra__bias=np.zeros(2),
                        electra__embeddings__position_ids=np.arange(64))
    report = self.to_tf(discriminator=self.path("discriminator"))
    self.assertEqual(report.unused,
                     [self.path("discriminator") + "/extra.bias"])

  def test_unknown_number_of_heads_is_an_error(self):
    self.write_golden("finetune/head_classification_predict.npz",
                      num_heads=None)
    with self.assertRaisesRegex(utils.UserError,
                                "hidden size 16. Pass --num-attention-heads"):
      self.to_hf("task:mnli", task_kind="classification")
    report = self.to_hf("task:mnli", "task", task_kind="classification",
                        num_attention_heads=2)
    self.assertEqual(self.config("task")["num_attention_heads"], 2)
    self.assertEqual(len(report.notes), 1)  # on labels

  def test_assumed_number_of_heads_is_noted(self):
    variables = wide_variables()
    hf_models.write_model(self.model_dir, variables, num_heads=None)
    report = self.to_hf()
    self.assertEqual(self.config("discriminator")["num_attention_heads"], 2)
    self.assertIn("ASSUMED 2 attention heads", report.notes[0])

  def test_labels_and_problem_type(self):
    self.write_golden("finetune/head_classification_predict.npz")
    self.to_hf("task:mnli", "task", task_kind="classification",
               labels=["no", "maybe", "yes"])
    config = self.config("task")
    self.assertEqual(config["id2label"], {"0": "no", "1": "maybe", "2": "yes"})
    self.assertEqual(config["label2id"], {"no": 0, "maybe": 1, "yes": 2})
    self.assertEqual(config["problem_type"], "single_label_classification")

  def write_tagger(self, **kwargs):
    """Writes a model of three labels, used as a tagger; returns the report."""
    self.write_golden("finetune/head_classification_predict.npz")
    return self.to_hf("task:mnli", "task", task_kind="tagging", **kwargs)

  def test_labels_of_spans_have_the_names_of_predictions(self):
    labels = ["B-X", "E-X", "I-X", "O", "S-X"]
    variables = hf_models.load(
        "finetune/head_classification_predict.npz")["var"]
    for name, shape in (("kernel", [16, 5]), ("bias", [5])):
      variables["task_specific/mnli/dense/" + name] = np.ones(
          shape, np.float32)
    hf_models.write_model(self.model_dir, variables)
    report = self.to_hf("task:mnli", "task", task_kind="tagging",
                        labels=labels)
    config = self.config("task")
    self.assertEqual(list(config["id2label"].values()),
                     ["B-X", "I-X", "I-X", "O", "B-X"])
    self.assertEqual(config["label2id"], {"B-X": 0, "I-X": 2, "O": 3})
    self.assertEqual(config["bioes"], labels)
    self.assertIn("aggregation_strategy=\"first\"", report.notes[-1])
    self.to_hf("task:mnli", "words", task_kind="tagging", labels=labels,
               is_tag_per_word=True)
    self.assertEqual(list(self.config("words")["id2label"].values()), labels)

  def test_other_labels_of_taggers_keep_their_names(self):
    for labels in (["NN", "O", "S-X"], ["B-X", "I-X", "O"]):
      self.write_tagger(labels=labels)
      config = self.config("task")
      self.assertEqual(list(config["id2label"].values()), labels)
      self.assertNotIn("bioes", config)

  def test_segment_of_taggers_in_both_directions(self):
    report = self.write_tagger()
    self.assertIn("trained with segment 1 for all", report.notes[-1])
    name = "electra.embeddings.token_type_embeddings.weight"
    table = self.weights("task")[name]
    np.testing.assert_array_equal(table[0], table[1])
    report = self.to_tf(task=("ner", self.path("task")))
    self.assertEqual(len(report.notes), 1)  # on the kind of the head
    table[0] += 1.0  # as in a tagger that transformers trained
    self.change_weights("task", **{name.replace(".", "__"): table})
    report = self.to_tf(task=("ner", self.path("task")))
    self.assertIn("trained with segment 0 for all", report.notes[0])
    back = hf_models.read_checkpoint(self.path("back"))[
        "electra/embeddings/token_type_embeddings"]
    np.testing.assert_array_equal(back, table[[0, 0]])

  def test_regression_is_scaled_to_its_range(self):
    self.write_golden("finetune/head_regression_predict.npz")
    report = self.to_hf("task:sts", "task", task_kind="classification")
    self.assertIn("has the scale of training", report.notes[0])
    report = self.to_hf("task:sts", "task", task_kind="classification",
                        value_range=[0, 5])
    self.assertIn("scaled to the range of the data, 0 to 5", report.notes[0])

  def write_record(self, **values):
    utils.write_json(values, os.path.join(
        self.model_dir, "finetuning_run.json"))

  def test_record_of_the_run_completes_what_shapes_tell(self):
    variables = hf_models.load(
        "finetune/head_classification_predict.npz")["var"]
    hf_models.write_model(self.model_dir, variables, num_heads=None)
    self.write_record(
        model_size="base", max_seq_length=24,
        arabert_preprocessing="araelectra-base", model_hparam_overrides={
            "num_attention_heads": 4, "hidden_act": "relu"})
    report = self.to_hf("task:mnli", "task", task_kind="classification")
    config = self.config("task")
    self.assertEqual((config["num_attention_heads"], config["hidden_act"]),
                     (4, "relu"))
    tokenizer = utils.load_json(os.path.join(
        self.path("task"), "tokenizer_config.json"))
    # A pipeline truncates to this length, as the run did.
    self.assertEqual(tokenizer["model_max_length"], 24)
    self.assertIn("ArabertPreprocessor(\"araelectra-base\")",
                  report.notes[-1])
    self.write_record(max_seq_length="24")
    with self.assertRaisesRegex(utils.UserError, "\"max_seq_length\": exp"):
      self.to_hf("task:mnli", "task", task_kind="classification")

  def test_best_weights_use_settings_of_the_pretrained_model(self):
    self.write_golden(num_heads=4)
    best = os.path.join(self.model_dir, "finetuning_models", "mnli_model_1",
                        "best")
    importer.write_checkpoint(
        os.path.join(best, "model.ckpt-9"), hf_models.load(
            "finetune/head_classification_predict.npz")["var"])
    self.change_config("model", hidden_size=16)
    exporter.to_hf(best, self.path("task"), "task:mnli",
                   task_kind="classification")
    self.assertEqual(self.config("task")["num_attention_heads"], 4)

  def test_fine_tuned_model_uses_settings_of_its_pretrained_model(self):
    self.write_golden()
    variables = hf_models.load(
        "finetune/head_classification_predict.npz")["var"]
    trial = os.path.join(self.model_dir, "finetuning_models", "mnli_model_1")
    importer.write_checkpoint(os.path.join(trial, "model.ckpt-9"),
                                   variables)
    with self.assertRaisesRegex(utils.UserError, "'hidden_size' is 32"):
      self.change_config("model", hidden_size=32)
      exporter.to_hf(trial, self.path("task"), "task:mnli",
                        task_kind="classification")
    self.change_config("model", hidden_size=16)
    exporter.to_hf(trial, self.path("task"), "task:mnli",
                      task_kind="classification")
    self.assertEqual(self.config("task")["num_attention_heads"], 2)


class ToHFErrorsTest(ConversionTest):

  def check_refused(self, message, part="discriminator", **kwargs):
    with self.assertRaisesRegex(utils.UserError, message):
      self.to_hf(part, "out", **kwargs)
    self.assertFalse(os.path.exists(self.path("out")))  # nothing half-written

  def test_missing_checkpoint(self):
    self.check_refused("found nothing")
    os.makedirs(self.model_dir)
    self.check_refused("found an empty folder")

  def test_a_missing_variable(self):
    variables = hf_models.load("pretrain/pretrain_electra.npz")["var"]
    del variables["electra/encoder/layer_0/output/dense/bias"]
    hf_models.write_model(self.model_dir, variables)
    self.check_refused("lacks 1 of the variables to convert, such as "
                       "electra/encoder/layer_0/output/dense/bias")

  def test_checkpoint_of_another_program(self):
    importer.write_checkpoint(
        os.path.join(self.model_dir, "model.ckpt-1"),
        {"bert/embeddings/word_embeddings": np.zeros([3, 2])})
    self.check_refused("such as electra/embeddings/word_embeddings; it has "
                       "bert/embeddings/word_embeddings")

  def test_missing_generator(self):
    self.write_golden("pretrain/pretrain_uniform.npz")
    self.check_refused("no generator.*uniform_generator", "generator")

  def test_two_towers(self):
    self.write_golden("pretrain/pretrain_electric.npz")
    self.check_refused("two towers", "generator")
    self.to_hf("discriminator")

  def test_missing_discriminator(self):
    self.write_golden("pretrain/pretrain_mlm.npz")
    self.check_refused(
        "lacks 4 of the variables.*discriminator_predictions/dense")

  def test_unknown_part_or_task(self):
    self.write_golden("finetune/head_classification_predict.npz")
    self.check_refused("unknown value 'x'", "x")
    self.check_refused("no head of a task 'sst'. It has heads of mnli",
                       "task:sst")

  def test_heads_without_an_equivalent(self):
    for name, task, reason in (
        ("joint", "squadv1", "joint_prediction"),
        ("v2", "squad", "joint_prediction"),
        ("v2_simple", "squad", "answerable_classifier")):
      with self.subTest(name):
        self.write_golden("finetune/head_qa_%s_predict.npz" % name)
        self.check_refused("task '%s'.*%s false" % (task, reason),
                           "task:" + task)

  def test_wrong_labels(self):
    self.write_golden("finetune/head_classification_predict.npz")
    self.check_refused("expected 3 different labels.*got a, b", "task:mnli",
                       task_kind="tagging", labels=["a", "b"])
    self.check_refused("expected 3 different labels", "task:mnli",
                       task_kind="tagging", labels=["a", "b", "a"])
    self.write_golden("finetune/head_qa_independent_predict.npz")
    self.check_refused("has no labels", "task:squadv1", labels=["a", "b"])

  def test_activation_of_the_generator_head(self):
    self.write_golden(hidden_act="relu")
    self.check_refused("always uses gelu", "generator")
    self.to_hf("discriminator")
    self.assertEqual(self.config("discriminator")["hidden_act"], "relu")

  def test_contradictory_config(self):
    self.write_golden(num_hidden_layers=3)
    self.check_refused("'num_hidden_layers' is 3, but the checkpoint .* has 2")
    self.write_golden()
    self.check_refused("num_attention_heads 2, got --num-attention-heads 4",
                       num_attention_heads=4)
    self.write_golden(num_heads=5)
    self.check_refused("must be a multiple of 'num_attention_heads'")

  def test_no_vocabulary(self):
    self.write_golden()
    os.remove(os.path.join(self.model_dir, "vocab.txt"))
    self.check_refused("vocab.txt.*Pass --vocab-file")

  def test_vocabulary_larger_than_the_embeddings(self):
    self.write_golden(tokens=hf_models.SPECIAL + [
        "t%d" % i for i in range(200)])
    self.check_refused("205 tokens, but the checkpoint .* of 160")

  def test_tokenizer_settings(self):
    self.write_golden(do_lower_case=None)
    self.check_refused("no tokenizer_config.json.*--do-lower-case")
    self.to_hf(do_lower_case=True, strip_accents=False)
    config = utils.load_json(os.path.join(
        self.path("discriminator"), "tokenizer_config.json"))
    self.assertEqual((config["do_lower_case"], config["strip_accents"]),
                     (True, False))
    self.write_golden(do_lower_case=True)
    self.check_refused("records true, got --no-lower-case",
                       do_lower_case=False)

  def test_output_to_the_checkpoint_folder_is_an_error(self):
    self.write_golden()
    with self.assertRaisesRegex(
        utils.UserError, "is the folder of the checkpoint"):
      exporter.to_hf(self.model_dir, self.model_dir + "/",
                          "discriminator")


class ToTFErrorsTest(ConversionTest):

  def setUp(self):
    super().setUp()
    self.write_golden()
    for part in ("discriminator", "generator"):
      self.to_hf(part)

  def check_refused(self, message, *parts, **kwargs):
    with self.assertRaisesRegex(utils.UserError, message):
      self.to_tf(**dict({part: self.path(part) for part in parts}, **kwargs))
    self.assertFalse(os.path.exists(self.path("back")))

  def test_generator_with_other_embeddings_is_an_error(self):
    name = "electra.embeddings.word_embeddings.weight"
    table = self.weights("generator")[name]
    table[3, 4] += 0.5
    self.change_weights("generator", **{name.replace(".", "__"): table})
    self.check_refused(
        "values that differ by up to 0.5 in electra/embeddings/word_embeddings",
        "discriminator", "generator")
    self.change_weights("generator", **{name.replace(".", "__"): table[:-1]})
    self.change_config("generator", vocab_size=159)
    self.check_refused(r"shape \[160, 16\] and \[159, 16\]",
                       "discriminator", "generator")

  def test_untied_embeddings_must_be_as_wide_as_the_layers(self):
    self.check_refused("as wide as its layers", "discriminator", "generator",
                       untied_embeddings=True)

  def test_generator_as_discriminator_is_noted(self):
    report = self.to_tf(discriminator=self.path("generator"))
    self.assertIn("has no discriminator_predictions head", report.notes[0])

  def test_discriminator_as_generator_is_an_error(self):
    self.check_refused(
        "lacks 5 weights, such as generator_predictions.dense.weight. Its "
        "config.json has architectures: ElectraForPreTraining",
        generator=self.path("discriminator"))

  def test_a_missing_layer(self):
    self.change_weights(
        "discriminator", electra__encoder__layer__0__output__dense__bias=None)
    self.check_refused(
        "lacks 1 weights, such as electra.encoder.layer.0.output.dense.bias",
        "discriminator")

  def test_untied_output_matrix_is_an_error(self):
    self.change_weights("generator",
                        generator_lm_head__weight=np.zeros([160, 16]))
    self.check_refused("lm_head.weight differs from the word embeddings",
                       "generator")

  def test_generator_of_unusual_sizes_is_an_error(self):
    self.change_config("generator", num_attention_heads=2)
    self.check_refused("hidden size 8 must have num_attention_heads 1, "
                       "got 2", "generator")
    self.change_config("generator", num_attention_heads=1, hidden_act="relu")
    self.check_refused("always uses gelu", "generator")

  def test_unsupported_models(self):
    for values, message in (
        ({"model_type": "bert"}, "model_type \"electra\", got \"bert\""),
        ({"position_embedding_type": "relative_key"}, "\"relative_key\""),
        ({"is_decoder": True}, "is_decoder true"),
        ({"hidden_size": 31}, "hidden_size is 31 in config.json, but 32"),
        ({"hidden_act": "gelu_new"}, "'hidden_act'.*\"gelu_new\""),
        ({"num_attention_heads": None}, "num_attention_heads is missing")):
      with self.subTest(values):
        before = self.config("discriminator")
        self.change_config("discriminator", **values)
        self.check_refused(message, "discriminator")
        utils.write_json(before, os.path.join(
            self.path("discriminator"), "config.json"))

  def test_other_epsilon_is_noted(self):
    self.change_config("discriminator", layer_norm_eps=1e-6)
    report = self.to_tf(discriminator=self.path("discriminator"))
    self.assertIn("layer_norm_eps 1e-06, here it is 1e-12", report.notes[0])

  def test_different_vocabularies(self):
    with open(os.path.join(self.path("generator"), "vocab.txt"), "a") as f:
      f.write("more\n")
    self.check_refused("different vocabularies", "discriminator", "generator")

  def test_missing_vocabulary_and_settings_are_noted(self):
    for name in ("vocab.txt", "tokenizer.json", "tokenizer_config.json"):
      os.remove(os.path.join(self.path("discriminator"), name))
    report = self.to_tf(discriminator=self.path("discriminator"))
    self.assertIn("put vocab.txt into", report.notes[0])
    self.assertIn("set do_lower_case", report.notes[1])

  def test_missing_folder_or_weights(self):
    self.check_refused("config.json: no such file",
                       discriminator=self.path("nowhere"))
    os.remove(os.path.join(self.path("discriminator"), "model.safetensors"))
    self.check_refused("model.safetensors or pytorch_model.bin",
                       "discriminator")

  def test_damaged_weights(self):
    path = os.path.join(self.path("discriminator"), "model.safetensors")
    with open(path, "rb") as f:
      content = f.read()
    for damaged in (content[:5], content[:-8], b"x" * 100):
      with open(path, "wb") as f:
        f.write(damaged)
      self.check_refused("is damaged", "discriminator")

  def test_integers_of_8_bits_are_no_weights(self):
    self.change_weights("discriminator", a=np.zeros([1], np.int8))
    self.check_refused("got I8 for 'a'.*float32", "discriminator")

  def test_names_of_two_models_are_an_error(self):
    path = os.path.join(self.path("discriminator"), "model.safetensors")
    weights = self.weights("discriminator")
    safetensors.numpy.save_file(
        {prefix + name: value for name, value in weights.items()
         for prefix in ("a.", "b.")}, path)
    self.check_refused("weights of 2 models, .* 'a.' and 'b.'. Save each",
                       "discriminator")


class AddedTokensTest(ConversionTest):
  """Tokens that were added to a tokenizer in transformers."""

  def setUp(self):
    super().setUp()
    tokens = hf_models.SPECIAL + ["t%d" % i for i in range(153)]
    self.write_golden(tokens=tokens)  # 158 tokens, 160 rows
    self.to_hf()
    self.tokens = tokens
    self.hf_dir = self.path("discriminator")

  def add(self, *tokens, to="tokenizer.json"):
    path = os.path.join(self.hf_dir, to)
    added = [{"id": 158 + i, "content": token}
             for i, token in enumerate(tokens)]
    if to == "tokenizer.json":
      content = utils.load_json(path)
      content["added_tokens"] += added
    else:
      content = {entry["content"]: entry["id"] for entry in added}
    utils.write_json(content, path)

  def read_back(self):
    """Returns the lines of vocab.txt and the notes of the conversion."""
    report = self.to_tf(discriminator=self.hf_dir)
    with open(os.path.join(self.path("back"), "vocab.txt"),
              encoding="utf-8") as f:
      return f.read().split("\n")[:-1], " ".join(report.notes)

  def test_are_kept_at_their_ids(self):
    for files, has_vocab in ((["tokenizer.json"], True),
                             (["added_tokens.json"], True),
                             (["tokenizer.json"], False),
                             (["tokenizer.json", "added_tokens.json"], True)):
      with self.subTest(files=files, has_vocab=has_vocab):
        self.to_hf()
        for name in files:
          self.add("كورونا", "لقاح", to=name)
        if not has_vocab:  # as transformers 5 saves a tokenizer
          os.remove(os.path.join(self.hf_dir, "vocab.txt"))
        tokens, notes = self.read_back()
        self.assertEqual(tokens, self.tokens + ["كورونا", "لقاح"])
        self.assertIn("includes 2 added tokens (كورونا, لقاح)", notes)
        self.assertNotIn("have no token", notes)

  def test_rows_without_a_token_are_noted(self):
    self.add("x")
    tokens, notes = self.read_back()
    self.assertEqual(len(tokens), 159)
    self.assertIn("159 tokens, the model 160 rows: the last 1", notes)

  def check_refused(self, message):
    with self.assertRaisesRegex(utils.UserError, message):
      self.to_tf(discriminator=self.hf_dir)
    self.assertFalse(os.path.exists(self.path("back")))

  def test_tokens_without_a_row_are_an_error(self):
    message = ("has 161 tokens, but the model has embeddings of 160.*"
               r"resize_token_embeddings\(161\)")
    self.add("x", "y", "z")
    self.check_refused(message)
    self.to_hf()  # writes the tokenizer again
    with open(os.path.join(self.hf_dir, "vocab.txt"), "a") as f:
      f.write("x\ny\nz\n")
    self.check_refused(message)

  def test_other_ids_are_an_error(self):
    for added, message in (
        ({"x": 3}, "'x' has id 3, but in the vocabulary that is '.SEP.'"),
        ({"t0": 158}, "'t0' has id 158, but in the vocabulary it has id 5"),
        ({"x": 159}, "expected each of the ids 0 to 158 once"),
        ({"x": "158"}, "expected an id for the added token 'x'")):
      utils.write_json(added, os.path.join(self.hf_dir, "added_tokens.json"))
      self.check_refused(message)


class OddWeightsTest(ConversionTest):
  """Weights of other types, or that a trainer wrapped."""

  def setUp(self):
    super().setUp()
    variables = hf_models.load("pretrain/pretrain_electra.npz")["var"]
    # Exact in the shortest type: the upper 16 bits of a float32.
    self.variables = {
        name: (value.view(np.uint32) & 0xffff0000).view(np.float32)
        for name, value in variables.items() if not name.startswith("gener")}
    hf_models.write_model(self.model_dir, self.variables)
    self.to_hf()
    self.file = os.path.join(self.path("discriminator"), "model.safetensors")

  def check_note(self, message):
    report = self.to_tf(discriminator=self.path("discriminator"))
    self.assertRegex(" ".join(report.notes), message)

  def test_half_precision_is_cast_and_noted(self):
    weights = self.weights("discriminator")
    safetensors.numpy.save_file({
        name: value.astype(np.float16) for name, value in weights.items()},
                                self.file)
    self.check_note("model.safetensors: 43 weights are cast from float16 to")
    back = hf_models.read_checkpoint(self.path("back"))
    name = "electra/embeddings/word_embeddings"
    self.assertEqual(back[name].dtype, np.float32)
    np.testing.assert_array_equal(
        back[name], self.variables[name].astype(np.float16))

  def test_bfloat16_is_cast_and_noted(self):
    with open(self.file, "rb") as f:
      length, = struct.unpack("<Q", f.read(8))
      header = json.loads(f.read(length).decode("utf-8"))
      values = np.frombuffer(f.read(), np.uint32)
    for entry in header.values():
      if "data_offsets" in entry:
        entry["dtype"] = "BF16"
        entry["data_offsets"] = [end // 2 for end in entry["data_offsets"]]
    header = json.dumps(header).encode("utf-8")
    with open(self.file, "wb") as f:
      f.write(struct.pack("<Q", len(header)) + header +
              (values >> 16).astype("<u2").tobytes())
    self.check_note("43 weights are cast from bfloat16 to float32")
    self.check_same_bits(self.variables)

  def test_half_precision_checkpoint_is_cast_and_noted(self):
    importer.write_checkpoint(
        os.path.join(self.model_dir, "model.ckpt-200"), {
            name: value.astype(np.float16)
            for name, value in self.variables.items()})
    report = self.to_hf()
    self.assertEqual(report.notes,
                     ["43 variables are cast from float16 to float32"])
    self.assertEqual({value.dtype for value in self.weights(
        "discriminator").values()}, {np.dtype(np.float32)})

  def test_prefix_of_a_trainer_is_removed(self):
    for prefix in ("module.", "model.module.", "my_encoder."):
      with self.subTest(prefix):
        self.to_hf()
        safetensors.numpy.save_file({
            prefix + name: value
            for name, value in self.weights("discriminator").items()},
                                    self.file)
        self.check_note("begin with '%s', which is removed" % prefix)
        self.check_same_bits(self.variables)

  def test_bare_encoder_in_a_wrapper(self):
    weights = {"model." + name[len("electra."):]: value
               for name, value in self.weights("discriminator").items()
               if name.startswith("electra.")}
    safetensors.numpy.save_file(weights, self.file)
    self.check_note("begin with 'model.'.*no discriminator_predictions head")


class WriteCheckpointTest(ConversionTest):

  def test_becomes_the_newest_of_its_folder(self):
    for step in (5, 0):
      importer.write_checkpoint(
          self.path("m/model.ckpt-%d" % step), {"a": np.full([2], step)})
    prefix = checkpoint.latest(self.path("m"))
    self.assertEqual(prefix, self.path("m/model.ckpt-0"))
    self.assertEqual(checkpoint.shapes_of(prefix), {"a": [2]})


def wide_variables():
  """Returns the variables of a discriminator with a hidden size of 128."""
  pairs = (variable_names.embedding_pairs("electra") +
           variable_names.encoder_pairs("electra", 1, False) +
           variable_names.discriminator_head_pairs())
  variables = {}
  for pair in pairs:
    rows = 10 if pair.tf_name.endswith("_embeddings") else 128
    shape = [128] if not (pair.is_kernel or rows == 10) else [rows, 128]
    variables[pair.tf_name] = np.ones(shape, np.float32)
  return variables


if __name__ == "__main__":
  unittest.main()
