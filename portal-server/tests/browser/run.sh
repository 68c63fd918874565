#!/usr/bin/env bash
# The web client in a real browser: Chromium, driven by playwright-core, and its encryption under Node. Wants
# Node 20 or newer and target/release/{portal-server,portal-cli}, or those of the directory named by
# PORTAL_PROGRAMS; Chromium comes from Debian if it is not there. Pictures of the pages go to target/browser.
# Names of test files as arguments run those alone.
set -euo pipefail
here="$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)"
root="$(cd "$here/../../.." && pwd)"
target="${CARGO_TARGET_DIR:-$root/target}"
programs="$(cd "${PORTAL_PROGRAMS:-$target/release}" && pwd)"
mkdir -p "$target/browser"

if ! [ -x /usr/bin/chromium ]; then
    [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null || { echo "there is no /usr/bin/chromium" >&2; exit 1; }
    apt-get update -qq && apt-get install -y -qq chromium
fi
# Of exactly the versions written down; installed again only when those change.
if ! cmp -s "$here/package-lock.json" "$here/node_modules/.installed"; then
    (cd "$here" && npm ci --ignore-scripts --loglevel=error)
    cp "$here/package-lock.json" "$here/node_modules/.installed"
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
"$programs/portal-server" --db "$temp/portal.db" --listen 127.0.0.1:0 --limits off >"$temp/out" 2>"$temp/log" &
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
cd "$here"
if [ "$#" = 0 ]; then set -- unit/*.test.js suite/*.test.js; fi
PORTAL_URL="$url" PORTAL_FILE="$temp/portal.db" PORTAL_CLI="$programs/portal-cli" PORTAL_PICTURES="$target/browser" \
    PORTAL_SERVER="$programs/portal-server" \
    PORTAL_SIGN_IN="$(sed -n 's|^  .*\(/#signin=\)|\1|p' "$temp/out")" \
    node --test --test-concurrency=1 --test-reporter=spec "$@" || status=$?

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
