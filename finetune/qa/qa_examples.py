"""Reads questions and their answers: SQuAD 1.1 and 2.0, and MRQA files."""

import collections
import gzip
import json
import re
import zlib

from finetune import task
from util import utils

# What separates words in a context: white space as the reference's reader for
# SQuAD knows it. NO-BREAK SPACE and others are part of a word here (they are
# split off later, by the tokenizer), so that features and predictions are the
# reference's; `str.split` differs on ARCD's contexts.
WHITE_SPACE = frozenset(" \t\r\n\u202f")
MAX_NAMED_IDS = 5  # in messages

# A question as it stands in a file. `answer`: (text, first character) of the
# one to learn, None if there is none; `gold_answers` as in QAExample.
_Question = collections.namedtuple(
    "_Question", ["qas_id", "text", "answer", "gold_answers", "is_impossible"])


class QAExample(task.Example):
  """A question about a context.

  Attributes:
    eid: int, the place of the question in its file.
    qas_id: str, the id of the question in its file.
    question: str.
    cleaned_question: str, what the model gets to read of it.
    words: Words of the context, shared by all its questions.
    answer_text: str, the answer to learn, as it stands in `words`; "" if there
      is none.
    span: (first word, last word) of that answer in the context; None where
      there is none or it was not found.
    is_impossible: bool, whether the context has no answer.
    gold_answers: tuple of str, all answers that count as right; () where there
      is none, None where that is not known.
    first_eid: int, the number of the question's first window; the next
      question's is larger than that of the last.
  """

  def __init__(self, task_name, *, eid, qas_id, question, words,
               cleaned_question=None, answer_text="", span=None,
               is_impossible=False, gold_answers=None):
    super().__init__(task_name)
    self.eid = eid
    self.qas_id = qas_id
    self.question = question
    self.cleaned_question = (question if cleaned_question is None else
                             cleaned_question)
    self.words = words
    self.answer_text = answer_text
    self.span = span
    self.is_impossible = is_impossible
    self.gold_answers = gold_answers
    self.first_eid = eid


class Words:
  """The words of a context, and which of them each character is in.

  Attributes:
    context: str, as the file has it.
    words: tuple of str, what the model gets to read.
    num_characters: int, of what it gets to read, white space included.
  """

  def __init__(self, context):
    self.context = context
    self.words = []
    self._word_of_character = []
    self._starts_of_words = []  # characters
    in_word = False
    for i, char in enumerate(context):
      if char in WHITE_SPACE:
        in_word = False
      elif in_word:
        self.words[-1].append(char)
      else:
        self.words.append([char])
        self._starts_of_words.append(i)
        in_word = True
      # White space counts to the word before it.
      self._word_of_character.append(len(self.words) - 1)
    self.words = tuple(map("".join, self.words))
    self.num_characters = len(context)

  def find(self, answer, start):
    """Returns (first word, last word) of an answer, None if it is not there.

    The words may hold more than the answer, such as punctuation; white space
    and case may differ.

    Args:
      answer: str, the text of the answer.
      start: int, where it starts in the context, in characters.
    """
    if not answer.strip() or start < 0:
      return None
    end = self._end_of(answer, start)
    if end >= len(self._word_of_character):
      return None
    first = max(0, self._word_of_character[start])
    last = self._word_of_character[end]
    # A word may hold a no-break space, which is white space to `split`.
    found = " ".join(" ".join(self.words[first:last + 1]).split()).lower()
    if " ".join(answer.split()).lower() not in found:
      return None
    return first, last

  def _end_of(self, answer, start):
    """Returns the place of the last character of an answer."""
    if not self.context.startswith(answer, start):
      # There may be two spaces in the context for one in the answer.
      found = re.compile(r"\s+".join(map(re.escape, answer.split())),
                         re.IGNORECASE).match(self.context, start)
      if found:
        return found.end() - 1
    return start + len(answer) - 1

  def locate(self, answer, start):
    """Returns the Located answer, None if it is not there; see `find`."""
    span = self.find(answer, start)
    return span and Located(answer, span, is_moved=False)

  def text(self, first, last, start=0, end=None):
    """Returns a part of words `first` to `last`, as the context has it.

    Args:
      first, last: int, words.
      start, end: int, the part of the words with single spaces between them,
        in characters; all of them by default.
    """
    return " ".join(self.words[first:last + 1])[start:end]


# An answer among the Words of a context: its text there, (first, last) word,
# and whether the file has another place for it.
Located = collections.namedtuple("Located", ["text", "span", "is_moved"])


