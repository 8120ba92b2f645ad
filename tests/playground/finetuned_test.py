"""Tests for playground.finetuned: the same predictions as for predict_file."""

import os
import tempfile
import unittest
from unittest import mock

import demo
from finetune import task_builder
from tests.finetune import prediction_test
from tests.finetune import words_task
from tests.playground import models
from util import utils


class SameAsPredictFileTest(prediction_test.PredictionTestCase):

  def compare(self, config, predictions, *requests):
    """Asserts that requests are answered as a run answered its file."""
    model = demo.load(config.trial_model_dir(1))
    for prediction, request in zip(predictions, requests):
      answered = model.run(config.task_names[0], request)
      del prediction["id"]
      self.assertIsInstance(answered.pop("notes"), list)
      self.assert_close(prediction, answered)

  def test_classification(self):
    self.write_task("mine", prediction_test.SENTIMENT, train_tsv=[
        "text\tkind", "good a\tfine", "bad b\tpoor", "a b\tso so"])
    texts = ["good bad a", "a b c " * 9]
    config, predictions = self.train("mine", self.write("new.txt", texts))
    self.compare(config, predictions,
                 {"text_a": "good bad a"}, {"text_a": "a b c " * 9})

  def test_question_answering_in_several_windows(self):
    self.write_task("mine", prediction_test.QUESTIONS,
                    train_json=prediction_test.squad("a", "f"))
    config, predictions = self.train(
        "mine", self.write("new.json", prediction_test.squad(
            "a", "b c d e f g", labeled=False)),
        max_query_length=4, doc_stride=2, max_seq_length=10)
    self.compare(config, predictions, *[
        {"question": question, "context": "good bad a b c"}
        for question in ("a", "b c d e f g")])

  def test_tagging(self):
    self.write_task("ner", train_txt=["good B-X", "a O", "b B-Y", ""] * 3)
    texts = ["good a b, c", "a b " * 20]
    config, predictions = self.train("ner", self.write(
        "new.jsonl", ['{"text": "%s"}' % text.strip() for text in texts]))
    self.compare(config, predictions, *[{"text": text} for text in texts])


class FinetunedModelTest(unittest.TestCase):

  @classmethod
  def setUpClass(cls):
    super().setUpClass()
    cls.folder = tempfile.TemporaryDirectory()
    cls.qa, cls.sentences = [
        os.path.join(cls.folder.name, "data", "models", "x",
                     "finetuning_models", name) for name in ("qa", "sentences")]
    models.write_qa(cls.qa)
    models.write_sentences(cls.sentences)
    cls.qa_model, cls.model = demo.load(cls.qa), demo.load(cls.sentences)

  @classmethod
  def tearDownClass(cls):
    cls.folder.cleanup()
    super().tearDownClass()

  def test_every_task_is_an_action_with_its_fields(self):
    self.assertEqual(
        [(action.name, action.kind, [field.name for field in action.fields])
         for action in self.model.actions],
        [("mnli", "classification", ["text_a", "text_b"]),
         ("sts", "classification", ["text_a", "text_b"]),
         ("pos", "tagging", ["text"])])

  def test_answer_is_a_part_of_the_passage(self):
    context = "t7 t8, (t9) t10."
    result = self.qa_model.run("squadv1", {"question": "t11",
                                           "context": context})
    self.assertEqual(context[result["start"]:result["end"]], result["answer"])
    self.assertEqual(result["n_best"][0]["text"], result["answer"])
    self.assertEqual(result["notes"], [])

  def test_long_question_and_passage_are_noted(self):
    # 20 tokens with [CLS] and two [SEP]: 10 of the question, 11 of the passage.
    notes = self.qa_model.run("squadv1", {
        "question": "t11 " * 11, "context": "t7 " * 12})["notes"]
    self.assertEqual(notes, [
        "The text is longer than 24 tokens and was read in 2 overlapping "
        "parts.", "Too long: of the question's 11 tokens only 10 were read."])

  def test_pair_is_classified(self):
    result = self.model.run("mnli", {"text_a": "t7", "text_b": "t8"})
    self.assertEqual(set(result["probabilities"]),
                     {"contradiction", "entailment", "neutral"})
    self.assertAlmostEqual(sum(result["probabilities"].values()), 1, places=5)

  def test_pair_needs_both_texts(self):
    with self.assertRaisesRegex(utils.UserError, "text_b: the text is empty"):
      self.model.run("mnli", {"text_a": "t7"})

  def test_truncated_text_is_noted(self):
    # 24 tokens: [CLS], 21 of the texts and two [SEP].
    notes = self.model.run("mnli", {"text_a": "t7 " * 21, "text_b": "t8"})[
        "notes"]
    self.assertEqual(notes, ["Too long: of 22 tokens only 21 were read."])
    self.assertEqual(self.model.run("mnli", {
        "text_a": "t7 " * 20, "text_b": "t8"})["notes"], [])

  def test_tokens_are_counted_in_the_cleaned_text(self):
    # Cleaning removes the diacritics, of which each would be an [UNK].
    model = demo.load(self.sentences, passed={
        "arabert_preprocessing": "araelectra-base"})
    self.assertEqual(model.about["cleaning"], "araelectra-base")
    self.assertIsNone(self.model.about["cleaning"])
    texts = {"text_a": "t7 \u064e\u064f " * 20, "text_b": "t8"}
    self.assertEqual(model.run("mnli", texts)["notes"], [])
    self.assertEqual(self.model.run("mnli", texts)["notes"], [
        "Too long: of 41 tokens only 21 were read."])

  def test_value_of_a_regression(self):
    result = self.model.run("sts", {"text_a": "t7", "text_b": "t8"})
    self.assertIsInstance(result["value"], float)

  def test_words_are_tagged_also_over_several_lines(self):
    result = self.model.run("pos", {"text": "t7 t8\nt9"})
    self.assertEqual(result["words"], ["t7", "t8", "t9"])
    self.assertTrue(set(result["tags"]) <= {"ADJ", "NOUN", "VERB"})

  def test_requests_leave_no_files(self):
    with tempfile.TemporaryDirectory() as folder, \
        mock.patch.object(tempfile, "tempdir", folder):
      self.model.run("pos", {"text": "t7"})
      self.assertEqual(os.listdir(folder), [])

  def test_task_of_another_kind_is_refused(self):
    with tempfile.TemporaryDirectory() as folder, mock.patch.dict(
        task_builder._TASK_CLASSES, {"words": words_task.WordsTask}):
      models.write_qa(folder)
      path = os.path.join(folder, "finetuning_run.json")
      utils.write_json(dict(utils.load_json(path), task_names=["words"]), path)
      with self.assertRaisesRegex(utils.UserError, "'words' is a WordsTask, "
                                  "which demo.py cannot ask"):
        demo.load(folder)

  def test_checkpoint_without_the_head_is_refused(self):
    with self.assertRaisesRegex(utils.UserError, "not trained on task 'arcd'"):
      demo.load(self.qa, passed={"task_names": ["arcd"]})


if __name__ == "__main__":
  unittest.main()
