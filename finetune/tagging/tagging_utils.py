"""Tags of words to labeled spans and back.

A tag such as "B-NP" says where in a span its word stands, and the span's type:

    B-X  the first word      E-X, L-X  the last word
    I-X  a word inside       S-X, U-X  the only word
    O    outside of spans

Which words make a span is read as conlleval, the script of the CoNLL shared
tasks, reads it, from IOB1, IOB2, BIOES and BILOU alike: I-X starts a span where
no span of type X is open before it, so also after I-Y. A tag without such a
first letter, "PER", is the type itself, and neighbours of one type are one
span. A type may hold further hyphens: "B-PER-x" is of type "PER-x".
"""

OUTSIDE = "O"
_PLACES = {"B": "B", "I": "I", "E": "E", "S": "S", "L": "E", "U": "S"}


def split_tag(tag):
  """Returns (place, type): "B-PER-x" gives ("B", "PER-x"), "O" ("O", "").

  The place is "B", "I", "E", "S" or "O"; "I" for a tag that names none. The
  bare letters "B", "I", "E" and "S" are places of a span without type.
  """
  if tag == OUTSIDE:
    return OUTSIDE, ""
  letter, hyphen, span_type = tag.partition("-")
  if has_place(tag):
    return _PLACES[letter], span_type
  if not hyphen and tag in ("B", "I", "E", "S"):
    return tag, ""
  return "I", tag


def has_place(tag):
  """Returns whether a tag is of the form "B-X"."""
  letter, _, span_type = tag.partition("-")
  return letter in _PLACES and bool(span_type)


def get_span_labels(tags):
  """Returns the spans of a sentence, in their order.

  Args:
    tags: list of str, a tag for each word.

  Returns:
    List of (first word, last word, type), words counted from 0.
  """
  spans = []
  start, open_type = None, None
  previous = OUTSIDE
  for i, tag in enumerate(tags):
    place, span_type = split_tag(tag)
    goes_on = (start is not None and place in ("I", "E") and
               previous in ("B", "I") and span_type == open_type)
    if start is not None and not goes_on:
      spans.append((start, i - 1, open_type))
      start = None
    if place != OUTSIDE and not goes_on:
      start, open_type = i, span_type
    previous = place
  if start is not None:
    spans.append((start, len(tags) - 1, open_type))
  return spans


def get_tags(span_labels, length, encoding="BIOES"):
  """Returns the tags of a sentence; the reverse of `get_span_labels`.

  Args:
    span_labels: list of (first word, last word, type) that do not overlap.
    length: int, the number of words.
    encoding: "BIO" or "BIOES", the tags to use.
  """
  assert encoding in ("BIO", "BIOES"), encoding
  tags = [OUTSIDE] * length
  for first, last, span_type in span_labels:
    places = ["B"] + ["I"] * (last - first)
    if encoding == "BIOES":
      places[-1] = "E" if last > first else "S"
    tags[first:last + 1] = [join_tag(place, span_type) for place in places]
  return tags


def join_tag(place, span_type):
  """Returns the tag of a place and a type; the reverse of `split_tag`."""
  return place + "-" + span_type if span_type else place


def recode(tags, encoding):
  """Returns the tags for the same spans in another encoding."""
  return get_tags(get_span_labels(tags), len(tags), encoding)
