"""One update of the weights: losses, gradients, and when not to apply them."""

import collections
import re

import numpy as np
import tensorflow.compat.v1 as tf

from model import optimization
from model import randomness as randomness_lib
from pretrain import pretrain_data
from pretrain import pretraining_model
from util import utils

_MAX_SKIPPED_IN_A_ROW = 100  # then it is not the data: weights are beyond help

# op: does the step. losses: {name: float32 Tensor of shape []}. learning_rate,
# grad_norm: float32 Tensors of shape []. is_finite: bool Tensor of shape [],
# whether there was an update; None on a TPU, where there always is. parts:
# {what it is: float32 Tensor of shape []} of what is not a number where the
# step is not, in the order in which it is computed.
TrainingStep = collections.namedtuple("TrainingStep", [
    "op", "losses", "learning_rate", "grad_norm", "is_finite", "parts"])


def build(config, features):
  """Returns the TrainingStep of one batch.

  Args:
    config: PretrainingConfig. With `gradient_accumulation_steps` k the batch is
      computed in k parts, one after the other, in 1/k of the memory; the loss
      and its gradient are those of the whole batch.
    features: {name: Tensor}, see PretrainingModel.
  """
  randomness = randomness_lib.StepRandomness(
      config.seed, tf.train.get_or_create_global_step())
  if config.gradient_accumulation_steps == 1:
    model = pretraining_model.PretrainingModel(
        config, features, is_training=True, randomness=randomness)
    losses = model.losses
    grads_and_vars = optimization.compute_gradients(model.total_loss)
  else:
    losses, grads_and_vars = _accumulate(config, features, randomness)
  guards = []

  def guard(optimizer):
    guards.append(FiniteOptimizer(
        optimizer, losses["loss"],
        counts_skipped=config.nan_policy == "skip"))
    return guards[0]

  train_op = optimization.create_train_op(
      losses["loss"], config.learning_rate, config.num_train_steps,
      weight_decay_rate=config.weight_decay_rate,
      num_warmup_steps=config.num_warmup_steps,
      lr_decay_power=config.lr_decay_power, use_tpu=config.use_tpu,
      grads_and_vars=grads_and_vars,
      wrap_optimizer=None if config.use_tpu else guard)
  return TrainingStep(
      op=train_op.op, losses=losses, learning_rate=train_op.learning_rate,
      grad_norm=train_op.grad_norm,
      is_finite=guards[0].is_finite if guards else None,
      parts=_parts(losses, grads_and_vars))


def _parts(losses, grads_and_vars):
  """Returns {what it is: what is no number if any of it is not}.

  The losses, the total last, and the squared norms of the gradients of groups
  of variables from the top of the model down, as they are computed. The squares
  are what clipping computes, too.
  """
  parts = collections.OrderedDict(
      (name, losses[name])
      for name in sorted(losses, key=lambda name: (name == "loss", name)))
  squares = collections.OrderedDict()
  for grad, variable in reversed(grads_and_vars):
    with tf.colocate_with(grad):
      squares.setdefault("the gradient of " + group_of(variable.op.name), [
          ]).append(tf.nn.l2_loss(grad))
  for name, values in squares.items():
    parts[name] = tf.add_n(values)
  return parts


def group_of(name):
  """Returns the part of the model that a variable is in.

  "electra/encoder/layer_0/attention/self/query/kernel" is in
  "electra/encoder/layer_0", "generator_predictions/dense/kernel" in
  "generator_predictions".
  """
  layer = re.match(r".*?/layer_\d+(?=/)", name)
  if layer:
    return layer.group()
  parts = name.split("/")
  return "/".join(parts[:2] if "embeddings" in name else parts[:1])


def _accumulate(config, features, randomness):
  """Returns (losses, grads_and_vars) of a batch that is computed in parts."""
  num_parts = config.gradient_accumulation_steps
  inputs = pretraining_model.masked(
      config, pretrain_data.features_to_inputs(features), randomness)
  denominators = pretraining_model.denominators_of(config, inputs)
  parts = {name: tf.split(tensor, num_parts)
           for name, tensor in inputs._asdict().items()}
  losses, grads, variables = {}, [], []
  for i in range(num_parts):
    # One part's activations are gone before the next part's are made.
    with tf.control_dependencies(grads):
      model = pretraining_model.PretrainingModel(
          config, {name: tensors[i] for name, tensors in parts.items()},
          is_training=True, randomness=randomness.child("part_%d" % i),
          denominators=denominators)
      grads_and_vars = optimization.compute_gradients(model.total_loss)
      part_grads, variables = zip(*grads_and_vars)
      grads = [total + grad for total, grad in zip(grads, part_grads)] or list(
          part_grads)
      losses = {name: loss + losses.get(name, 0.0)
                for name, loss in model.losses.items()}
  return losses, list(zip(grads, variables))


