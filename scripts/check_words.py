"""Fails on words that the project's glossary replaces with the field's terms.

Usage: python scripts/check_words.py [--count] [FILE...]

Without files it checks every Python, shell and Markdown file that git tracks.
Each finding is one line, `path:line: 'word': use term`; the exit status is 1
if there is any. --count prints one line per term instead, with its number of
findings.
"""

import argparse
import collections
import os
import re
import subprocess
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))

# (regular expression, what to write instead)
GLOSSARY = (
    (r"(go|goes|going|went|gone) on", "resume, continue"),
    (r"no numbers?|not (a )?numbers?|nor is nan", "NaN, Inf, non-finite"),
    (r"sound", "finite, valid, intact"),
    (r"whole", "intact, complete, entire"),
    (r"settle[sd]?|settling", "select, determine"),
    (r"stands?|stood", "is, is in, is at"),
    (r"anew", "again; rebuild, regenerate"),
    (r"beside", "next to; in addition to"),
    (r"say|says|said|saying", "log, print, report, name"),
    (r"(leave|leaves|left|leaving)( it| them)? out", "skip, ignore, omit"),
    (r"pass(es|ed)? over", "skip, ignore"),
    (r"what is there|what there is|those there are", "name the thing"),
    (r"of (its|their|your|our|one's) own", "own, separate, a new"),
    (r"of a kind", "name the kind"),
    (r"32 bits can hold", "in the int32 or float32 range"),
    (r"for want of", "because there is no"),
    (r"at work there|to be alone in", "locked by another process"),
    (r"(find|finds|found) back", "resume position"),
    (r"found good", "valid"),
    (r"got no \w+_\w+", "requires"),
    (r"the place|places(?! of|=)", "path, folder, directory; position"),
    (r"parts? of (a|the|its|one|each) (loss|batch|model|step)",
     "term, micro-batch, module"),
    (r"fill(s|ed)? in", "predict"),
    (r"shown", "logged, printed, reported"),
)
_PATTERNS = tuple(
    (re.compile(r"(?<![a-zA-Z])(%s)(?![a-zA-Z])" % words, re.IGNORECASE), term)
    for words, term in GLOSSARY)


def find(text):
  """Yields (line number from 1, word, term) for each word to replace."""
  for number, line in enumerate(text.split("\n"), 1):
    for pattern, term in _PATTERNS:
      for match in pattern.finditer(line):
        yield number, match.group(), term


def tracked_files():
  """Returns the paths of the Python, shell and Markdown files of the project.

  This file, which lists the words, is not among them.
  """
  listing = subprocess.run(
      ["git", "ls-files", "*.py", "*.sh", "*.md", ".ci/run"], cwd=ROOT,
      stdout=subprocess.PIPE, check=True, universal_newlines=True).stdout
  return [os.path.join(ROOT, name) for name in listing.split()
          if name != "scripts/check_words.py"]


def main():
  parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
  parser.add_argument("files", nargs="*", metavar="FILE",
                      help="files to check (default: all that git tracks)")
  parser.add_argument("--count", action="store_true",
                      help="print the number of findings per term only")
  args = parser.parse_args()
  counts = collections.Counter()
  for path in args.files or tracked_files():
    with open(path, encoding="utf-8") as f:
      text = f.read()
    for number, word, term in find(text):
      counts[term] += 1
      if not args.count:
        print("%s:%d: '%s': use %s" % (
            os.path.relpath(path), number, word, term))
  if args.count:
    for term, count in counts.most_common():
      print("%5d  %s" % (count, term))
  sys.exit(1 if counts else 0)


if __name__ == "__main__":
  main()
