"""Measures ranks on this machine, and predicts the speed of many GPUs.

  python benchmarks/scaling.py              predictions against published speeds
  python benchmarks/scaling.py --measure    1 and 2 ranks here (needs Horovod)

The model of data parallelism: an update of N devices takes

  b / s + 2 (n - 1) / n * bytes / local + 2 (H - 1) / H * bytes / network

with b sequences per device and update, s sequences/s of one device, 4 bytes of
gradient per weight, n devices in a host and H hosts; the last two terms are a
ring all-reduce inside a host and between hosts, not overlapped with computing.
A run also has a fixed time (start-up, evaluations, checkpoints). Speeds of one
device, and the published ones that predictions are compared with, are NVIDIA's
(DeepLearningExamples, TensorFlow2/LanguageModeling/ELECTRA). The bandwidths are
those of data sheets: NVLink of V100 and A100 in one direction, and the network
cards of a DGX A100 (8 x 200 Gbit/s) and DGX-2H (8 x 100 Gbit/s).
"""

import argparse
import collections
import json
import os
import statistics
import subprocess
import sys
import tempfile
from unittest import mock

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
sys.path.insert(0, ROOT)
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import numpy as np
import tensorflow.compat.v1 as tf

import configure_pretraining
from model import flops
from pretrain import pretrain_data
from pretrain import starting_weights

BYTES_OF_GRADIENT = 4  # float32
# name: GB/s inside a host, GB/s between hosts
LINKS = {"V100, DGX-1": (150, 50), "V100, DGX-2": (150, 100),
         "A100": (300, 200)}
Published = collections.namedtuple("Published", [
    "device", "name", "length", "per_device", "one", "count", "all"])
# Sequences/s of one device and of several; `per_device`: sequences between two
# all-reduces without accumulation, known of A100s; of V100s it is assumed.
PUBLISHED = [
    Published("A100", "TF32", 128, 176, 533, 8, 4202),
    Published("A100", "float16", 128, 176, 955, 8, 7512),
    Published("A100", "TF32", 512, 24, 90, 8, 716),
    Published("A100", "float16", 512, 24, 171, 8, 1347),
    Published("V100, DGX-1", "float32", 128, 88, 116, 8, 920),
    Published("V100, DGX-1", "float16", 128, 88, 444, 8, 3475),
    Published("V100, DGX-1", "float32", 512, 12, 24, 8, 190),
    Published("V100, DGX-1", "float16", 512, 12, 84, 8, 656),
    Published("V100, DGX-2", "float32", 128, 176, 128, 16, 2018),
    Published("V100, DGX-2", "float16", 128, 176, 500, 16, 7773),
    Published("V100, DGX-2", "float32", 512, 24, 27, 16, 426),
    Published("V100, DGX-2", "float16", 512, 24, 96, 16, 1506)]
# Hours of the complete training of one host and of several: two phases, in
# which one A100 computes 176 sequences of 128 and 72 of 512 tokens per update.
Training = collections.namedtuple("Training", [
    "device", "name", "one_host", "num_hosts", "all"])
TRAININGS = [
    Training("A100", "float16", 30.47, 48, 1.126),
    Training("A100", "TF32", 54.84, 48, 1.61)]
# TPU v3-8: (model, vocabulary, published sequences/s of 512 tokens).
# AraELECTRA: 2 million steps of 256 in 24 days. KoELECTRA: 1.5 million in 14.
TPU = [("AraELECTRA", 64000, 247), ("KoELECTRA v3", 35000, 317)]
TPU_PEAK = 420e12  # bfloat16, 8 cores


