"""Runs a build on Apache Beam, for corpora beyond one machine.

The only module that uses Beam, an optional package. Its workers encode the same
chunks with the same seeds as the worker processes of a local build, so the
examples are the same. Their order is another one, drawn from the seed too: the
files are the same with every runner and any number of workers.

  files -> sizes of their pieces -> the chunk of each piece
  files -> pieces, grouped by chunk -> encoded chunks -> counts
  encoded chunks -> examples, grouped by shard -> shards

A file is read by one worker, twice; its chunks are encoded by all.
"""

import collections
import contextlib
import importlib.util
import itertools
import os
import random
import re
import shlex
import sys

from model import vocabulary_fit
from pretrain.build import corpus
from pretrain.build import records
from pretrain.build import workers
from util import utils

RUNNERS = ("DirectRunner", "DataflowRunner", "SparkRunner", "FlinkRunner")
_RESULT_NAME = "beam_result.json"
_WHILE_RUNNING = " [while running"  # Beam adds it to the errors of workers
_ROOT = os.path.dirname(os.path.dirname(os.path.dirname(
    os.path.abspath(__file__))))


def check():
  """Raises a UserError if Beam is not installed."""
  if importlib.util.find_spec("apache_beam") is None:
    raise utils.UserError(
        "--runner: apache_beam is not installed in this Python (%s). Run: "
        "%s -m pip install -r %s" % (
            sys.executable, sys.executable,
            os.path.join(_ROOT, "requirements-beam.txt")))


def run(settings, paths, folder, choose_num_shards):
  """Builds the examples of all files and writes the shards.

  Args:
    settings: builder.BuildSettings with a `runner`.
    paths: list of str, the files of the corpus, in order.
    folder: str, where the workers write the shards; they must all see it, and
      the files of the corpus.
    choose_num_shards: builder.choose_num_shards.

  Returns:
    (counts, unknown words, files): two Counters as of
    chunk_encoder.EncodedChunk, and the list of records.write_shards.

  Raises:
    UserError: a file cannot be read or written, or the runner failed.
  """
  import apache_beam as beam  # optional, and takes seconds
  from apache_beam.options import pipeline_options
  with _reporting_errors(settings):
    pipeline = beam.Pipeline(options=pipeline_options.PipelineOptions(
        shlex.split(settings.beam_options), runner=settings.runner))
  _Graph(beam, settings, folder, choose_num_shards).build(pipeline, paths)
  with _importable_in_workers(), _reporting_errors(settings):
    state = pipeline.run().wait_until_finish()
  if state != "DONE":
    raise utils.UserError("--runner %s: the pipeline ended as %s; its log has "
                          "the reason." % (settings.runner, state))
  result = utils.load_json(os.path.join(folder, _RESULT_NAME))
  return (collections.Counter(result["counts"]),
          collections.Counter(result["unknown_words"]), result["files"])


class _Graph:
  """The transforms of a build; see the module's docstring."""

  def __init__(self, beam, settings, folder, choose_num_shards):
    self._beam = beam
    self._settings = settings
    self._folder = folder
    self._choose_num_shards = choose_num_shards

  def build(self, pipeline, paths):
    """Adds all transforms to a beam.Pipeline."""
    beam, settings = self._beam, self._settings
    files = (pipeline | "files" >> beam.Create(list(enumerate(paths))) |
             "spread files" >> beam.Reshuffle())
    sizes = files | "sizes" >> beam.Map(_sizes_of_file, settings)
    numbers = self._from_all(pipeline, "number chunks", _number_chunks, sizes)
    encoded = (
        files
        | "read" >> beam.FlatMap(
            _read_file, settings, beam.pvalue.AsSingleton(numbers))
        | "group by chunk" >> beam.GroupByKey()
        | "encode" >> beam.Map(_encode_chunk, settings))
    sums = (encoded | "counts" >> beam.Map(_counts_of_chunk) |
            "sum counts" >> beam.CombineGlobally(_sum_counts))
    num_examples = encoded | "count examples" >> beam.Map(_num_examples_of)
    plan = self._from_all(
        pipeline, "plan shards", _plan_shards, num_examples,
        settings.num_out_files, self._choose_num_shards)
    plan = beam.pvalue.AsSingleton(plan)
    shards = (
        encoded
        | "examples" >> beam.FlatMap(_examples_of_chunk, plan)
        | "group by shard" >> beam.GroupByKey()
        | "write" >> beam.Map(_write_shard, self._folder, settings.seed, plan))
    self._from_all(pipeline, "write result", _write_result, shards,
                   self._folder, beam.pvalue.AsSingleton(sums))

  def _from_all(self, pipeline, label, function, values, *more):
    """Returns the PCollection of function(all elements of `values`, *more)."""
    beam = self._beam
    return (pipeline | "start to " + label >> beam.Create([None]) |
            label >> beam.Map(_call, function, beam.pvalue.AsList(values),
                              *more))


