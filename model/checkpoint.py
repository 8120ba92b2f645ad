"""Which variables come from which checkpoint, with an account of every one.

A variable that is silently not restored is a model that silently learned
nothing, so everything here ends in a `Report` that the runners print, and a
difference in shape is an error that names what to set.
"""

import collections
import os
import re

import tensorflow.compat.v1 as tf

from util import utils

GLOBAL_STEP = "global_step"
DAMAGED_NAME = "damaged"  # folder in the model's: where damaged files go
_SLOT = re.compile(r"/adam_[mv]$")
_MODEL_SIZE_OF_HIDDEN = {256: "small", 768: "base", 1024: "large"}
# Temporary names: of checkpoints on TensorFlow 1.15 and 2.15, of what
# TensorFlow writes whole (.meta, 'checkpoint', graph.pbtxt), of
# utils.write_atomically.
_UNFINISHED = (
    r"^model\.ckpt-\d+_temp(_[0-9a-f]{32})?$",
    r"^model\.ckpt-.+\.tempstate\d+$",
    r"\.tmp[0-9a-f]{32}$", r"^\..+\.\d+\.tmp$")
_MAX_LISTED = 6  # names or groups in one line of a report or an error

Report = collections.namedtuple("Report", [
    "checkpoint",  # prefix of the checkpoint's files
    "restored",  # sorted names of variables that start from the checkpoint
    "fresh",  # ... that start from their initializers
    "unused",  # ... that the checkpoint has and the model does not
    "extended",  # names in `restored` that start partly from the checkpoint
    "variables",  # {name: tf.Variable} of `restored`
])


# --------------------------------------------------------------- which files


def find(path):
  """Returns the prefix of the newest checkpoint at `path`, or None.

  Args:
    path: a folder, a checkpoint's prefix or its .index file; may be gs://.

  Raises:
    utils.UserError: a folder has several checkpoints and no way to tell which
      is newest.
  """
  path = re.sub(r"\.index$", "", path)
  if utils.exists(path + ".index"):
    return path
  if not utils.isdir(path):
    return None
  recorded = _recorded_paths(path)[-1:]
  # The file may have been written on another machine: look beside it too.
  for prefix in _moved_to(path, recorded) + recorded:
    if utils.exists(prefix + ".index"):
      return prefix
  return _newest(_prefixes_in(path))


def latest(path):
  """Returns the prefix of the newest checkpoint at `path`; see `find`.

  Raises:
    utils.UserError: there is none, or part of it is missing.
  """
  prefix = find(path)
  if prefix is None:
    if utils.isdir(path):
      names = utils.listdir(path)
      raise utils.UserError(
          "Expected a checkpoint (model.ckpt-<step>.index and .data files) in "
          "%s, found %s; put the pre-trained weights there or set "
          "init_checkpoint." % (path, _listing(names) or "an empty folder"))
    raise utils.UserError(
        "Expected a checkpoint or a folder with one at %s, found nothing; put "
        "the pre-trained weights there or set init_checkpoint." % path)
  folder, name = os.path.split(prefix)
  if not any(other.startswith(name + ".data-")
             for other in utils.listdir(folder or ".")):
    raise utils.UserError(
        "The checkpoint %s has an .index file but no .data file; copy all of "
        "its files." % prefix)
  return prefix


def _newest(prefixes):
  """Returns the prefix with the highest step, None if there are none."""
  if len(prefixes) < 2:
    return prefixes[0] if prefixes else None
  steps = [_step_in(prefix) for prefix in prefixes]
  if None in steps:
    raise utils.UserError(
        "Found %d checkpoints in %s and no 'checkpoint' file that says which "
        "is newest (%s); set init_checkpoint to one of them." % (
            len(prefixes), os.path.dirname(prefixes[0]),
            _listing([os.path.basename(prefix) for prefix in prefixes])))
  return max(zip(steps, prefixes))[1]


def _step_in(prefix):
  """Returns the step that ends a checkpoint's name, None if it has none."""
  match = re.search(r"-(\d+)$", prefix)
  return int(match.group(1)) if match else None


