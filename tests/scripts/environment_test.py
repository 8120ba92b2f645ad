"""Tests for scripts/environment.sh, which finds or downloads a Python.

A machine without a suitable Python is a PATH whose `python3` fails the check of
its version. The package index and the mirror of Pythons are folders of a local
server; what they have is small and takes the part of uv and of an interpreter.
"""

import functools
import http.server
import os
import shutil
import subprocess
import sys
import tempfile
import textwrap
import threading
import unittest
import zipfile

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(
    os.path.abspath(__file__))))
VERSION = "%d.%d" % sys.version_info[:2]
TENSORFLOW = "1" if VERSION == "3.7" else "2"

# Fails the check of its version, and otherwise is this Python.
UNSUITABLE_PYTHON = """\
#!/bin/sh
[ "$1" = - ] && exit 1
exec {python} "$@"
"""
# `uv python install VERSION`: downloads an interpreter from the mirror.
UV = """\
#!/bin/sh
for version; do :; done
folder="$UV_PYTHON_INSTALL_DIR/cpython-$version.9-linux/bin"
mkdir -p "$folder"
{python} -c 'import sys, urllib.request
with open(sys.argv[2], "wb") as f:
  f.write(urllib.request.urlopen(sys.argv[1]).read())' \\
  "$UV_PYTHON_INSTALL_MIRROR/python" "$folder/python$version" || exit 1
chmod +x "$folder/python$version"
"""
SUITABLE_PYTHON = """\
#!/bin/sh
exec {python} "$@"
"""


def write_program(path, text):
  """Writes an executable file, with this Python for "{python}"."""
  os.makedirs(os.path.dirname(path), exist_ok=True)
  with open(path, "w") as f:
    f.write(text.format(python=sys.executable))
  os.chmod(path, 0o755)


def write_wheel(folder, version):
  """Writes a package index with one package, uv."""
  name = "uv-%s-py3-none-any.whl" % version
  info = "uv-%s.dist-info/" % version
  os.makedirs(os.path.join(folder, "uv"))
  with zipfile.ZipFile(os.path.join(folder, "uv", name), "w") as wheel:
    script = zipfile.ZipInfo("uv-%s.data/scripts/uv" % version)
    script.external_attr = 0o100755 << 16
    wheel.writestr(script, UV.format(python=sys.executable))
    wheel.writestr(info + "METADATA", "Metadata-Version: 2.1\nName: uv\n"
                   "Version: %s\n" % version)
    wheel.writestr(info + "WHEEL", "Wheel-Version: 1.0\nGenerator: test\n"
                   "Root-Is-Purelib: true\nTag: py3-none-any\n")
    wheel.writestr(info + "RECORD", "")
  with open(os.path.join(folder, "uv", "index.html"), "w") as f:
    f.write('<a href="%s">%s</a>' % (name, name))


