"""From the head's outputs for the windows of a question to its answers."""

import collections

import numpy as np

from finetune.qa import answer_text

# What decides the answers; the names are the hyperparameters'.
Settings = collections.namedtuple("Settings", [
    "n_best_size", "max_answer_length", "joint_prediction",
    "answerable_classifier"])

# What the reference answers where no span is possible, and the null odds of a
# question whose context has no words. No gold answer is "empty", while "" would
# be right for an unanswerable question.
NO_SPAN_TEXT = "empty"
NO_WINDOW_NULL_ODDS = 1e6

# A candidate answer; the logits are log-probabilities with joint_prediction.
Answer = collections.namedtuple("Answer", ["text", "start_logit", "end_logit"])

_Span = collections.namedtuple(
    "_Span", ["window", "start", "end", "start_logit", "end_logit"])


def best_answers(words, windows, outputs, tokenizer, settings):
  """Returns the best answers to a question, different in text, best first.

  Args:
    words: qa_examples.Words of the context.
    windows: list of qa_features.Window of the question.
    outputs: list of {output of qa_head.build: NumPy value}, of each window.
    tokenizer: the FullTokenizer the windows were made with.
    settings: Settings.

  Returns:
    list of at most `n_best_size` Answers, never empty: it is `NO_SPAN_TEXT`
    where no span of the outputs is possible.
  """
  spans = [span for window, output in zip(windows, outputs)
           for span in _possible_spans(window, output, settings)]
  spans.sort(key=lambda span: span.start_logit + span.end_logit, reverse=True)
  answers = collections.OrderedDict()
  for span in spans:
    if len(answers) >= settings.n_best_size:
      break
    text = _text(words, span, tokenizer)
    # Nothing of the context stands behind what a cleaning may have added.
    if text and text not in answers:
      answers[text] = Answer(text, span.start_logit, span.end_logit)
  return list(answers.values()) or [Answer(NO_SPAN_TEXT, 0.0, 0.0)]


def null_odds(outputs, answers, settings):
  """Returns how likely it is that there is no answer, the higher the likelier.

  The window that is surest to hold an answer decides. With the classifier it is
  that window's logit; without it, that of the span [CLS] over the best answer.

  Args:
    outputs: list of {output: NumPy value}, of each window; may be empty.
    answers: list of Answers from `best_answers`.
    settings: Settings.
  """
  if not outputs:
    return NO_WINDOW_NULL_ODDS
  if settings.answerable_classifier:
    return float(min(output["answerable_logit"] for output in outputs))
  best = answers[0]
  return float(min(output["start_logits"][0] + output["end_logits"][0]
                   for output in outputs) -
               (best.start_logit + best.end_logit))


def probabilities(answers):
  """Returns the softmax over the scores of Answers, a list of floats."""
  scores = np.array([answer.start_logit + answer.end_logit
                     for answer in answers], np.float64)
  exps = np.exp(scores - scores.max())
  return (exps / exps.sum()).tolist()


def _possible_spans(window, output, settings):
  """Yields the _Spans of one window that may be an answer."""
  for start, start_logit, ends, end_logits in _beams(output, settings):
    if start not in window.max_context:
      continue
    for end, end_logit in zip(ends, end_logits):
      if start <= end < start + settings.max_answer_length and (
          end in window.token_to_word):
        yield _Span(window, start, end, start_logit, end_logit)


def _beams(output, settings):
  """Yields (start, its logit, ends to pair it with, their logits)."""
  if settings.joint_prediction:
    for start, start_logit, ends, end_logits in zip(
        output["start_top_index"].tolist(), output["start_top_log_probs"],
        output["end_top_index"].tolist(), output["end_top_log_probs"]):
      yield start, start_logit, ends, end_logits
  else:
    starts = _largest(output["start_logits"], settings.n_best_size)
    ends = _largest(output["end_logits"], settings.n_best_size)
    end_logits = output["end_logits"][ends]
    for start in starts:
      yield start, output["start_logits"][start], ends, end_logits


def _largest(logits, count):
  """Returns the places of the largest logits, largest first, as a list."""
  return np.argsort(-logits, kind="stable")[:count].tolist()


def _text(words, span, tokenizer):
  """Returns the text of a span as it stands in the original context."""
  first = span.window.token_to_word[span.start]
  last = span.window.token_to_word[span.end]
  pieces = tokenizer.convert_ids_to_tokens(
      span.window.input_ids[span.start:span.end + 1])
  start, end = answer_text.place_in(
      " ".join(words.words[first:last + 1]),
      answer_text.text_of_pieces(pieces), tokenizer.basic_tokenizer)
  return words.text(first, last, start, end)
