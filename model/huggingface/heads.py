"""Converts fine-tuned heads to the Hugging Face heads that compute the same.

| head here | Hugging Face's ElectraFor... |
|---|---|
| tagging: dense per token | TokenClassification, same weights |
| QA, independent start and end | QuestionAnswering, two layers stacked |
| classification: dense on [CLS] | SequenceClassification, see below |
| QA with joint_prediction or answerable_classifier | none: refused |

ElectraForSequenceClassification has a second layer with a gelu between the two:
out_proj(gelu(dense(x))). It can still compute exactly one layer, since

  gelu(z) - gelu(-z) = z * P(X <= z) + z * P(X <= -z) = z

for a standard normal X: `dense` computes every logit z and its negative -z, all
its other rows are 0, and `out_proj` takes the difference and adds the bias.
That needs a hidden size of at least twice the number of classes. A head that
was trained in Hugging Face does not have that form and cannot be converted.

A regression is trained on values in [0, 1]. `out_proj` also scales them to the
range of the data, so that the model outputs what predictions contain; then the
bias is in `dense`, where a round trip keeps its bits.

No TensorFlow is imported here. Glossary of shapes:
- D: hidden size.
- C: number of classes.
"""

import numpy as np

from util import model_files
from util import utils

KINDS = model_files.TASK_KINDS
CLASSIFICATION, TAGGING, QA = KINDS
ARCHITECTURES = {
    CLASSIFICATION: "ElectraForSequenceClassification",
    TAGGING: "ElectraForTokenClassification",
    QA: "ElectraForQuestionAnswering",
}
# The segment of all tokens that taggers are trained with; see TaggingTask.
TRAINED_SEGMENT = 1
# The one that pipelines pass, and models assume.
DEFAULT_SEGMENT = 0
_SEGMENTS = "electra.embeddings.token_type_embeddings.weight"
_ONE_LAYER = {"dense/kernel", "dense/bias"}
_QA_INDEPENDENT = _ONE_LAYER | {"dense_1/kernel", "dense_1/bias"}


def find_kind(shapes, kind, where):
  """Returns the kind of a head, one of `KINDS`.

  Args:
    shapes: {name of a variable inside the head: list of ints}.
    kind: str, one of `KINDS` that the user passed; None: inferred.
    where: str, the head's name for messages.

  Raises:
    utils.UserError: the head cannot be converted, `kind` is wrong, or it is
      None and the head may be classification or tagging.
  """
  names = set(shapes)
  _check_has_equivalent(names, where)
  if names == _QA_INDEPENDENT and shapes["dense/kernel"][1] == 1:
    found = QA
  elif names == _ONE_LAYER:
    found = None
  else:
    raise utils.UserError(
        "%s: expected the head of a classification, tagging or question "
        "answering task, found the variables %s. Use another task." % (
            where, ", ".join(sorted(names))))
  if found is None and kind in (CLASSIFICATION, TAGGING):
    return kind
  if found is None:
    raise utils.UserError(
        "%s is a single layer, as for classification (on [CLS]) or tagging (on "
        "every token). Pass --task-kind classification or --task-kind "
        "tagging%s." % (where, ", not %s" % kind if kind else ""))
  if kind not in (None, found):
    raise utils.UserError("%s is a head of kind %s, not %s. Omit --task-kind." %
                          (where, found, kind))
  return found


def to_hf(kind, head, value_range=None):
  """Returns Hugging Face's weights of a head, {name: float32 array}.

  Args:
    kind: str, one of `KINDS`.
    head: {name inside the head: float32 array}.
    value_range: (lowest, highest) value in the data of a regression; None: it
      is unknown, or the head is no regression.

  Raises:
    utils.UserError: a classification head has too many classes.
  """
  if kind == TAGGING:
    return {"classifier.weight": np.ascontiguousarray(head["dense/kernel"].T),
            "classifier.bias": head["dense/bias"]}
  if kind == QA:
    return {
        "qa_outputs.weight": np.concatenate(
            [head["dense/kernel"].T, head["dense_1/kernel"].T]),  # [2, D]
        "qa_outputs.bias": np.concatenate(
            [head["dense/bias"], head["dense_1/bias"]])}
  weights = _classification_to_hf(head["dense/kernel"], head["dense/bias"])
  if value_range is None:
    return weights
  low, high = value_range
  return _scaled(weights, low, high - low)


def to_tf(weights, where):
  """Returns the (kind, head, names) of a Hugging Face model's weights.

  The inverse of `to_hf`; `names` are those of the head in `weights`.

  Args:
    weights: {name: float32 array}.
    where: str, the folder for messages.

  Raises:
    utils.UserError: there is no head, or it cannot be converted.
  """
  for kind, names in _HF_NAMES.items():
    if all(name in weights for name in names):
      head = _TO_TF[kind]([weights[name] for name in names], where)
      return kind, head, names
  raise utils.UserError(
      "%s: expected a model with the head of a task (%s), found none of %s." % (
          where, ", ".join(ARCHITECTURES[kind] for kind in KINDS),
          ", ".join(_HF_NAMES[kind][0] for kind in KINDS)))


