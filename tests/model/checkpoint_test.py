"""Tests for model.checkpoint."""

import os
import tempfile

import numpy as np
import tensorflow.compat.v1 as tf

from model import checkpoint
from model import modeling
from model import optimization
from util import utils


class CheckpointTest(tf.test.TestCase):

  def setUp(self):
    super().setUp()
    folder = tempfile.TemporaryDirectory()
    self.addCleanup(folder.cleanup)
    self.folder = folder.name

  def save(self, values, step=None, name="model.ckpt"):
    """Writes {name: value} as a checkpoint; returns its prefix."""
    with tf.Graph().as_default(), tf.Session() as sess:
      for variable, value in values.items():
        tf.get_variable(variable, initializer=tf.constant(value))
      sess.run(tf.global_variables_initializer())
      return tf.train.Saver().save(
          sess, os.path.join(self.folder, name), global_step=step,
          write_meta_graph=False)

  def values_after_init(self):
    with self.session() as sess:
      sess.run(tf.global_variables_initializer())
      return sess.run({v.op.name: v for v in tf.global_variables()})


class LatestTest(CheckpointTest):

  def test_the_newest_of_a_folder(self):
    self.save({"x": 1.0}, step=9)
    newest = self.save({"x": 2.0}, step=10)
    self.assertEqual(checkpoint.latest(self.folder), newest)

  def test_a_prefix_and_an_index_file_are_themselves(self):
    first = self.save({"x": 1.0}, step=9)
    self.save({"x": 2.0}, step=10)
    self.assertEqual(checkpoint.latest(first), first)
    self.assertEqual(checkpoint.latest(first + ".index"), first)

  def test_a_list_written_on_another_machine(self):
    prefix = self.save({"x": 1.0}, step=9)
    with open(os.path.join(self.folder, "checkpoint"), "w") as f:
      f.write('model_checkpoint_path: "/elsewhere/model.ckpt-9"\n')
    self.assertEqual(checkpoint.latest(self.folder), prefix)

  def test_a_folder_without_a_list_goes_by_steps(self):
    self.save({"x": 1.0}, step=9)
    newest = self.save({"x": 2.0}, step=10)
    os.remove(os.path.join(self.folder, "checkpoint"))
    self.assertEqual(checkpoint.latest(self.folder), newest)

  def test_a_released_folder_without_a_list_or_steps(self):
    prefix = self.save({"x": 1.0}, name="electra_small")
    os.remove(os.path.join(self.folder, "checkpoint"))
    self.assertEqual(checkpoint.latest(self.folder), prefix)

  def test_several_without_steps_are_refused(self):
    self.save({"x": 1.0}, name="a")
    self.save({"x": 1.0}, name="b")
    os.remove(os.path.join(self.folder, "checkpoint"))
    with self.assertRaisesRegex(utils.UserError, r"2 checkpoints.*\(a, b\)"):
      checkpoint.latest(self.folder)

  def test_no_folder(self):
    missing = os.path.join(self.folder, "missing")
    self.assertIsNone(checkpoint.find(missing))
    with self.assertRaisesRegex(
        utils.UserError, "missing, found nothing.*init_checkpoint"):
      checkpoint.latest(missing)

  def test_a_folder_without_a_checkpoint(self):
    with open(os.path.join(self.folder, "pytorch_model.bin"), "w"):
      pass
    self.assertIsNone(checkpoint.find(self.folder))
    with self.assertRaisesRegex(utils.UserError, "found pytorch_model.bin"):
      checkpoint.latest(self.folder)

  def test_half_a_checkpoint(self):
    prefix = self.save({"x": 1.0})
    os.remove(prefix + ".data-00000-of-00001")
    with self.assertRaisesRegex(utils.UserError, "no .data file"):
      checkpoint.latest(self.folder)

  def test_a_broken_checkpoint(self):
    prefix = self.save({"x": 1.0})
    with open(prefix + ".index", "wb") as f:
      f.write(b"<html>not found</html>" * 10)
    with self.assertRaisesRegex(utils.UserError, "cannot be read"):
      checkpoint.shapes_of(prefix)


