"""ELECTRA's training step with `transformers` and PyTorch, timed.

  python hf_pretraining.py '{"discriminator": {...}, "generator": {...}, ...}'

The sizes are those of ElectraConfig. The step is the one that people write:
mask, generator, sampling, discriminator, both losses, backward pass, clipping,
AdamW. With `gathers_logits` the generator's head sees the masked positions
only, otherwise all, as ElectraForMaskedLM does. Prints a line of JSON, as
benchmarks/estimator_steps.py.
"""

import json
import resource
import sys
import time

import torch
import transformers

MASK_PROBABILITY = 0.15
MASK_ID, FIRST_WORD_ID = 4, 5


def cpu_seconds():
  usage = resource.getrusage(resource.RUSAGE_SELF)
  return usage.ru_utime + usage.ru_stime


def make_models(settings):
  """Returns (generator, discriminator) with shared embeddings."""
  generator = transformers.ElectraForMaskedLM(
      transformers.ElectraConfig(**settings["generator"]))
  discriminator = transformers.ElectraForPreTraining(
      transformers.ElectraConfig(**settings["discriminator"]))
  generator.electra.embeddings = discriminator.electra.embeddings
  generator.generator_lm_head.weight = (
      discriminator.electra.embeddings.word_embeddings.weight)
  return generator, discriminator


def losses_of(generator, discriminator, input_ids, gathers_logits):
  """Returns the total loss of a batch of token ids, an int64 tensor [B, L]."""
  batch_size, length = input_ids.shape
  num_masked = int(MASK_PROBABILITY * length)
  positions = torch.rand(batch_size, length).topk(num_masked).indices
  originals = input_ids.gather(1, positions)
  masked = input_ids.scatter(1, positions, MASK_ID)
  if gathers_logits:
    hidden = generator.electra(masked)[0]
    hidden = hidden.gather(
        1, positions[:, :, None].expand(-1, -1, hidden.shape[-1]))
    logits = generator.generator_lm_head(
        generator.generator_predictions(hidden))
  else:
    logits = generator(masked).logits
    logits = logits.gather(
        1, positions[:, :, None].expand(-1, -1, logits.shape[-1]))
  mlm_loss = torch.nn.functional.cross_entropy(
      logits.flatten(0, 1), originals.flatten())
  with torch.no_grad():
    noise = -torch.log(-torch.log(torch.rand_like(logits) + 1e-9) + 1e-9)
    sampled = (logits + noise).argmax(-1)
  corrupted = input_ids.scatter(1, positions, sampled)
  is_replaced = (corrupted != input_ids).float()
  disc_logits = discriminator(corrupted).logits
  disc_loss = torch.nn.functional.binary_cross_entropy_with_logits(
      disc_logits, is_replaced)
  return mlm_loss + 50.0 * disc_loss


def main():
  settings = json.loads(sys.argv[1])
  torch.manual_seed(0)
  generator, discriminator = make_models(settings)
  parameters = list({id(p): p for model in (generator, discriminator)
                     for p in model.parameters()}.values())
  optimizer = torch.optim.AdamW(parameters, lr=1e-4, weight_decay=0.01)
  vocab_size = settings["discriminator"]["vocab_size"]
  wall, cpu = [], []
  for _ in range(settings["num_steps"]):
    input_ids = torch.randint(
        FIRST_WORD_ID, vocab_size,
        (settings["batch_size"], settings["length"]))
    start, start_cpu = time.time(), cpu_seconds()
    losses_of(generator, discriminator, input_ids,
              settings["gathers_logits"]).backward()
    torch.nn.utils.clip_grad_norm_(parameters, 1.0)
    optimizer.step()
    optimizer.zero_grad()
    wall.append(time.time() - start)
    cpu.append(cpu_seconds() - start_cpu)
  print("\n" + json.dumps({
      "wall": wall, "cpu": cpu, "peak_bytes": resource.getrusage(
          resource.RUSAGE_SELF).ru_maxrss * 1024}))


if __name__ == "__main__":
  main()