class FiniteOptimizer(tf.train.Optimizer):
  """Lets another optimizer update only where loss and gradients are numbers.

  Attributes:
    is_finite: bool Tensor of shape []; None before `apply_gradients`.
  """

  def __init__(self, optimizer, loss, counts_skipped=False):
    """Makes the optimizer.

    Args:
      optimizer: tf.train.Optimizer that does the updates.
      loss: float32 Tensor of shape []. Its gradient can be a number where it
        is not: the sigmoid of infinity is 1.
      counts_skipped: bool, whether the global step is incremented even without
        an update. A run that stops must not: a checkpoint that is due after
        the step would have it done, and the run that goes on would leave it
        out.
    """
    super().__init__(use_locking=False, name="FiniteOptimizer")
    self._optimizer = optimizer
    self._loss = loss
    self._counts_skipped = counts_skipped
    self.is_finite = None

  def compute_gradients(self, loss, var_list=None, **kwargs):
    return self._optimizer.compute_gradients(loss, var_list, **kwargs)

  def apply_gradients(self, grads_and_vars, global_step=None, name=None):
    """Applies gradients that were clipped together.

    Clipping divides by their global norm, so one that is not a number makes all
    of them not numbers: the smallest tells.
    """
    grads_and_vars = list(grads_and_vars)
    smallest = min((grad for grad, _ in grads_and_vars),
                   key=lambda grad: grad.shape.num_elements())
    self.is_finite = (tf.is_finite(tf.reduce_sum(smallest)) &
                      tf.is_finite(self._loss))

    def update():
      with tf.control_dependencies(
          [self._optimizer.apply_gradients(grads_and_vars)]):
        return tf.constant(True)

    is_updated = tf.cond(self.is_finite, update, lambda: tf.constant(False))
    with tf.control_dependencies([is_updated]):
      num_steps = tf.cast(
          is_updated | self._counts_skipped, global_step.dtype.base_dtype)
      return tf.assign_add(global_step, num_steps, name=name).op


class FiniteHook(tf.train.SessionRunHook):
  """Stops a run, or says so and goes on, when a step was not applied."""

  def __init__(self, step, nan_policy):
    """Makes the hook.

    Args:
      step: TrainingStep.
      nan_policy: "stop" or "skip".
    """
    self._fetches = (step.is_finite, list(step.parts.values()))
    self._names = list(step.parts)
    self._nan_policy = nan_policy

  def begin(self):
    self._global_step = tf.train.get_or_create_global_step()

  def after_create_session(self, session, coord):
    del coord  # no threads of our own
    self._step = int(session.run(self._global_step))
    self._num_skipped = 0

  def before_run(self, run_context):
    del run_context  # always the same fetches
    return tf.train.SessionRunArgs(self._fetches)

  def after_run(self, run_context, run_values):
    del run_context  # the results are all we need
    self._step += 1
    is_finite, values = run_values.results
    if is_finite:
      self._num_skipped = 0
      return
    self._num_skipped += 1
    fault = self._first_fault(values)
    if self._nan_policy == "stop":
      raise utils.UserError(
          "Step %d: expected a finite gradient, but %s; neither the step nor a "
          "checkpoint of it was made. Lower learning_rate or raise "
          "num_warmup_steps, or set \"nan_policy\": \"skip\" to go on without "
          "such steps." % (self._step, fault))
    utils.log("Skipped the update of step %d: %s" % (self._step, fault))
    if self._num_skipped >= _MAX_SKIPPED_IN_A_ROW:
      raise utils.UserError(
          "Step %d: expected some finite gradient, the last %d were nan or "
          "infinity; go on from an earlier checkpoint with a lower "
          "learning_rate." % (self._step, self._num_skipped))

  def _first_fault(self, values):
    """Returns the first value that is no number, in words."""
    faults = ["%s is %s" % (name, value)
              for name, value in zip(self._names, values)
              if not np.isfinite(value)]
    if not faults:
      return "the norm of all gradients is too large for a number"
    more = " (and %d of %d other parts are no numbers)" % (
        len(faults) - 1, len(values) - 1)
    return faults[0] + more * (len(faults) > 1)
