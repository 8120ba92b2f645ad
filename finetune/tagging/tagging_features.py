"""The input of the model for a sentence: WordPieces and word positions."""

import collections

from model import tokenization

# The input for one sentence.
#   input_ids: list of int, "[CLS] WordPieces [SEP]".
#   positions: list of int, the position of the first WordPiece of each word;
#     only of words in the input, which are the first ones of the sentence.
TaggingInput = collections.namedtuple(
    "TaggingInput", ["input_ids", "positions"])


def make_input(tokenizer, words, max_seq_length):
  """Returns the TaggingInput of a sentence.

  Truncates the WordPieces so that [CLS] and [SEP] always fit. A truncated word
  keeps its first piece.

  Args:
    tokenizer: a FullTokenizer; it handles case and accents.
    words: list of str.
    max_seq_length: int, of the entire input, in tokens.
  """
  cls_id, sep_id, unk_id = tokenizer.convert_tokens_to_ids(
      [tokenization.CLS, tokenization.SEP, tokenization.UNK])
  input_ids, positions = [cls_id], []
  for pieces in tokenizer.encode_untrusted_batch(words):
    if len(input_ids) >= max_seq_length - 1:
      break
    positions.append(len(input_ids))
    # A word of only control characters has no pieces, but a label.
    input_ids += pieces or [unk_id]
  return TaggingInput(input_ids[:max_seq_length - 1] + [sep_id], positions)
