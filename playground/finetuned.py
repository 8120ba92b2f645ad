"""Asks a fine-tuned model: answers, labels, values and tags for texts.

A request goes through the same code as a run with `predict_file`: the task's
reader, features, head and scorer.
"""

import contextlib
import io
import json
import os
import tempfile

import numpy as np
import tensorflow.compat.v1 as tf

from finetune import export_config
from finetune import feature_spec
from finetune import finetuning_model
from finetune import preprocessing
from finetune import task as task_module
from finetune import task_builder
from finetune import text_cleaning
from finetune.classification import sentence_tasks
from finetune.qa import qa_tasks
from finetune.tagging import tagging_tasks
from model import checkpoint as checkpoint_lib
from model import tokenization
from model import variable_shapes
from playground import actions
from playground import inference_graph
from util import utils

_INPUTS = ("input_ids", "input_mask", "segment_ids")
_TASK_ID = "task_id"
_REQUEST = "request.json"  # file of a request
_QUESTION, _CONTEXT = "question", "context"


class FinetunedModel:
  """Answers requests with the heads of one fine-tuned model.

  Attributes:
    actions: list of actions.Action, one per task, called like it.
    about: {name: JSON value} of the model, for people.
  """

  def __init__(self, config, checkpoint):
    """Loads the weights.

    Args:
      config: FinetuningConfig.
      checkpoint: str, a model folder or a checkpoint's prefix.

    Raises:
      utils.UserError: the checkpoint does not fit the config, or a task cannot
        be asked.
    """
    self._config = config
    self._tokenizer = tokenization.FullTokenizer(
        config.vocab_file, do_lower_case=config.do_lower_case,
        strip_accents=config.strip_accents)
    self._cleaner = text_cleaning.TextCleaner(config, "all", "texts")
    self._tasks = task_builder.get_tasks(config)
    prefix = checkpoint_lib.latest(checkpoint)
    self.actions = [_action(task) for task in self._tasks]
    self._check_heads(prefix)
    self._specs = [feature_spec.FeatureSpec(
        name, [config.max_seq_length], is_per_token=True) for name in _INPUTS]
    for task in self._tasks:
      self._specs += task.get_feature_specs()
    self._is_trimming = preprocessing.is_trimming(config, self._tasks)
    self._graph = inference_graph.InferenceGraph(prefix, self._build)
    self.about = {
        "kind": export_config.KIND, "checkpoint": prefix,
        "step": checkpoint_lib.global_step_of(prefix),
        "max_tokens": config.max_seq_length,
        "cleaning": text_cleaning.cleaning_model(config)}

  def run(self, name, values):
    """Returns the prediction of a task, as `get_predictions` of its scorer.

    Args:
      name: str, of a task.
      values: {field: text}.

    Returns:
      dict, ready for JSON. "notes" lists what of the text was not read.

    Raises:
      utils.UserError: the request is wrong.
    """
    values = actions.check(self.actions, name, values)
    with tempfile.TemporaryDirectory() as folder, \
        contextlib.redirect_stdout(io.StringIO()):  # lines for training runs
      try:
        task, num_inputs, prediction = self._predict(name, values, folder)
        notes = self._notes(task, values, num_inputs)
      except utils.UserError as error:
        raise utils.UserError(str(error).replace(
            os.path.join(folder, _REQUEST), "The request"))
    prediction.pop("id")
    prediction["notes"] = notes
    return prediction

  def _predict(self, name, values, folder):
    """Returns (Task, number of inputs, prediction) of a request."""
    task = self._task_of(name, values, folder)
    inputs = [one_input for example in task.get_examples(task_module.PREDICT)
              for one_input in task.make_features(example, False, False)]
    scorer = task.make_scorer(task_module.PREDICT)
    for outputs in self._outputs_of(task, inputs):
      scorer.update(outputs)
    return task, len(inputs), dict(scorer.get_predictions()[0])

  def _check_heads(self, prefix):
    """Raises a UserError for a task that the checkpoint was not trained on."""
    trained = variable_shapes.trained_tasks(checkpoint_lib.shapes_of(prefix))
    for task in self._tasks:
      if task.name not in trained:
        raise utils.UserError(
            "%s: the checkpoint was not trained on task '%s'. It has heads of "
            "%s." % (prefix, task.name, ", ".join(trained) or "no task"))

  def _build(self):
    """Builds the graph; returns its placeholders and outputs."""
    placeholders = {spec.name: tf.placeholder(
        tf.int32 if spec.is_int_feature else tf.float32,
        [None] + [None if spec.is_per_token and self._is_trimming else size
                  for size in spec.shape], spec.name) for spec in self._specs}
    placeholders[_TASK_ID] = tf.placeholder(tf.int32, [None], _TASK_ID)
    model = finetuning_model.FinetuningModel(
        self._config, self._tasks, placeholders, is_training=False)
    return placeholders, model.predictions()

  def _task_of(self, name, values, folder):
    """Returns a new Task whose examples to predict are those of a request."""
    known = next(task for task in self._tasks if task.name == name)
    config = self._config
    if not isinstance(known, sentence_tasks.SentenceTask):
      path = os.path.join(folder, _REQUEST)
      if isinstance(known, qa_tasks.MRQATask):
        path += "l"  # JSON lines
      with utils.open_file(path, "w") as f:
        f.write(json.dumps(_file_content(known, values)) + "\n")
      config = config.replace(predict_file=path, predict_task=name)
    task = task_builder.get_task(config, name, self._tokenizer)
    if config is self._config:
      task.keep_examples(task_module.PREDICT, [_sentence_example(task, values)])
    return task

  def _outputs_of(self, task, inputs):
    """Yields the outputs of the head for each input, in batches."""
    size = self._config.predict_batch_size
    task_id = [one.name for one in self._tasks].index(task.name)
    for start in range(0, len(inputs), size):
      batch = inputs[start:start + size]
      features = {spec.name: np.array([
          one.get(spec.name, spec.get_default_values()) for one in batch])
                  for spec in self._specs}
      features[_TASK_ID] = np.full([len(batch)], task_id)
      outputs = self._graph.run(self._trimmed(features))
      for row in range(len(batch)):
        yield finetuning_model.outputs_of(
            task.name, {name: value[row] for name, value in outputs.items()})

  def _trimmed(self, features):
    """Returns features without the padding that all inputs share."""
    if not self._is_trimming:
      return features
    length = max(1, int(features["input_mask"].sum(axis=1).max()))
    per_token = {spec.name for spec in self._specs if spec.is_per_token}
    return {name: value[:, :length] if name in per_token else value
            for name, value in features.items()}

  def _notes(self, task, values, num_inputs):
    """Returns what people should know about the length of their texts."""
    texts = self._cleaner.clean(values.values())
    counts = {name: len(ids) for name, ids in zip(
        values, self._tokenizer.encode_untrusted_batch(texts))}
    limit = self._config.max_seq_length
    notes = []
    if isinstance(task, sentence_tasks.SentenceTask):
      num_texts = sum(map(bool, counts.values()))
      if sum(counts.values()) > limit - 1 - num_texts:
        notes.append("Too long: of {:,} tokens only {:,} were read.".format(
            sum(counts.values()), limit - 1 - num_texts))
    elif num_inputs > 1:
      notes.append("The text is longer than {:,} tokens and was read in {:,} "
                   "overlapping parts.".format(limit, num_inputs))
    limit = self._config.max_query_length
    if counts.get(_QUESTION, 0) > limit:
      notes.append("Too long: of the question's {:,} tokens only {:,} were "
                   "read.".format(counts[_QUESTION], limit))
    return notes


