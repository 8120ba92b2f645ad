"""The examples of question answering tasks, and how answers are located.

An answer comes as text and the character it starts at; an example has it as a
span of words of its context.
"""

import collections
import re

from finetune import task
from util import utils

# Word separators, those of the reference's SQuAD reader. NO-BREAK SPACE and
# other spaces are part of a word here (the tokenizer splits them off later), so
# that features and predictions are the reference's. `str.split` gives other
# words for contexts of ARCD.
WHITE_SPACE = frozenset(" \t\r\n\u202f")
MAX_IDS_IN_MESSAGE = 5

# An answer located in the Words of a context.
#   text: str, the answer as the model reads it.
#   span: (first word, last word).
#   is_moved: bool, whether it is not at the position given in the file.
Located = collections.namedtuple("Located", ["text", "span", "is_moved"])


class QAExample(task.Example):
  """A question about a context.

  Attributes:
    eid: int, the index of the question among those read.
    qas_id: str, the id of the question in its file.
    question: str.
    cleaned_question: str, the question as the model reads it.
    words: Words of the context, shared by all its questions.
    answer_text: str, the answer to learn as in `words`; "" if there is none.
    span: (first word, last word) of that answer in the context; None if there
      is none or it was not located.
    is_impossible: bool, whether the context has no answer.
    gold_answers: tuple of str, all correct answers; () if there is none, None
      if they are unknown.
    first_eid: int, the eid of the question's first window; see
      `qa_features.Featurizer.number`.
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
  """The words of a context, and the word of each of its characters.

  Attributes:
    context: str, as in the file.
    words: tuple of str, as the model reads them.
    num_characters: int, length of the text that the model reads.
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
      # White space belongs to the word before it.
      self._word_of_character.append(len(self.words) - 1)
    self.words = tuple(map("".join, self.words))
    self.num_characters = len(context)

  def find(self, answer, start):
    """Returns (first word, last word) of an answer, None if not at `start`.

    The words may contain more than the answer, such as punctuation; white space
    and case may differ.

    Args:
      answer: str, the text of the answer.
      start: int, the index of its first character in the context.
    """
    if not answer.strip() or start < 0:
      return None
    end = self._end_of(answer, start)
    if end >= len(self._word_of_character):
      return None
    first = max(0, self._word_of_character[start])
    last = self._word_of_character[end]
    # A word may contain a no-break space, which is white space to `split`.
    text = " ".join(" ".join(self.words[first:last + 1]).split()).lower()
    if " ".join(answer.split()).lower() not in text:
      return None
    return first, last

  def _end_of(self, answer, start):
    """Returns the index of the last character of an answer."""
    if not self.context.startswith(answer, start):
      # The context may have two spaces where the answer has one.
      match = re.compile(r"\s+".join(map(re.escape, answer.split())),
                         re.IGNORECASE).match(self.context, start)
      if match:
        return match.end() - 1
    return start + len(answer) - 1

  def locate(self, answer, start):
    """Returns the Located answer, None if it is not at `start`; see `find`."""
    span = self.find(answer, start)
    return span and Located(answer, span, is_moved=False)

  def locate_in_context(self, first, last, start=0, end=None):
    """Returns (start, end) in the context of words `first` to `last`.

    In characters; `context[start:end]` is their text as written there.

    Args:
      first, last: int, words.
      start, end: int, slice of these words joined by single spaces, in
        characters; by default all of it.
    """
    if end is None:
      end = sum(map(len, self.words[first:last + 1])) + last - first
    return (self._character_of(first, start),
            self._character_of(first, end - 1) + 1)

  def _character_of(self, first, offset):
    """Returns the index, in the text that the model reads, of a character.

    Args:
      first: int, the first of some words.
      offset: int, the index of the character in the words joined by spaces.
    """
    for word in range(first, len(self.words)):
      if offset < len(self.words[word]):
        return self._starts_of_words[word] + offset
      offset -= len(self.words[word]) + 1
    raise AssertionError("no character %d in the words" % offset)


