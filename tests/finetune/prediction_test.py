"""Predictions for files without labels, by complete runs of each task kind.

Each model is trained for a step or two; then it predicts with another, empty
data folder: all that is needed is in the folder of the model.
"""

import json
import math
import os
import shutil
import tempfile
import unittest

import configure_finetuning
from finetune import task_builder
import run_finetuning
from tests.finetune import words_task
from util import utils

SENTIMENT = {"kind": "classification", "text_a": "text", "label": "kind"}
LIKENESS = {"kind": "regression", "header": False, "format": "tsv",
            "text_a": 0, "text_b": 1, "label": 2}
QUESTIONS = {"kind": "qa", "has_impossible": True}


def squad(*questions, labeled=True):
  """Returns the lines of a SQuAD file; the answer is the context's "bad a"."""
  answers = [{"text": "bad a", "answer_start": 5}]
  return [json.dumps({"data": [{"paragraphs": [{
      "context": "good bad a b c", "qas": [
          dict({"id": "q%d" % i, "question": question},
               **(dict(answers=[] if question == "f" else answers,
                       is_impossible=question == "f") if labeled else {}))
          for i, question in enumerate(questions)]}]}]})]


def read_jsonl(path):
  return [json.loads(line) for line in words_task.read_lines(path)]


class PredictionTestCase(unittest.TestCase):

  def setUp(self):
    super().setUp()
    folder = tempfile.TemporaryDirectory()
    self.addCleanup(folder.cleanup)
    self.folder = folder.name
    self.data_dir = os.path.join(self.folder, "data")
    self.elsewhere = os.path.join(self.folder, "elsewhere")
    words_task.write_data(self.data_dir)

  def write(self, path, lines):
    words_task.write_lines(os.path.join(self.folder, path), lines)
    return os.path.join(self.folder, path)

  def write_task(self, name, declaration=None, **splits):
    """Writes the files of a task; `train_tsv` is the content of train.tsv."""
    if declaration:
      self.write("data/finetuning_data/%s/task.json" % name,
                 [json.dumps(declaration)])
    for split, lines in splits.items():
      self.write("data/finetuning_data/%s/%s" % (
          name, split.replace("_", ".")), lines)

  def train(self, name, predict_file, **hparams):
    """Trains, predicts, and returns (config, predictions)."""
    values = dict(num_train_epochs=0.1, do_eval=False, max_seq_length=16,
                  task_names=[name], predict_batch_size=2,
                  predict_file=predict_file)
    values.update(hparams)
    config = words_task.tiny_config(self.data_dir, **values)
    run_finetuning.run(config)
    return config, read_jsonl(config.predictions_file(1))

  def predict(self, trained, predict_file, **hparams):
    """Predicts elsewhere; returns (config, predictions)."""
    config = configure_finetuning.FinetuningConfig(
        "other", self.elsewhere, do_train=False, do_eval=False,
        init_checkpoint=trained.trial_model_dir(1), predict_file=predict_file,
        **hparams)
    run_finetuning.run(config)
    return config, read_jsonl(config.predict_output_file)

  def assert_close(self, one, other):
    """Asserts that two predictions are the same but for rounding."""
    if isinstance(one, dict):
      self.assertEqual(list(one), list(other))
      for name in one:
        self.assert_close(one[name], other[name])
    elif isinstance(one, list):
      self.assertEqual(len(one), len(other))
      for pair in zip(one, other):
        self.assert_close(*pair)
    elif isinstance(one, float):
      self.assertAlmostEqual(one, other, places=4)
    else:
      self.assertEqual(one, other)