def _prefixes_in(folder):
  """Returns the prefixes of the checkpoints in a folder."""
  return [os.path.join(folder, name[:-len(".index")])
          for name in utils.listdir(folder) if name.endswith(".index")]


def _recorded_paths(folder):
  """Returns what a folder's 'checkpoint' file names, the latest at the end.

  An empty list where there is none or it cannot be read.
  """
  try:
    state = tf.train.get_checkpoint_state(folder)
  except ValueError:  # it is empty, or not even text
    return []
  if state is None:
    return []
  others = [path for path in state.all_model_checkpoint_paths
            if path != state.model_checkpoint_path]
  return others + [state.model_checkpoint_path]


def _moved_to(folder, prefixes):
  """Returns where `prefixes` are if their folder is `folder` by now."""
  return [os.path.join(folder, os.path.basename(prefix))
          for prefix in prefixes]


# ------------------------------------------------------------- whole or damaged


def fault_of(prefix):
  """Returns what is wrong with a checkpoint's files, None if they are whole.

  Reads every tensor, and with it every checksum.
  """
  folder, name = os.path.split(prefix)
  if not any(other.startswith(name + ".data-")
             for other in utils.listdir(folder or ".")):
    return "its .data file is missing"
  try:
    reader = tf.train.load_checkpoint(prefix)
    for name in sorted(reader.get_variable_to_shape_map()):
      reader.get_tensor(name)
  except (tf.errors.OpError, RuntimeError, LookupError, ValueError) as error:
    return _first_line(error)  # TensorFlow 2 raises built-in errors here
  return None


def check_whole(prefix):
  """Raises a UserError unless a checkpoint's files are whole."""
  fault = fault_of(prefix)
  if fault:
    raise utils.UserError(
        "The checkpoint %s is damaged (%s); copy its files again, or use "
        "another one." % (prefix, fault))


def newest_whole(folder):
  """Returns the newest checkpoint in a folder whose files are whole.

  That is the one that the 'checkpoint' file names, or else the one with the
  highest step below it.

  Returns:
    (prefix, damaged): None where there is no checkpoint; and a list of (path,
    what is wrong) of what should have been used instead.

  Raises:
    utils.UserError: there are only damaged ones; or none has a step in its
      name, so that nobody can tell which is newest.
  """
  if not utils.isdir(folder):
    return None, []
  prefixes, damaged = _prefixes_in(folder), []
  recorded = _recorded_paths(folder)[-1:]
  named = _moved_to(folder, recorded)
  state_path = os.path.join(folder, "checkpoint")
  if utils.exists(state_path) and not named:
    damaged.append((state_path, "it is empty or no text"))
  elif named and named[0] not in prefixes:
    if utils.exists(recorded[0] + ".index"):
      return None, []  # in another folder, which is not looked at here
    damaged.append((named[0], "its .index file is missing"))
  elif len(prefixes) > 1 and not named:
    _newest(prefixes)  # raises where nobody can tell

  def rank(prefix):  # the named one, older ones, newer ones
    step, last = _step_in(prefix) or 0, _step_in(named[0]) if named else None
    return prefix not in named, last is not None and step > last, -step

  for prefix in sorted(prefixes, key=rank):
    fault = fault_of(prefix)
    if fault is None:
      return prefix, damaged
    damaged.append((prefix, fault))
  if damaged:
    raise utils.UserError(
        "Expected a whole checkpoint in %s, found none: %s. Copy one there, or "
        "empty the folder to start anew." % (folder, _faults_text(damaged)))
  return None, []


def settle(folder):
  """Makes the newest whole checkpoint the one that a run goes on from.

  Damaged ones that are newer are said and moved to the folder's `damaged`;
  nothing is removed. The 'checkpoint' file, which an Estimator goes by, is
  written again where it names another checkpoint or another folder's: a folder
  that was moved or copied would start from nothing, or thin out the original's
  checkpoints. Call it where no other process writes.

  Returns:
    The prefix; None where there is no checkpoint.

  Raises:
    utils.UserError: there are only damaged ones.
  """
  prefix, damaged = newest_whole(folder)
  if prefix is None:
    return None
  recorded = _recorded_paths(folder)
  if damaged:
    log_fallback(prefix, damaged)
    _set_aside(folder, [path for path, _ in damaged])
  listed = [path for path in _moved_to(folder, recorded)
            if path != prefix and utils.exists(path + ".index")] + [prefix]
  if recorded != listed:
    try:
      tf.train.update_checkpoint_state(
          folder, prefix, all_model_checkpoint_paths=listed)
    except tf.errors.OpError as error:
      raise utils.UserError("Cannot write to %s: %s." % (
          folder, _first_line(error))) from error
  return prefix


