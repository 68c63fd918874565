#!/usr/bin/env bash
# What a server costs that has nothing to do: memory at rest, memory per idle socket, and how long an existing
# file takes from start to first answer.
#
#   benches/idle/run.sh [SOCKETS]
#
# Prints five lines. Each socket is a person of their own, signed in, and then joined to an open room of ROOM, by
# default 20, that all of them are told of. After a while is when each has been sent 40 packets more.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
cd "$here/../.."

sockets=${1:-1000}
cargo build --quiet --release -p portal-server --bins --example bench-fanout
target=${CARGO_TARGET_DIR:-target}/release

# Both ends of every socket are on this machine, and the driver holds one end of each.
ulimit -n $((sockets + 100)) 2>/dev/null || ulimit -n "$(ulimit -Hn)"

scratch=$(mktemp -d)
server_pid=
cleanup() {
  [ -z "$server_pid" ] || kill "$server_pid" 2>/dev/null || true
  rm -rf "$scratch"
}
trap cleanup EXIT

start() {
  : >"$scratch/out"
  "$target/portal-server" --db "$scratch/portal.db" --listen "127.0.0.1:${1:-0}" --limits off \
    >"$scratch/out" 2>"$scratch/log" &
  server_pid=$!
}
port() { head -n 1 "$scratch/out" | grep -oE '[0-9]+$'; }
stop() {
  kill "$server_pid"
  wait "$server_pid"
  server_pid=
}

start
until at=$(port); do
  kill -0 "$server_pid" || { cat "$scratch/log" >&2; exit 1; }
  sleep 0.02
done
report=$("$target/examples/bench-fanout" --address "127.0.0.1:$at" --pid "$server_pid" \
  --db "$scratch/portal.db" idle --sockets "$sockets" --a-room "${ROOM:-20}")
stop

# The same port again, so that the first answer can be asked for before the server says anything.
began=$(date +%s%N)
start "$at"
until curl -sf "http://127.0.0.1:$at/health" >/dev/null; do :; done
took=$((($(date +%s%N) - began) / 1000000))
stop

field() { grep -oE "\"$1\":[0-9.]+" <<<"$report" | cut -d: -f2; }
echo "at rest:        $(field rss_kib_at_rest) KiB resident (limit 20480)"
# The limit is 25,000 bytes.
echo "connected:      $(field kib_per_connected_socket) KiB a socket, over $sockets (limit 24.4)"
echo "in a room:      $(field kib_per_joined_socket) KiB a socket (limit 24.4)"
echo "after a while:  $(field kib_per_socket_after_a_while) KiB a socket (limit 24.4)"
echo "first answer:   $took ms after the start of the process (limit 100)"
