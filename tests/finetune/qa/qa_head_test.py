"""Tests for finetune.qa.qa_head.

Golden numbers (tests/golden/README.md): the heads of google-research/electra
on a one-layer encoder with random weights, float32, beam_size 4.
"""

import collections
import os

import numpy as np
import tensorflow.compat.v1 as tf

from finetune.qa import qa_head
from model import modeling

GOLDEN = os.path.join(os.path.dirname(__file__), "..", "..", "golden",
                      "finetune")
Config = collections.namedtuple("Config", [
    "joint_prediction", "beam_size", "answerable_classifier",
    "answerable_uses_start_logits", "answerable_weight"])
# kind of golden file: (task, config)
KINDS = {
    "joint": ("squadv1", Config(True, 4, False, True, 0.5)),
    "independent": ("squadv1", Config(False, 4, False, True, 0.5)),
    "v2": ("squad", Config(True, 4, True, True, 0.5)),
    "v2_simple": ("squad", Config(False, 4, True, False, 0.5)),
}
LABELS = ("start_positions", "end_positions", "is_impossible")


def encoder_config(variables):
  """Returns the BertConfig of the golden encoder."""
  vocab_size, hidden_size = variables[
      "electra/embeddings/word_embeddings"].shape
  return modeling.BertConfig(
      vocab_size=vocab_size, hidden_size=hidden_size, num_hidden_layers=1,
      num_attention_heads=2, intermediate_size=2 * hidden_size,
      hidden_dropout_prob=0.0, attention_probs_dropout_prob=0.0,
      max_position_embeddings=32)


def load(name):
  """Returns {"var"|"in"|"out": {name: array}} of a golden file."""
  groups = collections.defaultdict(dict)
  with np.load(os.path.join(GOLDEN, name)) as arrays:
    for key in arrays.files:
      group, name = key.split("/", 1)
      groups[group][name] = arrays[key]
  return groups


class QAHeadTest(tf.test.TestCase):

  def run_head(self, golden, task, config, is_training, length=None):
    """Returns (losses, outputs) as arrays; `length` is None: unknown."""
    features = golden["in"]
    with tf.Graph().as_default(), tf.Session() as session:
      inputs = {name: tf.placeholder(tf.int32, [None, length][:array.ndim])
                for name, array in features.items()}
      bert_model = modeling.BertModel(
          encoder_config(golden["var"]), is_training, inputs["input_ids"],
          input_mask=inputs["input_mask"],
          token_type_ids=inputs["segment_ids"])
      mask = qa_head.answer_mask(inputs["input_mask"], inputs["segment_ids"])
      labels = {name: inputs["%s_%s" % (task, name)] for name in LABELS}
      with tf.variable_scope("task_specific/" + task):
        built = qa_head.build(bert_model.get_sequence_output(), mask, labels,
                              is_training, config)
      variables = tf.trainable_variables()
      self.assertEqual(
          {v.op.name: v.shape.as_list() for v in variables
           if v.op.name.startswith("task_specific")},
          {name: list(array.shape) for name, array in golden["var"].items()
           if name.startswith("task_specific")})
      values = [golden["var"].get(v.op.name) for v in variables]
      session.run([v.initializer for v in variables], {
          v.initializer.inputs[1]: value for v, value in zip(variables, values)
          if value is not None})
      return session.run(
          built, {inputs[name]: features[name] for name in features})

  def check_agrees_with_the_reference(self, kind):
    task, config = KINDS[kind]
    for mode in ("train", "predict"):
      with self.subTest(mode=mode):
        golden = load("head_qa_%s_%s.npz" % (kind, mode))
        losses, outputs = self.run_head(
            golden, task, config, is_training=mode == "train")
        self.assertAllClose(losses, golden["out"]["losses"], rtol=1e-5)
        for name, value in outputs.items():
          self.assertEqual(value.dtype, golden["out"][name].dtype, name)
          self.assertAllClose(value, golden["out"][name], rtol=1e-5,
                              atol=1e-4, msg=name)

  def test_joint_head_agrees_with_the_reference(self):
    self.check_agrees_with_the_reference("joint")

  def test_independent_head_agrees_with_the_reference(self):
    self.check_agrees_with_the_reference("independent")

  def test_squad_v2_head_agrees_with_the_reference(self):
    self.check_agrees_with_the_reference("v2")

  def test_simple_squad_v2_head_agrees_with_the_reference(self):
    self.check_agrees_with_the_reference("v2_simple")

  def test_sequence_length_may_be_unknown_and_shorter_than_the_beam(self):
    golden = load("head_qa_joint_predict.npz")
    task, config = KINDS["joint"]
    _, expected = self.run_head(golden, task, config._replace(beam_size=24),
                                False)
    self.assertEqual(expected["end_top_index"].shape, (4, 24, 24))
    _, outputs = self.run_head(golden, task, config._replace(beam_size=99),
                               False)
    self.assertAllEqual(outputs["start_top_index"], expected["start_top_index"])

  def test_positions_outside_the_document_are_masked_but_cls(self):
    with tf.Graph().as_default(), tf.Session():
      mask = qa_head.answer_mask(tf.constant([[1, 1, 1, 1, 0]]),
                                 tf.constant([[0, 0, 1, 1, 1]]))
      self.assertAllEqual(mask.eval(), [[1, 0, 1, 1, 0]])

  def test_answerable_classifier_adds_its_two_layers(self):
    # golden "joint" has neither; run_head compares the names of variables
    golden = load("head_qa_joint_train.npz")
    task, config = KINDS["joint"]
    with self.assertRaisesRegex(AssertionError, "dense_3"):
      self.run_head(golden, task, config._replace(answerable_classifier=True),
                    True)


if __name__ == "__main__":
  tf.test.main()
