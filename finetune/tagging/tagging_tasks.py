"""Tasks that predict a tag for each word: chunks, entities, parts of speech.

To add one, subclass `SpanTaggingTask` (tags such as "B-PER", scored by the F1
of spans) or `TaggingTask` (each tag is a label, scored by accuracy; spans with
`is_token_level=False`) with a constructor `(config, tokenizer)` that passes on
the name of the task, and put its files, in columns, at
`finetuning_data/<name>/{train,dev}.txt`.
"""

import functools

import tensorflow.compat.v1 as tf

from finetune import feature_spec
from finetune import packing
from finetune import task
from finetune import task_declaration
from finetune import task_metadata
from finetune import text_cleaning
from finetune.readers import conll
from finetune.readers import sentence_tables
from finetune.readers import tables
from finetune.tagging import raw_text
from finetune.tagging import tag_schemes
from finetune.tagging import tagging_features
from finetune.tagging import tagging_files
from finetune.tagging import tagging_metrics
from finetune.tagging import tagging_utils
from model import layers
from model import tensor_ops
from util import invisible
from util import utils

DROPOUT = 0.1  # of the word vectors, in training
DEBUG_SENTENCES = 200  # of each split, in debug mode
# Of the features of sentences that are not trained on; 2: windows of sentences
# that are longer than the input.
WINDOWS_VERSION = 2


class TaggingExample(task.Example):
  """A sentence.

  Attributes:
    split: str, the split it belongs to.
    eid: int, the number of the sentence in its split, from 0.
    words: list of str.
    tags: list of str, as in the file; None if unknown.
    label_ids: list of int, the targets of the model; None if unknown.
    text: str, the text that was split into words, or the words joined by
      spaces.
    example_id: str, the id of the sentence in the file, or its number.
  """

  def __init__(self, eid, task_name, words, tags=None, is_token_level=True,
               label_mapping=None, *, split=None, label_ids=None, text=None,
               example_id=None):
    """Initializes the example of a sentence, unlabeled without label ids.

    Args:
      eid, task_name, words, tags, split, label_ids, text, example_id: see the
        class; `label_ids` None: computed with `label_mapping`.
      is_token_level: bool, whether each tag is a label; False: tags encode
        spans.
      label_mapping: {label: id} of the task, as from `_get_label_mapping`.

    Raises:
      utils.UserError: a label is not in `label_mapping`.
    """
    super().__init__(task_name)
    self.split = split
    self.eid = eid
    self.words = words
    self.label_ids = label_ids
    if label_mapping is not None and tags is not None:
      self.label_ids = _look_up(
          tags, _scheme(is_token_level), label_mapping,
          lambda index: _place(task_name, eid, words, index),
          "a tag of the training data")
    self.labels = self.label_ids  # the name in google-research/electra
    self.tags = None if self.label_ids is None else tags
    self.text = " ".join(words) if text is None else text
    self.example_id = str(eid) if example_id is None else example_id


