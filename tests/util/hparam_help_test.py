"""Tests for util.hparam_help."""

import unittest

import configure_finetuning
import configure_pretraining
from util import hparam_help
from util import hparams
from util.hparams import Hparam

CONFIGS = (configure_pretraining.PretrainingConfig,
           configure_finetuning.FinetuningConfig)


class Base(hparams.HParams):
  """A base class."""

  # paths
  folder = Hparam(None, str)  # of the output


class Config(Base):
  """A class with each form of comment."""

  first = Hparam(1, int, minimum=0)  # at the end
  # On lines
  # above.
  second = Hparam(2, int)
  third = Hparam(
      "a", str,
      choices=("a", "b"))  # at the end of several lines

  # optimization
  # Above, in a group.
  rate = Hparam(0.5, float, above=0.0)  # and at the end
  bare = Hparam(True, bool)

  def method(self):
    # Not of a hyperparameter.
    return 1


class HparamHelpTest(unittest.TestCase):

  def test_comments_are_meanings_and_titles(self):
    self.assertEqual(
        [(entry.name, entry.group, entry.meaning)
         for entry in hparam_help.entries(Config)],
        [("first", "", "at the end"),
         ("second", "", "On lines above."),
         ("third", "", "at the end of several lines"),
         ("rate", "optimization", "Above, in a group. and at the end"),
         ("bare", "optimization", ""),
         ("folder", "paths", "of the output")])

  def test_text_has_type_default_bounds_and_meaning(self):
    self.assertIn("""
general
  first: an integer of at least 0, default 1
      at the end
""", hparam_help.text_of(Config))
    self.assertIn("""
optimization
  rate: a number above 0.0, default 0.5
      Above, in a group. and at the end
  bare: true or false, default true

paths
  folder: a string that is not blank or null, default null
""", hparam_help.text_of(Config))

  def test_every_hyperparameter_of_the_commands_has_a_meaning(self):
    for config in CONFIGS:
      entries = hparam_help.entries(config)
      self.assertEqual({entry.name for entry in entries},
                       set(config.declared()))
      self.assertEqual([entry.name for entry in entries if not entry.meaning],
                       [])

  def test_the_text_fits_a_terminal(self):
    for config in CONFIGS:
      for line in hparam_help.text_of(config).split("\n"):
        self.assertLessEqual(len(line), 80)


if __name__ == "__main__":
  unittest.main()
