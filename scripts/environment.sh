# Finds a Python and prepares the project's virtual environment. Source it.
#
#   prepare_environment 1|2|default
#
# sets TENSORFLOW to 1 or 2, and PYTHON to an interpreter with the packages of
# requirements.txt: Python 3.7 with TensorFlow 1.15 in .venv-tf1 (1), or Python
# 3.9 to 3.11 with TensorFlow 2.15 in .venv-tf2 (2). default means 1 if Python
# 3.7 is available, else 2. If there is no suitable Python, uv downloads one into
# .uv; if that fails too, it prints what to install and exits with status 2.
# With ELECTRA_GPU=1 the packages are TensorFlow's GPU builds, in .venv-tf1-gpu or
# .venv-tf2-gpu, and a GPU that TensorFlow cannot use is an error.
# ELECTRA_PYTHON=/path/to/python skips all this and uses that Python, which must
# already have the packages.

ELECTRA_ROOT="$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)"
UV_VERSION=0.5.31  # the last series that also downloads Python 3.7

# Succeeds if $1 is a Python of version $2 that can create an environment for
# TensorFlow $3. TensorFlow 1.15 exists for 64-bit x86 only. The pyenv shim of
# a version that is not selected fails here, as it should.
_is_suitable_python() {
  "$1" - "$2" "$3" >/dev/null 2>&1 <<'PYTHON_END'
import ensurepip, platform, sys, venv
version, tensorflow = sys.argv[1:]
assert "%d.%d" % sys.version_info[:2] == version
assert sys.maxsize > 2 ** 32
assert tensorflow != "1" or platform.machine() in ("x86_64", "AMD64")
PYTHON_END
}

# Prints the path of a Python of version $1 for TensorFlow $2, or fails.
_find_python() {
  local candidate pyenv_root="${PYENV_ROOT:-$HOME/.pyenv}"
  for candidate in \
      "$(command -v "python$1")" "$(command -v python3)" \
      "$(command -v python)" \
      "$pyenv_root"/versions/"$1".*/bin/python \
      "$HOME"/.pyenv/versions/"$1".*/bin/python \
      "$ELECTRA_ROOT"/.uv/python/*-"$1".*/bin/python"$1" \
      "$(command -v uv >/dev/null 2>&1 && uv python find "$1" 2>/dev/null)"
  do
    if [ -x "$candidate" ] && _is_suitable_python "$candidate" "$1" "$2"; then
      printf "%s\n" "$candidate"
      return 0
    fi
  done
  return 1
}

# Prints the path of a Python for TensorFlow $1, or fails.
_find_python_for_tensorflow() {
  local version versions="3.7"
  [ "$1" = 2 ] && versions="3.11 3.10 3.9"
  for version in $versions; do
    _find_python "$version" "$1" && return 0
  done
  return 1
}

# Downloads Python $1 into .uv with uv, which pip installs there, or with the uv
# on the PATH. Succeeds if that Python is suitable for TensorFlow $2.
_fetch_python() {
  local uv pip_python folder="$ELECTRA_ROOT/.uv"
  uv="$folder/bin/uv"
  for pip_python in python3 python; do
    [ -x "$uv" ] && break
    "$pip_python" -m pip --version >/dev/null 2>&1 || continue
    echo "Installing uv, which downloads Pythons, into $folder (once)" >&2
    PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_ROOT_USER_ACTION=ignore \
      "$pip_python" -m pip install --quiet \
      --target "$folder" "uv==$UV_VERSION" >&2 && break
  done
  [ -x "$uv" ] || uv="$(command -v uv)" || return 1
  echo "No suitable Python found: downloading Python $1 into $folder/python" >&2
  UV_PYTHON_INSTALL_DIR="$folder/python" "$uv" --no-config python install \
    "$1" >&2 || return 1
  _find_python "$1" "$2" >/dev/null
}

