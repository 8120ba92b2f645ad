"""Builds the signatures of a fine-tuned model: `predict_<task>`, `encode`.

A task's head is built as in evaluation. Its features other than the three
inputs, such as labels, are placeholders of zeros. Its outputs that depend on
the text are outputs of the signature; losses, labels and example numbers are
not.

Glossary of shapes:
- B: batch size.
- L: sequence length, in WordPiece tokens.
"""

import tensorflow.compat.v1 as tf

from finetune import export_config
from finetune import task_builder
from model import model_sizes
from model import modeling
from model import saved_model
from model import tensor_ops
from model import variable_shapes
from util import model_files
from util import utils

# A feature of taggers: the positions of the words to tag. A served model tags
# every position; the caller knows where words start.
_POSITIONS = "_labeled_positions"
# Ops that depend on the shape of their input, not on its values.
_OF_SHAPE = frozenset(["Shape", "ShapeN", "Size", "Rank", "ZerosLike",
                       "OnesLike"])


def build(config, prefix, shapes, inputs, options):
  """Builds signatures in the current graph, all on one encoder.

  The outputs of `predict_<task>` are those that the task's scorer uses:

  - classification: `logits`, `probabilities` [B, labels], `predictions` [B],
    or [B, labels], 1 for each label of the text, if it may have several;
  - regression: `predictions` [B], in the task's range;
  - tagging: the same as classification for every position: [B, L, labels] and
    [B, L];
  - question answering: `start_logits` [B, L], and `end_logits` [B, L] or, with
    joint_prediction, the K starts and for each the K ends to choose from
    (`start_top_index`, `start_top_log_probs` [B, K], `end_top_index`,
    `end_top_log_probs` [B, K, K]); `answerable_logit` [B] where there is such
    a classifier, above 0 where no answer is likelier.

  Args:
    config: FinetuningConfig.
    prefix: str, the checkpoint, for messages.
    shapes: {variable name: shape} of the checkpoint.
    inputs: saved_model.Inputs.
    options: saved_model.Options; "predict" in `names` selects all tasks.

  Returns:
    {name: saved_model.Signature}, the default of a server first.

  Raises:
    utils.UserError: the checkpoint was not trained on a task.
  """
  tasks = task_builder.get_tasks(config)
  _check_heads(tasks, shapes, prefix)
  bert_config = model_sizes.get_bert_config(config)
  encoder = modeling.BertModel(
      bert_config, False, inputs.tensors["input_ids"],
      input_mask=inputs.tensors["input_mask"],
      token_type_ids=inputs.tensors["segment_ids"],
      embedding_size=config.embedding_size)
  signatures = {}
  names = options.names
  for task in tasks:
    name = export_config.signature_name(task.name)
    if not names or name in names or export_config.PREDICT in names:
      signatures[name] = _predict(config, task, encoder, inputs)
  if not names or export_config.ENCODE in names:
    signatures[export_config.ENCODE] = saved_model.encode_signature(
        encoder, options.all_layers)
  return signatures


def _check_heads(tasks, shapes, prefix):
  """Raises a UserError for a task that the checkpoint was not trained on."""
  trained = variable_shapes.trained_tasks(shapes)
  for task in tasks:
    if task.name not in trained:
      raise utils.UserError(
          "%s: the checkpoint was not trained on task '%s'. It has heads of "
          "%s." % (prefix, task.name, ", ".join(trained) or "no task"))


def _predict(config, task, encoder, inputs):
  """Returns the Signature of one task."""
  filled = _placeholder_features(config, task, inputs.tensors["input_ids"])
  with tf.variable_scope("%s/%s" % (model_files.TASKS_SCOPE, task.name)):
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
    is_multi_label = getattr(task, "is_multi_label", False)
    outputs["probabilities"] = (
        tf.sigmoid if is_multi_label else tf.nn.softmax)(outputs["logits"])
  if hasattr(task, "denormalize"):
    outputs["predictions"] = task.denormalize(outputs["predictions"])
  if any(name.endswith(_POSITIONS) for name in filled):
    about["segment_ids"] = "1 for every token, as in training"
    about["predictions"] = ("for every position; a word's is that of its first "
                            "WordPiece")
  return saved_model.Signature(outputs, about)


def _placeholder_features(config, task, input_ids):
  """Returns {name: Tensor of shape [B, ...]} of the features of a task.

  All are zeros except positions, which are 0 to L-1.
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
  """Returns whether the values of `tensor` depend on one of some ops.

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
