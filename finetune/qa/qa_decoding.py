"""Decodes answers from the head's outputs for the windows of a question."""

import collections

import numpy as np

# The hyperparameters of decoding, by their names.
Settings = collections.namedtuple("Settings", [
    "n_best_size", "max_answer_length", "joint_prediction",
    "answerable_classifier"])

# The null odds of a question whose context has no words, as in the reference.
NO_WINDOW_NULL_ODDS = 1e6

# A candidate answer.
#   text: str, the characters [start, end) of the original context.
#   start_logit, end_logit: log-probabilities with joint_prediction.
Answer = collections.namedtuple(
    "Answer", ["text", "start", "end", "start_logit", "end_logit"])

_Span = collections.namedtuple(
    "_Span", ["window", "start", "end", "start_logit", "end_logit"])


def best_answers(words, windows, outputs, tokenizer, settings):
  """Returns the best answers to a question, with distinct texts, best first.

  Args:
    words: qa_examples.Words of the context.
    windows: list of the question's qa_features.Windows.
    outputs: list of {output of qa_head.build: NumPy value}, one per window.
    tokenizer: the FullTokenizer that the windows were tokenized with.
    settings: Settings.

  Returns:
    list of at most `n_best_size` Answers; [] if no span is valid. Texts that
    differ only in white space are the same.
  """
  spans = [span for window, output in zip(windows, outputs)
           for span in _valid_spans(window, output, settings)]
  spans.sort(key=lambda span: span.start_logit + span.end_logit, reverse=True)
  answers = collections.OrderedDict()
  for span in spans:
    if len(answers) >= settings.n_best_size:
      break
    start, end = _locate(words, span, tokenizer)
    text = words.context[start:end]
    key = " ".join(text.split())
    # Text that the cleaning added has no characters in the original context.
    if text and key not in answers:
      answers[key] = Answer(text, start, end, span.start_logit, span.end_logit)
  return list(answers.values())


def null_odds(outputs, answers, settings):
  """Returns the log-odds of "no answer"; higher means more likely.

  The official scripts and the reference call them null odds. The minimum over
  the windows: of the classifier's logits, or, without the classifier, of the
  scores of the span [CLS], minus the score of the best answer.

  Args:
    outputs: list of {output: NumPy value}, one per window; may be empty.
    answers: list of Answers from `best_answers`.
    settings: Settings.
  """
  if not outputs:
    return NO_WINDOW_NULL_ODDS
  if settings.answerable_classifier:
    return float(min(output["answerable_logit"] for output in outputs))
  best = answers[0].start_logit + answers[0].end_logit if answers else 0.0
  return float(min(output["start_logits"][0] + output["end_logits"][0]
                   for output in outputs) - best)


def probabilities(answers):
  """Returns the softmax over the scores of Answers, a list of floats."""
  if not answers:
    return []
  scores = np.array([answer.start_logit + answer.end_logit
                     for answer in answers], np.float64)
  exps = np.exp(scores - scores.max())
  return (exps / exps.sum()).tolist()


def _valid_spans(window, output, settings):
  """Yields the _Spans of one window that may be an answer.

  They start where the window has the maximum context, end within the context of
  the question, and are not longer than `max_answer_length` tokens.
  """
  for start, start_logit, ends, end_logits in _beams(output, settings):
    if start not in window.max_context:
      continue
    for end, end_logit in zip(ends, end_logits):
      if start <= end < start + settings.max_answer_length and (
          end in window.token_to_word):
        yield _Span(window, start, end, start_logit, end_logit)


def _beams(output, settings):
  """Yields (start, its logit, candidate ends for it, their logits)."""
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
  """Returns the positions of the largest logits, largest first, as a list."""
  return np.argsort(-logits, kind="stable")[:count].tolist()


def _locate(words, span, tokenizer):
  """Returns (start, end) of a span in the original context, in characters."""
  first = span.window.token_to_word[span.start]
  last = span.window.token_to_word[span.end]
  pieces = tokenizer.convert_ids_to_tokens(
      span.window.input_ids[span.start:span.end + 1])
  start, end = locate_pieces(" ".join(words.words[first:last + 1]), pieces,
                             tokenizer.basic_tokenizer)
  return words.locate_in_context(first, last, start, end)


def locate_pieces(text, pieces, basic_tokenizer):
  """Returns (start, end) of the characters of `text` that WordPieces cover.

  WordPieces are normalized, may be lower-cased and have punctuation split off.
  They are aligned with `text` through its tokens, character by character
  without spaces. For the words "(1895-1943)." and the pieces "18", "##95" the
  answer is "1895", and diacritics are kept as written.

  Args:
    text: str, words of the context that contain the pieces.
    pieces: list of str.
    basic_tokenizer: the BasicTokenizer that the pieces were made with.

  Returns:
    (int, int), in characters; all of `text` if the pieces cannot be aligned
    because one is [UNK] or the tokenizer dropped characters, such as accents.
  """
  predicted = " ".join(pieces).replace(" ##", "").replace("##", "")
  predicted = " ".join(predicted.split())
  tokenized = " ".join(basic_tokenizer.tokenize(text))
  start = tokenized.find(predicted)
  indices = _non_space_indices(text)
  tokenized_indices = _non_space_indices(tokenized)
  if start < 0 or not predicted or len(indices) != len(tokenized_indices):
    return 0, len(text)
  # `predicted` neither starts nor ends with a space, so both ends are keys.
  index_in_text = dict(zip(tokenized_indices, indices))
  return (index_in_text[start],
          index_in_text[start + len(predicted) - 1] + 1)


def _non_space_indices(text):
  return [i for i, char in enumerate(text) if char != " "]
