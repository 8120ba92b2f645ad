"""Tests with many files and a low limit of open files.

benchmarks/build_load.py measures loads that are too big for a test: gigabytes,
10 million lines, a line of 100 MB, 20,000 files.
"""

import json
import os
import resource
import subprocess
import sys
import tempfile
import unittest

from tests import conftest
from tests.pretrain import tiny_corpus
from tests.pretrain import tiny_pretraining

MAX_OPEN_FILES = 256  # the limit of some systems


class LoadTest(unittest.TestCase):

  def setUp(self):
    super().setUp()
    folder = tempfile.TemporaryDirectory()
    self.addCleanup(folder.cleanup)
    self.folder = folder.name
    self.corpus = os.path.join(self.folder, "corpus")
    os.mkdir(self.corpus)

  def run_script(self, name, *flags):
    """Runs a script under the limit of open files; returns its output."""
    done = subprocess.run(
        [sys.executable, os.path.join(conftest.ROOT, name)] + list(flags),
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False,
        universal_newlines=True, preexec_fn=lambda: resource.setrlimit(
            resource.RLIMIT_NOFILE, (MAX_OPEN_FILES, MAX_OPEN_FILES)))
    self.assertEqual(done.returncode, 0, msg=done.stdout[-2000:])
    return done.stdout

  def build(self, num_out_files):
    return self.run_script(
        "build_pretraining_dataset.py", "--corpus-dir", self.corpus,
        "--vocab-file", tiny_corpus.write_vocab(self.folder),
        "--output-dir", os.path.join(self.folder, "pretrain_tfrecords"),
        "--max-seq-length", str(tiny_pretraining.LENGTH),
        "--num-out-files", str(num_out_files), "--num-processes", "2")

  def test_writes_and_reads_1000_shards_with_256_open_files(self):
    tiny_corpus.write_corpus(self.corpus, num_lines=4000)
    self.build(num_out_files=1000)
    hparams = dict(tiny_pretraining.HPARAMS, num_train_steps=2)
    printed = self.run_script(
        "run_pretraining.py", "--data-dir", self.folder, "--model-name", "m",
        "--hparams", json.dumps(hparams))
    self.assertIn("2/2 steps", printed)

  def test_builds_from_2000_files_with_256_open_files(self):
    for number in range(2000):
      with open(os.path.join(self.corpus, "%d.txt" % number), "w") as f:
        f.write("w1 w2 w3\nw4 w5 w6 w7 w8 w9 w%d\n" % (number % 40))
    self.assertIn("in 2,000 files", self.build(num_out_files=1))


if __name__ == "__main__":
  unittest.main()