class TaggingTask(task.Task):
  """Predicts one of the tags of the training data for each word.

  The files `train.txt`, `dev.txt` and `test.txt` have columns as in
  `readers.conll`. A test file with tags is scored along with the dev set; one
  without the last column, or with words only, is predicted.
  """

  file_names = {"train": ("train.txt",), "dev": ("dev.txt",),
                "test": ("test.txt",)}
  # One of task_declaration.FORMATS["tagging"], and the columns of files in
  # formats other than "conll".
  file_format = "conll"
  layout = sentence_tables.Layout()
  # Whether each tag is a label; False: tags encode spans.
  is_token_level = True
  scheme = tag_schemes.WholeTags()
  reading_methods = task.Task.reading_methods + ("_get_labeled_sentences",)
  reads_predict_file = True
  takes_short_inputs = True
  feature_hparams = task.Task.feature_hparams + (text_cleaning.HPARAM,)

  def __init__(self, config, name, tokenizer, is_token_level=None,
               declaration=None):
    super().__init__(config, name, tokenizer, declaration)
    if is_token_level is not None:
      self.is_token_level = is_token_level
      self.scheme = _scheme(is_token_level)
    self._is_token_level = self.is_token_level
    # Some pass True for tags such as "B-PER", too.
    self._may_score_spans = is_token_level is not None
    if declaration:
      self.file_format = declaration.format
      self.layout = _declared_layout(declaration)
    self._cleaner = text_cleaning.TextCleaner(config, name, "words")
    labels = task_metadata.recorded(config, name, "labels")
    self._are_labels_recorded = labels is not None
    # {label: id}; None until they are learned from the training data.
    self._label_ids = labels and {
        label: i for i, label in enumerate(labels)}
    self._files = tagging_files.TaggedFiles(
        config, name, self.file_format, self.layout,
        find_fn=lambda split: (
            None if self.finds_files_itself() else self._find(split)),
        path_fn=self._path,
        tag_names=declaration and declaration.values.get("tag_names"))
    self._is_splitting_learned, self._splitting = False, None
    self._num_truncated = []  # of each training sentence featurized so far
    self._has_logged_windows = set()  # splits

  @classmethod
  def from_declaration(cls, config, tokenizer, declaration):
    """Returns the task of a task_declaration.Declaration of kind "tagging".

    Raises:
      utils.UserError: the metric is unknown.
    """
    classes = {"f1": SpanTaggingTask, "accuracy": TaggingTask}
    metric = declaration.values.get("metric", "f1")
    if not isinstance(metric, str):
      raise utils.UserError(
          "%s: \"metric\": expected one name, got a list." % declaration.path)
    task_declaration.check_names(declaration, "metric", [metric], classes)
    return classes[metric](config, declaration.name, tokenizer,
                           declaration=declaration)

  def get_scorer(self, split="dev"):
    are_spans = not self.is_token_level or (
        self._may_score_spans and all(map(tagging_utils.has_position, set(
            self.label_list) - {tagging_utils.OUTSIDE})))
    scorer_class = (tagging_metrics.SpanScorer if are_spans else
                    tagging_metrics.TaggingScorer)
    return scorer_class(self.config, self, split)

  def get_output_scorer(self, split):
    return TaggingTask.get_scorer(self, split)

  @property
  def label_list(self):
    """The list of labels by their ids, learned from the training data."""
    label_ids = self._get_label_ids()
    return sorted(label_ids, key=label_ids.get)

  def is_labeled(self, split):
    if split == "test" and not self.finds_files_itself():
      return self._files.read("test").is_tagged
    return super().is_labeled(split)

  def get_data_files(self, split):
    """Returns the file of `split` and the one that labels are learned from."""
    if self.finds_files_itself():
      return super().get_data_files(split)
    if self._are_labels_recorded:
      return [self._path(split)]
    return [self._path(name) for name in dict.fromkeys([split, "train"])]

  def get_split_version(self, split):
    if split == "train":
      return None
    splitting = None if self.is_labeled(split) else self._get_splitting()
    return [WINDOWS_VERSION, splitting]

  def learned_from_data(self):
    learned = {"labels": self.label_list}
    if self._get_splitting():
      learned["punctuation"] = self._get_splitting()
    num_columns = self._files.num_columns()
    if num_columns:
      learned["num_columns"] = num_columns
    return learned

  def get_more_dev_splits(self):
    """Returns ["test"] if there is a test file with tags."""
    return ["test"] if self._find("test") and self.is_labeled("test") else []

  def get_test_splits(self):
    """Returns ["test"] if there is a test file without tags."""
    return [split for split in super().get_test_splits()
            if not self.is_labeled(split)]

  @task.read_once
  def get_examples(self, split):
    """Returns the TaggingExamples of `split`, in the order of its file.

    A predict_file has the columns of the training data, with or without the
    tag, which is ignored, or words only. A .jsonl file has {"words": [...]} or
    {"text": "..."}, which is split like the training data, on each line, with
    or without "id"; a .json file has a list of these.

    Raises:
      utils.UserError: the file is missing, a line is invalid or has a label
        that the training data do not have; the message names the line.
    """
    if split == task.PREDICT:
      content = self._files.read_to_predict(self.config.predict_file)
      if content.num_columns and content.num_columns > 1:
        utils.log("Task {}: reading words, not tags, from the {} columns of "
                  "{}; the first word is '{}'".format(
                      self.name, content.num_columns, content.path,
                      content.sentences[0].words[0]))
      sentences = content.sentences
    else:
      sentences = self._sentences(split)
      if self.config.debug:
        sentences = sentences[:DEBUG_SENTENCES]
    is_labeled = self.is_labeled(split)
    if not is_labeled:
      sentences = self._split_texts(sentences)
    return [TaggingExample(
        eid, self.name, sentence.words, sentence.tags, split=split,
        label_ids=self._ids_of_labels(sentence) if is_labeled else None,
        text=sentence.text, example_id=sentence.sentence_id)
            for eid, sentence in enumerate(sentences)]

  def featurize(self, example, is_training, log=False):
    """Returns the features of "[CLS] words [SEP]".

    All tokens are in segment 1, as in the reference and its published scores.
    A sentence that is longer than the input is truncated in training; otherwise
    the result is a list of the features of its windows, which together have
    every word once.
    """
    del is_training  # sentences of the dev set have labels too
    words = self._cleaner.clean(example.words)
    if example.split == "train":
      inputs = [tagging_features.make_input(self.tokenizer, words,
                                            self.config.max_seq_length)]
      self._count_truncated(example, len(inputs[0].positions))
    else:
      inputs = tagging_features.make_windows(self.tokenizer, words,
                                             self.config.max_seq_length)
      self._log_windows(example, len(inputs))
    # A test split may have no labels: the zeros are ignored.
    label_ids = example.label_ids or [0] * len(words)
    features, num_words = [], 0
    for one_input in inputs:
      features.append(self._features(example, one_input, label_ids[num_words:]))
      num_words += len(one_input.positions)
      if log:
        self._log(example, one_input, num_words)
    return features if len(features) > 1 else features[0]

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
    # Examples of other tasks have no words here; 0 / 0 is NaN.
    num_words = tf.maximum(1.0, tf.reduce_sum(mask, -1))
    losses = tf.reduce_sum(word_losses * mask, -1) / num_words
    return losses, {
        "loss": losses, "logits": logits,
        "predictions": tf.argmax(logits, axis=-1, output_type=tf.int32),
        "labels": labels, "labels_mask": mask,
        "eid": features[self._key("eid")]}

  def _features(self, example, one_input, label_ids):
    """Returns the features of a TaggingInput, whose words begin `label_ids`."""
    length = self.config.max_seq_length
    input_ids, positions = one_input
    features = packing.padded_inputs(input_ids, [1] * len(input_ids), length)
    features[self._key("eid")] = example.eid
    features[self._key("labels")] = packing.pad(
        label_ids[:len(positions)], length)
    features[self._key("labels_mask")] = packing.pad(
        [1.0] * len(positions), length, 0.0)
    features[self._key("labeled_positions")] = packing.pad(positions, length)
    return features

  def _get_splitting(self):
    """Returns where raw text is split; see `raw_text.learn_splitting`."""
    if not self._is_splitting_learned:
      self._splitting = (
          task_metadata.recorded(self.config, self.name, "punctuation")
          if self._are_labels_recorded else raw_text.learn_splitting(
              self._training_sentences()))
      self._is_splitting_learned = True
    return self._splitting

  def _split_texts(self, sentences):
    """Returns unlabeled sentences with raw texts split like training data."""
    splitting = self._get_splitting()
    if not splitting or all(s.text is None for s in sentences):
      return sentences
    utils.log("Task {}: splitting raw texts at white space and punctuation, "
              "like the training data".format(self.name))
    return [sentence if sentence.text is None else
            raw_text.split(sentence, splitting) for sentence in sentences]

  def _get_labeled_sentences(self, split):
    """Returns [(words, tags)] of a split; for tasks to override."""
    return [(sentence.words, sentence.tags)
            for sentence in self._files.read(split).sentences]

  def _sentences(self, split):
    """Returns the conll.Sentences of a split."""
    if (type(self)._get_labeled_sentences is
        TaggingTask._get_labeled_sentences):
      return self._files.read(split).sentences
    return self._as_sentences(self._get_labeled_sentences(split))

  def _as_sentences(self, pairs):
    """Returns the conll.Sentences of [(words, tags)]."""
    return [conll.Sentence(functools.partial(_place, self.name, eid, words),
                           list(words), list(tags))
            for eid, (words, tags) in enumerate(pairs)]

  def _training_sentences(self):
    if self._find("train") or (type(self)._get_labeled_sentences is not
                               TaggingTask._get_labeled_sentences) or (
                                   not self.finds_files_itself()):
      return self._sentences("train")
    return self._as_sentences((example.words, example.tags)
                              for example in self.get_examples("train"))

  def _get_label_ids(self):
    """Returns {label: id}."""
    return self._get_label_mapping()

  def _get_label_mapping(self, provided_split=None, provided_sentences=None):
    """Returns {label: id} of the training data, in sorted order.

    Args:
      provided_split: str, the split of `provided_sentences`.
      provided_sentences: [(words, tags)] of that split; used instead of
        reading it if it is "train".
    """
    if self._label_ids is None:
      counts = self.scheme.count_types(
          self._as_sentences(provided_sentences) if provided_split == "train"
          else self._training_sentences(), self._training_place())
      labels = self.scheme.labels_for(counts)
      self._label_ids = {label: i for i, label in enumerate(sorted(labels))}
      # The counts reveal typing errors.
      utils.log("Task {}: learned {:,} labels from {}, for {}".format(
          self.name, len(labels), self._training_place(), ", ".join(
              "{} ({:,})".format(*item) for item in counts.most_common())))
    return self._label_ids

  def _ids_of_labels(self, sentence):
    return _look_up(sentence.tags, self.scheme, self._get_label_ids(),
                    sentence.place,
                    "a tag that occurs in " + self._training_place())

  def _training_place(self):
    """Returns where the training data are, for messages."""
    if self.finds_files_itself():
      return "the training data of task '%s'" % self.name
    return (self._candidates("train")[0] if self._are_labels_recorded else
            self._path("train"))

  def _count_truncated(self, example, num_kept):
    """Logs how many words are not trained on, after the last sentence."""
    counts = self._num_truncated
    counts.append(len(example.words) - num_kept)
    examples = self._examples.get(example.split, ())
    if len(counts) == len(examples) and any(counts):
      utils.log(
          "Task {}: {:,} of {:,} words, in {:,} of {:,} train sentences, are "
          "beyond max_seq_length ({:,} tokens): they are not trained on. "
          "Increase max_seq_length to keep them.".format(
              self.name, sum(counts),
              sum(len(example.words) for example in examples),
              sum(map(bool, counts)), len(examples),
              self.config.max_seq_length))

  def _log_windows(self, example, num_windows):
    """Logs, for the first long sentence of a split, that there are windows."""
    if num_windows > 1 and example.split not in self._has_logged_windows:
      self._has_logged_windows.add(example.split)
      utils.log(
          "Task {}: {} sentence {} is longer than max_seq_length ({:,} tokens) "
          "and read in {:,} windows, like all longer ones".format(
              self.name, example.split, example.example_id,
              self.config.max_seq_length, num_windows))

  def missing_file_advice(self, split):
    if split == "dev" and not self.declaration:
      return ("Copy a file with tags there, such as the test set, or move some "
              "sentences of the training data there")
    if split == "dev":
      return "Put a file there, such as some sentences of the training data"
    if self.file_format in tables.OBJECT_FORMATS:
      return "Put a file there, with lists of words and of their tags"
    return "Put a file there, with a word and its tag on each line"

  def _log(self, example, one_input, last_word):
    """Logs a TaggingInput whose last word is the one before `last_word`."""
    input_ids, positions = one_input
    tokens = self.tokenizer.convert_ids_to_tokens(input_ids)
    utils.log("Sentence %d: %s" % (example.eid, " ".join(tokens)))
    labels = [""] * len(positions)
    if example.label_ids is not None:
      labels = [self.label_list[i] for i in example.label_ids[
          last_word - len(positions):last_word]]
    utils.log("  labels: %s" % " ".join(
        "%d:%s/%s" % (position, tokens[position], label)
        for position, label in zip(positions, labels)))


