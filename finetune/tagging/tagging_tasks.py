"""Tasks that give each word a tag: chunks, entities, parts of speech.

To add one, subclass `SpanTaggingTask` (tags such as "B-PER", scored by the F1
of whole spans) or `TaggingTask` (tags that stand for themselves, scored by
accuracy) with a constructor `(config, tokenizer)` that gives the task its name,
and put its files, in columns, at `finetuning_data/<name>/{train,dev}.txt`.
"""

import collections
import os

import tensorflow.compat.v1 as tf

from finetune import feature_spec
from finetune import packing
from finetune.readers import conll
from finetune.readers import sentence_tables
from finetune.readers import tagged_sentences
from finetune.tagging import tagging_features
from finetune.tagging import tagging_metrics
from finetune.tagging import tagging_utils
from finetune import task
from finetune import task_declaration
from finetune import task_metadata
from finetune import text_cleaning
from model import layers
from model import tensor_ops
from util import utils

DROPOUT = 0.1  # of the vectors of the words, in training
DEBUG_SENTENCES = 200  # of each split, in debug mode
MAX_SHOWN_TAGS = 5  # in a message about wrong ones
WORD_AND_TAG = 2  # columns of a file to predict for, in another format


class TaggingExample(task.Example):
  """A sentence.

  Attributes:
    eid: int, the number of the sentence in its split, from 0.
    words: list of str.
    tags: list of str, as they stand in the file; None if unknown.
    label_ids: list of int, what the model learns; None if unknown.
    text: str, what the words were cut from, or the words and spaces.
    example_id: str, what the file calls the sentence, or its number.
  """

  def __init__(self, task_name, eid, words, tags=None, label_ids=None,
               text=None, example_id=None):
    super().__init__(task_name)
    self.eid = eid
    self.words = words
    self.tags = tags
    self.label_ids = label_ids
    self.text = " ".join(words) if text is None else text
    self.example_id = str(eid) if example_id is None else example_id


