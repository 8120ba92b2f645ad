"""One trial: the Estimator that trains on the tasks and evaluates them."""

import os

import tensorflow.compat.v1 as tf

from finetune import finetuning_model
from finetune import preprocessing
from finetune import trial_record
from model import checkpoint
from model import optimization
from util import training_utils
from util import utils

# Checkpoints of a trial that stay: the newest, to go on from and to use.
KEEP_CHECKPOINTS = 1
HEADS_SCOPE = "task_specific/"


class ModelRunner:
  """Trains and evaluates one trial.

  The same configuration and trial give bitwise the same weights again (on the
  same machine and versions), also after an interruption; trials differ in their
  seed, which decides new weights, dropout and the order of the examples.
  """

  def __init__(self, config, tasks, trial=1):
    """Prepares a trial; nothing is read or built yet.

    Args:
      config: a FinetuningConfig.
      tasks: list of all Task of the run.
      trial: int, from 1; its seed is `config.seed + trial - 1`.
    """
    self._config = config.replace(seed=config.seed + trial - 1)
    self._tasks = tasks
    self._trial = trial
    self._preprocessor = preprocessing.Preprocessor(self._config, tasks)
    self.model_dir = self._config.trial_model_dir(trial)
    self.seed = self._config.seed

  def train(self, hooks=()):
    """Trains the trial to its end, from where an earlier run stopped.

    Args:
      hooks: list of more tf.train.SessionRunHook.

    Raises:
      utils.UserError: data or weights are missing, or the trial's folder holds
        a model trained with other settings.
    """
    config = self._config
    stored = self._preprocessor.store(self._tasks, "train")
    num_steps = preprocessing.num_train_steps(
        stored.num_examples, config.train_batch_size, config.num_train_epochs)
    init_checkpoint = self._pretrained_checkpoint()
    trial_record.open_folder(
        self.model_dir, trial_record.settings_of(
            config, made_from=stored.made_from, num_train_steps=num_steps,
            init_sha256=(utils.sha256_of_file(init_checkpoint + ".index")
                         if init_checkpoint else None)),
        overwrite=config.overwrite)
    start_step = _global_step(tf.train.latest_checkpoint(self.model_dir))
    if start_step >= num_steps:
      utils.log("Trial %d was trained to its end before (%d steps, %s); set "
                "\"overwrite\": true to train it again" % (
                    self._trial, start_step, self.model_dir))
      return
    if start_step:
      utils.log("Continuing trial %d at step %d of %d (%s)" % (
          self._trial, start_step, num_steps, self.model_dir))
      init_checkpoint = None  # its own checkpoint holds all the weights
    elif not init_checkpoint:
      utils.log("Training from random weights (init_checkpoint is null)")
    utils.log("Training for %d steps on %d inputs, batch size %d" % (
        num_steps, stored.num_examples, config.train_batch_size))
    self._estimator(init_checkpoint, num_steps).train(
        self._preprocessor.train_input_fn(stored, self.seed, start_step),
        max_steps=num_steps, hooks=list(hooks))

  def evaluate(self, model=None, split="dev"):
    """Scores every task on `split`.

    Args:
      model: str, the fine-tuned checkpoint or its folder; None for the one that
        this trial trained.
      split: str, a split with labels.

    Returns:
      {task name: {score: float}}, with "loss" among the scores.

    Raises:
      utils.UserError: there is no such checkpoint, or it has no weights of a
        task's head.
    """
    results = {}
    for task in self._tasks:
      scorer = self.score(task, split, model)
      utils.log("%s: %s" % (task.name, scorer.results_str()))
      scores = {name: float(value) for name, value in scorer.get_results()}
      scores.setdefault("loss", scorer.get_loss())
      results[task.name] = scores
    return results

  def results(self, model=None, split="dev"):
    """Returns `evaluate` and what it was done with, as outputs.py writes it."""
    path = self.checkpoint_path(model)
    return {"trial": self._trial, "seed": self.seed, "checkpoint": path,
            "global_step": _global_step(path),
            "results": self.evaluate(path, split)}

  def score(self, task, split, model=None):
    """Returns the Scorer of `task` after it saw every example of `split`."""
    path = self.checkpoint_path(model)
    _check_heads(path, [task])
    stored = self._preprocessor.store([task], split)
    predictions = self._estimator(None, None).predict(
        self._preprocessor.eval_input_fn(stored), checkpoint_path=path,
        yield_single_examples=True)
    scorer = task.get_scorer(split)
    num_scored = 0
    for prediction in predictions:
      if prediction["task_id"] < len(self._tasks):  # else it fills up a batch
        scorer.update(finetuning_model.outputs_of(task.name, prediction))
        num_scored += 1
    assert num_scored == stored.num_examples, "%d of %d inputs scored" % (
        num_scored, stored.num_examples)
    return scorer

  def checkpoint_path(self, model=None):
    """Returns the path of the newest checkpoint of `model` or this trial.

    Raises:
      utils.UserError: there is none.
    """
    model = model or self.model_dir
    path = checkpoint.latest(model)
    if not path:
      raise utils.UserError(
          "Expected a fine-tuned checkpoint in %s, found none; fine-tune first "
          "(\"do_train\": true) or set init_checkpoint." % model)
    return path

  def _pretrained_checkpoint(self):
    """Returns the checkpoint that the encoder starts from, None for none."""
    place = self._config.init_checkpoint
    if place is None:
      return None
    path = checkpoint.latest(place)
    if not path:
      raise utils.UserError(
          "init_checkpoint: expected pre-trained weights in %s, found none; put "
          "them there, or pass \"init_checkpoint\": null to train from random "
          "weights." % place)
    return path

  def _estimator(self, init_checkpoint, num_train_steps):
    config = self._config
    return tf.estimator.tpu.TPUEstimator(
        use_tpu=config.use_tpu,
        model_fn=_model_fn_builder(config, self._tasks, init_checkpoint,
                                   num_train_steps),
        config=training_utils.make_run_config(
            config, model_dir=self.model_dir,
            save_checkpoints_steps=config.save_checkpoints_steps,
            keep_checkpoint_max=KEEP_CHECKPOINTS),
        train_batch_size=config.train_batch_size,
        eval_batch_size=config.eval_batch_size,
        predict_batch_size=config.predict_batch_size)


