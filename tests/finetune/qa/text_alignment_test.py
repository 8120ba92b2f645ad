"""Tests for finetune.qa.text_alignment."""

import random
import unittest

from finetune.qa import text_alignment

LETTERS = "ابتثجحخدذرزسشصضطظعغفقكلمنهوي"
DIACRITICS = "\u064b\u064c\u064e\u064f\u0650\u0651\u0652\u0640"

FOREIGN = "פלשתינהΑθήνα"


def cleaned_at_random(rng, num_words):
  """Returns (text, cleaned text, [index in the text of its characters]).

  A made-up cleaning that, like the real one, drops diacritics and letters of
  other alphabets, puts spaces around punctuation and replaces web addresses by
  a placeholder, whose characters have the index None.
  """
  text, cleaned, indices = [], [], []

  def add(chars, kept):
    for char in chars:
      if kept:
        cleaned.append(char)
        indices.append(len(text))
      text.append(char)

  def space_out():
    cleaned.append(" ")
    indices.append(None)

  for _ in range(num_words):
    kind = rng.random()
    if kind < 0.05:
      cleaned.extend("[رابط]")
      indices.extend([None] * 6)
      add("http://x.y/%d" % rng.randint(0, 99), kept=False)
    elif kind < 0.1:
      add(rng.choice([FOREIGN[:7], FOREIGN[7:]]), kept=False)
    elif kind < 0.2:
      space_out()
      add(rng.choice("،.()؟:"), kept=True)
      space_out()
    else:
      for _ in range(rng.randint(1, 8)):
        add(rng.choice(LETTERS), kept=True)
        if rng.random() < 0.2:
          add(rng.choice(DIACRITICS), kept=False)
    if rng.random() < 0.9:
      add(" ", kept=True)
  return "".join(text), "".join(cleaned), indices


class AlignmentTest(unittest.TestCase):

  def assert_aligned(self, original, cleaned, *substrings):
    """Asserts that substrings are aligned, given as (original, cleaned)."""
    alignment = text_alignment.Alignment(original, cleaned)
    for substring, cleaned_substring in substrings:
      with self.subTest(cleaned_substring):
        start = cleaned.index(cleaned_substring)
        first, last = alignment.to_original(
            start, start + len(cleaned_substring))
        self.assertEqual(original[first:last], substring)
        start = original.index(substring)
        first, last = alignment.to_cleaned(start, start + len(substring))
        self.assertEqual(cleaned[first:last], cleaned_substring)

  def test_diacritics_and_tatweel_belong_to_their_letter(self):
    self.assert_aligned(
        "وُلِدَ مُحَمَّدٌ في قـــرية", "ولد محمد في قرية",
        ("وُلِدَ", "ولد"), ("مُحَمَّدٌ", "محمد"), ("قـــرية", "قرية"))

  def test_spaces_around_punctuation_are_ignored(self):
    self.assert_aligned(
        "ولد (1895-1943)، في بيروت.", "ولد ( 1895 - 1943 ) ، في بيروت .",
        ("1895", "1895"), ("(1895-1943)", "( 1895 - 1943 )"),
        ("، في", "، في"), ("بيروت.", "بيروت ."))

  def test_placeholder_is_aligned_with_all_it_replaced(self):
    self.assert_aligned(
        "هذا http://a.b/c.html. رأى", "هذا [رابط] . رأى",
        ("http://a.b/c.html", "[رابط]"), ("رأى", "رأى"),
        ("http://a.b/c.html.", "[رابط] ."))

  def test_a_replaced_substring_is_not_divided(self):
    alignment = text_alignment.Alignment("في a@b.co ثم", "في [بريد] ثم")
    self.assertEqual(alignment.to_cleaned(5, 6), (3, 9))
    self.assertEqual(alignment.to_original(4, 5), (3, 9))

  def test_digits_of_another_script_are_aligned_one_to_one(self):
    self.assert_aligned("سنة ١٩٩٧م، ٣ مرات", "سنة 1997 م ، 3 مرات",
                        ("١٩", "19"), ("١٩٩٧", "1997"), ("٣", "3"))

  def test_dropped_alphabets_are_not_aligned(self):
    text = "فلسطين (بالعبرية: פלשתינה) بلد"
    alignment = text_alignment.Alignment(text, "فلسطين ( بالعبرية : ) بلد")
    self.assertIsNone(alignment.to_cleaned(
        text.index("פ"), text.index("ה") + 1))
    self.assertEqual(alignment.to_original(0, 25), (0, len(text)))

  def test_dropped_letters_belong_to_the_rest_of_their_word(self):
    self.assert_aligned("Super Bowl XLVIII (F2α) Beyoncé was",
                        "Super Bowl XLVII ( F2 ) Beyonc was",
                        ("XLVIII", "XLVII"), ("F2α", "F2"),
                        ("Beyoncé", "Beyonc"))

  def test_segmented_words_are_aligned(self):
    # by Farasa; the "+" are not aligned
    self.assert_aligned("والكتاب للولد", "و+ ال+ كتاب ل+ ال+ ولد",
                        ("كتاب", "كتاب"), ("ولد", "ولد"))

  def test_white_space_and_empty_texts(self):
    alignment = text_alignment.Alignment("ا  ب\n", "ا ب")
    self.assertEqual(alignment.to_original(1, 2), (0, 0))
    self.assertIsNone(alignment.to_cleaned(1, 3))
    self.assertEqual(alignment.to_cleaned(0, 5), (0, 3))
    for original, cleaned in [("", ""), ("א", ""), ("", "x")]:
      alignment = text_alignment.Alignment(original, cleaned)
      self.assertEqual(alignment.to_original(0, len(cleaned)), (0, 0))

  def test_random_texts_are_aligned_as_generated(self):
    rng = random.Random(0)
    num_characters = 0
    for _ in range(150):
      original, cleaned, indices = cleaned_at_random(rng, rng.randint(1, 60))
      alignment = text_alignment.Alignment(original, cleaned)
      for i, index in enumerate(indices):
        if index is not None and not cleaned[i].isspace():
          num_characters += 1
          first, last = alignment.to_original(i, i + 1)
          self.assertTrue(first <= index < last, (original, cleaned, i))
          if not cleaned[i].isalpha():  # a full stop may be within an address
            continue
          # Only the character itself and characters dropped next to it.
          self.assertLessEqual(set(original[first:index]), set(FOREIGN))
          self.assertLessEqual(set(original[index + 1:last]),
                               set(DIACRITICS + FOREIGN))
          self.assertEqual(alignment.to_cleaned(index, index + 1), (i, i + 1))
    self.assertGreater(num_characters, 10000)

  def test_positions_are_monotonic(self):
    rng = random.Random(1)
    for _ in range(300):  # of unrelated texts
      original, cleaned = ["".join(rng.choice("اب. ،x1") for _ in range(
          rng.randint(0, 30))) for _ in range(2)]
      alignment = text_alignment.Alignment(original, cleaned)
      before = 0
      for i, char in enumerate(cleaned):
        if not char.isspace():
          first, last = alignment.to_original(i, i + 1)
          self.assertTrue(0 <= first <= last <= len(original))
          self.assertLessEqual(before, last)
          before = last


if __name__ == "__main__":
  unittest.main()
