"""Compares converted folders in transformers with the reference and ours.

Skipped without PyTorch and transformers. They require a newer `tokenizers` than
requirements.txt pins, so create a separate environment:

  python3.11 -m venv .venv-notebooks
  .venv-notebooks/bin/python -m pip install -r requirements-notebooks.txt
  .venv-notebooks/bin/python -m pytest -q -s tests/model/hf_parity_test.py

With -s, the largest difference of every comparison is printed.
"""

import gzip
import json
import os
import random
import re
import tempfile
import unittest

import numpy as np
import tensorflow.compat.v1 as tf

from model import tokenization
from model.huggingface import exporter
from model.huggingface import importer
from model.huggingface import model_folder
from pretrain import heads
from tests.model import hf_models
from tests.model import tokenization_fuzz
from util import utils

try:
  import torch
  import transformers
except ImportError:
  torch = None

DATA = os.environ.get("ELECTRA_DATA")
TOLERANCE = 1e-4
# Our head gives this logit to positions where no answer can start or end.
MASKED_LOGIT = -1000.0


@unittest.skipUnless(torch, "PyTorch and transformers are not installed")
class ParityTest(unittest.TestCase):

  def setUp(self):
    super().setUp()
    folder = tempfile.TemporaryDirectory()
    self.addCleanup(folder.cleanup)
    self.model_dir = os.path.join(folder.name, "model")
    self.hf_dir = os.path.join(folder.name, "hf")
    self.tf_dir = os.path.join(folder.name, "tf")

  def check(self, what, ours, theirs):
    ours, theirs = np.asarray(ours), np.asarray(theirs)
    self.assertEqual(ours.shape, theirs.shape)
    self.assertGreater(np.std(ours), 0.01)  # nothing to compare otherwise
    difference = float(np.max(np.abs(ours - theirs)))
    print("\n%s: largest difference %.1e, largest value %.1f" % (
        what, difference, np.max(np.abs(ours))), end="")
    self.assertLess(difference, TOLERANCE)

  def load(self, model_class):
    """Returns the converted model; every weight must have found its place."""
    model, loading = model_class.from_pretrained(
        self.hf_dir, output_loading_info=True)
    for name in ("missing_keys", "unexpected_keys", "mismatched_keys"):
      self.assertFalse(loading[name], name)
    return model.eval()

  def run_hf(self, model, features):
    with torch.no_grad():
      return model(
          input_ids=torch.tensor(features["input_ids"], dtype=torch.long),
          attention_mask=torch.tensor(features["input_mask"]),
          token_type_ids=torch.tensor(
              features["segment_ids"], dtype=torch.long),
          output_hidden_states=True)

  def convert(self, part, **kwargs):
    exporter.to_hf(self.model_dir, self.hf_dir, part, **kwargs)


class EncoderTest(ParityTest):

  def test_hidden_states_are_those_of_the_reference(self):
    golden = hf_models.load("pretrain/encoder.npz")
    with open(os.path.join(hf_models.GOLDEN, "pretrain",
                           "encoder_config.json")) as f:
      num_heads = json.load(f)["num_attention_heads"]
    size = golden["out"]["pooled_output"].shape[1]
    head = {"discriminator_predictions/dense/kernel": np.eye(size),
            "discriminator_predictions/dense/bias": np.zeros(size),
            "discriminator_predictions/dense_1/kernel": np.ones([size, 1]),
            "discriminator_predictions/dense_1/bias": np.zeros(1)}
    hf_models.write_model(self.model_dir, dict(golden["var"], **{
        name: value.astype(np.float32) for name, value in head.items()}),
                          num_heads=num_heads)
    self.convert("discriminator")
    hidden = self.run_hf(self.load(transformers.ElectraForPreTraining),
                         golden["in"]).hidden_states
    self.assertEqual(len(hidden), 4)  # the embeddings and 3 layers
    self.check("embeddings", golden["out"]["embedding_output"], hidden[0])
    for i in range(3):
      self.check("layer %d" % i, golden["out"]["layer_%d" % i], hidden[i + 1])
    # AutoModel takes the encoder out of any of the folders.
    model = transformers.AutoModel.from_pretrained(self.hf_dir).eval()
    self.check("AutoModel", golden["out"]["sequence_output"],
               self.run_hf(model, golden["in"]).last_hidden_state)


