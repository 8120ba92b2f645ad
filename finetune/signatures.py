"""Signatures of a fine-tuned checkpoint: `predict_<task>` and `encode`.

A task's head is built as in evaluation. What it wants beside the three inputs,
such as labels, is filled in; what it gives that says something about the text
is an output, and everything else (losses, labels, numbers of examples) is not.

Glossary of shapes:
- B: batch size.
- L: sequence length, in WordPiece tokens.
"""

import tensorflow.compat.v1 as tf

from model import model_sizes
from model import modeling
from model import saved_model
from model import tensor_ops
from util import utils

ENCODE = "encode"
PREDICT = "predict_"  # and the name of the task
# A feature of taggers: where the words are that get a tag. A model that is
# served gives a tag to every position; the caller knows where words start.
_POSITIONS = "_labeled_positions"
_SCOPE = "task_specific/"
# Ops that look at the shape of their input and not at its values.
_OF_SHAPE = frozenset(["Shape", "ShapeN", "Size", "Rank", "ZerosLike",
                       "OnesLike"])


def signature_names(tasks):
  """Returns the signatures there are, the default of a server first."""
  return [PREDICT + task.name for task in tasks] + [ENCODE]


def build(config, tasks, inputs, names, *, all_layers=False):
  """Builds signatures in the current graph, all on one encoder.

  The outputs of `predict_<task>` are those that the task's scorer gets:

  - classification: `logits`, `probabilities` [B, labels], `predictions` [B];
  - regression: `predictions` [B], in the task's own range;
  - tagging: the same as classification for every position: [B, L, labels] and
    [B, L];
  - question answering: `start_logits` [B, L], and `end_logits` [B, L] or, with
    joint_prediction, the K starts and for each the K ends to choose from
    (`start_top_index`, `start_top_log_probs` [B, K], `end_top_index`,
    `end_top_log_probs` [B, K, K]); `answerable_logit` [B] where there is such
    a classifier, above 0 where no answer is likelier.

  Args:
    config: FinetuningConfig.
    tasks: list of task.Task.
    inputs: saved_model.Inputs.
    names: the signatures to build.
    all_layers: bool, whether `encode` gives every layer.

  Returns:
    {name: saved_model.Signature}.
  """
  bert_config = model_sizes.get_bert_config(config)
  encoder = modeling.BertModel(
      bert_config, False, inputs.tensors["input_ids"],
      input_mask=inputs.tensors["input_mask"],
      token_type_ids=inputs.tensors["segment_ids"],
      embedding_size=config.embedding_size)
  signatures = {}
  for task in tasks:
    if PREDICT + task.name in names:
      signatures[PREDICT + task.name] = _predict(config, task, encoder, inputs)
  if ENCODE in names:
    signatures[ENCODE] = saved_model.encode_signature(encoder, all_layers)
  return signatures


def check_heads(tasks, shapes, where):
  """Raises a UserError for a task that a checkpoint was never trained on.

  Args:
    tasks: list of task.Task.
    shapes: {variable name: shape} of the checkpoint.
    where: str, the checkpoint, for the message.
  """
  trained = trained_tasks(shapes)
  for task in tasks:
    if task.name not in trained:
      raise utils.UserError(
          "The checkpoint %s was never trained on task '%s' (it has no weights "
          "%s%s/...); it has heads of %s." % (
              where, task.name, _SCOPE, task.name,
              ", ".join(trained) or "no task"))


def trained_tasks(shapes):
  """Returns the sorted names of the tasks that a checkpoint has heads of."""
  return sorted({name.split("/")[1] for name in shapes
                 if name.startswith(_SCOPE)})


def _predict(config, task, encoder, inputs):
  """Returns the Signature of one task."""
  filled = _filled_features(config, task, inputs.tensors["input_ids"])
  with tf.variable_scope(_SCOPE + task.name):
    _, outputs = task.get_prediction_module(
        encoder, dict(inputs.tensors, **filled), False, tf.constant(1.0))
  labels = {tensor.op for name, tensor in filled.items()
            if not name.endswith(_POSITIONS)}
  texts = {inputs.tensors["input_ids"].op}
  outputs = {name: tensor for name, tensor in outputs.items()
             if _reaches(tensor, texts) and not _reaches(tensor, labels)}
  about = {"task": task.name}
  if hasattr(task, "label_list"):
    about["labels"] = list(task.label_list)
    outputs["probabilities"] = tf.nn.softmax(outputs["logits"])
  if hasattr(task, "denormalize"):
    outputs["predictions"] = task.denormalize(outputs["predictions"])
  if any(name.endswith(_POSITIONS) for name in filled):
    about["segment_ids"] = "1 for every token, as in training"
    about["predictions"] = ("for every position; a word's is that of its first "
                            "WordPiece")
  return saved_model.Signature(outputs, about)


def _filled_features(config, task, input_ids):
  """Returns {name: Tensor of shape [B, ...]} of the features of a task.

  Zeros, but for positions, which are all there are: 0 to L-1.
  """
  batch_size, length = tensor_ops.get_shape_list(input_ids)
  features = {}
  for spec in task.get_feature_specs():
    shape = [batch_size] + [length if size == config.max_seq_length else size
                            for size in spec.shape]
    if spec.name.endswith(_POSITIONS):
      value = tf.tile(tf.range(length)[tf.newaxis], [batch_size, 1])
    else:
      value = tf.zeros(
          shape, tf.int32 if spec.is_int_feature else tf.float32)
    features[spec.name] = tf.identity(value, spec.name + "_filled")
  return features


def _reaches(tensor, sources):
  """Returns whether the values of `tensor` come, in part, from one of some ops.

  Args:
    tensor: Tensor.
    sources: set of tf.Operation.
  """
  seen, pending = set(), [tensor.op]
  while pending:
    op = pending.pop()
    if op in sources:
      return True
    if op not in seen and op.type not in _OF_SHAPE:
      seen.add(op)
      pending.extend(parent.op for parent in op.inputs)
  return False