def log_fallback(prefix, damaged):
  """Says that an older checkpoint is used, and why."""
  utils.log("Damaged: %s" % _faults_text(damaged))
  utils.log("Using the newest checkpoint that is whole: %s" % prefix)


def remove_unfinished(folder):
  """Removes what runs that were killed while writing to a folder left there.

  Those are temporary files only, which nothing reads. Call it where no other
  process writes.
  """
  num_removed = 0
  for name in utils.listdir(folder):
    if any(re.search(pattern, name) for pattern in _UNFINISHED):
      path = os.path.join(folder, name)
      (utils.rmtree if utils.isdir(path) else utils.remove)(path)
      num_removed += 1
  if num_removed:
    utils.log("Removed %s that a killed run left unfinished in %s" % (
        _count(num_removed, "file"), folder))


def _faults_text(damaged):
  return "; ".join("%s (%s)" % fault for fault in damaged)


def _set_aside(folder, paths):
  """Moves the files of checkpoints to the folder's `damaged`."""
  target = os.path.join(folder, DAMAGED_NAME)
  prefixes = [os.path.basename(path) + "." for path in paths]
  for name in utils.listdir(folder):
    if any(name.startswith(prefix) for prefix in prefixes):
      utils.makedirs(target)
      utils.rename(os.path.join(folder, name), os.path.join(target, name))


def _first_line(error):
  message = getattr(error, "message", None) or str(error)
  return message.strip().split("\n")[0].rstrip(".")


# -------------------------------------------------------------- what is in it


def shapes_of(checkpoint):
  """Returns {variable name: shape as a list of ints} of a checkpoint.

  Raises:
    utils.UserError: there is none, or it cannot be read.
  """
  prefix = latest(checkpoint)
  try:
    return {name: list(shape)
            for name, shape in tf.train.list_variables(prefix)}
  except (tf.errors.OpError, RuntimeError, LookupError, ValueError) as error:
    raise utils.UserError(
        "The checkpoint %s cannot be read (%s); copy its files again." %
        (prefix, _first_line(error))) from error


def global_step_of(checkpoint):
  """Returns the step a checkpoint was written at.

  Its `global_step` variable; without one, the number that ends its name;
  without that, 0.
  """
  prefix = latest(checkpoint)
  if GLOBAL_STEP in shapes_of(prefix):
    return int(tf.train.load_variable(prefix, GLOBAL_STEP))
  return _step_in(prefix) or 0


def is_slot(name):
  """Returns whether a name is that of an optimizer's slot."""
  return bool(_SLOT.search(name))


# --------------------------------------------------------------- restoring


def init_from_checkpoint(checkpoint, variables=None, **settings):
  """Lets variables start from a checkpoint; see `plan` and `apply`.

  For a model function of TPUEstimator on a TPU, where this must happen on the
  host, use `plan` and `scaffold_fn` instead.

  Returns:
    Report, to be logged with `format_report`.
  """
  report = plan(checkpoint, variables, **settings)
  apply(report)
  return report


