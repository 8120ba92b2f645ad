"""The tasks of GLUE (arXiv:1804.07461), in the layouts of the original files.

Files: `finetuning_data/<task>/{train,dev,test}.tsv`, as downloaded from GLUE.
Columns are identified by the names in the header line.
"""

from finetune.classification import classification_tasks
from finetune.readers import table_layouts
from finetune.readers import tables
from util import utils

# A line break splits some rows of GLUE's QQP files: among 404,279 complete rows
# there are 22 fragments, in a different order, which cannot be joined.
MAX_BROKEN_SHARE = 1e-3


def _layouts(text_a, text_b, label, *, test_id="index", test_splits=("test",)):
  """Returns the layouts of files that name their columns."""
  labeled = table_layouts.Layout(text_a, text_b, label)
  unlabeled = table_layouts.Layout(text_a, text_b, example_id=test_id)
  return dict({split: unlabeled for split in test_splits},
              train=labeled, dev=labeled)


class GlueClassification(classification_tasks.ClassificationTask):
  """A classification task of GLUE.

  Attributes:
    submission_names: {test split: name of the file that GLUE requires}.
  """

  submission_names = {}

  def submission_name(self, split):
    return self.submission_names[split]


class CoLA(GlueClassification):
  """Corpus of Linguistic Acceptability: is the sentence English?"""

  # train and dev: source, label, the author's mark, sentence; no header line.
  layouts = dict(
      _layouts("sentence", None, None),
      train=table_layouts.Layout(3, None, 1, None, False, 4),
      dev=table_layouts.Layout(3, None, 1, None, False, 4))
  metrics = ("mcc",)
  submission_names = {"test": "CoLA.tsv"}

  def __init__(self, config, tokenizer):
    super().__init__(config, "cola", tokenizer, ["0", "1"])


class MRPC(GlueClassification):
  """Microsoft Research Paraphrase Corpus: do two sentences mean the same?"""

  layouts = _layouts("#1 String", "#2 String", "Quality")
  metrics = ("accuracy", "f1")
  is_unordered = True
  submission_names = {"test": "MRPC.tsv"}

  def __init__(self, config, tokenizer):
    super().__init__(config, "mrpc", tokenizer, ["0", "1"])


class MNLI(GlueClassification):
  """Multi-genre natural language inference: does the first imply the second?

  "dev" is the matched set, with the genres of the training data.
  """

  file_names = {"train": ("train.tsv",), "dev": ("dev_matched.tsv",),
                "dev_mismatched": ("dev_mismatched.tsv",),
                "test_matched": ("test_matched.tsv",),
                "test_mismatched": ("test_mismatched.tsv",),
                "diagnostic": ("diagnostic.tsv",)}
  unlabeled_splits = ("test_matched", "test_mismatched", "diagnostic")
  layouts = _layouts("sentence1", "sentence2", "gold_label",
                     test_splits=unlabeled_splits)
  layouts["dev_mismatched"] = layouts["dev"]
  submission_names = {"test_matched": "MNLI-m.tsv",
                      "test_mismatched": "MNLI-mm.tsv", "diagnostic": "AX.tsv"}

  def __init__(self, config, tokenizer):
    super().__init__(config, "mnli", tokenizer,
                     ["contradiction", "entailment", "neutral"])

  def get_more_dev_splits(self):
    return ["dev_mismatched"] * bool(self._find("dev_mismatched")) + (
        super().get_more_dev_splits())


class SST(GlueClassification):
  """Stanford Sentiment Treebank, SST-2: is the review good?"""

  layouts = _layouts("sentence", None, "label")
  submission_names = {"test": "SST-2.tsv"}

  def __init__(self, config, tokenizer):
    super().__init__(config, "sst", tokenizer, ["0", "1"])


class RTE(GlueClassification):
  """Recognizing Textual Entailment: does the first text imply the second?"""

  layouts = _layouts("sentence1", "sentence2", "label")
  submission_names = {"test": "RTE.tsv"}

  def __init__(self, config, tokenizer):
    super().__init__(config, "rte", tokenizer, ["entailment", "not_entailment"])


class QNLI(GlueClassification):
  """Question NLI: does the sentence answer the question?"""

  layouts = _layouts("question", "sentence", "label")
  submission_names = {"test": "QNLI.tsv"}

  def __init__(self, config, tokenizer):
    super().__init__(config, "qnli", tokenizer,
                     ["entailment", "not_entailment"])


class QQP(GlueClassification):
  """Quora Question Pairs: are two questions equivalent?"""

  layouts = _layouts("question1", "question2", "is_duplicate", test_id="id")
  metrics = ("accuracy", "f1")
  submission_names = {"test": "QQP.tsv"}

  def __init__(self, config, tokenizer):
    super().__init__(config, "qqp", tokenizer, ["0", "1"])

  def read_examples(self, path, split):
    """Skips the broken rows of GLUE's files and logs their number."""
    if not self.is_labeled(split):
      return super().read_examples(path, split)
    layout = self._labeled_layout(split) or self.layouts[split]
    broken_lines = []
    rows = tables.read_tsv(
        path, table_layouts.columns_of(layout), has_header=True,
        broken_lines=broken_lines)
    if len(broken_lines) > max(1, MAX_BROKEN_SHARE * len(rows)):
      raise utils.UserError(
          "%s:%d: expected as many columns as in the header line; %d lines "
          "have fewer (GLUE's original files have 22)." % (
              path, broken_lines[0], len(broken_lines)))
    if broken_lines:
      utils.log("Skipped %d broken lines of %s (line %s); kept %d examples" % (
          len(broken_lines), path, ", ".join(map(str, broken_lines)),
          len(rows)))
    return self.examples_from_rows(rows, layout)


class STS(classification_tasks.RegressionTask):
  """Semantic Textual Similarity Benchmark: how similar are two sentences?"""

  layouts = _layouts("sentence1", "sentence2", "score")
  is_unordered = True

  def __init__(self, config, tokenizer):
    super().__init__(config, "sts", tokenizer, 0.0, 5.0)

  def submission_name(self, split):
    del split  # there is only one
    return "STS-B.tsv"
