"""A web page and a JSON interface for one model, on this machine.

  GET /              the page; /?action=NAME&FIELD=TEXT fills it in and asks
  GET /api/model     {"model": {...}, "actions": [...]}
  POST /api/ACTION   {field: text} as JSON; answers with the result as JSON, or
                     with a status of 400 or more and {"error": one line}

The page is one file without external resources, and the server is that of the
standard library: Gradio 6 and Streamlit 1.67 install 52 and 34 packages and
require Python 3.10 and 3.11.
"""

import errno
import http.server
import json
import os
import threading
import urllib.parse

from playground import actions
from util import utils

MAX_BODY = 1 << 20  # bytes
_PAGE = os.path.join(os.path.dirname(os.path.abspath(__file__)), "page.html")
_API = "/api/"
_MODEL = _API + "model"
_JSON = "application/json"
# What the page may load: nothing from elsewhere.
_POLICY = ("default-src 'none'; style-src 'unsafe-inline'; script-src "
           "'unsafe-inline'; connect-src 'self'; img-src data:")


class WebServer(http.server.ThreadingHTTPServer):
  """Serves one model; requests to it are answered one after the other."""

  daemon_threads = True

  def __init__(self, model, host, port):
    """Listens, but answers only in `serve_forever`.

    Args:
      model: pretrained.PretrainedModel or finetuned.FinetunedModel.
      host: str, the address to listen on; "127.0.0.1": this machine only.
      port: int; 0 for any that is free.

    Raises:
      utils.UserError: the port is in use, or the address is not this machine's.
    """
    self.model = model
    self.lock = threading.Lock()
    with utils.open_file(_PAGE, "rb") as f:
      self.page = f.read()
    try:
      super().__init__((host, port), _Handler)
    except (OSError, OverflowError) as error:
      advice = ("Pass another --port, or 0 for any that is free" if getattr(
          error, "errno", None) in (errno.EADDRINUSE, errno.EACCES) else
          "Check --host and --port")
      raise utils.UserError("Cannot listen on %s:%d: %s. %s." % (
          host, port, getattr(error, "strerror", None) or error, advice))

  @property
  def url(self):
    """The address of the page."""
    return "http://%s:%d" % self.server_address[:2]

  def description(self):
    """Returns what the page shows of the model, ready for JSON."""
    return {"model": self.model.about,
            "actions": list(map(actions.as_json, self.model.actions))}

  def run(self, name, values):
    """Returns the result of an action; one at a time."""
    with self.lock:
      return self.model.run(name, values)


class _Handler(http.server.BaseHTTPRequestHandler):
  """Answers one request."""

  server_version = "electra-demo"
  sys_version = ""
  timeout = 60  # seconds without a byte from the browser

  def do_GET(self):
    path = urllib.parse.urlsplit(self.path).path
    if path == "/":
      self._send(200, "text/html; charset=utf-8", self.server.page)
    elif path == _MODEL:
      self._send_json(200, self.server.description())
    else:
      self._send_error(404, "%s: no such page. Open /." % path)

  def do_POST(self):
    path = urllib.parse.urlsplit(self.path).path
    name = urllib.parse.unquote(path[len(_API):])
    if not path.startswith(_API) or name not in [
        action.name for action in self.server.model.actions]:
      self._send_error(404, "%s: expected %s and one of %s." % (
          path, _API, ", ".join(a.name for a in self.server.model.actions)))
      return
    values = self._read_json()
    if values is None:
      return
    try:
      self._send_json(200, self.server.run(name, values))
    except utils.UserError as error:
      self._send_error(400, str(error))

  def _read_json(self):
    """Returns the body of a request; None if an error was sent."""
    # Forms of other web sites cannot send this type without permission.
    if self.headers.get_content_type() != _JSON:
      self._send_error(415, "Expected the content type %s." % _JSON)
      return None
    length = self.headers.get("Content-Length") or ""
    if not length.isdigit():
      self._send_error(411, "Expected the header Content-Length.")
      return None
    if int(length) > MAX_BODY:
      self._send_error(413, "Expected at most {:,} bytes, got {:,}.".format(
          MAX_BODY, int(length)))
      return None
    try:
      return utils.parse_json(self.rfile.read(int(length)), "The request")
    except utils.UserError as error:
      self._send_error(400, str(error))
      return None

  def _send_error(self, status, message):
    self.close_connection = True  # a body may be unread
    self._send_json(status, {"error": " ".join(message.split())})

  def _send_json(self, status, content):
    self._send(status, _JSON, json.dumps(
        content, ensure_ascii=False).encode("utf-8", "backslashreplace"))

  def _send(self, status, content_type, content):
    self.send_response(status)
    self.send_header("Content-Type", content_type)
    self.send_header("Content-Length", str(len(content)))
    self.send_header("Content-Security-Policy", _POLICY)
    self.send_header("X-Content-Type-Options", "nosniff")
    self.send_header("Cache-Control", "no-store")
    self.end_headers()
    try:
      self.wfile.write(content)
    except ConnectionError:  # the browser left
      self.close_connection = True

  def log_message(self, *unused):
    """Prints nothing: texts of users do not belong in logs."""
