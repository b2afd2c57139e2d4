# Builds and starts the service of the current folder, asks its health route, and writes what came of it:
# COUNT BUILD-WORD... START-WORD... (without a build, COUNT is 0). For toolchains without Node; it needs bash and
# the programs that every system has.
export LC_ALL=C
out=/sluice/out/smoke.json
start_s=60
# A service that is still warming up answers 5xx; one that answers 4xx does not know the route.
refused_s=3
wanted=${PORT:-3000}
IFS=, read -r -a routes <<<"${SLUICE_SMOKE_HEALTH:-/health,/healthz}"

finish() { # OK STAGE MESSAGE
    local text=${3:0:4000}
    text=${text//[^ -~]/ }
    text=${text//\\/\\\\}
    text=${text//\"/\\\"}
    printf '{"ok": %s, "stage": "%s", "message": "%s"}' "$1" "$2" "$text" >"$out"
    printf 'smoke: %s: %s\n' "$2" "$3"
    # Every other process ends with this one, which is the first of the sandbox.
    [ "$1" = true ]
    exit
}

# Prints the ports that something listens on; we are alone in this network.
listening() {
    local file address state
    for file in /proc/net/tcp /proc/net/tcp6; do
        [ -r "$file" ] || continue
        while read -r _ address _ state _; do
            [ "$state" = 0A ] && printf '%d\n' "0x${address##*:}"
        done <"$file"
    done
}

ask() { # HOST PORT PATH: prints the start of the answer
    # shellcheck disable=SC2016 # The inner shell's own words.
    timeout 5 bash -c '
        exec 3<>"/dev/tcp/$1/$2" || exit
        # In one piece: the printf of the shell writes line by line.
        env printf "GET %s HTTP/1.1\r\nHost: localhost:%s\r\nConnection: close\r\n\r\n" "$3" "$2" >&3
        cat <&3
    ' ask "$1" "$2" "$3" 2>/dev/null | head -c 2000 | tr -d '\0'
}

probe() { # PORT...: sets good or last, and refused
    local port path host answer status
    for port in "$@"; do
        for path in "${routes[@]}"; do
            for host in 127.0.0.1 ::1; do
                answer=$(ask "$host" "$port" "$path")
                if [[ ! $answer =~ ^HTTP/[0-9.]+\ ([0-9]{3}) ]]; then
                    last=${last:-GET $path on port $port had no answer in HTTP}
                    continue
                fi
                status=${BASH_REMATCH[1]}
                last="GET $path on port $port gave $status"
                if [[ $status = 2* ]]; then
                    good=$last
                    return
                fi
                refused=
                [ "$status" -lt 500 ] && refused=yes
                answer=${answer#*$'\r\n\r\n'}
                last="$last: ${answer:0:300}"
            done
        done
    done
}

count=$1
shift
build=("${@:1:count}")
service=("${@:count+1}")
if [ "$count" -gt 0 ]; then
    "${build[@]}" </dev/null
    code=$?
    # A program that is not there says nothing about the service.
    [ "$code" -ne 126 ] && [ "$code" -ne 127 ] || exit "$code"
    [ "$code" -eq 0 ] || finish false build "${build[*]} left with exit code $code"
fi

# The build has the time of the whole check; this is the time to start.
SECONDS=0
before=" $(listening | tr '\n' ' ')"
"${service[@]}" </dev/null &
pid=$!
last="nothing listened on port $wanted within $start_s s; listen on the port in PORT"
since=
while :; do
    if ! kill -0 "$pid" 2>/dev/null; then
        wait "$pid"
        finish false start "${service[*]} ended with exit code $? before its health route answered"
    fi
    ports=()
    for port in $(listening | sort -nu); do
        case $before in *" $port "*) continue ;; esac
        if [ "$port" -eq "$wanted" ]; then ports=("$port" "${ports[@]}"); else ports+=("$port"); fi
    done
    if [ "${#ports[@]}" -gt 0 ]; then
        good='' last='' refused=''
        probe "${ports[@]}"
        [ -z "$good" ] || finish true health "$good"
        if [ -n "$refused" ]; then since=${since:-$SECONDS}; else since=; fi
    fi
    if [ "$SECONDS" -gt "$start_s" ] || { [ -n "$since" ] && [ $((SECONDS - since)) -gt "$refused_s" ]; }; then
        finish false health "$last"
    fi
    sleep 0.05
done
