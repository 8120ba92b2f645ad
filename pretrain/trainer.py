"""Pre-training and its evaluation, around a tf.estimator.

A run trains up to `num_train_steps` in segments that end at multiples of
`eval_steps`, each followed by an evaluation. It resumes from the newest intact
checkpoint of its model folder.
"""

import json
import os

import tensorflow.compat.v1 as tf

from model import checkpoint
from model import checkpoint_recovery
from model import flops
from model import randomness
from model import tokenization
from pretrain import alarms
from pretrain import dataset_info
from pretrain import example_check
from pretrain import pretrain_data
from pretrain import pretrain_metrics
from pretrain import pretraining_model
from pretrain import replaced_tokens
from pretrain import starting_weights
from pretrain import tfrecord_index
from pretrain import training_step
from util import data_parallel
from util import estimators
from util import folder_lock
from util import run_history
from util import session_hooks
from util import stop_signals
from util import utils


def run(config, datasets):
  """Trains the model, resuming an earlier run, or evaluates it.

  Args:
    config: PretrainingConfig.
    datasets: {"train": tfrecord_index.Dataset, "eval": the same}, checked; an
      entry may be missing where the run does not read it.

  Returns:
    {metric: number} of the last evaluation; None if there was none.

  Raises:
    UserError: see the message.
    SystemExit: SIGTERM or SIGINT ended the run; see util.stop_signals.
  """
  estimators.setup_tensorflow()
  estimators.check_tpu(config)
  with stop_signals.StopSignals() as signals, (
      data_parallel.reporting_failures()), (
          data_parallel.folder_of_rank(config.model_dir)) as folder:
    trainer = Trainer(config, datasets, signals, folder)
    if not data_parallel.is_chief():
      return trainer.jobs.follow()
    with trainer.jobs:
      if config.do_eval:
        return trainer.run_evaluation()
      with folder_lock.FolderLock(config.model_dir, "train"):
        return trainer.run_training()


