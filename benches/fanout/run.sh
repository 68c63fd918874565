#!/usr/bin/env bash
# One sender, many receivers, one room, every message on disk: a server against its peer in Node.
#
#   SERVER='command' benches/fanout/run.sh [ROUNDS]
#
# SERVER starts the server to measure on an empty database; it is given the database's path as its
# last argument and prints the port it listens on as its first line. AUTH is the JSON of Socket.IO's
# `auth` payload for it, if it wants one. RECEIVERS, MESSAGES and WINDOW change the load.
#
# The sides take turns within each round, so that whatever else the machine does meets all of them.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
cd "$here/../.."

: "${SERVER:?the command that starts the server to measure}"
rounds=${1:-5}
load=(--receivers "${RECEIVERS:-100}" --messages "${MESSAGES:-3000}" --window "${WINDOW:-64}")

[ -d "$here/peer/node_modules" ] || npm --prefix "$here/peer" ci
cargo build --quiet --release -p portal-server --example bench-fanout
driver=${CARGO_TARGET_DIR:-target}/release/examples/bench-fanout

scratch=$(mktemp -d)
server_pid=
cleanup() {
  [ -z "$server_pid" ] || kill "$server_pid" 2>/dev/null || true
  rm -rf "$scratch"
}
trap cleanup EXIT

# measure NAME AUTH COMMAND...: appends the driver's report to NAME.jsonl.
measure() {
  local name=$1 auth=$2 port=
  shift 2
  : >"$scratch/port"
  "$@" >"$scratch/port" &
  server_pid=$!
  until port=$(head -n 1 "$scratch/port") && [ -n "$port" ]; do
    kill -0 "$server_pid" || { echo "$name did not start" >&2; return 1; }
    sleep 0.05
  done
  "$driver" --address "127.0.0.1:$port" --pid "$server_pid" --auth "$auth" \
    fanout "${load[@]}" --content "$here/content.json" >>"$scratch/$name.jsonl"
  kill "$server_pid"
  wait "$server_pid" 2>/dev/null || true
  server_pid=
  rm -f "$scratch"/*.db*
}

for round in $(seq "$rounds"); do
  # shellcheck disable=SC2086  # SERVER is a command line
  measure server "${AUTH:-}" $SERVER "$scratch/server.db"
  measure each "" node "$here/peer/server.mjs" "$scratch/each.db" each
  measure tick "" node "$here/peer/server.mjs" "$scratch/tick.db" tick
done

node "$here/summary.mjs" "$scratch"
