"""Writes the example corpus and questions that the quick start trains on.

Usage: python examples/make_data.py [--output-dir DIR]

Writes DIR/corpus/*.txt (Arabic, one sentence per line, an empty line between
documents) and DIR/qa/{train,dev}.json (SQuAD 1.1). The output is deterministic,
byte for byte, on every version of Python. The texts are generated from the word
lists, fact tables and grammars in examples/arabic, not taken from other works.
"""

import argparse
import json
import os

from arabic import documents
from arabic import grammar
from arabic import questions

SEED = 2021
NUM_CORPUS_FILES = 4
CORPUS_FILE_BYTES = 600 * 1000
# Training questions use the first half of every word list, so that many words
# of the dev questions occur only in the corpus, as with real data.
TRAIN_SHARE = 0.5
NUM_TRAIN_PARAGRAPHS, NUM_DEV_PARAGRAPHS = 360, 60
NUM_QUESTIONS_EACH = 4


def corpus_files():
  """Yields (file name, text) of the corpus files."""
  for number in range(NUM_CORPUS_FILES):
    dice = grammar.Dice("%d corpus %d" % (SEED, number))
    text = "\n".join("".join(sentence + "\n" for sentence in sentences)
                     for sentences in documents.corpus(
                         dice, CORPUS_FILE_BYTES))
    yield os.path.join("corpus", "part-%d.txt" % number), text


def question_files():
  """Yields (file name, text) of the question files."""
  for name, share, num_paragraphs in [
      ("train", TRAIN_SHARE, NUM_TRAIN_PARAGRAPHS),
      ("dev", 1.0, NUM_DEV_PARAGRAPHS)]:
    dice = grammar.Dice("%d %s" % (SEED, name), share)
    dataset = questions.dataset(dice, name, num_paragraphs,
                                NUM_QUESTIONS_EACH)
    yield os.path.join("qa", name + ".json"), json.dumps(
        dataset, ensure_ascii=False, indent=1, sort_keys=True) + "\n"


def write(output_dir):
  """Writes all files; returns (number of files, number of bytes)."""
  num_files, num_bytes = 0, 0
  for files in (corpus_files(), question_files()):
    for name, text in files:
      path = os.path.join(output_dir, name)
      os.makedirs(os.path.dirname(path), exist_ok=True)
      with open(path, "wb") as f:  # no newline translation
        num_bytes += f.write(text.encode("utf-8"))
      num_files += 1
  return num_files, num_bytes


def main():
  parser = argparse.ArgumentParser(
      description="Writes the example corpus and questions.")
  parser.add_argument(
      "--output-dir",
      default=os.path.join(os.path.dirname(os.path.abspath(__file__)), "data"),
      help="folder to write to (default: data, next to this script)")
  args = parser.parse_args()
  num_files, num_bytes = write(args.output_dir)
  print("Wrote %d files, %s bytes, to %s" % (
      num_files, "{:,}".format(num_bytes), args.output_dir))


if __name__ == "__main__":
  main()
