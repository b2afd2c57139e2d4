#!/usr/bin/env bash
# Gives this machine what building needs, and with the word "tests" what the tests need too; only what is missing.
set -euo pipefail
cd "$(dirname "$0")/.."

say() { printf 'toolchain: %s\n' "$*" >&2; }
fail() {
    say "$*"
    exit 3
}
as_root() {
    if [ "$(id -u)" = 0 ]; then
        "$@"
    elif command -v sudo >/dev/null; then
        sudo "$@"
    else
        fail "needs root for: $*"
    fi
}

missing=()
need() { # need COMMAND PACKAGE...
    if ! command -v "$1" >/dev/null; then
        shift
        missing+=("$@")
    fi
}
need cc gcc libc6-dev
need git git
if [ "${1:-}" = tests ]; then
    need ssh-keygen openssh-client
    need strace strace
    need openssl openssl
    need curl curl
    need flock util-linux
    need bwrap bubblewrap
    if ! python3 -c 'import ensurepip, venv' 2>/dev/null; then missing+=(python3 python3-venv); fi
fi
if [ ${#missing[@]} -gt 0 ]; then
    command -v apt-get >/dev/null || fail "install with this system's packages: ${missing[*]}"
    say "installing ${missing[*]}"
    as_root apt-get update -qq
    as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null
fi

# The one version that rust-toolchain.toml names. Where it came under the name "stable", and no other can be
# fetched, it gets its number as a second name.
wanted=$(sed -n 's/^channel = "\(.*\)"$/\1/p' rust-toolchain.toml)
command -v cargo >/dev/null || fail "Rust $wanted is missing: install it with rustup"
if command -v rustup >/dev/null && ! rustup toolchain list | grep -q "^$wanted-"; then
    stable=$(rustup run stable rustc --print sysroot 2>/dev/null || true)
    case $(rustup run stable rustc --version 2>/dev/null || true) in
        "rustc $wanted "*)
            say "Rust $wanted is there as stable"
            ln -sfn "$stable" "$(dirname "$stable")/$wanted${stable##*/stable}"
            ;;
        *)
            say "installing Rust $wanted"
            rustup toolchain install "$wanted" --profile minimal --component rustfmt --component clippy ||
                fail "Rust $wanted could not be installed with rustup"
            ;;
    esac
fi
say "$(cargo --version)"

if [ "${1:-}" = tests ] && ! cargo nextest --version >/dev/null 2>&1; then
    say "building cargo-nextest, which takes some minutes"
    cargo install --locked --quiet cargo-nextest
fi
