#!/usr/bin/env bash
# Print the folder of PostgreSQL's programs (initdb, pg_ctl) for the tests: what $POSTGRESQL names, the path's, Debian's,
# else Debian's package when root on Debian. Without it nothing is printed, a line on stderr says so, its tests are skipped.
set -euo pipefail
cd "$(dirname "$0")/.."

say() { echo "setup: $*" >&2; }

# found: the newest folder that has both programs.
found() {
  local folder
  for folder in "${POSTGRESQL:-}" "$(dirname "$(command -v pg_ctl || echo /nowhere/x)")" $(ls -d /usr/lib/postgresql/*/bin 2>/dev/null | sort -rV); do
    [ -x "$folder/initdb" ] && [ -x "$folder/pg_ctl" ] && echo "$folder" && return
  done
  return 1
}

found && exit
if [ "$(id -u)" = 0 ] && [ -f /etc/debian_version ]; then
  say "installing Debian's postgresql"
  # Its programs alone: no cluster of the system's is made or started.
  mkdir -p /etc/postgresql-common && [ -e /etc/postgresql-common/createcluster.conf ] ||
    echo "create_main_cluster = false" >/etc/postgresql-common/createcluster.conf
  apt-get update -qq >&2 && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends postgresql >&2 ||
    say "Debian's postgresql could not be installed"
fi
found || say "no PostgreSQL: its tests are skipped; install it, or name the folder of its programs with POSTGRESQL=/path"
