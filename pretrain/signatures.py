"""Signatures of a pre-trained checkpoint: tell fakes, fill in, encode.

The sizes of the generator are those of its variables, so nobody has to know
which fraction of the discriminator it was.

Glossary of shapes:
- B: batch size.
- L: sequence length, in WordPiece tokens.
- K: tokens proposed for a position.
- M: positions to propose tokens for, of the whole batch.
- D: hidden size of the generator.
- V: vocabulary size.
"""

import collections
import math
import re

import tensorflow.compat.v1 as tf

from model import model_sizes
from model import modeling
from model import randomness
from model import saved_model
from model import tensor_ops
from model import tokenization
from pretrain import electric
from pretrain import heads
from pretrain import pretrain_data
from util import utils

DISCRIMINATE, FILL_MASK, ENCODE = "discriminate", "fill_mask", "encode"
NAMES = (DISCRIMINATE, FILL_MASK, ENCODE)  # the default of a server first
_TOWERS = ("generator_ltr", "generator_rtl")

# all_layers: bool, whether `encode` gives every layer; top_k: int, tokens that
# `fill_mask` proposes; everywhere: bool, whether it proposes them for every
# position, not for those of [MASK] only.
Options = collections.namedtuple("Options", [
    "all_layers", "top_k", "everywhere"])


def reasons_to_leave_out(config, shapes):
  """Returns {signature: why the checkpoint cannot give it}.

  Args:
    config: PretrainingConfig.
    shapes: {variable name: shape} of the checkpoint.
  """
  reasons = {}
  has_towers = _has(shapes, electric.SCOPE)
  if not _has(shapes, "discriminator_predictions"):
    reasons[DISCRIMINATE] = ("the checkpoint has no discriminator's head "
                             "(discriminator_predictions/...)")
  elif has_towers and not (config.was_passed("electric_objective") or
                           config.was_passed("two_tower_generator")):
    reasons[DISCRIMINATE] = (
        "the checkpoint has a two-tower generator and does not tell its "
        "objective; say it by --hparams with \"electra_objective\": false, "
        "\"electric_objective\": true, or with \"two_tower_generator\": true")
  elif config.electric_objective and not has_towers:
    reasons[DISCRIMINATE] = ("the checkpoint has no two-tower generator (%s/"
                             "...), which electric_objective needs" %
                             electric.SCOPE)
  if not has_towers and not _has(shapes, "generator_predictions"):
    reasons[FILL_MASK] = ("the checkpoint has no generator "
                          "(generator_predictions/...)")
  return reasons


def build(config, shapes, inputs, names, options):
  """Builds signatures in the current graph.

  - `discriminate`: `logits` and `probabilities` float32 [B, L], of "replaced".
  - `fill_mask`: `token_ids` int32 and `probabilities` float32 [B, L, K], the
    likeliest first; 0 at positions that are not [MASK], unless
    `options.everywhere`.
  - `encode`: see `saved_model.encode_signature`.

  Args:
    config: PretrainingConfig.
    shapes: {variable name: shape} of the checkpoint.
    inputs: saved_model.Inputs.
    names: the signatures to build, none of `reasons_to_leave_out`.
    options: Options.

  Returns:
    {name: saved_model.Signature}.

  Raises:
    utils.UserError: more tokens are asked for than there are.
  """
  graph = _Graph(config, shapes, inputs)
  signatures = {}
  if DISCRIMINATE in names:
    signatures[DISCRIMINATE] = graph.discriminate()
  if FILL_MASK in names:
    signatures[FILL_MASK] = graph.fill_mask(options)
  if ENCODE in names:
    signatures[ENCODE] = saved_model.encode_signature(
        graph.encoder(), options.all_layers)
  return signatures


class _Graph:
  """The parts of a pre-trained model, each built when it is first needed."""

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
    if self._config.electric_objective:  # as in pretraining_model
      mask_prob = self._config.mask_prob
      logits += self._towers().log_probs_of(self._inputs.input_ids)
      logits += math.log(mask_prob / (1 - mask_prob))
    return saved_model.Signature({"logits": logits,
                             "probabilities": tf.sigmoid(logits)})

  def fill_mask(self, options):
    vocab_size = self._bert_config.vocab_size
    if options.top_k > vocab_size:
      raise utils.UserError(
          "--top-k: expected at most vocab_size (%d), got %d." % (
              vocab_size, options.top_k))
    mask_id = pretrain_data.special_ids(
        self._config.vocab_file)[tokenization.MASK]
    input_ids = self._inputs.input_ids
    is_wanted = (tf.ones_like(input_ids, tf.bool) if options.everywhere
                 else tf.equal(input_ids, mask_id))
    # Only what is wanted is multiplied with the vocabulary.
    rows = tf.where(tf.reshape(is_wanted, [-1]))  # int64 [M, 1]
    logits = self._generator_logits(tf.reshape(rows, [-1]))  # [M, V]
    top_logits, top_ids = tf.nn.top_k(logits, options.top_k)  # [M, K]
    probabilities = tf.exp(
        top_logits - tf.reduce_logsumexp(logits, axis=-1, keepdims=True))
    num_tokens = tf.size(input_ids, out_type=tf.int64)
    shape = tensor_ops.get_shape_list(input_ids) + [options.top_k]

    def at_positions(values):
      """Returns values [M, K] as [B, L, K], 0 where none was wanted."""
      return tf.reshape(tf.scatter_nd(
          rows, values, tf.stack([num_tokens, options.top_k])), shape)

    return saved_model.Signature(
        {"token_ids": at_positions(top_ids),
         "probabilities": at_positions(probabilities)},
        {"mask_token_id": mask_id, "every_position": options.everywhere})

  def _generator_logits(self, rows):
    """Returns the scores of all tokens at rows [M] of B * L: [M, V]."""
    if _has(self._shapes, electric.SCOPE):
      return tf.gather(self._towers().distribution.logits, rows)
    scope = ("generator" if _has(self._shapes, "generator")
             else modeling.MAIN_SCOPE)  # tied, or masked LM alone
    encoder = self.encoder(scope)
    vectors = tensor_ops.reshape_to_matrix(encoder.get_sequence_output())
    return heads.TokenDistribution(
        encoder.bert_config, tf.gather(vectors, rows),
        encoder.get_embedding_table(), "generator_predictions").logits

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
    """Returns whether a generator has embeddings of its own."""
    return scope != modeling.MAIN_SCOPE and _has(
        self._shapes, scope + "/embeddings")

  def _config_of(self, scope):
    """Returns the BertConfig of an encoder; a generator's by its variables."""
    if scope == modeling.MAIN_SCOPE:
      return self._bert_config
    layer = scope + "/encoder/layer_0/"
    hidden_size, intermediate_size = self._shapes[
        layer + "intermediate/dense/kernel"]
    matches = [re.match(scope + r"/encoder/layer_(\d+)/", name)
               for name in self._shapes]
    return modeling.BertConfig.from_dict(dict(
        self._bert_config.to_dict(),
        hidden_size=hidden_size, intermediate_size=intermediate_size,
        num_hidden_layers=1 + max(
            int(match.group(1)) for match in matches if match),
        num_attention_heads=max(
            1, hidden_size // model_sizes.GENERATOR_HEAD_SIZE)))


def _has(shapes, scope):
  return any(name.startswith(scope + "/") for name in shapes)
