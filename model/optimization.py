"""Learning rate schedule, layer-wise rates and Adam with weight decay.

One step computes gradients, makes them dense, averages them over replicas (in
a wrapping optimizer), clips them at a global norm, applies them, and only then
increments the global step. Every op that reads the global step (the rate, the
random seeds) is an input of the updates, so none reads it while it changes, and
runs are reproducible bit by bit.
"""

import collections
import re

import tensorflow.compat.v1 as tf

CLIP_NORM = 1.0
NO_DECAY = ("LayerNorm", "layer_norm", "bias")

TrainOp = collections.namedtuple(
    "TrainOp", ["op", "learning_rate", "grad_norm"])


def create_optimizer(
    loss, learning_rate, num_train_steps, weight_decay_rate=0.0, use_tpu=False,
    warmup_steps=0, warmup_proportion=0, lr_decay_power=1.0,
    layerwise_lr_decay_power=-1, n_transformer_layers=None, **settings):
  """Returns the op of one training step; see `create_train_op`.

  Args:
    warmup_steps: int, its `num_warmup_steps`.
    **settings: its other arguments; the rest has the same name here and there.
  """
  settings.setdefault("num_warmup_steps", warmup_steps)
  return create_train_op(
      loss, learning_rate, num_train_steps, weight_decay_rate=weight_decay_rate,
      use_tpu=use_tpu, warmup_proportion=warmup_proportion,
      lr_decay_power=lr_decay_power,
      layerwise_lr_decay_power=layerwise_lr_decay_power,
      n_transformer_layers=n_transformer_layers, **settings).op


def create_train_op(loss, learning_rate, num_train_steps, *,
                    weight_decay_rate=0.0, num_warmup_steps=0,
                    warmup_proportion=0.0, lr_decay_power=1.0,
                    layerwise_lr_decay_power=-1, n_transformer_layers=None,
                    use_tpu=False, grads_and_vars=None, wrap_optimizer=None,
                    more_updates=()):
  """Returns the op of a training step, which increments the global step.

  Args:
    loss: float32 Tensor of shape []; unused with `grads_and_vars`.
    learning_rate: float, the peak.
    num_train_steps: int, the step at which the rate reaches 0.
    weight_decay_rate: float, per unit of learning rate.
    num_warmup_steps: int, steps of linear warm-up; 0: none.
    warmup_proportion: float, warm-up as a fraction of `num_train_steps`; the
      longer of the two is used.
    lr_decay_power: float, power of the decay.
    layerwise_lr_decay_power: float, factor of the rate from one layer to the
      next lower; <= 0: all layers learn at the same rate.
    n_transformer_layers: int, required for layer-wise rates.
    use_tpu: bool, average the gradients over TPU cores.
    grads_and_vars: list of (gradient, variable), averaged over replicas if
      there are several. None: computed from `loss`.
    wrap_optimizer: function from a tf.train.Optimizer to one that computes and
      applies gradients through it, for instance if they are finite.
    more_updates: list of ops that are run too, such as that of a loss scale.

  Returns:
    TrainOp(op, learning_rate, grad_norm): the op; the float32 rate of this
    step, before layer-wise factors; and the float32 global norm of the
    gradients before clipping.

  Raises:
    ValueError: no variable has a gradient, or a variable's name does not
      determine its layer-wise rate.
  """
  global_step = tf.train.get_or_create_global_step()
  rate = learning_rate_at(
      global_step, learning_rate, num_train_steps,
      num_warmup_steps=num_warmup_steps, warmup_proportion=warmup_proportion,
      lr_decay_power=lr_decay_power)
  rate_factor_fn = None
  if layerwise_lr_decay_power > 0:
    rate_factor_fn = lambda name: layerwise_factor(
        name, layerwise_lr_decay_power, n_transformer_layers)
  adam = AdamWeightDecayOptimizer(
      rate, weight_decay_rate=weight_decay_rate,
      exclude_from_weight_decay=NO_DECAY, rate_factor_fn=rate_factor_fn,
      clip_norm=CLIP_NORM if use_tpu else None)
  optimizer = adam
  if wrap_optimizer is not None:
    optimizer = wrap_optimizer(optimizer)
  if use_tpu:
    optimizer = tf.tpu.CrossShardOptimizer(optimizer)
  if grads_and_vars is None:
    grads_and_vars = compute_gradients(loss, optimizer)
  grad_norm = None
  if not use_tpu:
    # Not in the optimizer: loss scaling applies gradients inside a tf.cond,
    # from which the norm cannot be fetched.
    grads_and_vars, grad_norm = clip_gradients(grads_and_vars, CLIP_NORM)
  op = optimizer.apply_gradients(grads_and_vars, global_step=global_step)
  if more_updates:
    op = tf.group(op, *more_updates)
  return TrainOp(op, rate, adam.grad_norm if use_tpu else grad_norm)


