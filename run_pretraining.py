"""Pre-trains an ELECTRA model, or evaluates a pre-trained one."""

import argparse
import json
import os

import configure_pretraining
from model import tokenization
from pretrain import tfrecord_index
from util import folder_lock
from util import stop_signals
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

  Raises:
    UserError: see the message.
    SystemExit: SIGTERM or SIGINT ended the run; see util.stop_signals.
  """
  check_data(config)
  with stop_signals.StopSignals() as signals:
    if config.do_eval:
      return run_evaluation(config, signals)
    with folder_lock.FolderLock(config.model_dir, "train"):
      return run_training(config, signals)


def run_training(config, signals):
  """Trains from what the model folder holds, which no other process may."""
  # Imports TensorFlow, after configuration and data were found good: a typo
  # should cost no start-up time.
  from model import checkpoint_recovery
  from pretrain import starting_weights
  from util import estimators
  from util import session_hooks

  estimators.setup_tensorflow()
  if config.debug:
    estimators.start_debug_folder(config.model_dir)
  utils.heading("Training")
  with estimators.writing_to(config.model_dir):
    checkpoint_recovery.remove_unfinished(config.model_dir)
    starting_weights.write_settings(config)
    step = starting_weights.prepare_weights(config)
    is_evaluated = not is_evaluation_due(config, step)
    if step >= config.num_train_steps and is_evaluated:
      utils.heading(
          "Nothing to train: %s is at step %d and num_train_steps is %d. To "
          "train it further set num_train_steps to more than %d." % (
              config.model_dir, step, config.num_train_steps, step))
      return None
    try:
      return train(config, make_estimator(config), step, signals)
    except session_hooks.Stopped:
      stop(config, signals)


def run_evaluation(config, signals):
  """Evaluates the newest checkpoint whose files are whole."""
  from pretrain import starting_weights
  from util import estimators
  from util import session_hooks

  estimators.setup_tensorflow()
  utils.heading("Evaluating")
  with estimators.writing_to(config.model_dir):
    prefix = starting_weights.check_for_evaluation(config)
    try:
      return evaluate(config, make_estimator(config), signals, prefix)
    except session_hooks.Stopped:
      stop_signals.stop(signals.received, "before the evaluation's end")


def stop(config, signals):
  """Ends a training that a signal asked to stop; the checkpoint is written."""
  from pretrain import pretrain_data

  stop_signals.stop(signals.received, "at step %s of %s, which %s holds" % (
      "{:,}".format(pretrain_data.checkpoint_step(config.model_dir)),
      "{:,}".format(config.num_train_steps), config.model_dir))


def check_data(config):
  """Raises a UserError where vocabulary or examples do not fit the run."""
  tokenization.FullTokenizer(config.vocab_file)  # has the special tokens
  if config.do_train:
    tfrecord_index.check(config, config.pretrain_tfrecords)
  if config.eval_tfrecords:
    tfrecord_index.check(config, config.eval_tfrecords)
  elif config.do_eval:
    tfrecord_index.check(config, config.pretrain_tfrecords)


def train(config, estimator, step, signals):
  """Trains up to num_train_steps, evaluating on the way if asked to.

  Args:
    config: PretrainingConfig.
    estimator: its Estimator.
    step: int, the global step to go on from.
    signals: stop_signals.StopSignals.

  Returns:
    {metric: number} of the last evaluation; None if there was none.

  Raises:
    session_hooks.Stopped: a signal asked to stop; what was done is saved.
  """
  from pretrain import example_check
  from pretrain import pretrain_data
  from util import session_hooks

  results = None
  if is_evaluation_due(config, step):  # killed before it ended
    results = evaluate_on_the_way(config, estimator, signals, step)
  input_fn = pretrain_data.get_input_fn(config, is_training=True)
  while step < config.num_train_steps:
    end = config.num_train_steps
    if config.eval_steps:
      end = min(end, step - step % config.eval_steps + config.eval_steps)
    with example_check.naming_faults(config, config.pretrain_tfrecords):
      estimator.train(input_fn, max_steps=end,
                      hooks=[session_hooks.StopHook(signals)],
                      saving_listeners=[session_hooks.FiniteWeightsListener()])
    step = pretrain_data.checkpoint_step(config.model_dir)
    if step < end:
      raise session_hooks.Stopped()
    if config.eval_tfrecords:
      results = evaluate_on_the_way(config, estimator, signals, step)
  utils.log("Trained to step %s: %s" % (
      "{:,}".format(step), config.model_dir))
  return results


def evaluate_on_the_way(config, estimator, signals, step):
  """Evaluates on `eval_tfrecords` while training."""
  utils.heading("Evaluating at step %d" % step)
  return evaluate(config, estimator, signals)


def is_evaluation_due(config, step):
  """Returns whether the evaluation of a step was missed: the run was killed."""
  if not step or not config.eval_tfrecords or (
      step < config.num_train_steps and step % (config.eval_steps or step + 1)):
    return False
  return step not in evaluated_steps(config)


def evaluated_steps(config):
  """Returns the steps that the history of evaluations has."""
  path = history_path(config)
  if not utils.exists(path):
    return []
  with utils.open_file(path) as f:
    lines = f.read().split("\n")
  steps = []
  for line in lines:
    try:
      steps.append(json.loads(line)["global_step"])
    except (ValueError, KeyError, TypeError):
      continue  # cut off, or somebody else's
  return steps


def history_path(config):
  """Returns the path of the file with a line for every evaluation."""
  return os.path.splitext(config.results_txt)[0] + "_history.jsonl"


def evaluate(config, estimator, signals, checkpoint_path=None):
  """Evaluates a checkpoint; prints, writes and returns the results.

  Args:
    config: PretrainingConfig.
    estimator: its Estimator.
    signals: stop_signals.StopSignals.
    checkpoint_path: prefix; None: the latest.
  """
  from pretrain import example_check
  from pretrain import pretrain_data
  from pretrain import pretrain_metrics
  from util import session_hooks

  with example_check.naming_faults(
      config, config.eval_tfrecords or config.pretrain_tfrecords):
    results = estimator.evaluate(
        pretrain_data.get_input_fn(config, is_training=False),
        steps=config.num_eval_steps, checkpoint_path=checkpoint_path,
        hooks=[session_hooks.StopHook(signals, is_training=False)])
  results = {name: value.item() if hasattr(value, "item") else value
             for name, value in results.items()}
  pretrain_metrics.write_results(results, config)
  with utils.open_file(history_path(config), "a") as f:
    f.write(json.dumps(results, sort_keys=True) + "\n")
  return results


def make_estimator(config):
  """Returns the TPUEstimator of a run; without use_tpu it uses CPU or GPU."""
  import tensorflow.compat.v1 as tf
  from util import estimators

  return tf.estimator.tpu.TPUEstimator(
      use_tpu=config.use_tpu,
      model_fn=make_model_fn(config),
      config=estimators.make_run_config(
          config, model_dir=config.model_dir,
          save_checkpoints_steps=config.save_checkpoints_steps,
          keep_checkpoint_max=config.keep_checkpoint_max),
      train_batch_size=config.train_batch_size,
      eval_batch_size=config.eval_batch_size)


def make_model_fn(config):
  """Returns the model_fn(features, labels, mode, params) of a TPUEstimator."""
  import tensorflow.compat.v1 as tf
  from model import randomness
  from pretrain import pretrain_data
  from pretrain import pretrain_metrics
  from pretrain import pretraining_model
  from pretrain import training_step
  from util import session_hooks

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
          training_step.FiniteHook(step, config.nan_policy),
          session_hooks.ProgressHook(
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
