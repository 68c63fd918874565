#!/usr/bin/env bash
# How long it takes from one person's `POST match` to `match:found` at the other's socket, every match and every
# end of one on disk, while so many pairs a second are matched and part again.
#
#   benches/match/run.sh [ROUNDS]
#
# Prints one line of JSON a round. RATE is the pairs a second, by default 500, SECONDS_COUNTED how long they are
# driven, PEOPLE how many take turns, each with a socket and an HTTP connection. SERVER is the portal-server to
# measure, by default the one in target/release, built first.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
cd "$here/../.."

rounds=${1:-5}
people=${PEOPLE:-2000}
load=(--people "$people" --rate "${RATE:-500}" --seconds "${SECONDS_COUNTED:-10}")

cargo build --quiet --release -p portal-server --bins --example bench-match
target=${CARGO_TARGET_DIR:-target}/release
server=${SERVER:-$target/portal-server}

# Both ends of two connections a person are on this machine, in two processes.
ulimit -n $((2 * people + 200)) 2>/dev/null || ulimit -n "$(ulimit -Hn)"

scratch=$(mktemp -d)
server_pid=
cleanup() {
  [ -z "$server_pid" ] || kill "$server_pid" 2>/dev/null || true
  rm -rf "$scratch"
}
trap cleanup EXIT

for _ in $(seq "$rounds"); do
  : >"$scratch/out"
  "$server" --db "$scratch/portal.db" --listen 127.0.0.1:0 --limits off \
    >"$scratch/out" 2>"$scratch/log" &
  server_pid=$!
  until port=$(head -n 1 "$scratch/out" | grep -oE '[0-9]+$'); do
    kill -0 "$server_pid" || { cat "$scratch/log" >&2; exit 1; }
    sleep 0.05
  done
  "$target/examples/bench-match" --address "127.0.0.1:$port" --pid "$server_pid" \
    --db "$scratch/portal.db" "${load[@]}"
  kill "$server_pid"
  wait "$server_pid" 2>/dev/null || true
  server_pid=
  rm -f "$scratch"/portal.db*
done
