"""Tests for pretrain.alarms."""

import contextlib
import io
import unittest

import numpy as np

from pretrain import alarms

SPECIAL_IDS = {"[PAD]": 0, "[UNK]": 1, "[CLS]": 2, "[SEP]": 3, "[MASK]": 4}
STATISTICS = alarms.TokenStatistics(entropy=6.0, unknown_share=0.0)


class TokenStatisticsTest(unittest.TestCase):

  def test_special_tokens_do_not_count_but_unknown_ones_do(self):
    # Of 8 tokens 4 are 7, 2 are 8, 2 are [UNK]: 1/2 log 2 + 2 * 1/4 log 4.
    statistics = alarms.token_statistics(
        [[2, 7, 7, 8, 1, 3, 0], [2, 7, 7, 8, 1, 3, 0]], SPECIAL_IDS)
    self.assertAlmostEqual(statistics.entropy, 1.5 * np.log(2))
    self.assertAlmostEqual(statistics.unknown_share, 0.25)

  def test_examples_of_special_tokens_alone(self):
    self.assertEqual(alarms.token_statistics([[2, 3, 0]], SPECIAL_IDS),
                     (0.0, 0.0))

  def _logged(self, share):
    output = io.StringIO()
    with contextlib.redirect_stdout(output):
      alarms.check_data(alarms.TokenStatistics(6.0, share))
    return output.getvalue()

  def test_many_unknown_tokens_are_reported(self):
    self.assertIn("7.5% of the tokens", self._logged(0.075))
    self.assertEqual(self._logged(0.05), "")


class TrainingAlarmsTest(unittest.TestCase):

  def _logged(self, records, first_step=0):
    output = io.StringIO()
    watch = alarms.TrainingAlarms(STATISTICS, first_step)
    with contextlib.redirect_stdout(output):
      for step, record in enumerate(records):
        watch.check(100 * step, record)
    return output.getvalue().splitlines()

  def test_a_discriminator_that_flags_nothing_is_reported_once(self):
    lines = self._logged([{"disc_recall": 0.001, "mlm_loss": 5.0}] * 30)
    self.assertEqual(len(lines), 1)
    self.assertIn("step 900: the discriminator takes 0.1%", lines[0])

  def test_a_generator_at_the_unigram_entropy_is_reported_once(self):
    lines = self._logged([{"disc_recall": 0.3, "mlm_loss": 6.05}] * 30)
    self.assertEqual(len(lines), 1)
    self.assertIn("(mlm_loss 6.05, their entropy 6.00)", lines[0])

  def test_a_run_that_learns_is_not_warned(self):
    self.assertEqual(
        self._logged([{"disc_recall": 0.02, "mlm_loss": 5.8}] * 30), [])

  def test_nothing_is_reported_during_the_warm_up(self):
    bad = {"disc_recall": 0.0, "mlm_loss": 9.0}
    good = {"disc_recall": 0.4, "mlm_loss": 4.0}
    self.assertEqual(
        self._logged([bad] * 20 + [good] * 20, first_step=3000), [])

  def test_a_masked_lm_has_no_discriminator(self):
    self.assertEqual(self._logged([{"mlm_loss": 5.0}] * 30), [])


if __name__ == "__main__":
  unittest.main()
