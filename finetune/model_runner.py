"""One trial: the Estimator that trains on the tasks and evaluates them."""

import os

import tensorflow.compat.v1 as tf

from finetune import evaluations
from finetune import finetuning_model
from finetune import outputs
from finetune import preprocessing
from finetune import run_record
from finetune import task as task_module
from finetune import task_metadata
from model import checkpoint
from model import optimization
from util import estimators
from util import folder_lock
from util import session_hooks
from util import utils

# Checkpoints of a trial that stay: the newest, to go on from and to use.
KEEP_CHECKPOINTS = 1
HEADS_SCOPE = "task_specific/"
# Parts of a pre-trained checkpoint that fine-tuning has no use for.
PRETRAINING_ONLY = ("^generator", "^discriminator_predictions/", "^cloze")


class ModelRunner:
  """Trains and evaluates one trial.

  The same configuration and trial give bitwise the same weights again (on the
  same machine and versions), also after an interruption; trials differ in their
  seed, which decides new weights, dropout and the order of the examples.
  """

  def __init__(self, config, tasks, trial=1, signals=None):
    """Prepares a trial; nothing is read or built yet.

    Args:
      config: a FinetuningConfig.
      tasks: list of all Task of the run.
      trial: int, from 1; its seed is `config.seed + trial - 1`.
      signals: stop_signals.StopSignals to end at, None for none.
    """
    self._signals = signals
    self._config = config.replace(seed=config.seed + trial - 1)
    self._tasks = tasks
    self._trial = trial
    self._preprocessor = preprocessing.Preprocessor(self._config, tasks)
    self.model_dir = self._config.trial_model_dir(trial)
    self.seed = self._config.seed
    self._has_said_best = False
    self._dev_data = None  # what they were made from, once they are checked

  def check_dev_data(self):
    """Makes the features that will be scored, so that they are there in time.

    Called before training: a missing file or a bad line of the dev set should
    not come up after hours of it.

    Raises:
      utils.UserError: dev data are missing or cannot be read.
    """
    self._dev_data = [
        self._preprocessor.store([task], split).made_from
        for task in self._tasks
        for split in ["dev"] + list(task.get_more_dev_splits())]

  def check_test_data(self):
    """Makes the features of the unlabeled splits, as `check_dev_data` does.

    Raises:
      utils.UserError: a test set cannot be read.
    """
    for task in self._tasks:
      for split in task.get_test_splits():
        self._preprocessor.store([task], split)

  def check_predict_file(self):
    """Makes the features of `predict_file`, as `check_dev_data` does.

    Raises:
      utils.UserError: a line of it cannot be read.
    """
    self._preprocessor.store([self._task_to_predict()], task_module.PREDICT)

  def predict(self, model=None):
    """Returns the Scorer of `predict_task` after it saw `predict_file`.

    Args:
      model: as in `evaluate`.
    """
    checkpoint.check_whole(self.checkpoint_path(model))
    return self.score(self._task_to_predict(), task_module.PREDICT, model)

  def train(self, hooks=()):
    """Trains the trial to its end, from where an earlier run stopped.

    Args:
      hooks: list of more tf.train.SessionRunHook.

    Raises:
      utils.UserError: data or weights are missing, the trial's folder holds a
        model trained with other settings, another process is training there,
        or the training diverged.
      session_hooks.Stopped: a signal asked to; what was done is saved.
    """
    with folder_lock.FolderLock(self.model_dir, "train", is_beside=True):
      self._train(hooks)

  def _train(self, hooks):
    """Does the work of `train`, in a folder that no other process trains in."""
    config = self._config
    stored = self._preprocessor.store(self._tasks, "train")
    num_steps = preprocessing.num_train_steps(
        stored.num_examples, config.train_batch_size, config.num_train_epochs)
    # null: no pre-trained weights
    init_checkpoint = (config.init_checkpoint and
                       self.checkpoint_path(config.init_checkpoint))
    run_record.open_folder(
        self.model_dir, run_record.settings_of(
            config, made_from=stored.made_from, num_train_steps=num_steps,
            init_sha256=(utils.sha256_of_file(init_checkpoint + ".index")
                         if init_checkpoint else None)),
        overwrite=config.overwrite)
    for folder in (self.model_dir, evaluations.best_folder(self.model_dir)):
      if folder:
        checkpoint.remove_unfinished(folder)
    is_started = checkpoint.settle(self.model_dir) is not None
    if init_checkpoint and not is_started:
      checkpoint.check_whole(init_checkpoint)
      task_metadata.compare(os.path.dirname(init_checkpoint), self._tasks)
    run_record.write_tokenizer(self.model_dir, config, init_checkpoint)
    task_metadata.write(self.model_dir, self._tasks)
    start_step = (checkpoint.global_step_of(self.model_dir) if is_started
                  else 0)
    record = self._evaluations()
    if config.eval_steps or record.best:
      record.check_metric()
      if self._dev_data is None:
        self.check_dev_data()
      record.check_dev_data(self._dev_data)
    if start_step >= num_steps and self._is_evaluated(start_step, num_steps):
      utils.log("Trial {} was trained to its end before ({:,} steps, {}); set "
                "\"overwrite\": true to train it again".format(
                    self._trial, start_step, self.model_dir))
      return
    if is_started:
      utils.log("Continuing trial {} at step {:,} of {:,} ({})".format(
          self._trial, start_step, num_steps, self.model_dir))
      init_checkpoint = None  # its own checkpoint holds all the weights
    elif not init_checkpoint:
      utils.log("Training from random weights (init_checkpoint is null)")
    utils.log("Training for {:,} steps on {:,} inputs, batch size {:,}".format(
        num_steps, stored.num_examples, config.train_batch_size))
    self._train_in_parts(stored, start_step, num_steps, init_checkpoint, hooks)

  def _train_in_parts(self, stored, step, num_steps, init_checkpoint, hooks):
    """Trains to `num_steps`, with an evaluation after each `eval_steps`.

    Each part goes on from the checkpoint of the one before, exactly as after
    an interruption, so that the weights do not depend on `eval_steps`.
    """
    while True:
      if not self._is_evaluated(step, num_steps):
        self._evaluate_while_training(step)
      if step >= num_steps or self._is_to_stop_early():
        return
      part_end = num_steps
      if self._config.eval_steps:
        part_end = min(num_steps, (step // self._config.eval_steps + 1) *
                       self._config.eval_steps)
      self._train_part(stored, step, part_end, num_steps, init_checkpoint,
                       hooks)
      init_checkpoint = None  # from now on its own checkpoint
      step = checkpoint.global_step_of(self.model_dir)
      if step < part_end:
        raise session_hooks.Stopped()

  def _train_part(self, stored, step, part_end, num_steps, init_checkpoint,
                  hooks):
    """Trains from `step` to `part_end` of `num_steps` steps."""
    try:
      self._estimator(init_checkpoint, num_steps).train(
          self._preprocessor.train_input_fn(stored, self.seed, step),
          max_steps=part_end, hooks=list(hooks) + self._stop_hooks(True),
          saving_listeners=[session_hooks.FiniteWeightsListener()])
    except tf.train.NanLossDuringTrainingError:
      raise utils.UserError(
          "Trial %d: the loss is not a number any more; set a learning_rate "
          "below %g, or another seed, and \"overwrite\": true (%s)." % (
              self._trial, self._config.learning_rate, self.model_dir))

  def _stop_hooks(self, is_training):
    if not self._signals:
      return []
    return [session_hooks.StopHook(self._signals, is_training)]

  def _evaluations(self, model_dir=None):
    return evaluations.Evaluations(model_dir or self.model_dir,
                                   self._config.best_metric)

  def _is_evaluated(self, step, num_steps):
    """Returns whether no evaluation of the weights of `step` is missing."""
    eval_steps = self._config.eval_steps
    evaluated = self._evaluations().steps
    is_due = step and (
        eval_steps and step % eval_steps == 0 or
        # Also where a run before this one looked for the best weights: else
        # what it found would be taken for the best of all.
        step == num_steps and (eval_steps or evaluated))
    return not is_due or step in evaluated

  def _evaluate_while_training(self, step):
    record = self._evaluations()
    prefix = checkpoint.latest(self.model_dir)
    utils.log("Evaluating step {:,} of trial {}".format(step, self._trial))
    if record.add(step, self.evaluate(prefix), prefix, self._dev_data):
      utils.log("Best so far: kept in %s" % os.path.join(
          self.model_dir, evaluations.BEST_FOLDER))

  def _is_to_stop_early(self):
    """Returns whether the scores have not risen for long enough; says so."""
    patience = self._config.early_stopping_patience
    if not patience or not self._config.eval_steps:
      return False
    record = self._evaluations()
    if not record.best or record.num_since_best() < patience:
      return False
    utils.log("Stopped trial {} early, at step {:,}: no better score in {} "
              "evaluations since step {:,} (early_stopping_patience)".format(
                  self._trial, record.last.step, record.num_since_best(),
                  record.best.step))
    return True

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
      outputs.write_scorer_files(scorer)
      scores = {name: float(value) for name, value in scorer.get_results()}
      scores.setdefault("loss", scorer.get_loss())
      if split == "dev":
        scores.update(self._scores_of_more_splits(task, model))
      results[task.name] = scores
    return results

  def results(self, model=None, split="dev"):
    """Returns `evaluate` and what it was done with, as outputs.py writes it.

    Where the best weights of a training are kept they are what is scored; then
    "last" is {"global_step", "results"} of the last ones.
    """
    path = self.checkpoint_path(model)
    checkpoint.check_whole(path)
    trial, seed = self._trial, self.seed
    if model:
      trial, seed = run_record.trial_and_seed_of(os.path.dirname(path))
    found = {"trial": trial, "seed": seed, "checkpoint": path,
             "global_step": checkpoint.global_step_of(path),
             "results": self.evaluate(path, split)}
    folder, name = os.path.split(os.path.dirname(path))
    if name == evaluations.BEST_FOLDER:
      last = self._evaluations(folder).last
      if last:
        found["last"] = {"global_step": last.step, "results": last.results}
    return found

  def score(self, task, split, model=None):
    """Returns the Scorer of `task` after it saw every example of `split`."""
    path = self.checkpoint_path(model)
    self._check_head(path, task)
    stored = self._preprocessor.store([task], split)
    predictions = self._estimator(path, num_train_steps=None).predict(
        self._preprocessor.eval_input_fn(stored), checkpoint_path=path,
        hooks=self._stop_hooks(False), yield_single_examples=True)
    scorer = task.get_scorer(split)
    num_scored = 0
    for prediction in _in_order(predictions):
      if prediction["task_id"] < len(self._tasks):  # else it fills up a batch
        scorer.update(finetuning_model.outputs_of(task.name, prediction))
        num_scored += 1
    assert num_scored == stored.num_examples, "%d of %d inputs scored" % (
        num_scored, stored.num_examples)
    return scorer

  def _task_to_predict(self):
    return next(task for task in self._tasks
                if task.name == self._config.predict_task)

  def _scores_of_more_splits(self, task, model):
    """Returns the scores of what is scored along with the dev split."""
    scores = {}
    for split in task.get_more_dev_splits():
      scorer = self.score(task, split, model)
      utils.log("%s, %s: %s" % (task.name, split, scorer.results_str()))
      outputs.write_scorer_files(scorer)
      prefix = split[len("dev_"):] if split.startswith("dev_") else split
      scores.update((name, float(value)) for name, value in
                    scorer.get_results(prefix=prefix + "_"))
    return scores

  def checkpoint_path(self, model=None):
    """Returns the path of the checkpoint of `model` or this trial to use.

    Of a folder with the best weights of a training that is those, else the
    newest.

    Raises:
      utils.UserError: there is none.
    """
    best = evaluations.best_folder(model or self.model_dir)
    path = checkpoint.latest(best or model or self.model_dir)
    if best and not self._has_said_best:
      self._has_said_best = True
      utils.log("Using the best weights of the training, those of step "
                "{:,} ({})".format(checkpoint.global_step_of(path), path))
    return path

  def _check_head(self, path, task):
    """Raises a UserError if a checkpoint was never trained on `task`."""
    scope = "%s%s/" % (HEADS_SCOPE, task.name)
    if any(name.startswith(scope) for name in checkpoint.shapes_of(path)):
      return
    own = ", such as %s" % self.model_dir if checkpoint.find(
        self.model_dir) else ""
    raise utils.UserError(
        "The checkpoint %s was never trained on task '%s' (it has no weights "
        "%s...); set init_checkpoint to a folder fine-tuned on that task%s, or "
        "\"do_train\": true." % (path, task.name, scope, own))

  def _estimator(self, weights, num_train_steps):
    config = self._config
    run_config = estimators.make_run_config(
        config, model_dir=self.model_dir,
        save_checkpoints_steps=config.save_checkpoints_steps,
        keep_checkpoint_max=KEEP_CHECKPOINTS)
    if config.save_checkpoints_minutes and not config.was_passed(
        "save_checkpoints_steps"):
      run_config = run_config.replace(
          save_checkpoints_secs=60.0 * config.save_checkpoints_minutes)
    return tf.estimator.tpu.TPUEstimator(
        use_tpu=config.use_tpu,
        model_fn=_model_fn_builder(config, self._tasks, weights,
                                   num_train_steps),
        config=run_config,
        train_batch_size=config.train_batch_size,
        eval_batch_size=config.eval_batch_size,
        predict_batch_size=config.predict_batch_size)


def _in_order(predictions):
  """Yields predictions in the order of the inputs that they are for."""
  waiting, num_given = {}, 0
  for prediction in predictions:
    waiting[int(prediction[preprocessing.INPUT_NUMBER])] = prediction
    while num_given in waiting:
      yield waiting.pop(num_given)
      num_given += 1
  assert not waiting, "no prediction for input %d" % num_given


def _model_fn_builder(config, tasks, weights, num_train_steps):
  """Returns the Estimator's model_fn.

  Args:
    config: the FinetuningConfig of the trial.
    tasks: list of Task.
    weights: path of the checkpoint that training starts from (None: it starts
      from random weights, or goes on from the trial's own) or that predicts.
    num_train_steps: int, the steps of the whole training; None to predict.
  """

  def model_fn(features, labels, mode, params):
    del labels, params  # labels are features; sizes are in config
    is_training = mode == tf.estimator.ModeKeys.TRAIN
    model = finetuning_model.FinetuningModel(
        config, tasks, features, is_training=is_training,
        num_train_steps=num_train_steps)
    if not is_training:
      # Says what to set where the checkpoint is of another size of model.
      checkpoint.plan(weights, tf.trainable_variables(), required=["."])
      return tf.estimator.tpu.TPUEstimatorSpec(
          mode=mode, predictions=dict(
              model.predictions(), **{preprocessing.INPUT_NUMBER: features[
                  preprocessing.INPUT_NUMBER]}))

    scaffold_fn = None
    if weights:
      scaffold_fn = _start_from(weights, config.use_tpu)
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
  return session_hooks.ProgressHook(
      num_train_steps=num_train_steps, batch_size=config.train_batch_size,
      max_seq_length=(None if preprocessing.is_trimming(config)
                      else config.max_seq_length),
      log_steps=config.log_steps,
      # A TPU hands out no tensor of the middle of its loop.
      tensors={} if config.use_tpu else tensors)


def _start_from(init_checkpoint, use_tpu):
  """Makes the weights start from a checkpoint and says which of them do.

  All of the encoder must be there. The head of a task starts from it too, where
  the checkpoint was fine-tuned on a task of that name.

  Returns:
    The scaffold_fn that does it on the host of a TPU, None elsewhere.
  """
  report = checkpoint.plan(init_checkpoint, tf.trainable_variables(),
                           ignore=PRETRAINING_ONLY, required=["^electra/"])
  utils.log(checkpoint.format_report(report))
  if use_tpu:
    return checkpoint.scaffold_fn(report)
  checkpoint.apply(report)
  return None
