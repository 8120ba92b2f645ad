"""Finds checkpoints and restores variables from them, with a full report.

A variable that silently keeps its initial value ruins a model without an
error. So `plan` assigns every variable to one list of a `Report`, which the
runners log, and raises an error for a shape that differs.
"""

import collections
import os
import re

import numpy as np
import tensorflow.compat.v1 as tf

from model import checkpoint_advice
from model import variable_shapes
from util import utils
from util import weight_forms

GLOBAL_STEP = "global_step"
# What TensorFlow raises for files that it cannot read; version 2 raises
# built-in errors too.
READ_ERRORS = (tf.errors.OpError, RuntimeError, LookupError, ValueError)

Report = collections.namedtuple("Report", [
    "checkpoint",  # prefix of the checkpoint's files
    "restored",  # sorted names of variables restored from the checkpoint
    "fresh",  # ... that keep their initializers
    "unused",  # ... that are in the checkpoint but not in the model
    "extended",  # {name in `restored`: number of rows in the checkpoint}, of
                 # tables whose other rows keep their initializers
    "cast",  # {name in `restored`: type in the checkpoint}, of floats that
             # have another type in the model
    "variables",  # {name: tf.Variable} of `restored`
])


def find(path):
  """Returns the prefix of the newest checkpoint at `path`, or None.

  Args:
    path: a folder, a checkpoint's prefix or its .index file; may be gs://.

  Raises:
    utils.UserError: a folder has several checkpoints and nothing tells which
      is newest.
  """
  path = re.sub(r"\.index$", "", path)
  if utils.exists(path + ".index"):
    return path
  if not utils.isdir(path):
    return None
  recorded = recorded_prefixes(path)[-1:]
  # The folder may have been moved: look for the same file name in it first.
  for prefix in moved_to(path, recorded) + recorded:
    if utils.exists(prefix + ".index"):
      return prefix
  return highest_step(prefixes_in(path))


def latest(path):
  """Returns the prefix of the newest checkpoint at `path`; see `find`.

  Raises:
    utils.UserError: there is none, or its .data file is missing.
  """
  prefix = find(path)
  if prefix is None:
    found = weight_forms.find(path)
    if found:
      raise utils.UserError(found)
    content = "nothing"
    if utils.isdir(path):
      content = (variable_shapes.listed(utils.listdir(path)) or
                 "an empty folder")
    raise utils.UserError(
        "%s: expected a checkpoint (model.ckpt-<step>.index and .data files), "
        "found %s. Put the pre-trained weights there or set init_checkpoint." %
        (path, content))
  if not has_data(prefix):
    raise utils.UserError(
        "%s: the checkpoint has an .index file but no .data file. Copy all of "
        "its files." % prefix)
  return prefix


def find_all(pattern):
  """Returns the prefixes of one or several checkpoints, the lowest step first.

  Args:
    pattern: as for `latest`, or a shell pattern of prefixes.

  Raises:
    utils.UserError: there is none.
  """
  prefixes = [path[:-len(".index")] for path in utils.glob(
      re.sub(r"(\.index)?$", ".index", pattern, count=1))]
  return (sorted(prefixes, key=lambda prefix: (step_in(prefix) or 0, prefix))
          or [latest(pattern)])


def prefixes_in(folder):
  """Returns the prefixes of the checkpoints in a folder."""
  return [os.path.join(folder, name[:-len(".index")])
          for name in utils.listdir(folder) if name.endswith(".index")]


def recorded_prefixes(folder):
  """Returns the prefixes in a folder's 'checkpoint' file, the latest last.

  The list is empty if there is no such file or it cannot be parsed.
  """
  try:
    state = tf.train.get_checkpoint_state(folder)
  except ValueError:  # empty, or not text
    return []
  if state is None:
    return []
  older = [path for path in state.all_model_checkpoint_paths
           if path != state.model_checkpoint_path]
  return older + [state.model_checkpoint_path]


def moved_to(folder, prefixes):
  """Returns the prefixes with their folder replaced by `folder`."""
  return [os.path.join(folder, os.path.basename(prefix))
          for prefix in prefixes]


def highest_step(prefixes):
  """Returns the prefix with the highest step; None for an empty list.

  Raises:
    utils.UserError: there are several and not all names end with a step.
  """
  if len(prefixes) < 2:
    return prefixes[0] if prefixes else None
  steps = [step_in(prefix) for prefix in prefixes]
  if None in steps:
    raise utils.UserError(
        "%s: found %d checkpoints and no 'checkpoint' file that names the "
        "newest (%s). Set init_checkpoint to one of them." % (
            os.path.dirname(prefixes[0]), len(prefixes),
            variable_shapes.listed(map(os.path.basename, prefixes))))
  return max(zip(steps, prefixes))[1]


def step_in(prefix):
  """Returns the step at the end of a checkpoint's name; None without one."""
  match = re.search(r"-(\d+)$", prefix)
  return int(match.group(1)) if match else None


