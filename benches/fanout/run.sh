#!/usr/bin/env bash
# One sender, many receivers, one room, every message on disk: a server against its peer in Node.
#
#   benches/fanout/run.sh [ROUNDS] [RECEIVERS...]
#
# Five rounds in rooms of 10, 100 and 1000, unless told otherwise. SERVER is the portal-server to measure, by
# default the one in target/release, built first. WINDOW, messages on their way at once, and MESSAGES change the
# load. The driver makes the people and the chat in the server's database, beside the running server, and lifts
# the limits on sending.
#
# The sides take turns within each round, so that whatever else the machine does meets all of them.
set -euo pipefail
. "$(dirname "$0")/../common.sh"
here=benches/fanout

rounds=${1:-5}
sizes=("${@:2}")
[ "${#sizes[@]}" -gt 0 ] || sizes=(10 100 1000)

[ -d "$here/peer/node_modules" ] || npm --prefix "$here/peer" ci
build bench-fanout

# measure NAME [OPTION...]: appends the driver's report on the server that runs to NAME.jsonl, and stops it.
measure() {
  "$target/examples/bench-fanout" --address "127.0.0.1:$port" --pid "$server_pid" "${@:2}" \
    fanout --receivers "$size" --messages "$messages" --window "${WINDOW:-64}" --content "$here/content.json" \
    >>"$scratch/$1.jsonl"
  stop
}

for size in "${sizes[@]}"; do
  # As many deliveries in each room, but enough messages for a median.
  messages=${MESSAGES:-$((size < 500 ? 300000 / (size + 20) : 600))}
  files $((size + 200))
  for _ in $(seq "$rounds"); do
    start_portal
    measure server --db "$scratch/portal.db"
    for commit in each tick; do
      start node "$here/peer/server.mjs" "$scratch/peer.db" "$commit"
      measure "$commit"
    done
  done
  echo "A room of $size, $messages messages:"
  node "$here/summary.mjs" "$scratch" each tick
  rm "$scratch"/*.jsonl
done