class ClassificationTest(PredictionTestCase):

  def train_sentiment(self, predict_file, **hparams):
    self.write_task("mine", SENTIMENT, train_tsv=[
        "text\tkind", "good a\tfine", "bad b\tpoor", "a b\tso so"])
    return self.train("mine", predict_file, **hparams)

  def test_labels_and_probabilities_in_the_order_of_the_file(self):
    texts = ["a", "bad b c d e f", "good", "c d", "good bad"]
    trained, first = self.train_sentiment(
        self.write("new.tsv", ["text"] + texts))
    self.assertEqual([p["text"] for p in first], texts)
    self.assertEqual([p["id"] for p in first], list("01234"))
    for prediction in first:
      self.assertEqual(list(prediction), [
          "id", "text", "label", "probability", "probabilities"])
      self.assertEqual(list(prediction["probabilities"]),
                       ["fine", "poor", "so so"])
      self.assertAlmostEqual(sum(prediction["probabilities"].values()), 1.0,
                             places=5)
      self.assertEqual(prediction["probability"],
                       prediction["probabilities"][prediction["label"]])
      self.assertEqual(prediction["probability"],
                       max(prediction["probabilities"].values()))
    self.assertTrue(trained.predict_output_file.endswith(os.path.join(
        "tiny", "results", "mine_predictions", "new.jsonl")))
    # Everything else is known from the model: sizes, vocabulary, task, labels.
    config, second = self.predict(trained, self.write("new.txt", texts))
    self.assertEqual(config.task_names, ["mine"])
    self.assert_close(second, first)
    table = words_task.read_lines(
        config.predict_output_file.replace(".jsonl", ".tsv"))
    self.assertEqual(table[0], "id\ttext\tlabel\tprobability")
    self.assertEqual(table[2].split("\t")[:3],
                     ["1", texts[1], second[1]["label"]])

  def test_every_format_with_and_without_labels_and_ids(self):
    trained, wanted = self.train_sentiment(
        self.write("new.tsv", ["kind\ttext", "fine\tgood", "unknown\tbad a"]))
    for name, lines in [
        ("a.csv", ["text", "\"good\"", "bad a"]),
        ("b.jsonl", ['{"text": "good"}', '{"text": "bad a", "kind": "x"}']),
        ("c.json", ['[{"text": "good"}, {"text": "bad a"}]']),
        ("d.data", ["text", "good", "bad a"])]:
      with self.subTest(name=name):
        self.assert_close(self.predict(trained, self.write(name, lines))[1],
                          wanted)

  def test_bad_lines_name_file_and_line(self):
    trained, _ = self.train_sentiment(self.write("new.txt", ["a"]))
    for name, lines, message in [
        ("a.tsv", ["kind\ttext", "a\tb\tc"],
         "a.tsv:2: expected 2 columns, got 3"),
        ("b.tsv", ["words", "a"], "b.tsv:1: expected a header line .*'text'"),
        ("c.txt", ["a", "", "b"], "c.txt:2: expected a row, got an empty"),
        ("d.jsonl", ['{"text": "a"}', '{"text": 3}'],
         "d.jsonl:2: \"text\": expected a text"),
        ("e.jsonl", ['{"text": "a"}', '{"txt": "b"}'],
         "e.jsonl:2: expected the key 'text'"),
        ("f.tsv", ["text"], "found none .*f.tsv"),
        ("g.txt", [], "g.txt: .* got an empty file")]:
      with self.subTest(name=name):
        path = self.write(name, lines)
        with self.assertRaisesRegex(utils.UserError, message):
          self.predict(trained, path)

  def test_bad_file_is_found_before_training(self):
    with self.assertRaisesRegex(utils.UserError, "new.tsv:2: expected 1 col"):
      self.train_sentiment(self.write("new.tsv", ["text", "a\tb"]))
    self.assertFalse(os.path.exists(os.path.join(
        self.data_dir, "models", "tiny", "finetuning_models")))

  def test_each_trial_has_a_file_and_the_last_the_plain_one(self):
    config, first = self.train_sentiment(self.write("new.txt", ["a", "b"]),
                                         num_trials=2)
    second = read_jsonl(config.predictions_file(2))
    self.assertNotEqual(first, second)
    self.assertEqual(read_jsonl(config.predict_output_file), second)

  def test_columns_by_position_with_and_without_labels(self):
    self.write_task("mine", {
        "kind": "classification", "header": False, "text_a": 1, "label": 0,
        "id": 2}, train_tsv=["fine\tgood a\tx", "poor\tbad b\ty"])
    trained, wanted = self.train("mine", self.write(
        "new.tsv", ["\tgood\tseven", "\tbad\teight"]))
    self.assertEqual([(p["id"], p["text"]) for p in wanted],
                     [("seven", "good"), ("eight", "bad")])
    # The model knows how many columns it was trained with.
    for name, lines in [("new.tsv", ["good\tseven", "bad\teight"]),
                        ("new.csv", ["good,seven", "bad,eight"])]:
      self.assert_close(self.predict(trained, self.write(name, lines))[1],
                        wanted)
    for lines in (["good"], ["fine\tgood\tseven\tz"]):
      path = self.write("new.tsv", lines)
      with self.assertRaisesRegex(
          utils.UserError, "new.tsv:1: expected 2 or 3 columns, .* got %d: "
          ".*. For one text per line, name the file .txt" % (
              lines[0].count("\t") + 1)):
        self.predict(trained, path)
    # Without num_columns the positions are used as they are.
    record = os.path.join(trained.trial_model_dir(1), "labels.json")
    learned = utils.load_json(record)
    self.assertEqual(learned["mine"].pop("num_columns"), 3)
    utils.write_json(learned, record)
    _, predictions = self.predict(trained, self.write(
        "new.tsv", ["fine\tgood\tseven\tz"]))
    self.assertEqual(predictions[0]["text"], "good")

  def test_labels_that_differ_from_the_models_are_refused(self):
    trained, _ = self.train_sentiment(self.write("new.txt", ["a"]))
    self.write("elsewhere/finetuning_data/mine/task.json", [
        json.dumps(dict(SENTIMENT, labels=["poor", "fine", "so so"]))])
    with self.assertRaisesRegex(utils.UserError, "trained with, fine, poor"):
      self.predict(trained, os.path.join(self.folder, "new.txt"))

  def test_glue_task_reads_files_with_and_without_labels(self):
    # CoLA's labeled files have no header line, its unlabeled one has.
    self.write_task("cola", train_tsv=["s\t1\t\tgood a", "s\t0\t*\tbad a"])
    trained, wanted = self.train("cola", self.write(
        "new.tsv", ["s\t1\t\tgood", "s\t0\t\tbad"]))
    self.assertEqual([p["text"] for p in wanted], ["good", "bad"])
    self.assertEqual(list(wanted[0]["probabilities"]), ["0", "1"])
    _, got = self.predict(trained, self.write(
        "test.tsv", ["index\tsentence", "0\tgood", "1\tbad"]))
    self.assert_close(got, wanted)

  def test_one_task_of_several(self):
    self.write_task("mine", SENTIMENT, train_tsv=[
        "text\tkind", "good a\tfine", "bad b\tpoor"])
    self.write_task("cola", train_tsv=["s\t1\t\tgood a", "s\t0\t*\tbad a"])
    config, predictions = self.train(
        "mine", self.write("new.txt", ["a"]), task_names=["cola", "mine"],
        predict_task="mine")
    self.assertEqual(list(predictions[0]["probabilities"]), ["fine", "poor"])
    with self.assertRaisesRegex(utils.UserError, "predict_task: expected one"):
      config.replace(predict_task=None)

  def test_task_without_predict_file_support_is_an_error(self):
    task_builder.register("words", words_task.WordsTask)
    with self.assertRaisesRegex(utils.UserError, "'words' reads no predict"):
      self.train("words", self.write("new.txt", ["a"]))


