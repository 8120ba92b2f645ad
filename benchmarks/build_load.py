"""Measures time and memory of building examples from large or unusual corpora.

Generates text, builds examples from it with build_pretraining_dataset.py and
prints a table: size of the text, seconds, peak memory of all processes together
(proportional set size, Linux), and number of examples written. With matplotlib,
memory against corpus size is also plotted to OUT.png.

  python benchmarks/build_load.py --sizes 100 1000 5000 --output OUT.png

--sizes are megabytes of ordinary text: 20 files of sentences and documents.
--shapes also builds from the corpora with these names:

  lines      10 million lines in one file
  long-line  a document of 100 MB on one line
  files      20,000 files of one short document

`--scale 0.01` scales their size.
"""

import argparse
import os
import random
import subprocess
import sys
import tempfile
import threading
import time

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
MEGABYTE = 1000 * 1000
NUM_FILES = 20
SPECIAL_TOKENS = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
LETTERS = "abcdefghijklmnopqrstuvwxyz"


def main():
  parser = argparse.ArgumentParser(
      description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
  parser.add_argument("--sizes", type=float, nargs="*", default=[10, 100, 1000],
                      metavar="MB")
  parser.add_argument("--shapes", nargs="*", default=[],
                      choices=("lines", "long-line", "files"))
  parser.add_argument("--scale", type=float, default=1.0)
  parser.add_argument("--num-processes", type=int, default=2)
  parser.add_argument("--output", help="file of the plot, .png")
  parser.add_argument("--work-dir", help="folder for temporary files")
  args = parser.parse_args()
  text = Text()
  corpora = [("%g MB" % size, lambda folder, size=size: text.write_documents(
      folder, size * MEGABYTE)) for size in sorted(args.sizes)]
  corpora += [(shape, lambda folder, shape=shape: text.write_shape(
      folder, shape, args.scale)) for shape in args.shapes]
  print("%-10s %10s %9s %8s %13s   %s" % (
      "corpus", "MB", "seconds", "MB/s", "peak MB", "written"))
  peaks = []
  for name, write in corpora:
    with tempfile.TemporaryDirectory(dir=args.work_dir) as folder:
      os.mkdir(os.path.join(folder, "text"))
      text.write_vocab(os.path.join(folder, "vocab.txt"))
      write(os.path.join(folder, "text"))
      size = folder_size(os.path.join(folder, "text")) / MEGABYTE
      seconds, peak, last_line = build(folder, args.num_processes)
    print("%-10s %10.1f %9.1f %8.2f %13.1f   %s" % (
        name, size, seconds, size / seconds, peak / MEGABYTE, last_line),
          flush=True)
    if name not in args.shapes:
      peaks.append((size, peak / MEGABYTE))
  if args.output:
    draw(peaks, args.output, args.num_processes)


class Text:
  """Generates sentences of random words with Zipfian frequencies."""

  def __init__(self, num_words=20000, num_sentences=50000):
    rng = random.Random(0)
    self.words = sorted({
        "".join(rng.choice(LETTERS) for _ in range(rng.randint(2, 9)))
        for _ in range(num_words)})
    rng.shuffle(self.words)
    weights = [1 / (rank + 10) for rank in range(len(self.words))]
    drawn = iter(rng.choices(self.words, weights, k=num_sentences * 12))
    self.sentences = [" ".join(word for _, word in zip(range(12), drawn))
                      for _ in range(num_sentences)]
    self.rng = rng

  def write_vocab(self, path):
    with open(path, "w") as f:
      f.write("\n".join(SPECIAL_TOKENS + self.words + list(LETTERS)) + "\n")

  def document(self):
    """Returns 5 to 40 sentences, one per line, and an empty line."""
    start = self.rng.randrange(len(self.sentences) - 40)
    lines = self.sentences[start:start + self.rng.randint(5, 40)]
    return "\n".join(lines) + "\n\n"

  def write_documents(self, folder, num_bytes):
    for i in range(NUM_FILES):
      with open(os.path.join(folder, "part-%02d.txt" % i), "w") as f:
        written = 0
        while written < num_bytes / NUM_FILES:
          written += f.write(self.document())

  def write_shape(self, folder, shape, scale):
    if shape == "files":
      for i in range(int(20000 * scale)):
        with open(os.path.join(folder, "%05d.txt" % i), "w") as f:
          f.write(self.document())
      return
    with open(os.path.join(folder, "text.txt"), "w") as f:
      if shape == "lines":
        for i in range(int(1e7 * scale)):
          f.write(self.sentences[i % len(self.sentences)][:30] + "\n")
          if i % 20 == 19:
            f.write("\n")
      else:
        written = 0
        while written < 100 * MEGABYTE * scale:
          written += f.write(self.rng.choice(self.sentences) + " ")


def folder_size(folder):
  return sum(entry.stat().st_size for entry in os.scandir(folder))


def build(folder, num_processes):
  """Returns (seconds, peak memory in bytes, the last line printed)."""
  process = subprocess.Popen(
      [sys.executable, os.path.join(ROOT, "build_pretraining_dataset.py"),
       "--corpus-dir", os.path.join(folder, "text"),
       "--vocab-file", os.path.join(folder, "vocab.txt"),
       "--output-dir", os.path.join(folder, "examples"),
       "--num-processes", str(num_processes)],
      stdout=subprocess.PIPE, stderr=subprocess.STDOUT, start_new_session=True,
      universal_newlines=True)
  peak = [0]

  def watch():
    while process.poll() is None:
      peak[0] = max(peak[0], memory_of_session(process.pid))
      time.sleep(0.2)

  start = time.time()
  watcher = threading.Thread(target=watch)
  watcher.start()
  lines = process.stdout.read().splitlines()
  seconds = time.time() - start
  watcher.join()
  if process.returncode:
    sys.exit("The build failed:\n" + "\n".join(lines[-5:]))
  return seconds, peak[0], lines[-1].replace(folder, "")


def memory_of_session(session):
  """Returns the memory, in bytes, of all processes of a session.

  Pages that processes share are counted once (proportional set size).
  """
  total = 0
  for name in os.listdir("/proc"):
    if not name.isdigit():
      continue
    try:
      if os.getsid(int(name)) != session:
        continue
      with open("/proc/%s/smaps_rollup" % name) as f:
        total += sum(int(line.split()[1]) * 1024
                     for line in f if line.startswith("Pss:"))
    except (ProcessLookupError, FileNotFoundError):
      pass  # it has just exited
  return total


def draw(peaks, path, num_processes):
  """Plots the peak memory against the size of the corpus."""
  import matplotlib  # optional: only the plot needs it
  matplotlib.use("Agg")
  from matplotlib import pyplot

  sizes, memories = zip(*peaks)
  figure, axes = pyplot.subplots(figsize=(6, 3.5))
  axes.plot(sizes, memories, "o-")
  axes.set_xscale("log")
  axes.set_ylim(0, max(memories) * 1.3)
  axes.set_xlabel("corpus, MB")
  axes.set_ylabel("peak memory, MB")
  axes.set_title("Building examples with %d processes" % num_processes)
  axes.grid(alpha=0.3)
  figure.tight_layout()
  figure.savefig(path, dpi=120)
  print("Wrote " + path)


if __name__ == "__main__":
  main()
