"""Pads the token ids of an example to the input length of the model."""


def pad(values, length, value=0):
  """Returns `values` as a list of `length` numbers, filled up with `value`."""
  assert len(values) <= length, "%d values, at most %d fit" % (
      len(values), length)
  return list(values) + [value] * (length - len(values))


def padded_inputs(input_ids, segment_ids, max_seq_length):
  """Returns the features that every example of every task has.

  Args:
    input_ids: list of int, the token ids with [CLS] and [SEP].
    segment_ids: list of int, 0 or 1 for each token.
    max_seq_length: int, the length to fill up to, in tokens.

  Returns:
    {"input_ids", "input_mask", "segment_ids"}: lists of `max_seq_length` ints;
    the mask is 1 for real tokens and 0 for padding.
  """
  assert len(input_ids) == len(segment_ids)
  return {
      "input_ids": pad(input_ids, max_seq_length),
      "input_mask": pad([1] * len(input_ids), max_seq_length),
      "segment_ids": pad(segment_ids, max_seq_length),
  }