class PretrainingTest(ParityTest):

  def check_parts(self, features, **generator):
    """Compares both parts of `self.model_dir`, and of it sent round."""
    self.convert("discriminator")
    logits = self.run_hf(
        self.load(transformers.ElectraForPreTraining), features).logits
    folders = {"discriminator": self.hf_dir}
    self.check("discriminator logits", self.discriminator_logits(
        self.model_dir, features), logits)
    self.hf_dir += "-generator"
    self.convert("generator")
    output = self.run_hf(
        self.load(transformers.ElectraForMaskedLM), features)
    folders["generator"] = self.hf_dir
    self.check("MLM logits", self.token_logits(
        self.model_dir, features, **generator), output.logits)
    self.check("generator's last layer", hf_models.run_encoder(
        self.model_dir, features, **generator), output.hidden_states[-1])
    importer.to_tf(
        self.tf_dir, **dict(folders, untied_embeddings=generator.get(
            "untied_embeddings", False)))
    self.check("discriminator logits after the round trip",
               self.discriminator_logits(self.tf_dir, features), logits)
    self.check("MLM logits after the round trip", self.token_logits(
        self.tf_dir, features, **generator), output.logits)

  def discriminator_logits(self, folder, features):
    return hf_models.run_encoder(
        folder, features, head_fn=lambda config, model:
        heads.discriminator_logits(config, model.get_sequence_output()))

  def token_logits(self, folder, features, **generator):
    def head_fn(config, model):
      sequence = model.get_sequence_output()
      logits = heads.TokenDistribution(
          config, tf.reshape(sequence, [-1, config.hidden_size]),
          model.get_embedding_table(), "generator_predictions").logits
      return tf.reshape(logits, sequence.shape.as_list()[:2] + [-1])

    return hf_models.run_encoder(folder, features, head_fn=head_fn, **generator)

  def check_golden(self, name, **generator):
    golden = hf_models.load("pretrain/pretrain_%s.npz" % name)
    hf_models.write_model(self.model_dir, golden["var"])
    features = dict(golden["in"])
    features["input_ids"] = features["masked_input_ids"]
    self.check_parts(features, **generator)

  def test_electra(self):
    self.check_golden("electra", scope="generator", num_heads=1)

  def test_tied(self):
    self.check_golden("tied")

  def test_untied_embeddings(self):
    self.check_golden("untied_embeddings", scope="generator", num_heads=1,
                      untied_embeddings=True)

  @unittest.skipUnless(DATA, "ELECTRA_DATA is not set")
  def test_a_run_of_the_reference(self):
    run = os.path.join(DATA, "..", "golden", "reference_run")
    variables = hf_models.read_checkpoint(os.path.join(run, "without_slots"))
    variables.pop("global_step")
    with open(os.path.join(run, "vocab.txt"), encoding="utf-8") as f:
      tokens = f.read().split("\n")[:-1]
    hf_models.write_model(self.model_dir, variables, tokens=tokens)
    records = tf.python_io.tf_record_iterator(utils.glob(
        os.path.join(run, "pretrain_tfrecords", "*"))[0])
    examples = [tf.train.Example.FromString(next(records)) for _ in range(8)]
    features = {name: np.array([
        example.features.feature[name].int64_list.value for example in examples
    ], np.int32) for name in ("input_ids", "input_mask", "segment_ids")}
    self.check_parts(features, scope="generator", num_heads=1)