def read_squad(path, task_name, *, is_training, has_impossible=False,
               is_labeled=True, version_advice=None, keep_fn=None,
               max_questions=None, cleaning=None):
  """Returns the QAExamples of a file in SQuAD's JSON layout.

  Args:
    path: of a file with {"data": [{"paragraphs": [{"context", "qas": [{"id",
      "question", "answers": [{"text", "answer_start"}]}]}]}]}; SQuAD 2.0 adds
      "is_impossible". "version" and other keys are passed over.
    task_name: str.
    is_training: bool; True leaves out questions whose answer is not found.
    has_impossible: bool, whether the task is SQuAD 2.0's.
    is_labeled: bool, False if there need not be answers.
    version_advice: str, what to do about a file of the other version of SQuAD,
      for the message; None: use the task of that version.
    keep_fn: function of a question's id, whether to read it; None: all.
    max_questions: int, the number to stop at; None: all.
    cleaning: cleaned_words.Cleaning of the texts; None: they stay as they are.

  Raises:
    utils.UserError: the file is missing, is not in this layout or not of the
      task's version of SQuAD; a question's id stands there twice (in training
      that is only said); there are no questions, or only blank answers.
  """
  reader = _SquadReader(path, has_impossible, is_labeled, version_advice)
  questions = _kept(reader.questions(), keep_fn, max_questions)
  reader.check_version()
  return _examples(questions, path, task_name, is_training, cleaning)


def read_mrqa(path, task_name, *, is_training, is_labeled=True,
              max_questions=None, cleaning=None):
  """Returns the QAExamples of an MRQA file: one JSON object a line.

  A first line with a "header" may be there or not; a path that ends in .gz is
  unpacked. The answer to learn is the first detected answer's first span.

  Args: as in `read_squad`.

  Raises:
    utils.UserError: as in `read_squad`.
  """
  questions = _kept(_mrqa_questions(path, is_labeled), None, max_questions)
  return _examples(questions, path, task_name, is_training, cleaning)


def squad_texts(path, keep_fn=None):
  """Returns [(context, question)] of a file as `read_squad` takes it.

  Raises:
    utils.UserError: the file is missing or not in this layout.
  """
  reader = _SquadReader(path, has_impossible=True, is_labeled=False)
  return [(context, question.text) for context, question in reader.questions()
          if keep_fn is None or keep_fn(question.qas_id)]


def mrqa_texts(path):
  """Returns [(context, question)] of an MRQA file; see `squad_texts`."""
  return [(context, question.text) for context, question in
          _mrqa_questions(path, is_labeled=False)]


def _kept(questions, keep_fn, max_questions):
  """Returns a list of the (context, _Question) that are asked for."""
  kept, left_out = [], []
  for context, question in questions:
    if keep_fn is not None and not keep_fn(question.qas_id):
      left_out.append(question.qas_id)
    elif max_questions is None or len(kept) < max_questions:
      kept.append((context, question))
  if left_out:
    utils.log("Left out %d questions that are not of this task (%s)" % (
        len(left_out), _some_of(left_out)))
  return kept


def _examples(questions, path, task_name, is_training, cleaning):
  """Returns the QAExamples of (context, _Question); says what was read."""
  examples, moved, not_found = [], [], []
  words_of = {}  # by context; a paragraph's questions share theirs
  for context, question in questions:
    if context not in words_of:
      words_of[context] = cleaning.words(context) if cleaning else (
          Words(context))
    words = words_of[context]
    located = question.answer and words.locate(*question.answer)
    is_lost = not located and not question.is_impossible
    if is_lost and (is_training or question.answer):
      not_found.append(question.qas_id)
    if is_lost and is_training:
      continue
    if located and located.is_moved:
      moved.append(question.qas_id)
    examples.append(QAExample(
        task_name, eid=len(examples), qas_id=question.qas_id,
        question=question.text,
        cleaned_question=cleaning and cleaning.clean(question.text),
        words=words, answer_text=located.text if located else "",
        span=located.span if located else None,
        is_impossible=question.is_impossible,
        gold_answers=question.gold_answers))
  _check(examples, questions, path, is_training)
  message = "Read %d questions from %s" % (len(examples), path)
  if moved:
    message += ("; the answers of %d were found elsewhere than at their "
                "answer_start (%s)" % (len(moved), _some_of(moved)))
  if not_found:
    message += "; %s %d whose answer is not %s (%s)" % (
        "left out" if is_training else "among them", len(not_found),
        "in the cleaned context" if cleaning else "at its place in the context",
        _some_of(not_found))
  utils.log(message)
  return examples


