#!/usr/bin/env bash
# Makes the images that checks run in: `scripts/base-image.sh [TOOLCHAIN...]`, all by default. The base comes from a
# registry of images or, where none answers, from Debian's packages. $SLUICE names the program; else it is built.
set -euo pipefail
cd "$(dirname "$0")/.."

base=debian:bookworm-slim
say() { printf 'images: %s\n' "$*" >&2; }

docker version >/dev/null 2>&1 || {
    say "no Docker engine answers: run scripts/engine.sh first"
    exit 3
}
sluice=${SLUICE:-}
if [ -z "$sluice" ]; then
    say "building sluice"
    cargo build --locked --quiet --workspace --bin sluice
    sluice=${CARGO_TARGET_DIR:-target}/debug/sluice
fi
if ! docker image inspect "$base" >/dev/null 2>&1 && ! timeout 300 docker pull --quiet "$base" >/dev/null 2>&1; then
    if ! command -v mmdebstrap >/dev/null; then
        if [ "$(id -u)" != 0 ]; then
            say "no $base and no mmdebstrap: run 'docker pull $base', or this script as root"
            exit 3
        fi
        say "installing mmdebstrap"
        apt-get update -qq
        DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends mmdebstrap >/dev/null
    fi
    "$sluice" image bootstrap --engine docker
fi
"$sluice" image build --engine docker "$@"
