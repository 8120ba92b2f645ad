"""Chunks of a corpus -> encoded chunks, in order, by worker processes.

Only a few chunks are in flight at any time, so memory is bounded. Processes are
spawned, not forked: a fork would copy the threads and locks of the caller.
"""

import collections
import concurrent.futures
import contextlib
import functools
import multiprocessing
import os
import signal
import threading
import time

from model import tokenization
from pretrain.build import chunk_encoder
from util import utils

_CHUNKS_IN_FLIGHT_PER_PROCESS = 3
_SECONDS_BETWEEN_PARENT_CHECKS = 1


def encode_chunks(settings, chunks):
  """Yields (EncodedChunk, bytes read from disk) in the order of `chunks`.

  Args:
    settings: builder.BuildSettings.
    chunks: iterable of corpus.Chunk.

  Raises:
    UserError: a chunk is not UTF-8, or a worker process was killed.
  """
  if settings.num_processes == 1:
    encoder = _make_encoder(settings)
    for chunk in chunks:
      yield encoder.encode(chunk), chunk.num_file_bytes
    return
  with _ctrl_c_blocked():  # starts Python's tracker of semaphores
    executor = concurrent.futures.ProcessPoolExecutor(
        settings.num_processes, multiprocessing.get_context("spawn"),
        _start_worker, (os.getpid(),))
  max_in_flight = _CHUNKS_IN_FLIGHT_PER_PROCESS * settings.num_processes
  in_flight = collections.deque()  # (future, range of lines, bytes from disk)
  with executor:
    try:
      for chunk in chunks:
        with _ctrl_c_blocked():  # the first chunks start the processes
          future = executor.submit(encode, settings, chunk)
        in_flight.append((future, _line_range(chunk), chunk.num_file_bytes))
        while len(in_flight) >= max_in_flight:
          yield in_flight[0][0].result(), in_flight.popleft()[2]
      while in_flight:
        yield in_flight[0][0].result(), in_flight.popleft()[2]
    except concurrent.futures.process.BrokenProcessPool:
      # Chunks start in order, so the dead process had one of the oldest.
      suspects = [lines for _, lines, _ in in_flight][:settings.num_processes]
      raise utils.UserError(
          "A worker process was killed (out of memory?) while it encoded one "
          "of: %s. Nothing was written. Use a smaller --num-processes, which "
          "needs less memory." % (", ".join(suspects) or "the first lines")
      ) from None
    finally:
      for future, _, _ in in_flight:
        future.cancel()


def make_tokenizer(settings):
  """Returns the FullTokenizer of a build."""
  return tokenization.FullTokenizer(
      settings.vocab_file, do_lower_case=settings.do_lower_case,
      strip_accents=settings.do_lower_case and settings.strip_accents)


def _make_encoder(settings):
  clean_line = None
  if settings.make_cleaner is not None:
    clean_line = settings.make_cleaner(settings.preprocessing)
  return chunk_encoder.ChunkEncoder(
      make_tokenizer(settings), max_seq_length=settings.max_seq_length,
      blanks_separate_docs=settings.blanks_separate_docs,
      carry_over=settings.carry_over, seed=settings.seed, clean_line=clean_line,
      split_sentences=settings.split_sentences)


def _line_range(chunk):
  """Returns "file:first line-last line" of a chunk."""
  first, last = chunk.pieces[0], chunk.pieces[-1]
  last_line = last.first_line + last.text.rstrip(b"\n").count(b"\n")
  if first.path == last.path:
    return "%s:%d-%d" % (first.path, first.first_line, last_line)
  return "%s:%d to %s:%d" % (first.path, first.first_line, last.path, last_line)


@contextlib.contextmanager
def _ctrl_c_blocked():
  """Delays Ctrl-C to the end of the block; processes started there inherit it.

  They would otherwise print a traceback if Ctrl-C came while they import their
  modules, before they ignore it.
  """
  previous = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
  try:
    yield
  finally:
    signal.pthread_sigmask(signal.SIG_SETMASK, previous)


# ------------------------------------------------------ in the worker processes


def _start_worker(parent_id):
  """Makes a worker process ignore Ctrl-C and exit when its parent does."""
  signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent handles Ctrl-C
  threading.Thread(
      target=_exit_with_parent, args=(parent_id,), daemon=True).start()


def _exit_with_parent(parent_id):
  """Ends this process once its parent is gone, so that none is orphaned."""
  while os.getppid() == parent_id:
    time.sleep(_SECONDS_BETWEEN_PARENT_CHECKS)
  os._exit(1)  # sys.exit would only end this thread


def encode(settings, chunk):
  """Returns the EncodedChunk of a corpus.Chunk, in any process."""
  return _cached_encoder(settings).encode(chunk)


@functools.lru_cache(maxsize=1)  # each process works for one build
def _cached_encoder(settings):
  return _make_encoder(settings)
