"""The question answering tasks: their files, features and head.

To add one in SQuAD's layout, subclass `QATask` with a constructor
`(config, tokenizer)` that gives the task its name, and put its files at
`finetuning_data/<name>/{train,dev}.json`.
"""

import os

from finetune import feature_spec
from finetune import packing
from finetune import task
from finetune import task_declaration
from finetune import text_cleaning
from finetune.qa import cleaned_context
from finetune.qa import leakage
from finetune.qa import qa_examples
from finetune.qa import qa_features
from finetune.qa import qa_head
from finetune.qa import qa_metrics
from finetune.readers import mrqa
from finetune.readers import squad
from util import utils

DEBUG_QUESTIONS = 30  # of each split, in debug mode


class QATask(task.Task):
  """Answers questions with a span of a context; files in SQuAD's layout."""

  version = 2  # 2: answers are located whatever their white space
  # Whether questions may have no answer, as in SQuAD 2.0.
  has_impossible = False
  # What to do about a file of the other SQuAD version, for the error message;
  # None: use the built-in task of that version.
  version_advice = None
  # {split: possible file names}; the first file that exists is read.
  file_names = {"train": ("train.json",), "dev": ("dev.json",),
                "test": ("test.json",)}
  feature_hparams = task.Task.feature_hparams + (
      "max_query_length", "doc_stride", text_cleaning.HPARAM,
      "drop_leaked_questions")

  reads_predict_file = True
  takes_short_inputs = True

  def __init__(self, config, name, tokenizer, v2=False, declaration=None):
    super().__init__(config, name, tokenizer, declaration)
    if v2:
      self.has_impossible = True
    if type(self).__module__ != __name__ and not self.version_advice:
      self.version_advice = "pass v2=%s to the constructor of task '%s'" % (
          not self.has_impossible, name)
    self._featurizer = qa_features.Featurizer(
        tokenizer, max_seq_length=config.max_seq_length,
        max_query_length=config.max_query_length,
        doc_stride=config.doc_stride)
    self._loaded_cleaning = None  # loaded when the first file is read
    self._scored_with = [self]  # the run's QATasks
    self._encoding = None  # of files that are not UTF-8
    self._is_test_labeled = None  # unknown
    if declaration:
      self._encoding = declaration.values.get("encoding")
      self.has_impossible = declaration.values.get("has_impossible", False)
      self.version_advice = "set \"has_impossible\": %s in %s" % (
          "false" if self.has_impossible else "true", declaration.path)

  @property
  def v2(self):
    """Whether questions may have no answer, as in SQuAD 2.0."""
    return self.has_impossible

  @classmethod
  def from_declaration(cls, config, tokenizer, declaration):
    """Returns the task of a task_declaration.Declaration of kind "qa"."""
    task_class = MRQATask if declaration.format == "mrqa" else cls
    return task_class(config, declaration.name, tokenizer,
                      declaration=declaration)

  def join(self, tasks):
    self._scored_with = [other for other in tasks if isinstance(other, QATask)]

  def get_data_files(self, split):
    """Returns the file of `split`, and the files its examples depend on.

    Raises:
      utils.UserError: there is none.
    """
    if self.finds_files_itself():
      return super().get_data_files(split)
    others = []
    if split == "train" and self.config.drop_leaked_questions:
      others = sorted(self._scored_files())
    return [self._path(split)] + others

  def get_test_splits(self):
    path = self._find("test")
    return ["test"] if path and path != self._find("dev") else []

  def is_labeled(self, split):
    """Returns whether `split` has labels; a test set if each question has.
    """
    if split != "test":
      return super().is_labeled(split)
    if self._is_test_labeled is None:
      self._is_test_labeled = bool(self.get_test_splits()) and (
          self._has_answers(self._path("test")))
    return self._is_test_labeled

  def _has_answers(self, path):
    """Returns whether all questions are labeled; else logs why they are not.

    XTREME publishes test sets whose answers are all blank.
    """
    try:
      questions = [question for _, question in self._read_questions(
          path, is_labeled=True)]
    except utils.UserError as error:
      utils.log("Task '%s': its test set is not scored: %s" % (
          self.name, error))
      return False
    return any(question.is_impossible or
               any(map(str.strip, question.gold_answers))
               for question in questions)

  @task.read_once
  def get_examples(self, split):
    """Returns the QAExamples of `split`, in the order of its file.

    Raises:
      utils.UserError: the file is invalid; the message names the position.
    """
    is_limited = self.config.debug and split != task.PREDICT
    path = (self.config.predict_file if split == task.PREDICT else
            self._path(split))
    examples = self._read(path, split, DEBUG_QUESTIONS if is_limited else None)
    if split == "train":
      examples = self._without_leaks(examples)
    self._featurizer.number(examples)
    return examples

  def get_windows(self, example):
    """Returns the qa_features.Windows of a QAExample."""
    return self._featurizer.windows(example)

  def featurize(self, example, is_training, log=False, for_eval=False):
    """Returns a list of dicts, the features of each window.

    With `for_eval` they include "<task>_doc_span_index", "<task>_tokens",
    "<task>_token_to_orig_map" and "<task>_token_is_max_context", which map
    predictions back to the context and are not inputs of the model.
    """
    del is_training  # windows of the dev set are labeled too, for their loss
    windows = self.get_windows(example)
    if log:
      self._log(example, windows)
    return [self._features(window, for_eval) for window in windows]

  def get_feature_specs(self):
    return [feature_spec.FeatureSpec(self._key(name), [])
            for name in ("eid", "start_positions", "end_positions",
                         "is_impossible")]

  def get_prediction_module(self, bert_model, features, is_training,
                            percent_done):
    del percent_done
    labels = {name: features[self._key(name)] for name in (
        "start_positions", "end_positions", "is_impossible")}
    mask = qa_head.answer_mask(features["input_mask"], features["segment_ids"])
    losses, outputs = qa_head.build(
        bert_model.get_sequence_output(), mask, labels, is_training,
        self.config, padded_length=self.config.max_seq_length)
    outputs.update(loss=losses, eid=features[self._key("eid")],
                   start_positions=labels["start_positions"],
                   end_positions=labels["end_positions"])
    return losses, outputs

  def get_scorer(self, split="dev"):
    return qa_metrics.SpanBasedQAScorer(self.config, self, split)

  def get_output_scorer(self, split):
    return QATask.get_scorer(self, split)

  def keeps(self, qas_id):
    """Returns whether the question with that id is part of this task."""
    del qas_id
    return True

  def _read(self, path, split, max_questions):
    """Returns the QAExamples of a file, at most `max_questions`."""
    return qa_examples.build_examples(
        self._read_questions(path, is_labeled=self.is_labeled(split)),
        path, self.name, is_training=split == "train",
        # Every question of a predict_file gets an answer.
        keep_fn=None if split == task.PREDICT else self.keeps,
        max_questions=max_questions, cleaning=self._cleaning())

  def _read_questions(self, path, is_labeled):
    """Returns the (context, squad.Question) pairs of a file."""
    return squad.read_questions(
        path, has_impossible=self.has_impossible, is_labeled=is_labeled,
        version_advice=self.version_advice, encoding=self._encoding)

  def _add_examples(self, examples, example_failures, paragraph, split):
    """Appends the QAExamples of a paragraph; for overrides of `get_examples`.

    Args:
      examples: list, to append to.
      example_failures: list of one int, the number of training questions that
        were skipped because their answer is not at its answer_start.
      paragraph: {"context", "qas": [...]} as in the task's files.
      split: str.

    Raises:
      utils.UserError: the paragraph has another layout.
    """
    new, _, lost = qa_examples.build_located(
        self._parse_paragraph(paragraph, self.is_labeled(split)), self.name,
        is_training=split == "train", cleaning=self._cleaning(),
        first_eid=len(examples))
    for example in new:
      example.first_eid = example.eid * qa_features.EIDS_PER_QUESTION
    examples += new
    if split == "train":
      example_failures[0] += len(lost)

  def _parse_paragraph(self, paragraph, is_labeled):
    """Returns the (context, squad.Question) pairs of parsed JSON."""
    return squad.read_questions(
        "Task '%s'" % self.name, has_impossible=self.has_impossible,
        is_labeled=is_labeled, version_advice=self.version_advice,
        dataset={"data": [{"paragraphs": [paragraph]}]})

  def _texts(self, path):
    """Returns [(context, question)] of a file, labeled or not."""
    return [(context, question.text) for context, question in
            self._read_questions(path, is_labeled=False)
            if self.keeps(question.qas_id)]

  def _without_leaks(self, examples):
    """Returns the training examples and logs those with scored contexts.

    These are removed if `drop_leaked_questions` is set.

    Raises:
      utils.UserError: no question remains.
    """
    scored = self._scored_files()
    leaks = leakage.find(
        [(example.words.context, example.question) for example in examples],
        [text for path, reader in scored.items()
         for text in reader._texts(path)])
    is_dropped = self.config.drop_leaked_questions
    leakage.report(self.name, leaks, len(examples), sorted(scored), is_dropped)
    if is_dropped and len(leaks.questions) == len(examples):
      raise utils.UserError(
          "Task '%s': %s removes all %d training questions of %s. Use training "
          "data with other contexts than the dev and test sets." % (
              self.name, leakage.HPARAM, len(examples), self._path("train")))
    return [example for i, example in enumerate(examples)
            if not (is_dropped and i in leaks.questions)]

  def _scored_files(self):
    """Returns {path: its QATask} of the dev and test sets of the run."""
    files = {other._find(split): other for other in self._scored_with
             if not other.finds_files_itself() for split in ("dev", "test")}
    return {path: other for path, other in files.items()
            if path not in (None, self._find("train"))}

  def _cleaning(self):
    """Returns the cleaned_context.Cleaning of the task's texts, None for none.

    Raises:
      utils.UserError: it is unknown or not available.
    """
    name = text_cleaning.cleaning_model(self.config)
    if name and self._loaded_cleaning is None:
      self._loaded_cleaning = cleaned_context.Cleaning(name)
      text_cleaning.log_cleaning(
          self.config, self.name, "contexts and questions (not the answers)")
    return self._loaded_cleaning

  def _features(self, window, for_eval):
    features = packing.padded_inputs(window.input_ids, window.segment_ids,
                                     self.config.max_seq_length)
    features[self._key("eid")] = window.eid
    features[self._key("start_positions")] = window.start_position
    features[self._key("end_positions")] = window.end_position
    features[self._key("is_impossible")] = int(window.is_impossible)
    if for_eval:
      features[self._key("doc_span_index")] = window.span_index
      features[self._key("tokens")] = self.tokenizer.convert_ids_to_tokens(
          window.input_ids)
      features[self._key("token_to_orig_map")] = window.token_to_word
      features[self._key("token_is_max_context")] = {
          position: position in window.max_context
          for position in window.token_to_word}
    return features

  def _log(self, example, windows):
    utils.log("Question %s: %s" % (example.qas_id, example.question))
    for window in windows:
      answer = window.input_ids[
          window.start_position:window.end_position + 1]
      utils.log("  window %d (eid %d): %s" % (
          window.span_index, window.eid, " ".join(
              self.tokenizer.convert_ids_to_tokens(window.input_ids))))
      utils.log("    answer at %d-%d: %s" % (
          window.start_position, window.end_position, " ".join(
              self.tokenizer.convert_ids_to_tokens(answer))
          if window.start_position else "not in this window"))


