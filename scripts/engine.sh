#!/usr/bin/env bash
# Gives this machine a container engine that answers: installs one where there is none, starts it, waits for it.
set -euo pipefail

state=${XDG_CACHE_HOME:-/var/cache}/sluice
log=$state/dockerd.log
say() { printf 'engine: %s\n' "$*" >&2; }
answers() { timeout 10 docker version --format '{{.Server.Version}}' 2>/dev/null; }

if version=$(answers); then
    say "Docker $version answers"
    exit 0
fi
if [ "$(id -u)" != 0 ]; then
    say "no Docker engine answers, and starting one needs root: run 'sudo scripts/engine.sh', or start Docker"
    exit 3
fi
if [ ! -d "$state" ]; then mkdir -p "$state"; fi

# Two set-ups at once must not start two engines.
exec 9>"$state/engine.lock"
flock 9
if version=$(answers); then
    say "Docker $version answers"
    exit 0
fi

if ! command -v dockerd >/dev/null; then
    say "installing Debian's docker.io and iptables"
    export DEBIAN_FRONTEND=noninteractive
    apt-get update -qq
    apt-get install -y -qq --no-install-recommends docker.io iptables >"$state/engine-install.log" 2>&1 || {
        tail -n 20 "$state/engine-install.log" >&2
        say "Docker could not be installed; the whole log is $state/engine-install.log"
        exit 3
    }
fi

if [ -d /run/systemd/system ]; then
    say "starting Docker through systemd"
    systemctl start docker
    pid=
else
    # A machine that was switched off leaves a pid file, which may name another process by now.
    if [ -e /var/run/docker.pid ] && [ "$(cat "/proc/$(cat /var/run/docker.pid)/comm" 2>/dev/null)" != dockerd ]; then
        rm -f /var/run/docker.pid
    fi
    # Containers get the packet size of the way out; a greater one loses packets without a word.
    device=$(ip route show default 2>/dev/null | sed -n 's/.* dev \([^ ]*\).*/\1/p' | head -n 1)
    mtu=$(cat "/sys/class/net/${device:-none}/mtu" 2>/dev/null || echo 1500)
    say "starting dockerd, log in $log"
    setsid dockerd --mtu "$mtu" >>"$log" 2>&1 </dev/null 9>&- &
    pid=$!
fi

for _ in $(seq 120); do
    if version=$(answers); then
        say "Docker $version answers"
        exit 0
    fi
    if [ -n "$pid" ] && ! kill -0 "$pid" 2>/dev/null; then break; fi
    sleep 0.5
done
tail -n 20 "$log" >&2 || true
say "Docker did not come up; its log is $log"
exit 3
