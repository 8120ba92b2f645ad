"""Warns of a pre-training that learns nothing, early and once.

Thresholds are far from what healthy runs show, so that a warning is worth a
look. They are compared with the mean of the last values that were logged.
"""

import collections

import numpy as np

from util import utils

MAX_UNKNOWN_SHARE = 0.05  # of the tokens
MIN_RECALL = 0.01  # of the replaced tokens
# Nats above the unigram entropy's estimate, which is low: a sample lacks the
# rarest tokens.
ENTROPY_MARGIN = -0.1
NUM_VALUES = 10
FIRST_STEP = 1000  # not before, however short the warm-up is

# entropy: float, nats per token, of the distribution of single tokens;
# unknown_share: float in [0, 1], of [UNK] among tokens.
TokenStatistics = collections.namedtuple("TokenStatistics", [
    "entropy", "unknown_share"])


def token_statistics(input_ids, special_ids):
  """Returns the TokenStatistics of some examples.

  Special tokens and padding do not count, except [UNK].

  Args:
    input_ids: int array of shape [number of examples, L].
    special_ids: {token: id}.
  """
  counts = np.bincount(np.ravel(input_ids)).astype(np.float64)
  unknown_id = special_ids["[UNK]"]
  for token_id in special_ids.values():
    if token_id != unknown_id and token_id < len(counts):
      counts[token_id] = 0.0
  total = counts.sum()
  if not total:
    return TokenStatistics(0.0, 0.0)
  shares = counts[counts > 0] / total
  unknown = counts[unknown_id] if unknown_id < len(counts) else 0.0
  return TokenStatistics(-float(np.sum(shares * np.log(shares))),
                         float(unknown / total))


def check_data(statistics):
  """Logs a warning if too many tokens are [UNK].

  Args:
    statistics: TokenStatistics.
  """
  if statistics.unknown_share > MAX_UNKNOWN_SHARE:
    utils.log(
        "Warning: {:.1%} of the tokens of the first examples are [UNK]: the "
        "vocabulary does not fit the text. Build the examples with another "
        "vocabulary, or with other flags for case and accents".format(
            statistics.unknown_share))


class TrainingAlarms:
  """Watches what a training logs."""

  def __init__(self, statistics, first_step):
    """Watches nothing yet.

    Args:
      statistics: TokenStatistics of the examples.
      first_step: int, global step from which a warning is possible.
    """
    self._statistics = statistics
    self._first_step = first_step
    self._last = collections.defaultdict(
        lambda: collections.deque(maxlen=NUM_VALUES))
    self._warned = set()

  def check(self, step, record):
    """Logs each warning once, when the last values give reason for it.

    Args:
      step: int, the global step.
      record: {name: float} that is logged for it.
    """
    for name, value in record.items():
      self._last[name].append(value)
    if step < self._first_step:
      return
    recall, loss = self._mean("disc_recall"), self._mean("mlm_loss")
    if recall is not None and recall < MIN_RECALL:
      self._warn(
          "disc_recall",
          "Warning: step {:,}: the discriminator takes {:.1%} of the replaced "
          "tokens for replaced. That is normal in the first "
          "thousands of steps; if it stays so, lower learning_rate, or make "
          "the generator smaller (generator_hidden_size)".format(step, recall))
    if (loss is not None and self._statistics.entropy and
        loss > self._statistics.entropy + ENTROPY_MARGIN):
      self._warn(
          "mlm_loss", "Warning: step {:,}: the generator predicts no better "
          "than from the frequencies of tokens (mlm_loss {:.2f}, their entropy "
          "{:.2f}). Check the examples, and lower learning_rate or raise "
          "num_warmup_steps".format(step, loss, self._statistics.entropy))

  def _mean(self, name):
    """Returns the mean of the last values; None of too few."""
    values = self._last[name]
    return np.mean(values) if len(values) == NUM_VALUES else None

  def _warn(self, name, message):
    if name not in self._warned:
      self._warned.add(name)
      utils.log(message)
