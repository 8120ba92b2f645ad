"""Generates reading comprehension questions in the format of SQuAD 1.1."""

from arabic import grammar
from arabic import subjects


def _paragraph(dice, paragraph_id, num_questions):
  """Returns a paragraph about four subjects of one kind.

  The attribute that a question asks for is given for several subjects, so an
  answer of the right type is not enough: the model has to find the sentence
  about the question's subject.
  """
  told = subjects.draw_told(dice, 4, 6)
  context, qas = "", []
  for subject, attribute in told:
    sentence = subject.statement(attribute, dice)
    answer_start = sentence.index(grammar.ANSWER_START)
    if context:
      context += " "
    qas.append({
        "question": subject.question(attribute, dice),
        "answers": [{"text": subject.value(attribute),
                     "answer_start": len(context) + answer_start}]})
    context += grammar.without_answer_marks(sentence)
  qas = dice.sample(qas, num_questions)
  for number, qa in enumerate(qas):
    qa["id"] = "%s-%d" % (paragraph_id, number)
  return told[0][0].kind_name, {"context": context, "qas": qas}


def dataset(dice, name, num_paragraphs, num_questions_each):
  """Returns a SQuAD 1.1 dataset; one article per kind of subject."""
  articles = {kind: [] for kind in sorted(subjects.KINDS)}
  for number in range(num_paragraphs):
    kind, paragraph = _paragraph(dice, "%s-%03d" % (name, number),
                                 num_questions_each)
    articles[kind].append(paragraph)
  return {"version": "1.1", "data": [
      {"title": kind, "paragraphs": articles[kind]}
      for kind in sorted(articles) if articles[kind]]}
