"""Splits a context into overlapping windows, the inputs of the model.

An input is `[CLS] question [SEP] window of the context [SEP]`. Each window
starts `doc_stride` tokens after the previous one.
"""

import numpy as np

from model import tokenization
from util import utils

# Windows are numbered as in the reference, 1000 per question, unless a context
# may have more windows than that.
EIDS_PER_QUESTION = 1000
MAX_EID = 2**31 - 1  # int32 in the graph
# Upper bound: NFD decomposes a character into at most 4.
MAX_TOKENS_PER_CHARACTER = 4
# The WordPieces of words are cached for speed; about 100 MB when full.
MAX_CACHED_WORDS = 500000


class Window:
  """One input of the model.

  Attributes:
    eid: int, unique among the windows of all questions of a file.
    span_index: int, the index of the window among those of its context.
    input_ids: list of int, with [CLS] and [SEP], without padding.
    segment_ids: list of int, 1 for the context and the [SEP] after it.
    start_position, end_position: int, the first and last token of the answer
      in `input_ids`; 0 if the window does not contain all of it.
    is_impossible: bool, whether the question has no answer. As in the
      reference, false for a window without the answer of an answerable
      question.
    token_to_word: {position in `input_ids`: index of the word in the context}.
    max_context: frozenset of the positions of tokens that have the maximum
      context in this window; see `max_context_tokens`.
  """

  def __init__(self, **attributes):
    self.__dict__.update(attributes)


class Featurizer:
  """Builds the Windows of questions."""

  def __init__(self, tokenizer, *, max_seq_length, max_query_length,
               doc_stride):
    """Initializes the featurizer.

    Args:
      tokenizer: a FullTokenizer.
      max_seq_length: int, the maximum length of an input, in tokens.
      max_query_length: int, the length that questions are truncated to, in
        tokens.
      doc_stride: int, tokens between the starts of two windows.
    """
    self._tokenizer = tokenizer
    self._max_seq_length = max_seq_length
    self._max_query_length = max_query_length
    self._doc_stride = doc_stride
    self._pieces = {}  # of words
    self._cls, self._sep, self._unk = tokenizer.convert_tokens_to_ids(
        [tokenization.CLS, tokenization.SEP, tokenization.UNK])

  def windows(self, example):
    """Returns the Windows of a QAExample; none if its context has no words.

    Raises:
      utils.UserError: the question leaves no room for the context.
    """
    query = self._encode(example.cleaned_question)[:self._max_query_length]
    room = self._max_seq_length - len(query) - 3
    if room < 1:
      raise utils.UserError(
          "Question %s has %d tokens, which leaves no room for its context. "
          "Set max_query_length (%d) to less than max_seq_length - 3 (%d)." % (
              example.qas_id, len(query), self._max_query_length,
              self._max_seq_length - 3))
    tokens, word_of_token, token_of_word = self._tokens_of(example.words)
    answer = self._answer_tokens(example, tokens, token_of_word)
    bounds = window_bounds(len(tokens), room, self._doc_stride)
    offset = len(query) + 2  # position of a window's first token
    windows = []
    for i, (start, end) in enumerate(bounds):
      positions = range(offset, offset + end - start)
      is_inside = answer is not None and (
          start <= answer[0] <= answer[1] < end)
      windows.append(Window(
          eid=example.first_eid + i, span_index=i,
          input_ids=[self._cls] + query + [self._sep] + tokens[start:end] +
          [self._sep],
          segment_ids=[0] * offset + [1] * (end - start + 1),
          start_position=answer[0] - start + offset if is_inside else 0,
          end_position=answer[1] - start + offset if is_inside else 0,
          is_impossible=example.is_impossible,
          token_to_word=dict(zip(positions, word_of_token[start:end]))))
    for window, (start, _), best_tokens in zip(
        windows, bounds, max_context_tokens(bounds)):
      window.max_context = frozenset(
          token - start + offset for token in best_tokens)
    return windows

  def number(self, examples):
    """Sets `first_eid` of the examples so that no two windows share an eid.

    Raises:
      utils.UserError: the number of windows is not in the int32 range.
    """
    bounds = [1 + MAX_TOKENS_PER_CHARACTER * example.words.num_characters //
              self._doc_stride for example in examples]
    blocks = [max(EIDS_PER_QUESTION, bound) for bound in bounds]
    if sum(blocks) > MAX_EID:
      blocks = bounds
    if sum(blocks) > MAX_EID:
      raise utils.UserError(
          "Expected at most %d windows, but %d questions may have %d. Increase "
          "doc_stride or split the file." % (
              MAX_EID, len(examples), sum(blocks)))
    first_eid = 0
    for example, block in zip(examples, blocks):
      example.first_eid = first_eid
      first_eid += block

  def _encode(self, text):
    return self._tokenizer.encode_untrusted_batch([text])[0]

  def _count_unknown(self, words, encoded):
    """Counts the unknown words that were not encoded now, but cached."""
    unknown_words = self._tokenizer.unknown_words
    if unknown_words is not None:
      for word in words:
        num_unknown = self._pieces[word].count(self._unk)
        if num_unknown and word not in encoded:
          unknown_words.add(num_unknown, [word], self._pieces)

  def _tokens_of(self, words):
    """Returns (ids, word of each token, first token of each word)."""
    if len(self._pieces) > MAX_CACHED_WORDS:
      self._pieces.clear()
    new = list(set(words.words).difference(self._pieces))
    self._pieces.update(zip(new, self._tokenizer.encode_untrusted_batch(new)))
    self._count_unknown(words.words, set(new))
    ids, word_of_token, token_of_word = [], [], []
    for word, text in enumerate(words.words):
      pieces = self._pieces[text]
      token_of_word.append(len(ids))
      ids += pieces
      word_of_token += [word] * len(pieces)
    return ids, word_of_token, token_of_word

  def _answer_tokens(self, example, tokens, token_of_word):
    """Returns (first, last) token of the answer in the context, or None."""
    if example.span is None or example.is_impossible:
      return None
    first_word, last_word = example.span
    first = token_of_word[first_word]
    last = (token_of_word + [len(tokens)])[last_word + 1] - 1
    return _narrowed(tokens, first, last, self._encode(example.answer_text))


