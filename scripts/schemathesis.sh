#!/usr/bin/env bash
# Installs, outside the repository, the program that tests the API against its own document: schemathesis from PyPI.
set -euo pipefail

home=${SLUICE_SCHEMATHESIS:-${XDG_CACHE_HOME:-/var/cache}/sluice/schemathesis}
package=schemathesis==4.32.5
say() { printf 'schemathesis: %s\n' "$*" >&2; }

works() { "$home/bin/schemathesis" --version 2>/dev/null | grep -q ' 4\.32\.5$'; }

mkdir -p "$(dirname "$home")"
exec 9>"$home.lock"
flock 9
if works; then
    say "4.32.5 is in $home"
    exit 0
fi
say "installing $package into $home"
python3 -m venv --clear "$home"
"$home/bin/python" -m pip install --quiet --disable-pip-version-check "$package"
works || {
    say "it was installed into $home and does not start"
    exit 3
}