def plan(checkpoint, variables=None, *, ignore=(), required=(), hints=(),
         slots=False, global_step=False, extend_positions=False):
  """Works out which variables a checkpoint can give, and changes nothing.

  Args:
    checkpoint: folder, prefix or .index file.
    variables: list of tf.Variables; None: all global variables.
    ignore: regular expressions found in names of variables that start fresh
      though the checkpoint may have them.
    required: regular expressions found in names of variables that the
      checkpoint must have, such as "^electra/".
    hints: (regular expression, advice) pairs: what to do if a variable whose
      name the expression is found in has another shape; before the built-in
      advice.
    slots: bool, whether Adam's `adam_m` and `adam_v` are wanted. Released
      checkpoints have none: they start at 0 then.
    global_step: bool, whether the global step is wanted.
    extend_positions: bool, whether position embeddings may have more rows than
      in the checkpoint: those start fresh.

  Returns:
    Report.

  Raises:
    utils.UserError: no checkpoint, another shape, something required is
      missing, or the checkpoint has none of the variables.
  """
  prefix = latest(checkpoint)
  found = shapes_of(prefix)

  def is_wanted(name):
    return ((slots or not is_slot(name)) and
            (global_step or name != GLOBAL_STEP))

  if variables is None:
    variables = tf.global_variables()
  by_name = {variable.op.name: variable for variable in variables
             if is_wanted(variable.op.name)}
  shared = {name for name in by_name
            if name in found and not _matches(ignore, name)}
  different = {name for name in shared
               if by_name[name].shape.as_list() != found[name]}
  extended = {name for name in different if extend_positions and
              _is_longer(name, by_name[name].shape.as_list(), found[name])}
  _check_shapes(prefix, found, by_name, different - extended, hints)
  fresh = set(by_name) - shared
  _check_required(prefix, found, by_name, fresh, required)
  _check_depth(prefix, found, {name: by_name[name] for name in shared})
  if not shared:
    raise utils.UserError(
        "The checkpoint %s has none of the %d variables of the model, such as "
        "%s; it has %s. Was it made by another program?" % (
            prefix, len(by_name), _listing(sorted(by_name), 1),
            _listing(_groups(found))))
  return Report(
      checkpoint=prefix,
      restored=sorted(shared),
      fresh=sorted(fresh),
      unused=sorted(name for name in set(found) - set(by_name)
                    if is_wanted(name) and not _matches(ignore, name)),
      extended=sorted(extended),
      variables={name: by_name[name] for name in shared})


def apply(report):
  """Makes the initializers of `report.variables` read the checkpoint."""
  whole = {name: variable for name, variable in report.variables.items()
           if name not in report.extended}
  if whole:
    tf.train.init_from_checkpoint(report.checkpoint, whole)
  for name in report.extended:
    _extend(report.checkpoint, name, report.variables[name])


def scaffold_fn(report):
  """Returns the `scaffold_fn` of a TPUEstimatorSpec that applies `report`."""

  def make_scaffold():
    apply(report)
    return tf.train.Scaffold()

  return make_scaffold


def format_report(report):
  """Returns a few lines for the log: what came from where, and what did not."""
  lines = ["Restored %d of %d variables from %s" % (
      len(report.restored), len(report.restored) + len(report.fresh),
      report.checkpoint)]
  for names, what in (
      (report.extended, "Restored in part, new rows start fresh"),
      (report.fresh, "Not in the checkpoint, start fresh"),
      (report.unused, "In the checkpoint, not in the model")):
    if names:
      lines.append("  %s: %d (%s)" % (
          what, len(names), _listing(_groups(names))))
  return "\n".join(lines)


def _matches(patterns, name):
  return any(re.search(pattern, name) for pattern in patterns)


def _is_longer(name, shape, found):
  """Returns whether a table of positions differs only by having more rows."""
  return (_SLOT.sub("", name).endswith("/position_embeddings") and
          shape[1:] == found[1:] and shape[0] > found[0])


def _extend(checkpoint, name, variable):
  """Lets the first rows start from the checkpoint, the others fresh."""
  rows = tf.raw_ops.RestoreV2(
      prefix=checkpoint, tensor_names=[name], shape_and_slices=[""],
      dtypes=[variable.dtype.base_dtype])[0]
  value = variable.initial_value
  value = tf.concat([rows, value[tf.shape(rows)[0]:]], axis=0)
  value.set_shape(variable.shape)
  # As tf.train.init_from_checkpoint does it; TF1 has no public way.
  # pylint: disable=protected-access
  variable._initializer_op = tf.assign(variable, value).op
  variable._initial_value = value


# ------------------------------------------------------------- what is wrong