def share_segment(weights, segment, notes):
  """Makes a tagger give the same results for every segment.

  Taggers are trained here with segment 1 for all tokens and used, by pipelines
  and by default, with segment 0.

  Args:
    weights: {name: array} of a Hugging Face model, changed.
    segment: int, the one that the model was trained with.
    notes: list of str to append to.
  """
  table = weights.get(_SEGMENTS)  # [segments, E]
  if table is None:
    return
  shared = table[[segment] * len(table)]
  if not np.array_equal(table, shared):
    weights[_SEGMENTS] = shared
    notes.append("The tagger was trained with segment %d for all tokens: its "
                 "embedding replaces those of other segments, so that any "
                 "token_type_ids give the same results" % segment)


def num_labels(kind, head):
  """Returns the number of outputs of a head; QA has 2, start and end."""
  return 2 if kind == QA else head["dense/bias"].shape[0]


def _check_has_equivalent(names, where):
  if any(name.startswith("qa_hidden/") for name in names):
    raise utils.UserError(
        "%s predicts the end of an answer from its start (joint_prediction), "
        "which ElectraForQuestionAnswering cannot. Fine-tune with "
        "joint_prediction false to convert it." % where)
  if "dense_2/kernel" in names:
    raise utils.UserError(
        "%s has a layer that predicts whether there is an answer "
        "(answerable_classifier), which ElectraForQuestionAnswering lacks. "
        "Fine-tune with answerable_classifier false to convert it." % where)


def _classification_to_hf(kernel, bias):
  """Returns the head as two layers with a gelu between; see the top."""
  hidden_size, num_classes = kernel.shape
  if 2 * num_classes > hidden_size:
    raise utils.UserError(
        "A head of %d classes with hidden size %d does not fit into "
        "ElectraForSequenceClassification, which has room for %d." % (
            num_classes, hidden_size, hidden_size // 2))
  dense = np.zeros([hidden_size, hidden_size], kernel.dtype)  # [outputs, D]
  dense[:num_classes] = kernel.T
  dense[num_classes:2 * num_classes] = -kernel.T
  return {"classifier.dense.weight": dense,
          "classifier.dense.bias": np.zeros([hidden_size], kernel.dtype),
          "classifier.out_proj.weight": _differences(
              num_classes, hidden_size, kernel.dtype),
          "classifier.out_proj.bias": bias}


def _scaled(weights, low, scale):
  """Returns the weights of a regression with outputs `low` + z * `scale`."""
  bias = weights["classifier.out_proj.bias"]
  dense_bias = weights["classifier.dense.bias"].copy()
  dense_bias[:2] = bias[0], -bias[0]  # of z and -z
  return dict(weights, **{
      "classifier.dense.bias": dense_bias,
      "classifier.out_proj.weight":
          weights["classifier.out_proj.weight"] * bias.dtype.type(scale),
      "classifier.out_proj.bias": np.full_like(bias, low)})


def _differences(num_classes, hidden_size, dtype):
  """Returns the [C, D] matrix that subtracts each -z from its z."""
  matrix = np.zeros([num_classes, hidden_size], dtype)
  classes = np.arange(num_classes)
  matrix[classes, classes] = 1
  matrix[classes, num_classes + classes] = -1
  return matrix


def _classification_to_tf(weights, where):
  dense, dense_bias, out, out_bias = weights
  num_classes, hidden_size = out.shape
  kernel = np.ascontiguousarray(dense[:num_classes].T)  # [D, C]
  is_scaled = num_classes == 1 and (dense_bias.any() or out[0, 0] != 1)
  bias = dense_bias[:1].copy() if is_scaled else out_bias
  if 2 * num_classes <= hidden_size:
    expected = _classification_to_hf(kernel, bias)
    if is_scaled:
      expected = _scaled(expected, out_bias[0], out[0, 0])
    if all(np.array_equal(expected["classifier." + name], found)
           for name, found in (("dense.weight", dense),
                               ("dense.bias", dense_bias),
                               ("out_proj.weight", out))):
      return {"dense/kernel": kernel, "dense/bias": bias}
  raise utils.UserError(
      "%s: the head of ElectraForSequenceClassification has two layers with a "
      "gelu between them, a classification head here has one. Only heads that "
      "--to hf wrote and that were not trained afterwards can be converted." %
      where)


def _tagging_to_tf(weights, where):
  del where  # every tagging head can be converted
  weight, bias = weights
  return {"dense/kernel": np.ascontiguousarray(weight.T), "dense/bias": bias}


def _qa_to_tf(weights, where):
  weight, bias = weights
  if weight.shape[0] != 2:
    raise utils.UserError("%s: expected qa_outputs to have 2 outputs, start "
                          "and end, got %d." % (where, weight.shape[0]))
  return {"dense/kernel": np.ascontiguousarray(weight[:1].T),
          "dense/bias": bias[:1].copy(),
          "dense_1/kernel": np.ascontiguousarray(weight[1:].T),
          "dense_1/bias": bias[1:].copy()}


_HF_NAMES = {
    CLASSIFICATION: ("classifier.dense.weight", "classifier.dense.bias",
                     "classifier.out_proj.weight", "classifier.out_proj.bias"),
    TAGGING: ("classifier.weight", "classifier.bias"),
    QA: ("qa_outputs.weight", "qa_outputs.bias"),
}
_TO_TF = {CLASSIFICATION: _classification_to_tf, TAGGING: _tagging_to_tf,
          QA: _qa_to_tf}
