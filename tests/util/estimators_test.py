"""Tests for util.estimators."""

import errno
import os
import socket
import types
import unittest.mock

import tensorflow.compat.v1 as tf

from util import estimators
from util import folder_lock
from util import utils


class WritingTest(tf.test.TestCase):

  def _write(self, error):
    with estimators.writing_to("folder"):
      raise error

  def test_names_the_file_of_a_python_error(self):
    with self.assertRaisesRegex(
        utils.UserError, "^Cannot write to log.txt: No space left on device. "
        "Existing files are intact: free disk space"):
      self._write(OSError(errno.ENOSPC, "No space left on device", "log.txt"))

  def test_names_the_folder_of_a_saver(self):
    with tf.Graph().as_default(), tf.Session() as session:
      tf.get_variable("x", [])
      session.run(tf.global_variables_initializer())
      with self.assertRaisesRegex(
          utils.UserError, "^Cannot write to folder: .*(Not a dir|not a dir)"):
        with estimators.writing_to("folder"):
          session.run(tf.raw_ops.SaveV2(
              prefix=__file__ + "/x", tensor_names=["x"],
              shape_and_slices=[""], tensors=[tf.zeros([])]))

  def test_other_errors_are_not_converted(self):
    for error in (tf.errors.ResourceExhaustedError(None, None, "out of memory"),
                  KeyError("x")):
      with self.assertRaises(type(error)):
        self._write(error)


class TpuTest(tf.test.TestCase):

  def _check(self, tpu_name=None):
    estimators.check_tpu(types.SimpleNamespace(
        use_tpu=True, tpu_name=tpu_name, tpu_zone=None, gcp_project=None),
                         timeout=0.2)

  def test_a_machine_without_one_is_refused(self):
    with self.assertRaisesRegex(
        utils.UserError, r"^use_tpu: no TPU is reachable on this machine "
        r"\(found only .*CPU.*\). Set \"use_tpu\": false to use the CPU or GPU "
        r"of this machine, or set tpu_name.$"):
      self._check()

  def test_a_name_that_does_not_answer_is_refused(self):
    with socket.socket() as silent:  # accepts connections, never answers
      silent.bind(("127.0.0.1", 0))
      silent.listen(1)
      for name in ("grpc://127.0.0.1:%d" % silent.getsockname()[1],
                   "grpc://127.0.0.1:9", "grpc://", "grpc://no host:1",
                   "http://x", "electrav5", "my tpu", "local"):
        with self.subTest(tpu_name=name):
          with self.assertRaisesRegex(utils.UserError, (
              '^use_tpu: no TPU is reachable (as tpu_name "%s"|on this '
              r'machine) \(.+\)\. Set "use_tpu": false .*, or correct' % name)):
            self._check(name)

  def test_a_tpu_and_a_run_without_one_are_accepted(self):
    with unittest.mock.patch.object(
        estimators, "_device_types", lambda *_: ["CPU", "TPU", "TPU_SYSTEM"]):
      self._check()
    estimators.check_tpu(types.SimpleNamespace(use_tpu=False))


class SetupTest(tf.test.TestCase):

  def test_tensorflow_without_estimator_is_refused(self):
    with unittest.mock.patch.object(
        estimators, "tf", types.SimpleNamespace(__version__="2.17.0")):
      with self.assertRaisesRegex(
          utils.UserError, "^TensorFlow 2.17.0 has no Estimator. Use Python"):
        estimators.setup_tensorflow()


class XlaTest(tf.test.TestCase):

  def test_tensorflow_1_would_compile_for_hours_on_a_cpu(self):
    for version, is_refused in (("1.15.5", True), ("2.15.1", False)):
      with unittest.mock.patch.object(tf, "__version__", version), (
          unittest.mock.patch.object(
              tf.config.experimental, "list_physical_devices",
              lambda kind: [])):
        if is_refused:
          with self.assertRaisesRegex(utils.UserError, "^use_xla: .* GPU or"):
            estimators.check_xla()
        else:
          estimators.check_xla()


class DebugFolderTest(tf.test.TestCase):

  def test_second_debug_run_starts_with_an_empty_folder(self):
    folder = os.path.join(self.get_temp_dir(), "m_debug")
    estimators.start_debug_folder(folder)
    with open(os.path.join(folder, "model.ckpt"), "w") as f:
      f.write("weights")
    estimators.start_debug_folder(folder)
    self.assertNotIn("model.ckpt", os.listdir(folder))

  def test_keeps_the_lock_of_its_own_run(self):
    folder = os.path.join(self.get_temp_dir(), "locked_debug")
    with folder_lock.FolderLock(folder, "train"):
      estimators.start_debug_folder(folder)
      estimators.start_debug_folder(folder)
      self.assertIn(folder_lock.LOCK_NAME, os.listdir(folder))

  def test_a_real_model_is_never_touched(self):
    # The reference's `debug: true` deletes the model folder.
    folder = os.path.join(self.get_temp_dir(), "real")
    os.makedirs(folder)
    with open(os.path.join(folder, "model.ckpt"), "w") as f:
      f.write("weights")
    with self.assertRaisesRegex(utils.UserError, "debug: .*real has files"):
      estimators.start_debug_folder(folder)
    self.assertEqual(os.listdir(folder), ["model.ckpt"])


if __name__ == "__main__":
  tf.test.main()
