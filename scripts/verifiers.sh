#!/usr/bin/env bash
# Installs, outside the repository, the verifiers that are not ours: in-toto, securesystemslib and standardwebhooks from
# PyPI.
set -euo pipefail

home=${SLUICE_VERIFIERS:-${XDG_CACHE_HOME:-/var/cache}/sluice/verifiers}
packages=(in-toto==3.1.0 'securesystemslib[crypto]==1.6.0' standardwebhooks==1.1.0)
say() { printf 'verifiers: %s\n' "$*" >&2; }

works() { "$home/bin/python" -c 'import securesystemslib, standardwebhooks' 2>/dev/null && "$home/bin/in-toto-verify" --version 2>/dev/null | grep -q ' 3\.1\.0$'; }

mkdir -p "$(dirname "$home")"
exec 9>"$home.lock"
flock 9
if works; then
    say "in-toto 3.1.0 and standardwebhooks are in $home"
    exit 0
fi
say "installing ${packages[*]} into $home"
# Tests of another worktree may be using what is there.
"$home/bin/python" --version >/dev/null 2>&1 || python3 -m venv --clear "$home"
"$home/bin/python" -m pip install --quiet --disable-pip-version-check "${packages[@]}"
works || {
    say "a verifier was installed into $home and does not start"
    exit 3
}
