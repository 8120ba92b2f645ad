"""A local HTTP server with files and faults, for the tests of downloads."""

import collections
import http.server
import threading


class FaultyServer:
  """Serves files from memory; each request takes the next fault of its path.

  Faults: ("status", code), ("cut", bytes sent before the connection ends),
  ("length", Content-Length of a shortened file), ("redirect", path, code),
  ("hang",): nothing is sent until the server is closed, and "no ranges":
  the file is sent from its start.

  Attributes:
    files: {path: bytes}.
    faults: {path: list of faults}.
    requests: list of (path, value of the Range header or None).
    tags: {path: ETag}.
    url: str.
  """

  def __init__(self):
    self.files, self.tags = {}, {}
    self.faults = collections.defaultdict(list)
    self.requests = []
    self._closing = threading.Event()
    self._server = http.server.ThreadingHTTPServer(
        ("127.0.0.1", 0), self._handler())
    self._server.daemon_threads = True
    self.url = "http://127.0.0.1:%d" % self._server.server_address[1]
    self._thread = threading.Thread(
        target=self._server.serve_forever, args=(0.01,), daemon=True)
    self._thread.start()

  def close(self):
    """Stops the server."""
    self._closing.set()
    self._server.shutdown()
    self._server.server_close()
    self._thread.join()

  def answer(self, request):
    """Answers one request, as a method of its handler."""
    path = request.path
    self.requests.append((path, request.headers.get("Range")))
    faults = self.faults[path]
    fault = faults.pop(0) if faults else ("none",)
    if fault[0] == "hang":
      self._closing.wait()
    elif fault[0] == "redirect":
      request.send_response(fault[2])
      request.send_header("Location", fault[1])
      request.end_headers()
    elif fault[0] == "status" or path not in self.files:
      request.send_error(fault[1] if fault[0] == "status" else 404)
    else:
      self._send(request, path, fault)

  def _send(self, request, path, fault):
    content, start = self.files[path], 0
    if fault[0] == "length":
      content = content[:fault[1]]
    wanted = request.headers.get("Range")
    condition = request.headers.get("If-Range")
    if wanted and fault[0] != "no ranges" and condition in (
        None, self.tags.get(path)):
      start = int(wanted[len("bytes="):-1])
    if start and start >= len(content):
      request.send_error(416)
      return
    request.send_response(206 if start else 200)
    if start:
      request.send_header("Content-Range", "bytes %d-%d/%d" % (
          start, len(content) - 1, len(content)))
    request.send_header("Content-Length", str(len(content) - start))
    if path in self.tags:
      request.send_header("ETag", self.tags[path])
    request.end_headers()
    end = start + fault[1] if fault[0] == "cut" else len(content)
    request.wfile.write(content[start:end])

  def _handler(self):
    server = self

    class Handler(http.server.BaseHTTPRequestHandler):

      def do_GET(self):
        server.answer(self)

      def log_message(self, *unused):
        pass

    return Handler