class SpanTaggingTask(TaggingTask):
  """Predicts labeled spans of words, such as names or chunks."""

  is_token_level = False
  scheme = tag_schemes.Spans()


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


def _scheme(is_token_level):
  """Returns the scheme of tags, a `tag_schemes.WholeTags` or `Spans`."""
  return tag_schemes.WholeTags() if is_token_level else tag_schemes.Spans()


def _place(task_name, eid, words, index):
  """Returns the position of a word whose line is unknown, for messages."""
  return "Task '%s': sentence %s, word %d (%s)" % (
      task_name, eid, index, words[index])


def _look_up(tags, scheme, label_mapping, place_fn, expected):
  """Returns the ids of the labels of a sentence's tags.

  Raises:
    utils.UserError: a label is not in `label_mapping`.
  """
  label_ids = []
  for i, label in enumerate(scheme.labels_of(tags)):
    if label not in label_mapping:
      raise utils.UserError(
          "%s: expected %s, got '%s', which a model cannot learn from there. "
          "Correct it, or move sentences with it there.%s" % (
              place_fn(i), expected, tags[i],
              invisible.hint(label, label_mapping)))
    label_ids.append(label_mapping[label])
  return label_ids


def _declared_layout(declaration):
  """Returns the sentence_tables.Layout of a Declaration."""
  values = declaration.values
  words = values.get("words")
  return sentence_tables.Layout(
      words, values.get("tags"), values.get("sentence"), values.get("id"),
      # Most files of tagged words have no header line, unlike other tables.
      values.get("header", isinstance(words, str)),
      task_declaration.dialect(declaration), values.get("comment"))
