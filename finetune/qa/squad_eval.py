"""Scores of SQuAD 1.1 and 2.0, MRQA and MLQA, equal to the official scripts'.

All functions take `gold`, {question id: tuple of gold answers}, in the order of
the dataset (the last digits of a sum depend on it), and `predictions`,
{question id: answer}. Scores are in percent. As in the official scripts, a
question without a prediction counts as wrong in SQuAD 1.1 and MRQA and is
ignored in SQuAD 2.0.
"""

from finetune.qa import answer_scores


def read_gold(dataset):
  """Returns `gold` of a dataset in SQuAD's layout; "version" is optional.

  Args:
    dataset: the parsed JSON object, or its list of articles.
  """
  articles = dataset["data"] if isinstance(dataset, dict) else dataset
  return {question["id"]: tuple(a["text"] for a in question["answers"])
          for article in articles for paragraph in article["paragraphs"]
          for question in paragraph["qas"]}


def squad_v1(gold, predictions):
  """Returns {"exact_match", "f1"} of SQuAD 1.1 and MRQA."""
  exact = f1 = 0.0
  for question_id, answers in gold.items():
    if question_id in predictions:
      predicted = predictions[question_id]
      exact += answer_scores.best_over(
          answers, predicted, answer_scores.exact_match)
      f1 += answer_scores.best_over(answers, predicted, answer_scores.f1)
  return {"exact_match": 100.0 * exact / len(gold),
          "f1": 100.0 * f1 / len(gold)}


def squad_v2(gold, predictions, null_odds=None, threshold=1.0):
  """Returns the scores of SQuAD 2.0.

  Args:
    gold: {question id: tuple of gold answers}, () for an unanswerable one.
    predictions: {question id: answer}, "" for no answer.
    null_odds: {question id: float}, higher if no answer is more likely; None if
      unknown.
    threshold: float, the null odds above which the prediction counts as "".

  Returns:
    {"exact", "f1", "total"}, and the same scores of the answerable questions
    prefixed with "HasAns_" and of the unanswerable ones with "NoAns_", if there
    are any; with `null_odds` also the scores at the best threshold,
    "best_exact", "best_exact_thresh", "best_f1" and "best_f1_thresh".
  """
  exact, f1 = {}, {}
  for question_id, answers in gold.items():
    if question_id in predictions:
      predicted = predictions[question_id]
      answers = [answer for answer in answers
                 if answer_scores.normalize(answer)] or [""]
      exact[question_id] = answer_scores.best_over(
          answers, predicted, answer_scores.exact_match)
      f1[question_id] = answer_scores.best_over(answers, predicted, _f1_v2)
  if not exact:
    return {"exact": 0.0, "f1": 0.0, "total": 0}
  odds = null_odds or dict.fromkeys(gold, 0.0)
  exact_at_threshold = _at_threshold(exact, gold, odds, threshold)
  f1_at_threshold = _at_threshold(f1, gold, odds, threshold)
  results = _means(exact_at_threshold, f1_at_threshold, list(exact), "")
  for prefix, is_answerable in (("HasAns_", True), ("NoAns_", False)):
    ids = [question_id for question_id in exact
           if bool(gold[question_id]) == is_answerable]
    if ids:
      results.update(_means(exact_at_threshold, f1_at_threshold, ids, prefix))
  if null_odds is not None:
    for name, scores in (("exact", exact), ("f1", f1)):
      results["best_" + name], results["best_%s_thresh" % name] = (
          _best_threshold(scores, predictions, gold, null_odds))
  return results


def arabic(gold, predictions):
  """Returns the unofficial scores {"arabic_exact_match", "arabic_f1"}.

  Like `squad_v1`, with answers normalized by `answer_scores.normalize_arabic`:
  "بيروت،" matches "بيروت", "أحمد" matches "احمد", "القاهرة" matches "قاهرة".
  """
  return _normalized(gold, predictions, "arabic_",
                     answer_scores.normalize_arabic, both_empty=1.0)


def mlqa_arabic(gold, predictions):
  """Returns {"mlqa_exact_match", "mlqa_f1"}, MLQA's official Arabic scores.

  https://github.com/facebookresearch/MLQA, mlqa_evaluation_v1.py, language ar.
  """
  return _normalized(gold, predictions, "mlqa_",
                     answer_scores.normalize_mlqa_arabic, both_empty=0.0)


def _normalized(gold, predictions, prefix, normalize_fn, both_empty):
  """Returns exact match and F1 of normalized answers, named with `prefix`.

  The correct prediction for an unanswerable question is "". A question without
  a prediction counts as wrong.
  """
  exact = f1 = 0.0
  for question_id, answers in gold.items():
    if question_id not in predictions:
      continue
    predicted = predictions[question_id]
    if not answers:
      is_right = not normalize_fn(predicted)
      exact, f1 = exact + is_right, f1 + is_right
      continue
    exact += answer_scores.best_over(
        answers, predicted,
        lambda a, b: answer_scores.exact_match(a, b, normalize_fn))
    f1 += answer_scores.best_over(
        answers, predicted,
        lambda a, b: answer_scores.f1(a, b, both_empty, normalize_fn))
  return {prefix + "exact_match": 100.0 * exact / len(gold),
          prefix + "f1": 100.0 * f1 / len(gold)}


def _f1_v2(gold, predicted):
  return answer_scores.f1(gold, predicted, both_empty=1.0)


def _at_threshold(scores, gold, null_odds, threshold):
  """Returns the scores if null odds above the threshold predict ""."""
  return {question_id: float(not gold[question_id])
                       if null_odds[question_id] > threshold else score
          for question_id, score in scores.items()}


def _means(exact, f1, ids, prefix):
  return {prefix + "exact": 100.0 * sum(exact[i] for i in ids) / len(ids),
          prefix + "f1": 100.0 * sum(f1[i] for i in ids) / len(ids),
          prefix + "total": len(ids)}


def _best_threshold(scores, predictions, gold, null_odds):
  """Returns (best score in percent, its threshold of the null odds).

  Starts with every question predicted unanswerable and answers one more
  question at a time, in increasing order of the odds.
  """
  score = best = float(sum(not answers for answers in gold.values()))
  threshold = 0.0
  for question_id in sorted(null_odds, key=lambda i: null_odds[i]):
    if question_id not in scores:
      continue
    if gold[question_id]:
      score += scores[question_id]
    elif predictions[question_id]:
      score -= 1
    if score > best:
      best, threshold = score, null_odds[question_id]
  return 100.0 * best / len(scores), threshold
