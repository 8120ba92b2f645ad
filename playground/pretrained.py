"""Asks a pre-trained model: what is at [MASK], which tokens were replaced."""

import collections
import os

import numpy as np

from model import arabert_cleaning
from model import checkpoint as checkpoint_lib
from model import model_sizes
from model import saved_model
from model import tokenization
from playground import actions
from playground import inference_graph
from pretrain import export_config
from pretrain import signatures
from util import model_files
from util import utils

TOP_K = 10  # predictions per [MASK]
_TEXT = [actions.Field("text", "Text", is_long=True)]
_ACTIONS = collections.OrderedDict([
    (export_config.FILL_MASK, actions.Action(
        export_config.FILL_MASK, "fill_mask", "Fill a mask",
        "The generator predicts the token at each [MASK].", _TEXT)),
    (export_config.DISCRIMINATE, actions.Action(
        export_config.DISCRIMINATE, "discriminate", "Find replaced tokens",
        "The discriminator gives each token the probability that it was "
        "replaced.", _TEXT))])


class PretrainedModel:
  """Answers requests with the generator and the discriminator.

  Attributes:
    actions: list of actions.Action.
    about: {name: JSON value} of the model, for people.
  """

  def __init__(self, config, checkpoint):
    """Loads the weights.

    Args:
      config: PretrainingConfig.
      checkpoint: str, a model folder or a checkpoint's prefix.

    Raises:
      utils.UserError: the checkpoint does not fit the config.
    """
    self._tokenizer = tokenization.FullTokenizer(
        config.vocab_file, do_lower_case=config.do_lower_case)
    prefix = checkpoint_lib.latest(checkpoint)
    folder = os.path.dirname(prefix)
    cleaning = model_files.TokenizerSettings.read(folder).preprocessing
    self._clean = arabert_cleaning.make_cleaner(cleaning) if cleaning else str
    bert_config = model_sizes.get_bert_config(config)
    self._num_positions = bert_config.max_position_embeddings
    self._cls, self._sep, self._mask = self._tokenizer.convert_tokens_to_ids(
        [tokenization.CLS, tokenization.SEP, tokenization.MASK])
    built = {}

    def build():
      inputs = saved_model.make_inputs(self._num_positions)
      built.update(signatures.build(
          config, prefix, checkpoint_lib.shapes_of(prefix), inputs,
          saved_model.Options(
              top_k=min(TOP_K, bert_config.vocab_size))))
      return inputs.placeholders, {
          "%s/%s" % (name, output): tensor for name in built
          for output, tensor in built[name].outputs.items()}

    self._graph = inference_graph.InferenceGraph(prefix, build)
    self.actions = [action for name, action in _ACTIONS.items()
                    if name in built]
    if not self.actions:
      raise utils.UserError(
          "%s: the checkpoint has no generator and no discriminator head, "
          "so there is nothing to show. Pass the folder of a pre-trained or "
          "fine-tuned model." % prefix)
    self.about = {
        "kind": export_config.KIND, "checkpoint": prefix,
        "step": checkpoint_lib.global_step_of(prefix),
        "max_tokens": self._num_positions, "cleaning": cleaning}

  def run(self, name, values):
    """Returns the answer to a request, ready for JSON.

    Args:
      name: str, of an action.
      values: {field: text}.

    Returns:
      {"tokens": [str], "masks": [{"position", "predictions": [{"token",
      "probability"}]}]} of fill_mask, {"tokens": [{"token", "probability"}]} of
      discriminate.

    Raises:
      utils.UserError: the request is wrong.
    """
    text = actions.check(self.actions, name, values)["text"]
    input_ids = self._encode(text)
    if name == export_config.DISCRIMINATE:
      return self._discriminate(input_ids)
    return self._fill_mask(input_ids)

  def _encode(self, text):
    """Returns the ids of a text between [CLS] and [SEP]."""
    input_ids = [self._cls]
    for number, part in enumerate(text.split(tokenization.MASK)):
      input_ids += [self._mask] * (number > 0)
      if part.strip():
        # A part that the cleaning removes completely has no tokens.
        input_ids += self._tokenizer.encode_untrusted_batch(
            [self._clean(part)])[0]
    input_ids.append(self._sep)
    if len(input_ids) == 2:
      raise utils.UserError("text: it has no tokens. Enter another.")
    if len(input_ids) > self._num_positions:
      raise utils.UserError(
          "text: it has {:,} tokens, the model takes at most {:,}. Shorten it."
          .format(len(input_ids) - 2, self._num_positions - 2))
    return input_ids

  def _run(self, input_ids, names):
    ids = np.array([input_ids], np.int32)
    outputs = self._graph.run(
        {"input_ids": ids, "input_mask": np.ones_like(ids),
         "segment_ids": np.zeros_like(ids)}, names)
    return [outputs[name][0] for name in names]

  def _discriminate(self, input_ids):
    probabilities, = self._run(input_ids, ["discriminate/probabilities"])
    tokens = self._tokenizer.convert_ids_to_tokens(input_ids)
    return {"tokens": [
        {"token": token, "probability": float(probability)}
        for token, probability in list(zip(tokens, probabilities))[1:-1]]}

  def _fill_mask(self, input_ids):
    if self._mask not in input_ids:
      raise utils.UserError(
          "text: it has no %s. Put it where the model is to predict a token." %
          tokenization.MASK)
    token_ids, probabilities = self._run(
        input_ids, ["fill_mask/token_ids", "fill_mask/probabilities"])
    masks = []
    for position, token in enumerate(input_ids):
      if token == self._mask:
        masks.append({"position": position - 1, "predictions": [
            {"token": predicted, "probability": float(probability)}
            for predicted, probability in zip(
                self._tokenizer.convert_ids_to_tokens(
                    token_ids[position].tolist()), probabilities[position])]})
    return {"tokens": self._tokenizer.convert_ids_to_tokens(input_ids[1:-1]),
            "masks": masks}
