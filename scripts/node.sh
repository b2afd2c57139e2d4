#!/usr/bin/env bash
# Looks for the Node that the native engine mounts and that images are made with, and says how to get one.
set -euo pipefail

wanted=20
say() { printf 'node: %s\n' "$*" >&2; }

major=$(node --version 2>/dev/null | sed -n 's/^v\([0-9]*\)\..*/\1/p' || true)
if [ "${major:-0}" -ge "$wanted" ] && command -v npm >/dev/null; then
    say "$(node --version), npm $(npm --version 2>/dev/null)"
    exit 0
fi
if command -v npm >/dev/null; then
    say "Node $wanted or newer is missing: run 'npm install --global node@22'"
else
    say "Node $wanted or newer is missing: install your system's nodejs and npm; where that Node is older," \
        "run 'npm install --global node@22' after it"
fi
exit 3
