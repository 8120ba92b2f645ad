#!/usr/bin/env bash
# Checks the style of the code: ruff, autopep8 and the project's glossary.
#
#   bash scripts/check_style.sh         prints what is wrong, exits with 1
#   bash scripts/check_style.sh --fix   repairs what can be repaired, first

set -u
root="$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)"
. "$root/scripts/environment.sh"
prepare_environment default
cd "$root" || exit 2

status=0
mapfile -t files < <(git ls-files '*.py')
if [ "${1:-}" = --fix ]; then
  "$PYTHON" -m autopep8 --in-place --jobs 0 "${files[@]}"
  "$PYTHON" -m ruff check --quiet --fix .
fi
"$PYTHON" -m ruff check --quiet . || status=1
"$PYTHON" -m autopep8 --diff --exit-code --jobs 0 "${files[@]}" || status=1
"$PYTHON" scripts/check_words.py || status=1
[ $status = 0 ] && echo "Style: no findings"
exit $status
