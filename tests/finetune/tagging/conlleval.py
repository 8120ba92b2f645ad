"""The chunks of a sentence as conlleval, the CoNLL scorer, defines them.

Written from the description of the shared tasks (conlleval's behaviour on the
tags B, I, E, S and O), independently of finetune.tagging: a table of adjacent tags
determines where chunks begin and end.
"""

BEGINS = {("B", "B"), ("I", "B"), ("O", "I"), ("O", "B"), ("E", "E"),
          ("E", "I"), ("E", "B"), ("O", "E"), ("S", "B"), ("S", "I"),
          ("S", "E"), ("B", "S"), ("I", "S"), ("E", "S"), ("S", "S"),
          ("O", "S")}
ENDS = {("B", "B"), ("B", "O"), ("I", "B"), ("I", "O"), ("E", "E"),
        ("E", "I"), ("E", "O"), ("E", "B"), ("S", "B"), ("S", "I"),
        ("S", "E"), ("S", "S"), ("S", "O"), ("B", "S"), ("I", "S"),
        ("E", "S")}


def chunks(tags):
  """Returns {(first word, last word, type)} of one sentence."""
  parts = [("O", "")] + [(tag[0], tag[2:]) for tag in tags] + [("O", "")]
  found, first = set(), None
  for i in range(1, len(parts)):
    (last_tag, last_type), (tag, chunk_type) = parts[i - 1], parts[i]
    pair, is_other = (last_tag, tag), last_type != chunk_type
    if pair in ENDS or (last_tag != "O" and is_other):
      found.add((first, i - 2, last_type))
    if pair in BEGINS or (tag != "O" and is_other):
      first = i - 1
  return found


def scores(gold, predicted):
  """Returns (precision, recall, F1) in percent over lists of sentences."""
  num_gold = num_predicted = num_right = 0
  for gold_tags, predicted_tags in zip(gold, predicted):
    gold_chunks, predicted_chunks = chunks(gold_tags), chunks(predicted_tags)
    num_gold += len(gold_chunks)
    num_predicted += len(predicted_chunks)
    num_right += len(gold_chunks & predicted_chunks)
  precision = 100.0 * num_right / num_predicted if num_predicted else 0.0
  recall = 100.0 * num_right / num_gold if num_gold else 0.0
  both = precision + recall
  return precision, recall, 2 * precision * recall / both if both else 0.0