# The name in google-research/electra of the base class of files in SQuAD's
# layout.
SQuADTask = QATask


def QAExample(task_name, eid, qas_id, qid, question_text, doc_tokens,
              orig_answer_text=None, start_position=None, end_position=None,
              is_impossible=False):
  """Returns a qa_examples.QAExample by the arguments of the reference.

  Args:
    task_name, eid, qas_id, is_impossible: see qa_examples.QAExample.
    qid: ignored; answers are stored by `qas_id`.
    question_text: str.
    doc_tokens: list of str, the words of the context.
    orig_answer_text: str, the answer; None if it is unknown.
    start_position, end_position: int, its first and last word in `doc_tokens`.

  Raises:
    utils.UserError: a word has white space or no characters.
  """
  del qid
  words = qa_examples.Words(" ".join(doc_tokens))
  if len(words.words) != len(doc_tokens):
    raise utils.UserError(
        "Task '%s', question %s: expected words without white space in "
        "doc_tokens, got %d that split into %d." % (
            task_name, qas_id, len(doc_tokens), len(words.words)))
  has_answer = start_position is not None and not is_impossible
  example = qa_examples.QAExample(
      task_name, eid=eid, qas_id=qas_id, question=question_text, words=words,
      answer_text=orig_answer_text if has_answer else "",
      span=(start_position, end_position) if has_answer else None,
      is_impossible=is_impossible,
      gold_answers=() if is_impossible else
      None if orig_answer_text is None else (orig_answer_text,))
  example.first_eid = eid * qa_features.EIDS_PER_QUESTION
  return example


