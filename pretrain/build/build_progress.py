"""What a dataset build says: progress while it runs, counts at the end."""

import sys
import time

import tqdm

from util import utils

_SECONDS_BETWEEN_LOG_LINES = 10


class Progress:
  """A bar on a terminal, a line every few seconds elsewhere."""

  def __init__(self, num_bytes):
    """`num_bytes`: of all files on disk."""
    self._num_bytes = num_bytes
    self._num_done = 0
    self._start = self._last_line = time.time()
    self._bar = None

  def __enter__(self):
    if sys.stderr.isatty():
      self._bar = tqdm.tqdm(total=self._num_bytes, unit="B", unit_scale=True)
    return self

  def __exit__(self, *unused_error):
    if self._bar is not None:
      self._bar.close()

  def advance(self, num_bytes):
    """Notes that `num_bytes` more of the files are done."""
    self._num_done += num_bytes
    if self._bar is not None:
      self._bar.update(num_bytes)
      return
    now = time.time()
    if now - self._last_line < _SECONDS_BETWEEN_LOG_LINES:
      return
    self._last_line = now
    bytes_per_second = max(1, self._num_done / (now - self._start))
    utils.log("%.1f of %.1f MB, %.2f MB/s, %d s left" % (
        self._num_done / 1e6, self._num_bytes / 1e6, bytes_per_second / 1e6,
        (self._num_bytes - self._num_done) / bytes_per_second))


def log_start(settings, num_files, num_bytes):
  """Says what is about to be read."""
  utils.log("Reading {} in {} ({:.1f} MB) with {}".format(
      _count(num_files, "file"), settings.corpus_dir, num_bytes / 1e6,
      _count(settings.num_processes, "process", "processes")))


def log_first_changed_letters():
  """Says, as soon as it is known, that Arabic letters are being changed."""
  utils.log("Lower-casing with accent stripping changes Arabic letters in this "
            "corpus, such as \u0623 to \u0627; " + _HOW_TO_KEEP_LETTERS)


def log_end(settings, content):
  """Says what was read, what was lost and what was written.

  Args:
    settings: dataset_builder.BuildSettings.
    content: dict, as in dataset_info.json.
  """
  utils.log("Read {}, {}, {} in {} ({:,} empty)".format(
      _count(content["num_documents"], "document"),
      _count(content["num_lines"], "line"),
      _count(content["num_tokens"], "token"),
      _count(content["num_files"], "file"), content["num_empty_files"]))
  if content["num_emptied_lines"]:
    utils.log("Cleaning for {} left nothing of {}".format(
        settings.preprocessing, _count(content["num_emptied_lines"], "line")))
  if content["num_changed_letters"]:
    utils.log("Lower-casing with accent stripping changed {}, such as \u0623 to"
              " \u0627; {}".format(
                  _count(content["num_changed_letters"], "Arabic letter"),
                  _HOW_TO_KEEP_LETTERS))
  num_dropped = content["num_dropped_tokens"]
  utils.log("Dropped {} ({:.1f} %) that did not fit their example; {}".format(
      _count(num_dropped, "token"),
      100 * num_dropped / max(1, content["num_tokens"]),
      "--carry-over was on" if settings.carry_over else
      "--carry-over starts the next example with them instead"))
  utils.log("Wrote {} to {} ({})".format(
      _count(content["num_examples"], "example"), settings.output_dir,
      _count(len(content["files"]), "file")))


_HOW_TO_KEEP_LETTERS = "--no-strip-accents or --no-lower-case keeps them"


def _count(number, singular, plural=None):
  """Returns "1 file", "2,000 files"."""
  return "{:,} {}".format(
      number, singular if number == 1 else plural or singular + "s")
