"""From predicted WordPieces back to the characters of the context.

A prediction is a run of WordPieces, cleaned, maybe lower-cased, with spaces
around punctuation; an answer is a part of the context as its author wrote it.
"""


def text_of_pieces(pieces):
  """Returns WordPieces as text: ["بير", "##وت", "،"] -> "بيروت ،"."""
  text = " ".join(pieces).replace(" ##", "").replace("##", "")
  return " ".join(text.split())


def place_in(original, predicted, basic_tokenizer):
  """Returns (start, end) of the part of `original` that was predicted.

  The two are aligned through `original` as the tokenizer splits it, character
  by character without the spaces. So from the words "(1895-1943)." and the
  prediction "1895" the answer is "1895", and diacritics stay in it as written.

  Args:
    original: str, the words of the context that the prediction lies in.
    predicted: str, from `text_of_pieces`.
    basic_tokenizer: the BasicTokenizer that the WordPieces were made with.

  Returns:
    (int, int), in characters; all of `original` where the two cannot be
    aligned: a piece is [UNK], or the tokenizer dropped characters, such as
    accents.
  """
  tokenized = " ".join(basic_tokenizer.tokenize(original))
  start = tokenized.find(predicted)
  if start < 0 or not predicted:
    return 0, len(original)
  places = _places_without_spaces(original)
  tokenized_places = _places_without_spaces(tokenized)
  if len(places) != len(tokenized_places):
    return 0, len(original)
  # `predicted` neither starts nor ends with a space, so both are found.
  place_of = dict(zip(tokenized_places, places))
  return place_of[start], place_of[start + len(predicted) - 1] + 1


def _places_without_spaces(text):
  return [i for i, char in enumerate(text) if char != " "]
