"""Where the public data sets are, what they hold, and where tasks read them.

A SHA-256 is pinned where a copy of the published file was available when this
table was written; the others are None, and the hash is printed instead.
"""

import collections

# A file of a data set, as a task reads it.
#   path: str, below --data-dir; "{name}" is the name it is found under;
#     None: a recipe makes other files of it.
#   kind: one of checks.KINDS, or None: only its hash is checked.
#   split: "train", "dev" or "test"; None for files without examples.
#   count: int, published number of examples; None if unknown.
#   sha256: str, None if it is not pinned.
#   columns: list of the names (or positions, without a header line) of the
#     columns with texts, of a table.
Item = collections.namedtuple(
    "Item", ["path", "kind", "split", "count", "sha256", "columns"])
Item.__new__.__defaults__ = (None, None, None, None, None)
# A file to download.
#   urls: tuple of str; the first that exists is used.
#   items: list of (member, Item). The member is a regular expression for the
#     path in the archive, None if the file is no archive.
#   sha256: str, None if it is not pinned.
#   is_optional: bool, whether the source may lack it.
Download = collections.namedtuple(
    "Download", ["urls", "items", "sha256", "is_optional"])
Download.__new__.__defaults__ = (None, False)
# What a task reads.
#   downloads: list of Download.
#   recipe: name in recipes.RECIPES that makes `made` of the downloads, or None.
#   made: list of Item.
#   declaration: (path, JSON) of a task.json, or None.
#   hint: str, what to do next, with {data_dir}.
Part = collections.namedtuple(
    "Part", ["downloads", "recipe", "made", "declaration", "hint"])
Part.__new__.__defaults__ = (None, (), None, None)

_SOQAL = "https://raw.githubusercontent.com/husseinmozannar/SOQAL/master/data/"
_TYDIQA = "https://storage.googleapis.com/tydiqa/v1.1/"
_NLTK = ("https://raw.githubusercontent.com/nltk/nltk_data/gh-pages/packages/"
         "corpora/")
_GLUE = "https://dl.fbaipublicfiles.com/glue/data/"
_SENTEVAL = "https://dl.fbaipublicfiles.com/senteval/senteval_data/"
_HUB = "https://huggingface.co/aubmindlab/"
_ARCD_TRAIN_SHA = (
    "6a973fda9f0b066e0547a85a3396e7294fa917e24b6efd7ce430769033a6ce15")
_ARCD_TEST_SHA = (
    "b4ba4fb4227841bbce71e01b3eaecb33e9f17a08cde1ec91e5bc335da2c75135")


def _task_path(task, name):
  """Returns the path of a file; None if it is only the source of another."""
  return task and "finetuning_data/%s/%s" % (task, name)


def _arcd(task, split, name, count, sha256):
  return Download((_SOQAL + name,), [(None, Item(
      _task_path(task, name), "questions", split, count, sha256))])


def _arcd_train(task):
  return _arcd(task, "train", "arcd-train.json", 693, _ARCD_TRAIN_SHA)


def _arcd_test(task):
  return _arcd(task, "dev", "arcd-test.json", 702, _ARCD_TEST_SHA)


_ARABIC_SQUAD_COUNT = 48344  # Mozannar et al. (arXiv:1906.05394), table 1


def _arabic_squad(task):
  return Download((_SOQAL + "Arabic-SQuAD.json",), [(None, Item(
      _task_path(task, "train.json"), "questions", "train",
      _ARABIC_SQUAD_COUNT))])


def _arabic_squad_parts():
  """Returns Arabic-SQuAD alone, and followed by ARCD's training questions."""
  alone, both = "arabic_squad", "arabic_squad_arcd"
  files = {"train": "train.json", "dev": "arcd-test.json"}

  def declaration(task):
    return _task_path(task, "task.json"), {"kind": "qa", "files": files}

  return {
      alone: Part([_arabic_squad(alone), _arcd_test(alone)],
                  declaration=declaration(alone)),
      both: Part(
          [_arabic_squad(None), _arcd_train(None), _arcd_test(both)],
          "join_questions", [Item(
              _task_path(both, "train.json"), "questions", "train",
              _ARABIC_SQUAD_COUNT + 693)], declaration(both))}


