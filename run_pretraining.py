"""Pre-trains an ELECTRA model, or evaluates a pre-trained one."""

import argparse
import json
import os

import configure_pretraining
from model import tokenization
from pretrain import record_files
from util import utils


def main():
  config = configure_pretraining.parse(
      argparse.ArgumentParser(description=__doc__))
  utils.heading("Config")
  utils.log_config(config)
  run(config)


def run(config):
  """Trains a model, going on where an earlier run stopped, or evaluates it.

  Args:
    config: PretrainingConfig.

  Returns:
    {metric: number} of the last evaluation; None if there was none.
  """
  check_data(config)

  # Imports TensorFlow, after configuration and data were found good: a typo
  # should cost no start-up time.
  from pretrain import model_folder
  from util import training_utils

  training_utils.setup_tensorflow()
  if config.do_eval:
    utils.heading("Evaluating")
    model_folder.check_for_evaluation(config)
    return evaluate(config, make_estimator(config))

  if config.debug:
    training_utils.start_debug_folder(config.model_dir)
  utils.heading("Training")
  model_folder.write_settings(config)
  step = model_folder.prepare_weights(config)
  if step >= config.num_train_steps:
    utils.heading(
        "Nothing to train: %s is at step %d and num_train_steps is %d. To "
        "train it further set num_train_steps to more than %d." % (
            config.model_dir, step, config.num_train_steps, step))
    return None
  return train(config, make_estimator(config), step)


def check_data(config):
  """Raises a UserError where vocabulary or examples do not fit the run."""
  tokenization.FullTokenizer(config.vocab_file)  # has the special tokens
  if config.do_train:
    record_files.check(config, config.pretrain_tfrecords)
  if config.eval_tfrecords:
    record_files.check(config, config.eval_tfrecords)
  elif config.do_eval:
    record_files.check(config, config.pretrain_tfrecords)


def train(config, estimator, step):
  """Trains up to num_train_steps, evaluating on the way if asked to.

  Returns:
    {metric: number} of the last evaluation; None if there was none.
  """
  from pretrain import pretrain_data

  results = None
  input_fn = pretrain_data.get_input_fn(config, is_training=True)
  while step < config.num_train_steps:
    stop = config.num_train_steps
    if config.eval_steps:
      stop = min(stop, step - step % config.eval_steps + config.eval_steps)
    estimator.train(input_fn, max_steps=stop)
    step = stop
    if config.eval_tfrecords:
      utils.heading("Evaluating at step %d" % step)
      results = evaluate(config, estimator)
  utils.log("Trained to step %s: %s" % (
      "{:,}".format(step), config.model_dir))
  return results


def evaluate(config, estimator):
  """Evaluates the latest checkpoint; prints, writes and returns the results."""
  from pretrain import pretrain_data
  from pretrain import pretrain_metrics

  results = estimator.evaluate(
      pretrain_data.get_input_fn(config, is_training=False),
      steps=config.num_eval_steps)
  results = {name: value.item() if hasattr(value, "item") else value
             for name, value in results.items()}
  pretrain_metrics.write_results(results, config)
  history = os.path.splitext(config.results_txt)[0] + "_history.jsonl"
  with utils.open_file(history, "a") as f:
    f.write(json.dumps(results, sort_keys=True) + "\n")
  return results


def make_estimator(config):
  """Returns the TPUEstimator of a run; without use_tpu it uses CPU or GPU."""
  import tensorflow.compat.v1 as tf
  from util import training_utils

  return tf.estimator.tpu.TPUEstimator(
      use_tpu=config.use_tpu,
      model_fn=make_model_fn(config),
      config=training_utils.make_run_config(
          config, model_dir=config.model_dir,
          save_checkpoints_steps=config.save_checkpoints_steps,
          keep_checkpoint_max=config.keep_checkpoint_max),
      train_batch_size=config.train_batch_size,
      eval_batch_size=config.eval_batch_size)


def make_model_fn(config):
  """Returns the model_fn(features, labels, mode, params) of a TPUEstimator."""
  import tensorflow.compat.v1 as tf
  from pretrain import pretrain_data
  from pretrain import pretrain_metrics
  from pretrain import pretraining_model
  from pretrain import training_step
  from util import randomness
  from util import training_utils

  def training_spec(features):
    step = training_step.build(config, features)
    loss = step.losses["loss"]
    shown = dict(step.losses, learning_rate=step.learning_rate)
    hooks = []
    if not config.use_tpu:
      # The Estimator stops at a loss that is not a number; here that is up to
      # nan_policy.
      loss = tf.where(tf.is_finite(loss), loss, tf.zeros_like(loss))
      shown["grad_norm"] = step.grad_norm
      for name, value in sorted(shown.items()):
        tf.summary.scalar(name, value)
      hooks = [
          training_step.FiniteHook(step.is_finite, config.nan_policy),
          training_utils.ProgressHook(
              num_train_steps=config.num_train_steps,
              batch_size=config.train_batch_size,
              max_seq_length=config.max_seq_length, log_steps=config.log_steps,
              tensors=shown, log_file=os.path.join(
                  config.model_dir, "training_log.jsonl"))]
    return tf.estimator.tpu.TPUEstimatorSpec(
        mode=tf.estimator.ModeKeys.TRAIN, loss=loss, train_op=step.op,
        training_hooks=hooks)

  def evaluation_spec(features):
    features = dict(features)
    batch_number = features.pop(pretrain_data.BATCH_NUMBER)[0]
    model = pretraining_model.PretrainingModel(
        config, features, is_training=False,
        randomness=randomness.StepRandomness(
            config.seed, batch_number, stream=("evaluation",)))
    return tf.estimator.tpu.TPUEstimatorSpec(
        mode=tf.estimator.ModeKeys.EVAL, loss=model.total_loss,
        eval_metrics=(
            lambda **tensors: pretrain_metrics.metrics_of(tensors),
            pretrain_metrics.metric_tensors(model)))

  def model_fn(features, labels, mode, params):
    del labels, params  # all is in the features and in `config`
    if mode == tf.estimator.ModeKeys.TRAIN:
      return training_spec(features)
    return evaluation_spec(features)

  return model_fn


if __name__ == "__main__":
  utils.exit_cleanly(main)
