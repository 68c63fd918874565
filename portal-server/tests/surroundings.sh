# What the suites around this directory share; each run.sh sources it. It says where things are, installs what is
# needed beside them, and starts and stops a server on a file and a port of its own.
#
# After sourcing: `root`, `target`, `programs` (target/release, or the directory named by PORTAL_PROGRAMS), and
# `temp`, which goes with what is still running when the script ends.
# shellcheck shell=bash

root="$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)"
source "$root/.ci/install.sh"
target="${CARGO_TARGET_DIR:-$root/target}"
programs="$(cd "${PORTAL_PROGRAMS:-$target/release}" && pwd)"
temp="$(mktemp -d)"
# Process ids of what was started: the server's, and what a suite starts beside it.
server="" others=""

clean_up() {
    local process
    for process in $others $server; do kill "$process" 2>/dev/null && wait "$process" || true; done
    rm -rf "$temp"
}
trap clean_up EXIT

# Starts a server: start_server NAME ARGUMENT... Its words go to $temp/NAME.out, its log to $temp/NAME.log. Sets
# `server`, `url`, and `sign_in`, the one-time link's path.
start_server() {
    local name="$1"
    shift
    : >"$temp/$name.out"
    "$programs/portal-server" "$@" >"$temp/$name.out" 2>"$temp/$name.log" &
    server=$!
    local tries
    for tries in $(seq 100); do
        if grep -q "#signin=" "$temp/$name.out"; then break; fi
        kill -0 "$server" 2>/dev/null || break
        sleep 0.1
    done
    url="$(sed -n 's/^portal-server listens on //p' "$temp/$name.out")"
    sign_in="$(sed -n 's|^ *[a-z]*://[^/]*\(/#signin=\)|\1|p' "$temp/$name.out")"
    if [ -z "$url" ] || [ -z "$sign_in" ]; then
        echo "$name: the server did not start after $tries tries:" >&2
        cat "$temp/$name.log" >&2
        exit 1
    fi
}

# Asks the server to stop; whether it ended in order: stop_server NAME
stop_server() {
    # If it is gone already, its exit code says why.
    kill -TERM "$server" 2>/dev/null || true
    ended_in_order "$1"
}

# Whether a server that was asked to stop ends with 0 and without an error in its log: ended_in_order NAME
ended_in_order() {
    local name="$1" ended=0 status=0
    wait "$server" || ended=$?
    server=""
    if [ "$ended" != 0 ]; then
        echo "$name: the server ended with $ended" >&2
        status=1
    fi
    if grep -E "ERROR|panicked" "$temp/$name.log" >&2; then
        echo "$name: the server's log has errors" >&2
        status=1
    fi
    return "$status"
}