class TaggingTask(task.Task):
  """Gives each word one of the tags of the training data, as they stand.

  The files `train.txt`, `dev.txt` and `test.txt` have columns as
  `readers.conll` reads them. A test file with tags is scored along with the dev
  set; one without the last column, or with words alone, is for predictions.

  Attributes:
    tokenizer: the FullTokenizer that features are made with.
  """

  # The names that the file of a split may have; the first there is is read.
  file_names = {"train": ("train.txt",), "dev": ("dev.txt",),
                "test": ("test.txt",)}

  # What the files are, one of task_declaration.FORMATS["tagging"], and what is
  # where in those that are not "conll".
  file_format = "conll"
  layout = sentence_tables.Layout()
  feature_hparams = task.Task.feature_hparams + (text_cleaning.HPARAM,)

  def __init__(self, config, name, tokenizer):
    """Makes the task.

    Args:
      config: a FinetuningConfig.
      name: str, the task's name and that of its folder in finetuning_data.
      tokenizer: a FullTokenizer.
    """
    super().__init__(config, name)
    self.tokenizer = tokenizer
    self._cleaner = text_cleaning.TextCleaner(config, name, "words")
    labels = task_metadata.recorded(config, name, "labels")
    self._are_labels_recorded = labels is not None
    # {label: id}; where there is none yet, once the training data are read
    self._label_ids = labels and {
        label: i for i, label in enumerate(labels)}
    self._files = {}  # TaggedFile by split
    self._examples = {}  # by split; a scorer needs the ones featurized before

  # What a label is: the tag itself. SpanTaggingTask says otherwise.

  def count_types(self, sentences):
    """Returns a Counter of what is to be told apart.

    Args:
      sentences: list of conll.Sentence, the training data.

    Raises:
      utils.UserError: a tag cannot be one.
    """
    return collections.Counter(
        tag for sentence in sentences for tag in sentence.tags)

  def labels_for(self, types):
    """Returns the set of labels that tell `types` apart."""
    return set(types)

  def labels_of(self, sentence):
    """Returns the label of each word of a conll.Sentence."""
    return sentence.tags

  def written_tags(self, labels):
    """Returns the tags to write and to score for labels or a file's tags."""
    return list(labels)

  def get_scorer(self, split="dev"):
    return tagging_metrics.TaggingScorer(self.config, self, split)

  # Files.

  @property
  def label_list(self):
    """The list of labels by their ids, learned from the training data."""
    return list(self._get_label_ids())

  def is_labeled(self, split):
    """Returns whether the words of `split` have tags."""
    if split == task.PREDICT:
      return False
    return split != "test" or self._read("test").is_tagged

  def get_data_files(self, split):
    """Returns the file of `split`, and the one that labels are learned from.

    Raises:
      utils.UserError: one of them is missing.
    """
    if self._are_labels_recorded:
      return [self._path(split)]
    return [self._path(name) for name in dict.fromkeys([split, "train"])]

  def learned_from_data(self):
    learned = {"labels": self.label_list}
    num_columns = self._num_columns()
    if num_columns:
      learned["num_columns"] = num_columns
    return learned

  def get_examples_to_predict(self):
    """Returns the TaggingExamples of `config.predict_file`, in its order.

    The file has the columns of the training data, with or without the tag,
    which is not read, or words alone; or, where its name ends in .jsonl,
    {"words": [...]} or {"text": "..."}, which is cut at white space, on each
    line, with or without "id"; in .json there is a list of these.

    Raises:
      utils.UserError: a line is not as expected; the message names it.
    """
    if task.PREDICT not in self._examples:
      content = self._read_to_predict(self.config.predict_file)
      examples = [self._unlabeled(eid, sentence)
                  for eid, sentence in enumerate(content.sentences)]
      if content.num_columns and content.num_columns > 1:
        utils.log("Task {}: of the {} columns of {} the words are read, not "
                  "tags; the first word is '{}'".format(
                      self.name, content.num_columns, content.path,
                      examples[0].words[0]))
      self._examples[task.PREDICT] = examples
      self._say_if_cut(examples, task.PREDICT)
    return self._examples[task.PREDICT]

  def get_more_dev_splits(self):
    """Returns ["test"] where there is a test file with tags."""
    return ["test"] if self._has("test") and self.is_labeled("test") else []

  def get_test_splits(self):
    """Returns ["test"] where there is a test file without tags."""
    return ["test"] if self._has("test") and not self.is_labeled("test") else []

  def get_examples(self, split):
    """Returns the TaggingExamples of `split`, in the order of its file.

    Raises:
      utils.UserError: the file is missing, a line is not as expected or has a
        label that the training data do not have; the message names the line.
    """
    if split == task.PREDICT:
      return self.get_examples_to_predict()
    if split not in self._examples:
      sentences = self._read(split).sentences
      if self.config.debug:
        sentences = sentences[:DEBUG_SENTENCES]
      is_labeled = self.is_labeled(split)
      self._examples[split] = [
          TaggingExample(self.name, eid, sentence.words, sentence.tags,
                         self._ids_of_labels(sentence))
          if is_labeled else self._unlabeled(eid, sentence)
          for eid, sentence in enumerate(sentences)]
      self._say_if_cut(self._examples[split], split)
    return self._examples[split]

  # Features and head.

  def featurize(self, example, is_training, log=False):
    """Returns the features of "[CLS] words [SEP]".

    All tokens are of segment 1, as in the reference, whose published scores
    are for that.
    """
    del is_training  # a sentence of the dev set has labels too
    length = self.config.max_seq_length
    tagging_input = self._input(example)
    input_ids, positions = tagging_input
    features = packing.padded_inputs(input_ids, [1] * len(input_ids), length)
    # A test split may have no labels: 0 stands there and is not looked at.
    label_ids = example.label_ids or [0] * len(example.words)
    features[self._key("eid")] = example.eid
    features[self._key("labels")] = packing.pad(
        label_ids[:len(positions)], length)
    features[self._key("labels_mask")] = packing.pad(
        [1.0] * len(positions), length, 0.0)
    features[self._key("labeled_positions")] = packing.pad(positions, length)
    if log:
      self._log(example, tagging_input)
    return features

  def get_feature_specs(self):
    shape = [self.config.max_seq_length]
    return [
        feature_spec.FeatureSpec(self._key("eid"), []),
        # A word has at least one token: there are fewer words than tokens.
        feature_spec.FeatureSpec(self._key("labels"), shape,
                                 is_per_token=True),
        feature_spec.FeatureSpec(self._key("labels_mask"), shape,
                                 is_int_feature=False, is_per_token=True),
        feature_spec.FeatureSpec(self._key("labeled_positions"), shape,
                                 is_per_token=True)]

  def get_prediction_module(self, bert_model, features, is_training,
                            percent_done):
    """Builds a linear layer on the first WordPiece of each word.

    Returns:
      (losses, outputs): float32 [B], the mean cross-entropy of the sentence's
      words, and {"loss" [B], "logits" float32 [B, N, number of labels],
      "predictions" int32 [B, N], "labels" int32 [B, N], "labels_mask" float32
      [B, N], "eid" int32 [B]}, where N is the length of the input.
    """
    del percent_done
    labels = features[self._key("labels")]
    mask = features[self._key("labels_mask")]
    vectors = tensor_ops.gather_positions(
        bert_model.get_sequence_output(),
        features[self._key("labeled_positions")])  # [B, N, hidden size]
    if is_training:
      vectors = bert_model.randomness.dropout(vectors, DROPOUT)
    logits = layers.dense(vectors, len(self._get_label_ids()), name="dense",
                          initializer=layers.create_unscaled_initializer())
    word_losses = tf.nn.sparse_softmax_cross_entropy_with_logits(
        labels=labels, logits=logits)
    # An example of another task has no words here; 0 / 0 is nan.
    num_words = tf.maximum(1.0, tf.reduce_sum(mask, -1))
    losses = tf.reduce_sum(word_losses * mask, -1) / num_words
    return losses, {
        "loss": losses, "logits": logits,
        "predictions": tf.argmax(logits, axis=-1, output_type=tf.int32),
        "labels": labels, "labels_mask": mask,
        "eid": features[self._key("eid")]}

  def _get_label_ids(self):
    """Returns {label: id}, in sorted order."""
    if self._label_ids is None:
      counts = self.count_types(self._read("train").sentences)
      labels = self.labels_for(counts)
      self._label_ids = {label: i for i, label in enumerate(sorted(labels))}
      # With their numbers, so that typing errors show.
      utils.log("Task {}: learned {:,} labels from {}, for {}".format(
          self.name, len(labels), self._path("train"), ", ".join(
              "{} ({:,})".format(*item) for item in counts.most_common())))
    return self._label_ids

  def _unlabeled(self, eid, sentence):
    return TaggingExample(self.name, eid, sentence.words, text=sentence.text,
                          example_id=sentence.sentence_id)

  def _ids_of_labels(self, sentence):
    all_ids = self._get_label_ids()
    label_ids = []
    for i, label in enumerate(self.labels_of(sentence)):
      if label not in all_ids:
        raise utils.UserError(
            "%s: expected a tag that stands in %s, got '%s'; a model cannot "
            "learn it from there. Correct it, or move sentences that have it "
            "there." % (sentence.place(i), self._candidates("train")[0] if
                        self._are_labels_recorded else self._path("train"),
                        sentence.tags[i]))
      label_ids.append(all_ids[label])
    return label_ids

  def _input(self, example):
    return tagging_features.make_input(
        self.tokenizer, self._cleaner.clean(example.words),
        self.config.max_seq_length)

  def _say_if_cut(self, examples, split):
    """Says how many words are beyond max_seq_length, if any."""
    num_cut = [len(example.words) - len(self._input(example).positions)
               for example in examples]
    if any(num_cut):
      utils.log(
          "Task {}: {:,} of {:,} words, in {:,} of {:,} {} sentences, are "
          "beyond max_seq_length ({:,} tokens): they {}; a larger "
          "max_seq_length keeps them.".format(
              self.name, sum(num_cut),
              sum(len(example.words) for example in examples),
              sum(map(bool, num_cut)), len(examples), split,
              self.config.max_seq_length,
              "are not trained on" if split == "train" else
              "count as predicted %s" % tagging_utils.OUTSIDE))

  def _read(self, split):
    """Returns the TaggedFile of `split`, read once.

    Raises:
      utils.UserError: it is missing, its columns are not as expected, or it has
        no tags and should.
    """
    if split not in self._files:
      path = self._path(split)
      content = _read_file(path, self.file_format, self.layout,
                           self._num_columns_for(split))
      if split != "test":
        self._check_labeled(content, split)
      elif not content.is_tagged:
        utils.log("Task {}: {} counts as unlabeled{}: its words are for "
                  "predictions, not for scores".format(
                      self.name, path, _columns_compared(
                          content.num_columns, self._num_columns())))
      self._files[split] = content
    return self._files[split]

  def _check_labeled(self, content, split):
    """Raises a UserError if the TaggedFile of `split` lacks tags or columns."""
    if split == "dev" and self._has("train") and (
        content.num_columns != self._read("train").num_columns):
      raise utils.UserError(
          "%s: expected %d columns, as in %s, found %d." % (
              content.path, self._read("train").num_columns,
              self._path("train"), content.num_columns))
    if content.is_tagged:
      return
    wanted = "words and a tag for each, in a column that \"tags\" names"
    if self.file_format == "conll":
      wanted = ("at least two columns separated by spaces or tabs, the word "
                "first and its tag last")
    elif self.file_format in task_declaration.OBJECT_FORMATS:
      wanted = ("words and a tag for each, in a key \"%s\"" % (
          self.layout.tags or "tags\" or \"labels"))
    first = content.sentences[0]
    raise utils.UserError("%s: expected %s, found words alone (%s)." % (
        first.place(0), wanted, first.words[0]))

  def _num_columns(self):
    """Returns the number of columns of files with tags, None if not known.

    It is that of the training file; where that is not there, of the dev file or
    as it is kept with the model.
    """
    split = next(filter(self._has, ("train", "dev")), None)
    if split:
      return self._read(split).num_columns
    return task_metadata.recorded(self.config, self.name, "num_columns")

  def _num_columns_for(self, split):
    """Returns what the number of columns of a file is held against, or None."""
    if split == "test":
      num_columns = self._num_columns()
      if not num_columns and self.file_format == "conll":
        self._path("train")  # which is missing: nothing else tells
      return num_columns
    if split == "dev" and self.file_format in task_declaration.ROW_FORMATS:
      return (self._read("train").num_columns if self._has("train") else
              task_metadata.recorded(self.config, self.name, "num_columns"))
    return None  # the last column is the tag, however many there are

  def _read_to_predict(self, path):
    """Returns the TaggedFile to predict for, whose tags are not looked at."""
    extension = os.path.splitext(path)[1][1:]
    # A .tsv file may be in columns, too.
    is_known = extension in task_declaration.TABLE_FORMATS and (
        extension != "tsv" or self.file_format in task_declaration.ROW_FORMATS)
    file_format = extension if is_known else "conll"
    if any(file_format in alike and self.file_format in alike for alike in (
        ("conll",), task_declaration.ROW_FORMATS, task_declaration.OBJECT_FORMATS)):
      layout = self.layout
      # The training file, if it is there at all, need not be read for it.
      num_columns = task_metadata.recorded(
          self.config, self.name, "num_columns") or self._num_columns()
    else:
      layout, num_columns = sentence_tables.Layout(), WORD_AND_TAG
    return _read_file(path, file_format, layout, num_columns, has_tags=False)

  def _path(self, split):
    """Returns the path of the file of `split`."""
    candidates = self._candidates(split)
    path = next(filter(utils.exists, candidates), None)
    if path is None:
      raise utils.UserError(
          "Task '%s': expected its %s data in %s, found no such file%s; %s." % (
              self.name, split, " or ".join(candidates),
              task_declaration.advice(self, split),
              self.missing_file_advice(split)))
    return path

  def _candidates(self, split):
    folder = self.config.raw_data_dir(self.name)
    return [os.path.join(folder, name)
            for name in self.file_names.get(split, (split + ".txt",))]

  def missing_file_advice(self, split):
    """Returns what to do where the file of `split` is missing, for an error."""
    if split == "dev" and not self.declaration:
      return ("copy a file with tags there, such as the test set, or move some "
              "sentences of the training data there")
    if split == "dev":
      return "put a file there, maybe with some sentences of the training data"
    if self.file_format in task_declaration.OBJECT_FORMATS:
      return "put a file there, with lists of words and of their tags"
    return "put a file there, with a word and its tag on each line"

  def _has(self, split):
    return any(map(utils.exists, self._candidates(split)))

  def _key(self, feature):
    return "%s_%s" % (self.name, feature)

  def _log(self, example, tagging_input):
    tokens = self.tokenizer.convert_ids_to_tokens(tagging_input.input_ids)
    utils.log("Sentence %d: %s" % (example.eid, " ".join(tokens)))
    labels = [""] * len(example.words)
    if example.label_ids is not None:
      labels = [self.label_list[i] for i in example.label_ids]
    utils.log("  labels: %s" % " ".join(
        "%d:%s/%s" % (position, tokens[position], label)
        for position, label in zip(tagging_input.positions, labels)))