class RegressionTest(PredictionTestCase):

  def test_values_in_units_of_the_range_that_was_learned(self):
    self.write_task("alike", LIKENESS, train_tsv=["a\tb\t10", "c\tc\t40"])
    trained, first = self.train("alike", self.write(
        "new.tsv", ["a\td", "e\te", "f\tgood"]))
    self.assertEqual([(p["text_a"], p["text_b"]) for p in first],
                     [("a", "d"), ("e", "e"), ("f", "good")])
    for prediction in first:
      self.assertEqual(list(prediction), ["id", "text_a", "text_b", "value"])
      # 30 units of the range are 1 for the model, which is hardly trained.
      self.assertTrue(-50 <= prediction["value"] <= 100)
    _, second = self.predict(trained, self.write(
        "labeled.tsv", ["a\td\t1", "e\te\tnone", "f\tgood\t3"]))
    self.assert_close(second, first)

  def test_pairs_are_not_read_from_plain_text(self):
    self.write_task("alike", LIKENESS, train_tsv=["a\tb\t10", "c\tc\t40"])
    with self.assertRaisesRegex(utils.UserError, "requires pairs of texts"):
      self.train("alike", self.write("new.txt", ["a"]))


class TaggingTest(PredictionTestCase):

  def test_entities_have_texts_and_positions(self):
    self.write_task("ner", train_txt=[
        "good B-X", "bad I-X", "a O", "", "b B-Y", "c O", ". O"])
    trained, first = self.train("ner", self.write(
        "new.txt", ["good", "bad", "", "a", "", "b", "c", "d", "."]),
                                learning_rate=1e-3)
    self.assertEqual([p["words"] for p in first],
                     [["good", "bad"], ["a"], ["b", "c", "d", "."]])
    num_entities = 0
    for prediction in first:
      self.assertEqual(len(prediction["tags"]), len(prediction["words"]))
      self.assertEqual(len(prediction["probabilities"]),
                       len(prediction["words"]))
      for entity in prediction["entities"]:
        num_entities += 1
        words = prediction["words"][entity["first_word"]:
                                    entity["last_word"] + 1]
        self.assertEqual(entity["text"], " ".join(words))
        self.assertEqual(
            entity["text"], prediction["text"][entity["start"]:entity["end"]])
        self.assertEqual(entity["probability"], min(
            prediction["probabilities"][entity["first_word"]:
                                        entity["last_word"] + 1]))
        self.assertEqual(prediction["tags"][entity["first_word"]],
                         "B-" + entity["type"])
    self.assertGreater(num_entities, 0)  # else nothing above was looked at

    # Tags are not read, not even unknown ones.
    config, second = self.predict(trained, self.write("new.conll", [
        "good B-Z", "bad O", "", "a O", "", "b O", "c O", "d O", ". O"]))
    self.assert_close(second, first)
    self.assertEqual(
        words_task.read_lines(
            config.predict_output_file.replace(".jsonl", ".txt"))[:3],
        ["good " + first[0]["tags"][0], "bad " + first[0]["tags"][1], ""])
    # Text with the same words, the last two not separated; offsets refer to the
    # unmodified text.
    _, third = self.predict(trained, self.write("new.jsonl", [
        '{"id": "x", "text": "  good\\tbad "}', '{"words": ["a"]}',
        '{"text": "b c d."}']))
    self.assertEqual([p["words"] for p in third], [p["words"] for p in first])
    self.assertEqual([p["tags"] for p in third], [p["tags"] for p in first])
    self.assertEqual(third[0]["id"], "x")
    for entity in third[0]["entities"]:
      self.assertEqual(entity["text"],
                       "  good\tbad "[entity["start"]:entity["end"]])

  def test_text_on_one_line_is_not_taken_for_a_word(self):
    self.write_task("pos", train_txt=["a x N", "b x V"])
    trained, wanted = self.train("pos", self.write("new.txt", ["a", "b"]))
    for lines in (["a x", "b y"], ["a x N", "b y Z"]):
      self.assert_close(self.predict(trained, self.write(
          "new.txt", lines))[1], wanted)
    path = self.write("new.txt", ["good bad a b", "a b c d"])
    with self.assertRaisesRegex(
        utils.UserError, "new.txt:1: expected one word per line, in 1, 2 or 3 "
        "columns .* got 4: 'good bad a b'. For plain text, put"):
      self.predict(trained, path)
    # Without num_columns the first column is read.
    record = os.path.join(trained.trial_model_dir(1), "labels.json")
    learned = utils.load_json(record)
    self.assertEqual(learned["pos"].pop("num_columns"), 3)
    utils.write_json(learned, record)
    _, predictions = self.predict(trained, path)
    self.assertEqual(predictions[0]["words"], ["good", "a"])

  def test_tables_and_objects_of_a_declared_task(self):
    self.write_task("mine", {"kind": "tagging", "metric": "accuracy",
                             "words": "word", "tags": "tag"},
                    train_csv=["tag,word", "N,a", "V,b", "", "N,c"])
    trained, wanted = self.train("mine", self.write(
        "new.csv", ["word", "a", "b", "", "d"]))
    self.assertEqual([p["words"] for p in wanted], [["a", "b"], ["d"]])
    for name, lines in [
        ("new.tsv", ["x\tword\ttag", "1\ta\t?", "1\tb\t? ?", "\t\t",
                     "2\td\t"]),
        ("new.txt", ["a", "b", "", "d"]),
        ("new.txt", ["a N", "b N", "", "d N"]),
        ("new.jsonl", ['{"words": ["a", "b"]}', "", '{"words": ["d"]}', ""]),
        ("new.json", ['[{"words": ["a", "b"]}, {"text": "d", "tags": 3}]'])]:
      with self.subTest(name=name):
        self.assert_close(self.predict(trained, self.write(name, lines))[1],
                          wanted)
    with self.assertRaisesRegex(
        utils.UserError, "new.txt:1: .* in 1 or 2 columns .* got 3: 'a b d'"):
      self.predict(trained, self.write("new.txt", ["a b d"]))

  def test_objects_with_declared_keys(self):
    self.write_task("mine", {
        "kind": "tagging", "words": "tokens", "tags": "ner", "id": "key"},
                    train_jsonl=['{"tokens": ["a", "b"], "ner": ["B-X", "O"]}'])
    _, predictions = self.train("mine", self.write(
        "new.jsonl", ['{"tokens": ["a", "d"], "key": 7}', '{"text": "b"}']))
    self.assertEqual([(p["id"], p["words"]) for p in predictions],
                     [("7", ["a", "d"]), ("1", ["b"])])

  def test_words_beyond_the_input_are_tagged_in_windows(self):
    self.write_task("pos", train_txt=["a N", "b V"])
    _, predictions = self.train("pos", self.write(
        "new.txt", list("abcdef") + ["", "a"]), max_seq_length=5)
    self.assertEqual([len(p["tags"]) for p in predictions], [6, 1])
    self.assertLessEqual(set(predictions[0]["tags"]), {"N", "V"})
    self.assertEqual(len(predictions[0]["probabilities"]), 6)
    self.assertGreaterEqual(min(predictions[0]["probabilities"]), 0.5)
    self.assertNotIn("entities", predictions[0])

  def test_bad_lines_name_file_and_line(self):
    self.write_task("pos", train_txt=["a N", "b V"])
    for name, lines, message in [
        ("a.txt", ["a", "b c"], ":2: expected 1 columns"),
        ("a.csv", ["a,N,x"],
         ":1: expected one word per line, in 1 or 2 columns"),
        ("b.jsonl", ['{"words": ["a"]}', "words"], ":2:1: expected JSON: "),
        ("c.jsonl", ['{"words": ["a b"]}'], ":1: \"words\": expected a list"),
        ("d.jsonl", ['{"text": " "}'], ":1: expected words, got none"),
        ("e.jsonl", ['{"tokens": ["a"]}'], ":1: expected an object with")]:
      with self.subTest(name=name):
        with self.assertRaisesRegex(utils.UserError, name + message):
          self.train("pos", self.write(name, lines))