class Trainer:
  """One run: its config, examples, Estimator and stop signals.

  Attributes:
    jobs: data_parallel.Jobs, what the chief does together with other ranks.
  """

  def __init__(self, config, datasets, signals, estimator_dir):
    """Builds the Estimator; reads no examples.

    Args:
      config: PretrainingConfig.
      datasets: see `run`.
      signals: stop_signals.StopSignals.
      estimator_dir: str, of data_parallel.folder_of_rank.
    """
    self._config = config
    self._datasets = datasets
    self._signals = signals
    self._indices = {}
    self._alarms = None
    self._estimator = make_estimator(
        config, estimator_dir,
        on_record=lambda *record: self._alarms.check(*record))
    self.jobs = data_parallel.Jobs(
        train=self._train_segment, evaluate=self._evaluate_checkpoint)

  def run_training(self):
    """Trains from the checkpoint in the model folder, which must be locked.

    Returns:
      {metric: number} of the last evaluation; None if there was none.
    """
    config = self._config
    with estimators.writing_to(config.model_dir):
      start = starting_weights.StartingPoint(config)
      if config.debug:
        estimators.start_debug_folder(config.model_dir)
      step, writers = start.step, []
      for name in sorted(self._datasets, reverse=True):
        self._index(name, writers.append)
      start.count_tokens(self._index("train"))
      self._alarms = self._make_alarms()
      for write in writers:
        write()
      self._log_warnings()
      utils.heading("Training")
      checkpoint_recovery.remove_unfinished(config.model_dir)
      start.write()
      is_evaluated = not is_evaluation_due(config, step)
      if step >= config.num_train_steps and is_evaluated:
        utils.heading(
            "Nothing to train: %s is at step %d and num_train_steps is %d. To "
            "train it further set num_train_steps to more than %d." % (
                config.model_dir, step, config.num_train_steps, step))
        return None
      self._record_start()
      try:
        return self._train(step)
      except session_hooks.Stopped:
        stop_signals.stop(self._signals.received, "at step %s of %s (%s)" % (
            "{:,}".format(pretrain_data.checkpoint_step(config.model_dir)),
            "{:,}".format(config.num_train_steps), config.model_dir))

  def run_evaluation(self):
    """Evaluates checkpoints; returns {metric: number} of the last one."""
    utils.heading("Evaluating")
    self._log_warnings()
    with estimators.writing_to(self._config.model_dir):
      try:
        prefixes = starting_weights.checkpoints_to_evaluate(self._config)
        self._index("eval")  # its errors come before anything is written
        self._record_start()
        for prefix in prefixes:
          utils.log("Evaluating %s" % prefix)
          results = self._evaluate(prefix)
        return results
      except session_hooks.Stopped:
        stop_signals.stop(self._signals.received, "before the evaluation's end")

  def _record_start(self):
    """Records the run in the model folder; see `run_history`."""
    utils.makedirs(self._config.model_dir)
    run_history.append(
        self._config.model_dir, self._config,
        {name: dataset_info.fingerprint(dataset.paths)
         for name, dataset in self._datasets.items()},
        estimators.device_names(self._config))

  def _make_alarms(self):
    """Returns the TrainingAlarms of the run, after a look at its examples."""
    config = self._config
    input_ids, = pretrain_data.batches_of_ids(
        config, self._index("train"), num_batches=1)
    statistics = alarms.token_statistics(
        input_ids, pretrain_data.special_ids(config.vocab_file))
    alarms.check_data(statistics)
    return alarms.TrainingAlarms(
        statistics, max(config.num_warmup_steps, alarms.FIRST_STEP))

  def _log_warnings(self):
    """Logs what is allowed, but rarely what was meant."""
    config = self._config
    if config.do_train and config.num_warmup_steps >= config.num_train_steps:
      utils.log(
          "Warning: num_warmup_steps ({:,}) is not below num_train_steps "
          "({:,}): the learning rate never reaches {:g}".format(
              config.num_warmup_steps, config.num_train_steps,
              config.learning_rate))
    shared = []
    if "eval" in self._datasets:
      shared = tfrecord_index.training_files(
          config, self._datasets["eval"].paths)
    if shared:
      utils.log("Warning: evaluating on training examples: {:,} file{}, such "
                "as {}; set eval_tfrecords to held-out examples".format(
                    len(shared), "" if len(shared) == 1 else "s", shared[0]))

  def _train(self, step):
    """Trains from global step `step` to `num_train_steps`, with evaluations.

    Raises:
      session_hooks.Stopped: a signal asked to stop; a checkpoint was saved.
    """
    config = self._config
    results = None
    if is_evaluation_due(config, step):  # killed before it ended
      results = self._evaluate_at(step)
    pretrain_data.record_position(
        config, step, tfrecord_index.total_examples(self._index("train")))
    while step < config.num_train_steps:
      end = config.num_train_steps
      if config.eval_steps:
        end = min(end, step - step % config.eval_steps + config.eval_steps)
      self.jobs.run("train", start_step=step, end_step=end)
      step = pretrain_data.checkpoint_step(config.model_dir)
      if step < end:
        raise session_hooks.Stopped()
      if config.eval_tfrecords:
        results = self._evaluate_at(step)
    utils.log("Trained to step %s: %s" % (
        "{:,}".format(step), config.model_dir))
    return results

  def _train_segment(self, start_step, end_step):
    """Trains from the weights of a step to another one, or until a signal."""
    index = self._index("train")
    listeners = [session_hooks.FiniteWeightsListener()]
    with example_check.locating_errors(self._config, index.paths):
      self._estimator.train(
          pretrain_data.get_input_fn(
              self._config, is_training=True, start_step=start_step,
              index=index),
          max_steps=end_step,
          hooks=data_parallel.broadcast_hooks() + [
              session_hooks.StopHook(self._signals)],
          saving_listeners=listeners if data_parallel.is_chief() else [])

  def _evaluate_at(self, step):
    """Evaluates the latest checkpoint on `eval_tfrecords` during training."""
    utils.heading("Evaluating at step %d" % step)
    return self._evaluate()

  def _evaluate(self, checkpoint_path=None):
    """Evaluates a checkpoint; prints, writes and returns the results.

    Args:
      checkpoint_path: prefix; None: the latest.
    """
    config = self._config
    results = self.jobs.run(
        "evaluate", checkpoint_path=checkpoint_path or checkpoint.latest(
            config.model_dir))
    results = {name: value.item() if hasattr(value, "item") else value
               for name, value in results.items()}
    pretrain_metrics.write_results(results, config)
    line = dict(results)
    if checkpoint_path and not _is_in(checkpoint_path, config.model_dir):
      line["checkpoint"] = checkpoint_path
    with utils.open_file(history_path(config), "a") as f:
      f.write(json.dumps(line, sort_keys=True) + "\n")
    return results

  def _evaluate_checkpoint(self, checkpoint_path):
    """Returns {metric: number} of a checkpoint, over batches of all ranks."""
    index = self._index("eval")
    with example_check.locating_errors(self._config, index.paths), (
        pretrain_metrics.reporting_nan(checkpoint_path)):
      return self._estimator.evaluate(
          pretrain_data.get_input_fn(
              self._config, is_training=False, index=index),
          steps=self._config.num_eval_steps, checkpoint_path=checkpoint_path,
          hooks=data_parallel.metric_hooks() + [
              session_hooks.StopHook(self._signals, is_training=False),
              session_hooks.EvaluationProgressHook(
                  self._config.num_eval_steps)])

  def _index(self, name, defer=None):
    """Returns the TFRecordIndex of "train" or "eval", built once per run."""
    if not data_parallel.is_chief():
      defer = lambda write: None  # the chief writes it
    if name not in self._indices:
      self._indices[name] = example_check.build_index(
          self._config, self._datasets[name], defer)
    return self._indices[name]


