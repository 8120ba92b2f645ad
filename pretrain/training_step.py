"""One update of the weights: losses, gradients, check for NaN and Inf."""

import collections
import re

import numpy as np
import tensorflow.compat.v1 as tf

from model import loss_scale
from model import optimization
from model import randomness as randomness_lib
from pretrain import pretrain_data
from pretrain import pretrain_metrics
from pretrain import pretraining_model
from pretrain import replaced_tokens
from util import data_parallel
from util import mixed_precision
from util import utils

_MAX_SKIPPED_IN_A_ROW = 100  # more are not caused by data: training diverged

# op: applies the update. losses: {name: float32 Tensor of shape []}. metrics:
# the same, of pretrain_metrics.batch_metrics; empty on a TPU. sample: {name:
# Tensor} of replaced_tokens.tensors_of, of one example. learning_rate,
# grad_norm: float32 Tensors of shape []. is_finite: bool Tensor of shape [],
# whether the update was applied; None on a TPU, where it always is.
# finite_checks: {label: float32 Tensor of shape []} that are non-finite if the
# loss or gradient of that label is, in the order of computation.
TrainingStep = collections.namedtuple("TrainingStep", [
    "op", "losses", "metrics", "sample", "learning_rate", "grad_norm",
    "is_finite", "finite_checks"])


def build(config, features):
  """Returns the TrainingStep of one batch.

  Args:
    config: PretrainingConfig. With `gradient_accumulation_steps` k each rank
      computes its share of the batch in k micro-batches, one after the other,
      in 1/k of the memory; the loss and its gradient are those of the complete
      batch.
    features: {name: Tensor}, see PretrainingModel.
  """
  randomness = randomness_lib.StepRandomness(
      config.seed, tf.train.get_or_create_global_step())
  num_micro_batches = (
      config.gradient_accumulation_steps * data_parallel.num_ranks())
  batch_class = _Batch if num_micro_batches == 1 else _MicroBatches
  batch = batch_class(config, features, randomness, num_micro_batches)
  grads, (losses, counts, sample), updates = loss_scale.compute_gradients(
      batch.compute, mixed_precision.uses_float16(config))
  grads_and_vars = list(zip(grads, batch.variables))
  guards = []

  def guard(optimizer):
    guards.append(SkipNonFiniteOptimizer(
        optimizer, losses["loss"],
        counts_skipped=config.nan_policy == "skip"))
    return guards[0]

  train_op = optimization.create_train_op(
      losses["loss"], config.learning_rate, config.num_train_steps,
      weight_decay_rate=config.weight_decay_rate,
      num_warmup_steps=config.num_warmup_steps,
      lr_decay_power=config.lr_decay_power, use_tpu=config.use_tpu,
      grads_and_vars=grads_and_vars,
      wrap_optimizer=None if config.use_tpu else guard, more_updates=updates)
  return TrainingStep(
      op=train_op.op, losses=losses,
      metrics=pretrain_metrics.batch_metrics(counts) if counts else {},
      sample=sample,
      learning_rate=train_op.learning_rate,
      grad_norm=train_op.grad_norm,
      is_finite=guards[0].is_finite if guards else None,
      finite_checks=_finite_checks(losses, grads_and_vars))


def _batch_counts(config, model):
  """Returns the counts of the training metrics, {} on a TPU, which has none."""
  return {} if config.use_tpu else pretrain_metrics.batch_counts(
      pretrain_metrics.metric_tensors(model))


def _finite_checks(losses, grads_and_vars):
  """Returns {label: scalar that is non-finite if any of its terms is}.

  These are the losses, the total last, and the squared gradient norms of groups
  of variables from the top of the model down. Clipping shares the squares.
  """
  checks = collections.OrderedDict(
      (name, losses[name])
      for name in sorted(losses, key=lambda name: (name == "loss", name)))
  squares = collections.OrderedDict()
  for grad, variable in reversed(grads_and_vars):
    with tf.colocate_with(grad):
      squares.setdefault("the gradient of " + group_of(variable.op.name), [
          ]).append(tf.nn.l2_loss(grad))
  for name, values in squares.items():
    checks[name] = tf.add_n(values)
  return checks


