"""Initial weights from token statistics: embeddings, positions, output biases.

What a masked language model learns in its first thousands of steps can be
counted in a minute: token frequencies and co-occurrences. With
`init_from_data` training starts from these.

Glossary of shapes:
- B: batch size.
- L: sequence length, in WordPiece tokens.
- E: embedding size.
- V: vocabulary size.
"""

import numpy as np
import scipy.sparse
from sklearn.utils import extmath

from util import utils

WINDOW = 5  # tokens on each side that count as co-occurring
# More tokens hardly change the vectors; the counts of 10 million of them, in a
# vocabulary of 64,000, take about a gigabyte.
MAX_TOKENS = 10 * 1000 * 1000
# Contexts count by this power of their frequency, so that rare ones do not
# dominate (Levy, Goldberg and Dagan 2015, TACL 3, section 3.2).
_CONTEXT_POWER = 0.75
_SVD_ITERATIONS = 3
_TOKENS_AT_A_TIME = 1000 * 1000
# Standard deviations of the elements. Word vectors must outweigh positions:
# otherwise the model learns no context for hundreds of steps.
_WORD_DEVIATION = 0.125
_POSITION_DEVIATION = 0.06


class TokenCounts:
  """Counts of tokens and of their co-occurrences.

  Attributes:
    num_tokens: int.
    frequencies: int64 [V].
    pairs: scipy.sparse float32 [V, V], symmetric: how often two tokens occur at
      most WINDOW positions apart.
  """

  def __init__(self, vocab_size, ignored_ids):
    """Starts with counts of 0.

    Args:
      vocab_size: int, V.
      ignored_ids: ints that are not text tokens, such as [CLS] and padding.
    """
    self.num_tokens = 0
    self.frequencies = np.zeros(vocab_size, np.int64)
    self.pairs = scipy.sparse.csr_matrix((vocab_size, vocab_size),
                                         dtype=np.float32)
    self._ignored_ids = sorted(ignored_ids)

  def add(self, input_ids):
    """Counts the tokens of an int [B, L] array of sequences."""
    is_text = ~np.isin(input_ids, self._ignored_ids)
    self.num_tokens += int(is_text.sum())
    self.frequencies += np.bincount(
        input_ids[is_text], minlength=len(self.frequencies))
    lefts, rights = [], []
    for distance in range(1, min(WINDOW, input_ids.shape[1] - 1) + 1):
      both = is_text[:, :-distance] & is_text[:, distance:]
      lefts.append(input_ids[:, :-distance][both])
      rights.append(input_ids[:, distance:][both])
    lefts, rights = np.concatenate(lefts), np.concatenate(rights)
    new = scipy.sparse.coo_matrix(
        (np.ones(len(lefts), np.float32), (lefts, rights)),
        shape=self.pairs.shape).tocsr()
    self.pairs = self.pairs + new + new.T


def count(batches, vocab_size, ignored_ids, max_tokens=MAX_TOKENS):
  """Returns the TokenCounts of the first `max_tokens` tokens.

  Args:
    batches: iterable of int [B, L] arrays.
    vocab_size, ignored_ids: see TokenCounts.
    max_tokens: int, roughly: the batches in which it is reached still count.
  """
  counts = TokenCounts(vocab_size, ignored_ids)
  waiting, num_waiting = [], 0
  for input_ids in batches:
    waiting.append(input_ids)
    num_waiting += input_ids.size
    # A few large sums: each one reads all pairs counted so far.
    if num_waiting >= min(_TOKENS_AT_A_TIME, max_tokens):
      counts.add(np.concatenate(waiting))
      waiting, num_waiting = [], 0
      if counts.num_tokens >= max_tokens:
        break
  if waiting:
    counts.add(np.concatenate(waiting))
  return counts