class SpanTaggingTask(TaggingTask):
  """Finds labeled spans of words, such as names or chunks.

  The files may be in any of the encodings of `tagging_utils`; the model learns
  BIOES labels, all four of each type in the training data. Predictions are
  written in IOB2, so that conlleval can read them.
  """

  def count_types(self, sentences):
    _check_tags(sentences)
    return collections.Counter(
        span_type for sentence in sentences
        for _, _, span_type in tagging_utils.get_span_labels(sentence.tags))

  def labels_for(self, types):
    return {tagging_utils.OUTSIDE} | {
        tagging_utils.join_tag(place, span_type)
        for span_type in types for place in "BIES"}

  def labels_of(self, sentence):
    return tagging_utils.recode(sentence.tags, "BIOES")

  def written_tags(self, labels):
    return tagging_utils.recode(labels, "BIO")

  def get_scorer(self, split="dev"):
    return tagging_metrics.SpanScorer(self.config, self, split)


class Chunking(SpanTaggingTask):
  """Text chunking, as in the CoNLL-2000 shared task."""

  def __init__(self, config, tokenizer):
    super().__init__(config, "chunk", tokenizer)

  def missing_file_advice(self, split):
    if split == "dev":
      return ("CoNLL-2000 has no dev set: copy its test.txt there, or move "
              "some sentences of train.txt there")
    return super().missing_file_advice(split)


