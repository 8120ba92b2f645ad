"""Extractive question answering with `transformers`, for the notebooks.

Files are read, cleaned, checked for leakage and scored by the same code as in
run_finetuning.py; the model and its training are PyTorch. Requires the packages
of requirements-notebooks.txt.
"""

import collections
import os
import re
import sys

import numpy as np
import torch
from tqdm.auto import tqdm
import transformers

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))

from finetune.qa import answer_scores
from finetune.qa import cleaned_context
from finetune.qa import leakage
from finetune.qa import qa_examples
from finetune.qa import squad_eval
from finetune.readers import squad
from reporting import page
from util import utils

# How to train and decode. max_length: tokens of an input; stride: tokens that
# consecutive inputs of a long context share (in `transformers`' sense);
# max_query_length: tokens of a question; warmup_proportion: of all steps;
# n_best_size: starts and ends that are combined; max_answer_length: tokens.
Settings = collections.namedtuple("Settings", [
    "learning_rate", "batch_size", "num_epochs", "warmup_proportion",
    "weight_decay", "max_length", "stride", "max_query_length", "n_best_size",
    "max_answer_length", "seed"])
DEFAULTS = Settings(
    learning_rate=3e-5, batch_size=16, num_epochs=4, warmup_proportion=0.1,
    weight_decay=0.01, max_length=384, stride=128, max_query_length=64,
    n_best_size=20, max_answer_length=30, seed=42)

# An input of the model. example: int, index; input_ids, token_type_ids: lists
# of int; offsets: list of (start, end) in the text that the model reads, None
# outside of the context; start, end: int, tokens of the answer, 0 ([CLS]) if it
# is not in this input.
Window = collections.namedtuple("Window", [
    "example", "input_ids", "token_type_ids", "offsets", "start", "end"])

# text: str; start, end: int, characters of it in the context as in the file;
# probability: float, among the candidates of this question.
Answer = collections.namedtuple("Answer", [
    "text", "start", "end", "probability"])


def read(path, *, is_training, cleaning=None, max_questions=None,
         prefix=""):
  """Returns the QAExamples of a file in SQuAD 1.1's layout.

  Args:
    path: str.
    is_training: bool; True skips questions whose answer is not located.
    cleaning: str, a model name of the `arabert` package, such as
      "araelectra-base", whose cleaning the model reads; None: none.
    max_questions: int, how many are read at most; None: all.
    prefix: str, only questions whose id starts with it are read.

  Raises:
    utils.UserError: the file has no such questions.
  """
  return qa_examples.build_examples(
      squad.read_questions(path), path, "qa", is_training=is_training,
      keep_fn=(lambda name: name.startswith(prefix)) if prefix else None,
      max_questions=max_questions,
      cleaning=cleaned_context.Cleaning(cleaning) if cleaning else None)


def without_leaks(training, scored, *, is_dropped):
  """Returns the training examples; logs how many contexts are also scored.

  Args:
    training, scored: lists of QAExample.
    is_dropped: bool, whether questions about those contexts are removed.
  """
  leaks = leakage.find(*([(example.words.context, example.question)
                          for example in examples]
                         for examples in (training, scored)))
  utils.log("{:,} of {:,} training questions are about contexts of the scored "
            "file{}".format(len(leaks.questions), len(training), (
                "; removed" if is_dropped else "")))
  return [example for i, example in enumerate(training)
          if not is_dropped or i not in leaks.questions]


def featurize(examples, tokenizer, settings):
  """Returns the Windows of examples.

  Args:
    examples: list of QAExample.
    tokenizer: fast tokenizer of `transformers`.
    settings: Settings.
  """
  windows, num_cut = [], 0
  for index, example in enumerate(tqdm(examples, desc="Featurizing")):
    question, is_cut = _cut(example.cleaned_question, tokenizer,
                            settings.max_query_length)
    num_cut += is_cut
    encoded = tokenizer(
        question, " ".join(example.words.words), truncation="only_second",
        max_length=settings.max_length, stride=settings.stride,
        return_overflowing_tokens=True, return_offsets_mapping=True,
        return_token_type_ids=True)
    answer = _answer_characters(example)
    for number, input_ids in enumerate(encoded["input_ids"]):
      offsets = [
          span if sequence == 1 else None for span, sequence in zip(
              encoded["offset_mapping"][number], encoded.sequence_ids(number))]
      windows.append(Window(
          index, input_ids, encoded["token_type_ids"][number], offsets,
          *_answer_tokens(offsets, answer)))
  if num_cut:
    utils.log("Cut %d questions to %d tokens" % (
        num_cut, settings.max_query_length))
  utils.log("{:,} questions, {:,} inputs".format(len(examples), len(windows)))
  return windows


