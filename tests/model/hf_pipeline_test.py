"""Compares transformers' pipelines on raw text with a run's own predictions.

For each kind of task a model is trained, predicts, and is converted; then the
pipeline of the converted folder must give the same labels, numbers, spans and
answers. Skipped without PyTorch and transformers; see hf_parity_test.py for the
environment, which also needs scipy, scikit-learn, seqeval and arabert.
"""

import os
import sys
import unittest
from unittest import mock

import numpy as np
import tensorflow.compat.v1 as tf

import convert_checkpoint
import export_model
from finetune.tagging import tagging_utils
from tests import serving_models
from tests.finetune import prediction_test
from util import estimators

try:
  import torch
  import transformers
except ImportError:
  torch = None

SENTIMENT = {"kind": "classification", "text_a": "text", "label": "kind"}
PAIRS = {"kind": "classification", "text_a": "one", "text_b": "two",
         "label": "kind"}
QUESTIONS = {"kind": "qa"}


@unittest.skipUnless(torch, "PyTorch and transformers are not installed")
class PipelineCase(prediction_test.PredictionTestCase):

  def setUp(self):
    super().setUp()
    self.hf_dir = os.path.join(self.folder, "hf")

  def pipeline(self, kind, trained, task_kind=None, part=None, **kwargs):
    """Returns the pipeline of a converted model.

    Args:
      kind: str, the name of the pipeline.
      trained: FinetuningConfig of the training, or the folder of a model.
      task_kind: str, for --task-kind.
      part: str, for --part; None: the only task of the config.
      **kwargs: more arguments of `transformers.pipeline`.
    """
    folder = trained
    if not isinstance(trained, str):
      folder = trained.trial_model_dir(1)
      part = "task:" + trained.task_names[0]
    command = ["convert_checkpoint.py", "--to", "hf", "--checkpoint", folder,
               "--part", part, "--output-dir", self.hf_dir]
    if task_kind:
      command += ["--task-kind", task_kind]
    with mock.patch.object(sys, "argv", command):
      convert_checkpoint.main()
    return transformers.pipeline(kind, model=self.hf_dir, **kwargs)


class TextsTest(PipelineCase):

  def check_probabilities(self, predictions, outputs):
    self.assertGreater(
        len({prediction["label"] for prediction in predictions}), 1)
    for prediction, output in zip(predictions, outputs):
      self.assertEqual(output[0]["label"], prediction["label"])
      self.assert_close({score["label"]: score["score"] for score in sorted(
          output, key=lambda score: score["label"])},
                        prediction["probabilities"])

  def test_labels_of_texts(self):
    self.write_task("mine", SENTIMENT, train_tsv=["text\tkind"] + [
        "good a\tfine", "bad b\tpoor", "a b\tso so", "good c\tfine",
        "bad c\tpoor", "c b\tso so"])
    texts = ["a", "bad b c d e f", "good", "c d", "good bad",
             "a b c d e f a b c d e f good good good good"]  # truncated
    trained, predictions = self.train(
        "mine", self.write("new.txt", texts), num_train_epochs=20)
    classifier = self.pipeline("text-classification", trained,
                               "classification")
    self.check_probabilities(
        predictions, classifier(texts, top_k=None, truncation=True))

  def test_labels_of_pairs(self):
    self.write_task("mine", PAIRS, train_tsv=["one\ttwo\tkind"] + [
        "good a\tgood b\tsame", "bad b\tgood c\tother", "a\ta\tsame",
        "b\tc\tother"])
    pairs = [("good d", "good"), ("bad", "good e f a b"), ("c", "c"),
             ("a a a a a a a a a a", "b b b b b b b b")]  # truncated
    trained, predictions = self.train(
        "mine", self.write("new.tsv", ["one\ttwo"] + [
            "\t".join(pair) for pair in pairs]), num_train_epochs=20,
        train_batch_size=1, learning_rate=1e-3)
    classifier = self.pipeline("text-classification", trained,
                               "classification")
    self.check_probabilities(predictions, [
        classifier({"text": one, "text_pair": two}, top_k=None,
                   truncation=True) for one, two in pairs])

  def test_numbers_have_the_range_of_the_data(self):
    self.write_task("alike", prediction_test.LIKENESS,
                    train_tsv=["a\tb\t10", "c\tc\t40"])
    pairs = [("a", "d"), ("e", "e"), ("f", "good")]
    trained, predictions = self.train("alike", self.write(
        "new.tsv", ["\t".join(pair) for pair in pairs]), num_train_epochs=20,
                                      train_batch_size=1, learning_rate=1e-3)
    regressor = self.pipeline("text-classification", trained, "classification")
    for (one, two), prediction in zip(pairs, predictions):
      output = regressor({"text": one, "text_pair": two})
      output = output[0] if isinstance(output, list) else output
      self.assertTrue(10 < prediction["value"] < 40)  # not clipped
      self.assertAlmostEqual(output["score"], prediction["value"], places=3)


