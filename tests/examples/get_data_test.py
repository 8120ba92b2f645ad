"""Tests for examples/get_data.py, with a local server that has faults."""

import contextlib
import hashlib
import io
import json
import os
import re
import shlex
import shutil
import subprocess
import sys
import tarfile
import tempfile
import unittest
from unittest import mock
import zipfile

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(
    os.path.abspath(__file__))))
EXAMPLES = os.path.join(ROOT, "examples")
sys.path.append(EXAMPLES)  # as for the script

import get_data  # pylint: disable=wrong-import-position
from public_data import checks
from public_data import download
from public_data import recipes
from public_data import sources

from finetune import task_declaration
from model.huggingface import exporter
from model.huggingface import importer
from tests import serving_models
from tests.examples import faulty_server
from tests.model import hf_models
from util import folder_lock
from util import utils

CONTENT = bytes(range(256)) * 40  # 10,240 bytes


def sha256_of(content):
  return hashlib.sha256(content).hexdigest()


def questions(*contexts_and_questions, ids="q"):
  """Returns a SQuAD 1.1 file; the answer is the first word of the context."""
  return json.dumps({"version": "1.1", "data": [{"title": "", "paragraphs": [
      {"context": context, "qas": [{
          "id": "%s-%d" % (ids, number), "question": question,
          "answers": [{"text": context.split()[0], "answer_start": 0}]}]}
      for number, (context, question) in enumerate(
          contexts_and_questions)]}]}).encode("utf-8")


def zip_of(files):
  """Returns a zip archive of {path: bytes}."""
  buffer = io.BytesIO()
  with zipfile.ZipFile(buffer, "w") as archive:
    for path, content in files.items():
      archive.writestr(path, content)
  return buffer.getvalue()


def tar_of(files):
  """Returns a tar.gz archive of {path: bytes}, with a symbolic link."""
  buffer = io.BytesIO()
  with tarfile.open(fileobj=buffer, mode="w:gz") as archive:
    link = tarfile.TarInfo("model.ckpt-1.index")
    link.type, link.linkname = tarfile.SYMTYPE, "/etc/passwd"
    archive.addfile(link)
    for path, content in files.items():
      member = tarfile.TarInfo(path)
      member.size = len(content)
      archive.addfile(member, io.BytesIO(content))
  return buffer.getvalue()


class ServedTest(unittest.TestCase):

  def setUp(self):
    super().setUp()
    folder = tempfile.TemporaryDirectory()
    self.addCleanup(folder.cleanup)
    self.folder = folder.name
    self.server = faulty_server.FaultyServer()
    self.addCleanup(self.server.close)
    self.pauses = []

  def read(self, *path):
    with open(os.path.join(self.folder, *path), "rb") as f:
      return f.read()