class TaskTest(ParityTest):

  def convert_golden(self, name, task, **kwargs):
    golden = hf_models.load("finetune/%s.npz" % name)
    hf_models.write_model(self.model_dir, golden["var"])
    self.convert("task:" + task, **kwargs)
    return golden

  def test_classification_by_the_difference_of_two_gelus(self):
    golden = self.convert_golden("head_classification_predict", "mnli",
                                 task_kind="classification")
    model = self.load(transformers.ElectraForSequenceClassification)
    self.assertEqual(model.config.num_labels, 3)
    self.check("classification logits", golden["out"]["logits"],
               self.run_hf(model, golden["in"]).logits)

  def test_regression(self):
    golden = self.convert_golden("head_regression_predict", "sts",
                                 task_kind="classification")
    model = self.load(transformers.ElectraForSequenceClassification)
    self.assertEqual(model.config.num_labels, 1)
    self.check("regression", golden["out"]["predictions"],
               self.run_hf(model, golden["in"]).logits[:, 0])

  def test_tagging(self):
    golden = hf_models.load("finetune/head_classification_predict.npz")
    hf_models.write_model(self.model_dir, golden["var"])
    self.convert("task:mnli", task_kind="tagging", labels=["B-X", "I-X", "O"])
    model = self.load(transformers.ElectraForTokenClassification)
    self.assertEqual(model.config.id2label, {0: "B-X", 1: "I-X", 2: "O"})
    features = dict(golden["in"])  # taggers are trained with segment 1
    features["segment_ids"] = np.ones_like(features["segment_ids"])
    sequence = hf_models.run_encoder(self.model_dir, features)
    expected = (sequence.dot(golden["var"]["task_specific/mnli/dense/kernel"]) +
                golden["var"]["task_specific/mnli/dense/bias"])
    for what in ("other segments", "segment 1"):
      self.check("tagging logits with " + what, expected,
                 self.run_hf(model, golden["in"]).logits)
      golden["in"]["segment_ids"] = features["segment_ids"]

  def test_question_answering(self):
    golden = self.convert_golden("head_qa_independent_predict", "squadv1")
    output = self.run_hf(self.load(transformers.ElectraForQuestionAnswering),
                         golden["in"])
    expected = golden["out"]["start_logits"]
    allowed = expected > MASKED_LOGIT / 2
    self.assertGreater(np.sum(allowed), 10)
    self.check("start logits", expected[allowed],
               output.start_logits.numpy()[allowed])
    self.check("end logits", golden["out"]["end_logits"][allowed],
               output.end_logits.numpy()[allowed])


