"""Tests for util.mixed_precision."""

import os
import types
import unittest.mock

import tensorflow.compat.v1 as tf

from util import mixed_precision
from util import utils


class MixedPrecisionTest(tf.test.TestCase):

  def setUp(self):
    super().setUp()
    self.config = types.SimpleNamespace(use_tpu=False)

  def _cpuinfo(self, flags):
    path = os.path.join(self.get_temp_dir(), "cpuinfo")
    with open(path, "w") as f:
      f.write("processor\t: 0\nflags\t\t: fpu %s sse\nbugs\t\t:\n" % flags)
    return path

  def test_bfloat16_is_a_flag_of_the_cpu(self):
    self.assertTrue(mixed_precision.has_bfloat16(self._cpuinfo("avx512_bf16")))
    self.assertTrue(mixed_precision.has_bfloat16(self._cpuinfo("amx_bf16")))
    self.assertFalse(mixed_precision.has_bfloat16(self._cpuinfo("avx512f")))
    self.assertFalse(mixed_precision.has_bfloat16("/no/such/file"))

  def _check_refused(self, found, **environment):
    if tf.__version__ < "2":
      found = "TensorFlow 1.15.5 without a GPU"
    with unittest.mock.patch.object(
        mixed_precision, "has_bfloat16", lambda: False):
      with unittest.mock.patch.dict(os.environ, environment):
        with self.assertRaisesRegex(
            utils.UserError, "use_amp: requires .*, found %s.* false" % found):
          mixed_precision.check_bfloat16(self.config)

  def test_a_cpu_without_it_is_refused(self):
    self._check_refused("a CPU without them", TF_ENABLE_ONEDNN_OPTS="1")

  def test_onednn_turned_off_is_refused(self):
    self._check_refused("oneDNN turned off", TF_ENABLE_ONEDNN_OPTS="0")

  def test_a_tpu_does_not_need_it(self):
    self.config.use_tpu = True
    with self.assertRaisesRegex(utils.UserError, "found a TPU"):
      mixed_precision.check_bfloat16(self.config)


class GpuTest(tf.test.TestCase):

  def _configure(self, *descriptions, use_tpu=False):
    """Returns the rewrites of a run on such GPUs."""
    session_config = tf.ConfigProto()
    with unittest.mock.patch.object(
        tf.config.experimental, "list_physical_devices",
        lambda kind: list(descriptions)), unittest.mock.patch.object(
            mixed_precision, "_gpu_descriptions",
            lambda config: descriptions), unittest.mock.patch.dict(os.environ):
      mixed_precision.configure(
          types.SimpleNamespace(use_amp=True, use_tpu=use_tpu), session_config)
      self.environment = dict(os.environ)
    return session_config.graph_options.rewrite_options

  def test_gpus_compute_in_float16(self):
    rewrites = self._configure(
        "device: 0, name: NVIDIA A100, compute capability: 8.0")
    self.assertEqual(rewrites.auto_mixed_precision, rewrites.ON)

  def test_gpus_that_compute_in_float32_anyway_are_refused(self):
    with self.assertRaisesRegex(
        utils.UserError, "^use_amp: requires GPUs of compute capability 7.0 or "
        "higher, found .*P100.* Set it to false.$"):
      self._configure("device: 0, name: Tesla V100, compute capability: 7.0",
                      "device: 1, name: Tesla P100, compute capability: 6.0")

  def test_a_tpu_next_to_a_gpu_is_refused(self):
    with self.assertRaisesRegex(utils.UserError, "found a TPU"):
      self._configure("compute capability: 8.0", use_tpu=True)

  def test_lists_of_the_user_are_extended(self):
    name = "TF_AUTO_MIXED_PRECISION_GRAPH_REWRITE_" + (
        "BLACKLIST_ADD" if tf.__version__ < "2" else "DENYLIST_ADD")
    with unittest.mock.patch.dict(os.environ, {name: "Tanh,Log"}):
      self._configure("compute capability: 8.0")
    self.assertEqual(self.environment[name].split(",")[:5], [
        "Tanh", "Log", "Softmax", "LogSoftmax", "Log1p"])


if __name__ == "__main__":
  tf.test.main()
