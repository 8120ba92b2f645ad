"""The graph of one pre-training step: mask, generate, discriminate.

Objectives:
- ELECTRA (arXiv:2003.10555): a generator predicts masked tokens, a
  discriminator classifies tokens as original or replaced.
- Electric (arXiv:2012.08561): the same with a two-tower generator whose log
  probabilities are added to the discriminator's scores.
- masked LM (arXiv:1810.04805, section 3.1): the generator alone, on the main
  encoder.

Glossary of shapes:
- B: batch size.
- L: sequence length, in WordPiece tokens.
- N: `max_predictions_per_seq`.
- V: vocabulary size.
"""

import collections

import tensorflow.compat.v1 as tf

from model import model_sizes
from model import modeling
from model import randomness as randomness_lib
from model import tensor_ops
from pretrain import electric
from pretrain import heads
from pretrain import pretrain_data
from pretrain import pretrain_helpers

# inputs: Inputs with the sampled tokens written in; is_fake_tokens: int32
# [B, L]; sampled_tokens: int32 [B, N].
FakedData = collections.namedtuple("FakedData", [
    "inputs", "is_fake_tokens", "sampled_tokens"])

# Denominators of the mean losses; None: counted over the batch. Micro-batches
# whose gradients are accumulated share those of the complete batch.
Denominators = collections.namedtuple("Denominators", [
    "masked_lm", "cloze", "discriminator"])
NO_DENOMINATORS = Denominators(None, None, None)


def denominators_of(inputs, special_ids):
  """Returns the Denominators of a batch of masked Inputs."""
  candidates = pretrain_helpers.candidates_for_masking(
      pretrain_helpers.unmask(inputs), special_ids)
  return Denominators(
      masked_lm=tf.reduce_sum(inputs.masked_lm_weights),
      cloze=tf.reduce_sum(tf.cast(candidates, tf.float32)),
      discriminator=tf.reduce_sum(tf.cast(inputs.input_mask, tf.float32)))


