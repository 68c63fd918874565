# What the benchmarks of the server share. Sourced, from anywhere in the clone.
#
# Gives `$scratch`, a folder that goes at the end, `$target` and `$server`: the portal-server to measure, by
# default the one in target/release. What `start` has started is stopped at the end, whatever happens.
# shellcheck shell=bash

cd "$(dirname "${BASH_SOURCE[0]}")/.."
target=${CARGO_TARGET_DIR:-target}/release
server=${SERVER:-$target/portal-server}
scratch=$(mktemp -d)
server_pid=
port=

# build EXAMPLE...: the server and its load drivers.
build() {
  local example examples=()
  for example in "$@"; do examples+=(--example "$example"); done
  cargo build --quiet --release -p portal-server --bins "${examples[@]}"
}

# files COUNT: lets both ends of so many connections be open on this machine.
files() {
  [ "$(ulimit -Sn)" -ge "$1" ] || ulimit -Sn "$1" 2>/dev/null || ulimit -Sn "$(ulimit -Hn)"
}

# start COMMAND...: runs a server whose first line ends in the port it listens on.
start() {
  : >"$scratch/out"
  "$@" >"$scratch/out" 2>"$scratch/log" &
  server_pid=$!
  await says_its_port
}

says_its_port() { port=$(head -n 1 "$scratch/out" | grep -oE '[0-9]+$'); }

# await COMMAND...: waits until it succeeds, no longer than a minute, and no longer than the server runs.
await() {
  local tries=3000
  until "$@"; do
    if ! kill -0 "$server_pid" 2>/dev/null || ! ((tries--)); then
      echo "the server does not come up:" >&2
      cat "$scratch/log" >&2
      return 1
    fi
    sleep 0.02
  done
}

# start_portal [OPTION...]: runs the server to measure, on $scratch/portal.db.
start_portal() {
  start "$server" --db "$scratch/portal.db" --listen 127.0.0.1:0 --limits off "$@"
}

# stop: ends what runs, and takes its files away unless told to keep them.
stop() {
  kill "$server_pid"
  wait "$server_pid" 2>/dev/null || true
  server_pid=
  [ "${1:-}" = keep ] || rm -f "$scratch"/*.db*
}

# field NAME: a number out of the JSON on standard input.
field() { grep -oE "\"$1\":[0-9.]+" | cut -d: -f2; }

cleanup() {
  [ -z "$server_pid" ] || kill "$server_pid" 2>/dev/null || true
  rm -rf "$scratch"
}
trap cleanup EXIT