def compute_gradients(loss, optimizer=None, variables=None, scale=None):
  """Returns [(gradient, variable)] for the variables that `loss` depends on.

  Args:
    loss: float32 Tensor of shape [].
    optimizer: tf.train.Optimizer that computes them (it may scale the loss).
    variables: list of variables; None: all trainable ones.
    scale: float32 Tensor of shape [], of loss_scale. The loss is multiplied by
      it and the gradients are divided by it. None: neither.

  Raises:
    ValueError: `loss` depends on none of them.
  """
  if variables is None:
    variables = tf.trainable_variables()
  scaled_loss = loss if scale is None else loss * scale
  if optimizer is None:
    grads_and_vars = zip(tf.gradients(scaled_loss, variables), variables)
  else:
    grads_and_vars = optimizer.compute_gradients(scaled_loss, variables)
  dense = [(to_dense(grad), var) for grad, var in grads_and_vars
           if grad is not None]
  for grad, var in dense:
    grad.set_shape(var.shape)  # within a loop, rows of tables are not known
  if scale is not None:
    dense = [(grad / scale, var) for grad, var in dense]
  if not dense:
    raise ValueError("The loss '%s' depends on none of %d trainable variables."
                     % (loss.name, len(variables)))
  return dense


def clip_gradients(grads_and_vars, clip_norm):
  """Clips gradients at a global norm; an infinite norm makes them all NaN.

  Args:
    grads_and_vars: list of (gradient Tensor, variable).
    clip_norm: float, the maximum norm.

  Returns:
    (clipped, norm): the clipped list, and the float32 norm before clipping.
  """
  grads, variables = zip(*grads_and_vars)
  norm = tf.global_norm(grads)
  clipped, _ = tf.clip_by_global_norm(grads, clip_norm, use_norm=norm)
  return list(zip(clipped, variables)), norm


def to_dense(grad):
  """Returns a gradient as a Tensor; rows with the same index are summed.

  Weight decay changes every row of the word embeddings at every step, so sparse
  updates would not be faster; and with duplicate rows the norm would be wrong.
  """
  if not isinstance(grad, tf.IndexedSlices):
    return grad
  return tf.math.unsorted_segment_sum(
      grad.values, grad.indices, grad.dense_shape[0])


def learning_rate_at(global_step, learning_rate, num_train_steps, *,
                     num_warmup_steps=0, warmup_proportion=0.0,
                     lr_decay_power=1.0):
  """Returns the learning rate of a step, a float32 Tensor of shape [].

  Decay and warm-up both start at the first step:
  learning_rate * (1 - step / num_train_steps)^power * min(1, step / warm-up).

  Args:
    global_step: int or int Tensor of shape [], the completed steps.
    learning_rate, num_train_steps, num_warmup_steps, warmup_proportion,
      lr_decay_power: see `create_train_op`.
  """
  step = tf.cast(global_step, tf.float32)
  remaining = tf.maximum(0.0, 1.0 - step / float(max(1, num_train_steps)))
  if lr_decay_power != 1.0:
    remaining = tf.pow(remaining, lr_decay_power)
  rate = learning_rate * remaining
  warmup = max(num_warmup_steps, num_train_steps * warmup_proportion)
  if warmup > 0:  # 0 means no warm-up; 0/0 is NaN
    rate *= tf.minimum(1.0, step / float(warmup))
  return rate


def layerwise_factor(name, decay, n_transformer_layers):
  """Returns the factor of a variable's learning rate.

  decay^(n_layers + 2 - depth), with depth 0 for the embeddings, i + 1 for layer
  i and n_layers + 2 for the task's variables. So the top layer gets decay^2 and
  not decay, as in the published results.

  Args:
    name: string, the variable's name.
    decay: float, from one layer to the next lower.
    n_transformer_layers: int.

  Raises:
    ValueError: the name is in none of these scopes, or its layer does not
      exist.
  """
  depth = _depth_of(name, n_transformer_layers)
  if depth is None:
    raise ValueError(
        "No layer-wise learning rate for variable '%s' in a model of %r layers:"
        " expected it under task_specific/, encoder/layer_<i>/, embeddings/ or "
        "embeddings_project/." % (name, n_transformer_layers))
  return decay ** (n_transformer_layers + 2 - depth)


def _depth_of(name, n_transformer_layers):
  if "task_specific/" in name:
    return n_transformer_layers + 2
  layer = re.search(r"encoder/layer_(\d+)/", name)
  if layer:
    index = int(layer.group(1))
    return index + 1 if index < n_transformer_layers else None
  if "/embeddings/" in name or "/embeddings_project/" in name:
    return 0
  return None


