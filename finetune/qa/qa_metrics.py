"""The scorer of question answering: decodes answers and scores them."""

import collections
import json
import math

from finetune import scorer
from finetune.qa import answer_scores
from finetune.qa import qa_decoding
from finetune.qa import qa_examples
from finetune.qa import squad_eval
from util import utils

# The outputs of the head that answers are decoded from.
_JOINT_OUTPUTS = ("start_top_index", "start_top_log_probs", "end_top_index",
                  "end_top_log_probs")
_LOGITS = ("start_logits", "end_logits")
_MAX_LOG_ODDS = 700.0  # exp of more is no float

# The decoded outputs of a split.
#   answers: {question id: list of qa_decoding.Answer, best first}.
#   null_odds: {question id: float}, see `qa_decoding.null_odds`.
_Decoded = collections.namedtuple("_Decoded", ["answers", "null_odds"])


class SpanBasedQAScorer(scorer.Scorer):
  """Scores the answers to the questions of one split.

  Scores have the names that the official scripts give them. If most gold
  answers are Arabic, two unofficial pairs are added: "arabic_exact_match" and
  "arabic_f1" (see `answer_scores.normalize_arabic`), and "mlqa_exact_match" and
  "mlqa_f1" (MLQA's normalization of Arabic).
  """

  def __init__(self, config, task, split, v2=None):
    """Creates a scorer without outputs.

    Args:
      config: a FinetuningConfig.
      task: a qa_tasks.QATask.
      split: str.
      v2: ignored; the task knows whether questions may have no answer.
    """
    del v2
    super().__init__()
    self._config = config
    self._task = task
    self._split = split
    self._settings = qa_decoding.Settings(
        config.n_best_size, config.max_answer_length, config.joint_prediction,
        config.answerable_classifier)
    self._outputs = {}  # by eid
    self._decoded = None

  def update(self, results):
    super().update(results)
    names = ["answerable_logit"]
    if self._settings.joint_prediction:
      names += _JOINT_OUTPUTS
    if not self._settings.joint_prediction or (
        not self._settings.answerable_classifier):
      names += _LOGITS
    self._outputs[int(results["eid"])] = {
        name: results[name] for name in names}
    self._decoded = None

  def get_test_predictions(self):
    """Returns {question id: answer}; "" if none is more likely."""
    return self._thresholded(self._decode())

  def get_predictions(self):
    """Returns [{"id", "question", "answer", "n_best", ...}] in file order.

    "answer" is the characters from "start" to "end" of the context; it is ""
    and they are null if no answer is more likely or no span is valid. "n_best"
    lists the candidates as in `config.qa_nbest_file`. "probability" is that of
    "answer": among the candidates or, for "", by the null odds; null if the
    model does not give it.

    Tasks with impossible questions add "null_odds", P(no answer) / P(answer),
    their logarithm "null_logit", which `qa_na_threshold` is compared with, and
    "has_answer". The odds are null if the context has no words.
    """
    decoded = self._decode()
    final = self._thresholded(decoded)
    return [self._prediction(example, final[example.qas_id],
                             _n_best(decoded.answers[example.qas_id]),
                             decoded.null_odds[example.qas_id])
            for example in self._task.get_examples(self._split)]

  def get_predictions_as_text(self):
    """Returns {question id: answer} as JSON, as official scripts read it."""
    return ".json", json.dumps(self.get_test_predictions(), ensure_ascii=False,
                               indent=1) + "\n"

  def get_files(self):
    """Returns the files of the dev set: answers, n-best lists, odds, scores."""
    results = dict(self.get_results())
    if self._split != "dev" or not results:
      return {}
    config, name = self._config, self._task.name
    decoded = self._decode()
    files = {
        config.qa_preds_file(name): _best_texts(decoded.answers),
        config.qa_nbest_file(name): {
            qas_id: _n_best(answers)
            for qas_id, answers in decoded.answers.items()}}
    if self._task.has_impossible:
      files[config.qa_na_file(name)] = decoded.null_odds
    files[config.qa_eval_file(name)] = results
    files[config.qa_errors_file(name)] = self._worst_first()
    return files

  def _worst_first(self):
    """Returns the worst of `get_predictions`, with "context", "gold" and "f1".

    The lowest F1 first and, of these, the most confident answer.
    """
    predictions = []
    for prediction, example in zip(self.get_predictions(),
                                   self._task.get_examples(self._split)):
      del prediction["n_best"]
      gold = list(example.gold_answers) or [""]
      predictions.append(dict(
          prediction, context=example.words.context, gold=gold,
          f1=100.0 * answer_scores.best_over(
              gold, prediction["answer"], _f1_or_both_empty)))
    predictions.sort(key=lambda prediction: (
        prediction["f1"], -(prediction["probability"] or 0.0)))
    return predictions[:scorer.NUM_WORST]

  def score_names(self):
    gold = self._gold()
    decoded = _Decoded(dict.fromkeys(gold, ()), dict.fromkeys(gold, 0.0))
    return [name for name, _ in self._score(gold, decoded)]

  def _get_results(self):
    return self._score(self._gold(), self._decode())

  def _gold(self):
    """Returns {question id: gold answers}, {} for an unlabeled split."""
    gold = {example.qas_id: example.gold_answers
            for example in self._task.get_examples(self._split)}
    return {} if None in gold.values() else gold

  def _score(self, gold, decoded):
    """Returns [(name, score)] of _Decoded outputs."""
    if not gold:
      return []
    predictions = _best_texts(decoded.answers)
    if self._task.has_impossible:
      results = squad_eval.squad_v2(gold, predictions, decoded.null_odds,
                                    self._config.qa_na_threshold)
      results = _ordered(results, "exact", "f1")
    else:
      results = _ordered(squad_eval.squad_v1(gold, predictions), "exact_match",
                         "f1")
    if _is_mostly_arabic(gold):
      final = self._thresholded(decoded)
      results.update(squad_eval.arabic(gold, final))
      results.update(squad_eval.mlqa_arabic(gold, final))
    return list(results.items())

  def _prediction(self, example, answer, n_best, log_odds):
    """Returns the prediction for a QAExample; see `get_predictions`."""
    best = n_best[0] if answer else {}
    has_odds = (self._task.has_impossible and
                log_odds != qa_decoding.NO_WINDOW_NULL_ODDS)
    odds = math.exp(min(log_odds, _MAX_LOG_ODDS)) if has_odds else None
    probability = best.get("probability")
    if n_best and not answer:
      probability = odds / (1.0 + odds)
    prediction = collections.OrderedDict([
        ("id", example.qas_id), ("question", example.question),
        ("answer", answer), ("start", best.get("start")),
        ("end", best.get("end")), ("probability", probability),
        ("n_best", n_best)])
    if self._task.has_impossible:
      prediction["null_odds"] = odds
      prediction["null_logit"] = log_odds if has_odds else None
      prediction["has_answer"] = bool(answer)
    return prediction

  def _decode(self):
    """Returns the _Decoded outputs of the split, cached until `update`.

    Raises:
      utils.UserError: a question has no outputs.
    """
    if self._decoded is None:
      self._decoded = _Decoded({}, {})
      for example in self._task.get_examples(self._split):
        windows = self._task.get_windows(example)
        outputs = self._outputs_of(example, windows)
        answers = qa_decoding.best_answers(
            example.words, windows, outputs, self._task.tokenizer,
            self._settings)
        self._decoded.answers[example.qas_id] = answers
        self._decoded.null_odds[example.qas_id] = qa_decoding.null_odds(
            outputs, answers, self._settings)
      self._log_without_answer()
    return self._decoded

  def _log_without_answer(self):
    """Logs the number of questions for which no span is valid."""
    without = [qas_id for qas_id, answers in self._decoded.answers.items()
               if not answers]
    if without:
      utils.log(
          "Task '{}': no span of the context is an answer for {:,} of {:,} {} "
          "questions ({}); their answer is \"\"".format(
              self._task.name, len(without), len(self._decoded.answers),
              self._split, qa_examples.format_ids(without)))

  def _outputs_of(self, example, windows):
    """Returns the outputs for each window of a question."""
    missing = [w.eid for w in windows if w.eid not in self._outputs]
    if missing:
      raise utils.UserError(
          "Task '%s': no model outputs for %d of %d windows of question %s of "
          "split '%s': its cached features are stale. Set "
          "\"use_tfrecords_if_existing\": false." % (
              self._task.name, len(missing), len(windows), example.qas_id,
              self._split))
    return [self._outputs[window.eid] for window in windows]

  def _thresholded(self, decoded):
    """Returns {question id: answer}; "" where the null odds are too high."""
    predictions = _best_texts(decoded.answers)
    if not self._task.has_impossible:
      return predictions
    return {qas_id: "" if decoded.null_odds[qas_id] >
                    self._config.qa_na_threshold else text
            for qas_id, text in predictions.items()}


def _f1_or_both_empty(gold, predicted):
  return answer_scores.f1(gold, predicted, both_empty=1.0)


def _best_texts(answers):
  """Returns {question id: text of the best answer}."""
  return {qas_id: candidates[0].text if candidates else ""
          for qas_id, candidates in answers.items()}


def _n_best(answers):
  """Returns the Answers to a question with their probabilities, for JSON."""
  return [{"text": answer.text, "start": answer.start, "end": answer.end,
           "probability": probability,
           "start_logit": float(answer.start_logit),
           "end_logit": float(answer.end_logit)}
          for answer, probability in zip(
              answers, qa_decoding.probabilities(answers))]


def _ordered(results, *first):
  """Returns `results` with the scores in `first` at the front."""
  names = list(first) + sorted(set(results) - set(first))
  return collections.OrderedDict((name, results[name]) for name in names)


def _is_mostly_arabic(gold):
  texts = [texts[0] for texts in gold.values() if texts]
  return 2 * sum(map(answer_scores.has_arabic, texts)) > len(texts)
