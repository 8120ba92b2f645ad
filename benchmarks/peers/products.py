"""Measures how fast this machine multiplies matrices of given shapes.

  python products.py '[[M, N, K, OPERATIONS], ...]'

Prints a line of JSON with the GFLOP/s of products [M, K] x [K, N] with PyTorch,
averaged over shapes as the operations of a training step are distributed.
"""

import json
import sys
import time

import torch

SECONDS_OF_SHAPE = 1.0


def main():
  total_seconds = total_operations = 0.0
  for m, n, k, operations in json.loads(sys.argv[1]):
    left, right = torch.rand(m, k), torch.rand(k, n)
    left @ right
    num_products, start = 0, time.time()
    while time.time() - start < SECONDS_OF_SHAPE:
      left @ right
      num_products += 1
    seconds = (time.time() - start) / num_products
    total_seconds += seconds * operations / (2.0 * m * n * k)
    total_operations += operations
  print("\n" + json.dumps({"gflops": total_operations / total_seconds / 1e9}))


if __name__ == "__main__":
  main()
