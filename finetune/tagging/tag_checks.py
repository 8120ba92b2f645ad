"""Checks that words and tags of a file are what they seem to be.

Files may lack sentence breaks, have a header line or a column of numbers, or
encode spans in other ways than "B-PER"; a model would learn nonsense without an
error.
"""

import collections
import itertools
import re

from finetune.tagging import tagging_utils
from util import invisible
from util import utils

_MIN_WORDS = 50  # of a file that should have more than one sentence
_MIN_NUMBERS = 3  # words that are consecutive numbers, in all sentences
_MAX_LISTED = 5  # in a message
_OUTSIDE_LIKE = frozenset(["o", "0", "\u041e", "\u039f", "\u0665"])
_NUMBER = re.compile(r"[-+]?\d+(\.\d+)?$")
# "B_PER", "PER-B" and others; the separators are anything but letters.
_PREFIX = re.compile(r"([BIESLU])([\W_]+)(\w.*)$", re.IGNORECASE)
_SUFFIX = re.compile(r"(.*\w)([\W_]+)([BIESLU])$", re.IGNORECASE)
_HEADER_WORDS = frozenset(["word", "words", "token", "tokens", "form", "text",
                           "\u0643\u0644\u0645\u0629"])
_HEADER_TAGS = frozenset([
    "tag", "tags", "label", "labels", "pos", "ner", "upos", "ner_tag",
    "ner_tags", "pos_tag", "pos_tags", "iob", "bio", "entity"])


def check_words(sentences, path, split):
  """Checks the words of a file; logs a warning if it has no sentence breaks.

  Args:
    sentences: list of conll.Sentence.
    path: str.
    split: str; a training file of one sentence is always worth a warning.

  Raises:
    utils.UserError: the words are numbers that count them.
  """
  num_words = sum(len(sentence.words) for sentence in sentences)
  if len(sentences) == 1 and (num_words > _MIN_WORDS or split == "train"):
    utils.log(
        "Warning: {} has no sentence breaks: it is read as one sentence of "
        "{:,} words. Put an empty line between sentences, or name the column "
        "that distinguishes them in the key \"sentence\" of a "
        "task.json.".format(path, num_words))
  if num_words == len(sentences) > _MIN_WORDS:
    utils.log(
        "Warning: every sentence of {} has one word. Put empty lines between "
        "sentences only.".format(path))
  numbers = [sentence.words for sentence in sentences
             if len(sentence.words) > 1]
  if sum(map(len, numbers)) >= _MIN_NUMBERS and all(
      map(_are_consecutive, numbers)):
    raise utils.UserError(
        "%s: expected a word, got its number: the first column counts the "
        "words. Remove that column (cut -f 2-), or name the one with the words "
        "in the key \"words\" of a task.json." % sentences[0].place(0))


def check_tags(sentences, path):
  """Checks the tags of the training data; logs a warning if there is only one.

  Raises:
    utils.UserError: two tags look the same, or the first line names the
      columns.
  """
  tags = _first_locations(sentences)
  first = sentences[0]
  if first.words[0].lower() in _HEADER_WORDS and (
      first.tags[0].lower() in _HEADER_TAGS):
    raise utils.UserError(
        "%s: the first line names the columns: '%s', '%s'. Remove it, or, in "
        "tsv and csv, set \"header\": true in a task.json." % (
            first.place(0), first.words[0], first.tags[0]))
  _check_visible_difference(tags)
  if len(tags) < 2:
    utils.log("Warning: every word of {} has the tag {}, so that the model "
              "learns to predict it for any word.".format(path, *tags))


