#!/usr/bin/env bash
# Break core/ and policy/ on purpose, COUNT seeded changes each, and list those that the tests do not notice.
# The changes are made in a copy under .mutants; the clone is left alone. Variables: COUNT, SEED, TESTS, PYTHON.
set -euo pipefail
cd "$(dirname "$0")/../.."
root=$PWD
out=$root/.mutants
count=${COUNT:-350} seed=${SEED:-20260101}
tests=${TESTS:-tests/conformance/test_conformance.py}
python=${PYTHON:-$root/.venv/bin/python}
tool=$out/venv
export SPOREWRIGHT_SHARED=${SPOREWRIGHT_SHARED:-$root/../shared} PYTHONDONTWRITEBYTECODE=1

if [ ! -x "$tool/bin/cosmic-ray" ]; then # in a venv of its own: what it brings is no part of the project
  uv=$(command -v uv || echo "$root/.venv/bin/uv")
  "$uv" venv --quiet --python "$python" "$tool"
  "$uv" pip install --quiet --python "$tool/bin/python" --group mutation
fi

mutate() { # one package
  local copy=$out/$1
  rm -rf "$copy"
  mkdir -p "$copy"
  cp -R sporewright tests docs pyproject.toml README.md "$copy"
  cd "$copy"
  sed -e "s|PACKAGE|$1|; s|PYTHON|$python|; s|TESTS|$tests|" "$root/tests/mutation/cosmic-ray.toml" >session.toml
  "$tool/bin/cosmic-ray" baseline session.toml
  "$tool/bin/cosmic-ray" init session.toml session.sqlite
  "$tool/bin/cr-filter-operators" session.sqlite session.toml
  "$tool/bin/python" "$root/tests/mutation/sample.py" session.sqlite "$count" "$seed"
  nice -n 10 "$tool/bin/cosmic-ray" exec session.toml session.sqlite
}

mutate core &
core=$!
mutate policy &
policy=$!
wait "$core"
wait "$policy"
for package in core policy; do
  "$tool/bin/python" tests/mutation/survivors.py "$package" "$out/$package/session.sqlite"
done