class DownloadTest(ServedTest):

  def setUp(self):
    super().setUp()
    self.server.files["/f"] = CONTENT

  def fetch(self, *names, sha256=sha256_of(CONTENT), **settings):
    """Returns (content, printed lines) of a download."""
    client = download.Client(sleep=self.pauses.append, **settings)
    output = io.StringIO()
    urls = tuple(self.server.url + name for name in names or ["/f"])
    with contextlib.redirect_stdout(output):
      path = client.fetch(urls, self.folder, sha256)
    with open(path, "rb") as f:
      return f.read(), output.getvalue()

  def assert_fails(self, message, *names, **settings):
    with self.assertRaisesRegex(utils.UserError, message):
      self.fetch(*names, **settings)

  def files(self):
    return sorted(os.listdir(self.folder))

  def test_downloads_a_file(self):
    self.assertEqual(self.fetch()[0], CONTENT)
    self.assertEqual(self.files(), ["f"])
    self.assertEqual(self.server.requests, [("/f", None)])

  def test_downloaded_file_is_not_fetched_again(self):
    self.fetch()
    self.fetch()
    self.assertEqual(len(self.server.requests), 1)

  def test_connection_that_is_cut_is_resumed(self):
    self.server.faults["/f"] = [("cut", 4000), ("cut", 3000)]
    content, output = self.fetch()
    self.assertEqual(content, CONTENT)
    self.assertEqual([wanted for _, wanted in self.server.requests],
                     [None, "bytes=4000-", "bytes=7000-"])
    self.assertEqual(self.pauses, [1, 2])
    self.assertIn("the connection ended after 4,000 of 10,240 bytes; attempt 2 "
                  "of 5 in 1 s", output)

  def test_another_command_resumes_what_is_there(self):
    self.server.faults["/f"] = [("cut", 4000)]
    self.assert_fails("Run the command again: it resumes", num_attempts=1)
    self.assertEqual(self.files(), ["f.part"])
    self.assertEqual(self.fetch()[0], CONTENT)
    self.assertEqual(self.server.requests[-1], ("/f", "bytes=4000-"))
    self.assertEqual(self.files(), ["f"])

  def test_server_without_ranges_is_read_from_the_start(self):
    self.server.faults["/f"] = [("cut", 4000), ("no ranges",)]
    content, output = self.fetch()
    self.assertEqual(content, CONTENT)
    self.assertIn("downloading from the start", output)

  def test_file_that_changed_is_not_joined_to_its_old_half(self):
    self.server.tags["/f"] = '"old"'
    self.server.faults["/f"] = [("cut", 4000)]
    self.assert_fails("resumes", sha256=None, num_attempts=1)
    self.assertEqual(self.files(), ["f.part", "f.part.tag"])
    self.server.tags["/f"], self.server.files["/f"] = '"new"', CONTENT[::-1]
    self.assertEqual(self.fetch(sha256=None)[0], CONTENT[::-1])
    self.assertEqual(self.files(), ["f"])

  def test_tagged_file_without_known_hash_is_resumed(self):
    self.server.tags["/f"] = '"same"'
    self.server.faults["/f"] = [("cut", 4000)]
    self.assertEqual(self.fetch(sha256=None)[0], CONTENT)
    self.assertEqual(self.server.requests[-1], ("/f", "bytes=4000-"))

  def test_without_tag_and_hash_a_file_is_read_from_the_start(self):
    self.server.faults["/f"] = [("cut", 4000)]
    self.assertEqual(self.fetch(sha256=None)[0], CONTENT)
    self.assertEqual(self.server.requests[-1], ("/f", None))

  def test_file_that_became_shorter_is_read_from_the_start(self):
    with open(os.path.join(self.folder, "f.part"), "wb") as f:
      f.write(CONTENT * 2)
    self.assertEqual(self.fetch()[0], CONTENT)
    self.assertEqual(self.server.requests,
                     [("/f", "bytes=20480-"), ("/f", None)])

  def test_wrong_hash_is_an_error_and_keeps_nothing(self):
    self.server.files["/f"] = CONTENT[:-1] + b"x"
    self.assert_fails("its sha256 is %s, expected %s" % (
        sha256_of(CONTENT[:-1] + b"x"), sha256_of(CONTENT)))
    self.assertEqual(self.files(), [])
    self.assertEqual(len(self.server.requests), 1)

  def test_shortened_content_length_is_found_by_the_hash(self):
    self.server.faults["/f"] = [("length", 5000)]
    self.assert_fails("its sha256 is")
    self.assertEqual(self.files(), [])

  def test_missing_file_is_not_tried_again(self):
    self.assert_fails(r"/none: the server answered 404 .*--base-url", "/none")
    self.assertEqual(len(self.server.requests), 1)

  def test_forbidden_file_is_not_tried_again(self):
    self.server.faults["/f"] = [("status", 403)]
    self.assert_fails("the server answered 403 .*your access")
    self.assertEqual(len(self.server.requests), 1)

  def test_next_url_is_used_if_the_first_is_missing(self):
    self.assertEqual(self.fetch("/none", "/f")[0], CONTENT)
    self.assertEqual(self.files(), ["f"])

  def test_temporary_errors_are_tried_again(self):
    self.server.faults["/f"] = [("status", 500), ("status", 503)]
    content, output = self.fetch()
    self.assertEqual(content, CONTENT)
    self.assertIn("the server answered 500", output)

  def test_number_of_attempts_is_bounded(self):
    self.server.faults["/f"] = [("status", 500)] * 9
    self.assert_fails(r"the server answered 500 .* \(attempt 5 of 5\)")
    self.assertEqual(self.pauses, [1, 2, 4, 8])

  def test_server_that_sends_nothing_is_tried_again(self):
    self.server.faults["/f"] = [("hang",)]
    content, output = self.fetch(timeout=0.2)
    self.assertEqual(content, CONTENT)
    self.assertIn("timed out; attempt 2", output)

  def test_redirects_are_followed(self):
    for code in (301, 302, 307, 308):
      with self.subTest(code=code):
        self.server.faults["/moved%d" % code] = [("redirect", "/f", code)]
        self.assertEqual(self.fetch("/moved%d" % code)[0], CONTENT)

  def test_redirect_to_a_local_file_is_refused(self):
    self.server.faults["/f"] = [("redirect", "file:///etc/passwd", 302)]
    self.assert_fails("the server answered 302")

  def test_no_server_is_an_error_with_the_reason(self):
    self.server.url = "http://127.0.0.1:9"  # the discard port; nobody listens
    self.assert_fails("refused.*attempt 2 of 2", num_attempts=2)

  def test_mirror_replaces_the_host(self):
    client = download.Client(self.server.url + "/mirror/")
    self.server.files["/mirror/a/f"] = CONTENT
    path = client.fetch(("https://example.org/a/f",), self.folder)
    self.assertEqual(path, os.path.join(self.folder, "a", "f"))
    self.assertEqual(self.read("a", "f"), CONTENT)

  def test_invalid_mirror_is_an_error(self):
    client = download.Client("mirror")
    with self.assertRaisesRegex(utils.UserError, "Check --base-url"):
      client.fetch(("https://example.org/f",), self.folder)

  def test_progress_is_printed_as_lines_in_a_log(self):
    times = iter(range(0, 10000, 11))  # each look at the clock is 11 s later
    with mock.patch.object(
        download.progress.Progress.__init__, "__kwdefaults__", dict(
            download.progress.Progress.__init__.__kwdefaults__,
            clock=lambda: next(times))):
      _, output = self.fetch()
    self.assertRegex(output, r"f: 0\.0 of 0\.0 MB, 0\.0 MB/s, 00:00:00 left")