def main():
  parser = argparse.ArgumentParser(
      description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
  parser.add_argument("--measure", action="store_true")
  parser.add_argument("--rounds", type=int, default=3)
  args = parser.parse_args()
  if args.measure:
    measure(args.rounds)
  else:
    predict()


# ----------------------------------------------------------------- predictions


def make_config(vocab_size, length):
  """Returns the PretrainingConfig of a base model."""
  return configure_pretraining.PretrainingConfig(
      "base", ROOT, model_size="base", vocab_size=vocab_size,
      max_seq_length=length, generator_hidden_size=1 / 3.0)


def count_weights(config):
  """Returns the number of weights, of which a step has gradients."""
  special_ids = {token: i for i, token in enumerate(
      ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"))}
  with mock.patch.object(pretrain_data, "special_ids", lambda _: special_ids), (
      tf.Graph().as_default()):
    starting_weights.build_model(config)
    return sum(int(np.prod(variable.shape.as_list()))
               for variable in tf.trainable_variables())


def all_reduce_seconds(num_weights, device, num_local, num_hosts):
  """Returns the seconds of reducing all gradients."""
  local, network = LINKS[device]
  num_bytes = BYTES_OF_GRADIENT * num_weights
  return (2.0 * (num_local - 1) / num_local * num_bytes / (local * 1e9) +
          2.0 * (num_hosts - 1) / num_hosts * num_bytes / (network * 1e9))


def sequences_per_second(one, per_device, num_weights, device, num_local,
                         num_hosts=1):
  """Returns the speed of all devices, from that of one."""
  seconds = per_device / one + all_reduce_seconds(
      num_weights, device, num_local, num_hosts)
  return num_local * num_hosts * per_device / seconds


def predict():
  """Prints predictions next to published speeds, and those of AraELECTRA."""
  num_weights = count_weights(make_config(30522, 128))
  print("ELECTRA base, 30,522 tokens, {:,} weights: {:.0f} MB are reduced per "
        "update".format(num_weights, BYTES_OF_GRADIENT * num_weights / 1e6))
  print("%-14s %-8s %6s %8s %10s %10s %6s" % (
      "device", "type", "tokens", "devices", "predicted", "published", "error"))
  for row in PUBLISHED:
    speed = sequences_per_second(
        row.one, row.per_device, num_weights, row.device, row.count)
    print("%-14s %-8s %6d %8d %10.0f %10d %+5.1f%%" % (
        row.device, row.name, row.length, row.count, speed, row.all,
        100 * (speed / row.all - 1)))
  predict_trainings(num_weights)
  predict_araelectra()
  for name, vocab_size, speed in TPU:
    used = speed * flops.pretraining_step(make_config(vocab_size, 512), 1)
    print("TPU v3-8, %s: %d sequences/s are %.0f%% of %.0f TFLOP/s" % (
        name, speed, 100 * used / TPU_PEAK, TPU_PEAK / 1e12))


def predict_trainings(num_weights):
  """Prints the fixed time that explains the published training times."""
  for row in TRAININGS:
    one = {"float16": (955, 171), "TF32": (533, 90)}[row.name]
    # The slower phase decides; both have about the same efficiency.
    efficiency = statistics.mean(
        sequences_per_second(speed, per_device, num_weights, row.device, 8,
                             row.num_hosts) / (8 * row.num_hosts * speed)
        for speed, per_device in zip(one, (176, 72)))
    # one_host = work + fixed; all = work / (num_hosts * efficiency) + fixed
    speedup = row.num_hosts * efficiency
    fixed = (row.all - row.one_host / speedup) / (1 - 1 / speedup)
    print("%d hosts of 8 %s, %s: efficiency %.2f without fixed time; published "
          "%.2f h against %.2f h of one host: fixed time %.0f minutes" % (
              row.num_hosts, row.device, row.name, efficiency, row.all,
              row.one_host, 60 * fixed))


def predict_araelectra():
  """Prints the predicted speed and days of AraELECTRA's training."""
  config = make_config(64000, 512)
  num_weights = count_weights(config)
  ratio = (flops.pretraining_step(make_config(30522, 512), 1) /
           flops.pretraining_step(config, 1))
  print("AraELECTRA, 64,000 tokens, {:,} weights; 512 million sequences of 512 "
        "tokens on A100s:".format(num_weights))
  for name, one in (("TF32", 90), ("float16", 171)):
    for num_hosts, num_local, per_device in (
        (1, 8, 32), (8, 8, 32), (32, 8, 8)):
      speed = sequences_per_second(
          one * ratio, per_device, num_weights, "A100", num_local, num_hosts)
      count = num_hosts * num_local
      print("  %-8s %4d GPUs x %2d: %7.0f sequences/s, efficiency %.2f, "
            "%5.2f days" % (name, count, per_device, speed, speed / (
                count * one * ratio), 512e6 / speed / 86400))


# ----------------------------------------------------------------- measurement


def measure(rounds):
  """Prints steps/s of one rank on one core and two ranks on two cores."""
  from tests.pretrain import tiny_pretraining
  with tempfile.TemporaryDirectory() as folder:
    tiny_pretraining.write_vocab(folder)
    tiny_pretraining.write_records(folder, [400, 400], length=128)
    speeds = {1: [], 2: []}
    for _ in range(rounds):
      for num_ranks in speeds:
        speeds[num_ranks].append(train(folder, num_ranks))
  for num_ranks, values in speeds.items():
    print("%d rank%s, a core each, 16 sequences a step and rank: median %.2f "
          "sequences/s (%.2f to %.2f)" % (
              num_ranks, "s" * (num_ranks > 1), statistics.median(values),
              min(values), max(values)))
  print("2 ranks: %.2f times the sequences/s of 1 rank" % (
      statistics.median(speeds[2]) / statistics.median(speeds[1])))


def train(folder, num_ranks, num_steps=12, per_rank=16):
  """Returns the sequences/s of a training, each rank on one core."""
  model_dir = tempfile.mkdtemp(dir=folder)
  hparams = {
      "model_size": "small", "max_seq_length": 128, "model_dir": model_dir,
      "train_batch_size": per_rank * num_ranks, "num_train_steps": num_steps,
      "num_warmup_steps": 2, "log_steps": 1}
  command = [sys.executable, os.path.join(ROOT, "run_pretraining.py"),
             "--data-dir", folder, "--model-name", "scaling", "--hparams",
             json.dumps(hparams)]
  if num_ranks == 1:
    command = ["taskset", "-c", "0"] + command
  else:
    command = ["horovodrun", "--gloo", "-np", str(num_ranks)] + command
  subprocess.run(
      command, check=True, stdout=subprocess.DEVNULL, env=dict(
          os.environ, PATH=os.path.dirname(sys.executable) + os.pathsep +
          os.environ["PATH"], PYTHONPATH=ROOT, PYTHONWARNINGS="ignore"))
  with open(os.path.join(model_dir, "training_log.jsonl")) as f:
    seconds = [json.loads(line)["seconds"] for line in f]
  first = 3  # slow: memory is allocated
  return per_rank * num_ranks * (len(seconds) - 1 - first) / (
      seconds[-1] - seconds[first])


if __name__ == "__main__":
  main()