@contextlib.contextmanager
def _importable_in_workers():
  """Lets the processes that a local runner starts import the project."""
  previous = os.environ.get("PYTHONPATH")
  os.environ["PYTHONPATH"] = os.pathsep.join(
      [_ROOT] + ([previous] if previous else []))
  try:
    yield
  finally:
    if previous is None:
      del os.environ["PYTHONPATH"]
    else:
      os.environ["PYTHONPATH"] = previous


@contextlib.contextmanager
def _reporting_errors(settings):
  """Raises a UserError for those of workers and for a runner that fails.

  Workers in other processes send theirs as text. What a runner refuses to start
  with, such as missing options or no Java, comes as a built-in exception. Any
  other error of a worker has the label of its transform or a traceback in its
  text, and is raised as it is.
  """
  try:
    yield
  except (utils.UserError, OSError, RuntimeError, ValueError) as error:
    message = str(error)
    if not isinstance(error, utils.UserError):
      found = re.search(r"\bUserError: ([^\n]*)", message)
      if found:
        message = found.group(1)
      elif _WHILE_RUNNING in message or "Traceback" in message:
        raise
      else:
        message += " (See --beam-options and docs/beam.md.)"
    raise utils.UserError("--runner %s: %s" % (
        settings.runner, message.partition(_WHILE_RUNNING)[0])) from error


# ------------------------------------------------------------- in the workers


def _call(unused_none, function, values, *more):
  return function(values, *more)


def _sizes_of_file(numbered_path, settings):
  """Returns (number of the file, sizes of its pieces of text in bytes)."""
  number, path = numbered_path
  return number, [len(piece.text) for piece, _ in corpus.read_pieces(
      path, settings.blanks_separate_docs)]


def _number_chunks(sizes_of_files):
  """Returns {number of a file: numbers of the chunks of its pieces}."""
  chunks = corpus.ChunkNumbers()
  return {file_number: [chunks.next(size) for size in sizes]
          for file_number, sizes in sorted(sizes_of_files)}


def _read_file(numbered_path, settings, chunks_of_files):
  """Yields (number of the chunk, (place in the corpus, Piece))."""
  file_number, path = numbered_path
  pieces = corpus.read_pieces(path, settings.blanks_separate_docs)
  for i, (chunk, (piece, _)) in enumerate(itertools.zip_longest(
      chunks_of_files[file_number], pieces)):
    yield chunk, ((file_number, i), piece)


def _encode_chunk(chunk, settings):
  """Returns (number of the chunk, EncodedChunk)."""
  number, pieces = chunk
  pieces = [piece for _, piece in sorted(pieces, key=lambda item: item[0])]
  return number, workers.encode(settings, corpus.Chunk(number, pieces, 0))


def _counts_of_chunk(numbered_chunk):
  _, encoded = numbered_chunk
  return encoded.counts, encoded.unknown_words


def _sum_counts(counts_of_chunks):
  """Returns the sums of (counts, unknown words), also of sums."""
  counts, unknown_words = collections.Counter(), collections.Counter()
  for some_counts, some_words in counts_of_chunks:
    counts.update(some_counts)
    unknown_words.update(some_words)
    unknown_words = vocabulary_fit.limited(unknown_words)
  return counts, unknown_words


def _num_examples_of(numbered_chunk):
  number, encoded = numbered_chunk
  return number, encoded.counts["num_examples"]


def _plan_shards(num_examples_of_chunks, num_out_files, choose_num_shards):
  """Returns (number of shards, {chunk: number of its first example})."""
  first_examples, total = {}, 0
  for number, num_examples in sorted(num_examples_of_chunks):
    first_examples[number] = total
    total += num_examples
  return choose_num_shards(num_out_files, max(1, total)), first_examples


def _examples_of_chunk(numbered_chunk, plan):
  """Yields (shard, serialized example); examples are dealt out in turn."""
  number, encoded = numbered_chunk
  num_shards, first_examples = plan
  framed = b"".join(content for _, content in sorted(
      encoded.framed_records.items()))
  for i, record in enumerate(records.unframe(framed)):
    yield (first_examples[number] + i) % num_shards, record


def _write_shard(shard_and_examples, folder, seed, plan):
  """Writes a shard in an order drawn from the seed; returns its entry."""
  shard, examples = shard_and_examples
  examples = sorted(examples)  # runners deliver them in any order
  random.Random("shard %d %d" % (seed, shard)).shuffle(examples)
  return records.write_shard(examples, shard, plan[0], folder)


def _write_result(files, folder, sums):
  counts, unknown_words = sums
  utils.write_json({
      "counts": counts, "unknown_words": unknown_words,
      "files": sorted(files, key=lambda entry: int(
          re.search(r"-(\d+)-of-", entry["name"]).group(1)))},
                   os.path.join(folder, _RESULT_NAME))