def unpinned(part):
  """Returns a sources.Part without hashes and counts."""
  def strip(item):
    return item._replace(sha256=None, count=None)
  return part._replace(
      downloads=[one._replace(sha256=None, items=[
          (member, strip(item)) for member, item in one.items])
                 for one in part.downloads],
      made=[strip(item) for item in part.made])


class CommandCase(ServedTest):
  """Runs the command with the table of sources, its hashes replaced."""

  def setUp(self):
    super().setUp()
    self.train = questions(("a b c", "who?"), ("d e f", "what?"))
    self.test = questions(("A, b c", "who?"), ("g h i", "where?"), ids="t")
    self.base = "/husseinmozannar/SOQAL/master/data/"
    self.server.files.update({
        self.base + "arcd-train.json": self.train,
        self.base + "arcd-test.json": self.test})
    self.pin(sha256_of(self.train), sha256_of(self.test))

  def pin(self, *hashes, counts=(2, 2)):
    """Replaces the hashes and counts of ARCD's files by those of the test."""
    downloads = [
        one._replace(items=[(member, item._replace(sha256=sha256, count=count))
                            for member, item in one.items])
        for one, sha256, count in zip(
            sources.DATA_SETS["arcd"]["arcd"].downloads, hashes, counts)]
    self.patch("arcd", {"arcd": sources.Part(downloads)})

  def unpin(self, data_set):
    """Takes the hashes and counts from the files of a data set."""
    self.patch(data_set, {task: unpinned(part) for task, part
                          in sources.DATA_SETS[data_set].items()})

  def patch(self, data_set, parts):
    patch = mock.patch.dict(sources.DATA_SETS, {data_set: parts})
    patch.start()
    self.addCleanup(patch.stop)

  def run_command(self, *words, folder=None):
    """Returns what the command prints; its --data-dir is the test's."""
    output = io.StringIO()
    words = ["get_data.py", *words, "--data-dir", folder or self.folder,
             "--base-url", self.server.url, "--attempts", "1"]
    with mock.patch.object(sys, "argv", words), \
        contextlib.redirect_stdout(output):
      get_data.main()
    return output.getvalue()

  def files(self):
    return sorted(os.path.relpath(os.path.join(folder, name), self.folder)
                  for folder, _, names in os.walk(self.folder)
                  for name in names)


