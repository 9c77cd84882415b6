#!/usr/bin/env bash
# Print the path of a browser to test in: browser.sh [chromium|firefox|webkit]. What $CHROMIUM, $FIREFOX or $WEBKIT names,
# the system's, else Debian's package when root on Debian. Chromium is needed: without it Playwright's own is downloaded.
# Firefox and WebKit are optional: without one nothing is printed, a line on stderr says how to get it, and its tests are skipped.
set -euo pipefail
cd "$(dirname "$0")/.."
which=${1:-chromium}

say() { echo "setup: $*" >&2; }

# named VARIABLE: what the user chose, which must be a program.
named() {
  [ -n "${!1:-}" ] || return 1
  command -v "${!1}" || { say "$1=${!1} is not a program"; exit 1; }
}

# found NAME…: the first of these on the path.
found() {
  local name
  for name in "$@"; do command -v "$name" && return; done
  return 1
}

# debian PACKAGE…: install Debian's packages; fails elsewhere, or without root.
debian() {
  [ "$(id -u)" = 0 ] && [ -f /etc/debian_version ] || return 1
  say "installing Debian's $*"
  apt-get update -qq >&2 && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "$@" >&2 ||
    { say "Debian's $* could not be installed"; return 1; }
}

find_chromium() {
  local names="chromium chromium-browser google-chrome google-chrome-stable"
  named CHROMIUM || found $names && return
  debian chromium && found $names && return
  say "installing Playwright's chromium"
  .venv/bin/python -m playwright install chromium >&2 || {
    say "no browser: install Chromium or Chrome, or name one with CHROMIUM=/path/to/chromium"
    exit 1
  }
  .venv/bin/python -c 'from playwright.sync_api import sync_playwright as start
with start() as playwright: print(playwright.chromium.executable_path)'
}

find_firefox() {
  named FIREFOX || found firefox-esr firefox && return
  debian firefox-esr && found firefox-esr && return
  say "no Firefox: its tests are skipped; install it, or name one with FIREFOX=/path/to/firefox"
}

# The driver, which starts the browser; and the screen that it needs.
find_webkit() {
  has_screen && { named WEBKIT || found WebKitWebDriver; } && return
  debian webkit2gtk-driver xvfb && { named WEBKIT || found WebKitWebDriver; } && return
  say "no WebKit: its tests are skipped; they need WebKitWebDriver and Xvfb (Debian: webkit2gtk-driver, xvfb)"
}

has_screen() { command -v Xvfb >/dev/null; }

case $which in
  chromium | firefox | webkit) "find_$which" ;;
  *) say "$which is none of chromium, firefox, webkit"; exit 1 ;;
esac
