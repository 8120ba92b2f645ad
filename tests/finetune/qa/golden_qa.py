"""The data of tests/golden/finetune/qa_golden.json, laid out for a run.

Made by google-research/electra 8a46635 as adapted for AraELECTRA, from the
first 40 paragraphs of ARCD's training set; for SQuAD 2.0 every third question
of a paragraph was made impossible.
"""

import copy
import os

import numpy as np

import configure_finetuning
from finetune.qa import qa_examples
from finetune.readers import mrqa
from finetune.readers import squad
from model import tokenization
from util import utils

GOLDEN = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..",
                      "golden", "finetune")
LENGTH = 128


def load():
  """Returns the golden numbers."""
  return utils.load_json(os.path.join(GOLDEN, "qa_golden.json"))


def write_data(data_dir):
  """Writes train.json and dev.json of squadv1 and squad, which are the same."""
  squad_v1 = utils.load_json(os.path.join(GOLDEN, "qa_arcd_40.json"))
  squad_v2 = copy.deepcopy(squad_v1)
  for article in squad_v2["data"]:
    for paragraph in article["paragraphs"]:
      for i, question in enumerate(paragraph["qas"]):
        question["is_impossible"] = i % 3 == 2
        if question["is_impossible"]:
          question["answers"] = []
  for task_name, content in (("squadv1", squad_v1), ("squad", squad_v2)):
    for split in ("train", "dev"):
      write_split(data_dir, task_name, split, content)
  utils.copy(os.path.join(GOLDEN, "qa_vocab.txt"),
             os.path.join(data_dir, "vocab.txt"))


def write_split(data_dir, task_name, split, content):
  utils.write_json(content, os.path.join(
      data_dir, "finetuning_data", task_name, split + ".json"))


def config(data_dir, task_name, **hparams):
  """Returns the FinetuningConfig that the golden numbers were made with."""
  values = dict(
      task_names=[task_name], max_seq_length=LENGTH, doc_stride=48,
      max_query_length=24, n_best_size=10, beam_size=5, do_lower_case=False,
      init_checkpoint=None)
  values.update(hparams)
  return configure_finetuning.FinetuningConfig("golden", data_dir, **values)


def tokenizer():
  return tokenization.FullTokenizer(os.path.join(GOLDEN, "qa_vocab.txt"),
                                    do_lower_case=False)


def read_squad(path, task_name, *, is_training, has_impossible=False, **kwargs):
  """Returns the QAExamples of a labeled file in SQuAD's layout."""
  questions = squad.read_questions(path, has_impossible=has_impossible)
  return qa_examples.build_examples(
      questions, path, task_name, is_training=is_training, **kwargs)


def read_mrqa(path, task_name, *, is_training):
  """Returns the QAExamples of a labeled MRQA file."""
  return qa_examples.build_examples(mrqa.read_questions(path), path, task_name,
                                    is_training=is_training)


def made_up_outputs(window):
  """Returns the outputs for a window that the golden answers were made from.

  As `recipe` in qa_golden.json says. What it does not say: where eid % 3 is not
  0 and the window holds the answer, that is favoured: its logits are raised (6
  is the least whole number that gives the golden answers), and it is the first
  start of the beam and the first end of that start.
  """
  random = np.random.RandomState(window.eid)
  favoured = window.eid % 3 and window.start_position
  start_logits = random.randn(LENGTH).astype(np.float32)
  end_logits = random.randn(LENGTH).astype(np.float32)
  answerable_logit = np.float32(2 * random.randn()) + np.float32(
      -2.75 + 2 if window.is_impossible else -2.75 - 2)
  start_top_index = random.permutation(LENGTH)[:5].astype(np.int32)
  if favoured:
    start_logits[window.start_position] += 6
    end_logits[window.end_position] += 6
    start_top_index[0] = window.start_position
  start_top_log_probs = np.sort(random.randn(5))[::-1].astype(np.float32)
  end_top_index = np.stack([
      np.minimum(start + random.permutation(30)[:5], LENGTH - 1)
      for start in start_top_index])
  if favoured:
    end_top_index[0, 0] = window.end_position
  end_top_log_probs = np.sort(random.randn(5, 5), axis=1)[:, ::-1]
  return {
      "eid": window.eid, "loss": 1.0, "start_logits": start_logits,
      "end_logits": end_logits,
      "answerable_logit": answerable_logit,
      "start_top_index": start_top_index,
      "start_top_log_probs": start_top_log_probs,
      "end_top_index": end_top_index,
      "end_top_log_probs": end_top_log_probs.astype(np.float32)}
