"""Builds TFRecord shards of pre-training examples from a text corpus.

The main process reads the corpus in chunks, worker processes encode the chunks,
and the main process collects the examples in the order of the chunks. A chunk's
examples depend only on the seed and the chunk, so the output does not depend on
the number of processes.
"""

import collections
import os
import typing

from model import tokenization
from model import vocabulary_fit
from pretrain import dataset_info
from pretrain.build import beam_runner
from pretrain.build import corpus
from pretrain.build import example_builder
from pretrain.build import output_folder
from pretrain.build import records
from pretrain.build import workers
from util import packages
from util import progress
from util import utils

DEFAULT_NUM_OUT_FILES = 1000
# Without --num-out-files, each shard has at least this many examples, because
# many tiny files are slow to read.
MIN_EXAMPLES_PER_FILE = 256

_HOW_TO_KEEP_LETTERS = "--no-strip-accents or --no-lower-case keeps them"


class BuildSettings(typing.NamedTuple):
  """The options of a build, one per command-line flag."""
  corpus_dir: str
  vocab_file: str
  output_dir: str
  max_seq_length: int = 128  # tokens
  num_processes: int = 1
  blanks_separate_docs: bool = True
  do_lower_case: bool = True
  strip_accents: bool = True  # only with do_lower_case
  num_out_files: typing.Optional[int] = None  # None: see `choose_num_shards`
  carry_over: bool = False
  split_sentences: bool = False
  seed: int = 0
  overwrite: bool = False
  tool: str = "build_pretraining_dataset.py"  # for dataset_info.json
  preprocessing: typing.Optional[str] = None  # for dataset_info.json
  runner: typing.Optional[str] = None  # of Beam; None: local processes
  beam_options: str = ""  # words of a command line
  # Given `preprocessing`, returns the function that cleans a line. A top-level
  # function, so that it can be pickled for the worker processes.
  make_cleaner: typing.Optional[typing.Callable] = None


def build(settings):
  """Writes the examples of a corpus and logs the counts.

  Args:
    settings: BuildSettings.

  Returns:
    dict, the content of the dataset_info.json that was written.

  Raises:
    UserError: the settings or the corpus are invalid, or a write failed;
      nothing was written or replaced.
  """
  packages.check("tensorflow", "tokenizers")
  _check(settings)
  tokenizer = workers.make_tokenizer(settings)
  paths = corpus.list_files(settings.corpus_dir)
  corpus.check_formats(paths)
  records.import_tensorflow()  # an error now does not cost hours of work
  with output_folder.prepare(
      settings.output_dir, settings.overwrite) as output:
    write = _write_with_beam if settings.runner else _write_locally
    counts, unknown_words, files = write(settings, paths, output)
    content = _make_dataset_info(settings, tokenizer, counts, files)
    content["unknown_words"] = unknown_words.most_common(
        vocabulary_fit.NUM_RECORDED_WORDS)
    output.publish(content)
  _log_end(settings, content, vocabulary_fit.find_problem(
      tokenizer, content["num_tokens"], content["num_unknown_tokens"],
      unknown_words, vocabulary_fit.FLAGS))
  return content


def _write_locally(settings, paths, output):
  """Writes the shards; returns (counts, unknown words, files)."""
  try:
    with records.Buckets(output.local_folder) as buckets:
      counts, unknown_words = _fill_buckets(settings, paths, buckets)
  except OSError as error:  # errors of reading are UserErrors
    raise utils.UserError("Cannot write temporary files to %s: %s." %
                          (output.local_folder, error)) from None
  num_examples = _check_has_text(settings, paths, counts)
  return counts, unknown_words, records.write_shards(
      buckets.shuffled_records(settings.seed), num_examples,
      choose_num_shards(settings.num_out_files, num_examples),
      output.shards_folder)


def _write_with_beam(settings, paths, output):
  """As `_write_locally`, by the workers of a Beam runner."""
  sizes = _log_start(settings, paths, settings.runner)
  counts, unknown_words, files = beam_runner.run(
      settings, paths, output.shards_folder, choose_num_shards)
  counts.update(num_files=len(paths), num_empty_files=sizes.count(0))
  _check_has_text(settings, paths, counts)
  return counts, unknown_words, files


def _check_has_text(settings, paths, counts):
  """Returns the number of examples; raises a UserError if there is none."""
  if not counts["num_examples"]:
    raise utils.UserError(
        "--corpus-dir: %s has no text in its %d files." %
        (settings.corpus_dir, len(paths)))
  return counts["num_examples"]


