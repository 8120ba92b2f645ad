"""Prepares TensorFlow for the tests and finds the project from any folder."""

import os
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "0")
sys.path.insert(0, ROOT)


def pytest_configure(config):
  """Sets TensorFlow up once, as the runners do."""
  config.addinivalue_line("markers", "slow: takes longer than a few seconds")
  from util import estimators  # imports TensorFlow
  estimators.setup_tensorflow()
