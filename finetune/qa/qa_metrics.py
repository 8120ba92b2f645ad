"""Turns the head's outputs into answers, scores them and writes them."""

import collections
import json

from finetune.qa import answer_scores
from finetune.qa import qa_decoding
from finetune.qa import squad_eval
from finetune import scorer
from util import utils

# Of what the head puts out, what answers are made from.
_JOINT_OUTPUTS = ("start_top_index", "start_top_log_probs", "end_top_index",
                  "end_top_log_probs")
_LOGITS = ("start_logits", "end_logits")


class SpanBasedQAScorer(scorer.Scorer):
  """Scores the answers to the questions of one split.

  Scores are named as the official scripts name them. Where most gold answers
  are in Arabic letters two pairs are added, which are not those of SQuAD and
  never part of them: "arabic_exact_match" and "arabic_f1" (see
  `answer_scores.normalize_arabic`) and "mlqa_exact_match" and "mlqa_f1" (as
  MLQA scores Arabic).

  The answers to the dev set are also written, each time they are scored:
  `config.qa_preds_file`, `qa_nbest_file`, `qa_eval_file` and, for tasks with
  impossible questions, `qa_na_file`.
  """

  def __init__(self, config, task, split):
    """Makes a scorer without outputs.

    Args:
      config: a FinetuningConfig.
      task: a qa_tasks.QATask.
      split: str.
    """
    super().__init__()
    self._config = config
    self._task = task
    self._split = split
    self._settings = qa_decoding.Settings(
        config.n_best_size, config.max_answer_length, config.joint_prediction,
        config.answerable_classifier)
    self._outputs = {}  # by eid

  def update(self, results):
    super().update(results)
    wanted = ["answerable_logit"]
    if self._settings.joint_prediction:
      wanted += _JOINT_OUTPUTS
    if not self._settings.joint_prediction or (
        not self._settings.answerable_classifier):
      wanted += _LOGITS
    self._outputs[int(results["eid"])] = {
        name: results[name] for name in wanted}

  def get_test_predictions(self):
    """Returns {question id: answer}; "" where there is likely to be none."""
    answers, odds = self._answers()
    return self._final(_texts(answers), odds)

  def get_predictions(self):
    """Returns [{"id", "question", "answer", "n_best", ...}] in file order.

    "answer" is "" where there is likely to be none; "n_best" are the candidates
    as in `config.qa_nbest_file`, "probability" is that of the best. Tasks with
    impossible questions add "null_odds", and "has_answer": whether they are not
    above `qa_na_threshold`.
    """
    answers, odds = self._answers()
    final = self._final(_texts(answers), odds)
    predictions = []
    for example in self._task.get_examples(self._split):
      candidates = answers[example.qas_id]
      probabilities = qa_decoding.probabilities(candidates)
      prediction = collections.OrderedDict([
          ("id", example.qas_id), ("question", example.question),
          ("answer", final[example.qas_id]),
          ("probability", probabilities[0]),
          ("n_best", list(map(_as_json, candidates, probabilities)))])
      if self._task.has_impossible:
        null_odds = odds[example.qas_id]
        prediction["null_odds"] = null_odds
        prediction["has_answer"] = null_odds <= self._config.qa_na_threshold
      predictions.append(prediction)
    return predictions

  def get_predictions_as_text(self):
    """Returns {question id: answer} as JSON, as official scripts read it."""
    return ".json", json.dumps(self.get_test_predictions(), ensure_ascii=False,
                               indent=1) + "\n"

  def _get_results(self):
    answers, odds = self._answers()
    predictions = _texts(answers)
    gold = {example.qas_id: example.gold_answers
            for example in self._task.get_examples(self._split)}
    if None in gold.values():  # an unlabeled split
      return []
    if self._task.has_impossible:
      results = squad_eval.squad_v2(
          gold, predictions, odds, self._config.qa_na_threshold)
      results = _ordered(results, "exact", "f1")
    else:
      results = _ordered(squad_eval.squad_v1(gold, predictions), "exact_match",
                         "f1")
    if _is_mostly_arabic(gold):
      final = self._final(predictions, odds)
      results.update(squad_eval.arabic(gold, final))
      results.update(squad_eval.mlqa_arabic(gold, final))
    if self._split == "dev":
      self._write(answers, odds, results)
    return list(results.items())

  def _answers(self):
    """Returns ({question id: [Answer]}, {question id: null odds}).

    Raises:
      utils.UserError: the model's outputs are not of these questions.
    """
    answers, odds = {}, {}
    for example in self._task.get_examples(self._split):
      windows = self._task.get_windows(example)
      missing = [w.eid for w in windows if w.eid not in self._outputs]
      if missing:
        raise utils.UserError(
            "Task '%s': the model has put out nothing for %d of %d windows of "
            "question %s of split '%s': its stored features were made from "
            "other data; set \"use_tfrecords_if_existing\": false." % (
                self._task.name, len(missing), len(windows), example.qas_id,
                self._split))
      outputs = [self._outputs[window.eid] for window in windows]
      answers[example.qas_id] = qa_decoding.best_answers(
          example.words, windows, outputs, self._task.tokenizer,
          self._settings)
      odds[example.qas_id] = qa_decoding.null_odds(
          outputs, answers[example.qas_id], self._settings)
    return answers, odds

  def _final(self, predictions, odds):
    """Returns the predictions, "" where an impossible question is likelier."""
    if not self._task.has_impossible:
      return predictions
    return {qas_id: "" if odds[qas_id] > self._config.qa_na_threshold else text
            for qas_id, text in predictions.items()}

  def _write(self, answers, odds, results):
    config, name = self._config, self._task.name
    utils.write_json(_texts(answers), config.qa_preds_file(name))
    utils.write_json(
        {qas_id: [_as_json(answer, probability) for answer, probability in zip(
            candidates, qa_decoding.probabilities(candidates))]
         for qas_id, candidates in answers.items()},
        config.qa_nbest_file(name))
    if self._task.has_impossible:
      utils.write_json(odds, config.qa_na_file(name))
    utils.write_json(dict(results), config.qa_eval_file(name))
    utils.log("Wrote the answers to %d questions to %s" % (
        len(answers), config.qa_preds_file(name)))


def _texts(answers):
  """Returns {question id: text of the best answer}."""
  return {qas_id: candidates[0].text for qas_id, candidates in answers.items()}


def _as_json(answer, probability):
  return {"text": answer.text, "probability": probability,
          "start_logit": float(answer.start_logit),
          "end_logit": float(answer.end_logit)}


def _ordered(results, *first):
  """Returns `results` with the scores named `first` at its beginning."""
  names = list(first) + sorted(set(results) - set(first))
  return collections.OrderedDict((name, results[name]) for name in names)


def _is_mostly_arabic(gold):
  texts = [texts[0] for texts in gold.values() if texts]
  return 2 * sum(map(answer_scores.has_arabic, texts)) > len(texts)