def build_located(questions, task_name, *, is_training, cleaning=None,
                  first_eid=0):
  """Returns the QAExamples of questions after their answers are located.

  Args:
    questions, task_name, is_training, cleaning: as in `build_examples`.
    first_eid: int, the eid of the first example.

  Returns:
    (examples, moved, lost): the examples, and the ids of the questions whose
    answer is elsewhere than at its answer_start, or not found.
  """
  examples, moved, lost = [], [], []
  words_of = {}  # by context; a paragraph's questions share theirs
  for context, question in questions:
    if context not in words_of:
      words_of[context] = cleaning.words(context) if cleaning else (
          Words(context))
    words = words_of[context]
    located = question.answer and words.locate(*question.answer)
    is_lost = not located and not question.is_impossible
    if is_lost and (is_training or question.answer):
      lost.append(question.qas_id)
    if is_lost and is_training:
      continue
    if located and located.is_moved:
      moved.append(question.qas_id)
    examples.append(QAExample(
        task_name, eid=first_eid + len(examples), qas_id=question.qas_id,
        question=question.text,
        cleaned_question=cleaning and cleaning.clean(question.text),
        words=words, answer_text=located.text if located else "",
        span=located.span if located else None,
        is_impossible=question.is_impossible,
        gold_answers=question.gold_answers))
  return examples, moved, lost


def build_examples(questions, path, task_name, *, is_training, keep_fn=None,
                   max_questions=None, cleaning=None):
  """Returns the QAExamples of a file and logs what was read and skipped.

  Args:
    questions: iterable of (context, readers.squad.Question).
    path: str, the file they come from, for messages.
    task_name: str.
    is_training: bool; True skips questions whose answer is not located.
    keep_fn: function of a question's id, whether to keep it; None: all.
    max_questions: int, the maximum number of questions; None: all.
    cleaning: cleaned_context.Cleaning of the texts; None: no cleaning.

  Raises:
    utils.UserError: there are no questions or only blank answers, or a
      question's id is repeated (in training that is only logged).
  """
  kept = _select(questions, keep_fn, max_questions)
  examples, moved, lost = build_located(
      kept, task_name, is_training=is_training, cleaning=cleaning)
  _check_examples(examples, kept, path, is_training)
  message = "Read %d questions from %s" % (len(examples), path)
  num_several = sum(len(set(e.gold_answers or ())) > 1 for e in examples)
  if is_training and num_several:
    message += "; the first answer is learned of %d that have several" % (
        num_several)
  if moved:
    message += "; %d answers are elsewhere than at their answer_start (%s)" % (
        len(moved), format_ids(moved))
  if lost:
    message += "; %s %d whose answer is not %s (%s)" % (
        "skipped" if is_training else "including", len(lost),
        "in the cleaned context" if cleaning else "at its answer_start",
        format_ids(lost))
  utils.log(message)
  return examples


def _select(questions, keep_fn, max_questions):
  """Returns the list of the (context, Question) pairs to use."""
  kept, skipped = [], []
  for context, question in questions:
    if keep_fn is not None and not keep_fn(question.qas_id):
      skipped.append(question.qas_id)
    elif max_questions is None or len(kept) < max_questions:
      kept.append((context, question))
  if skipped:
    utils.log("Skipped %d questions that are not part of this task (%s)" % (
        len(skipped), format_ids(skipped)))
  return kept


def _check_examples(examples, questions, path, is_training):
  """Raises a UserError if the examples cannot be used."""
  if not questions:
    raise utils.UserError("%s: expected questions, found none." % path)
  if not examples:
    raise utils.UserError(
        "%s: none of the answers to %d questions is at its answer_start in the "
        "context." % (path, len(questions)))
  count = collections.Counter(q.qas_id for _, q in questions)
  repeated = [qas_id for qas_id, times in count.items() if times > 1]
  if repeated and is_training:
    utils.log("%s: %d question ids are repeated (%s)" % (
        path, len(repeated), format_ids(repeated)))
  elif repeated:
    raise utils.UserError(
        "%s: %d question ids are repeated (%s). Make them unique: predictions "
        "are stored by id." % (path, len(repeated), format_ids(repeated)))
  answers = [text for example in examples if not example.is_impossible
             for text in example.gold_answers or ()]
  if answers and not any(map(str.strip, answers)):
    raise utils.UserError(
        "%s: all %d answers are blank (XTREME publishes its files like this), "
        "so predictions cannot be scored." % (path, len(answers)))


def format_ids(ids):
  """Returns the first ids as text."""
  return ", ".join(ids[:MAX_IDS_IN_MESSAGE]) + (
      ", ..." * (len(ids) > MAX_IDS_IN_MESSAGE))
