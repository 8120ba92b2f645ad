"""The Estimator of a trial: run config, model function, initial weights."""

import os

import tensorflow.compat.v1 as tf

from finetune import finetuning_model
from finetune import preprocessing
from model import checkpoint
from model import extended_tables
from model import loss_scale
from model import model_sizes
from model import optimization
from util import data_parallel
from util import estimators
from util import mixed_precision
from util import session_hooks
from util import utils

# A trial keeps only its newest checkpoint.
KEEP_CHECKPOINTS = 1
# Variables of a pre-trained checkpoint that fine-tuning does not use.
PRETRAINING_ONLY = ("^generator", "^discriminator_predictions/", "^cloze")


def make_estimator(config, tasks, *, model_dir, weights, num_train_steps=None):
  """Returns the TPUEstimator of a trial.

  Args:
    config: the FinetuningConfig of the trial.
    tasks: list of all Task of the run.
    model_dir: str, the folder of the trial's checkpoints.
    weights: str, the checkpoint that training starts from, or that predicts.
      None: training starts from random weights, or resumes.
    num_train_steps: int, the steps of the entire training; None to predict.
  """
  run_config = estimators.make_run_config(
      config, model_dir=model_dir,
      save_checkpoints_steps=config.save_checkpoints_steps,
      keep_checkpoint_max=KEEP_CHECKPOINTS)
  if config.save_checkpoints_minutes and not config.was_passed(
      "save_checkpoints_steps"):
    run_config = run_config.replace(
        save_checkpoints_secs=60.0 * config.save_checkpoints_minutes)
  return tf.estimator.tpu.TPUEstimator(
      use_tpu=config.use_tpu,
      model_fn=_model_fn_builder(
          config, tasks, model_dir, weights, num_train_steps),
      config=run_config,
      train_batch_size=config.train_batch_size,
      eval_batch_size=config.eval_batch_size,
      predict_batch_size=config.predict_batch_size)


def check_initial_weights(config, tasks, init_checkpoint):
  """Raises a UserError if a checkpoint does not fit the model to train.

  Called before the folder of the trial is changed.
  """
  with tf.Graph().as_default():
    finetuning_model.FinetuningModel(
        config, tasks, preprocessing.empty_features(config, tasks),
        is_training=True, num_train_steps=1)
    _plan(config, init_checkpoint)


def _model_fn_builder(config, tasks, model_dir, weights, num_train_steps):
  """Returns the model_fn; see `make_estimator` for the arguments."""

  def model_fn(features, labels, mode, params):
    del labels, params  # labels are among the features, sizes in the config
    if mode == tf.estimator.ModeKeys.TRAIN:
      return _training_spec(
          config, tasks, features, model_dir, weights, num_train_steps)
    model = finetuning_model.FinetuningModel(
        config, tasks, features, is_training=False)
    # Reports which hyperparameter to set if the sizes differ.
    checkpoint.plan(weights, tf.trainable_variables(), required=["."])
    return tf.estimator.tpu.TPUEstimatorSpec(
        mode=mode, scaffold_fn=checkpoint.evaluation_scaffold,
        predictions=dict(
            model.predictions(), **{preprocessing.INPUT_NUMBER: features[
                preprocessing.INPUT_NUMBER]}))

  return model_fn


def _training_spec(config, tasks, features, model_dir, weights,
                   num_train_steps):
  """Returns the TPUEstimatorSpec of a training step."""
  batch = _Batch(config, tasks, features, num_train_steps)
  grads, losses, updates = loss_scale.compute_gradients(
      batch.compute, mixed_precision.uses_float16(config))
  scaffold_fn = _start_from(weights, config) if weights else None
  loss = losses.pop("sum")
  step = optimization.create_train_op(
      loss, config.learning_rate, num_train_steps,
      weight_decay_rate=config.weight_decay_rate,
      warmup_proportion=config.warmup_proportion,
      layerwise_lr_decay_power=config.layerwise_lr_decay,
      n_transformer_layers=(
          model_sizes.get_bert_config(config).num_hidden_layers),
      use_tpu=config.use_tpu,
      grads_and_vars=grads and list(zip(grads, batch.variables)),
      more_updates=updates)
  return tf.estimator.tpu.TPUEstimatorSpec(
      mode=tf.estimator.ModeKeys.TRAIN, loss=loss, scaffold_fn=scaffold_fn,
      train_op=step.op,
      training_hooks=_progress_hooks(
          config, tasks, model_dir, num_train_steps, {
              "loss": losses.pop("loss"), "learning_rate": step.learning_rate},
          dict(losses, grad_norm=step.grad_norm)))


