"""Builds the signatures of a pre-trained model for serving.

They are `discriminate`, `fill_mask` and `encode`. The sizes of the generator
are read from its variables, so no hyperparameter has to give them.

Glossary of shapes:
- B: batch size.
- L: sequence length, in WordPiece tokens.
- K: tokens predicted for a position.
- M: positions to predict, of all positions of the batch.
- D: hidden size of the generator.
- V: vocabulary size.
"""

import tensorflow.compat.v1 as tf

from model import model_sizes
from model import modeling
from model import randomness
from model import saved_model
from model import tensor_ops
from model import tokenization
from model import variable_shapes
from pretrain import electric
from pretrain import export_config
from pretrain import heads
from pretrain import pretrain_data
from util import utils

_TOWERS = ("generator_ltr", "generator_rtl")


def build(config, prefix, shapes, inputs, options):
  """Builds signatures in the current graph.

  - `discriminate`: `logits` and `probabilities` float32 [B, L], of "replaced".
  - `fill_mask`: `token_ids` int32 and `probabilities` float32 [B, L, K], the
    likeliest first; 0 at positions other than [MASK], unless
    `options.everywhere`.
  - `encode`: see `saved_model.encode_signature`.

  Args:
    config: PretrainingConfig.
    prefix: str, the checkpoint, for messages.
    shapes: {variable name: shape} of the checkpoint.
    inputs: saved_model.Inputs.
    options: saved_model.Options; without `names`, all signatures that the
      checkpoint supports are built.

  Returns:
    {name: saved_model.Signature}, the default of a server first.

  Raises:
    utils.UserError: the checkpoint does not support one of `options.names`, or
      `options.top_k` is larger than the vocabulary.
  """
  graph = _Graph(config, shapes, inputs)
  build_fns = {
      export_config.DISCRIMINATE: graph.discriminate,
      export_config.FILL_MASK: lambda: graph.fill_mask(options),
      export_config.ENCODE: lambda: saved_model.encode_signature(
          graph.encoder(), options.all_layers)}
  return {name: build_fns[name]()
          for name in _supported(config, prefix, shapes, options.names)}


def _supported(config, prefix, shapes, names):
  """Returns the names to build, and logs or raises what is unsupported."""
  reasons = _unsupported(config, shapes)
  for name in names or ():
    if name in reasons:
      raise utils.UserError("--signatures: cannot export '%s' from %s: %s." % (
          name, prefix, reasons[name]))
  if not names:
    for name, reason in reasons.items():
      utils.log("Skipped %s: %s" % (name, reason))
    tasks = variable_shapes.trained_tasks(shapes)
    if tasks:
      utils.log("Skipped the heads of %s: to export them, set \"task_names\" "
                "and the hyperparameters of the fine-tuning in --hparams" %
                ", ".join(tasks))
  return [name for name in export_config.signature_names(config)
          if name in (names or (name,)) and name not in reasons]


def _unsupported(config, shapes):
  """Returns {signature: why the checkpoint does not support it}."""
  reasons = {}
  has_towers = variable_shapes.has_scope(shapes, electric.SCOPE)
  if not variable_shapes.has_scope(shapes, "discriminator_predictions"):
    reasons[export_config.DISCRIMINATE] = (
        "the checkpoint has no discriminator head "
        "(discriminator_predictions/...)")
  elif has_towers and not (config.was_passed("electric_objective") or
                           config.was_passed("two_tower_generator")):
    reasons[export_config.DISCRIMINATE] = (
        "the checkpoint has a two-tower generator and does not record its "
        "objective; set \"electra_objective\": false, \"electric_objective\": "
        "true, or \"two_tower_generator\": true in --hparams")
  elif config.electric_objective and not has_towers:
    reasons[export_config.DISCRIMINATE] = (
        "the checkpoint has no two-tower generator (%s/...), which "
        "electric_objective requires" % electric.SCOPE)
  if not has_towers and not variable_shapes.has_scope(
      shapes, "generator_predictions"):
    reasons[export_config.FILL_MASK] = (
        "the checkpoint has no generator (generator_predictions/...)")
  return reasons