class PretrainingModel:
  """Generator and discriminator over one batch.

  Attributes:
    total_loss: float32 Tensor of shape [].
    losses: {name: float32 Tensor of shape []}, to log during training.
    masked_inputs: pretrain_data.Inputs.
    mlm_output: heads.MaskedLMOutput.
    fake_data: FakedData; None for masked LM.
    disc_output: heads.DiscriminatorOutput; None for masked LM.
  """

  def __init__(self, config, features, is_training, randomness=None,
               denominators=NO_DENOMINATORS, special_ids=None):
    """Builds the graph.

    Args:
      config: PretrainingConfig.
      features: {name: Tensor} with `input_ids`, `input_mask` and `segment_ids`,
        int32 [B, L]. Where it also has `masked_lm_positions`, `masked_lm_ids`
        and `masked_lm_weights`, the `input_ids` are taken as masked already.
      is_training: bool, whether there is dropout.
      randomness: randomness.StepRandomness; None: of `config.seed` and the
        global step.
      denominators: Denominators.
      special_ids: {token: id}; None: read from `config.vocab_file`.
    """
    self._config = config
    self._is_training = is_training
    self._denominators = denominators
    self._randomness = randomness or randomness_lib.StepRandomness(
        config.seed, tf.train.get_or_create_global_step())
    self._bert_config = model_sizes.get_bert_config(config)
    self._embedding_size = model_sizes.get_embedding_size(
        config, self._bert_config)

    self._special_ids = special_ids or pretrain_data.special_ids(
        config.vocab_file)
    self.masked_inputs = masked(
        config, pretrain_data.features_to_inputs(features), self._randomness,
        self._special_ids)
    self._unmasked_inputs = pretrain_helpers.unmask(self.masked_inputs)
    self._two_towers = None
    self.mlm_output = self._masked_lm()
    self.losses = {"mlm_loss": self.mlm_output.loss}
    generator_loss = self.mlm_output.loss
    if self._two_towers is not None:  # they learn from all tokens
      candidates = pretrain_helpers.candidates_for_masking(
          self._unmasked_inputs, self._special_ids)
      generator_loss = self._two_towers.loss(candidates, denominators.cloze)
      self.losses["cloze_loss"] = generator_loss
    self.total_loss = config.gen_weight * generator_loss

    self.fake_data = self.disc_output = None
    if config.electra_objective or config.electric_objective:
      self.fake_data = self._fake_data()
      self.disc_output = self._discriminator()
      self.total_loss += config.disc_weight * self.disc_output.loss
      self.losses["disc_loss"] = self.disc_output.loss
    self.losses["loss"] = self.total_loss

  def _masked_lm(self):
    """Builds the generator and its masked LM loss."""
    config, inputs = self._config, self.masked_inputs
    has_discriminator = config.electra_objective or config.electric_objective
    if config.uniform_generator:
      return heads.uniform_masked_lm_output(
          inputs, self._bert_config.vocab_size, self._denominators.masked_lm)
    if has_discriminator and config.untied_generator:
      generator_config = model_sizes.get_generator_config(
          config, self._bert_config)
      embedding_size = (None if config.untied_generator_embeddings
                        else self._embedding_size)
      if config.two_tower_generator:
        self._two_towers = electric.TwoTowerGenerator(
            config, generator_config, self._unmasked_inputs, self._is_training,
            embedding_size=embedding_size,
            randomness=self._randomness.child("generator"))
        return self._two_towers.masked_lm_output(
            inputs, self._denominators.masked_lm)
      encoder = self._encoder(
          inputs, generator_config, scope="generator",
          embedding_size=embedding_size,
          untied_embeddings=config.untied_generator_embeddings)
    else:
      encoder = self._encoder(
          inputs, self._bert_config, scope=modeling.MAIN_SCOPE,
          embedding_size=self._embedding_size, stream="generator")
    # Only the masked positions are multiplied with the vocabulary.
    vectors = tensor_ops.gather_positions(
        encoder.get_sequence_output(), inputs.masked_lm_positions)
    distribution = heads.generator_distribution(
        encoder, tensor_ops.reshape_to_matrix(vectors))
    return heads.masked_lm_output(
        inputs, distribution, self._denominators.masked_lm)

  def _fake_data(self):
    """Samples tokens for the masked positions and inserts them."""
    config, inputs = self._config, self._unmasked_inputs
    randomness = self._randomness.child("sampling")
    disallow = inputs.masked_lm_ids if config.disallow_correct else None
    if self.mlm_output.logits is None:
      sampled = pretrain_helpers.sample_uniformly(
          tf.shape(inputs.masked_lm_ids), self._bert_config.vocab_size,
          randomness, disallow)
    else:
      sampled = pretrain_helpers.sample_from_softmax(
          self.mlm_output.logits, randomness, config.temperature, disallow,
          likelihoods=self.mlm_output.likelihoods)
    scatter = (pretrain_helpers.scatter_average if config.reference_masking
               else tensor_ops.scatter_positions)
    updated_ids, written = scatter(
        inputs.input_ids, sampled, inputs.masked_lm_positions)
    if config.electric_objective:  # a sample is noise even if correct
      is_fake = written
    else:
      is_fake = tf.cast(tf.not_equal(updated_ids, inputs.input_ids), tf.int32)
    return FakedData(
        inputs=pretrain_data.get_updated_inputs(inputs, input_ids=updated_ids),
        is_fake_tokens=is_fake, sampled_tokens=sampled)

  def _discriminator(self):
    """Builds the discriminator and its loss."""
    inputs = self.fake_data.inputs
    encoder = self._encoder(
        inputs, self._bert_config, scope=modeling.MAIN_SCOPE,
        embedding_size=self._embedding_size, stream="discriminator")
    logits = heads.discriminator_logits(
        self._bert_config, encoder.get_sequence_output())
    if self._config.electric_objective:
      logits += electric.noise_log_odds(
          self._two_towers, inputs.input_ids, self._config.mask_prob)
    return heads.discriminator_output(
        inputs, logits, self.fake_data.is_fake_tokens,
        self._denominators.discriminator)

  def _encoder(self, inputs, bert_config, *, scope, embedding_size,
               untied_embeddings=False, stream=None):
    return modeling.BertModel(
        bert_config, self._is_training, inputs.input_ids, inputs.input_mask,
        inputs.segment_ids, scope=scope, embedding_size=embedding_size,
        untied_embeddings=untied_embeddings,
        use_one_hot_embeddings=self._config.use_tpu,
        randomness=self._randomness.child(stream or scope))


def masked(config, inputs, randomness, special_ids):
  """Returns masked `inputs`; unchanged if they have masked positions already.

  Args:
    config: PretrainingConfig.
    inputs: pretrain_data.Inputs.
    randomness: randomness.StepRandomness of the step.
    special_ids: {token: id}, see `pretrain_data.special_ids`.
  """
  if pretrain_data.is_masked(inputs):
    return inputs
  return pretrain_helpers.mask(
      config, inputs, config.mask_prob, randomness.child("masking"),
      special_ids=special_ids)