def _check(examples, questions, path, is_training):
  """Raises a UserError if the examples are no use."""
  if not questions:
    raise utils.UserError("%s: expected questions, found none." % path)
  if not examples:
    raise utils.UserError(
        "%s: expected answers that stand at their answer_start in the context, "
        "found none among %d questions." % (path, len(questions)))
  count = collections.Counter(q.qas_id for _, q in questions)
  repeated = [qas_id for qas_id, times in count.items() if times > 1]
  if repeated and is_training:
    utils.log("%s: %d question ids stand there more than once (%s)" % (
        path, len(repeated), _some_of(repeated)))
  elif repeated:
    raise utils.UserError(
        "%s: expected every question id once, found %d more than once (%s); "
        "predictions are told apart by them." % (
            path, len(repeated), _some_of(repeated)))
  answers = [text for example in examples if not example.is_impossible
             for text in example.gold_answers or ()]
  if answers and not any(map(str.strip, answers)):
    raise utils.UserError(
        "%s: expected answers, found %d that are all blank (XTREME publishes "
        "its files so); there is nothing to score." % (path, len(answers)))


def _some_of(ids):
  return ", ".join(ids[:MAX_NAMED_IDS]) + ", ..." * (len(ids) > MAX_NAMED_IDS)


class _SquadReader:
  """Walks through one file in SQuAD's layout and checks it on the way."""

  def __init__(self, path, has_impossible, is_labeled, version_advice=None):
    self._path = path
    self._version_advice = version_advice
    self._has_impossible = has_impossible
    self._is_labeled = is_labeled
    self._num_marked = 0  # questions that say whether they are impossible
    self._num_questions = 0

  def questions(self):
    """Yields the (context, _Question) of the file."""
    dataset = utils.load_json(self._path)
    checked = _Checked(self._path)
    for article, where in checked.items(dataset, "data", ""):
      for paragraph, where in checked.items(article, "paragraphs", where):
        context = checked.get(paragraph, "context", str, where)
        for question, where_question in checked.items(paragraph, "qas", where):
          yield context, self._question(checked, question, where_question)

  def check_version(self):
    """Raises a UserError if a SQuAD 2.0 task was given a SQuAD 1.1 file."""
    if (self._has_impossible and self._is_labeled and self._num_questions and
        not self._num_marked):
      raise utils.UserError(
          "%s: expected SQuAD 2.0, where questions have \"is_impossible\", got "
          "SQuAD 1.1; %s." % (self._path, self._version_advice or (
              "for SQuAD 1.1 set \"task_names\": [\"squadv1\"] (files in "
              "finetuning_data/squadv1), for ARCD \"task_names\": [\"arcd\"] "
              "(files in finetuning_data/arcd or squadv1)")))

  def _question(self, checked, question, where):
    qas_id = checked.get(question, "id", (str, int), where)
    text = checked.get(question, "question", str, where)
    self._num_questions += 1
    self._num_marked += "is_impossible" in question
    # Absent means answerable: SQuAD 1.1 files are added to SQuAD 2.0 ones.
    is_impossible = (self._is_labeled and "is_impossible" in question and
                     checked.get(question, "is_impossible", bool, where))
    if is_impossible and not self._has_impossible:
      raise utils.UserError(
          "%s: %s: expected SQuAD 1.1, where every question has an answer, got "
          "an impossible one; %s." % (
              self._path, where, self._version_advice or
              "for SQuAD 2.0 set \"task_names\": [\"squad\"] (files in "
              "finetuning_data/squad)"))
    answer = gold_answers = None
    if is_impossible:
      gold_answers = ()
    elif self._is_labeled:
      answers = self._answers(checked, question, where)
      answer, gold_answers = answers[0], tuple(text for text, _ in answers)
    return _Question(str(qas_id), text, answer, gold_answers, is_impossible)

  def _answers(self, checked, question, where):
    """Returns [(text, start)] of an answerable question, at least one."""
    answers = [(checked.get(answer, "text", str, where_answer),
                checked.get(answer, "answer_start", int, where_answer))
               for answer, where_answer in checked.items(
                   question, "answers", where)]
    if not answers:
      raise utils.UserError(
          "%s: %s: expected at least one answer%s, got none." % (
              self._path, where,
              " or \"is_impossible\": true" * self._has_impossible))
    return answers


