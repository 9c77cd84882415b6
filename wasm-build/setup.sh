#!/usr/bin/env bash
# Install what the commands need, once: Python packages into .venv, npm packages into web/node_modules.
# Each step remembers what it was done for (a hash of its inputs) and is skipped while that has not changed.
set -euo pipefail
cd "$(dirname "$0")/.."

say() { echo "setup: $*"; }
stop() { echo "setup: $*" >&2; exit 1; }
digest() { cat "$@" | "$python" -c 'import hashlib, sys; print(hashlib.sha256(sys.stdin.buffer.read()).hexdigest())'; }

is_new_enough() { "$1" -c 'import sys; raise SystemExit(sys.version_info < (3, 11))' >/dev/null 2>&1; }

find_python() {
  local candidate
  for candidate in ${PYTHON:-} python3 python3.14 python3.13 python3.12 python3.11 python; do
    if command -v "$candidate" >/dev/null && is_new_enough "$candidate"; then
      command -v "$candidate"
      return
    fi
  done
  stop "Python 3.11 or newer is needed and was not found (python3 is: $(python3 --version 2>&1 || true)).
  Get it from https://www.python.org/downloads/, with 'apt-get install python3 python3-venv', 'brew install python'
  or 'uv python install 3.13'; or name it: PYTHON=/path/to/python make …"
}

check_node() {
  local wanted="Node 20.19 or newer (with npm) is needed"
  local get="Get it from https://nodejs.org/, with 'apt-get install nodejs npm' (Debian 13), 'brew install node' or 'nvm install 22'."
  command -v node >/dev/null || stop "$wanted and was not found. $get"
  command -v npm >/dev/null || stop "$wanted; node is there, npm is not. $get"
  node -e 'const [a, b] = process.versions.node.split(".").map(Number); process.exit(a > 20 || (a === 20 && b >= 19) ? 0 : 1)' ||
    stop "$wanted, found $(node --version). $get"
}

make_venv() {
  if [ -x .venv/bin/python ] && is_new_enough .venv/bin/python && .venv/bin/python -m pip --version >/dev/null 2>&1; then return; fi
  say "making .venv with $("$python" --version)"
  if command -v uv >/dev/null; then
    uv venv --quiet --clear --seed --python "$python" .venv
  else
    "$python" -m venv --clear .venv || stop "$python cannot make a virtual environment; on Debian: apt-get install python3-venv"
  fi
}

# uv from PATH, else the one pinned in requirements.lock, installed into the venv by pip (the rest of the lock then goes through it).
find_uv() {
  if command -v uv >/dev/null; then command -v uv; return; fi
  if [ ! -x .venv/bin/uv ]; then
    say "installing uv into .venv" >&2
    awk '/^[^ ]/ { mine = /^uv==/ } mine' requirements.lock >.venv/uv.lock
    .venv/bin/python -m pip install -qq --require-hashes --no-deps -r .venv/uv.lock >&2
  fi
  echo .venv/bin/uv
}

install_python() {
  local wanted quiet="" uv
  make_venv
  wanted=$(digest requirements.lock pyproject.toml)
  [ "$(cat .venv/.installed 2>/dev/null || true)" != "$wanted" ] || return 0
  uv=$(find_uv)
  [ -t 2 ] || quiet=--quiet
  say "installing $(packages) Python packages from requirements.lock"
  "$uv" pip install $quiet --python .venv/bin/python --require-hashes -r requirements.lock
  say "installing sporewright itself, editable"
  "$uv" pip install --quiet --python .venv/bin/python --no-deps --no-build-isolation --editable .
  echo "$wanted" >.venv/.installed
}

install_web() {
  local wanted stamp=web/node_modules/.installed
  wanted=$(digest web/package.json web/package-lock.json)
  [ "$(cat "$stamp" 2>/dev/null || true)" != "$wanted" ] || return 0
  say "installing npm packages from web/package-lock.json"
  (cd web && npm ci --loglevel=error --no-update-notifier --no-audit --no-fund)
  echo "$wanted" >"$stamp"
}

# Resolve requirements.lock anew; what it has and still fits is kept, unless arguments (--upgrade) say otherwise.
lock() {
  local uv
  make_venv
  uv=$(find_uv)
  "$uv" pip compile --quiet --universal --generate-hashes --no-emit-index-url --no-header \
    --all-extras --group build --group test --group lint --group docs "$@" pyproject.toml -o requirements.lock
  say "requirements.lock names $(packages) packages"
}

packages() { grep -c '^[a-zA-Z0-9]' requirements.lock; }

python=$(find_python)
if [ "${1:-}" = lock ]; then
  shift
  lock "$@"
  exit
fi
check_node
install_python
install_web
