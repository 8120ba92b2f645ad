"""Everything that a TPU would run is compiled with XLA, on the CPU.

A TPU runs only ops that XLA can compile, of static shapes. No TPU is needed to
find one that it cannot: the training step, the evaluation and the predictions
are built as for a TPU and compiled by `tf.xla.experimental.compile`, as the
TPUEstimator does. The compiled step computes the losses of the other one.

On TensorFlow 1.15, which no TPU supports today and whose XLA takes three times
as long, only one step and the predictions are compiled.
"""

import os
import tempfile
from unittest import mock

import numpy as np
import pytest
import tensorflow.compat.v1 as tf
from tensorflow.python.tpu.ops import tpu_ops

from finetune import estimator
from finetune import finetuning_model
from finetune import preprocessing
from finetune import task_builder
from pretrain import pretrain_data
from pretrain import trainer
from tests.finetune import words_task
from tests.pretrain import tiny_pretraining

NO_DROPOUT = dict(
    tiny_pretraining.HPARAMS["model_hparam_overrides"],
    hidden_dropout_prob=0.0, attention_probs_dropout_prob=0.0)
# Without chance: XLA draws other random numbers for the same seed.
DETERMINISTIC = {"use_tpu": True, "temperature": 1e-30, "num_warmup_steps": 0,
                 "model_hparam_overrides": NO_DROPOUT}
TRAIN, EVAL = tf.estimator.ModeKeys.TRAIN, tf.estimator.ModeKeys.EVAL

on_tensorflow_2 = pytest.mark.skipif(
    tf.__version__.startswith("1."), reason="takes minutes on TensorFlow 1.15")


def pretraining_features():
  """Returns {name: array} of four masked examples of 12 tokens."""
  ids = np.random.RandomState(0).randint(5, 40, [4, 12])
  ids[:, 0], ids[:, -1] = 2, 3
  positions = np.tile([2, 5], [4, 1])
  originals = np.take_along_axis(ids, positions, axis=1)
  np.put_along_axis(ids, positions, 4, axis=1)  # [MASK]
  arrays = {
      "input_ids": ids, "input_mask": np.ones_like(ids),
      "segment_ids": np.zeros_like(ids), "masked_lm_positions": positions,
      "masked_lm_ids": originals}
  return dict({name: array.astype(np.int32) for name, array in arrays.items()},
              masked_lm_weights=np.ones([4, 2], np.float32))


def run_twice(build_fn, features, is_compiled):
  """Returns the values of two steps, with weights that depend on names.

  Args:
    build_fn: function of {name: Tensor} that returns a list of Tensors.
    features: {name: array}.
    is_compiled: bool, whether XLA compiles it.
  """
  names = sorted(features)
  with tf.Graph().as_default(), tf.Session() as session, mock.patch.object(
      tpu_ops, "cross_replica_sum", lambda x, *args, **kwargs: tf.identity(x)):
    tf.train.get_or_create_global_step()
    inputs = [tf.constant(features[name]) for name in names]

    def build(*tensors):
      return build_fn(dict(zip(names, tensors)))

    with tf.variable_scope("", use_resource=True):
      outputs = (tf.xla.experimental.compile(build, inputs) if is_compiled
                 else build(*inputs))
    session.run(tf.global_variables_initializer())
    tiny_pretraining.load_weights(session)
    return [session.run(outputs) for _ in range(2)]