class QuestionsTest(PredictionTestCase):

  def test_answers_with_their_rivals_and_null_odds(self):
    self.write_task("asks", QUESTIONS, train_json=squad("d", "e", "f"))
    questions = ["d", "f", "a b c", "e", "d d"]
    trained, first = self.train(
        "asks", self.write("new.json", squad(*questions)), max_query_length=4,
        n_best_size=3)
    self.assertEqual([p["question"] for p in first], questions)
    self.assertEqual([p["id"] for p in first], ["q%d" % i for i in range(5)])
    for prediction in first:
      self.assertEqual(list(prediction), [
          "id", "question", "answer", "start", "end", "probability", "n_best",
          "null_odds", "null_logit", "has_answer"])
      self.assertLessEqual(len(prediction["n_best"]), 3)
      self.assertAlmostEqual(prediction["null_odds"],
                             math.exp(prediction["null_logit"]), places=4)
      best = prediction["n_best"][0]
      if prediction["has_answer"]:
        self.assertEqual(prediction["probability"], best["probability"])
        self.assertEqual(prediction["answer"], best["text"])
        self.assertEqual("good bad a b c"[prediction["start"]:
                                          prediction["end"]], best["text"])
      else:
        odds = prediction["null_odds"]
        self.assertAlmostEqual(prediction["probability"], odds / (1 + odds),
                               places=4)
        self.assertEqual(prediction["answer"], "")
        self.assertIsNone(prediction["start"])
    config, second = self.predict(
        trained, self.write("new.json", squad(*questions, labeled=False)),
        n_best_size=3)
    self.assert_close(second, first)
    self.assertEqual(
        utils.load_json(config.predict_output_file.replace(".jsonl", ".json")),
        {p["id"]: p["answer"] for p in second})

  def test_questions_about_empty_contexts_have_empty_answers(self):
    self.write_task("asks", QUESTIONS, train_json=squad("d", "e", "f"))
    lines = [squad("d", "e", labeled=False)[0].replace("good bad a b c", " ")]
    _, predictions = self.train("asks", self.write("new.json", lines),
                                max_query_length=4)
    for prediction, qas_id in zip(predictions, ["q0", "q1"]):
      self.assertEqual(list(prediction.values())[0], qas_id)
      self.assertEqual(list(prediction.values())[2:], [
          "", None, None, None, [], None, None, False])

  def test_threshold_decides_whether_there_is_an_answer(self):
    self.write_task("asks", QUESTIONS, train_json=squad("d", "e", "f"))
    _, predictions = self.train(
        "asks", self.write("new.json", squad("d", labeled=False)),
        max_query_length=4, qa_na_threshold=-1000.0)
    self.assertEqual((predictions[0]["answer"], predictions[0]["has_answer"]),
                     ("", False))

  def test_mrqa_lines_need_no_answers(self):
    lines = ['{"header": {}}', json.dumps({
        "context": "good bad a", "qas": [{
            "qid": "x", "question": "d", "answers": ["bad"],
            "detected_answers": [{"text": "bad", "char_spans": [[5, 7]]}]}]})]
    self.write_task("newsqa", train_jsonl=lines)
    _, predictions = self.train("newsqa", self.write("new.jsonl", [json.dumps(
        {"context": "good bad a", "qas": [{"qid": "y", "question": "e"}]})]),
                                max_query_length=4)
    self.assertEqual([(p["id"], p["question"]) for p in predictions],
                     [("y", "e")])
    self.assertNotIn("null_odds", predictions[0])

  def test_tydiqa_answers_questions_of_any_language(self):
    content = squad("d", "e")[0].replace('"q0"', '"arabic-0"')
    self.write_task("tydiqa", train_json=[content])
    _, predictions = self.train("tydiqa", self.write("new.json", squad(
        "d", "e", labeled=False)), max_query_length=4)
    self.assertEqual([p["id"] for p in predictions], ["q0", "q1"])