class EnvironmentTest(unittest.TestCase):

  def setUp(self):
    super().setUp()
    temporary = tempfile.TemporaryDirectory()
    self.addCleanup(temporary.cleanup)
    self.folder = temporary.name
    self.repository = os.path.join(self.folder, "repository")
    shutil.copytree(os.path.join(ROOT, "scripts"),
                    os.path.join(self.repository, "scripts"))
    with open(os.path.join(self.repository, "requirements.txt"), "w") as f:
      f.write("# nothing\ntensorflow==1.15.5\ntensorflow==2.15.1\n")
    self.path = os.path.join(self.folder, "bin")
    write_program(os.path.join(self.path, "python3"), UNSUITABLE_PYTHON)
    self.site = os.path.join(self.folder, "site")
    os.makedirs(self.site)

  def run_bash(self, script, **settings):
    """Runs a script that has sourced environment.sh; returns the process."""
    environment = {
        "PATH": self.path + ":/usr/bin:/bin", "HOME": self.folder,
        "PYENV_ROOT": self.folder, "PIP_NO_CACHE_DIR": "1",
        "PIP_CONFIG_FILE": os.devnull}
    environment.update(settings)
    return subprocess.run(
        ["bash", "-c", ". %s/scripts/environment.sh\n%s" % (
            self.repository, textwrap.dedent(script))],
        env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        universal_newlines=True)

  def serve(self):
    """Serves the index and the mirror; returns the address."""
    handler = functools.partial(QuietHandler, self.site)
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    self.addCleanup(server.server_close)
    self.addCleanup(server.shutdown)
    return "http://127.0.0.1:%d" % server.server_port

  def test_downloads_a_python_where_none_is_suitable(self):
    pinned = self.run_bash('echo "$UV_VERSION"').stdout.strip()
    write_wheel(self.site, pinned)
    write_program(os.path.join(self.site, "python"), SUITABLE_PYTHON)
    address = self.serve()
    script = """
        _find_python() { # only what was downloaded
          local found="$ELECTRA_ROOT"/.uv/python/*-"$1".*/bin/python"$1"
          found="$(echo $found)"
          [ -x "$found" ] && _is_suitable_python "$found" "$1" "$2" &&
            echo "$found"
        }
        _fetch_python %s %s && _find_python %s %s
        """ % (VERSION, TENSORFLOW, VERSION, TENSORFLOW)
    settings = {"PIP_INDEX_URL": address, "UV_PYTHON_INSTALL_MIRROR": address}
    done = self.run_bash(script, **settings)
    self.assertEqual(done.returncode, 0, done.stderr)
    self.assertIn("No suitable Python found: downloading Python " + VERSION,
                  done.stderr)
    self.assertTrue(done.stdout.startswith(
        os.path.join(self.repository, ".uv", "python")), done.stdout)
    # The next run finds what the first one downloaded.
    found = self.run_bash("_find_python %s %s" % (VERSION, TENSORFLOW),
                          PATH="/nowhere:/usr/bin:/bin")
    self.assertEqual(found.returncode, 0, found.stderr)

  def test_without_network_it_prints_what_to_install(self):
    done = self.run_bash("""
        _find_python() { return 1; }
        prepare_environment 2
        """, PIP_INDEX_URL="http://127.0.0.1:9", PIP_RETRIES="0",
                         PIP_TIMEOUT="1")
    self.assertEqual(done.returncode, 2)
    self.assertIn("error: no suitable Python found; this needs Python 3.9, 3.10"
                  " or 3.11", done.stderr)
    self.assertIn("sudo apt install", done.stderr)

  def test_gpu_builds_replace_the_cpu_builds(self):
    done = self.run_bash(
        'cat "$(_requirements_file "$ELECTRA_ROOT/.venv-tf1-gpu")"',
        ELECTRA_GPU="1")
    self.assertEqual(done.stdout, "# nothing\ntensorflow-gpu==1.15.5\n"
                     "tensorflow[and-cuda]==2.15.1\n")
    plain = self.run_bash("_requirements_file x")
    self.assertEqual(plain.stdout.strip(), os.path.join(
        self.repository, "requirements.txt"))

  def test_gpu_that_tensorflow_cannot_use_is_an_error(self):
    done = self.run_bash("PYTHON=%s TENSORFLOW=%s; _check_gpu" % (
        sys.executable, TENSORFLOW), CUDA_VISIBLE_DEVICES="-1")
    self.assertNotEqual(done.returncode, 0)
    self.assertRegex(done.stdout, "can use: none")
    self.assertIn("error: --gpu: TensorFlow cannot use a GPU here.",
                  done.stderr)
    self.assertIn("cuDNN 7.6" if TENSORFLOW == "1" else "driver", done.stderr)


class QuietHandler(http.server.SimpleHTTPRequestHandler):
  """Serves the files of a folder, without a log."""

  def __init__(self, folder, *args):
    super().__init__(*args, directory=folder)

  def log_message(self, *args):
    del args


if __name__ == "__main__":
  unittest.main()
