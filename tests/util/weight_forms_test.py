"""Tests for util.weight_forms."""

import os
import tempfile
import unittest

from util import utils
from util import weight_forms


class WeightFormsTest(unittest.TestCase):

  def setUp(self):
    super().setUp()
    folder = tempfile.TemporaryDirectory()
    self.addCleanup(folder.cleanup)
    self.folder = folder.name

  def write(self, *names):
    """Writes empty files; returns the path of the first."""
    for name in names:
      path = os.path.join(self.folder, name)
      os.makedirs(os.path.dirname(path), exist_ok=True)
      with open(path, "w"):
        pass
    return os.path.join(self.folder, names[0])

  def remove(self, name):
    os.remove(os.path.join(self.folder, name))

  def test_each_form_is_named_with_what_to_do(self):
    for name, content, advice in [
        ("model.safetensors", "Hugging Face", "--to tf --discriminator "),
        ("pytorch_model.bin", "Hugging Face", "--to tf --discriminator "),
        ("pytorch_model-00001-of-00002.bin", "Hugging", "as model.safeten"),
        ("adapter.safetensors", "Hugging Face", "as model.safetensors"),
        ("tf_model.h5", "Keras or Flax", "as model.safetensors"),
        ("flax_model.msgpack", "Keras or Flax", "as model.safetensors"),
        ("weights.pt", "another program", "as model.safetensors"),
        ("model.onnx", "another program", "as model.safetensors"),
        ("electra_small.zip", "archive", "Unpack it"),
        ("electra.tar.gz", "archive", "Unpack it"),
        ("electra.tgz", "archive", "Unpack it"),
        ("model.ckpt-4.data-00000-of-00001", "without its .index", "Copy"),
        ("model.ckpt-4.meta", "without its weights", "Copy"),
        ("model.ckpt-4.index.gz", "archive", "Unpack it"),
        ("model.ckpt-4", "V1", "Save it"),
        ("saved_model.pb", "SavedModel", "exported from")]:
      with self.subTest(name=name):
        self.write("vocab.txt", name)
        found = weight_forms.find(self.folder)
        self.assertRegex(found, r"^%s: expected a checkpoint .*found %s \(.*%s"
                         r".*\)\. .*%s" % (self.folder, name, content, advice))
        # The path of the file itself, as init_checkpoint.
        self.assertEqual(
            weight_forms.find(os.path.join(self.folder, name)), found)
        self.remove(name)

  def test_a_nested_checkpoint_is_found_two_folders_deep(self):
    for name in ("electra_small", os.path.join("electra", "small")):
      path = self.write(os.path.join(name, "model.ckpt-4.index"))
      self.assertIn("Move the files of %s there, or set init_checkpoint to %s" %
                    ((os.path.dirname(path),) * 2),
                    weight_forms.find(self.folder))
      os.remove(path)

  def test_weights_of_other_models_in_the_folder_are_no_error(self):
    self.write("vocab.txt", "finetuning_models/x_model_1/a.index",
               "damaged/model.ckpt-4.data-00000-of-00001",
               "results/x.txt", "events.out.tfevents.1")
    self.assertIsNone(weight_forms.find(self.folder))
    self.assertIsNone(weight_forms.find(os.path.join(self.folder, "missing")))

  def test_a_folder_with_a_checkpoint_may_hold_other_forms(self):
    self.write("model.ckpt-4.index", "model.safetensors", "backup.zip")
    weight_forms.check_folder(self.folder, None)

  def test_init_checkpoint_may_be_a_subfolder(self):
    self.write("electra_small/model.ckpt-4.index")
    weight_forms.check_folder(self.folder, "elsewhere")
    with self.assertRaisesRegex(utils.UserError, "another --model-name"):
      weight_forms.check_folder(self.folder, None)
    self.write("model.safetensors")  # its config.json would be overwritten
    with self.assertRaisesRegex(utils.UserError, "Hugging Face"):
      weight_forms.check_folder(self.folder, "elsewhere")

  def test_a_file_of_a_checkpoint_names_the_prefix_to_pass(self):
    path = self.write("model.ckpt-4.data-00000-of-00001", "model.ckpt-4.index")
    self.assertIn("Pass %s." % os.path.join(self.folder, "model.ckpt-4"),
                  weight_forms.find(path))

  def test_first_checkpoint_of_a_killed_run_is_written_again(self):
    self.write("model.ckpt-0.data-00000-of-00001", "graph.pbtxt")
    weight_forms.check_folder(self.folder, None)
    self.write("model.ckpt-4.data-00000-of-00001")
    with self.assertRaisesRegex(utils.UserError, "found model.ckpt-4.data"):
      weight_forms.check_folder(self.folder, None)


if __name__ == "__main__":
  unittest.main()
