"""Tests for playground.web_server: over HTTP, and in a real browser."""

import glob
import http.client
import json
import os
import re
import shutil
import subprocess
import tempfile
import threading
import unittest
import urllib.parse

import demo
from playground import web_server
from tests.playground import models
from util import utils

CHROMIUM = shutil.which("chromium") or shutil.which("google-chrome")
FLAGS = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic",
         "--no-first-run", "--disable-background-networking",
         "--disable-component-update", "--disable-sync"]


class ServerCase(unittest.TestCase):
  """Serves a pre-trained model and a model of pairs and tags."""

  @classmethod
  def setUpClass(cls):
    super().setUpClass()
    cls.folder = tempfile.TemporaryDirectory()
    cls.servers, cls.threads = {}, []
    for name, write in (("pretrained", models.write_pretrained),
                        ("qa", models.write_qa),
                        ("sentences", models.write_sentences)):
      path = os.path.join(cls.folder.name, name)
      write(path)
      server = web_server.WebServer(demo.load(path), "127.0.0.1", 0)
      thread = threading.Thread(target=server.serve_forever, args=(0.01,),
                                daemon=True)
      thread.start()
      cls.servers[name] = server
      cls.threads.append(thread)

  @classmethod
  def tearDownClass(cls):
    for server in cls.servers.values():
      server.shutdown()
      server.server_close()
    for thread in cls.threads:
      thread.join()
    cls.folder.cleanup()
    super().tearDownClass()


class WebServerTest(ServerCase):

  def request(self, method, path, body=None, headers=(), server="pretrained"):
    """Returns (status, headers, bytes)."""
    connection = http.client.HTTPConnection(
        *self.servers[server].server_address[:2], timeout=60)
    self.addCleanup(connection.close)
    connection.request(method, path, body, dict(headers))
    response = connection.getresponse()
    return response.status, response.headers, response.read()

  def post(self, action, values, server="pretrained", **headers):
    """Returns (status, parsed JSON)."""
    body = values if isinstance(values, bytes) else json.dumps(values).encode()
    headers = dict({"Content-Type": "application/json"}, **headers)
    status, _, content = self.request("POST", "/api/" + action, body, headers,
                                      server)
    return status, json.loads(content.decode("utf-8"))

  def assert_error(self, expected_status, pattern, action, values, **more):
    status, answer = self.post(action, values, **more)
    self.assertEqual((status, list(answer)), (expected_status, ["error"]))
    self.assertRegex(answer["error"], pattern)
    self.assertNotIn("\n", answer["error"])

  def test_page_loads_nothing_from_elsewhere(self):
    status, headers, page = self.request("GET", "/?action=x")
    self.assertEqual(status, 200)
    self.assertEqual(headers["Content-Type"], "text/html; charset=utf-8")
    self.assertIn("default-src 'none'", headers["Content-Security-Policy"])
    self.assertIsNone(re.search(rb"https?://|@import|<link[^>]*href=\"[^d]",
                                page))

  def test_model_is_described(self):
    status, _, content = self.request("GET", "/api/model", server="sentences")
    described = json.loads(content.decode("utf-8"))
    self.assertEqual(status, 200)
    self.assertEqual([action["name"] for action in described["actions"]],
                     ["mnli", "sts", "pos"])
    self.assertEqual(described["model"]["kind"], "fine-tuned")

  def test_every_kind_of_action_is_answered(self):
    pair = {"text_a": "t7", "text_b": "t8"}
    for server, action, values, key in (
        ("pretrained", "fill_mask", {"text": "t7 [MASK]"}, "masks"),
        ("pretrained", "discriminate", {"text": "t7 t8"}, "tokens"),
        ("qa", "squadv1", {"question": "t7", "context": "t8 t9"}, "answer"),
        ("sentences", "mnli", pair, "probabilities"),
        ("sentences", "sts", pair, "value"),
        ("sentences", "pos", {"text": "t7 t8"}, "tags")):
      with self.subTest(action):
        status, answer = self.post(action, values, server)
        self.assertEqual(status, 200, answer)
        self.assertIn(key, answer)

  def test_wrong_requests_get_one_line(self):
    self.assert_error(400, "too|at most 62", "discriminate",
                      {"text": "t7 " * 70})
    self.assert_error(400, "the text is empty", "discriminate", {})
    self.assert_error(400, "JSON object of texts, got list", "discriminate", [])
    self.assert_error(400, "The request:1:1: expected JSON", "discriminate",
                      b"x")
    self.assert_error(400, "The request: byte 0 is not UTF-8", "discriminate",
                      b"\xff")
    self.assert_error(400, "lone surrogate", "discriminate",
                      b'{"text": "\\ud800"}')
    self.assert_error(404, "one of fill_mask, discriminate", "other", {})
    self.assert_error(415, "application/json", "discriminate", {},
                      **{"Content-Type": "text/plain"})
    self.assert_error(413, "at most 1,048,576 bytes", "discriminate", {},
                      **{"Content-Length": str(1 << 21)})

  def test_missing_page_is_an_error(self):
    status, _, content = self.request("GET", "/../../etc/passwd")
    self.assertEqual(status, 404)
    self.assertIn("no such page", json.loads(content.decode())["error"])

  def test_requests_at_the_same_time_are_all_answered(self):
    answers = []

    def ask(token):
      answers.append((token, self.post("discriminate", {"text": token})))

    threads = [threading.Thread(target=ask, args=("t%d" % i,))
               for i in range(7, 15)]
    for thread in threads:
      thread.start()
    for thread in threads:
      thread.join()
    self.assertEqual(len(answers), 8)
    for token, (status, answer) in answers:
      self.assertEqual((status, answer["tokens"][0]["token"]), (200, token))

  def test_port_in_use_is_an_error_with_what_to_do(self):
    used = self.servers["qa"]
    with self.assertRaisesRegex(utils.UserError, "use.*another --port"):
      web_server.WebServer(used.model, "127.0.0.1", used.server_address[1])