class _Batch:
  """The losses and gradients of a batch of all ranks.

  Attributes:
    variables: list of the trainable variables of the gradients; None before
      the first call of `compute`.
  """

  def __init__(self, config, tasks, features, num_train_steps):
    """Stores the arguments; see finetuning_model.FinetuningModel."""
    self._config = config
    self._tasks = tasks
    self._features = features
    self._num_train_steps = num_train_steps
    self.variables = None

  def compute(self, scale=None):
    """Returns (gradients, losses).

    The gradients are None on a TPU: the optimizer computes them. The losses are
    {name: float32 Tensor of shape []}: the "sum" over the batch, which is
    trained on, the mean "loss", and those of the tasks.

    Args:
      scale: as for optimization.compute_gradients.
    """
    model = finetuning_model.FinetuningModel(
        self._config, self._tasks, self._features, is_training=True,
        num_train_steps=self._num_train_steps)
    total, mean = model.loss, model.mean_loss
    if self._config.use_tpu:
      return None, {"sum": total, "loss": mean}
    grads, self.variables = zip(*optimization.compute_gradients(
        total, scale=scale))
    if data_parallel.num_ranks() > 1:
      losses, *grads = data_parallel.sum_over_ranks(
          [tf.stack([total, mean])] + list(grads))
      total, mean = tf.unstack(losses)
      mean /= data_parallel.num_ranks()
    return list(grads), dict(
        _losses_by_task(self._tasks, model), sum=total, loss=mean)


def _losses_by_task(tasks, model):
  """Returns {name: scalar Tensor}, NaN for a task without a training example.

  Only of a mix of tasks, and of one process: the batch of another is unknown.
  """
  if len(tasks) == 1 or data_parallel.num_ranks() > 1:
    return {}
  return {"loss_%s" % task.name: loss for task, loss in zip(
      tasks, model.mean_losses_by_task())}


def _progress_hooks(config, tasks, model_dir, num_train_steps, tensors,
                    metrics):
  if not data_parallel.is_chief():
    return []
  return [session_hooks.ProgressHook(
      num_train_steps=num_train_steps, batch_size=config.train_batch_size,
      max_seq_length=(None if preprocessing.is_trimming(config, tasks)
                      else config.max_seq_length),
      log_steps=config.log_steps, summary_dir=model_dir,
      log_file=os.path.join(model_dir, "training_log.jsonl"),
      # A TPU cannot return tensors from within its training loop.
      tensors={} if config.use_tpu else tensors,
      metrics={} if config.use_tpu else metrics)]


def _start_from(init_checkpoint, config):
  """Initializes variables from a checkpoint and logs which ones.

  All encoder variables are required. The head of a task is initialized too if
  the checkpoint was fine-tuned on a task of that name.

  Returns:
    The scaffold_fn that does so on the host of a TPU, None elsewhere.
  """
  report = _plan(config, init_checkpoint)
  utils.log(checkpoint.format_report(report))
  if config.use_tpu:
    return checkpoint.scaffold_fn(report)
  checkpoint.apply(report)
  return None


def _plan(config, init_checkpoint):
  return checkpoint.plan(
      init_checkpoint, tf.trainable_variables(), ignore=PRETRAINING_ONLY,
      required=["^electra/"],
      extend=extended_tables.requested(config, init_checkpoint),
      hints=extended_tables.hints(config, init_checkpoint))
