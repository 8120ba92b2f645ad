"""A corpus, a vocabulary and line cleaners for the tests of the builders.

No TensorFlow here: worker processes import this module for the cleaners.
"""

import multiprocessing
import os
import signal

from util import utils

WORDS = ["w%d" % number for number in range(40)]
TOKENS = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"] + WORDS
DEADLY_LINE = "w13 w13 w13"


def write_vocab(folder, tokens=None):
  """Writes a vocabulary of `tokens` (default: TOKENS); returns its path."""
  path = os.path.join(folder, "vocab.txt")
  with utils.open_file(path, "w") as f:
    f.write("\n".join(tokens or TOKENS) + "\n")
  return path


def write_corpus(folder, num_lines=240):
  """Writes three files of numbered sentences, one of them much bigger.

  Lines have 1 to 9 words; every fifth line is blank.
  """
  os.makedirs(os.path.join(folder, "sub"))
  for name, share in (("a.txt", 8), ("sub/b.txt", 1), ("c.txt", 1)):
    with utils.open_file(os.path.join(folder, name), "w") as f:
      for line in range(num_lines * share // 10):
        if line % 5 < 4:
          f.write(" ".join(WORDS[(line * 7 + word) % len(WORDS)]
                           for word in range(1 + line % 9)))
        f.write("\n")


def make_last_word_cleaner(unused_name):
  """Returns a cleaner that drops the last word of a line."""
  return lambda line: " ".join(line.split()[:-1])


def make_failing_cleaner(unused_name):
  """Returns a cleaner with a bug that DEADLY_LINE shows."""
  def clean(line):
    if line == DEADLY_LINE:
      raise KeyError("a bug")
    return line
  return clean


def make_interrupting_cleaner(unused_name):
  """Returns a cleaner that sends its process group Ctrl-C at DEADLY_LINE."""
  def clean(line):
    if line == DEADLY_LINE:
      os.killpg(0, signal.SIGINT)
    return line
  return clean


def make_blocked_cleaner(unused_name):
  """Returns a cleaner that fails in a worker that Ctrl-C could have reached."""
  def clean(line):
    if multiprocessing.current_process().name != "MainProcess":
      blocked = signal.pthread_sigmask(signal.SIG_BLOCK, [])
      assert signal.SIGINT in blocked, blocked
    return line
  return clean


def make_suicidal_cleaner(unused_name):
  """Returns a cleaner whose process is killed at DEADLY_LINE."""
  def clean(line):
    if line == DEADLY_LINE:
      os.kill(os.getpid(), signal.SIGKILL)
    return line
  return clean
