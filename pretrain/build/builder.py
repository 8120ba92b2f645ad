"""A corpus x processes -> shards of pre-training examples.

One process reads the corpus and cuts it into work units, the others make the
examples of the units, and the first takes them in the order of the units. A
unit's examples depend on the seed and the unit alone, so the number of
processes changes nothing.
"""

import collections
import os
import typing

from model import tokenization
from pretrain.build import build_progress
from pretrain.build import corpus
from pretrain.build import example_builder
from pretrain.build import output_folder
from pretrain.build import shards
from pretrain.build import workers
from pretrain import dataset_info
from util import utils

DEFAULT_NUM_OUT_FILES = 1000
# Without --num-out-files, shards have at least this many examples: many tiny
# files are slow to read.
MIN_EXAMPLES_PER_FILE = 256


class BuildSettings(typing.NamedTuple):
  """What a build depends on; the command line's flags."""
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
  seed: int = 0
  overwrite: bool = False
  tool: str = "build_pretraining_dataset.py"  # recorded
  preprocessing: typing.Optional[str] = None  # recorded
  # A top-level function, so that a process can be told of it: given
  # `preprocessing`, it returns the function that cleans a line.
  make_cleaner: typing.Optional[typing.Callable] = None


def build(settings):
  """Writes the examples of a corpus and says what it did.

  Args:
    settings: BuildSettings.

  Returns:
    dict, the content of the dataset_info.json that was written.

  Raises:
    UserError: see the message; nothing was written and nothing replaced.
  """
  tokenizer = _check(settings)
  paths = corpus.list_files(settings.corpus_dir)
  with output_folder.prepare(
      settings.output_dir, settings.overwrite) as output:
    try:
      with shards.Buckets(output.local_folder) as buckets:
        counts = _fill_buckets(settings, paths, buckets)
    except OSError as error:  # what cannot be read is a UserError already
      raise utils.UserError("Cannot write temporary files to %s: %s." %
                            (output.local_folder, error)) from None
    num_examples = counts["num_examples"]
    if not num_examples:
      raise utils.UserError(
          "Expected text in the corpus folder %s, found none in its %d files." %
          (settings.corpus_dir, len(paths)))
    files = shards.write_shards(
        buckets.shuffled_records(settings.seed), num_examples,
        choose_num_shards(settings.num_out_files, num_examples),
        output.shards_folder)
    content = _make_info(settings, tokenizer, counts, files)
    output.publish(content)
  build_progress.log_end(settings, content)
  return content


def choose_num_shards(num_out_files, num_examples):
  """Returns how many files the examples go to: none of them is empty.

  Args:
    num_out_files: as asked for; None: DEFAULT_NUM_OUT_FILES, or as many as keep
      MIN_EXAMPLES_PER_FILE examples each.
    num_examples: int, at least 1.
  """
  if num_out_files is None:
    return max(1, min(DEFAULT_NUM_OUT_FILES,
                      num_examples // MIN_EXAMPLES_PER_FILE))
  return min(num_out_files, num_examples)


def _check(settings):
  """Raises a UserError for what can be known before work begins.

  Returns:
    FullTokenizer, as the worker processes will have.
  """
  for flag, value, smallest in (
      ("--max-seq-length", settings.max_seq_length,
       example_builder.MIN_TARGET_LENGTH),
      ("--num-processes", settings.num_processes, 1),
      ("--num-out-files", settings.num_out_files, 1)):
    if value is not None and value < smallest:
      raise utils.UserError("Expected %s to be %d or more, got %d." %
                            (flag, smallest, value))
  _check_output_outside_corpus(settings.corpus_dir, settings.output_dir)
  output_folder.check_may_write(settings.output_dir, settings.overwrite)
  if settings.make_cleaner is not None:
    settings.make_cleaner(settings.preprocessing)
  return workers.make_tokenizer(settings)


def _check_output_outside_corpus(corpus_dir, output_dir):
  if utils.is_remote(corpus_dir) or utils.is_remote(output_dir):
    return
  corpus_path = os.path.realpath(corpus_dir)
  output_path = os.path.realpath(output_dir)
  if os.path.commonpath([corpus_path, output_path]) == corpus_path:
    raise utils.UserError(
        "Expected --output-dir outside --corpus-dir, whose sub-folders are "
        "read as text too; %s is in %s." % (output_path, corpus_path))


def _fill_buckets(settings, paths, buckets):
  """Makes the examples of all files; returns the sum of all counts."""
  sizes = [utils.file_size(path) for path in paths]
  build_progress.log_start(settings, len(paths), sum(sizes))
  counts = collections.Counter(
      num_files=len(paths), num_empty_files=sizes.count(0))
  units = corpus.read_units(paths, settings.blanks_separate_docs)
  with build_progress.Progress(sum(sizes)) as progress:
    for unit_result, num_file_bytes in workers.process_units(
        settings, units):
      if unit_result.counts["num_changed_letters"] and (
          not counts["num_changed_letters"]):
        build_progress.log_first_changed_letters()
      counts.update(unit_result.counts)
      buckets.add(unit_result.framed_records)
      progress.advance(num_file_bytes)
  return counts


def _make_info(settings, tokenizer, counts, files):
  """Returns the content of dataset_info.json."""
  content = {name: counts[name] for name in (
      "num_examples", "num_files", "num_empty_files", "num_documents",
      "num_lines", "num_emptied_lines", "num_tokens", "num_dropped_tokens",
      "num_changed_letters")}
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
  return content
