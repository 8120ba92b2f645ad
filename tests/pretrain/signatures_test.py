"""Tests for pretrain.signatures: same outputs as the model in training."""

import os
import tempfile

import numpy as np
import tensorflow.compat.v1 as tf

import configure_pretraining
import export_model
from model import checkpoint
from pretrain import pretraining_model
from tests import serving_models
from tests.model import hf_models

OVERRIDES = dict(
    hidden_size=32, num_hidden_layers=2, num_attention_heads=2,
    intermediate_size=64, max_position_embeddings=64)
# The checkpoint does not record it.
ELECTRIC = {"electra_objective": False, "electric_objective": True}
OBJECTIVES = {  # golden file: hparams of its training
    "electra": {},
    "electric": ELECTRIC,
    "mlm": {"electra_objective": False},
    "tied": {"untied_generator": False},
    "untied_embeddings": {"untied_generator_embeddings": True},
}


class ServingTest(tf.test.TestCase):

  def setUp(self):
    super().setUp()
    folder = tempfile.TemporaryDirectory()
    self.addCleanup(folder.cleanup)
    self.folder = folder.name
    self.num_saved = 0

  def export(self, objective, hparams=None, **options):
    """Writes a model folder and its SavedModel; returns the path of both."""
    model_dir = os.path.join(self.folder, objective)
    if not os.path.exists(model_dir):
      serving_models.write_pretrained(
          model_dir, "pretrain/pretrain_%s.npz" % objective)
    self.num_saved += 1
    saved = os.path.join(self.folder, "saved", str(self.num_saved))
    config = export_model.make_config(model_dir, None, hparams or {})
    export_model.run(config, model_dir, saved, **options)
    return model_dir, saved

  def in_training(self, model_dir, objective, features, positions):
    """Returns the masked LM's and the discriminator's logits of the objective.

    The original tokens at `positions` are [MASK], so masking changes nothing.
    """
    config = configure_pretraining.PretrainingConfig(
        "x", model_dir, embedding_size=16, generator_hidden_size=0.25,
        max_seq_length=24, vocab_size=160, model_hparam_overrides=OVERRIDES,
        vocab_file=os.path.join(model_dir, "vocab.txt"),
        **OBJECTIVES[objective])
    with tf.Graph().as_default(), tf.Session() as session:
      features = {name: tf.constant(array) for name, array in features.items()}
      positions = tf.constant(positions)
      ids = tf.fill(tf.shape(positions), serving_models.MASK_ID)
      model = pretraining_model.PretrainingModel(
          config, dict(
              features, masked_lm_positions=positions,
              masked_lm_ids=ids, masked_lm_weights=tf.ones(positions.shape)),
          is_training=False)
      outputs = [model.mlm_output.logits]
      if model.disc_output is not None:
        outputs.append(model.disc_output.logits)
      tf.train.Saver(tf.global_variables()).restore(
          session, checkpoint.latest(model_dir))
      return session.run(outputs)

  def test_every_objective_gives_the_outputs_of_training(self):
    features = serving_models.make_features(3, 11)
    num_masked = 2  # positions 2 and 7 of 11
    positions = np.tile(np.array([[2, 7]], np.int32), [3, 1])
    for objective in sorted(OBJECTIVES):
      with self.subTest(objective):
        hparams = ELECTRIC if objective == "electric" else {}
        model_dir, saved = self.export(objective, hparams, top_k=4)
        with tf.Graph().as_default(), tf.Session() as session:
          signatures = serving_models.load_signatures(saved, session)
          filled = signatures["fill_mask"](features)
          if objective != "mlm":
            told = signatures["discriminate"](features)
        mlm_logits = self.in_training(
            model_dir, objective, features, positions)[0]
        self.assertAllEqual(filled["token_ids"].shape, [3, 11, 4])
        expected = _softmax(mlm_logits)
        order = np.argsort(-expected, axis=-1)[..., :4]
        self.assertAllEqual(filled["token_ids"][:, [2, 7]], order)
        self.assertAllClose(
            filled["probabilities"][:, [2, 7]],
            np.take_along_axis(expected, order, -1), rtol=1e-5, atol=1e-6)
        self.assertEqual(
            np.count_nonzero(filled["probabilities"]), 3 * num_masked * 4)
        if objective == "mlm":
          self.assertNotIn("discriminate", signatures)
          continue
        # Position 0 is never written to: the discriminator sees the features.
        expected = self.in_training(
            model_dir, objective, features, np.zeros_like(positions))[1]
        self.assertAllClose(told["logits"], expected, rtol=1e-5, atol=1e-6)
        self.assertAllClose(told["probabilities"], 1 / (1 + np.exp(-expected)),
                            rtol=1e-5, atol=1e-6)

  def test_any_batch_and_length(self):
    model_dir, saved = self.export("electra", all_layers=True)
    with tf.Graph().as_default(), tf.Session() as session:
      signatures = serving_models.load_signatures(saved, session)
      for shape in ((1, 1), (2, 64), (5, 7)):
        features = serving_models.make_features(*shape)
        encoded = signatures["encode"](features)
        expected = hf_models.run_encoder(model_dir, features)
        self.assertAllClose(encoded["last_hidden_state"], expected, rtol=1e-5,
                            atol=1e-6)
        self.assertAllEqual(encoded["cls"],
                            encoded["last_hidden_state"][:, 0])
        self.assertAllEqual(encoded["all_hidden_states"].shape,
                            [shape[0], 3, shape[1], 32])
        self.assertAllEqual(encoded["all_hidden_states"][:, -1],
                            encoded["last_hidden_state"])
        for name in ("discriminate", "fill_mask"):
          self.assertAllEqual(
              signatures[name](features)["probabilities"].shape[:2], shape)
      with self.assertRaisesRegex(tf.errors.InvalidArgumentError,
                                  "at most 64 tokens"):
        signatures["encode"](serving_models.make_features(1, 65))

  def test_fill_mask_for_every_position(self):
    features = serving_models.make_features(2, 9)
    _, saved = self.export("electra", top_k=160, everywhere=True)
    _, only_masked = self.export("electra", top_k=160)
    outputs = []
    for folder in (saved, only_masked):
      with tf.Graph().as_default(), tf.Session() as session:
        outputs.append(serving_models.load_signatures(
            folder, session)["fill_mask"](features))
    # All 160 tokens: their probabilities add up to 1.
    self.assertAllClose(outputs[0]["probabilities"].sum(-1), np.ones([2, 9]))
    self.assertAllClose(outputs[0]["probabilities"][:, 2],
                        outputs[1]["probabilities"][:, 2])

  def test_unsupported_signatures_are_skipped_or_errors(self):
    message = "cannot export 'fill_mask' from .*: .* has no generator"
    with self.assertRaisesRegex(ValueError, message):
      self.export("uniform", names=["fill_mask"])
    _, saved = self.export("uniform")
    with tf.Graph().as_default(), tf.Session() as session:
      self.assertCountEqual(
          serving_models.load_signatures(saved, session),
          ["discriminate", "encode", "serving_default"])
    with self.assertRaisesRegex(
        ValueError, "cannot export 'discriminate' .*no discriminator head"):
      self.export("mlm", names=["discriminate"])
    with self.assertRaisesRegex(ValueError, "does not record its objective"):
      self.export("electric", names=["discriminate"])
    with self.assertRaisesRegex(ValueError, "electric_objective requires"):
      self.export("electra", ELECTRIC, names=["discriminate"])

  def test_top_k_is_at_most_the_vocabulary_size(self):
    with self.assertRaisesRegex(
        ValueError, r"--top-k: expected at most vocab_size \(160\), got 161"):
      self.export("electra", top_k=161)


def _softmax(logits):
  exponentials = np.exp(logits - logits.max(-1, keepdims=True))
  return exponentials / exponentials.sum(-1, keepdims=True)


if __name__ == "__main__":
  from util import estimators
  estimators.setup_tensorflow()
  tf.test.main()
