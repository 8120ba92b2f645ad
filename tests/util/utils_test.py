"""Tests for util.utils."""

import contextlib
import io
import os
import pickle
import subprocess
import sys
import tempfile
import unittest
import unittest.mock

from util import utils

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(
    os.path.abspath(__file__))))


class UtilsTest(unittest.TestCase):

  def setUp(self):
    super().setUp()
    folder = tempfile.TemporaryDirectory(prefix="عربي و ")
    self.addCleanup(folder.cleanup)
    self.folder = folder.name

  def path(self, *names):
    return os.path.join(self.folder, *names)

  def write(self, name, content):
    with open(self.path(name), "wb") as f:
      f.write(content)
    return self.path(name)

  def test_importing_does_not_import_tensorflow(self):
    code = ("import sys; from util import utils; "
            "print('tensorflow' in sys.modules)")
    printed = subprocess.check_output([sys.executable, "-c", code], cwd=ROOT)
    self.assertEqual(printed.decode().strip(), "False")

  def test_json_round_trip_makes_the_folder(self):
    utils.write_json({"b": "عربي", "a": [1]}, self.path("new", "x.json"))
    self.assertEqual(utils.load_json(self.path("new", "x.json")),
                     {"b": "عربي", "a": [1]})
    self.assertEqual(os.listdir(self.path("new")), ["x.json"])

  def test_broken_json_names_file_line_and_column(self):
    path = self.write("x.json", b'{"a": 1,\n "b" 2}')
    with self.assertRaisesRegex(utils.UserError, r"x.json:2:6: expected JSON"):
      utils.load_json(path)

  def test_json_that_is_not_utf8_names_the_byte(self):
    path = self.write("x.json", b'"\xff"')
    with self.assertRaisesRegex(utils.UserError, "byte 1 is not UTF-8"):
      utils.load_json(path)

  def test_json_that_python_cannot_take_names_the_file(self):
    for content in (b"[" * 100000, b'{"a": [' * 50000):
      path = self.write("x.json", content)
      with self.assertRaisesRegex(utils.UserError, "x.json: .* too deeply"):
        utils.load_json(path)
    # Python 3.11 reads no integers of more than 4,300 digits.
    path = self.write("x.json", b"9" * 5000)
    try:
      self.assertEqual(utils.load_json(path), 10 ** 5000 - 1)
    except utils.UserError as error:
      self.assertRegex(str(error), "x.json: expected JSON: Exceeds the limit")

  def test_error_in_a_line_of_json_names_its_column(self):
    with self.assertRaisesRegex(utils.UserError, "^x:7:2: expected JSON"):
      utils.parse_json(b"{\n", "x:7", is_line=True)

  def test_folder_in_place_of_a_file_is_named(self):
    with self.assertRaisesRegex(
        utils.UserError, "is a folder, expected a file"):
      utils.load_json(self.folder)

  def test_file_that_must_not_be_read_is_named(self):
    path = self.write("x.json", b"{}")
    with unittest.mock.patch("builtins.open", side_effect=PermissionError(
        13, "Permission denied")):
      with self.assertRaisesRegex(utils.UserError, "Cannot read .*: Perm"):
        utils.load_json(path)

  def test_half_of_a_surrogate_pair_comes_back_from_json(self):
    utils.write_json(["a\ud800"], self.path("x.json"))
    self.assertEqual(utils.load_json(self.path("x.json")), ["a\ud800"])

  def test_log_escapes_what_the_screen_cannot_show(self):
    for encoding, wanted in [("utf-8", "\u0639 \\ud800\n"),
                             ("ascii", "\\u0639 \\ud800\n")]:
      screen = io.TextIOWrapper(io.BytesIO(), encoding=encoding)
      with unittest.mock.patch.object(sys, "stdout", screen):
        utils.log("\u0639", "\ud800")
      self.assertEqual(screen.buffer.getvalue().decode(encoding), wanted)

  def test_nothing_is_at_what_cannot_be_a_path(self):
    self.assertFalse(utils.exists("a\0b"))
    self.assertFalse(utils.exists("\ud800"))

  def test_missing_file_is_named(self):
    with self.assertRaisesRegex(utils.UserError, "nope.*: no such file"):
      utils.load_json(self.path("nope"))

  def test_failed_write_leaves_the_earlier_file(self):
    path = self.write("x.txt", b"earlier")
    with self.assertRaises(KeyError):
      with utils.write_atomically(path) as f:
        f.write("half")
        raise KeyError
    with open(path) as f:
      self.assertEqual(f.read(), "earlier")
    self.assertEqual(os.listdir(self.folder), ["x.txt"])

  def test_folder_under_a_file_is_refused(self):
    self.write("file", b"")
    with self.assertRaisesRegex(utils.UserError, "Cannot create the folder"):
      with utils.write_atomically(self.path("file", "x")):
        self.fail("The block must not run.")

  def test_write_over_a_folder_is_refused(self):
    os.mkdir(self.path("x"))
    with self.assertRaisesRegex(utils.UserError, "Cannot write .*x: Is a dir"):
      with utils.write_atomically(self.path("x")) as f:
        f.write("content")

  def test_pickle_can_be_read_by_the_reference_scripts(self):
    utils.write_pickle([{"loss": 1.5}], self.path("x.pkl"))
    with open(self.path("x.pkl"), "rb") as f:
      self.assertEqual(pickle.load(f), [{"loss": 1.5}])

  def test_copy_and_rename_replace(self):
    source = self.write("a", b"new")
    target = self.write("b", b"old")
    utils.copy(source, target)
    self.assertEqual(utils.sha256_of_file(source), utils.sha256_of_file(target))
    utils.rename(source, self.path("b"))
    self.assertEqual(utils.listdir(self.folder), ["b"])

  def test_text_keeps_its_line_ends(self):
    path = self.write("x", "و\r\n".encode("utf-8"))
    with utils.open_file(path) as f:
      self.assertEqual(f.read(), "و\r\n")

  def test_remote_paths_are_told_by_their_scheme(self):
    self.assertTrue(utils.is_remote("gs://bucket/x"))
    self.assertFalse(utils.is_remote("/tmp/gs://x"))

  def test_output_of_a_failed_block_is_removed(self):
    new, old = self.path("new"), self.path("old")
    utils.write_json({}, os.path.join(old, "kept.json"))
    for folder in (new, old):
      with self.assertRaises(KeyError):
        with utils.removed_on_error(folder):
          utils.write_json({}, os.path.join(folder, "sub", "x.json"))
          utils.write_json({}, os.path.join(folder, "y.json"))
          raise KeyError
      with utils.removed_on_error(self.path("complete")):
        utils.makedirs(self.path("complete"))
    self.assertEqual(utils.listdir(self.folder), ["complete", "old"])
    self.assertEqual(os.listdir(old), ["kept.json"])

  def test_user_error_ends_with_one_line_and_code_2(self):
    def main():
      raise utils.UserError("expected\r\nthis\u2028one")
    stream = io.StringIO()
    with contextlib.redirect_stderr(stream), self.assertRaises(
        SystemExit) as raised:
      utils.exit_cleanly(main)
    self.assertEqual(raised.exception.code, 2)
    self.assertEqual(stream.getvalue(), "error: expected this one\n")

  def test_long_message_loses_its_middle(self):
    stream = io.StringIO()

    def main():
      raise utils.UserError("x:1: got %s; do that" % ("y" * 5000))

    with contextlib.redirect_stderr(stream), self.assertRaises(SystemExit):
      utils.exit_cleanly(main)
    self.assertRegex(stream.getvalue(),
                     r"^error: x:1: got y+ \[\.\.\.\] y+; do that\n$")
    self.assertLess(len(stream.getvalue()), 2000)

  def test_other_errors_keep_their_traceback(self):
    with self.assertRaises(ZeroDivisionError):
      utils.exit_cleanly(lambda: 1 // 0)


class ReferenceNamesTest(unittest.TestCase):

  def test_rmkdir_empties_a_folder(self):
    with tempfile.TemporaryDirectory() as folder:
      path = os.path.join(folder, "a")
      utils.mkdir(os.path.join(path, "b"))
      utils.rmkdir(path)
      self.assertEqual(os.listdir(path), [])
      utils.rmrf(path)
      self.assertFalse(os.path.exists(path))

  def test_nested_dicts(self):
    flat = {"a_x": 1, "a_y_z": 2, "ab": 3}
    nested = {"a": {"x": 1, "y_z": 2}, "ab": 3}
    self.assertEqual(utils.nest_dict(flat, ["a", "b"]), nested)
    self.assertEqual(utils.flatten_dict(nested), flat)
    self.assertEqual(utils.flatten_dict({"a": {"x": 1}}, "."), {"a.x": 1})


if __name__ == "__main__":
  unittest.main()
