"""Makes the files of tasks whose public sources have another form."""

import json

from util import utils

# With the byte order mark that GLUE's files keep from the original.
_MRPC_HEADER = "\ufeffQuality\t#1 ID\t#2 ID\t#1 String\t#2 String"
_MRPC_TEST_HEADER = "index\t#1 ID\t#2 ID\t#1 String\t#2 String"
_MRPC_COLUMNS = 5


def mrpc(paths):
  """Splits the Microsoft Research Paraphrase Corpus as GLUE does.

  GLUE's dev set is the training pairs whose ids are in mrpc_dev_ids.tsv; the
  labels of the test set are replaced by the numbers of its rows.

  Args:
    paths: {file name: path} of the downloads.

  Returns:
    {file name: bytes}.
  """
  dev_ids = {tuple(row) for row in _rows(paths["mrpc_dev_ids.tsv"], 2)}
  rows = _rows(paths["msr_paraphrase_train.txt"], _MRPC_COLUMNS)[1:]
  test = _rows(paths["msr_paraphrase_test.txt"], _MRPC_COLUMNS)[1:]
  return {
      "train.tsv": _table(_MRPC_HEADER, (
          row for row in rows if tuple(row[1:3]) not in dev_ids)),
      "dev.tsv": _table(_MRPC_HEADER, (
          row for row in rows if tuple(row[1:3]) in dev_ids)),
      "test.tsv": _table(_MRPC_TEST_HEADER, (
          [str(index)] + row[1:] for index, row in enumerate(test)))}


def join_questions(paths):
  """Returns {"train.json": bytes}: Arabic-SQuAD, then ARCD's training set.

  Args:
    paths: {file name: path} of the downloads.
  """
  articles = []
  for name in ("Arabic-SQuAD.json", "arcd-train.json"):
    path = paths[name]
    content = utils.load_json(path)
    if not isinstance(content, dict) or not isinstance(
        content.get("data"), list):
      raise utils.UserError("%s: expected SQuAD's {\"data\": [...]}." % path)
    articles += content["data"]
  return {"train.json": (json.dumps(
      {"version": "1.1", "data": articles}, ensure_ascii=False) + "\n").encode(
          "utf-8")}


RECIPES = {"mrpc": mrpc, "join_questions": join_questions}


def _rows(path, num_columns):
  """Returns the rows of a file with tabs between columns, line ends removed.

  Raises:
    utils.UserError: a row has another number of columns.
  """
  with utils.open_file(path, "rb") as f:
    text = f.read().decode("utf-8-sig")
  rows = [line.rstrip("\r").split("\t") for line in text.split("\n") if line]
  for number, row in enumerate(rows, 1):
    if len(row) != num_columns:
      raise utils.UserError("%s:%d: expected %d columns, got %d." % (
          path, number, num_columns, len(row)))
  return rows


def _table(header, rows):
  lines = [header] + ["\t".join(row) for row in rows]
  return "".join(line + "\n" for line in lines).encode("utf-8")
