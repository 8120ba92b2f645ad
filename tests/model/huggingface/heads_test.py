"""Tests for model.huggingface.heads."""

import math
import unittest

import numpy as np

from model.huggingface import heads
from util import utils

ONE_LAYER = {"dense/kernel": [8, 3], "dense/bias": [3]}
QA = {"dense/kernel": [8, 1], "dense/bias": [1],
      "dense_1/kernel": [8, 1], "dense_1/bias": [1]}


def random_head(shapes):
  rng = np.random.RandomState(1)
  return {name: rng.randn(*shape).astype(np.float32)
          for name, shape in sorted(shapes.items())}


def gelu(x):
  return np.vectorize(lambda z: z * 0.5 * (1 + math.erf(z / math.sqrt(2))))(x)


class FindKindTest(unittest.TestCase):

  def find(self, shapes, kind=None):
    return heads.find_kind(shapes, kind, "The head")

  def test_start_and_end_are_question_answering(self):
    self.assertEqual(self.find(QA), heads.QA)
    self.assertEqual(self.find(QA, "qa"), heads.QA)

  def test_kind_of_one_layer_is_the_passed_one(self):
    self.assertEqual(self.find(ONE_LAYER, "tagging"), heads.TAGGING)
    self.assertEqual(self.find(ONE_LAYER, "classification"),
                     heads.CLASSIFICATION)

  def test_kind_of_one_layer_is_required(self):
    with self.assertRaisesRegex(
        utils.UserError, "--task-kind classification or --task-kind tagging"):
      self.find(ONE_LAYER)

  def test_a_wrong_kind(self):
    with self.assertRaisesRegex(utils.UserError, "tagging, not qa"):
      self.find(ONE_LAYER, "qa")
    with self.assertRaisesRegex(utils.UserError, "of kind qa, not tagging"):
      self.find(QA, "tagging")

  def test_joint_head_is_an_error(self):
    joint = dict(QA, **{"qa_hidden/kernel": [16, 512], "qa_hidden/bias": [512]})
    with self.assertRaisesRegex(
        utils.UserError, "joint_prediction.*joint_prediction false"):
      self.find(joint)

  def test_answerable_classifier_is_an_error(self):
    answerable = dict(QA, **{"dense_2/kernel": [8, 1], "dense_2/bias": [1]})
    with self.assertRaisesRegex(
        utils.UserError, "answerable_classifier.*answerable_classifier false"):
      self.find(answerable)

  def test_other_variables_are_an_error(self):
    with self.assertRaisesRegex(utils.UserError, r"found the variables crf\."):
      self.find({"crf": [3, 3]})


class HeadsTest(unittest.TestCase):

  def check_there_and_back(self, kind, head):
    weights = heads.to_hf(kind, head)
    weights["electra.embeddings.LayerNorm.bias"] = np.zeros(8, np.float32)
    found, back, names = heads.to_tf(weights, "hf")
    self.assertEqual(found, kind)
    self.assertEqual(set(names) | {"electra.embeddings.LayerNorm.bias"},
                     set(weights))
    self.assertEqual(set(back), set(head))
    for name, value in head.items():
      self.assertEqual(back[name].shape, value.shape)
      self.assertEqual(back[name].tobytes(), value.tobytes())
    return weights

  def test_tagging_is_transposed(self):
    head = random_head(ONE_LAYER)
    weights = self.check_there_and_back(heads.TAGGING, head)
    np.testing.assert_array_equal(weights["classifier.weight"],
                                  head["dense/kernel"].T)

  def test_question_answering_has_start_first(self):
    head = random_head(QA)
    weights = self.check_there_and_back(heads.QA, head)
    self.assertEqual(weights["qa_outputs.weight"].shape, (2, 8))
    np.testing.assert_array_equal(weights["qa_outputs.weight"][1],
                                  head["dense_1/kernel"][:, 0])
    self.assertEqual(weights["qa_outputs.bias"][0], head["dense/bias"][0])

  def test_classification_through_a_gelu(self):
    head = random_head(ONE_LAYER)
    weights = self.check_there_and_back(heads.CLASSIFICATION, head)
    x = np.random.RandomState(2).randn(5, 8)
    hidden = gelu(x.dot(weights["classifier.dense.weight"].T) +
                  weights["classifier.dense.bias"])
    logits = (hidden.dot(weights["classifier.out_proj.weight"].T) +
              weights["classifier.out_proj.bias"])
    np.testing.assert_allclose(
        logits, x.dot(head["dense/kernel"]) + head["dense/bias"], rtol=1e-12)

  def test_regression_has_the_range_of_the_data(self):
    head = random_head({"dense/kernel": [8, 1], "dense/bias": [1]})
    x = np.random.RandomState(2).randn(5, 8)
    trained = x.dot(head["dense/kernel"]) + head["dense/bias"]  # 0 to 1
    for value_range, expected in (
        (None, trained), ([0, 5], 5 * trained), ([-1.5, 0.3], 1.8 * trained -
                                                 1.5)):
      weights = heads.to_hf(heads.CLASSIFICATION, head, value_range)
      hidden = gelu(x.dot(weights["classifier.dense.weight"].T) +
                    weights["classifier.dense.bias"])
      np.testing.assert_allclose(
          hidden.dot(weights["classifier.out_proj.weight"].T) +
          weights["classifier.out_proj.bias"], expected, rtol=1e-6)
      _, back, _ = heads.to_tf(weights, "hf")
      for name, value in head.items():
        self.assertEqual(back[name].tobytes(), value.tobytes())

  def test_tagger_gives_the_same_results_for_every_segment(self):
    name = "electra.embeddings.token_type_embeddings.weight"
    weights, notes = {name: np.array([[1, 2], [3, 4]])}, []
    for segment, row in ((heads.TRAINED_SEGMENT, [3, 4]),
                         (heads.DEFAULT_SEGMENT, [3, 4])):
      heads.share_segment(weights, segment, notes)
      np.testing.assert_array_equal(weights[name], [row, row])
    self.assertEqual(len(notes), 1)  # the second call changed nothing
    self.assertIn("trained with segment 1", notes[0])

  def test_maximum_number_of_classes(self):
    self.check_there_and_back(heads.CLASSIFICATION, random_head(
        {"dense/kernel": [8, 4], "dense/bias": [4]}))
    with self.assertRaisesRegex(utils.UserError, "5 classes.*room for 4"):
      heads.to_hf(heads.CLASSIFICATION, random_head(
          {"dense/kernel": [8, 5], "dense/bias": [5]}))

  def test_classification_head_trained_by_hugging_face_is_an_error(self):
    weights = heads.to_hf(heads.CLASSIFICATION, random_head(ONE_LAYER))
    for name in ("dense.weight", "dense.bias", "out_proj.weight"):
      changed = {key: value.copy() for key, value in weights.items()}
      changed["classifier." + name][-1] += 1e-3
      with self.subTest(name), self.assertRaisesRegex(
          utils.UserError, "two layers with a gelu"):
        heads.to_tf(changed, "hf")

  def test_missing_head_is_an_error(self):
    with self.assertRaisesRegex(utils.UserError, "the head of a task"):
      heads.to_tf({"electra.x": np.zeros(1)}, "hf")

  def test_qa_head_with_three_outputs_is_an_error(self):
    with self.assertRaisesRegex(utils.UserError, "2 outputs.*got 3"):
      heads.to_tf({"qa_outputs.weight": np.zeros([3, 8]),
                   "qa_outputs.bias": np.zeros(3)}, "hf")


if __name__ == "__main__":
  unittest.main()
