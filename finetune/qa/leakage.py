"""Finds training questions whose context is also in a dev or test set.

They inflate the scores. ARCD as released shares contexts between its training
and test sets, and a mix of data sets may train on one's test set.
"""

import collections
import re

from util import utils

HPARAM = "drop_leaked_questions"

# Overlap of a training set with the scored sets.
#   questions: set of indices of training questions with a shared context.
#   num_same: int, how many of them are also scored.
#   num_contexts: int, shared contexts.
#   num_all_contexts: int, contexts of the training set.
Leaks = collections.namedtuple(
    "Leaks", ["questions", "num_same", "num_contexts", "num_all_contexts"])

# Ignored when texts are compared, like case: punctuation, white space,
# diacritics and tatweel.
_IGNORED = re.compile("[\\W_\u0640]+")


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
  """Logs how many training questions leak, if any.

  Args:
    task_name: str.
    leaks: Leaks.
    num_questions: int, of the training set.
    scored_paths: list of the dev and test files.
    is_dropped: bool, whether the questions are removed from training.
  """
  if not leaks.questions:
    return
  action = "they are removed from training" if is_dropped else (
      "they inflate its scores; to remove them set \"%s\": true" % HPARAM)
  utils.log(
      "Warning: task '%s': %d of %d training questions share a context with %s "
      "(%d of %d contexts), %d of them are the same question; %s" % (
          task_name, len(leaks.questions), num_questions,
          " or ".join(scored_paths), leaks.num_contexts,
          leaks.num_all_contexts, leaks.num_same, action))


class _Keys(dict):
  """{text: its form for comparison}, computed once per text."""

  def __missing__(self, text):
    self[text] = key = _IGNORED.sub("", text).lower()
    return key
