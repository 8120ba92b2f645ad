"""Reads the files of a tagging task and checks that their columns match."""

from finetune import task
from finetune import task_metadata
from finetune.readers import conll
from finetune.readers import lines
from finetune.readers import sentence_tables
from finetune.readers import tables
from finetune.readers import tagged_sentences
from finetune.tagging import tag_checks
from util import utils

WORD_AND_TAG = 2  # columns of a predict_file in another format than the data


class TaggedFiles:
  """The files of one tagging task, each read once."""

  def __init__(self, config, task_name, file_format, layout, *, find_fn,
               path_fn, tag_names=None):
    """Reads nothing yet.

    Args:
      config: a FinetuningConfig.
      task_name: str.
      file_format: one of task_declaration.FORMATS["tagging"].
      layout: a sentence_tables.Layout; its columns are for formats other than
        "conll".
      find_fn: function of a split that returns the path of its file or None.
      path_fn: the same, but raises a utils.UserError if there is no file.
      tag_names: list of str, the names of tags that are numbers, or None.
    """
    self._file_format = file_format
    self._layout = layout
    self._task_name = task_name
    self._tag_names = tag_names
    self._recorded_num_columns = task_metadata.recorded(
        config, task_name, "num_columns")
    self._find = find_fn
    self._path = path_fn
    self._contents = {}  # TaggedFile by split

  def read(self, split):
    """Returns the sentence_tables.TaggedFile of `split`.

    Raises:
      utils.UserError: it is missing, a line is invalid, or it lacks tags and is
        not the test file.
    """
    if split not in self._contents:
      path = self._path(split)
      content = _read_file(path, self._file_format, self._layout,
                           self._expected_num_columns(split))
      if split != "test":
        self._check_labeled(content, split)
      elif not content.is_tagged:
        utils.log("Task {}: {} is unlabeled{}: it will be predicted, not "
                  "scored".format(self._task_name, path, _compare_columns(
                      content.num_columns, self.num_columns())))
      if self._tag_names:
        tag_checks.named(content.sentences, self._tag_names)
      tag_checks.check_words(content.sentences, path, split)
      self._contents[split] = content
    return self._contents[split]

  def read_to_predict(self, path):
    """Returns the TaggedFile of a predict_file, whose tags are ignored.

    Raises:
      utils.UserError: a line is invalid; the message names it.
    """
    extension = lines.extension_of(path)
    # A .tsv file may also be in CoNLL columns.
    is_table = extension in tables.FORMATS and (
        extension != "tsv" or self._file_format in tables.ROW_FORMATS)
    file_format = extension if is_table else "conll"
    if any(file_format in similar and self._file_format in similar
           for similar in (("conll",), tables.ROW_FORMATS,
                           tables.OBJECT_FORMATS)):
      layout = self._layout
      # Avoids reading the training file, which may be missing.
      num_columns = self._recorded_num_columns or self.num_columns()
    else:
      layout = sentence_tables.Layout(dialect=self._layout.dialect._replace(
          delimiter=None))
      num_columns = WORD_AND_TAG
    content = _read_file(path, file_format, layout, num_columns,
                         has_tags=False)
    tag_checks.check_words(content.sentences, path, task.PREDICT)
    return content

  def num_columns(self):
    """Returns the number of columns of files with tags, None if unknown.

    That of the training file; if it is missing, that of the dev file or the one
    recorded with the model.
    """
    split = next(filter(self._find, ("train", "dev")), None)
    return self.read(split).num_columns if split else (
        self._recorded_num_columns)

  def _expected_num_columns(self, split):
    """Returns how many columns the file must have at most, None if any."""
    if split == "test":
      num_columns = self.num_columns()
      if not num_columns and self._file_format == "conll":
        self._path("train")  # raises: only the training file can tell
      return num_columns
    if split == "dev" and self._file_format in tables.ROW_FORMATS:
      return (self.read("train").num_columns if self._find("train") else
              self._recorded_num_columns)
    return None  # the last column is the tag

  def _check_labeled(self, content, split):
    """Raises a UserError if the TaggedFile of `split` lacks tags or columns."""
    if split == "dev" and self._find("train") and (
        content.num_columns != self.read("train").num_columns):
      raise utils.UserError(
          "%s: expected %d columns, as in %s, got %d." % (
              content.path, self.read("train").num_columns,
              self._path("train"), content.num_columns))
    if content.is_tagged:
      return
    expected = "words and a tag for each, in a column named by \"tags\""
    if self._file_format == "conll":
      expected = ("at least two columns separated by spaces or tabs, the word "
                  "first and its tag last")
    elif self._file_format in tables.OBJECT_FORMATS:
      expected = ("words and a tag for each, in a key \"%s\"" % (
          self._layout.tags or "tags\" or \"labels"))
    first = content.sentences[0]
    raise utils.UserError("%s: expected %s, got only words (%s).%s" % (
        first.place(0), expected, first.words[0],
        tables.delimiter_hint(first.words[:1]) if
        self._file_format in tables.ROW_FORMATS else ""))


def _read_file(path, file_format, layout, num_columns=None, has_tags=True):
  """Returns the sentence_tables.TaggedFile at `path`.

  Args:
    path: path of the file.
    file_format: one of task_declaration.FORMATS["tagging"].
    layout: a sentence_tables.Layout.
    num_columns: int, that of the training data; None if unknown: then the last
      column is the tag.
    has_tags: bool, False to ignore the tags in formats other than "conll".

  Raises:
    utils.UserError: a line is invalid; the message names it.
  """
  if file_format in tables.ROW_FORMATS:
    return sentence_tables.read_table(path, file_format, layout, num_columns,
                                      has_tags)
  if file_format in tables.OBJECT_FORMATS:
    sentences = tagged_sentences.read_json(
        path, layout, is_lines=file_format == "jsonl", has_tags=has_tags)
    return sentence_tables.TaggedFile(
        path, None, sentences[0].tags is not None, sentences)
  content = conll.read_conll(path, layout.dialect.encoding, layout.comment)
  sentence_tables.check_width(
      content.sentences[0].place(0), content.num_columns, num_columns,
      content.first_line)
  is_tagged = (content.num_columns == num_columns if num_columns else
               content.num_columns > 1)
  return sentence_tables.TaggedFile(path, content.num_columns, is_tagged,
                                    content.sentences)


def _compare_columns(num_columns, num_labeled):
  """Returns the numbers of columns for a message, "" if one is unknown."""
  if not num_columns or not num_labeled:
    return ""
  return " ({} column{}; {} with the tag)".format(
      num_columns, "" if num_columns == 1 else "s", num_labeled)
