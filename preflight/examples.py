"""Checks the examples and the vocabulary of a pre-training."""

import numpy as np

from model import tokenization
from preflight import findings
from pretrain import alarms
from pretrain import dataset_info
from pretrain import pretrain_data
from pretrain import tfrecord_index
import run_pretraining

_NUM_EXAMPLES = 256
_MAX_DROPPED = 0.1
_MAX_PADDING = 0.5
_NUM_TOKENS_PRINTED = 40


def check_files(config):
  """Returns the Findings on the files of a run: counts, dropped tokens.

  Raises:
    utils.UserError: vocabulary, examples, weights and settings do not fit.
  """
  found = []
  for name, dataset in run_pretraining.check_data(config).items():
    found.append(findings.ok("%s data" % name, "{:,} files in {}".format(
        len(dataset.paths), ", ".join(tfrecord_index.folders_of(
            dataset.patterns)))))
    for folder in tfrecord_index.folders_of(dataset.patterns):
      info = dataset_info.load(folder)
      if info:
        dropped = info["num_dropped_tokens"] / float(max(1, info["num_tokens"]))
        found.append(findings.warn_if(
            dropped > _MAX_DROPPED, "%s data" % name,
            "{:,} examples; {:.1%} of the tokens of the text were dropped"
            .format(info["num_examples"], dropped),
            "Build with --carry-over, or --split-sentences if a line is a "
            "paragraph."))
  return found


def check_contents(config):
  """Returns the Findings on the first examples: padding, [UNK], one as text."""
  import tensorflow.compat.v1 as tf  # the checks above need no TensorFlow

  path = tfrecord_index.check(config, config.pretrain_tfrecords).paths[0]
  with tf.Graph().as_default(), tf.Session() as session:
    records = session.run(tf.data.make_one_shot_iterator(
        tf.data.TFRecordDataset(path).batch(_NUM_EXAMPLES)).get_next())
  examples = map(tf.train.Example.FromString, records)
  ids = np.array([example.features.feature["input_ids"].int64_list.value[:]
                  for example in examples])
  special_ids = pretrain_data.special_ids(config.vocab_file)
  statistics = alarms.token_statistics(ids, special_ids)
  padding = float(np.mean(ids == special_ids["[PAD]"]))
  tokens = tokenization.FullTokenizer(
      config.vocab_file).convert_ids_to_tokens(
          [int(i) for i in ids[0] if i != special_ids["[PAD]"]])
  return [
      findings.warn_if(
          padding > _MAX_PADDING, "padding",
          "{:.1%} of the positions of {:,} examples".format(padding, len(ids)),
          "Build with a smaller --max-seq-length: padding costs as much as "
          "text."),
      findings.warn_if(
          statistics.unknown_share > alarms.MAX_UNKNOWN_SHARE, "[UNK]",
          "{:.2%} of the tokens".format(statistics.unknown_share),
          "Train a vocabulary on this text, or build with other flags for case "
          "and accents (--no-lower-case)."),
      findings.ok("an example", " ".join(tokens[:_NUM_TOKENS_PRINTED]))]


def check_vocabulary(config):
  """Returns the Findings on the vocabulary: its size, and its case."""
  tokens = list(tokenization.FullTokenizer(config.vocab_file).vocab)
  words = [token for token in tokens if not token.startswith("[")]
  upper = [token for token in words if token != token.lower()]
  return [
      findings.ok("vocabulary", "{:,} tokens in {}; vocab_size {:,}".format(
          len(tokens), config.vocab_file, config.vocab_size)),
      findings.warn_if(
          bool(config.do_lower_case and len(upper) > 0.01 * len(words)),
          "case", "do_lower_case %s; %d tokens have upper-case letters" % (
              "true" if config.do_lower_case else "false", len(upper)),
          "Such tokens never occur in lower-cased text: set \"do_lower_case\": "
          "false and build with --no-lower-case.")]


def check_schedule(config):
  """Returns the Finding on the learning rate's warm-up."""
  return [findings.warn_if(
      config.num_warmup_steps >= config.num_train_steps, "warm-up",
      "{:,} of {:,} steps".format(config.num_warmup_steps,
                                  config.num_train_steps),
      "Set num_warmup_steps to about a tenth of num_train_steps.")]