def _cut(question, tokenizer, max_tokens):
  """Returns (the question's first tokens as text, whether it was cut)."""
  offsets = tokenizer(question, add_special_tokens=False,
                      return_offsets_mapping=True)["offset_mapping"]
  if len(offsets) <= max_tokens:
    return question, False
  return question[:offsets[max_tokens - 1][1]], True


def _answer_characters(example):
  """Returns (start, end) of the answer in the words joined by spaces."""
  if example.span is None:
    return None
  words = example.words.words
  first, last = example.span
  start = sum(len(word) + 1 for word in words[:first])
  text = " ".join(words[first:last + 1])
  found = re.search(r"\s+".join(map(re.escape, example.answer_text.split())),
                    text, re.IGNORECASE)
  if not found:
    return start, start + len(text)
  return start + found.start(), start + found.end()


def _answer_tokens(offsets, answer):
  """Returns (first, last) token of the answer in a window, or (0, 0)."""
  if answer is None:
    return 0, 0
  start, end = answer
  inside = [i for i, span in enumerate(offsets)
            if span and span[0] < end and span[1] > start]
  if not inside or offsets[inside[0]][0] > start or (
      offsets[inside[-1]][1] < end):
    return 0, 0
  return inside[0], inside[-1]


def train(model, windows, tokenizer, settings):
  """Fine-tunes; returns the mean loss of each epoch.

  AdamW with linear warm-up and decay, gradients clipped to norm 1; on a GPU in
  mixed precision.

  Args:
    model: AutoModelForQuestionAnswering, on its device.
    windows: list of Window.
    tokenizer: as in `featurize`.
    settings: Settings.
  """
  device = next(model.parameters()).device
  is_half, dtype = _precision(device)
  generator = torch.Generator().manual_seed(settings.seed)
  torch.manual_seed(settings.seed)  # dropout
  num_batches = -(-len(windows) // settings.batch_size)
  num_steps = num_batches * settings.num_epochs
  optimizer = torch.optim.AdamW(
      _parameter_groups(model, settings.weight_decay), settings.learning_rate)
  schedule = transformers.get_linear_schedule_with_warmup(
      optimizer, int(num_steps * settings.warmup_proportion), num_steps)
  scaler = torch.amp.GradScaler(device.type, enabled=dtype == torch.float16)
  model.train()
  losses = []
  for epoch in range(settings.num_epochs):
    order = torch.randperm(len(windows), generator=generator).tolist()
    total = 0.0
    for first in tqdm(range(0, len(order), settings.batch_size),
                      desc="Epoch %d" % (epoch + 1)):
      batch = [windows[i] for i in order[first:first + settings.batch_size]]
      with torch.autocast(device.type, dtype=dtype, enabled=is_half):
        loss = model(
            **_inputs(batch, tokenizer, device),
            start_positions=_tensor([one.start for one in batch], device),
            end_positions=_tensor([one.end for one in batch], device)).loss
      scaler.scale(loss).backward()
      scaler.unscale_(optimizer)
      torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
      scaler.step(optimizer)
      scaler.update()
      schedule.step()
      optimizer.zero_grad(set_to_none=True)
      total += loss.item() * len(batch)
    losses.append(total / len(windows))
    utils.log("Epoch %d: mean loss %.3f" % (epoch + 1, losses[-1]))
  return losses


def _precision(device):
  """Returns (whether to compute in half precision, the dtype)."""
  if device.type != "cuda":
    return False, torch.bfloat16
  return True, (torch.bfloat16 if torch.cuda.is_bf16_supported(
      including_emulation=False) else torch.float16)


def _parameter_groups(model, weight_decay):
  """Returns the parameters; biases and layer norms have no weight decay."""
  groups = {True: [], False: []}
  for name, parameter in model.named_parameters():
    groups["bias" in name or "LayerNorm" in name].append(parameter)
  return [{"params": groups[False], "weight_decay": weight_decay},
          {"params": groups[True], "weight_decay": 0.0}]


def _inputs(windows, tokenizer, device):
  """Returns the padded tensors of a batch."""
  batch = tokenizer.pad({
      "input_ids": [window.input_ids for window in windows],
      "token_type_ids": [window.token_type_ids for window in windows]},
                        return_tensors="pt")
  return {name: tensor.to(device) for name, tensor in batch.items()}


def _tensor(values, device):
  return torch.tensor(values, dtype=torch.long, device=device)


def predict(model, examples, windows, tokenizer, settings):
  """Returns {question id: Answer}.

  Args:
    model, examples, windows, tokenizer, settings: as in `featurize` and
      `train`.
  """
  device = next(model.parameters()).device
  is_half, dtype = _precision(device)
  model.eval()
  candidates = collections.defaultdict(list)
  order = sorted(range(len(windows)), key=lambda i: len(windows[i].input_ids))
  for first in tqdm(range(0, len(order), settings.batch_size),
                    desc="Predicting"):
    batch = [windows[i] for i in order[first:first + settings.batch_size]]
    with torch.no_grad(), torch.autocast(
        device.type, dtype=dtype, enabled=is_half):
      outputs = model(**_inputs(batch, tokenizer, device))
    for window, start_logits, end_logits in zip(
        batch, outputs.start_logits.float().cpu().numpy(),
        outputs.end_logits.float().cpu().numpy()):
      candidates[window.example] += _spans(
          window, start_logits, end_logits, settings)
  return {example.qas_id: _answer(example, candidates[index], settings)
          for index, example in enumerate(examples)}


def _spans(window, start_logits, end_logits, settings):
  """Returns [(score, first character, end)] of the best spans of a window."""
  in_context = np.array([span is not None for span in window.offsets])
  length = len(window.offsets)  # without padding
  starts, ends = (
      np.argsort(np.where(in_context, logits[:length], -np.inf))[
          ::-1][:settings.n_best_size]
      for logits in (start_logits, end_logits))
  return [(float(start_logits[start] + end_logits[end]),
           window.offsets[start][0], window.offsets[end][1])
          for start in starts for end in ends
          if in_context[start] and in_context[end] and
          start <= end < start + settings.max_answer_length]


def _answer(example, spans, settings):
  """Returns the best Answer of an example; empty if there is no span."""
  if not spans:
    return Answer("", 0, 0, 0.0)
  spans = sorted(spans, reverse=True)[:settings.n_best_size]
  weights = np.exp([score - spans[0][0] for score, _, _ in spans])
  _, first, end = spans[0]
  words = example.words
  start, end = words.locate_in_context(0, len(words.words) - 1, first, end)
  return Answer(words.context[start:end], start, end,
                float(weights[0] / weights.sum()))


def scores(examples, answers):
  """Returns {name: percent}: SQuAD 1.1's, normalized for Arabic, and MLQA's.

  Args:
    examples: list of QAExample.
    answers: {question id: Answer}.
  """
  gold = {example.qas_id: example.gold_answers for example in examples}
  texts = {name: answer.text for name, answer in answers.items()}
  results = squad_eval.squad_v1(gold, texts)
  results.update(squad_eval.arabic(gold, texts))
  results.update(squad_eval.mlqa_arabic(gold, texts))
  return results


def as_html(examples, answers, max_questions=5):
  """Returns questions with the answer marked in the context, as HTML.

  Args:
    examples, answers: as in `scores`.
    max_questions: int; they are evenly spaced over the examples.
  """
  step = max(1, len(examples) // max_questions)
  articles = []
  for example in examples[::step][:max_questions]:
    answer = answers[example.qas_id]
    articles.append(page.answer({
        "question": example.question, "context": example.words.context,
        "start": answer.start, "end": answer.end,
        "gold": example.gold_answers, "probability": answer.probability,
        "f1": 100 * answer_scores.best_over(
            example.gold_answers, answer.text, answer_scores.f1)}))
  return "".join(articles)