def positive_pmi(pairs):
  """Returns max(0, log(p(w, c) / (p(w) p'(c)))) of pairs of tokens.

  Positive pointwise mutual information with smoothed contexts (Levy, Goldberg
  and Dagan 2015, TACL 3, sections 2 and 3.2).

  Args:
    pairs: scipy.sparse [V, V] of counts.

  Returns:
    scipy.sparse.csr_matrix, float32 [V, V], with nothing where it is 0.
  """
  pairs = pairs.tocoo()
  total = pairs.data.sum(dtype=np.float64)
  words = np.bincount(pairs.row, pairs.data, pairs.shape[0]) / total
  contexts = np.bincount(
      pairs.col, pairs.data, pairs.shape[1]) ** _CONTEXT_POWER
  contexts /= contexts.sum()
  information = np.log(
      pairs.data / total / (words[pairs.row] * contexts[pairs.col]))
  is_positive = information > 0
  return scipy.sparse.csr_matrix(
      (information[is_positive].astype(np.float32),
       (pairs.row[is_positive], pairs.col[is_positive])), shape=pairs.shape)


def word_vectors(pairs, size, seed):
  """Returns vectors in which tokens of like contexts are alike.

  The largest singular vectors of the positive PMI, by the square roots of
  their values (Levy, Goldberg and Dagan 2015, TACL 3, section 3.3), around
  their mean and all of one length. Tokens never seen get random ones.

  Args:
    pairs: scipy.sparse [V, V] of counts.
    size: int, E.
    seed: int.

  Returns:
    float32 [V, E].
  """
  vocab_size = pairs.shape[0]
  left, values, _ = extmath.randomized_svd(
      positive_pmi(pairs), min(size, vocab_size), n_iter=_SVD_ITERATIONS,
      random_state=seed)
  vectors = np.zeros([vocab_size, size], np.float32)
  vectors[:, :left.shape[1]] = left * np.sqrt(values)
  is_known = np.linalg.norm(vectors, axis=1) > 1e-3
  if is_known.any():
    vectors[is_known] -= vectors[is_known].mean(axis=0)
  noise = np.random.RandomState(seed).standard_normal(vectors.shape)
  vectors = np.where(is_known[:, np.newaxis], vectors, noise)
  lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
  vectors *= _WORD_DEVIATION * np.sqrt(size) / np.maximum(lengths, 1e-9)
  return vectors.astype(np.float32)


def sinusoids(num_positions, size):
  """Returns sines and cosines of each position, float32 [num_positions, size].

  With them what was learned of a distance holds at every position
  (arXiv:1706.03762, section 3.5).
  """
  rates = 10000.0 ** (-2.0 * np.arange((size + 1) // 2) / size)
  angles = np.arange(num_positions)[:, np.newaxis] * rates
  waves = np.concatenate([np.sin(angles), np.cos(angles)], axis=1)[:, :size]
  return (_POSITION_DEVIATION * np.sqrt(2) * waves).astype(np.float32)


def log_frequencies(frequencies):
  """Returns the log of each token's share, float32 [V]; unseen ones count 1/2.

  As the bias of a masked language model it predicts the frequencies before
  anything is learned.
  """
  frequencies = np.asarray(frequencies, np.float64) + 0.5
  return np.log(frequencies / frequencies.sum()).astype(np.float32)


def initial_values(shapes, counts, seed):
  """Returns {name: float32 array} for the variables that start from counts.

  Those are the tables of words and positions and the bias over the vocabulary,
  of the model and of generators with their own.

  Args:
    shapes: {name of a variable: list of int}.
    counts: TokenCounts.
    seed: int.

  Raises:
    utils.UserError: no two tokens co-occur.
  """
  if not counts.pairs.nnz:
    raise utils.UserError(
        "init_from_data: the examples have no two adjacent tokens. Set "
        "\"init_from_data\": false.")
  values, vectors_of_size = {}, {}
  for name, shape in sorted(shapes.items()):
    if name.endswith("/word_embeddings"):
      size = shape[1]
      if size not in vectors_of_size:
        vectors_of_size[size] = word_vectors(counts.pairs, size, seed)
      values[name] = vectors_of_size[size]
    elif name.endswith("/position_embeddings"):
      values[name] = sinusoids(*shape)
    elif name.endswith("/output_bias"):
      values[name] = log_frequencies(counts.frequencies)
  return values