def _check_required(prefix, found, by_name, fresh, required):
  """Raises a UserError if a required variable would start fresh."""
  missing = sorted(name for name in fresh if _matches(required, name))
  if not missing:
    return
  advice = "it has %s" % _listing(_groups(found))
  layers = [_num_layers(names, _encoder_of(missing[0]))
            for names in (found, by_name)]
  if 0 < layers[0] < layers[1]:
    advice = ("its encoder has %d layers, the model's has %d: set model_size, "
              "or model_hparam_overrides {\"num_hidden_layers\": %d}" %
              (layers[0], layers[1], layers[0]))
  raise utils.UserError(
      "The checkpoint %s lacks %s that the model needs (%s); %s." % (
          prefix, _count(len(missing), "variable"), _listing(missing), advice))


def _check_depth(prefix, found, by_name):
  """Raises a UserError if an encoder would lose the checkpoint's last layers.

  Every weight of the model would be found, and yet the model be worth nothing.
  """
  for encoder in sorted({_encoder_of(name) for name in by_name
                         if re.search(r"encoder/layer_\d+/", name)}):
    has, wanted = _num_layers(found, encoder), _num_layers(by_name, encoder)
    if has <= wanted:
      continue
    raise utils.UserError(
        "Expected as many layers in the checkpoint %s as in the model, found "
        "%d and %d (%slayer_<i>); %s." % (
            prefix, has, wanted, encoder, _advise_depth(encoder, found)))


def _advise_depth(encoder, found):
  """Returns which hparam makes an encoder as deep as the checkpoint's."""
  num_layers = _num_layers(found, encoder)
  whole = _num_layers(found, "electra/encoder/")
  if encoder.startswith("generator") and num_layers <= whole:
    return "set generator_layers to %s" % float("%.5g" % (num_layers / whole))
  return ("set model_size, or model_hparam_overrides "
          "{\"num_hidden_layers\": %d}" % num_layers)


def _check_shapes(prefix, found, by_name, different, hints):
  """Raises a UserError for variables of another shape than the checkpoint's."""
  if not different:
    return
  names = sorted(different)
  advice = []
  for name in names:
    text = _advice(name, found, by_name[name].shape.as_list(), hints)
    if text and text not in advice:
      advice.append(text)
  name = names[0]
  raise utils.UserError(
      "Variable '%s' has shape %s in the checkpoint %s, but %s in the model%s; "
      "%s." % (
          name, found[name], prefix, by_name[name].shape.as_list(),
          " (%s more differ)" % (len(names) - 1) if len(names) > 1 else "",
          " and ".join(advice) or "use another checkpoint"))


def _advice(name, found, shape, hints):
  """Returns which hparam makes a variable as it is in the checkpoint."""
  for pattern, text in hints:
    if re.search(pattern, name):
      return text
  wanted = found[name]
  name = _SLOT.sub("", name)
  for pattern, advise in _ADVICE:
    if re.search(pattern, name):
      return advise(name, wanted, shape, found)
  return None


def _advise_table(name, wanted, shape, found):
  """For an embedding table [rows, E]."""
  if wanted[-1] != shape[-1]:
    if name.startswith("generator"):  # untied: as wide as the generator
      return _advise_generator(name, wanted, shape, found)
    return "set embedding_size to %d" % wanted[-1]
  if name.endswith("word_embeddings"):
    return "set vocab_size to %d" % wanted[0]
  hparam = ("max_position_embeddings" if name.endswith("position_embeddings")
            else "type_vocab_size")
  return "set model_hparam_overrides {\"%s\": %d}" % (hparam, wanted[0])


def _advise_embedding_size(name, wanted, shape, found):
  if name.startswith("generator/"):
    return _advise_generator(name, wanted, shape, found)
  return "set embedding_size to %d" % wanted[0]


def _advise_vocab_size(name, wanted, shape, found):
  del name, shape, found  # a vector of V numbers says it all
  return "set vocab_size to %d" % wanted[0]


def _advise_projection(name, wanted, shape, found):
  """For `embeddings_project/kernel` [E, D]."""
  if len(wanted) == 2 and wanted[0] != shape[0]:
    return "set embedding_size to %d" % wanted[0]
  if name.startswith("generator"):
    return _advise_generator(name, wanted, shape, found)
  return _advise_encoder(name, wanted, shape, found)


