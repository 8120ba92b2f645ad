"""Compares speed and memory with the reference and with transformers.

  .venv-tf2/bin/python benchmarks/run.py [--areas step build finetuning]

Runs both sides alternately on the same data, `--rounds` times, prints medians
with their range and the ratios, and writes benchmarks/results/MACHINE.json and
a plot for each area. The sides:

  here, TF 1.15 / 2.15   this project, in .venv-tf1 and .venv-tf2
  reference              google-research/electra as in the PyPI package arabert
                         (1.0.1), unchanged, in .venv-tf1
  transformers           with PyTorch, in .venv-peers (requirements-peers.txt)

A side whose environment is missing is omitted, which is printed. Areas: "step"
is a pre-training step, "build" text to TFRecords with one process, "finetuning"
a classification of short texts, its training and its predictions (without the
reference: the package lacks the modules of its classification tasks).
"""

import argparse
import collections
import datetime
import json
import os
import re
import statistics
import subprocess
import sys
import tempfile
import time

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
sys.path.insert(0, ROOT)
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("MPLBACKEND", "Agg")

from matplotlib import pyplot

import configure_pretraining
from model import flops
from model import model_sizes

BENCHMARKS = os.path.join(ROOT, "benchmarks")
CORPUS = os.path.join(ROOT, "examples", "data", "corpus")
HERE_1, HERE_2 = "here, TF 1.15", "here, TF 2.15"
REFERENCE = "reference, TF 1.15"
HF, HF_ALL_LOGITS = "transformers", "transformers, all logits"
PYTHONS = {
    HERE_1: ".venv-tf1", REFERENCE: ".venv-tf1", HERE_2: ".venv-tf2",
    HF: ".venv-peers", HF_ALL_LOGITS: ".venv-peers"}
REFERENCE_FOLDER = os.path.join("arabert", "araelectra")
NUM_FIRST_STEPS = 2  # slow: memory is allocated, primitives are compiled
MEGABYTE = 1e6
MAX_SEQ_LENGTH = 128  # of the short texts
# name: (model_size, vocab_size, length, batch size, steps)
STEP_CASES = collections.OrderedDict([
    ("small, 16 x 128", ("small", 64000, 128, 16, 10)),
    ("base, 4 x 128", ("base", 64000, 128, 4, 7)),
    ("base, 2 x 512", ("base", 64000, 512, 2, 6)),
])
GENERATOR_SIZES = {"small": 0.25, "base": 1 / 3.0}