class _Graph:
  """The modules of a pre-trained model, each built on first use."""

  def __init__(self, config, shapes, inputs):
    self._config = config
    self._shapes = shapes
    self._inputs = pretrain_data.Inputs(
        masked_lm_positions=None, masked_lm_ids=None, masked_lm_weights=None,
        **inputs.tensors)
    self._bert_config = model_sizes.get_bert_config(config)
    self._embedding_size = model_sizes.get_embedding_size(
        config, self._bert_config)
    self._encoders = {}
    self._two_towers = None

  def encoder(self, scope=modeling.MAIN_SCOPE):
    """Returns the BertModel of the main encoder or of the generator."""
    if scope not in self._encoders:
      is_main = scope == modeling.MAIN_SCOPE
      is_untied = self._is_untied(scope)
      self._encoders[scope] = modeling.BertModel(
          self._config_of(scope), False, self._inputs.input_ids,
          self._inputs.input_mask, self._inputs.segment_ids, scope=scope,
          embedding_size=None if is_untied else self._embedding_size,
          untied_embeddings=is_untied and not is_main)
    return self._encoders[scope]

  def discriminate(self):
    logits = heads.discriminator_logits(
        self._bert_config, self.encoder().get_sequence_output())
    if self._config.electric_objective:
      logits += electric.noise_log_odds(
          self._towers(), self._inputs.input_ids, self._config.mask_prob)
    return saved_model.Signature(
        {"logits": logits, "probabilities": tf.sigmoid(logits)})

  def fill_mask(self, options):
    vocab_size = self._bert_config.vocab_size
    if options.top_k > vocab_size:
      raise utils.UserError(
          "--top-k: expected at most vocab_size (%d), got %d. Lower it." % (
              vocab_size, options.top_k))
    mask_id = pretrain_data.special_ids(
        self._config.vocab_file)[tokenization.MASK]
    input_ids = self._inputs.input_ids
    is_selected = (tf.ones_like(input_ids, tf.bool) if options.everywhere
                 else tf.equal(input_ids, mask_id))
    # Only the selected positions are multiplied with the vocabulary.
    rows = tf.where(tf.reshape(is_selected, [-1]))  # int64 [M, 1]
    logits = self._generator_logits(tf.reshape(rows, [-1]))  # [M, V]
    top_logits, top_ids = tf.nn.top_k(logits, options.top_k)  # [M, K]
    probabilities = tf.exp(
        top_logits - tf.reduce_logsumexp(logits, axis=-1, keepdims=True))
    num_tokens = tf.size(input_ids, out_type=tf.int64)
    shape = tensor_ops.get_shape_list(input_ids) + [options.top_k]

    def at_positions(values):
      """Returns values [M, K] as [B, L, K], 0 at other positions."""
      return tf.reshape(tf.scatter_nd(
          rows, values, tf.stack([num_tokens, options.top_k])), shape)

    return saved_model.Signature(
        {"token_ids": at_positions(top_ids),
         "probabilities": at_positions(probabilities)},
        {"mask_token_id": mask_id, "every_position": options.everywhere})

  def _generator_logits(self, rows):
    """Returns the logits [M, V] at rows [M] of the B * L positions."""
    if variable_shapes.has_scope(self._shapes, electric.SCOPE):
      return tf.gather(self._towers().distribution.logits, rows)
    scope = ("generator" if variable_shapes.has_scope(
        self._shapes, "generator") else modeling.MAIN_SCOPE)  # tied, or MLM
    encoder = self.encoder(scope)
    vectors = tensor_ops.reshape_to_matrix(encoder.get_sequence_output())
    return heads.generator_distribution(
        encoder, tf.gather(vectors, rows)).logits

  def _towers(self):
    """Returns the electric.TwoTowerGenerator."""
    if self._two_towers is None:
      is_untied = self._is_untied(_TOWERS[0])
      self._two_towers = electric.TwoTowerGenerator(
          self._config.replace(untied_generator_embeddings=is_untied),
          self._config_of(_TOWERS[0]), self._inputs, False,
          embedding_size=None if is_untied else self._embedding_size,
          randomness=randomness.NoRandomness())
    return self._two_towers

  def _is_untied(self, scope):
    """Returns whether a generator has separate embeddings."""
    return scope != modeling.MAIN_SCOPE and variable_shapes.has_scope(
        self._shapes, scope + "/embeddings")

  def _config_of(self, scope):
    """Returns the BertConfig of an encoder; a generator's from its shapes."""
    if scope == modeling.MAIN_SCOPE:
      return self._bert_config
    sizes = variable_shapes.layer_sizes(self._shapes, scope)
    return modeling.BertConfig.from_dict(dict(
        self._bert_config.to_dict(), num_attention_heads=max(
            1, sizes["hidden_size"] // model_sizes.GENERATOR_HEAD_SIZE),
        **sizes))