def group_of(name):
  """Returns the module of a variable, a prefix of its name.

  "electra/encoder/layer_0/attention/self/query/kernel" is in
  "electra/encoder/layer_0", "generator_predictions/dense/kernel" in
  "generator_predictions".
  """
  layer = re.match(r".*?/layer_\d+(?=/)", name)
  if layer:
    return layer.group()
  parts = name.split("/")
  return "/".join(parts[:2] if "embeddings" in name else parts[:1])


class _Batch:
  """A batch that is computed in one part.

  Attributes:
    variables: list of the trainable variables of the gradients; None before
      the first call of `compute`.
  """

  def __init__(self, config, features, randomness, num_micro_batches):
    """Stores the arguments; see `build`."""
    del num_micro_batches  # 1
    self._config = config
    self._features = features
    self._randomness = randomness
    self.variables = None

  def compute(self, scale=None):
    """Returns (gradients, (losses, counts, sample)).

    Args:
      scale: as for optimization.compute_gradients.
    """
    model = pretraining_model.PretrainingModel(
        self._config, self._features, is_training=True,
        randomness=self._randomness)
    grads, self.variables = zip(*optimization.compute_gradients(
        model.total_loss, scale=scale))
    return list(grads), (model.losses, _batch_counts(self._config, model),
                         replaced_tokens.tensors_of(model))


class _MicroBatches:
  """A batch that is computed in parts, one after the other, also by ranks.

  Every rank masks the entire batch, which is cheap, so that all agree on the
  denominators, and then computes the gradients of its micro-batches.

  Attributes:
    variables: as of _Batch.
  """

  def __init__(self, config, features, randomness, num_micro_batches):
    """Masks the batch; see `build` for the arguments."""
    self._config = config
    self._randomness = randomness
    self._special_ids = pretrain_data.special_ids(config.vocab_file)
    inputs = pretraining_model.masked(
        config, pretrain_data.features_to_inputs(features), randomness,
        self._special_ids)
    self._denominators = pretraining_model.denominators_of(
        inputs, self._special_ids)
    self._micro_batches = {
        name: tf.reshape(tensor, [num_micro_batches, -1] +
                         tensor.shape.as_list()[1:])
        for name, tensor in inputs._asdict().items()}
    self._part_names = ["part_%d" % i for i in range(num_micro_batches)]
    self._parts = data_parallel.parts_of_rank(num_micro_batches)
    self._template = None  # what _compute_part returned first
    self.variables = None

  def compute(self, scale=None):
    """Returns (gradients, (losses, counts, sample)) of the complete batch.

    Args:
      scale: as for optimization.compute_gradients.
    """
    is_first = self._template is None
    if is_first:
      self._template = self._compute_part(self._parts[0], scale)
    if len(self._parts) > 1:
      # A loop, not a copy of the graph for each micro-batch: graphs take
      # gigabytes and minutes to optimize. What was built above has created the
      # variables; it is never run.
      totals, sample = self._sum_parts(scale)
    elif is_first:
      totals, sample = self._template
    else:
      totals, sample = self._compute_part(self._parts[0], scale)
    summed = data_parallel.sum_over_ranks(totals)
    scalars = dict(zip(self._scalar_names, tf.unstack(
        summed[0], len(self._scalar_names))))
    losses = {name: scalars.pop(name) for name in self._loss_names}
    return summed[1:], (losses, scalars, sample)

  def _compute_part(self, i, scale):
    """Returns ([losses and counts] + gradients, sample) of a micro-batch."""
    model = pretraining_model.PretrainingModel(
        self._config, {name: tensor[i] for name, tensor in
                       self._micro_batches.items()},
        is_training=True,
        randomness=self._randomness.child_at(self._part_names, i),
        denominators=self._denominators, special_ids=self._special_ids)
    scalars = dict(model.losses, **_batch_counts(self._config, model))
    self._loss_names, self._scalar_names = sorted(model.losses), sorted(scalars)
    grads, self.variables = zip(*optimization.compute_gradients(
        model.total_loss, scale=scale))
    return ([tf.stack([scalars[name] for name in self._scalar_names])] +
            list(grads), replaced_tokens.tensors_of(model))

  def _sum_parts(self, scale):
    """Returns the sums of what _compute_part returns, and the last sample."""

    def add_part(i, totals, _):
      with tf.variable_scope(tf.get_variable_scope(), reuse=True):
        values, sample = self._compute_part(i, scale)
      return i + 1, [total + value for total, value in zip(totals, values)], (
          sample)

    _, totals, sample = tf.while_loop(
        lambda i, totals, sample: i <= self._parts[-1], add_part,
        (tf.constant(self._parts[0]),) + tf.nest.map_structure(
            lambda value: tf.zeros(value.shape, value.dtype), self._template),
        parallel_iterations=1, back_prop=False)
    return totals, sample


