"""Tests for model.checkpoint."""

import os

import numpy as np
import tensorflow.compat.v1 as tf

from model import checkpoint
from model import optimization
from tests.model import checkpoint_case
from util import utils


class LatestTest(checkpoint_case.CheckpointCase):

  def test_finds_the_newest_of_a_folder(self):
    self.save({"x": 1.0}, step=9)
    newest = self.save({"x": 2.0}, step=10)
    self.assertEqual(checkpoint.latest(self.folder), newest)

  def test_accepts_a_prefix_or_an_index_file(self):
    first = self.save({"x": 1.0}, step=9)
    self.save({"x": 2.0}, step=10)
    self.assertEqual(checkpoint.latest(first), first)
    self.assertEqual(checkpoint.latest(first + ".index"), first)

  def test_state_file_with_paths_of_another_machine(self):
    prefix = self.save({"x": 1.0}, step=9)
    with open(os.path.join(self.folder, "checkpoint"), "w") as f:
      f.write('model_checkpoint_path: "/elsewhere/model.ckpt-9"\n')
    self.assertEqual(checkpoint.latest(self.folder), prefix)

  def test_without_state_file_the_highest_step_is_newest(self):
    self.save({"x": 1.0}, step=9)
    newest = self.save({"x": 2.0}, step=10)
    os.remove(os.path.join(self.folder, "checkpoint"))
    self.assertEqual(checkpoint.latest(self.folder), newest)

  def test_released_folder_without_state_file_or_steps(self):
    prefix = self.save({"x": 1.0}, name="electra_small")
    os.remove(os.path.join(self.folder, "checkpoint"))
    self.assertEqual(checkpoint.latest(self.folder), prefix)

  def test_several_without_steps_are_an_error(self):
    self.save({"x": 1.0}, name="a")
    self.save({"x": 1.0}, name="b")
    os.remove(os.path.join(self.folder, "checkpoint"))
    with self.assertRaisesRegex(utils.UserError, r"2 checkpoints.*\(a, b\)"):
      checkpoint.latest(self.folder)

  def test_missing_folder(self):
    missing = os.path.join(self.folder, "missing")
    self.assertIsNone(checkpoint.find(missing))
    with self.assertRaisesRegex(
        utils.UserError, "missing: expected .*found nothing.*init_checkpoint"):
      checkpoint.latest(missing)

  def test_folder_without_a_checkpoint(self):
    with open(os.path.join(self.folder, "pytorch_model.bin"), "w"):
      pass
    self.assertIsNone(checkpoint.find(self.folder))
    with self.assertRaisesRegex(utils.UserError, "found pytorch_model.bin"):
      checkpoint.latest(self.folder)

  def test_a_pattern_finds_all_by_step(self):
    prefixes = [self.save({"x": 1.0}, step=step) for step in (9, 10)]
    pattern = os.path.join(self.folder, "model.ckpt-*")
    self.assertEqual(checkpoint.find_all(pattern), prefixes)
    self.assertEqual(checkpoint.find_all(pattern + ".index"), prefixes)
    self.assertEqual(checkpoint.find_all(prefixes[0]), prefixes[:1])
    self.assertEqual(checkpoint.find_all(self.folder), prefixes[1:])
    with self.assertRaisesRegex(utils.UserError, "found nothing"):
      checkpoint.find_all(os.path.join(self.folder, "other-*"))

  def test_missing_data_file(self):
    prefix = self.save({"x": 1.0})
    os.remove(prefix + ".data-00000-of-00001")
    with self.assertRaisesRegex(utils.UserError, "no .data file"):
      checkpoint.latest(self.folder)

  def test_corrupted_index_file(self):
    prefix = self.save({"x": 1.0})
    with open(prefix + ".index", "wb") as f:
      f.write(b"<html>not found</html>" * 10)
    with self.assertRaisesRegex(utils.UserError, "cannot be read"):
      checkpoint.shapes_of(prefix)


