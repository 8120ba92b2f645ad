"""Asks a model in a terminal: reads texts, prints what it predicts."""

import collections

from util import utils

_MIN_REPLACED = 0.5  # probability from which a token is called replaced
_BAR = 20  # characters of a probability of 1
_MAX_ANSWERS = 3


def run(model, read_line, write=utils.log):
  """Answers until the end of the input.

  Args:
    model: pretrained.PretrainedModel or finetuned.FinetunedModel.
    read_line: function of a prompt that returns a line, like `input`.
    write: function of a line to print.
  """
  write("%s model %s, step %s. End with Ctrl-D." % (
      model.about["kind"], model.about["checkpoint"],
      "{:,}".format(model.about["step"])))
  action = model.actions[0]
  if len(model.actions) > 1:
    write("Actions: %s. To change, enter / and its name, such as /%s." % (
        ", ".join(action.name for action in model.actions),
        model.actions[-1].name))
  while True:
    try:
      entered = _read(action, model.actions, read_line)
    except EOFError:
      write("")
      return
    if not isinstance(entered, dict):
      action = entered
      write("%s: %s" % (action.name, action.about))
      continue
    try:
      result = model.run(action.name, entered)
    except utils.UserError as error:
      write("error: %s" % error)
      continue
    for line in _FORMATS[action.kind](result):
      write(line)


def _read(action, known, read_line):
  """Returns {field: text}, or the Action that was entered instead."""
  values = collections.OrderedDict()
  for field in action.fields:
    text = read_line("%s> " % field.label)
    for other in known:
      if text.strip() == "/" + other.name:
        return other
    values[field.name] = text
  return values


def _fill_mask(result):
  for number, mask in enumerate(result["masks"], 1):
    yield "[MASK] %d" % number
    for prediction in mask["predictions"]:
      yield "  " + _bar(prediction["probability"], prediction["token"])


def _discriminate(result):
  replaced = [token for token in result["tokens"]
              if token["probability"] >= _MIN_REPLACED]
  for token in result["tokens"]:
    yield "  %s%s" % (_bar(token["probability"], token["token"]),
                      "  <- replaced" if token in replaced else "")
  yield "%d of %d tokens are called replaced" % (
      len(replaced), len(result["tokens"]))


def _qa(result):
  yield "Answer: %s" % (result["answer"] or "(no answer)")
  for candidate in result["n_best"][:_MAX_ANSWERS]:
    yield "  " + _bar(candidate["probability"], candidate["text"])
  yield from result["notes"]


def _classification(result):
  if "value" in result:
    yield "Value: %.4g" % result["value"]
  else:
    labels = result["labels"] if "labels" in result else [result["label"]]
    yield "Label: %s" % (", ".join(labels) or "(none)")
    for label, probability in result["probabilities"].items():
      yield "  " + _bar(probability, label)
  yield from result["notes"]


def _tagging(result):
  for word, tag, probability in zip(result["words"], result["tags"],
                                    result["probabilities"]):
    yield "  %s  %s" % (_bar(probability, tag), word)
  yield from result["notes"]


_FORMATS = {"fill_mask": _fill_mask, "discriminate": _discriminate, "qa": _qa,
            "classification": _classification, "tagging": _tagging}


def _bar(probability, text):
  """Returns a probability as a number, a bar, and what it is for."""
  return "%.3f %s %s" % (
      probability, ("#" * int(round(_BAR * probability))).ljust(_BAR), text)
