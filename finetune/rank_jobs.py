"""Training and prediction of a fine-tuning run: what all ranks do together.

Everything else, such as reading data, scoring and writing files, is done by the
chief alone; see util.data_parallel. In a run of one process the jobs are plain
function calls.
"""

import tensorflow.compat.v1 as tf

from finetune import estimator
from finetune import preprocessing
from util import data_parallel
from util import session_hooks
from util import utils


def make(config, tasks, signals=None):
  """Returns the data_parallel.Jobs "train" and "predict" of a run.

  Their arguments are those of `_train` and `_predict`.

  Args:
    config: a FinetuningConfig.
    tasks: list of all Task of the run.
    signals: stop_signals.StopSignals that stop them, or None.
  """
  def train(local_hooks=(), *, seed, **arguments):
    _train(config.replace(seed=seed), tasks,
           list(local_hooks) + _stop_hooks(signals, is_training=True),
           **arguments)

  def predict(*, seed, **arguments):
    return _predict(config.replace(seed=seed), tasks,
                    _stop_hooks(signals, is_training=False), **arguments)

  return data_parallel.Jobs(train=train, predict=predict)


def _stop_hooks(signals, is_training):
  return [session_hooks.StopHook(signals, is_training)] if signals else []


def _train(config, tasks, hooks, *, model_dir, weights, path, num_examples,
           num_train_steps, start_step, until_step):
  """Trains from one step to another, or until a signal.

  Args:
    config: the FinetuningConfig of the trial.
    tasks: list of all Task of the run.
    hooks: list of tf.train.SessionRunHook.
    model_dir: str, the trial's folder.
    weights: str, the checkpoint of the initial weights; None for random ones or
      those of the trial's checkpoint.
    path, num_examples: of the features, see preprocessing.StoredExamples.
    num_train_steps: int, of the entire training.
    start_step, until_step: int.

  Raises:
    utils.UserError: the training diverged.
  """
  stored = preprocessing.StoredExamples(path, num_examples, None)
  listeners = [session_hooks.FiniteWeightsListener()]
  try:
    with data_parallel.folder_of_rank(model_dir) as folder:
      estimator.make_estimator(
          config, tasks, model_dir=folder, weights=weights,
          num_train_steps=num_train_steps).train(
              preprocessing.Preprocessor(config, tasks).train_input_fn(
                  stored, config.seed, start_step),
              max_steps=until_step,
              hooks=data_parallel.broadcast_hooks() + hooks,
              saving_listeners=listeners if data_parallel.is_chief() else [])
  except tf.train.NanLossDuringTrainingError:
    raise utils.UserError(
        "%s: training diverged, the loss is NaN. Set a learning_rate below "
        "%g or another seed, and \"overwrite\": true." % (
            model_dir, config.learning_rate))


def _predict(config, tasks, hooks, *, model_dir, weights, path, num_examples):
  """Returns the Estimator's predictions for all stored examples.

  Args:
    config, tasks, hooks, model_dir, path, num_examples: see `_train`.
    weights: str, the checkpoint that predicts.
  """
  stored = preprocessing.StoredExamples(path, num_examples, None)
  with data_parallel.folder_of_rank(model_dir) as folder:
    predictions = estimator.make_estimator(
        config, tasks, model_dir=folder, weights=weights).predict(
            preprocessing.Preprocessor(config, tasks).eval_input_fn(stored),
            checkpoint_path=weights, hooks=hooks, yield_single_examples=True)
    if data_parallel.num_ranks() == 1:
      return predictions  # an iterator: they need not fit in memory
    return data_parallel.gather(list(predictions))
