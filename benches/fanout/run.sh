#!/usr/bin/env bash
# One sender, many receivers, one room, every message on disk: a server against its peer in Node.
#
#   benches/fanout/run.sh [ROUNDS]
#
# SERVER is the portal-server to measure, by default the one in target/release, built first. RECEIVERS,
# MESSAGES and WINDOW change the load. The driver makes the people and the chat in the server's
# database, beside the running server, and lifts the limits on sending.
#
# The sides take turns within each round, so that whatever else the machine does meets all of them.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
cd "$here/../.."

rounds=${1:-5}
load=(--receivers "${RECEIVERS:-100}" --messages "${MESSAGES:-3000}" --window "${WINDOW:-64}")

[ -d "$here/peer/node_modules" ] || npm --prefix "$here/peer" ci
cargo build --quiet --release -p portal-server --bins --example bench-fanout
target=${CARGO_TARGET_DIR:-target}/release
driver=$target/examples/bench-fanout
server=${SERVER:-$target/portal-server}

scratch=$(mktemp -d)
server_pid=
cleanup() {
  [ -z "$server_pid" ] || kill "$server_pid" 2>/dev/null || true
  rm -rf "$scratch"
}
trap cleanup EXIT

# measure NAME PREPARE COMMAND...: appends the driver's report to NAME.jsonl. PREPARE is what the driver is
# told of the server, if anything. A server's first line ends in the port it listens on.
measure() {
  local name=$1 prepare=$2 port=
  shift 2
  : >"$scratch/port"
  "$@" >"$scratch/port" 2>"$scratch/log" &
  server_pid=$!
  until port=$(head -n 1 "$scratch/port" | grep -oE '[0-9]+$'); do
    kill -0 "$server_pid" || { echo "$name did not start" >&2; cat "$scratch/log" >&2; return 1; }
    sleep 0.05
  done
  # shellcheck disable=SC2086  # PREPARE is options
  "$driver" --address "127.0.0.1:$port" --pid "$server_pid" $prepare \
    fanout "${load[@]}" --content "$here/content.json" >>"$scratch/$name.jsonl"
  kill "$server_pid"
  wait "$server_pid" 2>/dev/null || true
  server_pid=
  rm -f "$scratch"/*.db*
}

for round in $(seq "$rounds"); do
  measure server "--db $scratch/server.db" \
    "$server" --db "$scratch/server.db" --listen 127.0.0.1:0 --limits off
  measure each "" node "$here/peer/server.mjs" "$scratch/each.db" each
  measure tick "" node "$here/peer/server.mjs" "$scratch/tick.db" tick
done

node "$here/summary.mjs" "$scratch"
