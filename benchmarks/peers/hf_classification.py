"""Fine-tuning and prediction of short texts with `transformers`, timed.

  python hf_classification.py '{"config": {...}, "vocab_file": ..., ...}'

Trains with Trainer and dynamic padding, then predicts with a pipeline in
batches. Prints a line of JSON: the examples/s of both.
"""

import json
import resource
import sys
import tempfile
import time

import torch
import transformers

NUM_FIRST_STEPS = 3  # slow: memory is allocated


class Clock(transformers.TrainerCallback):
  """Reads the clock after each step."""

  def __init__(self):
    self.times = []

  def on_step_end(self, *args, **kwargs):
    self.times.append(time.time())


class Texts(torch.utils.data.Dataset):
  """Tokenized texts with labels, not padded."""

  def __init__(self, tokenizer, rows, max_length):
    encoded = tokenizer([text for text, _ in rows], truncation=True,
                        max_length=max_length)
    self._rows = [
        {"input_ids": ids, "labels": int(label)}
        for ids, (_, label) in zip(encoded["input_ids"], rows)]

  def __len__(self):
    return len(self._rows)

  def __getitem__(self, index):
    return self._rows[index]


def read_rows(path):
  """Returns [(text, label)] of a table with a header line."""
  with open(path, encoding="utf-8") as f:
    return [line.rstrip("\n").split("\t") for line in f][1:]


def main():
  settings = json.loads(sys.argv[1])
  tokenizer = transformers.ElectraTokenizerFast(
      settings["vocab_file"], do_lower_case=False)
  model = transformers.ElectraForSequenceClassification(
      transformers.ElectraConfig(**settings["config"]))
  rows = read_rows(settings["train_file"])
  clock = Clock()
  with tempfile.TemporaryDirectory() as folder:
    transformers.Trainer(
        model=model, train_dataset=Texts(
            tokenizer, rows, settings["max_seq_length"]),
        data_collator=transformers.DataCollatorWithPadding(tokenizer),
        args=transformers.TrainingArguments(
            output_dir=folder, max_steps=settings["num_steps"],
            per_device_train_batch_size=settings["batch_size"],
            learning_rate=1e-4, report_to=[], save_strategy="no",
            use_cpu=True, disable_tqdm=True, logging_strategy="no"),
        callbacks=[clock]).train()
  times = clock.times[NUM_FIRST_STEPS - 1:]
  texts = [text for text, _ in read_rows(settings["predict_file"])]
  classify = transformers.pipeline(
      "text-classification", model=model.eval(), tokenizer=tokenizer,
      batch_size=settings["batch_size"], truncation=True,
      max_length=settings["max_seq_length"])
  classify(texts[:settings["batch_size"]])
  start = time.time()
  classify(texts)
  print("\n" + json.dumps({
      "training": settings["batch_size"] * (len(times) - 1) / (
          times[-1] - times[0]),
      "prediction": len(texts) / (time.time() - start),
      "peak_bytes": resource.getrusage(
          resource.RUSAGE_SELF).ru_maxrss * 1024}))


if __name__ == "__main__":
  main()