class CommandTest(CommandCase):

  def test_files_are_where_the_task_reads_them(self):
    output = self.run_command("arcd")
    self.assertEqual(self.files(), ["finetuning_data/arcd/arcd-test.json",
                                    "finetuning_data/arcd/arcd-train.json"])
    self.assertEqual(os.listdir(self.folder), ["finetuning_data"])
    self.assertIn("arcd-train.json (2 questions, sha256 verified)", output)

  def test_shared_contexts_are_counted(self):
    # "a b c" is in both, apart from case and a comma, with the same question.
    self.assertIn(
        "Leakage: 1 of 2 questions of arcd-train.json share a context with "
        "arcd-test.json (1 of 2 contexts), 1 are the same question; "
        "\"drop_leaked_questions\": true", self.run_command("arcd"))

  def test_verified_files_are_kept_without_network(self):
    self.run_command("arcd")
    del self.server.requests[:]
    self.assertIn("Kept", self.run_command("arcd"))
    self.assertEqual(self.server.requests, [])

  def test_missing_file_is_added_to_those_that_are_there(self):
    self.run_command("arcd")
    path = os.path.join(self.folder, "finetuning_data/arcd/arcd-test.json")
    os.remove(path)
    output = self.run_command("arcd")
    self.assertIn("Kept", output)
    self.assertIn("Wrote " + path, output)

  def test_existing_file_that_differs_is_never_replaced(self):
    path = os.path.join(self.folder, "finetuning_data/arcd/arcd-train.json")
    with utils.write_atomically(path) as f:
      f.write("mine")
    with self.assertRaisesRegex(utils.UserError, "arcd-train.json: its sha256 "
                                ".*It was not replaced: move it away"):
      self.run_command("arcd")
    self.assertEqual(self.read(path), b"mine")

  def test_too_few_questions_are_refused_without_a_pinned_hash(self):
    self.pin(None, None, counts=(3, None))
    with self.assertRaisesRegex(utils.UserError,
                                "has 2 questions, expected 3: it is truncated"):
      self.run_command("arcd")
    self.assertEqual(self.files(), [])

  def test_hash_that_is_not_pinned_is_printed(self):
    self.pin(None, None, counts=(2, None))
    self.assertIn("2 questions, sha256 not pinned: " + sha256_of(self.train),
                  self.run_command("arcd"))

  def test_page_in_place_of_data_is_refused_and_not_kept(self):
    self.pin(None, None)
    self.server.files[self.base + "arcd-train.json"] = b"<html>log in</html>"
    with self.assertRaisesRegex(utils.UserError, "arcd-train.json"):
      self.run_command("arcd")
    self.assertEqual(self.files(), [])

  def test_second_command_at_the_same_time_is_refused(self):
    with folder_lock.FolderLock(
        os.path.join(self.folder, "downloads", "arcd"), "download",
        is_sibling=True):
      with self.assertRaisesRegex(utils.UserError, "another process"):
        self.run_command("arcd")
    self.run_command("arcd")

  def test_unknown_task_names_those_of_the_data_set(self):
    with self.assertRaisesRegex(utils.UserError, "--task: expected some of "
                                "cola, mnli, mrpc, .* for glue, got 'ner'"):
      self.run_command("glue", "--task", "ner")

  def test_command_ends_with_one_line_and_code_2(self):
    done = subprocess.run(
        [sys.executable, os.path.join(EXAMPLES, "get_data.py"), "arcd",
         "--data-dir", self.folder, "--base-url", self.server.url + "/none"],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, cwd=self.folder)
    self.assertEqual(done.returncode, 2)
    self.assertRegex(done.stderr.decode("utf-8"),
                     r"^error: .*404 .*--base-url[^\n]*\n$")
    self.assertEqual(self.files(), [])

  def test_arabic_squad_is_a_task_with_and_without_arcd(self):
    more = questions(("j k l", "why?"), ids="s")
    self.server.files[self.base + "Arabic-SQuAD.json"] = more
    self.unpin("arabic_squad")
    output = self.run_command("arabic_squad")
    self.assertEqual(self.files(), [
        "finetuning_data/%s/%s" % (task, name)
        for task in ("arabic_squad", "arabic_squad_arcd")
        for name in ("arcd-test.json", "task.json", "train.json")])
    self.assertEqual(self.read("finetuning_data/arabic_squad/train.json"), more)
    joined = json.loads(self.read(
        "finetuning_data/arabic_squad_arcd/train.json").decode("utf-8"))
    self.assertEqual([paragraph["context"] for article in joined["data"]
                      for paragraph in article["paragraphs"]],
                     ["j k l", "a b c", "d e f"])
    self.assertIn("Leakage: 1 of 3 questions", output)
    declared = task_declaration.load(os.path.join(
        self.folder, "finetuning_data/arabic_squad/task.json"), "arabic_squad")
    self.assertEqual((declared.kind, declared.files["dev"]),
                     ("qa", "arcd-test.json"))
    self.assertEqual(  # each file is downloaded once
        len(self.server.requests), len(set(self.server.requests)))
    self.assertIn("Kept", self.run_command("arabic_squad"))


