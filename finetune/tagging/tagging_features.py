"""Words to the model's input: WordPieces, and where each word's first is."""

import collections

from model import tokenization

# The input made from one sentence.
#   input_ids: list of int, "[CLS] WordPieces [SEP]".
#   positions: list of int, where the first WordPiece of each word stands; of
#     the words that are in the input, which are the first ones of the sentence.
TaggingInput = collections.namedtuple(
    "TaggingInput", ["input_ids", "positions"])


def make_input(tokenizer, words, max_seq_length):
  """Returns the TaggingInput of a sentence.

  WordPieces that do not fit are cut off, counted in WordPieces, so that [CLS]
  and [SEP] always fit. A word that is cut in two still has its first piece.

  Args:
    tokenizer: a FullTokenizer; it decides about case and accents.
    words: list of str.
    max_seq_length: int, of the whole input, in tokens.
  """
  cls_id, sep_id, unk_id = tokenizer.convert_tokens_to_ids(
      [tokenization.CLS, tokenization.SEP, tokenization.UNK])
  input_ids, positions = [cls_id], []
  for pieces in tokenizer.encode_untrusted_batch(words):
    if len(input_ids) >= max_seq_length - 1:
      break
    positions.append(len(input_ids))
    # A word of nothing but control characters has no pieces, yet a label.
    input_ids += pieces or [unk_id]
  return TaggingInput(input_ids[:max_seq_length - 1] + [sep_id], positions)