def has_data(prefix):
  """Returns whether a checkpoint has a .data file."""
  folder, name = os.path.split(prefix)
  return any(other.startswith(name + ".data-")
             for other in utils.listdir(folder or "."))


def shapes_of(checkpoint):
  """Returns {variable name: shape as a list of ints} of a checkpoint.

  Raises:
    utils.UserError: there is none, or it cannot be read.
  """
  prefix = latest(checkpoint)
  try:
    return {name: list(shape)
            for name, shape in tf.train.list_variables(prefix)}
  except READ_ERRORS as error:
    raise utils.UserError(
        "%s: the checkpoint cannot be read (%s). Copy its files again." %
        (prefix, first_line(error))) from error


def dtypes_of(checkpoint):
  """Returns {variable name: tf.DType} of a checkpoint that can be read."""
  reader = tf.train.load_checkpoint(latest(checkpoint))
  return dict(reader.get_variable_to_dtype_map())


def first_line(error):
  """Returns the first line of an error's message, without its full stop."""
  message = getattr(error, "message", None) or str(error)
  return message.strip().split("\n")[0].rstrip(".")


def global_step_of(checkpoint):
  """Returns the step at which a checkpoint was written.

  Its `global_step` variable; without one, the number at the end of its name;
  without that, 0.
  """
  prefix = latest(checkpoint)
  if GLOBAL_STEP in shapes_of(prefix):
    return int(tf.train.load_variable(prefix, GLOBAL_STEP))
  return step_in(prefix) or 0


def init_from_checkpoint(checkpoint, variables=None, **settings):
  """Initializes variables from a checkpoint; see `plan` and `apply`.

  In a model function of TPUEstimator on a TPU, where this must run on the
  host, use `plan` and `scaffold_fn` instead.

  Returns:
    Report, to be logged with `format_report`.
  """
  report = plan(checkpoint, variables, **settings)
  apply(report)
  return report


def plan(checkpoint, variables=None, *, ignore=(), required=(), hints=(),
         slots=False, global_step=False, extend=()):
  """Determines which variables a checkpoint initializes; changes nothing.

  Args:
    checkpoint: folder, prefix or .index file.
    variables: list of tf.Variables; None: all global variables.
    ignore: regular expressions; variables whose name one matches start fresh
      even if they are in the checkpoint.
    required: regular expressions; variables whose name one matches must be in
      the checkpoint, such as "^electra/".
    hints: (regular expression, advice) pairs: what to do if a variable whose
      name matches has another shape; before the built-in advice.
    slots: bool, whether to restore Adam's `adam_m` and `adam_v`. Released
      checkpoints have none; they then start at 0.
    global_step: bool, whether to restore the global step.
    extend: regular expressions; tables whose name one matches may have more
      rows than in the checkpoint; the additional rows start fresh.

  Returns:
    Report.

  Raises:
    utils.UserError: there is no checkpoint, a shape differs, a required
      variable is missing, a variable has no floating-point values there, or
      the checkpoint has none of the variables.
  """
  prefix = latest(checkpoint)
  shapes = shapes_of(prefix)

  def is_selected(name):
    return ((slots or not variable_shapes.is_slot(name)) and
            (global_step or name != GLOBAL_STEP))

  if variables is None:
    variables = tf.global_variables()
  by_name = {variable.op.name: variable for variable in variables
             if is_selected(variable.op.name)}
  model_shapes = {name: variable.shape.as_list()
                  for name, variable in by_name.items()}
  restored = {name for name in by_name
              if name in shapes and not _matches(ignore, name)}
  different = {name for name in restored if model_shapes[name] != shapes[name]}
  extended = {name: shapes[name][0] for name in sorted(different)
              if _matches(extend, variable_shapes.without_slot(name)) and
              _is_longer(model_shapes[name], shapes[name])}
  fresh = set(by_name) - restored
  checkpoint_advice.check_shapes(
      prefix, shapes, model_shapes, different - set(extended), hints)
  checkpoint_advice.check_required(
      prefix, shapes, model_shapes,
      [name for name in fresh if _matches(required, name)])
  checkpoint_advice.check_depth(prefix, shapes, restored)
  if not restored:
    raise utils.UserError(
        "%s: the checkpoint has none of the model's %d variables, such as %s; "
        "it has %s. Use a checkpoint of this program." % (
            prefix, len(by_name), variable_shapes.listed(sorted(by_name), 1),
            variable_shapes.listed(variable_shapes.grouped(shapes))))
  return Report(
      checkpoint=prefix,
      restored=sorted(restored),
      fresh=sorted(fresh),
      unused=sorted(name for name in set(shapes) - set(by_name)
                    if is_selected(name) and not _matches(ignore, name)),
      extended=extended,
      cast=_types_to_cast(prefix, {name: by_name[name] for name in restored}),
      variables={name: by_name[name] for name in restored})


def apply(report):
  """Makes the initializers of `report.variables` read the checkpoint."""
  changed = set(report.extended) | set(report.cast)
  unchanged = {name: variable for name, variable in report.variables.items()
               if name not in changed}
  if unchanged:
    tf.train.init_from_checkpoint(report.checkpoint, unchanged)
  for name in sorted(changed):
    _initialize(report, name)


