"""Tests for finetune.preprocessing."""

import contextlib
import io
import tempfile
from unittest import mock

import tensorflow.compat.v1 as tf

from finetune import preprocessing
from model import tokenization
from tests.finetune import words_task
from util import utils


class PreprocessingTest(tf.test.TestCase):

  def setUp(self):
    super().setUp()
    folder = tempfile.TemporaryDirectory()
    self.addCleanup(folder.cleanup)
    self.data_dir = folder.name
    words_task.write_data(self.data_dir)
    words_task.write_data(self.data_dir, "other_words", seed=1)

  def _prepare(self, task_names=("words",), **hparams):
    """Returns (Preprocessor, [WordsTask])."""
    config = words_task.tiny_config(
        self.data_dir, task_names=list(task_names), **hparams)
    tokenizer = tokenization.FullTokenizer(config.vocab_file,
                                           do_lower_case=False)
    tasks = [words_task.WordsTask(config, tokenizer, name)
             for name in task_names]
    return preprocessing.Preprocessor(config, tasks), tasks

  def _read(self, input_fn, num_batches=None, batch_size=8):
    """Returns the first batches of an input_fn, as {feature: array} each."""
    batches = []
    with tf.Graph().as_default(), self.session() as sess:
      features = tf.data.make_one_shot_iterator(
          input_fn({"batch_size": batch_size})).get_next()
      while num_batches is None or len(batches) < num_batches:
        try:
          batches.append(sess.run(features))
        except tf.errors.OutOfRangeError:
          break
    return batches

  def _eids(self, batches, task_name="words"):
    return [eid for batch in batches for eid in batch[task_name + "_eid"]]

  # Fit of the vocabulary.

  def test_unknown_tokens_are_counted_recorded_and_logged(self):
    preprocessor, (task,) = self._prepare()
    task.tokenizer = task._tokenizer
    for example in task.get_examples("dev")[:3]:
      self.assertNotIn("[UNK]", task.tokenizer.tokenize(example.text))
    get_examples = task.get_examples

    def with_unknown_words(split):
      examples = get_examples(split)
      examples[0].text = examples[1].text = "Zx \u0623"
      return examples

    task.get_examples = with_unknown_words
    logs = []
    for _ in range(2):  # built, then reused
      log = io.StringIO()
      with contextlib.redirect_stdout(log):
        stored = preprocessor.store([task], "dev")
      logs.append(log.getvalue().split("\n", 1)[1])
    metadata = utils.load_json(stored.path.replace(".tfrecord", ".json"))
    self.assertEqual(metadata["num_unknown_tokens"], 4)
    self.assertEqual(metadata["unknown_words"], [["Zx", 2], ["\u0623", 2]])
    self.assertRegex(logs[0], (
        r"^\[UNK\] is 4 of %d tokens \(.* %%\), most often for Zx \(2\), "
        r"\u0623 \(2\)\n" % metadata["num_tokens"]))
    self.assertEqual(logs[0], logs[1])

  # Storing.

  def test_features_are_stored_once(self):
    preprocessor, (task,) = self._prepare()
    first = preprocessor.store([task], "dev")
    second = preprocessor.store([task], "dev")
    self.assertEqual(first, second)
    self.assertEqual(first.num_examples, words_task.NUM_DEV)
    self.assertEqual(task.num_featurized, words_task.NUM_DEV)

  def test_reordered_file_is_featurized_again(self):
    # As many examples as before, which is all that the reference looks at; its
    # scores of such a file were silently wrong.
    preprocessor, (task,) = self._prepare()
    before = self._read(preprocessor.eval_input_fn(
        preprocessor.store([task], "dev")))
    path = words_task.split_file(self.data_dir, "dev")
    lines = words_task.read_lines(path)
    words_task.write_lines(path, lines[::-1])
    after = self._read(preprocessor.eval_input_fn(
        preprocessor.store([task], "dev")))
    self.assertEqual(
        [label for batch in before for label in batch["words_label_ids"]],
        [int(line[0]) for line in lines])
    self.assertEqual(
        [label for batch in after for label in batch["words_label_ids"]],
        [int(line[0]) for line in lines[::-1]])

  def test_changed_inputs_rebuild_the_features(self):
    def num_featurized(version=1, **hparams):
      preprocessor, (task,) = self._prepare(**hparams)
      task.version = version
      preprocessor.store([task], "dev")
      return task.num_featurized

    self.assertEqual(num_featurized(), words_task.NUM_DEV)
    self.assertEqual(num_featurized(train_batch_size=3, seed=9,
                                    predict_batch_size=5), 0)
    for changed in [dict(max_seq_length=10), dict(version=2),
                    dict(do_lower_case=True),
                    dict(use_tfrecords_if_existing=False)]:
      with self.subTest(changed=changed):
        self.assertEqual(num_featurized(**changed), words_task.NUM_DEV)
    words_task.write_lines(self.data_dir + "/vocab.txt",
                           words_task.VOCABULARY + ["new"])
    self.assertEqual(num_featurized(), words_task.NUM_DEV)

  def test_truncated_features_are_rebuilt(self):
    preprocessor, (task,) = self._prepare()
    stored = preprocessor.store([task], "dev")
    with open(stored.path, "r+b") as f:
      f.truncate(100)
    preprocessor.store([task], "dev")
    self.assertEqual(task.num_featurized, 2 * words_task.NUM_DEV)

  def test_missing_file_is_named(self):
    preprocessor, (task,) = self._prepare()
    utils.remove(words_task.split_file(self.data_dir, "dev"))
    with self.assertRaisesRegex(
        utils.UserError, r"Task 'words': expected its dev data in .*dev.tsv"):
      preprocessor.store([task], "dev")

  def test_empty_split_is_an_error(self):
    preprocessor, (task,) = self._prepare()
    words_task.write_lines(words_task.split_file(self.data_dir, "dev"), [])
    with self.assertRaisesRegex(utils.UserError, r"found none \(.*dev.tsv\)"):
      preprocessor.store([task], "dev")

  def test_debug_cuts_the_training_set_only(self):
    preprocessor, (task,) = self._prepare(debug=True)
    with mock.patch.object(preprocessing, "DEBUG_TRAIN_EXAMPLES", 7):
      self.assertEqual(preprocessor.store([task], "train").num_examples, 7)
      self.assertEqual(preprocessor.store([task], "dev").num_examples,
                       words_task.NUM_DEV)

  # Evaluation.

  def test_evaluation_reads_all_in_order_and_keeps_the_remainder(self):
    preprocessor, (task,) = self._prepare()
    batches = self._read(preprocessor.eval_input_fn(
        preprocessor.store([task], "dev")))
    self.assertEqual([len(batch["task_id"]) for batch in batches], [8, 8, 5])
    self.assertEqual(self._eids(batches), list(range(words_task.NUM_DEV)))

  def test_a_batch_larger_than_the_split_is_read(self):
    preprocessor, (task,) = self._prepare()
    batches = self._read(preprocessor.eval_input_fn(
        preprocessor.store([task], "dev")), batch_size=100)
    self.assertEqual(self._eids(batches), list(range(words_task.NUM_DEV)))

  def test_on_a_tpu_the_last_batch_is_filled_up(self):
    preprocessor, (task,) = self._prepare(use_tpu=True)
    batches = self._read(preprocessor.eval_input_fn(
        preprocessor.store([task], "dev")))
    self.assertEqual([len(batch["task_id"]) for batch in batches], [8, 8, 8])
    # 21 examples of task 0; 1 is the id of no task
    self.assertAllEqual(batches[-1]["task_id"], [0] * 5 + [1] * 3)

  # Trimming.

  def _write_lengths(self, split, lengths):
    """Writes a split whose example i has `lengths[i]` tokens."""
    words_task.write_lines(
        words_task.split_file(self.data_dir, split),
        ["1\t" + " ".join(["a"] * (length - 2)) for length in lengths])

  def _lengths(self, batches):
    """Returns [(length of the batch, list of the tokens of its examples)]."""
    return [(batch["input_ids"].shape[1], batch["input_mask"].sum(1).tolist())
            for batch in batches]

  def test_evaluation_reads_long_examples_first(self):
    self._write_lengths("dev", [3, 17, 8, 9, 3, 16, 30, 4])
    for settings, wanted in [
        ({}, [(30, [30, 17, 16]), (16, [9, 8, 4]), (8, [3, 3])]),
        (dict(trim_batches=False),
         [(30, [3, 17, 8]), (30, [9, 3, 16]), (30, [30, 4])])]:
      preprocessor, (task,) = self._prepare(
          max_seq_length=30, model_hparam_overrides={
              "max_position_embeddings": 30, "hidden_size": 16,
              "num_attention_heads": 2}, **settings)
      stored = preprocessor.store([task], "dev")
      batches = self._read(preprocessor.eval_input_fn(stored), batch_size=3)
      self.assertEqual(self._lengths(batches), wanted)
      # INPUT_NUMBER is the index in the file.
      for batch in batches:
        self.assertAllEqual(batch["input_number"], batch["words_eid"])

  def test_only_some_examples_are_sorted_together(self):
    self._write_lengths("dev", [3, 4, 5, 6, 7, 8])
    preprocessor, (task,) = self._prepare()
    with mock.patch.object(preprocessing, "SORTED_EXAMPLES", 5):
      batches = self._read(preprocessor.eval_input_fn(
          preprocessor.store([task], "dev")), batch_size=2)
    self.assertEqual([lengths for _, lengths in self._lengths(batches)],
                     [[6, 5], [4, 3], [8, 7]])

  def test_training_keeps_its_order_and_loses_padding(self):
    self._write_lengths("train", [3] * 15 + [12])
    batches = {}
    for is_trimming in (True, False):
      preprocessor, (task,) = self._prepare(
          max_seq_length=16, trim_batches=is_trimming)
      batches[is_trimming] = self._read(preprocessor.train_input_fn(
          preprocessor.store([task], "train"), 3), 4, batch_size=8)
    self.assertEqual(self._eids(batches[True]), self._eids(batches[False]))
    self.assertEqual(sorted(length for length, _ in self._lengths(
        batches[True])), [8, 8, 16, 16])  # 12 is rounded up; two epochs
    self.assertEqual({length for length, _ in self._lengths(batches[False])},
                     {16})

  def test_head_that_may_require_the_full_length_gets_it(self):

    class OwnHead(words_task.WordsTask):

      def get_prediction_module(self, bert_model, features, is_training,
                                percent_done):
        return None, {}

    class ShortHead(OwnHead):

      takes_short_inputs = True

    config = words_task.tiny_config(self.data_dir)
    for cls, is_trimmed in [(OwnHead, False), (ShortHead, True)]:
      tasks = [cls(config, None)]
      with contextlib.redirect_stdout(io.StringIO()) as printed:
        preprocessing.Preprocessor(config, tasks)
      self.assertEqual(preprocessing.is_trimming(config, tasks), is_trimmed)
      self.assertEqual("the head of task 'words' may require it" in
                       printed.getvalue(), not is_trimmed)

  def test_shapes_are_static_on_a_tpu(self):
    preprocessor, (task,) = self._prepare(use_tpu=True)
    stored = preprocessor.store([task], "dev")
    for input_fn in (preprocessor.eval_input_fn(stored),
                     preprocessor.train_input_fn(stored, 0)):
      with tf.Graph().as_default():
        features = tf.data.make_one_shot_iterator(
            input_fn({"batch_size": 8})).get_next()
        for tensor in features.values():
          self.assertTrue(tensor.shape.is_fully_defined())
      self.assertAllEqual(self._read(input_fn, 1)[0]["words_eid"][:0], [])

  # Training.

  def _train_eids(self, seed, start_step, num_batches, **hparams):
    preprocessor, (task,) = self._prepare(**hparams)
    stored = preprocessor.store([task], "train")
    return self._eids(self._read(
        preprocessor.train_input_fn(stored, seed, start_step), num_batches))

  def test_every_epoch_reads_all_in_another_order(self):
    eids = self._train_eids(seed=3, start_step=0, num_batches=13)  # 104
    epochs = eids[:50], eids[50:100]
    for epoch in epochs:
      self.assertEqual(sorted(epoch), list(range(words_task.NUM_TRAIN)))
    self.assertNotEqual(*epochs)
    self.assertNotEqual(epochs[0], sorted(epochs[0]))

  def test_order_depends_on_the_seed_alone(self):
    eids = self._train_eids(seed=3, start_step=0, num_batches=7)
    self.assertEqual(self._train_eids(seed=3, start_step=0, num_batches=7),
                     eids)
    self.assertNotEqual(self._train_eids(seed=4, start_step=0, num_batches=7),
                        eids)

  def test_training_resumes_at_the_next_example(self):
    eids = self._train_eids(seed=3, start_step=0, num_batches=20)
    for step in [1, 7, 15]:  # in epochs 0, 1 (at record 6) and 2 (at 20)
      with self.subTest(step=step):
        self.assertEqual(
            self._train_eids(seed=3, start_step=step, num_batches=20 - step),
            eids[8 * step:])

  def test_a_batch_may_be_larger_than_the_data(self):
    self.assertLen(self._train_eids(seed=0, start_step=1, num_batches=2,
                                    train_batch_size=8), 16)

  def test_number_of_steps(self):
    # As the reference: int(examples / batch size * epochs).
    self.assertEqual(preprocessing.num_train_steps(50, 8, 2.0), 12)  # 12.5
    self.assertEqual(preprocessing.num_train_steps(100, 32, 3.0), 9)  # 9.375
    self.assertEqual(preprocessing.num_train_steps(3, 32, 1.0), 1)  # 0.09
    with self.assertRaisesRegex(utils.UserError, "num_train_epochs: expected"):
      preprocessing.num_train_steps(32, 32, 1e10)

  # Several tasks.

  def test_tasks_are_mixed_and_told_apart_by_task_id(self):
    preprocessor, tasks = self._prepare(["words", "other_words"])
    stored = preprocessor.store(tasks, "train")
    self.assertEqual(stored.num_examples, 2 * words_task.NUM_TRAIN)
    batch = self._read(preprocessor.train_input_fn(stored, 0), 1,
                       batch_size=100)[0]
    self.assertEqual(sorted(batch["task_id"]), [0] * 50 + [1] * 50)
    is_other = batch["task_id"] == 1
    self.assertEqual(sorted(batch["other_words_eid"][is_other]),
                     list(range(50)))
    self.assertAllEqual(batch["words_eid"][is_other], [0] * 50)


if __name__ == "__main__":
  tf.test.main()
