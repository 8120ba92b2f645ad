"""What a conversion did with every variable, in words."""

import collections

from util import utils

# names are sorted
Report = collections.namedtuple("Report", [
    "source",  # prefix of the checkpoint, or Hugging Face folders
    "converted",  # names of the weights written
    "slots",  # names of optimizer slots, left out
    "unused",  # other names that were left out
    "notes",  # lines: what was assumed, and what the user should know
])


def log(report, output_dir, verbose=False):
  """Prints a few lines on what was read, written and left out.

  Args:
    report: Report.
    output_dir: str, where the result is.
    verbose: whether every name is listed, a line each.
  """
  for names, what in ((report.slots, "optimizer slots"),
                      (report.unused, "variables of other parts")):
    if names:
      utils.log("Left out %d %s: %s" % (
          len(names), what, ", ".join(grouped(names))))
  if verbose:
    for names, what in ((report.converted, "Wrote"),
                        (report.slots, "Left out"),
                        (report.unused, "Left out")):
      for name in names:
        utils.log("  %s %s" % (what, name))
  for note in report.notes:
    utils.log("Note: %s" % note)
  utils.log("Wrote %d variables of %s to %s" % (
      len(report.converted), report.source, output_dir))


def grouped(names):
  """Returns names with those of one scope put together and counted.

  ["a/x/y", "a/z", "b"] becomes ["a (2)", "b"].
  """
  counts = collections.OrderedDict()
  for name in sorted(names):
    scope = name.split("/")[0]
    counts.setdefault(scope, []).append(name)
  return [members[0] if len(members) == 1 else "%s (%d)" % (
      scope, len(members)) for scope, members in counts.items()]
