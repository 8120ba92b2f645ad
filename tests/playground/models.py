"""Folders of tiny models, for the tests of demo.py and its modules."""

import os

import numpy as np

from tests import serving_models
from tests.model import hf_models
from util import utils

LENGTH = 24  # max_seq_length of the fine-tuned models
NUM_POSITIONS = 64  # of the pre-trained ones


def write_pretrained(folder, objective="electra"):
  """Writes a pre-trained model; its tokens are "t5" to "t159"."""
  serving_models.write_pretrained(folder,
                                  "pretrain/pretrain_%s.npz" % objective)


def write_qa(folder):
  """Writes a model of "squadv1"."""
  golden = hf_models.load("finetune/head_qa_joint_predict.npz")
  serving_models.write_finetuned(
      folder, golden["var"], ["squadv1"], max_seq_length=LENGTH,
      max_query_length=10, doc_stride=8, answerable_classifier=False)


def write_sentences(folder):
  """Writes a model of "mnli" (pairs), "sts" and the tags of "pos"."""
  variables = hf_models.load("finetune/head_classification_predict.npz")["var"]
  rng = np.random.RandomState(0)
  for task, size in (("sts", 1), ("pos", 3)):
    for name, shape in (("kernel", [16, size]), ("bias", [size])):
      variables["task_specific/%s/dense/%s" % (task, name)] = rng.normal(
          size=shape).astype(np.float32)
  serving_models.write_finetuned(
      folder, variables, ["mnli", "sts", "pos"], max_seq_length=LENGTH)
  utils.write_json({"pos": {"labels": ["ADJ", "NOUN", "VERB"]}},
                   os.path.join(folder, "labels.json"))