def check_span_tags(sentences, path):
  """Checks that the tags of the training data encode spans.

  Logs a warning if they rather are tags of words.

  Raises:
    utils.UserError: there are no spans, tags are numbers or are written in
      another way than "B-X", or two types look the same.
  """
  tags = _first_locations(sentences)
  spans = {tag: place for tag, place in tags.items()
           if tag != tagging_utils.OUTSIDE}
  if not spans:
    raise utils.UserError(
        "%s: expected tags of spans such as B-PER, got only %s. Tag the words, "
        "or check which column has the tags." % (path, tagging_utils.OUTSIDE))
  if all(word == tagging_utils.OUTSIDE or tagging_utils.has_position(word)
         for sentence in sentences for word in sentence.words):
    raise utils.UserError(
        "%s: expected a word and its tag, got a tag in the column of words: "
        "'%s'. Swap the columns." % (
            sentences[0].place(0), sentences[0].words[0]))
  if all(map(_NUMBER.match, spans)):
    raise utils.UserError(
        "%s: the tags are numbers (%s), but F1 of spans requires names such as "
        "B-PER. List the names, from 0, in the key \"tag_names\" of a "
        "task.json, or set \"metric\": \"accuracy\" there." % (
            path, _listed(sorted(tags))))
  is_encoded = any(map(tagging_utils.has_position, spans))
  if not is_encoded:  # otherwise other tags are reported as typing errors
    _check_encoding(spans)
  types = {}
  for tag, place in spans.items():
    types.setdefault(tagging_utils.split_tag(tag)[1], place)
  _check_visible_difference(types)
  if len(spans) == len(tags) and not is_encoded:
    utils.log(
        "Warning: {} has no word with the tag O, and no tags such as B-X: "
        "adjacent words with the same tag count as one span. For tags of "
        "words, such as parts of speech, set \"metric\": "
        "\"accuracy\".".format(path))


def named(sentences, tag_names):
  """Replaces tags that are numbers by their names, in place.

  Args:
    sentences: list of conll.Sentence, tagged or not.
    tag_names: list of str; the name of tag 0 is first. Names stay.

  Raises:
    utils.UserError: a tag is neither a number in range nor a name.
  """
  names = dict({str(i): name for i, name in enumerate(tag_names)},
               **{name: name for name in tag_names})
  for sentence in sentences:
    for i, tag in enumerate(sentence.tags or ()):
      if tag not in names:
        raise utils.UserError(
            "%s: expected a tag from 0 to %d, the numbers of \"tag_names\", "
            "got '%s'." % (sentence.place(i), len(tag_names) - 1, tag))
      sentence.tags[i] = names[tag]


def _check_encoding(spans):
  """Raises a UserError for {tag: place} written like "o", "B_PER", "PER-B"."""
  for tag, place in spans.items():
    if tag in _OUTSIDE_LIKE:
      raise utils.UserError(
          "%s: expected the tag O, the capital letter, for words outside of "
          "spans, got %s. Replace it." % (place, ascii(tag)))
  for position, rest, pattern in ((1, 3, _PREFIX), (3, 1, _SUFFIX)):
    matches = [pattern.match(invisible.visible_form(tag)) for tag in spans]
    if not all(matches):
      continue
    letters = collections.defaultdict(set)
    for match in matches:
      letters[match.group(rest)].add(match.group(position).upper())
    if any(len(found) > 1 for found in letters.values()) or all(
        "B" in found for found in letters.values()):
      _raise_other_encoding(spans, matches[0].group(rest))
  joined = {tag[1:] for tag in spans if tag[0] == "B"} & {
      tag[1:] for tag in spans if tag[0] == "I"}
  if joined - {""}:
    _raise_other_encoding(spans, min(joined - {""}))


def _raise_other_encoding(spans, span_type):
  tag, place = next(iter(spans.items()))
  raise utils.UserError(
      "%s: expected tags of spans such as B-%s and I-%s, got '%s'. Write the "
      "position first, as a capital letter, then '-' and the type." % (
          place, span_type, span_type, tag))


def _check_visible_difference(locations):
  """Raises a UserError if two names of {name: place} look the same."""
  visible = {}
  for name, place in locations.items():
    known = visible.setdefault(invisible.visible_form(name), name)
    if known != name:
      name, other = invisible.contrast(name, known)
      raise utils.UserError(
          "%s: the tag %s looks like %s at %s. Correct the one with invisible "
          "or other characters." % (place, name, other, locations[known]))


def _first_locations(sentences):
  """Returns {tag: "file:line"} of the first word with each tag."""
  locations = {}
  for sentence in sentences:
    for i, tag in enumerate(sentence.tags):
      if tag not in locations:
        locations[tag] = sentence.place(i)
  return locations


def _are_consecutive(words):
  return words[0].isdigit() and list(words) == list(map(str, itertools.islice(
      itertools.count(int(words[0])), len(words))))


def _listed(tags):
  return ", ".join(tags[:_MAX_LISTED]) + ", ..." * (len(tags) > _MAX_LISTED)
