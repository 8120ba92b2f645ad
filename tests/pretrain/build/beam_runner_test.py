"""Tests for pretrain.build.beam_runner."""

import importlib.util
import json
import os
from unittest import mock

import pytest
import tensorflow.compat.v1 as tf

from pretrain.build import beam_runner
from pretrain.build import corpus
from pretrain.build import flags
from tests.pretrain import tiny_corpus
from tests.pretrain.build import builder_test
from util import utils

needs_beam = pytest.mark.skipif(
    importlib.util.find_spec("apache_beam") is None,
    reason="apache_beam is not installed (requirements-beam.txt)")
# Of dataset_info.json: what may differ from a local build.
NOT_COMPARED = ("files", "unknown_words")


class BeamRunnerTest(builder_test.BuilderTestCase):

  def setUp(self):
    super().setUp()
    os.rmdir(self.corpus_dir)
    tiny_corpus.write_corpus(self.corpus_dir)
    # Many chunks: files are cut, and small ones share a chunk.
    patch = mock.patch.object(corpus, "CHUNK_BYTES", 700)
    patch.start()
    self.addCleanup(patch.stop)

  def build_and_read(self, name, **changes):
    """Returns (dataset_info.json, {file: records}) of a build."""
    self.output_dir = os.path.join(self.folder, name)
    content, self.printed = self.build(num_out_files=4, **changes)
    with open(os.path.join(self.output_dir, "dataset_info.json")) as f:
      self.assertEqual(json.load(f), content)
    return content, {
        entry["name"]: list(tf.python_io.tf_record_iterator(
            os.path.join(self.output_dir, entry["name"])))
        for entry in content["files"]}

  @needs_beam
  def test_examples_are_those_of_a_local_build(self):
    for changes in ({}, {"seed": 3, "carry_over": True,
                         "blanks_separate_docs": False}):
      with self.subTest(**changes):
        local, local_files = self.build_and_read(
            "local%d" % len(changes), **changes)
        info, files = self.build_and_read(
            "beam%d" % len(changes), runner="DirectRunner", **changes)
        self.assertEqual(sorted(sum(files.values(), [])),
                         sorted(sum(local_files.values(), [])))
        self.assertEqual(
            {name: value for name, value in info.items()
             if name not in NOT_COMPARED},
            {name: value for name, value in local.items()
             if name not in NOT_COMPARED})
        self.assertEqual(dict(info["unknown_words"]),
                         dict(local["unknown_words"]))
        self.assertEqual([entry["num_examples"] for entry in info["files"]],
                         [len(files[entry["name"]]) for entry in info["files"]])
        self.assertGreater(len(files), 1)
        self.assertIn("with DirectRunner", self.printed)
        self.assertFalse([name for name in os.listdir(self.output_dir)
                          if not name.startswith(("pretrain_data",
                                                  "dataset_info"))])

  @needs_beam
  def test_files_are_the_same_with_several_processes(self):
    # Processes do not see the patched size of chunks: the corpus is one.
    with mock.patch.object(corpus, "CHUNK_BYTES", 1 << 20):
      one, files = self.build_and_read("one", runner="DirectRunner")
      several, other_files = self.build_and_read(
          "several", runner="DirectRunner", beam_options=(
              "--direct_num_workers=2 --direct_running_mode=multi_processing"))
    self.assertEqual(one, several)
    self.assertEqual(files, other_files)

  @needs_beam
  def test_an_error_of_a_worker_is_one_line(self):
    with open(os.path.join(self.corpus_dir, "c.txt"), "ab") as f:
      f.write(b"\xff\n")
    for options in ("", "--direct_num_workers=2 "
                    "--direct_running_mode=multi_processing"):
      with self.assertRaisesRegex(
          utils.UserError, r"^--runner DirectRunner: \S*c.txt:\d+: expected "
          r"UTF-8 text, got the byte 0xff. Convert the file, [^\n\[]*UTF-8.$"):
        self.build(runner="DirectRunner", beam_options=options)
      self.assertFalse(os.path.exists(self.output_dir))

  @needs_beam
  def test_a_corpus_without_text_is_an_error(self):
    for name in ("a.txt", "c.txt", "sub/b.txt"):
      open(os.path.join(self.corpus_dir, name), "w").close()
    with self.assertRaisesRegex(utils.UserError, "has no text in its 3 files"):
      self.build(runner="DirectRunner")

  @needs_beam
  def test_a_runner_that_does_not_start_is_one_line(self):
    for runner, options, message in [
        ("DataflowRunner", "", r"Pipeline has validations errors:\s+Missing .*"
         r"option: temp_location.* \(See --beam-options and docs/beam.md.\)$"),
        ("FlinkRunner", "--flink_job_server_jar=/no/such.jar", ""),
        ("DirectRunner", "--direct_num_workers='2", "No closing quotation")]:
      with self.subTest(runner):
        with self.assertRaisesRegex(utils.UserError, "(?s)^--runner %s: %s" % (
            runner, message)):
          self.build(runner=runner, beam_options=options)
        self.assertFalse(os.path.exists(self.output_dir))

  def test_other_errors_of_workers_keep_their_traceback(self):
    settings = mock.Mock(runner="DirectRunner")
    for error in (ValueError("too few [while running 'encode']"),
                  RuntimeError("Traceback (most recent call last): ...")):
      with self.assertRaises(type(error)) as raised:
        with beam_runner._reporting_errors(settings):
          raise error
      self.assertIs(raised.exception, error)

  def test_missing_beam_is_an_error_before_any_work(self):
    with mock.patch.object(importlib.util, "find_spec", lambda name: None):
      with self.assertRaisesRegex(
          utils.UserError, "^--runner: apache_beam is not installed in this "
          "Python .* Run: .* -m pip install -r .*requirements-beam.txt$"):
        beam_runner.check()

  def test_flags_without_effect_are_errors(self):
    with mock.patch.object(beam_runner, "check", lambda: None):
      with self.assertRaisesRegex(
          utils.UserError, "^--num-processes has no effect with --runner. .*"
          "--direct_num_workers=2 --direct_running_mode=multi_processing"):
        self.build(runner="DirectRunner", num_processes=2)
    with self.assertRaisesRegex(
        utils.UserError, "^--beam-options has no effect without --runner."):
      self.build(beam_options="--direct_num_workers=2")

  def test_flags(self):
    parser = flags.make_parser("Builds.", lower_case=False, example="x")
    paths = ["--corpus-dir", "c", "--vocab-file", "v", "--output-dir", "o"]
    settings = flags.to_settings(parser.parse_args(paths + [
        "--runner", "SparkRunner", "--beam-options", "--a=1 --b"]))
    self.assertEqual((settings.runner, settings.beam_options),
                     ("SparkRunner", "--a=1 --b"))
    self.assertEqual(
        flags.to_settings(parser.parse_args(paths)).runner, None)


class ChunkNumbersTest(builder_test.BuilderTestCase):

  def test_they_are_those_of_read_chunks(self):
    os.rmdir(self.corpus_dir)
    tiny_corpus.write_corpus(self.corpus_dir)
    paths = corpus.list_files(self.corpus_dir)
    for size in (100, 700, 3000, 1 << 20):
      with mock.patch.object(corpus, "CHUNK_BYTES", size):
        numbers = corpus.ChunkNumbers()
        expected = [chunk.number for chunk in corpus.read_chunks(paths)
                    for _ in chunk.pieces]
        self.assertEqual([
            numbers.next(len(piece.text)) for path in paths
            for piece, _ in corpus.read_pieces(path, True)], expected)


if __name__ == "__main__":
  builder_test.unittest.main()
