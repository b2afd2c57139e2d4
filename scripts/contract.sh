#!/usr/bin/env bash
# Installs, outside the repository, GitHub's own description of its API and Prism, which holds requests against it.
set -euo pipefail
cd "$(dirname "$0")/.."

home=${SLUICE_CONTRACT:-${XDG_CACHE_HOME:-/var/cache}/sluice/contract}
wanted=tests/github/contract/package-lock.json
said=node_modules/@octokit/openapi/generated
say() { printf 'contract: %s\n' "$*" >&2; }

mkdir -p "$(dirname "$home")"
exec 9>"$home.lock"
flock 9
if cmp --silent "$wanted" "$home/installed"; then
    say "GitHub's description and Prism are in $home"
    exit 0
fi
say "installing GitHub's description and Prism into $home"
rm -rf "$home"
mkdir -p "$home"
cp tests/github/contract/package.json "$wanted" "$home"
(cd "$home" && npm ci --ignore-scripts --no-audit --no-fund --loglevel=error >&2)
# Those of other products, and the same once more without references, are most of the size.
find "$home/$said" -type f ! -name api.github.com.json -delete
"$home/node_modules/.bin/prism" --version >/dev/null || {
    say "Prism was installed into $home and does not start"
    exit 3
}
cp "$wanted" "$home/installed"