class ArchiveTest(CommandCase):

  def patch_conll(self, train, test, more=()):
    archive = zip_of(dict({"conll2000/train.txt": train,
                           "conll2000/test.txt": test}, **dict(more)))
    part = unpinned(sources.DATA_SETS["conll2000"]["chunk"])
    self.patch("conll2000", {"chunk": part._replace(downloads=[
        one._replace(sha256=sha256_of(archive)) for one in part.downloads])})
    self.server.files[
        "/nltk/nltk_data/gh-pages/packages/corpora/conll2000.zip"] = archive

  def test_only_the_declared_files_of_an_archive_are_written(self):
    self.patch_conll(b"a DT B-NP\n\nb NN O\n", b"a DT B-NP\n", {
        "../../evil.txt": b"x", "/tmp/evil.txt": b"x",
        "conll2000/../train.txt": b"x", "conll2000/README": b"x"})
    output = self.run_command("conll2000")
    self.assertEqual(self.files(), ["finetuning_data/chunk/dev.txt",
                                    "finetuning_data/chunk/train.txt"])
    self.assertIn("Leakage: 1 of 2 sentences of train.txt are also in dev.txt",
                  output)

  def test_archive_without_the_file_is_refused(self):
    self.patch_conll(b"a DT O\n", b"a DT O\n")
    one, = sources.DATA_SETS["conll2000"]["chunk"].downloads
    archive = zip_of({"other/train.txt": b"x"})
    self.server.files["/nltk/nltk_data/gh-pages/packages/corpora/"
                      "conll2000.zip"] = archive
    self.patch("conll2000", {"chunk": sources.Part([one._replace(
        sha256=None)])})
    with self.assertRaisesRegex(utils.UserError, "has no file conll2000/train"):
      self.run_command("conll2000")
    self.assertEqual(self.files(), [])

  def test_damaged_archive_is_refused_and_not_kept(self):
    self.patch_conll(b"a DT O\n", b"a DT O\n")
    one, = sources.DATA_SETS["conll2000"]["chunk"].downloads
    url = "/nltk/nltk_data/gh-pages/packages/corpora/conll2000.zip"
    self.server.files[url] = self.server.files[url][:100]
    self.patch("conll2000", {"chunk": sources.Part([one._replace(
        sha256=None)])})
    with self.assertRaisesRegex(utils.UserError, "the archive is damaged"):
      self.run_command("conll2000")
    self.assertEqual(self.files(), [])

  def test_only_arabic_questions_of_tydiqa_are_counted(self):
    path = os.path.join(self.folder, "f.json")
    for ids, count in (("arabic", 1), ("english", 0)):
      with open(path, "wb") as f:
        f.write(questions(("a b", "c"), ids=ids))
      content = checks.verify(path, sources.Item(
          "f.json", "arabic questions", "dev", None), path)
      self.assertEqual(len(content.texts), count)

  def test_broken_rows_of_a_table_are_skipped(self):
    path = os.path.join(self.folder, "f.tsv")
    with open(path, "w") as f:
      f.write("id\tquestion1\tquestion2\n0\ta\tb\n1\tc\n2\td\te\n")
    content = checks.verify(path, sources.Item(
        "f.tsv", "rows", "dev", None, None, ["question1", "question2"]), path)
    self.assertEqual(content.texts, [("a", "b"), ("d", "e")])

  def test_mrpc_is_split_like_glue(self):
    # Three pairs, the second of which is in the dev set.
    header = "\ufeffQuality\t#1 ID\t#2 ID\t#1 String\t#2 String\r\n"
    texts = {"mrpc_dev_ids.tsv": "3\t4\n",
             "msr_paraphrase_train.txt": header + "1\t1\t2\ta\tb\r\n"
             "0\t3\t4\tc\td\r\n1\t5\t6\te\tf\r\n",
             "msr_paraphrase_test.txt": header + "1\t7\t8\tg\th\r\n"}
    paths = {}
    for name, text in texts.items():
      paths[name] = os.path.join(self.folder, name)
      with open(paths[name], "wb") as f:
        f.write(text.encode("utf-8"))
    made = {name: content.decode("utf-8").split("\n")[1:-1]
            for name, content in recipes.mrpc(paths).items()}
    self.assertEqual(made, {
        "train.tsv": ["1\t1\t2\ta\tb", "1\t5\t6\te\tf"],
        "dev.tsv": ["0\t3\t4\tc\td"], "test.tsv": ["0\t7\t8\tg\th"]})


