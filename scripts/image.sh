#!/usr/bin/env bash
# Builds the daemon's own image from a binary below target/: `scripts/image.sh [BINARY [TAG]]`.
set -euo pipefail
cd "$(dirname "$0")/.."

binary=${1:-target/release/sluice}
tag=${2:-sluice}
say() { printf 'image: %s\n' "$*" >&2; }

if [ ! -x "$binary" ]; then
    say "$binary is not there: run 'cargo build --release --package sluice' first"
    exit 2
fi
SLUICE=$binary scripts/base-image.sh node
say "building $tag from $binary"
docker build --quiet --build-arg "BINARY=$binary" --tag "$tag" .