class GlobalStepTest(checkpoint_case.CheckpointCase):

  def test_reads_the_variable(self):
    self.save({"x": 1.0, "global_step": np.int64(7)}, step=9)
    self.assertEqual(checkpoint.global_step_of(self.folder), 7)

  def test_falls_back_to_the_name(self):
    self.save({"x": 1.0}, step=9)
    self.assertEqual(checkpoint.global_step_of(self.folder), 9)

  def test_falls_back_to_0(self):
    self.save({"x": 1.0})
    self.assertEqual(checkpoint.global_step_of(self.folder), 0)


class InitFromCheckpointTest(checkpoint_case.CheckpointCase):

  def setUp(self):
    super().setUp()
    self.save({"electra/kernel": [1.0, 2.0],
               "electra/kernel/adam_m": [3.0, 4.0],
               "generator/kernel": [5.0], "global_step": np.int64(7)}, step=7)

  def make(self, name, shape):
    return tf.get_variable(name, shape, initializer=tf.zeros_initializer())

  def test_every_variable_is_in_the_report(self):
    self.make("electra/kernel", [2])
    self.make("task_specific/rte/kernel", [1])
    report = checkpoint.init_from_checkpoint(self.folder)
    self.assertEqual(report.restored, ["electra/kernel"])
    self.assertEqual(report.fresh, ["task_specific/rte/kernel"])
    self.assertEqual(report.unused, ["generator/kernel"])
    values = self.values_after_init()
    self.assertAllEqual(values["electra/kernel"], [1.0, 2.0])
    self.assertAllEqual(values["task_specific/rte/kernel"], [0.0])

  def test_format_report(self):
    self.make("electra/kernel", [2])
    self.make("task_specific/rte/kernel", [1])
    self.make("task_specific/rte/bias", [1])
    report = checkpoint.init_from_checkpoint(self.folder)
    self.assertEqual(
        checkpoint.format_report(report).split("\n"),
        ["Restored 1 of 3 variables from %s" % report.checkpoint,
         "  Not in the checkpoint, start fresh: 2 (task_specific/rte (2))",
         "  In the checkpoint, not in the model: 1 (generator/kernel)"])

  def test_restores_slots_and_global_step_on_request(self):
    variable = self.make("electra/kernel", [2])
    optimization.create_optimizer(
        None, 0.1, 10, grads_and_vars=[(tf.ones([2]), variable)])
    report = checkpoint.init_from_checkpoint(
        self.folder, slots=True, global_step=True)
    self.assertEqual(
        report.restored,
        ["electra/kernel", "electra/kernel/adam_m", "global_step"])
    self.assertEqual(report.fresh, ["electra/kernel/adam_v"])
    values = self.values_after_init()
    self.assertAllEqual(values["electra/kernel/adam_m"], [3.0, 4.0])
    self.assertAllEqual(values["electra/kernel/adam_v"], [0.0, 0.0])
    self.assertEqual(values["global_step"], 7)

  def test_slots_and_global_step_start_fresh_by_default(self):
    variable = self.make("electra/kernel", [2])
    optimization.create_optimizer(
        None, 0.1, 10, grads_and_vars=[(tf.ones([2]), variable)])
    report = checkpoint.init_from_checkpoint(self.folder)
    self.assertEqual(report.restored, ["electra/kernel"])
    self.assertEqual(report.fresh, [])
    values = self.values_after_init()
    self.assertAllEqual(values["electra/kernel/adam_m"], [0.0, 0.0])
    self.assertEqual(values["global_step"], 0)

  def test_ignored_variables_start_fresh(self):
    self.make("electra/kernel", [2])
    self.make("generator/kernel", [3])  # its shape differs too
    report = checkpoint.init_from_checkpoint(
        self.folder, ignore=("^generator",))
    self.assertEqual(report.fresh, ["generator/kernel"])
    self.assertEqual(report.unused, [])

  def test_missing_required_variable_is_an_error(self):
    self.make("electra/kernel", [2])
    self.make("electra/bias", [2])
    with self.assertRaisesRegex(
        utils.UserError, r"lacks 1 variable .*\(electra/bias\).*it has elec"):
      checkpoint.init_from_checkpoint(self.folder, required=("^electra/",))

  def test_checkpoint_of_another_program_is_an_error(self):
    self.make("bert/kernel", [2])
    with self.assertRaisesRegex(
        utils.UserError,
        "none of the model's 1 variables.*bert/kernel.*generator/"):
      checkpoint.init_from_checkpoint(self.folder)

  def test_plan_changes_nothing(self):
    self.make("electra/kernel", [2])
    report = checkpoint.plan(self.folder)
    self.assertAllEqual(self.values_after_init()["electra/kernel"], [0.0, 0.0])
    checkpoint.scaffold_fn(report)()  # called by the host of a TPU
    self.assertAllEqual(self.values_after_init()["electra/kernel"], [1.0, 2.0])

  def test_passed_hints_come_first(self):
    self.make("generator/kernel", [3])
    with self.assertRaisesRegex(utils.UserError, r"\[1\].*\[3\].*; do this"):
      checkpoint.init_from_checkpoint(
          self.folder, hints=(("^generator", "do this"),))


