"""Reads the questions of an MRQA 2019 file: one JSON object per line."""

from finetune.readers import lines
from finetune.readers import squad
from util import utils


def read_questions(path, *, is_labeled=True, encoding=None, **rows_arguments):
  """Yields the (context, squad.Question) pairs of a file.

  The answer to learn is the first span of the first detected answer. A first
  line with a "header" is optional; blank lines are ignored. Rows with one
  question each are read as by `squad.read_questions`.

  Args:
    path: of a JSON lines file, as it is or compressed.
    is_labeled: bool; False ignores answers, which may be missing.
    encoding: as in `lines.read_text`.
    **rows_arguments: of `squad.read_rows`.

  Raises:
    utils.UserError: the file is missing, or a line has another layout.
  """
  elements = lines.read_objects(path, encoding)
  if squad.is_row(elements):
    yield from squad.read_rows(elements, path, is_labeled=is_labeled,
                               **rows_arguments)
    return
  squad.check_is_not_squad(elements)
  for index, (place, element) in enumerate(elements):
    if not isinstance(element, dict):
      raise utils.UserError("%s: expected a JSON object, got %s." % (
          place, type(element).__name__))
    if index == 0 and "header" in element:
      continue
    yield from parse_paragraph(element, place, is_labeled=is_labeled)


def parse_paragraph(element, place, *, is_labeled=True):
  """Yields the (context, squad.Question) pairs of one line's JSON object.

  Args:
    element: dict.
    place: str, "path:line", for messages.
    is_labeled: as in `read_questions`.
  """
  json_reader = squad.JsonReader(place)
  context = json_reader.get(element, "context", str, "")
  for question, where in json_reader.items(element, "qas", ""):
    yield context, _parse_question(json_reader, question, where, context,
                                   is_labeled)


def _parse_question(json_reader, element, where, context, is_labeled):
  """Returns the squad.Question of one element of "qas"."""
  answer = gold_answers = None
  if is_labeled:
    span = _first_detected_span(json_reader, element, where)
    if span:
      # The text of the span, not the detected answer's own text, which may
      # differ in case or add an article, so it may not be in the context.
      start, end = span  # inclusive
      answer = context[start:end + 1], start
    gold_answers = tuple(json_reader.get(element, "answers", list, where))
    if not gold_answers or not all(isinstance(a, str) for a in gold_answers):
      json_reader.fail(where, "\"answers\" to be one or more strings",
                       list(gold_answers))
  return squad.Question(json_reader.get(element, "qid", str, where),
                        json_reader.get(element, "question", str, where),
                        answer, gold_answers, is_impossible=False)


def _first_detected_span(json_reader, element, where):
  """Returns [first, last character] of the first detected answer, or None."""
  for detected, where_detected in json_reader.items(
      element, "detected_answers", where):
    for span, where_span in json_reader.items(
        detected, "char_spans", where_detected):
      if not (isinstance(span, list) and list(map(type, span)) == [int, int]):
        json_reader.fail(where_span, "two integers, [first, last] character",
                         span)
      return span
  return None
