"""Compares the tokenizer with `bert_rules` on random Unicode lines.

More lines than the test takes:
  python -m tests.model.tokenization_fuzz --lines 100000
"""

import argparse
import os
import random
import tempfile
import unicodedata

from model import tokenization
from tests.model import bert_rules

# Tokenizer settings by name: do_lower_case, strip_accents, arabert.
SETTINGS = {
    "cased, AraBERT": (False, False, True),
    "cased": (False, False, False),
    "lower-cased, accents stripped": (True, True, False),
    "lower-cased": (True, False, False),
    "lower-cased, accents stripped, AraBERT": (True, True, True),
}
LINES_PER_VOCAB = 5000

# What lines are made of, a group drawn before one of its members, so that rare
# characters meet common ones.
_GROUPS = (
    "ابتثجحخدذرزسشصضطظعغفقكلمنهويأإآؤئءةى",
    "\u064b\u064c\u064d\u064e\u064f\u0650\u0651\u0652\u0653\u0654\u0655\u0670"
    "\u06d6\u08d3\u0640",
    "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789٠١٢٣۴½²Ⅷ①",
    "!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~،؛؟«»–—“”…※§¶±≠€",
    " \t\n\r\u00a0\u2003\u202f\u3000\u2028\u2029\x0b\x0c\x1c\x1d\x1e\x1f\x85",
    "\x00\x07\x7f\u00ad\u061c\u06dd\u08e2\u200b\u200c\u200d\u200e\u200f\u2066"
    "\ufeff\ufffd\ufffe\ue000\U000f0000\U0010ffff\ud800\udfff\U000e0001",
    "éÉñÑüÜçßẞœİıǅΩΣσςΑάΐЙйЁǆŐ\u0300\u0301\u0308\u0327\u0338\u20dd\u302e\u1e9b",
    "漢字かなカナ한글ᄒ\u1161豈\u9fff\u4dbf\U00020000\U0002b820\U0002ceb0\U0002fa1d",
    "😀👍🏽🇱🇧❤\ufe0f𝐀ﷺﻻﺎﬁ",
    "\u0870\u0898\u08ff\u1c90\u10d0\U00011938\U00016ff0\U0001e900\u2e52\ua7c2",
)
_STRINGS = (
    "[CLS]", "[SEP]", "[MASK]", "[PAD]", "[UNK]", "[MA\x00SK]", "[رابط]",
    "[بريد]", "+ات", "ب+", "##ing", "ΑΣ", "ΑΣ.Β", "ΟΔΟΣ\u00adΑ", "a" * 200,
    "a" * 201, "\u0301" * 3, "ا" * 199 + "،", "http://a.b/c?d=e")


def random_line(rng):
  """Returns a line of up to 40 characters or strings, drawn from all groups."""
  parts = []
  for _ in range(rng.randint(0, 40)):
    draw = rng.random()
    if draw < 0.03:
      parts.append(rng.choice(_STRINGS))
    elif draw < 0.10:  # any code point of the planes that have letters
      parts.append(chr(rng.randrange(0x20000)))
    elif draw < 0.12:
      parts.append(chr(rng.randrange(0x110000)))
    elif draw < 0.25:
      parts.append(" ")
    else:
      parts.append(rng.choice(rng.choice(_GROUPS)))
  return "".join(parts)


def vocab_of(lines, rng, *, do_lower_case, strip_accents, arabert):
  """Returns a vocabulary, a list, that leaves few words of `lines` unknown.

  It has most of their characters, so that no difference hides behind [UNK], and
  some longer pieces, so that the longest has to be found.
  """
  tokens = list(tokenization.SPECIAL_TOKENS)
  if arabert:
    tokens += tokenization.ARABERT_TOKENS
  pieces = set()
  for line in lines:
    for word in bert_rules.words(line, do_lower_case=do_lower_case,
                                 strip_accents=strip_accents, arabert=arabert):
      pieces.update(word)
      start = rng.randrange(len(word))
      pieces.add(word[start:start + rng.randint(2, 4)])
  pieces = sorted(pieces.difference(rng.sample(sorted(pieces), 5)))
  known = set(tokens)
  for piece in pieces + ["##" + piece for piece in pieces]:
    if piece not in known:
      tokens.append(piece)
      known.add(piece)
  return tokens


def find_differences(lines, rng, do_lower_case, strip_accents, arabert):
  """Returns (lines with other ids, number of ids, number of [UNK])."""
  rules = dict(do_lower_case=do_lower_case, strip_accents=strip_accents,
               arabert=arabert)
  tokens = vocab_of(lines, rng, **rules)
  with tempfile.TemporaryDirectory() as folder:
    path = os.path.join(folder, "vocab.txt")
    with open(path, "w", encoding="utf-8", newline="\n") as f:
      f.write("\n".join(tokens))
    tokenizer = tokenization.FullTokenizer(path, do_lower_case, strip_accents)
  assert tokenizer.is_arabert == arabert
  basic = tokenization.BasicTokenizer(do_lower_case, strip_accents, arabert)
  wordpiece = tokenization.WordpieceTokenizer(tokenizer.vocab)
  differing, num_ids, num_unknown = [], 0, 0
  for line in lines:
    expected = bert_rules.encode(line, tokenizer.vocab, **rules)
    pieces = wordpiece.tokenize(" ".join(basic.tokenize(line)))
    if (tokenizer.encode(line) != expected or
        tokenizer.convert_tokens_to_ids(pieces) != expected):
      differing.append(line)
    num_ids += len(expected)
    num_unknown += expected.count(tokenizer.vocab[tokenization.UNK])
  return differing, num_ids, num_unknown


def main():
  parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
  parser.add_argument("--lines", type=int, default=100000, help="per setting")
  parser.add_argument("--seed", type=int, default=0)
  args = parser.parse_args()
  print("Unicode %s" % unicodedata.unidata_version)
  for name, setting in SETTINGS.items():
    rng = random.Random(args.seed)
    totals = [[], 0, 0]
    for start in range(0, args.lines, LINES_PER_VOCAB):
      lines = [random_line(rng)
               for _ in range(min(LINES_PER_VOCAB, args.lines - start))]
      for i, value in enumerate(find_differences(lines, rng, *setting)):
        totals[i] += value
    print("{}: {:,} lines, {:,} ids ({:,} [UNK]), {:,} lines differ".format(
        name, args.lines, totals[1], totals[2], len(totals[0])))
    for line in totals[0][:5]:
      print("  %r" % line)


if __name__ == "__main__":
  main()
