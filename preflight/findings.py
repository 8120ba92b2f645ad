"""What a check found: a verdict, a fact and what to do about it."""

import collections

from util import utils

OK, WARN, FAIL = "ok", "warn", "fail"

Finding = collections.namedtuple("Finding", ["verdict", "what", "fact", "hint"])
Finding.__doc__ = """The result of one check.

verdict: OK, WARN (worth a look) or FAIL (the run would fail, or be useless).
what: str, the subject, such as "vocabulary". fact: str, one line. hint: str,
what to do; "" for OK.
"""


def ok(what, fact):
  """Returns a Finding without a problem."""
  return Finding(OK, what, fact, "")


def warn_if(is_problem, what, fact, hint):
  """Returns a Finding that is a warning if `is_problem`."""
  return Finding(WARN, what, fact, hint) if is_problem else ok(what, fact)


def of_error(what, error):
  """Returns a failure for a UserError, whose message has a hint already."""
  return Finding(FAIL, what, " ".join(str(error).split()), "")


def collect(what, check):
  """Returns the list of Findings of `check`, or of its UserError.

  Args:
    what: str, the subject of an error.
    check: function without arguments that returns a list of Finding.
  """
  try:
    return list(check())
  except utils.UserError as error:
    return [of_error(what, error)]


def line(finding, with_hint=False):
  """Returns a Finding as text: one line, and one more for its hint."""
  text = "%-4s  %s: %s" % (finding.verdict, finding.what, finding.fact)
  if with_hint and finding.hint:
    text += "\n      -> %s" % finding.hint
  return text