class NER(SpanTaggingTask):
  """Named entity recognition; ANERcorp's files may keep their own names."""

  file_names = {"train": ("train.txt", "ANERCorp_CamelLab_train.txt"),
                "dev": ("dev.txt", "ANERCorp_CamelLab_test.txt"),
                "test": ("test.txt",)}

  def __init__(self, config, tokenizer):
    super().__init__(config, "ner", tokenizer)


class POS(TaggingTask):
  """Part-of-speech tagging."""

  def __init__(self, config, tokenizer):
    super().__init__(config, "pos", tokenizer)


def _read_file(path, file_format, layout, num_columns=None, has_tags=True):
  """Returns the sentence_tables.TaggedFile at `path`.

  Args:
    path: of the file.
    file_format: one of task_declaration.FORMATS["tagging"].
    layout: a sentence_tables.Layout, where that is not "conll".
    num_columns: int, those of the training data; None where that is not known:
      then the last column is the tag.
    has_tags: bool, False where those of other formats are not looked at.

  Raises:
    utils.UserError: a line is not as expected; the message names it.
  """
  if file_format in task_declaration.ROW_FORMATS:
    return sentence_tables.read_table(path, file_format, layout, num_columns,
                                   has_tags)
  if file_format in task_declaration.OBJECT_FORMATS:
    sentences = tagged_sentences.read_json(
        path, layout, is_lines=file_format == "jsonl", has_tags=has_tags)
    return sentence_tables.TaggedFile(
        path, None, sentences[0].tags is not None, sentences)
  content = conll.read_conll(path)
  sentence_tables.check_width(content.sentences[0].place(0), content.num_columns,
                           num_columns, content.first_line)
  is_tagged = (content.num_columns == num_columns if num_columns else
               content.num_columns > 1)
  return sentence_tables.TaggedFile(path, content.num_columns, is_tagged,
                                 content.sentences)


def _columns_compared(found, labeled):
  """Returns how many columns a file has, for a message; "" where none do."""
  if not found or not labeled:
    return ""
  return " ({} column{}; with the tag there are {})".format(
      found, "" if found == 1 else "s", labeled)


def _check_tags(sentences):
  """Raises a UserError if some tags are like "B-X" and some like "X".

  The latter are then typing errors, such as "o" or "IPERS".
  """
  tags = [(tag, sentence.place(i)) for sentence in sentences
          for i, tag in enumerate(sentence.tags)
          if tag != tagging_utils.OUTSIDE]
  wrong = [pair for pair in tags if not tagging_utils.has_place(pair[0])]
  if wrong and len(wrong) < len(tags):
    num_more = len(wrong) - MAX_SHOWN_TAGS
    raise utils.UserError(
        "Expected O or tags such as B-X and I-X, as others of the file, got "
        "%s%s; correct them." % (
            ", ".join("'%s' (%s)" % pair for pair in wrong[:MAX_SHOWN_TAGS]),
            " and %d more" % num_more if num_more > 0 else ""))