def _mrqa_questions(path, is_labeled):
  """Yields the (context, _Question) of an MRQA file; blank lines are none."""
  lines = ((number, line) for number, line in enumerate(_lines(path), 1)
           if line.strip())
  for index, (number, line) in enumerate(lines):
    place = "%s:%d" % (path, number)
    element = _parse_line(line, place)
    if index == 0 and "header" in element:
      continue
    checked = _Checked(place)
    context = checked.get(element, "context", str, "")
    for question, where in checked.items(element, "qas", ""):
      yield context, _mrqa_question(checked, question, where, context,
                                  is_labeled)


def _lines(path):
  """Yields the lines of a file as bytes, unpacked if it ends in .gz.

  Raises:
    utils.UserError: it is missing, or named .gz and not packed or cut off.
  """
  with utils.open_file(path, "rb") as f:
    if not path.endswith(".gz"):
      yield from f
      return
    try:
      yield from gzip.GzipFile(fileobj=f)
    except (OSError, EOFError, zlib.error) as error:
      raise utils.UserError("%s: expected a whole gzip file: %s." % (
          path, error))


def _parse_line(line, place):
  """Returns the JSON object of a line.

  Raises:
    utils.UserError: it is none.
  """
  element = utils.parse_json(line, place, is_line=True)
  if not isinstance(element, dict):
    raise utils.UserError("%s: expected a JSON object, got %s." % (
        place, type(element).__name__))
  return element


def _mrqa_question(checked, question, where, context, is_labeled):
  """Returns the _Question of one of MRQA's "qas"."""
  answer = None
  if not is_labeled:
    return _Question(checked.get(question, "qid", str, where),
                     checked.get(question, "question", str, where),
                     None, None, False)
  span = _first_detected_span(checked, question, where)
  if span:
    # The text in the span is what can be found there: the detected answer's
    # own text may have another case or an article more.
    start, end = span  # the end is inclusive
    answer = context[start:end + 1], start
  gold_answers = tuple(checked.get(question, "answers", list, where))
  if not gold_answers or not all(isinstance(a, str) for a in gold_answers):
    checked.fail(where, "\"answers\" to be one or more strings",
                 list(gold_answers))
  return _Question(checked.get(question, "qid", str, where),
                   checked.get(question, "question", str, where),
                   answer, gold_answers, False)


def _first_detected_span(checked, question, where):
  """Returns [first, last character] of the first detected answer, or None."""
  for detected, where_detected in checked.items(
      question, "detected_answers", where):
    for span, where_span in checked.items(
        detected, "char_spans", where_detected):
      if not (isinstance(span, list) and list(map(type, span)) == [int, int]):
        checked.fail(where_span, "[first, last] character, two whole numbers",
                     span)
      return span
  return None


class _Checked:
  """Reads values out of parsed JSON; errors say where what was expected."""

  _KINDS = {str: "a string", int: "a whole number", list: "a list",
            bool: "true or false", (str, int): "a string or whole number"}

  def __init__(self, path):
    self._path = path

  def get(self, element, key, kind, where):
    """Returns `element[key]`, of type `kind`.

    Args:
      element: parsed JSON, expected to be a dict.
      key: str.
      kind: a key of `_KINDS`.
      where: str, the path to `element` within the file, "" for all of it.

    Raises:
      utils.UserError: the key is missing or its value of another type.
    """
    if not isinstance(element, dict):
      self.fail(where, "an object with key \"%s\"" % key, element)
    if key not in element:
      self.fail(where, "key \"%s\"" % key, element)
    value = element[key]
    if not isinstance(value, kind) or (
        isinstance(value, bool) and kind is not bool):
      self.fail(where, "\"%s\" to be %s" % (key, self._KINDS[kind]), value)
    return value

  def fail(self, where, expected, got):
    """Raises the UserError that something else stands at `where`."""
    shown = json.dumps(got, ensure_ascii=False)
    if isinstance(got, dict):
      shown = "an object with keys %s" % (", ".join(sorted(got)) or "(none)")
    raise utils.UserError("%s: expected %s, got %s" % (
        ": ".join(filter(None, [self._path, where])), expected,
        shown if len(shown) <= 100 else shown[:100] + "..."))

  def items(self, element, key, where):
    """Yields (item, its path within the file) of the list `element[key]`."""
    prefix = where + "." if where else ""
    for i, item in enumerate(self.get(element, key, list, where)):
      yield item, "%s%s[%d]" % (prefix, key, i)