def _tydiqa_parts():
  folder, dev = "tydiqa", "tydiqa-goldp-dev-arabic.json"
  train = "tydiqa-goldp-v1.1-train.json"
  return {folder: Part([
      Download((_TYDIQA + train,), [(None, Item(
          _task_path(folder, train), "arabic questions", "train", 14805))]),
      Download((_TYDIQA + "tydiqa-goldp-v1.1-dev.tgz",), [
          ("tydiqa-goldp-v1.1-dev/" + dev, Item(
              _task_path(folder, dev), "arabic questions", "dev", 921,
              "ae2ea23122ffda312a6548d4f8624fa4cbf4321751bbaadacf1dc4946ec5600b"
          ))])])}


def _conll2000_parts():
  # The shared task has no dev set; models are compared on its test set.
  return {"chunk": Part([Download((_NLTK + "conll2000.zip",), [
      ("conll2000/train.txt", Item(
          _task_path("chunk", "train.txt"), "sentences", "train", 8936,
          "82033cd7a72b209923a98007793e8f9de3abc1c8b79d646c50648eb949b87cea")),
      ("conll2000/test.txt", Item(
          _task_path("chunk", "dev.txt"), "sentences", "dev", 2012,
          "73b7b1e565fa75a1e22fe52ecdf41b6624d6f59dacb591d44252bf4d692b1628"))],
      "01e65164f268366e7caa0db92332a1955d081908c87016e2c7640c3c5279b7cd")])}


# Of GLUE's files: (task, name of the archive, folder in it, [(split, count,
# SHA-256, columns with texts)]). MRPC is made from other files.
_GLUE_TABLES = [
    ("cola", "CoLA", "CoLA", [
        ("train", 8551, "cb368ebeb9f27d7ad03720d27ddc95687a311bdb100781a2fe59a5"
         "f5b1bc0624", [3]),
        ("dev", 1043, "8c013e21dc39957cac37378d87bebe225b694a0d5fe13eded66c2856"
         "628833fd", [3]),
        ("test", 1063, "3b4df85f7a9a0633574b38d181e18090ac961a24b18fb6bcd74999d"
         "dea8ad0b8", ["sentence"])]),
    ("sst", "SST-2", "SST-2", [
        ("train", 67349, "48eac26399f8456935f81dd9e3a745c1430adb6c62e233ccfe22d"
         "b4a0d15d1d1", ["sentence"]),
        ("dev", 872, "54a9c12c77e402fc14d6a66a506f24d999f596b0176eb777c972cccc2"
         "f9cc4b0", ["sentence"]),
        ("test", 1821, "69a938605609b3e6663b4487918fe1565eb293734e6e520d0366d1d"
         "412fd2a13", ["sentence"])]),
    ("sts", "STS-B", "STS-B", [
        ("train", 5749, "41c4d978b6162abdcada7e49a982211954cca5459c228db478af33"
         "3124b257a2", ["sentence1", "sentence2"]),
        ("dev", 1500, "fe7dc0632a5033562f3cadff991f6e8d9b9b6311861660e78c3c82eb"
         "7db67f59", ["sentence1", "sentence2"]),
        ("test", 1379, "16b4223d7d44a644fbc10f1b449472cfe81e1715fb07cf44023b0aa"
         "88ce856eb", ["sentence1", "sentence2"])]),
    ("rte", "RTE", "RTE", [
        ("train", 2490, "41e3a9b063433392343fad9e962cf2f58b681c78d8f71592f4186f"
         "0837246c5c", ["sentence1", "sentence2"]),
        ("dev", 277, "80230dfa1347282e7b532b06a1004a76a710087541189bf874223ddf0"
         "e3819fb", ["sentence1", "sentence2"]),
        ("test", 3000, "6e33f09b5c2bfd5fd5fde217070f3dd49e484e33b9752b5864cf36f"
         "c421a213f", ["sentence1", "sentence2"])]),
    ("qnli", "QNLIv2", "QNLI", [
        ("train", 104743, None, ["question", "sentence"]),
        ("dev", 5463, "ac19409dcb04631eaaa094bdebdcf621086bc352503dfb6a1a648b61"
         "4986f4fd", ["question", "sentence"]),
        ("test", 5463, "6d856264e292fa7a7bc7b8e182efa1454ffd9532733c12ad813017d"
         "d5b377a5a", ["question", "sentence"])]),
    ("qqp", "QQP-clean", "QQP", [
        ("train", 363846, None, ["question1", "question2"]),
        ("dev", 40430, None, ["question1", "question2"]),
        ("test", 390965, None, ["question1", "question2"])]),
    ("mnli", "MNLI", "MNLI", [
        ("train", 392702, None, ["sentence1", "sentence2"]),
        ("dev_matched", 9815, None, ["sentence1", "sentence2"]),
        ("dev_mismatched", 9832, None, ["sentence1", "sentence2"]),
        ("test_matched", 9796, None, ["sentence1", "sentence2"]),
        ("test_mismatched", 9847, None, ["sentence1", "sentence2"])]),
]
_MRPC_COLUMNS = ["#1 String", "#2 String"]
_MRPC_MADE = [
    ("train", 3668, "122becc469405bc16f9defcb8715d2a4b7ce600e9d9381e6dc42bfdd14"
     "94c51d"),
    ("dev", 408, "81c8a1a9e1dfe461dd2c1a4f98f43fe18bece44d2bf9e3d0b245b88e5aa5"
     "eaf7"),
    ("test", 1725, "4ee428d354c01fa35c2f0f6ab835398abb0bec01f17ed68fbcb6c042655"
     "05b0a")]
