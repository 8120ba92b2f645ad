"""Training questions whose context is scored too, so that scores flatter.

ARCD as released has such contexts in both its parts; and whoever joins data
sets may join one's test set with the other's training set.
"""

import collections
import re

from util import utils

HPARAM = "drop_leaked_questions"

# Of a training set against what is scored.
#   questions: set of places of training questions with a shared context.
#   num_same: int, how many of them are asked there as well.
#   num_contexts, num_all_contexts: int, shared contexts of the training set.
Leaks = collections.namedtuple(
    "Leaks", ["questions", "num_same", "num_contexts", "num_all_contexts"])

# Texts are the same whatever their punctuation, white space, case, diacritics
# and tatweel.
_NO_LETTERS = re.compile("[\\W_\u0640]+")


def find(training, scored):
  """Returns the Leaks between two sets of questions.

  Args:
    training: list of (context, question).
    scored: iterable of (context, question).
  """
  key_of = _Keys()
  questions_of = collections.defaultdict(set)  # by context
  for context, question in scored:
    questions_of[key_of[context]].add(key_of[question])
  leaked = {i for i, (context, _) in enumerate(training)
            if key_of[context] in questions_of}
  same = [i for i in leaked if key_of[training[i][1]] in
          questions_of[key_of[training[i][0]]]]
  contexts = {key_of[context] for context, _ in training}
  return Leaks(leaked, len(same), len(contexts & set(questions_of)),
               len(contexts))


def report(task_name, leaks, num_questions, scored_paths, is_dropped):
  """Says how many training questions leak; nothing if none does.

  Args:
    task_name: str.
    leaks: Leaks.
    num_questions: int, of the training set.
    scored_paths: list of the files with what is scored.
    is_dropped: bool, whether the questions are left out of the training.
  """
  if not leaks.questions:
    return
  cure = "they are left out of the training" if is_dropped else (
      "scores there flatter the model; \"%s\": true leaves them out" % HPARAM)
  utils.log(
      "Warning: task '%s': %d of %d training questions are on a context of %s "
      "(%d of %d contexts), %d of them the same question; %s" % (
          task_name, len(leaks.questions), num_questions,
          " or ".join(scored_paths), leaks.num_contexts,
          leaks.num_all_contexts, leaks.num_same, cure))


class _Keys(dict):
  """What is compared of a text; a context is looked up for each question."""

  def __missing__(self, text):
    self[text] = key = _NO_LETTERS.sub("", text).lower()
    return key
