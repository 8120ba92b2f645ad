"""Packs sentences of token ids into examples of one or two segments.

ELECTRA keeps BERT's two segments (arXiv:2003.10555, section 3.1) but has no
next-sentence task: the second segment continues where the first one ends.
"""

import array

ONE_SEGMENT_PROB = 0.1  # like the inputs of single-text fine-tuning tasks
SHORT_TARGET_PROB = 0.05  # because fine-tuning tasks have short texts too
OVERFLOW_FIRST_PROB = 0.5  # of the first segment to get the middle sentence
MIN_TARGET_LENGTH = 5  # tokens: [CLS] a [SEP] b [SEP]


class ExampleBuilder:
  """Packs the sentences of documents into examples of limited length.

  Sentences are buffered until they reach a target length or their document
  ends, and then become one example: a first segment of about half the target
  length and a second segment with the rest, both truncated to `max_seq_length`
  including [CLS] and two [SEP]. The truncated tokens are dropped and counted,
  or, with `carry_over`, start the next example of the document.

  Attributes:
    num_tokens: int, tokens added so far.
    num_dropped_tokens: int, tokens truncated and not carried over so far.
  """

  def __init__(self, max_seq_length, rng, carry_over=False):
    """Starts with an empty buffer.

    Args:
      max_seq_length: int, tokens per example, at least MIN_TARGET_LENGTH.
      rng: random.Random; the same state and sentences give the same examples.
      carry_over: bool, whether truncated tokens start the next example.
    """
    assert max_seq_length >= MIN_TARGET_LENGTH, max_seq_length
    self.num_tokens = 0
    self.num_dropped_tokens = 0
    self._max_seq_length = max_seq_length
    self._rng = rng
    self._carry_over = carry_over
    self._target_length = max_seq_length
    self._sentences = []
    self._length = 0  # tokens in self._sentences

  def add_sentence(self, token_ids):
    """Adds a sentence; yields the examples that it completes.

    The sentence is added only when the generator is consumed.

    Args:
      token_ids: sequence of int.

    Yields:
      (first segment, second segment), lists of int without special tokens;
      the second may be empty.
    """
    if len(token_ids) == 0:
      return
    if len(token_ids) > self._max_seq_length:
      # Slices of a view are not copies: with an entire book on one line, the
      # tokens carried over would otherwise be copied for each example.
      token_ids = memoryview(array.array("i", token_ids))
    self.num_tokens += len(token_ids)
    self._sentences.append(token_ids)
    self._length += len(token_ids)
    while self._length >= self._target_length:
      yield self._make_example()

  def end_document(self):
    """Ends the document; yields the examples that remain of it."""
    while self._length:
      yield self._make_example()

  def _make_example(self):
    """Returns the segments of the buffered sentences; empties the buffer."""
    num_first = self._choose_num_first_sentences()
    first, rest = _take(self._sentences[:num_first], self._max_seq_length - 2)
    if rest:
      second, rest = [], rest + self._sentences[num_first:]
    else:
      second, rest = _take(self._sentences[num_first:],
                           max(0, self._max_seq_length - 3 - len(first)))
    if self._carry_over:
      self._sentences = rest
      self._length = sum(map(len, rest))
    else:
      self.num_dropped_tokens += sum(map(len, rest))
      self._sentences = []
      self._length = 0
    self._target_length = self._choose_target_length()
    return first, second

  def _choose_num_first_sentences(self):
    """Returns the number of sentences for the first segment, at least 1."""
    if self._rng.random() < ONE_SEGMENT_PROB:
      return len(self._sentences)
    target = (self._target_length - 3) // 2
    length = len(self._sentences[0])
    for number, sentence in enumerate(self._sentences[1:], 1):
      if length >= target:
        return number
      length += len(sentence)
      if length >= target:  # the sentence across the middle
        return number + (self._rng.random() < OVERFLOW_FIRST_PROB)
    return len(self._sentences)

  def _choose_target_length(self):
    if self._rng.random() < SHORT_TARGET_PROB:
      num_choices = self._max_seq_length - MIN_TARGET_LENGTH + 1
      return MIN_TARGET_LENGTH + int(self._rng.random() * num_choices)
    return self._max_seq_length


def _take(sentences, num_tokens):
  """Returns (the first `num_tokens` tokens, the remaining sentences)."""
  taken = []
  for number, sentence in enumerate(sentences):
    room = num_tokens - len(taken)
    taken.extend(sentence[:room])
    if len(sentence) > room:
      return taken, [sentence[room:]] + sentences[number + 1:]
  return taken, []