def _model_fn_builder(config, tasks, init_checkpoint, num_train_steps):
  """Returns the Estimator's model_fn for training and prediction."""

  def model_fn(features, labels, mode, params):
    del labels, params  # labels are features; sizes are in config
    is_training = mode == tf.estimator.ModeKeys.TRAIN
    model = finetuning_model.FinetuningModel(
        config, tasks, features, is_training=is_training,
        num_train_steps=num_train_steps)
    if not is_training:
      return tf.estimator.tpu.TPUEstimatorSpec(
          mode=mode, predictions=model.predictions())

    scaffold_fn = None
    if init_checkpoint:
      scaffold_fn = _init_encoder(init_checkpoint, config.use_tpu)
    step = optimization.create_train_op(
        model.loss, config.learning_rate, num_train_steps,
        weight_decay_rate=config.weight_decay_rate,
        warmup_proportion=config.warmup_proportion,
        layerwise_lr_decay_power=config.layerwise_lr_decay,
        n_transformer_layers=model.bert_config.num_hidden_layers,
        use_tpu=config.use_tpu)
    return tf.estimator.tpu.TPUEstimatorSpec(
        mode=mode, loss=model.loss, train_op=step.op, scaffold_fn=scaffold_fn,
        training_hooks=[_progress_hook(config, num_train_steps, {
            "loss": model.mean_loss, "learning_rate": step.learning_rate})])

  return model_fn


def _progress_hook(config, num_train_steps, tensors):
  return training_utils.ProgressHook(
      num_train_steps=num_train_steps, batch_size=config.train_batch_size,
      max_seq_length=config.max_seq_length, log_steps=config.log_steps,
      # A TPU hands out no tensor of the middle of its loop.
      tensors={} if config.use_tpu else tensors)


def _init_encoder(init_checkpoint, use_tpu):
  """Makes the encoder start from a checkpoint and says what came from it.

  Returns:
    A scaffold_fn where a TPU wants the initializers replaced later, else None.
  """

  def init():
    variables = [variable for variable in tf.trainable_variables()
                 if not variable.name.startswith(HEADS_SCOPE)]
    report = checkpoint.init_from_checkpoint(init_checkpoint, variables,
                                             ignore=IGNORED_OF_PRETRAINED)
    utils.log(report)

  if not use_tpu:
    init()
    return None

  def scaffold_fn():
    init()
    return tf.train.Scaffold()

  return scaffold_fn


def _check_heads(path, tasks):
  """Raises a UserError if a checkpoint was never trained on one of `tasks`."""
  names = [name for name, _ in tf.train.list_variables(path)]
  for task in tasks:
    scope = "%s%s/" % (HEADS_SCOPE, task.name)
    if not any(name.startswith(scope) for name in names):
      raise utils.UserError(
          "%s was never trained on task '%s': it has no weights %s...; set "
          "init_checkpoint to a folder fine-tuned on that task, or \"do_train\": "
          "true." % (path, task.name, scope))


def _global_step(path):
  """Returns the global step of a checkpoint, 0 for None."""
  if path is None:
    return 0
  return int(tf.train.load_variable(path, tf.GraphKeys.GLOBAL_STEP))