def is_evaluation_due(config, step):
  """Returns whether the evaluation of a step is missing: the run was killed."""
  if not step or not config.eval_tfrecords or (
      step < config.num_train_steps and step % (config.eval_steps or step + 1)):
    return False
  return step not in evaluated_steps(config)


def evaluated_steps(config):
  """Returns the global steps of the model in the history of evaluations."""
  path = history_path(config)
  if not utils.exists(path):
    return []
  with utils.open_file(path) as f:
    lines = f.read().split("\n")
  steps = []
  for line in lines:
    try:
      evaluation = json.loads(line)
      if "checkpoint" not in evaluation:  # else of another model
        steps.append(evaluation["global_step"])
    except (ValueError, KeyError, TypeError):
      continue  # truncated, or not written by this program
  return steps


def history_path(config):
  """Returns the path of the file with one line of JSON per evaluation."""
  return os.path.splitext(config.results_txt)[0] + "_history.jsonl"


def _is_in(prefix, folder):
  return os.path.realpath(os.path.dirname(prefix)) == os.path.realpath(folder)


def make_estimator(config, model_dir, on_record=None):
  """Returns the TPUEstimator of a run; without use_tpu it uses CPU or GPU.

  Args:
    config: PretrainingConfig.
    model_dir: str, folder of the checkpoints.
    on_record: as for session_hooks.ProgressHook.
  """
  return tf.estimator.tpu.TPUEstimator(
      use_tpu=config.use_tpu,
      model_fn=make_model_fn(config, on_record),
      config=estimators.make_run_config(
          config, model_dir=model_dir,
          save_checkpoints_steps=config.save_checkpoints_steps,
          keep_checkpoint_max=config.keep_checkpoint_max),
      train_batch_size=config.train_batch_size,
      eval_batch_size=config.eval_batch_size)


def make_model_fn(config, on_record=None):
  """Returns the model_fn(features, labels, mode, params) of a TPUEstimator."""

  def model_fn(features, labels, mode, params):
    del labels, params  # everything is in the features and in `config`
    if mode == tf.estimator.ModeKeys.TRAIN:
      return _training_spec(config, features, on_record)
    return _evaluation_spec(config, features)

  return model_fn


def _training_spec(config, features, on_record):
  """Returns the TPUEstimatorSpec of a training step."""
  step = training_step.build(config, features)
  loss = step.losses["loss"]
  tensors = dict(step.losses, learning_rate=step.learning_rate)
  hooks = []
  if not config.use_tpu:
    # The Estimator stops at a NaN loss; here nan_policy decides.
    loss = tf.where(tf.is_finite(loss), loss, tf.zeros_like(loss))
    tensors["grad_norm"] = step.grad_norm
    hooks = [training_step.FiniteHook(step, config.nan_policy)]
    if data_parallel.is_chief():
      hooks.append(session_hooks.ProgressHook(
            num_train_steps=config.num_train_steps,
            batch_size=config.train_batch_size,
            max_seq_length=config.max_seq_length, log_steps=config.log_steps,
            tensors=tensors, metrics=step.metrics,
            flops_per_step=flops.pretraining_step(
                config, config.train_batch_size),
            peak_flops=config.peak_flops and (
                config.peak_flops * data_parallel.num_ranks()),
            summary_dir=config.model_dir, on_record=on_record,
            log_file=os.path.join(config.model_dir, "training_log.jsonl")))
      hooks.append(replaced_tokens.SampledTextHook(
          step.sample, dict(enumerate(tokenization.load_vocab(
              config.vocab_file))), config.model_dir,
          config.save_checkpoints_steps))
  return tf.estimator.tpu.TPUEstimatorSpec(
      mode=tf.estimator.ModeKeys.TRAIN, loss=loss, train_op=step.op,
      training_hooks=hooks)


def _evaluation_spec(config, features):
  """Returns the TPUEstimatorSpec of an evaluation batch."""
  features = dict(features)
  batch_number = features.pop(pretrain_data.BATCH_NUMBER)[0]
  model = pretraining_model.PretrainingModel(
      config, features, is_training=False,
      randomness=randomness.StepRandomness(
          config.seed, batch_number, stream=("evaluation",)))
  return tf.estimator.tpu.TPUEstimatorSpec(
      mode=tf.estimator.ModeKeys.EVAL, loss=model.total_loss,
      scaffold_fn=checkpoint.evaluation_scaffold,
      eval_metrics=(
          lambda **tensors: pretrain_metrics.metrics_of(tensors),
          pretrain_metrics.metric_tensors(model)))
