# Sourced by the steps of every recipe: certificates of this machine, quiet clients, and what all images share.
# `ca.pem` beside it is the file that `network.extra_ca` names; it is empty where none is named.
set -eu
here=/sluice/build
export DEBIAN_FRONTEND=noninteractive
export PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1 PIP_ROOT_USER_ACTION=ignore PIP_RETRIES=5 PIP_TIMEOUT=60
export NPM_CONFIG_UPDATE_NOTIFIER=false NPM_CONFIG_FUND=false NPM_CONFIG_AUDIT=false NPM_CONFIG_CACHE=/tmp/npm
[ -n "${PIP_INDEX_URL:-}" ] || unset PIP_INDEX_URL
[ -n "${NPM_CONFIG_REGISTRY:-}" ] || unset NPM_CONFIG_REGISTRY
if [ -s $here/ca.pem ]; then
    # What pip and apt are told replaces what the system trusts, so they are told of both.
    cat /etc/ssl/certs/ca-certificates.crt $here/ca.pem >$here/all.pem 2>/dev/null || cp $here/ca.pem $here/all.pem
    export PIP_CERT=$here/all.pem NODE_EXTRA_CA_CERTS=$here/ca.pem
    echo "Acquire::https::CAInfo \"$here/all.pem\";" >/etc/apt/apt.conf.d/sluice
fi

# packages NAME...: installs Debian's packages without documents, translations, lists and logs.
packages() {
    printf 'path-exclude /usr/share/%s/*\n' doc man info locale >/etc/dpkg/dpkg.cfg.d/sluice
    apt-get --quiet=2 --option Acquire::Retries=3 update
    apt-get --quiet=2 --option Acquire::Retries=3 --option Dpkg::Use-Pty=0 --yes --no-install-recommends install "$@"
    rm -rf /var/lib/apt/lists/* /var/cache/apt/* /var/cache/debconf/*-old /var/lib/dpkg/*-old /var/log/*
    rm -f /etc/apt/apt.conf.d/sluice
}

# Makes the user that checks run as, and the folders that are mounted over.
user() {
    groupadd --gid 1000 sluice
    useradd --uid 1000 --gid 1000 --home-dir /home/sluice --create-home --shell /bin/sh sluice
    mkdir -p /workspace /sluice/out
    rm -rf $here
    rm -f /etc/passwd- /etc/group- /etc/shadow- /etc/gshadow-
}
