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
. "$(dirname "$0")/../common.sh"

people=${PEOPLE:-2000}
load=(--people "$people" --rate "${RATE:-500}" --seconds "${SECONDS_COUNTED:-10}")

build bench-match
# Two connections a person.
files $((2 * people + 200))

for _ in $(seq "${1:-5}"); do
  start_portal
  "$target/examples/bench-match" --address "127.0.0.1:$port" --pid "$server_pid" \
    --db "$scratch/portal.db" "${load[@]}"
  stop
done
