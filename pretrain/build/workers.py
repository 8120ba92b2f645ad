"""Work units x processes -> results in the order of the units.

Only a few units are under way at any time, so memory is bounded. Processes are
spawned, not forked: a fork would copy whatever threads and locks the caller
has.
"""

import collections
import concurrent.futures
import functools
import multiprocessing
import os
import signal
import threading
import time

from model import tokenization
from pretrain.build import chunk_encoder
from util import utils

_UNITS_UNDER_WAY_PER_PROCESS = 3
_SECONDS_BETWEEN_LOOKS_AT_PARENT = 1


def process_units(settings, units):
  """Yields (UnitResult, bytes read from disk) in the order of `units`.

  Args:
    settings: dataset_builder.BuildSettings.
    units: iterable of corpus.Unit.

  Raises:
    UserError: a unit's text is at fault, or a process was killed.
  """
  if settings.num_processes == 1:
    processor = _make_processor(settings)
    for unit in units:
      yield processor.process(unit), unit.num_file_bytes
    return
  executor = concurrent.futures.ProcessPoolExecutor(
      settings.num_processes, multiprocessing.get_context("spawn"),
      _start_worker, (os.getpid(),))
  max_under_way = _UNITS_UNDER_WAY_PER_PROCESS * settings.num_processes
  under_way = collections.deque()  # (future, where, bytes read from disk)
  with executor:
    try:
      for unit in units:
        under_way.append((executor.submit(_process, settings, unit),
                          _describe(unit), unit.num_file_bytes))
        while len(under_way) >= max_under_way:
          yield under_way[0][0].result(), under_way.popleft()[2]
      while under_way:
        yield under_way[0][0].result(), under_way.popleft()[2]
    except concurrent.futures.process.BrokenProcessPool:
      # Units are begun in order: the dead process had one of the oldest.
      suspects = [where for _, where, _ in under_way][:settings.num_processes]
      raise utils.UserError(
          "A worker process was killed (out of memory?) at one of: %s. Nothing "
          "was written; a smaller --num-processes needs less memory." %
          (", ".join(suspects) or "its start")) from None
    finally:
      for future, _, _ in under_way:
        future.cancel()


def make_tokenizer(settings):
  """Returns the FullTokenizer of a build."""
  return tokenization.FullTokenizer(
      settings.vocab_file, do_lower_case=settings.do_lower_case,
      strip_accents=settings.do_lower_case and settings.strip_accents)


def _make_processor(settings):
  clean_line = None
  if settings.make_cleaner is not None:
    clean_line = settings.make_cleaner(settings.preprocessing)
  return chunk_encoder.UnitProcessor(
      make_tokenizer(settings), max_seq_length=settings.max_seq_length,
      blanks_separate_docs=settings.blanks_separate_docs,
      carry_over=settings.carry_over, seed=settings.seed, clean_line=clean_line)


def _describe(unit):
  """Returns "file:first line-last line" of a unit."""
  first, last = unit.pieces[0], unit.pieces[-1]
  last_line = last.first_line + last.text.rstrip(b"\n").count(b"\n")
  if first.path == last.path:
    return "%s:%d-%d" % (first.path, first.first_line, last_line)
  return "%s:%d to %s:%d" % (first.path, first.first_line, last.path, last_line)


# ------------------------------------------------------ in the worker processes


def _start_worker(parent_id):
  """Prepares a worker process to end when its parent does."""
  signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent answers Ctrl-C
  threading.Thread(target=_end_with, args=(parent_id,), daemon=True).start()


def _end_with(parent_id):
  """Ends this process once its parent is gone, so that none is left behind."""
  while os.getppid() == parent_id:
    time.sleep(_SECONDS_BETWEEN_LOOKS_AT_PARENT)
  os._exit(1)  # sys.exit would only end this thread


def _process(settings, unit):
  return _remembered_processor(settings).process(unit)


@functools.lru_cache(maxsize=1)  # a process has one build to do
def _remembered_processor(settings):
  return _make_processor(settings)