class OtherTypesTest(checkpoint_case.CheckpointCase):
  """Weights of another float type, such as a converted float16 model."""

  VALUES = [1.0, -2.5, 0.125]  # exact in float16 and bfloat16

  def save_as(self, dtype, **more):
    return self.save(dict({
        "electra/kernel": np.array(self.VALUES).astype(dtype.as_numpy_dtype),
        "electra/bias": [3.0]}, **more), step=9)

  def make(self):
    for name, size in (("electra/kernel", 3), ("electra/bias", 1)):
      tf.get_variable(name, [size], initializer=tf.zeros_initializer())

  def test_initial_weights_are_cast_and_reported(self):
    for dtype in (tf.float16, tf.bfloat16, tf.float64):
      with self.subTest(dtype.name), tf.Graph().as_default():
        self.save_as(dtype)
        self.make()
        report = checkpoint.init_from_checkpoint(self.folder)
        self.assertEqual(report.cast, {"electra/kernel": dtype})
        self.assertIn("  Cast from %s: 1 (electra/kernel)" % dtype.name,
                      checkpoint.format_report(report))
        values = self.values_after_init()
        self.assertAllEqual(values["electra/kernel"], self.VALUES)
        self.assertEqual(values["electra/kernel"].dtype, np.float32)
        self.assertAllEqual(values["electra/bias"], [3.0])

  def restore(self, prefix):
    """Returns {name: value} as an evaluation restores them."""
    self.make()
    tf.train.get_or_create_global_step()
    scaffold = checkpoint.evaluation_scaffold().finalize()
    tf.get_default_graph().finalize()  # as a session of an Estimator does
    with self.session() as session:
      scaffold.saver.restore(session, prefix)
      return session.run({v.op.name: v for v in tf.global_variables()})

  def test_evaluation_casts_and_takes_the_step_of_the_name(self):
    values = self.restore(self.save_as(tf.float16))
    self.assertAllEqual(values["electra/kernel"], self.VALUES)
    self.assertAllEqual(values["electra/bias"], [3.0])
    self.assertEqual(values["global_step"], 9)

  def test_evaluation_of_complete_float32_weights(self):
    values = self.restore(self.save_as(tf.float32, global_step=np.int64(7)))
    self.assertAllEqual(values["electra/kernel"], self.VALUES)
    self.assertEqual(values["global_step"], 7)

  def test_evaluation_of_missing_weights_is_an_error(self):
    prefix = self.save({"electra/bias": [3.0]}, step=9)
    with self.assertRaisesRegex(utils.UserError, "lacks 1 variable"):
      self.restore(prefix)

  def test_integers_are_no_weights(self):
    self.save_as(tf.int32)
    self.make()
    with self.assertRaisesRegex(
        utils.UserError, "'electra/kernel' has type int32 .*expected float32"):
      checkpoint.plan(self.folder)


if __name__ == "__main__":
  tf.disable_v2_behavior()
  tf.enable_resource_variables()
  tf.test.main()