@unittest.skipUnless(CHROMIUM, "needs Chromium")
class BrowserTest(ServerCase):

  def page(self, server, action="", **values):
    """Returns the DOM of a page after its request is answered."""
    query = dict(values, **({"action": action} if action else {}))
    url = "%s/?%s" % (self.servers[server].url, urllib.parse.urlencode(query))
    with tempfile.TemporaryDirectory() as profile:
      done = subprocess.run(
          [CHROMIUM] + FLAGS + [
              "--user-data-dir=" + profile, "--virtual-time-budget=20000",
              "--dump-dom", url], stdout=subprocess.PIPE,
          stderr=subprocess.DEVNULL, timeout=120, check=True)
    dom = done.stdout.decode("utf-8")
    return re.sub(r"<(script|style)>.*?</\1>", "", dom, flags=re.S)

  def test_page_without_a_query_shows_the_form(self):
    dom = self.page("pretrained")
    self.assertIn("pre-trained model, step 100", dom)
    self.assertRegex(dom, r"<textarea[^>]*dir=\"auto\"[^>]*name=\"text\"|"
                     r"<textarea[^>]*name=\"text\"[^>]*dir=\"auto\"")
    self.assertEqual(re.findall(r"<button type=\"button\"[^>]*>([^<]*)", dom), [
        "Fill a mask", "Find replaced tokens", "Insert [MASK]"])
    self.assertIn('<p id="error" role="alert"></p>', dom)

  def test_masks_are_filled(self):
    dom = self.page("pretrained", "fill_mask", text="t7 [MASK] t9 [MASK]")
    self.assertIn("[MASK] 2", dom)
    self.assertEqual(dom.count("class=\"bar\""), 20)

  def test_tokens_are_coloured_by_their_probability(self):
    dom = self.page("pretrained", "discriminate", text="t7 t8 t9")
    self.assertIn("of 3 tokens are called replaced", dom)
    self.assertEqual(len(re.findall(
        r"background: rgba\(224, 60, 49, 0\.\d+\)", dom)), 3)
    # A bar is as wide as its token's probability in percent.
    printed = re.findall(r"class=\"number\">([\d.]+) %<", dom)
    widths = re.findall(r"<i style=\"width: ([\d.]+)%;\">", dom)
    self.assertEqual([round(float(width), 1) for width in widths],
                     list(map(float, printed)))
    self.assertEqual(len(widths), 3)

  def test_answer_is_highlighted_in_the_passage(self):
    dom = self.page("qa", "squadv1", question="t7", context="t8 \U0001f600 t9")
    answer = re.search(r"<strong id=\"answer\" dir=\"auto\">([^<]+)", dom)
    self.assertEqual(answer.group(1),
                     re.search(r"<mark>([^<]+)</mark>", dom).group(1))

  def test_labels_values_and_tags_are_displayed(self):
    pair = {"text_a": "t7", "text_b": "t8"}
    self.assertRegex(self.page("sentences", "mnli", **pair),
                     "(?s)entailment.*class=\"bar\"")
    self.assertRegex(self.page("sentences", "sts", **pair),
                     r"Value: <strong id=\"answer\">-?[0-9.e]+<")
    self.assertRegex(self.page("sentences", "pos", text="t7 t8"),
                     "t8  \u2066(ADJ|NOUN|VERB)\u2069")

  def test_error_is_displayed(self):
    self.assertRegex(self.page("pretrained", "fill_mask", text="t7"),
                     r"<p id=\"error\" role=\"alert\">text: it has no \[MASK\]")

  def test_texts_are_never_run_as_html(self):
    dom = self.page("qa", "squadv1", question="t7",
                    context="<img src=x onerror=document.title='run'> t8")
    self.assertNotIn("<img", dom)
    self.assertIn("<title>Try a model</title>", dom)


class FilesTest(unittest.TestCase):

  def test_screenshots_of_the_documentation_are_small(self):
    root = os.path.dirname(os.path.dirname(os.path.dirname(
        os.path.abspath(__file__))))
    paths = glob.glob(os.path.join(root, "docs", "images", "demo_*.png"))
    self.assertTrue(paths)
    for path in paths:
      self.assertLess(os.path.getsize(path), 150000, path)


if __name__ == "__main__":
  unittest.main()
