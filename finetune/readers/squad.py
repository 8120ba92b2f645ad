"""Reads the questions of a file in SQuAD's JSON layout, 1.1 or 2.0.

Or with one question per row, as in the datasets on Hugging Face:

    {"id": "1", "context": "...", "question": "...",
     "answers": {"text": ["..."], "answer_start": [3]}}

as JSON lines, a list or {"data": list}. There, SQuAD 2.0 has empty lists for
questions without an answer.
"""

import collections
import json

from finetune.readers import lines
from util import utils

_MAX_CHARACTERS_IN_MESSAGE = 100  # of an unexpected value

# A question as written in its file.
#   qas_id, text: str.
#   answer: (text, first character) of the answer to learn, None if there is
#     none.
#   gold_answers: tuple of str, all correct answers; () if the question is
#     unanswerable, None if it is unlabeled.
#   is_impossible: bool, whether it is labeled unanswerable.
Question = collections.namedtuple(
    "Question", ["qas_id", "text", "answer", "gold_answers", "is_impossible"])


def read_questions(path, *, has_impossible=False, is_labeled=True,
                   version_advice=None, encoding=None, dataset=None):
  """Yields the (context, Question) pairs of a file.

  Args:
    path: of a file with {"data": [{"paragraphs": [{"context", "qas": [{"id",
      "question", "answers": [{"text", "answer_start"}]}]}]}]}; SQuAD 2.0 adds
      "is_impossible". "version" and other keys are ignored. Or with rows.
    has_impossible: bool, whether SQuAD 2.0 is required; False requires 1.1.
    is_labeled: bool; False ignores answers, which may be missing.
    version_advice: str, what to do about a file of the other SQuAD version, for
      the error message; None: use the built-in task of that version.
    encoding: as in `lines.read_text`.
    dataset: the parsed content, or part of it; None: that of `path`, which is
      otherwise only for messages.

  Raises:
    utils.UserError: the file is missing, or has another layout or version.
  """
  if dataset is not None:
    pairs = _paragraph_questions(dataset, JsonReader(path), has_impossible,
                                 is_labeled)
    yield from _check_version(pairs, path, has_impossible, is_labeled,
                              version_advice, is_complete=False)
    return
  dataset, locations = lines.load_json(path, encoding)
  if locations == []:
    raise utils.UserError("%s: expected questions, got an empty file." % path)
  elements = dataset.get("data") if isinstance(dataset, dict) else dataset
  if isinstance(elements, list):
    rows = list(zip(locations or ["%s: data[%d]" % (path, i)
                               for i in range(len(elements))], elements))
    if is_row(rows):
      yield from read_rows(rows, path, has_impossible=has_impossible,
                           is_labeled=is_labeled, version_advice=version_advice)
      return
    if _has_key(elements, "qas") or locations and _has_key(elements, "header"):
      raise utils.UserError(
          "%s: has the layout of MRQA, expected that of SQuAD. Declare a task "
          "with \"kind\": \"qa\" and name the file .jsonl." % path)
    if _has_key(elements, "paragraphs"):
      dataset = {"data": elements}
    elif locations and len(elements) == 1:
      dataset = elements[0]
  pairs = _paragraph_questions(dataset, JsonReader(path), has_impossible,
                               is_labeled)
  yield from _check_version(pairs, path, has_impossible, is_labeled,
                            version_advice)


def is_row(elements):
  """Returns whether the first of [(place, JSON)] is a row with one question."""
  first = [value for _, value in elements[:1]]
  return _has_key(first, "context") and _has_key(first, "question")


def check_is_not_squad(elements):
  """Raises a UserError if [(place, JSON)] are the articles of SQuAD."""
  if _has_key([value for _, value in elements[:1]], "paragraphs"):
    raise utils.UserError(
        "%s: has the layout of SQuAD, expected that of MRQA. Declare a task "
        "with \"kind\": \"qa\" and name the file .json." % elements[0][0])


def read_rows(rows, path, *, has_impossible=False, is_labeled=True,
              version_advice=None):
  """Yields the (context, Question) pairs of rows with one question each.

  Args:
    rows: list of (place, parsed JSON).
    path: str, of their file, for messages.
    has_impossible, is_labeled, version_advice: as in `read_questions`.

  Raises:
    utils.UserError: as in `read_questions`.
  """
  yield from _check_version(
      (_parse_row(JsonReader(place), row, has_impossible, is_labeled)
       for place, row in rows),
      path, has_impossible, is_labeled, version_advice)


def _has_key(elements, key):
  """Returns whether the first of a list of parsed JSON has a key."""
  return bool(elements) and isinstance(elements[0], dict) and key in elements[0]


def _paragraph_questions(dataset, json_reader, has_impossible, is_labeled):
  """Yields (context, Question, its path, whether it may be impossible)."""
  for article, where_article in json_reader.items(dataset, "data", ""):
    for paragraph, where in json_reader.items(
        article, "paragraphs", where_article):
      context = json_reader.get(paragraph, "context", str, where)
      for element, where_question in json_reader.items(
          paragraph, "qas", where):
        yield context, _parse_question(
            json_reader, element, where_question, has_impossible,
            is_labeled), json_reader.place(where_question), (
                "is_impossible" in element)