class WholeOrDamagedTest(CheckpointTest):

  def setUp(self):
    super().setUp()
    self.prefixes = [self.save({"x": [1.0] * 9, "y": float(step)}, step=step)
                     for step in (2, 4, 6)]
    self.write_list(self.prefixes)

  def write_list(self, prefixes):
    tf.train.update_checkpoint_state(
        self.folder, prefixes[-1], all_model_checkpoint_paths=prefixes)

  def write(self, name, content):
    with open(os.path.join(self.folder, name), "wb") as f:
      f.write(content)

  def damage(self, suffix, change, step=6):
    """Replaces a file's bytes by change(bytes); removes it for None."""
    path = os.path.join(self.folder, "model.ckpt-%d%s" % (step, suffix))
    with open(path, "rb") as f:
      content = change(f.read())
    if content is None:
      os.remove(path)
    else:
      self.write(os.path.basename(path), content)

  def assert_settles_on(self, step):
    prefix = os.path.join(self.folder, "model.ckpt-%d" % step)
    self.assertEqual(checkpoint.settle(self.folder), prefix)
    self.assertEqual(tf.train.latest_checkpoint(self.folder), prefix)
    self.assertEqual(checkpoint.settle(self.folder), prefix)
    self.assertEqual(checkpoint.find(self.folder), prefix)

  def test_whole_ones_stay_as_they_are(self):
    before = sorted(os.listdir(self.folder))
    self.assert_settles_on(6)
    self.assertEqual(sorted(os.listdir(self.folder)), before)
    self.assertEqual(checkpoint.newest_whole(self.folder)[1], [])

  def test_every_damage_is_seen(self):
    data = ".data-00000-of-00001"
    for suffix, change in (
        (data, lambda content: content[:-1]),
        (data, lambda content: b""),
        (data, lambda content: None),
        (data, lambda content: content[:9] + b"?" + content[10:]),
        (".index", lambda content: content[:-1]),
        (".index", lambda content: b""),
        (".index", lambda content: None),
        (".index", lambda content: content[:9] + b"?" + content[10:])):
      with self.subTest(suffix=suffix, content=change(bytes(40))):
        self.damage(suffix, change)
        self.assert_settles_on(4)
        self.save({"x": [1.0] * 9, "y": 6.0}, step=6)
        self.write_list(self.prefixes)

  def test_damaged_files_are_moved_and_not_removed(self):
    self.damage(".index", lambda content: b"cut")
    checkpoint.settle(self.folder)
    self.assertEqual(
        sorted(os.listdir(os.path.join(self.folder, "damaged"))),
        ["model.ckpt-6.data-00000-of-00001", "model.ckpt-6.index"])
    with open(os.path.join(self.folder, "damaged", "model.ckpt-6.index")) as f:
      self.assertEqual(f.read(), "cut")

  def test_two_damaged_ones(self):
    for step in (4, 6):
      self.damage(".index", lambda content: b"", step=step)
    self.assert_settles_on(2)

  def test_only_damaged_ones(self):
    for step in (2, 4, 6):
      self.damage(".index", lambda content: b"", step=step)
    before = sorted(os.listdir(self.folder))
    with self.assertRaisesRegex(
        utils.UserError, r"Expected a whole checkpoint in .*, found none: "
        r".*model.ckpt-6 \(.*\); .*model.ckpt-2 \("):
      checkpoint.settle(self.folder)
    self.assertEqual(sorted(os.listdir(self.folder)), before)

  def test_lists_that_nobody_can_read(self):
    for content in (b"", b"\xff\xfe", b"model_checkpoint_path: 1", b"a: {"):
      with self.subTest(content=content):
        self.write("checkpoint", content)
        self.assert_settles_on(6)
        self.write("checkpoint", content)
        self.assertEqual(checkpoint.latest(self.folder), self.prefixes[-1])

  def test_a_list_that_names_what_is_gone(self):
    self.write_list(self.prefixes[:-1] + [
        os.path.join(self.folder, "model.ckpt-8")])
    self.assert_settles_on(6)

  def test_a_list_of_nothing(self):
    for prefix in self.prefixes:
      os.remove(prefix + ".index")
    for content in (b"", b'model_checkpoint_path: "model.ckpt-8"'):
      self.write("checkpoint", content)
      with self.assertRaisesRegex(utils.UserError, "Expected a whole check"):
        checkpoint.settle(self.folder)

  def test_a_new_folder_has_none(self):
    self.assertIsNone(checkpoint.settle(os.path.join(self.folder, "new")))

  def test_an_older_one_that_the_list_names_is_meant(self):
    self.write_list(self.prefixes[:2])
    self.assert_settles_on(4)
    self.damage(".index", lambda content: b"", step=4)
    self.assert_settles_on(2)  # and not 6

  def test_a_list_of_another_folder_names_this_one_afterwards(self):
    moved = ["/elsewhere/" + os.path.basename(prefix)
             for prefix in self.prefixes]
    self.write("checkpoint", ("".join(
        'all_model_checkpoint_paths: "%s"\n' % path for path in moved) +
        'model_checkpoint_path: "%s"\n' % moved[-1]).encode("utf-8"))
    self.assert_settles_on(6)
    state = tf.train.get_checkpoint_state(self.folder)
    self.assertEqual(list(state.all_model_checkpoint_paths), self.prefixes)

  def test_what_the_list_lacks_stays_out_of_it(self):
    # What it names is thinned out by training; other files are the user's.
    self.write_list(self.prefixes[1:])
    self.damage(".index", lambda content: b"")
    self.assert_settles_on(4)
    state = tf.train.get_checkpoint_state(self.folder)
    self.assertEqual(list(state.all_model_checkpoint_paths),
                     self.prefixes[1:2])


