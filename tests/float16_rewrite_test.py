"""The training steps as `use_amp` rewrites them for a GPU; no GPU is needed.

TensorFlow rewrites the graph for a GPU that is only described to it. The test
lists which ops became float16, and then runs the rewritten graph on the CPU,
which computes them in float16 too, only slower.
"""

import collections
import os
import tempfile
from unittest import mock

import numpy as np
import tensorflow.compat.v1 as tf
from tensorflow.core.protobuf import device_properties_pb2
from tensorflow.python.grappler import cluster as grappler_cluster
from tensorflow.python.grappler import tf_optimizer

from finetune import estimator
from pretrain import training_step
from tests import tpu_compile_test
from tests.pretrain import tiny_pretraining
from util import mixed_precision

# Ops that may compute in float16: products of matrices, and what only adds,
# scales, selects, moves or casts their values. Softmax, logarithms, sums,
# means, losses, norms, sampling and Adam are not among them.
ALLOWED = {
    "MatMul", "BatchMatMulV2", "BiasAdd", "Add", "AddV2", "Mul", "Erf", "Relu",
    "Select", "Cast", "Const", "Fill", "ZerosLike", "OneHot", "Reshape",
    "Transpose", "StridedSlice", "StridedSliceGrad", "Identity", "ExpandDims",
    "Squeeze", "ConcatV2", "Slice", "Tanh", "TanhGrad", "Pack", "Tile",
    "GatherV2", "Enter", "Exit", "Merge", "Switch", "NextIteration"}
PRODUCTS = ("MatMul", "BatchMatMulV2")


def device(kind, **environment):
  """Returns the NamedDevice of a processor that needs not exist."""
  named = device_properties_pb2.NamedDevice()
  named.name = "/job:localhost/replica:0/task:0/device:%s:0" % kind
  named.properties.type = kind
  for name, value in environment.items():
    named.properties.environment[name] = value
  return named


def rewrite(graph, names):
  """Returns the GraphDef of a tf.Graph as TensorFlow rewrites it for a GPU.

  Args:
    graph: tf.Graph.
    names: names of the ops to keep, with all that they depend on.
  """
  gpu = device("GPU", architecture="8.0", cuda="11000", cudnn="8000")
  meta_graph = tf.train.export_meta_graph(graph=graph)
  meta_graph.collection_def["train_op"].node_list.value.extend(names)
  for node in meta_graph.graph_def.node:
    node.device = gpu.name
  config = tf.ConfigProto()
  rewrites = config.graph_options.rewrite_options
  rewrites.auto_mixed_precision = rewrites.ON
  rewrites.meta_optimizer_iterations = rewrites.ONE
  rewrites.min_graph_nodes = -1
  rewrites.optimizers.append("auto_mixed_precision")
  with mock.patch.dict(os.environ):
    mixed_precision.set_lists()
    rewritten = tf_optimizer.OptimizeGraph(
        config, meta_graph, cluster=grappler_cluster.Cluster(
            devices=[device("CPU"), gpu], disable_detailed_stats=True))
  for node in rewritten.node:
    node.device = ""
  return rewritten


def ops_of(graph_def, dtype):
  """Returns {op: how many compute in a type} of a GraphDef."""
  return collections.Counter(
      node.op for node in graph_def.node for name in ("T", "dtype")
      if name in node.attr and node.attr[name].type == dtype)


class Float16Test(tpu_compile_test.WithTasks):
  """Some steps of training in float32, and as rewritten."""

  USE_TPU = False

  def setUp(self):
    super().setUp()
    patch = mock.patch.object(
        mixed_precision, "uses_float16", lambda config: True)
    patch.start()
    self.addCleanup(patch.stop)

  def _check(self, build_fn):
    """Checks a training step.

    Args:
      build_fn: function without arguments that builds it and returns (loss, op
        of the update).
    """
    with tf.Graph().as_default() as graph:
      with tf.variable_scope("", use_resource=True):
        tf.train.get_or_create_global_step()
        loss, update = build_fn()
      start = tf.group(tf.global_variables_initializer(), name="start")
      with tf.control_dependencies([start]):
        load = tf.group(*[
            variable.assign(np.reshape(
                0.3 * np.sin(np.arange(variable.shape.num_elements())),
                variable.shape.as_list()))
            for variable in tf.trainable_variables()])
      names = [load.name, loss.op.name, update.name]
      expected = self._losses(graph, names)
    graph_def = rewrite(graph, names)
    half = ops_of(graph_def, tf.float16.as_datatype_enum)
    self.assertEqual(set(half) - ALLOWED, set())
    full = ops_of(graph_def, tf.float32.as_datatype_enum)
    for op in PRODUCTS:
      self.assertGreater(half[op], 0)
      self.assertEqual(full[op], 0, op)
    with tf.Graph().as_default() as graph:
      tf.import_graph_def(graph_def, name="")
      losses = self._losses(graph, names)
    self.assertNotAllClose(losses[0], losses[-1], rtol=0.02)  # it learns
    self.assertNotAllEqual(losses, expected)
    self.assertAllClose(losses, expected, rtol=0.005)

  def _losses(self, graph, names):
    """Returns the losses of three steps."""
    load, loss, update = names
    config = tf.ConfigProto()
    config.graph_options.rewrite_options.disable_meta_optimizer = True
    with tf.Session(graph=graph, config=config) as session:
      session.run(load)
      return [session.run([loss + ":0", update])[0] for _ in range(3)]

  def _pretraining_step(self, **hparams):
    folder = tempfile.mkdtemp(dir=self.get_temp_dir())
    tiny_pretraining.write_vocab(folder)
    config = tiny_pretraining.make_config(
        folder, max_predictions_per_seq=2, num_warmup_steps=0,
        model_hparam_overrides=tpu_compile_test.NO_DROPOUT, temperature=1e-30,
        **hparams)
    features = tpu_compile_test.pretraining_features()
    step = training_step.build(
        config, {name: tf.constant(value) for name, value in features.items()})
    return step.losses["loss"], step.op

  def test_pretraining(self):
    self._check(self._pretraining_step)

  def test_accumulation(self):
    self._check(lambda: self._pretraining_step(gradient_accumulation_steps=2))

  def test_electric(self):
    self._check(lambda: self._pretraining_step(
        electra_objective=False, electric_objective=True))

  def test_finetuning(self):
    def build():
      spec = estimator._training_spec(
          self.config, self.tasks, {
              name: tf.constant(value)
              for name, value in self._features().items()}, "", None, 10)
      return spec.loss, spec.train_op

    self._check(build)


if __name__ == "__main__":
  tf.test.main()
