#!/usr/bin/env bash
# Clients written by others against the real server: python-socketio with PyNaCl, and socket.io-client with
# TweetNaCl, hold an end-to-end encrypted conversation. Wants target/release/{portal-server,portal-cli},
# CPython 3.11 or newer and Node 20 or newer; what else is needed is installed under target/outside and node/.
# Names of cases as arguments run those alone; "conversation" and "match" are the stories.
set -euo pipefail
here="$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)"
root="$(cd "$here/../../.." && pwd)"
programs="${CARGO_TARGET_DIR:-$root/target}/release"
work="${CARGO_TARGET_DIR:-$root/target}/outside"
mkdir -p "$work"

# The clients, of exactly the versions written down; installed again only when those change.
venv="$work/venv"
if ! cmp -s "$here/requirements.txt" "$venv/requirements.txt"; then
    rm -rf "$venv"
    if ! python3 -m venv "$venv" 2>/dev/null; then
        [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null || { echo "python3 -m venv does not work here" >&2; exit 1; }
        apt-get update -qq && apt-get install -y -qq python3-venv
        rm -rf "$venv"
        python3 -m venv "$venv"
    fi
    "$venv/bin/pip" install --quiet --disable-pip-version-check --no-deps --requirement "$here/requirements.txt"
    cp "$here/requirements.txt" "$venv/requirements.txt"
fi
if ! cmp -s "$here/node/package-lock.json" "$here/node/node_modules/.installed"; then
    (cd "$here/node" && npm ci --ignore-scripts --loglevel=error)
    cp "$here/node/package-lock.json" "$here/node/node_modules/.installed"
fi

# The server, on a file and a port of its own.
temp="$(mktemp -d)"
server=""
clean_up() {
    if [ -n "$server" ]; then kill "$server" 2>/dev/null && wait "$server" || true; fi
    rm -rf "$temp"
}
trap clean_up EXIT
: >"$temp/out"
"$programs/portal-server" --db "$temp/portal.db" --listen 127.0.0.1:0 --limits off \
    --client-country-header X-Country >"$temp/out" 2>"$temp/log" &
server=$!
url=""
for _ in $(seq 100); do
    url="$(sed -n 's/^portal-server listens on //p' "$temp/out")"
    [ -n "$url" ] && break
    sleep 0.1
done
if [ -z "$url" ]; then
    echo "the server did not start:" >&2
    cat "$temp/log" >&2
    exit 1
fi

status=0
PORTAL_URL="$url" PORTAL_FILE="$temp/portal.db" PORTAL_PID="$server" PORTAL_CLI="$programs/portal-cli" \
    PORTAL_SERVER="$programs/portal-server" PYTHONPATH="$here" PYTHONDONTWRITEBYTECODE=1 \
    "$venv/bin/python" -m suite "$@" || status=$?

# Told to stop, it ends in order. If it is gone already, its exit code says why.
kill -TERM "$server" 2>/dev/null || true
ended=0
wait "$server" || ended=$?
server=""
if [ "$ended" != 0 ]; then
    echo "the server ended with $ended" >&2
    status=1
fi
if grep -E "ERROR|panicked" "$temp/log" >&2; then
    echo "the server's log has errors" >&2
    status=1
fi
[ "$status" = 0 ] || tail -n 40 "$temp/log" >&2
exit "$status"
