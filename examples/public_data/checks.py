"""Checks downloaded files: their hash, format, counts, and shared texts."""

import collections
import os

from finetune.qa import leakage
from finetune.readers import conll
from finetune.readers import squad
from finetune.readers import tsv_rows
from util import file_types
from util import utils

# A file whose hash is unknown may be another version; fewer examples than this
# share of the published number are a truncated file or other data.
MIN_SHARE = 0.9

# {kind of a file: what its examples are called}.
KINDS = {"questions": "questions", "arabic questions": "Arabic questions",
         "sentences": "sentences", "rows": "rows", "tokens": "tokens",
         "JSON": None, "weights": None}

# A verified file. texts: a list of the texts of its examples, (context,
# question) of a question, (text, second text or "") of others.
Content = collections.namedtuple("Content", ["sha256", "texts"])


def verify(path, item, name):
  """Returns the Content of a file after all checks.

  Args:
    path: str.
    item: sources.Item.
    name: str, how messages call the file.

  Raises:
    utils.UserError: its hash or format is wrong, or it has fewer examples than
      were published.
  """
  sha256 = utils.sha256_of_file(path)
  if item.sha256 is not None and sha256 != item.sha256:
    raise utils.UserError(
        "%s: its sha256 is %s, expected %s: it is another version of the file, "
        "or damaged." % (name, sha256, item.sha256))
  texts = _read(path, item, name)
  if item.count is not None and item.kind and (
      len(texts) < MIN_SHARE * item.count):
    raise utils.UserError(
        "{}: has {:,} {}, expected {:,}: it is truncated or another data set."
        .format(name, len(texts), KINDS[item.kind], item.count))
  return Content(sha256, texts)


def describe(item, content):
  """Returns what a verified file holds: "702 questions, sha256 verified"."""
  words = []
  if KINDS.get(item.kind):
    words.append("{:,} {}".format(len(content.texts), KINDS[item.kind]))
    if item.count is not None and len(content.texts) != item.count:
      words.append("published: {:,}".format(item.count))
  words.append("sha256 verified" if item.sha256 else
               "sha256 not pinned: %s" % content.sha256)
  return ", ".join(words)


def leakage_lines(items_and_contents):
  """Returns lines about texts that training and scored files share.

  Texts are compared without case, white space, punctuation and diacritics.

  Args:
    items_and_contents: list of (sources.Item, Content) of one task.
  """
  training = [(item, content) for item, content in items_and_contents
              if item.split == "train"]
  lines = []
  for item, content in training:
    for other, other_content in items_and_contents:
      if other.split not in (None, "train"):
        lines.append(_compare(item, content, other, other_content))
  return lines


def _compare(item, content, other, other_content):
  leaks = leakage.find(content.texts, other_content.texts)
  unit = KINDS[item.kind]
  names = tuple(os.path.basename(one.path) for one in (item, other))
  if "questions" not in item.kind:
    return "Leakage: {:,} of {:,} {} of {} are also in {}".format(
        leaks.num_same, len(content.texts), unit, *names)
  line = ("Leakage: {:,} of {:,} {} of {} share a context with {} ({:,} of "
          "{:,} contexts), {:,} are the same question".format(
              len(leaks.questions), len(content.texts), unit, *(names + (
                  leaks.num_contexts, leaks.num_all_contexts, leaks.num_same))))
  return line + ('; "%s": true removes them from training' % leakage.HPARAM
                 if leaks.questions else "")


def _read(path, item, name):
  """Returns the texts of a file's examples; [] for one without examples."""
  if item.kind == "weights":
    _check_weights(path, name)
    return []
  if item.kind == "JSON":
    with utils.open_file(path, "rb") as f:
      utils.parse_json(f.read(), name)
    return []
  return _READERS[item.kind](path, item) if item.kind else []


def _questions(path, item):
  is_arabic = item.kind == "arabic questions"  # as tydiqa's task selects them
  return [(context, question.text) for context, question in
          squad.read_questions(path, has_impossible=False)
          if not is_arabic or question.qas_id.startswith("arabic")]


def _sentences(path, item):
  del item
  return [(" ".join(sentence.words), "")
          for sentence in conll.read_conll(path).sentences]


def _rows(path, item):
  """Returns the texts of a table; rows broken by a line break are skipped."""
  rows = tsv_rows.read_tsv(path)
  columns = item.columns
  if isinstance(columns[0], str):
    header = list(rows[0]) if rows else []
    missing = [name for name in columns if name not in header]
    if missing:
      raise utils.UserError("%s:1: expected the column '%s' in the header "
                            "line, got: %s." % (path, missing[0],
                                                ", ".join(header)))
    columns, rows = [header.index(name) for name in columns], rows[1:]
  texts = [[row[column] for column in columns] for row in rows
           if len(row) > max(columns)]
  return [tuple((row + [""])[:2]) for row in texts]


def _tokens(path, item):
  del item
  with utils.open_file(path) as f:
    return [(line, "") for line in f.read().split("\n") if line.strip("\r")]


def _check_weights(path, name):
  """Raises a UserError for a page or a pointer in place of weights."""
  with utils.open_file(path, "rb") as f:
    start = f.read(512)
  if not start.strip() or start.lstrip().startswith(
      (b"<", b"version https://git-lfs")) or file_types.is_tar(start):
    raise utils.UserError(
        "%s: expected weights, got %s." % (
            name, "a page or another file" if start else "an empty file"))


_READERS = {"questions": _questions, "arabic questions": _questions,
            "sentences": _sentences, "rows": _rows, "tokens": _tokens}