def choose_num_shards(num_out_files, num_examples):
  """Returns the number of files to write; none of them will be empty.

  Args:
    num_out_files: int, the value of --num-out-files, or None for the smaller of
      DEFAULT_NUM_OUT_FILES and one file per MIN_EXAMPLES_PER_FILE examples.
    num_examples: int, at least 1.
  """
  if num_out_files is None:
    return max(1, min(DEFAULT_NUM_OUT_FILES,
                      num_examples // MIN_EXAMPLES_PER_FILE))
  return min(num_out_files, num_examples)


def _check(settings):
  """Raises a UserError for invalid settings, before any work is done."""
  for flag, value, smallest in (
      ("--max-seq-length", settings.max_seq_length,
       example_builder.MIN_TARGET_LENGTH),
      ("--num-processes", settings.num_processes, 1),
      ("--num-out-files", settings.num_out_files, 1)):
    if value is not None and value < smallest:
      raise utils.UserError("%s: expected at least %d, got %d." %
                            (flag, smallest, value))
  if settings.runner:
    beam_runner.check()
    if settings.num_processes != 1:
      raise utils.UserError(
          "--num-processes has no effect with --runner. Omit it; for "
          "DirectRunner pass --beam-options \"--direct_num_workers=%d "
          "--direct_running_mode=multi_processing\"." % settings.num_processes)
  elif settings.beam_options:
    raise utils.UserError("--beam-options has no effect without --runner. Pass "
                          "one, such as DirectRunner, or omit it.")
  _check_output_outside_corpus(settings.corpus_dir, settings.output_dir)
  output_folder.check_may_write(settings.output_dir, settings.overwrite)
  if settings.make_cleaner is not None:
    settings.make_cleaner(settings.preprocessing)


def _check_output_outside_corpus(corpus_dir, output_dir):
  if utils.is_remote(corpus_dir) or utils.is_remote(output_dir):
    return
  corpus_path = os.path.realpath(corpus_dir)
  output_path = os.path.realpath(output_dir)
  if os.path.commonpath([corpus_path, output_path]) == corpus_path:
    raise utils.UserError(
        "--output-dir: %s is inside --corpus-dir %s, whose sub-folders are "
        "read as text. Pass a folder outside it." % (output_path, corpus_path))


def _fill_buckets(settings, paths, buckets):
  """Encodes all files into the buckets.

  Returns:
    (Counter, the sum of all counts; Counter of the most frequent unknown words,
    which are counted where they are among the most frequent of a chunk).
  """
  sizes = _log_start(settings, paths, _count(
      settings.num_processes, "process", "processes"))
  num_bytes = sum(sizes)
  counts = collections.Counter(
      num_files=len(paths), num_empty_files=sizes.count(0))
  unknown_words = collections.Counter()
  chunks = corpus.read_chunks(paths, settings.blanks_separate_docs)
  with progress.Progress(num_bytes, "B") as tracker:
    for encoded, num_file_bytes in workers.encode_chunks(settings, chunks):
      if encoded.counts["num_changed_letters"] and (
          not counts["num_changed_letters"]):
        utils.log("Lower-casing with accent stripping changes Arabic letters "
                  "in this corpus, such as \u0623 to \u0627;",
                  _HOW_TO_KEEP_LETTERS)
      counts.update(encoded.counts)
      unknown_words.update(encoded.unknown_words)
      unknown_words = vocabulary_fit.limited(unknown_words)
      buckets.add(encoded.framed_records)
      tracker.update(num_file_bytes)
      tracker.report()
  return counts, unknown_words


def _log_start(settings, paths, means):
  """Logs what is read by which means; returns the sizes of the files."""
  sizes = [utils.file_size(path) for path in paths]
  utils.log("Reading {} in {} ({:.1f} MB) with {}".format(
      _count(len(paths), "file"), settings.corpus_dir, sum(sizes) / 1e6, means))
  return sizes


def _make_dataset_info(settings, tokenizer, counts, files):
  """Returns the content of dataset_info.json."""
  content = {name: counts[name] for name in (
      "num_examples", "num_files", "num_empty_files", "num_documents",
      "num_lines", "num_emptied_lines", "num_tokens", "num_unknown_tokens",
      "num_dropped_tokens", "num_changed_letters")}
  content.update({
      "format_version": dataset_info.FORMAT_VERSION,
      "tool": settings.tool,
      "tool_version": dataset_info.TOOL_VERSION,
      "max_seq_length": settings.max_seq_length,
      "files": files,
      "vocab_sha256": tokenization.vocab_sha256(settings.vocab_file),
      "vocab_size": len(tokenizer.vocab),
      "tokenizer": dict(tokenization.settings(tokenizer),
                        preprocessing=settings.preprocessing),
      "seed": settings.seed,
      "carry_over": settings.carry_over,
      "blanks_separate_docs": settings.blanks_separate_docs})
  if settings.split_sentences:
    content.update(split_sentences=True, num_sentences=counts["num_sentences"])
  return content


def _log_end(settings, content, vocabulary_problem):
  """Logs what was read, dropped and written.

  Args:
    settings: BuildSettings.
    content: dict, the content of dataset_info.json.
    vocabulary_problem: str, from `vocabulary_fit.find_problem`, or None.
  """
  utils.log("Read {}, {}, {} in {} ({:,} empty)".format(
      _count(content["num_documents"], "document"),
      _count(content["num_lines"], "line"),
      _count(content["num_tokens"], "token"),
      _count(content["num_files"], "file"), content["num_empty_files"]))
  if settings.split_sentences:
    utils.log("Split {} into {}".format(
        _count(content["num_lines"], "line"),
        _count(content["num_sentences"], "sentence")))
  if content["num_emptied_lines"]:
    utils.log("Cleaning for {} removed all text of {}".format(
        settings.preprocessing, _count(
            content["num_emptied_lines"],
            "sentence" if settings.split_sentences else "line")))
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
  vocabulary_fit.log(content["num_tokens"], content["num_unknown_tokens"],
                     content["unknown_words"], vocabulary_problem)
  utils.log("Wrote {} to {} ({})".format(
      _count(content["num_examples"], "example"), settings.output_dir,
      _count(len(content["files"]), "file")))


def _count(number, singular, plural=None):
  """Returns "1 file", "2,000 files"."""
  return "{:,} {}".format(
      number, singular if number == 1 else plural or singular + "s")
