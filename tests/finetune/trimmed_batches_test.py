"""Batches cut to their longest example: same outputs, exact resume."""

import json
import os
import random
import tempfile
import unittest

import numpy as np
import tensorflow.compat.v1 as tf

from finetune import model_runner
from finetune import scorer
from finetune import task_builder
from model import checkpoint
from tests.finetune import model_runner_test
from tests.finetune import words_task

MAX_LENGTH = 40  # tokens
LETTERS = "abcdef"


class RecordingScorer(scorer.Scorer):
  """Keeps the outputs of the model, in the order in which it gets them."""

  def __init__(self):
    super().__init__()
    self.outputs = []

  def update(self, results):
    self.outputs.append(results)

  def _get_results(self):
    return []


class TrimmedBatchesTest(unittest.TestCase):

  @classmethod
  def setUpClass(cls):
    super().setUpClass()
    cls.folder = tempfile.TemporaryDirectory()
    cls.data_dir = cls.folder.name
    words_task.write_data(cls.data_dir)
    rng = random.Random(0)
    texts = [" ".join(rng.choice(LETTERS) for _ in range(rng.choice(
        [1, 3, 9, 20, 33]))) for _ in range(30)]
    cls.write("cola/%s.tsv", ["s\t%d\t\t%s" % (i % 2, text)
                              for i, text in enumerate(texts)])
    cls.write("pos/%s.txt", [line for text in texts for line in [
        "%s %s" % (word, word.upper()) for word in text.split()] + [""]])
    for name in ("squad", "squadv1"):
      cls.write(name + "/%s.json", [json.dumps({"data": [{"paragraphs": [
          {"context": text, "qas": [{
              "id": str(i), "question": "good", "is_impossible": False,
              "answers": [{"text": text[:1], "answer_start": 0}]}]}
          for i, text in enumerate(texts)]}]})])

  @classmethod
  def write(cls, path, lines):
    for split in ("train", "dev"):
      words_task.write_lines(os.path.join(
          cls.data_dir, "finetuning_data", *(path % split).split("/")), lines)

  @classmethod
  def tearDownClass(cls):
    cls.folder.cleanup()
    super().tearDownClass()

  def runner(self, folder, *task_names, **hparams):
    """Returns (ModelRunner, tasks)."""
    values = dict(
        task_names=list(task_names), max_seq_length=MAX_LENGTH, beam_size=4,
        max_query_length=2, doc_stride=16, num_train_epochs=2.0,
        model_hparam_overrides=dict(words_task.TINY_MODEL,
                                    max_position_embeddings=MAX_LENGTH),
        model_dir=os.path.join(self.data_dir, folder))
    values.update(hparams)
    config = words_task.tiny_config(self.data_dir, **values)
    tasks = task_builder.get_tasks(config)
    return model_runner.ModelRunner(config, tasks), tasks

  def outputs(self, model_dir, *task_names, **hparams):
    """Returns {task: list of what its head puts out for each dev input}."""
    runner, tasks = self.runner("unused", *task_names, **hparams)
    outputs = {}
    for task in tasks:
      task.get_scorer = lambda split: RecordingScorer()
      outputs[task.name] = runner.score(task, "dev", model_dir).outputs
    return outputs

  def check_outputs(self, *task_names, **hparams):
    runner, _ = self.runner("_".join(task_names), *task_names,
                            num_train_epochs=0.3, **hparams)
    runner.train()
    full = self.outputs(runner.model_dir, *task_names, trim_batches=False,
                        **hparams)
    trimmed = self.outputs(runner.model_dir, *task_names, **hparams)
    lengths = set()
    for task_name in task_names:
      self.assertEqual(len(full[task_name]), len(trimmed[task_name]))
      for one, other in zip(full[task_name], trimmed[task_name]):
        self.assertEqual(sorted(one), sorted(other))
        for name in one:
          shape = np.shape(other[name])
          if shape and shape[0] < np.shape(one[name])[0]:
            lengths.add(shape[0])
            one[name] = one[name][:shape[0]]
          if name == "predictions" and shape:  # of padding words it is random
            used = int(sum(one["labels_mask"]))
            one[name], other[name] = one[name][:used], other[name][:used]
          if name == "end_top_index" or name == "start_top_index":
            continue  # equal scores may come in another order
          if name.endswith("_log_probs"):
            # Below is what fills the beam up: positions that no answer has.
            one[name] = np.maximum(one[name], -500.0)
            other[name] = np.maximum(other[name], -500.0)
          np.testing.assert_allclose(other[name], one[name], rtol=1e-5,
                                     atol=1e-5, err_msg=name)
    return lengths

  def test_classification_and_tagging_together(self):
    # Batches are 8, 16, 24 or 40 tokens long; a full one is not cut.
    self.assertTrue({8, 16} <= self.check_outputs("cola", "pos"))

  def test_joint_answers_with_their_loss(self):
    # The loss counts the end as a guess among all positions, cut off or not.
    self.assertTrue({8, 16} <= self.check_outputs("squad"))

  def test_independent_answers(self):
    self.assertTrue({8, 16} <= self.check_outputs(
        "squadv1", joint_prediction=False, answerable_classifier=False))

  def test_scores_are_the_same(self):
    runner, _ = self.runner("scored", "pos", num_train_epochs=2.0)
    runner.train()
    full, _ = self.runner("unused", "pos", trim_batches=False)
    scores = runner.evaluate()["pos"]
    for name, value in full.evaluate(runner.model_dir)["pos"].items():
      self.assertAlmostEqual(scores[name], value, places=4)

  def test_interrupted_training_ends_in_the_same_weights(self):
    uninterrupted, _ = self.runner("uninterrupted", "cola")
    uninterrupted.train()
    settings = dict(save_checkpoints_steps=2)
    with self.assertRaises(KeyboardInterrupt):
      self.runner("resumed", "cola", **settings)[0].train(
          [model_runner_test.StopAtStep(5)])
    resumed, _ = self.runner("resumed", "cola", **settings)
    resumed.train()
    one, other = (checkpoint.latest(r.model_dir) for r in (
        uninterrupted, resumed))
    for name in checkpoint.shapes_of(one):
      np.testing.assert_array_equal(
          tf.train.load_variable(one, name),
          tf.train.load_variable(other, name), err_msg=name)


if __name__ == "__main__":
  from util import estimators
  estimators.setup_tensorflow()
  unittest.main()