_MRPC_DOWNLOADS = [
    (_SENTEVAL + "msr_paraphrase_train.txt",
     "61a88818ec384d8465297dda1883b469f1b22d442ab90183d13e06233b180591"),
    (_SENTEVAL + "msr_paraphrase_test.txt",
     "0360d0d3427a0ae14882e2b3a799df0fab6cb5203d5e8ee481949283da62acb6"),
    (_GLUE + "mrpc_dev_ids.tsv",
     "971d7767d81b997fd9060ade0ec23c4fc31cbb226a55d1bd4a1bac474eb81dc7")]


def _glue_parts():
  parts = {}
  for task, archive, folder, tables in _GLUE_TABLES:
    parts[task] = Part([Download((_GLUE + archive + ".zip",), [
        ("%s/%s.tsv" % (folder, split), Item(
            _task_path(task, split + ".tsv"), "rows", split, count, sha256,
            columns))
        for split, count, sha256, columns in tables])])
  parts["mrpc"] = Part(
      [Download((url,), [], sha256) for url, sha256 in _MRPC_DOWNLOADS],
      "mrpc", [Item(_task_path("mrpc", split + ".tsv"), "rows", split, count,
                    sha256, _MRPC_COLUMNS)
               for split, count, sha256 in _MRPC_MADE])
  return parts


def _hub_file(model, names, folder, kind=None, count=None, is_optional=False):
  return Download(
      tuple("%s%s/resolve/main/%s" % (_HUB, model, name) for name in names),
      [(None, Item(folder + "/{name}", kind, count=count))],
      is_optional=is_optional)


def _hub_settings(model, folder):
  return [_hub_file(model, ["config.json"], folder, "JSON"),
          _hub_file(model, ["vocab.txt"], folder, "tokens", 64000),
          _hub_file(model, ["tokenizer_config.json"], folder, "JSON",
                    is_optional=True)]


def _araelectra_parts():
  parts = {}
  folder = "huggingface/araelectra-base-%s"
  for name in ("discriminator", "generator"):
    parts[name] = Part(
        _hub_settings("araelectra-base-" + name, folder % name) + [
            _hub_file("araelectra-base-" + name,
                      ["model.safetensors", "pytorch_model.bin"],
                      folder % name, "weights")],
        hint=("Next: python convert_checkpoint.py --to tf --discriminator "
              "{data_dir}/%s --generator {data_dir}/%s --output-dir "
              "{data_dir}/models/araelectra_base" % (
                  folder % "discriminator", folder % "generator")))
  model, folder = "araelectra-base-discriminator", "models/araelectra_base"
  parts["tf1"] = Part(
      _hub_settings(model, folder) + [Download(
          (_HUB + model + "/resolve/main/tf1_model.tar.gz",), [
              (r"(.*/)?[^/]*\.index", Item(folder + "/{name}", "weights")),
              (r"(.*/)?[^/]*\.data-\d+-of-\d+",
               Item(folder + "/{name}", "weights"))])],
      hint=("Next: python run_finetuning.py --data-dir {data_dir} "
            "--model-name araelectra_base --hparams "
            "examples/hparams/arcd_finetuning.json --hparams "
            "'{{\"arabert_preprocessing\": \"araelectra-base\"}}'"))
  return parts


# {data set: {task: Part}}, in the order in which they are downloaded.
DATA_SETS = {
    "arcd": {"arcd": Part([_arcd_train("arcd"), _arcd_test("arcd")])},
    "arabic_squad": _arabic_squad_parts(),
    "tydiqa": _tydiqa_parts(),
    "conll2000": _conll2000_parts(),
    "glue": _glue_parts(),
    "araelectra": _araelectra_parts(),
}
# {data set: the tasks without --task}; those of other data sets are all.
DEFAULT_TASKS = {"araelectra": ("discriminator", "generator")}