def scaffold_fn(report):
  """Returns the `scaffold_fn` of a TPUEstimatorSpec that applies `report`."""

  def make_scaffold():
    apply(report)
    return tf.train.Scaffold()

  return make_scaffold


def evaluation_scaffold():
  """Returns the Scaffold of an evaluation; a `scaffold_fn` in its model_fn."""
  return tf.train.Scaffold(saver=CastingSaver(tf.global_variables()))


class CastingSaver(tf.train.Saver):
  """A Saver that also restores what another program wrote.

  Floating-point values of another type are cast, and a checkpoint without a
  global step has the one in its name.
  """

  def __init__(self, variables):
    """Creates the ops of a Saver.

    Args:
      variables: list of tf.Variable to restore.
    """
    super().__init__(variables)
    self._variables = variables

  def restore(self, sess, save_path):
    """Restores all variables of a checkpoint.

    Args:
      sess: tf.Session. save_path: str, the checkpoint's prefix.

    Raises:
      utils.UserError: see `plan`.
    """
    report = plan(save_path, self._variables, slots=True, global_step=True,
                  required=["^(?!%s$)" % GLOBAL_STEP])
    if not report.cast and not report.fresh:
      super().restore(sess, save_path)
      return
    for note in cast_notes(report.cast.values()):
      utils.log("Note: %s: %s" % (save_path, note))
    reader = tf.train.load_checkpoint(save_path)
    for variable in self._variables:
      name = variable.op.name
      value = (reader.get_tensor(name) if name in report.variables
               else global_step_of(save_path))
      variable.load(np.asarray(
          value, variable.dtype.base_dtype.as_numpy_dtype), sess)


def cast_notes(types):
  """Returns a line for each type of values that are cast to float32.

  Args:
    types: iterable of tf.DType, one of each variable.
  """
  counts = collections.Counter(dtype.name for dtype in types)
  return ["%d variable%s cast from %s to float32" % (
      count, " is" if count == 1 else "s are", name)
          for name, count in sorted(counts.items())]


def format_report(report):
  """Returns a few lines for the log: how many variables came from where."""
  lines = ["Restored %d of %d variables from %s" % (
      len(report.restored), len(report.restored) + len(report.fresh),
      report.checkpoint)]
  for names, status in (
      (sorted(report.cast), "Cast from %s" % ", ".join(sorted(
          {dtype.name for dtype in report.cast.values()}))),
      (report.fresh, "Not in the checkpoint, start fresh"),
      (report.unused, "In the checkpoint, not in the model")):
    if names:
      lines.append("  %s: %d (%s)" % (
          status, len(names),
          variable_shapes.listed(variable_shapes.grouped(names))))
  for name, num_rows in sorted(report.extended.items()):
    lines.append("  New rows start fresh: {} of {} in {}".format(
        report.variables[name].shape.as_list()[0] - num_rows,
        report.variables[name].shape.as_list()[0], name))
  return "\n".join(lines)


def _matches(patterns, name):
  return any(re.search(pattern, name) for pattern in patterns)


def _is_longer(shape, saved_shape):
  """Returns whether a table differs only by having more rows."""
  return shape[1:] == saved_shape[1:] and shape[0] > saved_shape[0]


def _types_to_cast(prefix, variables):
  """Returns {name: tf.DType} of the variables with another type in a file.

  Args:
    prefix: str, the checkpoint.
    variables: {name: tf.Variable} that the checkpoint has.

  Raises:
    utils.UserError: one of two types is not a floating-point type.
  """
  saved = dtypes_of(prefix)
  different = {name: saved[name] for name, variable in variables.items()
               if saved[name] != variable.dtype.base_dtype}
  for name, dtype in sorted(different.items()):
    expected = variables[name].dtype.base_dtype
    if not dtype.is_floating or not expected.is_floating:
      raise utils.UserError(
          "Variable '%s' has type %s in the checkpoint %s, expected %s. Use "
          "another checkpoint." % (name, dtype.name, prefix, expected.name))
  return different


def _initialize(report, name):
  """Initializes a variable from a table that is shorter, or of another type.

  Rows that the checkpoint lacks keep their initializer.
  """
  variable = report.variables[name]
  dtype = variable.dtype.base_dtype
  rows = tf.cast(tf.raw_ops.RestoreV2(
      prefix=report.checkpoint, tensor_names=[name], shape_and_slices=[""],
      dtypes=[report.cast.get(name, dtype)])[0], dtype)
  value = rows
  if name in report.extended:
    value = tf.concat(
        [rows, variable.initial_value[report.extended[name]:]], axis=0)
  value.set_shape(variable.shape)
  # As tf.train.init_from_checkpoint does it; TF1 has no public way.
  # pylint: disable=protected-access
  variable._initializer_op = tf.assign(variable, value).op
  variable._initial_value = value
