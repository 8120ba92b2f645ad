"""Metrics of pre-training: of an evaluation, and of each training batch.

Glossary of shapes:
- B: batch size.
- L: sequence length, in WordPiece tokens.
- N: `max_predictions_per_seq`.
"""

import contextlib

import tensorflow.compat.v1 as tf

from util import utils


def metric_tensors(model):
  """Returns {name: Tensor with batch dimension} that the metrics need."""
  inputs = model.masked_inputs
  tensors = {
      "masked_lm_ids": inputs.masked_lm_ids,  # int32 [B, N], as the next two
      "masked_lm_weights": inputs.masked_lm_weights,
      "masked_lm_preds": model.mlm_output.preds,
      "masked_lm_losses": model.mlm_output.per_token_loss,
  }
  if model.disc_output is not None:
    tensors.update({
        "sampled_tokens": model.fake_data.sampled_tokens,
        "input_mask": inputs.input_mask,  # int32 [B, L], as the next two
        "disc_preds": model.disc_output.preds,
        "disc_labels": model.disc_output.labels,
        "disc_probs": model.disc_output.probs,
        "disc_losses": model.disc_output.per_example_loss,  # [B]
    })
  return tensors


def metrics_of(tensors):
  """Returns {name: (value, update op)} of the metrics of an evaluation.

  All means are over the complete evaluation, in [0, 1] except the losses:
  - masked_lm_accuracy, masked_lm_loss: over masked positions, of the
    generator's most likely token;
  - sampled_masked_lm_accuracy: the same of the token it sampled;
  - disc_loss: mean over examples of the mean over their real tokens, so that
    tokens of short examples weigh more (as in the reference);
  - disc_accuracy, disc_auc: over real tokens (the reference counts padding as
    true negatives in disc_auc, which makes it higher);
  - disc_precision: fraction of replaced tokens among those predicted replaced;
  - disc_recall: fraction of replaced tokens that were predicted replaced.

  Args:
    tensors: what `metric_tensors` returns.
  """
  flat = {name: tf.reshape(tensor, [-1]) for name, tensor in tensors.items()}
  masked_weights = flat["masked_lm_weights"]
  metrics = {
      "masked_lm_accuracy": tf.metrics.accuracy(
          flat["masked_lm_ids"], flat["masked_lm_preds"], masked_weights),
      "masked_lm_loss": tf.metrics.mean(
          flat["masked_lm_losses"], masked_weights),
  }
  if "disc_labels" not in flat:
    return metrics
  mask, labels, preds = (
      flat["input_mask"], flat["disc_labels"], flat["disc_preds"])
  metrics.update({
      "sampled_masked_lm_accuracy": tf.metrics.accuracy(
          flat["masked_lm_ids"], flat["sampled_tokens"], masked_weights),
      "disc_loss": tf.metrics.mean(flat["disc_losses"]),
      "disc_auc": tf.metrics.auc(
          labels, flat["disc_probs"], weights=tf.cast(mask, tf.float32)),
      "disc_accuracy": tf.metrics.accuracy(labels, preds, mask),
      "disc_precision": tf.metrics.accuracy(labels, preds, preds * mask),
      "disc_recall": tf.metrics.accuracy(labels, preds, labels * mask),
  })
  return metrics


@contextlib.contextmanager
def reporting_nan(checkpoint_path):
  """Raises a UserError where the evaluation of a checkpoint computes NaN."""
  try:
    yield
  except tf.errors.InvalidArgumentError as error:
    if "predictions must be in [0, 1]" not in error.message:
      raise
    raise utils.UserError(
        "%s: the model's predictions are NaN: the training diverged, or its "
        "values overflow with use_amp. Evaluate an earlier checkpoint, or set "
        "\"use_amp\": false." % checkpoint_path) from error


def batch_counts(tensors):
  """Returns {name: float32 Tensor of shape []}, what `batch_metrics` divides.

  The counts of micro-batches and ranks add up to those of the batch.

  Args:
    tensors: what `metric_tensors` returns.
  """
  is_masked = tensors["masked_lm_weights"]  # float32 [B, N]
  counts = {
      "masked": is_masked,
      "masked_correct": is_masked * tf.cast(tf.equal(
          tensors["masked_lm_preds"], tensors["masked_lm_ids"]), tf.float32)}
  if "disc_labels" in tensors:
    is_real, labels, preds = (  # float32 [B, L]
        tf.cast(tensors[name], tf.float32)
        for name in ("input_mask", "disc_labels", "disc_preds"))
    counts.update({
        "tokens": is_real, "replaced": is_real * labels,
        "flagged": is_real * preds,
        "replaced_flagged": is_real * labels * preds})
  return {name: tf.reduce_sum(count) for name, count in counts.items()}


def batch_metrics(counts):
  """Returns {name: float32 Tensor of shape [] in [0, 1]} of a training batch.

  Named and defined as in `metrics_of`; NaN where nothing was counted, such as
  the precision of a discriminator that predicts no replaced token.

  Args:
    counts: what `batch_counts` returns.
  """
  metrics = {
      "masked_lm_accuracy": counts["masked_correct"] / counts["masked"]}
  if "tokens" in counts:
    both = counts["replaced_flagged"]
    num_wrong = counts["replaced"] + counts["flagged"] - 2.0 * both
    metrics.update({
        "disc_accuracy": 1.0 - num_wrong / counts["tokens"],
        "disc_precision": both / counts["flagged"],
        "disc_recall": both / counts["replaced"]})
  return metrics


def write_results(results, config):
  """Prints an evaluation and writes results_txt, _pkl and .json.

  Args:
    results: {name: number}.
    config: PretrainingConfig.
  """
  lines = ["%s = %s" % (name, results[name]) for name in sorted(results)]
  for line in lines:
    utils.log("  " + line)
  with utils.write_atomically(config.results_txt) as f:
    f.write("".join(line + "\n" for line in lines))
  utils.write_pickle(results, config.results_pkl)
  utils.write_json(results, config.results_json())
  utils.log("Wrote %d metrics to %s" % (len(results), config.results_txt))