def window_bounds(num_tokens, room, doc_stride):
  """Returns the [(first token, token after the last)] of a context's windows.

  Args:
    num_tokens: int, tokens of the context.
    room: int, tokens of a full window.
    doc_stride: int, tokens between two starts; values above `room` act as
      `room`.
  """
  bounds = []
  start = 0
  while start < num_tokens:
    end = min(start + room, num_tokens)
    bounds.append((start, end))
    if end == num_tokens:
      break
    start += min(end - start, doc_stride)
  return bounds


def max_context_tokens(bounds):
  """Returns, for each window, the tokens with the most context in it.

  The context of a token in a window is the smaller number of tokens on its two
  sides. Ties go to the longer window, then to the earlier one. (In the windows
  "cat sat on" and "on the mat", "on" has a context of 0.)

  Args:
    bounds: list of (first token, token after the last).

  Returns:
    list of int arrays, tokens of the context.
  """
  num_tokens = bounds[-1][1] if bounds else 0
  best_scores = np.full([num_tokens], -1.0)
  best_windows = np.zeros([num_tokens], np.int64)
  for i, (start, end) in enumerate(bounds):
    tokens = np.arange(start, end)
    scores = (np.minimum(tokens - start, end - 1 - tokens) +
              0.01 * (end - start))
    better = tokens[scores > best_scores[start:end]]
    best_scores[better] = scores[better - start]
    best_windows[better] = i
  return [start + np.flatnonzero(best_windows[start:end] == i)
          for i, (start, end) in enumerate(bounds)]


def _narrowed(tokens, first, last, answer):
  """Returns (first, last) of `answer` within tokens[first..last], or of all.

  Words may contain more than the answer: "(1895-1943)." for "1895".
  """
  for start in range(first, last + 1):
    # Only an end at the length of the answer can match.
    end = start + len(answer) - 1
    if start <= end <= last and tokens[start:end + 1] == answer:
      return start, end
  return first, last
