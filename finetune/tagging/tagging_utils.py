"""Converts tags of words to labeled spans and back.

A tag such as "B-NP" encodes the position of its word in a span and the type of
the span:

    B-X  the first word      E-X, L-X  the last word
    I-X  a word inside       S-X, U-X  the only word
    O    outside of spans

Spans are decoded like in conlleval, the script of the CoNLL shared tasks, from
any of IOB1, IOB2, BIOES and BILOU: I-X starts a span unless a span of type X is
open, so also after I-Y. A tag without such a first letter, "PER", is the type
itself, and adjacent words of one type are one span. A type may have further
hyphens: "B-PER-x" is of type "PER-x".
"""

OUTSIDE = "O"
_POSITIONS = {"B": "B", "I": "I", "E": "E", "S": "S", "L": "E", "U": "S"}


def split_tag(tag):
  """Returns (position, type): "B-PER-x" gives ("B", "PER-x"), "O" ("O", "").

  The position is "B", "I", "E", "S" or "O"; "I" for a tag without one. The
  letters "B", "I", "E" and "S" alone are positions in a span without type.
  """
  if tag == OUTSIDE:
    return OUTSIDE, ""
  letter, hyphen, span_type = tag.partition("-")
  if has_position(tag):
    return _POSITIONS[letter], span_type
  if not hyphen and tag in ("B", "I", "E", "S"):
    return tag, ""
  return "I", tag


def has_position(tag):
  """Returns whether a tag has the form "B-X"."""
  letter, _, span_type = tag.partition("-")
  return letter in _POSITIONS and bool(span_type)


def get_span_labels(sentence_tags, inv_label_mapping=None):
  """Returns the spans of a sentence, in their order.

  Args:
    sentence_tags: list of str, a tag for each word.
    inv_label_mapping: {id: tag} of tags that are ids; None: tags are str.

  Returns:
    List of (first word, last word, type), words counted from 0.
  """
  spans = []
  start, open_type = None, None
  previous = OUTSIDE
  if inv_label_mapping:
    sentence_tags = [inv_label_mapping[tag] for tag in sentence_tags]
  for i, tag in enumerate(sentence_tags):
    position, span_type = split_tag(tag)
    continues = (start is not None and position in ("I", "E") and
               previous in ("B", "I") and span_type == open_type)
    if start is not None and not continues:
      spans.append((start, i - 1, open_type))
      start = None
    if position != OUTSIDE and not continues:
      start, open_type = i, span_type
    previous = position
  if start is not None:
    spans.append((start, len(sentence_tags) - 1, open_type))
  return spans


def get_tags(span_labels, length, encoding="BIOES"):
  """Returns the tags of a sentence; the inverse of `get_span_labels`.

  Args:
    span_labels: list of (first word, last word, type) that do not overlap.
    length: int, the number of words.
    encoding: "BIO" or "BIOES", the tags to use.
  """
  assert encoding in ("BIO", "BIOES"), encoding
  tags = [OUTSIDE] * length
  for first, last, span_type in span_labels:
    positions = ["B"] + ["I"] * (last - first)
    if encoding == "BIOES":
      positions[-1] = "E" if last > first else "S"
    tags[first:last + 1] = [join_tag(position, span_type)
                            for position in positions]
  return tags


def join_tag(position, span_type):
  """Returns the tag of a position and a type; the inverse of `split_tag`."""
  return position + "-" + span_type if span_type else position


def recode(tags, encoding):
  """Returns the tags for the same spans in another encoding."""
  return get_tags(get_span_labels(tags), len(tags), encoding)
