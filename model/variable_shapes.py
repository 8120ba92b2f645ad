"""What the names and shapes of a model's variables tell: sizes and groups.

No TensorFlow is imported here.
"""

import collections
import re

from util import model_files

MAIN_SCOPE = "electra"  # holds the embeddings that a generator shares
_SLOT = re.compile(r"/adam_[mv]$")
_MAX_LISTED = 6  # names or groups in one line of a report or an error


def is_slot(name):
  """Returns whether a variable is a slot of the optimizer."""
  return bool(_SLOT.search(name))


def without_slot(name):
  """Returns the name of the variable that a slot belongs to."""
  return _SLOT.sub("", name)


def has_scope(names, scope):
  """Returns whether any of some variables is in a scope."""
  return any(name.startswith(scope + "/") for name in names)


def trained_tasks(names):
  """Returns the sorted names of the tasks that have a fine-tuned head."""
  return sorted({name.split("/")[1] for name in names
                 if name.startswith(model_files.TASKS_SCOPE + "/")})


def num_layers(names, scope):
  """Returns one more than the highest layer number of an encoder.

  Args:
    names: names of variables.
    scope: str, the scope of the encoder, such as "electra".
  """
  return highest(names, "^" + re.escape(scope) + r"/encoder/layer_(\d+)/") + 1


def highest(names, pattern):
  """Returns the highest number in group 1 of `pattern`, -1 without a match."""
  matches = [re.search(pattern, name) for name in names]
  return max([int(match.group(1)) for match in matches if match] or [-1])


def hidden_size(shapes, scope):
  """Returns the hidden size of an encoder; None if it has no layers."""
  shape = shapes.get(scope + "/encoder/layer_0/attention/self/query/kernel")
  return shape[0] if shape else None


def layer_sizes(shapes, scope):
  """Returns the sizes of an encoder's layers as {BertConfig field: int}.

  `num_attention_heads` is not among them: shapes do not tell it.

  Args:
    shapes: {variable name: list of ints}, with at least layer 0.
    scope: str, the scope of the encoder.
  """
  layer = scope + "/encoder/layer_0/intermediate/dense/kernel"
  return {"hidden_size": hidden_size(shapes, scope),
          "intermediate_size": shapes[layer][1],
          "num_hidden_layers": num_layers(shapes, scope)}


def all_sizes(shapes, embeddings_scope, scope):
  """Returns all sizes that shapes tell as {config field: int}.

  Those of `layer_sizes`, those of the embeddings, and "embedding_size".

  Args:
    shapes: {variable name: list of ints}, with all embeddings and at least
      layer 0.
    embeddings_scope: str, the scope of the embeddings.
    scope: str, the scope of the layers.
  """
  embeddings = embeddings_scope + "/embeddings/%s_embeddings"
  vocab_size, embedding_size = shapes[embeddings % "word"]
  return dict(
      layer_sizes(shapes, scope),
      vocab_size=vocab_size,
      embedding_size=embedding_size,
      max_position_embeddings=shapes[embeddings % "position"][0],
      type_vocab_size=shapes[embeddings % "token_type"][0])


def grouped(names, depth=2):
  """Returns one entry per scope, with the number of its variables.

  {"a/encoder/layer_0/x", "a/encoder/layer_1/x", "b/y"} becomes
  ["a/encoder (2)", "b/y"].

  Args:
    names: names of variables.
    depth: int, how many levels of a name make the scope.
  """
  groups = collections.defaultdict(list)
  for name in sorted(names):
    slot = " slots" if is_slot(name) else ""
    groups["/".join(without_slot(name).split("/")[:depth]) + slot].append(name)
  return [members[0] if len(members) == 1 else "%s (%d)" % (
      group, len(members)) for group, members in sorted(groups.items())]


def listed(names, limit=_MAX_LISTED):
  """Returns names joined by commas, "and <n> more" after the first ones."""
  names = list(names)
  num_more = len(names) - limit
  return ", ".join(names[:limit]) + (
      " and %d more" % num_more if num_more > 0 else "")
