#!/usr/bin/env bash
# Print the path of a Chromium: $CHROMIUM, the system's, Debian's package when root on Debian, else Playwright's own download.
set -euo pipefail
cd "$(dirname "$0")/.."

say() { echo "setup: $*" >&2; }

if [ -n "${CHROMIUM:-}" ]; then
  command -v "$CHROMIUM" || { say "CHROMIUM=$CHROMIUM is not a program"; exit 1; }
  exit
fi
for name in chromium chromium-browser google-chrome google-chrome-stable; do
  if command -v "$name"; then exit; fi
done
if [ "$(id -u)" = 0 ] && [ -f /etc/debian_version ]; then
  say "installing Debian's chromium"
  if apt-get update -qq >&2 && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends chromium >&2; then
    command -v chromium
    exit
  fi
  say "Debian's package could not be installed; trying Playwright's"
fi
say "installing Playwright's chromium"
.venv/bin/python -m playwright install chromium >&2 || {
  say "no browser: install Chromium or Chrome, or name one with CHROMIUM=/path/to/chromium"
  exit 1
}
.venv/bin/python -c 'from playwright.sync_api import sync_playwright as start
with start() as playwright: print(playwright.chromium.executable_path)'