# Prints the name of the requirements file, for GPUs a changed copy of it, which
# is written next to environment $1.
_requirements_file() {
  local file="$ELECTRA_ROOT/requirements.txt"
  if [ "${ELECTRA_GPU:-0}" = 1 ]; then
    sed -e 's/^tensorflow==1/tensorflow-gpu==1/' \
      -e 's/^tensorflow==2/tensorflow[and-cuda]==2/' "$file" \
      >"$1.requirements.txt" || return 1
    file="$1.requirements.txt"
  fi
  printf "%s\n" "$file"
}

# Fails unless TensorFlow can use a GPU; prints what is missing.
_check_gpu() {
  "$PYTHON" - 2>/dev/null <<'PYTHON_END' && return 0
import sys
import tensorflow.compat.v1 as tf
names = [device.name for device in
         tf.config.experimental.list_physical_devices("GPU")]
print("GPUs that TensorFlow %s can use: %s" % (
    tf.__version__, ", ".join(names) or "none"))
sys.exit(0 if names else 1)
PYTHON_END
  local needed="CUDA 10.0 and cuDNN 7.6 on the library path"
  [ "$TENSORFLOW" = 2 ] && needed="an NVIDIA driver of version 525 or later"
  cat >&2 <<MESSAGE
error: --gpu: TensorFlow cannot use a GPU here. Check that nvidia-smi lists one,
and install $needed. Without --gpu it runs on the CPU.
MESSAGE
  return 1
}

_print_what_to_install() {
  local needed="Python 3.7 (for TensorFlow 1.15) or Python 3.9 to 3.11"
  [ "$1" = 1 ] && needed="Python 3.7 on 64-bit x86"
  [ "$1" = 2 ] && needed="Python 3.9, 3.10 or 3.11"
  cat >&2 <<MESSAGE
error: no suitable Python found; this needs $needed, 64-bit, with its venv
module. Searched PATH, pyenv and uv, and could not download one (above). Install
one, for example:
  Debian, Ubuntu:  sudo apt install python3.11 python3.11-venv
  macOS:           brew install python@3.11
  pyenv:           pyenv install 3.7.16    (or 3.11)
  uv:              uv python install 3.11
  conda:           conda create -n electra python=3.7 && conda activate electra
MESSAGE
}

prepare_environment() {
  local tensorflow="$1" base_python=""
  # The user's Python settings must not leak into the environment.
  unset PYTHONPATH PYTHONHOME PYTHONSTARTUP
  export PYTHONNOUSERSITE=1 PYTHONUNBUFFERED=1
  # Hides C++ log lines below "error", of which TensorFlow prints dozens.
  export TF_CPP_MIN_LOG_LEVEL="${TF_CPP_MIN_LOG_LEVEL:-3}"
  if [ -n "${ELECTRA_PYTHON:-}" ]; then
    PYTHON="$ELECTRA_PYTHON"
    TENSORFLOW="$("$PYTHON" -c \
      'import sys; print(1 if sys.version_info < (3, 8) else 2)')"
    return 0
  fi
  if [ "$tensorflow" = default ]; then
    base_python="$(_find_python_for_tensorflow 1)" && tensorflow=1
  fi
  [ "$tensorflow" = default ] && tensorflow=2
  if [ -z "$base_python" ]; then
    local version=3.11
    [ "$tensorflow" = 1 ] && version=3.7
    base_python="$(_find_python_for_tensorflow "$tensorflow")" ||
      { _fetch_python "$version" "$tensorflow" &&
        base_python="$(_find_python "$version" "$tensorflow")"; } || {
      _print_what_to_install "$1"
      exit 2
    }
  fi
  local folder requirements_file
  folder="$ELECTRA_ROOT/.venv-tf$tensorflow"
  [ "${ELECTRA_GPU:-0}" = 1 ] && folder="$folder-gpu"
  requirements_file="$(_requirements_file "$folder")" || exit 2
  "$base_python" "$ELECTRA_ROOT/scripts/make_environment.py" \
    "$folder" "$requirements_file" || exit 2
  PYTHON="$folder/bin/python"
  TENSORFLOW="$tensorflow"
  if [ "${ELECTRA_GPU:-0}" = 1 ]; then
    _check_gpu || exit 2
  fi
}