class FolderTest(ParityTest):

  def save(self, model_class, **kwargs):
    config = transformers.ElectraConfig(
        vocab_size=30, embedding_size=8, hidden_size=64, num_hidden_layers=2,
        num_attention_heads=1, intermediate_size=256,
        max_position_embeddings=20)
    torch.manual_seed(1)
    model = model_class(config).eval()
    model.save_pretrained(self.hf_dir, **kwargs)
    return model

  def features(self):
    rng = np.random.RandomState(1)
    return {"input_ids": rng.randint(0, 30, [2, 10]).astype(np.int32),
            "input_mask": np.array([[1] * 10, [1] * 6 + [0] * 4], np.int32),
            "segment_ids": rng.randint(0, 2, [2, 10]).astype(np.int32)}

  def test_a_folder_that_transformers_wrote(self):
    model = self.save(transformers.ElectraForPreTraining)
    report = importer.to_tf(self.tf_dir, discriminator=self.hf_dir)
    self.assertEqual(report.unused, [])
    self.check("a model of transformers", hf_models.run_encoder(
        self.tf_dir, self.features(), num_heads=1), self.run_hf(
            model, self.features()).hidden_states[-1])

  def test_a_bare_encoder(self):
    model = self.save(transformers.ElectraModel)
    importer.to_tf(self.tf_dir, discriminator=self.hf_dir)
    self.check("a bare encoder", hf_models.run_encoder(
        self.tf_dir, self.features(), num_heads=1), self.run_hf(
            model, self.features()).last_hidden_state)

  def test_a_pickle_of_weights(self):
    model = self.save(transformers.ElectraForMaskedLM)
    os.remove(os.path.join(self.hf_dir, "model.safetensors"))
    path = os.path.join(self.hf_dir, model_folder.TORCH_FILE)
    torch.save(model.state_dict(), path)  # has the tied table a second time
    report = importer.to_tf(self.tf_dir, masked_lm=self.hf_dir)
    self.assertEqual(report.unused, [])
    self.check("a pytorch_model.bin", hf_models.run_encoder(
        self.tf_dir, self.features(), num_heads=1), self.run_hf(
            model, self.features()).hidden_states[-1])

  def test_resizing_as_advised_makes_room_for_added_tokens(self):
    model = self.save(transformers.ElectraForPreTraining)
    tokens = hf_models.SPECIAL + ["t%d" % i for i in range(27)]
    with utils.open_file(os.path.join(self.hf_dir, "vocab.txt"), "w") as f:
      f.write("".join(token + "\n" for token in tokens))
    with self.assertRaisesRegex(utils.UserError,
                                r"model.resize_token_embeddings\(32\)"):
      importer.to_tf(self.tf_dir, discriminator=self.hf_dir)
    model.resize_token_embeddings(32)
    model.save_pretrained(self.hf_dir)
    importer.to_tf(self.tf_dir, discriminator=self.hf_dir)
    self.assertEqual(utils.load_json(os.path.join(
        self.tf_dir, "config.json"))["vocab_size"], 32)

  def save_pickle(self, content):
    """Writes a function of the weights as pytorch_model.bin; returns both."""
    model = self.save(transformers.ElectraForPreTraining)
    os.remove(os.path.join(self.hf_dir, "model.safetensors"))
    torch.save(content(model.state_dict()),
               os.path.join(self.hf_dir, model_folder.TORCH_FILE))
    return model

  def test_pickles_that_trainers_wrapped(self):
    def prefixed(weights, prefix):
      return {prefix + name: weight for name, weight in weights.items()}

    for content, note in (
        (lambda weights: {"state_dict": weights, "epoch": 1}, ""),
        (lambda weights: {"model": {"module": weights}, "step": 2}, ""),
        (lambda weights: {"model_state_dict": prefixed(weights, "module."),
                          "optimizer": {"state": [1, 2]}}, "'module.'"),
        (lambda weights: {name: torch.nn.Parameter(weight) for name, weight
                          in prefixed(weights, "model.").items()}, "'model.'"),
        (lambda weights: {name: weight.half() for name, weight
                          in weights.items()}, "cast from float16"),
        (lambda weights: {name: weight.bfloat16() for name, weight
                          in weights.items()}, "cast from bfloat16")):
      model = self.save_pickle(content)
      with self.subTest(note):
        report = importer.to_tf(self.tf_dir, discriminator=self.hf_dir)
        self.assertIn(note, " ".join(report.notes))
        name = "electra.embeddings.word_embeddings.weight"
        np.testing.assert_allclose(
            hf_models.read_checkpoint(self.tf_dir)[
                "electra/embeddings/word_embeddings"],
            model.state_dict()[name].numpy(), rtol=0.01)

  def test_pickles_of_other_values_are_refused_in_one_line(self):
    for content in (
        lambda weights: dict(weights, epoch=1), lambda weights: [1, 2],
        lambda weights: {"state_dict": dict(weights, lr="0.1")},
        lambda weights: 7):
      self.save_pickle(content)
      with self.assertRaisesRegex(
          utils.UserError, "expected only weights.*save_pretrained") as raised:
        importer.to_tf(self.tf_dir, discriminator=self.hf_dir)
      self.assertNotIn("\n", str(raised.exception))

  def test_a_pickle_of_code_is_refused(self):
    self.save(transformers.ElectraForMaskedLM)
    os.remove(os.path.join(self.hf_dir, "model.safetensors"))
    ran = os.path.join(self.hf_dir, "ran")

    class Attack:

      def __reduce__(self):
        return os.mkdir, (ran,)

    torch.save({"a": Attack()}, os.path.join(
        self.hf_dir, model_folder.TORCH_FILE))
    with self.assertRaisesRegex(utils.UserError, "other objects than weights"):
      importer.to_tf(self.tf_dir, masked_lm=self.hf_dir)
    self.assertFalse(os.path.exists(ran))