class PretrainingTest(tf.test.TestCase):

  def setUp(self):
    super().setUp()
    folder = tempfile.TemporaryDirectory()
    self.addCleanup(folder.cleanup)
    self.folder = folder.name
    tiny_pretraining.write_vocab(self.folder)

  def _train(self, is_masked, is_compiled, **hparams):
    """Returns the loss of two training steps."""
    config = tiny_pretraining.make_config(
        self.folder, max_predictions_per_seq=2, **dict(DETERMINISTIC,
                                                       **hparams))
    features = pretraining_features()
    if not is_masked:
      features = {name: features[name] for name in (
          "input_ids", "input_mask", "segment_ids")}

    def build(tensors):
      spec = trainer.make_model_fn(config)(tensors, None, TRAIN, {})
      with tf.control_dependencies([spec.train_op]):
        return [tf.identity(spec.loss)]

    return np.ravel(run_twice(build, features, is_compiled))

  def _check_equal(self, **hparams):
    plain, compiled = (
        self._train(True, is_compiled, **hparams)
        for is_compiled in (False, True))
    self.assertNotAllClose(plain[0], plain[1], rtol=1e-4)  # it learns
    self.assertAllClose(plain, compiled, rtol=1e-4)

  def test_masked_lm(self):
    self._check_equal(electra_objective=False)

  @on_tensorflow_2
  def test_electra(self):
    self._check_equal()

  @on_tensorflow_2
  def test_accumulation_of_a_masked_lm(self):
    self._check_equal(electra_objective=False, gradient_accumulation_steps=2)

  @on_tensorflow_2
  def test_masking_and_sampling_of_a_batch(self):
    # Electric and its two towers; a shared encoder has the fewest ops.
    for hparams in ({"electra_objective": False, "electric_objective": True},
                    {"uniform_generator": True, "disallow_correct": True},
                    {"untied_generator": False, "generator_hidden_size": 1.0,
                     "reference_masking": True}):
      with self.subTest(**hparams):
        losses = self._train(False, True, **hparams)
        self.assertTrue(np.isfinite(losses).all())

  @on_tensorflow_2
  def test_evaluation(self):
    config = tiny_pretraining.make_config(self.folder, **DETERMINISTIC)
    features = dict(pretraining_features(), **{
        pretrain_data.BATCH_NUMBER: np.zeros([4], np.int32)})

    def build(tensors):
      spec = trainer.make_model_fn(config)(dict(tensors), None, EVAL, {})
      _, metric_tensors = spec.eval_metrics
      return [metric_tensors[name] for name in sorted(metric_tensors)]

    plain, compiled = (run_twice(build, features, is_compiled)[0]
                       for is_compiled in (False, True))
    for a, b in zip(plain, compiled):
      self.assertAllClose(a, b, atol=1e-4)


class WithTasks(tf.test.TestCase):
  """One model with heads of all kinds, and a batch for it."""

  TASKS = ["squad", "squadv1", "cola", "sts", "pos"]
  USE_TPU = True

  def setUp(self):
    super().setUp()
    folder = tempfile.TemporaryDirectory()
    self.addCleanup(folder.cleanup)
    words_task.write_data(folder.name)
    for split in ("train", "dev"):
      words_task.write_lines(os.path.join(
          folder.name, "finetuning_data", "pos", split + ".txt"),
                             ["a NOUN", "good ADJ", ""])
    self.config = words_task.tiny_config(
        folder.name, task_names=self.TASKS, use_tpu=self.USE_TPU, doc_stride=4,
        max_query_length=4, model_hparam_overrides=dict(
            words_task.TINY_MODEL, hidden_dropout_prob=0.0,
            attention_probs_dropout_prob=0.0))
    self.tasks = task_builder.get_tasks(self.config)

  def _features(self):
    """Returns {name: array}: an example for each task, in this order."""
    with tf.Graph().as_default():
      empty = preprocessing.empty_features(self.config, self.tasks)
      features = {name: np.zeros(
          [len(self.TASKS)] + tensor.shape.as_list()[1:],
          tensor.dtype.as_numpy_dtype) for name, tensor in empty.items()}
    features["input_ids"] += np.arange(5, 13, dtype=np.int32)[
        :features["input_ids"].shape[1]]
    features["input_mask"] += 1
    features["segment_ids"][:, 4:] = 1
    features["task_id"] = np.arange(len(self.TASKS), dtype=np.int32)
    return features


class FinetuningTest(WithTasks):

  @on_tensorflow_2
  def test_training(self):
    model_fn = estimator._model_fn_builder(
        self.config, self.tasks, "", None, 10)

    def build(tensors):
      spec = model_fn(tensors, None, TRAIN, {})
      with tf.control_dependencies([spec.train_op]):
        return [tf.identity(spec.loss)]

    losses = run_twice(build, self._features(), is_compiled=True)
    self.assertTrue(np.isfinite(losses).all())

  def test_predictions(self):
    def build(tensors):
      predictions = finetuning_model.FinetuningModel(
          self.config, self.tasks, tensors, is_training=False).predictions()
      return [predictions[name] for name in sorted(predictions)]

    plain, compiled = (
        run_twice(build, self._features(), is_compiled)[0]
        for is_compiled in (False, True))
    for one, other in zip(plain, compiled):
      self.assertAllClose(one, other, atol=1e-4)


if __name__ == "__main__":
  tf.test.main()
