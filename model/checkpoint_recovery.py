"""Selects an intact checkpoint to resume from after a crash or a bad copy."""

import os
import re

import tensorflow.compat.v1 as tf

from model import checkpoint as checkpoint_lib
from util import utils
from util import weight_forms

_DATA = r"\.data-\d+-of-\d+$"
DAMAGED_NAME = "damaged"  # subfolder that damaged files are moved to
# Temporary names: of checkpoints on TensorFlow 1.15 and 2.15, of what
# TensorFlow writes in one piece (.meta, 'checkpoint', graph.pbtxt), of
# utils.write_atomically.
_UNFINISHED = (
    r"^model\.ckpt-\d+_temp(_[0-9a-f]{32})?$",
    r"^model\.ckpt-.+\.tempstate\d+$",
    r"\.tmp[0-9a-f]{32}$", r"^\..+\.\d+\.tmp$")


def find_damage(prefix):
  """Returns what is wrong with a checkpoint's files; None if it is intact.

  Reads every tensor, which verifies every checksum.
  """
  if not checkpoint_lib.has_data(prefix):
    return "its .data file is missing"
  try:
    reader = tf.train.load_checkpoint(prefix)
    for name in sorted(reader.get_variable_to_shape_map()):
      reader.get_tensor(name)
  except checkpoint_lib.READ_ERRORS as error:
    return checkpoint_lib.first_line(error)
  return None


def check_intact(prefix):
  """Raises a UserError unless a checkpoint's files are intact."""
  damage = find_damage(prefix)
  if damage:
    raise utils.UserError(
        "%s: the checkpoint is damaged (%s). Copy its files again, or use "
        "another one." % (prefix, damage))


def newest_intact(folder):
  """Returns the newest intact checkpoint in a folder.

  It is the one that the 'checkpoint' file names or, if that is damaged, the
  one with the highest step below it.

  Returns:
    (prefix, damaged): None if there is no checkpoint; and a list of (path,
    what is wrong) of the files that would have been used otherwise.

  Raises:
    utils.UserError: all are damaged; or there are several without a step in
      their names and nothing tells which is newest.
  """
  if not utils.isdir(folder):
    return None, []
  prefixes, damaged = checkpoint_lib.prefixes_in(folder), []
  recorded = checkpoint_lib.recorded_prefixes(folder)[-1:]
  named = checkpoint_lib.moved_to(folder, recorded)
  state_path = os.path.join(folder, "checkpoint")
  if utils.exists(state_path) and not named:
    damaged.append((state_path, "it is empty or not text"))
  elif named and named[0] not in prefixes:
    if utils.exists(recorded[0] + ".index"):
      return None, []  # in another folder, which is not searched here
    damaged.append((named[0], "its .index file is missing"))
  elif not named:
    checkpoint_lib.highest_step(prefixes)  # raises if steps are missing
  damaged.extend(_without_index(folder, prefixes, damaged))
  for prefix in _by_priority(prefixes, named):
    damage = find_damage(prefix)
    if damage is None:
      return prefix, damaged
    damaged.append((prefix, damage))
  if damaged:
    raise utils.UserError(
        "%s: expected an intact checkpoint, found only damaged files: %s. Copy "
        "a checkpoint there, or empty the folder to start from step 0." % (
            folder, _format_damage(damaged)))
  return None, []


def select_resume_checkpoint(folder, found=None):
  """Makes the newest intact checkpoint the one that training resumes from.

  Newer ones that are damaged are logged and moved to the subfolder `damaged`;
  nothing is removed. The 'checkpoint' file, which an Estimator reads, is
  rewritten if it names another checkpoint or another folder: after a move or
  copy, training would otherwise start from step 0 or delete checkpoints of
  the original folder. Call it only while no other process writes.

  Args:
    folder: str.
    found: what `newest_intact` returned, if it was called already.

  Returns:
    The prefix; None if there is no checkpoint.

  Raises:
    utils.UserError: all checkpoints are damaged.
  """
  prefix, damaged = found or newest_intact(folder)
  if prefix is None:
    return None
  recorded = checkpoint_lib.recorded_prefixes(folder)
  if damaged:
    log_fallback(prefix, damaged)
    _move_damaged(folder, [path for path, _ in damaged])
  listed = [path for path in checkpoint_lib.moved_to(folder, recorded)
            if path != prefix and utils.exists(path + ".index")] + [prefix]
  if recorded != listed:
    try:
      tf.train.update_checkpoint_state(
          folder, prefix, all_model_checkpoint_paths=listed)
    except tf.errors.OpError as error:
      raise utils.UserError("%s: cannot write to the folder (%s)." % (
          folder, checkpoint_lib.first_line(error))) from error
  return prefix


def log_fallback(prefix, damaged):
  """Logs that an older checkpoint is used, and why."""
  utils.log("Damaged: %s" % _format_damage(damaged))
  utils.log("Using the newest intact checkpoint: %s" % prefix)


def remove_unfinished(folder):
  """Removes temporary files of runs that were killed while writing.

  Nothing reads those files. Call it only while no other process writes.
  """
  names = [name for name in utils.listdir(folder)
           if any(re.search(pattern, name) for pattern in _UNFINISHED)]
  for name in names:
    path = os.path.join(folder, name)
    (utils.rmtree if utils.isdir(path) else utils.remove)(path)
  if names:
    utils.log("Removed %d unfinished file%s of a killed run from %s" % (
        len(names), "" if len(names) == 1 else "s", folder))


def _without_index(folder, prefixes, known):
  """Returns [(prefix, what is wrong)] of .data files newer than all others.

  Training would overwrite them when it reaches their step.
  """
  newest = max([checkpoint_lib.step_in(prefix) or 0 for prefix in prefixes],
               default=-1)
  names = utils.listdir(folder)
  found = {re.sub(_DATA, "", name) for name in names if re.search(
      _DATA, name) and not weight_forms.is_unfinished(name, names)}
  paths = set(checkpoint_lib.moved_to(folder, found)) - set(prefixes) - {
      path for path, _ in known}
  return [(path, "its .index file is missing") for path in sorted(paths)
          if (checkpoint_lib.step_in(path) or 0) > newest]


def _by_priority(prefixes, named):
  """Returns prefixes: the named one, older ones, newer ones, by step."""
  last = checkpoint_lib.step_in(named[0]) if named else None

  def rank(prefix):
    step = checkpoint_lib.step_in(prefix) or 0
    return prefix not in named, last is not None and step > last, -step

  return sorted(prefixes, key=rank)


def _format_damage(damaged):
  return "; ".join("%s (%s)" % item for item in damaged)


def _move_damaged(folder, paths):
  """Moves the files of checkpoints to the subfolder `damaged`."""
  target = os.path.join(folder, DAMAGED_NAME)
  prefixes = tuple(os.path.basename(path) + "." for path in paths)
  for name in utils.listdir(folder):
    if name.startswith(prefixes):
      utils.makedirs(target)
      utils.rename(os.path.join(folder, name), os.path.join(target, name))
