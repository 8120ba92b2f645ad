"""Downloads files over HTTP: resumed, retried, verified, renamed at the end.

The bytes go to FILE.part, which a later call resumes with a range request. A
server that ignores ranges, or whose file has changed (by its ETag or date), is
read from the start again.
"""

import http.client
import os
import re
import time
import urllib.error
import urllib.parse
import urllib.request

from util import progress
from util import utils

NUM_ATTEMPTS = 5  # with pauses of 1, 2, 4 and 8 seconds between them
TIMEOUT = 60  # seconds without a byte
_BLOCK = 1 << 16  # bytes
_MEGABYTE = 1e6
# Statuses that another attempt may change: overloaded, or restarting.
_TEMPORARY = (408, 425, 429, 500, 502, 503, 504)
_MISSING = (404, 410)
_BAD_RANGE = 416


class Missing(utils.UserError):
  """The server has no such file."""


class Client:
  """Downloads files, from their own hosts or from a mirror."""

  def __init__(self, base_url=None, *, num_attempts=NUM_ATTEMPTS,
               timeout=TIMEOUT, sleep=time.sleep):
    """Initializes the client.

    Args:
      base_url: str, such as "https://mirror.example/data", that replaces the
        scheme and host of every URL; None for the URLs as they are.
      num_attempts: int, attempts per file.
      timeout: float, seconds without a byte until an attempt fails.
      sleep: function of seconds, called between attempts.
    """
    self._base_url = base_url.rstrip("/") if base_url else None
    self._num_attempts = num_attempts
    self._timeout = timeout
    self._sleep = sleep
    self._opener = urllib.request.build_opener(_Redirects)

  def fetch(self, urls, folder, sha256=None):
    """Returns the path of the first of some URLs that exists, downloaded.

    Args:
      urls: tuple of str.
      folder: str, to write to; see `path_of`. A file there is not fetched
        again.
      sha256: str, None if it is unknown.

    Raises:
      Missing: none exists.
      utils.UserError: an attempt failed in a way that others would, all
        attempts failed, or the content has another hash.
    """
    for url in urls:
      if utils.exists(path_of(url, folder)):
        return path_of(url, folder)
    for url in urls:
      path = path_of(url, folder)
      part = path + ".part"
      utils.makedirs(os.path.dirname(path))
      try:
        self._attempt(self._located(url), part, is_pinned=sha256 is not None)
      except Missing:
        if url == urls[-1]:
          raise
        continue
      _verify(self._located(url), part, sha256)
      utils.rename(part, path)
      _remove(_tag_path(part))
      return path

  def _located(self, url):
    if not self._base_url:
      return url
    return self._base_url + urllib.parse.urlsplit(url).path

  def _attempt(self, url, part, is_pinned):
    """Downloads `url` to the file `part`, in several attempts."""
    for attempt in range(1, self._num_attempts + 1):
      problem = self._try(url, part, is_pinned)
      if problem is None:
        return
      if attempt < self._num_attempts:
        pause = 2 ** (attempt - 1)
        utils.log("  %s: %s; attempt %d of %d in %d s" % (
            url, problem, attempt + 1, self._num_attempts, pause))
        self._sleep(pause)
    raise utils.UserError(
        "%s: %s (attempt %d of %d). Run the command again: it resumes what was "
        "downloaded." % (url, problem, attempt, self._num_attempts))

  def _try(self, url, part, is_pinned):
    """Returns None, or what another attempt may not find again.

    Raises:
      utils.UserError: another attempt would fail, too.
    """
    try:
      self._transfer(url, part, is_pinned)
      return None
    except urllib.error.HTTPError as error:
      error.close()
      problem = "the server answered %d %s" % (error.code, error.reason)
      if error.code in _MISSING:
        raise Missing(
            "%s: %s. The source may have moved: pass --base-url of a mirror, "
            "or download it yourself." % (url, problem))
      if error.code == _BAD_RANGE:  # the file became shorter
        _remove(part)
      elif error.code not in _TEMPORARY:
        raise utils.UserError("%s: %s. Check the URL and your access." % (
            url, problem))
      return problem
    except utils.UserError:
      raise
    except ValueError as error:  # no URL
      raise utils.UserError("%s: %s. Check --base-url." % (url, error))
    except (OSError, http.client.HTTPException) as error:
      return str(getattr(error, "reason", error)) or type(error).__name__

  def _transfer(self, url, part, is_pinned):
    """Downloads the rest of `url` in one attempt.

    Raises:
      OSError, http.client.HTTPException: the connection or the server failed.
      utils.UserError: the file cannot be written.
    """
    start, tag = _resume_position(part, is_pinned)
    headers = {"User-Agent": "electra-get-data", "Accept-Encoding": "identity"}
    if start:
      headers["Range"] = "bytes=%d-" % start
      if tag:
        headers["If-Range"] = tag
    with self._opener.open(urllib.request.Request(url, headers=headers),
                           timeout=self._timeout) as response:
      begin, total = _range_of(response)
      if begin not in (0, start):
        raise http.client.HTTPException("the server sent another range")
      if begin == 0:
        if start:
          utils.log("%s: downloading from the start, because the server does "
                    "not resume it" % url)
        _write_tag(part, response.headers)
      _copy(response, part, begin, total, file_name_of(url))


