"""The graph of fine-tuning: one shared encoder, a head for each task.

Variables: `electra/...` as in pre-training, `task_specific/<task>/...`.
"""

import tensorflow.compat.v1 as tf

from model import model_sizes
from model import modeling
from model import randomness
from util import data_parallel
from util import model_files

_SEPARATOR = "/"  # between the names of a task and an output; in no task's name


class FinetuningModel:
  """Encoder and heads for one batch that may mix the examples of all tasks.

  Attributes:
    loss: float32 scalar Tensor, the sum of the losses of the batch. The sum,
      not the mean, is what the reference clips at global norm 1.0 and trains
      on; published learning rates are for it.
    mean_loss: float32 scalar Tensor, the mean loss of an example, for logging.
    bert_config: the modeling.BertConfig of the encoder.
  """

  def __init__(self, config, tasks, features, *, is_training,
               num_train_steps=None):
    """Builds the graph.

    Args:
      config: a FinetuningConfig; its `seed` decides the dropout of each step.
      tasks: list of all Task of the run, in the order of their task ids.
      features: {name: Tensor of shape [B, ...]} as preprocessing makes them.
      is_training: bool, whether dropout is on.
      num_train_steps: int, total training steps; only needed in training.
    """
    global_step = tf.train.get_or_create_global_step()
    self.bert_config = model_sizes.get_bert_config(config)
    dropout = randomness.StepRandomness(config.seed, global_step)
    if data_parallel.num_ranks() > 1:
      dropout = dropout.child("part_%d" % data_parallel.rank())
    bert_model = modeling.BertModel(
        self.bert_config, is_training, features["input_ids"],
        input_mask=features["input_mask"],
        token_type_ids=features["segment_ids"],
        embedding_size=config.embedding_size,
        randomness=dropout)
    percent_done = tf.constant(1.0)
    if is_training:
      percent_done = tf.minimum(
          1.0, tf.cast(global_step, tf.float32) / num_train_steps)

    self._task_ids = features["task_id"]  # [B]
    self._outputs = {}
    losses = []
    for task_id, task in enumerate(tasks):
      with tf.variable_scope(model_files.TASKS_SCOPE + "/" + task.name):
        task_losses, self._outputs[task.name] = task.get_prediction_module(
            bert_model, features, is_training, percent_done)
      # Selected, not multiplied by 0: a head may output NaN for the default
      # feature values of another task's examples.
      losses.append(tf.where(tf.equal(self._task_ids, task_id), task_losses,
                             tf.zeros_like(task_losses)))
    self._losses = losses  # [B] each
    example_losses = tf.add_n(losses)  # [B]
    self.loss = tf.reduce_sum(example_losses)
    self.mean_loss = tf.reduce_mean(example_losses)

  def mean_losses_by_task(self):
    """Returns the mean loss of each task's examples, a list of scalars.

    In the order of the task ids; NaN for a task without examples in the batch.
    """
    return [tf.reduce_sum(loss) / tf.reduce_sum(tf.cast(
        tf.equal(self._task_ids, task_id), tf.float32))
            for task_id, loss in enumerate(self._losses)]

  def predictions(self):
    """Returns the flat {name: Tensor of shape [B, ...]} of an Estimator."""
    flat = {"task_id": self._task_ids}
    for task_name, outputs in self._outputs.items():
      for output_name, tensor in outputs.items():
        flat[task_name + _SEPARATOR + output_name] = tensor
    return flat


def outputs_of(task_name, prediction):
  """Returns {output: value} of one task from an example's flat prediction."""
  prefix = task_name + _SEPARATOR
  return {name[len(prefix):]: value for name, value in prediction.items()
          if name.startswith(prefix)}