def _parse_row(json_reader, row, has_impossible, is_labeled):
  """Returns (context, Question, its path, whether it is impossible)."""
  context = json_reader.get(row, "context", str, "")
  if is_labeled:
    answers = json_reader.get(row, "answers", (dict, list), "")
    if isinstance(answers, dict):
      texts = json_reader.get(answers, "text", list, "answers")
      starts = json_reader.get(answers, "answer_start", list, "answers")
      if len(texts) != len(starts):
        json_reader.fail("answers", "as many numbers in \"answer_start\" as "
                         "texts", answers)
      answers = [{"text": text, "answer_start": start}
                 for text, start in zip(texts, starts)]
    row = dict(row, answers=answers)
    row.setdefault("is_impossible", not answers)
  question = _parse_question(json_reader, row, "", has_impossible, is_labeled)
  return context, question, json_reader.place(""), question.is_impossible


def _check_version(pairs, path, has_impossible, is_labeled, version_advice,
                   is_complete=True):
  """Yields (context, Question); raises a UserError for the other version."""
  num_questions = num_marked = 0
  for context, question, place, is_marked in pairs:
    if question.is_impossible and not has_impossible:
      raise utils.UserError(
          "%s: the question is impossible, but the task is SQuAD 1.1, where "
          "every question has an answer; %s." % (
              place, version_advice or
              "for SQuAD 2.0 set \"task_names\": [\"squad\"] (files in "
              "finetuning_data/squad)"))
    num_questions += 1
    num_marked += is_marked
    yield context, question
  if has_impossible and is_labeled and num_questions and not num_marked and (
      is_complete):
    raise utils.UserError(
        "%s: the task is SQuAD 2.0, but no question has \"is_impossible\", as "
        "in SQuAD 1.1; %s." % (path, version_advice or (
            "for SQuAD 1.1 set \"task_names\": [\"squadv1\"] (files in "
            "finetuning_data/squadv1), for ARCD \"task_names\": [\"arcd\"] "
            "(files in finetuning_data/arcd or squadv1)")))


def _parse_question(json_reader, element, where, has_impossible, is_labeled):
  """Returns the Question of one element of "qas"."""
  qas_id = json_reader.get(element, "id", (str, int), where)
  text = json_reader.get(element, "question", str, where)
  # Without the key a question is answerable: people add SQuAD 1.1 files to
  # SQuAD 2.0 ones.
  is_impossible = (is_labeled and "is_impossible" in element and
                   json_reader.get(element, "is_impossible", bool, where))
  answer = gold_answers = None
  if is_impossible:
    gold_answers = ()
  elif is_labeled:
    answers = [(json_reader.get(item, "text", str, where_answer),
                json_reader.get(item, "answer_start", int, where_answer))
               for item, where_answer in json_reader.items(
                   element, "answers", where)]
    if not answers:
      json_reader.fail(where, "at least one answer%s" % (
          " or \"is_impossible\": true" * has_impossible), [])
    answer, gold_answers = answers[0], tuple(text for text, _ in answers)
  return Question(str(qas_id), text, answer, gold_answers, is_impossible)


class JsonReader:
  """Gets values from parsed JSON and checks their types.

  Errors name the file and the path within it, such as "data[0].paragraphs[1]".
  """

  _TYPE_NAMES = {str: "a string", int: "an integer", list: "a list",
                 bool: "true or false", (str, int): "a string or integer",
                 (dict, list): "an object or a list"}

  def __init__(self, place):
    """Keeps `place`, the "path" or "path:line" that errors begin with."""
    self._place = place

  def get(self, element, key, expected_type, where):
    """Returns `element[key]`.

    Args:
      element: parsed JSON; must be a dict.
      key: str.
      expected_type: a key of `_TYPE_NAMES`.
      where: str, the path to `element` within the file, "" for the root.

    Raises:
      utils.UserError: the key is missing, or its value has another type.
    """
    if not isinstance(element, dict):
      self.fail(where, "an object with key \"%s\"" % key, element)
    if key not in element:
      self.fail(where, "key \"%s\"" % key, element)
    value = element[key]
    if not isinstance(value, expected_type) or (
        isinstance(value, bool) and expected_type is not bool):
      self.fail(where, "\"%s\" to be %s" % (
          key, self._TYPE_NAMES[expected_type]), value)
    return value

  def items(self, element, key, where):
    """Yields (item, its path within the file) of the list `element[key]`."""
    prefix = where + "." if where else ""
    for i, item in enumerate(self.get(element, key, list, where)):
      yield item, "%s%s[%d]" % (prefix, key, i)

  def place(self, where):
    """Returns the file and a path within it, for messages."""
    return ": ".join(filter(None, [self._place, where]))

  def fail(self, where, expected, value):
    """Raises the UserError for a value that is not what was expected."""
    text = json.dumps(value, ensure_ascii=False)
    if isinstance(value, dict):
      text = "an object with keys %s" % (", ".join(sorted(value)) or "(none)")
    if len(text) > _MAX_CHARACTERS_IN_MESSAGE:
      text = text[:_MAX_CHARACTERS_IN_MESSAGE] + "..."
    raise utils.UserError("%s: expected %s, got %s." % (
        self.place(where), expected, text))
