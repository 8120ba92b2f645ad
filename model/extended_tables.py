"""Which tables of an initial checkpoint a run asks to extend with fresh rows.

  vocab_size, passed: rows of tokens appended to the checkpoint's vocabulary
  model_hparam_overrides, max_position_embeddings: rows of more positions

Without the request, tables of another length than the checkpoint's are an
error: another vocabulary or model is more likely than a longer one.
"""

import os

from model import checkpoint as checkpoint_lib
from model import tokenization
from model import variable_shapes
from util import model_files
from util import utils

_POSITIONS = r"/position_embeddings$"
_VOCABULARY = r"(/word_embeddings|_predictions/output_bias)$"
_WORDS = variable_shapes.MAIN_SCOPE + "/embeddings/word_embeddings"


def requested(config, checkpoint):
  """Returns the `extend` of `checkpoint.plan`: names of tables to extend.

  Args:
    config: PretrainingConfig or FinetuningConfig.
    checkpoint: str, the prefix of `init_checkpoint`.

  Raises:
    utils.UserError: new tokens are requested, but the vocabulary is not the
      checkpoint's with tokens appended.
  """
  patterns = []
  if "max_position_embeddings" in config.model_hparam_overrides:
    patterns.append(_POSITIONS)
  if config.was_passed("vocab_size") and _num_new_tokens(config, checkpoint):
    _check_appended(config.vocab_file, checkpoint)
    patterns.append(_VOCABULARY)
  return patterns


def hints(config, checkpoint, is_resumed=False):
  """Returns the `hints` of `checkpoint.plan`: how to request rows.

  Args:
    config, checkpoint: as in `requested`.
    is_resumed: bool, whether the checkpoint is the run's own, whose tables
      keep their lengths.
  """
  if is_resumed:
    return [(_POSITIONS, "a model keeps its positions: omit "
             "max_position_embeddings, or start another --model-name from it "
             "with init_checkpoint, which adds fresh rows")] if (
                 "max_position_embeddings" in config.model_hparam_overrides
             ) else []
  num_new = _num_new_tokens(config, checkpoint)
  if not num_new:
    return []
  return [(_VOCABULARY, "%s has %d token%s more than the checkpoint: set "
           "vocab_file to the checkpoint's own vocabulary or, if it is that "
           "one with tokens appended, set vocab_size to %d to add fresh rows" %
           (config.vocab_file, num_new, "s" * (num_new > 1),
            config.vocab_size))]


def _num_new_tokens(config, checkpoint):
  """Returns how many tokens have no row in the checkpoint, 0 if none."""
  shape = checkpoint_lib.shapes_of(checkpoint).get(_WORDS)
  if shape is None or not utils.exists(config.vocab_file):
    return 0
  return max(0, len(tokenization.load_vocab(config.vocab_file)) - shape[0])


def _check_appended(vocab_file, checkpoint):
  """Raises a UserError unless a vocabulary continues the checkpoint's."""
  path = os.path.join(os.path.dirname(checkpoint), model_files.VOCAB)
  if not utils.exists(path):
    raise utils.UserError(
        "%s: the checkpoint's vocabulary is missing, without which new tokens "
        "cannot be distinguished from others. Copy its vocab.txt there." % path)
  known = list(tokenization.load_vocab(path))
  tokens = list(tokenization.load_vocab(vocab_file))
  for index, (token, expected) in enumerate(zip(tokens, known)):
    if token != expected:
      raise utils.UserError(
          "%s:%d: expected '%s' as in %s, the checkpoint's vocabulary, got "
          "'%s'. Append new tokens at the end of a copy of that file." % (
              vocab_file, index + 1, expected, path, token))
