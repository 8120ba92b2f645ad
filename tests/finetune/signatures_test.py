"""Tests for finetune.signatures: a SavedModel gives the reference's outputs.

Golden numbers (tests/golden/README.md): the heads of google-research/electra
on a one-layer encoder with random weights, float32, beam_size 4.
"""

import os
import tempfile

import numpy as np
import tensorflow.compat.v1 as tf

import export_model
from tests import serving_models
from tests.model import hf_models
from util import utils

JOINT = {"start_logits", "start_top_log_probs", "start_top_index",
         "end_top_log_probs", "end_top_index"}
INDEPENDENT = {"start_logits", "end_logits"}
CLASSES = {"logits", "predictions"}
# golden file: (task, hparams of its training, outputs)
GOLDEN = {
    "qa_joint": ("squadv1", dict(answerable_classifier=False), JOINT),
    "qa_independent": ("squadv1", dict(
        joint_prediction=False, answerable_classifier=False), INDEPENDENT),
    "qa_v2": ("squad", {}, JOINT | {"answerable_logit"}),
    "qa_v2_simple": ("squad", dict(
        joint_prediction=False, answerable_uses_start_logits=False),
                     INDEPENDENT | {"answerable_logit"}),
    "classification": ("mnli", {}, CLASSES),
    "regression": ("sts", {}, {"predictions"}),
}


class ServingTest(tf.test.TestCase):

  def setUp(self):
    super().setUp()
    folder = tempfile.TemporaryDirectory()
    self.addCleanup(folder.cleanup)
    self.data_dir = folder.name
    self.model_dir = os.path.join(
        self.data_dir, "models", "x", "finetuning_models", "y_model_1")
    self.saved = os.path.join(self.data_dir, "saved")

  def export(self, hparams=None, **options):
    config = export_model.make_config(self.model_dir, None, hparams or {})
    export_model.run(config, self.model_dir, self.saved, **options)

  def about(self):
    """Returns the signatures that signatures.json describes."""
    return utils.load_json(os.path.join(
        self.saved, "assets.extra", "signatures.json"))["signatures"]

  def run_signature(self, name, features):
    with tf.Graph().as_default(), tf.Session() as session:
      return serving_models.load_signatures(self.saved, session)[name](features)

  def test_heads_give_the_outputs_of_the_reference(self):
    for kind, (task, hparams, names) in sorted(GOLDEN.items()):
      with self.subTest(kind):
        golden = hf_models.load("finetune/head_%s_predict.npz" % kind)
        serving_models.write_finetuned(
            self.model_dir, golden["var"], [task], max_seq_length=24,
            max_query_length=10, **hparams)
        self.export({"beam_size": 4}, names=["predict"])
        outputs = self.run_signature("predict_" + task, golden["in"])
        if kind == "classification":
          self.assertAllClose(
              outputs.pop("probabilities").sum(-1), np.ones([4]))
        if kind == "regression":  # of similarity, from 0 to 5
          golden["out"]["predictions"] *= 5.0
        self.assertEqual(set(outputs), names)
        for name in names:
          self.assertAllClose(outputs[name], golden["out"][name], rtol=1e-5,
                              atol=1e-5, msg=name)

  def test_shorter_sequences_than_in_training(self):
    golden = hf_models.load("finetune/head_qa_joint_predict.npz")
    serving_models.write_finetuned(
        self.model_dir, golden["var"], ["squadv1"], max_seq_length=24,
        max_query_length=10, answerable_classifier=False)
    self.export()
    short = {name: golden["in"][name][:1, :3] for name in (
        "input_ids", "input_mask", "segment_ids")}
    outputs = self.run_signature("serving_default", short)
    self.assertAllEqual(outputs["start_logits"].shape, [1, 3])
    # beam_size is 20, but there are only 3 start positions.
    self.assertAllEqual(outputs["end_top_index"].shape, [1, 3, 3])
    self.assertAllEqual(
        self.run_signature("encode", short)["cls"].shape, [1, 16])

  def test_labels_of_a_text_that_may_have_several(self):
    variables = hf_models.load(
        "finetune/head_classification_predict.npz")["var"]
    variables.update({
        "task_specific/mine/dense/" + name:
        variables.pop("task_specific/mnli/dense/" + name)
        for name in ("kernel", "bias")})
    serving_models.write_finetuned(
        self.model_dir, variables, ["mine"], max_seq_length=24)
    folder = os.path.join(self.data_dir, "finetuning_data", "mine")
    utils.write_json({"kind": "classification", "text_a": "text",
                      "label": "labels"}, os.path.join(folder, "task.json"))
    with utils.write_atomically(os.path.join(folder, "train.jsonl")) as f:
      f.write('{"text": "a", "labels": ["x", "y", "z"]}\n')
    self.export(names=["predict"])
    outputs = self.run_signature("predict_mine",
                                 serving_models.make_features(2, 9))
    self.assertEqual(set(outputs), {"logits", "probabilities", "predictions"})
    self.assertAllClose(outputs["probabilities"],
                        1.0 / (1.0 + np.exp(-outputs["logits"])))
    self.assertAllEqual(outputs["predictions"], outputs["logits"] >= 0.0)

  def test_tags_of_every_position_and_two_tasks_on_one_encoder(self):
    variables = hf_models.load(
        "finetune/head_classification_predict.npz")["var"]
    rng = np.random.RandomState(0)
    kernel, bias = rng.normal(size=[16, 3]), rng.normal(size=[3])
    variables.update({
        "task_specific/pos/dense/kernel": kernel.astype(np.float32),
        "task_specific/pos/dense/bias": bias.astype(np.float32)})
    serving_models.write_finetuned(
        self.model_dir, variables, ["mnli", "pos"], max_seq_length=24)
    with utils.write_atomically(os.path.join(
        self.data_dir, "finetuning_data", "pos", "train.txt")) as f:
      f.write("a NOUN\nb VERB\n\nc ADJ\n")
    self.export()
    features = serving_models.make_features(2, 9)
    encoded = self.run_signature("encode", features)["last_hidden_state"]
    tags = self.run_signature("predict_pos", features)
    logits = np.dot(encoded, kernel) + bias
    self.assertEqual(set(tags), {"logits", "probabilities", "predictions"})
    self.assertAllClose(tags["logits"], logits, rtol=1e-5, atol=1e-5)
    self.assertAllEqual(tags["predictions"], logits.argmax(-1))
    self.assertEqual(
        set(self.run_signature("predict_mnli", features)),
        {"logits", "probabilities", "predictions"})
    about = self.about()
    self.assertEqual(about["predict_pos"]["labels"], ["ADJ", "NOUN", "VERB"])
    self.assertIn("1 for every token", about["predict_pos"]["segment_ids"])
    self.assertEqual(about["predict_mnli"]["labels"],
                     ["contradiction", "entailment", "neutral"])

    self.export({"task_names": ["mnli"]}, names=["predict_mnli"])
    self.assertEqual(list(self.about()), ["predict_mnli"])

  def test_untrained_task_is_an_error(self):
    golden = hf_models.load("finetune/head_qa_joint_predict.npz")
    serving_models.write_finetuned(
        self.model_dir, golden["var"], ["squadv1"], max_seq_length=24,
        max_query_length=10)
    with self.assertRaisesRegex(
        utils.UserError, r"not trained on task 'mnli'. .* heads of squadv1"):
      self.export({"task_names": ["mnli"]})


if __name__ == "__main__":
  from util import estimators
  estimators.setup_tensorflow()
  tf.test.main()
