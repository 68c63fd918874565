#!/usr/bin/env bash
# The load of run.sh against a room of Prosody that keeps its archive in SQLite.
#
#   benches/fanout/muc.sh [ROUNDS] [RECEIVERS]
#
# Wants Debian's prosody and lua-dbi-sqlite3. Prosody runs from the scratch folder, on a port of its own; the
# installed one's configuration and data are not touched. MESSAGES and WINDOW change the load.
set -euo pipefail
. "$(dirname "$0")/../common.sh"
here=benches/fanout

rounds=${1:-3}
size=${2:-100}
load=(--receivers "$size" --messages "${MESSAGES:-1000}" --window "${WINDOW:-64}" --content "$here/content.json")
host=bench.localhost

command -v prosody >/dev/null || { echo "Prosody is not installed: apt-get install prosody lua-dbi-sqlite3" >&2; exit 1; }
build bench-fanout
files $((size + 200))

# A free port: asked for, and given back just before Prosody takes it.
free_port() { python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'; }

# Prosody says no port; it is up when it takes a connection.
start_prosody() {
  port=$(free_port)
  mkdir -p "$scratch/prosody/certs"
  sed -e "s|@DATA@|$scratch/prosody|" -e "s|@PORT@|$port|" "$here/prosody.cfg.lua" >"$scratch/prosody.cfg.lua"
  prosody --config "$scratch/prosody.cfg.lua" -F >"$scratch/log" 2>&1 &
  server_pid=$!
  await takes_connections
}

takes_connections() { (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null; }

driver() { "$target/examples/bench-fanout" --address "127.0.0.1:$port" --pid "$server_pid" "$@"; }

for _ in $(seq "$rounds"); do
  start_portal
  driver --db "$scratch/portal.db" fanout "${load[@]}" >>"$scratch/server.jsonl"
  stop
  start_prosody
  driver muc "${load[@]}" --host "$host" --rooms "rooms.$host" >>"$scratch/prosody.jsonl"
  stop
  rm -rf "$scratch/prosody"
done
echo "A room of $size:"
node "$here/summary.mjs" "$scratch" prosody