class SkipNonFiniteOptimizer(tf.train.Optimizer):
  """Wraps an optimizer; skips updates with a non-finite loss or gradient.

  Attributes:
    is_finite: bool Tensor of shape []; None before `apply_gradients`.
  """

  def __init__(self, optimizer, loss, counts_skipped=False):
    """Wraps `optimizer`.

    Args:
      optimizer: tf.train.Optimizer that applies the updates.
      loss: float32 Tensor of shape []. Its gradient can be finite even if it is
        not: the sigmoid of infinity is 1.
      counts_skipped: bool, whether the global step is incremented without an
        update. A run that stops must not: a checkpoint saved after the step
        would count it as done, and the resumed run would skip it.
    """
    super().__init__(use_locking=False, name="SkipNonFiniteOptimizer")
    self._optimizer = optimizer
    self._loss = loss
    self._counts_skipped = counts_skipped
    self.is_finite = None

  def compute_gradients(self, loss, var_list=None, **kwargs):
    return self._optimizer.compute_gradients(loss, var_list, **kwargs)

  def apply_gradients(self, grads_and_vars, global_step=None, name=None):
    """Applies gradients that were clipped together.

    Clipping divides by their global norm, so one NaN gradient makes all NaN:
    checking the smallest tensor suffices.
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
  """Stops the run, or logs and continues, when an update was skipped."""

  def __init__(self, step, nan_policy):
    """Makes the hook.

    Args:
      step: TrainingStep.
      nan_policy: "stop" or "skip".
    """
    self._fetches = (step.is_finite, list(step.finite_checks.values()))
    self._names = list(step.finite_checks)
    self._nan_policy = nan_policy

  def begin(self):
    self._global_step = tf.train.get_or_create_global_step()

  def after_create_session(self, session, coord):
    del coord  # starts no threads
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
    cause = self._first_non_finite(values)
    if self._nan_policy == "stop":
      raise utils.UserError(
          "Step %d: training diverged: %s. The update was not applied or "
          "saved. Lower learning_rate or raise num_warmup_steps, or set "
          "\"nan_policy\": \"skip\" to skip such steps." % (
              self._step, cause))
    utils.log("Skipped the update of step %d: %s" % (self._step, cause))
    if self._num_skipped >= _MAX_SKIPPED_IN_A_ROW:
      raise utils.UserError(
          "Step %d: training diverged: the last %d gradients were NaN or Inf. "
          "Resume from an earlier checkpoint with a lower learning_rate." % (
              self._step, self._num_skipped))

  def _first_non_finite(self, values):
    """Returns the first non-finite term, formatted."""
    terms = ["%s is %s" % (name, value)
             for name, value in zip(self._names, values)
             if not np.isfinite(value)]
    if not terms:
      return "the global gradient norm overflowed float32"
    more = " (and %d of %d other terms are non-finite)" % (
        len(terms) - 1, len(values) - 1)
    return terms[0] + more * (len(terms) > 1)
