#!/usr/bin/env bash
# A first start without any configuration, in an empty directory: what is printed, what is made, and that the
# owner gets in. Wants target/release/portal-server, python3, and port 8787 of this machine.
set -euo pipefail
root="$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)"
program="${CARGO_TARGET_DIR:-$root/target}/release/portal-server"
address=http://127.0.0.1:8787

temp="$(mktemp -d)"
mkdir "$temp/home"
server=""
clean_up() {
    if [ -n "$server" ]; then kill "$server" 2>/dev/null && wait "$server" || true; fi
    rm -rf "$temp"
}
trap clean_up EXIT

fail() {
    printf 'first start: %s\n' "$*" >&2
    head -n 50 "$temp/out" "$temp/log" >&2 || true
    exit 1
}

# Runs it in the empty directory, with nothing of its environment set, until it answers.
start() {
    (cd "$temp/home" && exec env -i PATH="$PATH" "$program") >"$temp/out" 2>"$temp/log" &
    server=$!
    for _ in $(seq 100); do
        kill -0 "$server" 2>/dev/null || fail "it ended by itself"
        if grep -q listens "$temp/out" && ask GET /health >"$temp/health" 2>/dev/null; then return; fi
        sleep 0.1
    done
    fail "it does not answer"
}

stop() {
    local ended=0
    kill -TERM "$server"
    wait "$server" || ended=$?
    server=""
    [ "$ended" = 0 ] || fail "SIGTERM ended it with $ended"
}

# METHOD PATH [BODY [TOKEN]]: prints status and body.
ask() {
    python3 - "$address" "$@" <<'PYTHON'
import sys, urllib.error, urllib.request

address, method, path, body, token = (sys.argv[1:] + ["", ""])[:5]
request = urllib.request.Request(address + path, method=method, data=body.encode() or None)
request.add_header("Content-Type", "application/json")
if token:
    request.add_header("Authorization", f"Bearer {token}")
try:
    answer = urllib.request.urlopen(request, timeout=10)
except urllib.error.HTTPError as refused:
    answer = refused
print(answer.status, answer.read().decode())
PYTHON
}

field() { python3 -c 'import json, sys; print(json.loads(sys.stdin.read().split(" ", 1)[1])[sys.argv[1]])' "$1"; }

# Another server of this machine may be on its way out.
for _ in $(seq 30); do
    python3 -c 'import socket; socket.create_connection(("127.0.0.1", 8787), 1)' 2>/dev/null || break
    sleep 1
done

start
[ "$(sed -n 1p "$temp/out")" = "portal-server listens on $address" ] || fail "the first line is not its address"
code="$(sed -n "s|^  $address/#signin=owner:||p" "$temp/out")"
[ -n "$code" ] || fail "there is no sign-in link for the owner"
[ "$(wc -l <"$temp/out")" = 3 ] || fail "it prints something else"
[ -s "$temp/home/portal.db" ] || fail "there is no ./portal.db"
case "$(stat -c %a "$temp/home/portal.db")" in ?00) ;; *) fail "others may read portal.db" ;; esac
ask GET / >"$temp/page"
grep -q '<title>Portal</title>' "$temp/page" || fail "there is no page"

sign_in="{\"username\":\"owner\",\"secret\":\"$code\"}"
session="$(ask POST /v1/authentication/verify "$sign_in")"
[[ "$session" = "200 "* ]] || fail "the link's code does not open: $session"
token="$(field token <<<"$session")"
me="$(ask GET /v1/users/me "" "$token")"
[ "$(field role <<<"$me")" = owner ] || fail "who signed in is not the owner: $me"
again="$(ask POST /v1/authentication/verify "$sign_in")"
[[ "$again" = "401 "* ]] || fail "the code opens twice: $again"
stop
for secret in "$code" "$token"; do
    if grep -qF -e "$secret" "$temp/log"; then fail "a secret is in the log"; fi
    if grep -rqF -e "$secret" "$temp/home"; then fail "a secret is in the file"; fi
done

start
[ "$(cat "$temp/out")" = "portal-server listens on $address" ] || fail "a second start prints more than its address"
[[ "$(ask GET /v1/users/me "" "$token")" = "200 "* ]] || fail "the owner's session is lost"
stop
echo "first start: all good"