def main():
  parser = argparse.ArgumentParser(
      description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
  parser.add_argument("--areas", nargs="+", choices=sorted(AREAS),
                      default=sorted(AREAS))
  parser.add_argument("--cases", nargs="+", choices=list(STEP_CASES),
                      default=list(STEP_CASES), help="of the area step")
  parser.add_argument("--rounds", type=int, default=3)
  parser.add_argument("--corpus-mb", type=float, default=6.0,
                      help="size of the text of the area build")
  parser.add_argument("--num-texts", type=int, default=10000,
                      help="texts that are predicted in the area finetuning")
  parser.add_argument("--output-dir",
                      default=os.path.join(BENCHMARKS, "results"))
  args = parser.parse_args()
  os.makedirs(args.output_dir, exist_ok=True)
  path = os.path.join(args.output_dir, machine_name() + ".json")
  results = {}
  if os.path.exists(path):  # areas and cases can be run one after the other
    with open(path, encoding="utf-8") as f:
      results = json.load(f)
  with tempfile.TemporaryDirectory() as folder:
    for area in args.areas:
      cases = AREAS[area](args, folder)
      print_table(area, cases)
      all_cases = dict(results.get(area, {}).get("cases", {}), **cases)
      results[area] = {
          "command": "python benchmarks/run.py --areas %s --rounds %d" % (
              area, args.rounds),
          "machine": describe_machine(), "cases": all_cases}
      plot(all_cases, "%s_%s.png" % (os.path.splitext(path)[0], area))
      with open(path, "w", encoding="utf-8") as f:
        json.dump(results, f, indent=1, sort_keys=True)
  print("Wrote " + path)


# ----------------------------------------------------------------------- areas


def measure_steps(args, folder):
  """Returns the results of the area "step"."""
  write_vocab(folder, 64000)
  return {name: measure_step(name, folder, args.rounds) for name in args.cases}


def measure_step(name, folder, rounds):
  """Returns the results of one of STEP_CASES."""
  model_size, vocab_size, length, batch_size, num_steps = STEP_CASES[name]
  data_dir = os.path.join(folder, "data_%d" % length)
  build_examples(folder, data_dir, length)
  hparams = {
      "model_size": model_size, "vocab_size": vocab_size, "use_tpu": False,
      "vocab_file": os.path.join(folder, "vocab.txt"),
      "max_seq_length": length, "train_batch_size": batch_size,
      "generator_hidden_size": GENERATOR_SIZES[model_size],
      "num_train_steps": num_steps, "num_warmup_steps": 2,
      "learning_rate": 1e-4, "save_checkpoints_steps": 1000,
      "pretrain_tfrecords": os.path.join(
          data_dir, "pretrain_tfrecords", "pretrain_data.tfrecord*")}
  config = configure_pretraining.PretrainingConfig("sizes", data_dir, **hparams)

  def train(side):
    return clean_steps(run_json(
        [python_of(side), os.path.join(BENCHMARKS, "estimator_steps.py"),
         script_of(side, "run_pretraining.py"), "--data-dir", data_dir,
         "--model-name", "m%d" % time.time(), "--hparams",
         json.dumps(hparams)]))

  def train_hf(side):
    return clean_steps(run_json(
        [python_of(side),
         os.path.join(BENCHMARKS, "peers", "hf_pretraining.py"),
         json.dumps(dict(
             hf_sizes(config), num_steps=num_steps, length=length,
             batch_size=batch_size, gathers_logits=side == HF))]))

  sides = collections.OrderedDict()
  for side in (REFERENCE, HERE_1, HERE_2):
    sides[side] = lambda side=side: train(side)
  for side in (HF, HF_ALL_LOGITS):
    sides[side] = lambda side=side: train_hf(side)
  case = alternate(name, sides, rounds)
  if HF in case:
    operations = flops.pretraining_step(config, batch_size)
    gflops = run_json([
        python_of(HF), os.path.join(BENCHMARKS, "peers", "products.py"),
        json.dumps(product_shapes(config))])["gflops"]
    for metrics in case.values():
      metrics["share of sgemm"] = [
          operations / wall / gflops / 1e9 for wall in metrics["wall s"]]
  return case


def clean_steps(line):
  """Returns {metric: value} of a run's JSON, without its first steps."""
  return {"wall s": statistics.median(line["wall"][NUM_FIRST_STEPS:]),
          "CPU s": statistics.median(line["cpu"][NUM_FIRST_STEPS:]),
          "peak GB": line["peak_bytes"] / 1e9}


def hf_sizes(config):
  """Returns the ElectraConfig values of both models of a PretrainingConfig."""
  main_sizes = model_sizes.get_bert_config(config)
  embedding_size = model_sizes.get_embedding_size(config, main_sizes)
  sizes = {}
  for name, bert_config in (
      ("discriminator", main_sizes),
      ("generator", model_sizes.get_generator_config(config, main_sizes))):
    sizes[name] = dict(bert_config.to_dict(), embedding_size=embedding_size)
  return sizes


def product_shapes(config):
  """Returns [[M, N, K, operations]] of the matrix products of a step."""
  main_sizes = model_sizes.get_bert_config(config)
  tokens = config.train_batch_size * config.max_seq_length
  shapes = []
  for sizes in (main_sizes, model_sizes.get_generator_config(
      config, main_sizes)):
    width, layers = sizes.hidden_size, sizes.num_hidden_layers
    shapes.append([tokens, width, width, 24.0 * tokens * width ** 2 * layers])
    shapes.append([tokens, sizes.intermediate_size, width, (
        12.0 * tokens * width * sizes.intermediate_size * layers)])
  embedding_size = model_sizes.get_embedding_size(config, main_sizes)
  masked = config.train_batch_size * config.max_predictions_per_seq
  shapes.append([masked, config.vocab_size, embedding_size, (
      6.0 * masked * config.vocab_size * embedding_size)])
  return shapes


def measure_build(args, folder):
  """Returns the results of the area "build"; start-up is subtracted."""
  write_vocab(folder, 64000)
  corpora = {}
  for name, size in (("empty", 0.0), ("text", args.corpus_mb)):
    corpora[name] = os.path.join(folder, "corpus_" + name)
    write_corpus(corpora[name], size)

  def build(side, num_processes):
    seconds = {}
    for name, corpus in corpora.items():
      seconds[name] = run_timed(
          [python_of(side), script_of(side, "build_pretraining_dataset.py"),
           "--corpus-dir", corpus, "--vocab-file",
           os.path.join(folder, "vocab.txt"), "--output-dir",
           tempfile.mkdtemp(dir=folder) + "/tfrecords", "--max-seq-length",
           "128", "--num-processes", str(num_processes), "--no-lower-case"])
    return {"wall s": seconds["text"][0] - seconds["empty"][0],
            "CPU s": seconds["text"][1] - seconds["empty"][1]}

  sides = collections.OrderedDict()
  for side in (REFERENCE, HERE_1, HERE_2):
    sides[side] = lambda side=side: build(side, 1)
  sides[HERE_2 + ", 2 processes"] = lambda: build(HERE_2, 2)
  name = "%g MB of Arabic" % args.corpus_mb
  return {name: alternate(name, sides, args.rounds)}


def measure_finetuning(args, folder):
  """Returns the results of the area "finetuning"."""
  write_vocab(folder, 64000)
  data_dir = os.path.join(folder, "classification")
  task_dir = os.path.join(data_dir, "finetuning_data", "sst")
  os.makedirs(task_dir)
  texts = sentences(args.num_texts)
  for name, number in (("train", 1600), ("dev", 100), ("few", 1000),
                       ("many", args.num_texts)):
    with open(os.path.join(task_dir, name + ".tsv"), "w",
              encoding="utf-8") as f:
      f.write("sentence\tlabel\n" + "".join(
          "%s\t%d\n" % (text, number % 2)
          for number, text in enumerate(texts[:number])))
  batch_size, num_steps = 32, 25
  shared = {"model_size": "small", "vocab_size": 64000, "use_tpu": False,
            "vocab_file": os.path.join(folder, "vocab.txt"),
            "max_seq_length": MAX_SEQ_LENGTH}
  build_examples(folder, data_dir, MAX_SEQ_LENGTH)
  run_json([python_of(HERE_1), os.path.join(BENCHMARKS, "estimator_steps.py"),
            script_of(HERE_1, "run_pretraining.py"), "--data-dir", data_dir,
            "--model-name", "m", "--hparams", json.dumps(dict(
                shared, num_train_steps=2, num_warmup_steps=1,
                train_batch_size=2))])  # the weights that all start from
  hparams = dict(
      shared, task_names=["sst"], num_trials=1, do_eval=False,
      train_batch_size=batch_size, predict_batch_size=batch_size,
      num_train_epochs=batch_size * num_steps / 1600.0)

  trial = os.path.join(
      data_dir, "models", "m", "finetuning_models", "sst_model_1")

  def finetune(side):
    line = run_json(
        [python_of(side), os.path.join(BENCHMARKS, "estimator_steps.py"),
         script_of(side, "run_finetuning.py"), "--data-dir", data_dir,
         "--model-name", "m", "--hparams", json.dumps(
             dict(hparams, overwrite=True))])
    wall = line["wall"][NUM_FIRST_STEPS:]
    seconds = [run_timed(
        [python_of(side), script_of(side, "run_finetuning.py"), "--data-dir",
         data_dir, "--model-name", "m", "--hparams", json.dumps(dict(
             hparams, do_train=False, init_checkpoint=trial,
             predict_file=os.path.join(task_dir, name + ".tsv")))])[0]
               for name in ("few", "many")]
    return {"training examples/s": batch_size * len(wall) / sum(wall),
            "predictions/s": (args.num_texts - 1000) / (
                seconds[1] - seconds[0]),
            "peak GB": line["peak_bytes"] / 1e9}

  def finetune_hf():
    config = configure_pretraining.PretrainingConfig("m", data_dir, **shared)
    line = run_json([python_of(HF), os.path.join(
        BENCHMARKS, "peers", "hf_classification.py"), json.dumps({
            "config": hf_sizes(config)["discriminator"],
            "vocab_file": shared["vocab_file"], "num_steps": num_steps,
            "batch_size": batch_size, "max_seq_length": MAX_SEQ_LENGTH,
            "train_file": os.path.join(task_dir, "train.tsv"),
            "predict_file": os.path.join(task_dir, "many.tsv")})])
    return {"training examples/s": line["training"],
            "predictions/s": line["prediction"],
            "peak GB": line["peak_bytes"] / 1e9}

  sides = collections.OrderedDict(
      (side, lambda side=side: finetune(side))
      for side in (HERE_1, HERE_2))
  sides[HF] = finetune_hf
  name = "short texts, small, batch 32"
  return {name: alternate(name, sides, args.rounds)}


AREAS = {"step": measure_steps, "build": measure_build,
         "finetuning": measure_finetuning}


# ------------------------------------------------------------------------ data


def write_vocab(folder, vocab_size):
  """Writes vocab.txt: 4,000 trained tokens, filled up with unused ones."""
  path = os.path.join(folder, "vocab.txt")
  if os.path.exists(path):
    return
  run([python_of(HERE_2), os.path.join(ROOT, "train_vocab.py"), "--corpus-dir",
       CORPUS, "--output-file", path, "--vocab-size", "4000",
       "--no-lower-case"])
  with open(path, encoding="utf-8") as f:
    tokens = f.read().splitlines()
  with open(path, "a", encoding="utf-8") as f:
    f.writelines("[unused%d]\n" % i for i in range(vocab_size - len(tokens)))


def build_examples(folder, data_dir, length):
  """Builds pre-training examples of the example corpus, once."""
  output_dir = os.path.join(data_dir, "pretrain_tfrecords")
  if os.path.exists(output_dir):
    return
  os.makedirs(data_dir, exist_ok=True)
  run([python_of(HERE_2), os.path.join(ROOT, "build_pretraining_dataset.py"),
       "--corpus-dir", CORPUS, "--vocab-file",
       os.path.join(folder, "vocab.txt"), "--output-dir", output_dir,
       "--max-seq-length", str(length), "--no-lower-case", "--num-out-files",
       "4"])


def lines_of_corpus():
  """Yields the lines of the example corpus, again and again."""
  while True:
    for name in sorted(os.listdir(CORPUS)):
      with open(os.path.join(CORPUS, name), encoding="utf-8") as f:
        for line in f:
          yield line


def write_corpus(folder, megabytes):
  """Writes a file of some megabytes, or of one sentence."""
  os.mkdir(folder)
  size = 0
  with open(os.path.join(folder, "corpus.txt"), "w", encoding="utf-8") as f:
    for line in lines_of_corpus():
      f.write(line)
      size += len(line.encode("utf-8"))
      if size > megabytes * MEGABYTE:
        return


def sentences(number):
  """Returns the first sentences of the corpus, repeated if needed."""
  found = []
  for line in lines_of_corpus():
    if line.strip():
      found.append(line.strip().replace("\t", " "))
    if len(found) == number:
      return found


# --------------------------------------------------------------------- running


def alternate(name, sides, rounds):
  """Returns {side: {metric: list of a value for each round}}.

  Args:
    name: str, of the case.
    sides: {side: function that runs it and returns {metric: value}}.
    rounds: int, how often each side runs, one after the other.
  """
  results = collections.OrderedDict()
  for round_ in range(rounds):
    for side, measure in sides.items():
      if not os.path.exists(python_of(side)):
        if not round_:
          print("%s: omitted, %s is missing" % (side, python_of(side)))
        continue
      print("%s: %s, round %d of %d" % (name, side, round_ + 1, rounds),
            flush=True)
      for metric, value in measure().items():
        results.setdefault(side, collections.OrderedDict()).setdefault(
            metric, []).append(value)
  return results


def python_of(side):
  """Returns the path of the Python of a side, which may not exist."""
  environment = next(PYTHONS[name] for name in PYTHONS if side.startswith(name))
  return os.path.join(ROOT, environment, "bin", "python")


def script_of(side, name):
  """Returns the path of a script of this project, or of the reference."""
  if side != REFERENCE:
    return os.path.join(ROOT, name)
  packages = subprocess.check_output(
      [python_of(side), "-c", "import sysconfig; "
       "print(sysconfig.get_paths()['purelib'])"]).decode().strip()
  return os.path.join(packages, REFERENCE_FOLDER, name)


def run(command):
  """Runs a command; returns its output. An error prints the end of it."""
  environment = dict(os.environ, PYTHONWARNINGS="ignore", PYTHONPATH="")
  done = subprocess.run(command, stdout=subprocess.PIPE,
                        stderr=subprocess.STDOUT, env=environment,
                        cwd=tempfile.gettempdir())
  output = done.stdout.decode("utf-8", "replace")
  if done.returncode:
    sys.exit("%s\n%s" % (" ".join(command), output[-3000:]))
  return output


def run_json(command):
  """Runs a command; returns the object of its last line of JSON."""
  lines = [line for line in run(command).splitlines() if line.startswith("{")]
  return json.loads(lines[-1])


def run_timed(command):
  """Runs a command; returns its (wall, CPU) seconds."""
  before, start = os.times(), time.time()
  run(command)
  after = os.times()
  return time.time() - start, (
      after.children_user + after.children_system -
      before.children_user - before.children_system)


# --------------------------------------------------------------------- results


def describe_machine():
  """Returns {what: value} of the processor, its memory and the date."""
  with open("/proc/cpuinfo") as f:
    text = f.read()
  model = re.search(r"model name\s*: (.*)", text)
  flags = re.search(r"flags\s*: (.*)", text)
  names = ("avx2", "avx512f", "avx512_bf16", "amx_bf16")
  return {"processor": model.group(1) if model else "unknown",
          "cores": os.cpu_count(),
          "instructions": [name for name in names
                           if flags and name in flags.group(1).split()],
          "date": datetime.date.today().isoformat()}


def machine_name():
  """Returns a file name for the processor, such as intel_xeon_2_cores."""
  machine = describe_machine()
  words = re.findall(r"[a-z0-9]+", re.sub(
      r"\(.*?\)|processor|cpu", "", machine["processor"].lower()))
  return "_".join(words + machine["instructions"][-1:] + [
      "%d_cores" % machine["cores"]])


def is_rate(metric):
  """Returns whether more is better."""
  return metric.endswith("/s") or metric.startswith("share")


def print_table(area, cases):
  """Prints the median, minimum and maximum of each metric, and ratios.

  A ratio above 1 means that the best of this project's sides is ahead.
  """
  for name, sides in cases.items():
    print("\n%s: %s" % (area, name))
    metrics = list(collections.OrderedDict.fromkeys(
        metric for values in sides.values() for metric in values))
    for metric in metrics:
      measured = {side: values[metric] for side, values in sides.items()
                  if metric in values}
      best = (max if is_rate(metric) else min)(
          [statistics.median(values) for side, values in measured.items()
           if side.startswith("here")] or [0])
      for side, values in measured.items():
        median = statistics.median(values)
        ratio = best / median if is_rate(metric) else median / best
        print("  %-20s %-26s %8.3f (%.3f to %.3f)  x%.2f" % (
            metric, side, median, min(values), max(values), ratio))


def plot(cases, path):
  """Draws the medians of each metric, with their range, as bars."""
  metrics = list(collections.OrderedDict.fromkeys(
      metric for sides in cases.values() for values in sides.values()
      for metric in values))
  figure, axes = pyplot.subplots(
      len(cases), len(metrics), squeeze=False,
      figsize=(3.2 * len(metrics), 2.4 * len(cases)))
  for row, (name, sides) in zip(axes, cases.items()):
    for axis, metric in zip(row, metrics):
      for y, (side, values) in enumerate(sorted(sides.items())):
        if metric not in values:
          continue
        median = statistics.median(values[metric])
        axis.barh(y, median, color=(
            "#2a6f97" if side.startswith("here") else "#b0b0b0"),
                  xerr=[[median - min(values[metric])],
                        [max(values[metric]) - median]])
      axis.set_yticks(range(len(sides)))
      axis.set_yticklabels(sorted(sides) if axis is row[0] else [])
      axis.invert_yaxis()
      axis.set_title("%s%s" % (name + "\n" if axis is row[0] else "", metric),
                     fontsize=9)
  figure.tight_layout()
  figure.savefig(path, dpi=80)
  pyplot.close(figure)


if __name__ == "__main__":
  main()
