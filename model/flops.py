"""Counts the floating-point operations of a training step.

Only matrix multiplications are counted, two operations for each multiply-add:
they are nearly all, and the definition of model-FLOPs utilisation (arXiv:
2204.02311, appendix B) counts them alone. The backward pass takes twice the
forward pass: a product with the weights for the gradient of the inputs, and one
with the inputs for the gradient of the weights.

Glossary of shapes:
- B: batch size.
- L: sequence length, in WordPiece tokens, padding included.
- N: `max_predictions_per_seq`.
"""

from model import model_sizes

_FORWARD_AND_BACKWARD = 3


def encoder(bert_config, embedding_size, batch_size, seq_length):
  """Returns the operations of one forward pass of an encoder.

  Per layer (arXiv:1706.03762, section 3): four products of [B*L, D] with
  [D, D] for query, key, value and output, two of [L, D] with [D, L] per
  sequence for scores and context, and two with [D, intermediate size].

  Args:
    bert_config: BertConfig.
    embedding_size: int; embeddings of another width than D are projected.
    batch_size: int, B.
    seq_length: int, L.
  """
  width, tokens = bert_config.hidden_size, batch_size * seq_length
  per_token = (8 * width * width + 4 * seq_length * width +
               4 * width * bert_config.intermediate_size)
  total = bert_config.num_hidden_layers * tokens * per_token
  if embedding_size != width:
    total += 2 * tokens * embedding_size * width
  return total


def pretraining_step(config, batch_size):
  """Returns the operations of the update of a pre-training step.

  The generator predicts the N masked positions only, and the discriminator
  classifies all (arXiv:2003.10555, section 2).

  Args:
    config: PretrainingConfig.
    batch_size: int, B.
  """
  length = config.max_seq_length
  main = model_sizes.get_bert_config(config)
  embedding_size = model_sizes.get_embedding_size(config, main)
  has_discriminator = config.electra_objective or config.electric_objective
  generator = main
  if has_discriminator and config.untied_generator and (
      not config.uniform_generator):
    generator = model_sizes.get_generator_config(config, main)
  total = 0
  if not (has_discriminator and config.uniform_generator):
    width = generator.hidden_size
    encoders = 2 if config.two_tower_generator and has_discriminator else 1
    generator_embedding = (
        width if config.untied_generator_embeddings and has_discriminator
        else embedding_size)
    total += encoders * encoder(
        generator, generator_embedding, batch_size, length)
    positions = batch_size * (
        length if encoders == 2 else config.max_predictions_per_seq)
    total += 2 * positions * generator_embedding * (
        encoders * width + main.vocab_size)
  if has_discriminator:
    width = main.hidden_size
    total += encoder(main, embedding_size, batch_size, length)
    total += 2 * batch_size * length * width * (width + 1)
  return _FORWARD_AND_BACKWARD * total