class AutoTokenizerTest(ParityTest):

  def check_tokenizer(self, tokens, lines, expected, do_lower_case):
    """Compares ids; returns the number of lines that were compared."""
    golden = hf_models.load("pretrain/pretrain_electra.npz")["var"]
    table = golden["electra/embeddings/word_embeddings"]
    golden["electra/embeddings/word_embeddings"] = np.zeros(
        [len(tokens), table.shape[1]], np.float32)
    hf_models.write_model(self.model_dir, golden, tokens=tokens,
                          do_lower_case=do_lower_case)
    self.convert("discriminator")
    tokenizer = transformers.AutoTokenizer.from_pretrained(self.hf_dir)
    self.assertTrue(tokenizer.is_fast)
    ours = tokenization.FullTokenizer(
        os.path.join(self.model_dir, "vocab.txt"), do_lower_case)
    num_compared = 0
    for line, ids in zip(lines, expected or map(ours.encode, lines)):
      # Hugging Face converts them to the tokens, or to plain text if
      # lower-cased.
      if any(token in line for token in tokenization.SPECIAL_TOKENS):
        continue
      self.assertEqual(
          tokenizer(line, add_special_tokens=False)["input_ids"], ids, line)
      num_compared += 1
    cls, sep = ours.convert_tokens_to_ids(["[CLS]", "[SEP]"])
    pair = tokenizer(lines[0], lines[1])
    first, second = map(ours.encode, lines[:2])
    self.assertEqual(pair["input_ids"], [cls] + first + [sep] + second + [sep])
    self.assertEqual(pair["token_type_ids"],
                     [0] * (len(first) + 2) + [1] * (len(second) + 1))
    self.assertEqual(tokenizer.mask_token_id, ours.vocab["[MASK]"])
    self.assertEqual(tokenizer.pad_token_id, ours.vocab["[PAD]"])
    self.assertEqual(tokenizer.model_max_length, 64)
    self.assertEqual(tokenizer("[MASK]")["input_ids"],
                     [cls, ours.vocab["[MASK]"], sep])
    print("\n%d lines have the same ids" % num_compared, end="")
    return num_compared

  def check_golden(self, name, do_lower_case):
    with open(os.path.join(hf_models.GOLDEN, name), encoding="utf-8") as f:
      golden = json.load(f)
    return self.check_tokenizer(
        golden["vocab"], golden["lines"], golden["ids"], do_lower_case)

  def test_arabic_with_the_arabert_rule(self):
    self.assertGreater(self.check_golden("tokens_ar.json", False), 100)

  def test_english_lower_cased(self):
    self.assertGreater(self.check_golden("tokens_en.json", True), 100)

  def test_random_lines(self):
    rng = random.Random(2)
    lines = [tokenization_fuzz.random_line(rng) for _ in range(500)]
    lines = [re.sub("[\ud800-\udfff]", "", line) for line in lines]  # not UTF-8
    for name, (do_lower_case, strip_accents, arabert) in sorted(
        tokenization_fuzz.SETTINGS.items()):
      if strip_accents != do_lower_case:
        continue  # write_model writes them equal
      with self.subTest(name):
        tokens = tokenization_fuzz.vocab_of(
            lines, random.Random(3), do_lower_case=do_lower_case,
            strip_accents=strip_accents, arabert=arabert)
        self.check_tokenizer(tokens, lines, None, do_lower_case)

  @unittest.skipUnless(DATA, "ELECTRA_DATA is not set")
  def test_all_golden_lines_with_the_released_vocabularies(self):
    for vocab, name, do_lower_case in (
        ("araelectra-vocab.txt", "tokens_ar.json.gz", False),
        ("bert-base-uncased-vocab.txt", "tokens_en.json.gz", True)):
      with self.subTest(name):
        tokens = list(tokenization.load_vocab(
            os.path.join(DATA, "vocab", vocab)))
        with gzip.open(os.path.join(DATA, "..", "golden", name), "rt",
                       encoding="utf-8") as f:
          golden = json.load(f)
        self.check_tokenizer(
            tokens, golden["lines"], golden["ids"], do_lower_case)


if __name__ == "__main__":
  unittest.main()