def _action(task):
  """Returns the Action of a Task.

  Raises:
    utils.UserError: the task is of another kind.
  """
  if isinstance(task, qa_tasks.QATask):
    return actions.Action(
        task.name, "qa", "Answer a question",
        "The answer is a part of the passage.",
        [actions.Field(_QUESTION, "Question"),
         actions.Field(_CONTEXT, "Passage", is_long=True)])
  if isinstance(task, tagging_tasks.TaggingTask):
    return actions.Action(
        task.name, "tagging", "Tag words", "Each word is given a tag.",
        [actions.Field("text", "Text", is_long=True)])
  if isinstance(task, sentence_tasks.SentenceTask):
    is_pair = _has_pairs(task)
    second = [actions.Field("text_b", "Second text", is_long=True,
                            is_optional=not is_pair)]
    return actions.Action(
        task.name, "classification", "Classify", "The text is given a label or "
        "a value.", [actions.Field("text_a", "Text", is_long=True)] +
        (second if is_pair or not task.layouts else []))
  raise utils.UserError(
      "Task '%s' is a %s, which demo.py cannot ask. Supported are question "
      "answering, classification, regression and tagging." % (
          task.name, type(task).__name__))


def _file_content(task, values):
  """Returns what the file of a request holds, in the layout of the task."""
  if isinstance(task, tagging_tasks.TaggingTask):
    return [{"text": " ".join(values["text"].split())}]
  id_name = "qid" if isinstance(task, qa_tasks.MRQATask) else "id"
  paragraph = {"context": values[_CONTEXT], "qas": [
      {id_name: "0", "question": values[_QUESTION]}]}
  if isinstance(task, qa_tasks.MRQATask):
    return paragraph
  return {"data": [{"paragraphs": [paragraph]}]}


def _has_pairs(task):
  return any(layout.text_b is not None for layout in task.layouts.values())


def _sentence_example(task, values):
  return sentence_tasks.InputExample(
      0, task.name, values["text_a"], values.get("text_b", "").strip() or None)