class LearnedLabelsTest(PredictionTestCase):

  def test_evaluation_needs_no_training_data(self):
    self.write_task("pos", train_txt=["a N", "b V"])
    trained, _ = self.train("pos", self.write("new.txt", ["a"]))
    self.assertEqual(
        utils.load_json(os.path.join(trained.trial_model_dir(1),
                                     "labels.json")),
        {"pos": {"labels": ["N", "V"], "num_columns": 2}})
    shutil.rmtree(os.path.join(self.data_dir, "finetuning_data"))
    self.write("elsewhere/finetuning_data/pos/dev.txt", ["a V", "c N"])
    config = configure_finetuning.FinetuningConfig(
        "other", self.elsewhere, do_train=False,
        init_checkpoint=trained.trial_model_dir(1))
    trial, = run_finetuning.run(config)
    self.assertIn("accuracy", trial["results"]["pos"])

  def test_broken_record_names_the_file(self):
    self.write_task("pos", train_txt=["a N", "b V"])
    path = self.write("new.txt", ["a"])
    trained, _ = self.train("pos", path)
    record = os.path.join(trained.trial_model_dir(1), "labels.json")
    words_task.write_lines(record, ["[]"])
    with self.assertRaisesRegex(utils.UserError, "labels.json: expected"):
      self.predict(trained, path)


if __name__ == "__main__":
  from util import estimators
  estimators.setup_tensorflow()
  unittest.main()