class GlobalStepTest(CheckpointTest):

  def test_is_the_variable(self):
    self.save({"x": 1.0, "global_step": np.int64(7)}, step=9)
    self.assertEqual(checkpoint.global_step_of(self.folder), 7)

  def test_else_the_name(self):
    self.save({"x": 1.0}, step=9)
    self.assertEqual(checkpoint.global_step_of(self.folder), 9)

  def test_else_0(self):
    self.save({"x": 1.0})
    self.assertEqual(checkpoint.global_step_of(self.folder), 0)


class InitFromCheckpointTest(CheckpointTest):

  def setUp(self):
    super().setUp()
    self.save({"electra/kernel": [1.0, 2.0],
               "electra/kernel/adam_m": [3.0, 4.0],
               "generator/kernel": [5.0], "global_step": np.int64(7)}, step=7)

  def make(self, name, shape):
    return tf.get_variable(name, shape, initializer=tf.zeros_initializer())

  def test_every_variable_is_accounted_for(self):
    self.make("electra/kernel", [2])
    self.make("task_specific/rte/kernel", [1])
    report = checkpoint.init_from_checkpoint(self.folder)
    self.assertEqual(report.restored, ["electra/kernel"])
    self.assertEqual(report.fresh, ["task_specific/rte/kernel"])
    self.assertEqual(report.unused, ["generator/kernel"])
    values = self.values_after_init()
    self.assertAllEqual(values["electra/kernel"], [1.0, 2.0])
    self.assertAllEqual(values["task_specific/rte/kernel"], [0.0])

  def test_the_report_as_lines(self):
    self.make("electra/kernel", [2])
    self.make("task_specific/rte/kernel", [1])
    self.make("task_specific/rte/bias", [1])
    report = checkpoint.init_from_checkpoint(self.folder)
    self.assertEqual(
        checkpoint.format_report(report).split("\n"),
        ["Restored 1 of 3 variables from %s" % report.checkpoint,
         "  Not in the checkpoint, start fresh: 2 (task_specific/rte (2))",
         "  In the checkpoint, not in the model: 1 (generator/kernel)"])

  def test_slots_and_global_step_when_asked(self):
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

  def test_slots_and_global_step_are_left_alone_otherwise(self):
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
    self.make("generator/kernel", [3])  # of another shape, too
    report = checkpoint.init_from_checkpoint(
        self.folder, ignore=("^generator",))
    self.assertEqual(report.fresh, ["generator/kernel"])
    self.assertEqual(report.unused, [])

  def test_required_variables_must_be_there(self):
    self.make("electra/kernel", [2])
    self.make("electra/bias", [2])
    with self.assertRaisesRegex(
        utils.UserError, r"lacks 1 variable .*\(electra/bias\).*it has elec"):
      checkpoint.init_from_checkpoint(self.folder, required=("^electra/",))

  def test_a_checkpoint_of_something_else(self):
    self.make("bert/kernel", [2])
    with self.assertRaisesRegex(
        utils.UserError, "none of the 1 variables.*bert/kernel.*generator/"):
      checkpoint.init_from_checkpoint(self.folder)

  def test_what_a_killed_run_left_is_removed(self):
    kept = sorted(set(os.listdir(self.folder)) | {
        "checkpoint", "graph.pbtxt", "model.ckpt-2.meta", "notes.tmp"})
    unique = "175e28bdaaa9418c9af8061051ebf250"
    for name in [
        "graph.pbtxt", "model.ckpt-2.meta", "notes.tmp",
        "checkpoint.tmp" + unique, "graph.pbtxt.tmp" + unique,
        "model.ckpt-2.meta.tmp" + unique,
        "model.ckpt-4.data-00000-of-00001.tempstate123", ".results.txt.7.tmp"]:
      with open(os.path.join(self.folder, name), "w"):
        pass
    os.makedirs(os.path.join(self.folder, "model.ckpt-4_temp_" + unique))
    checkpoint.remove_unfinished(self.folder)
    self.assertEqual(sorted(os.listdir(self.folder)), kept)

  def test_a_plan_changes_nothing(self):
    self.make("electra/kernel", [2])
    report = checkpoint.plan(self.folder)
    self.assertAllEqual(self.values_after_init()["electra/kernel"], [0.0, 0.0])
    checkpoint.scaffold_fn(report)()  # what a TPU's host calls
    self.assertAllEqual(self.values_after_init()["electra/kernel"], [1.0, 2.0])

  def test_given_hints_come_first(self):
    self.make("generator/kernel", [3])
    with self.assertRaisesRegex(utils.UserError, r"\[1\].*\[3\].*; do this"):
      checkpoint.init_from_checkpoint(
          self.folder, hints=(("^generator", "do this"),))