class SQuAD(QATask):
  """SQuAD 2.0: some questions have no answer."""

  has_impossible = True
  file_names = {"train": ("train.json", "train-v2.0.json"),
                "dev": ("dev.json", "dev-v2.0.json"), "test": ("test.json",)}

  def __init__(self, config, tokenizer):
    super().__init__(config, "squad", tokenizer)

  def missing_file_advice(self, split):
    # AraELECTRA's README puts ARCD's files there, for this very task.
    path = os.path.join(self.config.raw_data_dir("squadv1"), split + ".json")
    if not utils.exists(path):
      return super().missing_file_advice(split)
    return ("'squad' is SQuAD 2.0. To read %s as SQuAD 1.1 set \"task_names\": "
            "[\"squadv1\"], for ARCD [\"arcd\"]" % path)


class SQuADv1(QATask):
  """SQuAD 1.1: every question has an answer."""

  file_names = {"train": ("train.json", "train-v1.1.json"),
                "dev": ("dev.json", "dev-v1.1.json"), "test": ("test.json",)}

  def __init__(self, config, tokenizer):
    super().__init__(config, "squadv1", tokenizer)


class ARCD(QATask):
  """The Arabic Reading Comprehension Dataset, in SQuAD 1.1's layout.

  It is published as arcd-train.json and arcd-test.json. The test set is labeled
  and models are compared on it, so it may be used as the dev set.
  """

  file_names = {"train": ("train.json", "arcd-train.json"),
                "dev": ("dev.json", "test.json", "arcd-test.json"),
                "test": ("test.json",)}

  def __init__(self, config, tokenizer):
    super().__init__(config, "arcd", tokenizer)

  def data_folders(self):
    return super().data_folders() + [self.config.raw_data_dir("squadv1")]


