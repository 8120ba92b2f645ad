"""The base of tasks on a text or a pair of texts: reads and featurizes them."""

from finetune import packing
from finetune import task
from finetune import task_declaration
from finetune import text_cleaning
from finetune.classification import declared_values
from finetune.readers import lines as lines_reader
from finetune.readers import table_layouts
from finetune.readers import tables
from finetune.readers import tsv_rows
from model import tokenization
from util import utils

DEBUG_EXAMPLES = 200  # of each split, in debug mode

Layout = table_layouts.Layout


class InputExample(task.Example):
  """A text or a pair of texts.

  Attributes:
    eid: int, the number of the example in its split, from 0.
    text_a, text_b: str; text_b is None for a single text.
    label: str (classification) or float (regression), None if unknown.
    example_id: str, the id of the example in the task's files, or its number.
  """

  def __init__(self, eid, task_name, text_a, text_b=None, label=None,
               example_id=None):
    super().__init__(task_name)
    self.eid = eid
    self.text_a = text_a
    self.text_b = text_b
    self.label = label
    self.example_id = str(eid) if example_id is None else example_id


class SentenceTask(task.Task):
  """Base of classification and regression: files and features of texts."""

  file_names = {"train": ("train.tsv",), "dev": ("dev.tsv",),
                "test": ("test.tsv",)}
  # {split: table_layouts.Layout} of the files.
  layouts = {}
  # The format of the files, and of a predict_file with an unknown extension.
  file_format = "tsv"
  # The scores to report; the first one is the most common for the task.
  metrics = ()
  # Whether the order of a pair's texts is irrelevant, so that training can use
  # both orders.
  is_unordered = False
  reads_predict_file = True
  feature_hparams = task.Task.feature_hparams + (
      "double_unordered", text_cleaning.HPARAM)

  def __init__(self, config, name, tokenizer, declaration=None):
    super().__init__(config, name, tokenizer, declaration)
    self._cleaner = text_cleaning.TextCleaner(config, name, "texts")
    self._is_truncation_logged = False
    self._labeled_layouts = {}  # of test splits; see `_labeled_layout`
    self._dialect = tables.UTF8_COMMA
    self._declared_num_columns = []  # at most one; see declared_values
    if declaration:
      self.file_format = declaration.format
      self._dialect = task_declaration.dialect(declaration)
      self.is_unordered = declaration.values.get("unordered", False)
      self.layouts = declared_values.get_layouts(config, declaration)
      num_columns = self.layouts["train"].num_columns
      self._declared_num_columns = [num_columns] if num_columns else []

  def parse_label(self, text, place):
    """Returns the label that `text` in a file denotes, by default `text`.

    Args:
      text: str, as in the file.
      place: str, "file:line", for the message.

    Raises:
      utils.UserError: it is not a label of this task.
    """
    del place  # any text is a label
    return text

  def is_label(self, text):
    """Returns whether `text` is certainly a label in a file of this task."""
    del text
    return False

  def prediction_text(self, output):
    """Returns a value of the scorer's `get_test_predictions` as text."""
    return str(output)

  def is_labeled(self, split):
    """Returns whether `split` has labels; a test set has them if all are valid.
    """
    if split in self.unlabeled_splits:
      return self._labeled_layout(split) is not None
    return super().is_labeled(split)

  def submission_name(self, split):
    """Returns the name of the file with predictions for a leaderboard."""
    return "%s_%s.tsv" % (self.name, split)

  def learned_from_data(self):
    return {"num_columns": self._declared_num_columns[0]} if (
        self._declared_num_columns) else {}

  @task.read_once
  def get_examples(self, split):
    """Returns the InputExamples of `split`, in the order of its file.

    Training with `double_unordered` has each pair of an unordered task twice,
    the second time with its texts swapped.

    Raises:
      utils.UserError: the file is missing or a row is invalid; the message
        names the line.
    """
    if split == task.PREDICT:
      return self._read_predict_file(self.config.predict_file)
    path = self._path(split)
    examples = (self._create_examples(tsv_rows.read_tsv(path), split)
                if self._has_create_examples() else
                self.read_examples(path, split))
    if split == "train":
      self._check_variety(examples)
    if self.config.debug:
      examples = examples[:DEBUG_EXAMPLES]
    if split == "train" and self.is_unordered and self.config.double_unordered:
      examples += [
          InputExample(len(examples) + example.eid, self.name, example.text_b,
                       example.text_a, example.label, example.example_id)
          for example in examples]
    return examples

  def _create_examples(self, lines, split):
    """Returns the InputExamples of the rows of a file; for tasks to override.

    Args:
      lines: list of lists of str, the rows of `<split>.tsv` with the header
        line; see `tsv_rows.read_tsv`. Those of `predict_file` come as split
        "test".
      split: str.
    """
    raise NotImplementedError

  def _load_glue(self, lines, split, text_a_loc, text_b_loc, label_loc,
                 skip_first_line=False, eid_offset=0, swap=False):
    """Returns the InputExamples of rows, for `_create_examples`.

    Args:
      lines, split: as in `_create_examples`. Test splits have a dummy label.
      text_a_loc, text_b_loc, label_loc: int, positions of the columns, those
        below 0 from the end; `text_b_loc` is None for single texts.
      skip_first_line: bool, whether the first row names the columns.
      eid_offset: int, the eid of the first example.
      swap: bool, whether to swap the two texts.

    Raises:
      utils.UserError: a row lacks a column, or its label is not one of the
        task's; the message names the line.
    """
    is_labeled = label_loc is not None and "diagnostic" not in split and (
        "test" not in split)
    examples = []
    for number, line in enumerate(lines[int(skip_first_line):], 1):
      texts = [tokenization.convert_to_unicode(line[text_a_loc]),
               None if text_b_loc is None else
               tokenization.convert_to_unicode(line[text_b_loc])]
      text_a, text_b = reversed(texts) if swap else texts
      label = self.parse_label(
          tokenization.convert_to_unicode(line[label_loc]), getattr(
              line, "place", "Task '%s', row %d" % (self.name, number))) if (
                  is_labeled) else self._get_dummy_label()
      examples.append(InputExample(
          eid_offset + len(examples), self.name, text_a, text_b, label))
    return examples

  def _get_dummy_label(self):
    """Returns the label of examples whose label is unknown."""
    return None

  def _add_features(self, features, example, log):
    """Adds the features of the label; by default there are none."""

  def _has_create_examples(self):
    return type(self)._create_examples is not SentenceTask._create_examples

  def _names(self, split):
    names = super()._names(split)
    return names or (split + ".tsv",) * self._has_create_examples()

  def _read_predict_file(self, path):
    """Returns the InputExamples of `config.predict_file`, in its order.

    The extension determines the format, by default `file_format`: .tsv, .csv,
    .json and .jsonl have the columns of one of `layouts` (label and id may be
    missing; labels are not read), .txt has one text per line. If columns are
    identified by position, their number tells whether labels are present. A
    task with `_create_examples` gets the rows of a .tsv file as a test split.

    Raises:
      utils.UserError: a line is invalid; the message names it.
    """
    file_format = lines_reader.extension_of(path)
    if self._has_create_examples() and (
        file_format == "tsv" or file_format not in tables.FORMATS + ("txt",)):
      return self._create_examples(tsv_rows.read_tsv(path), "test")
    if file_format == "txt" or not self.layouts:
      self._check_plain_text(path, file_format)
      rows = tables.read_texts(path, self._dialect)
      return self.examples_from_rows(rows, Layout(text_a=0))
    if file_format not in tables.FORMATS:
      file_format = self.file_format
    layout = table_layouts.match_without_label(self.layouts, path, file_format)
    self._check_header(path, file_format, layout)
    return self.examples_from_rows(
        table_layouts.read(path, file_format, layout), layout)

  def _check_variety(self, examples):
    """Logs a warning if all training examples have the same label."""
    labels = {str(example.label) for example in examples}
    if len(labels) == 1 and len(examples) > 2:  # two may agree by chance
      utils.log(
          "Warning: task %s: all %s training examples have the label %s, so "
          "that the model learns to predict it for any text." % (
              self.name, "{:,}".format(len(examples)), *labels))

  def _check_header(self, path, file_format, layout):
    """Logs the header line that is skipped if all columns are positions.

    Raises:
      utils.UserError: it has a label, so that it is an example.
    """
    if not layout.has_header or file_format not in tables.ROW_FORMATS or any(
        isinstance(column, str) for column in table_layouts.columns_of(layout)):
      return
    cells = tables.first_cells(path, file_format, layout.dialect)
    labeled = self.layouts["train"]
    if isinstance(labeled.label, int) and (
        len(cells) == labeled.num_columns and
        self.is_label(cells[labeled.label])):
      raise utils.UserError(
          "%s:1: expected a header line, got a row with the label '%s'. Add a "
          "header line with the names of the columns, or remove those of the "
          "other files and set \"header\": false in the task.json." % (
              path, cells[labeled.label]))
    utils.log("Task %s: skipped the first line of %s, the header line: %s" % (
        self.name, path, tables.shorten(cells)))

  def _check_plain_text(self, path, file_format):
    """Raises a UserError unless the file can have one text per line."""
    if self._has_pairs():
      raise utils.UserError(
          "%s: task '%s' requires pairs of texts, which a .txt file cannot "
          "hold. Pass .tsv, .csv, .json or .jsonl with the columns of its "
          "data." % (path, self.name))
    if file_format != "txt":
      raise utils.UserError(
          "%s: task '%s' defines no columns. Pass a .txt file with one text "
          "per line." % (path, self.name))

  def _has_pairs(self):
    """Returns whether the task is about pairs of texts, as far as is known."""
    if not self._has_create_examples():
      return any(layout.text_b is not None for layout in self.layouts.values())
    split = next(filter(self._find, ("dev", "train")), None)
    return split is not None and any(
        example.text_b is not None for example in self.get_examples(split))

  def read_examples(self, path, split):
    """Returns the InputExamples of a file, by default a table (`layouts`).

    Raises:
      utils.UserError: a row is invalid; the message names the line.
    """
    if split not in self.layouts:
      raise utils.UserError(
          "Task '%s': its class defines no columns of split '%s'. Override "
          "`_create_examples`, or set `layouts`." % (self.name, split))
    layout = self._labeled_layout(split) or self.layouts[split]
    if self._declared_num_columns and not self.is_labeled(split):
      layout = table_layouts.match_without_label(self.layouts, path,
                                           self.file_format)
    self._check_header(path, self.file_format, layout)
    return self.examples_from_rows(self._read_rows(path, layout), layout)

  def _read_rows(self, path, layout):
    """Returns the tables.Rows of a file."""
    return table_layouts.read(path, self.file_format, layout)

  def _labeled_layout(self, split):
    """Returns the Layout to read the labels of a test split with, or None.

    Logs why a label column is not read.
    """
    if split not in self.unlabeled_splits or split not in self.layouts:
      return None
    if split not in self._labeled_layouts:
      path, layout = self._find(split), None
      try:
        layout = path and table_layouts.match_with_label(
            self.layouts, split, path, self.file_format)
        if layout and not self.examples_from_rows(
            self._read_rows(path, layout), layout):
          layout = None  # nothing to score
      except utils.UserError as error:
        layout = None
        utils.log("Task '%s': its test set is not scored: %s" % (
            self.name, error))
      self._labeled_layouts[split] = layout
    return self._labeled_layouts[split]

  def examples_from_rows(self, rows, layout):
    """Returns the InputExamples of Rows with the columns of `layout`."""
    fields = table_layouts.fields_of(layout)
    examples = []
    for eid, row in enumerate(rows):
      values = dict(zip(fields, row.values))
      if "label" in values:
        values["label"] = self.parse_label(values["label"], row.place)
      examples.append(InputExample(eid, self.name, **values))
    return examples

  def featurize(self, example, is_training, log=False):
    """Returns the features of "[CLS] a [SEP]" or "[CLS] a [SEP] b [SEP]".

    To fit max_seq_length, the longer text is truncated at its end, token by
    token.
    """
    del is_training  # examples of the dev set have labels too
    texts = [example.text_a]
    if example.text_b is not None:
      texts.append(example.text_b)
    all_ids = self.tokenizer.encode_untrusted_batch(self._cleaner.clean(texts))
    num_fitting = self.config.max_seq_length - 1 - len(texts)
    self._log_truncation(example, sum(map(len, all_ids)), num_fitting)
    cls_id, sep_id = self.tokenizer.convert_tokens_to_ids(["[CLS]", "[SEP]"])
    input_ids, segment_ids = [cls_id], [0]
    for segment, ids in enumerate(truncate(all_ids, num_fitting)):
      input_ids += ids + [sep_id]
      segment_ids += [segment] * (len(ids) + 1)
    features = packing.padded_inputs(input_ids, segment_ids,
                                     self.config.max_seq_length)
    features[self._key("eid")] = example.eid
    self._add_features(features, example, log)
    if log:
      utils.log("Example %s, label %s: %s" % (
          example.example_id, example.label, " ".join(
              self.tokenizer.convert_ids_to_tokens(input_ids))))
    return features

  def _log_truncation(self, example, num_tokens, num_fitting):
    """Logs, for the first example that is truncated, that texts are."""
    if num_tokens > num_fitting and not self._is_truncation_logged:
      self._is_truncation_logged = True
      utils.log(
          "Task %s: example %s has %d tokens and is truncated to %d, like all "
          "longer ones. Increase max_seq_length (now %d) to keep more." % (
              self.name, example.example_id, num_tokens, num_fitting,
              self.config.max_seq_length))


def truncate(all_ids, num_fitting):
  """Truncates one or two lists of ids to `num_fitting` ids in total.

  The longer list is truncated at its end; if both are equally long, the second
  one, as in the reference.
  """
  lengths = [len(ids) for ids in all_ids]
  while sum(lengths) > num_fitting:
    longest = max(range(len(lengths)), key=lambda i: (lengths[i], i))
    lengths[longest] -= 1
  return [ids[:length] for ids, length in zip(all_ids, lengths)]
