"""Tests for model.checkpoint_recovery."""

import os

import tensorflow.compat.v1 as tf

from model import checkpoint
from model import checkpoint_recovery
from tests.model import checkpoint_case
from util import utils


class RecoveryTest(checkpoint_case.CheckpointCase):

  def setUp(self):
    super().setUp()
    self.prefixes = [self.save({"x": [1.0] * 9, "y": float(step)}, step=step)
                     for step in (2, 4, 6)]
    self.write_state(self.prefixes)

  def write_state(self, prefixes):
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

  def select(self):
    return checkpoint_recovery.select_resume_checkpoint(self.folder)

  def assert_resumes_from(self, step):
    prefix = os.path.join(self.folder, "model.ckpt-%d" % step)
    self.assertEqual(self.select(), prefix)
    self.assertEqual(tf.train.latest_checkpoint(self.folder), prefix)
    self.assertEqual(self.select(), prefix)
    self.assertEqual(checkpoint.find(self.folder), prefix)

  def test_intact_checkpoints_stay_unchanged(self):
    before = sorted(os.listdir(self.folder))
    self.assert_resumes_from(6)
    self.assertEqual(sorted(os.listdir(self.folder)), before)
    self.assertEqual(checkpoint_recovery.newest_intact(self.folder)[1], [])

  def test_detects_truncated_changed_and_missing_files(self):
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
        self.assert_resumes_from(4)
        self.save({"x": [1.0] * 9, "y": 6.0}, step=6)
        self.write_state(self.prefixes)

  def test_damaged_files_are_moved_not_removed(self):
    self.damage(".index", lambda content: b"cut")
    self.select()
    self.assertEqual(
        sorted(os.listdir(os.path.join(self.folder, "damaged"))),
        ["model.ckpt-6.data-00000-of-00001", "model.ckpt-6.index"])
    with open(os.path.join(self.folder, "damaged", "model.ckpt-6.index")) as f:
      self.assertEqual(f.read(), "cut")

  def test_two_damaged_checkpoints(self):
    for step in (4, 6):
      self.damage(".index", lambda content: b"", step=step)
    self.assert_resumes_from(2)

  def test_only_damaged_checkpoints_are_an_error(self):
    for step in (2, 4, 6):
      self.damage(".index", lambda content: b"", step=step)
    before = sorted(os.listdir(self.folder))
    with self.assertRaisesRegex(
        utils.UserError, r"expected an intact checkpoint, found only "
        r"damaged files: .*model.ckpt-6 \(.*\); .*model.ckpt-2 \("):
      self.select()
    self.assertEqual(sorted(os.listdir(self.folder)), before)

  def test_unreadable_state_file(self):
    for content in (b"", b"\xff\xfe", b"model_checkpoint_path: 1", b"a: {"):
      with self.subTest(content=content):
        self.write("checkpoint", content)
        self.assert_resumes_from(6)
        self.write("checkpoint", content)
        self.assertEqual(checkpoint.latest(self.folder), self.prefixes[-1])

  def test_state_file_names_a_missing_checkpoint(self):
    self.write_state(self.prefixes[:-1] + [
        os.path.join(self.folder, "model.ckpt-8")])
    self.assert_resumes_from(6)

  def test_state_file_without_checkpoints_is_an_error(self):
    for prefix in self.prefixes:
      os.remove(prefix + ".index")
    for content in (b"", b'model_checkpoint_path: "model.ckpt-8"'):
      self.write("checkpoint", content)
      with self.assertRaisesRegex(utils.UserError, "expected an intact check"):
        self.select()

  def test_data_without_an_index_are_moved_before_they_are_overwritten(self):
    # As if of step 8, copied without the .index file.
    data = ".data-00000-of-00001"
    self.write("model.ckpt-8" + data, b"x")
    self.write("model.ckpt-3" + data, b"x")  # older: training never writes it
    self.assert_resumes_from(6)
    self.assertEqual(
        os.listdir(os.path.join(self.folder, "damaged")),
        ["model.ckpt-8" + data])

  def test_only_data_without_an_index_is_an_error(self):
    for prefix in self.prefixes:
      os.remove(prefix + ".index")
    os.remove(os.path.join(self.folder, "checkpoint"))
    with self.assertRaisesRegex(utils.UserError, "its .index file is missing"):
      self.select()

  def test_missing_folder_has_none(self):
    self.assertIsNone(checkpoint_recovery.select_resume_checkpoint(
        os.path.join(self.folder, "new")))

  def test_state_file_may_name_an_older_checkpoint(self):
    self.write_state(self.prefixes[:2])
    self.assert_resumes_from(4)
    self.damage(".index", lambda content: b"", step=4)
    self.assert_resumes_from(2)  # and not 6

  def test_state_file_of_another_folder_is_rewritten(self):
    moved = ["/elsewhere/" + os.path.basename(prefix)
             for prefix in self.prefixes]
    self.write("checkpoint", ("".join(
        'all_model_checkpoint_paths: "%s"\n' % path for path in moved) +
        'model_checkpoint_path: "%s"\n' % moved[-1]).encode("utf-8"))
    self.assert_resumes_from(6)
    state = tf.train.get_checkpoint_state(self.folder)
    self.assertEqual(list(state.all_model_checkpoint_paths), self.prefixes)

  def test_unlisted_checkpoints_stay_unlisted(self):
    # Training deletes old listed checkpoints; other files are the user's.
    self.write_state(self.prefixes[1:])
    self.damage(".index", lambda content: b"")
    self.assert_resumes_from(4)
    state = tf.train.get_checkpoint_state(self.folder)
    self.assertEqual(list(state.all_model_checkpoint_paths),
                     self.prefixes[1:2])

  def test_removes_unfinished_files_of_a_killed_run(self):
    kept = sorted(set(os.listdir(self.folder)) | {
        "graph.pbtxt", "model.ckpt-2.meta", "notes.tmp"})
    unique = "175e28bdaaa9418c9af8061051ebf250"
    for name in [
        "graph.pbtxt", "model.ckpt-2.meta", "notes.tmp",
        "checkpoint.tmp" + unique, "graph.pbtxt.tmp" + unique,
        "model.ckpt-2.meta.tmp" + unique,
        "model.ckpt-4.data-00000-of-00001.tempstate123", ".results.txt.7.tmp"]:
      with open(os.path.join(self.folder, name), "w"):
        pass
    os.makedirs(os.path.join(self.folder, "model.ckpt-4_temp_" + unique))
    checkpoint_recovery.remove_unfinished(self.folder)
    self.assertEqual(sorted(os.listdir(self.folder)), kept)


if __name__ == "__main__":
  tf.disable_v2_behavior()
  tf.enable_resource_variables()
  tf.test.main()