class AdamWeightDecayOptimizer(tf.train.Optimizer):
  """Adam without bias correction, with decoupled weight decay.

  m = beta_1 m + (1 - beta_1) g;  v = beta_2 v + (1 - beta_2) g^2;
  w = w - rate * (m / (sqrt(v) + epsilon) + weight_decay_rate * w)

  As in BERT: Adam (arXiv:1412.6980, algorithm 1) without its two bias
  corrections, and with the decay of arXiv:1711.05101, algorithm 2, line 12.
  The slots are `<variable>/adam_m` and `<variable>/adam_v`.

  Attributes:
    grad_norm: float32 Tensor of shape [], the global norm before clipping; None
      before `apply_gradients` or without `clip_norm`.
  """

  def __init__(self, learning_rate, weight_decay_rate=0.0, beta_1=0.9,
               beta_2=0.999, epsilon=1e-6, exclude_from_weight_decay=NO_DECAY,
               rate_factor_fn=None, clip_norm=None,
               name="AdamWeightDecayOptimizer"):
    """Initializes the optimizer.

    Args:
      learning_rate: float or float32 Tensor of shape [].
      weight_decay_rate: float.
      beta_1: float.
      beta_2: float.
      epsilon: float.
      exclude_from_weight_decay: regular expressions; a variable whose name
        matches one does not decay.
      rate_factor_fn: function from a variable's name to the factor of its rate;
        None: 1 for all.
      clip_norm: float, the global norm at which gradients are clipped when they
        are applied, which on TPUs is after averaging over the cores; None:
        never.
      name: string.
    """
    super().__init__(use_locking=False, name=name)
    self._learning_rate = learning_rate
    self._weight_decay_rate = weight_decay_rate
    self._beta_1 = beta_1
    self._beta_2 = beta_2
    self._epsilon = epsilon
    self._exclude_from_weight_decay = tuple(exclude_from_weight_decay or ())
    self._rate_factor_fn = rate_factor_fn
    self._clip_norm = clip_norm
    self.grad_norm = None

  def apply_gradients(self, grads_and_vars, global_step=None, name=None):
    """Clips and applies gradients, then increments `global_step`."""
    grads_and_vars = [(to_dense(grad), var) for grad, var in grads_and_vars
                      if grad is not None]
    if self._clip_norm is not None:
      grads_and_vars, self.grad_norm = clip_gradients(
          grads_and_vars, self._clip_norm)
    return super().apply_gradients(
        grads_and_vars, global_step=global_step, name=name)

  def decays(self, name):
    """Returns whether a variable decays, by its name."""
    return bool(self._weight_decay_rate) and not any(
        re.search(pattern, name) for pattern in self._exclude_from_weight_decay)

  def _create_slots(self, var_list):
    for var in var_list:
      self._zeros_slot(var, "m", "adam_m")
      self._zeros_slot(var, "v", "adam_v")

  def _rate_of(self, var):
    if self._rate_factor_fn is None:
      return tf.convert_to_tensor(self._learning_rate, tf.float32)
    return self._learning_rate * self._rate_factor_fn(var.op.name)

  def _resource_apply_dense(self, grad, handle):
    rate = self._rate_of(handle)
    first, second = self.get_slot(handle, "m"), self.get_slot(handle, "v")
    with tf.control_dependencies(self._decay(handle, rate, grad)):
      return tf.raw_ops.ResourceApplyAdam(
          var=handle.handle, m=first.handle, v=second.handle,
          **self._adam_arguments(rate, grad))

  def _apply_dense(self, grad, var):
    rate = self._rate_of(var)
    first, second = self.get_slot(var, "m"), self.get_slot(var, "v")
    with tf.control_dependencies(self._decay(var, rate, grad)):
      return tf.raw_ops.ApplyAdam(
          var=var, m=first, v=second, **self._adam_arguments(rate, grad)).op

  def _decay(self, var, rate, grad):
    """Returns the ops of weight decay, on which Adam's update depends.

    They depend on the gradient, so it is computed from weights before decay.
    """
    if not self.decays(var.op.name):
      return []
    with tf.control_dependencies([grad]):
      kept = 1.0 - rate * self._weight_decay_rate
      return [var.assign(var.read_value() * kept, read_value=False)
              if hasattr(var, "handle") else tf.assign(var, var * kept)]

  def _adam_arguments(self, rate, grad):
    """Returns the arguments of TensorFlow's Adam; powers of 0: no bias
    correction."""
    return {
        "beta1_power": 0.0, "beta2_power": 0.0, "lr": rate,
        "beta1": self._beta_1, "beta2": self._beta_2, "epsilon": self._epsilon,
        "grad": grad, "use_locking": False}
