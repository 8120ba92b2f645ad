"""The reference's pre-training steps, done again with the code under test.

Golden numbers: google-research/electra (8a46635) on TensorFlow 1.15, with
dropout 0 and with the likeliest token in place of a sampled one.

  python -m tests.pretrain.golden_runs

prints a line an objective: the largest differences, each relative to the
largest element of its tensor, of the losses and the gradient norm, of all
gradients, and of all weights and of Adam's slots after three steps.
"""

import collections
import json
import os
import unittest.mock

import numpy as np
import tensorflow.compat.v1 as tf

import configure_pretraining
from model import optimization
from pretrain import pretrain_helpers
from pretrain import pretraining_model
from util import estimators

GOLDEN = os.path.join(os.path.dirname(os.path.dirname(
    os.path.abspath(__file__))), "golden", "pretrain")
OBJECTIVES = ("electra", "tied", "untied_embeddings", "uniform",
              "disallow_correct", "mlm", "electric")
# The global step that the learning rate of each update was computed from. The
# reference reads it while it is incremented, so it is a race: mostly the
# increment came first, but not in these.
RATE_STEPS = {"disallow_correct": (1, 1, 3), "untied_embeddings": (1, 2, 2)}

Run = collections.namedtuple("Run", [
    "golden",  # {name: array} of the golden file
    "out",  # {name: array} computed here: losses and the gradient norm
    "grad",  # {variable: array}
    "losses",  # before each of three steps and after them
    "after",  # {variable or slot: array} after three steps
])


def config(objective):
  """Returns the PretrainingConfig of a golden run."""
  with open(os.path.join(
      GOLDEN, "pretrain_%s_hparams.json" % objective)) as f:
    hparams = json.load(f)
  return configure_pretraining.PretrainingConfig(
      "golden", "data", vocab_file=os.path.join(GOLDEN, "tiny_vocab.txt"),
      **hparams)


def load(objective):
  """Returns {name: array} of a golden file."""
  with np.load(os.path.join(GOLDEN, "pretrain_%s.npz" % objective)) as f:
    return {name: f[name] for name in f.files}


def features(golden):
  """Returns the masked features of a golden run."""
  tensors = {name[3:]: tf.constant(value) for name, value in golden.items()
             if name.startswith("in/")}
  tensors["input_ids"] = tensors.pop("masked_input_ids")
  return tensors


def run(objective):
  """Takes the three steps of a golden run; returns a Run."""
  golden = load(objective)
  with unittest.mock.patch.object(
      pretrain_helpers, "sample_from_softmax", _likeliest
  ), unittest.mock.patch.object(
      pretrain_helpers, "sample_uniformly", _first_token
  ), tf.Graph().as_default(), tf.Session() as session:
    model = pretraining_model.PretrainingModel(
        config(objective), features(golden), is_training=True)
    norm, grads_and_vars = _gradients(model.total_loss)
    with unittest.mock.patch.object(
        optimization, "clip_gradients", lambda pairs, clip_norm: (
            _clip(pairs, clip_norm, norm), norm)):
      # Weight decay, rate, steps and warm-up of the golden runs.
      train_op = optimization.create_optimizer(
          model.total_loss, 1e-3, 10, weight_decay_rate=0.01,
          num_warmup_steps=2, grads_and_vars=grads_and_vars)
    session.run(tf.global_variables_initializer())
    for variable in tf.trainable_variables():
      variable.load(golden["var/" + variable.op.name], session)

    out = session.run({
        "total_loss": model.total_loss, "grad_norm": norm,
        "mlm_loss": model.losses["mlm_loss"]})
    grad = session.run({var.op.name: grad for grad, var in grads_and_vars})
    losses = []
    for step in RATE_STEPS.get(objective, (1, 2, 3)):
      tf.train.get_global_step().load(step, session)
      losses.append(session.run([model.total_loss, train_op])[0])
    losses.append(session.run(model.total_loss))
    after = session.run({var.op.name: var for var in tf.global_variables()
                         if var.op.name != "global_step"})
  return Run(golden, out, grad, losses, after)


def _likeliest(logits, randomness, temperature=1.0, disallow=None,
               likelihoods=None):
  """Replaces sampling by argmax, as in the golden runs.

  `disallow` has no effect on them: no argmax is the original token.
  """
  del randomness, temperature, disallow, likelihoods
  return tf.argmax(logits, axis=-1, output_type=tf.int32)


def _first_token(shape, vocab_size, randomness, disallow=None):
  """The likeliest token of a uniform generator, as argmax breaks ties."""
  del vocab_size, randomness, disallow
  return tf.zeros(shape, tf.int32)


def _gradients(loss):
  """Returns (norm, gradients): the norm is the one that the reference clips by.

  Where nothing but lookups reads a table, it counts a row that is looked up
  twice as two rows; 0.1 to 0.5 % of the norm here.
  """
  variables = tf.trainable_variables()
  grads = tf.gradients(loss, variables)
  return tf.global_norm(grads), [
      (optimization.to_dense(grad), var)
      for grad, var in zip(grads, variables)]


def _clip(grads_and_vars, clip_norm, norm):
  clipped, _ = tf.clip_by_global_norm(
      [grad for grad, _ in grads_and_vars], clip_norm, use_norm=norm)
  return list(zip(clipped, [var for _, var in grads_and_vars]))


def difference(got, wanted):
  """Returns the largest difference over the largest element wanted."""
  largest = np.max(np.abs(wanted))
  return np.max(np.abs(got - wanted)) / largest if largest else 0.0


def main():
  estimators.setup_tensorflow()
  print("| TensorFlow %s | Losses, norm | Gradients | Weights after 3 steps | "
        "Adam's slots after 3 steps |" % tf.__version__)
  print("|:----|:----:|:----:|:----:|:----:|")
  for objective in OBJECTIVES:
    result = run(objective)
    differences = [
        [difference(value, result.golden["out/" + name])
         for name, value in result.out.items()] +
        [difference(result.losses, result.golden["out/losses_over_steps"])],
        # A gradient that is 0 but for rounding has no relative difference.
        [difference(value, result.golden["grad/" + name])
         for name, value in result.grad.items()
         if np.max(np.abs(result.golden["grad/" + name])) > 1e-7]]
    for is_slot in (False, True):
      differences.append([
          difference(value, result.golden["after/" + name])
          for name, value in result.after.items()
          if bool(name.endswith(("/adam_m", "/adam_v"))) == is_slot and
          np.max(np.abs(result.golden["after/" + name])) > 1e-9])
    print("| %s | %s |" % (objective, " | ".join(
        "%.1e" % max(values) for values in differences)))


if __name__ == "__main__":
  main()
