#!/usr/bin/env bash
# Makes the images that checks run in, without an image registry: a Debian base, if none is there, and the Node toolchain.
set -euo pipefail
cd "$(dirname "$0")/.."

cache=${XDG_CACHE_HOME:-/var/cache}/sluice/images
base=debian:bookworm-slim
image=${SLUICE_NODE_IMAGE:-sluice/node:22}
node_version=22
npm_version=11
say() { printf 'images: %s\n' "$*" >&2; }

docker version >/dev/null 2>&1 || {
    say "no Docker engine answers: run scripts/engine.sh first"
    exit 3
}
mkdir -p "$cache"
exec 9>"$cache/lock"
flock 9

if ! docker image inspect "$base" >/dev/null 2>&1; then
    if [ ! -s "$cache/debian.tar" ]; then
        if ! command -v mmdebstrap >/dev/null; then
            if [ "$(id -u)" != 0 ]; then
                say "no $base and no mmdebstrap: run 'docker pull $base', or this script as root"
                exit 3
            fi
            say "installing mmdebstrap"
            apt-get update -qq
            DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends mmdebstrap >/dev/null
        fi
        say "making a Debian base with mmdebstrap"
        mmdebstrap --quiet --format=tar --variant=minbase --include=ca-certificates,git bookworm "$cache/debian.tar.part"
        mv "$cache/debian.tar.part" "$cache/debian.tar"
    fi
    say "importing $base"
    docker import --change 'CMD ["bash"]' "$cache/debian.tar" "$base" >/dev/null
fi

case $(uname -m) in
    x86_64) platform=linux-x64 ;;
    aarch64) platform=linux-arm64 ;;
    *)
        say "npm carries no Node for $(uname -m)"
        exit 3
        ;;
esac

# The recipe is the Dockerfile, the base and the wanted versions; the same recipe is not built twice.
recipe=$( (cat templates/images/node/Dockerfile; docker image inspect --format '{{.Id}}' "$base"; echo "$platform $node_version $npm_version") | sha256sum | cut -d' ' -f1)
built=$(docker image inspect --format '{{index .Config.Labels "sluice.recipe"}}' "$image" 2>/dev/null || true)
if [ "$built" = "$recipe" ]; then
    say "$image is there"
    exit 0
fi

context=$(mktemp -d "$cache/context.XXXXXX")
trap 'rm -rf "$context"' EXIT
cp templates/images/node/Dockerfile "$context/"
for package in "node-$platform@$node_version=node.tgz" "npm@$npm_version=npm.tgz"; do
    spec=${package%=*}
    kept=$cache/${spec}.tgz
    if [ ! -s "$kept" ]; then
        say "fetching $spec from npm"
        mkdir -p "$context/pack"
        # Newest of the wanted major; npm checks its integrity.
        file=$(cd "$context/pack" && npm pack --silent "$spec" | tail -n 1)
        mv "$context/pack/$file" "$kept"
        rmdir "$context/pack"
    fi
    cp "$kept" "$context/${package#*=}"
done
say "building $image"
docker build --quiet --build-arg "RECIPE=$recipe" --tag "$image" "$context" >/dev/null
say "$image is built: $(docker run --rm --network none "$image" sh -c 'echo node $(node --version), npm $(npm --version), $(git --version)')"
