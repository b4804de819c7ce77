#!/usr/bin/env bash
# Create the virtual environment in $1 with Python 3.13 and the pinned packages.
set -euo pipefail
venv=$1

find_python() {
  for candidate in python3.13 python3 "${PYENV_ROOT:-$HOME/.pyenv}"/versions/3.13.*/bin/python3; do
    if "$candidate" -c 'import sys; sys.exit(sys.version_info[:2] != (3, 13))' 2>/dev/null; then
      command -v "$candidate"
      return
    fi
  done
}

if ! "$venv/bin/python" -c 'import sys; sys.exit(sys.version_info[:2] != (3, 13))' 2>/dev/null; then
  rm -rf "$venv"
  python=$(find_python)
  if [ -n "$python" ]; then
    "$python" -m venv "$venv"
  else
    # No Python 3.13 on this machine: uv can bring one, and itself comes from pip.
    bootstrap=$(mktemp -d)
    trap 'rm -rf "$bootstrap"' EXIT
    python3 -m venv "$bootstrap"
    "$bootstrap/bin/pip" install --quiet uv
    "$bootstrap/bin/uv" venv --quiet --seed --python 3.13 "$venv" || {
      echo "Firstline needs Python 3.13: install it (for example 'pyenv install 3.13'), then run the command again." >&2
      exit 1
    }
  fi
fi

"$venv/bin/python" -c 'import uv' 2>/dev/null || "$venv/bin/python" -m pip install --quiet --disable-pip-version-check uv
"$venv/bin/python" -m uv pip install --quiet --python "$venv/bin/python" --require-hashes -r requirements-dev.txt
# The command `firstline`, from this checkout.
"$venv/bin/python" -m uv pip install --quiet --offline --python "$venv/bin/python" --no-deps --no-build-isolation -e .