class ModelInitTest(CheckpointTest):
  """Whole encoders: what to set where shapes differ."""

  SIZES = dict(vocab_size=20, hidden_size=8, num_hidden_layers=1,
               num_attention_heads=2, intermediate_size=16,
               max_position_embeddings=6)

  def build(self, embedding_size=6, generator_size=4, generator_layers=None,
            **changes):
    sizes = dict(self.SIZES, **changes)
    config = modeling.BertConfig(**sizes)
    generator_config = modeling.BertConfig(**dict(
        sizes, hidden_size=generator_size,
        intermediate_size=4 * generator_size,
        num_hidden_layers=generator_layers or sizes["num_hidden_layers"]))
    ids = tf.zeros([1, 3], tf.int32)
    modeling.BertModel(generator_config, False, ids, scope="generator",
                       embedding_size=embedding_size)
    modeling.BertModel(config, False, ids, embedding_size=embedding_size)

  def save_model(self, **changes):
    with tf.Graph().as_default(), tf.Session() as sess:
      self.build(**changes)
      sess.run(tf.global_variables_initializer())
      tf.train.Saver().save(sess, os.path.join(self.folder, "model.ckpt"),
                            write_meta_graph=False)

  def message(self, saved=None, required=(), **built):
    self.save_model(**(saved or {}))
    with tf.Graph().as_default():
      self.build(**built)
      with self.assertRaises(utils.UserError) as context:
        checkpoint.init_from_checkpoint(self.folder, required=required)
    return str(context.exception)

  def advice(self, **arguments):
    return self.message(**arguments).split("; ", 1)[1].rstrip(".")

  def test_names_the_variable_and_both_shapes(self):
    self.assertRegex(
        self.message(vocab_size=30),
        r"'electra/embeddings/word_embeddings' has shape \[20, 6\] in the "
        r"checkpoint .*model.ckpt, but \[30, 6\] in the model; ")

  def test_vocab_size(self):
    self.assertEqual(self.advice(vocab_size=30), "set vocab_size to 20")

  def test_embedding_size(self):
    self.assertEqual(self.advice(embedding_size=5), "set embedding_size to 6")

  def test_generator_hidden_size(self):
    # As with the released ELECTRA-Small: its generator is as wide as it.
    self.assertEqual(self.advice(saved=dict(generator_size=8)),
                     "set generator_hidden_size to 1.0")

  def test_positions(self):
    self.assertEqual(
        self.advice(max_position_embeddings=9),
        'set model_hparam_overrides {"max_position_embeddings": 6}')

  def test_segments(self):
    self.assertEqual(self.advice(type_vocab_size=3),
                     'set model_hparam_overrides {"type_vocab_size": 2}')

  def test_intermediate_size(self):
    self.assertEqual(self.advice(intermediate_size=12),
                     'set model_hparam_overrides {"intermediate_size": 16}')

  def test_an_unusual_hidden_size(self):
    self.assertEqual(self.advice(hidden_size=12),
                     'set model_hparam_overrides {"hidden_size": 8}')

  def test_model_size(self):
    self.assertEqual(
        self.advice(saved=dict(hidden_size=256, generator_size=128),
                    hidden_size=12, generator_size=128),
        'set model_size to "small"')

  def test_missing_layers(self):
    self.assertIn(
        'its encoder has 2 layers, the model\'s has 3: set model_size, or '
        'model_hparam_overrides {"num_hidden_layers": 2}',
        self.message(saved=dict(num_hidden_layers=2), num_hidden_layers=3,
                     required=("^electra/",)))

  def test_layers_that_the_model_would_leave_out(self):
    # The reference takes the first layers and says nothing.
    self.assertRegex(
        self.message(saved=dict(num_hidden_layers=3, generator_layers=1),
                     num_hidden_layers=2, generator_layers=1),
        r"found 3 and 2 \(electra/encoder/layer_<i>\); set model_size, or "
        r'model_hparam_overrides \{"num_hidden_layers": 3\}')

  def test_generator_layers_that_the_model_would_leave_out(self):
    self.assertEqual(
        self.advice(saved=dict(num_hidden_layers=4, generator_layers=3),
                    num_hidden_layers=4, generator_layers=2),
        "set generator_layers to 0.75")

  def test_layers_of_an_ignored_generator_do_not_matter(self):
    self.save_model(num_hidden_layers=2)
    self.build(num_hidden_layers=2, generator_layers=1)
    report = checkpoint.plan(self.folder, ignore=("^generator",))
    self.assertIn("electra/encoder/layer_1/output/dense/kernel",
                  report.restored)

  def test_longer_positions_start_in_part_from_the_checkpoint(self):
    self.save_model()
    self.build(max_position_embeddings=9)
    name = "electra/embeddings/position_embeddings"
    report = checkpoint.init_from_checkpoint(
        self.folder, extend_positions=True)
    self.assertEqual(report.extended, [name])
    self.assertIn("new rows start fresh: 1 (%s)" % name,
                  checkpoint.format_report(report))
    values = self.values_after_init()[name]
    saved = tf.train.load_variable(self.folder, name)
    self.assertAllEqual(values[:6], saved)
    self.assertAllInRange(np.abs(values[6:]).max(-1), 1e-4, 0.05)

  def test_positions_are_not_cut(self):
    self.save_model()
    self.build(max_position_embeddings=5)
    with self.assertRaisesRegex(utils.UserError, "max_position_embeddings"):
      checkpoint.init_from_checkpoint(self.folder, extend_positions=True)


if __name__ == "__main__":
  tf.disable_v2_behavior()
  tf.enable_resource_variables()
  tf.test.main()