class TaggerTest(PipelineCase):

  def compare(self, task_name, tags, declaration=None):
    """Trains on one sentence with `tags`; compares all tags and numbers.

    Returns:
      (texts, predictions of the run).
    """
    words = "good bad a b c d".split()
    self.write_task(task_name, declaration, train_txt=[
        "%s %s" % pair for pair in zip(words, tags)])
    texts = ["good bad a b c d", "b", "good bad d", "a b c", "good bad e a"]
    trained, predictions = self.train(
        task_name, self.write("new.jsonl", [
            '{"text": "%s"}' % text for text in texts]),
        num_train_epochs=30, train_batch_size=1, learning_rate=3e-3)
    tagger = self.pipeline("token-classification", trained, "tagging",
                           ignore_labels=[])
    for prediction, output in zip(predictions, tagger(texts)):
      found = [entity["entity"] for entity in output]
      if not declaration:  # predictions start every span with B
        found = tagging_utils.recode(found, "BIO")
      self.assertEqual(found, prediction["tags"])
      self.assert_close([float(entity["score"]) for entity in output],
                        prediction["probabilities"])
    self.check_any_segment()
    self.assertEqual(predictions[0]["tags"], tags)  # it has learned something
    return texts, predictions

  def check_any_segment(self):
    tokenizer = transformers.AutoTokenizer.from_pretrained(self.hf_dir)
    model = transformers.AutoModelForTokenClassification.from_pretrained(
        self.hf_dir).eval()
    inputs = dict(tokenizer("good bad a", return_tensors="pt"))
    outputs = []
    with torch.no_grad():
      for segment in (None, 0, 1):
        inputs.pop("token_type_ids", None)
        if segment is not None:
          inputs["token_type_ids"] = torch.full_like(
              inputs["input_ids"], segment)
        outputs.append(model(**inputs).logits.numpy())
    np.testing.assert_array_equal(outputs[0], outputs[1])
    np.testing.assert_array_equal(outputs[0], outputs[2])

  def test_aggregation_gives_the_entities(self):
    texts, predictions = self.compare(
        "ner", ["B-X", "I-X", "I-X", "B-Y", "B-Y", "O"])
    tagger = transformers.pipeline("token-classification", model=self.hf_dir,
                                   aggregation_strategy="first")
    for prediction, output in zip(predictions, tagger(texts)):
      self.assertEqual(
          [(span["entity_group"], span["start"], span["end"])
           for span in output],
          [(entity["type"], entity["start"], entity["end"])
           for entity in prediction["entities"]])

  def test_tags_of_words_keep_their_names(self):
    self.compare("mine", ["B-X", "E-X", "O", "S-X", "I-X", "O"],
                 {"kind": "tagging", "metric": "accuracy"})


class AnswersTest(PipelineCase):

  def test_answers_and_their_rivals(self):
    self.write_task("asks", QUESTIONS, train_json=prediction_test.squad(
        "d", "e", "f a"))
    questions = ["d", "f", "a b c", "e", "d d"]
    trained, predictions = self.train(
        "asks", self.write("new.json", prediction_test.squad(*questions)),
        max_query_length=4, joint_prediction=False, num_train_epochs=4,
        answerable_classifier=False)
    answers_fn = self.answers_fn(trained)
    context = "good bad a b c"
    for question, prediction in zip(questions, predictions):
      outputs = answers_fn(question=question, context=context, top_k=3)
      best = outputs[0]
      self.assertEqual(context[best["start"]:best["end"]],
                       prediction["answer"])
      rivals = prediction["n_best"]
      self.assertEqual([context[output["start"]:output["end"]]
                        for output in outputs],
                       [rival["text"] for rival in rivals[:3]])
      # Scores are of all spans there, of the 20 best here.
      self.assertAlmostEqual(
          outputs[1]["score"] / best["score"],
          rivals[1]["probability"] / rivals[0]["probability"], places=4)

  def answers_fn(self, trained):
    """Returns the pipeline, or what it does: transformers 5 has none."""
    if int(transformers.__version__.split(".")[0]) < 5:
      return self.pipeline("question-answering", trained)
    self.pipeline("feature-extraction", trained)  # converts the model
    tokenizer = transformers.AutoTokenizer.from_pretrained(self.hf_dir)
    model = transformers.AutoModelForQuestionAnswering.from_pretrained(
        self.hf_dir).eval()

    def answer(question, context, top_k):
      inputs = tokenizer(question, context, return_tensors="pt",
                         return_offsets_mapping=True)
      offsets = inputs.pop("offset_mapping")[0].tolist()
      with torch.no_grad():
        output = model(**inputs)
      positions = [i for i, segment in enumerate(inputs.sequence_ids(0))
                   if segment == 1]
      start = output.start_logits[0, positions].softmax(-1).tolist()
      end = output.end_logits[0, positions].softmax(-1).tolist()
      spans = [{"score": start[i] * end[j], "start": offsets[positions[i]][0],
                "end": offsets[positions[j]][1]}
               for i in range(len(positions))
               for j in range(i, len(positions))]
      return sorted(spans, key=lambda span: -span["score"])[:top_k]

    return answer


class FillMaskTest(PipelineCase):

  def test_tokens_of_the_generator(self):
    model_dir = os.path.join(self.folder, "model")
    serving_models.write_pretrained(model_dir, "pretrain/pretrain_electra.npz")
    saved = os.path.join(self.folder, "saved", "1")
    export_model.run(export_model.make_config(model_dir, None, {}), model_dir,
                     saved, names=["fill_mask"], top_k=5)
    filler = self.pipeline("fill-mask", model_dir, part="generator")
    tokenizer = filler.tokenizer
    text = "t7 [MASK] t9 t11 t20"
    inputs = tokenizer(text, return_tensors="np")
    with tf.Graph().as_default(), tf.Session() as session:
      expected = serving_models.load_signatures(saved, session)["fill_mask"]({
          "input_ids": inputs["input_ids"].astype(np.int32),
          "input_mask": inputs["attention_mask"].astype(np.int32),
          "segment_ids": inputs["token_type_ids"].astype(np.int32)})
    outputs = filler(text, top_k=5)
    self.assertEqual([output["token"] for output in outputs],
                     expected["token_ids"][0, 2].tolist())
    np.testing.assert_allclose(
        [output["score"] for output in outputs],
        expected["probabilities"][0, 2], rtol=1e-4)


if __name__ == "__main__":
  estimators.setup_tensorflow()
  unittest.main()