class TyDiQA(QATask):
  """The Arabic questions of TyDi QA's gold passage task, in SQuAD's layout."""

  file_names = {
      "train": ("train.json", "tydiqa-goldp-v1.1-train.json",
                "tydiqa-goldp-v1.0-train.json", "tydiqa.goldp.ar.train.json"),
      "dev": ("dev.json", "tydiqa-goldp-dev-arabic.json",
              "tydiqa-goldp-v1.1-dev/tydiqa-goldp-dev-arabic.json",
              "tydiqa-goldp-v1.1-dev.json", "tydiqa-goldp-v1.0-dev.json",
              "tydiqa.goldp.ar.dev.json"),
      "test": ("test.json",)}

  def __init__(self, config, tokenizer):
    super().__init__(config, "tydiqa", tokenizer)

  def keeps(self, qas_id):
    return qas_id.startswith("arabic")


class MRQATask(QATask):
  """A data set in the layout of the MRQA 2019 shared task: .jsonl[.gz]."""

  file_names = {"train": ("train.jsonl", "train.jsonl.gz"),
                "dev": ("dev.jsonl", "dev.jsonl.gz"), "test": ()}

  def __init__(self, config, name, tokenizer, v2=False, declaration=None):
    super().__init__(config, name, tokenizer, v2, declaration)
    if declaration:
      self.file_names = {
          split: task_declaration.packed_or_not(file_name)
          for split, file_name in declaration.files.items()}

  def _read_questions(self, path, is_labeled):
    return mrqa.read_questions(
        path, has_impossible=self.has_impossible, is_labeled=is_labeled,
        version_advice=self.version_advice, encoding=self._encoding)

  def _parse_paragraph(self, paragraph, is_labeled):
    return mrqa.parse_paragraph(paragraph, "Task '%s'" % self.name,
                                is_labeled=is_labeled)


class NewsQA(MRQATask):
  """NewsQA as in the MRQA 2019 shared task."""

  def __init__(self, config, tokenizer):
    super().__init__(config, "newsqa", tokenizer)


class NaturalQuestions(MRQATask):
  """Natural Questions as in the MRQA 2019 shared task."""

  def __init__(self, config, tokenizer):
    super().__init__(config, "naturalqs", tokenizer)


class SearchQA(MRQATask):
  """SearchQA as in the MRQA 2019 shared task."""

  def __init__(self, config, tokenizer):
    super().__init__(config, "searchqa", tokenizer)


class TriviaQA(MRQATask):
  """TriviaQA as in the MRQA 2019 shared task."""

  def __init__(self, config, tokenizer):
    super().__init__(config, "triviaqa", tokenizer)
