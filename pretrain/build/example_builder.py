"""Sentences of token ids -> pre-training examples of one or two segments.

ELECTRA keeps BERT's two segments (arXiv:2003.10555, section 3.1) but has no
task on them: the second segment simply goes on where the first one stopped.
"""

import array

ONE_SEGMENT_PROB = 0.1  # fine-tuning tasks with one text look like this
SHORT_TARGET_PROB = 0.05  # and short texts occur there
OVERFLOW_FIRST_PROB = 0.5  # a sentence across the middle goes to either side
MIN_TARGET_LENGTH = 5  # tokens: [CLS] a [SEP] b [SEP]


class ExampleBuilder:
  """Packs the sentences of documents into examples of limited length.

  Sentences are collected until they reach a target length or their document
  ends, then become one example: a first segment that aims at half the target,
  the rest as the second segment, both cut so that with [CLS] and two [SEP]
  they fit `max_seq_length`. What is cut off is dropped and counted, unless
  `carry_over` is on: then it begins the next example of the document.

  Attributes:
    num_tokens: tokens taken in so far.
    num_dropped_tokens: tokens cut off and not carried over so far.
  """

  def __init__(self, max_seq_length, rng, carry_over=False):
    """Makes a builder with nothing collected.

    Args:
      max_seq_length: tokens of an example, at least MIN_TARGET_LENGTH.
      rng: random.Random; same state and same sentences, same examples.
      carry_over: whether what does not fit begins the next example.
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
    """Takes in a sentence; yields the examples that are complete by it.

    Consume the generator: nothing is taken in before.

    Args:
      token_ids: sequence of int.

    Yields:
      (first segment, second segment), lists of int without special tokens;
      the second may be empty.
    """
    if len(token_ids) == 0:
      return
    if len(token_ids) > self._max_seq_length:
      # Slices of a view are not copies: what is carried over of a whole book
      # on one line would otherwise be copied once for each example.
      token_ids = memoryview(array.array("i", token_ids))
    self.num_tokens += len(token_ids)
    self._sentences.append(token_ids)
    self._length += len(token_ids)
    while self._length >= self._target_length:
      yield self._make_example()

  def end_document(self):
    """Yields the examples that the end of a document completes."""
    while self._length:
      yield self._make_example()

  def _make_example(self):
    """Returns the segments of the sentences collected; starts over."""
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
    """Returns how many of the sentences make the first segment, at least 1."""
    if self._rng.random() < ONE_SEGMENT_PROB:
      return len(self._sentences)
    aim = (self._target_length - 3) // 2
    length = len(self._sentences[0])
    for number, sentence in enumerate(self._sentences[1:], 1):
      if length >= aim:
        return number
      length += len(sentence)
      if length >= aim:  # the sentence across the middle
        return number + (self._rng.random() < OVERFLOW_FIRST_PROB)
    return len(self._sentences)

  def _choose_target_length(self):
    if self._rng.random() < SHORT_TARGET_PROB:
      num_choices = self._max_seq_length - MIN_TARGET_LENGTH + 1
      return MIN_TARGET_LENGTH + int(self._rng.random() * num_choices)
    return self._max_seq_length


def _take(sentences, num_tokens):
  """Returns (the first `num_tokens` tokens, the sentences that are left)."""
  taken = []
  for number, sentence in enumerate(sentences):
    room = num_tokens - len(taken)
    taken.extend(sentence[:room])
    if len(sentence) > room:
      return taken, [sentence[room:]] + sentences[number + 1:]
  return taken, []
