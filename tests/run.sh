#!/usr/bin/env bash
# Runs the tests in a virtual environment, which the first run creates.

set -u
usage() {
  cat <<'USAGE'
Usage: bash tests/run.sh [--tensorflow 1|2|all] [pytest arguments...]

Runs the tests. The first run creates a virtual environment in the repository
(.venv-tf1 or .venv-tf2) and installs requirements.txt into it.

  --tensorflow 1    Python 3.7, TensorFlow 1.15
  --tensorflow 2    Python 3.9 to 3.11, TensorFlow 2.15
  --tensorflow all  both, one after the other
  (default: 1 if Python 3.7 is available, else 2)
  --gpu             TensorFlow's GPU build; fails if it finds no GPU

Tests run in parallel, one process per core but at most 4; -n 0 runs all
in one process. All other arguments are passed to pytest, for example:
  bash tests/run.sh -k tokenization
  bash tests/run.sh --tensorflow 2 tests/util/utils_test.py -x
ELECTRA_DATA=/folder also runs the tests that need real datasets.
USAGE
}

root="$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)"
tensorflow=default
pytest_args=()
while [ $# -gt 0 ]; do
  case "$1" in
    --tensorflow) tensorflow="${2:-}"; shift; [ $# -gt 0 ] && shift ;;
    --tensorflow=*) tensorflow="${1#*=}"; shift ;;
    --gpu) export ELECTRA_GPU=1; shift ;;
    -h|--help) usage; exit 0 ;;
    *) pytest_args+=("$1"); shift ;;
  esac
done
case "$tensorflow" in
  default|1|2|all) ;;
  *) echo "error: --tensorflow takes 1, 2 or all, got '$tensorflow'" >&2
     exit 2 ;;
esac

# Relative paths are relative to the caller's folder, so make them absolute:
# pytest has to run in the root, where its settings are.
for i in "${!pytest_args[@]}"; do
  case "${pytest_args[$i]}" in
    -*|/*) ;;
    *) [ -e "${pytest_args[$i]%%::*}" ] &&
         pytest_args[$i]="$PWD/${pytest_args[$i]}" ;;
  esac
done

# Runs pytest on TensorFlow $1, in a subshell so that the settings and the exit
# of one run do not affect the other.
run_tests() (
  . "$root/scripts/environment.sh"
  prepare_environment "$1"
  cd "$root" || exit 2
  echo "Running the tests with $("$PYTHON" --version) ($PYTHON)"
  # Both TensorFlow versions warn about NumPy and their own deprecated APIs.
  export PYTHONWARNINGS=ignore
  exec "$PYTHON" -m pytest -q -W ignore -n auto --maxprocesses 4 \
    --dist worksteal ${pytest_args[@]+"${pytest_args[@]}"}
)

if [ "$tensorflow" != all ]; then
  run_tests "$tensorflow"
  exit $?
fi

run_tests 1
status_1=$?
echo
run_tests 2
status_2=$?
echo
word() { [ "$1" = 0 ] && echo passed || echo "FAILED (exit status $1)"; }
echo "TensorFlow 1.15: $(word $status_1)"
echo "TensorFlow 2.15: $(word $status_2)"
[ "$status_1" = 0 ] && [ "$status_2" = 0 ]
