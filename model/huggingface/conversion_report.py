"""Reports what a conversion did with every variable."""

import collections

from model import variable_shapes
from util import utils

# names are sorted
Report = collections.namedtuple("Report", [
    "source",  # prefix of the checkpoint, or Hugging Face folders
    "converted",  # names of the weights written
    "slots",  # names of optimizer slots, skipped
    "unused",  # names of other variables, skipped
    "notes",  # lines: what was assumed, and what the user should know
])


def log(report, output_dir, verbose=False):
  """Logs a few lines on what was read, written and skipped.

  Args:
    report: Report.
    output_dir: str, the directory of the result.
    verbose: bool, whether to list every name, one per line.
  """
  for names, kind in ((report.slots, "optimizer slots"),
                      (report.unused, "unrelated variables")):
    if names:
      scopes = variable_shapes.grouped(
          map(variable_shapes.without_slot, names), depth=1)
      utils.log("Skipped %d %s: %s" % (len(names), kind, ", ".join(scopes)))
  if verbose:
    for names, action in ((report.converted, "Wrote"),
                          (report.slots, "Skipped"),
                          (report.unused, "Skipped")):
      for name in names:
        utils.log("  %s %s" % (action, name))
  for note in report.notes:
    utils.log("Note: %s" % note)
  utils.log("Wrote %d variables of %s to %s" % (
      len(report.converted), report.source, output_dir))