class HubCase(CommandCase):
  """Serves the files of a tiny model as those of AraELECTRA."""

  def setUp(self):
    super().setUp()
    self.unpin("araelectra")
    self.model = os.path.join(self.folder, "made")
    serving_models.write_pretrained(
        self.model, "pretrain/pretrain_electra.npz")

  def serve(self, folder, model):
    for name in os.listdir(folder):
      self.server.files["/aubmindlab/araelectra-base-%s/resolve/main/%s" % (
          model, name)] = self.read(folder, name)

  def serve_hugging_face(self):
    """Serves discriminator and generator as the hub does."""
    for part in ("discriminator", "generator"):
      folder = os.path.join(self.folder, "hub", part)
      with contextlib.redirect_stdout(io.StringIO()):
        exporter.to_hf(self.model, folder, part)
      self.serve(folder, part)

  def serve_tensorflow(self):
    """Serves the checkpoint as the archive on the discriminator's page."""
    self.server.files["/aubmindlab/araelectra-base-discriminator/resolve/main/"
                      "tf1_model.tar.gz"] = tar_of({
                          "araelectra/" + name: self.read(self.model, name)
                          for name in os.listdir(self.model)
                          if name.startswith("model.ckpt")})


class AraelectraTest(HubCase):

  def test_hub_files_are_converted_to_the_weights_they_were_made_from(self):
    self.serve_hugging_face()
    output = self.run_command("araelectra")
    folders = {part: os.path.join(
        self.folder, "huggingface", "araelectra-base-" + part)
        for part in ("discriminator", "generator")}
    self.assertIn("convert_checkpoint.py --to tf --discriminator "
                  + folders["discriminator"], output)
    for folder in folders.values():
      self.assertEqual(sorted(os.listdir(folder)), [
          "config.json", "model.safetensors", "tokenizer_config.json",
          "vocab.txt"])
    converted = os.path.join(self.folder, "models", "x")
    with contextlib.redirect_stdout(io.StringIO()):
      importer.to_tf(converted, **folders)
    made, read = map(hf_models.read_checkpoint, (self.model, converted))
    for name in made:
      if name != "global_step":
        self.assertEqual(made[name].tolist(), read[name].tolist(), name)

  def test_pytorch_weights_are_used_if_there_are_no_others(self):
    for name, content in (("config.json", b"{}"), ("vocab.txt", b"a\n"),
                          ("pytorch_model.bin", b"PK")):
      self.server.files["/aubmindlab/araelectra-base-generator/resolve/main/"
                        + name] = content
    output = self.run_command("araelectra", "--task", "generator")
    self.assertIn("Skipped", output)  # tokenizer_config.json is optional
    self.assertEqual(sorted(os.listdir(os.path.join(
        self.folder, "huggingface", "araelectra-base-generator"))),
                     ["config.json", "pytorch_model.bin", "vocab.txt"])

  def test_pointer_in_place_of_weights_is_refused(self):
    for name, content in (("config.json", b"{}"), ("vocab.txt", b"a\n"),
                          ("pytorch_model.bin", b"version https://git-lfs")):
      self.server.files["/aubmindlab/araelectra-base-generator/resolve/main/"
                        + name] = content
    with self.assertRaisesRegex(utils.UserError, "expected weights, got a pa"):
      self.run_command("araelectra", "--task", "generator")

  def test_checkpoint_of_tensorflow_is_a_model_folder(self):
    self.serve(self.model, "discriminator")
    self.serve_tensorflow()
    self.run_command("araelectra", "--task", "tf1")
    folder = os.path.join(self.folder, "models", "araelectra_base")
    self.assertEqual(sorted(os.listdir(folder)), [
        "config.json", "model.ckpt-100.data-00000-of-00001",
        "model.ckpt-100.index", "tokenizer_config.json", "vocab.txt"])
    from model import checkpoint
    self.assertEqual(checkpoint.latest(folder),
                     os.path.join(folder, "model.ckpt-100"))