def _advise_generator(name, wanted, shape, found):
  """For what depends on the generator's hidden size."""
  del wanted, shape  # the two hidden sizes say more
  scope = name.split("/")[0]
  if scope.endswith("_predictions"):
    scope = "generator"
  hidden, whole = _hidden_size(found, scope), _hidden_size(found, "electra")
  if not hidden or not whole:
    return "set generator_hidden_size to what the checkpoint was made with"
  return "set generator_hidden_size to %s" % float("%.5g" % (hidden / whole))


def _advise_encoder(name, wanted, shape, found):
  """For what depends on the encoder's hidden size."""
  hidden = _hidden_size(found, name.split("/")[0]) or _hidden_size(
      found, "electra")
  feed_forward = _feed_forward_of(name, wanted, shape)
  if feed_forward:
    return ("set model_hparam_overrides {\"intermediate_size\": %d}" %
            feed_forward)
  if name.endswith("/intermediate/dense/bias"):
    return None  # its kernel says which of two sizes differs
  size = _MODEL_SIZE_OF_HIDDEN.get(hidden)
  if size:
    return "set model_size to \"%s\"" % size
  if hidden:
    return "set model_hparam_overrides {\"hidden_size\": %d}" % hidden
  return "set model_size to what the checkpoint was made with"


def _feed_forward_of(name, wanted, shape):
  """Returns the checkpoint's feed-forward size F if only that differs.

  The kernels are `intermediate/dense/kernel` [D, F] and
  `layer_<i>/output/dense/kernel` [F, D].
  """
  if name.endswith("/intermediate/dense/kernel") and wanted[0] == shape[0]:
    return wanted[1]
  if (re.search(r"/layer_\d+/output/dense/kernel$", name) and
      wanted[1] == shape[1]):
    return wanted[0]
  return None


def _advise_task(name, wanted, shape, found):
  del wanted, shape, found  # only the task can tell
  return ("it was fine-tuned with other labels: start from the pre-trained "
          "model, or use the same label set for task '%s'" % name.split("/")[1])


_ADVICE = (
    (r"^task_specific/[^/]+/", _advise_task),
    (r"(word|position|token_type)_embeddings$", _advise_table),
    (r"/embeddings/LayerNorm/", _advise_embedding_size),
    (r"_predictions/LayerNorm/", _advise_embedding_size),
    (r"_predictions/output_bias$", _advise_vocab_size),
    (r"/embeddings_project/", _advise_projection),
    (r"^discriminator_predictions/", _advise_encoder),
    (r"^(generator|cloze)", _advise_generator),
    (r"/encoder/", _advise_encoder),
)


def _hidden_size(found, scope):
  """Returns the hidden size of a checkpoint's encoder, None if unknown."""
  shape = found.get(scope + "/encoder/layer_0/attention/self/query/kernel")
  return shape[0] if shape else None


def _encoder_of(name):
  """Returns "electra/encoder/" of "electra/encoder/layer_3/output/..."."""
  match = re.match(r".*?encoder/", name)
  return match.group() if match else "electra/encoder/"


def _num_layers(names, encoder):
  matches = [re.match(re.escape(encoder) + r"layer_(\d+)/", name)
             for name in names]
  return 1 + max([int(match.group(1)) for match in matches if match] or [-1])


# ------------------------------------------------------------------ wording


def _groups(names):
  """Returns names with many of a kind put together, and counted.

  {"a/encoder/layer_0/x", "a/encoder/layer_1/x", "b/y"} becomes
  ["a/encoder (2)", "b/y"].
  """
  counts = collections.Counter()
  first = {}
  for name in sorted(names):
    slot = " slots" if is_slot(name) else ""
    group = "/".join(_SLOT.sub("", name).split("/")[:2]) + slot
    counts[group] += 1
    first.setdefault(group, name)
  return [first[group] if count == 1 else "%s (%d)" % (group, count)
          for group, count in sorted(counts.items())]


def _listing(names, limit=_MAX_LISTED):
  names = list(names)
  more = len(names) - limit
  return ", ".join(names[:limit]) + (" and %d more" % more if more > 0 else "")


def _count(number, noun):
  return "%d %s%s" % (number, noun, "" if number == 1 else "s")
