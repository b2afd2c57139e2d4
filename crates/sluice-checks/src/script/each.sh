# Runs commands one after the other in a folder: FOLDER (COUNT WORD...)... All run; the first fault is the answer,
# and that a program is not there only when nothing else is wrong.
cd "$1" || exit 126
shift
answer=0

one() { # COUNT WORD...
    count=$1
    shift
    at=0
    for word in "$@"; do
        shift
        [ "$at" -lt "$count" ] && set -- "$@" "$word"
        at=$((at + 1))
    done
    "$@"
    left=$?
    [ "$left" -ne 0 ] || return 0
    if [ "$answer" -eq 0 ] || [ "$answer" -eq 127 ]; then
        answer=$left
    fi
}

while [ "$#" -gt 0 ]; do
    one "$@"
    skip=$(($1 + 1))
    shift "$skip"
done
exit "$answer"