def path_of(url, folder):
  """Returns where `Client.fetch` puts the file of a URL."""
  return os.path.join(folder, *urllib.parse.urlsplit(url).path.split("/"))


def file_name_of(url):
  """Returns the last part of a URL's path."""
  return urllib.parse.unquote(
      urllib.parse.urlsplit(url).path.rsplit("/", 1)[-1])


class _Redirects(urllib.request.HTTPRedirectHandler):
  """Follows 308, too, which Python before 3.11 does not."""

  def http_error_308(self, request, file, code, message, headers):
    del code
    return self.http_error_302(request, file, 307, message, headers)


def _resume_position(part, is_pinned):
  """Returns (bytes to keep of a .part file, tag of the file they are from).

  Without a tag only a known hash tells whether two halves fit.
  """
  if not os.path.exists(part):
    return 0, None
  tag = None
  if os.path.exists(_tag_path(part)):
    with utils.open_file(_tag_path(part)) as f:
      tag = f.read()
  return (os.path.getsize(part), tag) if tag or is_pinned else (0, None)


def _tag_path(part):
  return part + ".tag"


def _write_tag(part, headers):
  """Stores what identifies the version of a file on its server, if known."""
  tag = headers.get("ETag") or ""
  if not tag or tag.startswith("W/"):  # weak tags do not identify bytes
    tag = headers.get("Last-Modified")
  _remove(_tag_path(part))
  if tag:
    with utils.write_atomically(_tag_path(part)) as f:
      f.write(tag)


def _range_of(response):
  """Returns (first byte, bytes in all or None) of a response."""
  if response.status == 206:
    found = re.match(r"bytes (\d+)-\d+/(\d+|\*)$",
                     response.headers.get("Content-Range") or "")
    if not found:
      raise http.client.HTTPException("the server sent an unknown range")
    total = found.group(2)
    return int(found.group(1)), None if total == "*" else int(total)
  length = response.headers.get("Content-Length") or ""
  return 0, int(length) if length.isdigit() else None


def _copy(response, part, begin, total, name):
  """Writes the body of a response to a file from position `begin` on."""
  with progress.Progress(total, "B", initial=begin) as bar:
    try:
      f = open(part, "ab" if begin else "wb")
    except OSError as error:
      raise _cannot_write(part, error)
    with f:
      while True:
        block = response.read(_BLOCK)
        if not block:
          break
        try:
          f.write(block)
          f.flush()
        except OSError as error:
          raise _cannot_write(part, error)
        bar.update(len(block))
        if bar.is_line_due():
          utils.log("  %s: %s, %.1f MB/s%s" % (
              name, _amount(bar.done, total), bar.rate / _MEGABYTE,
              ", %s left" % bar.time_left if total else ""))
    if total is not None and bar.done != total:
      raise http.client.HTTPException(
          "the connection ended after %s bytes" % _of(bar.done, total))


def _cannot_write(path, error):
  return utils.UserError("Cannot write %s: %s." % (path, error.strerror))


def _amount(done, total):
  if not total:
    return "%.1f MB" % (done / _MEGABYTE)
  return "%.1f of %.1f MB" % (done / _MEGABYTE, total / _MEGABYTE)


def _of(done, total):
  return "{:,} of {:,}".format(done, total)


def _verify(url, part, sha256):
  """Removes a file with another hash, so that no attempt resumes it.

  Raises:
    utils.UserError: it has another hash.
  """
  found = utils.sha256_of_file(part)
  if sha256 is not None and found != sha256:
    _remove(part)
    _remove(_tag_path(part))
    raise utils.UserError(
        "%s: its sha256 is %s, expected %s. The file was damaged or the source "
        "has changed; it was not kept. Run the command again, or pass "
        "--base-url of a mirror." % (url, found, sha256))


def _remove(path):
  if os.path.exists(path):
    os.remove(path)
