"""Which labels a tagging model learns for the tags in files, and back."""

import collections

from finetune.tagging import tag_checks
from finetune.tagging import tagging_utils
from util import utils

MAX_LISTED_TAGS = 5  # in an error message


class WholeTags:
  """Each tag is a label, such as a part of speech."""

  def count_types(self, sentences, path):
    """Returns a Counter of the types that the model distinguishes.

    Args:
      sentences: list of conll.Sentence, the training data.
      path: str, their file, for messages.

    Raises:
      utils.UserError: a tag is invalid; see `tag_checks`.
    """
    tag_checks.check_tags(sentences, path)
    return collections.Counter(
        tag for sentence in sentences for tag in sentence.tags)

  def labels_for(self, types):
    """Returns the set of labels that distinguish `types`."""
    return set(types)

  def labels_of(self, tags):
    """Returns the label of each word of a sentence with `tags`."""
    return tags

  def written_tags(self, labels):
    """Returns the tags to write and score for labels or tags of a file."""
    return list(labels)


class Spans(WholeTags):
  """Tags encode labeled spans in any of the encodings of `tagging_utils`.

  The model learns BIOES labels, all four for each type. Predictions are written
  in IOB2, so that conlleval can read them.
  """

  def count_types(self, sentences, path):
    tag_checks.check_span_tags(sentences, path)
    tag_checks.check_tags(sentences, path)
    _check_tags(sentences)
    return collections.Counter(
        span_type for sentence in sentences
        for _, _, span_type in tagging_utils.get_span_labels(sentence.tags))

  def labels_for(self, types):
    return {tagging_utils.OUTSIDE} | {
        tagging_utils.join_tag(position, span_type)
        for span_type in types for position in "BIES"}

  def labels_of(self, tags):
    return tagging_utils.recode(tags, "BIOES")

  def written_tags(self, labels):
    return tagging_utils.recode(labels, "BIO")


def _check_tags(sentences):
  """Raises a UserError if some tags are like "B-X" and others like "X".

  The latter are then typing errors, such as "o" or "IPERS".
  """
  tags = [(tag, sentence.place(i)) for sentence in sentences
          for i, tag in enumerate(sentence.tags)
          if tag != tagging_utils.OUTSIDE]
  wrong = [pair for pair in tags if not tagging_utils.has_position(pair[0])]
  if wrong and len(wrong) < len(tags):
    num_more = len(wrong) - MAX_LISTED_TAGS
    raise utils.UserError(
        "Expected O or tags such as B-X and I-X, like other tags of the file, "
        "got %s%s. Correct them." % (
            ", ".join("'%s' (%s)" % pair for pair in wrong[:MAX_LISTED_TAGS]),
            " and %d more" % num_more if num_more > 0 else ""))