def page():
  """Returns docs/get_data.md."""
  with open(os.path.join(ROOT, "docs", "get_data.md"), encoding="utf-8") as f:
    return f.read()


class DocumentedCommandsTest(HubCase):

  def setUp(self):
    super().setUp()
    for data_set in sources.DATA_SETS:
      self.unpin(data_set)
    self.serve_hugging_face()
    self.serve_tensorflow()
    self._serve_data()

  def test_every_command_on_the_page_runs_in_its_order(self):
    data_sets = set()
    for line in page().split("\n"):
      if line.startswith("python "):
        _, script, *words = shlex.split(line)
        if script == "examples/get_data.py":
          data_sets.add(words[0])
          self._get_data(words)
        elif script == "run_finetuning.py":
          self._finetune(script, words)
        else:
          self._run(script, words, self.folder)
    self.assertEqual(data_sets, set(sources.DATA_SETS))

  def test_commands_are_those_that_a_download_prints_as_the_next(self):
    for task in ("discriminator", "tf1"):
      hint = sources.DATA_SETS["araelectra"][task].hint
      self.assertIn("\n%s\n" % hint.format(data_dir="data")[len("Next: "):],
                    page())

  def _serve_data(self):
    other = questions(("j k l", "why?"), ids="arabic")
    rows = b"index\tsentence1\tsentence2\tlabel\n0\ta\tb\tentailment\n"
    pairs = ("\ufeffQuality\t#1 ID\t#2 ID\t#1 String\t#2 String\r\n"
             "1\t1\t2\ta\tb\r\n0\t3\t4\tc\td\r\n").encode("utf-8")
    self.server.files.update({
        self.base + "Arabic-SQuAD.json": other,
        "/tydiqa/v1.1/tydiqa-goldp-v1.1-train.json": other,
        "/tydiqa/v1.1/tydiqa-goldp-v1.1-dev.tgz": tar_of({
            "tydiqa-goldp-v1.1-dev/tydiqa-goldp-dev-arabic.json": other}),
        "/nltk/nltk_data/gh-pages/packages/corpora/conll2000.zip": zip_of({
            "conll2000/train.txt": b"a DT B-NP\n",
            "conll2000/test.txt": b"b DT B-NP\n"}),
        "/glue/data/RTE.zip": zip_of({
            "RTE/%s.tsv" % split: rows for split in ("train", "dev", "test")}),
        "/glue/data/mrpc_dev_ids.tsv": b"3\t4\n"})
    for split in ("train", "test"):
      self.server.files["/senteval/senteval_data/msr_paraphrase_%s.txt"
                        % split] = pairs

  def _get_data(self, words):
    folder = self.folder
    if "tf1" in words:  # a reader chooses one of the two forms of the model
      folder = os.path.join(folder, "tf1")
    self.assertIn("Wrote " + folder, self.run_command(*words, folder=folder))

  def _finetune(self, script, words):
    """Fine-tunes the converted model, and the one that needs no conversion."""
    words = words + ["--hparams", json.dumps({
        "model_hparam_overrides": dict(
            {name: serving_models.PRETRAINED_SIZES[name] for name in (
                "num_hidden_layers", "hidden_size", "intermediate_size",
                "max_position_embeddings")},
            num_attention_heads=hf_models.NUM_HEADS),
        "embedding_size": serving_models.EMBEDDING_SIZE, "max_seq_length": 32,
        "max_query_length": 8, "doc_stride": 8, "train_batch_size": 2,
        "num_train_epochs": 1.0})]
    shutil.copytree(os.path.join(self.folder, "finetuning_data"),
                    os.path.join(self.folder, "tf1", "finetuning_data"))
    for folder in (self.folder, os.path.join(self.folder, "tf1")):
      with self.subTest(folder=folder):
        self._run(script, words, folder)
        self.assertIn(b'"arabert_preprocessing": "araelectra-base"', self.read(
            folder, "models", "araelectra_base", "finetuning_models",
            "arcd_model_1", "finetuning_run.json"))
        self.assertIn(b"f1", self.read(
            folder, "models", "araelectra_base", "results",
            "arcd_results.txt"))

  def _run(self, script, words, folder):
    """Runs another command on the files in a folder."""
    words = [re.sub("^data(?=/|$)", lambda _: folder, word) for word in words]
    done = subprocess.run(
        [sys.executable, "-W", "ignore", script] + words, cwd=ROOT,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    self.assertEqual(done.returncode, 0, done.stdout.decode("utf-8"))


class DocumentationTest(unittest.TestCase):

  def test_table_names_the_pinned_hashes(self):
    rows = [line for line in page().split("\n") if line.startswith("| ")]
    for data_set, parts in sources.DATA_SETS.items():
      for task, part in parts.items():
        items = [item for one in part.downloads for _, item in one.items
                 if item.path] + list(part.made)
        pinned = [item.split for item in items if item.sha256]
        expected = "all" if len(pinned) == len(items) else (
            ", ".join(pinned) or "none")
        row, = [row for row in rows if "`%s`" % task in row.split(" | ", 1)[1]]
        with self.subTest(data_set=data_set, task=task):
          self.assertTrue(row.endswith("| %s |" % expected), row)
          for item in items:
            if item.count:
              self.assertIn("{:,}".format(item.count), row)


class SourcesTest(unittest.TestCase):

  def test_every_task_has_files_to_train_and_to_score_on(self):
    for data_set, parts in sources.DATA_SETS.items():
      for task, part in parts.items():
        items = [item for one in part.downloads for _, item in one.items
                 if item.path] + list(part.made)
        splits = {item.split.split("_")[0] for item in items if item.split}
        with self.subTest(data_set=data_set, task=task):
          self.assertLessEqual(
              set() if data_set == "araelectra" else {"train", "dev"}, splits)
          self.assertTrue(all(item.kind in checks.KINDS for item in items))

  @unittest.skipUnless(os.environ.get("ELECTRA_DATA"), "needs real data")
  def test_pinned_hashes_and_counts_are_those_of_real_files(self):
    data = os.environ["ELECTRA_DATA"]
    num_checked = 0
    for parts in ("arcd", "conll2000", "tydiqa", "glue"):
      for part in sources.DATA_SETS[parts].values():
        for one in part.downloads:
          for member, item in one.items:
            path = os.path.join(data, parts, member or os.path.basename(
                item.path))
            if not os.path.exists(path):
              path = os.path.join(data, parts, os.path.basename(path))
            if item.sha256 and os.path.exists(path):
              content = checks.verify(path, item, path)
              self.assertEqual(len(content.texts), item.count, path)
              num_checked += 1
    self.assertGreater(num_checked, 10)


if __name__ == "__main__":
  unittest.main()
